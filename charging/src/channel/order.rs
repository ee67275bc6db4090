//! Orders that come in through a channel. None of them orders anything: within its scope a channel has us ask the subscriber, whose
//! own yes makes the order; beyond it, it is refused and counted.

use chrono::{DateTime, TimeDelta, Utc};
use rand::CryptoRng;
use sqlx::PgConnection;

use super::store::{ChannelError, find};
use super::{ChannelId, NATIONWIDE, Outcome, WAY};
use crate::actor::By;
use crate::clock::local_date;
use crate::consent::request::{OpenRequest, REQUEST_LIFETIME, RequestError, order_open_until};
use crate::consent::store::lock_subscriber;
use crate::notice::template::Through;
use crate::order::Refusal;
use crate::order::flow::request_through;
use crate::order::store::OrderError;
use crate::sign_in::attempt::{self, Limit};
use crate::subscriber::store::find_by_msisdn;
use crate::subscriber::{Msisdn, Subscriber};
use crate::tariff::SchemeId;

/// Orders that one channel may send in a minute.
pub const ORDERS_A_MINUTE: Limit = Limit { name: "channel_minute", max: 60, window: TimeDelta::minutes(1) };
/// Questions that all channels together may have put to one subscriber in an hour.
pub const QUESTIONS_AN_HOUR: Limit = Limit { name: "channel_subscriber", max: 3, window: TimeDelta::hours(1) };

/// Longest key of an order, in characters.
pub const KEY_CHARS_MAX: usize = 100;

/// An order as a channel sent it, signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received<'a> {
    /// The same when it is sent again: it counts once.
    pub key: &'a str,
    /// SHA-256 of what was signed.
    pub digest: [u8; 32],
    pub msisdn: &'a Msisdn,
    pub scheme_id: &'a SchemeId,
}

/// What a channel is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The subscriber has until then to answer us. What is answered, the channel is not told.
    Asked {
        until: DateTime<Utc>,
    },
    Refused(Outcome),
}

/// Looks at an order of a channel whose signature was right, and asks the subscriber or refuses. The same order again is answered the
/// same and does nothing. What is written must be committed also where it was refused: that is the count.
///
/// # Errors
/// [`ChannelError::TooMany`] and [`ChannelError::Busy`], after which the same order may be sent again; [`ChannelError::KeyReused`],
/// [`ChannelError::NotFound`], or the database failed.
pub async fn receive(
    conn: &mut PgConnection,
    channel_id: &ChannelId,
    order: &Received<'_>,
    now: DateTime<Utc>,
    rng: &mut (impl CryptoRng + Send),
) -> Result<Answer, ChannelError> {
    // One after the other where the key is the same, and none while the channel is being stopped.
    sqlx::query!(
        "select pg_advisory_xact_lock(hashtextextended($1, 0)) from agent_channel where agent_channel_id = $2 for share",
        format!("agent_order/{channel_id}/{}", order.key),
        channel_id.as_str(),
    )
    .fetch_optional(&mut *conn)
    .await?;
    if let Some(answer) = answered_before(conn, channel_id, order).await? {
        return Ok(answer);
    }
    if let Some(retry_after) = attempt::count(conn, &ORDERS_A_MINUTE, channel_id.as_str(), now).await? {
        return Err(ChannelError::TooMany { retry_after });
    }
    let found = in_scope(conn, channel_id, order, now).await?;
    let (scope, subscriber) = match found {
        Ok(found) => found,
        Err(outcome) => return refuse(conn, channel_id, order, outcome, now).await,
    };
    let (by, through) = (By::channel(channel_id), Through { channel_id: channel_id.as_str(), name: &scope.name });
    lock_subscriber(conn, subscriber.subscriber_id).await.map_err(OrderError::from)?;
    wait_for_turn(conn, subscriber.subscriber_id, now).await?;
    let asked = request_through(conn, subscriber.subscriber_id, order.scheme_id, (&by, Some(through)), now, rng).await;
    let request_id = match asked {
        Ok(asked) => asked.request_id,
        Err(OrderError::Refused(_) | OrderError::UnknownTariff) => {
            return refuse(conn, channel_id, order, Outcome::NotAvailable, now).await;
        }
        Err(OrderError::Request(RequestError::TooMany { retry_after })) => {
            return Err(ChannelError::TooMany { retry_after });
        }
        Err(error) => return Err(error.into()),
    };
    note(conn, channel_id, order, Outcome::Asked, now).await?;
    note_question(conn, channel_id, order, (subscriber.subscriber_id, request_id), &scope, now).await?;
    Ok(Answer::Asked { until: now + REQUEST_LIFETIME })
}

async fn answered_before(
    conn: &mut PgConnection,
    channel_id: &ChannelId,
    order: &Received<'_>,
) -> Result<Option<Answer>, ChannelError> {
    let before = sqlx::query!(
        "select body_digest, received_at, outcome from agent_order where agent_channel_id = $1 and order_key = $2",
        channel_id.as_str(),
        order.key,
    )
    .fetch_optional(conn)
    .await?;
    let Some(before) = before else { return Ok(None) };
    if before.body_digest != order.digest {
        return Err(ChannelError::KeyReused);
    }
    Ok(Some(match Outcome::named(&before.outcome).ok_or(ChannelError::Corrupt("outcome"))? {
        Outcome::Asked => Answer::Asked { until: before.received_at + REQUEST_LIFETIME },
        outcome => Answer::Refused(outcome),
    }))
}

/// The row of the scope that allows an order.
struct Scope {
    version: i32,
    /// Of the channel.
    name: String,
    region: String,
}

/// What allows the order, and whom to ask; else why it is refused.
async fn in_scope(
    conn: &mut PgConnection,
    channel_id: &ChannelId,
    order: &Received<'_>,
    now: DateTime<Utc>,
) -> Result<Result<(Scope, Subscriber), Outcome>, ChannelError> {
    let channel = find(conn, channel_id).await?.ok_or(ChannelError::NotFound)?;
    if let Some(outcome) = channel.standing(now).refuses() {
        return Ok(Err(outcome));
    }
    let version = channel.approved().ok_or(ChannelError::NotFound)?;
    if !version.terms.scheme_ids.contains(order.scheme_id) {
        return Ok(Err(Outcome::Tariff));
    }
    let subscriber = find_by_msisdn(conn, order.msisdn).await.map_err(OrderError::from)?;
    let Some(subscriber) = subscriber else { return Ok(Err(Outcome::NotAvailable)) };
    let serves = |region: &&String| **region == NATIONWIDE || **region == subscriber.region;
    let Some(region) = version.terms.regions.iter().find(serves) else { return Ok(Err(Outcome::Region)) };
    let scope = Scope { version: version.version, name: version.terms.name.clone(), region: region.clone() };
    Ok(Ok((scope, subscriber)))
}

/// A channel displaces no question that the subscriber has open, and all channels together ask seldom.
async fn wait_for_turn(conn: &mut PgConnection, subscriber_id: i64, now: DateTime<Utc>) -> Result<(), ChannelError> {
    if let Some(until) = order_open_until(conn, subscriber_id, now).await? {
        return Err(ChannelError::Busy { retry_after: until - now + TimeDelta::seconds(1) });
    }
    match attempt::count(conn, &QUESTIONS_AN_HOUR, &subscriber_id.to_string(), now).await? {
        Some(retry_after) => Err(ChannelError::TooMany { retry_after }),
        None => Ok(()),
    }
}

async fn refuse(
    conn: &mut PgConnection,
    channel_id: &ChannelId,
    order: &Received<'_>,
    outcome: Outcome,
    now: DateTime<Utc>,
) -> Result<Answer, ChannelError> {
    note(conn, channel_id, order, outcome, now).await?;
    Ok(Answer::Refused(outcome))
}

async fn note(
    conn: &mut PgConnection,
    channel_id: &ChannelId,
    order: &Received<'_>,
    outcome: Outcome,
    now: DateTime<Utc>,
) -> Result<(), ChannelError> {
    sqlx::query!(
        "insert into agent_order (agent_channel_id, order_key, body_digest, scheme_id, received_at, outcome)
        values ($1, $2, $3, $4, $5, $6)",
        channel_id.as_str(),
        order.key,
        &order.digest,
        order.scheme_id.as_str(),
        now,
        outcome.as_str(),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Ties the question to what allowed it (`agent_request_scope`).
async fn note_question(
    conn: &mut PgConnection,
    channel_id: &ChannelId,
    order: &Received<'_>,
    (subscriber_id, request_id): (i64, i64),
    scope: &Scope,
    now: DateTime<Utc>,
) -> Result<(), ChannelError> {
    let noted = sqlx::query!(
        "insert into agent_request (subscriber_id, request_id, agent_channel_id, order_key, version, scheme_id, region, valid_from,
            valid_until, asked_at, asked_by)
        select $1, $2, agent_channel_id, $3, version, scheme_id, region, valid_from, valid_until, $7, 'channel:' || agent_channel_id
        from agent_channel_scope where agent_channel_id = $4 and version = $5 and scheme_id = $6 and region = $8",
        subscriber_id,
        request_id,
        order.key,
        channel_id.as_str(),
        scope.version,
        order.scheme_id.as_str(),
        now,
        scope.region,
    )
    .execute(conn)
    .await?;
    if noted.rows_affected() == 1 { Ok(()) } else { Err(ChannelError::Corrupt("scope")) }
}

/// Whether what a channel had asked may still be agreed to: the version that allowed it holds, today too. Of any other question it is
/// not asked.
///
/// # Errors
/// [`Refusal::ChannelStopped`], or the database failed.
pub(crate) async fn check_holds(
    conn: &mut PgConnection,
    request: &OpenRequest,
    now: DateTime<Utc>,
) -> Result<(), OrderError> {
    if request.channel_id != WAY {
        return Ok(());
    }
    // In a statement of its own: whoever waited here for a stop sees it in the next.
    sqlx::query!(
        "select c.agent_channel_id from agent_request r join agent_channel c on c.agent_channel_id = r.agent_channel_id
        where r.subscriber_id = $1 and r.request_id = $2 for share of c",
        request.subscriber_id,
        request.request_id,
    )
    .fetch_optional(&mut *conn)
    .await?;
    let holds = sqlx::query_scalar!(
        r#"select ($3 between r.valid_from and r.valid_until and not exists (
            select from agent_channel_stop s where s.agent_channel_id = r.agent_channel_id and s.version = r.version)) as "holds!"
        from agent_request r where r.subscriber_id = $1 and r.request_id = $2"#,
        request.subscriber_id,
        request.request_id,
        local_date(now),
    )
    .fetch_optional(conn)
    .await?;
    if holds == Some(true) { Ok(()) } else { Err(Refusal::ChannelStopped.into()) }
}

/// Notes through which channel an order came, where it did.
pub(crate) async fn note_sale(
    conn: &mut PgConnection,
    request: &OpenRequest,
    (order_id, consent_seq): (i64, i32),
    now: DateTime<Utc>,
) -> Result<(), OrderError> {
    if request.channel_id != WAY {
        return Ok(());
    }
    let noted = sqlx::query!(
        "insert into agent_sale (subscriber_id, order_id, request_id, consent_seq, agent_channel_id, version, scheme_id, region,
            valid_from, valid_until, ordered_at)
        select subscriber_id, $3, request_id, $4, agent_channel_id, version, scheme_id, region, valid_from, valid_until, $5
        from agent_request where subscriber_id = $1 and request_id = $2",
        request.subscriber_id,
        request.request_id,
        order_id,
        consent_seq,
        now,
    )
    .execute(conn)
    .await?;
    if noted.rows_affected() == 1 { Ok(()) } else { Err(OrderError::Corrupt("agent's request")) }
}

/// Number and name of the channel that an order came through; `None`: through none.
pub(crate) async fn through(
    conn: &mut PgConnection,
    subscriber_id: i64,
    order_id: i64,
) -> Result<Option<(ChannelId, String)>, OrderError> {
    let row = sqlx::query!(
        "select s.agent_channel_id, v.name from agent_sale s
        join agent_channel_version v on v.agent_channel_id = s.agent_channel_id and v.version = s.version
        where s.subscriber_id = $1 and s.order_id = $2",
        subscriber_id,
        order_id,
    )
    .fetch_optional(conn)
    .await?;
    row.map(|row| Ok((row.agent_channel_id.parse().map_err(|_| OrderError::Corrupt("channel"))?, row.name))).transpose()
}

/// What became of the orders of a channel.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// By what became of them, in the order of [`Outcome::ALL`], those that came about alone.
    pub outcomes: Vec<(Outcome, i64)>,
    /// To which the subscribers said yes.
    pub agreed: i64,
}

impl Counts {
    /// 越权被拒 Refused because the channel may not.
    pub fn beyond_scope(&self) -> i64 {
        self.outcomes.iter().filter(|(outcome, _)| outcome.is_beyond_scope()).map(|(_, count)| count).sum()
    }

    /// Subscribers were asked.
    pub fn asked(&self) -> i64 {
        self.outcomes.iter().filter(|(outcome, _)| *outcome == Outcome::Asked).map(|(_, count)| count).sum()
    }
}

/// Counts the orders of a channel since it was registered.
///
/// # Errors
/// When the database failed.
pub async fn counts(conn: &mut PgConnection, channel_id: &ChannelId) -> Result<Counts, ChannelError> {
    let rows = sqlx::query!(
        r#"select outcome, count(*) as "count!" from agent_order where agent_channel_id = $1 group by outcome"#,
        channel_id.as_str(),
    )
    .fetch_all(&mut *conn)
    .await?;
    let agreed = sqlx::query_scalar!(
        r#"select count(*) as "count!" from agent_sale where agent_channel_id = $1"#,
        channel_id.as_str(),
    )
    .fetch_one(conn)
    .await?;
    let mut outcomes: Vec<(Outcome, i64)> =
        rows.into_iter().filter_map(|row| Some((Outcome::named(&row.outcome)?, row.count))).collect();
    outcomes.sort_unstable();
    Ok(Counts { outcomes, agreed })
}
