//! The outbox: one notice an event, tried again with pauses, given up in the end.

use charging::notice::queue::{AcceptedPart, Fate, Lane, Settled, TOO_LATE, Tried, claim, depth, due, expire, settle};
use charging::notice::receipt::{self, Outcome, Receipt, notation};
use charging::notice::store::{NewNotice, enqueue, for_subscriber};
use charging::notice::{ATTEMPTS_MAX, retry_at};
use charging::subscriber::Language;
use chrono::{DateTime, TimeDelta, Utc};
use sqlx::PgConnection;

use crate::later;
use crate::world::{ADDON, World, now};

fn notice(subscriber_id: i64, event_key: &str) -> NewNotice {
    NewNotice {
        subscriber_id,
        kind: "help",
        event_key: event_key.to_owned(),
        language: Language::Chinese,
        body: "【明白】您好".to_owned(),
        created_at: now(),
        due_at: now(),
    }
}

/// Notes what became of the first notice that is due.
async fn try_first(world: &World, lane: Lane, accepted: &[(i16, &str)], fate: Fate, at: DateTime<Utc>) -> Settled {
    let mut conn = world.db.app.acquire().await.unwrap();
    let first = due(&mut conn, lane, at, 1).await.unwrap().remove(0);
    let accepted = accepted.iter().map(|(part, id)| AcceptedPart { part: *part, message_id: (*id).to_owned() });
    settle(&mut conn, &[Tried::new(&first, accepted.collect(), fate)], at).await.unwrap()
}

async fn state(world: &World, subscriber_id: i64) -> (String, Option<String>) {
    let mut conn = world.db.app.acquire().await.unwrap();
    let newest = for_subscriber(&mut conn, subscriber_id, None, 1).await.unwrap().remove(0);
    (newest.state, newest.last_error)
}

#[tokio::test]
async fn one_event_is_told_once() {
    let world = World::new().await;
    let (a, b) = (world.subscriber(1).await, world.subscriber(2).await);
    let mut conn = world.db.app.acquire().await.unwrap();
    assert!(enqueue(&mut conn, &notice(a, "x/1")).await.unwrap());
    assert!(!enqueue(&mut conn, &notice(a, "x/1")).await.unwrap());
    assert!(enqueue(&mut conn, &notice(b, "x/1")).await.unwrap());
    assert!(due(&mut conn, Lane::Awaited, now() - TimeDelta::seconds(1), 10).await.unwrap().is_empty());
    let waiting = due(&mut conn, Lane::Awaited, now(), 10).await.unwrap();
    assert_eq!(waiting.iter().map(|one| one.msisdn.as_str()).collect::<Vec<_>>(), ["13800000001", "13800000002"]);
    let sent = [Tried::new(&waiting[0], vec![], Fate::Sent)];
    assert_eq!(settle(&mut conn, &sent, later("0:01")).await.unwrap().sent, 1);
    let again = [sent[0].clone(), Tried { fate: Fate::Failed("late".to_owned()), ..sent[0].clone() }];
    assert_eq!(settle(&mut conn, &again, later("0:02")).await.unwrap(), Settled::default(), "it is settled");
    assert_eq!(due(&mut conn, Lane::Awaited, now(), 10).await.unwrap().len(), 1);
    let stranger = Tried { notice_id: waiting[1].notice_id, ..sent[0].clone() };
    assert_eq!(settle(&mut conn, &[stranger], now()).await.unwrap().sent, 0, "only with its own subscriber");
    drop(conn);
    world.db.drop().await;
}

#[tokio::test]
async fn what_fails_is_tried_later_and_given_up_in_the_end() {
    let world = World::new().await;
    let a = world.subscriber(1).await;
    let mut conn = world.db.app.acquire().await.unwrap();
    enqueue(&mut conn, &notice(a, "x/1")).await.unwrap();
    let failed = || Fate::Failed("no route".to_owned());
    let mut at = now();
    for attempt in 1..ATTEMPTS_MAX {
        let settled = try_first(&world, Lane::Awaited, &[], failed(), at).await;
        assert_eq!(settled, Settled { retried: 1, ..Settled::default() }, "given up after {attempt}");
        let next = retry_at(attempt, at).unwrap();
        assert!(due(&mut conn, Lane::Awaited, next - TimeDelta::seconds(1), 1).await.unwrap().is_empty());
        assert_eq!(due(&mut conn, Lane::Awaited, next, 1).await.unwrap()[0].attempts, attempt);
        at = next;
    }
    let settled = try_first(&world, Lane::Awaited, &[], failed(), at).await;
    assert_eq!(settled, Settled { given_up: 1, ..Settled::default() });
    assert!(due(&mut conn, Lane::Awaited, later("99999:00"), 1).await.unwrap().is_empty());
    assert_eq!(state(&world, a).await, ("given_up".to_owned(), Some("no route".to_owned())));
    drop(conn);
    world.db.drop().await;
}

#[tokio::test]
async fn what_somebody_waits_for_has_a_lane_of_its_own_and_bills_come_last() {
    let world = World::new().await;
    let a = world.subscriber(1).await;
    let mut conn = world.db.app.acquire().await.unwrap();
    for (kind, event) in [("bill_ready", "x/1"), ("cap_state", "x/2"), ("help", "x/3")] {
        enqueue(&mut conn, &NewNotice { kind, ..notice(a, event) }).await.unwrap();
    }
    let bodies = async |conn: &mut PgConnection, lane| -> Vec<i64> {
        due(conn, lane, now(), 10).await.unwrap().iter().map(|one| one.notice_id).collect()
    };
    let ids: Vec<i64> =
        sqlx::query_scalar("select notice_id from notice order by notice_id").fetch_all(&world.db.owner).await.unwrap();
    assert_eq!(bodies(&mut conn, Lane::Others).await, [ids[1], ids[0]]);
    assert_eq!(bodies(&mut conn, Lane::Awaited).await, [ids[2]]);
    assert_eq!(
        (depth(&mut conn, now()).await.unwrap(), depth(&mut conn, now() - TimeDelta::seconds(1)).await.unwrap()),
        (3, 0)
    );
    drop(conn);
    world.db.drop().await;
}

#[tokio::test]
async fn one_server_at_a_time_sends_a_lane() {
    let world = World::new().await;
    let mut one = world.db.app.begin().await.unwrap();
    let mut other = world.db.app.begin().await.unwrap();
    assert!(claim(&mut one, Lane::Awaited).await.unwrap());
    assert!(!claim(&mut other, Lane::Awaited).await.unwrap());
    assert!(claim(&mut other, Lane::Others).await.unwrap());
    one.commit().await.unwrap();
    assert!(claim(&mut other, Lane::Awaited).await.unwrap());
    other.commit().await.unwrap();
    world.db.drop().await;
}

#[tokio::test]
async fn a_question_is_not_sent_late() {
    let world = World::new().await;
    let a = world.subscriber(1).await;
    world.ask(a, ADDON, now()).await.unwrap();
    let mut conn = world.db.app.acquire().await.unwrap();
    assert_eq!(due(&mut conn, Lane::Awaited, later("9:59"), 10).await.unwrap().len(), 1);
    assert_eq!(expire(&mut conn, later("9:59")).await.unwrap(), 0);
    assert!(due(&mut conn, Lane::Awaited, later("10:00"), 10).await.unwrap().is_empty());
    assert_eq!(expire(&mut conn, later("10:00")).await.unwrap(), 1);
    assert_eq!(state(&world, a).await, ("given_up".to_owned(), Some(TOO_LATE.to_owned())));
    drop(conn);
    world.db.drop().await;
}

#[tokio::test]
async fn receipts_tell_what_became_of_all_parts_whenever_they_come() {
    let world = World::new().await;
    let (a, b) = (world.subscriber(1).await, world.subscriber(2).await);
    let mut conn = world.db.app.acquire().await.unwrap();
    let receipt = |subscriber_id, id: &str, outcome, error: Option<&str>| Receipt {
        subscriber_id,
        message_id: notation(id),
        outcome,
        error: error.map(ToOwned::to_owned),
    };
    let tell = async |conn: &mut PgConnection, receipts: &[Receipt]| {
        receipt::keep(conn, receipts, now()).await.unwrap();
        receipt::settle(conn, now()).await.unwrap()
    };
    enqueue(&mut conn, &notice(a, "x/1")).await.unwrap();
    // Before its part is stored, in decimal where the answer has hexadecimal; and one that belongs to nothing.
    let early =
        [receipt(a, "2712847316", Outcome::Delivered, None), receipt(b, "2712847316", Outcome::Delivered, None)];
    assert_eq!(tell(&mut conn, &early).await, 0);
    let half = Fate::Failed("throttled".to_owned());
    try_first(&world, Lane::Awaited, &[(1, &notation("00A1B2C3D4"))], half, now()).await;
    assert_eq!(receipt::settle(&mut conn, now()).await.unwrap(), 1);
    assert_eq!(state(&world, a).await.0, "queued", "half of it is still to be sent");
    let waiting = due(&mut conn, Lane::Awaited, later("1:00"), 1).await.unwrap();
    assert_eq!((waiting[0].accepted.as_slice(), waiting[0].attempts), ([1].as_slice(), 1));
    try_first(&world, Lane::Awaited, &[(1, "other"), (2, "second")], Fate::Sent, later("1:00")).await;
    assert_eq!(state(&world, a).await.0, "sent");
    assert_eq!(tell(&mut conn, &[receipt(a, "SECOND", Outcome::Delivered, None)]).await, 1);
    assert_eq!(state(&world, a).await, ("delivered".to_owned(), None));
    let contradiction = receipt(a, "second", Outcome::Undelivered, Some("EXPIRED"));
    assert_eq!(tell(&mut conn, &[contradiction]).await, 0);
    assert_eq!(state(&world, a).await.0, "delivered", "the first word counts");

    enqueue(&mut conn, &notice(a, "x/2")).await.unwrap();
    try_first(&world, Lane::Awaited, &[(1, "third"), (2, "fourth")], Fate::Sent, now()).await;
    let lost = receipt(a, "fourth", Outcome::Undelivered, Some("EXPIRED err:027"));
    tell(&mut conn, &[lost.clone(), lost]).await;
    assert_eq!(state(&world, a).await, ("undelivered".to_owned(), Some("EXPIRED err:027".to_owned())));
    let after = |hours| now() + TimeDelta::hours(hours);
    assert_eq!(receipt::forget_unknown(&mut conn, after(6)).await.unwrap(), 0);
    // That of another subscriber, and the contradiction.
    assert_eq!(receipt::forget_unknown(&mut conn, after(7)).await.unwrap(), 2);
    drop(conn);
    world.db.drop().await;
}

#[tokio::test]
async fn the_page_of_messages_shows_no_code() {
    let world = World::new().await;
    let a = world.subscriber(1).await;
    world.ask(a, ADDON, now()).await.unwrap();
    let code = world.code(a).await;
    let mut conn = world.db.app.acquire().await.unwrap();
    enqueue(&mut conn, &notice(a, "x/1")).await.unwrap();
    let page = for_subscriber(&mut conn, a, None, 1).await.unwrap();
    assert_eq!(page[0].kind, "help");
    let next = for_subscriber(&mut conn, a, Some(page[0].notice_id), 10).await.unwrap();
    assert_eq!((next.len(), next[0].kind.as_str()), (1, "order_request"));
    assert!(!next[0].body.contains(&code));
    drop(conn);
    world.db.drop().await;
}
