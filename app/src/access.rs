//! Who may ask for what: one line an address, pages and server functions alike. The server refuses an address that has no line
//! here, and a test holds this table against its routes and tries every line as everybody.

use charging::staff::Permission;

/// Who is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    Everybody,
    /// Whoever is signed in with a number; others are sent to `/login`.
    Subscriber,
    /// Whoever of the staff is signed in; others are sent to `/staff/login`.
    Staff,
    /// Staff with this permission; other staff are refused.
    Permitted(Permission),
    /// No browsers, but programs that prove by other means who they are.
    Machine,
}

/// Put on a request that is refused: whatever its address, the page says no.
#[derive(Clone, Copy, Debug)]
pub struct Refused;

use Access::{Everybody, Machine, Permitted, Staff, Subscriber};

/// Every address, as the router writes it.
pub const ADDRESSES: &[(&str, Access)] = &[
    // What is public.
    ("/", Everybody),
    ("/tariffs", Everybody),
    ("/tariffs/compare", Everybody),
    ("/tariffs/{scheme_id}", Everybody),
    ("/tariffs/{scheme_id}/versions/{version}", Everybody),
    ("/tariffs/{scheme_id}/difference", Everybody),
    ("/tariffs/changes", Everybody),
    ("/tariffs/changes.atom", Everybody),
    ("/tariffs/changes.json", Everybody),
    ("/tariffs/rules", Everybody),
    ("/tariffs/clarity", Everybody),
    ("/tariffs.json", Everybody),
    ("/tariffs.csv", Everybody),
    ("/notices", Everybody),
    ("/evidence-key", Everybody),
    ("/healthz", Everybody),
    ("/readyz", Everybody),
    ("/metrics", Everybody),
    ("/api/language", Everybody),
    ("/api/display", Everybody),
    // Agents' channels.
    ("/channels", Everybody),
    ("/channels/{id}", Everybody),
    ("/channels/{id}/check", Everybody),
    ("/channels/{id}/badge.svg", Everybody),
    ("/channels/{id}/content/{file}", Everybody),
    ("/channels/{id}/orders", Machine),
    ("/api/report_channel", Everybody),
    // Signing in with a number.
    ("/login", Everybody),
    ("/api/request_code", Everybody),
    ("/api/sign_in_with_code", Everybody),
    ("/api/sign_in_with_password", Everybody),
    ("/api/sign_out", Everybody),
    // What is a subscriber's own.
    ("/me", Subscriber),
    ("/me/usage", Subscriber),
    ("/me/addons", Subscriber),
    ("/me/cap", Subscriber),
    ("/me/plans", Subscriber),
    ("/me/order/{scheme_id}", Subscriber),
    ("/me/bills", Subscriber),
    ("/me/bills/{month}", Subscriber),
    ("/me/bills/{month}/{line}", Subscriber),
    ("/me/bills/{month}/bill.pdf", Subscriber),
    ("/me/bills/{month}/bill.csv", Subscriber),
    ("/me/bills/months.pdf", Subscriber),
    ("/me/bills/months.csv", Subscriber),
    ("/me/bills/lines.csv", Subscriber),
    ("/me/usage/{month}/records.pdf", Subscriber),
    ("/me/usage/{month}/records.csv", Subscriber),
    ("/me/disputes", Subscriber),
    ("/me/disputes/{dispute}", Subscriber),
    ("/api/dispute", Subscriber),
    ("/api/dispute_tell", Subscriber),
    ("/api/dispute_withdraw", Subscriber),
    ("/api/dispute_reopen", Subscriber),
    ("/me/agreements", Subscriber),
    ("/me/agreements/{order}", Subscriber),
    ("/me/agreements/{order}/slip.pdf", Subscriber),
    ("/me/agreements/{order}/evidence.json", Subscriber),
    ("/me/notices", Subscriber),
    ("/me/notices/choices", Subscriber),
    ("/api/cap", Subscriber),
    ("/api/order", Subscriber),
    ("/api/unsubscribe", Subscriber),
    ("/api/undo_unsubscribe", Subscriber),
    ("/api/consent_code", Subscriber),
    ("/api/consent_signature", Subscriber),
    ("/api/consent_name", Subscriber),
    ("/api/consent_resend", Subscriber),
    ("/api/consent_refuse", Subscriber),
    ("/api/notice_choices", Subscriber),
    // Paying.
    ("/me/balance", Subscriber),
    ("/me/pay/{payment}", Subscriber),
    ("/api/pay", Subscriber),
    ("/api/pay_from_balance", Subscriber),
    ("/api/auto_payment", Subscriber),
    ("/gateway/wechat/notify", Machine),
    // Demo mode alone has these.
    ("/demo/pay/{prepay_id}", Everybody),
    ("/api/demo_pay", Everybody),
    ("/demo/handset/{msisdn}", Everybody),
    ("/api/demo_reply", Everybody),
    // The staff's desk.
    ("/staff/login", Everybody),
    ("/staff/enrol/{ticket}", Everybody),
    ("/staff/api/sign_in", Everybody),
    ("/staff/api/second_factor", Everybody),
    ("/staff/api/enrol", Everybody),
    ("/staff/api/sign_out", Everybody),
    ("/staff", Staff),
    ("/staff/password", Staff),
    ("/staff/api/password", Staff),
    ("/staff/audit", Permitted(Permission::ReadTrail)),
    ("/staff/accounts", Permitted(Permission::ManageAccounts)),
    ("/staff/accounts/{account}", Permitted(Permission::ManageAccounts)),
    ("/staff/api/add_account", Permitted(Permission::ManageAccounts)),
    ("/staff/api/set_roles", Permitted(Permission::ManageAccounts)),
    ("/staff/api/block", Permitted(Permission::ManageAccounts)),
    ("/staff/api/unblock", Permitted(Permission::ManageAccounts)),
    ("/staff/api/reset", Permitted(Permission::ManageAccounts)),
    // What many are asked.
    ("/staff/mass-offers", Permitted(Permission::SeeTariffs)),
    ("/staff/mass-offers/{offer}", Permitted(Permission::SeeTariffs)),
    ("/staff/api/propose_mass_offer", Permitted(Permission::DraftTariffs)),
    ("/staff/api/decide_mass_offer", Permitted(Permission::ApproveTariffs)),
    ("/staff/api/steer_mass_offer", Permitted(Permission::SeeTariffs)),
    ("/staff/api/take_out_of_mass_offer", Permitted(Permission::SeeTariffs)),
    // Money back, and whether the gateway says the same.
    ("/staff/refunds", Permitted(Permission::HelpSubscribers)),
    ("/staff/api/ask_refund", Permitted(Permission::HelpSubscribers)),
    ("/staff/api/approve_refund", Permitted(Permission::ApproveRefunds)),
    ("/staff/api/reject_refund", Permitted(Permission::ApproveRefunds)),
    ("/staff/api/answer_claim", Permitted(Permission::ApproveRefunds)),
    ("/staff/api/give_up_refund", Permitted(Permission::ApproveRefunds)),
    ("/staff/reconciliation", Permitted(Permission::ApproveRefunds)),
    ("/staff/api/resolve_difference", Permitted(Permission::ApproveRefunds)),
    // Wrong charges, and how they are taken back.
    ("/staff/incidents", Permitted(Permission::ReadIncidents)),
    ("/staff/incidents/detectors", Permitted(Permission::ReadIncidents)),
    ("/staff/incidents/findings/{finding}", Permitted(Permission::ReadIncidents)),
    ("/staff/incidents/{incident}", Permitted(Permission::ReadIncidents)),
    ("/staff/incidents/{incident}/charges", Permitted(Permission::ReadIncidents)),
    ("/staff/incidents/{incident}/report.csv", Permitted(Permission::ReadIncidents)),
    ("/staff/api/dismiss_finding", Permitted(Permission::HandleIncidents)),
    ("/staff/api/open_incident_from_finding", Permitted(Permission::HandleIncidents)),
    ("/staff/api/open_incident", Permitted(Permission::HandleIncidents)),
    ("/staff/api/stop_sales", Permitted(Permission::HandleIncidents)),
    ("/staff/api/resume_sales", Permitted(Permission::HandleIncidents)),
    ("/staff/api/list_affected", Permitted(Permission::HandleIncidents)),
    ("/staff/api/exclude_affected", Permitted(Permission::HandleIncidents)),
    ("/staff/api/propose_incident", Permitted(Permission::HandleIncidents)),
    ("/staff/api/approve_incident", Permitted(Permission::ApproveRefunds)),
    ("/staff/api/execute_incident", Permitted(Permission::HandleIncidents)),
    ("/staff/api/pause_incident", Permitted(Permission::HandleIncidents)),
    ("/staff/api/resume_incident", Permitted(Permission::HandleIncidents)),
    ("/staff/api/set_detector", Permitted(Permission::HandleIncidents)),
    // What is on sale, and what goes off sale.
    ("/staff/tariffs/board", Permitted(Permission::SeeTariffs)),
    ("/staff/tariffs/board/effect", Permitted(Permission::DraftTariffs)),
    ("/staff/api/ask_withdrawal", Permitted(Permission::DraftTariffs)),
    ("/staff/api/take_back_withdrawal", Permitted(Permission::DraftTariffs)),
    ("/staff/tariffs/withdrawals", Permitted(Permission::ApproveTariffs)),
    ("/staff/api/approve_withdrawal", Permitted(Permission::ApproveTariffs)),
    ("/staff/api/refuse_withdrawal", Permitted(Permission::ApproveTariffs)),
    ("/staff/complaints", Permitted(Permission::HelpSubscribers)),
    ("/staff/complaints/{complaint}", Permitted(Permission::HelpSubscribers)),
    ("/staff/api/dispute_take", Permitted(Permission::HelpSubscribers)),
    ("/staff/api/dispute_ask", Permitted(Permission::HelpSubscribers)),
    ("/staff/api/dispute_refund", Permitted(Permission::HelpSubscribers)),
    ("/staff/api/dispute_explain", Permitted(Permission::HelpSubscribers)),
    ("/staff/subscribers", Permitted(Permission::HelpSubscribers)),
    ("/staff/subscribers/{msisdn}", Permitted(Permission::HelpSubscribers)),
    ("/staff/api/look", Permitted(Permission::HelpSubscribers)),
    // Our own tariffs: some write them, others approve.
    ("/staff/tariffs", Permitted(Permission::SeeTariffs)),
    ("/staff/tariffs/new", Permitted(Permission::DraftTariffs)),
    ("/staff/tariffs/import", Permitted(Permission::DraftTariffs)),
    ("/staff/tariffs/drafts/{draft}", Permitted(Permission::SeeTariffs)),
    ("/staff/tariffs/drafts/{draft}/tariff.json", Permitted(Permission::SeeTariffs)),
    ("/staff/tariffs/submissions/{submission}", Permitted(Permission::SeeTariffs)),
    ("/staff/api/new_draft", Permitted(Permission::DraftTariffs)),
    ("/staff/api/save_draft", Permitted(Permission::DraftTariffs)),
    ("/staff/api/check_draft", Permitted(Permission::DraftTariffs)),
    ("/staff/api/submit_draft", Permitted(Permission::DraftTariffs)),
    ("/staff/api/discard_draft", Permitted(Permission::DraftTariffs)),
    ("/staff/api/withdraw_submission", Permitted(Permission::SeeTariffs)),
    ("/staff/api/decide_tariff", Permitted(Permission::ApproveTariffs)),
    // Agents' channels at the desk.
    ("/staff/channels", Permitted(Permission::SeeTariffs)),
    ("/staff/channels/{id}", Permitted(Permission::SeeTariffs)),
    ("/staff/api/register_channel", Permitted(Permission::DraftTariffs)),
    ("/staff/api/submit_channel", Permitted(Permission::DraftTariffs)),
    ("/staff/api/decide_channel", Permitted(Permission::ApproveTariffs)),
    ("/staff/api/stop_channel", Permitted(Permission::SeeTariffs)),
    ("/staff/api/channel_secret", Permitted(Permission::DraftTariffs)),
    ("/staff/api/submit_content", Permitted(Permission::DraftTariffs)),
    ("/staff/api/decide_content", Permitted(Permission::ApproveTariffs)),
    ("/staff/api/withdraw_content", Permitted(Permission::SeeTariffs)),
    ("/staff/api/answer_report", Permitted(Permission::SeeTariffs)),
    // Interfaces of the network, and what tells how calls ended.
    ("/nchf-convergedcharging/v3/chargingdata", Machine),
    ("/nchf-convergedcharging/v3/chargingdata/{reference}/update", Machine),
    ("/nchf-convergedcharging/v3/chargingdata/{reference}/release", Machine),
    ("/nchf-spendinglimitcontrol/v1/subscriptions", Machine),
    ("/nchf-spendinglimitcontrol/v1/subscriptions/{reference}", Machine),
    ("/calls/status", Machine),
];

/// The line of an address; `None`: nobody may ask for it.
pub fn access(path: &str) -> Option<Access> {
    ADDRESSES.iter().find(|(address, _)| *address == path).map(|(_, access)| *access)
}

/// Whether an address is the desk's, where the staff's cookie is sent and nobody else's counts.
pub fn is_desk(path: &str) -> bool {
    path.strip_prefix("/staff").is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_address_has_two_lines() {
        let addresses: HashSet<&str> = ADDRESSES.iter().map(|(address, _)| *address).collect();
        assert_eq!(addresses.len(), ADDRESSES.len());
    }

    #[test]
    fn what_the_staff_may_is_at_the_desk_and_nothing_of_subscribers_is() {
        for (address, access) in ADDRESSES {
            match access {
                Staff | Permitted(_) => assert!(is_desk(address), "{address}"),
                Subscriber | Machine => assert!(!is_desk(address), "{address}"),
                Everybody => {}
            }
        }
        assert!(!is_desk("/staffing"));
    }
}
