//! Network functions that follow a cap are told each change of its state once, and what is announced for the next month.

use charging::actor::By;
use charging::order::ending::cancel;
use charging::quantity::{GIB, MIB};
use charging::usage::session::{Asked, Invocation, Outcome, Step, UnitUsage, UsedUnits};
use charging::usage::spending_limit::{
    Change, LIFETIME_MAX, NewSubscription, Refusal, SUBSCRIPTIONS_MAX, Subscription, UNREACHABLE_MAX,
};
use charging::usage::store::spending_limit::{
    AfterFailure, SpendingLimitError, claim, due, due_for_review, end, mark_sent, modify, retry_later, review,
    subscribe, unsubscribe,
};
use charging::usage::store::{charge_batch, lower_cap, raise_cap, refresh_allowances};
use charging::usage::threshold::CapState;
use chrono::{DateTime, TimeDelta, Utc};
use futures::future::join_all;
use rust_decimal::Decimal;
use sqlx::AssertSqlSafe;

use super::world::{PACK, PLAN, World, at, data, month, now, yuan};

type Followed = Result<Subscription, SpendingLimitError>;

impl World {
    async fn try_follow(&self, n: u32, id: u32, expires_at: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Followed {
        let new = NewSubscription {
            msisdn: format!("1380000{n:04}").parse().unwrap(),
            spending_limit_id: format!("{id:032x}"),
            notif_uri: "http://pcf:8080/slc".to_owned(),
            notif_id: Some(format!("n{id}")),
            supi: None,
            expires_at,
        };
        let mut tx = self.db.app.begin().await.unwrap();
        let made = subscribe(&mut tx, new, now).await;
        if made.is_ok() {
            tx.commit().await.unwrap();
        }
        made
    }

    async fn follow(&self, n: u32) -> Subscription {
        self.try_follow(n, n, None, now()).await.unwrap()
    }

    /// What is in the outbox of a subscriber, oldest first: the state, the one that is announced, what became of it.
    async fn outbox(&self, subscriber_id: i64) -> Vec<String> {
        sqlx::query_scalar(
            "select concat_ws(' ', status, nullif(next_status, status), nullif(state, 'queued'))
            from spending_limit_notification where subscriber_id = $1 order by notification_id",
        )
        .bind(subscriber_id)
        .fetch_all(&self.db.app)
        .await
        .unwrap()
    }

    /// Takes what is due as its owners do.
    async fn deliver(&self, now: DateTime<Utc>) -> Vec<(String, String)> {
        let mut conn = self.db.app.acquire().await.unwrap();
        let mut told = Vec::new();
        for notification in due(&mut conn, now, 100).await.unwrap() {
            assert!(mark_sent(&mut conn, &notification, now).await.unwrap());
            let state = notification.standing.state.as_str().to_owned();
            told.push((notification.notif_id.unwrap(), state));
        }
        told
    }

    async fn review_at(&self, now: DateTime<Utc>) -> usize {
        let mut tx = self.db.app.begin().await.unwrap();
        let due = due_for_review(&mut tx, now, 0, 100).await.unwrap();
        review(&mut tx, &due, now).await.unwrap();
        tx.commit().await.unwrap();
        due.len()
    }

    async fn with_plan(&self, n: u32, cap: &str) -> i64 {
        let subscriber_id = self.subscriber(n, cap).await;
        self.subscribe(subscriber_id, PLAN, "2026-11-01T00:00:00+08:00").await;
        subscriber_id
    }
}

fn refusal<T: std::fmt::Debug>(outcome: Result<T, SpendingLimitError>) -> Refusal {
    match outcome {
        Err(SpendingLimitError::Refused(refusal)) => refusal,
        other => panic!("{other:?}"),
    }
}

fn november(id: &str, megabytes: u64) -> charging::usage::UsageRecord {
    data(id, "2026-11-19", megabytes)
}

#[tokio::test]
async fn each_change_of_state_is_told_once_to_everybody_who_follows() {
    let world = World::new().await;
    // 2 yuan pay for 66 MB beyond the plan's GB: half at 34, near at 54.
    let one = world.with_plan(1, "2").await;
    let two = world.with_plan(2, "2").await;
    let begun = world.follow(1).await;
    assert_eq!((begun.standing.state, begun.standing.pending()), (CapState::Ok, None));
    world.try_follow(1, 100, None, now()).await.unwrap();
    world.ingest(one, &[november("a", 1024 + 33)]).await;
    world.ingest(two, &[november("a", 2048)]).await;
    assert!(world.outbox(one).await.is_empty(), "nothing changed");
    assert!(world.outbox(two).await.is_empty(), "nobody follows");
    world.ingest(one, &[november("b", 1)]).await;
    assert_eq!(world.outbox(one).await, ["half ok", "half ok"]);
    assert_eq!(world.deliver(now()).await, [("n1", "half"), ("n100", "half")].map(|(a, b)| (a.into(), b.into())));
    world.ingest(one, &[november("c", 1)]).await;
    world.try_ingest(one, &[november("b", 1)], now()).await.unwrap();
    assert!(world.deliver(now()).await.is_empty());
    // Two states in one batch are one change; a state that was not told yet gives way to the newer one.
    world.ingest(one, &[november("d", 20)]).await;
    world.ingest(one, &[november("e", 20), november("f", 20)]).await;
    assert_eq!(world.outbox(one).await[2..], ["near ok superseded", "near ok superseded", "reached ok", "reached ok"]);
    assert_eq!(world.deliver(now()).await, [("n1", "reached"), ("n100", "reached")].map(|(a, b)| (a.into(), b.into())));
    let late = world.try_follow(1, 101, None, now()).await.unwrap();
    assert_eq!(late.standing.pending(), Some((CapState::Ok, month("2026-11").end())));
    world.db.drop().await;
}

#[tokio::test]
async fn raising_and_lowering_the_cap_and_buying_data_are_told() {
    let world = World::new().await;
    let one = world.with_plan(1, "2").await;
    world.follow(1).await;
    world.ingest(one, &[november("a", 1024 + 100)]).await;
    let yes = world.agree_to_cap(one, "20").await;
    let mut conn = world.db.app.acquire().await.unwrap();
    raise_cap(&mut conn, one, yuan("20"), yes, &By::subscriber("web"), now()).await.unwrap();
    lower_cap(&mut conn, one, yuan("19"), &By::subscriber("web"), now()).await.unwrap();
    // 1.98 yuan are charged.
    lower_cap(&mut conn, one, yuan("3.50"), &By::subscriber("web"), now()).await.unwrap();
    lower_cap(&mut conn, one, yuan("1.98"), &By::subscriber("web"), now()).await.unwrap();
    let pack = world.subscribe(one, PACK, "2026-11-20T11:00:00+08:00").await;
    refresh_allowances(&mut conn, one, now()).await.unwrap();
    refresh_allowances(&mut conn, one, now()).await.unwrap();
    cancel(&mut conn, one, pack, Decimal::ZERO, &By::subscriber("web"), now()).await.unwrap();
    let expected = ["reached ok", "ok", "half ok", "reached ok", "near ok", "reached ok"];
    let told = world.outbox(one).await;
    assert_eq!(told.iter().map(|told| told.trim_end_matches(" superseded")).collect::<Vec<_>>(), expected);
    assert!(told[..5].iter().all(|told| told.ends_with(" superseded")), "{told:?}");
    drop(conn);
    world.db.drop().await;
}

#[tokio::test]
async fn sessions_are_told_of_when_they_report() {
    let world = World::new().await;
    let one = world.with_plan(1, "2").await;
    world.follow(1).await;
    let step = Step::Create { msisdn: "13800000001".parse().unwrap(), digest: [7; 32], session_id: "7".repeat(32) };
    let unit = |asked, bytes| UnitUsage {
        rating_group: 1,
        asked,
        used: vec![UsedUnits { bytes, started_at: None }],
        gives_back: false,
    };
    let mut conn = world.db.app.acquire().await.unwrap();
    let create =
        Invocation { step, sequence: 0, units: vec![UnitUsage { used: vec![], ..unit(Asked::Bytes(GIB), 0) }] };
    let session = charge_batch(&mut conn, &world.memory, &[create], now()).await.unwrap().remove(0).unwrap().session;
    assert!(world.outbox(one).await.is_empty());
    let mut sequence = 0;
    let mut update = |bytes| {
        sequence += 1;
        Invocation { step: Step::Update(session.clone()), sequence, units: vec![unit(Asked::Any, bytes)] }
    };
    let steps = [update(GIB), update(40 * MIB), update(1), update(20 * MIB), update(10 * MIB)];
    for step in &steps {
        let answer =
            charge_batch(&mut conn, &world.memory, std::slice::from_ref(step), now()).await.unwrap().remove(0).unwrap();
        let again =
            charge_batch(&mut conn, &world.memory, std::slice::from_ref(step), now()).await.unwrap().remove(0).unwrap();
        assert_eq!(answer, again);
        assert!(!matches!(answer.units[0].outcome, Outcome::RatingFailed));
    }
    assert_eq!(world.outbox(one).await, ["half ok superseded", "near ok superseded", "reached ok"]);
    drop(conn);
    world.db.drop().await;
}

#[tokio::test]
async fn whoever_reports_at_once_tells_the_last_state_last() {
    let world = World::new().await;
    let one = world.with_plan(1, "2").await;
    world.follow(1).await;
    world.ingest(one, &[november("a", 1024)]).await;
    let records: Vec<_> = (0..70).map(|n| [november(&format!("r{n}"), 1)]).collect();
    for outcome in join_all(records.iter().map(|record| world.try_ingest(one, record, now()))).await {
        outcome.unwrap();
    }
    assert_eq!(world.outbox(one).await, ["half ok superseded", "near ok superseded", "reached ok"]);
    world.db.drop().await;
}

#[tokio::test]
async fn the_turn_of_the_month_is_told_only_where_it_is_not_as_announced() {
    let world = World::new().await;
    let one = world.with_plan(1, "2").await;
    world.follow(1).await;
    world.ingest(one, &[november("a", 2048)]).await;
    let two = world.with_plan(2, "2").await;
    world.follow(2).await;
    let before = month("2026-11").end() - TimeDelta::microseconds(1);
    assert_eq!(world.review_at(before).await, 0);
    let queued = due(&mut world.db.app.acquire().await.unwrap(), before, 9).await.unwrap();
    assert_eq!(queued[0].standing.pending(), Some((CapState::Ok, month("2026-11").end())));
    // What is sent late says what holds by then.
    let turned = month("2026-12").start();
    let queued = due(&mut world.db.app.acquire().await.unwrap(), turned, 9).await.unwrap();
    assert_eq!((queued[0].standing.state, queued[0].standing.pending()), (CapState::Ok, None));
    assert_eq!(world.deliver(turned).await.len(), 1);
    assert_eq!(world.review_at(turned).await, 2);
    assert_eq!(world.review_at(turned).await, 0, "each is looked at once");
    assert_eq!(world.outbox(one).await, ["reached ok sent"]);
    assert!(world.outbox(two).await.is_empty());
    // As if something else had been announced.
    sqlx::query("update spending_limit_subscription set month = '2026-11-01', next_status = 'near', review_at = $1")
        .bind(turned)
        .execute(&world.db.app)
        .await
        .unwrap();
    assert_eq!(world.review_at(turned).await, 2);
    assert_eq!(world.outbox(one).await, ["reached ok sent", "ok"]);
    world.db.drop().await;
}

#[tokio::test]
async fn data_that_begins_by_itself_is_noticed_and_late_records_that_leave_less() {
    let world = World::new().await;
    let one = world.subscriber(1, "0").await;
    world.subscribe(one, PLAN, "2026-10-01T00:00:00+08:00").await;
    world.follow(1).await;
    // The whole of November's own GB, while October's is untouched.
    world.ingest(one, &[november("a", 2048)]).await;
    assert_eq!(world.outbox(one).await, ["reached ok"]);
    let begins_at = at("2026-11-25T00:00:00+08:00");
    world.subscribe(one, PACK, "2026-11-25T00:00:00+08:00").await;
    let mut conn = world.db.app.acquire().await.unwrap();
    refresh_allowances(&mut conn, one, now()).await.unwrap();
    assert_eq!(world.outbox(one).await, ["reached ok"]);
    assert_eq!(world.review_at(begins_at - TimeDelta::seconds(1)).await, 0);
    assert_eq!(world.review_at(begins_at).await, 1);
    assert_eq!(world.outbox(one).await, ["reached ok superseded", "ok"]);
    drop(conn);

    let two = world.subscriber(2, "0").await;
    world.subscribe(two, PLAN, "2026-10-01T00:00:00+08:00").await;
    world.ingest(two, &[november("a", 1500)]).await;
    world.follow(2).await;
    world.ingest(two, &[data("late", "2026-10-30", 548)]).await;
    assert_eq!(world.outbox(two).await, ["reached ok"], "nothing of October is left over for November");
    world.db.drop().await;
}

#[tokio::test]
async fn subscriptions_are_limited_changed_expire_and_end() {
    let world = World::new().await;
    let one = world.with_plan(1, "2").await;
    world.with_plan(2, "2").await;
    assert_eq!(refusal(world.try_follow(9, 1, None, now()).await), Refusal::UnknownSubscriber);
    let soon = now() + TimeDelta::hours(1);
    let mine = world.try_follow(1, 1, Some(soon), now()).await.unwrap();
    for id in 2..=u32::try_from(SUBSCRIPTIONS_MAX).unwrap() {
        let made = world.try_follow(1, id, Some(now() + TimeDelta::days(1000)), now()).await.unwrap();
        assert_eq!(made.expires_at, Some(now() + LIFETIME_MAX));
    }
    assert_eq!(refusal(world.try_follow(1, 99, None, now()).await), Refusal::TooManySubscriptions);
    let mut conn = world.db.app.acquire().await.unwrap();
    let later = soon + TimeDelta::hours(1);
    let change = Change { expires_at: Some(later), supi: Some("imsi-460001234567890".to_owned()), ..Change::default() };
    let changed = modify(&mut conn, &mine.reference, change, now()).await.unwrap();
    assert_eq!((changed.expires_at, changed.notif_id.as_deref()), (Some(later), Some("n1")));
    assert_eq!(changed.supi.as_deref(), Some("imsi-460001234567890"));
    let other = Change { msisdn: Some("13800000002".parse().unwrap()), ..Change::default() };
    assert_eq!(refusal(modify(&mut conn, &mine.reference, other, now()).await), Refusal::OtherSubscriber);
    // Once expired it is unknown, makes room, and is told nothing.
    assert_eq!(world.review_at(later - TimeDelta::seconds(1)).await, 0);
    let expired = modify(&mut conn, &mine.reference, Change::default(), later).await;
    assert_eq!(refusal(expired), Refusal::UnknownSubscription);
    assert_eq!(refusal(unsubscribe(&mut conn, &mine.reference, later).await), Refusal::UnknownSubscription);
    let next = world.try_follow(1, 99, None, later).await.unwrap();
    world.try_ingest(one, &[november("a", 2048)], later).await.unwrap();
    assert_eq!(world.outbox(one).await.len(), SUBSCRIPTIONS_MAX);
    assert_eq!(world.review_at(later).await, 1);
    let left: i64 =
        sqlx::query_scalar("select count(*) from spending_limit_subscription").fetch_one(&mut *conn).await.unwrap();
    assert_eq!(left, i64::try_from(SUBSCRIPTIONS_MAX).unwrap());
    unsubscribe(&mut conn, &next.reference, later).await.unwrap();
    assert_eq!(refusal(unsubscribe(&mut conn, &next.reference, later).await), Refusal::UnknownSubscription);
    assert_eq!(world.outbox(one).await.len(), SUBSCRIPTIONS_MAX - 1, "nothing is told of what has ended");
    drop(conn);
    world.db.drop().await;
}

#[tokio::test]
async fn what_is_not_taken_is_tried_again_with_longer_pauses_until_its_owner_is_given_up() {
    let world = World::new().await;
    let one = world.with_plan(1, "2").await;
    let mine = world.follow(1).await;
    world.ingest(one, &[november("a", 1024 + 40)]).await;
    let mut conn = world.db.app.acquire().await.unwrap();
    let mut time = now();
    let mut pauses = Vec::new();
    let key = due(&mut conn, time, 9).await.unwrap()[0].idempotency_key();
    while let Some(notification) = due(&mut conn, time, 9).await.unwrap().pop() {
        assert_eq!(notification.idempotency_key(), key);
        match retry_later(&mut conn, &notification, "503", time).await.unwrap() {
            AfterFailure::RetryAt(then) => {
                assert!(due(&mut conn, then - TimeDelta::microseconds(1), 9).await.unwrap().is_empty());
                pauses.push((then - time).num_seconds());
                time = then;
            }
            after => {
                assert_eq!(after, AfterFailure::Ended);
                break;
            }
        }
    }
    assert_eq!(pauses[..4], [5, 10, 20, 40]);
    assert_eq!(pauses.last(), Some(&3600));
    assert!(time - now() >= UNREACHABLE_MAX);
    assert_eq!(refusal(unsubscribe(&mut conn, &mine.reference, time).await), Refusal::UnknownSubscription);

    // A try that fails after a newer state came about does not count against that.
    world.try_follow(1, 2, None, now()).await.unwrap();
    world.ingest(one, &[november("b", 20)]).await;
    let old = due(&mut conn, now(), 9).await.unwrap().remove(0);
    world.ingest(one, &[november("c", 20)]).await;
    assert_eq!(retry_later(&mut conn, &old, "503", now() + UNREACHABLE_MAX).await.unwrap(), AfterFailure::Superseded);
    assert!(!mark_sent(&mut conn, &old, now()).await.unwrap());
    assert_eq!(world.deliver(now()).await, [("n2".to_owned(), "reached".to_owned())]);
    let moved = Change { notif_uri: Some("http://other/slc".to_owned()), ..Change::default() };
    modify(&mut conn, &old.reference, moved, now()).await.unwrap();
    end(&mut conn, &old).await.unwrap();
    world.ingest(one, &[november("d", 1)]).await;
    let yes = world.agree_to_cap(one, "20").await;
    raise_cap(&mut conn, one, yuan("20"), yes, &By::subscriber("web"), now()).await.unwrap();
    let newest = due(&mut conn, now(), 9).await.unwrap().remove(0);
    assert_eq!(newest.notif_uri, "http://other/slc", "whoever was gone from the old address is still told");
    end(&mut conn, &newest).await.unwrap();
    end(&mut conn, &newest).await.unwrap();
    assert!(due(&mut conn, now(), 9).await.unwrap().is_empty());
    drop(conn);
    world.db.drop().await;
}

#[tokio::test]
async fn one_server_sends_at_a_time() {
    let world = World::new().await;
    let mut first = world.db.app.begin().await.unwrap();
    assert!(claim(&mut first).await.unwrap());
    let mut second = world.db.app.begin().await.unwrap();
    assert!(!claim(&mut second).await.unwrap());
    drop(first);
    drop(second);
    let mut third = world.db.app.begin().await.unwrap();
    // The first is rolled back when its connection is used again.
    for _ in 0..100 {
        if claim(&mut third).await.unwrap() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert!(claim(&mut third).await.unwrap());
    drop(third);
    world.db.drop().await;
}

#[tokio::test]
async fn a_change_that_is_rolled_back_is_told_to_nobody() {
    let world = World::new().await;
    let one = world.with_plan(1, "2").await;
    world.follow(1).await;
    let mut tx = world.db.app.begin().await.unwrap();
    let record = november("a", 2048);
    charging::usage::store::ingest_batch(&mut tx, &[(one, record)], now()).await.unwrap();
    tx.rollback().await.unwrap();
    assert!(world.outbox(one).await.is_empty());
    world.db.drop().await;
}

#[tokio::test]
async fn plain_sql_cannot_tell_what_is_not_so() {
    let world = World::new().await;
    let one = world.with_plan(1, "2").await;
    world.follow(1).await;
    world.ingest(one, &[november("a", 1024 + 40)]).await;
    let subscription =
        "insert into spending_limit_subscription (subscriber_id, spending_limit_id, notif_uri, created_at,
        month, status, next_status, review_at) select subscriber_id, repeat('f', 32), notif_uri, created_at, month,
        status, next_status, review_at from spending_limit_subscription";
    let notification = "insert into spending_limit_notification (subscriber_id, spending_limit_id, month, status,
        next_status, created_at, due_at) select subscriber_id, spending_limit_id, month, status, next_status, created_at,
        due_at from spending_limit_notification";
    let with = |sql: &str, column: &str, value: &str| {
        let (head, tail) = sql.split_once(" select ").unwrap();
        format!("{head} select {}", tail.replacen(column, value, 1))
    };
    let limit = "spending_limit_subscription";
    for (sql, refuser) in [
        (notification.to_owned(), "spending_limit_notification_newest"),
        (with(notification, "status", "'full'"), "spending_limit_notification_status_check"),
        (with(notification, "spending_limit_id", "repeat('0', 32)"), "spending_limit_notification_subscription"),
        (with(subscription, "notif_uri", "'ftp://pcf/'"), "spending_limit_subscription_notif_uri_check"),
        (with(subscription, "notif_uri", "'http://a@pcf/'"), "spending_limit_subscription_notif_uri_check"),
        (with(subscription, "notif_uri", "'http://pcf/?q'"), "spending_limit_subscription_notif_uri_check"),
        (
            with(subscription, "notif_uri", "'http://' || repeat('a', 1024)"),
            "spending_limit_subscription_notif_uri_check",
        ),
        (with(subscription, "repeat('f', 32)", "'x'"), "spending_limit_subscription_spending_limit_id_check"),
        (with(subscription, "month", "month + 1"), "spending_limit_subscription_month_check"),
        (with(subscription, "subscriber_id", "0"), "spending_limit_subscription_subscriber_id_fkey"),
        (format!("update {limit} set expires_at = created_at"), "spending_limit_subscription_check"),
        ("update spending_limit_notification set state = 'sent'".to_owned(), "spending_limit_notification_settled"),
        ("update spending_limit_notification set status = 'ok'".to_owned(), "42501"),
        (format!("update {limit} set subscriber_id = 0"), "42501"),
        (format!("delete from {limit}"), "spending_limit_notification_subscription"),
    ] {
        let error = sqlx::query(AssertSqlSafe(sql.clone())).execute(&world.db.app).await.expect_err(&sql);
        let error = error.as_database_error().unwrap();
        let by = error.constraint().map_or_else(|| error.code().unwrap().into_owned(), str::to_owned);
        assert_eq!(by, refuser, "{sql}");
    }
    sqlx::query(subscription).execute(&world.db.app).await.unwrap();
    world.db.drop().await;
}
