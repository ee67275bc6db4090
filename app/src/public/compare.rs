//! Up to four tariffs side by side.

use charging::tariff::store::COMPARE_MAX;
use charging::tariff::{Current, SchemeId, TariffContent, shown, store};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

use super::names::{announced, scheme_ids};
use crate::components::{TariffPrice, elements, operator_name, page, terms_in_words};
use crate::i18n::{Locale, td_string};
use crate::request::locale;
use crate::state::AppState;

/// `/tariffs/compare?id=…&id=…`
#[component]
pub fn ComparePage() -> impl IntoView {
    page(|| {
        let state = AppState::current();
        let l = locale();
        let asked = use_query_map().get_untracked().get_all("id").unwrap_or_default();
        async move {
            let (mut ids, mut unknown) = scheme_ids(&asked);
            let too_many = ids.len() > COMPARE_MAX;
            ids.truncate(COMPARE_MAX);
            let mut db = state.pool.acquire().await?;
            let now = state.clock.now();
            let tariffs = store::many(&mut db, &ids, now).await?;
            let operators = store::operators(&mut db).await?;
            let contents: Vec<Compared> = tariffs
                .iter()
                .map(|Current { tariff, announced: from }| {
                    let operator = operator_name(l, &operators, &tariff.content.operator_id);
                    let announced = from.map(|from| announced(l, from, tariff.is_sold(now)));
                    Compared { content: tariff.content.clone(), operator, announced }
                })
                .collect();
            let found = |id: &SchemeId| tariffs.iter().any(|current| current.tariff.content.scheme_id == *id);
            unknown.extend(ids.iter().filter(|id| !found(id)).map(ToString::to_string));
            let unknown = unknown.join(td_string!(l, tariff.list_comma));
            Ok(view! {
                <Title text=td_string!(l, tariff.compare_title) />
                <h1>{td_string!(l, tariff.compare_title)}</h1>
                {too_many.then(|| view! { <p class="banner warn">{td_string!(l, tariff.compare_too_many)}</p> })}
                {(!unknown.is_empty())
                    .then(|| view! { <p class="banner warn">{td_string!(l, tariff.compare_unknown, ids = unknown)}</p> })}
                <Comparison tariffs=contents />
            })
        }
    })
}

/// A tariff, the name of its operator, and what is announced of it.
#[derive(Clone)]
struct Compared {
    content: TariffContent,
    operator: String,
    announced: Option<String>,
}

#[component]
fn Comparison(tariffs: Vec<Compared>) -> impl IntoView {
    let l = locale();
    let ids: Vec<SchemeId> = tariffs.iter().map(|tariff| tariff.content.scheme_id.clone()).collect();
    if tariffs.is_empty() {
        return view! {
            <p>{td_string!(l, tariff.compare_empty)}</p>
            <AddAnother ids />
        }
        .into_any();
    }
    let rows = rows(l, &tariffs);
    let differ = rows.iter().any(|row| row.differs);
    let note = match (tariffs.len(), differ) {
        (1, _) => td_string!(l, tariff.compare_only_one),
        (_, true) => td_string!(l, tariff.compare_lead),
        (_, false) => td_string!(l, tariff.compare_same),
    };
    view! {
        <p class="muted">{note}</p>
        <div class="compare-scroll" role="region" aria-label=td_string!(l, tariff.compare_title) tabindex="0">
            <table class="compare">
                <thead>
                    <tr>
                        <th scope="col">{td_string!(l, tariff.element_name)}</th>
                        {tariffs.iter().map(|tariff| column_head(l, tariff, &ids)).collect_view()}
                    </tr>
                </thead>
                <tbody>
                    <tr class="compare-price">
                        <th scope="row">{td_string!(l, tariff.element_price)}</th>
                        {tariffs
                            .iter()
                            .map(|tariff| view! { <td><TariffPrice content=tariff.content.clone() /></td> })
                            .collect_view()}
                    </tr>
                    {rows.into_iter().map(|row| row_view(l, row)).collect_view()}
                </tbody>
            </table>
        </div>
        <AddAnother ids />
    }
    .into_any()
}

fn column_head(l: Locale, tariff: &Compared, ids: &[SchemeId]) -> impl IntoView + use<> {
    let content = &tariff.content;
    let announced = tariff.announced.clone().map(|text| view! { <span class="tag warn">{text}</span> });
    let others: Vec<String> = ids.iter().filter(|id| **id != content.scheme_id).map(|id| format!("id={id}")).collect();
    let href = format!("/tariffs/compare?{}", others.join("&"));
    view! {
        <th scope="col">
            <a href=format!("/tariffs/{}", content.scheme_id)>{content.name.clone()}</a>
            <span class="compare-id">{content.scheme_id.to_string()}</span>
            {announced}
            <a class="compare-remove screen-only" href=href>
                <span aria-hidden="true">{td_string!(l, tariff.compare_remove)}</span>
                <span class="sr">{td_string!(l, tariff.compare_remove_of, name = content.name.clone())}</span>
            </a>
        </th>
    }
}

/// One element of all tariffs.
#[derive(Debug, PartialEq, Eq)]
struct Row {
    label: String,
    texts: Vec<String>,
    differs: bool,
    /// What stands as large as the price.
    beside_price: bool,
}

/// The elements that any of the tariffs states, with what their terms say of the first month and of cancelling.
fn rows(l: Locale, tariffs: &[Compared]) -> Vec<Row> {
    let columns: Vec<Vec<(String, String)>> = tariffs.iter().map(|tariff| column(l, tariff)).collect();
    let mut rows: Vec<Row> = Vec::new();
    for i in 0..columns.first().map_or(0, Vec::len) {
        let label = columns[0][i].0.clone();
        let texts: Vec<String> = columns.iter().map(|column| column[i].1.clone()).collect();
        if texts.iter().all(String::is_empty) {
            continue;
        }
        let differs = texts.iter().any(|text| *text != texts[0]);
        let beside_price = label == td_string!(l, tariff.element_restrictions);
        rows.push(Row { label, texts, differs, beside_price });
    }
    rows
}

/// Labels and texts, the same labels in the same order for every tariff.
fn column(l: Locale, tariff: &Compared) -> Vec<(String, String)> {
    let content = &tariff.content;
    let mut column = vec![(td_string!(l, tariff.element_operator).to_owned(), tariff.operator.clone())];
    let in_words = content.terms.as_ref().map(|terms| terms_in_words(l, terms, content.kind)).unwrap_or_default();
    let said = |label: &str| {
        let line = in_words.iter().find(|line| line.label == label);
        (label.to_owned(), line.map(|line| line.sentences.join("\n")).unwrap_or_default())
    };
    for mut element in elements(l, content) {
        if element.label == td_string!(l, tariff.element_scheme_id) {
            continue;
        }
        if element.label == td_string!(l, tariff.element_price) {
            // The figures stand above; here is only what the operator displayed.
            element.label = td_string!(l, tariff.compare_price_text);
            element.text = shown(&content.price_text).into_owned();
        }
        let after_services = element.label == td_string!(l, tariff.element_services);
        column.push((element.label.to_owned(), element.text));
        if after_services {
            column.push(said(td_string!(l, tariff.label_first_month)));
            column.push(said(td_string!(l, tariff.label_stop)));
        }
    }
    // Restrictions stand right below the price.
    let restrictions = td_string!(l, tariff.element_restrictions);
    column.sort_by_key(|(label, _)| label != restrictions);
    column
}

fn row_view(l: Locale, row: Row) -> impl IntoView {
    let class = match (row.beside_price, row.differs) {
        (true, true) => "compare-price differs",
        (true, false) => "compare-price",
        (false, true) => "differs",
        (false, false) => "",
    };
    let cells = row
        .texts
        .into_iter()
        .map(|text| {
            if text.is_empty() {
                view! { <td class="muted">{td_string!(l, tariff.not_stated)}</td> }.into_any()
            } else {
                view! { <td>{text}</td> }.into_any()
            }
        })
        .collect_view();
    view! {
        <tr class=class>
            <th scope="row">
                {row.label} {row.differs.then(|| view! { " "<span class="tag on">{td_string!(l, tariff.differs)}</span> })}
            </th>
            {cells}
        </tr>
    }
}

/// Another tariff by its scheme id, or from the zone.
#[component]
fn AddAnother(ids: Vec<SchemeId>) -> impl IntoView {
    let l = locale();
    let room = ids.len() < COMPARE_MAX;
    let chosen: Vec<String> = ids.iter().map(|id| format!("id={id}")).collect();
    let zone = if chosen.is_empty() { "/tariffs".to_owned() } else { format!("/tariffs?{}", chosen.join("&")) };
    let kept =
        ids.into_iter().map(|id| view! { <input type="hidden" name="id" value=id.to_string() /> }).collect_view();
    room.then(|| {
        view! {
            <form class="card compare-add screen-only" action="/tariffs/compare">
                {kept}
                <div class="field">
                    <label for="another">{td_string!(l, tariff.compare_add)}</label>
                    <div class="search">
                        <input id="another" name="id" maxlength="20" autocomplete="off" placeholder="26MB900001" />
                        <button class="button">{td_string!(l, tariff.compare_add_button)}</button>
                    </div>
                </div>
                <p><a href=zone>{td_string!(l, tariff.compare_add_from_zone)}</a></p>
            </form>
        }
    })
}
