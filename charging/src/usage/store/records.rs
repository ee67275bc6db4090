//! 详单 The itemised list, page by page.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use sqlx::types::Json;

use super::{UsageError, corrupt, units};
use crate::clock::Month;
use crate::quantity::Service;
use crate::tariff::SchemeId;

/// Records on a page, at most.
pub const RECORDS_PAGE_MAX: u32 = 100;

/// One allowance's part of a record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SplitPart {
    pub subscription_id: i64,
    pub scheme_id: SchemeId,
    pub tariff_name: String,
    /// The month that the allowance was granted for.
    pub granted_for: Month,
    /// Bytes, minutes, messages.
    pub quantity: u64,
}

/// A record as its owner sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordView {
    pub id: String,
    pub service: Service,
    pub started_at: DateTime<Utc>,
    pub received_at: DateTime<Utc>,
    /// Bytes, seconds, messages.
    pub quantity: u64,
    pub rating_group: Option<u32>,
    /// Bytes, minutes, messages: these three add up to the rated quantity.
    pub from_allowance: u64,
    pub overage: u64,
    pub absorbed: u64,
    /// Yuan, exact.
    pub cost: Decimal,
    /// Which allowances served it when it was rated.
    pub split: Vec<SplitPart>,
}

/// A page of records, in order of time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordPage {
    pub records: Vec<RecordView>,
    /// From 1.
    pub page: u32,
    pub page_size: u32,
    /// Records on all pages.
    pub total: u64,
}

/// One allowance's part of a record, as it is stored.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct StoredSplit {
    pub subscription_id: i64,
    /// The month that the allowance was granted for, and its place in the tariff's list.
    pub month: Month,
    pub ordinal: i32,
    pub quantity: u64,
}

struct Row {
    source_id: String,
    service: String,
    started_at: DateTime<Utc>,
    received_at: DateTime<Utc>,
    quantity: i64,
    rating_group: Option<i32>,
    from_allowance: i64,
    overage: i64,
    absorbed: i64,
    cost: Decimal,
    split: Json<Vec<StoredSplit>>,
    total: i64,
}

/// Where a page begins and how long it is.
#[derive(Clone, Copy)]
struct Paging {
    page: u32,
    page_size: u32,
}

impl Paging {
    fn new(page: u32, page_size: u32) -> Self {
        Self { page: page.max(1), page_size: page_size.clamp(1, RECORDS_PAGE_MAX) }
    }

    fn limit(self) -> i64 {
        self.page_size.into()
    }

    fn offset(self) -> i64 {
        i64::from(self.page - 1) * self.limit()
    }
}

/// The records of a month, of one service or of all; pages from 1, at most [`RECORDS_PAGE_MAX`] a page. A page beyond
/// the last one is empty and does not know the total.
///
/// # Errors
/// When the database fails.
pub async fn records(
    conn: &mut PgConnection,
    subscriber_id: i64,
    month: Month,
    service: Option<Service>,
    page: u32,
    page_size: u32,
) -> Result<RecordPage, UsageError> {
    let paging = Paging::new(page, page_size);
    let rows = sqlx::query_as!(
        Row,
        r#"select source_id, service, started_at, received_at, quantity, rating_group, from_allowance, overage, absorbed,
            cost, split as "split: Json<Vec<StoredSplit>>", count(*) over () as "total!"
        from usage_record
        where subscriber_id = $1 and month = $2 and ($3::text is null or service = $3)
        order by started_at, source_id limit $4 offset $5"#,
        subscriber_id,
        month.first_day(),
        service.map(Service::as_str),
        paging.limit(),
        paging.offset()
    )
    .fetch_all(&mut *conn)
    .await?;
    record_page(conn, subscriber_id, rows, paging).await
}

/// The records of a month beyond the allowances that a tariff charges for: what is behind an amount that is not billed
/// yet. Records within a unit that had begun already cost nothing by themselves and are among them.
///
/// # Errors
/// When the database fails.
#[expect(clippy::too_many_arguments, reason = "they name one amount and one page of what is behind it")]
pub async fn records_of_overage(
    conn: &mut PgConnection,
    subscriber_id: i64,
    month: Month,
    service: Service,
    scheme_id: &SchemeId,
    version: i32,
    page: u32,
    page_size: u32,
) -> Result<RecordPage, UsageError> {
    let paging = Paging::new(page, page_size);
    let rows = sqlx::query_as!(
        Row,
        r#"select u.source_id, u.service, u.started_at, u.received_at, u.quantity, u.rating_group, u.from_allowance,
            u.overage, u.absorbed, u.cost, u.split as "split: Json<Vec<StoredSplit>>", count(*) over () as "total!"
        from usage_record u
        join subscription s on s.subscriber_id = u.subscriber_id and s.subscription_id = u.plan_subscription_id
        where u.subscriber_id = $1 and u.month = $2 and u.service = $3 and u.overage > 0
            and s.scheme_id = $4 and s.version = $5
        order by u.started_at, u.source_id limit $6 offset $7"#,
        subscriber_id,
        month.first_day(),
        service.as_str(),
        scheme_id.as_str(),
        version,
        paging.limit(),
        paging.offset()
    )
    .fetch_all(&mut *conn)
    .await?;
    record_page(conn, subscriber_id, rows, paging).await
}

/// The records behind a line of a bill: those whose charges it adds up, and those of the same service, plan and month
/// that lay within a unit that had begun already and so cost nothing by themselves.
///
/// # Errors
/// When the database fails.
pub async fn records_of_bill_line(
    conn: &mut PgConnection,
    subscriber_id: i64,
    bill_month: Month,
    line_no: i32,
    page: u32,
    page_size: u32,
) -> Result<RecordPage, UsageError> {
    let paging = Paging::new(page, page_size);
    let rows = sqlx::query_as!(
        Row,
        r#"select u.source_id as "source_id!", u.service as "service!", u.started_at as "started_at!",
            u.received_at as "received_at!", u.quantity as "quantity!", u.rating_group,
            u.from_allowance as "from_allowance!", u.overage as "overage!", u.absorbed as "absorbed!", u.cost as "cost!",
            u.split as "split!: Json<Vec<StoredSplit>>", count(*) over () as "total!"
        from bill_line l
        join bill b on b.subscriber_id = l.subscriber_id and b.month = l.month
        join usage_record u on u.subscriber_id = l.subscriber_id and u.month = l.charge_month
        where l.subscriber_id = $1 and l.month = $2 and l.line_no = $3
            and case when u.cost > 0 then exists (
                select from charge c
                join bill_line_charge x on x.subscriber_id = c.subscriber_id and x.charge_id = c.charge_id
                where c.subscriber_id = u.subscriber_id and c.usage_source_id = u.source_id
                    and x.month = l.month and x.line_no = l.line_no)
            else l.kind = u.service || '_overage' and u.overage > 0 and u.received_at <= b.closed_at and exists (
                select from subscription s
                where s.subscriber_id = u.subscriber_id and s.subscription_id = u.plan_subscription_id
                    and s.scheme_id = l.scheme_id and s.version = l.version) end
        order by u.started_at, u.source_id limit $4 offset $5"#,
        subscriber_id,
        bill_month.first_day(),
        line_no,
        paging.limit(),
        paging.offset()
    )
    .fetch_all(&mut *conn)
    .await?;
    record_page(conn, subscriber_id, rows, paging).await
}

async fn record_page(
    conn: &mut PgConnection,
    subscriber_id: i64,
    rows: Vec<Row>,
    paging: Paging,
) -> Result<RecordPage, UsageError> {
    let total = units(rows.first().map_or(0, |row| row.total))?;
    let served_by = rows.iter().flat_map(|row| row.split.iter().map(|part| part.subscription_id)).collect();
    let names = tariff_names(conn, subscriber_id, served_by).await?;
    let records = rows.into_iter().map(|row| view(row, &names)).collect::<Result<_, _>>()?;
    Ok(RecordPage { records, page: paging.page, page_size: paging.page_size, total })
}

async fn tariff_names(
    conn: &mut PgConnection,
    subscriber_id: i64,
    mut subscriptions: Vec<i64>,
) -> Result<BTreeMap<i64, (SchemeId, String)>, UsageError> {
    subscriptions.sort_unstable();
    subscriptions.dedup();
    let rows = sqlx::query!(
        "select s.subscription_id, s.scheme_id, t.name
        from subscription s join tariff_version t on t.scheme_id = s.scheme_id and t.version = s.version
        where s.subscriber_id = $1 and s.subscription_id = any($2)",
        subscriber_id,
        &subscriptions
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(|row| Ok((row.subscription_id, (row.scheme_id.parse().map_err(corrupt)?, row.name)))).collect()
}

fn view(row: Row, names: &BTreeMap<i64, (SchemeId, String)>) -> Result<RecordView, UsageError> {
    let split = row.split.0.into_iter().map(|part| {
        let (scheme_id, tariff_name) =
            names.get(&part.subscription_id).cloned().ok_or_else(|| corrupt("a split names no subscription"))?;
        Ok(SplitPart {
            subscription_id: part.subscription_id,
            scheme_id,
            tariff_name,
            granted_for: part.month,
            quantity: part.quantity,
        })
    });
    Ok(RecordView {
        split: split.collect::<Result<_, UsageError>>()?,
        id: row.source_id,
        service: row.service.parse().map_err(corrupt)?,
        started_at: row.started_at,
        received_at: row.received_at,
        quantity: units(row.quantity)?,
        rating_group: row.rating_group.map(u32::try_from).transpose().map_err(corrupt)?,
        from_allowance: units(row.from_allowance)?,
        overage: units(row.overage)?,
        absorbed: units(row.absorbed)?,
        cost: row.cost,
    })
}
