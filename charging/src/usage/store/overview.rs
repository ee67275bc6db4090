//! A month at a glance: what is included, what is used, what is left, and how far the cap is.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;

use super::load::{Loaded, load_month};
use super::{UsageError, corrupt, units};
use crate::clock::Month;
use crate::quantity::Service;
use crate::tariff::SchemeId;
use crate::usage::allowance::Subscribed;
use crate::usage::overage::largest_volume_within;
use crate::usage::pool::Held;
use crate::usage::rating::MonthState;

/// One allowance as far as it serves a month. Quantities in bytes, minutes, messages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AllowanceOverview {
    pub subscription_id: i64,
    pub scheme_id: SchemeId,
    pub version: i32,
    pub tariff_name: String,
    pub is_plan: bool,
    pub service: Service,
    /// Rating groups it is for; empty: any.
    pub rating_groups: Vec<u32>,
    /// The month it was granted for: the one before where it rolled over.
    pub granted_for: Month,
    /// What there was of it when the month, or the allowance, began.
    pub available: u64,
    /// Taken by records of this month.
    pub used: u64,
    /// Left at the instant asked about, or at the end of the month if that is over; 0 when it is not valid then.
    pub left: u64,
    pub valid_from: DateTime<Utc>,
    /// It can be used until here.
    pub valid_until: DateTime<Utc>,
}

/// One service of a month. Quantities in bytes, minutes, messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceOverview {
    pub service: Service,
    /// Sums over the allowances.
    pub available: u64,
    pub used: u64,
    pub left: u64,
    /// Beyond the allowances and charged for.
    pub overage: u64,
    /// Stored and not charged.
    pub absorbed: u64,
    /// Yuan of overage, exact.
    pub cost: Decimal,
}

/// 封顶 How far the cap is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CapOverview {
    /// Yuan.
    pub cap: Decimal,
    pub charged: Decimal,
    /// Held for data sessions that are open: what they have leave to use and have not reported yet.
    pub reserved: Decimal,
    pub left: Decimal,
    /// Whether the plan of the moment has a price for data beyond the allowances; else data stops with them.
    pub has_data_price: bool,
    /// Bytes beyond the allowances until data stops; `None`: it does not stop.
    pub bytes_left: Option<u64>,
}

/// A month of one subscriber.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MonthOverview {
    pub month: Month,
    /// In the order in which they serve a record.
    pub allowances: Vec<AllowanceOverview>,
    /// Data, voice, messages.
    pub services: Vec<ServiceOverview>,
    pub cap: CapOverview,
}

/// Everything about a month's allowances, overage and cap. Nothing is written.
///
/// # Errors
/// When the subscriber has no cap, that is, does not exist, or the database fails.
pub async fn month_overview(
    conn: &mut PgConnection,
    subscriber_id: i64,
    month: Month,
    now: DateTime<Utc>,
) -> Result<MonthOverview, UsageError> {
    let Loaded { state, counter, subscribed, .. } = load_month(conn, subscriber_id, month).await?;
    let last = month.end() - TimeDelta::microseconds(1);
    let at = now.clamp(month.start(), last);
    let allowances: Vec<_> =
        state.pool.iter().filter_map(|held| allowance_overview(&held, &subscribed, month, at)).collect();
    let services = services(conn, subscriber_id, month, &allowances).await?;
    let (has_data_price, bytes_left) = until_stop(&state, at);
    let cap = CapOverview {
        cap: counter.cap,
        charged: counter.charged,
        reserved: counter.reserved,
        left: counter.cap - counter.charged,
        has_data_price,
        bytes_left,
    };
    Ok(MonthOverview { month, allowances, services, cap })
}

/// `None` where no record of the month could use it.
fn allowance_overview(
    held: &Held,
    subscribed: &[Subscribed],
    month: Month,
    at: DateTime<Utc>,
) -> Option<AllowanceOverview> {
    let grant = &held.grant;
    if grant.valid_until <= grant.valid_from.max(month.start()) || grant.valid_from >= month.end() {
        return None;
    }
    let from = subscribed.iter().find(|one| one.subscription_id == grant.id.subscription_id)?;
    let taken_by = |wanted: fn(&Month, &Month) -> bool| -> u64 {
        held.taken.iter().filter(|(class, _)| wanted(&class.month, &month)).map(|(_, quantity)| quantity).sum()
    };
    let available = grant.granted.saturating_sub(taken_by(Month::lt));
    let used = taken_by(Month::eq);
    let is_valid = grant.valid_from <= at && at < grant.valid_until;
    Some(AllowanceOverview {
        subscription_id: from.subscription_id,
        scheme_id: from.scheme_id.clone(),
        version: from.version,
        tariff_name: from.name.clone(),
        is_plan: from.is_plan(),
        service: grant.service,
        rating_groups: grant.rating_groups.clone(),
        granted_for: grant.id.month,
        available,
        used,
        left: if is_valid { available.saturating_sub(used) } else { 0 },
        valid_from: grant.valid_from,
        valid_until: grant.valid_until,
    })
}

async fn services(
    conn: &mut PgConnection,
    subscriber_id: i64,
    month: Month,
    allowances: &[AllowanceOverview],
) -> Result<Vec<ServiceOverview>, UsageError> {
    let rows = sqlx::query!(
        r#"select service, sum(overage)::bigint as "overage!", sum(absorbed)::bigint as "absorbed!", sum(cost) as "cost!"
        from usage_record where subscriber_id = $1 and month = $2 group by service"#,
        subscriber_id,
        month.first_day()
    )
    .fetch_all(conn)
    .await?;
    let of = |service: Service| {
        let own = || allowances.iter().filter(move |allowance| allowance.service == service);
        let row = rows.iter().find(|row| row.service == service.as_str());
        Ok(ServiceOverview {
            service,
            available: own().map(|allowance| allowance.available).sum(),
            used: own().map(|allowance| allowance.used).sum(),
            left: own().map(|allowance| allowance.left).sum(),
            overage: row.map_or(Ok(0), |row| units(row.overage))?,
            absorbed: row.map_or(Ok(0), |row| units(row.absorbed))?,
            cost: row.map_or(Decimal::ZERO, |row| row.cost),
        })
    };
    Service::ALL.into_iter().map(of).collect()
}

fn until_stop(state: &MonthState, at: DateTime<Utc>) -> (bool, Option<u64>) {
    let Some(plan) = state.plans.iter().find(|plan| plan.plan.is_active(at)) else { return (false, Some(0)) };
    let Some(model) = plan.plan.terms.overage_of(Service::Data) else { return (false, Some(0)) };
    let stop = largest_volume_within(model, plan.beyond.charged + state.cap_left());
    let counted = plan.beyond.data_bytes - plan.beyond.absorbed_bytes;
    (true, (stop != u64::MAX).then(|| stop.saturating_sub(counted)))
}

/// What was used of a service on a day in Asia/Shanghai, in bytes, minutes, messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DayUsage {
    pub day: NaiveDate,
    pub service: Service,
    pub quantity: u64,
    /// Of it, beyond the allowances, whether charged or absorbed.
    pub beyond: u64,
}

/// The usage of a month by day, days without usage left out.
///
/// # Errors
/// When the database fails.
pub async fn daily(conn: &mut PgConnection, subscriber_id: i64, month: Month) -> Result<Vec<DayUsage>, UsageError> {
    let rows = sqlx::query!(
        r#"select (started_at at time zone 'Asia/Shanghai')::date as "day!", service,
            sum(from_allowance + overage + absorbed)::bigint as "quantity!", sum(overage + absorbed)::bigint as "beyond!"
        from usage_record where subscriber_id = $1 and month = $2
        group by 1, 2 order by 1, 2"#,
        subscriber_id,
        month.first_day()
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(DayUsage {
                day: row.day,
                service: row.service.parse().map_err(corrupt)?,
                quantity: units(row.quantity)?,
                beyond: units(row.beyond)?,
            })
        })
        .collect()
}
