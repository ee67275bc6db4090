//! `cargo xtask test`

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, bail};

use crate::postgres::{Durability, Temporary};
use crate::workspace::{Workspace, execute, shown};
use crate::{build, provide, queries, site};

/// What the first page of a subscriber may transfer in wasm, in bytes of brotli.
const WASM_BYTES_MAX: u64 = 110 * 1024;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Leave out the tests in a browser.
    #[arg(long)]
    no_browser: bool,
}

/// Counts of tests over all that ran.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Totals {
    passed: u64,
    failed: u64,
}

/// Runs every check; the last line tells how many tests passed and failed.
pub fn run(workspace: &Workspace, args: &Args) -> anyhow::Result<()> {
    step("format", || execute(&mut workspace.cargo(&["fmt", "--all", "--check"])))?;
    let lint = ["clippy", "--workspace", "--tests", "--features", "charging/testing", "--", "--deny", "warnings"];
    step("lints", || execute(&mut workspace.cargo(&lint)))?;
    if provide::in_path("cargo-deny").is_some() {
        step("licences and advisories", || execute(&mut workspace.cargo(&["deny", "check"])))?;
    }
    let mut totals = Totals::default();
    let mut failures = Vec::new();
    {
        let postgres = Temporary::start(Durability::None)?;
        step("queries", || queries::check(workspace, &postgres))?;
        let arguments = ["test", "--workspace", "--features", "charging/testing", "--no-fail-fast"];
        let mut tests = workspace.cargo(&arguments);
        tests.env("MINGBAI_TEST_DATABASE_URL", postgres.url("postgres")).env_remove("DATABASE_URL");
        note(&mut failures, step("tests", || count(&mut tests, &mut totals)));
    }
    step("build", || build::run(workspace).map(drop))?;
    note(&mut failures, step("size of the wasm", || wasm_fits(workspace)));
    if !args.no_browser {
        note(&mut failures, step("tests in a browser", || browser(workspace, &mut totals)));
    }
    for failure in &failures {
        eprintln!("error: {failure:#}");
    }
    println!("{} passed, {} failed", totals.passed, totals.failed);
    if totals.passed == 0 {
        bail!("no test ran");
    }
    if totals.failed > 0 || !failures.is_empty() {
        bail!("something is wrong");
    }
    Ok(())
}

fn note(failures: &mut Vec<anyhow::Error>, result: anyhow::Result<()>) {
    failures.extend(result.err());
}

/// Names what begins, and tells how long it took.
fn step(name: &str, work: impl FnOnce() -> anyhow::Result<()>) -> anyhow::Result<()> {
    println!("== {name}");
    let started = Instant::now();
    let result = work();
    println!("== {name}: {} s", started.elapsed().as_secs());
    result.with_context(|| name.to_owned())
}

fn wasm_fits(workspace: &Workspace) -> anyhow::Result<()> {
    let bytes = site::wasm_transfer_bytes(workspace)?;
    println!("{bytes} bytes of wasm are transferred, of at most {WASM_BYTES_MAX}");
    if bytes > WASM_BYTES_MAX {
        bail!("the wasm has outgrown what a first page may transfer");
    }
    Ok(())
}

fn browser(workspace: &Workspace, totals: &mut Totals) -> anyhow::Result<()> {
    let folder = workspace.root.join("end2end");
    if !folder.join("package.json").is_file() {
        println!("there are none yet");
        return Ok(());
    }
    let npm = provide::npm()?;
    let chromium = provide::chromium()?;
    provide::postgres()?;
    execute(Command::new(&npm).args(["ci", "--no-audit", "--no-fund"]).current_dir(&folder))?;
    let mut tests = Command::new(&npm);
    tests.arg("test").current_dir(&folder).env("CHROMIUM", chromium).env("MINGBAI_DIST", workspace.dist());
    count(&mut tests, totals)
}

/// Runs tests, shows what they print, and adds up what they count.
fn count(command: &mut Command, totals: &mut Totals) -> anyhow::Result<()> {
    let shown = shown(command);
    let mut tests = command.stdout(Stdio::piped()).spawn().with_context(|| format!("cannot run `{shown}`"))?;
    let output = tests.stdout.take().context("the tests print to us")?;
    for line in BufReader::new(output).lines() {
        let line = line?;
        println!("{line}");
        totals.add(&line);
    }
    let status = tests.wait()?;
    if !status.success() {
        bail!("`{shown}` failed ({status})");
    }
    Ok(())
}

impl Totals {
    /// Reads the closing lines of cargo's tests (`test result: ok. 3 passed; 0 failed; …`) and of Playwright's (`  3 passed (4s)`).
    fn add(&mut self, line: &str) {
        let counts = match line.trim().strip_prefix("test result: ") {
            Some(counts) => counts.split_once(". ").map_or("", |(_, counts)| counts),
            None if line.starts_with("  ") => line.split(" (").next().unwrap_or(line),
            None => return,
        };
        for count in counts.split(';') {
            match count.trim().split_once(' ') {
                Some((number, "passed")) => self.passed += number.parse().unwrap_or(0),
                Some((number, "failed")) => self.failed += number.parse().unwrap_or(0),
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_are_read_from_both_kinds_of_tests() {
        let mut totals = Totals::default();
        for line in [
            "test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.03s",
            "test result: FAILED. 2 passed; 3 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.00s",
            "test rating::tests::totals ... ok",
            "  4 passed (31.5s)",
            "  1 failed",
            "    [checks] › a.test.js:3:1 › 7 passed",
        ] {
            totals.add(line);
        }
        assert_eq!(totals, Totals { passed: 18, failed: 4 });
    }
}
