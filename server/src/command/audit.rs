//! `mingbai audit`

use std::io::IsTerminal as _;

use anyhow::bail;
use charging::audit::audit;
use charging::clock::Month;
use indicatif::{ProgressBar, ProgressStyle};

use crate::context::Context;

/// Which month to audit.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A month such as 2026-10; every month that has data where it is left out.
    #[arg(long)]
    month: Option<Month>,
}

/// Rates the month again by other code, checks every invariant, and prints what differs.
///
/// # Errors
/// When anything differs, or the database cannot be read.
pub async fn run(args: Args, context: &Context) -> anyhow::Result<()> {
    let progress = if std::io::stderr().is_terminal() {
        ProgressBar::new_spinner().with_style(ProgressStyle::with_template("{spinner} {pos} subscribers, {per_sec}")?)
    } else {
        ProgressBar::hidden()
    };
    let report = audit(&context.pool, args.month, || progress.inc(1)).await?;
    progress.finish_and_clear();
    for difference in &report.described {
        println!("{difference}");
    }
    let left_out = report.differences.saturating_sub(report.described.len() as u64);
    if left_out > 0 {
        println!("… and {left_out} more");
    }
    if report.untold_renewals > 0 {
        println!("renewals charged without a reminder: {}", report.untold_renewals);
    }
    println!("{report}");
    if report.differences > 0 {
        bail!("the audit found differences");
    }
    Ok(())
}
