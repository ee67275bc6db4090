//! A month closed: a bill of 20 charges and 300 usage records for each subscriber, at full durability. Each run closes
//! the same month in a fresh copy of the database.

use std::fmt::Write as _;
use std::time::Instant;

use super::bulk::{msisdn, usage_line};
use super::{PAIRS, Place, Row, paired};
use crate::postgres::{Durability, Temporary};

const SUBSCRIBERS: usize = 4_000;
/// Records of each in the month, one of `VOICE_AND_SMS_EVERY` a call, another a message.
const RECORDS: usize = 300;
const VOICE_AND_SMS_EVERY: usize = 75;
/// Of the data records, of a megabyte each; 8 of 292 are beyond.
const ALLOWANCE_MB: usize = 284;
/// Published for a billing run on a cluster of servers; a figure, not a run.
const PUBLISHED_RATE: f64 = 636.0;

pub fn measure(place: &Place) -> anyhow::Result<Vec<Row>> {
    let postgres = Temporary::start(Durability::Full)?;
    let month = fill(place, &postgres)?;
    let mut pairs = Vec::new();
    for run in 0..PAIRS {
        let database = format!("run_{run}");
        postgres.query("postgres", &format!("create database {database} template filled strategy file_copy"))?;
        let started = Instant::now();
        place.execute_on(&postgres.url(&database), &["bills", "run", "--month", &month])?;
        pairs.push((f64::from(u32::try_from(SUBSCRIBERS)?) / started.elapsed().as_secs_f64(), PUBLISHED_RATE));
        let made = "select count(*) || ' ' || (select count(*) from bill_line_charge) from bill";
        let made = postgres.query(&database, made)?;
        anyhow::ensure!(made == format!("{SUBSCRIBERS} {}", SUBSCRIBERS * 20), "bills and charges on them: {made}");
        postgres.query("postgres", &format!("drop database {database}"))?;
    }
    let what = "bill run, bills/s, 20 charges and 300 usage records a subscriber (reference: Oracle's published figure of \
                a cluster, not run here)";
    Ok(vec![paired(what.to_owned(), &pairs, "≥ 3")])
}

/// A database `filled` with the usage of the month before this; returns that month.
fn fill(place: &Place, postgres: &Temporary) -> anyhow::Result<String> {
    postgres.query("postgres", "create database filled")?;
    let url = postgres.url("filled");
    place.execute_on(&url, &["migrate"])?;
    place.execute_on(&url, &["tariffs", "import", &place.file("tariffs.json", &tariffs())?])?;
    place.execute_on(&url, &["subscribers", "import", &place.file("subscribers.ndjson", &subscribers())?])?;
    let month = postgres.month_before("filled")?;
    let usage = place.write("usage.ndjson", |file| {
        let mut lines = String::new();
        for n in 0..RECORDS {
            let (service, quantity) = match n % VOICE_AND_SMS_EVERY {
                30 => ("voice", 61),
                60 => ("sms", 1),
                _ => ("data", 1_048_576),
            };
            let at = format!("{month}-{:02}T08:00:00+08:00", 1 + n * 28 / RECORDS);
            lines.clear();
            for subscriber in 0..SUBSCRIBERS {
                writeln!(lines, "{}", usage_line(&format!("{n}"), subscriber, service, &at, quantity))?;
            }
            std::io::Write::write_all(file, lines.as_bytes())?;
        }
        Ok(())
    })?;
    place.execute_on(&url, &["usage", "ingest", &usage])?;
    // As autovacuum would have left it by the time when a month is closed.
    postgres.query("filled", "vacuum analyze")?;
    Ok(month)
}

/// A plan and three add-ons: four monthly fees, beside 8 charges for data, 4 for calls and 4 for messages.
fn tariffs() -> String {
    let tariff = |n: usize, kind: &str, rest: &str| {
        format!(
            r#"{{"scheme_id":"26MB98000{n}","name":"度量{n}","kind":"{kind}","audience":"度量","regions":["全国"],
            "channels":["网上营业厅"],"on_sale_from":"2020-01-01","on_sale_until":"2199-12-31","validity":"长期",
            "commitment":"无","cancel":"网上营业厅","penalty":"无","restrictions":[],"notes":"","terms":{{
            "recurring":{{"price":"{n}.00","first_month":"full"}},"cancel_effective":"month_end"{rest}}}}}"#
        )
    };
    let plan = format!(
        r#","allowances":[{{"service":"data","quantity":"{ALLOWANCE_MB}MB"}}],"overage":[
        {{"service":"data","model":"ladder","price":"0.03","unit":"1MB","block_price":"3.00","block":"1GB"}},
        {{"service":"voice","model":"unit","price":"0.15","unit":"1min"}},
        {{"service":"sms","model":"unit","price":"0.10","unit":"1"}}]"#
    );
    let all = [tariff(1, "plan", &plan), tariff(2, "addon", ""), tariff(3, "addon", ""), tariff(4, "addon", "")];
    format!(r#"{{"format":"mingbai-tariffs/1","tariffs":[{}]}}"#, all.join(","))
}

fn subscribers() -> String {
    let brought = |n| {
        format!(
            r#"{{"scheme_id":"26MB98000{n}","since":"2026-01-01","consent":{{"method":"signature","reference":"slip",
            "agreed_at":"2025-12-31T10:00:00+08:00"}}}}"#
        )
        .replace('\n', "")
    };
    let brought: Vec<String> = (1..=4).map(brought).collect();
    let line = |index| {
        let number = msisdn(index);
        format!(
            r#"{{"msisdn":"{number}","name":"度量","region":"北京","cap":"600.00","subscriptions":[{}]}}"#,
            brought.join(",")
        ) + "\n"
    };
    (0..SUBSCRIBERS).map(line).collect()
}
