//! Sends the messages that are due to the simulated handset of demo mode, which shows whatever counts as sent.

use charging::notice::queue::{self, Fate, Lane, Tried};
use chrono::{DateTime, Utc};
use sqlx::PgPool;

/// Messages of one transaction.
const BATCH: u16 = 200;

/// # Errors
/// When the database does not answer.
pub async fn run(pool: &PgPool, now: DateTime<Utc>) -> anyhow::Result<()> {
    for lane in Lane::ALL {
        while drain(pool, lane, now).await? == usize::from(BATCH) {}
    }
    Ok(())
}

async fn drain(pool: &PgPool, lane: Lane, now: DateTime<Utc>) -> anyhow::Result<usize> {
    let mut tx = pool.begin().await?;
    if !queue::claim(&mut tx, lane).await? {
        return Ok(0);
    }
    queue::expire(&mut tx, now).await?;
    let due = queue::due(&mut tx, lane, now, BATCH).await?;
    let sent: Vec<Tried> = due.iter().map(|notice| Tried::new(notice, vec![], Fate::Sent)).collect();
    queue::settle(&mut tx, &sent, now).await?;
    tx.commit().await?;
    Ok(due.len())
}
