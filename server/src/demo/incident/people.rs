//! Whom it happens to, and the add-on that they are to be given.

use anyhow::{Context as _, bail};
use charging::tariff::own_format;
use charging::tariff::store::{Outcome, Publication, publish as publish_tariffs};
use chrono::{DateTime, Utc};
use serde_json::json;
use sqlx::PgPool;

use super::super::{TARIFFS, TariffFile};

/// 95 元权益包.
pub const SCHEME_ID: &str = "26MB950095";
/// What it costs a month, in yuan.
pub const PRICE: &str = "95.00";
/// An add-on of the demo that it is like.
const LIKE: &str = "24MB900118";
/// The number of the `n`th, from 1, follows this one.
const BEFORE_FIRST: i64 = 13_900_000_000;
/// Subscribers of one transaction.
const CHUNK: u32 = 100_000;

/// The number of the `n`th, from 1.
pub fn msisdn(n: u32) -> String {
    (BEFORE_FIRST + i64::from(n)).to_string()
}

/// Publishes the add-on: public, on sale, and with a price, so that nothing but a yes is missing.
///
/// # Errors
/// When the database fails.
pub async fn publish(pool: &PgPool, now: DateTime<Utc>) -> anyhow::Result<()> {
    let file: TariffFile = serde_json::from_str(TARIFFS)?;
    let mut tariff = file.tariffs.into_iter().find(|json| json["scheme_id"] == LIKE).context("the demo's add-on")?;
    tariff["scheme_id"] = json!(SCHEME_ID);
    tariff["name"] = json!("95 元权益包");
    tariff["terms"]["recurring"]["price"] = json!(PRICE);
    let entry = own_format::parse(&tariff.to_string()).map_err(anyhow::Error::msg)?;
    let mut tx = pool.begin().await?;
    if let Some(Outcome::Refused { reason }) = publish_tariffs(&mut tx, &[Publication::from(entry)], now).await?.pop() {
        bail!("tariff {SCHEME_ID}: {reason}");
    }
    Ok(tx.commit().await?)
}

/// Makes so many subscribers, as moving them in does, many at a time.
///
/// # Errors
/// When the database fails.
pub async fn join(pool: &PgPool, subscribers: u32, now: DateTime<Utc>) -> anyhow::Result<()> {
    let mut first = 1;
    while first <= subscribers {
        let last = subscribers.min(first + CHUNK - 1);
        sqlx::query(
            "with number as (
                insert into msisdn (msisdn) select ($1 + n)::text from generate_series($2::bigint, $3::bigint) n
                returning subscriber_id, msisdn),
            person as (
                insert into subscriber (subscriber_id, msisdn, name, region, language, created_at)
                select subscriber_id, msisdn, '用户' || right(msisdn, 4), '北京', 'zh-CN', $4 from number
                returning subscriber_id)
            insert into cap_choice (subscriber_id, seq, cap, channel_id, actor, chosen_at)
            select subscriber_id, 0, $5, 'import', 'import', $4 from person",
        )
        .bind(BEFORE_FIRST)
        .bind(i64::from(first))
        .bind(i64::from(last))
        .bind(now)
        .bind(charging::subscriber::STANDARD_CAP_YUAN)
        .execute(pool)
        .await?;
        first = last + 1;
    }
    Ok(())
}
