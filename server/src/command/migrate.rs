//! `mingbai migrate`

use crate::context::{Database, migrate};

#[derive(Debug, clap::Args)]
pub struct Args {}

/// # Errors
/// When the database does not answer, or a migration fails.
pub async fn run(_: Args) -> anyhow::Result<()> {
    let Database { options, embedded } = Database::open().await?;
    let migrated = migrate(options).await;
    if let Some(embedded) = embedded {
        embedded.close().await?;
    }
    migrated?;
    println!("The schema is up to date.");
    Ok(())
}
