use charging::incident::desk::Stage;
use charging::incident::detector::{Detector, Parameter};
use charging::incident::finding::store::State;

use crate::i18n::{Locale, td_string};

pub fn detector_name(l: Locale, detector: Detector) -> &'static str {
    match detector {
        Detector::NoConsent => td_string!(l, incident.no_consent),
        Detector::Price => td_string!(l, incident.price),
        Detector::Burst => td_string!(l, incident.burst),
        Detector::AfterCancellation => td_string!(l, incident.after_cancellation),
        Detector::Duplicate => td_string!(l, incident.duplicate),
        Detector::AboveCap => td_string!(l, incident.above_cap),
        Detector::Jump => td_string!(l, incident.jump),
        Detector::NotOnSale => td_string!(l, incident.not_on_sale),
    }
}

pub fn detector_text(l: Locale, detector: Detector) -> &'static str {
    match detector {
        Detector::NoConsent => td_string!(l, incident.no_consent_text),
        Detector::Price => td_string!(l, incident.price_text),
        Detector::Burst => td_string!(l, incident.burst_text),
        Detector::AfterCancellation => td_string!(l, incident.after_cancellation_text),
        Detector::Duplicate => td_string!(l, incident.duplicate_text),
        Detector::AboveCap => td_string!(l, incident.above_cap_text),
        Detector::Jump => td_string!(l, incident.jump_text),
        Detector::NotOnSale => td_string!(l, incident.not_on_sale_text),
    }
}

/// What a figure of a detector is.
pub fn parameter_name(l: Locale, parameter: Parameter) -> &'static str {
    match parameter.name {
        "tolerance_fen" => td_string!(l, incident.figure_tolerance_fen),
        "orders_min" => td_string!(l, incident.figure_orders_min),
        "minutes" => td_string!(l, incident.figure_minutes),
        "times" => td_string!(l, incident.figure_times),
        "amount_min_yuan" => td_string!(l, incident.figure_amount_min_yuan),
        other => other,
    }
}

/// How a charge was paid; a way that is not known stands as it is.
pub fn route_name(l: Locale, route: &str) -> String {
    match route {
        "bill" => td_string!(l, incident.route_bill).to_owned(),
        "balance" => td_string!(l, incident.route_balance).to_owned(),
        "gateway" => td_string!(l, incident.route_gateway).to_owned(),
        "platform" => td_string!(l, incident.route_platform).to_owned(),
        other => other.to_owned(),
    }
}

/// How money goes back; a way that is not known stands as it is.
pub fn refund_route(l: Locale, route: &str) -> String {
    match route {
        "bill" => td_string!(l, incident.back_bill).to_owned(),
        "balance" => td_string!(l, incident.back_balance).to_owned(),
        "gateway" => td_string!(l, incident.back_gateway).to_owned(),
        "platform" => td_string!(l, incident.back_platform).to_owned(),
        other => other.to_owned(),
    }
}

/// Where a part of a refund stands.
pub fn part_state(l: Locale, state: &str) -> String {
    match state {
        "approved" => td_string!(l, incident.part_approved).to_owned(),
        "sent" => td_string!(l, incident.part_sent).to_owned(),
        "confirmed" => td_string!(l, incident.part_confirmed).to_owned(),
        "failed" => td_string!(l, incident.part_failed).to_owned(),
        "disputed" => td_string!(l, incident.part_disputed).to_owned(),
        other => other.to_owned(),
    }
}

/// What was done to an incident, by its name in the trail.
pub fn action_name(l: Locale, action: &str) -> Option<&'static str> {
    Some(match action {
        "incident.open" => td_string!(l, incident.action_open),
        "incident.stop" => td_string!(l, incident.action_stop),
        "incident.resume" => td_string!(l, incident.action_resume),
        "incident.block" => td_string!(l, incident.action_block),
        "incident.unblock" => td_string!(l, incident.action_unblock),
        "incident.stop_channel" => td_string!(l, incident.action_stop_channel),
        "incident.freeze" => td_string!(l, incident.action_freeze),
        "incident.unfreeze" => td_string!(l, incident.action_unfreeze),
        "incident.list" => td_string!(l, incident.action_list),
        "incident.exclude" => td_string!(l, incident.action_exclude),
        "incident.propose" => td_string!(l, incident.action_propose),
        "incident.approve" => td_string!(l, incident.action_approve),
        "incident.execute" => td_string!(l, incident.action_execute),
        "incident.statement" => td_string!(l, incident.action_statement),
        "incident.publish" => td_string!(l, incident.action_publish),
        _ => return None,
    })
}

/// Who or what placed an order.
pub fn source_name(l: Locale, source: &str) -> String {
    match source {
        "" => td_string!(l, incident.source_unknown).to_owned(),
        "web" => td_string!(l, incident.source_web).to_owned(),
        "sms" => td_string!(l, incident.source_sms).to_owned(),
        other => other.to_owned(),
    }
}

/// The tag of where a finding stands, and its words.
pub fn state_tag(l: Locale, state: State) -> (&'static str, &'static str) {
    match state {
        State::Open => ("tag warn", td_string!(l, incident.state_open)),
        State::Dismissed => ("tag", td_string!(l, incident.state_dismissed)),
        State::Incident => ("tag on", td_string!(l, incident.state_incident)),
    }
}

/// The tag of how far an incident is, and its words.
pub fn stage_tag(l: Locale, stage: Stage) -> (&'static str, &'static str) {
    match stage {
        Stage::Opened => ("tag warn", td_string!(l, incident.stage_opened)),
        Stage::Listed => ("tag warn", td_string!(l, incident.stage_listed)),
        Stage::Proposed => ("tag warn", td_string!(l, incident.stage_proposed)),
        Stage::Approved => ("tag on", td_string!(l, incident.stage_approved)),
    }
}

/// What was done, by its name in an address.
pub fn done_text(l: Locale, done: &str) -> Option<&'static str> {
    Some(match done {
        "dismissed" => td_string!(l, incident.done_dismissed),
        "opened" => td_string!(l, incident.done_opened),
        "stopped" => td_string!(l, incident.done_stopped),
        "resumed" => td_string!(l, incident.done_resumed),
        "listed" => td_string!(l, incident.done_listed),
        "excluded" => td_string!(l, incident.done_excluded),
        "proposed" => td_string!(l, incident.done_proposed),
        "approved" => td_string!(l, incident.done_approved),
        "executed" => td_string!(l, incident.done_executed),
        "paused" => td_string!(l, incident.done_paused),
        "set" => td_string!(l, incident.done_set),
        "blocked" => td_string!(l, incident.done_blocked),
        "unblocked" => td_string!(l, incident.done_unblocked),
        "channel_stopped" => td_string!(l, incident.done_channel_stopped),
        "frozen" => td_string!(l, incident.done_frozen),
        "unfrozen" => td_string!(l, incident.done_unfrozen),
        "statement_saved" => td_string!(l, statement.done_saved),
        "statement_published" => td_string!(l, statement.done_published),
        _ => return None,
    })
}

/// Why something was not done, by its name in an address.
pub fn problem_text(l: Locale, problem: &str) -> Option<&'static str> {
    Some(match problem {
        "title" => td_string!(l, incident.problem_title),
        "reason" => td_string!(l, incident.problem_reason),
        "scope" => td_string!(l, incident.problem_scope),
        "day" => td_string!(l, incident.problem_day),
        "nothing" => td_string!(l, incident.problem_nothing),
        "stage" => td_string!(l, incident.problem_stage),
        "same" => td_string!(l, incident.problem_same),
        "stale" => td_string!(l, incident.problem_stale),
        "no_charge" => td_string!(l, incident.problem_no_charge),
        "no_tariff" => td_string!(l, incident.problem_no_tariff),
        "unbilled" => td_string!(l, incident.problem_unbilled),
        "number" => td_string!(l, incident.problem_number),
        "nothing_to_freeze" => td_string!(l, incident.problem_nothing_to_freeze),
        "no_account" => td_string!(l, incident.problem_no_account),
        "no_channel" => td_string!(l, incident.problem_no_channel),
        "not_done" => td_string!(l, statement.problem_not_done),
        "statement_length" => td_string!(l, statement.problem_length),
        "statement_figures" => td_string!(l, statement.problem_figures),
        "changed" => td_string!(l, incident.problem_changed),
        "figure" => td_string!(l, incident.problem_figure),
        "unchanged" => td_string!(l, incident.problem_unchanged),
        "forbidden" => td_string!(l, incident.problem_forbidden),
        "gone" => td_string!(l, incident.problem_gone),
        "failed" => td_string!(l, staff.problem_failed),
        _ => return None,
    })
}
