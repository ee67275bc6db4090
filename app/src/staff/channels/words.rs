use charging::channel::store::ChannelError;
use charging::channel::{Fault, Outcome, Stop, Why};
use charging::staff::StaffError;
use leptos::prelude::AnyView;

use crate::i18n::{Locale, td_string};
use crate::me::parts::{Tone, banner, query};

/// What was done, in the trail.
pub fn action_name(l: Locale, action: &str) -> Option<&'static str> {
    Some(match action {
        "channel.register" => td_string!(l, channel.action_register),
        "channel.submit" => td_string!(l, channel.action_submit),
        "channel.approve" => td_string!(l, channel.action_approve),
        "channel.refuse" => td_string!(l, channel.action_refuse),
        "channel.suspend" => td_string!(l, channel.action_suspend),
        "channel.end" => td_string!(l, channel.action_end),
        "channel.secret" => td_string!(l, channel.action_secret),
        "channel.content_submit" => td_string!(l, channel.action_content_submit),
        "channel.content_decide" => td_string!(l, channel.action_content_decide),
        "channel.content_withdraw" => td_string!(l, channel.action_content_withdraw),
        "channel.report_answer" => td_string!(l, channel.action_report_answer),
        _ => return None,
    })
}

/// What became of an order.
pub fn outcome_name(l: Locale, outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Asked => td_string!(l, channel.outcome_asked),
        Outcome::Tariff => td_string!(l, channel.outcome_tariff),
        Outcome::Region => td_string!(l, channel.outcome_region),
        Outcome::NotStarted => td_string!(l, channel.outcome_not_started),
        Outcome::Expired => td_string!(l, channel.outcome_expired),
        Outcome::Suspended => td_string!(l, channel.outcome_suspended),
        Outcome::Ended => td_string!(l, channel.outcome_ended),
        Outcome::NotAvailable => td_string!(l, channel.outcome_not_available),
    }
}

/// The name of a problem in an address.
pub fn problem(error: &ChannelError) -> String {
    match error {
        ChannelError::Fault(fault) => fault.as_str().to_owned(),
        ChannelError::UnknownTariff(id) => format!("tariff&scheme={id}"),
        ChannelError::Oneself => "oneself".to_owned(),
        ChannelError::WaitsAlready => "waits".to_owned(),
        ChannelError::DecidedBefore => "decided".to_owned(),
        ChannelError::Unchanged => "unchanged".to_owned(),
        ChannelError::Reason => "reason".to_owned(),
        ChannelError::Text => "text".to_owned(),
        ChannelError::NotFound => "gone".to_owned(),
        ChannelError::Staff(StaffError::Forbidden(_)) => "forbidden".to_owned(),
        ChannelError::Staff(StaffError::Secret(_)) => "no_key".to_owned(),
        error => {
            tracing::error!(error = error as &dyn std::error::Error, "a channel could not be changed");
            "failed".to_owned()
        }
    }
}

/// What is said at the top of a page after a form was sent. Ask before the first `await`.
pub fn said(l: Locale) -> Option<AnyView> {
    if let Some(ok) = query("ok") {
        let words = match ok.as_str() {
            "registered" => td_string!(l, channel.ok_registered),
            "submitted" => td_string!(l, channel.ok_submitted),
            "approved" => td_string!(l, channel.ok_approved),
            "refused" => td_string!(l, channel.ok_refused),
            "stopped" => td_string!(l, channel.ok_stopped),
            "secret" => td_string!(l, channel.ok_secret),
            "withdrawn" => td_string!(l, channel.ok_withdrawn),
            "answered" => td_string!(l, channel.ok_answered),
            _ => return None,
        };
        return Some(banner(Tone::Good, words));
    }
    let problem = query("problem")?;
    if problem == "tariff" {
        let id = query("scheme").unwrap_or_default();
        return Some(banner(Tone::Bad, td_string!(l, channel.problem_tariff, id = id)));
    }
    Some(banner(Tone::Bad, problem_text(l, &problem)))
}

fn problem_text(l: Locale, problem: &str) -> &'static str {
    let faults = [
        (Fault::Name, td_string!(l, channel.fault_name)),
        (Fault::OperatorName, td_string!(l, channel.fault_operator_name)),
        (Fault::CreditCode, td_string!(l, channel.fault_credit_code)),
        (Fault::Contact, td_string!(l, channel.fault_contact)),
        (Fault::Addresses, td_string!(l, channel.fault_addresses)),
        (Fault::Regions, td_string!(l, channel.fault_regions)),
        (Fault::Tariffs, td_string!(l, channel.fault_tariffs)),
        (Fault::Days, td_string!(l, channel.fault_days)),
    ];
    if let Some((_, text)) = faults.into_iter().find(|(fault, _)| fault.as_str() == problem) {
        return text;
    }
    match problem {
        "oneself" => td_string!(l, channel.problem_oneself),
        "waits" => td_string!(l, channel.problem_waits),
        "decided" => td_string!(l, channel.problem_decided),
        "unchanged" => td_string!(l, channel.problem_unchanged),
        "reason" => td_string!(l, channel.problem_reason),
        "text" => td_string!(l, channel.problem_text),
        "gone" => td_string!(l, channel.problem_gone),
        "forbidden" => td_string!(l, channel.problem_forbidden),
        "no_key" => td_string!(l, channel.problem_no_key),
        _ => td_string!(l, channel.problem_failed),
    }
}

/// Why a version holds no more.
pub fn stop_text(l: Locale, stop: &Stop) -> String {
    match stop.why {
        Why::Replaced => td_string!(l, channel.desk_replaced).to_owned(),
        Why::Suspended => td_string!(l, channel.desk_suspended, reason = stop.reason.as_str()),
        Why::Ended => td_string!(l, channel.desk_ended, reason = stop.reason.as_str()),
    }
}
