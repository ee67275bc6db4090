//! 详单 The itemised list of a month, any length, some records at a time, each with the line of the bill that it is on.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::ItemisedRecord;
use super::store::{BillError, corrupt};
use crate::bill::BillSummary;
use crate::clock::Month;

/// Most records that are read at once.
pub const PAGE_MAX: u16 = 2000;

/// After which record to go on: when it started, and its id.
pub type After = (DateTime<Utc>, String);

/// The next records of a month, in order of time; empty at the end. Ask again with the last one.
///
/// # Errors
/// When the database failed or a row is not readable.
pub async fn records(
    conn: &mut PgConnection,
    subscriber_id: i64,
    month: Month,
    after: Option<&After>,
    limit: u16,
) -> Result<Vec<ItemisedRecord>, BillError> {
    let rows = sqlx::query!(
        r#"select u.source_id, u.service, u.started_at, u.quantity, u.rating_group, u.from_allowance, u.overage, u.absorbed,
            u.cost, x.month as "bill_month?", x.line_no as "bill_line?"
        from usage_record u
        left join charge c on c.subscriber_id = u.subscriber_id and c.usage_source_id = u.source_id
        left join bill_line_charge x on x.subscriber_id = c.subscriber_id and x.charge_id = c.charge_id
        where u.subscriber_id = $1 and u.month = $2
            and ($3::timestamptz is null or (u.started_at, u.source_id) > ($3, $4::text))
        order by u.started_at, u.source_id limit $5"#,
        subscriber_id,
        month.first_day(),
        after.map(|(at, _)| *at),
        after.map_or("", |(_, id)| id.as_str()),
        i64::from(limit.clamp(1, PAGE_MAX)),
    )
    .fetch_all(conn)
    .await?;
    let units = |count: i64| u64::try_from(count).map_err(corrupt);
    rows.into_iter()
        .map(|row| {
            Ok(ItemisedRecord {
                month,
                id: row.source_id,
                service: row.service.parse().map_err(corrupt)?,
                started_at: row.started_at,
                quantity: units(row.quantity)?,
                rating_group: row.rating_group.map(u32::try_from).transpose().map_err(corrupt)?,
                from_allowance: units(row.from_allowance)?,
                overage: units(row.overage)?,
                absorbed: units(row.absorbed)?,
                cost: row.cost,
                billed: row.bill_month.map(Month::of_date).zip(row.bill_line),
            })
        })
        .collect()
}

/// The newest `months` bills, the newest first, each with the number of its lines.
///
/// # Errors
/// When the database failed.
pub async fn months(
    conn: &mut PgConnection,
    subscriber_id: i64,
    months: u32,
) -> Result<Vec<(BillSummary, i64)>, BillError> {
    let rows = sqlx::query!(
        r#"select month, total, closed_at, (
            select count(*) from bill_line l where l.subscriber_id = b.subscriber_id and l.month = b.month) as "lines!"
        from bill b where subscriber_id = $1 order by month desc limit $2"#,
        subscriber_id,
        i64::from(months.min(super::store::HISTORY_MONTHS_MAX)),
    )
    .fetch_all(conn)
    .await?;
    let read = |month, total, closed_at| BillSummary { month: Month::of_date(month), total, closed_at };
    Ok(rows.into_iter().map(|row| (read(row.month, row.total, row.closed_at), row.lines)).collect())
}
