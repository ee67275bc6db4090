//! Cancelling, what it means beforehand, and taking it back.

use charging::actor::By;
use charging::consent::incoming::Handled;
use charging::order::ending::{cancel, cancel_preview, undo_cancel};
use charging::order::store::OrderError;
use charging::order::view::active;
use charging::order::{EndReason, Refusal};
use charging::quantity::GIB;
use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

use crate::first_charge::october;
use crate::world::{ADDON, LOOSE_PLAN, LOOSE_USE_PLAN, OTHER_PLAN, PACK, PLAN, USE_PLAN, World, at, now};

async fn stop(
    world: &World,
    subscriber_id: i64,
    id: i64,
    now: DateTime<Utc>,
) -> Result<(DateTime<Utc>, EndReason), OrderError> {
    let mut tx = world.db.app.begin().await.unwrap();
    let ended = cancel(&mut tx, subscriber_id, id, Decimal::ZERO, &By::subscriber("web"), now).await?;
    tx.commit().await.unwrap();
    Ok(ended)
}

async fn undo(world: &World, subscriber_id: i64, id: i64, now: DateTime<Utc>) -> Result<(), OrderError> {
    let mut tx = world.db.app.begin().await.unwrap();
    undo_cancel(&mut tx, subscriber_id, id, &By::subscriber("web"), now).await?;
    tx.commit().await.unwrap();
    Ok(())
}

#[tokio::test]
async fn what_stops_at_once_is_said_before_and_done_as_said() {
    let world = World::new().await;
    let a = world.subscriber(1).await;
    let addon = world.has(a, ADDON, at("2026-10-01T00:00:00+08:00")).await.subscription_id;
    let mut conn = world.db.app.acquire().await.unwrap();
    let preview = cancel_preview(&mut conn, a, addon, now()).await.unwrap();
    assert_eq!((preview.ends_at, preview.reason), (now(), EndReason::Immediately));
    let charge = preview.recurring.unwrap();
    assert_eq!((charge.days, charge.of_days, charge.amount), (15, 31, "4.838710".parse().unwrap()));
    assert_eq!(preview.lapses.iter().map(|allowance| allowance.left).collect::<Vec<_>>(), [2 * GIB]);
    assert_eq!(stop(&world, a, addon, now()).await.unwrap(), (now(), EndReason::Immediately));
    assert_eq!(world.last_sms(a).await.0, "cancel_confirmed");
    assert!(active(&mut conn, a, now()).await.unwrap().is_empty());
    assert!(matches!(stop(&world, a, addon, now()).await, Err(OrderError::EndedBefore)));
    assert!(matches!(undo(&world, a, addon, now()).await, Err(OrderError::NothingToUndo)));
    assert!(matches!(stop(&world, a + 1, addon, now()).await, Err(OrderError::Request(_))), "nobody else's");
    world.order(a, ADDON, now()).await.unwrap();
    drop(conn);
    world.db.drop().await;
}

#[tokio::test]
async fn what_stops_with_the_month_can_be_taken_back_until_then() {
    let world = World::new().await;
    let a = world.subscriber(1).await;
    let pack = world.has(a, PACK, at("2026-10-10T00:00:00+08:00")).await.subscription_id;
    let november = at("2026-11-01T00:00:00+08:00");
    let mut conn = world.db.app.acquire().await.unwrap();
    let preview = cancel_preview(&mut conn, a, pack, now()).await.unwrap();
    assert_eq!((preview.ends_at, preview.reason), (november, EndReason::MonthEnd));
    assert_eq!(preview.recurring.unwrap().amount, "20".parse().unwrap());
    assert!(preview.lapses.is_empty());
    assert_eq!(stop(&world, a, pack, now()).await.unwrap(), (november, EndReason::MonthEnd));
    assert!(matches!(stop(&world, a, pack, now()).await, Err(OrderError::EndsAlready)));
    let last = november - chrono::TimeDelta::microseconds(1);
    assert!(active(&mut conn, a, last).await.unwrap()[0].can_undo);
    undo(&world, a, pack, last).await.unwrap();
    assert_eq!(world.last_sms(a).await.0, "cancel_undone");
    assert!(matches!(undo(&world, a, pack, last).await, Err(OrderError::NothingToUndo)));
    stop(&world, a, pack, last).await.unwrap();
    assert!(matches!(undo(&world, a, pack, november).await, Err(OrderError::NothingToUndo)), "it has ended");
    drop(conn);
    world.db.drop().await;
}

/// The end of each plan in order of start.
async fn plans(world: &World, subscriber_id: i64) -> Vec<(i64, Option<String>)> {
    sqlx::query_as("select subscription_id, end_reason from subscription where subscriber_id = $1 and kind = 'plan' order by starts_at, 1")
        .bind(subscriber_id)
        .fetch_all(&world.db.app)
        .await
        .unwrap()
}

#[tokio::test]
async fn a_plan_change_that_is_cancelled_leaves_everything_as_it_was() {
    let world = World::new().await;
    let a = world.subscriber(1).await;
    let old = world.has(a, PLAN, at("2026-09-01T00:00:00+08:00")).await.subscription_id;
    let new = world.order(a, OTHER_PLAN, now()).await.unwrap().subscription_id;
    let reasons = |old_reason: Option<&str>, new_reason: Option<&str>| {
        vec![(old, old_reason.map(str::to_owned)), (new, new_reason.map(str::to_owned))]
    };
    assert_eq!(plans(&world, a).await, reasons(Some("replaced"), None));
    let mut conn = world.db.app.acquire().await.unwrap();
    let preview = cancel_preview(&mut conn, a, new, now()).await.unwrap();
    assert_eq!((preview.reason, preview.recurring, preview.one_off), (EndReason::BeforeStart, None, None));
    stop(&world, a, new, now()).await.unwrap();
    assert_eq!(plans(&world, a).await, reasons(None, Some("before_start")));
    undo(&world, a, new, now()).await.unwrap();
    assert_eq!(plans(&world, a).await, reasons(Some("replaced"), None), "the cancellation of the change, taken back");
    undo(&world, a, old, now()).await.unwrap();
    assert_eq!(plans(&world, a).await, reasons(None, Some("before_start")), "undone from the side of the old plan");
    drop(conn);
    world.db.drop().await;
}

#[tokio::test]
async fn a_change_to_a_plan_by_use_that_is_cancelled_leaves_the_present_one() {
    let world = World::new().await;
    let a = world.subscriber(1).await;
    let old = world.has(a, PLAN, at("2026-09-01T00:00:00+08:00")).await.subscription_id;
    for (scheme_id, reply) in [(USE_PLAN, "TD101"), (LOOSE_USE_PLAN, "TD102")] {
        let ordered = world.order(a, scheme_id, now()).await.unwrap();
        assert_eq!(world.last_sms(a).await.0, "first_charge", "announced with the order");
        let cancelled = Handled::Cancelled {
            subscription_id: ordered.subscription_id,
            ends_at: october().end(),
            reason: EndReason::BeforeStart,
        };
        assert_eq!(world.receive(a, reply, reply, now()).await, cancelled);
        assert_eq!(plans(&world, a).await[0], (old, None));
    }
    world.db.drop().await;
}

#[tokio::test]
async fn the_reply_in_time_is_free_also_after_a_plan_change() {
    let world = World::new().await;
    let (a, b) = (world.subscriber(1).await, world.subscriber(2).await);
    let with_month = world.order(a, PLAN, now()).await.unwrap().subscription_id;
    let loose = world.order(b, LOOSE_PLAN, now()).await.unwrap().subscription_id;
    assert_eq!(world.remind(at("2026-10-26T09:00:00+08:00")).await, 2);
    let (changed, replied) = (at("2026-10-27T09:00:00+08:00"), at("2026-10-28T09:00:00+08:00"));
    for (subscriber_id, first, ends_at) in [(a, with_month, october().end()), (b, loose, changed)] {
        world.order(subscriber_id, OTHER_PLAN, changed).await.unwrap();
        let cancelled = Handled::Cancelled { subscription_id: first, ends_at, reason: EndReason::BeforeFirstCharge };
        assert_eq!(world.receive(subscriber_id, "m1", "TD101", replied).await, cancelled);
        assert!(world.last_sms(subscriber_id).await.1.contains("一分不收"));
        assert_eq!(world.receive(subscriber_id, "m2", "TD101", replied).await, Handled::NotCancelled, "once");
        assert_eq!(plans(&world, subscriber_id).await[1].1, None, "the other plan stays");
    }
    world.send_all(replied).await;
    let closed = world.close(october(), at("2026-11-02T00:00:00+08:00")).await;
    assert_eq!((closed.bills, closed.total.to_string()), (2, "99.00".to_owned()), "the other plan of one");
    world.is_sound().await;
    world.db.drop().await;
}

#[tokio::test]
async fn a_cancelled_plan_whose_place_is_taken_stays_cancelled() {
    let world = World::new().await;
    let a = world.subscriber(1).await;
    let old = world.has(a, PLAN, at("2026-09-01T00:00:00+08:00")).await.subscription_id;
    stop(&world, a, old, now()).await.unwrap();
    let ordered = world.order(a, OTHER_PLAN, now()).await.unwrap();
    assert_eq!(ordered.starts_at, at("2026-11-01T00:00:00+08:00"));
    let taken = undo(&world, a, old, now()).await.unwrap_err();
    assert!(matches!(taken, OrderError::Refused(Refusal::PlanChangeWaiting)), "{taken:?}");
    stop(&world, a, ordered.subscription_id, now()).await.unwrap();
    undo(&world, a, old, now()).await.unwrap();
    assert_eq!(plans(&world, a).await[0], (old, None));
    world.db.drop().await;
}
