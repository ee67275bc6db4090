//! What many are asked, at its pace.

use charging::mass_offer::turn::take_turn;
use charging::notice::quiet::waking;
use chrono::{DateTime, Utc};
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use sqlx::PgPool;

/// # Errors
/// When the database fails.
pub async fn run(pool: &PgPool, now: DateTime<Utc>) -> anyhow::Result<()> {
    let asked = take_turn(pool, waking(), now, &mut StdRng::from_os_rng()).await?;
    if asked > 0 {
        tracing::info!(asked, "subscribers were asked for a mass offer");
    }
    Ok(())
}
