//! What this month has cost so far, and 每一笔将要扣的费: every charge to come.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use sqlx::PgConnection;

use super::draft::{period, recurring};
use super::recurring::{one_off_charge, recurring_charge};
use super::store::{BillError, corrupt};
use super::{Estimate, NextCharge};
use crate::clock::Month;
use crate::ledger::ChargeKind;

/// What the month of `now` has cost so far, what each subscription will be charged next, and when. For a subscription
/// that begins in a later month, that is its first month; one that stops with this month is charged for the last time.
///
/// # Errors
/// When the database fails.
pub async fn current_month_estimate(
    conn: &mut PgConnection,
    subscriber_id: i64,
    now: DateTime<Utc>,
) -> Result<Estimate, BillError> {
    let month = Month::of(now);
    let charged = charged(conn, subscriber_id, month).await?;
    let next = next_charges(conn, subscriber_id, month).await?;
    let due: Decimal = next.iter().filter(|charge| charge.month == month).map(|charge| charge.amount).sum();
    let total = charged.iter().map(|(_, amount)| *amount).sum::<Decimal>() + due;
    Ok(Estimate { month, charged, next, total })
}

async fn charged(
    conn: &mut PgConnection,
    subscriber_id: i64,
    month: Month,
) -> Result<Vec<(ChargeKind, Decimal)>, BillError> {
    let rows = sqlx::query!(
        r#"select kind, sum(amount) as "amount!" from charge where subscriber_id = $1 and month = $2 group by kind"#,
        subscriber_id,
        month.first_day()
    )
    .fetch_all(conn)
    .await?;
    let mut charged = rows
        .into_iter()
        .map(|row| Ok((row.kind.parse().map_err(corrupt)?, row.amount)))
        .collect::<Result<Vec<(ChargeKind, Decimal)>, BillError>>()?;
    charged.sort_unstable();
    Ok(charged)
}

async fn next_charges(conn: &mut PgConnection, subscriber_id: i64, month: Month) -> Result<Vec<NextCharge>, BillError> {
    let rows = sqlx::query!(
        "select s.subscription_id, s.scheme_id, s.version, s.recurring_price, s.one_off_price, s.penalty, s.starts_at, s.ends_at,
             s.end_reason, t.name, t.terms #>> '{recurring,first_month}' as first_month
         from subscription s join tariff_version t on t.scheme_id = s.scheme_id and t.version = s.version
         where s.subscriber_id = $1 and (s.ends_at is null or s.ends_at >= $2)
         order by s.starts_at, s.subscription_id",
        subscriber_id,
        month.start()
    )
    .fetch_all(conn)
    .await?;
    let mut next = Vec::new();
    for row in rows {
        let period = period(row.starts_at, row.ends_at, row.end_reason.as_deref()).map_err(BillError::Corrupt)?;
        let recurring = recurring(row.recurring_price, row.first_month.as_deref()).map_err(BillError::Corrupt)?;
        let first = Month::of(row.starts_at).max(month);
        let arithmetic = recurring_charge(&recurring, &period, first);
        let scheme_id = row.scheme_id.parse().map_err(corrupt)?;
        let base = NextCharge {
            subscription_id: row.subscription_id,
            scheme_id,
            version: row.version,
            tariff_name: row.name,
            kind: ChargeKind::OneOff,
            month: first,
            on: first.next().first_day(),
            amount: Decimal::ZERO,
            arithmetic: None,
        };
        if let Some(amount) = one_off_charge(row.one_off_price, &period, first) {
            next.push(NextCharge { amount, ..base.clone() });
        }
        let ends_in = period.last_month().filter(|last| *last >= month && row.penalty > Decimal::ZERO);
        if let Some(last) = ends_in {
            let (kind, on) = (ChargeKind::Penalty, last.next().first_day());
            next.push(NextCharge { kind, month: last, on, amount: row.penalty, ..base.clone() });
        }
        if let Some(charge) = arithmetic {
            next.push(NextCharge {
                kind: ChargeKind::Recurring,
                amount: charge.amount,
                arithmetic: Some(charge),
                ..base
            });
        }
    }
    next.sort_by_key(|charge| charge.on);
    Ok(next)
}
