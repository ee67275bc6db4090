//! The outbox: one notice an event, tried again with pauses, given up in the end.

use charging::notice::ATTEMPTS_MAX;
use charging::notice::store::{AfterFailure, NewNotice, due, enqueue, for_subscriber, mark_sent, retry_later};
use charging::subscriber::Language;

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

#[tokio::test]
async fn one_event_is_told_once() {
    let world = World::new().await;
    let (a, b) = (world.subscriber(1).await, world.subscriber(2).await);
    let mut conn = world.db.app.acquire().await.unwrap();
    assert!(enqueue(&mut conn, &notice(a, "x/1")).await.unwrap());
    assert!(!enqueue(&mut conn, &notice(a, "x/1")).await.unwrap());
    assert!(enqueue(&mut conn, &notice(b, "x/1")).await.unwrap());
    assert!(due(&mut conn, now() - chrono::TimeDelta::seconds(1), 10).await.unwrap().is_empty());
    let waiting = due(&mut conn, now(), 10).await.unwrap();
    assert_eq!(waiting.iter().map(|one| one.msisdn.as_str()).collect::<Vec<_>>(), ["13800000001", "13800000002"]);
    let first = waiting[0].notice_id;
    assert!(mark_sent(&mut conn, a, first, later("0:01")).await.unwrap());
    assert!(!mark_sent(&mut conn, a, first, later("0:02")).await.unwrap());
    assert_eq!(retry_later(&mut conn, a, first, "late", later("0:02")).await.unwrap(), AfterFailure::Settled);
    assert_eq!(due(&mut conn, now(), 10).await.unwrap().len(), 1);
    assert!(!mark_sent(&mut conn, a, waiting[1].notice_id, now()).await.unwrap(), "only with its own subscriber");
    drop(conn);
    world.db.drop().await;
}

#[tokio::test]
async fn what_fails_is_tried_later_and_given_up_in_the_end() {
    let world = World::new().await;
    let a = world.subscriber(1).await;
    let mut conn = world.db.app.acquire().await.unwrap();
    enqueue(&mut conn, &notice(a, "x/1")).await.unwrap();
    let id = due(&mut conn, now(), 1).await.unwrap()[0].notice_id;
    let mut at = now();
    for attempt in 1..ATTEMPTS_MAX {
        let AfterFailure::RetryAt(next) = retry_later(&mut conn, a, id, "no route", at).await.unwrap() else {
            panic!("given up after {attempt}")
        };
        assert!(due(&mut conn, next - chrono::TimeDelta::seconds(1), 1).await.unwrap().is_empty());
        assert_eq!(due(&mut conn, next, 1).await.unwrap()[0].attempts, attempt);
        at = next;
    }
    assert_eq!(retry_later(&mut conn, a, id, "no route", at).await.unwrap(), AfterFailure::GivenUp);
    assert!(due(&mut conn, later("99999:00"), 1).await.unwrap().is_empty());
    assert_eq!(for_subscriber(&mut conn, a, None, 10).await.unwrap()[0].state, "given_up");
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
