//! `mingbai tariffs import`, `export`, `lint` and `terms`

use std::fs::File;
use std::io::{BufWriter, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use charging::tariff::file::{Element, FileError, read_tariffs};
use charging::tariff::own_format;
use charging::tariff::store::{self, Outcome, Publication};
use chrono::{DateTime, Utc};
use clap::Subcommand;
use sqlx::PgPool;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::{lint, terms};
use crate::context::Context;
use crate::import::{Rejected, Tally, progress};
use crate::worker::tariffs;

/// Elements that are published in one transaction.
const BATCH: usize = 250;
/// Elements that are read ahead of what is published.
const AHEAD: usize = 2 * BATCH;
/// Tariffs that are exported at a time.
const EXPORT_PAGE: i64 = 200;

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Publish tariffs from files, in our own format or as operators' tariff zones were collected.
    Import {
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// Write every version of every tariff to a file, which `import` reads back.
    Export { file: PathBuf },
    /// Look for what makes tariffs hard to understand, and print how many break each rule: tariffs (findings).
    Lint(lint::Args),
    /// Count of how many tariffs the machine-readable terms can be read from the text, and why not of the others.
    Terms(terms::Args),
}

/// # Errors
/// When a file cannot be read to its end or the database fails; what went in until then stays, and the command can be
/// started again.
pub async fn run(args: Args, context: &Context) -> anyhow::Result<()> {
    match args.command {
        Command::Import { files } => import_all(context, &files).await,
        Command::Export { file } => {
            let versions = export(&context.pool, &file).await?;
            println!("versions {versions}, written to {}", file.display());
            Ok(())
        }
        Command::Lint(args) => lint::run(args, context).await,
        Command::Terms(args) => terms::run(args).await,
    }
}

async fn import_all(context: &Context, files: &[PathBuf]) -> anyhow::Result<()> {
    let mut tally = Tally::default();
    let mut broken = Vec::new();
    for file in files {
        let imported = import(&context.pool, file, context.clock.now()).await?;
        tally += imported.tally;
        if let Some(error) = imported.broken {
            eprintln!("error: {}: {error:#}", file.display());
            broken.push(file.display().to_string());
        }
    }
    tariffs::read(&context.pool).await?;
    println!("{tally}");
    anyhow::ensure!(broken.is_empty(), "not read to the end: {}", broken.join(", "));
    Ok(())
}

/// What came of a file.
#[derive(Debug)]
pub struct Imported {
    pub tally: Tally,
    /// Why it could not be read to its end.
    pub broken: Option<anyhow::Error>,
}

/// Imports one file in constant memory; bad elements go to `FILE.rejected.ndjson`.
///
/// # Errors
/// When the file cannot be opened or the database fails.
pub async fn import(pool: &PgPool, path: &Path, now: DateTime<Utc>) -> anyhow::Result<Imported> {
    let mut rejected = Rejected::beside(path)?;
    let (mut elements, reader) = read(path)?;
    let mut tally = Tally::default();
    let mut batch = Vec::with_capacity(BATCH);
    while elements.recv_many(&mut batch, BATCH).await > 0 {
        publish(pool, &mut batch, now, &mut rejected, &mut tally).await?;
    }
    let broken = reader.await?.err().map(anyhow::Error::from);
    if let Some(path) = rejected.finish()? {
        eprintln!("rejected tariffs, each with its reason: {}", path.display());
    }
    Ok(Imported { tally, broken })
}

pub(super) type Reading = (mpsc::Receiver<Element>, JoinHandle<Result<(), FileError>>);

/// Reads a file on a thread of its own, which waits where publishing is slower.
pub(super) fn read(path: &Path) -> anyhow::Result<Reading> {
    let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    let bytes = file.metadata().with_context(|| format!("cannot read {}", path.display()))?.len();
    let (sender, receiver) = mpsc::channel(AHEAD);
    let reader = tokio::task::spawn_blocking(move || {
        let progress = progress(bytes);
        let result = read_tariffs(progress.wrap_read(file), &mut |element| match sender.blocking_send(element) {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        });
        progress.finish_and_clear();
        result
    });
    Ok((receiver, reader))
}

/// Publishes a batch in one transaction and empties it.
async fn publish(
    pool: &PgPool,
    batch: &mut Vec<Element>,
    now: DateTime<Utc>,
    rejected: &mut Rejected,
    tally: &mut Tally,
) -> anyhow::Result<()> {
    let mut sound: Vec<(u64, String)> = Vec::with_capacity(batch.len());
    let mut publications: Vec<Publication> = Vec::with_capacity(batch.len());
    for element in batch.drain(..) {
        tally.read += 1;
        match element.parsed {
            Ok(publication) => {
                sound.push((element.number, element.text));
                publications.push(publication);
            }
            Err(reason) => {
                tally.rejected += 1;
                rejected.write(element.number, &reason, &element.text)?;
            }
        }
    }
    let mut transaction = pool.begin().await?;
    let outcomes = store::publish(&mut transaction, &publications, now).await?;
    transaction.commit().await?;
    for ((number, text), outcome) in sound.iter().zip(outcomes) {
        match outcome {
            Outcome::Accepted { .. } => tally.accepted += 1,
            Outcome::Unchanged { .. } => tally.unchanged += 1,
            Outcome::Refused { reason } => {
                tally.rejected += 1;
                rejected.write(*number, &reason, text)?;
            }
        }
    }
    Ok(())
}

/// Writes every version of every tariff; the file appears when it is whole. Returns the number of versions.
///
/// # Errors
/// When the file cannot be written or the database fails.
pub async fn export(pool: &PgPool, path: &Path) -> anyhow::Result<u64> {
    let mut partial = path.as_os_str().to_owned();
    partial.push(".partial");
    let partial = PathBuf::from(partial);
    let failed = || format!("cannot write {}", partial.display());
    let mut file = BufWriter::new(File::create(&partial).with_context(failed)?);
    let mut conn = pool.acquire().await?;
    let (mut versions, mut after) = (0, String::new());
    write!(file, "{{\"format\":\"{}\",\"tariffs\":[", own_format::FORMAT).with_context(failed)?;
    loop {
        let ids = store::ids_after(&mut conn, &after, EXPORT_PAGE).await?;
        let Some(last) = ids.last() else { break };
        after.clone_from(last);
        for tariff in store::histories(&mut conn, &ids).await? {
            let separator = if versions == 0 { "\n" } else { ",\n" };
            write!(file, "{separator}{}", own_format::write(&tariff)).with_context(failed)?;
            versions += 1;
        }
    }
    file.write_all(b"\n]}\n").with_context(failed)?;
    let file = file.into_inner().map_err(std::io::IntoInnerError::into_error).with_context(failed)?;
    file.sync_all().with_context(failed)?;
    std::fs::rename(&partial, path).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(versions)
}
