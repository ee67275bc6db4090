use charging::tariff::withdrawal::{Plan, REASON_CHARS_MAX, State, list};
use leptos::prelude::*;
use leptos_meta::Title;

use super::effect::lines_table;
use super::list::plan_head;
use super::outcome;
use crate::components::page;
use crate::i18n::{Locale, td_string};
use crate::request::locale;
use crate::state::AppState;

/// `/staff/tariffs/withdrawals`
#[component]
pub fn WithdrawalsPage() -> impl IntoView {
    page(|| {
        let state = AppState::current();
        let l = locale();
        let outcome = outcome(l);
        async move {
            let own = crate::staff::member()?;
            let plans = list(&mut *state.pool.acquire().await?).await?;
            let (open, decided): (Vec<Plan>, Vec<Plan>) = plans.into_iter().partition(|plan| plan.state == State::Open);
            let none = open.is_empty().then(|| view! { <p class="empty">{td_string!(l, board.approvals_none)}</p> });
            let open = open.iter().map(|plan| waiting(l, plan, own.staff_id)).collect_view();
            let has_decided = !decided.is_empty();
            let decided = decided
                .iter()
                .map(|plan| {
                    view! {
                        <article class="card">
                            {plan_head(l, plan)}
                            {lines_table(l, &plan.lines, plan.state == State::Approved)}
                        </article>
                    }
                })
                .collect_view();
            Ok(view! {
                <Title text=td_string!(l, board.approvals) />
                <div class="stack-tight">
                    <h1>{td_string!(l, board.approvals)}</h1>
                    <p class="muted">{td_string!(l, board.approvals_lead)}</p>
                </div>
                {outcome}
                {none}
                {open}
                {has_decided.then(|| view! { <h2>{td_string!(l, board.decided_title)}</h2> })}
                {decided}
            })
        }
    })
}

/// A plan that waits, with the two answers; none to one's own.
fn waiting(l: Locale, plan: &Plan, own: i64) -> AnyView {
    let id = plan.plan_id.to_string();
    let answers = if plan.asked_by.staff_id == own {
        view! { <p class="muted">{td_string!(l, board.own)}</p> }.into_any()
    } else {
        let answer = format!("answer-{id}");
        view! {
            <div class="ways">
                <form method="post" action="/staff/api/approve_withdrawal">
                    <input type="hidden" name="plan" value=id.clone() />
                    <button class="button primary" type="submit">{td_string!(l, board.approve)}</button>
                </form>
                <form class="stack-tight" method="post" action="/staff/api/refuse_withdrawal">
                    <input type="hidden" name="plan" value=id />
                    <div class="field">
                        <label for=answer.clone()>{td_string!(l, board.refuse_reason)}</label>
                        <input id=answer name="answer" maxlength=REASON_CHARS_MAX.to_string() autocomplete="off" required />
                    </div>
                    <button class="button" type="submit">{td_string!(l, board.refuse)}</button>
                </form>
            </div>
        }
        .into_any()
    };
    view! {
        <article class="card" data-plan=plan.plan_id.to_string()>
            {plan_head(l, plan)}
            {lines_table(l, &plan.lines, false)}
            {answers}
        </article>
    }
    .into_any()
}
