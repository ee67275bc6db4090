//! Messages, by name.

use crate::i18n::{Locale, td_string};

/// What a message is about.
pub fn kind_text(l: Locale, kind: &str) -> &'static str {
    match kind {
        "sign_in_code" => td_string!(l, notice.kind_sign_in_code),
        "order_request" => td_string!(l, notice.kind_order_request),
        "order_success" => td_string!(l, notice.kind_order_success),
        "plan_change" => td_string!(l, notice.kind_plan_change),
        "order_lapsed" => td_string!(l, notice.kind_order_lapsed),
        "order_refused" => td_string!(l, notice.kind_order_refused),
        "cancel_confirmed" => td_string!(l, notice.kind_cancel_confirmed),
        "cancel_undone" => td_string!(l, notice.kind_cancel_undone),
        "cap_request" => td_string!(l, notice.kind_cap_request),
        "cap_changed" => td_string!(l, notice.kind_cap_changed),
        "cap_refused" => td_string!(l, notice.kind_cap_refused),
        "cap_lapsed" => td_string!(l, notice.kind_cap_lapsed),
        "allowance_level" => td_string!(l, notice.kind_allowance_level),
        "cap_state" => td_string!(l, notice.kind_cap_state),
        "high_charge" => td_string!(l, notice.kind_high_charge),
        "bill_ready" => td_string!(l, notice.kind_bill_ready),
        "service_list" => td_string!(l, notice.kind_service_list),
        "not_cancelled" => td_string!(l, notice.kind_not_cancelled),
        "penalty_asked" => td_string!(l, notice.kind_penalty_asked),
        "penalty_due" => td_string!(l, notice.kind_penalty_due),
        "first_charge" => td_string!(l, notice.kind_first_charge),
        "first_charge_made" => td_string!(l, notice.kind_first_charge_made),
        "renewal" => td_string!(l, notice.kind_renewal),
        "tariff_withdrawn" => td_string!(l, notice.kind_tariff_withdrawn),
        "my_plan" => td_string!(l, notice.kind_my_plan),
        "my_data" => td_string!(l, notice.kind_my_data),
        "my_bill" => td_string!(l, notice.kind_my_bill),
        "my_cap" => td_string!(l, notice.kind_my_cap),
        "cap_unchanged" => td_string!(l, notice.kind_cap_unchanged),
        "reminders" => td_string!(l, notice.kind_reminders),
        "dispute_received" => td_string!(l, notice.kind_dispute_received),
        "dispute_asked" => td_string!(l, notice.kind_dispute_asked),
        "dispute_waiting" => td_string!(l, notice.kind_dispute_waiting),
        "dispute_upheld" => td_string!(l, notice.kind_dispute_upheld),
        "dispute_explained" => td_string!(l, notice.kind_dispute_explained),
        "dispute_withdrawn" => td_string!(l, notice.kind_dispute_withdrawn),
        "payment_received" => td_string!(l, notice.kind_payment_received),
        "paid_from_balance" => td_string!(l, notice.kind_paid_from_balance),
        "collected" => td_string!(l, notice.kind_collected),
        "refund_approved" => td_string!(l, notice.kind_refund_approved),
        "wrong_charges" => td_string!(l, notice.kind_wrong_charges),
        "refund_arrived" => td_string!(l, notice.kind_refund_arrived),
        "refund_to_balance" => td_string!(l, notice.kind_refund_to_balance),
        "refund_rejected" => td_string!(l, notice.kind_refund_rejected),
        "family_invited" => td_string!(l, notice.kind_family_invited),
        "family_request" => td_string!(l, notice.kind_family_request),
        "family_joined" => td_string!(l, notice.kind_family_joined),
        "family_agreed" => td_string!(l, notice.kind_family_agreed),
        "family_not_joined" => td_string!(l, notice.kind_family_not_joined),
        "family_left" => td_string!(l, notice.kind_family_left),
        "family_unchanged" => td_string!(l, notice.kind_family_unchanged),
        "nothing_asked" => td_string!(l, notice.kind_nothing_asked),
        "help" => td_string!(l, notice.kind_help),
        _ => td_string!(l, notice.kind_other),
    }
}

#[cfg(test)]
mod tests {
    use charging::notice::template::catalogue::entries;

    use super::*;

    #[test]
    fn every_kind_of_message_has_a_name() {
        for l in [Locale::zh_CN, Locale::en] {
            for entry in entries() {
                assert_ne!(kind_text(l, entry.kind), kind_text(l, "unheard of"), "{}", entry.kind);
            }
        }
    }
}
