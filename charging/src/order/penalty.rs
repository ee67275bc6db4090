//! 违约金 What ending a service costs besides its month, and what was told of it by SMS.

use chrono::{DateTime, TimeDelta, Utc};
use rust_decimal::Decimal;
use sqlx::PgConnection;

use super::store::OrderError;
use crate::bill::{Period, penalty};
use crate::tariff::{Penalty, Terms};

/// How long what an SMS told holds as an answer: as long as the numbers of a list.
const TOLD_LIFETIME: TimeDelta = TimeDelta::hours(24);
/// How long an SMS takes to come and be read at least: the same reply sooner was sent without having seen it.
const READING_TIME: TimeDelta = TimeDelta::seconds(15);

/// The penalty of a subscription that ends as `period` says, decided now; `None`: nothing is due. Nothing is due before the first
/// charge was made; what moved in was charged before.
///
/// # Errors
/// When the database failed.
pub(super) async fn due(
    conn: &mut PgConnection,
    subscriber_id: i64,
    subscription_id: i64,
    terms: &Terms,
    period: &Period,
    now: DateTime<Utc>,
) -> Result<Option<Penalty>, OrderError> {
    let Some(penalty) = terms.commitment.and_then(|commitment| penalty(commitment, period, now)) else {
        return Ok(None);
    };
    let was_charged = sqlx::query_scalar!(
        r#"select (exists (select from charge c
                where c.subscriber_id = $1 and c.subscription_id = $2 and c.kind in ('recurring', 'one_off'))
            or exists (select from subscription_event e
                where e.subscriber_id = $1 and e.subscription_id = $2 and e.actor = 'import')) as "was!""#,
        subscriber_id,
        subscription_id,
    )
    .fetch_one(conn)
    .await?;
    Ok(was_charged.then_some(penalty))
}

/// What an SMS told that cancelling means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Told {
    /// The penalty, in yuan.
    pub amount: Decimal,
    /// From then on it would have stopped.
    pub ends_at: DateTime<Utc>,
}

/// Notes that an SMS told what cancelling means.
///
/// # Errors
/// When the database failed.
pub(crate) async fn note_told(
    conn: &mut PgConnection,
    subscriber_id: i64,
    subscription_id: i64,
    told: Told,
    now: DateTime<Utc>,
) -> Result<(), OrderError> {
    sqlx::query!(
        "insert into penalty_told (subscriber_id, subscription_id, told_at, amount, ends_at)
        values ($1, $2, $3, $4, $5) on conflict (subscriber_id, subscription_id, told_at) do nothing",
        subscriber_id,
        subscription_id,
        now,
        told.amount,
        told.ends_at,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// What was told last of a subscription, where a reply now can be one to that: it had time to be read, is not too old, and
/// nothing happened to the subscription since.
///
/// # Errors
/// When the database failed.
pub(crate) async fn told(
    conn: &mut PgConnection,
    subscriber_id: i64,
    subscription_id: i64,
    now: DateTime<Utc>,
) -> Result<Option<Told>, OrderError> {
    let told = sqlx::query_as!(
        Told,
        "select amount, ends_at from penalty_told
        where subscriber_id = $1 and subscription_id = $2 and told_at > $3 and told_at <= $4 and not exists (
            select from subscription_event e
            where e.subscriber_id = $1 and e.subscription_id = $2 and e.at >= told_at)
        order by told_at desc limit 1",
        subscriber_id,
        subscription_id,
        now - TOLD_LIFETIME,
        now - READING_TIME,
    )
    .fetch_optional(conn)
    .await?;
    Ok(told)
}
