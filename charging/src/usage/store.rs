//! Usage in the database, for many subscribers at a time. Callers own the transaction.
//!
//! Whatever changes a subscriber's usage, allowances or cap first locks the subscriber's row, because a month shares
//! what rolls over with the month before and after it.

mod at_once;
mod cap;
mod ingest;
mod load;
mod memory;
mod overview;
mod records;
mod save;
mod session;
mod session_rows;
pub mod spending_limit;
mod thresholds;

pub use cap::{CapChoice, current_cap, lower_cap, raise_cap, what_each_tier_would_have_meant};
pub use ingest::{Ingested, Rejection, ingest_batch, subscriber_ids};
pub use memory::{Memory, revoke_lease};
pub use overview::{AllowanceOverview, CapOverview, DayUsage, MonthOverview, ServiceOverview, daily, month_overview};
pub use records::{
    RECORDS_PAGE_MAX, RecordPage, RecordView, SplitPart, records, records_of_bill_line, records_of_overage,
};
pub use session::{charge_batch, give_back_silent, silent};

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use sqlx::PgConnection;

use crate::clock::Month;
use crate::database::{is_transient, sqlstate};
use crate::ledger::store::LedgerError;
use crate::notice::store::NoticeError;
use load::{Key, load_months};
use memory::set_lease;
use save::save_months;

/// Why usage was not read or written.
#[derive(Debug, thiserror::Error)]
pub enum UsageError {
    #[error("subscriber {0} does not exist")]
    NoSubscriber(i64),
    #[error("subscriber {0} has no cap")]
    NoCap(i64),
    #[error("a cap of {cap} yuan is not lower than the present one of {present} yuan")]
    CapNotLower { cap: Decimal, present: Decimal },
    #[error("a cap of {cap} yuan is not higher than the present one of {present} yuan")]
    CapNotHigher { cap: Decimal, present: Decimal },
    #[error("a cap cannot be lower than the {spent} yuan that are charged this month")]
    CapBelowSpent { spent: Decimal },
    #[error("the cap is not from 0 to 100000 yuan with at most two decimals")]
    CapOutOfRange,
    #[error("there is no consent of this subscriber to this cap")]
    NoConsent,
    #[error("the consent raised a cap before")]
    ConsentSpent,
    #[error("{expected} rows of {table} were to be written, {written} were")]
    Incomplete { table: &'static str, expected: usize, written: u64 },
    #[error("the database holds usage that cannot be read: {0}")]
    Corrupt(String),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error(transparent)]
    Notice(#[from] NoticeError),
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
}

impl UsageError {
    /// Whether the same work may succeed when tried again: the database chose it to break a deadlock.
    pub fn is_transient(&self) -> bool {
        self.database().is_some_and(is_transient)
    }

    /// Whether the database was out of reach, or went away.
    pub fn is_disconnected(&self) -> bool {
        let is_going = |code: &str| code.starts_with("08") || code.starts_with("57P0");
        match self.database() {
            Some(sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed) => true,
            error => error.and_then(sqlstate).is_some_and(|code| is_going(&code)),
        }
    }

    fn database(&self) -> Option<&sqlx::Error> {
        match self {
            Self::Database(error)
            | Self::Ledger(LedgerError::Database(error))
            | Self::Notice(NoticeError::Database(error)) => Some(error),
            _ => None,
        }
    }
}

fn corrupt(error: impl ToString) -> UsageError {
    UsageError::Corrupt(error.to_string())
}

/// A count that the database keeps as a signed number.
fn units(stored: i64) -> Result<u64, UsageError> {
    u64::try_from(stored).map_err(|_| corrupt(format!("the count {stored}")))
}

fn stored(units: u64) -> Result<i64, UsageError> {
    i64::try_from(units).map_err(|_| corrupt(format!("the count {units}")))
}

fn check_written(table: &'static str, expected: usize, written: u64) -> Result<(), UsageError> {
    if written == expected as u64 { Ok(()) } else { Err(UsageError::Incomplete { table, expected, written }) }
}

/// Until the transaction ends, nobody else changes the usage, allowances or cap of these subscribers.
async fn lock_subscribers(conn: &mut PgConnection, subscribers: &BTreeSet<i64>) -> Result<(), UsageError> {
    let locked = lock_existing(conn, subscribers).await?;
    subscribers.difference(&locked).next().map_or(Ok(()), |unknown| Err(UsageError::NoSubscriber(*unknown)))
}

/// Locks those that exist, and takes their leases away.
async fn lock_existing(conn: &mut PgConnection, subscribers: &BTreeSet<i64>) -> Result<BTreeSet<i64>, UsageError> {
    let leases = lock_leases(conn, subscribers).await?;
    let leased: Vec<i64> = leases.iter().filter_map(|(subscriber_id, lease)| lease.map(|_| *subscriber_id)).collect();
    set_lease(conn, &leased, None).await?;
    Ok(leases.into_keys().collect())
}

/// Locks those that exist, always in the same order, so that nobody waits for one who waits for him; returns their leases.
/// Whoever changes something without having read it under the lease must take it away.
async fn lock_leases(
    conn: &mut PgConnection,
    subscribers: &BTreeSet<i64>,
) -> Result<BTreeMap<i64, Option<i64>>, UsageError> {
    let ids: Vec<i64> = subscribers.iter().copied().collect();
    let rows = sqlx::query!(
        "select subscriber_id, usage_lease from subscriber where subscriber_id = any($1)
        order by subscriber_id for no key update",
        &ids
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (row.subscriber_id, row.usage_lease)).collect())
}

async fn lock_subscriber(conn: &mut PgConnection, subscriber_id: i64) -> Result<(), UsageError> {
    lock_subscribers(conn, &BTreeSet::from([subscriber_id])).await
}

/// Makes the allowances of the present month follow the subscriptions: what was ordered since is granted, and what ended
/// immediately lapses. Ingest does the same by itself. Whoever follows the cap is told when data flows again or stops.
///
/// # Errors
/// When the database fails, or the subscriber does not exist.
pub async fn refresh_allowances(
    conn: &mut PgConnection,
    subscriber_id: i64,
    now: DateTime<Utc>,
) -> Result<(), UsageError> {
    lock_subscriber(conn, subscriber_id).await?;
    let key = Key { subscriber_id, month: Month::of(now) };
    let months = load_months(conn, &BTreeSet::from([key])).await?;
    save_months(conn, &months).await?;
    spending_limit::tell(conn, &BTreeSet::from([subscriber_id]), now).await
}
