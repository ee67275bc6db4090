//! A thousand times the reply that cancels and the first charge at the same instant.

use std::time::{Duration, Instant};

use charging::actor::By;
use charging::bill::run::run;
use charging::clock::ManualClock;
use charging::consent::incoming::Handled;
use charging::order::EndReason;
use charging::order::ending::cancel;
use futures::StreamExt as _;
use futures::stream;
use rand::Rng as _;
use rust_decimal::Decimal;

use crate::first_charge::october;
use crate::rng;
use crate::world::{ADDON, World, at, now};

const SUBSCRIBERS: u32 = 1000;
/// Replies that come in while one run of the bills is at work.
const AT_ONCE: usize = 50;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn either_it_is_cancelled_or_it_is_charged_and_told() {
    let world = World::new().await;
    let reminded = at("2026-10-27T00:00:00+08:00");
    let subscribers: Vec<(i64, i64)> = stream::iter(1..=SUBSCRIBERS)
        .map(|n| {
            let world = &world;
            async move {
                let id = world.subscriber(n).await;
                (id, world.has(id, ADDON, now()).await.subscription_id)
            }
        })
        .buffer_unordered(4)
        .collect()
        .await;
    assert_eq!(world.remind(reminded).await, u64::from(SUBSCRIBERS));
    let instant = at("2026-11-02T12:00:00+08:00");
    world.send_all(instant).await;
    let clock = ManualClock::new(instant);
    let mut chance = rng(7);
    // Replies are spread over the time that a run takes, as long as the one before took.
    let mut length = Duration::from_millis(200);
    for group in subscribers.chunks(AT_ONCE) {
        // The bills of the others wait, so that just these are made together with the replies.
        let hold: Vec<i64> = group.iter().map(|(id, _)| *id).collect();
        sqlx::query("update notice set sent_at = $2 where kind = 'first_charge' and subscriber_id = any($1)")
            .bind(&hold)
            .bind(reminded)
            .execute(&world.db.app)
            .await
            .unwrap();
        let replies = group.iter().map(|(id, subscription_id)| {
            let (world, pause) = (&world, length.mul_f64(chance.random()));
            async move {
                tokio::time::sleep(pause).await;
                match world.receive(*id, "reply", "TD101", instant).await {
                    Handled::Cancelled { subscription_id: cancelled, reason, .. } if cancelled == *subscription_id => {
                        (*id, reason)
                    }
                    other => panic!("{other:?}"),
                }
            }
        });
        let replies = futures::future::join_all(replies);
        let started = Instant::now();
        let closed = async { (run(&world.db.app, october(), &clock, |_| ()).await.unwrap(), started.elapsed()) };
        let ((closed, took), replies) = futures::join!(closed, replies);
        length = took;
        assert!(closed.refused.is_empty(), "{:?}", closed.refused);
        assert_eq!(closed.bills, group.len() as u64);
        for (id, reason) in replies {
            check(&world, id, reason).await;
        }
    }
    let cancelled = world.count("subscription where end_reason = 'before_first_charge'").await;
    let charged = world.count("charge").await;
    println!("cancelled {cancelled}, charged {charged}");
    assert_eq!(cancelled + charged, i64::from(SUBSCRIBERS));
    assert!(cancelled > 0 && charged > 0, "both came first at times");
    world.is_sound().await;
    world.db.drop().await;
}

/// Never both, and never neither without a message that says so.
async fn check(world: &World, subscriber_id: i64, reason: EndReason) {
    let charges: i64 = sqlx::query_scalar("select count(*) from charge where subscriber_id = $1")
        .bind(subscriber_id)
        .fetch_one(&world.db.app)
        .await
        .unwrap();
    let kinds: Vec<String> = world.sms(subscriber_id).await.into_iter().map(|(kind, _)| kind).collect();
    let told = |kind: &str| kinds.iter().filter(|one| *one == kind).count();
    assert_eq!(told("cancel_confirmed"), 1, "{kinds:?}");
    match reason {
        EndReason::BeforeFirstCharge => assert_eq!((charges, told("first_charge_made")), (0, 0), "{kinds:?}"),
        EndReason::Immediately => assert_eq!((charges, told("first_charge_made")), (1, 1), "{kinds:?}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_comes_second_waits_and_follows_the_first() {
    let world = World::new().await;
    let (a, b) = (world.subscriber(1).await, world.subscriber(2).await);
    let charged = world.has(a, ADDON, now()).await.subscription_id;
    let cancelled = world.has(b, ADDON, now()).await.subscription_id;
    world.remind(at("2026-10-27T09:00:00+08:00")).await;
    world.send_all(at("2026-10-27T09:00:00+08:00")).await;
    let instant = at("2026-11-02T12:00:00+08:00");

    let mut charge = world.db.app.begin().await.unwrap();
    sqlx::query(
        "insert into charge (subscriber_id, kind, month, subscription_id, scheme_id, version, recurring_price,
            one_off_price, quantity, amount, charged_at)
        select subscriber_id, 'recurring', '2026-10-01', subscription_id, scheme_id, version, recurring_price,
            one_off_price, 1, 10, now() from subscription where subscription_id = $1",
    )
    .bind(charged)
    .execute(&mut *charge)
    .await
    .unwrap();
    let reply = world.receive(a, "m1", "TD101", instant);
    let commit = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert_eq!(world.count("notice where kind = 'cancel_confirmed'").await, 0, "it waits");
        charge.commit().await.unwrap();
    };
    let (handled, ()) = futures::join!(reply, commit);
    assert!(matches!(handled, Handled::Cancelled { reason: EndReason::Immediately, .. }), "{handled:?}");
    assert_eq!(world.last_sms(a).await.0, "first_charge_made");

    let mut stop = world.db.app.begin().await.unwrap();
    let (_, reason) = cancel(&mut stop, b, cancelled, Decimal::ZERO, &By::subscriber("sms"), instant).await.unwrap();
    assert_eq!(reason, EndReason::BeforeFirstCharge);
    let clock = ManualClock::new(instant);
    let bills = run(&world.db.app, october(), &clock, |_| ());
    let commit = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert_eq!(world.count("bill").await, 0, "it waits");
        stop.commit().await.unwrap();
    };
    let (closed, ()) = futures::join!(bills, commit);
    let closed = closed.unwrap();
    assert_eq!((closed.bills, closed.refused.len()), (1, 1), "no bill is made of the charge that was made by hand");
    assert_eq!(world.count("charge").await, 1);
    world.db.drop().await;
}
