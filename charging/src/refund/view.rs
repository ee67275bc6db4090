//! Refunds as they are read: by their owner, and at the desk.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;
use sqlx::PgConnection;

use super::state::of_parts;
use super::store::RefundError;
use super::{ImportedCharge, Of, Part, Refund, RefundState};
use crate::clock::Month;

/// Refunds of a page.
pub const PAGE: u32 = 50;

struct Row {
    subscriber_id: i64,
    refund_id: i64,
    month: Option<NaiveDate>,
    line_no: Option<i32>,
    imported_charge_id: Option<i64>,
    charged: Decimal,
    paid_by: String,
    reference: Option<String>,
    amount: Decimal,
    reason: String,
    note: String,
    batch_id: Option<i64>,
    asked_by: String,
    asked_at: DateTime<Utc>,
    state: String,
    decided_by: Option<String>,
    decided_at: Option<DateTime<Utc>>,
    decision: String,
}

const CORRUPT: RefundError = RefundError::Corrupt("refund");

impl Row {
    fn read(self, parts: Vec<Part>) -> Result<Refund, RefundError> {
        let of = match (self.month, self.line_no, self.imported_charge_id) {
            (Some(month), Some(line_no), None) => Of::Line { month: Month::of_date(month), line_no },
            (None, None, Some(imported_charge_id)) => Of::Imported(ImportedCharge {
                imported_charge_id,
                charged: self.charged,
                paid_by: self.paid_by.parse().map_err(|_| CORRUPT)?,
                reference: self.reference,
            }),
            _ => return Err(CORRUPT),
        };
        let replaced: Vec<i32> = parts.iter().filter_map(|part| part.replaces_no).collect();
        let state = match self.state.as_str() {
            "asked" => RefundState::Asked,
            "rejected" => RefundState::Rejected,
            "approved" => {
                of_parts(parts.iter().filter(|part| !replaced.contains(&part.part_no)).map(|part| part.state))
            }
            _ => return Err(CORRUPT),
        };
        Ok(Refund {
            subscriber_id: self.subscriber_id,
            refund_id: self.refund_id,
            of,
            amount: self.amount,
            reason: self.reason.parse().map_err(|_| CORRUPT)?,
            note: self.note,
            batch_id: self.batch_id,
            asked_by: self.asked_by,
            asked_at: self.asked_at,
            decided_by: self.decided_by,
            decided_at: self.decided_at,
            decision: self.decision,
            state,
            parts,
        })
    }
}

/// The parts of refunds, by subscriber and refund, in their order.
async fn parts(
    conn: &mut PgConnection,
    subscribers: &[i64],
    refunds: &[i64],
) -> Result<HashMap<(i64, i64), Vec<Part>>, RefundError> {
    let rows = sqlx::query!(
        r#"select p.subscriber_id, p.refund_id, part_no, route, amount, refund_no as "refund_no!", state, replaces_no, tries, sent_at,
            confirmed_at, failure, deadline_at, give_up_by
        from unnest($1::bigint[], $2::bigint[]) of (subscriber_id, refund_id)
        join refund_part p on p.subscriber_id = of.subscriber_id and p.refund_id = of.refund_id
        order by part_no"#,
        subscribers,
        refunds,
    )
    .fetch_all(conn)
    .await?;
    let mut parts: HashMap<(i64, i64), Vec<Part>> = HashMap::new();
    for row in rows {
        let part = Part {
            part_no: row.part_no,
            route: row.route.parse().map_err(|_| CORRUPT)?,
            amount: row.amount,
            refund_no: row.refund_no,
            state: row.state.parse().map_err(|_| CORRUPT)?,
            replaces_no: row.replaces_no,
            tries: row.tries,
            sent_at: row.sent_at,
            confirmed_at: row.confirmed_at,
            failure: row.failure,
            deadline_at: row.deadline_at,
            give_up_by: row.give_up_by,
        };
        parts.entry((row.subscriber_id, row.refund_id)).or_default().push(part);
    }
    Ok(parts)
}

async fn with_parts(conn: &mut PgConnection, rows: Vec<Row>) -> Result<Vec<Refund>, RefundError> {
    let (subscribers, refunds): (Vec<i64>, Vec<i64>) =
        rows.iter().map(|row| (row.subscriber_id, row.refund_id)).unzip();
    let mut parts = parts(conn, &subscribers, &refunds).await?;
    rows.into_iter()
        .map(|row| {
            let parts = parts.remove(&(row.subscriber_id, row.refund_id)).unwrap_or_default();
            row.read(parts)
        })
        .collect()
}

/// A refund with its parts.
///
/// # Errors
/// When the database failed.
pub async fn find(conn: &mut PgConnection, subscriber_id: i64, refund_id: i64) -> Result<Option<Refund>, RefundError> {
    let rows = sqlx::query_as!(
        Row,
        "select subscriber_id, refund_id, month, line_no, imported_charge_id, charged, paid_by, reference, amount, reason, note,
            batch_id, asked_by, asked_at, state, decided_by, decided_at, decision
        from refund where subscriber_id = $1 and refund_id = $2",
        subscriber_id,
        refund_id,
    )
    .fetch_all(&mut *conn)
    .await?;
    Ok(with_parts(conn, rows).await?.pop())
}

/// The refunds of a subscriber, the newest first, at most `limit` and 100.
///
/// # Errors
/// When the database failed.
pub async fn of_subscriber(conn: &mut PgConnection, subscriber_id: i64, limit: u8) -> Result<Vec<Refund>, RefundError> {
    let rows = sqlx::query_as!(
        Row,
        "select subscriber_id, refund_id, month, line_no, imported_charge_id, charged, paid_by, reference, amount, reason, note,
            batch_id, asked_by, asked_at, state, decided_by, decided_at, decision
        from refund where subscriber_id = $1 order by refund_id desc limit $2",
        subscriber_id,
        i64::from(limit.min(100)),
    )
    .fetch_all(&mut *conn)
    .await?;
    with_parts(conn, rows).await
}

/// The refunds of a bill line, the oldest first.
///
/// # Errors
/// When the database failed.
pub async fn of_line(
    conn: &mut PgConnection,
    subscriber_id: i64,
    month: Month,
    line_no: i32,
) -> Result<Vec<Refund>, RefundError> {
    let rows = sqlx::query_as!(
        Row,
        "select subscriber_id, refund_id, month, line_no, imported_charge_id, charged, paid_by, reference, amount, reason, note,
            batch_id, asked_by, asked_at, state, decided_by, decided_at, decision
        from refund where subscriber_id = $1 and month = $2 and line_no = $3 order by refund_id limit 100",
        subscriber_id,
        month.first_day(),
        line_no,
    )
    .fetch_all(&mut *conn)
    .await?;
    with_parts(conn, rows).await
}

/// Which refunds the desk looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listed {
    /// To be decided, the oldest first.
    Asked,
    /// Under way, the longest first.
    UnderWay,
    /// Somebody has to look, the longest first.
    Disputed,
    /// Decided, the newest first.
    Decided,
}

/// A page of refunds, from 1, and how many there are in all.
///
/// # Errors
/// When the database failed.
pub async fn list(conn: &mut PgConnection, listed: Listed, page: u32) -> Result<(Vec<Refund>, i64), RefundError> {
    let offset = i64::from(page.max(1) - 1) * i64::from(PAGE);
    let (rows, total) = match listed {
        Listed::Asked => asked(conn, offset).await?,
        Listed::UnderWay => with_part_in(conn, &["approved", "sent"], offset).await?,
        Listed::Disputed => with_part_in(conn, &["disputed"], offset).await?,
        Listed::Decided => decided(conn, offset).await?,
    };
    Ok((with_parts(conn, rows).await?, total))
}

/// In the order of `refund_waiting`.
async fn asked(conn: &mut PgConnection, offset: i64) -> Result<(Vec<Row>, i64), RefundError> {
    let total = sqlx::query_scalar!(r#"select count(*) as "count!" from refund where state = 'asked'"#);
    let total = total.fetch_one(&mut *conn).await?;
    let rows = sqlx::query_as!(
        Row,
        "select subscriber_id, refund_id, month, line_no, imported_charge_id, charged, paid_by, reference, amount, reason, note,
            batch_id, asked_by, asked_at, state, decided_by, decided_at, decision
        from refund where state = 'asked' order by asked_at, subscriber_id, refund_id limit $1 offset $2",
        i64::from(PAGE),
        offset,
    )
    .fetch_all(conn)
    .await?;
    Ok((rows, total))
}

/// In the order of `refund_decided`.
async fn decided(conn: &mut PgConnection, offset: i64) -> Result<(Vec<Row>, i64), RefundError> {
    let total = sqlx::query_scalar!(r#"select count(*) as "count!" from refund where state <> 'asked'"#);
    let total = total.fetch_one(&mut *conn).await?;
    let rows = sqlx::query_as!(
        Row,
        "select subscriber_id, refund_id, month, line_no, imported_charge_id, charged, paid_by, reference, amount, reason, note,
            batch_id, asked_by, asked_at, state, decided_by, decided_at, decision
        from refund where state <> 'asked' order by decided_at desc, subscriber_id, refund_id limit $1 offset $2",
        i64::from(PAGE),
        offset,
    )
    .fetch_all(conn)
    .await?;
    Ok((rows, total))
}

/// Refunds of which a part is in one of these states. All of them wait for something, so `refund_part_due` has few.
async fn with_part_in(conn: &mut PgConnection, states: &[&str], offset: i64) -> Result<(Vec<Row>, i64), RefundError> {
    let total = sqlx::query_scalar!(
        r#"select count(distinct (subscriber_id, refund_id)) as "count!" from refund_part
        where state in ('approved', 'sent', 'disputed') and state = any($1)"#,
        states as &[&str],
    )
    .fetch_one(&mut *conn)
    .await?;
    let rows = sqlx::query_as!(
        Row,
        "select subscriber_id, refund_id, month, line_no, imported_charge_id, charged, paid_by, reference, amount, reason, note,
            batch_id, asked_by, asked_at, state, decided_by, decided_at, decision
        from (select distinct subscriber_id, refund_id from refund_part
            where state in ('approved', 'sent', 'disputed') and state = any($1)) part
        join refund using (subscriber_id, refund_id)
        order by asked_at, subscriber_id, refund_id limit $2 offset $3",
        states as &[&str],
        i64::from(PAGE),
        offset,
    )
    .fetch_all(conn)
    .await?;
    Ok((rows, total))
}
