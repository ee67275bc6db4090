//! A small operator: three tariffs, and subscribers who moved in.

use charging::clock::{ManualClock, Month};
use charging::ledger::store::post_charges;
use charging::ledger::{ChargeKind, NewCharge};
use charging::quantity::Service;
use charging::subscriber::import::Entry;
use charging::subscriber::import_store::{ImportError, Outcome, Tariffs, take_over};
use charging::tariff::store::{Publication, publish};
use charging::tariff::{Included, Kind, TariffContent};
use charging::testing::TestDatabase;
use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use sqlx::PgConnection;

pub const PLAN: &str = "26MB900001";
pub const ADDON: &str = "26MB900002";
pub const SHELF: &str = "26MB900003";

pub fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

pub fn month(text: &str) -> Month {
    text.parse().unwrap()
}

pub fn yuan(text: &str) -> Decimal {
    text.parse().unwrap()
}

/// A clock that stands on a day of November 2026.
pub fn november() -> ManualClock {
    ManualClock::new(at("2026-11-03T04:00:00Z"))
}

pub struct World {
    pub db: TestDatabase,
}

fn content(scheme_id: &str, kind: Kind, name: &str, terms: Option<&str>) -> TariffContent {
    TariffContent {
        scheme_id: scheme_id.parse().unwrap(),
        operator_id: "mingbai".to_owned(),
        name: name.to_owned(),
        kind,
        audience: "所有用户".to_owned(),
        regions: vec!["全国".to_owned()],
        channels: vec!["网上营业厅".to_owned()],
        on_sale_from: "2026-01-01".parse().unwrap(),
        on_sale_until: "2026-12-31".parse().unwrap(),
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
        terms: terms.map(|text| serde_json::from_str(text).unwrap()),
    }
}

impl World {
    pub async fn new() -> Self {
        let db = TestDatabase::create().await;
        let plan = r#"{"recurring":{"price":"59.00","first_month":"daily"},"one_off":"10.00",
            "cancel_effective":"month_end","overage":[
            {"service":"data","model":"unit","price":"0.000333","unit":"1KB"},
            {"service":"voice","model":"unit","price":"0.15","unit":"1min"}]}"#;
        let addon = r#"{"recurring":{"price":"10.00","first_month":"full"},"cancel_effective":"immediately"}"#;
        let batch = [
            content(PLAN, Kind::Plan, "畅享 59", Some(plan)),
            content(ADDON, Kind::Addon, "流量加油包", Some(addon)),
            content(SHELF, Kind::Addon, "只在公示", None),
        ]
        .map(Publication::from);
        let mut tx = db.app.begin().await.unwrap();
        publish(&mut tx, &batch, at("2026-01-01T00:00:00+08:00")).await.unwrap();
        tx.commit().await.unwrap();
        Self { db }
    }

    /// Takes over one line as of November 2026.
    pub async fn take(&self, line: &str) -> Result<Outcome, String> {
        let now = at("2026-11-02T00:00:00Z");
        let entry = Entry::parse(line, now).map_err(|rejection| rejection.to_string())?;
        let mut tx = self.db.app.begin().await.unwrap();
        let tariffs = Tariffs::load(&mut tx, std::iter::once(&entry)).await.unwrap();
        match take_over(&mut tx, &entry, &tariffs, now).await {
            Ok(outcome) => {
                tx.commit().await.unwrap();
                Ok(outcome)
            }
            Err(ImportError::Rejected(rejection)) => Err(rejection.to_string()),
            Err(error) => panic!("{error:?}"),
        }
    }

    /// A subscriber with the plan since a day, and the add-on too if asked for. Returns the id.
    pub async fn subscriber(&self, n: u32, since: &str, with_addon: bool) -> i64 {
        let brought = |scheme: &str| {
            format!(
                r#"{{"scheme_id":"{scheme}","since":"{since}","consent":{{"method":"signature","reference":"slip {n}",
                "agreed_at":"2026-06-01T10:00:00+08:00"}}}}"#
            )
        };
        let mut subscriptions = vec![brought(PLAN)];
        subscriptions.extend(with_addon.then(|| brought(ADDON)));
        let line = format!(
            r#"{{"msisdn":"{}","name":"用户{n}","region":"北京","subscriptions":[{}]}}"#,
            msisdn(n),
            subscriptions.join(",")
        );
        assert_eq!(self.take(&line).await, Ok(Outcome::Accepted));
        sqlx::query_scalar("select subscriber_id from msisdn where msisdn = $1")
            .bind(msisdn(n))
            .fetch_one(&self.db.app)
            .await
            .unwrap()
    }

    /// Posts the plan's fee of a month, which is for the bill to do.
    pub async fn monthly_fee(&self, subscriber_id: i64, of: &str) {
        let subscription_id =
            sqlx::query_scalar("select subscription_id from subscription where subscriber_id = $1 and kind = 'plan'")
                .bind(subscriber_id)
                .fetch_one(&self.db.app)
                .await
                .unwrap();
        let fee = NewCharge {
            subscriber_id,
            kind: ChargeKind::Recurring,
            month: month(of),
            subscription_id,
            scheme_id: PLAN.parse().unwrap(),
            version: 1,
            recurring_price: yuan("59.00"),
            one_off_price: yuan("10.00"),
            usage_source_id: None,
            quantity: 1,
            amount: yuan("59.00"),
            charged_at: at("2026-11-01T00:00:00+08:00"),
        };
        let mut tx = self.db.app.begin().await.unwrap();
        post_charges(&mut tx, &[fee]).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// Usage beyond the allowances, and its charge, as rating would post it. A cost of zero makes no charge.
    pub async fn overage(&self, subscriber_id: i64, kind: ChargeKind, id: &str, started: &str, units: i64, cost: &str) {
        let (started_at, cost) = (at(started), yuan(cost));
        let (subscription_id, one_off): (i64, Decimal) = sqlx::query_as(
            "select subscription_id, one_off_price from subscription where subscriber_id = $1 and kind = 'plan'",
        )
        .bind(subscriber_id)
        .fetch_one(&self.db.app)
        .await
        .unwrap();
        let of = Month::of(started_at);
        let service = kind.service().unwrap();
        let reported = if kind == ChargeKind::VoiceOverage { units * 60 } else { units };
        let mut tx = self.db.app.begin().await.unwrap();
        sqlx::query(
            "insert into usage_record (subscriber_id, month, source_id, service, started_at, quantity, received_at,
                 from_allowance, overage, absorbed, cost, plan_subscription_id)
             values ($1, $2, $3, $4, $5, $6, $5, 0, $7, 0, $8, $9)",
        )
        .bind(subscriber_id)
        .bind(of.first_day())
        .bind(id)
        .bind(service.as_str())
        .bind(started_at)
        .bind(reported)
        .bind(units)
        .bind(cost)
        .bind(subscription_id)
        .execute(&mut *tx)
        .await
        .unwrap();
        if service == Service::Data {
            count_volume(&mut tx, subscriber_id, subscription_id, of, units).await;
        }
        if !cost.is_zero() {
            let charge = NewCharge {
                subscriber_id,
                kind,
                month: of,
                subscription_id,
                scheme_id: PLAN.parse().unwrap(),
                version: 1,
                recurring_price: yuan("59.00"),
                one_off_price: one_off,
                usage_source_id: Some(id.to_owned()),
                quantity: units,
                amount: cost,
                charged_at: started_at,
            };
            post_charges(&mut tx, &[charge]).await.unwrap();
        }
        tx.commit().await.unwrap();
    }
}

/// Adds to the month's volume beyond the allowances, as rating would.
async fn count_volume(conn: &mut PgConnection, subscriber_id: i64, subscription_id: i64, of: Month, bytes: i64) {
    sqlx::query(
        "insert into month_counter (subscriber_id, month, cap_seq, overage_cap)
         select subscriber_id, $2, seq, cap from cap_choice where subscriber_id = $1 and seq = 0
         on conflict do nothing",
    )
    .bind(subscriber_id)
    .bind(of.first_day())
    .execute(&mut *conn)
    .await
    .unwrap();
    sqlx::query(
        "insert into overage_volume (subscriber_id, month, subscription_id, volume_bytes) values ($1, $2, $3, $4)
         on conflict (subscriber_id, month, subscription_id)
         do update set volume_bytes = overage_volume.volume_bytes + excluded.volume_bytes",
    )
    .bind(subscriber_id)
    .bind(of.first_day())
    .bind(subscription_id)
    .bind(bytes)
    .execute(conn)
    .await
    .unwrap();
}

pub fn msisdn(n: u32) -> String {
    format!("138{n:08}")
}
