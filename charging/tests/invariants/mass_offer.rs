//! A question to many: nobody is asked before another person approved it, nor faster than that.

use super::{Broken, DENIED, accepted, refused};
use crate::world::PLAN;

fn offer(columns: &str, values: &str) -> String {
    format!(
        "insert into mass_offer (purpose, scheme_id, version, per_hour, stop_refused_percent, stop_complaints, asked_by, asked_at
            {columns})
        values ('换套餐', '{PLAN}', 1, 10, 50, 3, 'staff:ann', '2026-10-15' {values})"
    )
}

#[tokio::test]
async fn a_mass_offer_takes_two_people() {
    let broken = Broken::new().await;
    let decided = |decision: &str, by: &str, comment: &str| {
        offer(
            ", decision, decided_by, decided_at, comment",
            &format!(", '{decision}', '{by}', '2026-10-16', '{comment}'"),
        )
    };
    accepted(broken.app(), &decided("approved", "staff:bob", "")).await;
    accepted(broken.app(), &decided("withdrawn", "staff:ann", "")).await;
    refused(
        broken.app(),
        &[
            ("approved by oneself", decided("approved", "staff:ann", ""), "mass_offer_by_another"),
            ("rejected by oneself", decided("rejected", "staff:ann", "no"), "mass_offer_by_another"),
            ("taken back by another", decided("withdrawn", "staff:bob", ""), "mass_offer_by_another"),
            ("rejected without a word", decided("rejected", "staff:bob", ""), "mass_offer_rejected_why"),
            ("approved by nobody", offer(", decision", ", 'approved'"), "mass_offer_decided"),
            ("ended before it began", offer(", ended_at", ", now()"), "mass_offer_ended"),
            ("offering another thing later", "update mass_offer set version = 2".to_owned(), DENIED),
            ("faster than approved", "update mass_offer set per_hour = 20000".to_owned(), DENIED),
            ("asked for by another", "update mass_offer set asked_by = 'staff:bob'".to_owned(), DENIED),
            ("forgotten", "delete from mass_offer".to_owned(), DENIED),
        ],
    )
    .await;
    broken.world.db.drop().await;
}

#[tokio::test]
async fn nobody_is_asked_without_approval_or_faster() {
    let broken = Broken::new().await;
    let a = broken.a;
    let begin = format!(
        "{}; {};
        insert into consent_request (subscriber_id, purpose, scheme_id, version, recurring_price, one_off_price, description,
            channel_id, asked_by, asked_at, expires_at, penalty)
        values ({a}, 'order', '{PLAN}', 1, 59, 10, '换套餐', 'sms', 'staff:ann', '2026-10-15', '2026-10-15 00:10', 0)",
        offer("", ""),
        offer(", decision, decided_by, decided_at", ", 'approved', 'staff:bob', '2026-10-16'"),
    );
    let offers = "(select min(mass_offer_id) from mass_offer), (select max(mass_offer_id) from mass_offer)";
    let target = |id: &str, state: &str, approved: &str| {
        format!(
            "{begin}; with o (waiting, approved) as (select {offers}),
                q as (select max(request_id) as request_id from consent_request where subscriber_id = {a})
            insert into mass_offer_target (subscriber_id, mass_offer_id, state, request_id, asked_at, approved_id)
            select {a}, o.{id}, '{state}', q.request_id, '2026-10-16', {approved} from o, q"
        )
    };
    let hour = |asked: i32, pace: i32| {
        format!(
            "{begin}; insert into mass_offer_hour (mass_offer_id, hour, per_hour, asked)
            select max(mass_offer_id), '2026-10-16 09:00', {pace}, {asked} from mass_offer"
        )
    };
    accepted(broken.app(), &target("approved", "asked", "o.approved")).await;
    accepted(broken.app(), &hour(10, 10)).await;
    refused(
        broken.app(),
        &[
            ("before it is approved", target("waiting", "asked", "o.waiting"), "mass_offer_target_approved_id_fkey"),
            ("by the approval of another", target("waiting", "asked", "o.approved"), "mass_offer_target_approved"),
            ("by no approval", target("approved", "asked", "null"), "mass_offer_target_approved"),
            ("asked, and still waiting", target("approved", "waiting", "o.approved"), "mass_offer_target_approved"),
            ("faster than approved", hour(11, 10), "mass_offer_hour_pace"),
            ("at another pace", hour(20, 20), "mass_offer_hour_mass_offer_id_per_hour_fkey"),
            ("and taken off the list", "delete from mass_offer_target".to_owned(), DENIED),
        ],
    )
    .await;
    broken.world.db.drop().await;
}
