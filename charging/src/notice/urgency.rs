//! In which order notices leave, and how long they are of use.

use chrono::TimeDelta;

use crate::sign_in::code::CODE_LIFETIME;

/// How much a notice may wait behind others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Urgency {
    /// Somebody waits for it to go on.
    Awaited,
    /// To be told at once.
    Prompt,
    /// One of very many that come about together.
    Bulk,
}

impl Urgency {
    /// Of a kind of notice: codes, questions, and what answers the subscriber come first, the bills of a month last.
    pub fn of(kind: &str) -> Self {
        match kind {
            "sign_in_code" | "order_request" | "cap_request" | "order_success" | "plan_change" | "order_lapsed"
            | "order_refused" | "collected" | "cancel_confirmed" | "cancel_undone" | "cap_changed" | "cap_refused"
            | "cap_lapsed" | "service_list" | "not_cancelled" | "first_charge_made" | "my_plan" | "my_data"
            | "my_bill" | "my_cap" | "cap_unchanged" | "family_request" | "family_joined" | "family_not_joined"
            | "family_unchanged" | "reminders" | "nothing_asked" | "help" => Self::Awaited,
            "bill_ready" | "tariff_withdrawn" => Self::Bulk,
            _ => Self::Prompt,
        }
    }

    /// As stored.
    pub fn rank(self) -> i16 {
        match self {
            Self::Awaited => 0,
            Self::Prompt => 1,
            Self::Bulk => 2,
        }
    }
}

/// After how long a notice of this kind is of no use any more: a code is spent, a question can no longer be answered.
/// `None`: it is worth sending however late.
pub fn lifetime(kind: &str) -> Option<TimeDelta> {
    match kind {
        "sign_in_code" => Some(CODE_LIFETIME),
        "order_request" | "cap_request" | "family_request" => Some(ANSWER_LIFETIME),
        _ => None,
    }
}

/// How long a question can be answered.
const ANSWER_LIFETIME: TimeDelta = TimeDelta::minutes(10);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_waits_for_a_code_does_not_wait_behind_bills() {
        assert!(Urgency::of("sign_in_code") < Urgency::of("allowance_level"));
        assert!(Urgency::of("allowance_level") < Urgency::of("bill_ready"));
        assert!([Urgency::Awaited, Urgency::Prompt, Urgency::Bulk].map(Urgency::rank).is_sorted());
    }

    #[cfg(feature = "postgres")]
    #[test]
    fn a_question_is_of_use_while_it_can_be_answered() {
        assert_eq!(lifetime("order_request"), Some(crate::consent::request::REQUEST_LIFETIME));
        assert_eq!(lifetime("bill_ready"), None);
    }
}
