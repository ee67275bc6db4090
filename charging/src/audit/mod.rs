//! 稽核 Audit: every month rated again by other code than the one that rated it, and every invariant checked.
//!
//! Nothing here is shared with the engine but the reading of tariffs: [`rerate`] works out plainly, from the rating
//! rules of design.md, what the records of a month must have cost, [`evidence`] reads every proof of a yes, and the SQL of
//! [`checks`] and [`money`] compares sums and references of what is stored.

mod checks;
mod evidence;
mod money;
mod penalty;
mod recurring;
mod rerate;

use std::fmt;

use chrono::NaiveDate;
use futures::TryStreamExt;
use rust_decimal::Decimal;
use sqlx::PgPool;

use crate::clock::Month;

/// How many differences are kept with their description; all are counted.
const DESCRIBED_MAX: usize = 1_000;

/// Something that is not as it must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    pub subscriber_id: i64,
    pub month: Option<Month>,
    /// What was compared, and both sides.
    pub what: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "subscriber {}", self.subscriber_id)?;
        if let Some(month) = self.month {
            write!(f, ", {month}")?;
        }
        write!(f, ": {}", self.what)
    }
}

/// What an audit found. Its last line is the contract of `mingbai audit`.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Usage records that were rated again.
    pub records: u64,
    pub differences: u64,
    /// The first of them.
    pub described: Vec<Difference>,
    /// Renewals of add-ons that were charged without a reminder before; no difference.
    pub untold_renewals: u64,
}

impl Report {
    fn add(&mut self, subscriber_id: i64, month: Option<Month>, what: String) {
        self.differences += 1;
        if self.described.len() < DESCRIBED_MAX {
            self.described.push(Difference { subscriber_id, month, what });
        }
    }

    /// Differences per record, to 8 places. Without records, any difference counts as one in one.
    pub fn error_rate(&self) -> Decimal {
        let records = Decimal::from(self.records.max(1));
        (Decimal::from(self.differences) / records).round_dp(8).normalize()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "records {}, differences {}, error rate {}", self.records, self.differences, self.error_rate())
    }
}

/// Why an audit could not be finished.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    #[error(transparent)]
    Database(#[from] sqlx::Error),
    #[error("the terms of {scheme_id} version {version} cannot be read: {error}")]
    Terms { scheme_id: String, version: i32, error: serde_json::Error },
    #[error("subscriber {0} has an allowance whose use cannot be read")]
    Allowance(i64),
}

/// Audits one month, or every month that has usage, charges or bills. `progress` is told of each subscriber done.
///
/// # Errors
/// When the database cannot be read; what differs is no error but in the report.
pub async fn audit(pool: &PgPool, month: Option<Month>, mut progress: impl FnMut()) -> Result<Report, AuditError> {
    let mut report = Report::default();
    evidence::run(pool, &mut report).await?;
    checks::run(pool, &mut report).await?;
    penalty::run(pool, &mut report).await?;
    money::run(pool, &mut report).await?;
    let months = match month {
        Some(month) => vec![month],
        None => months_with_data(pool).await?,
    };
    for month in months {
        let mut subscribers =
            sqlx::query_scalar!("select subscriber_id from subscriber order by subscriber_id").fetch(pool);
        let mut connection = pool.acquire().await?;
        while let Some(subscriber_id) = subscribers.try_next().await? {
            rerate::month(&mut connection, subscriber_id, month, &mut report).await?;
            recurring::month(&mut connection, subscriber_id, month, &mut report).await?;
            progress();
        }
    }
    Ok(report)
}

async fn months_with_data(pool: &PgPool) -> Result<Vec<Month>, sqlx::Error> {
    let days: Vec<NaiveDate> = sqlx::query_scalar!(
        r#"
        select distinct month as "month!" from (
            select distinct month from month_counter
            union all select distinct month from charge
            union all select distinct month from bill
            union all select distinct month from usage_record
        ) as months
        order by 1
        "#
    )
    .fetch_all(pool)
    .await?;
    Ok(days.into_iter().map(Month::of_date).collect())
}
