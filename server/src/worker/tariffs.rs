//! What was approved becomes public; and what follows from published tariffs: what the rules find in them, and who is told of those that are not sold any more.

use charging::clock::Clock;
use charging::tariff::clarity::store::read_again;
use charging::tariff::draft::store::publish_due;
use charging::tariff::withdrawal::tell;
use chrono::{DateTime, Utc};
use sqlx::PgPool;

/// Tariffs that are read in one transaction.
const READ_BATCH: u16 = 200;
/// Subscribers of one transaction.
const TOLD_BATCH: u16 = 200;

/// Puts what was approved on public display when its time has come.
///
/// # Errors
/// When the database does not answer.
pub async fn live(pool: &PgPool, clock: &dyn Clock) -> anyhow::Result<()> {
    let mut tx = pool.begin().await?;
    let live = publish_due(&mut tx, clock).await?;
    tx.commit().await?;
    for tariff in live {
        tracing::info!(scheme_id = %tariff.scheme_id, version = tariff.version, "a tariff version became public");
    }
    Ok(())
}

/// Reads the tariffs that were published since, all of them after the rules changed. Returns how many.
///
/// # Errors
/// When the database does not answer.
pub(crate) async fn read(pool: &PgPool) -> anyhow::Result<usize> {
    let mut all = 0;
    loop {
        let mut tx = pool.begin().await?;
        let count = read_again(&mut tx, READ_BATCH).await?;
        tx.commit().await?;
        all += count;
        if count < usize::from(READ_BATCH) {
            return Ok(all);
        }
    }
}

/// Tells whoever has a tariff of which sales have stopped, some at a time.
///
/// # Errors
/// When the database does not answer.
pub async fn told(pool: &PgPool, now: DateTime<Utc>) -> anyhow::Result<()> {
    loop {
        let mut tx = pool.begin().await?;
        let more = tell(&mut tx, TOLD_BATCH, now).await?;
        tx.commit().await?;
        if !more {
            return Ok(());
        }
    }
}
