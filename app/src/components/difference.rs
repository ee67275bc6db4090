//! Two versions of a tariff, element by element, as subscribers read them.

use charging::tariff::difference::{Element, Piece, changed, marked};
use charging::tariff::{TariffContent, Terms, shown};
use leptos::prelude::*;

use super::region_name;
use super::tariff_words::{allowances_in_words, included_in_words, kind_name, terms_in_words};
use super::words::day_text;
use crate::i18n::{Locale, td_string};
use crate::request::locale;

/// What `after` says otherwise than `before`: only the elements that changed, with the changed words marked.
#[component]
pub fn TariffDifference(before: TariffContent, after: TariffContent) -> impl IntoView {
    let l = locale();
    let elements = changed(&before, &after);
    if elements.is_empty() {
        return view! { <p>{td_string!(l, version.nothing_changed)}</p> }.into_any();
    }
    let (terms, texts): (Vec<Element>, Vec<Element>) = elements.into_iter().partition(|element| element.is_of_terms());
    let part = |title: &'static str, elements: Vec<Element>| {
        let rows = elements.into_iter().map(|element| row(l, element, &before, &after)).collect_view();
        (!rows.is_empty()).then(|| {
            view! {
                <section class="stack-tight">
                    <h3>{title}</h3>
                    <dl class="facts difference">{rows}</dl>
                </section>
            }
        })
    };
    view! {
        <div class="stack">
            {part(td_string!(l, version.terms_title), terms)}
            {part(td_string!(l, version.texts_title), texts)} <p class="small muted">{td_string!(l, version.others_same)}</p>
        </div>
    }
    .into_any()
}

fn row(l: Locale, element: Element, before: &TariffContent, after: &TariffContent) -> AnyView {
    let (was, now) = (said(l, element, before), said(l, element, after));
    if was == now {
        // The marks of a text changed, or figures that nobody is told.
        return view! {
            <div>
                <dt>{element_name(l, element)}</dt>
                <dd class="stack-tight">
                    <p>{now}</p>
                    <p class="muted">{td_string!(l, version.reads_the_same)}</p>
                </dd>
            </div>
        }
        .into_any();
    }
    let (was, now) = marked(&was, &now);
    view! {
        <div>
            <dt>{element_name(l, element)}</dt>
            <dd class="stack-tight">
                <p class="was">
                    <span class="tag">{td_string!(l, version.before)}</span>
                    " "
                    {pieces(l, was, true)}
                </p>
                <p class="now">
                    <span class="tag on">{td_string!(l, version.after)}</span>
                    " "
                    {pieces(l, now, false)}
                </p>
            </dd>
        </div>
    }
    .into_any()
}

fn pieces(l: Locale, pieces: Vec<Piece>, old: bool) -> AnyView {
    if pieces.is_empty() {
        return view! { <span class="muted">{td_string!(l, tariff.not_stated)}</span> }.into_any();
    }
    let piece = |Piece { text, changed }| match (changed, old) {
        (false, _) => view! { <span>{text}</span> }.into_any(),
        (true, true) => view! { <del>{text}</del> }.into_any(),
        (true, false) => view! { <ins>{text}</ins> }.into_any(),
    };
    pieces.into_iter().map(piece).collect_view().into_any()
}

/// What an element is called.
pub fn element_name(l: Locale, element: Element) -> &'static str {
    match element {
        Element::Name => td_string!(l, tariff.element_name),
        Element::Kind => td_string!(l, tariff.element_kind),
        Element::Price => td_string!(l, tariff.element_price),
        Element::Services => td_string!(l, tariff.element_services),
        Element::Overage => td_string!(l, tariff.element_overage),
        Element::Restrictions => td_string!(l, tariff.element_restrictions),
        Element::Audience => td_string!(l, tariff.element_audience),
        Element::Regions => td_string!(l, tariff.element_regions),
        Element::Channels => td_string!(l, tariff.element_channels),
        Element::OnSale => td_string!(l, tariff.element_on_sale),
        Element::Validity => td_string!(l, tariff.element_validity),
        Element::Commitment => td_string!(l, tariff.element_commitment),
        Element::Cancel => td_string!(l, tariff.element_cancel),
        Element::Penalty => td_string!(l, tariff.element_penalty),
        Element::Notes => td_string!(l, tariff.element_notes),
        Element::Category => td_string!(l, tariff.element_category),
        Element::Orderable => td_string!(l, version.element_orderable),
        Element::Fee => td_string!(l, tariff.label_fee),
        Element::OneOff => td_string!(l, tariff.label_once),
        Element::FirstMonth => td_string!(l, tariff.label_first_month),
        Element::Allowances => td_string!(l, tariff.label_included),
        Element::Beyond => td_string!(l, tariff.label_beyond),
        Element::Stop => td_string!(l, tariff.label_stop),
        Element::Binding => td_string!(l, version.element_binding),
    }
}

/// What an element says, in words; empty where it says nothing.
fn said(l: Locale, element: Element, content: &TariffContent) -> String {
    let comma = td_string!(l, tariff.list_comma);
    let text = match element {
        Element::Name => content.name.clone(),
        Element::Kind => kind_name(l, content.kind),
        Element::Price => content.price_text.clone(),
        Element::Services => {
            let mut lines = included_in_words(l, &content.included);
            lines.extend((!content.services_text.is_empty()).then(|| content.services_text.clone()));
            lines.join("\n")
        }
        Element::Overage => content.overage_text.clone(),
        Element::Restrictions => content.restrictions.join("\n"),
        Element::Audience => content.audience.clone(),
        Element::Regions => content.regions.iter().map(|region| region_name(l, region)).collect::<Vec<_>>().join(comma),
        Element::Channels => content.channels.join(comma),
        Element::OnSale => {
            let (from, until) = (day_text(l, content.on_sale_from), day_text(l, content.on_sale_until));
            td_string!(l, tariff.dates, from = from, until = until)
        }
        Element::Validity => content.validity.clone(),
        Element::Commitment => content.commitment.clone(),
        Element::Cancel => content.cancel.clone(),
        Element::Penalty => content.penalty.clone(),
        Element::Notes => content.notes.clone(),
        Element::Category => content.category.clone(),
        _ => return terms_said(l, element, content),
    };
    shown(&text).into_owned()
}

/// The same of what is charged by.
fn terms_said(l: Locale, element: Element, content: &TariffContent) -> String {
    let Some(terms) = &content.terms else { return td_string!(l, version.not_orderable).to_owned() };
    let lines = terms_in_words(l, terms, content.kind);
    let label = match element {
        Element::Orderable => {
            return lines.into_iter().flat_map(|line| line.sentences).collect::<Vec<_>>().join("\n");
        }
        Element::Allowances => return allowances_said(l, terms),
        Element::Binding => td_string!(l, tariff.label_commitment),
        other => element_name(l, other),
    };
    let line = lines.into_iter().find(|line| line.label == label);
    line.map_or_else(|| td_string!(l, version.none).to_owned(), |line| line.sentences.join("\n"))
}

/// What is included, with the rating groups that directed data serves: they are all that may have changed.
fn allowances_said(l: Locale, terms: &Terms) -> String {
    let mut lines = allowances_in_words(l, terms);
    for (line, allowance) in lines.iter_mut().zip(&terms.allowances) {
        if !allowance.rating_groups.is_empty() {
            let groups: Vec<String> = allowance.rating_groups.iter().map(ToString::to_string).collect();
            let groups = groups.join(td_string!(l, tariff.list_comma));
            *line = td_string!(l, version.with_groups, what = line.clone(), groups = groups);
        }
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use charging::tariff::own_format;

    fn content(terms: &str) -> TariffContent {
        let json = format!(
            r#"{{"scheme_id":"26MB900001","name":"n","kind":"plan","audience":"","regions":["全国"],"channels":[],
            "on_sale_from":"2026-01-01","on_sale_until":"2027-12-31","validity":"","commitment":"","cancel":"","penalty":"",
            "restrictions":[],"notes":""{terms}}}"#
        );
        own_format::parse(&json).unwrap().content
    }

    #[test]
    fn terms_are_told_in_words_never_as_they_are_stored() {
        let with = |terms: &str| content(&format!(r#","terms":{terms}"#));
        let bare = content("");
        let before = with(r#"{"recurring":{"price":"99.00","first_month":"daily"},"cancel_effective":"month_end"}"#);
        let groups = r#"{"cancel_effective":"month_end","allowances":[{"service":"data","quantity":"1GB","rating_groups":[7]}]}"#;
        let l = Locale::zh_CN;
        assert_eq!(said(l, Element::Fee, &before), "每月 99.00 元。");
        assert_eq!(said(l, Element::OneOff, &before), "没有");
        assert_eq!(said(l, Element::Orderable, &bare), "只公示，不能在这里办理");
        assert!(said(l, Element::Orderable, &before).starts_with("每月 99.00 元。"));
        assert!(said(l, Element::Allowances, &with(groups)).contains("业务组 7"));
        for element in [Element::Fee, Element::FirstMonth, Element::Allowances, Element::Beyond, Element::Stop] {
            assert!(!said(Locale::en, element, &before).contains(['{', '_']), "{element:?}");
        }
    }
}
