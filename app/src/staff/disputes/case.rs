use charging::bill::LineKind;
use charging::bill::store::explain;
use charging::clock::local_date;
use charging::dispute::desk::{look, reason};
use charging::dispute::store::{events, evidence, find};
use charging::dispute::{CaseId, Dispute, Suggestion, verdict};
use charging::money::plain;
use charging::subscriber::Subscriber;
use charging::subscriber::store::find as find_subscriber;
use charging::usage::store::records_of_bill_line;
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_params_map;

use super::facts;
use super::list::urgency;
use crate::components::{PageError, day_text, month_text, page, time_text};
use crate::i18n::{Locale, td_string};
use crate::me::bill::{Records, grounds, kind_text};
use crate::me::disputes::words::{problem_text, state_tag, steps};
use crate::me::parts::{Tone, banner, query};
use crate::me::proof::fact;
use crate::request::locale;
use crate::state::AppState;

/// Usage records on one page.
const PAGE: u32 = 50;

/// `/staff/complaints/{complaint}`
#[component]
pub fn CasePage() -> impl IntoView {
    page(|| {
        let (state, l) = (AppState::current(), locale());
        let case = use_params_map().get_untracked().get("complaint").and_then(|case| case.parse::<CaseId>().ok());
        let problem = query("problem").and_then(|problem| problem_text(l, &problem));
        let done = query("ok").and_then(|ok| done_text(l, &ok));
        let at_page = query("page").and_then(|page| page.parse().ok()).unwrap_or(1);
        let actor = crate::staff::actor();
        async move {
            let member = crate::staff::member()?;
            let now = state.clock.now();
            let case = case.ok_or(PageError::NotFound)?;
            let mut tx = state.pool.begin().await?;
            let dispute = find(&mut tx, case).await?.ok_or(PageError::NotFound)?;
            // To work on a case is the reason to look at its subscriber, and is written down like any other.
            if reason(&mut tx, &actor, case.subscriber_id, now).await?.is_none() {
                let why = td_string!(l, dispute.reason_case, case = case);
                look(&mut tx, &actor, case.subscriber_id, &why, now).await?;
            }
            tx.commit().await?;
            let mut db = state.pool.acquire().await?;
            let subscriber = find_subscriber(&mut db, case.subscriber_id).await?.ok_or(PageError::NotFound)?;
            let facts = evidence(&mut db, &dispute).await?;
            let suggestion = verdict::suggest(&facts);
            let events = events(&mut db, case).await?;
            // Evidence that cannot be read explains nothing; that it cannot is among the facts.
            let why = explain(&mut db, case.subscriber_id, dispute.month, dispute.line_no).await.ok().flatten();
            let records = match dispute.line_kind {
                LineKind::DataOverage | LineKind::VoiceOverage | LineKind::SmsOverage | LineKind::LateUsage => {
                    let (id, month, line_no) = (case.subscriber_id, dispute.month, dispute.line_no);
                    Some(records_of_bill_line(&mut db, id, month, line_no, at_page, PAGE).await?)
                }
                _ => None,
            };
            let base = format!("/staff/complaints/{case}?page=");
            let is_own = dispute.agent.as_ref().is_some_and(|(login, _)| login == member.login.as_str());
            Ok(view! {
                <Title text=td_string!(l, dispute.case_title, case = case) />
                <p><a href="/staff/complaints">{td_string!(l, dispute.to_list)}</a></p>
                {head(l, &dispute, &subscriber, urgency(l, &dispute, now))}
                {problem.map(|text| banner(Tone::Bad, text))}
                {done.map(|text| banner(Tone::Good, text))}
                {facts::evidence(l, &facts, &suggestion)}
                <section class="card">
                    <h2>{td_string!(l, dispute.steps)}</h2>
                    {steps(l, events, td_string!(l, dispute.by_owner))}
                </section>
                {dispute.standing.state.is_open().then(|| ways(l, &dispute, &suggestion, is_own))}
                {why.map(|why| grounds(l, why, false))}
                {records.map(|records| view! { <Records records base /> })}
            })
        }
    })
}

fn done_text(l: Locale, ok: &str) -> Option<&'static str> {
    Some(match ok {
        "taken" => td_string!(l, dispute.ok_taken),
        "asked" => td_string!(l, dispute.ok_asked),
        "answered" => td_string!(l, dispute.ok_answered),
        _ => return None,
    })
}

fn head(l: Locale, dispute: &Dispute, subscriber: &Subscriber, urgency: Option<AnyView>) -> impl IntoView + use<> {
    let (class, state) = state_tag(l, dispute);
    let kind = kind_text(l, dispute.line_kind, None);
    let (month, tariff) = (month_text(l, dispute.month), dispute.tariff_name.as_str());
    let lead = td_string!(l, dispute.one_lead, month = month, kind = kind, tariff = tariff);
    let title = td_string!(l, dispute.one_title, amount = plain(dispute.line_amount));
    let round = (dispute.standing.round > 1)
        .then(|| view! { " " <span class="tag warn">{td_string!(l, dispute.round_two)}</span> });
    let agent = dispute.agent.as_ref();
    let agent = agent.map_or_else(|| td_string!(l, dispute.nobody_yet).to_owned(), |(_, name)| name.clone());
    let number = format!("{} {}", subscriber.msisdn, subscriber.name);
    view! {
        <div class="stack-tight">
            <h1>{title}</h1>
            <p>{lead}</p>
            <p><span class=class>{state}</span> {round} {urgency}</p>
        </div>
        <dl class="facts card">
            {fact(td_string!(l, dispute.number), number)}
            {fact(td_string!(l, dispute.opened), time_text(l, dispute.opened_at))}
            {fact(td_string!(l, dispute.due), day_text(l, local_date(dispute.due_at)))}
            {fact(td_string!(l, dispute.given_back), plain(dispute.standing.awarded))}
            {fact(td_string!(l, dispute.agent), agent)}
        </dl>
        <p>
            <a class="button" href=format!("/staff/subscribers/{}", subscriber.msisdn)>
                {td_string!(l, dispute.to_subscriber)}
            </a>
        </p>
    }
}

/// What an agent can do with an open case.
fn ways(l: Locale, dispute: &Dispute, suggestion: &Suggestion, is_own: bool) -> AnyView {
    let case = dispute.case().to_string();
    let left = dispute.standing.left();
    let amount = if suggestion.refund.is_zero() { left } else { suggestion.refund.min(left) };
    let words = |id: &'static str, label: &'static str| {
        view! {
            <div class="field">
                <label for=id>{label}</label>
                <textarea id=id name="words" rows="4" maxlength="1000" required></textarea>
            </div>
        }
    };
    let take = (!is_own).then(|| {
        let text = match &dispute.agent {
            Some((_, name)) => td_string!(l, dispute.taken_by_other, name = name.as_str()),
            None => td_string!(l, dispute.take_text).to_owned(),
        };
        view! {
            <form class="card" method="post" action="/staff/api/dispute_take">
                <h2>{td_string!(l, dispute.take)}</h2>
                <p>{text}</p>
                <input type="hidden" name="case" value=case.clone() />
                <button class="button" type="submit">{td_string!(l, dispute.take)}</button>
            </form>
        }
    });
    view! {
        <div class="case-ways">
            {take}
            <form class="card" method="post" action="/staff/api/dispute_ask">
                <h2>{td_string!(l, dispute.ask_title)}</h2>
                <input type="hidden" name="case" value=case.clone() />
                {words("ask", td_string!(l, dispute.ask_words))}
                <button class="button" type="submit">{td_string!(l, dispute.ask_button)}</button>
            </form>
            <form class="card" method="post" action="/staff/api/dispute_refund">
                <h2>{td_string!(l, dispute.refund_title)}</h2>
                <p class="small muted">{td_string!(l, dispute.refund_approval)}</p>
                <input type="hidden" name="case" value=case.clone() />
                <div class="field">
                    <label for="refund">{td_string!(l, dispute.refund_amount, left = plain(left))}</label>
                    <input id="refund" name="amount" value=plain(amount) inputmode="decimal" maxlength="15" required />
                </div>
                {words("why-back", td_string!(l, dispute.reason_words))}
                <button class="button" type="submit">{td_string!(l, dispute.refund_button)}</button>
            </form>
            <form class="card" method="post" action="/staff/api/dispute_explain">
                <h2>{td_string!(l, dispute.explain_title)}</h2>
                <input type="hidden" name="case" value=case />
                {words("why-right", td_string!(l, dispute.reason_words))}
                <button class="button" type="submit">{td_string!(l, dispute.explain_button)}</button>
            </form>
        </div>
    }
    .into_any()
}
