//! What every command works with.

use std::env;
use std::str::FromStr;
use std::sync::Arc;

use anyhow::Context as _;
use charging::clock::{SharedClock, SystemClock};
use charging::database;
use sqlx::PgPool;
use sqlx::postgres::PgConnectOptions;

/// Connections a command or the server may hold at once, unless `MINGBAI_DATABASE_CONNECTIONS` says otherwise.
const CONNECTIONS_MAX: u32 = 16;

/// The database and the clock.
#[derive(Debug)]
pub struct Context {
    /// Works as the role `mingbai_app`.
    pub pool: PgPool,
    pub clock: SharedClock,
}

impl Context {
    /// Connects to the database that `DATABASE_URL` names.
    ///
    /// # Errors
    /// When the database cannot be reached, or lacks the schema.
    pub async fn open() -> anyhow::Result<Self> {
        let pool = database::connect_app(database_options()?, CONNECTIONS_MAX)
            .await
            .context("the database does not answer (for a new one: run `mingbai migrate` first)")?;
        Ok(Self { pool, clock: Arc::new(SystemClock) })
    }

    /// Lets go of the database.
    pub async fn close(self) {
        self.pool.close().await;
    }
}

/// The database that `DATABASE_URL` names.
///
/// # Errors
/// When it is unset or no PostgreSQL address.
pub fn database_options() -> anyhow::Result<PgConnectOptions> {
    let url = env::var("DATABASE_URL").context("DATABASE_URL is not set")?;
    PgConnectOptions::from_str(&url).context("DATABASE_URL is no PostgreSQL address")
}
