//! What a subscriber takes home makes the same bills again: a spreadsheet's arithmetic over the CSV files of everybody in the
//! demo, over 24 months, by other code than the one that billed.

use std::collections::BTreeMap;

use charging::bill::files::{bill_file, months_file, record_line, records_head};
use charging::bill::itemised::{PAGE_MAX, months, records};
use charging::bill::store::bill;
use charging::subscriber::store::find;
use charging::testing::TestDatabase;
use chrono::{DateTime, Utc};
use server::demo;
use sqlx::PgConnection;

/// A row by the names of its columns.
type Row = BTreeMap<String, String>;

/// Reads a file as a spreadsheet does.
fn read(file: &str) -> Vec<Row> {
    let file = file.strip_prefix('\u{feff}').expect("the mark of UTF-8");
    let mut rows: Vec<Vec<String>> = vec![vec![String::new()]];
    let (mut quoted, mut letters) = (false, file.chars().peekable());
    while let Some(letter) = letters.next() {
        let row = rows.last_mut().unwrap();
        match letter {
            '"' if quoted && letters.peek() == Some(&'"') => row.last_mut().unwrap().extend(letters.next()),
            '"' => quoted = !quoted,
            ',' if !quoted => row.push(String::new()),
            '\r' if !quoted && letters.peek() == Some(&'\n') => {
                letters.next();
                rows.push(vec![String::new()]);
            }
            letter => row.last_mut().unwrap().push(letter),
        }
    }
    assert_eq!(rows.pop(), Some(vec![String::new()]), "the last line ends, too");
    let head = rows.remove(0);
    rows.into_iter()
        .map(|row| {
            assert_eq!(row.len(), head.len(), "{row:?}");
            head.iter().cloned().zip(row).collect()
        })
        .collect()
}

/// Millionths of a yuan.
fn micros(text: &str) -> i64 {
    let (yuan, fraction) = text.split_once('.').expect("an amount has decimals");
    let (sign, yuan) = yuan.strip_prefix('-').map_or((1, yuan), |yuan| (-1, yuan));
    let fraction = format!("{fraction:0<6}");
    assert_eq!(fraction.len(), 6, "{text}");
    sign * (yuan.parse::<i64>().unwrap() * 1_000_000 + fraction.parse::<i64>().unwrap())
}

/// Half a fen and more is a fen.
fn to_fen(micros: i64) -> i64 {
    micros.signum() * ((micros.abs() + 5_000) / 10_000) * 10_000
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Found {
    bills: u64,
    lines: u64,
    records: u64,
    differences: Vec<String>,
}

impl Found {
    fn compare(&mut self, what: &str, of: &str, derived: i64, stated: i64) {
        if derived != stated {
            self.differences.push(format!("{of}: {what} is {derived}, and not {stated}"));
        }
    }
}

/// Derives every bill of a subscriber from the files, and compares.
async fn rederive(db: &mut PgConnection, subscriber_id: i64, found: &mut Found) {
    let msisdn = find(db, subscriber_id).await.unwrap().unwrap().msisdn;
    let summaries = months(db, subscriber_id, 24).await.unwrap();
    let mut costs: BTreeMap<(String, String), i64> = BTreeMap::new();
    for (summary, _) in &summaries {
        let (mut file, mut after) = (records_head(), None);
        loop {
            let page = records(db, subscriber_id, summary.month, after.as_ref(), PAGE_MAX).await.unwrap();
            let Some(last) = page.last() else { break };
            after = Some((last.started_at, last.id.clone()));
            file.extend(page.iter().map(|record| record_line(&msisdn, record)));
        }
        for record in read(&file) {
            found.records += 1;
            *costs.entry((record["bill_month"].clone(), record["bill_line"].clone())).or_default() +=
                micros(&record["cost_yuan"]);
        }
    }
    for month in read(&months_file(&msisdn, &summaries)) {
        found.bills += 1;
        let bill = bill(db, subscriber_id, month["month"].parse().unwrap()).await.unwrap().unwrap();
        let lines = read(&bill_file(&msisdn, &bill));
        let of = format!("{msisdn} {}", month["month"]);
        found.compare("the number of lines", &of, lines.len().try_into().unwrap(), month["lines"].parse().unwrap());
        for line in &lines {
            found.lines += 1;
            let of = format!("{of} line {}", line["line_no"]);
            found.compare("the amount", &of, to_fen(micros(&line["exact_yuan"])), micros(&line["amount_yuan"]));
            if line["kind"].ends_with("_overage") || line["kind"] == "late_usage" {
                let cost = costs.get(&(line["month"].clone(), line["line_no"].clone())).copied();
                found.compare("the sum of its records", &of, cost.unwrap_or_default(), micros(&line["exact_yuan"]));
            }
        }
        let total = lines.iter().map(|line| micros(&line["amount_yuan"])).sum();
        found.compare("the total", &of, total, micros(&month["total_yuan"]));
    }
    // What costs something is on a bill, unless its month is not closed.
    assert_eq!(costs.get(&(String::new(), String::new())).copied().unwrap_or_default(), 0, "{msisdn}");
}

#[tokio::test]
async fn every_bill_of_the_demo_is_derived_again_from_its_files() {
    let database = TestDatabase::create().await;
    let now: DateTime<Utc> = "2026-11-21T14:00:00+08:00".parse().unwrap();
    demo::load(&database.app, now, demo::HISTORY_MONTHS, |_, _| ()).await.unwrap();
    let everybody: Vec<i64> = sqlx::query_scalar("select subscriber_id from subscriber order by subscriber_id")
        .fetch_all(&database.app)
        .await
        .unwrap();
    let mut found = Found::default();
    let mut db = database.app.acquire().await.unwrap();
    for subscriber_id in &everybody {
        rederive(&mut db, *subscriber_id, &mut found).await;
    }
    println!(
        "bills {}, lines {}, records {}, differences {}",
        found.bills,
        found.lines,
        found.records,
        found.differences.len()
    );
    assert_eq!(found.differences, Vec::<String>::new());
    assert!(found.bills > 4000 && found.lines > found.bills && found.records > 10 * found.bills, "{found:?}");
    drop(db);
    database.drop().await;
}

#[test]
fn a_spreadsheet_reads_what_it_is_given() {
    let rows = read("\u{feff}a,b\r\n1,\"x, \"\"y\"\"\r\nz\"\r\n,\r\n");
    assert_eq!(rows.len(), 2);
    assert_eq!((rows[0]["a"].as_str(), rows[0]["b"].as_str(), rows[1]["b"].as_str()), ("1", "x, \"y\"\r\nz", ""));
    assert_eq!(
        [micros("12.345"), micros("-0.01"), to_fen(micros("0.005")), to_fen(-5_000)],
        [12_345_000, -10_000, 10_000, -10_000]
    );
}
