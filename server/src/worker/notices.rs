//! Sends the messages that are due to the simulated handset of demo mode, which shows whatever counts as sent.

use charging::notice::store;
use chrono::{DateTime, Utc};
use sqlx::PgPool;

/// Messages looked up at a time.
const BATCH: u16 = 200;

/// # Errors
/// When the database does not answer.
pub async fn run(pool: &PgPool, now: DateTime<Utc>) -> anyhow::Result<()> {
    let mut connection = pool.acquire().await?;
    loop {
        let due = store::due(&mut connection, now, BATCH).await?;
        for notice in &due {
            store::mark_sent(&mut connection, notice.subscriber_id, notice.notice_id, now).await?;
        }
        if due.len() < usize::from(BATCH) {
            return Ok(());
        }
    }
}
