//! Whether a record and a bill take as long among many subscribers as among few, in constant memory.

use std::fmt::Write as _;
use std::fs;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};

use super::bulk::{self, usage_line};
use super::{Place, Row, alone};
use crate::postgres::{Durability, Temporary};
use crate::workspace::shown;

/// Records of each subscriber in the month: the first ten fill the allowance, two are charged for.
const RECORDS: usize = 12;
/// A file brings the month of so many subscribers in the order of time, then that of the next ones: as switches do, each of
/// which serves a part of them. So what is rated together is alike, however many there are.
const SUBSCRIBERS_OF_A_SWITCH: usize = 5_000;
const ALLOWANCE: &str = "10MB";
const POLL: Duration = Duration::from_millis(20);

/// What one command came to.
struct Measured {
    microseconds_each: f64,
    peak_mb: f64,
}

pub fn measure(place: &Place, sizes: &[usize]) -> anyhow::Result<Vec<Row>> {
    let mut rows: Vec<Row> = Vec::new();
    let mut first: Option<(f64, f64)> = None;
    let mut peak_mb = 0_f64;
    for &size in sizes {
        eprintln!("{size} subscribers");
        let (ingest, bills) = at_size(place, size)?;
        peak_mb = peak_mb.max(ingest.peak_mb).max(bills.peak_mb);
        let (first_ingest, first_bills) = *first.get_or_insert((ingest.microseconds_each, bills.microseconds_each));
        let row = |what: &str, ours: f64, reference: f64| Row {
            what: format!("{what}, {size} subscribers (reference: {} subscribers)", sizes[0]),
            ours: format!("{ours:.1}"),
            reference: format!("{reference:.1}"),
            ratio: format!("{:.3}", ours / reference),
            goal: "≤ 1.2".to_owned(),
        };
        rows.push(row("ingest, µs a record", ingest.microseconds_each, first_ingest));
        rows.push(row("bill run, µs a bill", bills.microseconds_each, first_bills));
    }
    rows.push(alone("peak memory of ingest and bill run, MB".to_owned(), format!("{peak_mb:.0}"), "≤ 300"));
    Ok(rows)
}

fn at_size(place: &Place, size: usize) -> anyhow::Result<(Measured, Measured)> {
    let postgres = Temporary::start(Durability::Full)?;
    postgres.query("postgres", "create database growth")?;
    let url = postgres.url("growth");
    place.execute_on(&url, &["migrate"])?;
    let tariffs = bulk::tariffs().replace("100000GB", ALLOWANCE);
    place.execute_on(&url, &["tariffs", "import", &place.file("tariffs.json", &tariffs)?])?;
    place.execute_on(&url, &["subscribers", "import", &place.file("subscribers.ndjson", &bulk::subscribers(1))?])?;
    postgres.psql("growth", &multiplied(size))?;
    postgres.query("growth", "vacuum analyze")?;
    let month = postgres.month_before("growth")?;
    let usage = place.write("usage.ndjson", |file| {
        let mut lines = String::new();
        for first in (0..size).step_by(SUBSCRIBERS_OF_A_SWITCH) {
            lines.clear();
            for n in 0..RECORDS {
                let at = format!("{month}-{:02}T08:00:00+08:00", 1 + n * 28 / RECORDS);
                for subscriber in first..size.min(first + SUBSCRIBERS_OF_A_SWITCH) {
                    writeln!(lines, "{}", usage_line(&format!("{n}"), subscriber, "data", &at, 1_048_576))?;
                }
            }
            std::io::Write::write_all(file, lines.as_bytes())?;
        }
        Ok(())
    })?;
    let ingest = measured(place.program_on(&url, &["usage", "ingest", &usage]), size * RECORDS)?;
    fs::remove_file(usage)?;
    let bills = measured(place.program_on(&url, &["bills", "run", "--month", &month]), size)?;
    let made = postgres.query("growth", "select count(*) from bill")?;
    ensure!(made == size.to_string(), "{made} bills of {size}");
    Ok((ingest, bills))
}

/// The first subscriber again and again, with all that the import wrote for it. An import of a million would take longer
/// than everything that is measured.
fn multiplied(size: usize) -> String {
    let copies = |table: &str, changed: &str| {
        format!(
            "insert into {table} overriding system value select new.* from {table} as t
             cross join generate_series(1, {size} - 1) as n
             cross join lateral (select t.subscriber_id + n as id, '199' || lpad((n + 1)::text, 8, '0') as msisdn) as k
             {changed} where t.subscriber_id = (select min(subscriber_id) from subscriber);\n"
        )
    };
    let same = "cross join lateral jsonb_populate_record(t, jsonb_build_object('subscriber_id', k.id)) as new";
    let named = "cross join lateral jsonb_populate_record(t,
        jsonb_build_object('subscriber_id', k.id, 'msisdn', k.msisdn)) as new";
    let proven = "cross join lateral (select convert_to(jsonb_set(convert_from(t.evidence, 'UTF8')::jsonb,
            '{subscriber_id}', to_jsonb(k.id))::text, 'UTF8') as evidence) as e
        cross join lateral jsonb_populate_record(t, jsonb_build_object('subscriber_id', k.id,
            'evidence', e.evidence::text, 'hash', sha256(e.evidence)::text)) as new";
    let tables = [
        ("msisdn", named),
        ("subscriber", named),
        ("cap_choice", same),
        ("consent", proven),
        ("product_order", same),
        ("subscription", same),
        ("subscription_event", same),
    ];
    tables.iter().map(|(table, changed)| copies(table, changed)).collect()
}

/// Runs a command to its end: the time for each of `count`, and the most memory it held.
fn measured(mut command: Command, count: usize) -> anyhow::Result<Measured> {
    let shown = shown(&command);
    let started = Instant::now();
    let mut process = command.stdout(Stdio::null()).spawn().with_context(|| format!("cannot run `{shown}`"))?;
    let mut peak_kb: Option<u32> = None;
    let status = loop {
        let about = fs::read_to_string(format!("/proc/{}/status", process.id())).unwrap_or_default();
        let peak = about.lines().find_map(|line| line.strip_prefix("VmHWM:")?.split_whitespace().next()?.parse().ok());
        peak_kb = peak_kb.max(peak);
        match process.try_wait()? {
            Some(status) => break status,
            None => thread::sleep(POLL),
        }
    };
    let seconds = started.elapsed().as_secs_f64();
    if !status.success() {
        bail!("`{shown}` failed ({status})");
    }
    let peak_kb = peak_kb.with_context(|| format!("the memory of `{shown}` could not be read"))?;
    let count = f64::from(u32::try_from(count)?);
    Ok(Measured { microseconds_each: seconds * 1e6 / count, peak_mb: f64::from(peak_kb) / 1024.0 })
}
