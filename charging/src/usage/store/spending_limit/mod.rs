//! Network functions that follow the caps of subscribers. Callers own the transaction.

mod outbox;
mod standing;

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::{UsageError, check_written, corrupt, lock_existing, subscriber_ids};
use crate::usage::spending_limit::{
    Change, LIFETIME_MAX, NewSubscription, Refusal, SUBSCRIPTIONS_MAX, Subscription, SubscriptionRef,
};

pub use outbox::{AfterFailure, DueNotification, claim, due, end, mark_sent, retry_later};
pub(super) use standing::tell;

/// Why a subscription was not made, changed or ended.
#[derive(Debug, thiserror::Error)]
pub enum SpendingLimitError {
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error(transparent)]
    Usage(#[from] UsageError),
}

impl From<sqlx::Error> for SpendingLimitError {
    fn from(error: sqlx::Error) -> Self {
        Self::Usage(error.into())
    }
}

/// Lets a network function follow the cap of a subscriber from now on.
///
/// # Errors
/// When nobody has the number, too many follow this cap already, or the database fails.
pub async fn subscribe(
    conn: &mut PgConnection,
    new: NewSubscription,
    now: DateTime<Utc>,
) -> Result<Subscription, SpendingLimitError> {
    let ids = subscriber_ids(conn, [&new.msisdn]).await?;
    let subscriber_id = *ids.get(&new.msisdn).ok_or(Refusal::UnknownSubscriber)?;
    let subscribers = lock_existing(conn, &BTreeSet::from([subscriber_id])).await?;
    let following = sqlx::query_scalar!(
        r#"select count(*) as "count!" from spending_limit_subscription
        where subscriber_id = $1 and (expires_at is null or expires_at > $2)"#,
        subscriber_id,
        now
    )
    .fetch_one(&mut *conn)
    .await?;
    if usize::try_from(following).map_err(corrupt)? >= SUBSCRIPTIONS_MAX {
        return Err(Refusal::TooManySubscriptions.into());
    }
    let outlook =
        *standing::outlooks(conn, &subscribers, now).await?.get(&subscriber_id).ok_or(Refusal::UnknownSubscriber)?;
    let expires_at = within_lifetime(new.expires_at, now);
    let written = sqlx::query!(
        "insert into spending_limit_subscription (subscriber_id, spending_limit_id, notif_uri, notif_id, supi,
            created_at, expires_at, month, status, next_status, review_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        subscriber_id,
        new.spending_limit_id,
        new.notif_uri,
        new.notif_id,
        new.supi,
        now,
        expires_at,
        outlook.standing.month.first_day(),
        outlook.standing.state.as_str(),
        outlook.standing.next.as_str(),
        outlook.review_at(expires_at)
    )
    .execute(conn)
    .await?;
    check_written("spending_limit_subscription", 1, written.rows_affected())?;
    Ok(Subscription {
        reference: SubscriptionRef { subscriber_id, spending_limit_id: new.spending_limit_id },
        notif_id: new.notif_id,
        supi: new.supi,
        expires_at,
        standing: outlook.standing,
    })
}

fn within_lifetime(expires_at: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    expires_at.map(|at| at.min(now + LIFETIME_MAX))
}

/// Changes a subscription, and reads where the cap stands.
///
/// # Errors
/// When there is no such subscription, it is about another number, or the database fails.
pub async fn modify(
    conn: &mut PgConnection,
    reference: &SubscriptionRef,
    change: Change,
    now: DateTime<Utc>,
) -> Result<Subscription, SpendingLimitError> {
    let subscribers = lock_existing(conn, &BTreeSet::from([reference.subscriber_id])).await?;
    find(conn, reference, now).await?;
    if let Some(msisdn) = &change.msisdn {
        let ids = subscriber_ids(conn, [msisdn]).await?;
        if ids.get(msisdn) != Some(&reference.subscriber_id) {
            return Err(Refusal::OtherSubscriber.into());
        }
    }
    let changed = sqlx::query!(
        "update spending_limit_subscription set notif_uri = coalesce($3, notif_uri), notif_id = coalesce($4, notif_id),
            supi = coalesce($5, supi), expires_at = coalesce($6, expires_at)
        where subscriber_id = $1 and spending_limit_id = $2",
        reference.subscriber_id,
        reference.spending_limit_id,
        change.notif_uri,
        change.notif_id,
        change.supi,
        within_lifetime(change.expires_at, now)
    )
    .execute(&mut *conn)
    .await?;
    check_written("spending_limit_subscription", 1, changed.rows_affected())?;
    // What is new goes to its owner by the outbox, too: a notification under way may come after this answer.
    tell(conn, &subscribers, now).await?;
    find(conn, reference, now).await
}

/// A subscription that has not expired.
async fn find(
    conn: &mut PgConnection,
    reference: &SubscriptionRef,
    now: DateTime<Utc>,
) -> Result<Subscription, SpendingLimitError> {
    let row = sqlx::query!(
        "select notif_id, supi, expires_at, month, status, next_status from spending_limit_subscription
        where subscriber_id = $1 and spending_limit_id = $2 and (expires_at is null or expires_at > $3)",
        reference.subscriber_id,
        reference.spending_limit_id,
        now
    )
    .fetch_optional(conn)
    .await?
    .ok_or(Refusal::UnknownSubscription)?;
    let standing = standing::stored(row.month, &row.status, &row.next_status)?;
    let (reference, expires_at) = (reference.clone(), row.expires_at);
    Ok(Subscription { reference, notif_id: row.notif_id, supi: row.supi, expires_at, standing })
}

/// Ends a subscription: nothing is told of it any more.
///
/// # Errors
/// When there is no such subscription, or the database fails.
pub async fn unsubscribe(
    conn: &mut PgConnection,
    reference: &SubscriptionRef,
    now: DateTime<Utc>,
) -> Result<(), SpendingLimitError> {
    lock_existing(conn, &BTreeSet::from([reference.subscriber_id])).await?;
    find(conn, reference, now).await?;
    remove(conn, std::slice::from_ref(reference)).await?;
    Ok(())
}

/// Removes subscriptions with all that was to be told of them. Their subscribers must be locked.
async fn remove(conn: &mut PgConnection, references: &[SubscriptionRef]) -> Result<(), UsageError> {
    let (subscribers, ids): (Vec<i64>, Vec<String>) =
        references.iter().map(|one| (one.subscriber_id, one.spending_limit_id.clone())).unzip();
    sqlx::query!(
        "delete from spending_limit_notification n using unnest($1::bigint[], $2::text[]) as k (subscriber_id, id)
        where n.subscriber_id = k.subscriber_id and n.spending_limit_id = k.id",
        &subscribers,
        &ids
    )
    .execute(&mut *conn)
    .await?;
    let removed = sqlx::query!(
        "delete from spending_limit_subscription s using unnest($1::bigint[], $2::text[]) as k (subscriber_id, id)
        where s.subscriber_id = k.subscriber_id and s.spending_limit_id = k.id",
        &subscribers,
        &ids
    )
    .execute(conn)
    .await?;
    check_written("spending_limit_subscription", references.len(), removed.rows_affected())
}

/// Subscribers whose caps are to be looked at again, at most `limit` of those after `after`, in the order of their ids.
///
/// # Errors
/// When the database fails.
pub async fn due_for_review(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    after: i64,
    limit: u16,
) -> Result<BTreeSet<i64>, UsageError> {
    let due = sqlx::query_scalar!(
        "select distinct subscriber_id from spending_limit_subscription where review_at <= $1 and subscriber_id > $2
        order by subscriber_id limit $3",
        now,
        after,
        i64::from(limit)
    )
    .fetch_all(conn)
    .await?;
    Ok(due.into_iter().collect())
}

/// Removes subscriptions of these subscribers that have expired, and looks again at caps that may stand elsewhere for no
/// other reason than that time went by.
///
/// # Errors
/// When the database fails; then nothing may be committed.
pub async fn review(conn: &mut PgConnection, due: &BTreeSet<i64>, now: DateTime<Utc>) -> Result<(), UsageError> {
    let subscribers = lock_existing(conn, due).await?;
    let ids: Vec<i64> = subscribers.iter().copied().collect();
    let expired = sqlx::query!(
        "select subscriber_id, spending_limit_id from spending_limit_subscription
        where subscriber_id = any($1) and expires_at <= $2",
        &ids,
        now
    )
    .fetch_all(&mut *conn)
    .await?;
    if !expired.is_empty() {
        let reference = |(subscriber_id, spending_limit_id)| SubscriptionRef { subscriber_id, spending_limit_id };
        let expired: Vec<_> =
            expired.into_iter().map(|row| reference((row.subscriber_id, row.spending_limit_id))).collect();
        remove(conn, &expired).await?;
    }
    tell(conn, &subscribers, now).await
}
