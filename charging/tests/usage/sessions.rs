//! Charging sessions against the database: what they hold, what they use, and what happens when they repeat themselves,
//! go silent, or use more than they may.

use charging::actor::By;
use charging::quantity::{GIB, MIB};
use charging::usage::session::{
    Answer, Asked, GRANT_STANDARD_BYTES, Invocation, Outcome, Refusal, SILENCE_MAX, SessionRef, Step, Stop, UnitUsage,
    UsedUnits, VALIDITY,
};
use charging::usage::store::{UsageError, charge_batch, give_back_silent, lower_cap, raise_cap, silent};
use chrono::{DateTime, TimeDelta, Utc};
use rust_decimal::Decimal;
use sha2::{Digest as _, Sha256};

use super::world::{PLAN, World, at, data, now, yuan};

pub type Reply = Result<Answer, Refusal>;

/// Data for rating group 1.
pub fn unit(asked: Asked, used: u64) -> UnitUsage {
    let used = UsedUnits { bytes: used, started_at: None };
    UnitUsage { rating_group: 1, asked, used: vec![used], gives_back: false }
}

pub fn create(n: u32, name: &str, asked: Asked) -> Invocation {
    let digest: [u8; 32] = Sha256::digest(name).into();
    let step = Step::Create {
        msisdn: format!("1380000{n:04}").parse().unwrap(),
        digest,
        session_id: hex::encode(&digest[..16]),
    };
    Invocation { step, sequence: 1, units: vec![UnitUsage { used: vec![], ..unit(asked, 0) }] }
}

pub fn update(session: &SessionRef, sequence: u32, asked: Asked, used: u64) -> Invocation {
    Invocation { step: Step::Update(session.clone()), sequence, units: vec![unit(asked, used)] }
}

pub fn release(session: &SessionRef, sequence: u32, used: u64) -> Invocation {
    Invocation { step: Step::Release(session.clone()), ..update(session, sequence, Asked::Nothing, used) }
}

impl World {
    pub async fn charge_at(&self, invocations: &[Invocation], now: DateTime<Utc>) -> Vec<Reply> {
        let mut conn = self.db.app.acquire().await.unwrap();
        charge_batch(&mut conn, &self.memory, invocations, now).await.unwrap()
    }

    async fn charge(&self, invocation: &Invocation) -> Answer {
        self.charge_at(std::slice::from_ref(invocation), now()).await.remove(0).unwrap()
    }

    /// Bytes used of allowances and held of them, and yuan charged and held.
    pub async fn balance(&self, subscriber_id: i64) -> (u64, u64, Decimal, Decimal) {
        let (used, reserved): (i64, i64) = sqlx::query_as(
            "select coalesce(sum(used), 0)::bigint, coalesce(sum(reserved), 0)::bigint from allowance
            where subscriber_id = $1 and service = 'data'",
        )
        .bind(subscriber_id)
        .fetch_one(&self.db.app)
        .await
        .unwrap();
        let (charged, held) = sqlx::query_as(
            "select overage_charged, overage_reserved from month_counter
            where subscriber_id = $1 and month = '2026-11-01'",
        )
        .bind(subscriber_id)
        .fetch_one(&self.db.app)
        .await
        .unwrap();
        (used.cast_unsigned(), reserved.cast_unsigned(), charged, held)
    }

    pub async fn customer(&self, n: u32, cap: &str) -> i64 {
        let subscriber_id = self.subscriber(n, cap).await;
        self.subscribe(subscriber_id, PLAN, "2026-11-01T00:00:00+08:00").await;
        subscriber_id
    }
}

pub fn granted(answer: &Answer) -> u64 {
    match answer.units[0].outcome {
        Outcome::Granted { bytes, .. } => bytes,
        _ => 0,
    }
}

#[tokio::test]
async fn a_session_holds_what_it_may_use_and_gives_back_what_it_did_not() {
    let world = World::new().await;
    let one = world.customer(1, "600").await;
    let begun = world.charge(&create(1, "a", Asked::Bytes(100 * MIB))).await;
    let seconds = VALIDITY.num_seconds();
    let outcome = Outcome::Granted { bytes: 100 * MIB, validity_seconds: seconds, last: None };
    assert_eq!(begun.units[0].outcome, outcome);
    assert_eq!(world.balance(one).await, (0, 100 * MIB, Decimal::ZERO, Decimal::ZERO));
    let more = world.charge(&update(&begun.session, 2, Asked::Any, 30 * MIB)).await;
    assert_eq!(granted(&more), GRANT_STANDARD_BYTES);
    assert_eq!(world.balance(one).await, (30 * MIB, GRANT_STANDARD_BYTES, Decimal::ZERO, Decimal::ZERO));
    let noted = world.charge(&update(&begun.session, 3, Asked::Nothing, 4 * MIB)).await;
    assert_eq!(noted.units[0].outcome, Outcome::Noted);
    assert_eq!(world.balance(one).await, (34 * MIB, GRANT_STANDARD_BYTES - 4 * MIB, Decimal::ZERO, Decimal::ZERO));
    world.charge(&release(&begun.session, 4, MIB)).await;
    assert_eq!(world.balance(one).await, (35 * MIB, 0, Decimal::ZERO, Decimal::ZERO));
    let over = world.charge_at(&[update(&begun.session, 5, Asked::Any, MIB)], now()).await;
    assert_eq!(over, [Err(Refusal::UnknownSession)]);
    world.db.drop().await;
}

#[tokio::test]
async fn a_request_sent_again_is_answered_alike_and_counts_once() {
    let world = World::new().await;
    let one = world.customer(1, "600").await;
    let first = world.charge(&create(1, "a", Asked::Any)).await;
    assert_eq!(world.charge(&create(1, "a", Asked::Any)).await, first);
    let other = Invocation {
        step: match create(1, "a", Asked::Any).step {
            Step::Create { msisdn, digest, .. } => Step::Create { msisdn, digest, session_id: "f".repeat(32) },
            step => step,
        },
        ..create(1, "a", Asked::Any)
    };
    assert_eq!(world.charge(&other).await, first, "whatever name it would have had");
    let step = update(&first.session, 2, Asked::Any, 5 * MIB);
    // The same request twice in one batch, and again later, after a newer one, and after the end.
    let replies = world.charge_at(&[step.clone(), step.clone()], now()).await;
    assert_eq!(replies[0], replies[1]);
    assert_eq!(world.charge(&step).await, *replies[0].as_ref().unwrap());
    world.charge(&update(&first.session, 3, Asked::Any, MIB)).await;
    assert_eq!(
        world.charge_at(&[step], now() + TimeDelta::seconds(5)).await[0].as_ref().unwrap().units[0].outcome,
        Outcome::Noted
    );
    let end = release(&first.session, 4, MIB);
    let ended = world.charge(&end).await;
    assert_eq!(world.charge(&end).await, ended);
    assert_eq!(world.charge(&create(1, "a", Asked::Any)).await.session, first.session, "not begun twice");
    assert_eq!(world.balance(one).await, (7 * MIB, 0, Decimal::ZERO, Decimal::ZERO));
    let records: i64 = sqlx::query_scalar("select count(*) from usage_record").fetch_one(&world.db.app).await.unwrap();
    assert_eq!(records, 3);
    world.db.drop().await;
}

#[tokio::test]
async fn a_bad_request_fails_alone() {
    let world = World::new().await;
    let one = world.customer(1, "600").await;
    let begun = world.charge(&create(1, "a", Asked::Any)).await;
    let mut old = update(&begun.session, 2, Asked::Any, MIB);
    old.units[0].used[0].started_at = Some(at("2023-01-01T00:00:00+08:00"));
    let mut ahead = old.clone();
    ahead.units[0].used[0].started_at = Some(now() + TimeDelta::hours(2));
    let nobody = SessionRef { subscriber_id: 404, ..begun.session.clone() };
    let replies = world
        .charge_at(
            &[
                create(9, "b", Asked::Any),
                update(&nobody, 2, Asked::Any, MIB),
                old,
                ahead,
                update(&begun.session, 2, Asked::Any, MIB),
            ],
            now(),
        )
        .await;
    let refusals: Vec<_> = replies[..4].iter().map(|reply| reply.clone().unwrap_err()).collect();
    let [unknown, session, time] = [Refusal::UnknownSubscriber, Refusal::UnknownSession, Refusal::StartedAt];
    assert_eq!(refusals, [unknown, session, time.clone(), time]);
    assert_eq!(granted(replies[4].as_ref().unwrap()), GRANT_STANDARD_BYTES);
    assert_eq!(world.balance(one).await.0, MIB);
    world.db.drop().await;
}

#[tokio::test]
async fn sessions_share_what_is_left_and_usage_beyond_the_cap_is_absorbed() {
    let world = World::new().await;
    let one = world.customer(1, "1").await;
    // 1 GB and, at 0.03 yuan/MB, 33 MB more.
    let all = GIB + 33 * MIB;
    let names: Vec<String> = (0..8).map(|n| format!("s{n}")).collect();
    let begun: Vec<_> = names.iter().map(|name| create(1, name, Asked::Bytes(GIB))).collect();
    let begun = world.charge_at(&begun, now()).await;
    let answers: Vec<Answer> = begun.into_iter().map(Result::unwrap).collect();
    assert!(answers.iter().all(|answer| granted(answer) > 0), "{answers:?}");
    assert!(answers.iter().map(granted).sum::<u64>() <= all);
    // Everybody uses a megabyte more than granted, and asks again, until nobody gets anything.
    let mut sequence = 1;
    let mut answers = answers;
    let mut used = 0;
    while answers.iter().any(|answer| granted(answer) > 0) {
        sequence += 1;
        let steps: Vec<_> = answers
            .iter()
            .map(|answer| update(&answer.session, sequence, Asked::Bytes(GIB), granted(answer) + MIB))
            .collect();
        used += answers.iter().map(granted).sum::<u64>() + 8 * MIB;
        answers = world.charge_at(&steps, now()).await.into_iter().map(Result::unwrap).collect();
        let (_, _, charged, held) = world.balance(one).await;
        assert!(charged + held <= yuan("1"));
    }
    assert!(answers.iter().all(|answer| answer.units[0].outcome == Outcome::LimitReached(Stop::RaiseCap)));
    assert!(used > all);
    assert_eq!(world.balance(one).await, (GIB, 0, yuan("0.99"), Decimal::ZERO));
    // The cap is raised in flight.
    let mut conn = world.db.app.acquire().await.unwrap();
    let yes = world.agree_to_cap(one, "2").await;
    raise_cap(&mut conn, one, yuan("2"), yes, &By::subscriber("web"), now()).await.unwrap();
    drop(conn);
    let again = world.charge(&update(&answers[0].session, sequence + 1, Asked::Bytes(MIB), 0)).await;
    assert_eq!(granted(&again), MIB);
    assert_eq!(world.balance(one).await.3, yuan("0.03"));
    world.db.drop().await;
}

#[tokio::test]
async fn usage_that_comes_after_the_end_still_counts() {
    let world = World::new().await;
    let one = world.customer(1, "600").await;
    let begun = world.charge(&create(1, "a", Asked::Any)).await;
    world.charge(&release(&begun.session, 3, MIB)).await;
    let late = world.charge(&update(&begun.session, 2, Asked::Any, 5 * MIB)).await;
    assert_eq!(late.units[0].outcome, Outcome::Noted);
    assert_eq!(world.balance(one).await, (6 * MIB, 0, Decimal::ZERO, Decimal::ZERO));
    world.db.drop().await;
}

#[tokio::test]
async fn the_cap_can_be_lowered_to_what_is_charged_whatever_sessions_hold() {
    let world = World::new().await;
    let one = world.customer(1, "600").await;
    world.ingest(one, &[data("file", "2026-11-19", 1024 + 10)]).await;
    let begun = world.charge(&create(1, "a", Asked::Bytes(50 * MIB))).await;
    assert_eq!(world.balance(one).await.2, yuan("0.30"));
    assert_eq!(world.balance(one).await.3, yuan("1.50"));
    // A record that is ahead of the clock has made the next month's counter.
    let ahead = at("2026-11-30T23:30:00+08:00");
    let mut conn = world.db.app.acquire().await.unwrap();
    let early =
        charging::usage::UsageRecord { started_at: at("2026-12-01T00:10:00+08:00"), ..data("early", "2026-12-01", 1) };
    world.try_ingest(one, &[early], ahead).await.unwrap();
    let refused = lower_cap(&mut conn, one, yuan("0.29"), &By::subscriber("web"), now()).await;
    assert!(matches!(refused, Err(UsageError::CapBelowSpent { .. })));
    let mut tx = world.db.app.begin().await.unwrap();
    lower_cap(&mut tx, one, yuan("0.50"), &By::subscriber("web"), now()).await.unwrap();
    tx.commit().await.unwrap();
    let caps: Vec<Decimal> = sqlx::query_scalar("select overage_cap from month_counter where month >= '2026-11-01'")
        .fetch_all(&mut *conn)
        .await
        .unwrap();
    assert_eq!(caps, [yuan("0.50"), yuan("0.50")]);
    drop(conn);
    assert_eq!(world.balance(one).await.3, yuan("0.18"));
    world.charge(&release(&begun.session, 2, 50 * MIB)).await;
    assert_eq!(world.balance(one).await.2, yuan("0.48"), "16 MB of the 50; the rest is absorbed");
    world.db.drop().await;
}

#[tokio::test]
async fn what_a_silent_session_holds_is_given_back() {
    let world = World::new().await;
    let one = world.customer(1, "0").await;
    let quiet = world.charge(&create(1, "silent", Asked::Bytes(600 * MIB))).await;
    assert_eq!(granted(&quiet), 512 * MIB);
    let other = world.charge(&create(1, "other", Asked::Bytes(GIB))).await;
    assert_eq!(granted(&other), (512 * MIB).div_ceil(3));
    // Its quota has ended: whoever asks next has it, swept or not.
    let later = now() + VALIDITY;
    let more = world.charge_at(&[update(&other.session, 2, Asked::Bytes(GIB), 0)], later).await;
    assert_eq!(granted(more[0].as_ref().unwrap()), GIB.div_ceil(3));
    let swept = |now: DateTime<Utc>| {
        let pool = world.db.app.clone();
        async move {
            let mut tx = pool.begin().await.unwrap();
            let subscribers = silent(&mut tx, now, 0, 100).await.unwrap();
            give_back_silent(&mut tx, &subscribers, now).await.unwrap();
            tx.commit().await.unwrap();
            subscribers.len()
        }
    };
    assert_eq!(swept(later + VALIDITY).await, 1);
    assert_eq!(world.balance(one).await.1, 0);
    assert_eq!(swept(later + VALIDITY).await, 0);
    // What it used meanwhile still counts.
    world.charge_at(&[update(&quiet.session, 2, Asked::Nothing, 7 * MIB)], later + VALIDITY).await.remove(0).unwrap();
    assert_eq!(world.balance(one).await.0, 7 * MIB);
    assert_eq!(swept(later + SILENCE_MAX + TimeDelta::hours(1)).await, 1);
    let open: i64 = sqlx::query_scalar("select count(*) from charging_session where closed_at is null")
        .fetch_one(&world.db.app)
        .await
        .unwrap();
    assert_eq!(open, 0);
    world.db.drop().await;
}

#[tokio::test]
async fn usage_from_a_file_takes_what_a_session_only_holds() {
    let world = World::new().await;
    let one = world.customer(1, "0").await;
    let begun = world.charge(&create(1, "a", Asked::Bytes(GIB))).await;
    assert_eq!(granted(&begun), 512 * MIB);
    world.ingest(one, &[data("file", "2026-11-19", 900)]).await;
    assert_eq!(world.balance(one).await, (900 * MIB, 124 * MIB, Decimal::ZERO, Decimal::ZERO));
    world.charge(&release(&begun.session, 2, 512 * MIB)).await;
    assert_eq!(world.balance(one).await, (GIB, 0, Decimal::ZERO, Decimal::ZERO));
    let absorbed: i64 =
        sqlx::query_scalar("select sum(absorbed)::bigint from usage_record").fetch_one(&world.db.app).await.unwrap();
    assert_eq!(absorbed.cast_unsigned(), 388 * MIB);
    world.db.drop().await;
}

#[tokio::test]
async fn a_month_costs_the_same_as_a_file_as_sessions_and_half_and_half() {
    let world = World::new().await;
    let mut outcomes = Vec::new();
    for n in 1..=4_u32 {
        let subscriber = world.customer(n, "4").await;
        let records: Vec<_> =
            (1..=20).map(|day| data(&format!("r{day}"), &format!("2026-11-{day:02}"), 37 * day)).collect();
        let is_online = |index: usize| n == 2 || (n > 2 && index.is_multiple_of(2) == (n == 3));
        let mut sessions = Vec::new();
        let order: Vec<usize> = if n == 3 { (0..20).rev().collect() } else { (0..20).collect() };
        for index in order {
            let record = &records[index];
            if !is_online(index) {
                world.ingest(subscriber, std::slice::from_ref(record)).await;
                continue;
            }
            let begun = world.charge(&create(n, &format!("{n} {index}"), Asked::Any)).await;
            let mut step = update(&begun.session, 2, Asked::Any, record.quantity);
            step.units[0].used[0].started_at = Some(record.started_at);
            world.charge(&step).await;
            sessions.push(begun.session);
        }
        for session in sessions {
            world.charge(&release(&session, 3, 0)).await;
        }
        let balance = world.balance(subscriber).await;
        outcomes.push((balance, world.charged(subscriber, "data_overage", "2026-11").await));
    }
    assert_eq!(outcomes[0].1, yuan("3.99"));
    assert!(outcomes.iter().all(|outcome| *outcome == outcomes[0]), "{outcomes:?}");
    world.db.drop().await;
}
