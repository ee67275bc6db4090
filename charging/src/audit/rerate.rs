//! A month's usage, rated again by a second, plainly written rater.
//!
//! What is beyond the allowances is found without serving any record: by the theorem of Hall and König, the demand that
//! cannot be met is the largest excess, over sets of allowances, of the demand that may use nothing else over what they
//! hold. What that costs is worked out record by record in the order in which they came.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Datelike, Utc};
use rust_decimal::Decimal;
use serde_json::Value;
use sqlx::PgConnection;

use super::{AuditError, Report};
use crate::clock::{Month, local_date};
use crate::quantity::Service;
use crate::tariff::{FirstMonth, OverageModel, Terms};

/// A subscription as the audit reads it.
pub(super) struct Subscription {
    pub id: i64,
    pub is_plan: bool,
    pub starts_at: DateTime<Utc>,
    pub ends_at: Option<DateTime<Utc>>,
    pub stopped_at_once: bool,
    /// Cancelled before its first charge: nothing may be charged for it, nor for use beyond its allowances.
    pub unpaid: bool,
    pub terms: Terms,
}

struct SubscriptionRow {
    subscription_id: i64,
    kind: String,
    starts_at: DateTime<Utc>,
    ends_at: Option<DateTime<Utc>>,
    end_reason: Option<String>,
    scheme_id: String,
    version: i32,
    terms: Value,
}

/// The subscriptions that ran in a month or the one before.
pub(super) async fn subscriptions(
    connection: &mut PgConnection,
    subscriber_id: i64,
    month: Month,
) -> Result<Vec<Subscription>, AuditError> {
    let rows = sqlx::query_as!(
        SubscriptionRow,
        r#"
        select s.subscription_id, s.kind, s.starts_at, s.ends_at, s.end_reason, s.scheme_id, s.version,
            v.terms as "terms!"
        from subscription as s
        join tariff_version as v using (scheme_id, version)
        where s.subscriber_id = $1 and s.starts_at < $2 and (s.ends_at is null or s.ends_at >= $3)
        order by s.subscription_id
        "#,
        subscriber_id,
        month.end(),
        month.previous().start()
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(Subscription::read).collect()
}

impl Subscription {
    fn read(row: SubscriptionRow) -> Result<Self, AuditError> {
        let SubscriptionRow { scheme_id, version, .. } = row;
        let unpaid = row.end_reason.as_deref() == Some("before_first_charge");
        let terms = serde_json::from_value(row.terms).map(|terms: Terms| {
            let overage = if unpaid { Vec::new() } else { terms.overage };
            Terms { overage, ..terms }
        });
        Ok(Self {
            id: row.subscription_id,
            is_plan: row.kind == "plan",
            starts_at: row.starts_at,
            ends_at: row.ends_at,
            stopped_at_once: unpaid || row.end_reason.as_deref() == Some("immediately"),
            unpaid,
            terms: terms.map_err(|error| AuditError::Terms { scheme_id, version, error })?,
        })
    }
}

struct Record {
    source_id: String,
    service: String,
    started_at: DateTime<Utc>,
    quantity: i64,
    rating_group: Option<i32>,
    received_at: DateTime<Utc>,
    from_allowance: i64,
    overage: i64,
    absorbed: i64,
    cost: Decimal,
}

impl Record {
    fn units(&self) -> i128 {
        let quantity = i128::from(self.quantity);
        if self.service == "voice" { (quantity + 59) / 60 } else { quantity }
    }

    fn beyond(&self) -> i128 {
        i128::from(self.overage) + i128::from(self.absorbed)
    }
}

/// What one allowance still holds for the records of the month.
struct Held {
    service: Service,
    left: i128,
    rating_groups: Vec<u32>,
    from: DateTime<Utc>,
    until: DateTime<Utc>,
}

/// Rates a subscriber's month again and reports what differs.
pub(super) async fn month(
    connection: &mut PgConnection,
    subscriber_id: i64,
    month: Month,
    report: &mut Report,
) -> Result<(), AuditError> {
    let records = sqlx::query_as!(
        Record,
        r#"
        select source_id, service, started_at, quantity, rating_group, received_at, from_allowance, overage, absorbed, cost
        from usage_record
        where subscriber_id = $1 and month = $2
        order by received_at, started_at, source_id
        "#,
        subscriber_id,
        month.first_day()
    )
    .fetch_all(&mut *connection)
    .await?;
    if records.is_empty() {
        return Ok(());
    }
    report.records += u64::try_from(records.len()).unwrap_or(u64::MAX);
    let subscriptions = subscriptions(connection, subscriber_id, month).await?;
    let held = held(connection, subscriber_id, &subscriptions, month).await?;
    for service in Service::ALL {
        let of_service: Vec<&Record> = records.iter().filter(|record| record.service == service.as_str()).collect();
        let expected = beyond_allowances(&of_service, service, &held);
        let found: i128 = of_service.iter().map(|record| record.beyond()).sum();
        if expected != found {
            let what = format!("{service}: {found} units beyond the allowances, must be {expected}");
            report.add(subscriber_id, Some(month), what);
        }
        for record in &of_service {
            if i128::from(record.from_allowance) + record.beyond() != record.units() {
                report.add(subscriber_id, Some(month), format!("record {} is not rated whole", record.source_id));
            }
        }
        let caps = if service == Service::Data { Some(caps(connection, subscriber_id, month).await?) } else { None };
        compare_costs(subscriber_id, month, service, &of_service, &subscriptions, caps.as_deref(), report);
    }
    Ok(())
}

/// What the month's allowances hold for its own records: as granted, less what records of other months took.
async fn held(
    connection: &mut PgConnection,
    subscriber_id: i64,
    subscriptions: &[Subscription],
    month: Month,
) -> Result<Vec<Held>, AuditError> {
    let rows = sqlx::query!(
        "select subscription_id, month, ordinal, taken from allowance where subscriber_id = $1 and month in ($2, $3)",
        subscriber_id,
        month.first_day(),
        month.previous().first_day()
    )
    .fetch_all(connection)
    .await?;
    let mut by_other_months: BTreeMap<(i64, Month, i32), i128> = BTreeMap::new();
    for row in rows {
        let taken = row.taken.as_object().ok_or(AuditError::Allowance(subscriber_id))?;
        for (class, quantity) in taken {
            if !class.starts_with(&month.to_string()) {
                let quantity = quantity.as_i64().ok_or(AuditError::Allowance(subscriber_id))?;
                let key = (row.subscription_id, Month::of_date(row.month), row.ordinal);
                *by_other_months.entry(key).or_default() += i128::from(quantity);
            }
        }
    }
    let mut held = Vec::new();
    for granted_for in [month.previous(), month] {
        for subscription in subscriptions {
            for (ordinal, mut allowance) in (0..).zip(granted(subscription, granted_for)) {
                let elsewhere = by_other_months.get(&(subscription.id, granted_for, ordinal));
                allowance.left -= elsewhere.copied().unwrap_or_default();
                held.push(allowance);
            }
        }
    }
    Ok(held)
}

/// "An allowance" and "First month" of the rating rules.
fn granted(subscription: &Subscription, month: Month) -> Vec<Held> {
    let from = subscription.starts_at.max(month.start());
    let end = subscription.ends_at.unwrap_or(DateTime::<Utc>::MAX_UTC);
    if from >= month.end() || end <= from {
        return Vec::new();
    }
    let days = i128::from(month.days());
    let (part, whole) = match subscription.terms.first_month() {
        _ if !month.contains(subscription.starts_at) => (1, 1),
        FirstMonth::Full => (1, 1),
        FirstMonth::Half => (1, 2),
        FirstMonth::Daily => (days - i128::from(local_date(subscription.starts_at).day()) + 1, days),
    };
    let until = |rollover: bool| {
        let usual = if rollover { month.next().end() } else { month.end() };
        if subscription.stopped_at_once { usual.min(end) } else { usual }
    };
    let hold = |allowance: &crate::tariff::Allowance| Held {
        service: allowance.service,
        left: i128::from(allowance.quantity) * part / whole,
        rating_groups: allowance.rating_groups.clone(),
        from,
        until: until(allowance.rollover),
    };
    subscription.terms.allowances.iter().map(hold).collect()
}

/// The least that must be beyond the allowances, in rated units.
fn beyond_allowances(records: &[&Record], service: Service, held: &[Held]) -> i128 {
    let mut demand: BTreeMap<BTreeSet<usize>, i128> = BTreeMap::new();
    for record in records {
        let group = record.rating_group.and_then(|group| u32::try_from(group).ok());
        let usable = |allowance: &Held| {
            allowance.service == service
                && allowance.from <= record.started_at
                && record.started_at < allowance.until
                && (allowance.rating_groups.is_empty()
                    || group.is_some_and(|group| allowance.rating_groups.contains(&group)))
        };
        let usable = (0..held.len()).filter(|i| usable(&held[*i])).collect();
        *demand.entry(usable).or_default() += record.units();
    }
    let mut unions: BTreeSet<BTreeSet<usize>> = BTreeSet::from([BTreeSet::new()]);
    for usable in demand.keys() {
        let joined: Vec<_> = unions.iter().map(|union| union | usable).collect();
        unions.extend(joined);
    }
    let excess = |set: &BTreeSet<usize>| {
        let wanted: i128 = demand.iter().filter(|(usable, _)| usable.is_subset(set)).map(|(_, units)| units).sum();
        let there: i128 = set.iter().map(|i| held[*i].left).sum();
        wanted - there
    };
    unions.iter().map(excess).max().unwrap_or_default()
}

/// The cap that held at an instant, and from when on.
struct Cap {
    since: DateTime<Utc>,
    yuan: Decimal,
}

/// The caps of a month, oldest first. What comes after the month is rated under the cap that its counter ended with.
async fn caps(connection: &mut PgConnection, subscriber_id: i64, month: Month) -> Result<Vec<Cap>, sqlx::Error> {
    let mut caps = sqlx::query_as!(
        Cap,
        "select chosen_at as since, cap as yuan from cap_choice where subscriber_id = $1 and chosen_at < $2 order by seq",
        subscriber_id,
        month.end()
    )
    .fetch_all(&mut *connection)
    .await?;
    let last = sqlx::query_scalar!(
        "select overage_cap from month_counter where subscriber_id = $1 and month = $2",
        subscriber_id,
        month.first_day()
    )
    .fetch_optional(connection)
    .await?;
    caps.extend(last.map(|yuan| Cap { since: month.end(), yuan }));
    Ok(caps)
}

/// Works out what each record cost, and reports when the month's sum differs.
fn compare_costs(
    subscriber_id: i64,
    month: Month,
    service: Service,
    records: &[&Record],
    subscriptions: &[Subscription],
    caps: Option<&[Cap]>,
    report: &mut Report,
) {
    let mut volume: BTreeMap<i64, (i128, Decimal)> = BTreeMap::new();
    let mut expected = Decimal::ZERO;
    for record in records {
        let plan = subscriptions.iter().find(|s| {
            s.is_plan && s.starts_at <= record.started_at && s.ends_at.is_none_or(|end| record.started_at < end)
        });
        let Some((plan, terms)) = plan.and_then(|plan| Some((plan, plan.terms.overage_of(service)?))) else { continue };
        let (before, charged) = volume.get(&plan.id).copied().unwrap_or_default();
        let mut after = before + record.beyond();
        if let Some(caps) = caps {
            let cap = caps.iter().rev().find(|cap| cap.since <= record.received_at).or(caps.first());
            let left = cap.map_or(Decimal::ZERO, |cap| cap.yuan) - expected;
            after = after.min(farthest(terms, charged + left, before, after));
        }
        let cost = price(terms, after) - price(terms, before);
        expected += cost;
        volume.insert(plan.id, (after, charged + cost));
    }
    let found: Decimal = records.iter().map(|record| record.cost).sum();
    if expected != found {
        report.add(
            subscriber_id,
            Some(month),
            format!("{service} beyond the allowances: charged {found}, must be {expected}"),
        );
    }
}

/// f(V) of the rating rules, in yuan.
fn price(terms: &OverageModel, volume: i128) -> Decimal {
    let started = |volume: i128, unit: u64| {
        let unit = i128::from(unit);
        Decimal::from((volume + unit - 1) / unit)
    };
    match terms {
        OverageModel::Unit { price, unit } => price * started(volume, *unit),
        OverageModel::Block { price, block } => price * started(volume, *block),
        OverageModel::Ladder { price, unit, block_price, block } => {
            let whole = volume / i128::from(*block);
            let rest = volume % i128::from(*block);
            block_price * Decimal::from(whole) + (price * started(rest, *unit)).min(*block_price)
        }
    }
}

/// The largest volume between `low` and `high` that costs no more than `yuan`; `low` where even that costs more.
fn farthest(terms: &OverageModel, yuan: Decimal, low: i128, high: i128) -> i128 {
    let (mut within, mut beyond) = (low, high + 1);
    while beyond - within > 1 {
        let middle = i128::midpoint(within, beyond);
        if price(terms, middle) <= yuan { within = middle } else { beyond = middle }
    }
    within
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ladder() -> OverageModel {
        let (mib, gib) = (1 << 20, 1 << 30);
        OverageModel::Ladder { price: Decimal::new(3, 2), unit: mib, block_price: Decimal::from(3), block: gib }
    }

    #[test]
    fn a_ladder_stops_climbing_until_its_block_is_full() {
        let (mib, gib) = (1_i128 << 20, 1_i128 << 30);
        let fen = |volume| price(&ladder(), volume) * Decimal::ONE_HUNDRED;
        for (volume, cost) in [(0, 0), (1, 3), (99 * mib, 297), (100 * mib, 300), (gib, 300), (gib + mib + 1, 306)] {
            assert_eq!(fen(volume), Decimal::from(cost), "{volume}");
        }
    }

    #[test]
    fn data_stops_where_the_next_byte_would_pass_the_cap() {
        let gib = 1_i128 << 30;
        assert_eq!(farthest(&ladder(), Decimal::from(3), 0, 5 * gib), gib);
        assert_eq!(farthest(&ladder(), Decimal::ZERO, 0, 5 * gib), 0);
        assert_eq!(farthest(&ladder(), Decimal::from(100), 0, 5 * gib), 5 * gib);
    }
}
