//! Statements and differences as the desk reads them.

use std::collections::BTreeSet;

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;
use sqlx::PgConnection;

use super::store::ReconciliationError;
use super::{Kind, What};

/// Differences of a page.
pub const PAGE: u32 = 50;

/// A difference as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    pub difference_id: i64,
    pub gateway: String,
    pub day: NaiveDate,
    pub kind: Kind,
    pub what: What,
    pub number: String,
    /// Yuan on either side; `None`: nothing there.
    pub amount_here: Option<Decimal>,
    pub amount_there: Option<Decimal>,
    pub found_at: DateTime<Utc>,
    pub resolved_at: Option<DateTime<Utc>>,
    /// `system`, or `staff:` and a login.
    pub resolved_by: Option<String>,
    /// Why it is all right; of a line that nobody understands, as long as it is open, what is the matter with it.
    pub note: String,
}

/// A page of differences, from 1: the open ones, the oldest day first, or all, the newest first; and how many there are in all.
///
/// # Errors
/// When the database failed.
pub async fn differences(
    conn: &mut PgConnection,
    open: bool,
    page: u32,
) -> Result<(Vec<Difference>, i64), ReconciliationError> {
    let total = sqlx::query_scalar!(
        r#"select count(*) as "count!" from reconciliation_difference where resolved_at is null or not $1"#,
        open,
    )
    .fetch_one(&mut *conn)
    .await?;
    let rows = sqlx::query!(
        "select difference_id, gateway, day, kind, what, number, amount_here, amount_there, found_at, resolved_at, resolved_by, note
        from reconciliation_difference where resolved_at is null or not $1
        order by case when $1 then day end, case when not $1 then day end desc, difference_id limit $2 offset $3",
        open,
        i64::from(PAGE),
        i64::from(page.max(1) - 1) * i64::from(PAGE),
    )
    .fetch_all(conn)
    .await?;
    let corrupt = |_| ReconciliationError::Corrupt("difference");
    let differences = rows.into_iter().map(|row| {
        Ok(Difference {
            difference_id: row.difference_id,
            gateway: row.gateway,
            day: row.day,
            kind: row.kind.parse().map_err(corrupt)?,
            what: row.what.parse().map_err(corrupt)?,
            number: row.number,
            amount_here: row.amount_here,
            amount_there: row.amount_there,
            found_at: row.found_at,
            resolved_at: row.resolved_at,
            resolved_by: row.resolved_by,
            note: row.note,
        })
    });
    Ok((differences.collect::<Result<_, ReconciliationError>>()?, total))
}

/// A statement in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    pub gateway: String,
    pub day: NaiveDate,
    pub kind: Kind,
    pub fetched_at: DateTime<Utc>,
    pub lines: i32,
    /// Yuan.
    pub total: Decimal,
    pub matched_at: Option<DateTime<Utc>>,
    /// Differences that are open.
    pub open: i64,
}

/// The newest statements, at most `limit`.
///
/// # Errors
/// When the database failed.
pub async fn statements(conn: &mut PgConnection, limit: u8) -> Result<Vec<Statement>, ReconciliationError> {
    let rows = sqlx::query!(
        r#"select gateway, day, kind, fetched_at, lines, total, matched_at, (
                select count(*) from reconciliation_difference d
                where d.gateway = s.gateway and d.day = s.day and d.kind = s.kind and resolved_at is null) as "open!"
        from gateway_statement s order by day desc, gateway, kind limit $1"#,
        i64::from(limit),
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Statement {
                gateway: row.gateway,
                day: row.day,
                kind: row.kind.parse().map_err(|_| ReconciliationError::Corrupt("statement"))?,
                fetched_at: row.fetched_at,
                lines: row.lines,
                total: row.total,
                matched_at: row.matched_at,
                open: row.open,
            })
        })
        .collect()
}

/// The days from `from` on of which both statements of a gateway are here.
///
/// # Errors
/// When the database failed.
pub async fn days(
    conn: &mut PgConnection,
    gateway: &str,
    from: NaiveDate,
) -> Result<BTreeSet<NaiveDate>, ReconciliationError> {
    let days = sqlx::query_scalar!(
        "select day from gateway_statement where gateway = $1 and day >= $2 group by day having count(*) = 2",
        gateway,
        from,
    )
    .fetch_all(conn)
    .await?;
    Ok(days.into_iter().collect())
}
