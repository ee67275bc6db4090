//! `cargo xtask serve`

use std::env;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use anyhow::Context as _;

use crate::workspace::Workspace;
use crate::{build, provide};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Passed on to `mingbai serve`.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    rest: Vec<String>,
}

/// Builds, and becomes the server, so that signals reach it.
pub fn run(workspace: &Workspace, args: &Args) -> anyhow::Result<()> {
    let dist = build::run(workspace)?;
    if env::var_os("DATABASE_URL").is_none_or(|url| url.is_empty()) {
        provide::postgres()?;
    }
    let error = Command::new(dist.join("mingbai")).args(["serve", "--demo"]).args(&args.rest).exec();
    Err(error).context("cannot run target/dist/mingbai")
}
