//! Returns what was approved in incidents, a step of each at a time.

use charging::incident::desk;
use chrono::{DateTime, Utc};
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use sqlx::PgPool;

/// Steps after which the server looks whether it is to stop.
const STEPS: usize = 5;

/// # Errors
/// When a refund is refused or the database does not answer; what was returned until then stays.
pub async fn run(pool: &PgPool, now: DateTime<Utc>) -> anyhow::Result<()> {
    let mut rng = StdRng::from_os_rng();
    for _ in 0..STEPS {
        if !desk::run(pool, &mut rng, now).await? {
            break;
        }
    }
    Ok(())
}
