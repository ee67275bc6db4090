//! Platforms, their items, and what was collected for them.

use chrono::{DateTime, Utc};
use rand::CryptoRng;
use sqlx::{PgConnection, PgPool};

use super::{PlatformId, REFERENCE_CHARS_MAX};
use crate::actor::By;
use crate::clock::Month;
use crate::consent::request::{Answer, Asked, Given, OpenRequest, open_with};
use crate::ledger::store::LedgerError;
use crate::order::flow;
use crate::order::store::{NewOrder, OrderError};
use crate::tariff::SchemeId;

/// Why nothing was collected.
#[derive(Debug, thiserror::Error)]
pub enum ThirdPartyError {
    #[error("it is no item of this platform")]
    NoItem,
    #[error("a platform's number of an order has 1 to {REFERENCE_CHARS_MAX} characters")]
    Reference,
    #[error("it was charged already")]
    Already,
    #[error(transparent)]
    Order(#[from] OrderError),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error("the database failed")]
    Database(#[source] sqlx::Error),
}

impl From<sqlx::Error> for ThirdPartyError {
    fn from(error: sqlx::Error) -> Self {
        match error.as_database_error().and_then(sqlx::error::DatabaseError::constraint) {
            Some("third_party_charge_once") => Self::Already,
            Some("third_party_charge_item") => Self::NoItem,
            _ => Self::Database(error),
        }
    }
}

/// Makes a platform and its items known; what is known already stays.
///
/// # Errors
/// When one of the tariffs is not published, is another platform's, or the database failed.
pub async fn register(
    conn: &mut PgConnection,
    platform_id: &PlatformId,
    [name_zh, name_en]: [&str; 2],
    items: &[SchemeId],
) -> Result<(), ThirdPartyError> {
    sqlx::query!(
        "insert into platform (platform_id, name_zh, name_en) values ($1, $2, $3) on conflict (platform_id) do nothing",
        platform_id.as_str(),
        name_zh,
        name_en,
    )
    .execute(&mut *conn)
    .await?;
    let items: Vec<String> = items.iter().map(ToString::to_string).collect();
    sqlx::query!(
        "insert into platform_item (platform_id, scheme_id) select $1, * from unnest($2::text[])
        on conflict (platform_id, scheme_id) do nothing",
        platform_id.as_str(),
        &items,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The platform whose item a tariff is; `None`: it is nobody's but the operator's.
pub(crate) async fn platform_of(conn: &mut PgConnection, scheme_id: &SchemeId) -> Result<Option<String>, sqlx::Error> {
    sqlx::query_scalar!("select platform_id from platform_item where scheme_id = $1", scheme_id.as_str())
        .fetch_optional(conn)
        .await
}

/// Asks the subscriber by SMS for a yes to one item of a platform, under the platform's own number of it.
///
/// # Errors
/// When it is no item of the platform, was charged under that number already, may not be ordered, or the database failed.
pub async fn request(
    conn: &mut PgConnection,
    subscriber_id: i64,
    platform_id: &PlatformId,
    scheme_id: &SchemeId,
    reference: &str,
    now: DateTime<Utc>,
    rng: &mut (impl CryptoRng + Send),
) -> Result<Asked, ThirdPartyError> {
    if !(1..=REFERENCE_CHARS_MAX).contains(&reference.chars().count()) {
        return Err(ThirdPartyError::Reference);
    }
    if platform_of(conn, scheme_id).await?.as_deref() != Some(platform_id.as_str()) {
        return Err(ThirdPartyError::NoItem);
    }
    let is_charged = sqlx::query_scalar!(
        r#"select exists (select from third_party_charge
            where subscriber_id = $1 and platform_id = $2 and reference = $3) as "is_charged!""#,
        subscriber_id,
        platform_id.as_str(),
        reference,
    )
    .fetch_one(&mut *conn)
    .await?;
    if is_charged {
        return Err(ThirdPartyError::Already);
    }
    let asked = flow::request_item(conn, subscriber_id, scheme_id, &By::subscriber("web"), now, rng).await?;
    sqlx::query!(
        "insert into third_party_request (subscriber_id, request_id, platform_id, reference) values ($1, $2, $3, $4)",
        subscriber_id,
        asked.request_id,
        platform_id.as_str(),
        reference,
    )
    .execute(conn)
    .await?;
    Ok(asked)
}

/// Answers a request of a platform by the code that was sent or a signature. Returns the id of what is collected.
///
/// # Errors
/// When what was given is wrong, the request is not open or too old, the offer changed since, or the platform's number was charged
/// already.
pub async fn confirm(
    pool: &PgPool,
    subscriber_id: i64,
    request_id: i64,
    given: impl Into<Given<'_>>,
    now: DateTime<Utc>,
) -> Result<i64, ThirdPartyError> {
    let opened = open_with(pool, subscriber_id, request_id, given.into(), now).await.map_err(OrderError::from)?;
    let (mut tx, request, answer) = opened;
    let Some(asked) = asked_by_platform(&mut tx, &request).await? else { return Err(ThirdPartyError::NoItem) };
    let charged = settle(&mut tx, &request, &answer, &asked).await?;
    tx.commit().await?;
    Ok(charged)
}

/// Who asked, and under which number of his.
pub(crate) struct AskedByPlatform {
    platform_id: String,
    reference: String,
}

/// `None`: no platform asked for it.
pub(crate) async fn asked_by_platform(
    conn: &mut PgConnection,
    request: &OpenRequest,
) -> Result<Option<AskedByPlatform>, sqlx::Error> {
    sqlx::query_as!(
        AskedByPlatform,
        "select platform_id, reference from third_party_request where subscriber_id = $1 and request_id = $2",
        request.subscriber_id,
        request.request_id,
    )
    .fetch_optional(conn)
    .await
}

/// Collects what was agreed to: consent, order, charge and its transfer in one transaction.
pub(crate) async fn settle(
    conn: &mut PgConnection,
    request: &OpenRequest,
    answer: &Answer,
    asked: &AskedByPlatform,
) -> Result<i64, ThirdPartyError> {
    let order: NewOrder = flow::agree_to_item(conn, request, answer).await?;
    let order_id = crate::order::store::place(conn, &order).await?;
    let collected = sqlx::query!(
        "insert into third_party_charge (subscriber_id, platform_id, reference, scheme_id, version, recurring_price, amount,
            order_id, charged_at)
        select subscriber_id, $3, $4, scheme_id, version, recurring_price, one_off_price, order_id, ordered_at
        from product_order where subscriber_id = $1 and order_id = $2
        returning third_party_charge_id, scheme_id, version, amount",
        request.subscriber_id,
        order_id,
        asked.platform_id,
        asked.reference,
    )
    .fetch_one(&mut *conn)
    .await?;
    sqlx::query!(
        "with posted as (
            insert into charge (subscriber_id, kind, month, scheme_id, version, recurring_price, one_off_price, quantity, amount,
                charged_at, third_party_charge_id)
            values ($1, 'third_party', $2, $3, $4, 0, $5, 1, $5, $6, $7) returning charge_id)
        insert into transfer (subscriber_id, debit_account, credit_account, amount, at, charge_id)
        select $1, 'receivable', 'payable', $5, $6, charge_id from posted",
        request.subscriber_id,
        Month::of(order.ordered_at).first_day(),
        collected.scheme_id,
        collected.version,
        collected.amount,
        order.ordered_at,
        collected.third_party_charge_id,
    )
    .execute(&mut *conn)
    .await?;
    flow::tell_item(conn, &order, order_id).await?;
    Ok(collected.third_party_charge_id)
}
