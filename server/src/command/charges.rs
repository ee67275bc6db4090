//! `mingbai charges import FILE`, `mingbai charges review`

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use charging::clock::{Clock, start_of_day};
use charging::incident::finding::review::{Period, Reviewed, review_history};
use charging::incident::imported::ChargeLine;
use charging::incident::imported::store::{ImportError, NewImportedCharge, Outcome, begin_count, bring, count_alike};
use charging::usage::store::subscriber_ids;
use chrono::{DateTime, Days, NaiveDate, Utc};
use sqlx::{Connection as _, PgConnection, PgPool};

use crate::context::Context;
use crate::import::{Import, Line, Tally, progress};

/// Lines that go in together.
const CHUNK_LINES: usize = 20_000;
/// Text of these lines, in bytes, whatever their number.
const CHUNK_BYTES: usize = 32 * 1024 * 1024;
/// How often lines that another import was faster with are tried again.
const TRIES_MAX: u32 = 5;

#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Bring charges that another system made, to be reviewed and returned: each once, however often a file is given.
    Import {
        /// NDJSON, a line a charge with `msisdn`, `scheme_id`, `amount`, `charged_at`, `route`, and consent if there is one.
        file: PathBuf,
    },
    /// Look through all charges again for what looks wrong.
    Review {
        /// The first day on which they were charged.
        #[arg(long)]
        from: Option<NaiveDate>,
        /// The last day.
        #[arg(long)]
        to: Option<NaiveDate>,
    },
}

/// # Errors
/// When the file cannot be read or the database fails. What was brought or found stays; the same command goes on from there.
pub async fn run(command: Command, context: &Context) -> anyhow::Result<()> {
    match command {
        Command::Import { file } => println!("{}", import_file(&context.pool, &*context.clock, &file).await?),
        Command::Review { from, to } => {
            let until = to.and_then(|day| day.checked_add_days(Days::new(1)));
            let period = Period { from: from.map(start_of_day), until: until.map(start_of_day) };
            let bar = progress(0);
            let told = |done, total| {
                bar.set_length(total);
                bar.set_position(done);
            };
            let reviewed = review_history(&context.pool, period, context.clock.now(), told).await?;
            bar.finish_and_clear();
            tell(&reviewed);
        }
    }
    Ok(())
}

/// What was found that was not known, by detector.
fn tell(reviewed: &Reviewed) {
    let detectors: BTreeSet<_> = reviewed.found.iter().map(|found| found.detector).collect();
    for detector in detectors {
        let of_it = || reviewed.found.iter().filter(|found| found.detector == detector);
        let charges: i64 = of_it().map(|found| found.charges).sum();
        let amount: rust_decimal::Decimal = of_it().map(|found| found.amount).sum();
        println!("{detector}: {charges} charges, {} yuan", charging::money::plain(amount));
    }
    println!("reviewed {}, found {}", reviewed.charges, reviewed.found.iter().map(|found| found.charges).sum::<i64>());
}

/// Imports a file of charges of any size in constant memory.
///
/// # Errors
/// When the file cannot be read or the database fails.
pub async fn import_file(pool: &PgPool, clock: &dyn Clock, path: &Path) -> anyhow::Result<Tally> {
    let mut import = Import::open(path)?;
    let mut conn = pool.acquire().await?;
    begin_count(&mut conn).await?;
    loop {
        let now = clock.now();
        let (lines, ended) = read_chunk(&mut import, now)?;
        import_chunk(&mut conn, &mut import, lines, now).await?;
        if ended {
            return import.finish();
        }
    }
}

/// Reads a chunk of sound lines, and whether the file ended; unsound ones are rejected.
fn read_chunk(import: &mut Import, now: DateTime<Utc>) -> anyhow::Result<(Vec<(Line, ChargeLine)>, bool)> {
    let mut lines = Vec::new();
    let mut bytes = 0;
    while lines.len() < CHUNK_LINES && bytes < CHUNK_BYTES {
        let Some(line) = import.next_line()? else { return Ok((lines, true)) };
        bytes += line.text.len();
        match ChargeLine::parse(&line.text, now) {
            Ok(charge) => lines.push((line, charge)),
            Err(error) => import.reject(&line, &error.to_string())?,
        }
    }
    Ok((lines, false))
}

async fn import_chunk(
    conn: &mut PgConnection,
    import: &mut Import,
    lines: Vec<(Line, ChargeLine)>,
    now: DateTime<Utc>,
) -> anyhow::Result<()> {
    let numbers: BTreeSet<_> = lines.iter().map(|(_, charge)| &charge.msisdn).collect();
    let ids = subscriber_ids(conn, numbers).await?;
    let without_id = || lines.iter().filter(|(_, charge)| charge.id.is_none());
    let digests: Vec<[u8; 32]> = without_id().map(|(_, charge)| charge.digest()).collect();
    let mut alike = count_alike(conn, &digests).await?.into_iter();
    let (mut kept, mut charges) = (Vec::with_capacity(lines.len()), Vec::with_capacity(lines.len()));
    for (text, line) in lines {
        let before = if line.id.is_none() { alike.next().unwrap_or_default() } else { 0 };
        match ids.get(&line.msisdn) {
            Some(subscriber_id) => {
                charges.push(NewImportedCharge {
                    subscriber_id: *subscriber_id,
                    source_id: line.source_id(before),
                    line,
                });
                kept.push(text);
            }
            None => import.reject(&text, "no subscriber has this number: move the subscriber in first")?,
        }
    }
    for (text, outcome) in kept.iter().zip(bring_in(conn, &charges, now).await?) {
        match outcome {
            Outcome::Accepted => import.accept(1),
            Outcome::Unchanged => import.unchanged(1),
            Outcome::Conflict => import.reject(text, "another charge of this number has this id")?,
        }
    }
    Ok(())
}

async fn bring_in(
    conn: &mut PgConnection,
    charges: &[NewImportedCharge],
    now: DateTime<Utc>,
) -> Result<Vec<Outcome>, ImportError> {
    let mut tries = 0;
    loop {
        tries += 1;
        let mut tx = conn.begin().await?;
        match bring(&mut tx, charges, now).await {
            Ok(outcomes) => {
                tx.commit().await?;
                return Ok(outcomes);
            }
            Err(ImportError::Overtaken) if tries < TRIES_MAX => tx.rollback().await?,
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;
    use std::fs;
    use std::time::{Duration, Instant};

    use charging::clock::ManualClock;
    use charging::incident::finding::review::review_new;
    use charging::testing::TestDatabase;

    use super::*;

    /// So many subscribers, from 13800000001 on.
    async fn subscribers(db: &TestDatabase, n: i32) {
        for sql in [
            "insert into msisdn (msisdn) select '138' || lpad(n::text, 8, '0') from generate_series(1, $1) n",
            "insert into subscriber (subscriber_id, msisdn, name, region, created_at)
            select subscriber_id, msisdn, '用户', '北京', '2026-01-01' from msisdn where $1 > 0",
        ] {
            sqlx::query(sql).bind(n).execute(&db.app).await.unwrap();
        }
    }

    fn clock() -> ManualClock {
        ManualClock::new("2026-11-20T12:00:00+08:00".parse().unwrap())
    }

    fn line(n: u32, amount: &str) -> String {
        format!(
            r#"{{"msisdn":"138{n:08}","scheme_id":"95元权益包","amount":"{amount}","charged_at":"2026-10-03T02:15:00+08:00","route":"bill","source":"upgrade"}}"#
        )
    }

    #[tokio::test]
    async fn a_file_goes_in_once_and_bad_lines_are_kept_with_their_reasons() {
        let db = TestDatabase::create().await;
        subscribers(&db, 2).await;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("charges.ndjson");
        let with_id = line(1, "95.00").replacen('{', r#"{"id":"a","#, 1);
        let lines = [
            line(1, "95.00"),
            // The same again is another charge: it stands twice in the file.
            line(1, "95.00"),
            with_id.clone(),
            with_id.replace("95.00", "94.00"),
            line(9, "95.00"),
            line(2, "0"),
            "95".to_owned(),
        ];
        fs::write(&path, lines.join("\n")).unwrap();
        let first = import_file(&db.app, &clock(), &path).await.unwrap();
        assert_eq!(first.to_string(), "read 7, accepted 3, unchanged 0, rejected 4");
        let rejected = fs::read_to_string(folder.path().join("charges.ndjson.rejected.ndjson")).unwrap();
        let mut told: Vec<String> = rejected
            .lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
            .map(|line| format!("{} {}", line["line"], line["reason"].as_str().unwrap()))
            .collect();
        told.sort();
        assert_eq!(
            told[..3],
            [
                "4 another charge of this number has this id",
                "5 no subscriber has this number: move the subscriber in first",
                "6 `amount`: nothing was charged",
            ]
        );
        assert!(told[3].starts_with("7 not a charge: invalid type"), "{}", told[3]);
        let second = import_file(&db.app, &clock(), &path).await.unwrap();
        assert_eq!(second.to_string(), "read 7, accepted 0, unchanged 3, rejected 4");
        // A line more than before, wherever it stands.
        fs::write(&path, [line(1, "95.00"), line(2, "95.00"), line(1, "95.00"), line(1, "95.00")].join("\n")).unwrap();
        let third = import_file(&db.app, &clock(), &path).await.unwrap();
        assert_eq!(third.to_string(), "read 4, accepted 2, unchanged 2, rejected 0");
        db.drop().await;
    }

    #[tokio::test]
    async fn the_wrong_charges_of_a_night_are_found_within_a_minute() {
        const CHARGES: u32 = 10_000;
        let db = TestDatabase::create().await;
        subscribers(&db, 10_000).await;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("night.ndjson");
        let file = (1..=CHARGES).fold(String::new(), |mut file, n| {
            let _ = writeln!(file, "{}", line(n, "95.00"));
            file
        });
        fs::write(&path, file).unwrap();
        let began = Instant::now();
        let tally = import_file(&db.app, &clock(), &path).await.unwrap();
        assert_eq!(tally.to_string(), "read 10000, accepted 10000, unchanged 0, rejected 0");
        let mut found = Vec::new();
        while found.is_empty() && began.elapsed() < Duration::from_mins(1) {
            found = review_new(&db.app, clock().now()).await.unwrap().found;
        }
        let found: Vec<(&str, i64)> = found.iter().map(|found| (found.detector.as_str(), found.charges)).collect();
        assert_eq!(found, [("no_consent", 10_000), ("burst", 10_000), ("not_on_sale", 10_000)]);
        let findings: i64 = sqlx::query_scalar("select count(*) from finding").fetch_one(&db.app).await.unwrap();
        assert_eq!(findings, 3, "one each, however many charges");
        db.drop().await;
    }
}
