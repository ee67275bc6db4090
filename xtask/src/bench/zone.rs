//! Search in the tariff zone, beside a handler that always answers the same bytes, as many as the search does.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::Context as _;

use super::load::{self, Outcome, Pace, Requests};
use super::{PAIRS, Place, Row, Server, alone, paired, shelf};
use crate::workspace::execute;

const RUN_TIME: Duration = Duration::from_secs(3);
const CONNECTIONS: usize = 16;
/// Requests a second at which answers are timed, and for how long.
const ARRIVALS: f64 = 100.0;
const PACED_TIME: Duration = Duration::from_secs(30);

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

pub fn measure(place: &Place, tariffs: Option<&Path>) -> anyhow::Result<Vec<Row>> {
    let (shelf, files) = match tariffs {
        Some(folder) => (folder.display().to_string(), json_files(folder)?),
        None => (shelf::name(), shelf::files(place)?.into_iter().map(PathBuf::from).collect()),
    };
    execute(place.program(&["tariffs", "import"]).args(files).stdout(Stdio::null()))?;
    let ours = Server::start(place.program(&["serve"]))?;
    let pair = |first: &str| WORDS.map(|second| format!("/tariffs?q={}", encode(&format!("{first} {second}"))));
    let searches: Vec<String> = WORDS.iter().flat_map(|first| pair(first)).collect();
    let next = AtomicUsize::new(0);
    let search =
        || -> Requests<'_> { Box::new(|| load::get(&searches[next.fetch_add(1, Ordering::Relaxed) % searches.len()])) };
    let many = || (0..CONNECTIONS).map(|_| search());
    let alone = load::run(ours.address, [search()], Pace::AsAnswered, RUN_TIME)?;
    let paced = load::run(ours.address, many(), Pace::PerSecond(ARRIVALS), PACED_TIME)?;
    let bytes = alone.body_bytes.to_string();
    let reference = Server::start(place.program(&["serve-reference", "--bytes", &bytes]))?;
    let fixed = || -> Requests<'_> { Box::new(|| load::get("/")) };
    let mut pairs = Vec::new();
    for _ in 0..PAIRS {
        let mine = load::run(ours.address, many(), Pace::AsAnswered, RUN_TIME)?.requests_per_second;
        let theirs = load::run(reference.address, (0..CONNECTIONS).map(|_| fixed()), Pace::AsAnswered, RUN_TIME)?;
        pairs.push((mine, theirs.requests_per_second));
    }
    let what =
        format!("zone search among {shelf}, requests/s ({CONNECTIONS} connections; reference: static Axum handler)");
    let different = searches.len();
    Ok(vec![
        paired(what, &pairs, "–"),
        in_ms(&format!("median ms ({different} different searches, one at a time)"), &alone, 50, "–"),
        in_ms(&format!("p99 ms, {ARRIVALS:.0} requests/s whatever the answers take"), &paced, 99, "< 50"),
    ])
}

/// A row of how long answers took, of which so many hundredths took no longer.
fn in_ms(what: &str, outcome: &Outcome, percent: usize, goal: &str) -> Row {
    let rank = (outcome.latencies.len() * percent).div_ceil(100).max(1) - 1;
    let ms = outcome.latencies[rank].as_secs_f64() * 1000.0;
    alone(format!("zone search, {what}"), format!("{ms:.1}"), goal)
}

fn encode(text: &str) -> String {
    text.bytes().fold(String::new(), |encoded, byte| encoded + &format!("%{byte:02X}"))
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
