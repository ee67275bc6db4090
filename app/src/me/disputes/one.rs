use charging::clock::local_date;
use charging::dispute::store::{events, find};
use charging::dispute::{CaseId, Dispute, Event, State};
use charging::money::plain;
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_params_map;
use rust_decimal::Decimal;

use super::words::{finding_text, problem_text, state_tag, steps};
use crate::components::{PageError, day_text, month_text, page, time_text};
use crate::i18n::{Locale, td_string};
use crate::me::bill::kind_text;
use crate::me::parts::{Tone, banner, query};
use crate::me::proof::fact;
use crate::request::{locale, signed_in};
use crate::state::AppState;

/// `/me/disputes/{dispute}`
#[component]
pub fn DisputePage() -> impl IntoView {
    page(|| {
        let (state, l) = (AppState::current(), locale());
        let dispute_id = use_params_map().get_untracked().get("dispute").and_then(|id| id.parse::<i64>().ok());
        let problem = query("problem").and_then(|problem| problem_text(l, &problem));
        let done = query("ok").and_then(|ok| done_text(l, &ok));
        async move {
            let subscriber_id = signed_in().await.ok_or(PageError::SignedOut)?;
            let case = CaseId { subscriber_id, dispute_id: dispute_id.ok_or(PageError::NotFound)? };
            let mut db = state.pool.acquire().await?;
            let dispute = find(&mut db, case).await?.ok_or(PageError::NotFound)?;
            let events = events(&mut db, case).await?;
            let title = td_string!(l, dispute.one_title, amount = plain(dispute.line_amount));
            let kind = kind_text(l, dispute.line_kind, None);
            let (month, tariff) = (month_text(l, dispute.month), dispute.tariff_name.as_str());
            let lead = td_string!(l, dispute.one_lead, month = month, kind = kind, tariff = tariff);
            let line = format!("/me/bills/{}/{}", dispute.month, dispute.line_no);
            Ok(view! {
                <Title text=title.clone() />
                <article class="slip stack">
                    <header class="stack-tight">
                        <p class="back"><a href="/me/disputes">{td_string!(l, dispute.all)}</a></p>
                        <h1>{title}</h1>
                        <p>{lead}</p>
                        <p><a href=line>{td_string!(l, dispute.line_link)}</a></p>
                    </header>
                    {problem.map(|text| banner(Tone::Bad, text))}
                    {done.map(|text| banner(Tone::Good, text))}
                    {what_is_asked(l, &dispute)}
                    {facts(l, &dispute)}
                    {history(l, events)}
                    {ways_on(l, &dispute)}
                </article>
            })
        }
    })
}

fn done_text(l: Locale, ok: &str) -> Option<&'static str> {
    Some(match ok {
        "opened" => td_string!(l, dispute.ok_opened),
        "refunded" => td_string!(l, dispute.ok_refunded),
        "told" => td_string!(l, dispute.ok_told),
        "withdrawn" => td_string!(l, dispute.ok_withdrawn),
        "reopened" => td_string!(l, dispute.ok_reopened),
        _ => return None,
    })
}

fn facts(l: Locale, dispute: &Dispute) -> impl IntoView + use<> {
    let (class, state) = state_tag(l, dispute);
    let awarded = dispute.standing.awarded;
    let given_back = if awarded.is_zero() {
        td_string!(l, dispute.nothing_yet).to_owned()
    } else {
        td_string!(l, bill.yuan, amount = plain(awarded))
    };
    let agent =
        dispute.agent.as_ref().map_or_else(|| td_string!(l, dispute.nobody_yet).to_owned(), |(_, name)| name.clone());
    let is_open = dispute.standing.state.is_open();
    let due = is_open.then(|| fact(td_string!(l, dispute.due), day_text(l, local_date(dispute.due_at))));
    let back =
        (awarded > Decimal::ZERO).then(|| view! { <p class="small muted">{td_string!(l, dispute.back_how)}</p> });
    let found = (!is_open).then(|| {
        let found = dispute.findings.iter().map(|finding| view! { <li>{finding_text(l, *finding)}</li> });
        view! { <ul class="plain-list">{found.collect_view()}</ul> }
    });
    view! {
        <section class="card">
            <p><span class=class>{state}</span></p>
            <dl class="facts">
                {fact(td_string!(l, dispute.charged), td_string!(l, bill.yuan, amount = plain(dispute.line_amount)))}
                {fact(td_string!(l, dispute.given_back), given_back)}
                {fact(td_string!(l, dispute.opened), time_text(l, dispute.opened_at))}
                {due}
                {fact(td_string!(l, dispute.agent), agent)}
            </dl>
            {found}
            {back}
        </section>
    }
}

fn history(l: Locale, events: Vec<Event>) -> impl IntoView {
    view! {
        <section class="card">
            <h2>{td_string!(l, dispute.steps)}</h2>
            {steps(l, events, td_string!(l, dispute.by_you))}
        </section>
    }
}

/// The answer that the agent waits for.
fn what_is_asked(l: Locale, dispute: &Dispute) -> Option<impl IntoView + use<>> {
    let id = dispute.dispute_id.to_string();
    (dispute.standing.state == State::Asked).then(|| {
        view! {
            <form class="card" method="post" action="/api/dispute_tell">
                <h2>{td_string!(l, dispute.tell_title)}</h2>
                <input type="hidden" name="dispute" value=id />
                <div class="field">
                    <label for="words">{td_string!(l, dispute.tell_words)}</label>
                    <textarea id="words" name="words" rows="3" maxlength="1000" required></textarea>
                </div>
                <button class="button primary wide-button" type="submit">{td_string!(l, dispute.tell_button)}</button>
            </form>
        }
    })
}

/// Taking it back, objecting once more, and the regulator.
fn ways_on(l: Locale, dispute: &Dispute) -> AnyView {
    let standing = dispute.standing;
    let id = dispute.dispute_id.to_string();
    let withdraw = standing.withdraw().is_ok().then(|| {
        let text = if standing.round == 1 {
            td_string!(l, dispute.withdraw_text)
        } else {
            td_string!(l, dispute.withdraw_again_text)
        };
        view! {
            <form class="card" method="post" action="/api/dispute_withdraw">
                <h2>{td_string!(l, dispute.withdraw_title)}</h2>
                <p>{text}</p>
                <input type="hidden" name="dispute" value=id.clone() />
                <button class="button wide-button" type="submit">{td_string!(l, dispute.withdraw_button)}</button>
            </form>
        }
    });
    let reopen = standing.reopen().is_ok().then(|| {
        view! {
            <form class="card" method="post" action="/api/dispute_reopen">
                <h2>{td_string!(l, dispute.reopen_title)}</h2>
                <p>{td_string!(l, dispute.reopen_text)}</p>
                <input type="hidden" name="dispute" value=id.clone() />
                <div class="field">
                    <label for="again">{td_string!(l, dispute.reopen_words)}</label>
                    <textarea id="again" name="words" rows="2" maxlength="1000"></textarea>
                </div>
                <button class="button wide-button" type="submit">{td_string!(l, dispute.reopen_button)}</button>
            </form>
        }
    });
    let appeal = (standing.left() > Decimal::ZERO && standing.state != State::Withdrawn).then(|| {
        view! {
            <section class="card">
                <h2>{td_string!(l, dispute.appeal_title)}</h2>
                <p>{td_string!(l, dispute.appeal_text)}</p>
            </section>
        }
    });
    (withdraw, reopen, appeal).into_any()
}
