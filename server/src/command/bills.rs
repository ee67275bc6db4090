//! `mingbai bills run` and `mingbai bills export`

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use charging::bill::{export, run as bill_run};
use charging::clock::Month;
use charging::order::first_charge::UNSENT_MAX;
use clap::Subcommand;
use indicatif::{ProgressBar, ProgressStyle};
use sqlx::PgPool;

use crate::context::Context;

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Close a month: one bill a subscriber. Can be stopped and started again.
    Run {
        /// The month, such as 2026-10.
        #[arg(long)]
        month: Month,
    },
    /// Write the bills of a month to a file (NDJSON), in the order of numbers.
    Export {
        /// The month, such as 2026-10.
        #[arg(long)]
        month: Month,
        file: PathBuf,
    },
}

/// # Errors
/// When the month is not over, the file cannot be written, or the database fails.
pub async fn run(args: Args, context: &Context) -> anyhow::Result<()> {
    match args.command {
        Command::Run { month } => close(context, month).await,
        Command::Export { month, file } => {
            let bills = write(&context.pool, month, &file).await?;
            println!("bills {bills}, written to {}", file.display());
            Ok(())
        }
    }
}

async fn close(context: &Context, month: Month) -> anyhow::Result<()> {
    let subscribers = bill_run::subscribers(&mut *context.pool.acquire().await?).await?;
    let style = ProgressStyle::with_template("{bar:32} {pos}/{len} {per_sec} {eta}")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    let progress = ProgressBar::new(subscribers).with_style(style);
    let summary = bill_run::run(&context.pool, month, &*context.clock, |seen| progress.inc(seen)).await?;
    progress.finish_and_clear();
    println!("bills {}, total {}, already there {}", summary.bills, summary.total, summary.already);
    if summary.told > 0 {
        println!("waiting {}: the SMS of a first charge was sent less than a day ago; run again later", summary.told);
    }
    if summary.unsent > 0 {
        println!(
            "waiting {}: the SMS of a first charge is not sent yet; `mingbai serve` sends it, and after {} days the bill is made \
             all the same",
            summary.unsent,
            UNSENT_MAX.num_days()
        );
    }
    if summary.untold > 0 {
        println!("billed {} although the SMS of their first charge could not be sent", summary.untold);
    }
    for (subscriber_id, reason) in &summary.refused {
        eprintln!("subscriber {subscriber_id} has no bill: {reason}");
    }
    match summary.refused.len() {
        0 => Ok(()),
        refused => bail!("{refused} subscribers have no bill; the same command tries them again"),
    }
}

/// Writes the bills of a month; the file appears when it is whole. Returns their number.
///
/// # Errors
/// When the file cannot be written or the database fails.
pub async fn write(pool: &PgPool, month: Month, path: &Path) -> anyhow::Result<u64> {
    let mut partial = path.as_os_str().to_owned();
    partial.push(".partial");
    let partial = PathBuf::from(partial);
    let failed = || format!("cannot write {}", partial.display());
    let mut file = BufWriter::new(File::create(&partial).with_context(failed)?);
    let mut conn = pool.acquire().await?;
    let mut bills = 0;
    let mut after = String::new();
    loop {
        let page = export::page(&mut conn, month, &after).await?;
        let Some(last) = page.last() else { break };
        after.clone_from(&last.msisdn);
        bills += page.len() as u64;
        for bill in &page {
            serde_json::to_writer(&mut file, bill).with_context(failed)?;
            file.write_all(b"\n").with_context(failed)?;
        }
    }
    let file = file.into_inner().map_err(std::io::IntoInnerError::into_error).with_context(failed)?;
    file.sync_all().with_context(failed)?;
    std::fs::rename(&partial, path).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(bills)
}
