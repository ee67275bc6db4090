//! `cargo xtask bench`: what the product does in a second, beside a reference in the same run.

mod bulk;
mod load;
mod online;
mod reference;
mod zone;

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, bail};
use rustix::process::{Pid, Signal, kill_process};
use serde::Serialize;
use tempfile::TempDir;

use crate::workspace::{Workspace, execute};
use crate::{build, provide};

/// Pairs of runs, ours and the reference's by turns, so that both meet the same weather.
const PAIRS: usize = 7;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Folder of tariff files to search among, in place of those of the demo.
    #[arg(long, env = "MINGBAI_BENCH_TARIFFS")]
    tariffs: Option<PathBuf>,
    /// Only these parts.
    #[arg(long, value_delimiter = ',', default_values_t = [Part::Zone, Part::Online, Part::Bulk])]
    only: Vec<Part>,
    /// Measure the program in this folder, as `cargo xtask build` leaves it, and build nothing.
    #[arg(long)]
    dist: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    /// Search in the tariff zone.
    Zone,
    /// Charging sessions.
    Online,
    /// Usage files.
    Bulk,
}

impl std::fmt::Display for Part {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Zone => "zone",
            Self::Online => "online",
            Self::Bulk => "bulk",
        })
    }
}

/// A row of the table.
#[derive(Debug, Serialize)]
struct Row {
    what: String,
    ours: String,
    reference: String,
    ratio: String,
    goal: String,
}

/// Measures, prints the table, and writes `target/bench.json`.
pub fn run(workspace: &Workspace, args: &Args) -> anyhow::Result<()> {
    let dist = args.dist.clone().map_or_else(|| build::run(workspace), Ok)?;
    provide::postgres()?;
    let mut rows = Vec::new();
    for part in [Part::Zone, Part::Online, Part::Bulk].into_iter().filter(|part| args.only.contains(part)) {
        eprintln!("measuring: {part}");
        let place = Place::new(&dist)?;
        rows.extend(match part {
            Part::Zone => zone::measure(&place, args.tariffs.as_deref())?,
            Part::Online => online::measure(&place)?,
            Part::Bulk => bulk::measure(&place)?,
        });
    }
    print(&rows);
    let file = workspace.root.join("target/bench.json");
    fs::write(&file, serde_json::to_string_pretty(&rows)?).with_context(|| format!("cannot write {}", file.display()))
}

/// A fresh database of its own for a part, and the program that works on it.
#[derive(Debug)]
struct Place {
    dist: PathBuf,
    data: TempDir,
}

impl Place {
    fn new(dist: &Path) -> anyhow::Result<Self> {
        let data = tempfile::Builder::new().prefix("mingbai-bench-").tempdir()?;
        Ok(Self { dist: dist.to_owned(), data })
    }

    fn program(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.dist.join("mingbai"));
        command.args(arguments).env_remove("DATABASE_URL").env("MINGBAI_DATA_DIR", self.data.path());
        command.env("MINGBAI_ADDR", "127.0.0.1:0").env("RUST_LOG", "error");
        command
    }

    /// Writes a file that a command of the program reads.
    fn file(&self, name: &str, content: &str) -> anyhow::Result<String> {
        let file = self.data.path().join(name);
        fs::write(&file, content).with_context(|| format!("cannot write {}", file.display()))?;
        Ok(file.display().to_string())
    }

    /// Runs a command of the program to its end.
    fn execute(&self, arguments: &[&str]) -> anyhow::Result<()> {
        execute(self.program(arguments).stdout(Stdio::null()))
    }
}

/// The median of the ratios, and how far they spread.
fn ratio(pairs: &[(f64, f64)]) -> String {
    let ratios: Vec<f64> = pairs.iter().map(|(ours, reference)| ours / reference).collect();
    let (low, high) = ratios.iter().fold((f64::MAX, 0_f64), |(low, high), ratio| (low.min(*ratio), high.max(*ratio)));
    format!("{:.3} ({low:.3} to {high:.3})", median(ratios.iter().copied()))
}

/// A row of `PAIRS` pairs of rates.
fn paired(what: String, pairs: &[(f64, f64)], goal: &str) -> Row {
    Row {
        what,
        ours: format!("{:.0}", median(pairs.iter().map(|pair| pair.0))),
        reference: format!("{:.0}", median(pairs.iter().map(|pair| pair.1))),
        ratio: ratio(pairs),
        goal: goal.to_owned(),
    }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn print(rows: &[Row]) {
    println!("what | ours | reference | ratio | goal");
    println!("--- | --- | --- | --- | ---");
    for Row { what, ours, reference, ratio, goal } in rows {
        println!("{what} | {ours} | {reference} | {ratio} | {goal}");
    }
}

/// A server that runs until this value goes.
#[derive(Debug)]
struct Server {
    process: Child,
    address: SocketAddr,
}

impl Server {
    /// Starts it and reads from its output where it listens.
    fn start(mut command: Command) -> anyhow::Result<Self> {
        let mut process = command.stdout(Stdio::piped()).spawn().context("cannot run the server")?;
        let output = process.stdout.take().context("the server prints to us")?;
        for line in BufReader::new(output).lines() {
            let address = line?.rsplit_once("http://").and_then(|(_, rest)| rest.trim_end_matches('/').parse().ok());
            if let Some(address) = address {
                return Ok(Self { process, address });
            }
        }
        bail!("the server ended before it listened ({})", process.wait()?)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let pid = i32::try_from(self.process.id()).ok().and_then(Pid::from_raw);
        pid.map(|pid| kill_process(pid, Signal::TERM));
        self.process.wait().ok();
    }
}
