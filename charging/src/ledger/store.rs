//! Posting charges and transfers. Callers own the transaction.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use sqlx::PgConnection;

use super::{Account, ChargeKind, NewCharge};
use crate::clock::Month;

/// Why something was not posted.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    #[error("subscriber {subscriber_id}: {amount} yuan is not an amount above zero with at most 6 decimals")]
    Amount { subscriber_id: i64, amount: Decimal },
    #[error("this month of a subscription, this one-off fee, this penalty or this usage record is charged already")]
    AlreadyCharged,
    #[error(
        "a charge names no subscription of this subscriber at this tariff version and price that may be charged for"
    )]
    NoSubscription,
    #[error("a usage charge names no usage record of this subscriber and month")]
    NoUsageRecord,
    #[error("a charge is above the price that was agreed to, or a penalty is not what was told")]
    AbovePrice,
    #[error("transfer {0} is reversed already")]
    AlreadyReversed(i64),
    #[error("transfer {transfer_id} cannot be reversed by {amount} yuan: it was less")]
    ReversesTooMuch { transfer_id: i64, amount: Decimal },
    #[error("transfer {0} does not exist for this subscriber")]
    NoTransfer(i64),
    #[error("the bill of {0} is rounded already")]
    AlreadyRounded(Month),
    #[error("{expected} rows were to be posted, {posted} were")]
    Incomplete { expected: usize, posted: u64 },
    #[error("the stored {0} is not readable")]
    Corrupt(&'static str),
    #[error("the database failed")]
    Database(#[source] sqlx::Error),
}

impl From<sqlx::Error> for LedgerError {
    fn from(error: sqlx::Error) -> Self {
        match error.as_database_error().and_then(|e| e.constraint()) {
            Some("charge_recurring_once" | "charge_one_off_once" | "charge_penalty_once" | "charge_usage_once") => {
                Self::AlreadyCharged
            }
            Some("charge_subscription") => Self::NoSubscription,
            Some("charge_usage" | "charge_names_its_cause") => Self::NoUsageRecord,
            Some("charge_within_price" | "charge_penalty" | "charge_penalty_told") => Self::AbovePrice,
            _ => Self::Database(error),
        }
    }
}

fn check_amount(subscriber_id: i64, amount: Decimal) -> Result<(), LedgerError> {
    if amount > Decimal::ZERO && amount.normalize().scale() <= 6 {
        Ok(())
    } else {
        Err(LedgerError::Amount { subscriber_id, amount })
    }
}

/// A charge as it was posted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PostedCharge {
    pub subscriber_id: i64,
    pub charge_id: i64,
    pub kind: ChargeKind,
    pub subscription_id: i64,
}

/// Posts charges and, for each, its transfer (debit receivable, credit the revenue of its kind), in one statement.
/// Returns them in no particular order.
///
/// # Errors
/// When one of them is refused, as of a subscription that an incident froze; none is posted then.
pub async fn post_charges(conn: &mut PgConnection, charges: &[NewCharge]) -> Result<Vec<PostedCharge>, LedgerError> {
    if charges.is_empty() {
        return Ok(Vec::new());
    }
    for charge in charges {
        check_amount(charge.subscriber_id, charge.amount)?;
    }
    let subscribers: Vec<i64> = charges.iter().map(|c| c.subscriber_id).collect();
    let kinds: Vec<String> = charges.iter().map(|c| c.kind.as_str().to_owned()).collect();
    let months: Vec<_> = charges.iter().map(|c| c.month.first_day()).collect();
    let subscriptions: Vec<i64> = charges.iter().map(|c| c.subscription_id).collect();
    let schemes: Vec<String> = charges.iter().map(|c| c.scheme_id.to_string()).collect();
    let versions: Vec<i32> = charges.iter().map(|c| c.version).collect();
    let recurring: Vec<Decimal> = charges.iter().map(|c| c.recurring_price).collect();
    let one_off: Vec<Decimal> = charges.iter().map(|c| c.one_off_price).collect();
    let sources: Vec<Option<String>> = charges.iter().map(|c| c.usage_source_id.clone()).collect();
    let quantities: Vec<i64> = charges.iter().map(|c| c.quantity).collect();
    let amounts: Vec<Decimal> = charges.iter().map(|c| c.amount).collect();
    let times: Vec<DateTime<Utc>> = charges.iter().map(|c| c.charged_at).collect();
    let rows = sqlx::query!(
        r#"with posted as (
             insert into charge (subscriber_id, kind, month, subscription_id, scheme_id, version, recurring_price,
                 one_off_price, usage_source_id, quantity, amount, charged_at, penalty)
             select new.*, case when kind = 'penalty' then amount end from unnest($1::bigint[], $2::text[], $3::date[], $4::bigint[], $5::text[], $6::integer[],
                 $7::numeric[], $8::numeric[], $9::text[], $10::bigint[], $11::numeric[], $12::timestamptz[]) as new (subscriber_id, kind, month, subscription_id, scheme_id, version,
                 recurring_price, one_off_price, usage_source_id, quantity, amount, charged_at)
             where new.kind not in ('recurring', 'one_off', 'penalty') or not exists (select from frozen_subscription z
                 where z.subscriber_id = new.subscriber_id and z.subscription_id = new.subscription_id)
             returning subscriber_id, charge_id, kind, subscription_id, amount, charged_at),
         moved as (
             insert into transfer (subscriber_id, debit_account, credit_account, amount, at, charge_id)
             select subscriber_id, 'receivable', 'revenue.' || kind, amount, charged_at, charge_id from posted)
         select subscriber_id, charge_id, kind, subscription_id as "subscription_id!" from posted"#,
        &subscribers,
        &kinds,
        &months,
        &subscriptions,
        &schemes,
        &versions,
        &recurring,
        &one_off,
        &sources as &[Option<String>],
        &quantities,
        &amounts,
        &times
    )
    .fetch_all(&mut *conn)
    .await?;
    check_posted(charges.len(), rows.len() as u64)?;
    let posted = rows.into_iter().map(|row| {
        Ok(PostedCharge {
            subscriber_id: row.subscriber_id,
            charge_id: row.charge_id,
            kind: row.kind.parse().map_err(|_| LedgerError::Corrupt("kind of a charge"))?,
            subscription_id: row.subscription_id,
        })
    });
    posted.collect()
}

fn check_posted(expected: usize, posted: u64) -> Result<(), LedgerError> {
    if posted == expected as u64 { Ok(()) } else { Err(LedgerError::Incomplete { expected, posted }) }
}

/// Reverses a transfer, or a part of it: the accounts swapped, once. Returns the new transfer's id.
///
/// # Errors
/// When there is no such transfer, it is reversed already, or `amount` (yuan) is more than it was.
pub async fn reverse(
    conn: &mut PgConnection,
    subscriber_id: i64,
    transfer_id: i64,
    amount: Decimal,
    at: DateTime<Utc>,
) -> Result<i64, LedgerError> {
    check_amount(subscriber_id, amount)?;
    sqlx::query_scalar!(
        "insert into transfer (subscriber_id, debit_account, credit_account, amount, at, reverses_id, reverses_amount)
         select subscriber_id, credit_account, debit_account, $3, $4, transfer_id, amount
         from transfer where subscriber_id = $1 and transfer_id = $2
         returning transfer_id",
        subscriber_id,
        transfer_id,
        amount,
        at
    )
    .fetch_optional(&mut *conn)
    .await
    .map_err(|error| match error.as_database_error().and_then(|e| e.constraint()) {
        Some("transfer_reversed_once") => LedgerError::AlreadyReversed(transfer_id),
        Some("transfer_reversal_within") => LedgerError::ReversesTooMuch { transfer_id, amount },
        _ => LedgerError::from(error),
    })?
    .ok_or(LedgerError::NoTransfer(transfer_id))
}

/// Posts the rounding of bills of a month, each of a subscriber: billed total − exact total, in yuan. Nothing where it
/// is zero.
///
/// # Errors
/// When one of them is rounded already.
pub async fn post_roundings(
    conn: &mut PgConnection,
    month: Month,
    differences: &[(i64, Decimal)],
    at: DateTime<Utc>,
) -> Result<(), LedgerError> {
    let (mut subscribers, mut debits, mut credits, mut amounts) = (vec![], vec![], vec![], vec![]);
    for (subscriber_id, difference) in differences.iter().filter(|(_, difference)| !difference.is_zero()) {
        check_amount(*subscriber_id, difference.abs())?;
        let (debit, credit) = if difference.is_sign_positive() {
            (Account::Receivable, Account::Rounding)
        } else {
            (Account::Rounding, Account::Receivable)
        };
        subscribers.push(*subscriber_id);
        debits.push(debit.as_str().to_owned());
        credits.push(credit.as_str().to_owned());
        amounts.push(difference.abs());
    }
    if subscribers.is_empty() {
        return Ok(());
    }
    let posted = sqlx::query!(
        "insert into transfer (at, rounding_month, subscriber_id, debit_account, credit_account, amount)
         select $1, $2, * from unnest($3::bigint[], $4::text[], $5::text[], $6::numeric[])",
        at,
        month.first_day(),
        &subscribers,
        &debits,
        &credits,
        &amounts
    )
    .execute(&mut *conn)
    .await
    .map_err(|error| match error.as_database_error().and_then(|e| e.constraint()) {
        Some("transfer_rounding_once") => LedgerError::AlreadyRounded(month),
        _ => LedgerError::from(error),
    })?
    .rows_affected();
    check_posted(subscribers.len(), posted)
}

/// The balance of each account of a subscriber: debits − credits, in yuan. They sum to zero; the receivable is what the
/// subscriber owes.
///
/// # Errors
/// When the database fails.
pub async fn balances(conn: &mut PgConnection, subscriber_id: i64) -> Result<BTreeMap<String, Decimal>, LedgerError> {
    let rows = sqlx::query!(
        r#"select account as "account!", sum(amount) as "balance!" from (
             select debit_account as account, amount from transfer where subscriber_id = $1
             union all
             select credit_account, -amount from transfer where subscriber_id = $1) as moved
           group by account"#,
        subscriber_id
    )
    .fetch_all(&mut *conn)
    .await?;
    Ok(rows.into_iter().map(|row| (row.account, row.balance)).collect())
}
