use charging::clock::{Month, local_date};
use charging::tariff::board::store::board;
use charging::tariff::withdrawal::{Line, REASON_CHARS_MAX, WithdrawalError, effect};
use chrono::{DateTime, Days, Utc};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;
use rust_decimal::Decimal;

use super::words::{difference, yuan};
use super::{chosen, outcome, words};
use crate::components::page;
use crate::i18n::{Locale, td_string};
use crate::me::parts::{Tone, banner, query};
use crate::request::locale;
use crate::staff::local_time::minute;
use crate::state::AppState;

/// `/staff/tariffs/board/effect`: what taking the chosen tariffs off sale does, and the form that asks for it.
#[component]
pub fn EffectPage() -> impl IntoView {
    page(|| {
        let state = AppState::current();
        let l = locale();
        let outcome = outcome(l);
        let chosen = chosen();
        let reason = use_query_map().get_untracked().get("reason").unwrap_or_default();
        let reason: String = reason.chars().take(REASON_CHARS_MAX).collect();
        let typed = (query("withdraw_at"), reason);
        async move {
            crate::staff::member()?;
            let now = state.clock.now();
            let mut db = state.pool.acquire().await?;
            let lines = effect(&board(&mut db, now).await?, &chosen);
            let body = match lines {
                Ok(lines) => form(l, &lines, typed, now),
                Err(WithdrawalError::Tariffs) if chosen.is_empty() => {
                    view! { <p class="empty">{td_string!(l, board.effect_none)}</p> }.into_any()
                }
                Err(error) => banner(Tone::Bad, words::problem_text(l, words::problem(&error)).unwrap_or_default()),
            };
            Ok(view! {
                <Title text=td_string!(l, board.effect_title) />
                <p><a href="/staff/tariffs/board">{td_string!(l, board.back)}</a></p>
                <div class="stack-tight">
                    <h1>{td_string!(l, board.effect_title)}</h1>
                    <p class="muted">{td_string!(l, board.effect_lead)}</p>
                </div>
                {outcome}
                {body}
            })
        }
    })
}

fn form(l: Locale, lines: &[Line], typed: (Option<String>, String), now: DateTime<Utc>) -> AnyView {
    let ids = lines
        .iter()
        .map(|line| view! { <input type="hidden" name="tariffs[]" value=line.scheme_id.to_string() /> })
        .collect_view();
    // The first day of a month after next week: bills and habits go by months.
    let usual = local_date(now) + Days::new(7);
    let usual = Month::of_date(usual).next().first_day();
    let withdraw_at = typed.0.unwrap_or_else(|| format!("{usual}T00:00"));
    view! {
        <section class="card">{lines_table(l, lines, false)}</section>
        <form class="card" method="post" action="/staff/api/ask_withdrawal">
            {ids}
            <div class="field">
                <label for="withdraw_at">{td_string!(l, board.withdraw_at)}</label>
                <input
                    id="withdraw_at"
                    type="datetime-local"
                    name="withdraw_at"
                    value=withdraw_at
                    min=minute(now)
                    required
                    aria-describedby="withdraw-at-hint"
                />
                <p class="hint" id="withdraw-at-hint">{td_string!(l, board.withdraw_at_hint)}</p>
            </div>
            <div class="field">
                <label for="reason">{td_string!(l, board.reason)}</label>
                <textarea
                    id="reason"
                    name="reason"
                    rows="3"
                    maxlength=REASON_CHARS_MAX.to_string()
                    required
                    aria-describedby="reason-hint"
                >
                    {typed.1}
                </textarea>
                <p class="hint" id="reason-hint">{td_string!(l, board.reason_hint)}</p>
            </div>
            <button class="button primary wide-button" type="submit">{td_string!(l, board.ask)}</button>
        </form>
    }
    .into_any()
}

/// Each tariff with who has it, what comes in from them, and what they could have instead.
pub(super) fn lines_table(l: Locale, lines: &[Line], is_approved: bool) -> AnyView {
    let rows = lines.iter().map(|line| row(l, line, is_approved)).collect_view();
    let subscribers: u64 = lines.iter().map(|line| line.subscribers).sum();
    let monthly: Decimal = lines.iter().map(|line| line.monthly).sum();
    view! {
        <div class="table-scroll" role="region" tabindex="0" aria-label=td_string!(l, board.effect_title)>
            <table class="table board-table">
                <thead>
                    <tr>
                        <th scope="col">{td_string!(l, board.column_name)}</th>
                        <th scope="col" class="num">{td_string!(l, board.column_subscribers)}</th>
                        <th scope="col" class="num">{td_string!(l, board.column_monthly)}</th>
                        <th scope="col">{td_string!(l, board.instead)}</th>
                    </tr>
                </thead>
                <tbody>
                    {rows}
                    <tr>
                        <th scope="row">{td_string!(l, board.total)}</th>
                        <td class="num">{subscribers}</td>
                        <td class="num">{yuan(l, monthly)}</td>
                        <td></td>
                    </tr>
                </tbody>
            </table>
        </div>
    }
    .into_any()
}

fn row(l: Locale, line: &Line, is_approved: bool) -> AnyView {
    let href = format!("/tariffs/{}", line.scheme_id);
    let instead = match &line.instead {
        Some(instead) => {
            let href = format!("/tariffs/{}", instead.scheme_id);
            view! {
                <a href=href>{instead.name.clone()}</a>
                <p class="small muted">{format!("{} · {}", yuan(l, instead.price), difference(l, line).unwrap_or_default())}</p>
            }
            .into_any()
        }
        None => view! { <span class="muted">{td_string!(l, board.instead_none)}</span> }.into_any(),
    };
    let told = is_approved.then(|| {
        let words = if line.told_at.is_some() { td_string!(l, board.told) } else { td_string!(l, board.not_told) };
        view! { <p class="small muted">{words}</p> }
    });
    view! {
        <tr>
            <th scope="row">
                <a href=href>{line.name.clone()}</a>
                <p class="small muted">{format!("{} · {}", yuan(l, line.price), line.scheme_id)}</p>
                {told}
            </th>
            <td class="num">{line.subscribers}</td>
            <td class="num">{yuan(l, line.monthly)}</td>
            <td>{instead}</td>
        </tr>
    }
    .into_any()
}
