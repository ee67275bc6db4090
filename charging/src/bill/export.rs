//! Bill files: one JSON line a bill, in the order of numbers.

use std::collections::HashMap;

use rust_decimal::Decimal;
use serde::Serialize;
use sqlx::PgConnection;

use super::store::BillError;
use crate::clock::Month;

/// Bills that are read at once.
const PAGE: i64 = 500;

/// A line of a bill file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ExportedBill {
    pub msisdn: String,
    pub month: Month,
    pub lines: Vec<ExportedLine>,
    /// Yuan, two decimals.
    pub total: String,
}

/// A line of a bill in a bill file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ExportedLine {
    pub kind: String,
    pub scheme_id: String,
    pub quantity: i64,
    /// Yuan, six decimals.
    pub exact: String,
    /// Yuan, two decimals.
    pub amount: String,
}

fn decimals(amount: Decimal, places: u32) -> String {
    let mut amount = amount;
    amount.rescale(places);
    amount.to_string()
}

/// The bills of `month` whose numbers come after `after` (empty: from the first), in the order of numbers; empty at the
/// end. Ask again with the last number.
///
/// # Errors
/// When the database fails.
pub async fn page(conn: &mut PgConnection, month: Month, after: &str) -> Result<Vec<ExportedBill>, BillError> {
    let heads = sqlx::query!(
        "select m.msisdn, b.subscriber_id, b.total
         from msisdn m join bill b on b.subscriber_id = m.subscriber_id and b.month = $1
         where m.msisdn > $2 order by m.msisdn limit $3",
        month.first_day(),
        after,
        PAGE
    )
    .fetch_all(&mut *conn)
    .await?;
    let subscribers: Vec<i64> = heads.iter().map(|head| head.subscriber_id).collect();
    let rows = sqlx::query!(
        "select subscriber_id, kind, scheme_id, quantity, exact, amount from bill_line
         where subscriber_id = any($1) and month = $2 order by subscriber_id, line_no",
        &subscribers,
        month.first_day()
    )
    .fetch_all(conn)
    .await?;
    let mut lines: HashMap<i64, Vec<ExportedLine>> = HashMap::new();
    for row in rows {
        lines.entry(row.subscriber_id).or_default().push(ExportedLine {
            kind: row.kind,
            scheme_id: row.scheme_id,
            quantity: row.quantity,
            exact: decimals(row.exact, 6),
            amount: decimals(row.amount, 2),
        });
    }
    Ok(heads
        .into_iter()
        .map(|head| ExportedBill {
            msisdn: head.msisdn,
            month,
            lines: lines.remove(&head.subscriber_id).unwrap_or_default(),
            total: decimals(head.total, 2),
        })
        .collect())
}
