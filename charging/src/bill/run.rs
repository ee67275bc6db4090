//! 出账 Closing a month: one bill a subscriber, many of them in one transaction.
//!
//! A run may be stopped at any point and started again, and several may work at the same time: a subscriber has the
//! whole bill of a month or none.

use chrono::{DateTime, Utc};
use futures::stream::{self, Stream, TryStreamExt as _};
use rust_decimal::Decimal;
use sqlx::error::DatabaseError;
use sqlx::{Connection as _, PgConnection, PgPool};

use super::close::close;
use super::draft::{Batch, next_batch, read_drafts};
use super::lines::LineOverflow;
use crate::clock::{Clock, Month};
use crate::database::{for_charging, is_transient, sqlstate};
use crate::ledger::store::LedgerError;
use crate::notice::store::NoticeError;
use crate::order::first_charge::remind_all;
use crate::order::store::OrderError;
use crate::payment::store::PaymentError;
use crate::tariff::InvalidSchemeId;

/// Subscribers whose bills are written in one transaction.
const BATCH: i64 = 256;
/// Such transactions at work at the same time.
const IN_FLIGHT: usize = 3;
/// A connection for each of them, and one that looks for the next subscribers.
const CONNECTIONS: u32 = 4;
/// How often one bill is tried again when another run was faster.
const TRIES_MAX: u32 = 4;
/// Subscribers whose bills are refused, after which a run gives up.
const REFUSED_MAX: usize = 1_000;

/// What a run did.
#[derive(Debug, Default)]
pub struct Summary {
    /// Bills made by this run.
    pub bills: u64,
    /// Yuan on them.
    pub total: Decimal,
    /// Subscribers who had their bill of the month already.
    pub already: u64,
    /// Subscribers who have none yet because a first charge on it was told less than
    /// [`ANSWER_TIME`](crate::order::first_charge::ANSWER_TIME) ago.
    pub told: u64,
    /// Subscribers who have none yet because the message of a first charge on it is not sent yet; not longer than
    /// [`UNSENT_MAX`](crate::order::first_charge::UNSENT_MAX).
    pub unsent: u64,
    /// Bills made by this run although the message of a first charge on it could not be sent.
    pub untold: u64,
    /// Subscribers who have none because it was refused, each with the reason.
    pub refused: Vec<(i64, RunError)>,
}

/// Why a run stopped, or a bill was refused.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    #[error("{month} is not over: it ends at {}", month.end().with_timezone(&crate::clock::shanghai()))]
    NotOver { month: Month },
    #[error("the bills of {REFUSED_MAX} subscribers are refused; that of {subscriber_id}: {reason}")]
    TooManyRefused { subscriber_id: i64, reason: Box<RunError> },
    #[error("the charges changed again and again while the bill was made")]
    Contended,
    #[error(transparent)]
    Overflow(#[from] LineOverflow),
    #[error("{expected} rows of {table} were to be written, {written} were")]
    Incomplete { table: &'static str, expected: usize, written: u64 },
    #[error("the first charges that are due to be told could not be told")]
    Reminders(#[source] OrderError),
    #[error("the database holds what cannot be read: {0}")]
    Corrupt(String),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error(transparent)]
    Notice(#[from] NoticeError),
    #[error("a closed bill could not be paid from the balance")]
    Payment(#[from] PaymentError),
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
}

impl From<InvalidSchemeId> for RunError {
    fn from(error: InvalidSchemeId) -> Self {
        Self::Corrupt(error.to_string())
    }
}

impl RunError {
    fn of_database(&self) -> Option<&sqlx::Error> {
        match self {
            Self::Database(error)
            | Self::Ledger(LedgerError::Database(error))
            | Self::Notice(NoticeError::Database(error))
            | Self::Payment(PaymentError::Database(error) | PaymentError::Notice(NoticeError::Database(error))) => {
                Some(error)
            }
            _ => None,
        }
    }

    /// Whether it is about the rows of a subscriber, so that the bills of others can be made.
    fn is_of_one(&self) -> bool {
        let Some(error) = self.of_database() else { return true };
        // Data that do not fit, constraints, transactions that met: the classes of SQLSTATE.
        sqlstate(error).is_some_and(|code| ["22", "23", "40"].iter().any(|class| code.starts_with(class)))
    }

    /// Whether another run posted the charge or billed it in the meantime, something was cancelled before its first charge, or
    /// the two stood in each other's way.
    fn is_overtaken(&self) -> bool {
        let is_billed = |error: &sqlx::Error| {
            error.as_database_error().and_then(DatabaseError::constraint) == Some("bill_line_charge_pkey")
        };
        matches!(self, Self::Ledger(LedgerError::AlreadyCharged | LedgerError::NoSubscription))
            || self.of_database().is_some_and(|error| is_billed(error) || is_transient(error))
    }
}

/// Makes the bill of `month` for every subscriber who has none and was there in that month. First charges that are due to be
/// told are told before, so that no bill waits for a worker that does not run. `progress` is told the number of subscribers
/// looked at since it was told last.
///
/// # Errors
/// When the month is not over, or the database fails, or too many bills are refused; the bills made until then stay.
pub async fn run(pool: &PgPool, month: Month, clock: &dyn Clock, progress: impl Fn(u64)) -> Result<Summary, RunError> {
    if clock.now() < month.end() {
        return Err(RunError::NotOver { month });
    }
    let pool = for_charging(pool, CONNECTIONS);
    let summary = match remind_all(&pool, clock.now()).await {
        Ok(()) => run_in(&pool, month, clock, progress).await,
        Err(error) => Err(RunError::Reminders(error)),
    };
    pool.close().await;
    summary
}

async fn run_in(pool: &PgPool, month: Month, clock: &dyn Clock, progress: impl Fn(u64)) -> Result<Summary, RunError> {
    let mut summary = Summary { total: Decimal::new(0, 2), ..Summary::default() };
    let mut closed = std::pin::pin!(
        batches(pool, month, clock)
            .map_ok(async |batch| close_batch(pool, month, batch, clock.now()).await)
            .try_buffer_unordered(IN_FLIGHT)
    );
    while let Some(closed) = closed.try_next().await? {
        summary.bills += closed.totals.len() as u64;
        summary.total += closed.totals.iter().sum::<Decimal>();
        summary.already += closed.already;
        summary.told += closed.told;
        summary.unsent += closed.unsent;
        summary.untold += closed.untold;
        summary.refused.extend(closed.refused);
        progress(closed.seen);
        if summary.refused.len() >= REFUSED_MAX {
            let Some((subscriber_id, reason)) = summary.refused.pop() else { break };
            return Err(RunError::TooManyRefused { subscriber_id, reason: Box::new(reason) });
        }
    }
    Ok(summary)
}

/// How many subscribers a run looks at.
///
/// # Errors
/// When the database fails.
pub async fn subscribers(conn: &mut PgConnection) -> Result<u64, sqlx::Error> {
    let count = sqlx::query_scalar!(r#"select count(*) as "count!" from subscriber"#).fetch_one(conn).await?;
    Ok(count.unsigned_abs())
}

/// All subscribers, batch by batch.
fn batches<'a>(
    pool: &'a PgPool,
    month: Month,
    clock: &'a dyn Clock,
) -> impl Stream<Item = Result<Batch, RunError>> + 'a {
    stream::try_unfold(i64::MIN, move |after| async move {
        let mut conn = pool.acquire().await?;
        let batch = next_batch(&mut conn, month, after, BATCH, clock.now()).await?;
        Ok(batch.map(|batch| {
            let last = batch.last;
            (batch, last)
        }))
    })
}

/// What became of a batch.
#[derive(Debug, Default)]
struct Closed {
    /// Of the bills made, in yuan.
    totals: Vec<Decimal>,
    already: u64,
    told: u64,
    unsent: u64,
    untold: u64,
    refused: Vec<(i64, RunError)>,
    seen: u64,
}

/// Closes a batch in one transaction, or, where that is refused, each subscriber in one.
async fn close_batch(pool: &PgPool, month: Month, batch: Batch, now: DateTime<Utc>) -> Result<Closed, RunError> {
    let Batch { already, told, unsent, seen, .. } = batch;
    let mut closed = Closed { already, told, unsent, seen, ..Closed::default() };
    if batch.wanted.is_empty() {
        return Ok(closed);
    }
    let mut conn = pool.acquire().await?;
    match try_close(&mut conn, month, &batch.wanted, now).await {
        Ok(totals) => closed.add(batch.wanted.len(), totals),
        Err(error) if !error.is_of_one() => return Err(error),
        Err(_) => {
            for subscriber_id in batch.wanted {
                match close_one(&mut conn, month, subscriber_id, now).await {
                    Ok(totals) => closed.add(1, totals),
                    Err(error) if error.is_of_one() => closed.refused.push((subscriber_id, error)),
                    Err(error) => return Err(error),
                }
            }
        }
    }
    let is_billed = |id: &&i64| !closed.refused.iter().any(|(refused, _)| refused == *id);
    closed.untold = batch.untold.iter().filter(is_billed).count() as u64;
    Ok(closed)
}

impl Closed {
    fn add(&mut self, wanted: usize, totals: Vec<Decimal>) {
        self.already += (wanted - totals.len()) as u64;
        self.totals.extend(totals);
    }
}

async fn close_one(
    conn: &mut PgConnection,
    month: Month,
    subscriber_id: i64,
    now: DateTime<Utc>,
) -> Result<Vec<Decimal>, RunError> {
    for _ in 0..TRIES_MAX {
        match try_close(conn, month, &[subscriber_id], now).await {
            Err(error) if error.is_overtaken() => {}
            closed => return closed,
        }
    }
    Err(RunError::Contended)
}

async fn try_close(
    conn: &mut PgConnection,
    month: Month,
    wanted: &[i64],
    now: DateTime<Utc>,
) -> Result<Vec<Decimal>, RunError> {
    let drafts = read_drafts(conn, month, wanted, now).await?;
    let mut tx = conn.begin().await?;
    let totals = close(&mut tx, month, drafts, now).await?;
    tx.commit().await?;
    Ok(totals)
}
