//! `mingbai demo load`, `mingbai demo incident`

use std::env;
use std::net::SocketAddr;

use anyhow::{Context as _, bail};
use clap::Subcommand;
use indicatif::ProgressBar;

use crate::context::Context;
use crate::demo;
use crate::demo::incident::{self, Night};

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Load an operator with its tariffs, and 200 subscribers with 24 months of history, into an empty database.
    Load,
    /// Replay a night of wrong charges in an empty database: refused here, found when they are brought from elsewhere, and
    /// returned once each by a server that is killed twice.
    Incident {
        /// Wrong charges, of as many subscribers.
        #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(100..=10_000_000))]
        charges: u32,
    },
    /// Be the server that is killed.
    #[command(hide = true)]
    IncidentServer {
        #[arg(long)]
        addr: SocketAddr,
        /// Where the simulated gateway is.
        #[arg(long)]
        gateway: String,
    },
}

/// # Errors
/// When the database holds subscribers that are not the demo's, or fails; or something in the night is not as it must be.
pub async fn run(args: Args, context: &Context) -> anyhow::Result<()> {
    match args.command {
        Command::Load => load(context).await,
        Command::Incident { charges } => replay(context, charges).await,
        Command::IncidentServer { addr, gateway } => incident::serve(context, addr, gateway).await,
    }
}

async fn replay(context: &Context, charges: u32) -> anyhow::Result<()> {
    let night = Night {
        pool: context.pool.clone(),
        clock: context.clock.clone(),
        staff_key: context.staff_key(true)?.context("there is no staff key")?,
        charges,
        program: env::current_exe().context("cannot find the program itself")?,
        database_url: None,
    };
    let outcome = incident::replay(&night).await?;
    if !outcome.wrong.is_empty() {
        bail!("not as it must be: {}", outcome.wrong.join("; "));
    }
    println!("everything is as it must be");
    Ok(())
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
