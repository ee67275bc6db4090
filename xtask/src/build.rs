//! `cargo xtask build`

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;

use crate::workspace::{Workspace, execute};
use crate::{provide, site};

/// The folder that is given, else that of a build.
pub fn unless_given(workspace: &Workspace, dist: Option<&Path>) -> anyhow::Result<PathBuf> {
    dist.map_or_else(|| run(workspace), |dist| Ok(dist.to_owned()))
}

/// Builds the wasm, the site and the server; returns the folder that holds the result.
pub fn run(workspace: &Workspace) -> anyhow::Result<PathBuf> {
    provide::wasm_target()?;
    execute(&mut wasm(workspace))?;
    let leptos = &workspace.leptos;
    execute(&mut workspace.cargo(&["build", "--release", "--package", &leptos.bin_package]))?;

    let dist = workspace.dist();
    fs::create_dir_all(&dist).with_context(|| format!("cannot make {}", dist.display()))?;
    let module = format!("wasm32-unknown-unknown/{}/{}.wasm", leptos.lib_profile_release, leptos.lib_package);
    site::build(workspace, &workspace.target.join(module), &dist.join("site"))?;
    // A program that runs cannot be overwritten, but its name can be given to another.
    let fresh = dist.join("mingbai.new");
    fs::copy(workspace.target.join("release/mingbai"), &fresh).context("cannot copy the program")?;
    fs::rename(&fresh, dist.join("mingbai")).context("cannot put the program into place")?;
    Ok(dist)
}

fn wasm(workspace: &Workspace) -> Command {
    let leptos = &workspace.leptos;
    let features = leptos.lib_features.join(",");
    let mut build = workspace.cargo(&["build", "--lib", "--target", "wasm32-unknown-unknown"]);
    build.args(["--package", &leptos.lib_package, "--profile", &leptos.lib_profile_release, "--features", &features]);
    if !leptos.lib_default_features {
        build.arg("--no-default-features");
    }
    build
}
