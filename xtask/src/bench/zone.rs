//! Search in the tariff zone, beside a handler that always answers the same bytes, as many as the search does.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::Context as _;

use super::load::{self, Outcome, Pace, Requests};
use super::{PAIRS, Place, Row, Server, paired};
use crate::workspace::execute;

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

pub fn measure(place: &Place, tariffs: Option<&Path>) -> anyhow::Result<Vec<Row>> {
    if let Some(folder) = tariffs {
        execute(place.program(&["tariffs", "import"]).args(json_files(folder)?))?;
    }
    let ours = Server::start(place.program(if tariffs.is_some() { &["serve"] } else { &["serve", "--demo"] }))?;
    let pair = |first: &str| WORDS.map(|second| format!("/tariffs?q={}", encode(&format!("{first} {second}"))));
    let searches: Vec<String> = WORDS.iter().flat_map(|first| pair(first)).collect();
    let next = AtomicUsize::new(0);
    let search =
        || -> Requests<'_> { Box::new(|| load::get(&searches[next.fetch_add(1, Ordering::Relaxed) % searches.len()])) };
    let alone = load::run(ours.address, [search()], Pace::AsAnswered, RUN_TIME)?;
    let bytes = alone.body_bytes.to_string();
    let reference = Server::start(place.program(&["serve-reference", "--bytes", &bytes]))?;
    let fixed = || -> Requests<'_> { Box::new(|| load::get("/")) };
    let mut pairs = Vec::new();
    for _ in 0..PAIRS {
        let many = || (0..CONNECTIONS).map(|_| search());
        let mine = load::run(ours.address, many(), Pace::AsAnswered, RUN_TIME)?.requests_per_second;
        let theirs = load::run(reference.address, (0..CONNECTIONS).map(|_| fixed()), Pace::AsAnswered, RUN_TIME)?;
        pairs.push((mine, theirs.requests_per_second));
    }
    let what = format!("zone search, requests/s ({CONNECTIONS} connections; reference: static Axum handler)");
    Ok(vec![
        paired(what, &pairs, "–"),
        Row {
            what: format!("zone search, median ms ({} different searches, one at a time)", searches.len()),
            ours: format!("{:.1}", median_ms(&alone)),
            reference: "–".to_owned(),
            ratio: "–".to_owned(),
            goal: "≤ 50".to_owned(),
        },
    ])
}

fn median_ms(outcome: &Outcome) -> f64 {
    outcome.latencies[outcome.latencies.len() / 2].as_secs_f64() * 1000.0
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
