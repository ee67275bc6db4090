//! The command line: every command is a file in `command/` and one line in [`run`].

use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tracing_subscriber::EnvFilter;

use crate::command::{
    audit, bills, charges, demo, evidence, migrate, reference, serve, staff, subscribers, tariffs, usage,
};
use crate::context::Context;
use crate::postgres;

/// Mingbai (明白): every charge seen, agreed to, explained, and stopped in one click.
#[derive(Debug, Parser)]
#[command(name = "mingbai", version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Rate again by other code, check every invariant, and report the billing error rate.
    Audit(audit::Args),
    /// Serve the portal.
    Serve(Box<serve::Args>),
    /// Publish tariffs, and write them out.
    Tariffs(tariffs::Args),
    /// Move subscribers in.
    Subscribers(subscribers::Args),
    /// Close months and write bills.
    Bills(bills::Args),
    /// Charges that another system made, and charges that look wrong.
    #[command(subcommand)]
    Charges(charges::Command),
    /// Demo data.
    Demo(demo::Args),
    /// Proofs of what was agreed to.
    #[command(subcommand)]
    Evidence(evidence::Command),
    /// Bring the schema of the database up to date.
    Migrate(migrate::Args),
    /// Answer one fixed page, to measure against.
    #[command(hide = true)]
    ServeReference(reference::Args),
    /// The operator's people: who may sign in to the desk, and as what.
    #[command(subcommand)]
    Staff(staff::Command),
    /// Usage records.
    #[command(subcommand)]
    Usage(usage::Command),
    /// Stop the embedded PostgreSQL of a data folder when nobody uses it any more.
    #[command(name = postgres::KEEPER_COMMAND, hide = true)]
    KeepPostgres { folder: PathBuf },
}

/// Runs the command that the arguments name; errors go to stderr.
pub async fn main() -> ExitCode {
    let cli = Cli::parse();
    log_to_stderr();
    match run(cli.command).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Audit(args) => with_context(async |context| audit::run(args, context).await).await,
        Command::Serve(args) => with_context(async |context| serve::run(*args, context).await).await,
        Command::Tariffs(args) => with_context(async |context| tariffs::run(args, context).await).await,
        Command::Subscribers(args) => with_context(async |context| subscribers::run(args, context).await).await,
        Command::Bills(args) => with_context(async |context| bills::run(args, context).await).await,
        Command::Charges(command) => with_context(async |context| charges::run(command, context).await).await,
        Command::Demo(args) => with_context(async |context| demo::run(args, context).await).await,
        Command::Evidence(command) => evidence::run(command),
        Command::Migrate(args) => migrate::run(args).await,
        Command::ServeReference(args) => reference::run(args).await,
        Command::Staff(command) => with_context(async |context| staff::run(command, context).await).await,
        Command::Usage(command) => with_context(async |context| usage::run(command, context).await).await,
        Command::KeepPostgres { folder } => tokio::task::spawn_blocking(move || postgres::keep(&folder)).await?,
    }
}

/// Opens the database for a command, and lets go of it afterwards whatever came of the command.
async fn with_context(command: impl AsyncFnOnce(&Context) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let context = Context::open().await?;
    let result = command(&context).await;
    let closed = context.close().await;
    result.and(closed)
}

/// `RUST_LOG` chooses what is logged; by default warnings, and what Mingbai itself reports. The SMPP library would log the
/// password and every text at finer levels, whatever is chosen for others.
fn log_to_stderr() {
    let filter =
        EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn,server=info,app=info,charging=info"));
    let filter = match "rusmpp=info".parse() {
        Ok(directive) => filter.add_directive(directive),
        Err(_) => filter,
    };
    let colours = std::io::stderr().is_terminal();
    tracing_subscriber::fmt().with_env_filter(filter).with_ansi(colours).with_writer(std::io::stderr).init();
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_sound() {
        super::Cli::command().debug_assert();
    }
}
