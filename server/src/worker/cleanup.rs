//! Removes what has had its time: sessions, codes, counts of attempts, notifications that were sent, what only the SMS
//! centre still knows of.

use charging::notice::receipt;
use charging::staff::session as staff_session;
use chrono::{DateTime, Days, Utc};
use sqlx::PgPool;

use crate::{session_store, sms};

/// Codes and counts are of use for minutes; they are kept a day so that an odd sign-in can be looked into.
const KEPT: Days = Days::new(1);

/// A charging session that is over is remembered for so long, in case its last request is sent again.
const SESSIONS_KEPT: Days = Days::new(7);

/// What network functions were told can be looked up for so long.
const NOTIFICATIONS_KEPT: Days = Days::new(7);

/// # Errors
/// When the database does not answer.
pub async fn run(pool: &PgPool, now: DateTime<Utc>) -> anyhow::Result<()> {
    let before = now - KEPT;
    let sessions = session_store::remove_expired(pool, now).await?;
    let desk = staff_session::remove_expired(pool, now).await?;
    let codes = sqlx::query!("delete from one_time_code where expires_at < $1", before).execute(pool).await?;
    let attempts = sqlx::query!("delete from attempt where window_start < $1", before).execute(pool).await?;
    let charging = sqlx::query!("delete from charging_session where closed_at < $1", now - SESSIONS_KEPT).execute(pool);
    let charging = charging.await?.rows_affected();
    let told = now - NOTIFICATIONS_KEPT;
    let told =
        sqlx::query!("delete from spending_limit_notification where state <> 'queued' and settled_at < $1", told)
            .execute(pool)
            .await?
            .rows_affected();
    let receipts = receipt::forget_unknown(&mut *pool.acquire().await?, now).await?;
    let deliveries = sms::forget_old(pool, now).await?;
    tracing::debug!(
        receipts,
        deliveries,
        charging,
        told,
        sessions,
        desk,
        codes = codes.rows_affected(),
        attempts = attempts.rows_affected(),
        "cleaned up"
    );
    Ok(())
}
