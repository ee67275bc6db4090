//! `/staff/refunds`: money that is to go back, decided by two people, and what became of it.

mod actions;
mod item;

use charging::refund::view::{Listed, PAGE, list};
use charging::refund::{NOTE_CHARS_MAX, Reason};
use charging::staff::Permission;
use charging::subscriber::store::find;
use leptos::prelude::*;
use leptos_meta::Title;

use super::member;
use crate::components::{Pager, page};
use crate::i18n::{Locale, td_string};
use crate::me::parts::{Tone, banner, query};
use crate::request::locale;
use crate::state::AppState;
use item::item;

/// The lists, by their names in an address.
const LISTS: [(&str, Listed); 4] = [
    ("asked", Listed::Asked),
    ("under_way", Listed::UnderWay),
    ("disputed", Listed::Disputed),
    ("decided", Listed::Decided),
];

/// `/staff/refunds`
#[component]
pub fn RefundsPage() -> impl IntoView {
    page(|| {
        let (state, l) = (AppState::current(), locale());
        let asked = query("list").unwrap_or_default();
        let (name, listed) = LISTS.into_iter().find(|(name, _)| *name == asked).unwrap_or(LISTS[0]);
        let number: u32 = query("page").and_then(|page| page.parse().ok()).unwrap_or(1).max(1);
        let (ok, problem) = (query("ok"), query("problem"));
        async move {
            let member = member()?;
            let mut db = state.pool.acquire().await?;
            let (refunds, total) = list(&mut db, listed, number).await?;
            let pages = u32::try_from(total).unwrap_or(u32::MAX).div_ceil(PAGE).max(1);
            let decides = member.may(Permission::ApproveRefunds);
            let mut items = Vec::with_capacity(refunds.len());
            for refund in refunds {
                let subscriber = find(&mut db, refund.subscriber_id).await?;
                let msisdn = subscriber.map(|subscriber| subscriber.msisdn.to_string()).unwrap_or_default();
                items.push(item(l, refund, msisdn, (member.login.as_str(), decides), state.clock.now()));
            }
            let none = items.is_empty().then(|| view! { <p class="empty">{td_string!(l, pay.no_refunds)}</p> });
            let told = ok.and_then(|ok| done(l, &ok)).map(|text| banner(Tone::Good, text));
            let refused = problem.and_then(|problem| refused(l, &problem)).map(|text| banner(Tone::Bad, text));
            Ok(view! {
                <Title text=td_string!(l, pay.refunds) />
                <div class="stack-tight">
                    <h1>{td_string!(l, pay.refunds)}</h1>
                    <p class="muted">{td_string!(l, pay.refunds_lead)}</p>
                </div>
                {told}
                {refused}
                <nav class="tabs" aria-label=td_string!(l, pay.refunds)>
                    {LISTS.map(|(other, _)| {
                        let here = (other == name).then_some("page");
                        view! { <a href=format!("/staff/refunds?list={other}") aria-current=here>{list_name(l, other)}</a> }
                    }).collect_view()}
                </nav>
                <p class="muted" role="status">{td_string!(l, pay.refunds_found, n = total)}</p>
                {none}
                <ol class="trail">{items}</ol>
                <Pager page=number pages base=format!("/staff/refunds?list={name}&page=") />
                {ask_form(l)}
            })
        }
    })
}

fn list_name(l: Locale, name: &str) -> &'static str {
    match name {
        "asked" => td_string!(l, pay.list_asked),
        "under_way" => td_string!(l, pay.list_under_way),
        "disputed" => td_string!(l, pay.list_disputed),
        _ => td_string!(l, pay.list_decided),
    }
}

fn reason_name(l: Locale, reason: Reason) -> &'static str {
    match reason {
        Reason::NoConsent => td_string!(l, pay.reason_no_consent),
        Reason::BrokenConsent => td_string!(l, pay.reason_broken_consent),
        Reason::AbovePrice => td_string!(l, pay.reason_above_price),
        Reason::AboveCap => td_string!(l, pay.reason_above_cap),
        Reason::AfterCancellation => td_string!(l, pay.reason_after_cancellation),
        Reason::Duplicate => td_string!(l, pay.reason_duplicate),
        Reason::NotOnSale => td_string!(l, pay.reason_not_on_sale),
        Reason::Dispute => td_string!(l, pay.reason_dispute),
        Reason::Incident => td_string!(l, pay.reason_incident),
        Reason::Goodwill => td_string!(l, pay.reason_goodwill),
    }
}

/// What an agent asks for on behalf of a subscriber.
fn ask_form(l: Locale) -> impl IntoView {
    let reasons = Reason::ALL
        .iter()
        .map(|reason| view! { <option value=reason.as_str()>{reason_name(l, *reason)}</option> })
        .collect_view();
    let field = |id: &'static str,
                 label: &'static str,
                 mode: &'static str,
                 length: &'static str,
                 placeholder: &'static str| {
        view! {
            <div class="field">
                <label for=id>{label}</label>
                <input id=id name=id inputmode=mode maxlength=length placeholder=placeholder autocomplete="off" required />
            </div>
        }
    };
    view! {
        <form class="card" method="post" action="/staff/api/ask_refund">
            <h2>{td_string!(l, pay.ask)}</h2>
            <p class="muted">{td_string!(l, pay.ask_hint)}</p>
            <div class="ways">
                {field("msisdn", td_string!(l, pay.msisdn), "numeric", "11", "13800000001")}
                {field("month", td_string!(l, pay.bill_month), "text", "7", "2026-10")}
                {field("line", td_string!(l, pay.line), "numeric", "3", "1")}
                {field("amount", td_string!(l, pay.amount_yuan), "decimal", "12", "10.00")}
                <div class="field">
                    <label for="reason">{td_string!(l, pay.reason)}</label>
                    <select id="reason" name="reason">{reasons}</select>
                </div>
                <div class="field">
                    <label for="note">{td_string!(l, pay.note)}</label>
                    <input id="note" name="note" maxlength=NOTE_CHARS_MAX.to_string() autocomplete="off" />
                </div>
            </div>
            <button class="button primary wide-button">{td_string!(l, pay.ask_submit)}</button>
        </form>
    }
}

fn done(l: Locale, ok: &str) -> Option<&'static str> {
    match ok {
        "asked" => Some(td_string!(l, pay.ok_asked)),
        "approved" => Some(td_string!(l, pay.ok_approved)),
        "rejected" => Some(td_string!(l, pay.ok_rejected)),
        "answered" => Some(td_string!(l, pay.ok_answered)),
        "giving_up" => Some(td_string!(l, pay.ok_giving_up)),
        _ => None,
    }
}

fn refused(l: Locale, problem: &str) -> Option<&'static str> {
    match problem {
        "charge" => Some(td_string!(l, pay.problem_charge)),
        "refund_amount" => Some(td_string!(l, pay.problem_refund_amount)),
        "already" => Some(td_string!(l, pay.problem_already)),
        "note" => Some(td_string!(l, pay.problem_note)),
        "oneself" => Some(td_string!(l, pay.problem_oneself)),
        "decided" => Some(td_string!(l, pay.problem_decided)),
        "not_hanging" => Some(td_string!(l, pay.problem_not_hanging)),
        "failed" => Some(td_string!(l, pay.problem_failed)),
        _ => None,
    }
}
