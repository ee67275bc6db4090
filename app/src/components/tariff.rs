//! A tariff, shown: its price with its restrictions, its terms in words, and every element.

use charging::tariff::{Kind, Price, PricePeriod, TariffContent, Terms, shown};
use leptos::prelude::*;
use rust_decimal::Decimal;

use super::money::Yuan;
use super::region::region_name;
use super::tariff_words::{
    allowances_in_words, included_in_words, kind_name, overage_in_words, period_name, terms_in_words, yuan,
};
use super::words::day_text;
use crate::i18n::{Locale, td_string};
use crate::request::locale;

/// The terms as a list of sentences: fee, first month, what is included, what is beyond with examples, cancelling.
#[component]
pub fn TermsInWords(terms: Terms, kind: Kind) -> impl IntoView {
    let lines = terms_in_words(locale(), &terms, kind);
    view! {
        <dl class="facts terms-in-words">
            {lines
                .into_iter()
                .map(|line| {
                    view! {
                        <div>
                            <dt>{line.label}</dt>
                            <dd class="stack-tight">
                                {line.sentences.into_iter().map(|sentence| view! { <p>{sentence}</p> }).collect_view()}
                            </dd>
                        </div>
                    }
                })
                .collect_view()}
        </dl>
    }
}

/// Every element of a tariff that the regulator asks for, as published. What the operator did not state is shown so.
#[component]
pub fn TariffFacts(content: TariffContent) -> impl IntoView {
    let l = locale();
    view! {
        <dl class="facts">
            {elements(l, &content)
                .into_iter()
                .filter(|element| !(element.optional && element.text.is_empty()))
                .map(|element| {
                    let stated = !element.text.is_empty();
                    view! {
                        <div>
                            <dt>{element.label}</dt>
                            {if stated {
                                view! { <dd>{element.text}</dd> }.into_any()
                            } else {
                                view! { <dd class="muted">{td_string!(l, tariff.not_stated)}</dd> }.into_any()
                            }}
                        </div>
                    }
                })
                .collect_view()}
        </dl>
    }
}

/// One element of a tariff: its name and what it says (empty where it says nothing).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Element {
    pub label: &'static str,
    pub text: String,
    /// Not asked for by the regulator: left out where it says nothing.
    pub optional: bool,
}

/// All elements in the order in which people ask for them.
pub fn elements(l: Locale, content: &TariffContent) -> Vec<Element> {
    let element =
        |label: &'static str, text: String| Element { label, text: shown(&text).into_owned(), optional: false };
    let comma = td_string!(l, tariff.list_comma).to_string();
    let regions: Vec<String> = content.regions.iter().map(|region| region_name(l, region)).collect();
    let dates = td_string!(
        l,
        tariff.dates,
        from = day_text(l, content.on_sale_from),
        until = day_text(l, content.on_sale_until)
    );
    vec![
        element(td_string!(l, tariff.element_scheme_id), content.scheme_id.to_string()),
        element(td_string!(l, tariff.element_kind), kind_name(l, content.kind)),
        element(td_string!(l, tariff.element_price), price_in_words(l, content)),
        element(td_string!(l, tariff.element_restrictions), content.restrictions.join("\n")),
        element(td_string!(l, tariff.element_services), services_in_words(l, content)),
        element(td_string!(l, tariff.element_overage), beyond_in_words(l, content)),
        element(td_string!(l, tariff.element_audience), content.audience.clone()),
        element(td_string!(l, tariff.element_regions), regions.join(&comma)),
        element(td_string!(l, tariff.element_channels), content.channels.join(&comma)),
        element(td_string!(l, tariff.element_on_sale), dates),
        element(td_string!(l, tariff.element_validity), content.validity.clone()),
        element(td_string!(l, tariff.element_commitment), content.commitment.clone()),
        element(td_string!(l, tariff.element_cancel), content.cancel.clone()),
        element(td_string!(l, tariff.element_penalty), content.penalty.clone()),
        Element { optional: true, ..element(td_string!(l, tariff.element_notes), content.notes.clone()) },
        Element { optional: true, ..element(td_string!(l, tariff.element_category), content.category.clone()) },
    ]
}

/// 资费标准: as displayed, else what the terms say.
fn price_in_words(l: Locale, content: &TariffContent) -> String {
    if !content.price_text.is_empty() {
        return content.price_text.clone();
    }
    let prices: Vec<String> = plain_prices(content)
        .into_iter()
        .map(|(amount, period)| {
            let space = if period == PricePeriod::Once { " " } else { "" };
            format!("{}{space}{}", yuan(l, amount), period_name(l, period))
        })
        .collect();
    prices.join(td_string!(l, tariff.list_semicolon))
}

/// 服务内容: the terms or the operator's table first, then the text.
fn services_in_words(l: Locale, content: &TariffContent) -> String {
    let mut parts = match &content.terms {
        Some(terms) => allowances_in_words(l, terms),
        None => included_in_words(l, &content.included),
    };
    if !content.services_text.is_empty() {
        parts.push(content.services_text.clone());
    }
    parts.join("\n")
}

/// 超出资费: as displayed, else what the terms say.
fn beyond_in_words(l: Locale, content: &TariffContent) -> String {
    match &content.terms {
        Some(terms) if content.overage_text.is_empty() => overage_in_words(l, terms, content.kind).join("\n"),
        _ => content.overage_text.clone(),
    }
}

/// The price of a tariff where it is plain figures: by its terms, else by its displayed text.
fn plain_prices(content: &TariffContent) -> Vec<(Decimal, PricePeriod)> {
    let Some(terms) = &content.terms else {
        return Price::parse(&content.price_text).into_iter().map(|price| (price.amount, price.period)).collect();
    };
    let recurring = terms.recurring.as_ref().map(|recurring| (recurring.price, PricePeriod::Month));
    let one_off = (terms.one_off > Decimal::ZERO || recurring.is_none()).then_some((terms.one_off, PricePeriod::Once));
    recurring.into_iter().chain(one_off).collect()
}

/// The price in figures, else as displayed.
#[component]
pub fn TariffPrice(content: TariffContent) -> impl IntoView {
    let prices = plain_prices(&content);
    if prices.is_empty() {
        return view! { <PriceLine prices text=shown(&content.price_text).into_owned() /> };
    }
    view! { <PriceLine prices text=String::new() /> }
}

/// Amounts with what they are for; where there is none, the displayed text.
#[component]
pub fn PriceLine(prices: Vec<(Decimal, PricePeriod)>, text: String) -> impl IntoView {
    let l = locale();
    let figures = prices
        .into_iter()
        .map(|(amount, period)| {
            view! {
                <span class="price-figure">
                    <Yuan amount />
                    " "
                    <span class="price-period">{period_name(l, period)}</span>
                </span>
            }
        })
        .collect_view();
    let text = if figures.is_empty() && text.is_empty() { td_string!(l, tariff.not_stated).to_string() } else { text };
    view! { <p class="price">{figures} {(!text.is_empty()).then(|| view! { <span>{text}</span> })}</p> }
}
