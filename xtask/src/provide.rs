//! What the tasks need beyond cargo: it is installed where that is possible, else one line says how to get it.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};

use crate::postgres::programs::Programs;
use crate::workspace::execute;

const WASM: &str = "wasm32-unknown-unknown";

/// The compiler's library for wasm.
pub fn wasm_target() -> anyhow::Result<()> {
    let output = Command::new("rustc").args(["--print", "target-libdir", "--target", WASM]).output();
    let folder = output.context("cannot run rustc")?.stdout;
    if Path::new(String::from_utf8_lossy(&folder).trim()).is_dir() {
        return Ok(());
    }
    execute(Command::new("rustup").args(["target", "add", WASM]))
        .with_context(|| format!("the compiler lacks {WASM}: install it with `rustup target add {WASM}`"))
}

/// The programs of PostgreSQL.
pub fn postgres() -> anyhow::Result<()> {
    if let Err(missing) = Programs::find(None) {
        if !can_install() {
            return Err(missing);
        }
        install(&["postgresql"])?;
        Programs::find(None)?;
    }
    Ok(())
}

/// A Chromium for the browser tests; its path.
pub fn chromium() -> anyhow::Result<PathBuf> {
    if let Some(found) = find_chromium() {
        return Ok(found);
    }
    if can_install() {
        install(&["chromium", "fonts-noto-cjk"])?;
    }
    find_chromium().context(
        "no Chromium found: install it (Debian: `apt-get install chromium fonts-noto-cjk`) or set CHROMIUM to its path",
    )
}

fn find_chromium() -> Option<PathBuf> {
    let set = env::var_os("CHROMIUM").filter(|path| !path.is_empty()).map(PathBuf::from);
    let mac = PathBuf::from("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome");
    let names = ["chromium", "chromium-browser", "google-chrome"];
    set.into_iter().chain(names.iter().filter_map(|name| in_path(name))).chain([mac]).find(|path| path.is_file())
}

/// Node.js and npm, which only the browser tests need.
pub fn npm() -> anyhow::Result<PathBuf> {
    in_path("npm").context("no npm found: install Node.js 20 or newer, which brings it")
}

/// A program in one of the folders of `PATH`.
pub fn in_path(name: &str) -> Option<PathBuf> {
    env::split_paths(&env::var_os("PATH")?).map(|folder| folder.join(name)).find(|path| path.is_file())
}

/// Debian's packages can be installed by root.
fn can_install() -> bool {
    rustix::process::geteuid().is_root() && in_path("apt-get").is_some()
}

fn install(packages: &[&str]) -> anyhow::Result<()> {
    eprintln!("installing {}", packages.join(" "));
    let apt = |args: &[&str]| {
        let mut command = Command::new("apt-get");
        command.args(["-q", "-y", "--no-install-recommends"]).args(args).args(packages);
        command.env("DEBIAN_FRONTEND", "noninteractive").stdin(Stdio::null()).stdout(std::io::stderr());
        command
    };
    if execute(&mut apt(&["install"])).is_err() {
        execute(Command::new("apt-get").args(["-q", "update"]).stdout(std::io::stderr()))?;
        if execute(&mut apt(&["install"])).is_err() {
            bail!("cannot install {}: `apt-get install {0}` failed", packages.join(" "));
        }
    }
    Ok(())
}
