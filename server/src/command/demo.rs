//! `mingbai demo load`

use clap::Subcommand;
use indicatif::ProgressBar;

use crate::context::Context;
use crate::demo;

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Load an operator with its tariffs, and 200 subscribers with 24 months of history, into an empty database.
    Load,
}

/// # Errors
/// When the database holds subscribers that are not the demo's, or fails.
pub async fn run(args: Args, context: &Context) -> anyhow::Result<()> {
    let Command::Load = args.command;
    load(context).await
}

/// Loads the demo where it is not there yet, and says what it did.
///
/// # Errors
/// When the database holds subscribers that are not the demo's, or fails.
pub async fn load(context: &Context) -> anyhow::Result<()> {
    let bar = ProgressBar::new(0);
    let progress = |done, months| {
        bar.set_length(months);
        bar.set_position(done);
    };
    let loaded = demo::load(&context.pool, context.clock.now(), demo::HISTORY_MONTHS, progress).await?;
    bar.finish_and_clear();
    match loaded {
        Some(loaded) => println!(
            "demo loaded: tariffs {}, subscribers {}, bills {}",
            loaded.tariffs, loaded.subscribers, loaded.bills
        ),
        None => println!("the demo is loaded already"),
    }
    Ok(())
}
