//! 欠费 What is due: lines of closed bills that are not settled. Nothing is added to it for being late.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use sqlx::PgConnection;

use super::OpenLine;
use super::store::PaymentError;
use crate::clock::Month;

/// What a subscriber owes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Arrears {
    /// Yuan that are due.
    pub total: Decimal,
    /// By bill, the oldest first, with when it was closed: since then it is due.
    pub bills: Vec<DueBill>,
}

impl Arrears {
    /// Yuan that are due for bills up to a month, or in all.
    pub fn until(&self, month: Option<Month>) -> Decimal {
        let bills = self.bills.iter().filter(|bill| month.is_none_or(|month| bill.month <= month));
        bills.map(|bill| bill.due).sum()
    }
}

/// A bill of which something is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DueBill {
    pub month: Month,
    /// Yuan.
    pub due: Decimal,
    pub since: DateTime<Utc>,
}

/// The lines of which something is due, of each subscriber, the oldest bill first. The one place that decides what counts as
/// due: what is settled or waived of a line is not, nor anything of it while it is disputed or a refund of it waits for approval.
///
/// # Errors
/// When the database failed.
pub async fn open_lines(
    conn: &mut PgConnection,
    subscribers: &[i64],
) -> Result<HashMap<i64, Vec<OpenLine>>, PaymentError> {
    let rows = sqlx::query!(
        r#"select l.subscriber_id, l.month, l.line_no, l.amount, coalesce(s.settled, 0) as "settled!"
        from bill_line l
        left join lateral (
            select max(line_after) as settled from settlement
            where subscriber_id = l.subscriber_id and month = l.month and line_no = l.line_no
        ) s on true
        where l.subscriber_id = any($1) and l.amount > coalesce(s.settled, 0)
            and not exists (
                select from dispute d
                where d.subscriber_id = l.subscriber_id and d.month = l.month and d.line_no = l.line_no
                    and d.state in ('received', 'asked'))
            and not exists (
                select from refund r
                where r.subscriber_id = l.subscriber_id and r.month = l.month and r.line_no = l.line_no
                    and r.state = 'asked')
        order by l.subscriber_id, l.month, l.line_no"#,
        subscribers,
    )
    .fetch_all(conn)
    .await?;
    let mut open: HashMap<i64, Vec<OpenLine>> = HashMap::new();
    for row in rows {
        let line = OpenLine {
            month: Month::of_date(row.month),
            line_no: row.line_no,
            amount: row.amount,
            settled: row.settled,
        };
        open.entry(row.subscriber_id).or_default().push(line);
    }
    Ok(open)
}

/// The lines of one subscriber of which something is due, the oldest bill first.
///
/// # Errors
/// When the database failed.
pub async fn due_lines(conn: &mut PgConnection, subscriber_id: i64) -> Result<Vec<OpenLine>, PaymentError> {
    Ok(open_lines(conn, &[subscriber_id]).await?.remove(&subscriber_id).unwrap_or_default())
}

/// What a subscriber owes, and since when.
///
/// # Errors
/// When the database failed.
pub async fn arrears(conn: &mut PgConnection, subscriber_id: i64) -> Result<Arrears, PaymentError> {
    let lines = due_lines(conn, subscriber_id).await?;
    let months: Vec<_> = lines.iter().map(|line| line.month.first_day()).collect();
    let closed = sqlx::query!(
        "select month, closed_at from bill where subscriber_id = $1 and month = any($2) order by month",
        subscriber_id,
        &months,
    )
    .fetch_all(conn)
    .await?;
    let bills: Vec<DueBill> = closed
        .into_iter()
        .map(|bill| {
            let month = Month::of_date(bill.month);
            let due = lines.iter().filter(|line| line.month == month).map(OpenLine::due).sum();
            DueBill { month, due, since: bill.closed_at }
        })
        .collect();
    Ok(Arrears { total: bills.iter().map(|bill| bill.due).sum(), bills })
}

/// How much of each line of a bill is settled, by its number; a line that is not there is not settled at all.
///
/// # Errors
/// When the database failed.
pub async fn settled_of_bill(
    conn: &mut PgConnection,
    subscriber_id: i64,
    month: Month,
) -> Result<HashMap<i32, Decimal>, PaymentError> {
    let rows = sqlx::query!(
        r#"select line_no as "line_no!", max(line_after) as "settled!" from settlement
        where subscriber_id = $1 and month = $2 group by line_no"#,
        subscriber_id,
        month.first_day(),
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (row.line_no, row.settled)).collect())
}
