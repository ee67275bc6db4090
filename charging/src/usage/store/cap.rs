//! Choosing the cap. Raising it needs a consent to that very amount; lowering it does not.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use sqlx::PgConnection;

use super::load::{Key, Loaded, load_month, load_months};
use super::save::save_months;
use super::session_rows::open_quotas;
use super::thresholds::Gauges;
use super::{UsageError, check_written, lock_subscriber, spending_limit, units};
use crate::actor::By;
use crate::clock::Month;
use crate::quantity::Service;
use crate::usage::cap::{CAP_MAX_YUAN, CAP_TIERS_YUAN, CapOutcome, OverageDay, outcome_under_cap};
use crate::usage::session::Forecast;

/// A choice of cap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CapChoice {
    pub seq: i32,
    /// Yuan.
    pub cap: Decimal,
    pub chosen_at: DateTime<Utc>,
    pub channel_id: String,
    /// The yes to it, where it was raised.
    pub consent_seq: Option<i32>,
}

/// The cap that holds now: the one chosen last.
///
/// # Errors
/// When the database fails.
pub async fn current_cap(conn: &mut PgConnection, subscriber_id: i64) -> Result<Option<CapChoice>, UsageError> {
    let choice = sqlx::query_as!(
        CapChoice,
        "select seq, cap, chosen_at, channel_id, consent_seq from cap_choice
        where subscriber_id = $1 order by seq desc limit 1",
        subscriber_id
    )
    .fetch_optional(conn)
    .await?;
    Ok(choice)
}

/// Lowers the cap, from now on. It costs nobody anything, so no consent is needed.
///
/// # Errors
/// When it is not lower than the present one, or lower than what is charged this month.
pub async fn lower_cap(
    conn: &mut PgConnection,
    subscriber_id: i64,
    cap: Decimal,
    by: &By,
    now: DateTime<Utc>,
) -> Result<CapChoice, UsageError> {
    lock_subscriber(conn, subscriber_id).await?;
    let present = current_cap(conn, subscriber_id).await?.ok_or(UsageError::NoCap(subscriber_id))?;
    if cap >= present.cap {
        return Err(UsageError::CapNotLower { cap, present: present.cap });
    }
    let spent = load_month(conn, subscriber_id, Month::of(now)).await?.counter.charged;
    if cap < spent {
        return Err(UsageError::CapBelowSpent { spent });
    }
    choose(conn, subscriber_id, &present, cap, None, by, now).await
}

/// Raises the cap, from now on, with the subscriber's yes to that amount.
///
/// # Errors
/// When it is not higher than the present one, or `consent_seq` is not an unused yes of this subscriber to it.
pub async fn raise_cap(
    conn: &mut PgConnection,
    subscriber_id: i64,
    cap: Decimal,
    consent_seq: i32,
    by: &By,
    now: DateTime<Utc>,
) -> Result<CapChoice, UsageError> {
    lock_subscriber(conn, subscriber_id).await?;
    let present = current_cap(conn, subscriber_id).await?.ok_or(UsageError::NoCap(subscriber_id))?;
    if cap <= present.cap {
        return Err(UsageError::CapNotHigher { cap, present: present.cap });
    }
    choose(conn, subscriber_id, &present, cap, Some(consent_seq), by, now).await
}

/// Notes the choice and applies it to the month, which gets its counter first: whoever makes it later sees the choice.
async fn choose(
    conn: &mut PgConnection,
    subscriber_id: i64,
    present: &CapChoice,
    cap: Decimal,
    consent_seq: Option<i32>,
    by: &By,
    now: DateTime<Utc>,
) -> Result<CapChoice, UsageError> {
    if !(Decimal::ZERO..=CAP_MAX_YUAN).contains(&cap) || cap.normalize().scale() > 2 {
        return Err(UsageError::CapOutOfRange);
    }
    let month = Month::of(now);
    let (gauges, mut months) = hold_within(conn, subscriber_id, cap, now).await?;
    let seq = present.seq + 1;
    let written = sqlx::query!(
        "insert into cap_choice (subscriber_id, seq, cap, previous_seq, previous_cap, consent_seq, channel_id, actor,
            chosen_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        subscriber_id,
        seq,
        cap,
        present.seq,
        present.cap,
        consent_seq,
        by.channel_id,
        by.actor.to_string(),
        now
    )
    .execute(&mut *conn)
    .await
    .map_err(|error| match error.as_database_error().and_then(|error| error.constraint()) {
        Some("cap_choice_consent") => UsageError::NoConsent,
        Some("cap_choice_consent_once") => UsageError::ConsentSpent,
        _ => error.into(),
    })?;
    check_written("cap_choice", 1, written.rows_affected())?;
    // Usage may be an hour ahead of the clock, so that the next month may have its counter.
    let written = sqlx::query!(
        "update month_counter set cap_seq = $3, overage_cap = $4 where subscriber_id = $1 and month >= $2",
        subscriber_id,
        month.first_day(),
        seq,
        cap
    )
    .execute(&mut *conn)
    .await?;
    if written.rows_affected() == 0 {
        return Err(UsageError::Incomplete { table: "month_counter", expected: 1, written: 0 });
    }
    for loaded in months.values_mut() {
        loaded.state.cap = cap;
    }
    gauges.crossed(&months, now).tell(conn, now).await?;
    spending_limit::tell(conn, &BTreeSet::from([subscriber_id]), now).await?;
    Ok(CapChoice { seq, cap, chosen_at: now, channel_id: by.channel_id.clone(), consent_seq })
}

/// Makes the month's counter, and lets open sessions hold no more than a lower cap leaves: what they may still use beyond
/// it is absorbed. Returns where the month stood under the cap before.
async fn hold_within(
    conn: &mut PgConnection,
    subscriber_id: i64,
    cap: Decimal,
    now: DateTime<Utc>,
) -> Result<(Gauges, BTreeMap<Key, Loaded>), UsageError> {
    let key = Key { subscriber_id, month: Month::of(now) };
    let subscribers = BTreeSet::from([subscriber_id]);
    let quotas = open_quotas(conn, &subscribers).await?;
    let mut months = load_months(conn, &BTreeSet::from([key])).await?;
    let mut gauges = Gauges::default();
    for (key, loaded) in &mut months {
        gauges.note(*key, &loaded.state, now);
        let mut state = loaded.state.clone();
        state.cap = state.cap.min(cap);
        let forecast = Forecast::new(&state, quotas.values().flatten(), now);
        loaded.reserve(&forecast.state);
    }
    save_months(conn, &months).await?;
    Ok((gauges, months))
}

/// What each tier on offer would have meant for a month: what its data beyond the allowances would have cost, and on
/// which day data would have stopped.
///
/// # Errors
/// When the database fails.
pub async fn what_each_tier_would_have_meant(
    conn: &mut PgConnection,
    subscriber_id: i64,
    month: Month,
) -> Result<Vec<CapOutcome>, UsageError> {
    let subscribed = load_month(conn, subscriber_id, month).await?.subscribed;
    let rows = sqlx::query!(
        r#"select (started_at at time zone 'Asia/Shanghai')::date as "day!",
            plan_subscription_id as "plan_subscription_id!", sum(overage + absorbed)::bigint as "bytes!"
        from usage_record
        where subscriber_id = $1 and month = $2 and service = 'data' and plan_subscription_id is not null
        group by 1, 2 having sum(overage + absorbed) > 0
        order by 1, min(started_at)"#,
        subscriber_id,
        month.first_day()
    )
    .fetch_all(conn)
    .await?;
    let days = rows.into_iter().map(|row| {
        let plan = subscribed.iter().find(|plan| plan.subscription_id == row.plan_subscription_id);
        Ok(OverageDay {
            day: row.day,
            plan_subscription_id: row.plan_subscription_id,
            model: plan.and_then(|plan| plan.terms.overage_of(Service::Data)).cloned(),
            bytes: units(row.bytes)?,
        })
    });
    let days = days.collect::<Result<Vec<_>, UsageError>>()?;
    Ok(CAP_TIERS_YUAN.into_iter().map(|tier| outcome_under_cap(&days, tier.into())).collect())
}
