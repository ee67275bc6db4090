//! Where everything is, and running the tools.

use std::env;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};
use serde::Deserialize;

/// The workspace as `cargo metadata` tells it.
#[derive(Debug)]
pub struct Workspace {
    pub root: PathBuf,
    /// Where cargo builds (`CARGO_TARGET_DIR` included).
    pub target: PathBuf,
    pub leptos: Leptos,
}

/// `[[workspace.metadata.leptos]]`: the one place where the build is configured.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Leptos {
    pub bin_package: String,
    pub lib_package: String,
    pub output_name: String,
    pub site_pkg_dir: String,
    pub style_file: PathBuf,
    pub assets_dir: PathBuf,
    pub lib_features: Vec<String>,
    pub lib_default_features: bool,
    pub lib_profile_release: String,
}

#[derive(Deserialize)]
struct Metadata {
    workspace_root: PathBuf,
    target_directory: PathBuf,
    #[serde(rename = "metadata")]
    tables: Tables,
}

#[derive(Deserialize)]
struct Tables {
    leptos: Vec<Leptos>,
}

impl Workspace {
    /// # Errors
    /// When cargo does not know the workspace, or it lacks the table for Leptos.
    pub fn find() -> anyhow::Result<Self> {
        let output = Command::new(cargo())
            .args(["metadata", "--no-deps", "--format-version", "1"])
            .stderr(Stdio::inherit())
            .output()
            .context("cannot run cargo")?;
        let metadata: Metadata =
            serde_json::from_slice(&output.stdout).context("Cargo.toml lacks [[workspace.metadata.leptos]]")?;
        let leptos = metadata.tables.leptos.into_iter().next().context("[[workspace.metadata.leptos]] is empty")?;
        Ok(Self { root: metadata.workspace_root, target: metadata.target_directory, leptos })
    }

    /// Where the finished product is left, whatever folder cargo builds in.
    pub fn dist(&self) -> PathBuf {
        self.root.join("target/dist")
    }

    /// A cargo command in the root. The queries are checked against `.sqlx`, unless `SQLX_OFFLINE` says otherwise.
    pub fn cargo(&self, args: &[&str]) -> Command {
        let mut command = Command::new(cargo());
        command.args(args).current_dir(&self.root);
        if env::var_os("SQLX_OFFLINE").is_none() {
            command.env("SQLX_OFFLINE", "true");
        }
        command
    }
}

fn cargo() -> std::ffi::OsString {
    env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

/// Runs a command to its end.
///
/// # Errors
/// When it cannot be run, or fails.
pub fn execute(command: &mut Command) -> anyhow::Result<()> {
    let shown = shown(command);
    let status = command.status().with_context(|| format!("cannot run `{shown}`"))?;
    if !status.success() {
        bail!("`{shown}` failed ({status})");
    }
    Ok(())
}

/// A command as one would type it.
pub fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}
