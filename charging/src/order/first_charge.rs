//! 首次扣费提醒 Before the first charge of a monthly or pay-per-use service its owner is told by SMS; until that charge is
//! made, cancelling costs nothing, by the reply that the message names or by any other way. That is promised once in 12 months
//! for the same tariff, and where nothing was charged before; else the message says what cancelling costs as ever.
//!
//! A monthly service is first charged with the bill of the month in which it begins, and told [`AHEAD`] of that; ordered
//! later than that, in the transaction of the order. What costs by use alone is told with the order. The bill waits until the
//! message is out for [`ANSWER_TIME`], and not longer than [`UNSENT_MAX`] for one that is not sent. What moved in from another system was charged there before, and is not told of.
//!
//! That a subscription was either cancelled so or charged for is the key `charge_subscription`.

use chrono::{DateTime, TimeDelta, Utc};
use rust_decimal::Decimal;
use serde::de::DeserializeOwned;
use sqlx::{PgConnection, PgPool};

use super::store::{NewSubscription, OrderError};
use crate::bill::{Period, one_off_charge, recurring_charge};
use crate::clock::{Month, local_date};
use crate::money::round_to_fen;
use crate::notice::ServiceNotice;
use crate::notice::store::tell_many;
use crate::notice::template::Message;
use crate::subscriber::import_store;
use crate::tariff::{CancelEffective, Recurring};

/// How long before the end of a month what is charged or renewed with it is told: five days (the operators' pledge of 2025 for
/// automatic renewals and charges) and so much more that it is nine in the morning.
pub const AHEAD: TimeDelta = TimeDelta::hours(5 * 24 + 15);
/// How long the message is out before the charge may be made.
pub const ANSWER_TIME: TimeDelta = TimeDelta::hours(24);
/// How long a bill waits for a message that is not sent, from when it was written: it must not wait for ever where no SMS go
/// out.
pub const UNSENT_MAX: TimeDelta = TimeDelta::days(7);
/// Reminders of one transaction.
const BATCH: u16 = 200;
/// The first number to reply; those below are of lists.
pub const REPLY_NUMBER_MIN: u32 = 101;

/// Notes when the first charge of a new subscription must be told; nothing where it costs nothing by month or use.
pub(super) async fn schedule(
    conn: &mut PgConnection,
    new: &NewSubscription,
    subscription_id: i64,
) -> Result<(), OrderError> {
    if new.by.channel_id == import_store::CHANNEL {
        return Ok(());
    }
    let month = Month::of(new.starts_at);
    sqlx::query!(
        "insert into first_charge (subscriber_id, subscription_id, month, remind_at)
        select s.subscriber_id, s.subscription_id, $3, case when s.recurring_price > 0 then $4::timestamptz else $5 end
        from subscription s join tariff_version t on t.scheme_id = s.scheme_id and t.version = s.version
        where s.subscriber_id = $1 and s.subscription_id = $2
            and (s.recurring_price > 0 or s.kind = 'plan' and jsonb_array_length(t.terms -> 'overage') > 0)",
        new.subscriber_id,
        subscription_id,
        month.first_day(),
        (month.end() - AHEAD).max(new.starts_at),
        new.activated_at,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// A reminder that is due, and its place in the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Due {
    pub remind_at: DateTime<Utc>,
    pub subscriber_id: i64,
    pub subscription_id: i64,
}

impl Due {
    /// Before all others.
    pub const FIRST: Self = Self { remind_at: DateTime::<Utc>::UNIX_EPOCH, subscriber_id: 0, subscription_id: 0 };
}

/// The next reminders that are due after one, the longest waiting first, at most `limit`. What an incident froze waits.
///
/// # Errors
/// When the database failed.
pub async fn due(conn: &mut PgConnection, now: DateTime<Utc>, after: Due, limit: u16) -> Result<Vec<Due>, OrderError> {
    let due = sqlx::query_as!(
        Due,
        "select f.remind_at, f.subscriber_id, f.subscription_id
        from first_charge f
        join subscription s on s.subscriber_id = f.subscriber_id and s.subscription_id = f.subscription_id
        where f.reminded_at is null and f.remind_at <= $1
            and (f.remind_at, f.subscriber_id, f.subscription_id) > ($2, $3, $4) and s.ends_at is null
            and not exists (select from frozen_subscription z
                where z.subscriber_id = s.subscriber_id and z.subscription_id = s.subscription_id)
        order by f.remind_at, f.subscriber_id, f.subscription_id limit $5",
        now,
        after.remind_at,
        after.subscriber_id,
        after.subscription_id,
        i64::from(limit),
    )
    .fetch_all(conn)
    .await?;
    Ok(due)
}

/// Removes what ended before there was anything to tell. Returns how many rows.
///
/// # Errors
/// When the database failed.
pub async fn forget_ended(conn: &mut PgConnection, now: DateTime<Utc>) -> Result<u64, OrderError> {
    let removed = sqlx::query!(
        "delete from first_charge f using subscription s
        where f.reminded_at is null and f.remind_at <= $1 and s.ends_at <= $1
            and s.subscriber_id = f.subscriber_id and s.subscription_id = f.subscription_id",
        now,
    )
    .execute(conn)
    .await?;
    Ok(removed.rows_affected())
}

/// Tells these subscribers, who are in the order of ids, of the first charges that are due to be told. Their rows stay locked
/// until the caller commits. What has an end already was told what it costs when that was decided. Returns how many messages
/// were written.
///
/// # Errors
/// When the database failed or a stored tariff is not readable.
pub async fn remind(conn: &mut PgConnection, subscribers: &[i64], now: DateTime<Utc>) -> Result<u64, OrderError> {
    sqlx::query!(
        "select subscriber_id from subscriber where subscriber_id = any($1) order by subscriber_id for no key update",
        subscribers,
    )
    .fetch_all(&mut *conn)
    .await?;
    let rows = sqlx::query_as!(
        Announced,
        r#"with due as (
            select f.subscriber_id, f.subscription_id, t.name, t.terms #>> '{recurring,first_month}' as first_month,
                t.terms ->> 'cancel_effective' as cancel_effective, s.recurring_price, s.one_off_price, s.starts_at,
                not exists (select from charge c
                    where c.subscriber_id = s.subscriber_id and c.subscription_id = s.subscription_id)
                and not exists (select from overage_volume v
                    where v.subscriber_id = s.subscriber_id and v.subscription_id = s.subscription_id
                        and (v.volume_bytes > v.absorbed_bytes or v.voice_minutes > 0 or v.sms_messages > 0))
                and not exists (select from subscription e
                    where e.subscriber_id = s.subscriber_id and e.scheme_id = s.scheme_id
                        and e.subscription_id <> s.subscription_id and e.end_reason = 'before_first_charge'
                        and e.starts_at <= s.starts_at and e.starts_at > s.starts_at - interval '12 months') as is_free,
                row_number() over (partition by f.subscriber_id order by f.remind_at, f.subscription_id) as nth,
                (select max(l.reply_number) from first_charge l where l.subscriber_id = f.subscriber_id) as last_number
            from first_charge f
            join subscription s on s.subscriber_id = f.subscriber_id and s.subscription_id = f.subscription_id
            join tariff_version t on t.scheme_id = s.scheme_id and t.version = s.version
            where f.subscriber_id = any($1) and f.reminded_at is null and f.remind_at <= $2 and s.ends_at is null
                and not exists (select from frozen_subscription z
                    where z.subscriber_id = s.subscriber_id and z.subscription_id = s.subscription_id))
        update first_charge f set reminded_at = $2, reply_number = coalesce(due.last_number + 1, $3) + due.nth - 1,
            is_free = due.is_free
        from due where f.subscriber_id = due.subscriber_id and f.subscription_id = due.subscription_id
        returning f.subscriber_id, f.subscription_id, f.reply_number as "reply_number!", f.is_free as "is_free!", due.name,
            due.first_month, due.cancel_effective, due.recurring_price, due.one_off_price, due.starts_at"#,
        subscribers,
        now,
        REPLY_NUMBER_MIN.cast_signed(),
    )
    .fetch_all(&mut *conn)
    .await?;
    let notices = rows.iter().map(|row| Ok((row.subscriber_id, event(row.subscription_id), row.message(now)?)));
    let notices = notices.collect::<Result<Vec<_>, OrderError>>()?;
    Ok(tell_many(conn, &notices, now).await?)
}

/// Tells everybody of the first charges that are due to be told, some in one transaction. Who cannot be told is passed over
/// until the next time.
///
/// # Errors
/// When the database does not answer.
pub async fn remind_all(pool: &PgPool, now: DateTime<Utc>) -> Result<(), OrderError> {
    let mut after = Due::FIRST;
    loop {
        let batch = due(&mut *pool.acquire().await?, now, after, BATCH).await?;
        let Some(last) = batch.last() else { return Ok(()) };
        after = *last;
        let mut subscribers: Vec<i64> = batch.iter().map(|due| due.subscriber_id).collect();
        subscribers.sort_unstable();
        subscribers.dedup();
        let Err(error) = remind_together(pool, &subscribers, now).await else { continue };
        tracing::warn!(error = format!("{error:?}"), "reminders of several subscribers failed; each is tried alone");
        for subscriber_id in subscribers {
            if let Err(error) = remind_together(pool, &[subscriber_id], now).await {
                tracing::error!(subscriber_id, error = format!("{error:?}"), "a subscriber is passed over");
            }
        }
    }
}

async fn remind_together(pool: &PgPool, subscribers: &[i64], now: DateTime<Utc>) -> Result<(), OrderError> {
    let mut tx = pool.begin().await?;
    remind(&mut tx, subscribers, now).await?;
    Ok(tx.commit().await?)
}

/// The event of the notice: the bill looks for it by this name.
fn event(subscription_id: i64) -> String {
    format!("first_charge/{subscription_id}")
}

struct Announced {
    subscriber_id: i64,
    subscription_id: i64,
    reply_number: i32,
    is_free: bool,
    name: String,
    first_month: Option<String>,
    cancel_effective: Option<String>,
    recurring_price: Decimal,
    one_off_price: Decimal,
    starts_at: DateTime<Utc>,
}

impl Announced {
    fn message(&self, now: DateTime<Utc>) -> Result<Message<'_>, OrderError> {
        let (name, number, costs) = (self.name.as_str(), self.reply_number, self.costs()?);
        let Some(first_month) = self.first_month.as_deref().filter(|_| self.recurring_price > Decimal::ZERO) else {
            return Ok(Message::Service(ServiceNotice::FirstUse { name, one_off: self.one_off_price, number, costs }));
        };
        let first_month = read(first_month)?;
        let month = Month::of(self.starts_at);
        let period = Period { starts_at: self.starts_at, ends_at: None, end_reason: None };
        let recurring = Recurring { price: self.recurring_price, first_month };
        let recurring = recurring_charge(&recurring, &period, month).map(|charge| charge.amount);
        let amounts = [recurring, one_off_charge(self.one_off_price, &period, month)];
        let charged_on = month.next().first_day().max(local_date(now + ANSWER_TIME));
        Ok(Message::Service(ServiceNotice::FirstCharge {
            name,
            amount: amounts.into_iter().flatten().map(round_to_fen).sum(),
            monthly: self.recurring_price,
            charged_on,
            number,
            costs,
        }))
    }

    /// How it is charged if it is cancelled; `None`: not at all.
    fn costs(&self) -> Result<Option<CancelEffective>, OrderError> {
        if self.is_free {
            return Ok(None);
        }
        self.cancel_effective.as_deref().map(read).transpose()?.ok_or(OrderError::Corrupt("terms")).map(Some)
    }
}

/// A rule by its name in stored terms.
fn read<T: DeserializeOwned>(name: &str) -> Result<T, OrderError> {
    serde_json::from_value(name.into()).map_err(|_| OrderError::Corrupt("terms"))
}

/// Whether it was promised that cancelling before the first charge costs nothing, and nothing was charged yet, nor used beyond
/// the allowances of it.
pub(super) async fn is_announced(
    conn: &mut PgConnection,
    subscriber_id: i64,
    subscription_id: i64,
) -> Result<bool, OrderError> {
    let is_announced = sqlx::query_scalar!(
        r#"select (coalesce(f.is_free, false)
            and not exists (select from charge c
                where c.subscriber_id = f.subscriber_id and c.subscription_id = f.subscription_id)
            and not exists (select from overage_volume v
                where v.subscriber_id = f.subscriber_id and v.subscription_id = f.subscription_id
                    and (v.volume_bytes > v.absorbed_bytes or v.voice_minutes > 0 or v.sms_messages > 0))) as "is!"
        from first_charge f where f.subscriber_id = $1 and f.subscription_id = $2"#,
        subscriber_id,
        subscription_id,
    )
    .fetch_optional(conn)
    .await?;
    Ok(is_announced == Some(true))
}

/// The subscription that a reply to a reminder names.
///
/// # Errors
/// When the database failed.
pub async fn of_reply(
    conn: &mut PgConnection,
    subscriber_id: i64,
    reply_number: i32,
) -> Result<Option<i64>, OrderError> {
    let subscription_id = sqlx::query_scalar!(
        "select subscription_id from first_charge where subscriber_id = $1 and reply_number = $2",
        subscriber_id,
        reply_number,
    )
    .fetch_optional(conn)
    .await?;
    Ok(subscription_id)
}

/// Yuan that was charged for a subscription.
///
/// # Errors
/// When the database failed.
pub async fn charged(conn: &mut PgConnection, subscriber_id: i64, subscription_id: i64) -> Result<Decimal, OrderError> {
    let charged = sqlx::query_scalar!(
        r#"select coalesce(sum(amount), 0) as "charged!" from charge where subscriber_id = $1 and subscription_id = $2"#,
        subscriber_id,
        subscription_id,
    )
    .fetch_one(conn)
    .await?;
    Ok(charged)
}
