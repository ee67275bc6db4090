use charging::bill::run::run;
use charging::clock::ManualClock;
use charging::ledger::store::balances;
use charging::quantity::{MIB, Service};
use charging::usage::UsageRecord;
use charging::usage::rating::RatingError;
use charging::usage::store::{Ingested, Rejection, UsageError, refresh_allowances};
use rust_decimal::Decimal;

use crate::world::{BARE, DIRECTED, PACK, PLAN, World, at, data, directed, month, now, other, yuan};

#[tokio::test]
async fn the_ladder_is_charged_to_the_fen() {
    let world = World::new().await;
    let one = world.subscriber(1, "600").await;
    world.subscribe(one, PLAN, "2026-10-01T00:00:00+08:00").await;
    for (id, megabytes, total) in [
        ("within", 1024, "0"),
        ("first", 50, "1.50"),
        ("up", 49, "2.97"),
        ("top", 1, "3.00"),
        ("free", 924, "3.00"),
        ("again", 1, "3.03"),
    ] {
        world.ingest(one, &[data(id, "2026-10-20", megabytes)]).await;
        assert_eq!(world.charged(one, "data_overage", "2026-10").await, yuan(total), "{id}");
    }
    assert_eq!(world.rating(one, "top").await, (0, 1_048_576, 0, yuan("0.03")));
    assert_eq!(world.rating(one, "free").await, (0, 924 * 1_048_576, 0, Decimal::ZERO));
    let mut conn = world.db.app.acquire().await.unwrap();
    let books = balances(&mut conn, one).await.unwrap();
    assert_eq!((books["receivable"], books["revenue.data_overage"]), (yuan("3.03"), yuan("-3.03")));
    drop(conn);
    world.db.drop().await;
}

#[tokio::test]
async fn calls_count_in_started_minutes_and_messages_one_by_one() {
    let world = World::new().await;
    let one = world.subscriber(1, "0").await;
    world.subscribe(one, PLAN, "2026-10-01T00:00:00+08:00").await;
    let call = |id, seconds| other(id, "2026-10-05", Service::Voice, seconds);
    world.ingest(one, &[call("a", 0), call("b", 1), call("c", 60), call("d", 61), call("e", 600)]).await;
    assert_eq!(world.charged(one, "voice_overage", "2026-10").await, yuan("0.60"), "the cap is for data alone");
    world.ingest(one, &[other("f", "2026-10-05", Service::Sms, 7)]).await;
    assert_eq!(world.rating(one, "f").await, (5, 2, 0, yuan("0.20")));
    world.db.drop().await;
}

#[tokio::test]
async fn a_record_counts_once_whatever_month_its_id_comes_back_in() {
    let world = World::new().await;
    let one = world.subscriber(1, "600").await;
    let two = world.subscriber(2, "600").await;
    world.subscribe(one, PLAN, "2026-10-01T00:00:00+08:00").await;
    let record = directed("r", "2026-10-20", 2000);
    world.ingest(one, std::slice::from_ref(&record)).await;
    let charged = world.charged(one, "data_overage", "2026-10").await;
    let conflict = Ingested::Rejected(Rejection::Conflict);
    let again = [
        record.clone(),
        UsageRecord { quantity: 1, ..record.clone() },
        UsageRecord { rating_group: None, ..record.clone() },
        UsageRecord { started_at: at("2026-11-01T12:00:00+08:00"), ..record.clone() },
        data("new", "2026-10-20", 1),
        data("new", "2026-10-20", 1),
    ];
    let outcomes = world.try_ingest(one, &again, now()).await.unwrap();
    let [changed, regrouped, moved] = [&conflict, &conflict, &conflict];
    assert_eq!(
        outcomes.iter().collect::<Vec<_>>(),
        [&Ingested::Unchanged, changed, regrouped, moved, &Ingested::Accepted, &Ingested::Unchanged]
    );
    assert_eq!(world.charged(one, "data_overage", "2026-10").await, charged);
    world.ingest(two, std::slice::from_ref(&record)).await;
    assert!(matches!(world.try_ingest(404, &again, now()).await, Err(UsageError::NoSubscriber(404))));
    world.db.drop().await;
}

#[tokio::test]
async fn a_month_begins_at_midnight_in_shanghai_and_unused_data_rolls_over_once() {
    let world = World::new().await;
    let one = world.subscriber(1, "600").await;
    let plan = world.subscribe(one, PLAN, "2026-09-01T00:00:00+08:00").await;
    let last = UsageRecord { started_at: at("2026-10-31T23:59:59.999999+08:00"), ..data("last", "2026-10-31", 1500) };
    let first = UsageRecord { started_at: at("2026-11-01T00:00:00+08:00"), ..data("first", "2026-11-01", 600) };
    world.ingest(one, &[first, last]).await;
    assert_eq!(world.used_megabytes(plan, "2026-09").await, 1024, "what September left is used first, in October");
    assert_eq!(world.used_megabytes(plan, "2026-10").await, 476 + 548, "and what October left, in November");
    assert_eq!(world.used_megabytes(plan, "2026-11").await, 52);
    assert_eq!(world.charged(one, "data_overage", "2026-10").await, Decimal::ZERO);
    // A late record of October: November moves to its own allowance, so nobody pays.
    world.ingest(one, &[data("late", "2026-10-10", 548)]).await;
    assert_eq!(world.rating(one, "late").await.0, 548 * MIB.cast_signed());
    assert_eq!(world.used_megabytes(plan, "2026-11").await, 600);
    world.ingest(one, &[data("too late", "2026-10-10", 1)]).await;
    assert_eq!(world.charged(one, "data_overage", "2026-10").await, yuan("0.03"));
    world.db.drop().await;
}

#[tokio::test]
async fn the_first_month_is_smaller() {
    let world = World::new().await;
    let [one, two] = [world.subscriber(1, "600").await, world.subscriber(2, "600").await];
    world.subscribe(one, PLAN, "2026-10-22T09:30:00+08:00").await;
    world.subscribe(two, BARE, "2026-10-01T00:00:00+08:00").await;
    for subscriber in [one, two] {
        let mut tx = world.db.app.begin().await.unwrap();
        refresh_allowances(&mut tx, subscriber, at("2026-10-23T12:00:00+08:00")).await.unwrap();
        tx.commit().await.unwrap();
    }
    let granted: Vec<(i64, i64)> =
        sqlx::query_as("select subscriber_id, granted from allowance order by subscriber_id, ordinal")
            .fetch_all(&world.db.app)
            .await
            .unwrap();
    let (gib, mib) = (1_i64 << 30, 1_i64 << 20);
    let expected = [(one, gib * 10 / 31), (one, 10 * 10 / 31), (one, 5 * 10 / 31), (two, 50 * mib), (two, 2)];
    assert_eq!(granted, expected);
    world.ingest(one, &[data("before", "2026-10-21", 1)]).await;
    assert_eq!(world.rating(one, "before").await, (0, 0, mib, Decimal::ZERO), "there was no plan yet");
    world.db.drop().await;
}

#[tokio::test]
async fn allowances_that_cross_serve_as_much_in_any_order() {
    let world = World::new().await;
    let records = [
        directed("a", "2026-10-20", 500),
        data("b", "2026-10-20", 600),
        directed("c", "2026-10-05", 500),
        data("d", "2026-10-05", 900),
    ];
    for (n, order) in [[0, 1, 2, 3], [3, 2, 1, 0], [0, 2, 1, 3], [2, 0, 3, 1]].into_iter().enumerate() {
        let subscriber = world.subscriber(u32::try_from(n).unwrap(), "600").await;
        let plan = world.subscribe(subscriber, PLAN, "2026-10-01T00:00:00+08:00").await;
        let directed = world.subscribe(subscriber, DIRECTED, "2026-10-01T00:00:00+08:00").await;
        let pack = world.subscribe(subscriber, PACK, "2026-10-15T00:00:00+08:00").await;
        for index in order {
            world.ingest(subscriber, &records[index..=index]).await;
        }
        assert_eq!(world.charged(subscriber, "data_overage", "2026-10").await, Decimal::ZERO, "{order:?}");
        let mut used = vec![];
        for subscription in [plan, directed, pack] {
            used.push(world.used_megabytes(subscription, "2026-10").await);
        }
        assert_eq!(used, [976, 500, 1024], "{order:?}");
    }
    world.db.drop().await;
}

#[tokio::test]
async fn without_a_price_nothing_is_charged() {
    let world = World::new().await;
    let [one, two] = [world.subscriber(1, "600").await, world.subscriber(2, "600").await];
    world.subscribe(one, BARE, "2026-09-01T00:00:00+08:00").await;
    let records = [data("d", "2026-10-05", 101), other("s", "2026-10-05", Service::Sms, 6)];
    world.ingest(one, &records).await;
    world.ingest(two, &records).await;
    assert_eq!(world.rating(one, "d").await, (100 << 20, 0, 1 << 20, Decimal::ZERO));
    assert_eq!(world.rating(one, "s").await, (5, 0, 1, Decimal::ZERO));
    assert_eq!(world.rating(two, "d").await, (0, 0, 101 << 20, Decimal::ZERO));
    world.db.drop().await;
}

#[tokio::test]
async fn what_is_unused_lapses_when_it_is_ended_at_once() {
    let world = World::new().await;
    let one = world.subscriber(1, "600").await;
    world.subscribe(one, PLAN, "2026-10-01T00:00:00+08:00").await;
    let pack = world.subscribe(one, PACK, "2026-10-02T00:00:00+08:00").await;
    world.ingest(one, &[data("before", "2026-10-05", 100)]).await;
    sqlx::query("update subscription set ends_at = $2, end_reason = 'immediately' where subscription_id = $1")
        .bind(pack)
        .bind(at("2026-10-10T15:00:00+08:00"))
        .execute(&world.db.app)
        .await
        .unwrap();
    world.ingest(one, &[data("late", "2026-10-09", 100), data("after", "2026-10-11", 100)]).await;
    assert_eq!(world.used_megabytes(pack, "2026-10").await, 200);
    let until: chrono::DateTime<chrono::Utc> =
        sqlx::query_scalar("select valid_until from allowance where subscription_id = $1")
            .bind(pack)
            .fetch_one(&world.db.app)
            .await
            .unwrap();
    assert_eq!(until, at("2026-10-10T15:00:00+08:00"));
    world.db.drop().await;
}

#[tokio::test]
async fn usage_of_a_closed_month_is_rated_against_it_and_billed_next() {
    let world = World::new().await;
    let one = world.subscriber(1, "2").await;
    world.subscribe(one, PLAN, "2026-08-01T00:00:00+08:00").await;
    world.ingest(one, &[data("september", "2026-09-20", 2048 + 60)]).await;
    let clock = ManualClock::new(now());
    run(&world.db.app, month("2026-09"), &clock, |_| ()).await.unwrap();
    world.ingest(one, &[data("late", "2026-09-10", 10)]).await;
    assert_eq!(world.rating(one, "late").await.2, 4 << 20, "66 MB are what the cap pays for");
    assert_eq!(world.charged(one, "data_overage", "2026-09").await, yuan("1.98"));
    run(&world.db.app, month("2026-10"), &clock, |_| ()).await.unwrap();
    let late: Vec<(String, Decimal)> = sqlx::query_as(
        "select kind, amount from bill_line where subscriber_id = $1 and month = '2026-10-01' and charge_month < month",
    )
    .bind(one)
    .fetch_all(&world.db.app)
    .await
    .unwrap();
    assert_eq!(late, [("late_usage".to_owned(), yuan("0.18"))]);
    world.db.drop().await;
}

#[tokio::test]
async fn a_month_too_large_to_count_is_refused_and_the_rest_goes_in() {
    let world = World::new().await;
    let one = world.subscriber(1, "600").await;
    world.subscribe(one, PLAN, "2026-10-01T00:00:00+08:00").await;
    let call = |id: &str, minutes: u64| other(id, "2026-10-05", Service::Voice, minutes * 60);
    // 0.15 yuan a minute beyond ten million million yuan.
    let many = |n: u64| call(&n.to_string(), (1 << 50) / 60);
    let calls: Vec<_> = (0..5).map(many).chain([call("one", 11)]).collect();
    let outcomes = world.try_ingest(one, &calls, now()).await.unwrap();
    assert_eq!(outcomes[3], Ingested::Rejected(Rejection::NotRated(RatingError::TooMuch)));
    assert_eq!((&outcomes[0], &outcomes[5]), (&Ingested::Accepted, &Ingested::Accepted));
    world.db.drop().await;
}
