//! The real tariffs of `../shared/data` beside the workspace, where they are there.

use std::collections::BTreeMap;
use std::fs::File;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Instant;

use charging::clock::start_of_day;
use charging::tariff::derive::derive;
use charging::tariff::file::read_tariffs;
use charging::tariff::store::{self, Outcome, Publication};
use charging::tariff::{Kind, SchemeId, TariffContent, ZoneQuery, ZoneSort};
use charging::testing::TestDatabase;
use chrono::{DateTime, Utc};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

/// The files, or `None` (and a word about it) where the data is not there.
fn files() -> Option<Vec<PathBuf>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/tariffs");
    let folder = std::env::var_os("MINGBAI_REAL_TARIFFS").map_or(folder, PathBuf::from);
    let mut files = Vec::new();
    for operator in ["mobile", "unicom"] {
        let Ok(entries) = std::fs::read_dir(folder.join(operator)) else {
            eprintln!("skipped: {} is not there", folder.display());
            return None;
        };
        let paths = entries.map(|entry| entry.unwrap().path());
        files.extend(paths.filter(|path| path.extension() == Some("json".as_ref())));
    }
    files.sort();
    Some(files)
}

fn contents(files: &[PathBuf]) -> Vec<TariffContent> {
    let mut contents = Vec::new();
    for path in files {
        read_tariffs(File::open(path).unwrap(), &mut |element| {
            let number = element.number;
            let publication = element.parsed.unwrap_or_else(|e| panic!("{} {number}: {e}", path.display()));
            contents.push(publication.content);
            ControlFlow::Continue(())
        })
        .unwrap();
    }
    contents
}

/// Whether the operator's table says that data or voice is included.
fn metered(content: &TariffContent) -> bool {
    content.included.data_bytes().is_some() || content.included.voice_minutes.is_some()
}

#[test]
fn every_real_tariff_is_read() {
    let Some(files) = files() else { return };
    let contents = contents(&files);
    assert_eq!(contents.len(), 12_828);
    let mut counts: BTreeMap<(&str, &str), (u32, u32)> = BTreeMap::new();
    let mut plans = 0;
    for content in &contents {
        let (all, with_terms) = counts.entry((&content.operator_id, content.kind.as_str())).or_default();
        *all += 1;
        *with_terms += u32::from(content.terms.is_some());
        if content.terms.is_some() && content.kind == Kind::Plan && metered(content) {
            plans += 1;
        }
    }
    for ((operator, kind), (all, with_terms)) in counts {
        println!("{operator} {kind}: {with_terms} of {all} have terms");
    }
    assert!(plans >= 500, "fewer plans with data or voice have terms than once had: {plans}");
}

/// Imports everything twice and asks the zone many questions.
#[tokio::test]
async fn the_real_tariffs_go_in_once_and_are_found_fast() {
    let Some(files) = files() else { return };
    let database = TestDatabase::create().await;
    let now = start_of_day("2026-11-20".parse().unwrap());
    let contents = contents(&files);
    let start = Instant::now();
    assert_eq!(publish(&database, &contents, now).await, (12_828, 0));
    println!("published in {:?}", start.elapsed());
    let start = Instant::now();
    assert_eq!(publish(&database, &contents, now).await, (0, 12_828));
    println!("published again in {:?}", start.elapsed());

    let mut conn = database.app.acquire().await.unwrap();
    for repeated in ["24GX300081", "24GX300083"] {
        let versions = store::versions(&mut conn, &repeated.parse().unwrap()).await.unwrap();
        assert_eq!(versions.len(), 2);
    }
    let mut times = Vec::new();
    for text in ["", "流量", "5G", "校园", "全家享套餐", "副卡 共享", "国内流量", "卡", "59元", "宽带 千兆", "不可结转"]
    {
        for region in [None, Some("北京"), Some("福建")] {
            for sort in [None, Some(ZoneSort::PriceDesc), Some(ZoneSort::Newest)] {
                let query = ZoneQuery {
                    text: text.to_owned(),
                    region: region.map(str::to_owned),
                    sort,
                    ..ZoneQuery::default()
                };
                let start = Instant::now();
                let page = store::zone(&mut conn, &query, now).await.unwrap();
                times.push((start.elapsed(), format!("{text} {region:?} {sort:?}: {}", page.total)));
                assert!(page.total > 0 || region.is_some());
            }
        }
    }
    times.sort();
    println!("median of {} questions {:?}, slowest {:?}", times.len(), times[times.len() / 2].0, times.last().unwrap());
    drop(conn);
    database.drop().await;
}

/// Accepted and unchanged.
async fn publish(database: &TestDatabase, contents: &[TariffContent], now: DateTime<Utc>) -> (u32, u32) {
    let (mut accepted, mut unchanged) = (0, 0);
    for batch in contents.chunks(250) {
        let batch: Vec<Publication> = batch.iter().cloned().map(Publication::from).collect();
        let mut transaction = database.app.begin().await.unwrap();
        for outcome in store::publish(&mut transaction, &batch, now).await.unwrap() {
            match outcome {
                Outcome::Accepted { .. } => accepted += 1,
                Outcome::Unchanged { .. } => unchanged += 1,
                Outcome::Refused { reason } => panic!("{reason}"),
            }
        }
        transaction.commit().await.unwrap();
    }
    (accepted, unchanged)
}

/// Prints tariffs drawn at random beside their terms, to be checked by eye:
/// `MINGBAI_DRAW_SEED=1 MINGBAI_DRAW_COUNT=30 cargo test -p charging --features testing --test real_tariffs -- --ignored --nocapture draw`
#[test]
#[ignore = "for the eye"]
fn draw() {
    let Some(files) = files() else { return };
    let number = |name: &str, default: u64| std::env::var(name).map_or(default, |text| text.parse().unwrap());
    let mut contents: Vec<TariffContent> =
        contents(&files).into_iter().filter(|content| content.terms.is_some()).collect();
    contents.sort_by(|a, b| a.scheme_id.cmp(&b.scheme_id));
    let (seed, count) = (number("MINGBAI_DRAW_SEED", 1), number("MINGBAI_DRAW_COUNT", 30));
    let total = contents.len();
    contents.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
    println!("{total} have terms; seed {seed}");
    for content in contents.iter().take(usize::try_from(count).unwrap()) {
        print(content);
    }
}

/// Counts why no terms came out, for those whose table says that data or voice is included.
#[test]
#[ignore = "for the eye"]
fn reasons() {
    let Some(files) = files() else { return };
    let mut reasons: BTreeMap<String, Vec<SchemeId>> = BTreeMap::new();
    for content in contents(&files) {
        if let Some(reason) = derive(&content).err().filter(|_| metered(&content)) {
            reasons.entry(reason.to_string()).or_default().push(content.scheme_id);
        }
    }
    let mut reasons: Vec<_> = reasons.into_iter().collect();
    reasons.sort_by_key(|(_, ids)| std::cmp::Reverse(ids.len()));
    for (reason, ids) in reasons.iter().take(120) {
        let examples: Vec<&str> = ids.iter().step_by(ids.len().div_ceil(8)).map(SchemeId::as_str).collect();
        println!("{:5} {reason}: {}", ids.len(), examples.join(" "));
    }
}

fn print(content: &TariffContent) {
    println!("== {} {} {} | {}", content.scheme_id, content.kind.as_str(), content.name, content.price_text);
    println!("   table: {}", serde_json::to_string(&content.included).unwrap());
    println!("   services: {}", content.services_text.replace('\n', "⏎"));
    println!("   overage: {}", content.overage_text.replace('\n', "⏎"));
    println!("   notes: {}", content.notes.replace('\n', "⏎"));
    println!("   validity: {} | commitment: {}", content.validity, content.commitment);
    println!("   cancel: {} | penalty: {}", content.cancel, content.penalty);
    println!("   -> {}", serde_json::to_string(&content.terms).unwrap());
    for source in derive(content).unwrap().sources.iter().skip(1) {
        println!("      {}: {}", source.field, source.sentence);
    }
}
