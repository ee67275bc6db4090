//! Every step says who took it, and nobody says what he cannot have done.

use super::{Broken, DENIED, NOT_NULL, accepted, refused};
use crate::world::ADDON;

#[tokio::test]
async fn nobody_takes_a_step_that_is_not_his() {
    let broken = Broken::new().await;
    let (a, plan) = (broken.a, broken.plan.subscription_id);
    let step = |what: &str, channel: &str, actor: &str| {
        format!(
            "insert into subscription_event (subscriber_id, subscription_id, what, at, effective_at, channel_id, actor)
            values ({a}, {plan}, '{what}', '2026-10-15', '2026-10-15', '{channel}', {actor})"
        )
    };
    accepted(broken.app(), &step("cancel_asked", "hotline", "'staff:li.na'")).await;
    let (who, brought) = ("subscription_event_actor", "subscription_event_import");
    refused(
        broken.app(),
        &[
            ("by nobody", step("cancel_asked", "web", "null"), NOT_NULL),
            ("by somebody unknown", step("cancel_asked", "web", "'hacker'"), who),
            ("by staff without a name", step("cancel_asked", "hall", "'staff:'"), who),
            ("started by the system", step("activated", "web", "'system'"), who),
            ("stopped by the system", step("cancel_asked", "web", "'system'"), who),
            ("stopped by an import", step("cancel_asked", "import", "'import'"), brought),
            ("brought by a channel of ours", step("activated", "web", "'import'"), brought),
            ("done by the owner as an import", step("activated", "import", "'subscriber'"), brought),
            ("said to be another's", "update subscription_event set actor = 'staff:li.na'".to_owned(), DENIED),
            ("an order said to be another's", "update product_order set actor = 'staff:li.na'".to_owned(), DENIED),
            ("a cap said to be another's", "update cap_choice set actor = 'staff:li.na'".to_owned(), DENIED),
        ],
    )
    .await;
    broken.world.db.drop().await;
}

#[tokio::test]
async fn a_question_is_closed_by_whom_it_can_be() {
    let broken = Broken::new().await;
    let a = broken.a;
    let ask = |by: &str| {
        format!(
            "insert into consent_request (subscriber_id, purpose, scheme_id, version, recurring_price, one_off_price,
                description, channel_id, asked_by, asked_at, expires_at)
            values ({a}, 'order', '{ADDON}', 1, 10.00, 0.00, '流量加油包', 'web', {by}, '2026-10-15T11:00:00+08:00',
                '2026-10-15T11:10:00+08:00')"
        )
    };
    let close = |state: &str, at: &str, by: &str, channel: &str| {
        format!(
            "{}; update consent_request set state = '{state}', closed_at = {at}, closed_by = {by}, closed_channel_id = {channel}",
            ask("'subscriber'")
        )
    };
    let (in_time, at_end, late) =
        ("'2026-10-15T11:05:00+08:00'", "'2026-10-15T11:10:00+08:00'", "'2026-10-15T11:10:01+08:00'");
    let (own, staff, system) = ("'subscriber'", "'staff:li.na'", "'system'");
    for good in [
        close("agreed", in_time, own, "'sms'"),
        close("refused", late, own, "'sms'"),
        close("refused", in_time, staff, "'hotline'"),
        close("superseded", in_time, staff, "'hotline'"),
        close("expired", at_end, system, "null"),
    ] {
        accepted(broken.app(), &good).await;
    }
    let closed = "consent_request_closed";
    refused(
        broken.app(),
        &[
            ("asked by nobody", ask("null"), NOT_NULL),
            ("asked by the system", ask("'system'"), "consent_request_asked_by"),
            ("a yes of staff", close("agreed", in_time, staff, "'hall'"), closed),
            ("a yes of the system", close("agreed", in_time, system, "null"), closed),
            ("a yes too late", close("agreed", late, own, "'web'"), closed),
            ("a yes by no channel", close("agreed", in_time, own, "null"), closed),
            ("a yes at no time", close("agreed", "null", own, "'web'"), closed),
            ("a no of the system", close("refused", in_time, system, "null"), closed),
            ("run out before its time", close("expired", in_time, system, "null"), closed),
            ("run out by somebody", close("expired", at_end, own, "'web'"), closed),
            ("open and closed", close("open", in_time, own, "'web'"), closed),
        ],
    )
    .await;
    broken.world.db.drop().await;
}

#[tokio::test]
async fn only_the_first_cap_is_nobodys_choice() {
    let broken = Broken::new().await;
    let a = broken.a;
    let choose = |actor: &str| {
        format!(
            "insert into cap_choice (subscriber_id, seq, cap, previous_seq, previous_cap, channel_id, actor, chosen_at)
            values ({a}, 1, 50, 0, 600, 'web', {actor}, '2026-10-15')"
        )
    };
    accepted(broken.app(), &choose("'subscriber'")).await;
    refused(
        broken.app(),
        &[
            ("by nobody", choose("null"), NOT_NULL),
            ("by somebody unknown", choose("'hacker'"), "cap_choice_actor"),
            ("by the system", choose("'system'"), "cap_choice_first"),
            ("by an import", choose("'import'"), "cap_choice_first"),
        ],
    )
    .await;
    broken.world.db.drop().await;
}
