//! What can be asked: a plain GET form, complete without scripts.

use charging::tariff::{Facet, Kind, Sale, ZoneParameter, ZoneQuery, ZoneSort};
use leptos::prelude::*;

use super::Zone;
use crate::components::{kind_name, operator_name, region_name};
use crate::i18n::{Locale, td_string};
use crate::islands::AutoSubmit;
use crate::public::names::sort_name;
use crate::request::locale;

/// A value to choose, its name, and whether it is chosen.
struct Choice {
    value: String,
    name: String,
    chosen: bool,
}

#[component]
pub(super) fn FilterForm(zone: Zone) -> impl IntoView {
    let l = locale();
    let off_sale = zone.query.sale == Sale::Off;
    let kept =
        zone.chosen.iter().map(|id| view! { <input type="hidden" name="id" value=id.to_string() /> }).collect_view();
    let count = chosen_filters(l, &zone).len();
    let summary = if count == 0 {
        td_string!(l, tariff.filters).to_owned()
    } else {
        td_string!(l, tariff.filters_on, count = count)
    };
    view! {
        <form class="zone-form" action="/tariffs" role="search">
            {kept}
            {off_sale.then(|| view! { <input type="hidden" name="sale" value="off" /> })}
            <div class="search zone-search">
                <label class="sr" for="q">{td_string!(l, common.search_label)}</label>
                <input
                    id="q"
                    type="search"
                    name="q"
                    maxlength=ZoneQuery::TEXT_CHARS_MAX.to_string()
                    value=zone.query.text.clone()
                    placeholder=td_string!(l, common.search_hint)
                />
                <button class="button primary">{td_string!(l, common.search)}</button>
            </div>
            <div class="zone-side">
                <AutoSubmit>
                    <SortField query=zone.query.clone() />
                    <details class="filters">
                        <summary>{summary}</summary>
                        <div class="stack filter-fields">
                            <ListFilters zone=zone.clone() />
                            <NumberFilters query=zone.query.clone() />
                            <button class="button">{td_string!(l, tariff.apply)}</button>
                        </div>
                    </details>
                </AutoSubmit>
            </div>
        </form>
    }
}

#[component]
fn SortField(query: ZoneQuery) -> impl IntoView {
    let l = locale();
    let searching = !query.words().is_empty();
    let choices = ZoneSort::ALL
        .into_iter()
        .filter(|sort| searching || *sort != ZoneSort::Relevance)
        .map(|sort| Choice {
            value: sort.as_str().to_owned(),
            name: sort_name(l, sort).to_owned(),
            chosen: query.effective_sort() == sort,
        })
        .collect();
    view! { <Select name="sort" label=td_string!(l, tariff.sort) choices /> }
}

#[component]
fn ListFilters(zone: Zone) -> impl IntoView {
    let l = locale();
    let any = |chosen: bool| Choice { value: String::new(), name: td_string!(l, tariff.any).to_owned(), chosen };
    let counted = |facets: &[Facet], asked: Option<&str>, name: &dyn Fn(&str) -> String| {
        let mut choices = vec![any(asked.is_none())];
        // What is asked stays a choice even where it finds nothing.
        let missing = asked.filter(|asked| facets.iter().all(|facet| facet.value != *asked));
        let missing = missing.map(|value| Facet { value: value.to_owned(), count: 0 });
        for facet in facets.iter().cloned().chain(missing) {
            let chosen = asked == Some(facet.value.as_str());
            let name = td_string!(l, tariff.option_count, name = name(&facet.value), count = facet.count);
            choices.push(Choice { value: facet.value, name, chosen });
        }
        choices
    };
    let (query, found) = (&zone.query, &zone.found);
    let operators = counted(&found.operators, query.operator.as_deref(), &|id| operator_name(l, &zone.operators, id));
    let regions = counted(&found.regions, query.region.as_deref(), &|region| region_name(l, region));
    let kinds = counted(&found.kinds, query.kind.map(Kind::as_str), &|kind| {
        kind.parse().map_or_else(|_| kind.to_owned(), |kind| kind_name(l, kind))
    });
    let commitment = [
        (None, "", td_string!(l, tariff.any)),
        (Some(false), "no", td_string!(l, tariff.commitment_without)),
        (Some(true), "yes", td_string!(l, tariff.commitment_with)),
    ]
    .into_iter()
    .map(|(asked, value, name)| Choice {
        value: value.to_owned(),
        name: name.to_owned(),
        chosen: query.commitment == asked,
    })
    .collect();
    view! {
        <Select name="operator" label=td_string!(l, tariff.filter_operator) choices=operators />
        <Select name="region" label=td_string!(l, tariff.filter_region) choices=regions />
        <Select name="kind" label=td_string!(l, tariff.filter_kind) choices=kinds />
        <Select name="commitment" label=td_string!(l, tariff.filter_commitment) choices=commitment />
    }
}

#[component]
fn NumberFilters(query: ZoneQuery) -> impl IntoView {
    let l = locale();
    let value = |parameter: ZoneParameter| query.parameter(parameter).unwrap_or_default();
    view! {
        <fieldset class="field">
            <legend>{td_string!(l, tariff.filter_price)}</legend>
            <div class="price-range">
                <label class="sr" for="price_min">{td_string!(l, tariff.filter_price_min)}</label>
                <input
                    id="price_min"
                    name="price_min"
                    inputmode="decimal"
                    autocomplete="off"
                    maxlength="12"
                    placeholder=td_string!(l, tariff.filter_price_min)
                    value=value(ZoneParameter::PriceMin)
                />
                <span aria-hidden="true">"–"</span>
                <label class="sr" for="price_max">{td_string!(l, tariff.filter_price_max)}</label>
                <input
                    id="price_max"
                    name="price_max"
                    inputmode="decimal"
                    autocomplete="off"
                    maxlength="12"
                    placeholder=td_string!(l, tariff.filter_price_max)
                    value=value(ZoneParameter::PriceMax)
                />
            </div>
        </fieldset>
        <Number name="data_min" label=td_string!(l, tariff.filter_data) value=value(ZoneParameter::DataMin) />
        <Number name="voice_min" label=td_string!(l, tariff.filter_voice) value=value(ZoneParameter::VoiceMin) />
    }
}

#[component]
fn Number(name: &'static str, label: &'static str, value: String) -> impl IntoView {
    view! {
        <div class="field">
            <label for=name>{label}</label>
            <input id=name name=name inputmode="decimal" autocomplete="off" maxlength="12" value=value />
        </div>
    }
}

#[component]
fn Select(name: &'static str, label: &'static str, choices: Vec<Choice>) -> impl IntoView {
    view! {
        <div class="field">
            <label for=name>{label}</label>
            <select id=name name=name>
                {choices
                    .into_iter()
                    .map(|choice| view! { <option value=choice.value selected=choice.chosen>{choice.name}</option> })
                    .collect_view()}
            </select>
        </div>
    }
}

/// The filters that are on, each with a link that takes it away.
#[component]
pub(super) fn ChosenFilters(zone: Zone) -> impl IntoView {
    let l = locale();
    let chosen = chosen_filters(l, &zone);
    (!chosen.is_empty()).then(|| {
        let bare = ZoneQuery { sale: zone.query.sale, ..ZoneQuery::default() };
        view! {
            <ul class="chips">
                {chosen
                    .into_iter()
                    .map(|(text, without)| {
                        view! {
                            <li>
                                <a class="chip" href=zone.address(&without)>
                                    <span>{text}</span>
                                    <span aria-hidden="true">"×"</span>
                                    <span class="sr">{td_string!(l, tariff.chip_remove)}</span>
                                </a>
                            </li>
                        }
                    })
                    .collect_view()}
                <li><a class="chip plain" href=zone.address(&bare)>{td_string!(l, tariff.clear)}</a></li>
            </ul>
        }
    })
}

fn chosen_filters(l: Locale, zone: &Zone) -> Vec<(String, ZoneQuery)> {
    let query = &zone.query;
    let said = |parameter: ZoneParameter| query.parameter(parameter);
    let named = |name: &str, value: String| td_string!(l, tariff.chip, name = name.to_owned(), value = value);
    [
        (ZoneParameter::Text, said(ZoneParameter::Text).map(|text| td_string!(l, tariff.chip_text, text = text))),
        (ZoneParameter::Operator, query.operator.as_ref().map(|id| operator_name(l, &zone.operators, id))),
        (ZoneParameter::Region, query.region.as_ref().map(|region| region_name(l, region))),
        (ZoneParameter::Kind, query.kind.map(|kind| kind_name(l, kind))),
        (
            ZoneParameter::PriceMin,
            said(ZoneParameter::PriceMin).map(|price| td_string!(l, tariff.chip_price_min, price = price)),
        ),
        (
            ZoneParameter::PriceMax,
            said(ZoneParameter::PriceMax).map(|price| td_string!(l, tariff.chip_price_max, price = price)),
        ),
        (ZoneParameter::DataMin, said(ZoneParameter::DataMin).map(|size| td_string!(l, tariff.chip_data, size = size))),
        (ZoneParameter::VoiceMin, said(ZoneParameter::VoiceMin).map(|n| td_string!(l, tariff.chip_voice, count = n))),
        (
            ZoneParameter::Commitment,
            query.commitment.map(|asked| {
                let value = if asked {
                    td_string!(l, tariff.commitment_with)
                } else {
                    td_string!(l, tariff.commitment_without)
                };
                named(td_string!(l, tariff.filter_commitment), value.to_owned())
            }),
        ),
    ]
    .into_iter()
    .filter_map(|(parameter, text)| Some((text?, query.without(parameter))))
    .collect()
}
