//! Tells subscribers ahead of first charges and renewals.

use charging::order::{first_charge, renewal};
use chrono::{DateTime, Utc};
use sqlx::PgPool;

/// Subscribers of one transaction.
const BATCH: u16 = 200;

/// Tells of the first charges that are due to be told, some at a time.
///
/// # Errors
/// When the database does not answer. A subscriber who cannot be told is passed over until the next time.
pub async fn first_charges(pool: &PgPool, now: DateTime<Utc>) -> anyhow::Result<()> {
    first_charge::remind_all(pool, now).await?;
    first_charge::forget_ended(&mut *pool.acquire().await?, now).await?;
    Ok(())
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
