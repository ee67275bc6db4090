//! Gives back what charging sessions hold that are not heard of any more.

use charging::usage::store::give_back_silent;
use chrono::{DateTime, Utc};
use sqlx::PgPool;

/// Subscribers of one transaction.
const BATCH: u16 = 200;

/// # Errors
/// When the database does not answer.
pub async fn give_back(pool: &PgPool, now: DateTime<Utc>) -> anyhow::Result<()> {
    loop {
        let mut tx = pool.begin().await?;
        let subscribers = give_back_silent(&mut tx, now, BATCH).await?;
        tx.commit().await?;
        if subscribers < usize::from(BATCH) {
            return Ok(());
        }
    }
}
