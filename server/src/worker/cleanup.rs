//! Removes what has had its time: sessions, codes, counts of attempts.

use chrono::{DateTime, Days, Utc};
use sqlx::PgPool;

use crate::session_store;

/// Codes and counts are of use for minutes; they are kept a day so that an odd sign-in can be looked into.
const KEPT: Days = Days::new(1);

/// # Errors
/// When the database does not answer.
pub async fn run(pool: &PgPool, now: DateTime<Utc>) -> anyhow::Result<()> {
    let before = now - KEPT;
    let sessions = session_store::remove_expired(pool, now).await?;
    let codes = sqlx::query!("delete from one_time_code where expires_at < $1", before).execute(pool).await?;
    let attempts = sqlx::query!("delete from attempt where window_start < $1", before).execute(pool).await?;
    tracing::debug!(sessions, codes = codes.rows_affected(), attempts = attempts.rows_affected(), "cleaned up");
    Ok(())
}
