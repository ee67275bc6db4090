//! Giving people what they did not agree to: by SQL as the server may write it, by the functions that the pages call, and by an
//! import. None may leave a row.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;

use anyhow::{Context as _, ensure};
use charging::actor::By;
use charging::order::flow::{confirm, request};
use charging::order::store::{NewOrder, OrderError, place};
use charging::tariff::SchemeId;
use chrono::{DateTime, Utc};
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use serde_json::json;
use sqlx::PgPool;

use super::people::{SCHEME_ID, msisdn};
use super::told::Told;
use crate::command::subscribers::import;

/// Of so many subscribers by each of the functions.
const SAMPLE: i64 = 20;
/// What a stranger might guess.
const GUESS: &str = "000000";

/// For all subscribers in one statement each: what is written, and the constraint that refuses it.
const STATEMENTS: [(&str, &str, &str); 4] = [
    (
        "an order of a consent that is not there",
        "product_order_consent",
        "insert into product_order (subscriber_id, scheme_id, version, tariff_published_at, tariff_orderable_from, on_sale_from,
            on_sale_until, recurring_price, one_off_price, consent_seq, channel_id, actor, ordered_at)
        select s.subscriber_id, v.scheme_id, v.version, v.published_at, v.orderable_from, v.on_sale_from, v.on_sale_until,
            v.recurring_price, v.one_off_price, 1, 'hall', 'staff:upgrade', $2
        from subscriber s cross join tariff_version v where v.scheme_id = $1",
    ),
    (
        "a subscription of no order",
        "subscription_order",
        "insert into subscription (subscriber_id, order_id, scheme_id, version, kind, tariff_kind, recurring_price,
            one_off_price, starts_at)
        select s.subscriber_id, 1, v.scheme_id, v.version, 'addon', v.kind, v.recurring_price, v.one_off_price, $2
        from subscriber s cross join tariff_version v where v.scheme_id = $1",
    ),
    (
        "a charge for no subscription",
        "charge_subscription",
        "insert into charge (subscriber_id, kind, month, subscription_id, scheme_id, version, recurring_price, one_off_price,
            quantity, amount, charged_at)
        select s.subscriber_id, 'recurring', date_trunc('month', $2 at time zone 'Asia/Shanghai')::date, 1, v.scheme_id,
            v.version, v.recurring_price, v.one_off_price, 1, v.recurring_price, $2
        from subscriber s cross join tariff_version v where v.scheme_id = $1",
    ),
    (
        "a consent that answers nothing",
        "consent_names_its_proof",
        "insert into consent (subscriber_id, seq, purpose, scheme_id, version, recurring_price, one_off_price, method, channel_id,
            asked_at, agreed_at, evidence, hash)
        select subscriber_id, 1, 'order', scheme_id, version, recurring_price, one_off_price, 'sms_code', 'hall', $2, $2, evidence,
            sha256(evidence)
        from subscriber s cross join tariff_version v cross join lateral (
            select convert_to(jsonb_build_object('subscriber_id', s.subscriber_id, 'seq', 1, 'purpose', 'order',
                'scheme_id', v.scheme_id, 'version', v.version, 'recurring_price', v.recurring_price::text,
                'one_off_price', v.one_off_price::text, 'cap', null, 'method', 'sms_code', 'channel_id', 'hall',
                'asked_at', $2, 'agreed_at', $2, 'description', 'x', 'answer', 'x')::text, 'UTF8') as evidence) e
        where v.scheme_id = $1",
    ),
];

/// # Errors
/// When it is refused by something else than what should, or not at all.
pub async fn by_sql(pool: &PgPool, now: DateTime<Utc>, told: &mut Told) -> anyhow::Result<()> {
    let role: String = sqlx::query_scalar("select current_user::text").fetch_one(pool).await?;
    for (what, constraint, statement) in STATEMENTS {
        let refused = sqlx::query(statement).bind(SCHEME_ID).bind(now).execute(pool).await.err();
        let by = refused.as_ref().and_then(|error| error.as_database_error()?.constraint());
        ensure!(by == Some(constraint), "{what}, by SQL, was not refused by {constraint}: {refused:?}");
        told.step(format!("SQL as {role}: {what} for everybody: refused by {constraint}"));
    }
    leaves_nothing(pool, told).await
}

/// # Errors
/// When one of the functions does it, or fails otherwise.
pub async fn by_api(pool: &PgPool, now: DateTime<Utc>, told: &mut Told) -> anyhow::Result<()> {
    let scheme_id: SchemeId = SCHEME_ID.parse()?;
    let sample: Vec<i64> = sqlx::query_scalar("select subscriber_id from subscriber order by subscriber_id limit $1")
        .bind(SAMPLE)
        .fetch_all(pool)
        .await?;
    let by = By::staff("demo.agent", "hall");
    let mut rng = StdRng::seed_from_u64(95);
    for &subscriber_id in &sample {
        let unasked = confirm(pool, subscriber_id, 1, GUESS, now).await;
        ensure!(matches!(unasked, Err(OrderError::Request(_))), "a yes to no question: {unasked:?}");
        let mut tx = pool.begin().await?;
        let asked = request(&mut tx, subscriber_id, &scheme_id, &by, now, &mut rng).await?;
        tx.commit().await?;
        let guessed = confirm(pool, subscriber_id, asked.request_id, GUESS, now).await;
        ensure!(matches!(guessed, Err(OrderError::Request(_))), "a yes with a guessed code: {guessed:?}");
        let order = NewOrder {
            subscriber_id,
            scheme_id: scheme_id.clone(),
            version: 1,
            consent_seq: 1,
            by: by.clone(),
            ordered_at: now,
        };
        let placed = place(&mut *pool.acquire().await?, &order).await;
        ensure!(matches!(placed, Err(OrderError::NoConsent)), "an order without consent: {placed:?}");
    }
    told.step(format!(
        "API, {} subscribers: a yes to no question, one with a guessed code, an order without a yes: refused",
        sample.len()
    ));
    leaves_nothing(pool, told).await
}

/// # Errors
/// When the file cannot be written, or a line of it goes in.
pub async fn by_import(
    pool: &PgPool,
    folder: &Path,
    subscribers: u32,
    now: DateTime<Utc>,
    told: &mut Told,
) -> anyhow::Result<()> {
    let path = folder.join("subscribers.ndjson");
    let mut file = BufWriter::new(File::create(&path).context("no room for files")?);
    let since = charging::clock::local_date(now).to_string();
    for n in 1..=subscribers {
        let msisdn = msisdn(n);
        let name = format!("用户{}", &msisdn[msisdn.len() - 4..]);
        let subscriptions = json!([{"scheme_id": SCHEME_ID, "since": since}]);
        let line = json!({"msisdn": msisdn, "name": name, "region": "北京", "subscriptions": subscriptions});
        writeln!(file, "{line}")?;
    }
    file.flush()?;
    drop(file);
    let tally = import(pool, &path, now).await?;
    told.step(format!("`subscribers import`, each line with the add-on and no consent: {tally}"));
    ensure!(tally.accepted + tally.unchanged == 0, "an import without consent went in: {tally}");
    leaves_nothing(pool, told).await
}

/// Nobody has anything.
async fn leaves_nothing(pool: &PgPool, told: &mut Told) -> anyhow::Result<()> {
    let rows: i64 = sqlx::query_scalar(
        "select (select count(*) from product_order) + (select count(*) from subscription) + (select count(*) from charge)
            + (select count(*) from consent)",
    )
    .fetch_one(pool)
    .await?;
    told.step(format!("{rows} rows of orders, subscriptions, charges and consents"));
    told.right("no row without consent", rows == 0);
    Ok(())
}
