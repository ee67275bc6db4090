//! Tells subscribers ahead of first charges and renewals.

use charging::order::first_charge::{self, Due};
use charging::order::renewal;
use charging::order::store::OrderError;
use chrono::{DateTime, Utc};
use sqlx::PgPool;

/// Reminders, or subscribers, of one transaction.
const BATCH: u16 = 200;

/// Tells of the first charges that are due to be told, some at a time.
///
/// # Errors
/// When the database does not answer. A subscriber who cannot be told is passed over until the next time.
pub async fn first_charges(pool: &PgPool, now: DateTime<Utc>) -> anyhow::Result<()> {
    let mut after = Due::FIRST;
    loop {
        let due = first_charge::due(&mut *pool.acquire().await?, now, after, BATCH).await?;
        let Some(last) = due.last() else { break };
        after = *last;
        let mut subscribers: Vec<i64> = due.iter().map(|due| due.subscriber_id).collect();
        subscribers.sort_unstable();
        subscribers.dedup();
        let Err(error) = remind(pool, &subscribers, now).await else { continue };
        tracing::warn!(error = format!("{error:?}"), "reminders of several subscribers failed; each is tried alone");
        for subscriber_id in subscribers {
            if let Err(error) = remind(pool, &[subscriber_id], now).await {
                tracing::error!(subscriber_id, error = format!("{error:?}"), "a subscriber is passed over");
            }
        }
    }
    first_charge::forget_ended(&mut *pool.acquire().await?, now).await?;
    Ok(())
}

async fn remind(pool: &PgPool, subscribers: &[i64], now: DateTime<Utc>) -> Result<(), OrderError> {
    let mut tx = pool.begin().await?;
    first_charge::remind(&mut tx, subscribers, now).await?;
    Ok(tx.commit().await?)
}

/// Tells of what renews itself with the next month, in the last days of this one.
///
/// # Errors
/// When the database does not answer.
pub async fn renewals(pool: &PgPool, now: DateTime<Utc>) -> anyhow::Result<()> {
    let Some(month) = renewal::month_ahead(now) else { return Ok(()) };
    let mut after = i64::MIN;
    loop {
        let mut tx = pool.begin().await?;
        let last = renewal::tell(&mut tx, month, after, BATCH, now).await?;
        tx.commit().await?;
        let Some(last) = last else { return Ok(()) };
        after = last;
    }
}
