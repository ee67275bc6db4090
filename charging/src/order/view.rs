//! Services as their owner sees them.

use chrono::{DateTime, Months, Utc};
use rust_decimal::Decimal;
use sqlx::PgConnection;

use super::EndReason;
use super::store::{OrderError, end_reason};
use crate::consent::{Evidence, Method};
use crate::tariff::{self, SchemeId, TariffVersion};

/// What ended is listed for so many months (two years of 协议 online).
pub const AGREEMENT_MONTHS: u32 = 24;

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
    /// Yuan that its end costs besides its month.
    pub penalty: Decimal,
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
            s.starts_at, s.ends_at, s.end_reason, s.penalty, s.chargeable, c.seq, c.method, c.channel_id, c.agreed_at, c.evidence
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
            penalty: row.penalty,
            agreed: agreed(row.seq, &row.method, row.channel_id, row.agreed_at, &row.evidence)?,
            can_cancel: row.ends_at.is_none(),
            can_undo: row.ends_at.is_some() && (row.chargeable || row.kind != "plan"),
        });
    }
    Ok(services)
}

pub(super) async fn published(
    conn: &mut PgConnection,
    scheme_id: &str,
    version: i32,
) -> Result<TariffVersion, OrderError> {
    let scheme_id: SchemeId = scheme_id.parse().map_err(|_| OrderError::Corrupt("scheme_id"))?;
    tariff::store::version(conn, &scheme_id, version).await?.ok_or(OrderError::UnknownTariff)
}

pub(super) fn agreed(
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
