//! `cargo xtask bench`: what the product does in a second, beside a reference in the same run.

mod bills;
pub mod bulk;
mod growth;
pub mod load;
pub mod online;
mod rating;
mod reference;
mod shelf;
mod sms;
mod streams;
mod zone;

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, bail};
use clap::ValueEnum as _;
use rustix::process::{Pid, Signal, kill_process};
use serde::Serialize;
use tempfile::TempDir;

use crate::workspace::{Workspace, execute};
use crate::{build, provide};

/// Pairs of runs, ours and the reference's by turns, so that both meet the same weather.
const PAIRS: usize = 7;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Folder of tariff files to search among, in place of 20,000 made-up tariffs of three versions each.
    #[arg(long, env = "MINGBAI_BENCH_TARIFFS")]
    tariffs: Option<PathBuf>,
    /// Only these parts.
    #[arg(long, value_delimiter = ',', default_values_t = Part::USUAL)]
    only: Vec<Part>,
    /// Measure the program in this folder, as `cargo xtask build` leaves it, and build nothing.
    #[arg(long)]
    dist: Option<PathBuf>,
    /// How many subscribers there are each time, for the part `growth`.
    #[arg(long, value_delimiter = ',', default_values_t = [10_000, 100_000, 1_000_000])]
    subscribers: Vec<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    /// Search in the tariff zone.
    Zone,
    /// Charging sessions.
    Online,
    /// Usage files.
    Bulk,
    /// Rating alone, without a database.
    Rating,
    /// Closing a month.
    Bills,
    /// Notices sent to an SMS centre. Needs Node.js.
    Sms,
    /// Usage files and closing a month among more and more subscribers. Not among what is measured unless it is asked
    /// for: a million of them take an hour and 30 GB.
    Growth,
}

impl Part {
    /// What is measured unless something else is asked for.
    const USUAL: [Self; 6] = [Self::Zone, Self::Online, Self::Bulk, Self::Rating, Self::Bills, Self::Sms];
}

impl std::fmt::Display for Part {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let value = clap::ValueEnum::to_possible_value(self).ok_or(std::fmt::Error)?;
        f.write_str(value.get_name())
    }
}

/// A row of the table.
#[derive(Debug, Serialize)]
pub struct Row {
    what: String,
    ours: String,
    reference: String,
    ratio: String,
    goal: String,
}

/// Measures, prints the table, and writes `target/bench.json`.
pub fn run(workspace: &Workspace, args: &Args) -> anyhow::Result<()> {
    let dist = build::unless_given(workspace, args.dist.as_deref())?;
    provide::postgres()?;
    let mut rows = Vec::new();
    for part in Part::value_variants().iter().filter(|part| args.only.contains(part)) {
        eprintln!("measuring: {part}");
        let place = Place::new(&dist)?;
        rows.extend(match part {
            Part::Zone => zone::measure(&place, args.tariffs.as_deref())?,
            Part::Online => online::measure(&place)?,
            Part::Bulk => bulk::measure(&place)?,
            Part::Rating => rating::measure(workspace)?,
            Part::Bills => bills::measure(&place)?,
            Part::Sms => sms::measure(workspace, &place)?,
            Part::Growth => growth::measure(&place, &args.subscribers)?,
        });
    }
    print(&rows);
    let file = workspace.root.join("target/bench.json");
    // Builds may go elsewhere.
    fs::create_dir_all(workspace.root.join("target"))?;
    fs::write(&file, serde_json::to_string_pretty(&rows)?).with_context(|| format!("cannot write {}", file.display()))
}

/// A fresh database of its own for a part, and the program that works on it.
#[derive(Debug)]
pub struct Place {
    dist: PathBuf,
    data: TempDir,
}

impl Place {
    pub fn new(dist: &Path) -> anyhow::Result<Self> {
        let data = tempfile::Builder::new().prefix("mingbai-bench-").tempdir()?;
        Ok(Self { dist: dist.to_owned(), data })
    }

    fn program(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.dist.join("mingbai"));
        command.args(arguments).env_remove("DATABASE_URL").env("MINGBAI_DATA_DIR", self.data.path());
        command.env("MINGBAI_ADDR", "127.0.0.1:0").env("RUST_LOG", "error");
        command
    }

    /// The program on a database that is not its own.
    pub fn program_on(&self, database_url: &str, arguments: &[&str]) -> Command {
        let mut command = self.program(arguments);
        command.env("DATABASE_URL", database_url);
        command
    }

    /// Writes a file that a command of the program reads.
    pub fn file(&self, name: &str, content: &str) -> anyhow::Result<String> {
        self.write(name, |file| Ok(file.write_all(content.as_bytes())?))
    }

    /// Writes a file bit by bit.
    fn write(&self, name: &str, write: impl FnOnce(&mut File) -> anyhow::Result<()>) -> anyhow::Result<String> {
        let path = self.data.path().join(name);
        let written = File::create(&path).map_err(Into::into).and_then(|mut file| write(&mut file));
        written.with_context(|| format!("cannot write {}", path.display()))?;
        Ok(path.display().to_string())
    }

    /// Runs a command of the program to its end.
    fn execute(&self, arguments: &[&str]) -> anyhow::Result<()> {
        execute(self.program(arguments).stdout(Stdio::null()))
    }

    /// Runs a command of the program, on a database that is not its own, to its end.
    pub fn execute_on(&self, database_url: &str, arguments: &[&str]) -> anyhow::Result<()> {
        execute(self.program_on(database_url, arguments).stdout(Stdio::null()))
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

/// A row without a reference.
fn alone(what: String, ours: String, goal: &str) -> Row {
    Row { what, ours, reference: "–".to_owned(), ratio: "–".to_owned(), goal: goal.to_owned() }
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
pub struct Server {
    process: Child,
    pub address: SocketAddr,
}

impl Server {
    /// Starts it and reads from its output where it listens.
    pub fn start(mut command: Command) -> anyhow::Result<Self> {
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

    /// Of its process.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Kills it (SIGKILL), as a crash would.
    ///
    /// # Errors
    /// When it ended before.
    pub fn kill(mut self) -> anyhow::Result<()> {
        if let Some(status) = self.process.try_wait()? {
            bail!("the server ended by itself ({status})");
        }
        self.process.kill().context("cannot kill the server")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let pid = i32::try_from(self.process.id()).ok().and_then(Pid::from_raw);
        pid.map(|pid| kill_process(pid, Signal::TERM));
        self.process.wait().ok();
    }
}
