use charging::tariff::clarity::Element;
use charging::tariff::draft::store::DraftError;
use charging::tariff::draft::{Fault, State, Unready};

use crate::i18n::{Locale, td_string};

pub fn state_name(l: Locale, state: State) -> &'static str {
    match state {
        State::Editing => td_string!(l, draft.state_editing),
        State::Waiting => td_string!(l, draft.state_waiting),
        State::Returned => td_string!(l, draft.state_returned),
        State::Approved => td_string!(l, draft.state_approved),
        State::Overtaken => td_string!(l, draft.state_overtaken),
        State::Live => td_string!(l, draft.state_live),
        State::Discarded => td_string!(l, draft.state_discarded),
    }
}

/// The tag that a state is shown as.
pub fn state_class(state: State) -> &'static str {
    match state {
        State::Waiting | State::Returned | State::Overtaken => "tag warn",
        State::Approved | State::Live => "tag on",
        State::Editing | State::Discarded => "tag",
    }
}

pub fn fault_text(l: Locale, fault: &Fault) -> String {
    let text = match fault {
        Fault::Missing => td_string!(l, draft.fault_missing),
        Fault::SchemeId => td_string!(l, draft.fault_scheme_id),
        Fault::Choice => td_string!(l, draft.fault_choice),
        Fault::Day => td_string!(l, draft.fault_day),
        Fault::Order => td_string!(l, draft.fault_order),
        Fault::Amount(decimals) => return td_string!(l, draft.fault_amount, decimals = *decimals),
        Fault::Quantity => td_string!(l, draft.fault_quantity),
        Fault::Number => td_string!(l, draft.fault_number),
        Fault::TooLong(most) => return td_string!(l, draft.fault_too_long, most = most.to_string()),
        Fault::DataOnly => td_string!(l, draft.fault_data_only),
        Fault::Twice => td_string!(l, draft.fault_twice),
        Fault::Ladder => td_string!(l, draft.fault_ladder),
        Fault::Unsaid => td_string!(l, draft.fault_unsaid),
        Fault::Other(reason) => return td_string!(l, draft.fault_other, reason = reason.clone()),
    };
    text.to_owned()
}

/// The field of the form that an element is written in.
pub fn field_of(element: Element) -> &'static str {
    match element {
        Element::Name => "name",
        Element::Price => "price_text",
        Element::Services => "services_text",
        Element::Overage => "overage_text",
        Element::Audience => "audience",
        Element::Regions => "regions",
        Element::Channels => "channels",
        Element::Validity => "validity",
        Element::Commitment => "commitment",
        Element::Cancel => "cancel",
        Element::Penalty => "penalty",
        Element::Restrictions => "restrictions",
        Element::Notes => "notes",
        Element::Terms => "has_terms",
    }
}

/// The name of a field, as its label has it; rows are named by their part of the form.
pub fn field_name(l: Locale, field: &str) -> &'static str {
    match field.split('[').next().unwrap_or(field) {
        "scheme_id" => td_string!(l, draft.scheme_id),
        "name" => td_string!(l, draft.name),
        "kind" => td_string!(l, draft.kind),
        "audience" => td_string!(l, draft.audience),
        "regions" => td_string!(l, draft.regions),
        "channels" => td_string!(l, draft.channels),
        "on_sale_from" => td_string!(l, draft.on_sale_from),
        "on_sale_until" => td_string!(l, draft.on_sale_until),
        "validity" => td_string!(l, draft.validity),
        "commitment" => td_string!(l, draft.commitment),
        "cancel" => td_string!(l, draft.cancel),
        "penalty" => td_string!(l, draft.penalty),
        "restrictions" => td_string!(l, draft.restrictions),
        "notes" => td_string!(l, draft.notes),
        "price_text" => td_string!(l, draft.price_text),
        "services_text" => td_string!(l, draft.services_text),
        "overage_text" => td_string!(l, draft.overage_text),
        "category" => td_string!(l, draft.category),
        "monthly" => td_string!(l, draft.monthly),
        "first_month" => td_string!(l, draft.first_month),
        "one_off" => td_string!(l, draft.one_off),
        "cancel_effective" => td_string!(l, draft.cancel_effective),
        "allowances" => td_string!(l, draft.allowances),
        "overage" => td_string!(l, draft.overage),
        "commitment_months" => td_string!(l, draft.commitment_months),
        "penalty_model" => td_string!(l, draft.penalty_model),
        "penalty_price" => td_string!(l, draft.penalty_price),
        "penalty_percent" => td_string!(l, draft.penalty_percent),
        _ => td_string!(l, draft.terms),
    }
}

/// Why something was not done: the name of the problem in an address.
pub fn problem(error: &DraftError) -> &'static str {
    match error {
        DraftError::NotFound => "gone",
        DraftError::State(_) => "state",
        DraftError::Newer(_) => "newer",
        DraftError::Unready(Unready::Problems(_) | Unready::Errors(_)) => "faults",
        DraftError::Unready(Unready::NoReason(_)) => "no_reason",
        DraftError::Unready(Unready::LongReason) => "long_reason",
        DraftError::Unready(Unready::Past) => "past",
        DraftError::Unready(Unready::TooFarAhead) => "far",
        DraftError::Unready(Unready::NeverSold) => "never_sold",
        DraftError::AlreadySubmitted => "under_way",
        DraftError::OtherOperator => "other_operator",
        DraftError::OldBase(_) => "old_base",
        DraftError::SaysTheSame => "same",
        DraftError::OwnWork => "own_work",
        DraftError::NotAuthor => "not_author",
        DraftError::NoComment => "no_comment",
        DraftError::LongComment => "long_comment",
        DraftError::TooManyRevisions => "too_many",
        error => {
            tracing::error!(error = error as &dyn std::error::Error, "a draft could not be changed");
            "failed"
        }
    }
}

/// What is wrong, by the name of the problem in an address.
pub fn problem_text(l: Locale, problem: &str) -> &'static str {
    match problem {
        "gone" => td_string!(l, draft.problem_gone),
        "state" => td_string!(l, draft.problem_state),
        "newer" => td_string!(l, draft.problem_newer),
        "faults" => td_string!(l, draft.problem_faults),
        "no_reason" => td_string!(l, draft.problem_no_reason),
        "long_reason" => td_string!(l, draft.problem_long_reason),
        "past" => td_string!(l, draft.problem_past),
        "far" => td_string!(l, draft.problem_far),
        "time" => td_string!(l, draft.problem_time),
        "never_sold" => td_string!(l, draft.problem_never_sold),
        "under_way" => td_string!(l, draft.problem_under_way),
        "other_operator" => td_string!(l, draft.problem_other_operator),
        "old_base" => td_string!(l, draft.problem_old_base),
        "same" => td_string!(l, draft.problem_same),
        "own_work" => td_string!(l, draft.problem_own_work),
        "not_author" => td_string!(l, draft.problem_not_author),
        "no_comment" => td_string!(l, draft.problem_no_comment),
        "long_comment" => td_string!(l, draft.problem_long_comment),
        "too_many" => td_string!(l, draft.problem_too_many),
        "scheme_id" => td_string!(l, draft.problem_scheme_id),
        "file" => td_string!(l, draft.problem_file),
        "verdict" => td_string!(l, draft.problem_verdict),
        _ => td_string!(l, draft.problem_failed),
    }
}

/// For how long something is public before it is sold.
pub fn lead_text(l: Locale, seconds: i32) -> String {
    match seconds {
        seconds if seconds % 3600 == 0 => td_string!(l, draft.hours, n = seconds / 3600),
        seconds if seconds % 60 == 0 => td_string!(l, draft.minutes, n = seconds / 60),
        seconds => td_string!(l, draft.seconds, n = seconds),
    }
}
