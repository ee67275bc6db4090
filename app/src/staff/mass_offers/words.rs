use charging::mass_offer::store::MassOffer;
use charging::mass_offer::{Halt, State};

use crate::i18n::{Locale, td_string};
use crate::me::parts::query;

/// The tag that says where a mass offer stands, and its words.
pub fn standing(l: Locale, state: State) -> (&'static str, &'static str) {
    match state {
        State::Waiting => ("tag", td_string!(l, mass_offer.state_waiting)),
        State::Rejected => ("tag warn", td_string!(l, mass_offer.state_rejected)),
        State::Withdrawn => ("tag", td_string!(l, mass_offer.state_withdrawn)),
        State::Running => ("tag on", td_string!(l, mass_offer.state_running)),
        State::Ended => ("tag", td_string!(l, mass_offer.state_ended)),
        State::Halted(halt) => (
            "tag warn",
            match halt {
                Halt::Staff => td_string!(l, mass_offer.halt_staff),
                Halt::Refusals => td_string!(l, mass_offer.halt_refusals),
                Halt::Complaints => td_string!(l, mass_offer.halt_complaints),
                Halt::Findings => td_string!(l, mass_offer.halt_findings),
                Halt::OfferChanged => td_string!(l, mass_offer.halt_offer_changed),
            },
        ),
    }
}

/// Who did something, without what kind of actor it is.
pub fn login(actor: &str) -> &str {
    actor.strip_prefix("staff:").unwrap_or(actor)
}

/// Whom it is offered to.
pub fn whom(l: Locale, offer: &MassOffer) -> String {
    let who = match &offer.holds {
        Some(tariff) => td_string!(l, mass_offer.whom_holds, tariff = tariff.clone()),
        None => td_string!(l, mass_offer.whom_all).to_owned(),
    };
    match &offer.region {
        Some(region) => format!("{who} · {}", crate::components::region_name(l, region)),
        None => who,
    }
}

/// Why a subscriber is left out; a reason that is not known stands as it is.
pub fn reason(l: Locale, reason: &str) -> String {
    let words = match reason {
        "has_it" => td_string!(l, mass_offer.reason_has_it),
        "plan_waiting" => td_string!(l, mass_offer.reason_plan_waiting),
        "region" => td_string!(l, mass_offer.reason_region),
        "asked_lately" => td_string!(l, mass_offer.reason_asked_lately),
        "taken_out" => td_string!(l, mass_offer.reason_taken_out),
        "refused" => td_string!(l, mass_offer.reason_refused),
        "limit" => td_string!(l, mass_offer.reason_limit),
        other => return other.to_owned(),
    };
    words.to_owned()
}

/// What was done, as the address tells it.
pub fn done(l: Locale) -> Option<&'static str> {
    Some(match query("ok")?.as_str() {
        "proposed" => td_string!(l, mass_offer.done_proposed),
        "approved" => td_string!(l, mass_offer.done_approved),
        "rejected" => td_string!(l, mass_offer.done_rejected),
        "withdrawn" => td_string!(l, mass_offer.done_withdrawn),
        "halted" => td_string!(l, mass_offer.done_halted),
        "resumed" => td_string!(l, mass_offer.done_resumed),
        "ended" => td_string!(l, mass_offer.done_ended),
        "taken_out" => td_string!(l, mass_offer.done_taken_out),
        _ => return None,
    })
}

/// What is wrong with the last form, as the address tells it.
pub fn problem(l: Locale) -> Option<&'static str> {
    Some(match query("problem")?.as_str() {
        "purpose" => td_string!(l, mass_offer.problem_purpose),
        "pace" => td_string!(l, mass_offer.problem_pace),
        "limits" => td_string!(l, mass_offer.problem_limits),
        "tariff" => td_string!(l, mass_offer.problem_tariff),
        "holds" => td_string!(l, mass_offer.problem_holds),
        "nobody" => td_string!(l, mass_offer.problem_nobody),
        "too_many" => td_string!(l, mass_offer.problem_too_many),
        "comment" => td_string!(l, mass_offer.problem_comment),
        "oneself" => td_string!(l, mass_offer.problem_oneself),
        "changed" => td_string!(l, mass_offer.problem_changed),
        "step" => td_string!(l, mass_offer.problem_step),
        "not_waiting" => td_string!(l, mass_offer.problem_not_waiting),
        "forbidden" => td_string!(l, mass_offer.problem_forbidden),
        "failed" => td_string!(l, mass_offer.problem_failed),
        _ => return None,
    })
}
