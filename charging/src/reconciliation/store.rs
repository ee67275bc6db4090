//! Statements and differences in the database.
//!
//! A statement is a day of the gateway. Ours of that day is what the gateway told us happened then; what a statement names is
//! looked up however long ago it was asked for, so a payment around midnight is found, and a statement can be matched again.

use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};
use rust_decimal::Decimal;
use sqlx::PgConnection;

use super::{Kind, Side, What, compare};
use crate::clock::{local_date, start_of_day};
use crate::payment::{PaymentNumber, RefundNumber};
use crate::staff::trail::record;
use crate::staff::{Actor, Permission, StaffError};

/// Lines written at a time.
const CHUNK: usize = 5_000;
/// A statement is held against our books again after so long …
const AGAIN_AFTER: TimeDelta = TimeDelta::hours(6);
/// … also without anything open for so many days.
const AGAIN_DAYS: Days = Days::new(7);
/// The action in the trail.
pub const RESOLVE: &str = "reconciliation.resolve";

/// Why a statement was not kept or matched.
#[derive(Debug, thiserror::Error)]
pub enum ReconciliationError {
    #[error("there is no statement of {0}")]
    NoStatement(NaiveDate),
    #[error("the statement of {0} is here already, and says something else")]
    OtherStatement(NaiveDate),
    #[error("a statement has too many lines")]
    TooLong,
    #[error("there is no such open difference")]
    NoDifference,
    #[error("whoever says that a difference is all right says why, in at most 500 characters")]
    NoReason,
    #[error("the stored {0} is not readable")]
    Corrupt(&'static str),
    #[error(transparent)]
    Staff(#[from] StaffError),
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
}

/// Which statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key<'a> {
    pub gateway: &'a str,
    /// The day in Asia/Shanghai.
    pub day: NaiveDate,
    pub kind: Kind,
}

/// A line of a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Our number, as the gateway repeats it.
    pub number: String,
    /// The gateway's own.
    pub gateway_id: String,
    /// Yuan.
    pub amount: Decimal,
    /// Whether the money moved.
    pub succeeded: bool,
}

/// Keeps a statement. `false`: it is here already.
///
/// # Errors
/// [`ReconciliationError::OtherStatement`] where another file of that day is here, or the database failed.
pub async fn keep(
    conn: &mut PgConnection,
    key: Key<'_>,
    digest: [u8; 32],
    lines: &[Line],
    now: DateTime<Utc>,
) -> Result<bool, ReconciliationError> {
    let count = i32::try_from(lines.len()).map_err(|_| ReconciliationError::TooLong)?;
    let total: Decimal = lines.iter().filter(|line| line.succeeded).map(|line| line.amount).sum();
    let kept = sqlx::query!(
        "insert into gateway_statement (gateway, day, kind, digest, fetched_at, lines, total)
        values ($1, $2, $3, $4, $5, $6, $7) on conflict do nothing",
        key.gateway,
        key.day,
        key.kind.as_str(),
        &digest,
        now,
        count,
        total,
    )
    .execute(&mut *conn)
    .await?;
    if kept.rows_affected() == 0 {
        let is_same = sqlx::query_scalar!(
            r#"select digest = $4 as "is_same!" from gateway_statement where gateway = $1 and day = $2 and kind = $3"#,
            key.gateway,
            key.day,
            key.kind.as_str(),
            &digest,
        )
        .fetch_one(conn)
        .await?;
        return if is_same { Ok(false) } else { Err(ReconciliationError::OtherStatement(key.day)) };
    }
    for (chunk, lines) in (0_i32..).zip(lines.chunks(CHUNK)) {
        insert_lines(conn, key, chunk, lines).await?;
    }
    Ok(true)
}

/// Keeps what a statement says that nobody here understands, as differences for somebody to look at: the place of each line in the
/// file, and what is the matter with it, in at most 500 characters.
///
/// # Errors
/// When the statement is not kept, or the database failed.
pub async fn keep_unreadable(
    conn: &mut PgConnection,
    key: Key<'_>,
    lines: &[(usize, &str)],
    now: DateTime<Utc>,
) -> Result<(), ReconciliationError> {
    let (places, reasons): (Vec<String>, Vec<String>) =
        lines.iter().map(|(place, reason)| (place.to_string(), (*reason).to_owned())).unzip();
    sqlx::query!(
        "insert into reconciliation_difference (gateway, day, kind, found_at, what, number, note)
        select $1, $2, $3, $4, 'unreadable', * from unnest($5::text[], $6::text[])
        on conflict on constraint reconciliation_difference_once do nothing",
        key.gateway,
        key.day,
        key.kind.as_str(),
        now,
        &places,
        &reasons,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Statements to be held against our books once more, those that waited longest first: what was told late may be of one of the last
/// days, and what is open of any may have been put right.
///
/// # Errors
/// When the database failed.
pub async fn to_look_again(
    conn: &mut PgConnection,
    gateway: &str,
    limit: u8,
    now: DateTime<Utc>,
) -> Result<Vec<(NaiveDate, Kind)>, ReconciliationError> {
    let rows = sqlx::query!(
        "select day, kind from gateway_statement s
        where gateway = $1 and (matched_at is null or matched_at <= $2) and (day >= $3 or exists (
            select from reconciliation_difference d
            where d.gateway = s.gateway and d.day = s.day and d.kind = s.kind and resolved_at is null
                and what <> 'unreadable'))
        order by matched_at nulls first, day, kind limit $4",
        gateway,
        now - AGAIN_AFTER,
        local_date(now) - AGAIN_DAYS,
        i64::from(limit),
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| Ok((row.day, row.kind.parse().map_err(|_| ReconciliationError::Corrupt("statement"))?)))
        .collect()
}

async fn insert_lines(
    conn: &mut PgConnection,
    key: Key<'_>,
    chunk: i32,
    lines: &[Line],
) -> Result<(), ReconciliationError> {
    let first =
        i32::try_from(CHUNK).ok().and_then(|size| chunk.checked_mul(size)).ok_or(ReconciliationError::TooLong)?;
    let numbers: Vec<String> = lines.iter().map(|line| line.number.clone()).collect();
    let ids: Vec<String> = lines.iter().map(|line| line.gateway_id.clone()).collect();
    let amounts: Vec<Decimal> = lines.iter().map(|line| line.amount).collect();
    let succeeded: Vec<bool> = lines.iter().map(|line| line.succeeded).collect();
    sqlx::query!(
        "insert into statement_line (gateway, day, kind, line_no, number, gateway_id, amount, succeeded)
        select $1, $2, $3, $4 + place::integer, number, gateway_id, amount, succeeded
        from unnest($5::text[], $6::text[], $7::numeric[], $8::boolean[]) with ordinality
            as new (number, gateway_id, amount, succeeded, place)",
        key.gateway,
        key.day,
        key.kind.as_str(),
        first,
        &numbers,
        &ids,
        &amounts,
        &succeeded,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Something that both sides are asked about.
struct Pair {
    number: String,
    here: Option<Side>,
    there: Option<Side>,
}

/// Holds a statement against our books: new differences are written, those that are none any more are resolved. Returns how many
/// are open of it.
///
/// # Errors
/// [`ReconciliationError::NoStatement`], or the database failed.
pub async fn reconcile(conn: &mut PgConnection, key: Key<'_>, now: DateTime<Utc>) -> Result<i64, ReconciliationError> {
    let matched = sqlx::query!(
        "update gateway_statement set matched_at = $4 where gateway = $1 and day = $2 and kind = $3",
        key.gateway,
        key.day,
        key.kind.as_str(),
        now,
    )
    .execute(&mut *conn)
    .await?;
    if matched.rows_affected() == 0 {
        return Err(ReconciliationError::NoStatement(key.day));
    }
    let pairs = unequal(conn, key).await?;
    let found: Vec<_> =
        pairs.into_iter().filter_map(|pair| compare(pair.here, pair.there).map(|what| (pair, what))).collect();
    write(conn, key, &found, now).await?;
    let open = sqlx::query_scalar!(
        r#"select count(*) as "count!" from reconciliation_difference
        where gateway = $1 and day = $2 and kind = $3 and resolved_at is null"#,
        key.gateway,
        key.day,
        key.kind.as_str(),
    )
    .fetch_one(conn)
    .await?;
    Ok(open)
}

/// A number on both sides, as a query gives it.
struct Unequal {
    number: String,
    here: Option<Decimal>,
    here_moved: Option<bool>,
    there: Option<Decimal>,
    there_moved: Option<bool>,
}

impl From<Unequal> for Pair {
    fn from(row: Unequal) -> Self {
        let side = |amount: Option<Decimal>, moved: Option<bool>| Some(Side { amount: amount?, moved: moved? });
        Self { number: row.number, here: side(row.here, row.here_moved), there: side(row.there, row.there_moved) }
    }
}

/// What the two sides say differently, as rows that [`compare`] decides about.
async fn unequal(conn: &mut PgConnection, key: Key<'_>) -> Result<Vec<Pair>, ReconciliationError> {
    let (from, until) = (start_of_day(key.day), start_of_day(key.day + Days::new(1)));
    let named = named(conn, key).await?;
    match key.kind {
        Kind::Payment => payments(conn, key, &named, from, until).await,
        Kind::Refund => refunds(conn, key, &named, from, until).await,
    }
}

/// The rows that the numbers of a statement name, by subscriber: what is none of ours names nothing.
#[derive(Default)]
struct Named {
    numbers: Vec<String>,
    subscribers: Vec<i64>,
    rows: Vec<i64>,
    parts: Vec<i32>,
}

async fn named(conn: &mut PgConnection, key: Key<'_>) -> Result<Named, ReconciliationError> {
    let numbers = sqlx::query_scalar!(
        "select distinct number from statement_line where gateway = $1 and day = $2 and kind = $3",
        key.gateway,
        key.day,
        key.kind.as_str(),
    )
    .fetch_all(conn)
    .await?;
    let mut named = Named::default();
    for number in numbers {
        let row = match key.kind {
            Kind::Payment => number.parse::<PaymentNumber>().ok().map(|it| (it.subscriber_id, it.payment_id, 0)),
            Kind::Refund => number.parse::<RefundNumber>().ok().map(|it| (it.subscriber_id, it.refund_id, it.part_no)),
        };
        let (subscriber_id, row, part_no) = row.unwrap_or_default();
        named.numbers.push(number);
        named.subscribers.push(subscriber_id);
        named.rows.push(row);
        named.parts.push(part_no);
    }
    Ok(named)
}

async fn payments(
    conn: &mut PgConnection,
    key: Key<'_>,
    named: &Named,
    from: DateTime<Utc>,
    until: DateTime<Utc>,
) -> Result<Vec<Pair>, ReconciliationError> {
    let rows = sqlx::query_as!(
        Unequal,
        r#"with there as (
            select number, sum(amount) filter (where succeeded) as moved, max(amount) as amount, bool_or(succeeded) as succeeded
            from statement_line where gateway = $1 and day = $2 and kind = 'payment' group by number),
        named as (select * from unnest($5::text[], $6::bigint[], $7::bigint[]) n (number, subscriber_id, payment_id)),
        here as (
            select p.merchant_order_no as number, p.amount, p.state = 'paid' as moved
            from named n join payment p on p.subscriber_id = n.subscriber_id and p.payment_id = n.payment_id
                and p.merchant_order_no = n.number and p.gateway = $1
            union
            select merchant_order_no, amount, true from payment
            where gateway = $1 and state = 'paid' and paid_at >= $3 and paid_at < $4)
        select number as "number!", here.amount as "here?", here.moved as "here_moved?",
            coalesce(there.moved, there.amount) as "there?", there.succeeded as "there_moved?"
        from here full join there using (number)
        where (here.amount, here.moved) is distinct from (there.moved, there.succeeded)"#,
        key.gateway,
        key.day,
        from,
        until,
        &named.numbers,
        &named.subscribers,
        &named.rows,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(Pair::from).collect())
}

async fn refunds(
    conn: &mut PgConnection,
    key: Key<'_>,
    named: &Named,
    from: DateTime<Utc>,
    until: DateTime<Utc>,
) -> Result<Vec<Pair>, ReconciliationError> {
    let rows = sqlx::query_as!(
        Unequal,
        r#"with there as (
            select number, sum(amount) filter (where succeeded) as moved, max(amount) as amount, bool_or(succeeded) as succeeded
            from statement_line where gateway = $1 and day = $2 and kind = 'refund' group by number),
        named as (
            select * from unnest($5::text[], $6::bigint[], $7::bigint[], $8::integer[])
                n (number, subscriber_id, refund_id, part_no)),
        here as (
            select p.refund_no as number, p.amount, p.state = 'confirmed' as moved
            from named n join refund_part p on p.subscriber_id = n.subscriber_id and p.refund_id = n.refund_id
                and p.part_no = n.part_no and p.refund_no = n.number
            union
            select p.refund_no, p.amount, true
            from refund_part p
            left join settlement s on s.subscriber_id = p.subscriber_id and s.settlement_id = p.settlement_id
            left join payment pay on pay.subscriber_id = s.subscriber_id and pay.payment_id = s.payment_id
            where p.route = 'gateway' and p.state = 'confirmed' and p.confirmed_at >= $3 and p.confirmed_at < $4
                and coalesce(pay.gateway, $1) = $1)
        select number as "number!", here.amount as "here?", here.moved as "here_moved?",
            coalesce(there.moved, there.amount) as "there?", there.succeeded as "there_moved?"
        from here full join there using (number)
        where (here.amount, here.moved) is distinct from (there.moved, there.succeeded)"#,
        key.gateway,
        key.day,
        from,
        until,
        &named.numbers,
        &named.subscribers,
        &named.rows,
        &named.parts,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(Pair::from).collect())
}

async fn write(
    conn: &mut PgConnection,
    key: Key<'_>,
    found: &[(Pair, What)],
    now: DateTime<Utc>,
) -> Result<(), ReconciliationError> {
    let whats: Vec<String> = found.iter().map(|(_, what)| what.to_string()).collect();
    let numbers: Vec<String> = found.iter().map(|(pair, _)| pair.number.clone()).collect();
    let here: Vec<Option<Decimal>> = found.iter().map(|(pair, _)| pair.here.map(|side| side.amount)).collect();
    let there: Vec<Option<Decimal>> = found.iter().map(|(pair, _)| pair.there.map(|side| side.amount)).collect();
    sqlx::query!(
        "insert into reconciliation_difference (gateway, day, kind, found_at, what, number, amount_here, amount_there)
        select $1, $2, $3, $4, * from unnest($5::text[], $6::text[], $7::numeric[], $8::numeric[])
        on conflict on constraint reconciliation_difference_once do nothing",
        key.gateway,
        key.day,
        key.kind.as_str(),
        now,
        &whats,
        &numbers,
        &here as &[Option<Decimal>],
        &there as &[Option<Decimal>],
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        "update reconciliation_difference d set resolved_at = $4, resolved_by = 'system'
        where gateway = $1 and day = $2 and kind = $3 and resolved_at is null and what <> 'unreadable'
            and not exists (select from unnest($5::text[], $6::text[]) f (what, number)
                where f.what = d.what and f.number = d.number)",
        key.gateway,
        key.day,
        key.kind.as_str(),
        now,
        &whats,
        &numbers,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Says of a difference why it is all right, or what was done about it.
///
/// # Errors
/// When the actor may not approve refunds, there is no reason, the difference is not open, or the database failed.
pub async fn resolve(
    conn: &mut PgConnection,
    actor: &Actor,
    difference_id: i64,
    note: &str,
    now: DateTime<Utc>,
) -> Result<(), ReconciliationError> {
    actor.require(Permission::ApproveRefunds)?;
    let member = actor.member().ok_or(StaffError::Forbidden(Permission::ApproveRefunds))?;
    let note = note.trim();
    if note.is_empty() || note.chars().count() > 500 {
        return Err(ReconciliationError::NoReason);
    }
    let row = sqlx::query!(
        "update reconciliation_difference set resolved_at = $2, resolved_by = $3, note = $4
        where difference_id = $1 and resolved_at is null returning gateway, day, kind, what, number",
        difference_id,
        now,
        format!("staff:{}", member.login),
        note,
    )
    .fetch_optional(&mut *conn)
    .await?
    .ok_or(ReconciliationError::NoDifference)?;
    let state = |resolved: Option<&str>| {
        serde_json::json!({ "gateway": row.gateway, "day": row.day, "kind": row.kind, "what": row.what, "number": row.number,
            "resolved": resolved })
    };
    let change = [Some(state(None)), Some(state(Some(note)))];
    record(conn, actor, RESOLVE, &format!("reconciliation/{difference_id}"), change, now).await?;
    Ok(())
}
