//! Usage records go in: each once, rated, with what it costs posted to the ledger.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;
use sqlx::PgConnection;

use super::state::{close_month, open_month};
use super::{UsageError, check_written, corrupt, lock_subscriber, stored, units};
use crate::clock::Month;
use crate::ledger::store::post_charges;
use crate::ledger::{ChargeKind, NewCharge};
use crate::quantity::Service;
use crate::subscriber::Msisdn;
use crate::usage::rating::{MonthState, Rated, RatingError};
use crate::usage::{Novelty, UsageRecord, novelty};

/// What became of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ingested {
    Accepted,
    /// It was stored before.
    Unchanged,
    Rejected(Rejection),
}

/// Why a record was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    #[error("another record of this number has this id")]
    Conflict,
    #[error(transparent)]
    NotRated(#[from] RatingError),
}

/// Makes the partitions that usage of these months needs. Where several ingests run at once, call it beforehand in a
/// transaction of its own: making a partition waits for everybody who uses the table.
///
/// # Errors
/// When the database fails, or a month is not of the years 2000 to 2199.
pub async fn ensure_partitions(
    conn: &mut PgConnection,
    months: impl IntoIterator<Item = Month>,
) -> Result<(), UsageError> {
    let months: Vec<NaiveDate> = months.into_iter().map(Month::first_day).collect();
    sqlx::query!(r#"select usage_partition_ensure(month) as "done!: ()" from unnest($1::date[]) as month"#, &months)
        .fetch_all(conn)
        .await?;
    Ok(())
}

/// Whose these numbers are; unknown ones are left out.
///
/// # Errors
/// When the database fails.
pub async fn subscriber_ids(
    conn: &mut PgConnection,
    numbers: impl IntoIterator<Item = &Msisdn>,
) -> Result<BTreeMap<Msisdn, i64>, UsageError> {
    let numbers: Vec<String> = numbers.into_iter().map(Msisdn::to_string).collect();
    let rows = sqlx::query!("select msisdn, subscriber_id from msisdn where msisdn = any($1)", &numbers)
        .fetch_all(conn)
        .await?;
    rows.into_iter().map(|row| Ok((row.msisdn.parse().map_err(corrupt)?, row.subscriber_id))).collect()
}

/// Stores and rates records of one subscriber, and posts what they cost. Records rate in the order of their start,
/// whatever order they are given in. Returns what became of each, in the order given. A record of a month whose bill is
/// closed is rated against that month all the same; the next bill takes its charge as late usage.
///
/// # Errors
/// When the subscriber does not exist or the database fails; then nothing may be committed.
pub async fn ingest_batch(
    conn: &mut PgConnection,
    subscriber_id: i64,
    records: &[UsageRecord],
    now: DateTime<Utc>,
) -> Result<Vec<Ingested>, UsageError> {
    lock_subscriber(conn, subscriber_id).await?;
    let known = stored_records(conn, subscriber_id, records).await?;
    let novelties = novelty(records, &known);
    let mut results = Vec::with_capacity(records.len());
    let mut months: BTreeMap<Month, Vec<usize>> = BTreeMap::new();
    for (index, novelty) in novelties.into_iter().enumerate() {
        results.push(match novelty {
            Novelty::Repeated => Ingested::Unchanged,
            Novelty::Conflict => Ingested::Rejected(Rejection::Conflict),
            Novelty::New => {
                months.entry(Month::of(records[index].started_at)).or_default().push(index);
                Ingested::Accepted
            }
        });
    }
    for (month, mut indices) in months {
        indices.sort_by_key(|index| (records[*index].started_at, &records[*index].id));
        let mut state = open_month(conn, subscriber_id, month).await?;
        let mut rated = Vec::with_capacity(indices.len());
        for index in indices {
            match state.rate(&records[index]) {
                Ok(rating) => rated.push((&records[index], rating)),
                Err(error) => results[index] = Ingested::Rejected(error.into()),
            }
        }
        write_month(conn, subscriber_id, &state, &rated, now).await?;
    }
    Ok(results)
}

async fn write_month(
    conn: &mut PgConnection,
    subscriber_id: i64,
    state: &MonthState,
    rated: &[(&UsageRecord, Rated)],
    now: DateTime<Utc>,
) -> Result<(), UsageError> {
    let month = state.month;
    let charges = charges(subscriber_id, state, rated, now)?;
    let is_data = |(record, _): &&(&UsageRecord, Rated)| record.service == Service::Data;
    let data: Decimal = rated.iter().filter(is_data).map(|(_, rating)| rating.cost).sum();
    insert_records(conn, subscriber_id, month, rated, now).await?;
    close_month(conn, subscriber_id, state, data).await?;
    post_charges(conn, &charges).await?;
    Ok(())
}

fn charges(
    subscriber_id: i64,
    state: &MonthState,
    rated: &[(&UsageRecord, Rated)],
    now: DateTime<Utc>,
) -> Result<Vec<NewCharge>, UsageError> {
    let plan = |id| state.plans.iter().map(|plan| &plan.plan).find(|plan| Some(plan.subscription_id) == id);
    let costly = rated.iter().filter(|(_, rating)| rating.cost > Decimal::ZERO);
    costly
        .map(|(record, rating)| {
            let plan = plan(rating.plan_subscription_id).ok_or_else(|| corrupt("a cost without a plan"))?;
            Ok(NewCharge {
                subscriber_id,
                kind: ChargeKind::overage_of(record.service),
                month: state.month,
                subscription_id: plan.subscription_id,
                scheme_id: plan.scheme_id.clone(),
                version: plan.version,
                recurring_price: plan.terms.recurring_price(),
                one_off_price: plan.terms.one_off,
                usage_source_id: Some(record.id.clone()),
                quantity: stored(rating.overage)?,
                amount: rating.cost,
                charged_at: now,
            })
        })
        .collect()
}

/// The stored records that have the ids of these.
async fn stored_records(
    conn: &mut PgConnection,
    subscriber_id: i64,
    records: &[UsageRecord],
) -> Result<Vec<UsageRecord>, UsageError> {
    let ids: Vec<String> = records.iter().map(|record| record.id.clone()).collect();
    let rows = sqlx::query!(
        "select r.source_id, r.service, r.started_at, r.quantity, r.rating_group
        from usage_identity i
        join usage_record r on r.subscriber_id = i.subscriber_id and r.month = i.month and r.source_id = i.source_id
        where i.subscriber_id = $1 and i.source_id = any($2)",
        subscriber_id,
        &ids
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(UsageRecord {
                id: row.source_id,
                service: row.service.parse().map_err(corrupt)?,
                started_at: row.started_at,
                quantity: units(row.quantity)?,
                rating_group: row.rating_group.map(u32::try_from).transpose().map_err(corrupt)?,
            })
        })
        .collect()
}

/// Writes the identities and the records in one statement.
async fn insert_records(
    conn: &mut PgConnection,
    subscriber_id: i64,
    month: Month,
    rated: &[(&UsageRecord, Rated)],
    now: DateTime<Utc>,
) -> Result<(), UsageError> {
    let columns = Columns::of(rated)?;
    let written = sqlx::query!(
        "with new as (
            select * from unnest($4::text[], $5::text[], $6::timestamptz[], $7::bigint[], $8::integer[], $9::bigint[],
                $10::bigint[], $11::bigint[], $12::numeric[], $13::bigint[], $14::jsonb[])
                as new (source_id, service, started_at, quantity, rating_group, from_allowance, overage, absorbed, cost,
                    plan_subscription_id, split)),
        identity as (
            insert into usage_identity (subscriber_id, source_id, month) select $1, source_id, $2 from new)
        insert into usage_record (subscriber_id, month, received_at, source_id, service, started_at, quantity,
            rating_group, from_allowance, overage, absorbed, cost, plan_subscription_id, split)
        select $1, $2, $3, new.* from new",
        subscriber_id,
        month.first_day(),
        now,
        &columns.ids,
        &columns.services,
        &columns.started_at,
        &columns.quantities,
        &columns.rating_groups as &[Option<i32>],
        &columns.from_allowance,
        &columns.overage,
        &columns.absorbed,
        &columns.costs,
        &columns.plans as &[Option<i64>],
        &columns.splits
    )
    .execute(conn)
    .await?;
    check_written("usage_record", rated.len(), written.rows_affected())
}

/// Rated records, column by column.
#[derive(Default)]
struct Columns {
    ids: Vec<String>,
    services: Vec<String>,
    started_at: Vec<DateTime<Utc>>,
    quantities: Vec<i64>,
    rating_groups: Vec<Option<i32>>,
    from_allowance: Vec<i64>,
    overage: Vec<i64>,
    absorbed: Vec<i64>,
    costs: Vec<Decimal>,
    plans: Vec<Option<i64>>,
    splits: Vec<serde_json::Value>,
}

impl Columns {
    fn of(rated: &[(&UsageRecord, Rated)]) -> Result<Self, UsageError> {
        let mut columns = Self::default();
        for (record, rating) in rated {
            columns.ids.push(record.id.clone());
            columns.services.push(record.service.to_string());
            columns.started_at.push(record.started_at);
            columns.quantities.push(stored(record.quantity)?);
            columns.rating_groups.push(record.rating_group.map(i32::try_from).transpose().map_err(corrupt)?);
            columns.from_allowance.push(stored(rating.from_allowance)?);
            columns.overage.push(stored(rating.overage)?);
            columns.absorbed.push(stored(rating.absorbed)?);
            columns.costs.push(rating.cost);
            columns.plans.push(rating.plan_subscription_id);
            let split = rating.split.iter().map(|(id, quantity)| {
                serde_json::json!({"subscription_id": id.subscription_id, "month": id.month, "ordinal": id.ordinal,
                    "quantity": quantity})
            });
            columns.splits.push(split.collect());
        }
        Ok(columns)
    }
}
