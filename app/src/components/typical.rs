//! What a typical month costs under a plan and under those beside it, as bars.

use charging::money::round_to_fen;
use charging::quantity::Service;
use charging::tariff::typical::{Profile, TypicalMonth, typical_months};
use charging::tariff::{TariffContent, TariffVersion};
use leptos::prelude::*;
use rust_decimal::Decimal;

use super::money::Yuan;
use super::words::{quantity_text, service_text};
use crate::i18n::{Locale, td_string};
use crate::request::locale;

/// Width of a bar that is full, in units of the drawing.
const WIDTH: u32 = 1000;

/// A plan and its three months.
struct Plan {
    name: String,
    /// `None`: it is not public yet.
    href: Option<String>,
    months: [TypicalMonth; 3],
}

/// Little, middle and much use under a plan, against the plans beside it. Nothing for whatever is no plan or has no terms.
#[component]
pub fn TypicalMonths(
    content: TariffContent,
    /// Others to compare with; those without terms are left out.
    beside: Vec<TariffVersion>,
) -> impl IntoView {
    let l = locale();
    let own = match typical_months(&content) {
        Ok(None) => return ().into_any(),
        Ok(Some(months)) => Plan { name: content.name, href: None, months },
        Err(_) => return view! { <p class="banner warn">{td_string!(l, version.typical_too_much)}</p> }.into_any(),
    };
    let others = beside.into_iter().filter_map(|tariff| {
        let months = typical_months(&tariff.content).ok().flatten()?;
        let href = Some(format!("/tariffs/{}", tariff.content.scheme_id));
        Some(Plan { name: tariff.content.name, href, months })
    });
    let plans: Vec<Plan> = std::iter::once(own).chain(others).collect();
    let parts = Profile::ALL.iter().enumerate().map(|(i, profile)| part(l, *profile, i, &plans)).collect_view();
    view! {
        <div class="stack typical">
            <p class="small muted">{td_string!(l, version.typical_source)}</p>
            {parts}
            <ul class="legend small muted">
                <li><span class="swatch bar" aria-hidden="true"></span>{td_string!(l, version.typical_fee)}</li>
                <li><span class="swatch bar-beyond" aria-hidden="true"></span>{td_string!(l, version.typical_beyond)}</li>
            </ul>
        </div>
    }
    .into_any()
}

fn part(l: Locale, profile: Profile, index: usize, plans: &[Plan]) -> impl IntoView + use<> {
    let name = match profile {
        Profile::Light => td_string!(l, version.typical_light),
        Profile::Middle => td_string!(l, version.typical_middle),
        Profile::Heavy => td_string!(l, version.typical_heavy),
    };
    let uses: Vec<String> = Service::ALL
        .into_iter()
        .map(|service| format!("{} {}", service_text(l, service), quantity_text(l, service, profile.uses(service))))
        .collect();
    let title = td_string!(l, version.typical_part, name = name, uses = uses.join(td_string!(l, tariff.list_comma)));
    let most = plans.iter().map(|plan| plan.months[index].total()).max().unwrap_or_default();
    let rows = plans.iter().enumerate().map(|(i, plan)| row(l, plan, index, i == 0, most)).collect_view();
    view! {
        <table class="table typical-month">
            <caption>{title}</caption>
            <thead class="sr">
                <tr>
                    <th scope="col">{td_string!(l, tariff.element_name)}</th>
                    <th scope="col">{td_string!(l, version.typical_bar)}</th>
                    <th scope="col">{td_string!(l, version.typical_total)}</th>
                </tr>
            </thead>
            <tbody>{rows}</tbody>
        </table>
    }
}

fn row(l: Locale, plan: &Plan, index: usize, own: bool, most: Decimal) -> impl IntoView + use<> {
    let month = &plan.months[index];
    let total = month.total();
    let (fee, whole) = (share(month.fee, most), share(total, most));
    let beyond = (total > month.fee).then(|| {
        let rect = view! {
            <rect class="bar-beyond" x=fee.to_string() y="0" width=(whole - fee).to_string() height="12" />
        };
        let amount = td_string!(l, tariff.amount, amount = round_to_fen(total - month.fee).to_string());
        (rect, td_string!(l, version.typical_of_which, amount = amount))
    });
    let (beyond_bar, beyond_text) = beyond.unzip();
    let stopped = month.stopped.iter().map(|(service, units)| {
        let (service, quantity) = (service_text(l, *service), quantity_text(l, *service, *units));
        td_string!(l, version.typical_stopped, service = service, quantity = quantity)
    });
    let notes: Vec<String> = beyond_text.into_iter().chain(stopped).collect();
    let name = plan.name.clone();
    let name = match plan.href.clone() {
        Some(href) => view! { <a href=href>{name}</a> }.into_any(),
        None => view! { <strong>{name}</strong> }.into_any(),
    };
    view! {
        <tr class=if own { "own" } else { "" }>
            <th scope="row">{name}</th>
            <td>
                <svg viewBox="0 0 1000 12" preserveAspectRatio="none" aria-hidden="true">
                    <rect class="bar" x="0" y="0" width=fee.to_string() height="12" />
                    {beyond_bar}
                </svg>
                {notes.into_iter().map(|note| view! { <span class="small muted typical-note">{note}</span> }).collect_view()}
            </td>
            <td class="num">
                <Yuan amount=round_to_fen(total) />
            </td>
        </tr>
    }
}

/// How wide an amount is drawn, where the most is drawn in full.
fn share(amount: Decimal, most: Decimal) -> u32 {
    let width = amount.checked_mul(WIDTH.into()).and_then(|amount| amount.checked_div(most));
    width.and_then(|width| u32::try_from(width.round()).ok()).map_or(0, |width| width.min(WIDTH))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dearest_is_as_wide_as_can_be_and_nothing_has_no_width() {
        assert_eq!(share(Decimal::from(59), Decimal::from(118)), 500);
        assert_eq!(share(Decimal::from(118), Decimal::from(118)), WIDTH);
        assert_eq!(share(Decimal::ZERO, Decimal::ZERO), 0);
    }
}
