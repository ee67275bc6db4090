//! A small operator at noon of 15 October 2026.

use charging::actor::By;
use charging::consent::store::record;
use charging::consent::{Method, NewConsent, Subject};
use charging::order::store::{NewOrder, NewSubscription, place, start};
use charging::subscriber::store::create;
use charging::subscriber::{Language, NewSubscriber};
use charging::tariff::store::{Publication, find, publish};
use charging::tariff::{Included, Kind, TariffContent};
use charging::testing::TestDatabase;
use chrono::{DateTime, Utc};
use sqlx::PgConnection;

/// 59 yuan a month by days left, 10 once, ends with the month; 1 GB, then 0.03 yuan/MB up to 3 yuan a GB.
pub const PLAN: &str = "26MB900001";
/// 99 yuan a month, ends with the month.
pub const OTHER_PLAN: &str = "26MB900002";
/// 30 yuan a month, ends at once.
pub const LOOSE_PLAN: &str = "26MB900003";
/// 10 yuan a month, ends at once.
pub const ADDON: &str = "26MB900004";
/// 20 yuan a month, ends with the month.
pub const PACK: &str = "26MB900005";
/// Without a machine-readable price.
pub const SHELF: &str = "26MB900006";
/// On sale until the end of June 2026.
pub const PAST: &str = "26MB900007";
/// Public from December 2026.
pub const FUTURE: &str = "26MB900008";
/// No monthly price, 5 yuan once, ends with the month; 0.15 yuan a minute.
pub const USE_PLAN: &str = "26MB900009";
/// No monthly price, ends at once; 0.15 yuan a minute.
pub const LOOSE_USE_PLAN: &str = "26MB900010";

pub fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

pub fn now() -> DateTime<Utc> {
    at("2026-10-15T12:00:00+08:00")
}

pub struct World {
    pub db: TestDatabase,
}

/// What an order left behind.
#[derive(Clone, Copy, Debug)]
pub struct Placed {
    pub consent_seq: i32,
    pub order_id: i64,
    pub subscription_id: i64,
}

pub fn tariff(scheme_id: &str, kind: Kind, name: &str, terms: Option<&str>) -> TariffContent {
    TariffContent {
        scheme_id: scheme_id.parse().unwrap(),
        operator_id: "mingbai".to_owned(),
        name: name.to_owned(),
        kind,
        audience: "所有用户".to_owned(),
        regions: vec!["北京".to_owned()],
        channels: vec!["网上营业厅".to_owned()],
        on_sale_from: "2026-01-01".parse().unwrap(),
        on_sale_until: "2026-12-31".parse().unwrap(),
        validity: "长期有效".to_owned(),
        commitment: "无".to_owned(),
        cancel: "网站或10086".to_owned(),
        penalty: "无".to_owned(),
        restrictions: vec!["仅限境内使用".to_owned()],
        notes: String::new(),
        price_text: String::new(),
        services_text: String::new(),
        overage_text: String::new(),
        category: String::new(),
        included: Included::default(),
        terms: terms.map(|text| serde_json::from_str(text).unwrap()),
    }
}

fn catalogue() -> Vec<Publication> {
    let plan = r#"{"recurring":{"price":"59.00","first_month":"daily"},"one_off":"10.00","cancel_effective":"month_end",
        "allowances":[{"service":"data","quantity":"1GB"}],
        "overage":[{"service":"data","model":"ladder","price":"0.03","unit":"1MB","block_price":"3.00","block":"1GB"}]}"#;
    let other = r#"{"recurring":{"price":"99.00","first_month":"full"},"cancel_effective":"month_end"}"#;
    let loose = r#"{"recurring":{"price":"30.00","first_month":"full"},"cancel_effective":"immediately"}"#;
    let addon = r#"{"recurring":{"price":"10.00","first_month":"full"},"cancel_effective":"immediately",
        "allowances":[{"service":"data","quantity":"2GB"}]}"#;
    let pack = r#"{"recurring":{"price":"20.00","first_month":"full"},"cancel_effective":"month_end"}"#;
    let minutes = r#""overage":[{"service":"voice","model":"unit","price":"0.15","unit":"1min"}]"#;
    let use_plan = format!(r#"{{"one_off":"5.00","cancel_effective":"month_end",{minutes}}}"#);
    let loose_use_plan = format!(r#"{{"cancel_effective":"immediately",{minutes}}}"#);
    let mut past = tariff(PAST, Kind::Addon, "春季包", Some(pack));
    past.on_sale_until = "2026-06-30".parse().unwrap();
    let mut all: Vec<Publication> = [
        tariff(PLAN, Kind::Plan, "畅享 59", Some(plan)),
        tariff(OTHER_PLAN, Kind::Plan, "畅享 99", Some(other)),
        tariff(LOOSE_PLAN, Kind::Plan, "随心 30", Some(loose)),
        tariff(ADDON, Kind::Addon, "流量加油包", Some(addon)),
        tariff(PACK, Kind::Addon, "视频包", Some(pack)),
        tariff(USE_PLAN, Kind::Plan, "用多少付多少", Some(&use_plan)),
        tariff(LOOSE_USE_PLAN, Kind::Plan, "随用随停", Some(&loose_use_plan)),
        tariff(SHELF, Kind::Addon, "只在公示", None),
        past,
    ]
    .map(Publication::from)
    .into();
    let future = tariff(FUTURE, Kind::Addon, "冬季包", Some(pack));
    all.push(Publication { published_at: Some(at("2026-12-01T00:00:00+08:00")), ..future.into() });
    all
}

impl World {
    pub async fn new() -> Self {
        let db = TestDatabase::create().await;
        let mut tx = db.app.begin().await.unwrap();
        let catalogue = catalogue();
        publish(&mut tx, &catalogue, at("2026-12-01T00:00:00+08:00")).await.unwrap();
        tx.commit().await.unwrap();
        Self { db }
    }

    /// Subscriber number `n` of Beijing, with the standard cap.
    pub async fn subscriber(&self, n: u32) -> i64 {
        let new = NewSubscriber {
            msisdn: format!("138{n:08}").parse().unwrap(),
            name: format!("用户{n}"),
            region: "北京".to_owned(),
            language: Language::Chinese,
            cap: 600.into(),
            channel_id: "import".to_owned(),
        };
        let mut tx = self.db.app.begin().await.unwrap();
        let subscriber = create(&mut tx, &new, at("2026-01-01T00:00:00+08:00")).await.unwrap();
        tx.commit().await.unwrap();
        subscriber.subscriber_id
    }

    /// A yes on paper to the newest version.
    pub async fn sign(&self, conn: &mut PgConnection, subscriber_id: i64, scheme_id: &str, on: DateTime<Utc>) -> i32 {
        let tariff = find(conn, &scheme_id.parse().unwrap()).await.unwrap().unwrap();
        let terms = tariff.content.terms.unwrap();
        let consent = NewConsent {
            subscriber_id,
            subject: Subject::Order {
                scheme_id: tariff.content.scheme_id,
                version: tariff.version,
                recurring_price: terms.recurring_price(),
                one_off_price: terms.one_off,
            },
            method: Method::Signature,
            channel_id: "hall".to_owned(),
            asked_at: on,
            agreed_at: on,
            request_id: None,
            reference: Some(format!("slip {subscriber_id}/{scheme_id}")),
            description: format!("办理{}", tariff.content.name),
            answer: "signed".to_owned(),
        };
        record(conn, &consent).await.unwrap()
    }

    /// Signed for, ordered and started on a day, all at the shop.
    pub async fn has(&self, subscriber_id: i64, scheme_id: &str, since: DateTime<Utc>) -> Placed {
        let mut tx = self.db.app.begin().await.unwrap();
        let consent_seq = self.sign(&mut tx, subscriber_id, scheme_id, since).await;
        let order = NewOrder {
            subscriber_id,
            scheme_id: scheme_id.parse().unwrap(),
            version: 1,
            consent_seq,
            by: By::staff("li.na", "hall"),
            ordered_at: since,
        };
        let order_id = place(&mut tx, &order).await.unwrap();
        let new = NewSubscription {
            subscriber_id,
            order_id,
            starts_at: since,
            activated_at: since,
            by: By::staff("li.na", "hall"),
        };
        let subscription_id = start(&mut tx, &new).await.unwrap();
        tx.commit().await.unwrap();
        Placed { consent_seq, order_id, subscription_id }
    }
}
