//! Penalties worked out again: who owes one, how much, and that it was charged once.

use chrono::{DateTime, Datelike, TimeDelta, Utc};
use rust_decimal::{Decimal, RoundingStrategy};
use sqlx::PgPool;

use super::{AuditError, Report};
use crate::clock::{Month, local_date};
use crate::tariff::{Commitment, Formula};

/// A bill that is being made while somebody cancels may be seen or not; both are right so long after it began.
const BILL_RUN_MAX: TimeDelta = TimeDelta::hours(1);

struct Ended {
    subscriber_id: i64,
    subscription_id: i64,
    scheme_id: String,
    version: i32,
    commitment: serde_json::Value,
    starts_at: DateTime<Utc>,
    ends_at: DateTime<Utc>,
    end_reason: String,
    /// As it was told, and as it was charged; yuan.
    told: Decimal,
    charged: Option<Decimal>,
    charged_month: Option<chrono::NaiveDate>,
    /// When the end was decided last.
    decided_at: Option<DateTime<Utc>>,
    first_charged_at: Option<DateTime<Utc>>,
    was_brought: bool,
}

/// Compares what every end that was decided within a commitment costs with what it must cost.
pub(super) async fn run(pool: &PgPool, report: &mut Report) -> Result<(), AuditError> {
    let ended = sqlx::query_as!(
        Ended,
        r#"
        select s.subscriber_id, s.subscription_id, s.scheme_id, s.version, t.terms -> 'commitment' as "commitment!",
            s.starts_at, s.ends_at as "ends_at!", s.end_reason as "end_reason!", s.penalty as told,
            p.amount as "charged?", p.month as "charged_month?",
            (select max(e.at) from subscription_event as e
                where e.subscriber_id = s.subscriber_id and e.subscription_id = s.subscription_id
                    and e.what in ('cancel_asked', 'replaced')) as decided_at,
            (select min(c.charged_at) from charge as c
                where c.subscriber_id = s.subscriber_id and c.subscription_id = s.subscription_id
                    and c.kind in ('recurring', 'one_off')) as first_charged_at,
            exists (select from subscription_event as e
                where e.subscriber_id = s.subscriber_id and e.subscription_id = s.subscription_id
                    and e.channel_id = 'import') as "was_brought!"
        from subscription as s
        join tariff_version as t using (scheme_id, version)
        left join charge as p on p.subscriber_id = s.subscriber_id and p.subscription_id = s.subscription_id
            and p.kind = 'penalty'
        where s.ends_at is not null and t.terms ? 'commitment'
        order by s.subscriber_id, s.subscription_id
        "#
    )
    .fetch_all(pool)
    .await?;
    for one in ended {
        check(pool, &one, report).await?;
    }
    Ok(())
}

async fn check(pool: &PgPool, one: &Ended, report: &mut Report) -> Result<(), AuditError> {
    let Ended { subscriber_id, subscription_id, .. } = *one;
    let commitment = serde_json::from_value(one.commitment.clone()).map_err(|error| AuditError::Terms {
        scheme_id: one.scheme_id.clone(),
        version: one.version,
        error,
    })?;
    let last = last_month(one);
    let due = owed(one, &commitment);
    let unsure = one
        .first_charged_at
        .zip(one.decided_at)
        .is_some_and(|(charged, decided)| charged <= decided && decided - charged < BILL_RUN_MAX && one.told.is_zero());
    if one.told != due && !unsure {
        let what = format!("subscription {subscription_id} ends for a penalty of {}, must be {due}", one.told);
        report.add(subscriber_id, Some(last), what);
    }
    let is_closed = sqlx::query_scalar!(
        r#"select exists (select from bill where subscriber_id = $1 and month = $2) as "is!""#,
        subscriber_id,
        last.first_day()
    )
    .fetch_one(pool)
    .await?;
    let expected = if is_closed { one.told } else { Decimal::ZERO };
    let charged = one.charged.unwrap_or_default();
    if charged != expected || one.charged_month.is_some_and(|month| month != last.first_day()) {
        let what = format!("penalty of subscription {subscription_id}: charged {charged}, must be {expected}");
        report.add(subscriber_id, Some(last), what);
    }
    Ok(())
}

/// The last month that it ran in: a day on which it was stopped at once counts.
fn last_month(one: &Ended) -> Month {
    let day = local_date(one.ends_at);
    let at_midnight = one.ends_at == Month::of_date(day).start();
    let month = Month::of_date(day);
    if at_midnight && one.end_reason != "immediately" { month.previous() } else { month }
}

/// Nothing in the first month, before the first charge, or when no month is left; else by the formula, half up to the fen.
fn owed(one: &Ended, commitment: &Commitment) -> Decimal {
    let number = |month: Month| i64::from(month.first_day().year()) * 12 + i64::from(month.first_day().month());
    let begun = number(Month::of(one.starts_at));
    let was_charged = one.was_brought
        || one.first_charged_at.zip(one.decided_at).is_some_and(|(charged, decided)| charged <= decided);
    let asked_late = one.decided_at.is_some_and(|at| number(Month::of(at)) > begun);
    let ran = one.ends_at > one.starts_at && !one.end_reason.starts_with("before_");
    let used = number(last_month(one)) - begun + 1;
    let left = i64::from(commitment.months) - used;
    if !was_charged || !asked_late || !ran || left <= 0 {
        return Decimal::ZERO;
    }
    let exact = match commitment.formula {
        Formula::RemainingMonths { price, percent } => price * Decimal::new(left * i64::from(percent), 2),
        Formula::UsedMonths { price } => price * Decimal::from(used),
        Formula::Fixed { price } => price,
        Formula::Prorated { price } => price * Decimal::from(left) / Decimal::from(commitment.months),
    };
    exact.round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero)
}
