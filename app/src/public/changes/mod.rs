//! 资费变动: what changed on public display, as a page and as feeds.

mod atom;
pub mod feed;
mod json;
mod words;

use charging::tariff::changes::Change;
use charging::tariff::store::{self, Operator};
use leptos::prelude::*;
use leptos_meta::{Link, Title};

use self::words::{address, headline, said};
use crate::components::{operator_name, page, time_text};
use crate::i18n::{Locale, td_string};
use crate::me::parts::query;
use crate::request::{language_tag, locale};
use crate::state::AppState;

/// `/tariffs/changes?operator=&page=`
#[component]
pub fn ChangesPage() -> impl IntoView {
    page(|| {
        let state = AppState::current();
        let l = locale();
        let asked = query("operator").filter(|operator| !operator.is_empty());
        let number = query("page").and_then(|page| page.parse::<u32>().ok()).unwrap_or(1);
        async move {
            let mut db = state.pool.acquire().await?;
            let operators = store::operators(&mut db).await?;
            let is_known = |id: &String| operators.iter().any(|known| known.operator_id == *id);
            let unknown = asked.as_ref().is_some_and(|id| !is_known(id));
            let operator = asked.filter(is_known);
            let found = store::changes(&mut db, operator.as_deref(), number, state.clock.now()).await?;
            let chosen = operator.as_deref();
            let is_last = !found.has_more && found.page == store::CHANGES_PAGES_MAX;
            let items = found.items.iter().map(|change| item(l, change, &operators)).collect_view();
            Ok(view! {
                <Title text=td_string!(l, version.changes_title) />
                <Link rel="canonical" href=list_address(chosen, found.page) />
                <Link rel="alternate" type_="application/atom+xml" href=feed_address(l, chosen, "atom") />
                <Link rel="alternate" type_="application/feed+json" href=feed_address(l, chosen, "json") />
                <p class="back"><a href="/tariffs">{td_string!(l, tariff.back_to_zone)}</a></p>
                <div class="stack-tight">
                    <h1>{td_string!(l, version.changes_title)}</h1>
                    <p class="muted">{td_string!(l, version.changes_lead)}</p>
                </div>
                {unknown.then(|| view! { <p class="banner warn">{td_string!(l, version.changes_unknown)}</p> })}
                {tools(l, &operators, chosen)}
                {found.items.is_empty().then(|| view! { <p class="empty">{td_string!(l, version.changes_empty)}</p> })}
                <ol class="changes">{items}</ol>
                {pages(l, chosen, found.page, found.has_more)}
                {is_last.then(|| view! { <p class="small muted">{td_string!(l, version.changes_end)}</p> })}
            })
        }
    })
}

fn list_address(operator: Option<&str>, page: u32) -> String {
    let parameters = operator.map(|id| format!("operator={id}")).into_iter();
    let parameters: Vec<String> = parameters.chain((page > 1).then(|| format!("page={page}"))).collect();
    let separator = if parameters.is_empty() { "" } else { "?" };
    format!("/tariffs/changes{separator}{}", parameters.join("&"))
}

fn feed_address(l: Locale, operator: Option<&str>, ending: &str) -> String {
    let operator = operator.map(|id| format!("&operator={id}")).unwrap_or_default();
    format!("/tariffs/changes.{ending}?lang={}{operator}", language_tag(l))
}

/// Whose changes, and the feeds of them.
fn tools(l: Locale, operators: &[Operator], chosen: Option<&str>) -> impl IntoView + use<> {
    let options = operators
        .iter()
        .map(|operator| {
            let id = operator.operator_id.clone();
            let selected = chosen == Some(id.as_str());
            view! { <option value=id.clone() selected=selected>{operator_name(l, operators, &id)}</option> }
        })
        .collect_view();
    view! {
        <div class="row spread screen-only">
            <form class="row version-form" action="/tariffs/changes">
                <div class="field">
                    <label for="operator">{td_string!(l, version.changes_operator)}</label>
                    <select id="operator" name="operator">
                        <option value="">{td_string!(l, tariff.any)}</option>
                        {options}
                    </select>
                </div>
                <button class="button">{td_string!(l, version.changes_show)}</button>
            </form>
            <p class="small muted zone-downloads">
                {td_string!(l, version.changes_subscribe)} " "
                <a href=feed_address(l, chosen, "atom") rel="external">"Atom"</a> " "
                <a href=feed_address(l, chosen, "json") rel="external">"JSON Feed"</a>
            </p>
        </div>
    }
}

fn item(l: Locale, change: &Change, operators: &[Operator]) -> impl IntoView + use<> {
    let operator = operator_name(l, operators, &change.operator_id);
    view! {
        <li class="card stack-tight">
            <div class="row spread">
                <h2><a href=address(change)>{headline(l, change)}</a></h2>
                <span class="small muted">{time_text(l, change.at)}</span>
            </div>
            <p>{said(l, change)}</p>
            <p class="small muted tariff-line">
                <span>{operator}</span>
                " "
                <span>{change.scheme_id.to_string()}</span>
                " "
                <span>{td_string!(l, version.change_version, version = change.version)}</span>
            </p>
        </li>
    }
}

fn pages(l: Locale, operator: Option<&str>, page: u32, has_more: bool) -> impl IntoView + use<> {
    let (newer, older) = (list_address(operator, page.saturating_sub(1)), list_address(operator, page + 1));
    (page > 1 || has_more).then(|| {
        view! {
            <nav class="pager" aria-label=td_string!(l, common.pager_label)>
                {(page > 1)
                    .then(|| view! { <a class="button" rel="prev" href=newer>{td_string!(l, version.changes_newer)}</a> })}
                <span class="muted">{td_string!(l, version.changes_page, page = page)}</span>
                {has_more
                    .then(|| view! { <a class="button" rel="next" href=older>{td_string!(l, version.changes_older)}</a> })}
            </nav>
        }
    })
}
