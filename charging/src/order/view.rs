//! Orders and services as their owner sees them.

use chrono::{DateTime, Months, Utc};
use rust_decimal::Decimal;
use sqlx::PgConnection;

use super::EndReason;
use super::flow::order_event;
use super::store::{OrderError, end_reason};
use crate::consent::request::request_event;
use crate::consent::signature::Strokes;
use crate::consent::{Evidence, Method};
use crate::notice::store::{Notice, of_events};
use crate::tariff::{self, SchemeId, TariffVersion};

/// Orders are shown for so many months (two years of 协议 online).
pub const AGREEMENT_MONTHS: u32 = 24;
/// Most orders on a page.
pub const AGREEMENTS_PAGE_MAX: u8 = 50;

/// Who agreed, when and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agreed {
    /// The place in the subscriber's chain.
    pub seq: i32,
    pub method: Method,
    pub channel_id: String,
    pub agreed_at: DateTime<Utc>,
    /// Where the proof lies elsewhere, or the id of the answering message.
    pub reference: Option<String>,
}

/// A service that runs, or will begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActiveService {
    pub subscription_id: i64,
    pub order_id: i64,
    pub tariff: TariffVersion,
    pub is_plan: bool,
    /// Yuan a month and yuan once, as agreed to.
    pub recurring_price: Decimal,
    pub one_off_price: Decimal,
    pub starts_at: DateTime<Utc>,
    pub ends_at: Option<DateTime<Utc>>,
    pub end_reason: Option<EndReason>,
    pub agreed: Agreed,
    pub can_cancel: bool,
    pub can_undo: bool,
}

/// Everything that runs or will begin: the plan first, then by start.
///
/// # Errors
/// When the database failed or a row is not readable.
pub async fn active(
    conn: &mut PgConnection,
    subscriber_id: i64,
    now: DateTime<Utc>,
) -> Result<Vec<ActiveService>, OrderError> {
    let rows = sqlx::query!(
        "select s.subscription_id, s.order_id, s.scheme_id, s.version, s.kind, s.recurring_price, s.one_off_price,
            s.starts_at, s.ends_at, s.end_reason, s.chargeable, c.seq, c.method, c.channel_id, c.agreed_at, c.evidence
        from subscription s
        join product_order o on o.subscriber_id = s.subscriber_id and o.order_id = s.order_id
        join consent c on c.subscriber_id = o.subscriber_id and c.seq = o.consent_seq
        where s.subscriber_id = $1 and (s.ends_at is null or s.ends_at > $2)
        order by s.kind desc, s.starts_at, s.subscription_id",
        subscriber_id,
        now,
    )
    .fetch_all(&mut *conn)
    .await?;
    let mut services = Vec::with_capacity(rows.len());
    for row in rows {
        let tariff = published(conn, &row.scheme_id, row.version).await?;
        services.push(ActiveService {
            subscription_id: row.subscription_id,
            order_id: row.order_id,
            tariff,
            is_plan: row.kind == "plan",
            recurring_price: row.recurring_price,
            one_off_price: row.one_off_price,
            starts_at: row.starts_at,
            ends_at: row.ends_at,
            end_reason: row.end_reason.as_deref().map(end_reason).transpose()?,
            agreed: agreed(row.seq, &row.method, row.channel_id, row.agreed_at, &row.evidence)?,
            can_cancel: row.ends_at.is_none(),
            can_undo: row.ends_at.is_some() && (row.chargeable || row.kind != "plan"),
        });
    }
    Ok(services)
}

async fn published(conn: &mut PgConnection, scheme_id: &str, version: i32) -> Result<TariffVersion, OrderError> {
    let scheme_id: SchemeId = scheme_id.parse().map_err(|_| OrderError::Corrupt("scheme_id"))?;
    tariff::store::version(conn, &scheme_id, version).await?.ok_or(OrderError::UnknownTariff)
}

fn agreed(
    seq: i32,
    method: &str,
    channel_id: String,
    agreed_at: DateTime<Utc>,
    evidence: &[u8],
) -> Result<Agreed, OrderError> {
    let evidence = Evidence::read(evidence).map_err(|_| OrderError::Corrupt("evidence"))?;
    let method = method.parse().map_err(|_| OrderError::Corrupt("method"))?;
    Ok(Agreed { seq, method, channel_id, agreed_at, reference: evidence.reference })
}

/// A service that has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndedService {
    pub subscription_id: i64,
    pub order_id: i64,
    pub name: String,
    pub starts_at: DateTime<Utc>,
    /// Equal to `starts_at`: cancelled before it began.
    pub ends_at: DateTime<Utc>,
}

/// Most ended services that are listed.
pub const ENDED_MAX: i64 = 500;

/// What ended in the last [`AGREEMENT_MONTHS`] months, the last one first; at most [`ENDED_MAX`].
///
/// # Errors
/// When the database failed.
pub async fn ended(
    conn: &mut PgConnection,
    subscriber_id: i64,
    now: DateTime<Utc>,
) -> Result<Vec<EndedService>, OrderError> {
    let services = sqlx::query_as!(
        EndedService,
        r#"select s.subscription_id, s.order_id, t.name, s.starts_at, s.ends_at as "ends_at!"
        from subscription s
        join tariff_version t on t.scheme_id = s.scheme_id and t.version = s.version
        where s.subscriber_id = $1 and s.ends_at <= $2 and s.ends_at >= $3
        order by s.ends_at desc, s.subscription_id desc limit $4"#,
        subscriber_id,
        now,
        now - Months::new(AGREEMENT_MONTHS),
        ENDED_MAX,
    )
    .fetch_all(conn)
    .await?;
    Ok(services)
}

/// An order in the list of agreements.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgreementSummary {
    pub order_id: i64,
    pub scheme_id: String,
    pub version: i32,
    pub name: String,
    pub recurring_price: Decimal,
    pub one_off_price: Decimal,
    pub ordered_at: DateTime<Utc>,
    pub agreed: Agreed,
    /// When what it started begins and ends; `None` for an order that started nothing.
    pub starts_at: Option<DateTime<Utc>>,
    pub ends_at: Option<DateTime<Utc>>,
}

/// A page of agreements, newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgreementPage {
    pub agreements: Vec<AgreementSummary>,
    /// Of all pages.
    pub total: i64,
}

/// The orders of the last [`AGREEMENT_MONTHS`] months, and every older one that still runs. Pages count from 0.
///
/// # Errors
/// When the database failed or a row is not readable.
pub async fn agreements(
    conn: &mut PgConnection,
    subscriber_id: i64,
    now: DateTime<Utc>,
    page: u32,
    page_size: u8,
) -> Result<AgreementPage, OrderError> {
    let since = now - Months::new(AGREEMENT_MONTHS);
    let page_size = i64::from(page_size.clamp(1, AGREEMENTS_PAGE_MAX));
    let rows = sqlx::query!(
        r#"select o.order_id, o.scheme_id, o.version, t.name, o.recurring_price, o.one_off_price, o.ordered_at,
            c.seq, c.method, c.channel_id, c.agreed_at, c.evidence,
            s.starts_at as "starts_at?", s.ends_at as "ends_at?", count(*) over () as "total!"
        from product_order o
        join tariff_version t on t.scheme_id = o.scheme_id and t.version = o.version
        join consent c on c.subscriber_id = o.subscriber_id and c.seq = o.consent_seq
        left join subscription s on s.subscriber_id = o.subscriber_id and s.order_id = o.order_id
        where o.subscriber_id = $1
            and (o.ordered_at >= $2 or (s.starts_at is not null and (s.ends_at is null or s.ends_at > $3)))
        order by o.ordered_at desc, o.order_id desc limit $4 offset $5"#,
        subscriber_id,
        since,
        now,
        page_size,
        i64::from(page) * page_size,
    )
    .fetch_all(conn)
    .await?;
    let total = rows.first().map_or(0, |row| row.total);
    let agreements = rows.into_iter().map(|row| {
        Ok(AgreementSummary {
            order_id: row.order_id,
            scheme_id: row.scheme_id,
            version: row.version,
            name: row.name,
            recurring_price: row.recurring_price,
            one_off_price: row.one_off_price,
            ordered_at: row.ordered_at,
            agreed: agreed(row.seq, &row.method, row.channel_id, row.agreed_at, &row.evidence)?,
            starts_at: row.starts_at,
            ends_at: row.ends_at,
        })
    });
    Ok(AgreementPage { agreements: agreements.collect::<Result<_, OrderError>>()?, total })
}

/// A step of what an order started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepTaken {
    pub subscription_id: i64,
    /// `activated`, `cancel_asked`, `cancel_undone` or `replaced`.
    pub what: String,
    pub at: DateTime<Utc>,
    pub effective_at: DateTime<Utc>,
    pub channel_id: String,
}

/// One order with its proof.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agreement {
    pub order_id: i64,
    pub ordered_at: DateTime<Utc>,
    pub channel_id: String,
    pub tariff: TariffVersion,
    /// Everything that was shown and answered, with the exact text.
    pub evidence: Evidence,
    /// The bytes that were hashed.
    pub evidence_json: String,
    /// What was drawn as a signature.
    pub strokes: Option<Strokes>,
    /// Hexadecimal SHA-256, and that of the row before; `None` for the first of the chain.
    pub hash: String,
    pub previous_hash: Option<String>,
    /// Rows in the subscriber's chain.
    pub chain_length: i64,
    /// The messages that were sent about it, codes masked.
    pub messages: Vec<Notice>,
    pub steps: Vec<StepTaken>,
}

/// An order of this subscriber with its proof.
///
/// # Errors
/// When the database failed or a row is not readable.
pub async fn agreement(
    conn: &mut PgConnection,
    subscriber_id: i64,
    order_id: i64,
) -> Result<Option<Agreement>, OrderError> {
    let row = sqlx::query!(
        r#"select o.scheme_id, o.version, o.ordered_at, o.channel_id, c.evidence, c.hash, c.previous_hash, c.request_id,
            g.strokes as "strokes?", (select count(*) from consent x where x.subscriber_id = $1) as "chain_length!"
        from product_order o join consent c on c.subscriber_id = o.subscriber_id and c.seq = o.consent_seq
        left join signature g on g.subscriber_id = c.subscriber_id and g.request_id = c.request_id
        where o.subscriber_id = $1 and o.order_id = $2"#,
        subscriber_id,
        order_id,
    )
    .fetch_optional(&mut *conn)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let steps = steps(conn, subscriber_id, order_id).await?;
    let mut events = vec![order_event(order_id)];
    events.extend(row.request_id.map(request_event));
    events.extend(step_events(conn, subscriber_id, order_id).await?);
    Ok(Some(Agreement {
        order_id,
        ordered_at: row.ordered_at,
        channel_id: row.channel_id,
        tariff: published(conn, &row.scheme_id, row.version).await?,
        evidence: Evidence::read(&row.evidence).map_err(|_| OrderError::Corrupt("evidence"))?,
        evidence_json: String::from_utf8(row.evidence).map_err(|_| OrderError::Corrupt("evidence"))?,
        strokes: row.strokes.as_deref().map(read_strokes).transpose()?,
        hash: hex::encode(row.hash),
        previous_hash: row.previous_hash.map(hex::encode),
        chain_length: row.chain_length,
        messages: of_events(conn, subscriber_id, &events).await?,
        steps,
    }))
}

fn read_strokes(stored: &[u8]) -> Result<Strokes, OrderError> {
    let text = std::str::from_utf8(stored).map_err(|_| OrderError::Corrupt("strokes"))?;
    Strokes::read(text).map_err(|_| OrderError::Corrupt("strokes"))
}

async fn steps(conn: &mut PgConnection, subscriber_id: i64, order_id: i64) -> Result<Vec<StepTaken>, OrderError> {
    let steps = sqlx::query_as!(
        StepTaken,
        "select e.subscription_id, e.what, e.at, e.effective_at, e.channel_id
        from subscription_event e
        join subscription s on s.subscriber_id = e.subscriber_id and s.subscription_id = e.subscription_id
        where e.subscriber_id = $1 and s.order_id = $2 order by e.event_id limit 1000",
        subscriber_id,
        order_id,
    )
    .fetch_all(conn)
    .await?;
    Ok(steps)
}

/// The events of the notices about cancelling and undoing.
async fn step_events(conn: &mut PgConnection, subscriber_id: i64, order_id: i64) -> Result<Vec<String>, OrderError> {
    let events = sqlx::query_scalar!(
        r#"select case e.what when 'cancel_asked' then 'cancel/' else 'undo/' end || e.event_id as "event!"
        from subscription_event e
        join subscription s on s.subscriber_id = e.subscriber_id and s.subscription_id = e.subscription_id
        where e.subscriber_id = $1 and s.order_id = $2 and e.what in ('cancel_asked', 'cancel_undone')
        order by e.event_id limit 1000"#,
        subscriber_id,
        order_id,
    )
    .fetch_all(conn)
    .await?;
    Ok(events)
}
