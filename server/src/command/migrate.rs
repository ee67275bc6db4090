//! `mingbai migrate`

use anyhow::Context as _;
use charging::database;

use crate::context::database_options;

#[derive(Debug, clap::Args)]
pub struct Args {}

/// # Errors
/// When the database does not answer, or a migration fails.
pub async fn run(_: Args) -> anyhow::Result<()> {
    let owner = database::connect(database_options()?, 1).await.context("the database does not answer")?;
    database::migrate(&owner).await?;
    owner.close().await;
    println!("The schema is up to date.");
    Ok(())
}
