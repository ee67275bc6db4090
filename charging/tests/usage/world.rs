//! A small operator with subscribers whose usage comes in.

use charging::actor::By;
use charging::clock::Month;
use charging::consent::store::record as record_consent;
use charging::consent::{Method, NewConsent, Subject};
use charging::order::store::{NewOrder, NewSubscription, place, start};
use charging::quantity::{MIB, Service};
use charging::subscriber::store::create;
use charging::subscriber::{Language, NewSubscriber};
use charging::tariff::store::{Publication, publish};
use charging::tariff::{Included, Kind, TariffContent};
use charging::testing::TestDatabase;
use charging::usage::UsageRecord;
use charging::usage::store::{Ingested, Memory, UsageError, ingest_batch};
use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use sqlx::PgConnection;

/// 1 GB that rolls over, 10 minutes, 5 messages; beyond: 0.03/MB up to 3 yuan a GB, 0.15 a minute, 0.10 a message.
pub const PLAN: &str = "26MB900001";
/// 100 MB, half in the first month; nothing beyond.
pub const BARE: &str = "26MB900002";
/// 500 MB for rating group 1000.
pub const DIRECTED: &str = "26MB900003";
/// 1 GB for anything.
pub const PACK: &str = "26MB900004";

pub fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

pub fn month(text: &str) -> Month {
    text.parse().unwrap()
}

pub fn yuan(text: &str) -> Decimal {
    text.parse().unwrap()
}

/// When everything is asked and reported, unless a test says otherwise.
pub fn now() -> DateTime<Utc> {
    at("2026-11-20T12:00:00+08:00")
}

/// Data of so many MB that starts at noon of a day.
pub fn data(id: &str, day: &str, megabytes: u64) -> UsageRecord {
    UsageRecord {
        id: id.to_owned(),
        service: Service::Data,
        started_at: at(&format!("{day}T12:00:00+08:00")),
        quantity: megabytes * MIB,
        rating_group: None,
    }
}

pub fn directed(id: &str, day: &str, megabytes: u64) -> UsageRecord {
    UsageRecord { rating_group: Some(1000), ..data(id, day, megabytes) }
}

/// A call in seconds, or messages.
pub fn other(id: &str, day: &str, service: Service, quantity: u64) -> UsageRecord {
    UsageRecord { service, quantity, ..data(id, day, 0) }
}

pub struct World {
    pub db: TestDatabase,
    /// Of all sessions that are charged here.
    pub memory: Memory,
}

fn content(scheme_id: &str, kind: Kind, name: &str, terms: &str) -> TariffContent {
    TariffContent {
        scheme_id: scheme_id.parse().unwrap(),
        operator_id: "mingbai".to_owned(),
        name: name.to_owned(),
        kind,
        audience: "所有用户".to_owned(),
        regions: vec!["全国".to_owned()],
        channels: vec!["网上营业厅".to_owned()],
        on_sale_from: "2026-01-01".parse().unwrap(),
        on_sale_until: "2027-12-31".parse().unwrap(),
        validity: String::new(),
        commitment: String::new(),
        cancel: String::new(),
        penalty: String::new(),
        restrictions: vec![],
        notes: String::new(),
        price_text: String::new(),
        services_text: String::new(),
        overage_text: String::new(),
        category: String::new(),
        included: Included::default(),
        terms: Some(serde_json::from_str(terms).unwrap()),
    }
}

const PLAN_TERMS: &str = r#"{"recurring":{"price":"59.00","first_month":"daily"},"cancel_effective":"month_end",
    "allowances":[{"service":"data","quantity":"1GB","rollover":true},{"service":"voice","quantity":"10min"},
        {"service":"sms","quantity":"5"}],
    "overage":[{"service":"data","model":"ladder","price":"0.03","unit":"1MB","block_price":"3.00","block":"1GB"},
        {"service":"voice","model":"unit","price":"0.15","unit":"1min"},
        {"service":"sms","model":"unit","price":"0.10","unit":"1"}]}"#;
const BARE_TERMS: &str = r#"{"recurring":{"price":"19.00","first_month":"half"},"cancel_effective":"month_end",
    "allowances":[{"service":"data","quantity":"100MB"},{"service":"sms","quantity":"5"}]}"#;
const DIRECTED_TERMS: &str = r#"{"recurring":{"price":"9.00","first_month":"full"},"cancel_effective":"immediately",
    "allowances":[{"service":"data","quantity":"500MB","rating_groups":[1000]}]}"#;
const PACK_TERMS: &str = r#"{"recurring":{"price":"10.00","first_month":"full"},"cancel_effective":"immediately",
    "allowances":[{"service":"data","quantity":"1GB"}]}"#;

impl World {
    pub async fn new() -> Self {
        let db = TestDatabase::create().await;
        let batch = [
            content(PLAN, Kind::Plan, "畅享 59", PLAN_TERMS),
            content(BARE, Kind::Plan, "守护 19", BARE_TERMS),
            content(DIRECTED, Kind::Addon, "视频定向包", DIRECTED_TERMS),
            content(PACK, Kind::Addon, "流量加油包", PACK_TERMS),
        ]
        .map(Publication::from);
        let mut tx = db.app.begin().await.unwrap();
        publish(&mut tx, &batch, at("2026-01-01T00:00:00+08:00")).await.unwrap();
        tx.commit().await.unwrap();
        Self { db, memory: Memory::default() }
    }

    /// A subscriber with a cap and nothing else.
    pub async fn subscriber(&self, n: u32, cap: &str) -> i64 {
        let new = NewSubscriber {
            msisdn: format!("1380000{n:04}").parse().unwrap(),
            name: "王芳".to_owned(),
            region: "北京".to_owned(),
            language: Language::Chinese,
            cap: yuan(cap),
            channel_id: "web".to_owned(),
        };
        let mut tx = self.db.app.begin().await.unwrap();
        let subscriber = create(&mut tx, &new, at("2026-01-01T00:00:00+08:00")).await.unwrap();
        tx.commit().await.unwrap();
        subscriber.subscriber_id
    }

    /// Orders a tariff that begins at an instant. Returns the subscription.
    pub async fn subscribe(&self, subscriber_id: i64, scheme_id: &str, starts_at: &str) -> i64 {
        let starts_at = at(starts_at);
        let mut tx = self.db.app.begin().await.unwrap();
        let (recurring_price, one_off_price): (Decimal, Decimal) =
            sqlx::query_as("select recurring_price, one_off_price from tariff_version where scheme_id = $1")
                .bind(scheme_id)
                .fetch_one(&mut *tx)
                .await
                .unwrap();
        let scheme_id: charging::tariff::SchemeId = scheme_id.parse().unwrap();
        let subject = Subject::Order { scheme_id: scheme_id.clone(), version: 1, recurring_price, one_off_price };
        let consent_seq = agree(&mut tx, subscriber_id, subject, starts_at).await;
        let order = NewOrder {
            subscriber_id,
            scheme_id,
            version: 1,
            consent_seq,
            by: By::subscriber("web"),
            ordered_at: starts_at,
        };
        let order_id = place(&mut tx, &order).await.unwrap();
        let new = NewSubscription {
            subscriber_id,
            order_id,
            starts_at,
            activated_at: starts_at,
            // Nothing waits for the reminder of a first charge.
            by: By::import(),
        };
        let subscription_id = start(&mut tx, &new).await.unwrap();
        tx.commit().await.unwrap();
        subscription_id
    }

    /// A yes to a cap. Returns its place in the chain.
    pub async fn agree_to_cap(&self, subscriber_id: i64, cap: &str) -> i32 {
        let mut tx = self.db.app.begin().await.unwrap();
        let seq = agree(&mut tx, subscriber_id, Subject::Cap { cap: yuan(cap) }, now()).await;
        tx.commit().await.unwrap();
        seq
    }

    pub async fn try_ingest(
        &self,
        subscriber_id: i64,
        records: &[UsageRecord],
        now: DateTime<Utc>,
    ) -> Result<Vec<Ingested>, UsageError> {
        let mut tx = self.db.app.begin().await?;
        let records: Vec<_> = records.iter().map(|record| (subscriber_id, record.clone())).collect();
        let outcomes = ingest_batch(&mut tx, &records, now).await?;
        tx.commit().await?;
        Ok(outcomes)
    }

    /// Ingests records all of which are new.
    pub async fn ingest(&self, subscriber_id: i64, records: &[UsageRecord]) {
        let outcomes = self.try_ingest(subscriber_id, records, now()).await.unwrap();
        assert!(outcomes.iter().all(|outcome| *outcome == Ingested::Accepted), "{outcomes:?}");
    }

    /// Yuan charged for a kind of overage in a month.
    pub async fn charged(&self, subscriber_id: i64, kind: &str, of: &str) -> Decimal {
        sqlx::query_scalar(
            "select coalesce(sum(amount), 0) from charge where subscriber_id = $1 and kind = $2 and month = $3",
        )
        .bind(subscriber_id)
        .bind(kind)
        .bind(month(of).first_day())
        .fetch_one(&self.db.app)
        .await
        .unwrap()
    }

    /// Used megabytes of a subscription's first allowance, by month.
    pub async fn used_megabytes(&self, subscription_id: i64, of: &str) -> u64 {
        let used: i64 =
            sqlx::query_scalar("select used from allowance where subscription_id = $1 and month = $2 and ordinal = 0")
                .bind(subscription_id)
                .bind(month(of).first_day())
                .fetch_one(&self.db.app)
                .await
                .unwrap();
        used.cast_unsigned() / MIB
    }

    /// From allowances, beyond them, absorbed; and the cost.
    pub async fn rating(&self, subscriber_id: i64, id: &str) -> (i64, i64, i64, Decimal) {
        sqlx::query_as(
            "select from_allowance, overage, absorbed, cost from usage_record
            where subscriber_id = $1 and source_id = $2",
        )
        .bind(subscriber_id)
        .bind(id)
        .fetch_one(&self.db.app)
        .await
        .unwrap()
    }
}

async fn agree(conn: &mut PgConnection, subscriber_id: i64, subject: Subject, when: DateTime<Utc>) -> i32 {
    let consent = NewConsent {
        subscriber_id,
        subject,
        method: Method::Signature,
        channel_id: "hall".to_owned(),
        asked_at: when,
        agreed_at: when,
        request_id: None,
        reference: Some("slip".to_owned()),
        description: "您将办理的业务及资费".to_owned(),
        answer: "signed".to_owned(),
    };
    record_consent(conn, &consent).await.unwrap()
}
