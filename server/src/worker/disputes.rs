//! Raises disputes that wait too long.

use charging::dispute::escalation;
use chrono::{DateTime, Utc};
use sqlx::PgPool;

/// Raises what has waited for ten or thirteen days.
///
/// # Errors
/// When the database does not answer; what is left is raised the next time.
pub async fn escalate(pool: &PgPool, now: DateTime<Utc>) -> anyhow::Result<()> {
    let raised = escalation::escalate(pool, now).await?;
    if raised > 0 {
        tracing::info!(raised, "disputes that wait for their answer were raised");
    }
    Ok(())
}
