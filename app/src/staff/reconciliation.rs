//! `/staff/reconciliation`: the gateway's statements, and what in them is not as in our books.

use charging::reconciliation::store::{ReconciliationError, resolve};
use charging::reconciliation::view::{Difference, PAGE, Statement, differences, statements};
use charging::reconciliation::{Kind, What};
use leptos::prelude::*;
use leptos_meta::Title;
use rust_decimal::Decimal;

use super::{actor, member};
use crate::components::{Pager, Yuan, day_text, page, time_text};
use crate::i18n::{Locale, td_string};
use crate::me::parts::{Tone, banner, query};
use crate::request::{locale, redirect};
use crate::state::AppState;

/// Statements that are listed, the newest: two a day.
const STATEMENTS: u8 = 28;

/// `/staff/reconciliation`
#[component]
pub fn ReconciliationPage() -> impl IntoView {
    page(|| {
        let (state, l) = (AppState::current(), locale());
        let all = query("list").as_deref() == Some("all");
        let number: u32 = query("page").and_then(|page| page.parse().ok()).unwrap_or(1).max(1);
        let (ok, problem) = (query("ok"), query("problem"));
        async move {
            member()?;
            let mut db = state.pool.acquire().await?;
            let fetched = statements(&mut db, STATEMENTS).await?;
            let (found, total) = differences(&mut db, !all, number).await?;
            let pages = u32::try_from(total).unwrap_or(u32::MAX).div_ceil(PAGE).max(1);
            let told = ok.map(|_| banner(Tone::Good, td_string!(l, pay.ok_resolved)));
            let refused = problem.map(|problem| {
                banner(
                    Tone::Bad,
                    match problem.as_str() {
                        "note" => td_string!(l, pay.problem_note),
                        "gone" => td_string!(l, pay.problem_difference),
                        _ => td_string!(l, pay.problem_failed),
                    },
                )
            });
            let here = |list_all: bool| (all == list_all).then_some("page");
            let none = found.is_empty().then(|| view! { <p class="empty">{td_string!(l, pay.no_differences)}</p> });
            let items = found.into_iter().map(|difference| item(l, difference)).collect_view();
            let base = format!("/staff/reconciliation?list={}&page=", if all { "all" } else { "open" });
            Ok(view! {
                <Title text=td_string!(l, pay.reconciliation) />
                <div class="stack-tight">
                    <h1>{td_string!(l, pay.reconciliation)}</h1>
                    <p class="muted">{td_string!(l, pay.reconciliation_lead)}</p>
                </div>
                {told}
                {refused}
                <nav class="tabs" aria-label=td_string!(l, pay.differences)>
                    <a href="/staff/reconciliation" aria-current=here(false)>{td_string!(l, pay.differences_open)}</a>
                    <a href="/staff/reconciliation?list=all" aria-current=here(true)>{td_string!(l, pay.differences_all)}</a>
                </nav>
                {none}
                <ol class="trail">{items}</ol>
                <Pager page=number pages base />
                {statement_table(l, &fetched)}
            })
        }
    })
}

fn kind_name(l: Locale, kind: Kind) -> &'static str {
    match kind {
        Kind::Payment => td_string!(l, pay.kind_payment),
        Kind::Refund => td_string!(l, pay.kind_refund),
    }
}

fn what_name(l: Locale, what: What) -> &'static str {
    match what {
        What::MissingHere => td_string!(l, pay.missing_here),
        What::MissingThere => td_string!(l, pay.missing_there),
        What::AmountDiffers => td_string!(l, pay.amount_differs),
        What::StateDiffers => td_string!(l, pay.state_differs),
        What::Unreadable => td_string!(l, pay.unreadable),
    }
}

fn item(l: Locale, difference: Difference) -> impl IntoView {
    let amount = |amount: Option<Decimal>| match amount {
        Some(amount) => view! { <Yuan amount /> }.into_any(),
        None => "–".into_any(),
    };
    let end = if let (Some(by), Some(at)) = (&difference.resolved_by, difference.resolved_at) {
        let who = match by.as_str() {
            "system" => td_string!(l, pay.by_system),
            other => other.trim_start_matches("staff:"),
        };
        let told = td_string!(l, pay.resolved_by, who = who, time = time_text(l, at));
        view! { <p class="muted">{told} " " {difference.note.clone()}</p> }.into_any()
    } else {
        let matter = (!difference.note.is_empty()).then(|| view! { <p>{difference.note.clone()}</p> });
        view! { {matter} {resolve_form(l, difference.difference_id)} }.into_any()
    };
    view! {
        <li class="card">
            <div class="row spread">
                <h2>{kind_name(l, difference.kind)} " · " {what_name(l, difference.what)}</h2>
                <span class="muted">{day_text(l, difference.day)}</span>
            </div>
            <p class="small muted">{difference.number}</p>
            <dl class="facts">
                <div><dt>{td_string!(l, pay.here)}</dt><dd>{amount(difference.amount_here)}</dd></div>
                <div><dt>{td_string!(l, pay.there)}</dt><dd>{amount(difference.amount_there)}</dd></div>
            </dl>
            {end}
        </li>
    }
}

fn resolve_form(l: Locale, id: i64) -> impl IntoView {
    let field = format!("note-{id}");
    view! {
        <form class="stack-tight" method="post" action="/staff/api/resolve_difference">
            <input type="hidden" name="difference" value=id.to_string() />
            <div class="field">
                <label for=field.clone()>{td_string!(l, pay.resolve_note)}</label>
                <input id=field name="note" maxlength="500" autocomplete="off" required />
            </div>
            <button class="button">{td_string!(l, pay.resolve)}</button>
        </form>
    }
}

fn statement_table(l: Locale, statements: &[Statement]) -> AnyView {
    let rows = statements
        .iter()
        .map(|statement| {
            let open = (statement.open > 0)
                .then(|| view! { <span class="tag warn">{td_string!(l, pay.open_count, n = statement.open)}</span> });
            view! {
                <tr>
                    <th scope="row">{day_text(l, statement.day)}</th>
                    <td>{kind_name(l, statement.kind)}</td>
                    <td class="num">{statement.lines}</td>
                    <td class="num"><Yuan amount=statement.total /></td>
                    <td>{open.map_or_else(|| td_string!(l, pay.matches).into_any(), IntoAny::into_any)}</td>
                </tr>
            }
        })
        .collect_view();
    let empty = statements.is_empty().then(|| view! { <p class="empty">{td_string!(l, pay.no_statements)}</p> });
    view! {
        <section class="card">
            <h2 id="statements">{td_string!(l, pay.statements)}</h2>
            {empty}
            <div class="table-scroll" role="region" tabindex="0" aria-labelledby="statements">
                <table class="table" aria-labelledby="statements">
                    <thead>
                        <tr>
                            <th scope="col">{td_string!(l, pay.day)}</th>
                            <th scope="col">{td_string!(l, pay.kind)}</th>
                            <th scope="col" class="num">{td_string!(l, pay.lines)}</th>
                            <th scope="col" class="num">{td_string!(l, pay.total)}</th>
                            <th scope="col">{td_string!(l, pay.differences)}</th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </div>
        </section>
    }
    .into_any()
}

/// Says of a difference why it is all right, or what was done about it.
#[server(prefix = "/staff/api", endpoint = "resolve_difference")]
pub async fn staff_resolve_difference(difference: i64, #[server(default)] note: String) -> Result<(), ServerFnError> {
    let state = AppState::current();
    let resolved = async {
        let mut tx = state.pool.begin().await?;
        resolve(&mut tx, &actor(), difference, &note, state.clock.now()).await?;
        Ok(tx.commit().await?)
    };
    redirect(match resolved.await {
        Ok(()) => "/staff/reconciliation?ok=resolved",
        Err(ReconciliationError::NoReason) => "/staff/reconciliation?problem=note",
        Err(ReconciliationError::NoDifference) => "/staff/reconciliation?problem=gone",
        Err(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, "a difference could not be resolved");
            "/staff/reconciliation?problem=failed"
        }
    });
    Ok(())
}
