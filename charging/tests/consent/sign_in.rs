//! Signing in: limits, single use, and the same answer about everybody.

use std::net::IpAddr;

use charging::sign_in::store::{SignInError, request_code, set_password, sweep, verify_code, verify_password};
use charging::subscriber::{Language, Msisdn};
use chrono::{DateTime, TimeDelta, Utc};

use crate::world::{World, now};
use crate::{later, other_code, rng};

const KNOWN: &str = "13800000001";
const UNKNOWN: &str = "13900000009";

fn number(text: &str) -> Msisdn {
    text.parse().unwrap()
}

fn address(n: u8) -> IpAddr {
    [192, 0, 2, n].into()
}

impl World {
    async fn send_code(&self, msisdn: &str, from: u8, at: DateTime<Utc>) -> Result<(), SignInError> {
        let seed = at.timestamp().unsigned_abs();
        request_code(&self.db.app, &number(msisdn), address(from), Language::Chinese, at, &mut rng(seed)).await
    }

    async fn enter(&self, msisdn: &str, code: &str, at: DateTime<Utc>) -> Option<i64> {
        verify_code(&self.db.app, &number(msisdn), address(1), code, at).await.unwrap()
    }
}

fn limited<T: std::fmt::Debug>(result: Result<T, SignInError>) -> TimeDelta {
    match result {
        Err(SignInError::RateLimited { retry_after }) => retry_after,
        other => panic!("not limited: {other:?}"),
    }
}

#[tokio::test]
async fn a_code_signs_in_once_within_five_minutes() {
    let world = World::new().await;
    let a = world.subscriber(1).await;
    world.send_code(KNOWN, 1, now()).await.unwrap();
    let code = world.code(a).await;
    assert_eq!(world.enter(KNOWN, other_code(&code), now()).await, None);
    assert_eq!(world.enter(KNOWN, &code, later("5:01")).await, None);
    assert_eq!(world.enter(UNKNOWN, &code, now()).await, None);
    let tries = (0..4).map(|_| world.enter(KNOWN, &code, later("5:00")));
    let entered = futures::future::join_all(tries).await;
    assert_eq!(entered.iter().flatten().collect::<Vec<_>>(), [&a], "once, of four at the same instant");
    world.send_code(KNOWN, 1, later("6:00")).await.unwrap();
    let first = world.code(a).await;
    world.send_code(KNOWN, 1, later("7:00")).await.unwrap();
    let second = world.code(a).await;
    assert_eq!(world.enter(KNOWN, &first, later("7:01")).await, None, "a newer code replaced it");
    for _ in 0..4 {
        assert_eq!(world.enter(KNOWN, other_code(&second), later("7:01")).await, None);
    }
    assert_eq!(world.enter(KNOWN, &second, later("7:02")).await, None, "after five tries");
    world.db.drop().await;
}

#[tokio::test]
async fn codes_are_limited_alike_for_known_and_unknown_numbers() {
    let world = World::new().await;
    world.subscriber(1).await;
    for msisdn in [KNOWN, UNKNOWN] {
        for minute in 0..5 {
            world.send_code(msisdn, 1, now() + TimeDelta::minutes(minute)).await.unwrap();
        }
        assert_eq!(limited(world.send_code(msisdn, 2, later("5:00")).await), TimeDelta::minutes(55));
        world.send_code(msisdn, 2, later("60:00")).await.unwrap();
        assert_eq!(limited(world.send_code(msisdn, 2, later("60:30")).await), TimeDelta::seconds(30));
        world.send_code(msisdn, 2, later("61:50")).await.unwrap();
        let next_minute = world.send_code(msisdn, 2, later("62:10")).await;
        assert_eq!(limited(next_minute), TimeDelta::seconds(40), "a minute is 60 s, wherever it begins");
    }
    for n in 0..30 {
        world.send_code(&format!("137{n:08}"), 9, later("70:00")).await.unwrap();
    }
    limited(world.send_code("13700000099", 9, later("70:00")).await);
    assert_eq!(world.count("notice").await, 7);
    let mut conn = world.db.app.acquire().await.unwrap();
    sweep(&mut conn, now() + TimeDelta::days(3)).await.unwrap();
    assert_eq!((world.count("attempt").await, world.count("one_time_code").await), (0, 0));
    drop(conn);
    world.db.drop().await;
}

#[tokio::test]
async fn a_password_is_checked_and_guessing_is_stopped() {
    let world = World::new().await;
    let a = world.subscriber(1).await;
    let mut conn = world.db.app.acquire().await.unwrap();
    let weak = set_password(&mut conn, a, "123456", now(), &mut rng(1)).await;
    assert!(matches!(weak, Err(SignInError::WeakPassword(_))));
    set_password(&mut conn, a, "264813", now(), &mut rng(1)).await.unwrap();
    set_password(&mut conn, a, "927415", now(), &mut rng(2)).await.unwrap();
    let enter = |msisdn: &'static str, password: &'static str, at: DateTime<Utc>| {
        let pool = &world.db.app;
        async move { verify_password(pool, &number(msisdn), address(1), password, at).await }
    };
    assert_eq!(enter(KNOWN, "927415", now()).await.unwrap(), Some(a));
    assert_eq!(enter(KNOWN, "264813", now()).await.unwrap(), None, "the one before");
    assert_eq!(enter(KNOWN, "", now()).await.unwrap(), None);
    assert_eq!(enter(UNKNOWN, "", now()).await.unwrap(), None, "nobody's password is not the empty one");
    assert_eq!(enter(KNOWN, "927415", now()).await.unwrap(), Some(a), "a success starts the count again");
    for msisdn in [KNOWN, UNKNOWN] {
        for _ in 0..10 {
            let counted = enter(msisdn, "000000", later("15:00")).await.unwrap();
            assert_eq!(counted, None);
        }
        limited(enter(msisdn, "927415", later("15:01")).await);
    }
    assert_eq!(enter(KNOWN, "927415", later("30:00")).await.unwrap(), Some(a));
    drop(conn);
    world.db.drop().await;
}
