//! What every command works with.

use std::env;
use std::str::FromStr;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use charging::clock::{SharedClock, SystemClock};
use charging::database;
use charging::notice::quiet::{self, Hours};
use charging::staff::StaffKey;
use charging::tariff::draft;
use sqlx::PgPool;
use sqlx::postgres::PgConnectOptions;

use crate::postgres::Embedded;
use crate::staff_key;

/// Connections that a command or the server holds at most, unless `MINGBAI_DATABASE_CONNECTIONS` says otherwise.
const CONNECTIONS_MAX: u32 = 16;

/// The database and the clock.
#[derive(Debug)]
pub struct Context {
    /// Works as the role `mingbai_app`.
    pub pool: PgPool,
    pub clock: SharedClock,
    embedded: Option<Embedded>,
}

impl Context {
    /// Connects to the database of `DATABASE_URL`, else to the embedded one, whose schema it brings up to date.
    ///
    /// # Errors
    /// When the database cannot be reached, or its schema is behind.
    pub async fn open() -> anyhow::Result<Self> {
        let Database { options, embedded } = Database::open().await?;
        if embedded.is_some() {
            migrate(options.clone()).await?;
        }
        if let Some(hours) = waking_hours()? {
            quiet::set_waking(hours);
        }
        if let Some(lead) = public_before_sale()? {
            draft::set_lead(lead);
        }
        let connections_max = connections_max()?;
        let pool = database::connect_app(options, connections_max)
            .await
            .context("the database does not answer (for a new one: run `mingbai migrate` first)")?;
        if !database::is_current(&pool).await? {
            bail!("the schema of the database is behind this program: run `mingbai migrate`");
        }
        Ok(Self { pool, clock: Arc::new(SystemClock), embedded })
    }

    /// What opens the second factors of the staff; `None`: `MINGBAI_STAFF_KEY` is not set, and the database is not the embedded
    /// one, whose folder keeps a key.
    ///
    /// # Errors
    /// When it is no key, or its file cannot be read.
    pub fn staff_key(&self, demo: bool) -> anyhow::Result<Option<StaffKey>> {
        staff_key::find(self.embedded.as_ref().map(Embedded::folder), demo)
    }

    /// Lets go of the database.
    ///
    /// # Errors
    /// When the embedded server, used by nobody else, does not stop.
    pub async fn close(self) -> anyhow::Result<()> {
        self.pool.close().await;
        match self.embedded {
            Some(embedded) => embedded.close().await,
            None => Ok(()),
        }
    }
}

/// The database as its owner sees it.
#[derive(Debug)]
pub struct Database {
    pub options: PgConnectOptions,
    /// Must live as long as the database is used.
    pub embedded: Option<Embedded>,
}

impl Database {
    /// The one of `DATABASE_URL`, else the embedded one.
    ///
    /// # Errors
    /// When `DATABASE_URL` is no PostgreSQL address, or the embedded server does not start.
    pub async fn open() -> anyhow::Result<Self> {
        match env::var("DATABASE_URL") {
            Ok(url) if !url.is_empty() => {
                let options = PgConnectOptions::from_str(&url).context("DATABASE_URL is no PostgreSQL address")?;
                Ok(Self { options, embedded: None })
            }
            _ => {
                let embedded = Embedded::open().await?;
                Ok(Self { options: embedded.options(), embedded: Some(embedded) })
            }
        }
    }
}

/// Brings the schema up to date, as the owner.
///
/// # Errors
/// When the database does not answer, or a migration fails.
pub async fn migrate(options: PgConnectOptions) -> anyhow::Result<()> {
    let owner = database::connect(options, 1).await.context("the database does not answer")?;
    let migrated = database::migrate(&owner).await;
    owner.close().await;
    migrated.context("the schema cannot be brought up to date")
}

/// When subscribers may be told of what is not urgent, and called; `None`: as usual.
fn waking_hours() -> anyhow::Result<Option<Hours>> {
    match env::var("MINGBAI_WAKING_HOURS") {
        Ok(text) if !text.is_empty() => text.parse().map(Some).context("MINGBAI_WAKING_HOURS cannot be used"),
        _ => Ok(None),
    }
}

/// For how long a tariff is public before it can be ordered; `None`: as usual.
fn public_before_sale() -> anyhow::Result<Option<draft::Lead>> {
    match env::var("MINGBAI_PUBLIC_BEFORE_SALE") {
        Ok(text) if !text.is_empty() => text.parse().map(Some).context("MINGBAI_PUBLIC_BEFORE_SALE cannot be used"),
        _ => Ok(None),
    }
}

fn connections_max() -> anyhow::Result<u32> {
    match env::var("MINGBAI_DATABASE_CONNECTIONS") {
        Ok(text) if !text.is_empty() => match text.parse() {
            Ok(connections @ 2..=1000) => Ok(connections),
            _ => bail!("MINGBAI_DATABASE_CONNECTIONS must be a number from 2 to 1000"),
        },
        _ => Ok(CONNECTIONS_MAX),
    }
}
