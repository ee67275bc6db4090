//! Gives back what charging sessions hold that are not heard of any more.

use std::collections::BTreeSet;

use charging::usage::store::{UsageError, give_back_silent, silent};
use chrono::{DateTime, Utc};
use sqlx::PgPool;

/// Subscribers of one transaction.
const BATCH: u16 = 200;

/// # Errors
/// When the database does not answer. A subscriber whose sessions cannot be given back is passed over until the next time.
pub async fn give_back(pool: &PgPool, now: DateTime<Utc>) -> anyhow::Result<()> {
    let mut after = i64::MIN;
    loop {
        let subscribers = silent(&mut *pool.acquire().await?, now, after, BATCH).await?;
        let Some(last) = subscribers.last() else { return Ok(()) };
        after = *last;
        if let Err(error) = together(pool, &subscribers, now).await {
            tracing::warn!(error = format!("{error:?}"), "silent sessions are given back one subscriber at a time");
            for subscriber_id in subscribers {
                if let Err(error) = together(pool, &BTreeSet::from([subscriber_id]), now).await {
                    tracing::error!(subscriber_id, error = format!("{error:?}"), "sessions cannot be given back");
                }
            }
        }
    }
}

async fn together(pool: &PgPool, subscribers: &BTreeSet<i64>, now: DateTime<Utc>) -> Result<(), UsageError> {
    let mut tx = pool.begin().await?;
    give_back_silent(&mut tx, subscribers, now).await?;
    Ok(tx.commit().await?)
}
