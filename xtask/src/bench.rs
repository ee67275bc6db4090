//! `cargo xtask bench`

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail};
use rustix::process::{Pid, Signal, kill_process};
use serde::Serialize;

use crate::load::{self, Outcome};
use crate::workspace::{Workspace, execute};
use crate::{build, provide};

/// Pairs of runs, ours and the reference's by turns, so that both meet the same weather.
const PAIRS: usize = 7;
const RUN_TIME: Duration = Duration::from_secs(3);
const CONNECTIONS: usize = 16;

/// What people look for; two of them together make 200 different searches and more.
const WORDS: [&str; 16] = [
    "流量",
    "套餐",
    "5G",
    "宽带",
    "校园",
    "家庭",
    "国际",
    "漫游",
    "语音",
    "短信",
    "加油包",
    "优惠",
    "融合",
    "北京",
    "月",
    "99",
];

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Folder of tariff files to search among, in place of those of the demo.
    #[arg(long, env = "MINGBAI_BENCH_TARIFFS")]
    tariffs: Option<PathBuf>,
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
    let dist = build::run(workspace)?;
    provide::postgres()?;
    let data = tempfile::Builder::new().prefix("mingbai-bench-").tempdir()?;
    let program = |arguments: &[&str]| {
        let mut command = Command::new(dist.join("mingbai"));
        command.args(arguments).env_remove("DATABASE_URL").env("MINGBAI_DATA_DIR", data.path());
        command.env("MINGBAI_ADDR", "127.0.0.1:0").env("RUST_LOG", "error");
        command
    };
    if let Some(folder) = &args.tariffs {
        let mut import = program(&["tariffs", "import"]);
        execute(import.args(json_files(folder)?))?;
    }
    let ours = Server::start(program(if args.tariffs.is_some() { &["serve"] } else { &["serve", "--demo"] }))?;
    let rows = zone(&ours, program)?;
    drop(ours);
    print(&rows);
    let file = workspace.root.join("target/bench.json");
    fs::write(&file, serde_json::to_string_pretty(&rows)?).with_context(|| format!("cannot write {}", file.display()))
}

/// Search in the tariff zone, beside a handler that always answers the same bytes, as many as the search does.
fn zone(ours: &Server, program: impl Fn(&[&str]) -> Command) -> anyhow::Result<Vec<Row>> {
    let searches: Vec<String> = WORDS
        .iter()
        .flat_map(|first| {
            WORDS.iter().map(move |second| format!("/tariffs?q={}", encode(&format!("{first} {second}"))))
        })
        .collect();
    let alone = load::run(ours.address, &searches, 1, RUN_TIME)?;
    let bytes = alone.body_bytes.to_string();
    let reference = Server::start(program(&["serve-reference", "--bytes", &bytes]))?;
    let fixed = ["/".to_owned()];
    let mut pairs = Vec::new();
    for _ in 0..PAIRS {
        let mine = load::run(ours.address, &searches, CONNECTIONS, RUN_TIME)?.requests_per_second;
        let theirs = load::run(reference.address, &fixed, CONNECTIONS, RUN_TIME)?.requests_per_second;
        pairs.push((mine, theirs));
    }
    let ratios: Vec<f64> = pairs.iter().map(|(mine, theirs)| mine / theirs).collect();
    let (low, high) = ratios.iter().fold((f64::MAX, 0_f64), |(low, high), ratio| (low.min(*ratio), high.max(*ratio)));
    Ok(vec![
        Row {
            what: format!("zone search, requests/s ({CONNECTIONS} connections; reference: static Axum handler)"),
            ours: format!("{:.0}", median(pairs.iter().map(|pair| pair.0))),
            reference: format!("{:.0}", median(pairs.iter().map(|pair| pair.1))),
            ratio: format!("{:.3} ({low:.3} to {high:.3})", median(ratios.iter().copied())),
            goal: "–".to_owned(),
        },
        Row {
            what: format!("zone search, median ms ({} different searches, one at a time)", searches.len()),
            ours: format!("{:.1}", median_ms(&alone)),
            reference: "–".to_owned(),
            ratio: "–".to_owned(),
            goal: "≤ 50".to_owned(),
        },
    ])
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn median_ms(outcome: &Outcome) -> f64 {
    outcome.latencies[outcome.latencies.len() / 2].as_secs_f64() * 1000.0
}

fn encode(text: &str) -> String {
    text.bytes().fold(String::new(), |encoded, byte| encoded + &format!("%{byte:02X}"))
}

fn print(rows: &[Row]) {
    println!("what | ours | reference | ratio | goal");
    println!("--- | --- | --- | --- | ---");
    for Row { what, ours, reference, ratio, goal } in rows {
        println!("{what} | {ours} | {reference} | {ratio} | {goal}");
    }
}

fn json_files(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(json_files(&path)?);
        } else if path.extension().is_some_and(|end| end == "json") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
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
