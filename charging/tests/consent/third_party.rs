//! 手机代扣费: what a platform asks for is collected with a proof of consent to that item at that price, once, and never without.

use charging::consent::incoming::Handled;
use charging::consent::request::Asked;
use charging::ledger::store::balances;
use charging::order::Refusal;
use charging::order::store::OrderError;
use charging::tariff::Kind;
use charging::tariff::store::publish;
use charging::third_party::PlatformId;
use charging::third_party::store::{ThirdPartyError, confirm, register, request};
use chrono::{DateTime, Utc};

use crate::world::{ADDON, World, now, tariff};
use crate::{later, other_code, rng};

const COINS: &str = "26MB920001";
const SKIN: &str = "26MB920002";

fn platform() -> PlatformId {
    "star_games".parse().unwrap()
}

impl World {
    /// With a platform that sells coins for 6 yuan and a skin for 30.
    async fn with_platform() -> Self {
        let world = Self::new().await;
        let mut tx = world.db.app.begin().await.unwrap();
        let once = |price: &str| format!(r#"{{"one_off":"{price}","cancel_effective":"immediately"}}"#);
        let items = [
            tariff(COINS, Kind::Standard, "星空游戏 60 星币（代收）", Some(&once("6.00"))),
            tariff(SKIN, Kind::Standard, "星空游戏 皮肤（代收）", Some(&once("30.00"))),
        ];
        publish(&mut tx, &items.map(Into::into), now()).await.unwrap();
        let items = [COINS, SKIN].map(|id| id.parse().unwrap());
        register(&mut tx, &platform(), ["星空游戏", "Star Games"], &items).await.unwrap();
        register(&mut tx, &platform(), ["星空游戏", "Star Games"], &items).await.unwrap();
        tx.commit().await.unwrap();
        world
    }

    async fn asks(&self, a: i64, item: &str, reference: &str, at: DateTime<Utc>) -> Result<Asked, ThirdPartyError> {
        let mut tx = self.db.app.begin().await.unwrap();
        let mut rng = rng(at.timestamp().unsigned_abs());
        let asked = request(&mut tx, a, &platform(), &item.parse().unwrap(), reference, at, &mut rng).await?;
        tx.commit().await.unwrap();
        Ok(asked)
    }

    async fn nothing_is_collected(&self, what: &str) {
        for table in ["consent", "product_order", "third_party_charge", "charge", "transfer"] {
            assert_eq!(self.count(table).await, 0, "{what}: {table}");
        }
    }
}

#[tokio::test]
async fn nothing_is_collected_without_a_yes() {
    let world = World::with_platform().await;
    let a = world.subscriber(1).await;
    let asked = world.asks(a, COINS, "o-1", later("0:00")).await.unwrap();
    let code = world.code(a).await;
    let wrong = confirm(&world.db.app, a, asked.request_id, other_code(&code), later("0:10")).await;
    assert!(matches!(wrong, Err(ThirdPartyError::Order(OrderError::Request(_)))), "{wrong:?}");
    let late = confirm(&world.db.app, a, asked.request_id, &code, later("5:01")).await;
    assert!(matches!(late, Err(ThirdPartyError::Order(OrderError::Request(_)))), "{late:?}");
    assert_eq!(world.receive(a, "late", "Y", later("10:01")).await, Handled::Lapsed);
    world.asks(a, COINS, "o-1", later("11:00")).await.unwrap();
    assert_eq!(world.receive(a, "no", "N", later("11:10")).await, Handled::Refused);
    assert_eq!(world.receive(a, "after a no", "Y", later("11:20")).await, Handled::NothingAsked);
    world.nothing_is_collected("by SMS").await;

    let ordered = world.ask(a, COINS, later("12:00")).await;
    assert!(matches!(ordered, Err(OrderError::Refused(Refusal::ByPlatform))), "{ordered:?}");
    let other = world.asks(a, ADDON, "o-2", later("12:00")).await;
    assert!(matches!(other, Err(ThirdPartyError::NoItem)), "{other:?}");
    for reference in ["", &"9".repeat(65)] {
        let refused = world.asks(a, COINS, reference, later("12:00")).await;
        assert!(matches!(refused, Err(ThirdPartyError::Reference)), "{refused:?}");
    }

    let collected = |order: &str, item: &str, amount: &str| {
        format!(
            "insert into third_party_charge (subscriber_id, platform_id, reference, scheme_id, version, recurring_price, amount,
                order_id, charged_at)
            values ({a}, 'star_games', 'x', '{item}', 1, 0, {amount}, {order}, now())"
        )
    };
    assert_eq!(world.refuser(collected("null", COINS, "6")).await, "23502");
    assert_eq!(world.refuser(collected("1", COINS, "6")).await, "third_party_charge_order");
    assert_eq!(world.refuser(collected("1", ADDON, "6")).await, "third_party_charge_item");
    let charged = |of: &str, more: &str| {
        format!(
            "insert into charge (subscriber_id, kind, month, scheme_id, version, recurring_price, one_off_price, quantity, amount,
                charged_at, third_party_charge_id{more}
            values ({a}, 'third_party', '2026-10-01', '{COINS}', 1, 0, 6, 1, 6, now(), {of}"
        )
    };
    assert_eq!(world.refuser(charged("null)", ")")).await, "charge_of_third_party");
    assert_eq!(world.refuser(charged("1)", ")")).await, "charge_third_party");
    assert_eq!(world.refuser(charged("1, 1)", ", subscription_id)")).await, "charge_of_subscription");
    world.nothing_is_collected("by plain SQL").await;
    world.db.drop().await;
}

#[tokio::test]
async fn a_yes_collects_that_item_once() {
    let world = World::with_platform().await;
    let a = world.subscriber(1).await;
    let asked = world.asks(a, COINS, "o-1", later("0:00")).await.unwrap();
    assert!(asked.description.contains("星空游戏 60 星币") && asked.description.contains("6.00元"), "{asked:?}");
    let code = world.code(a).await;
    confirm(&world.db.app, a, asked.request_id, &code, later("1:00")).await.unwrap();
    let again = world.asks(a, COINS, "o-1", later("2:00")).await;
    assert!(matches!(again, Err(ThirdPartyError::Already)), "{again:?}");
    world.asks(a, COINS, "o-2", later("3:00")).await.unwrap();
    let handled = world.receive(a, "yes", "Y", later("3:10")).await;
    assert!(matches!(handled, Handled::Collected(_)), "{handled:?}");
    world.check_chain(a, 2).await;
    assert_eq!((world.count("third_party_charge").await, world.count("subscription").await), (2, 0));
    let mut conn = world.db.app.acquire().await.unwrap();
    let balances = balances(&mut conn, a).await.unwrap();
    assert_eq!(balances["receivable"].to_string(), "12.000000");
    assert_eq!(balances["payable"].to_string(), "-12.000000");
    let (kind, body) = world.last_sms(a).await;
    assert!(kind == "collected" && body.contains("只收这一次"), "{body}");
    let sql = format!(
        "insert into third_party_charge (subscriber_id, platform_id, reference, scheme_id, version, recurring_price, amount, order_id,
            charged_at)
        select {a}, 'star_games', 'again', '{COINS}', 1, 0, 6, min(order_id), now() from product_order"
    );
    assert_eq!(world.refuser(sql).await, "third_party_charge_order_once");
    drop(conn);
    world.db.drop().await;
}

#[tokio::test]
async fn what_is_collected_has_a_line_of_its_own_and_goes_back_out_of_what_is_owed_to_the_platform() {
    use charging::actor::Actor;
    use charging::bill::run::run;
    use charging::clock::ManualClock;
    use charging::refund::{NewRefund, Of, Reason, approve, ask};

    let world = World::with_platform().await;
    let a = world.subscriber(1).await;
    world.asks(a, SKIN, "o-1", later("0:00")).await.unwrap();
    world.receive(a, "yes", "Y", later("0:10")).await;
    let november = crate::world::at("2026-11-03T10:00:00+08:00");
    let month = "2026-10".parse().unwrap();
    let summary = run(&world.db.app, month, &ManualClock::new(november), |_| ()).await.unwrap();
    assert!(summary.refused.is_empty(), "{summary:?}");
    let mut tx = world.db.app.begin().await.unwrap();
    let bill = charging::bill::store::bill(&mut tx, a, month).await.unwrap().unwrap();
    assert_eq!(
        (bill.lines.len(), bill.lines[0].kind.as_str(), bill.total.to_string()),
        (1, "third_party", "30.00".to_owned())
    );
    let new = NewRefund {
        subscriber_id: a,
        of: Of::Line { month, line_no: 1 },
        amount: "30".parse().unwrap(),
        reason: Reason::NoConsent,
        note: String::new(),
        dispute_id: None,
    };
    let refund_id = ask(&mut tx, &new, &Actor::Subscriber, november).await.unwrap();
    approve(&mut tx, a, refund_id, &Actor::System, &mut rng(1), november).await.unwrap();
    let balances = balances(&mut tx, a).await.unwrap();
    assert!(balances["payable"].is_zero() && balances["receivable"].is_zero(), "{balances:?}");
    tx.commit().await.unwrap();
    let report = charging::audit::audit(&world.db.app, None, || ()).await.unwrap();
    assert_eq!(report.differences, 0, "{:?}", report.described);
    world.db.drop().await;
}
