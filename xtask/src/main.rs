//! `cargo xtask build`, `serve`, `test`, `bench`, `crash`: the whole set-up, so that no tool has to be installed by hand.

mod bench;
mod build;
mod crash;
mod postgres;
mod provide;
mod queries;
mod serve;
mod site;
mod test;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use workspace::Workspace;

/// Builds, runs, tests and measures Mingbai.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Leave `target/dist/`: the program `mingbai` and its `site/`.
    Build,
    /// Build, and serve the portal with demo data.
    Serve(serve::Args),
    /// Check and test everything: format, lints, unit, database and browser tests.
    Test(test::Args),
    /// Measure against references in the same run; writes `target/bench.json`.
    Bench(bench::Args),
    /// Charge sessions while the server and PostgreSQL are killed again and again, and check what is left.
    Crash(crash::Args),
    /// Write `.sqlx` anew from the queries in the code.
    Sqlx,
}

fn main() -> ExitCode {
    let run = || {
        let workspace = Workspace::find()?;
        match Cli::parse().task {
            Task::Build => build::run(&workspace).map(|dist| println!("{}", dist.display())),
            Task::Serve(args) => serve::run(&workspace, &args),
            Task::Test(args) => test::run(&workspace, &args),
            Task::Bench(args) => bench::run(&workspace, &args),
            Task::Crash(args) => crash::run(&workspace, &args),
            Task::Sqlx => queries::rewrite(&workspace),
        }
    };
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
