//! `mingbai subscribers import FILE`

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use charging::subscriber::import::Entry;
use charging::subscriber::import_store::{ImportError, Outcome, Tariffs, take_over};
use chrono::{DateTime, Utc};
use clap::Subcommand;
use futures::stream::{self, StreamExt, TryStreamExt};
use sqlx::PgPool;

use crate::context::Context;
use crate::import::{Import, Line, Tally};

/// Lines that are read before they are written.
const CHUNK: usize = 512;
/// Numbers that are written at the same time.
const IN_FLIGHT: usize = 8;

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Move subscribers in from another system, with what they agreed to there (NDJSON).
    Import {
        /// One subscriber a line.
        file: PathBuf,
    },
}

/// # Errors
/// When the file cannot be read or the database fails; lines that went in until then stay, and the command can be
/// started again.
pub async fn run(args: Args, context: &Context) -> anyhow::Result<()> {
    let Command::Import { file } = args.command;
    let tally = import(&context.pool, &file, context.clock.now()).await?;
    println!("{tally}");
    Ok(())
}

/// Imports one file.
///
/// # Errors
/// When the file cannot be read or the database fails.
pub async fn import(pool: &PgPool, file: &Path, now: DateTime<Utc>) -> anyhow::Result<Tally> {
    let mut import = Import::open(file)?;
    let mut chunk = Vec::with_capacity(CHUNK);
    loop {
        chunk.clear();
        while chunk.len() < CHUNK {
            let Some(line) = import.next_line()? else { break };
            match Entry::parse(&line.text, now) {
                Ok(entry) => chunk.push((line, entry)),
                Err(rejection) => import.reject(&line, &rejection.to_string())?,
            }
        }
        if chunk.is_empty() {
            return import.finish();
        }
        for (line, outcome) in write(pool, &chunk, now).await? {
            match outcome {
                Ok(Outcome::Accepted) => import.accept(1),
                Ok(Outcome::Unchanged) => import.unchanged(1),
                Err(reason) => import.reject(line, &reason)?,
            }
        }
    }
}

type Written<'a> = (&'a Line, Result<Outcome, String>);

/// Writes a chunk: different numbers at the same time, the lines of one number one after the other.
async fn write<'a>(pool: &PgPool, chunk: &'a [(Line, Entry)], now: DateTime<Utc>) -> anyhow::Result<Vec<Written<'a>>> {
    let tariffs = Tariffs::load(&mut *pool.acquire().await?, chunk.iter().map(|(_, entry)| entry)).await?;
    let mut numbers: HashMap<&str, Vec<&(Line, Entry)>> = HashMap::new();
    for line in chunk {
        numbers.entry(line.1.msisdn.as_str()).or_default().push(line);
    }
    let tariffs = &tariffs;
    let written: Vec<Vec<Written<'a>>> = stream::iter(numbers.into_values())
        .map(|lines| async move {
            let mut written = Vec::with_capacity(lines.len());
            for (line, entry) in lines {
                let outcome =
                    write_one(pool, entry, tariffs, now).await.with_context(|| format!("line {}", line.number))?;
                written.push((line, outcome));
            }
            anyhow::Ok(written)
        })
        .buffer_unordered(IN_FLIGHT)
        .try_collect()
        .await?;
    let mut written: Vec<Written<'a>> = written.into_iter().flatten().collect();
    written.sort_by_key(|(line, _)| line.number);
    Ok(written)
}

/// One line, one transaction; once more when another import took the number meanwhile.
async fn write_one(
    pool: &PgPool,
    entry: &Entry,
    tariffs: &Tariffs,
    now: DateTime<Utc>,
) -> anyhow::Result<Result<Outcome, String>> {
    let mut overtaken = false;
    loop {
        let mut tx = pool.begin().await?;
        match take_over(&mut tx, entry, tariffs, now).await {
            Ok(outcome) => {
                tx.commit().await?;
                return Ok(Ok(outcome));
            }
            Err(ImportError::Rejected(rejection)) => return Ok(Err(rejection.to_string())),
            Err(ImportError::Overtaken) if !overtaken => overtaken = true,
            Err(error) => return Err(error.into()),
        }
        tx.rollback().await?;
    }
}
