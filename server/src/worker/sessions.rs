//! Gives back what charging sessions hold that are not heard of any more.

use charging::usage::store::{give_back_silent, silent};
use chrono::{DateTime, Utc};
use sqlx::PgPool;

use super::in_turn::in_turn;

/// Subscribers of one transaction.
const BATCH: u16 = 200;

/// # Errors
/// When the database does not answer. A subscriber whose sessions cannot be given back is passed over until the next time.
pub async fn give_back(pool: &PgPool, now: DateTime<Utc>) -> anyhow::Result<()> {
    in_turn(
        |after| Box::pin(async move { silent(&mut *pool.acquire().await?, now, after, BATCH).await }),
        |subscribers| {
            Box::pin(async move {
                let mut tx = pool.begin().await?;
                give_back_silent(&mut tx, &subscribers, now).await?;
                Ok(tx.commit().await?)
            })
        },
    )
    .await
}
