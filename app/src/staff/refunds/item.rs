use charging::refund::parts::hangs;
use charging::refund::{NOTE_CHARS_MAX, Of, Part, PartState, Refund, RefundState, Route};
use chrono::{DateTime, Utc};
use leptos::prelude::*;

use super::reason_name;
use crate::components::{Yuan, month_text, time_text};
use crate::i18n::{Locale, td_string};
use crate::me::{part_text, refund_tag};

/// A refund with everything that decides about it, and the forms of whoever may: `login`, who `decides` or not.
pub fn item(l: Locale, refund: Refund, msisdn: String, (login, decides): (&str, bool), now: DateTime<Utc>) -> AnyView {
    let of = match &refund.of {
        Of::Line { month, line_no } => td_string!(l, pay.of_line, month = month_text(l, *month), line = line_no),
        Of::Imported(charge) => td_string!(l, pay.of_imported_id, id = charge.imported_charge_id),
    };
    let (class, words) = refund_tag(l, refund.state);
    let asked = td_string!(l, pay.asked_by, who = who(l, &refund.asked_by), time = time_text(l, refund.asked_at));
    let decided = refund.decided_by.as_deref().zip(refund.decided_at).map(|(by, at)| {
        let told = td_string!(l, pay.decided_by, who = who(l, by), time = time_text(l, at));
        view! { <p>{told} " " {refund.decision.clone()}</p> }
    });
    let is_own = refund.asked_by == format!("staff:{login}");
    let forms = (refund.state == RefundState::Asked).then(|| {
        if !decides {
            view! { <p class="muted">{td_string!(l, pay.lead_decides)}</p> }.into_any()
        } else if is_own {
            view! { <p class="muted">{td_string!(l, pay.problem_oneself)}</p> }.into_any()
        } else {
            decision_forms(l, &refund)
        }
    });
    let parts = refund.parts.iter().map(|part| part_view(l, part, decides, now)).collect_view();
    let note = (!refund.note.is_empty()).then(|| view! { <p>{refund.note.clone()}</p> });
    view! {
        <li class="card" id=format!("refund-{}-{}", refund.subscriber_id, refund.refund_id)>
            <div class="row spread">
                <h2>{msisdn} " · " {of}</h2>
                <span class=class>{words}</span>
            </div>
            <p class="strong"><Yuan amount=refund.amount /> " · " {reason_name(l, refund.reason)}</p>
            {note}
            <p class="small muted">{asked}</p>
            {decided}
            <ul class="plain-list">{parts}</ul>
            {forms}
        </li>
    }
    .into_any()
}

fn who(l: Locale, actor: &str) -> String {
    match actor {
        "subscriber" => td_string!(l, pay.by_subscriber).to_owned(),
        "system" => td_string!(l, pay.by_system).to_owned(),
        other => other.trim_start_matches("staff:").to_owned(),
    }
}

/// To let go and to reject look alike.
fn decision_forms(l: Locale, refund: &Refund) -> AnyView {
    let (subscriber, number) = (refund.subscriber_id.to_string(), refund.refund_id.to_string());
    let note = format!("decision-{subscriber}-{number}");
    view! {
        <div class="ways">
            <form class="stack-tight" method="post" action="/staff/api/approve_refund">
                <input type="hidden" name="subscriber" value=subscriber.clone() />
                <input type="hidden" name="refund" value=number.clone() />
                <button class="button">{td_string!(l, pay.approve)}</button>
            </form>
            <form class="stack-tight" method="post" action="/staff/api/reject_refund">
                <input type="hidden" name="subscriber" value=subscriber />
                <input type="hidden" name="refund" value=number />
                <div class="field">
                    <label for=note.clone()>{td_string!(l, pay.decision)}</label>
                    <input id=note name="decision" maxlength=NOTE_CHARS_MAX.to_string() autocomplete="off" required />
                </div>
                <button class="button">{td_string!(l, pay.reject)}</button>
            </form>
        </div>
    }
    .into_any()
}

fn part_view(l: Locale, part: &Part, decides: bool, now: DateTime<Utc>) -> AnyView {
    let sent = part.sent_at.map(|at| td_string!(l, pay.sent_at, time = time_text(l, at), n = part.tries));
    let is_open = matches!(part.state, PartState::Sent | PartState::Disputed);
    let claim = (decides && part.route == Route::Platform && is_open).then(|| claim_form(l, part));
    let give_up = part.give_up_by.as_ref().filter(|_| is_open).map_or_else(
        || (decides && hangs(part.route, part.state, part.sent_at, now)).then(|| give_up_form(l, part).into_any()),
        |by| {
            let told = td_string!(l, pay.given_up_by, who = who(l, by));
            Some(view! { <p class="small muted">{told}</p> }.into_any())
        },
    );
    view! {
        <li>
            {part_text(l, part)}
            <span class="small muted history-how">{part.refund_no.clone()} " " {sent} " " {part.failure.clone()}</span>
            {claim}
            {give_up}
        </li>
    }
    .into_any()
}

/// What a platform answered.
fn claim_form(l: Locale, part: &Part) -> impl IntoView + use<> {
    let note = format!("claim-{}", part.refund_no);
    let gives_up = (part.state == PartState::Disputed).then(|| {
        view! { <button class="button" name="answer" value="given_up">{td_string!(l, pay.claim_given_up)}</button> }
    });
    view! {
        <form class="stack-tight" method="post" action="/staff/api/answer_claim">
            <input type="hidden" name="number" value=part.refund_no.clone() />
            <div class="field">
                <label for=note.clone()>{td_string!(l, pay.claim_note)}</label>
                <input id=note name="note" maxlength=NOTE_CHARS_MAX.to_string() autocomplete="off" required />
            </div>
            <div class="actions">
                <button class="button" name="answer" value="succeeded">{td_string!(l, pay.claim_paid)}</button>
                <button class="button" name="answer" value="refused">{td_string!(l, pay.claim_refused)}</button>
                {gives_up}
            </div>
        </form>
    }
}

/// What the gateway leaves hanging goes into the balance when somebody says so.
fn give_up_form(l: Locale, part: &Part) -> impl IntoView + use<> {
    let note = format!("give-up-{}", part.refund_no);
    view! {
        <form class="stack-tight" method="post" action="/staff/api/give_up_refund">
            <input type="hidden" name="number" value=part.refund_no.clone() />
            <div class="field">
                <label for=note.clone()>{td_string!(l, pay.give_up_note)}</label>
                <input id=note name="note" maxlength=NOTE_CHARS_MAX.to_string() autocomplete="off" required />
            </div>
            <p class="small muted">{td_string!(l, pay.give_up_hint)}</p>
            <button class="button">{td_string!(l, pay.give_up)}</button>
        </form>
    }
}
