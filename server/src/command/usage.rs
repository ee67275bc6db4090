//! `mingbai usage ingest FILE…`

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use charging::clock::Clock;
use charging::database::for_charging;
use charging::usage::UsageRecord;
use charging::usage::line::{UsageLine, parse_usage_line};
use charging::usage::store::{Ingested, UsageError, ingest_batch, subscriber_ids};
use chrono::{DateTime, Utc};
use futures::stream::{self, StreamExt as _};
use sqlx::PgPool;

use crate::context::Context;
use crate::import::{Import, Line, Tally};

/// Lines that are rated together: many enough to find several of one subscriber, few enough to hold in memory.
const CHUNK_LINES: usize = 50_000;
/// Text of these lines, in bytes, whatever their number.
const CHUNK_BYTES: usize = 32 * 1024 * 1024;
/// Records of one transaction, or those of one subscriber if they are more.
const BATCH_RECORDS: usize = 2_000;
/// Batches at work at once.
const CONCURRENT_BATCHES: usize = 3;
/// One for each of them.
const CONNECTIONS: u32 = 3;
/// How often work that the database gave up to break a deadlock is tried again.
const TRIES_MAX: u32 = 5;

#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Rate usage records: each once by its id, however often a file is given.
    Ingest {
        /// NDJSON, a line a record with id, msisdn, service, start, quantity and, for data, a rating group.
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
}

/// # Errors
/// When a file cannot be read or the database fails. What was ingested stays; the same command goes on from there.
pub async fn run(command: Command, context: &Context) -> anyhow::Result<()> {
    let Command::Ingest { files } = command;
    let pool = for_charging(&context.pool, CONNECTIONS);
    let mut tally = Tally::default();
    for file in &files {
        tally += ingest_file(&pool, &*context.clock, file).await?;
    }
    println!("{tally}");
    Ok(())
}

/// Ingests a usage file of any size in constant memory.
///
/// # Errors
/// When the file cannot be read or the database fails.
pub async fn ingest_file(pool: &PgPool, clock: &dyn Clock, path: &Path) -> anyhow::Result<Tally> {
    let mut import = Import::open(path)?;
    loop {
        let now = clock.now();
        let (lines, ended) = read_chunk(&mut import, now)?;
        ingest_chunk(pool, &mut import, lines, now).await?;
        if ended {
            return import.finish();
        }
    }
}

/// Reads a chunk of sound lines, and whether the file ended; unsound ones are rejected.
fn read_chunk(import: &mut Import, now: DateTime<Utc>) -> anyhow::Result<(Vec<(Line, UsageLine)>, bool)> {
    let mut lines = Vec::new();
    let mut bytes = 0;
    while lines.len() < CHUNK_LINES && bytes < CHUNK_BYTES {
        let Some(line) = import.next_line()? else { return Ok((lines, true)) };
        bytes += line.text.len();
        match parse_usage_line(&line.text, now) {
            Ok(usage) => lines.push((line, usage)),
            Err(error) => import.reject(&line, &error.to_string())?,
        }
    }
    Ok((lines, false))
}

async fn ingest_chunk(
    pool: &PgPool,
    import: &mut Import,
    lines: Vec<(Line, UsageLine)>,
    now: DateTime<Utc>,
) -> anyhow::Result<()> {
    let mut conn = pool.acquire().await?;
    let numbers: BTreeSet<_> = lines.iter().map(|(_, usage)| &usage.msisdn).collect();
    let ids = subscriber_ids(&mut conn, numbers).await?;
    drop(conn);
    let mut records = Vec::with_capacity(lines.len());
    for (line, usage) in lines {
        match ids.get(&usage.msisdn) {
            Some(subscriber_id) => records.push((line, (*subscriber_id, usage.record))),
            None => import.reject(&line, "no subscriber has this number")?,
        }
    }
    let mut results = stream::iter(batches(records))
        .map(async |(lines, records)| (lines, ingest_of_subscribers(pool, &records, now).await))
        .buffer_unordered(CONCURRENT_BATCHES);
    while let Some((lines, outcomes)) = results.next().await {
        for (line, outcome) in lines.iter().zip(outcomes?) {
            match outcome {
                Ingested::Accepted => import.accept(1),
                Ingested::Unchanged => import.unchanged(1),
                Ingested::Rejected(rejection) => import.reject(line, &rejection.to_string())?,
            }
        }
    }
    Ok(())
}

type Batch = (Vec<Line>, Vec<(i64, UsageRecord)>);

/// Divides records so that each subscriber is in one batch only: batches then never wait for one another.
fn batches(mut records: Vec<(Line, (i64, UsageRecord))>) -> Vec<Batch> {
    records.sort_by_key(|(_, (subscriber_id, _))| *subscriber_id);
    let mut batches: Vec<Batch> = Vec::new();
    for (line, record) in records {
        match batches.last_mut() {
            Some((lines, batch))
                if lines.len() < BATCH_RECORDS || batch.last().is_some_and(|last| last.0 == record.0) =>
            {
                lines.push(line);
                batch.push(record);
            }
            _ => batches.push((vec![line], vec![record])),
        }
    }
    batches
}

async fn ingest_of_subscribers(
    pool: &PgPool,
    records: &[(i64, UsageRecord)],
    now: DateTime<Utc>,
) -> Result<Vec<Ingested>, UsageError> {
    let mut tries = 0;
    loop {
        tries += 1;
        let mut tx = pool.begin().await?;
        match ingest_batch(&mut tx, records, now).await {
            Ok(outcomes) => {
                tx.commit().await?;
                return Ok(outcomes);
            }
            Err(error) if error.is_transient() && tries < TRIES_MAX => tx.rollback().await?,
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use charging::clock::ManualClock;
    use charging::subscriber::store::create;
    use charging::subscriber::{Language, NewSubscriber, STANDARD_CAP_YUAN};
    use charging::testing::TestDatabase;

    use super::*;

    fn line(id: &str, msisdn: &str, quantity: &str) -> String {
        format!(
            r#"{{"id":"{id}","msisdn":"{msisdn}","service":"data","started_at":"2026-10-03T08:15:00+08:00","quantity":{quantity}}}"#
        )
    }

    #[tokio::test]
    async fn a_file_goes_in_once_and_bad_lines_are_kept_with_their_reasons() {
        let db = TestDatabase::create().await;
        let clock = ManualClock::new("2026-10-03T12:00:00+08:00".parse().unwrap());
        for msisdn in ["13800000001", "13800000002"] {
            let new = NewSubscriber {
                msisdn: msisdn.parse().unwrap(),
                name: "王芳".to_owned(),
                region: "北京".to_owned(),
                language: Language::Chinese,
                cap: STANDARD_CAP_YUAN,
                channel_id: "web".to_owned(),
            };
            create(&mut db.app.acquire().await.unwrap(), &new, clock.now()).await.unwrap();
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("usage.ndjson");
        let lines = [
            line("a", "13800000001", "1"),
            line("a", "13800000002", "1"),
            line("a", "13800000001", "1"),
            line("a", "13800000001", "2"),
            line("b", "13900000000", "1"),
            line("c", "13800000001", "-1"),
        ];
        fs::write(&path, lines.join("\n")).unwrap();
        let first = ingest_file(&db.app, &clock, &path).await.unwrap();
        assert_eq!(first.to_string(), "read 6, accepted 2, unchanged 1, rejected 3");
        let rejected = fs::read_to_string(folder.path().join("usage.ndjson.rejected.ndjson")).unwrap();
        let mut told: Vec<String> = rejected
            .lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
            .map(|line| format!("{} {}", line["line"], line["reason"].as_str().unwrap()))
            .collect();
        told.sort();
        let expected = [
            "4 another record of this number has this id",
            "5 no subscriber has this number",
            "6 `quantity` must be from 0 to 1125899906842624",
        ];
        assert_eq!(told, expected);
        let second = ingest_file(&db.app, &clock, &path).await.unwrap();
        assert_eq!(second.to_string(), "read 6, accepted 0, unchanged 3, rejected 3");
        db.drop().await;
    }
}
