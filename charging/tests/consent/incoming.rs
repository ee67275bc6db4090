//! Replies by SMS, and raising the cap.

use charging::actor::By;
use charging::consent::cap::{CapRaiseError, confirm_cap_raise, request_cap_raise};
use charging::consent::incoming::{Handled, incoming};
use charging::consent::request::{Asked, RequestError};
use charging::order::view::active;
use charging::usage::store::{UsageError, current_cap};
use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

use crate::world::{ADDON, PACK, World, now};
use crate::{later, other_code, rng};

impl World {
    pub async fn receive(&self, subscriber_id: i64, message_id: &str, text: &str, at: DateTime<Utc>) -> Handled {
        let mut conn = self.db.app.acquire().await.unwrap();
        incoming(&mut conn, subscriber_id, message_id, text, at).await.unwrap()
    }

    async fn ask_cap(&self, subscriber_id: i64, cap: &str, at: DateTime<Utc>) -> Result<Asked, CapRaiseError> {
        let cap: Decimal = cap.parse().unwrap();
        let mut tx = self.db.app.begin().await.unwrap();
        let asked = request_cap_raise(&mut tx, subscriber_id, cap, &By::subscriber("web"), at, &mut rng(5)).await?;
        tx.commit().await.unwrap();
        Ok(asked)
    }

    pub async fn cap(&self, subscriber_id: i64) -> Decimal {
        let mut conn = self.db.app.acquire().await.unwrap();
        current_cap(&mut conn, subscriber_id).await.unwrap().unwrap().cap
    }
}

#[tokio::test]
async fn a_reply_counts_once_for_ten_minutes() {
    let world = World::new().await;
    let a = world.subscriber(1).await;
    assert_eq!(world.receive(a, "m0", "Y", now()).await, Handled::NothingAsked);
    assert_eq!(world.last_sms(a).await.0, "nothing_asked");
    assert_eq!(world.receive(a, "m1", "你好", now()).await, Handled::NotUnderstood);
    assert_eq!(world.last_sms(a).await.0, "help");
    let asked = world.ask(a, ADDON, now()).await.unwrap();
    let Handled::Ordered(ordered) = world.receive(a, "m2", " ｙ。", later("9:59")).await else {
        panic!("not ordered")
    };
    assert_eq!(world.receive(a, "m2", " ｙ。", later("10:00")).await, Handled::Repeated);
    assert_eq!(world.receive(a, "m3", "Y", later("10:00")).await, Handled::NothingAsked);
    let mut conn = world.db.app.acquire().await.unwrap();
    let services = active(&mut conn, a, later("10:00")).await.unwrap();
    assert_eq!(services.len(), 1);
    assert_eq!((services[0].order_id, services[0].agreed.method.as_str()), (ordered.order_id, "sms_reply"));
    assert_eq!((services[0].agreed.channel_id.as_str(), services[0].agreed.reference.as_deref()), ("sms", Some("m2")));
    world.ask(a, PACK, later("11:00")).await.unwrap();
    assert_eq!(world.receive(a, "m4", "是", later("21:01")).await, Handled::Lapsed);
    assert_eq!(world.last_sms(a).await.0, "order_lapsed");
    world.ask(a, PACK, later("22:00")).await.unwrap();
    assert_eq!(world.receive(a, "m5", "Ｎ", later("22:30")).await, Handled::Refused);
    assert_eq!(world.receive(a, "m6", "Y", later("22:40")).await, Handled::NothingAsked);
    assert_eq!((world.count("product_order").await, asked.request_id), (1, 1));
    world.check_chain(a, 1).await;
    drop(conn);
    world.db.drop().await;
}

#[tokio::test]
async fn the_same_reply_delivered_many_times_at_once_orders_once() {
    let world = World::new().await;
    let a = world.subscriber(1).await;
    world.ask(a, ADDON, now()).await.unwrap();
    let replies = (0..6).map(|n| {
        let (world, id) = (&world, if n < 3 { "same".to_owned() } else { format!("other {n}") });
        async move { world.receive(a, &id, "Y", later("1:00")).await }
    });
    let handled = futures::future::join_all(replies).await;
    assert_eq!(handled.iter().filter(|one| matches!(one, Handled::Ordered(_))).count(), 1, "{handled:?}");
    assert_eq!(handled.iter().filter(|one| **one == Handled::Repeated).count(), 2, "{handled:?}");
    assert_eq!((world.count("product_order").await, world.count("incoming_sms").await), (1, 4));
    world.db.drop().await;
}

#[tokio::test]
async fn a_cap_is_raised_by_code_or_reply() {
    let world = World::new().await;
    let a = world.subscriber(1).await;
    let lower = world.ask_cap(a, "600", now()).await.unwrap_err();
    assert!(matches!(lower, CapRaiseError::Usage(UsageError::CapNotHigher { .. })));
    let asked = world.ask_cap(a, "800.00", now()).await.unwrap();
    let code = world.code(a).await;
    let confirm = |typed: String| {
        confirm_cap_raise(&world.db.app, a, asked.request_id, &*Box::leak(typed.into_boxed_str()), later("1:00"))
    };
    let wrong = confirm(other_code(&code).to_owned()).await.unwrap_err();
    assert!(matches!(wrong, CapRaiseError::Request(RequestError::WrongCode)));
    let results = futures::future::join_all((0..3).map(|_| confirm(code.clone()))).await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1, "{results:?}");
    assert_eq!(world.cap(a).await, "800.00".parse().unwrap());
    assert_eq!(world.last_sms(a).await.0, "cap_changed");
    world.ask_cap(a, "1000", later("2:00")).await.unwrap();
    assert_eq!(world.receive(a, "m1", "n", later("3:00")).await, Handled::Refused);
    world.ask_cap(a, "1000", later("4:00")).await.unwrap();
    assert_eq!(world.receive(a, "m2", "Y", later("14:01")).await, Handled::Lapsed);
    assert_eq!(world.cap(a).await, "800.00".parse().unwrap());
    world.ask_cap(a, "1000", later("15:00")).await.unwrap();
    assert_eq!(world.receive(a, "m3", "Y", later("16:00")).await, Handled::CapRaised);
    assert_eq!(world.cap(a).await, "1000.00".parse().unwrap());
    world.check_chain(a, 2).await;
    world.db.drop().await;
}
