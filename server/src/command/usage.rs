//! `mingbai usage ingest FILE…`

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use charging::clock::{Clock, Month};
use charging::usage::UsageRecord;
use charging::usage::line::{UsageLine, parse_usage_line};
use charging::usage::store::{Ingested, UsageError, ensure_partitions, ingest_batch, subscriber_ids};
use chrono::{DateTime, Utc};
use futures::stream::{self, StreamExt as _};
use sqlx::PgPool;

use crate::context::Context;
use crate::import::{Import, Line, Tally};

/// Lines that are rated together: many enough to find several of one subscriber, few enough to hold in memory.
const CHUNK_LINES: usize = 10_000;
/// Subscribers at work at once.
const CONCURRENT_SUBSCRIBERS: usize = 8;
/// How often work that the database gave up to break a deadlock is tried again.
const TRIES_MAX: u32 = 5;

#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Rate usage records: each once by its id, however often a file is given.
    Ingest {
        /// NDJSON: {"id":…,"msisdn":…,"service":"data|voice|sms","started_at":…,"quantity":…,"rating_group":…} a line.
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
}

/// # Errors
/// When a file cannot be read or the database fails. What was ingested stays; the same command goes on from there.
pub async fn run(command: Command, context: &Context) -> anyhow::Result<()> {
    let Command::Ingest { files } = command;
    let mut tally = Tally::default();
    for file in &files {
        tally += ingest_file(&context.pool, &*context.clock, file).await?;
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
    let mut months = BTreeSet::new();
    loop {
        let now = clock.now();
        let (lines, ended) = read_chunk(&mut import, now)?;
        ingest_chunk(pool, &mut import, &mut months, lines, now).await?;
        if ended {
            return import.finish();
        }
    }
}

/// Reads a chunk of sound lines, and whether the file ended; unsound ones are rejected.
fn read_chunk(import: &mut Import, now: DateTime<Utc>) -> anyhow::Result<(Vec<(Line, UsageLine)>, bool)> {
    let mut lines = Vec::with_capacity(CHUNK_LINES);
    while lines.len() < CHUNK_LINES {
        let Some(line) = import.next_line()? else { return Ok((lines, true)) };
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
    months: &mut BTreeSet<Month>,
    lines: Vec<(Line, UsageLine)>,
    now: DateTime<Utc>,
) -> anyhow::Result<()> {
    let mut conn = pool.acquire().await?;
    let new_months: BTreeSet<Month> = lines.iter().map(|(_, usage)| Month::of(usage.record.started_at)).collect();
    let new_months: Vec<Month> = new_months.difference(months).copied().collect();
    ensure_partitions(&mut conn, new_months.iter().copied()).await?;
    months.extend(new_months);
    let numbers: BTreeSet<_> = lines.iter().map(|(_, usage)| &usage.msisdn).collect();
    let ids = subscriber_ids(&mut conn, numbers).await?;
    drop(conn);
    let mut batches: BTreeMap<i64, (Vec<Line>, Vec<UsageRecord>)> = BTreeMap::new();
    for (line, usage) in lines {
        match ids.get(&usage.msisdn) {
            Some(subscriber_id) => {
                let (lines, records) = batches.entry(*subscriber_id).or_default();
                lines.push(line);
                records.push(usage.record);
            }
            None => import.reject(&line, "no subscriber has this number")?,
        }
    }
    let mut results = stream::iter(batches)
        .map(async |(subscriber_id, (lines, records))| {
            (lines, ingest_of_subscriber(pool, subscriber_id, &records, now).await)
        })
        .buffer_unordered(CONCURRENT_SUBSCRIBERS);
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

async fn ingest_of_subscriber(
    pool: &PgPool,
    subscriber_id: i64,
    records: &[UsageRecord],
    now: DateTime<Utc>,
) -> Result<Vec<Ingested>, UsageError> {
    let mut tries = 0;
    loop {
        tries += 1;
        let mut tx = pool.begin().await?;
        match ingest_batch(&mut tx, subscriber_id, records, now).await {
            Ok(outcomes) => {
                tx.commit().await?;
                return Ok(outcomes);
            }
            Err(error) if error.is_transient() && tries < TRIES_MAX => tx.rollback().await?,
            Err(error) => return Err(error),
        }
    }
}
