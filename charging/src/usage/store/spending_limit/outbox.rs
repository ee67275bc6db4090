//! The outbox of states to be told. Of each subscription only the newest state waits; whoever sends must have the claim,
//! so that the states of a subscription arrive in their order.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::super::{UsageError, lock_existing};
use super::{remove, standing};
use crate::clock::Month;
use crate::notice::retry_pause;
use crate::usage::spending_limit::{Standing, SubscriptionRef, UNREACHABLE_MAX};

/// Names the right to send among PostgreSQL's advisory locks.
const CLAIM: i64 = 0x006d_6261_6931;
/// Longest error text that is kept, in characters.
const ERROR_CHARS_MAX: usize = 500;

/// A state to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueNotification {
    pub reference: SubscriptionRef,
    pub notification_id: i64,
    /// As its owner is to take it now.
    pub standing: Standing,
    pub notif_uri: String,
    pub notif_id: Option<String>,
    pub supi: Option<String>,
    attempts: i32,
    created_at: DateTime<Utc>,
}

impl DueNotification {
    /// The same whenever this is sent, and of nothing else.
    pub fn idempotency_key(&self) -> String {
        format!("{}-{}", self.reference, self.notification_id)
    }
}

/// What became of a notification that was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AfterFailure {
    /// It is tried again then.
    RetryAt(DateTime<Utc>),
    /// Its subscription ended: its owner was out of reach for too long.
    Ended,
    /// A newer state is told instead.
    Superseded,
}

/// Takes the right to send until the transaction ends. `false`: another server has it.
///
/// # Errors
/// When the database fails.
pub async fn claim(conn: &mut PgConnection) -> Result<bool, UsageError> {
    Ok(sqlx::query_scalar!(r#"select pg_try_advisory_xact_lock($1) as "claimed!""#, CLAIM).fetch_one(conn).await?)
}

/// Up to `limit` notifications that are due, the longest waiting first, at most one a subscription.
///
/// # Errors
/// When the database fails.
pub async fn due(conn: &mut PgConnection, now: DateTime<Utc>, limit: u16) -> Result<Vec<DueNotification>, UsageError> {
    let rows = sqlx::query!(
        "select n.subscriber_id, n.spending_limit_id, n.notification_id, n.month, n.status, n.next_status,
            n.attempts, n.created_at, s.notif_uri, s.notif_id, s.supi
        from spending_limit_notification n
        join spending_limit_subscription s
            on s.subscriber_id = n.subscriber_id and s.spending_limit_id = n.spending_limit_id
        where n.state = 'queued' and n.due_at <= $1 and (s.expires_at is null or s.expires_at > $1)
        order by n.due_at, n.notification_id limit $2",
        now,
        i64::from(limit)
    )
    .fetch_all(conn)
    .await?;
    let due = rows.into_iter().map(|row| {
        let standing = standing::stored(row.month, &row.status, &row.next_status)?;
        Ok(DueNotification {
            reference: SubscriptionRef { subscriber_id: row.subscriber_id, spending_limit_id: row.spending_limit_id },
            notification_id: row.notification_id,
            standing: standing.taken_in(Month::of(now)),
            notif_uri: row.notif_uri,
            notif_id: row.notif_id,
            supi: row.supi,
            attempts: row.attempts,
            created_at: row.created_at,
        })
    });
    due.collect()
}

/// Notes that a notification was taken. `false`: a newer state is to be told.
///
/// # Errors
/// When the database fails.
pub async fn mark_sent(
    conn: &mut PgConnection,
    notification: &DueNotification,
    now: DateTime<Utc>,
) -> Result<bool, UsageError> {
    let sent = sqlx::query!(
        "update spending_limit_notification set state = 'sent', settled_at = $4, attempts = attempts + 1,
            last_error = null
        where subscriber_id = $1 and spending_limit_id = $2 and notification_id = $3 and state = 'queued'",
        notification.reference.subscriber_id,
        notification.reference.spending_limit_id,
        notification.notification_id,
        now
    )
    .execute(conn)
    .await?;
    Ok(sent.rows_affected() == 1)
}

/// Notes that a notification was not taken, and when to try again; or ends the subscription when that lasts too long.
///
/// # Errors
/// When the database fails.
pub async fn retry_later(
    conn: &mut PgConnection,
    notification: &DueNotification,
    error: &str,
    now: DateTime<Utc>,
) -> Result<AfterFailure, UsageError> {
    let DueNotification { reference, notification_id, .. } = notification;
    let is_last = now - notification.created_at >= UNREACHABLE_MAX;
    if is_last {
        // Before any row is changed: whoever changes caps has this lock first, too.
        lock_existing(conn, &BTreeSet::from([reference.subscriber_id])).await?;
    }
    let error: String = error.chars().take(ERROR_CHARS_MAX).collect();
    let due_at = now + retry_pause(notification.attempts + 1);
    let noted = sqlx::query!(
        "update spending_limit_notification set attempts = attempts + 1, due_at = $4, last_error = $5
        where subscriber_id = $1 and spending_limit_id = $2 and notification_id = $3 and state = 'queued'",
        reference.subscriber_id,
        reference.spending_limit_id,
        *notification_id,
        due_at,
        error
    )
    .execute(&mut *conn)
    .await?;
    match noted.rows_affected() {
        0 => Ok(AfterFailure::Superseded),
        _ if is_last => {
            remove(conn, std::slice::from_ref(reference)).await?;
            Ok(AfterFailure::Ended)
        }
        _ => Ok(AfterFailure::RetryAt(due_at)),
    }
}

/// Ends the subscription of a notification whose owner does not know it any more. It may have ended before, or its owner
/// may be at another address by now.
///
/// # Errors
/// When the database fails.
pub async fn end(conn: &mut PgConnection, notification: &DueNotification) -> Result<(), UsageError> {
    let reference = &notification.reference;
    lock_existing(conn, &BTreeSet::from([reference.subscriber_id])).await?;
    let exists = sqlx::query_scalar!(
        r#"select exists (select from spending_limit_subscription
            where subscriber_id = $1 and spending_limit_id = $2 and notif_uri = $3) as "exists!""#,
        reference.subscriber_id,
        reference.spending_limit_id,
        notification.notif_uri
    )
    .fetch_one(&mut *conn)
    .await?;
    if exists { remove(conn, std::slice::from_ref(reference)).await } else { Ok(()) }
}
