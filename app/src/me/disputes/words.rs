//! Words for disputes, shared by the subscriber's pages and the desk.

use charging::actor::Actor;
use charging::dispute::store::DisputeError;
use charging::dispute::{Dispute, Event, Finding, Rejected, State, What};
use charging::money::plain;
use leptos::prelude::*;

use crate::components::time_text;
use crate::i18n::{Locale, td_string};

/// Where a dispute stands, and how its tag looks.
pub fn state_tag(l: Locale, dispute: &Dispute) -> (&'static str, String) {
    match dispute.standing.state {
        State::Received => ("tag warn", td_string!(l, dispute.state_received).to_owned()),
        State::Asked => ("tag warn", td_string!(l, dispute.state_asked).to_owned()),
        State::Upheld => ("tag on", td_string!(l, dispute.state_upheld, amount = plain(dispute.standing.awarded))),
        State::Explained => ("tag", td_string!(l, dispute.state_explained).to_owned()),
        State::Withdrawn => ("tag", td_string!(l, dispute.state_withdrawn).to_owned()),
    }
}

/// What was found out about a line.
pub fn finding_text(l: Locale, finding: Finding) -> &'static str {
    match finding {
        Finding::NoConsent => td_string!(l, dispute.finding_no_consent),
        Finding::BrokenConsent => td_string!(l, dispute.finding_broken_consent),
        Finding::AbovePrice => td_string!(l, dispute.finding_above_price),
        Finding::ChargedTwice => td_string!(l, dispute.finding_charged_twice),
        Finding::AfterEnd => td_string!(l, dispute.finding_after_end),
        Finding::NotOnSale => td_string!(l, dispute.finding_not_on_sale),
        Finding::Returned => td_string!(l, dispute.finding_returned),
        Finding::InOrder => td_string!(l, dispute.finding_in_order),
        Finding::Unknown => td_string!(l, dispute.finding_unknown),
    }
}

fn step_text(l: Locale, what: What) -> String {
    match what {
        What::Opened => td_string!(l, dispute.step_opened).to_owned(),
        What::Taken => td_string!(l, dispute.step_taken).to_owned(),
        What::Asked => td_string!(l, dispute.step_asked).to_owned(),
        What::Told => td_string!(l, dispute.step_told).to_owned(),
        What::Escalated { days } => td_string!(l, dispute.step_escalated, days = days),
        What::Upheld { award } => td_string!(l, dispute.step_upheld, amount = plain(award)),
        What::Explained => td_string!(l, dispute.step_explained).to_owned(),
        What::Withdrawn => td_string!(l, dispute.step_withdrawn).to_owned(),
        What::Reopened => td_string!(l, dispute.step_reopened).to_owned(),
        What::Refused { award } => td_string!(l, dispute.step_refused, amount = plain(award)),
    }
}

/// Every step, with the words that were written. `owner` is what the subscriber is called on this page.
pub fn steps(l: Locale, events: Vec<Event>, owner: &'static str) -> AnyView {
    let items = events
        .into_iter()
        .map(|event| {
            let by = match &event.actor {
                Actor::Subscriber => owner.to_owned(),
                Actor::Staff(login) => td_string!(l, dispute.by_staff, login = login.as_str()),
                Actor::System | Actor::Import | Actor::Channel(_) => td_string!(l, dispute.by_itself).to_owned(),
            };
            let when = td_string!(l, dispute.step_by, time = time_text(l, event.at), by = by);
            view! {
                <li>
                    <span class="strong">{step_text(l, event.what)}</span>
                    <span class="small muted">{when}</span>
                    {event.words.map(|words| view! { <blockquote class="said">{words}</blockquote> })}
                </li>
            }
        })
        .collect_view();
    view! { <ol class="dispute-steps">{items}</ol> }.into_any()
}

/// The name of what went wrong, in an address.
pub fn problem(error: &DisputeError) -> &'static str {
    match error {
        DisputeError::NoWords => "words",
        DisputeError::TooLong(_) => "long",
        DisputeError::Disputed => "disputed",
        DisputeError::RefundWaits => "refund_waits",
        DisputeError::Rejected(Rejected::Answered | Rejected::NothingAsked | Rejected::Open) => "answered",
        DisputeError::Rejected(Rejected::Final) => "final",
        DisputeError::Rejected(Rejected::Amount) => "amount",
        DisputeError::NoSuchLine | DisputeError::NoCharge | DisputeError::NotFound => "gone",
        error => {
            tracing::error!(error = error as &dyn std::error::Error, "a step of a dispute could not be taken");
            "failed"
        }
    }
}

/// What went wrong, by its name in an address.
pub fn problem_text(l: Locale, problem: &str) -> Option<&'static str> {
    Some(match problem {
        "words" => td_string!(l, dispute.problem_words),
        "long" => td_string!(l, dispute.problem_long),
        "disputed" => td_string!(l, dispute.problem_disputed),
        "refund_waits" => td_string!(l, dispute.problem_refund_waits),
        "answered" => td_string!(l, dispute.problem_answered),
        "final" => td_string!(l, dispute.problem_final),
        "amount" => td_string!(l, dispute.problem_amount),
        "gone" => td_string!(l, dispute.problem_gone),
        "failed" => td_string!(l, dispute.problem_failed),
        _ => return None,
    })
}
