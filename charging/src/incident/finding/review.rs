//! 检查 Detectors at work: over what arrived since they looked last, and over history.
//!
//! Work goes in steps of so many numbers of charges, each step one transaction. A charge is found once by a detector
//! (`finding_charge_once`), so that looking again adds nothing.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use sqlx::types::Json;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, PgPool};

use crate::incident::detector::Detector;
use crate::incident::detector::store::{SetError, Setting, settings};

/// Numbers of charges of one step.
const STEP: i64 = 100_000;
/// One at a time looks at what arrived.
const LOCK: i64 = 0x6d62_7265_7669_6577;

/// What a review did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reviewed {
    /// Numbers of charges that were gone through.
    pub charges: u64,
    /// What was found that was not known.
    pub found: Vec<Found>,
}

/// What one detector found in one step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    pub detector: Detector,
    pub charges: i64,
    /// Yuan.
    pub amount: Decimal,
}

/// Which charges are looked at, by when they were charged; `None` is any.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Period {
    pub from: Option<DateTime<Utc>>,
    /// The first instant that is too late.
    pub until: Option<DateTime<Utc>>,
}

/// Looks at everything that arrived since the last time and is complete. What arrives now is complete by the next time. Nothing
/// is done while another process is at it.
///
/// # Errors
/// When the database failed; what was found until then stays.
pub async fn review_new(pool: &PgPool, now: DateTime<Utc>) -> Result<Reviewed, SetError> {
    let mut conn = pool.acquire().await?;
    let mut reviewed = Reviewed::default();
    for imported in [false, true] {
        while review_step(&mut conn, imported, now, &mut reviewed).await? {}
    }
    Ok(reviewed)
}

/// Goes one step further; whether there may be more.
async fn review_step(
    conn: &mut PgConnection,
    imported: bool,
    now: DateTime<Utc>,
    reviewed: &mut Reviewed,
) -> Result<bool, SetError> {
    let mut tx = conn.begin().await?;
    let is_mine = sqlx::query_scalar!(r#"select pg_try_advisory_xact_lock($1) as "mine!""#, LOCK).fetch_one(&mut *tx);
    if !is_mine.await? {
        return Ok(false);
    }
    let given_out = sqlx::query_scalar!(
        r#"select coalesce(pg_sequence_last_value(case when $1 then 'imported_charge_imported_charge_id_seq'
            else 'charge_charge_id_seq' end::regclass), 0) as "given_out!""#,
        imported
    )
    .fetch_one(&mut *tx)
    .await?;
    let mark = sqlx::query!(
        r#"select done_id, seen_id, seen_before <= pg_snapshot_xmin(pg_current_snapshot()) as "complete!"
        from review_mark where imported = $1 for update"#,
        imported
    )
    .fetch_one(&mut *tx)
    .await?;
    let mut done = mark.done_id;
    if mark.complete && mark.seen_id > mark.done_id {
        done = mark.seen_id.min(mark.done_id + STEP);
        look(&mut tx, imported, (mark.done_id, done), Period::default(), now, reviewed).await?;
    }
    // What is given out by now is complete once every transaction that began to write before this one is over.
    let sees_more = mark.complete && done == mark.seen_id && given_out > mark.seen_id;
    if done == mark.done_id && !sees_more {
        return Ok(false);
    }
    sqlx::query!(
        "update review_mark set done_id = $2, seen_id = case when $3 then $4 else seen_id end,
            seen_before = case when $3 then pg_current_xact_id() else seen_before end
        where imported = $1",
        imported,
        done,
        sees_more,
        given_out
    )
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(true)
}

/// Looks through history again with the detectors as they are now. `progress` is told how many numbers of how many are done.
///
/// # Errors
/// When the database failed; what was found until then stays.
pub async fn review_history(
    pool: &PgPool,
    period: Period,
    now: DateTime<Utc>,
    progress: impl Fn(u64, u64),
) -> Result<Reviewed, SetError> {
    let mut conn = pool.acquire().await?;
    let last = sqlx::query!(
        r#"select coalesce((select max(charge_id) from charge), 0) as "own!",
            coalesce((select max(imported_charge_id) from imported_charge), 0) as "imported!""#
    )
    .fetch_one(&mut *conn)
    .await?;
    let mut reviewed = Reviewed::default();
    let total = last.own.unsigned_abs() + last.imported.unsigned_abs();
    for (imported, last) in [(false, last.own), (true, last.imported)] {
        let mut after = 0;
        while after < last {
            let upto = last.min(after + STEP);
            let mut tx = conn.begin().await?;
            look(&mut tx, imported, (after, upto), period, now, &mut reviewed).await?;
            tx.commit().await?;
            after = upto;
            progress(reviewed.charges, total);
        }
    }
    Ok(reviewed)
}

/// Holds every detector that is on against the charges whose numbers are after one and up to the other.
async fn look(
    conn: &mut PgConnection,
    imported: bool,
    (after, upto): (i64, i64),
    period: Period,
    now: DateTime<Utc>,
    reviewed: &mut Reviewed,
) -> Result<(), SetError> {
    prepare(conn).await?;
    for setting in settings(conn).await?.into_iter().filter(|setting| setting.enabled) {
        let flag = format!("insert into pg_temp.flagged {}", setting.detector.sql());
        let flagged = sqlx::query(AssertSqlSafe(flag))
            .bind(imported)
            .bind(after)
            .bind(upto)
            .bind(period.from.unwrap_or(FIRST))
            .bind(period.until.unwrap_or(LAST))
            .bind(Json(&setting.figures))
            // Planned for these very numbers.
            .persistent(false)
            .execute(&mut *conn)
            .await?
            .rows_affected();
        if flagged > 0 {
            let (charges, amount) = keep(conn, &setting, now).await?;
            if charges > 0 {
                reviewed.found.push(Found { detector: setting.detector, charges, amount });
            }
            sqlx::raw_sql("truncate pg_temp.flagged").execute(&mut *conn).await?;
        }
    }
    reviewed.charges += (upto - after).unsigned_abs();
    Ok(())
}

/// Before every charge, and after the last.
const FIRST: DateTime<Utc> = DateTime::UNIX_EPOCH;
const LAST: DateTime<Utc> = match DateTime::from_timestamp(7_258_118_400, 0) {
    Some(at) => at,
    None => DateTime::UNIX_EPOCH,
};

/// Room for what a detector finds, which only this connection sees; and for sorting a step of charges in memory.
async fn prepare(conn: &mut PgConnection) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(
        "set local work_mem = '64MB';
        set local jit = off;
        create temporary table if not exists flagged (
            subscriber_id bigint, imported boolean, item_id bigint, scheme_id text, source text, decided_at timestamptz,
            amount numeric(20, 6), route text
        );
        truncate pg_temp.flagged",
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Writes what was found and was not known: how many charges, and what they come to.
async fn keep(conn: &mut PgConnection, setting: &Setting, now: DateTime<Utc>) -> Result<(i64, Decimal), sqlx::Error> {
    sqlx::query(
        "insert into finding (detector, version, scheme_id, source, day, found_at)
        select distinct $1::text, $2::integer, scheme_id, source, (decided_at at time zone 'Asia/Shanghai')::date, $3::timestamptz
        from pg_temp.flagged on conflict (detector, scheme_id, source, day) do nothing",
    )
    .bind(setting.detector.as_str())
    .bind(setting.version)
    .bind(now)
    .execute(&mut *conn)
    .await?;
    sqlx::query_as(
        "with added as (
            insert into finding_charge (subscriber_id, detector, imported, item_id, finding_id)
            select f.subscriber_id, $1::text, f.imported, f.item_id, g.finding_id
            from pg_temp.flagged f
            join finding g on g.detector = $1 and g.scheme_id = f.scheme_id and g.source = f.source
                and g.day = (f.decided_at at time zone 'Asia/Shanghai')::date
            on conflict (subscriber_id, detector, imported, item_id) do nothing
            returning subscriber_id, imported, item_id, finding_id
        ),
        grown as (
            insert into finding_growth (finding_id, route, charges, amount, first_at, last_at, grown_at)
            select a.finding_id, f.route, count(*), sum(f.amount), min(f.decided_at), max(f.decided_at), $2
            from added a
            join pg_temp.flagged f using (subscriber_id, imported, item_id)
            group by a.finding_id, f.route
            returning charges, amount
        )
        select coalesce(sum(charges), 0)::bigint, coalesce(sum(amount), 0) from grown",
    )
    .bind(setting.detector.as_str())
    .bind(now)
    .fetch_one(conn)
    .await
}
