//! A usage file, rated and posted, beside `pgbench` with 1,000 events a transaction and beside a bare `COPY`.

use std::fmt::Write as _;
use std::time::Instant;

use super::reference::Reference;
use super::{PAIRS, Place, Row, Server, paired};

const SUBSCRIBERS: usize = 1_000;
const RECORDS: usize = 100_000;
const RUN_SECONDS: u64 = 5;

/// A thousand events a transaction, as a script does them that sends each by itself.
fn events() -> String {
    let event = "insert into record (subscriber_id, quantity, at) values (:s + :n, 1048576, now());
update counter set used = used + 1048576 where subscriber_id = :s + :n and used + 1048576 <= cap;\n";
    // Each client has a half of the counters to itself.
    let mut script = "\\set s :client_id * 500\nbegin;\n".to_owned();
    for n in 0..1_000 {
        script += &event.replace(":n", &(n % 500 + 1).to_string());
    }
    script + "commit;\n"
}

pub fn measure(place: &Place) -> anyhow::Result<Vec<Row>> {
    place.execute(&["tariffs", "import", &place.file("tariffs.json", &tariffs())?])?;
    place.execute(&["subscribers", "import", &place.file("subscribers.ndjson", &subscribers(SUBSCRIBERS))?])?;
    // It keeps PostgreSQL up.
    let _server = Server::start(place.program(&["serve"]))?;
    let reference = Reference::new(place)?;
    let day = reference
        .psql("postgres", "select to_char(now() - interval '1 hour', 'YYYY-MM-DD\"T\"HH24:MI:SS\"+00:00\"') ")?;
    let script = events();
    let (mut pgbench, mut copy) = (Vec::new(), Vec::new());
    for run in 0..PAIRS {
        let (mut file, mut rows) = (String::new(), String::new());
        for n in 0..RECORDS {
            let (subscriber, quantity) = (n % SUBSCRIBERS, 1_048_576 + n as u64);
            writeln!(file, "{}", usage_line(&format!("r{run}-{n}"), subscriber, "data", &day, quantity))?;
            writeln!(rows, "r{run}-{n}\t{subscriber}\t{quantity}\t{day}")?;
        }
        let file = place.file("usage.ndjson", &file)?;
        let started = Instant::now();
        place.execute(&["usage", "ingest", &file])?;
        let ours = f64::from(u32::try_from(RECORDS)?) / started.elapsed().as_secs_f64();
        pgbench.push((ours, reference.pgbench(&script, 2, RUN_SECONDS)? * 1_000.0));
        copy.push((ours, reference.copy(&rows)?));
    }
    let what = |reference: &str| format!("bulk ingest, records/s, rated and posted (reference: {reference})");
    Ok(vec![
        paired(what("pgbench, 1,000 events a transaction, 2 clients"), &pgbench, "≥ 0.8"),
        paired(what("bare COPY into a table with a unique key"), &copy, "≥ 0.25"),
    ])
}

/// The number of a subscriber.
pub fn msisdn(index: usize) -> String {
    format!("199{:08}", index + 1)
}

/// A line of a usage file.
pub fn usage_line(id: &str, subscriber: usize, service: &str, at: &str, quantity: u64) -> String {
    let number = msisdn(subscriber);
    format!(r#"{{"id":"{id}","msisdn":"{number}","service":"{service}","started_at":"{at}","quantity":{quantity}}}"#)
}

/// One plan with more data than a run uses.
pub fn tariffs() -> String {
    r#"{"format":"mingbai-tariffs/1","tariffs":[{"scheme_id":"26MB980001","name":"度量套餐","kind":"plan","audience":"度量",
    "regions":["全国"],"channels":["网上营业厅"],"on_sale_from":"2020-01-01","on_sale_until":"2199-12-31","validity":"长期",
    "commitment":"无","cancel":"网上营业厅","penalty":"无","restrictions":[],"notes":"","terms":{
    "recurring":{"price":"99.00","first_month":"full"},"cancel_effective":"month_end",
    "allowances":[{"service":"data","quantity":"100000GB"}],
    "overage":[{"service":"data","model":"ladder","price":"0.03","unit":"1MB","block_price":"3.00","block":"1GB"}]}}]}"#
        .to_owned()
}

/// Subscribers of that plan, as a file of the move from another system.
pub fn subscribers(count: usize) -> String {
    let line = |index| {
        format!(
            r#"{{"msisdn":"{}","name":"度量","region":"北京","cap":"600.00","subscriptions":[{{"scheme_id":"26MB980001",
            "since":"2026-01-01","consent":{{"method":"signature","reference":"slip","agreed_at":"2025-12-31T10:00:00+08:00"}}}}]}}"#,
            msisdn(index)
        )
        .replace('\n', "")
            + "\n"
    };
    (0..count).map(line).collect()
}
