use charging::clock::local_date;
use charging::quantity::Service;
use charging::tariff::{Listing, shown};
use leptos::prelude::*;

use crate::components::{PriceLine, day_text, kind_name, quantity_text, region_name, service_text};
use crate::i18n::{Locale, td_string};
use crate::public::announced;
use crate::request::locale;
use crate::state::AppState;

/// Restrictions shown on a card; the others are counted.
const RESTRICTIONS_MAX: usize = 2;
/// Characters of a text shown on a card.
const TEXT_CHARS_MAX: usize = 80;

/// A tariff in the list: the restrictions stand beside the price, in the same size.
#[component]
pub fn TariffCard(listing: Listing, operator: String, ticked: bool) -> impl IntoView {
    let l = locale();
    let href = format!("/tariffs/{}", listing.scheme_id);
    let prices = listing.price.zip(listing.price_period).into_iter().collect();
    let text = if listing.price.is_some() { String::new() } else { clip(&shown(&listing.price_text)) };
    let tags = tags(l, &listing);
    let quantities = quantities(l, &listing);
    let facts = facts(l, &listing, operator);
    view! {
        <li class="card tariff-card">
            <h2 class="tariff-name"><a href=href>{listing.name.clone()}</a></h2>
            <div class="offer">
                <PriceLine prices text />
                <Restrictions restrictions=listing.restrictions.clone() />
            </div>
            {(!quantities.is_empty()).then(|| view! { <p class="tariff-quantities">{spans(quantities)}</p> })}
            {(!tags.is_empty()).then(|| view! { <p class="tariff-tags">{tags}</p> })}
            <p class="small muted tariff-line">{spans(facts)}</p>
            <label class="choice tariff-choice">
                <input type="checkbox" name="id" value=listing.scheme_id.to_string() checked=ticked />
                <span aria-hidden="true">{td_string!(l, tariff.choose_compare)}</span>
                <span class="sr">{td_string!(l, tariff.choose_compare_of, name = listing.name)}</span>
            </label>
        </li>
    }
}

fn spans(texts: Vec<String>) -> impl IntoView {
    texts.into_iter().map(|text| view! { <span>{text}</span> " " }).collect_view()
}

#[component]
fn Restrictions(restrictions: Vec<String>) -> impl IntoView {
    let l = locale();
    let more = restrictions.len().saturating_sub(RESTRICTIONS_MAX);
    (!restrictions.is_empty()).then(|| {
        view! {
            <ul class="restrictions">
                {restrictions
                    .iter()
                    .take(RESTRICTIONS_MAX)
                    .map(|restriction| view! { <li>{clip(&shown(restriction))}</li> })
                    .collect_view()}
                {(more > 0).then(|| view! { <li>{td_string!(l, tariff.card_more_restrictions, count = more)}</li> })}
            </ul>
        }
    })
}

fn quantities(l: Locale, listing: &Listing) -> Vec<String> {
    [(Service::Data, listing.data_bytes), (Service::Voice, listing.voice_minutes), (Service::Sms, listing.sms_messages)]
        .into_iter()
        .filter_map(|(service, units)| {
            let units = units.filter(|units| *units > 0)?;
            Some(format!("{} {}", service_text(l, service), quantity_text(l, service, units)))
        })
        .collect()
}

fn tags(l: Locale, listing: &Listing) -> Vec<AnyView> {
    let mut tags = Vec::new();
    if listing.has_commitment {
        let text = clip_to(&shown(&listing.commitment), 24);
        tags.push(
            view! { <span class="tag warn">{td_string!(l, tariff.card_commitment, text = text)}</span> }.into_any(),
        );
    }
    let now = AppState::current().clock.now();
    if listing.withdrawn_at.is_some_and(|at| at <= now) {
        tags.push(view! { <span class="tag">{td_string!(l, tariff.card_withdrawn)}</span> }.into_any());
    } else if listing.on_sale_from > local_date(now) && !listing.is_sold {
        tags.push(view! { <span class="tag">{td_string!(l, tariff.upcoming)}</span> }.into_any());
    } else if listing.orderable && listing.takes_over_at > now {
        let text = announced(l, listing.takes_over_at, listing.is_sold);
        tags.push(view! { <span class="tag warn">{text}</span> }.into_any());
    } else if listing.orderable && listing.on_sale_until >= local_date(now) {
        tags.push(view! { <span class="tag on">{td_string!(l, tariff.card_orderable)}</span> }.into_any());
    }
    tags
}

fn facts(l: Locale, listing: &Listing, operator: String) -> Vec<String> {
    let until = day_text(l, listing.on_sale_until);
    let dates = td_string!(l, tariff.dates, from = day_text(l, listing.on_sale_from), until = until);
    vec![operator, kind_name(l, listing.kind), regions(l, &listing.regions), dates, listing.scheme_id.to_string()]
}

/// Up to three regions; more are counted.
fn regions(l: Locale, regions: &[String]) -> String {
    let names: Vec<String> = regions.iter().take(3).map(|region| region_name(l, region)).collect();
    let names = names.join(td_string!(l, tariff.list_comma));
    match regions.len() {
        0..=3 => names,
        count => td_string!(l, tariff.regions_more, names = names, count = count),
    }
}

fn clip(text: &str) -> String {
    clip_to(text, TEXT_CHARS_MAX)
}

/// At most so many characters; what is cut is marked.
fn clip_to(text: &str, chars_max: usize) -> String {
    match text.char_indices().nth(chars_max) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_cut_is_marked() {
        assert_eq!(clip_to("流量王", 3), "流量王");
        assert_eq!(clip_to("流量王卡", 3), "流量王…");
    }

    #[test]
    fn many_regions_are_counted() {
        let regions_of = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        assert_eq!(regions(Locale::zh_CN, &regions_of(&["北京", "上海"])), "北京、上海");
        assert_eq!(regions(Locale::zh_CN, &regions_of(&["北京", "上海", "天津", "重庆"])), "北京、上海、天津等 4 地");
    }
}
