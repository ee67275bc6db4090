//! `/staff/tariffs`: what is in work, what waits for approval, what goes live when, and what is public.

use charging::staff::Permission;
use charging::tariff::draft::State;
use charging::tariff::draft::store::{Counts, Item, list};
use leptos::prelude::*;
use leptos_meta::Title;

use super::words::{state_class, state_name};
use crate::components::{Pager, page, time_text};
use crate::i18n::{Locale, td_string};
use crate::me::parts::query;
use crate::request::{locale, query_value};
use crate::state::AppState;

/// `/staff/tariffs`
#[component]
pub fn TariffWorkPage() -> impl IntoView {
    page(|| {
        let state = AppState::current();
        let l = locale();
        let asked = query("state").and_then(|name| State::named(&name));
        let text = query("q").unwrap_or_default();
        let number = query("page").and_then(|page| page.parse().ok()).unwrap_or(1);
        let answer = super::answer();
        async move {
            let member = super::member()?;
            let found = list(&mut *state.pool.acquire().await?, asked, &text, number).await?;
            let base =
                format!("/staff/tariffs?state={}&q={}&page=", asked.map_or("", State::as_str), query_value(&text));
            let begin = member.may(Permission::DraftTariffs).then(|| {
                view! { <p class="actions"><a class="button primary" href="/staff/tariffs/new">{td_string!(l, draft.begin)}</a></p> }
            });
            let body = if found.items.is_empty() {
                view! { <p class="empty">{td_string!(l, draft.none_found)}</p> }.into_any()
            } else {
                table(l, found.items)
            };
            Ok(view! {
                <Title text=td_string!(l, draft.title) />
                <div class="stack-tight">
                    <h1>{td_string!(l, draft.title)}</h1>
                    <p class="muted">{td_string!(l, draft.lead)}</p>
                </div>
                {answer}
                {begin}
                {filters(l, asked, &text, &found.counts)}
                {body}
                <Pager page=found.page pages=found.pages base />
            })
        }
    })
}

fn filters(l: Locale, asked: Option<State>, text: &str, counts: &Counts) -> impl IntoView + use<> {
    let options = counts
        .iter()
        .map(|(state, n)| {
            let words = format!("{} ({n})", state_name(l, *state));
            view! { <option value=state.as_str() selected=asked == Some(*state)>{words}</option> }
        })
        .collect_view();
    view! {
        <form class="card trail-filter" method="get" action="/staff/tariffs">
            <div class="field">
                <label for="q">{td_string!(l, draft.search)}</label>
                <input id="q" name="q" value=text.to_owned() maxlength="40" />
            </div>
            <div class="field">
                <label for="state">{td_string!(l, draft.state)}</label>
                <select id="state" name="state">
                    <option value="">{td_string!(l, draft.state_any)}</option>
                    {options}
                </select>
            </div>
            <div class="actions">
                <button class="button primary" type="submit">{td_string!(l, draft.filter)}</button>
            </div>
        </form>
    }
}

fn table(l: Locale, items: Vec<Item>) -> AnyView {
    let rows = items.into_iter().map(|item| row(l, item)).collect_view();
    view! {
        <section class="card">
            <div class="table-scroll" role="region" tabindex="0" aria-label=td_string!(l, draft.title)>
                <table class="table">
                    <thead>
                        <tr>
                            <th scope="col">{td_string!(l, draft.name)}</th>
                            <th scope="col">{td_string!(l, draft.scheme_id)}</th>
                            <th scope="col">{td_string!(l, draft.state)}</th>
                            <th scope="col">{td_string!(l, draft.go_live)}</th>
                            <th scope="col">{td_string!(l, draft.last_written)}</th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </div>
        </section>
    }
    .into_any()
}

fn row(l: Locale, item: Item) -> impl IntoView {
    // What is written in opens as a form, what was submitted as what is decided about.
    let href = match item.submission_id.filter(|_| !item.state.is_open() && item.state != State::Discarded) {
        Some(submission) => format!("/staff/tariffs/submissions/{submission}"),
        None => format!("/staff/tariffs/drafts/{}", item.draft_id),
    };
    let name = if item.name.trim().is_empty() { td_string!(l, draft.unnamed).to_owned() } else { item.name };
    let at = item.go_live_at.filter(|_| item.state.is_submitted() || item.state == State::Live);
    view! {
        <tr>
            <td><a href=href>{name}</a></td>
            <td>{item.scheme_id}</td>
            <td><span class=state_class(item.state)>{state_name(l, item.state)}</span></td>
            <td>{at.map_or_else(|| "–".to_owned(), |at| time_text(l, at))}</td>
            <td>{item.written_by} " · " {time_text(l, item.written_at)}</td>
        </tr>
    }
}
