//! The reminder of a first charge, and cancelling before it.

use std::collections::BTreeSet;

use charging::actor::By;
use charging::audit::audit;
use charging::bill::run::{Summary, run};
use charging::clock::{ManualClock, Month};
use charging::consent::incoming::Handled;
use charging::notice::queue::{self, Fate, Lane, Tried};
use charging::order::EndReason;
use charging::order::ending::{cancel_preview, undo_cancel};
use charging::order::first_charge::{Due, due, forget_ended, remind};
use charging::order::store::OrderError;
use charging::quantity::{GIB, Service};
use charging::usage::UsageRecord;
use charging::usage::store::ingest_batch;
use chrono::{DateTime, Utc};

use crate::later;
use crate::world::{ADDON, PACK, PLAN, USE_PLAN, World, at, now};

pub fn october() -> Month {
    "2026-10".parse().unwrap()
}

impl World {
    /// Does what the worker does.
    pub async fn remind(&self, at: DateTime<Utc>) -> u64 {
        let mut tx = self.db.app.begin().await.unwrap();
        let due = due(&mut tx, at, Due::FIRST, 1000).await.unwrap();
        let subscribers: BTreeSet<i64> = due.iter().map(|due| due.subscriber_id).collect();
        let told = remind(&mut tx, &subscribers.into_iter().collect::<Vec<_>>(), at).await.unwrap();
        tx.commit().await.unwrap();
        told
    }

    pub async fn send_all(&self, at: DateTime<Utc>) {
        let mut conn = self.db.app.acquire().await.unwrap();
        for lane in Lane::ALL {
            let due = queue::due(&mut conn, lane, at, u16::MAX).await.unwrap();
            let sent: Vec<Tried> = due.iter().map(|notice| Tried::new(notice, vec![], Fate::Sent)).collect();
            queue::settle(&mut conn, &sent, at).await.unwrap();
        }
    }

    pub async fn close(&self, month: Month, at: DateTime<Utc>) -> Summary {
        run(&self.db.app, month, &ManualClock::new(at), |_| ()).await.unwrap()
    }

    pub async fn is_sound(&self) {
        let report = audit(&self.db.app, None, || ()).await.unwrap();
        assert_eq!(report.differences, 0, "{:#?}", report.described);
    }

    async fn use_data(&self, subscriber_id: i64, id: &str, bytes: u64, at: DateTime<Utc>) {
        let record = UsageRecord {
            id: id.to_owned(),
            service: Service::Data,
            started_at: at,
            quantity: bytes,
            rating_group: None,
        };
        let mut tx = self.db.app.begin().await.unwrap();
        ingest_batch(&mut tx, &[(subscriber_id, record)], at).await.unwrap();
        tx.commit().await.unwrap();
    }
}

const AHEAD: &str = "2026-10-26T09:00:00+08:00";

#[tokio::test]
async fn the_reply_to_the_reminder_cancels_and_nothing_is_charged() {
    let world = World::new().await;
    let a = world.subscriber(1).await;
    let addon = world.order(a, ADDON, now()).await.unwrap().subscription_id;
    assert_eq!(world.remind(at("2026-10-26T08:59:59+08:00")).await, 0, "too early");
    assert_eq!(world.remind(at(AHEAD)).await, 1);
    assert_eq!(world.remind(at(AHEAD)).await, 0, "once");
    assert_eq!(
        world.last_sms(a).await.1,
        "【明白】“流量加油包”将在2026年11月1日首次扣费10.00元，以后每月10.00元。不想要请在扣费前回复TD101退订，\
         一分不收；要用不必回复。"
    );
    let replied = at("2026-10-28T09:00:00+08:00");
    let mut conn = world.db.app.acquire().await.unwrap();
    let preview = cancel_preview(&mut conn, a, addon, replied).await.unwrap();
    assert_eq!((preview.reason, preview.recurring, preview.one_off), (EndReason::BeforeFirstCharge, None, None));
    let cancelled =
        Handled::Cancelled { subscription_id: addon, ends_at: replied, reason: EndReason::BeforeFirstCharge };
    assert_eq!(world.receive(a, "m1", "ｔｄ101", replied).await, cancelled);
    assert_eq!(world.last_sms(a).await.1, "【明白】“流量加油包”已在首次扣费前退订，现在起停止。一分不收，以后也不收。");
    assert_eq!(world.receive(a, "m2", "TD101", replied).await, Handled::NotCancelled);
    let closed = world.close(october(), at("2026-11-02T00:00:00+08:00")).await;
    assert_eq!((closed.bills, closed.told + closed.unsent, closed.total.to_string()), (1, 0, "0.00".to_owned()));
    assert_eq!(world.count("charge").await, 0);
    world.is_sound().await;
    drop(conn);
    world.db.drop().await;
}

#[tokio::test]
async fn the_bill_waits_until_the_reminder_is_out_for_a_day() {
    let world = World::new().await;
    let a = world.subscriber(1).await;
    let minutes_before = at("2026-10-31T23:50:00+08:00");
    world.order(a, ADDON, minutes_before).await.unwrap();
    let (kind, body) = world.last_sms(a).await;
    assert_eq!(kind, "first_charge", "with the order");
    assert!(body.contains("将在2026年11月1日首次扣费") && body.contains("TD101"), "{body}");
    let night = at("2026-11-01T02:00:00+08:00");
    let closed = world.close(october(), night).await;
    assert_eq!((closed.bills, closed.told, closed.unsent), (0, 0, 1), "not sent yet");
    assert_eq!(world.count("charge").await, 0);
    world.send_all(night).await;
    let closed = world.close(october(), at("2026-11-02T01:59:59+08:00")).await;
    assert_eq!((closed.bills, closed.told, closed.unsent), (0, 1, 0));
    let closed = world.close(october(), at("2026-11-02T02:00:00+08:00")).await;
    assert_eq!((closed.bills, closed.told + closed.unsent, closed.total.to_string()), (1, 0, "10.00".to_owned()));
    world.is_sound().await;
    world.db.drop().await;
}

#[tokio::test]
async fn a_message_that_cannot_be_sent_holds_no_bill_for_ever() {
    let world = World::new().await;
    let (a, b) = (world.subscriber(1).await, world.subscriber(2).await);
    world.order(a, ADDON, now()).await.unwrap();
    world.order(b, ADDON, now()).await.unwrap();
    assert_eq!(world.remind(at(AHEAD)).await, 2);
    sqlx::query("update notice set state = 'given_up' where kind = 'first_charge' and subscriber_id = $1")
        .bind(b)
        .execute(&world.db.owner)
        .await
        .unwrap();
    let closed = world.close(october(), at("2026-11-02T08:59:59+08:00")).await;
    assert_eq!((closed.bills, closed.told, closed.unsent, closed.untold), (1, 0, 1, 1), "that of b was given up");
    let closed = world.close(october(), at("2026-11-02T09:00:00+08:00")).await;
    assert_eq!((closed.bills, closed.told, closed.unsent, closed.untold), (1, 0, 0, 1));
    assert_eq!(closed.total.to_string(), "10.00");
    world.is_sound().await;
    world.db.drop().await;
}

#[tokio::test]
async fn a_later_bill_does_not_overtake_a_reminder_that_no_worker_wrote() {
    let world = World::new().await;
    let a = world.subscriber(1).await;
    world.order(a, ADDON, now()).await.unwrap();
    let november: Month = "2026-11".parse().unwrap();
    let run_at = at("2026-12-01T10:00:00+08:00");
    for month in [november, october()] {
        let closed = world.close(month, run_at).await;
        assert_eq!((closed.bills, closed.unsent), (0, 1), "{month}");
    }
    assert_eq!(world.count("notice where kind = 'first_charge'").await, 1, "the run wrote it, once");
    world.send_all(run_at).await;
    assert_eq!(world.close(november, at("2026-12-02T09:59:59+08:00")).await.told, 1);
    let day_after = at("2026-12-02T10:00:00+08:00");
    for month in [october(), november] {
        let closed = world.close(month, day_after).await;
        assert_eq!((closed.bills, closed.total.to_string()), (1, "10.00".to_owned()), "{month}");
    }
    world.is_sound().await;
    world.db.drop().await;
}

#[tokio::test]
async fn a_reply_after_the_charge_cancels_and_says_that_it_came_late() {
    let world = World::new().await;
    let a = world.subscriber(1).await;
    let addon = world.order(a, ADDON, now()).await.unwrap().subscription_id;
    world.remind(at(AHEAD)).await;
    world.send_all(at(AHEAD)).await;
    let second = at("2026-11-02T09:00:00+08:00");
    assert_eq!(world.close(october(), second).await.bills, 1);
    let late = world.receive(a, "m1", "TD101", second).await;
    let expected = Handled::Cancelled { subscription_id: addon, ends_at: second, reason: EndReason::Immediately };
    assert_eq!(late, expected);
    let sms: Vec<_> = world.sms(a).await.into_iter().rev().take(2).collect();
    assert_eq!((sms[0].0.as_str(), sms[1].0.as_str()), ("first_charge_made", "cancel_confirmed"));
    assert!(sms[0].1.contains("它已经扣费，至今共10.00元") && sms[1].1.contains("按已用天数收0.67元"), "{sms:?}");
    world.is_sound().await;
    world.db.drop().await;
}

#[tokio::test]
async fn what_ends_with_the_month_can_be_used_until_then_and_taken_back() {
    let world = World::new().await;
    let a = world.subscriber(1).await;
    let pack = world.order(a, PACK, now()).await.unwrap().subscription_id;
    world.remind(at(AHEAD)).await;
    world.send_all(at(AHEAD)).await;
    let replied = at("2026-10-28T09:00:00+08:00");
    let month_end = october().end();
    let cancelled =
        Handled::Cancelled { subscription_id: pack, ends_at: month_end, reason: EndReason::BeforeFirstCharge };
    assert_eq!(world.receive(a, "m1", "101", replied).await, cancelled);
    assert!(world.last_sms(a).await.1.contains("可用到2026年10月31日为止。一分不收"));
    let mut tx = world.db.app.begin().await.unwrap();
    undo_cancel(&mut tx, a, pack, &By::subscriber("web"), replied).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(world.close(october(), at("2026-11-01T02:00:00+08:00")).await.total.to_string(), "20.00");
    world.is_sound().await;
    world.db.drop().await;
}

#[tokio::test]
async fn use_of_a_plan_that_was_cancelled_before_its_first_charge_costs_nothing() {
    let world = World::new().await;
    let (a, b) = (world.subscriber(1).await, world.subscriber(2).await);
    let plan = world.order(a, PLAN, now()).await.unwrap().subscription_id;
    world.order(b, PLAN, now()).await.unwrap();
    let late = at("2026-10-28T09:00:00+08:00");
    // Whoever used beyond the allowance was charged already: the first charge is past.
    world.use_data(b, "early", GIB, now()).await;
    world.remind(at(AHEAD)).await;
    let handled = world.receive(b, "m1", "TD101", late).await;
    assert!(matches!(handled, Handled::Cancelled { reason: EndReason::MonthEnd, .. }), "{handled:?}");
    assert_eq!(world.last_sms(b).await.0, "first_charge_made");
    let handled = world.receive(a, "m1", "TD101", late).await;
    assert!(matches!(handled, Handled::Cancelled { reason: EndReason::BeforeFirstCharge, .. }), "{handled:?}");
    world.use_data(a, "after", 3 * GIB, late).await;
    world.use_data(a, "before, reported after", 3 * GIB, now()).await;
    let charged: i64 = sqlx::query_scalar("select count(*) from charge where subscription_id = $1")
        .bind(plan)
        .fetch_one(&world.db.app)
        .await
        .unwrap();
    assert_eq!(charged, 0);
    let mut tx = world.db.app.begin().await.unwrap();
    let undone = undo_cancel(&mut tx, a, plan, &By::subscriber("web"), late).await;
    assert!(matches!(undone, Err(OrderError::NothingToUndo)), "{undone:?}");
    tx.rollback().await.unwrap();
    let second = at("2026-11-03T09:00:00+08:00");
    world.send_all(at(AHEAD)).await;
    assert_eq!(world.close(october(), second).await.bills, 2);
    world.is_sound().await;
    world.db.drop().await;
}

#[tokio::test]
async fn it_is_free_once_in_twelve_months_for_the_same_tariff() {
    let world = World::new().await;
    let a = world.subscriber(1).await;
    let cancel = async |n: usize, start: &str, reply: &str, end: &str| {
        world.order(a, ADDON, at(start)).await.unwrap();
        assert_eq!(world.remind(at(end)).await, 1);
        let (_, reminder) = world.last_sms(a).await;
        let Handled::Cancelled { reason, .. } = world.receive(a, &format!("m{n}"), reply, at(end)).await else {
            panic!("{reply} cancels nothing")
        };
        (reminder, reason)
    };
    let (first, reason) = cancel(1, "2026-01-15T12:00:00+08:00", "TD101", "2026-01-28T12:00:00+08:00").await;
    assert!(first.contains("在扣费前回复TD101退订，一分不收"), "{first}");
    assert_eq!(reason, EndReason::BeforeFirstCharge);
    let (again, reason) = cancel(2, "2026-02-05T12:00:00+08:00", "TD102", "2026-02-25T12:00:00+08:00").await;
    assert!(again.contains("不想要请回复TD102退订，本月按已用天数收，已产生的费用照收；要用不必回复。"), "{again}");
    assert!(!again.contains("一分不收"), "{again}");
    assert_eq!(reason, EndReason::Immediately);
    assert!(world.last_sms(a).await.1.contains("本月按已用天数收7.50元"), "21 of 28 days");
    let closed = world.close("2026-02".parse().unwrap(), at("2026-03-02T00:00:00+08:00")).await;
    assert_eq!(closed.total.to_string(), "7.50");
    // Another tariff has its own.
    world.has(a, PACK, at("2026-03-02T12:00:00+08:00")).await;
    assert_eq!(world.remind(at("2026-03-28T12:00:00+08:00")).await, 1);
    assert!(world.last_sms(a).await.1.contains("一分不收"));
    world.is_sound().await;
    sqlx::query(
        "update subscription set starts_at = starts_at - interval '3 months' where end_reason = 'before_first_charge'",
    )
    .execute(&world.db.owner)
    .await
    .unwrap();
    world.has(a, ADDON, at("2026-10-15T12:00:00+08:00")).await;
    assert_eq!(world.remind(at(AHEAD)).await, 1);
    assert!(world.last_sms(a).await.1.contains("一分不收"), "a year later");
    world.db.drop().await;
}

#[tokio::test]
async fn nothing_is_promised_where_something_was_charged_before() {
    let world = World::new().await;
    let a = world.subscriber(1).await;
    world.order(a, PLAN, now()).await.unwrap();
    world.use_data(a, "beyond", 2 * GIB, now()).await;
    assert_eq!(world.remind(at(AHEAD)).await, 1);
    let (_, reminder) = world.last_sms(a).await;
    assert!(reminder.ends_with("不想要请回复TD101退订，用到当月底，当月费用照收；要用不必回复。"), "{reminder}");
    world.db.drop().await;
}

#[tokio::test]
async fn what_costs_by_use_names_its_fee() {
    let world = World::new().await;
    let a = world.subscriber(1).await;
    world.order(a, USE_PLAN, now()).await.unwrap();
    assert_eq!(
        world.last_sms(a).await.1,
        "【明白】“用多少付多少”没有月费，一次性收5.00元，按使用收费，用了才扣费。不想要请在使用前回复TD101退订，\
         一分不收；要用不必回复。"
    );
    world.db.drop().await;
}

#[tokio::test]
async fn the_schema_refuses_both() {
    let world = World::new().await;
    let a = world.subscriber(1).await;
    let placed = world.has(a, ADDON, now()).await;
    let charge = "insert into charge (subscriber_id, kind, month, subscription_id, scheme_id, version, recurring_price,
            one_off_price, quantity, amount, charged_at)
        select subscriber_id, 'recurring', '2026-10-01', subscription_id, scheme_id, version, recurring_price,
            one_off_price, 1, 10, now() from subscription where subscription_id = $1";
    let cancel = "update subscription set ends_at = starts_at + interval '1 day', end_reason = 'before_first_charge'
        where subscription_id = $1";
    let refused = async |sql: &'static str| {
        let error = sqlx::query(sql).bind(placed.subscription_id).execute(&world.db.app).await.unwrap_err();
        error.as_database_error().unwrap().constraint().map(str::to_owned)
    };
    for (first, second) in [(cancel, charge), (charge, cancel)] {
        sqlx::query(first).bind(placed.subscription_id).execute(&world.db.app).await.unwrap();
        assert_eq!(refused(second).await.as_deref(), Some("charge_subscription"));
        sqlx::query("update subscription set ends_at = null, end_reason = null where subscription_id = $1")
            .bind(placed.subscription_id)
            .execute(&world.db.app)
            .await
            .unwrap();
    }
    world.db.drop().await;
}

#[tokio::test]
async fn the_audit_finds_a_first_charge_that_was_not_told_in_time() {
    let world = World::new().await;
    let (a, b) = (world.subscriber(1).await, world.subscriber(2).await);
    world.order(a, ADDON, now()).await.unwrap();
    world.order(b, ADDON, now()).await.unwrap();
    world.remind(at(AHEAD)).await;
    world.send_all(at(AHEAD)).await;
    assert_eq!(world.close(october(), at("2026-11-01T02:00:00+08:00")).await.bills, 2);
    world.is_sound().await;
    for alteration in [
        "update notice set sent_at = '2026-10-31T02:00:01+08:00' where subscriber_id = $1 and kind = 'first_charge'",
        "delete from first_charge where subscriber_id = $1",
    ] {
        sqlx::query(alteration).bind(b).execute(&world.db.owner).await.unwrap();
        let report = audit(&world.db.app, None, || ()).await.unwrap();
        let described: Vec<_> = report.described.iter().map(|one| (one.subscriber_id, one.what.as_str())).collect();
        assert!(
            matches!(described[..], [(of, what)] if of == b && what.contains("was not told in time")),
            "{alteration}: {described:?}"
        );
    }
    world.db.drop().await;
}

#[tokio::test]
async fn only_what_will_be_charged_is_told() {
    let world = World::new().await;
    let a = world.subscriber(1).await;
    let addon = world.has(a, ADDON, now()).await.subscription_id;
    world.has(a, PACK, now()).await;
    world.receive(a, "m1", "0000", later("1:00")).await;
    world.receive(a, "m2", "1", later("1:00")).await;
    assert_eq!(world.remind(at(AHEAD)).await, 1, "the other was cancelled before");
    let mut conn = world.db.app.acquire().await.unwrap();
    assert_eq!(forget_ended(&mut conn, at(AHEAD)).await.unwrap(), 1);
    let kept: i64 = sqlx::query_scalar("select subscription_id from first_charge").fetch_one(&mut *conn).await.unwrap();
    assert_ne!(kept, addon);
    drop(conn);
    world.db.drop().await;
}
