//! Bills as a subscriber reads them.

use sqlx::PgConnection;

use super::{Bill, BillLine, BillSummary};
use crate::clock::Month;

pub use super::estimate::current_month_estimate;
pub use super::explain_store::explain;

/// The longest history that is shown, in months.
pub const HISTORY_MONTHS_MAX: u32 = 120;

/// Why a bill cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum BillError {
    #[error("the database holds what cannot be read: {0}")]
    Corrupt(String),
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
}

/// For the errors of parsing what the database holds.
pub(super) fn corrupt(error: impl ToString) -> BillError {
    BillError::Corrupt(error.to_string())
}

/// The newest `months` bills, the newest first.
///
/// # Errors
/// When the database fails.
pub async fn history(conn: &mut PgConnection, subscriber_id: i64, months: u32) -> Result<Vec<BillSummary>, BillError> {
    let rows = sqlx::query!(
        "select month, total, closed_at from bill where subscriber_id = $1 order by month desc limit $2",
        subscriber_id,
        i64::from(months.min(HISTORY_MONTHS_MAX))
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| BillSummary { month: Month::of_date(row.month), total: row.total, closed_at: row.closed_at })
        .collect())
}

/// The bill of a month with its lines; `None` before the month is closed.
///
/// # Errors
/// When the database fails.
pub async fn bill(conn: &mut PgConnection, subscriber_id: i64, month: Month) -> Result<Option<Bill>, BillError> {
    let Some(head) = sqlx::query!(
        "select total, closed_at from bill where subscriber_id = $1 and month = $2",
        subscriber_id,
        month.first_day()
    )
    .fetch_optional(&mut *conn)
    .await?
    else {
        return Ok(None);
    };
    let rows = sqlx::query!(
        "select l.line_no, l.kind, l.scheme_id, l.version, t.name, l.charge_month, l.quantity, l.exact, l.amount
         from bill_line l join tariff_version t on t.scheme_id = l.scheme_id and t.version = l.version
         where l.subscriber_id = $1 and l.month = $2 order by l.line_no",
        subscriber_id,
        month.first_day()
    )
    .fetch_all(conn)
    .await?;
    let lines = rows
        .into_iter()
        .map(|row| {
            Ok(BillLine {
                line_no: row.line_no,
                kind: row.kind.parse().map_err(corrupt)?,
                scheme_id: row.scheme_id.parse().map_err(corrupt)?,
                version: row.version,
                tariff_name: row.name,
                charge_month: Month::of_date(row.charge_month),
                quantity: row.quantity,
                exact: row.exact,
                amount: row.amount,
            })
        })
        .collect::<Result<_, BillError>>()?;
    Ok(Some(Bill { month, total: head.total, closed_at: head.closed_at, lines }))
}
