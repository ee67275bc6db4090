//! Reading months, many at a time: a set of queries whatever their number. Nothing is written; what the database lacks
//! yet is kept beside the state and written by `save`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;
use sqlx::PgConnection;
use sqlx::types::Json;

use super::{UsageError, corrupt, units};
use crate::clock::Month;
use crate::tariff::{Kind, Terms};
use crate::usage::allowance::{AllowanceId, Grant, Subscribed, grants};
use crate::usage::pool::{Held, Pool};
use crate::usage::rating::{Beyond, MonthState, PlanMonth};

/// A month of one subscriber.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub subscriber_id: i64,
    pub month: Month,
}

impl Key {
    /// Keys as the two columns that statements take: the subscribers, and the first days of their months.
    pub fn columns<'a>(keys: impl IntoIterator<Item = &'a Self>) -> (Vec<i64>, Vec<NaiveDate>) {
        keys.into_iter().map(|key| (key.subscriber_id, key.month.first_day())).unzip()
    }
}

/// What a month's cap is, and how much of it is used.
#[derive(Clone, Copy, Debug)]
pub(super) struct Counter {
    /// The choice of cap that holds.
    pub cap_seq: i32,
    pub cap: Decimal,
    pub charged: Decimal,
    pub reserved: Decimal,
    /// Whether the database has it; else it is as it would be.
    pub is_stored: bool,
}

/// A month as it should be, and how the stored one differs from that.
#[derive(Clone, Debug)]
pub(super) struct Loaded {
    pub state: MonthState,
    pub counter: Counter,
    /// The subscriptions that can matter to the month.
    pub subscribed: Vec<Subscribed>,
    /// Allowances to be made, and new ends of those that are there.
    pub missing: Vec<Grant>,
    pub moved: Vec<(AllowanceId, DateTime<Utc>)>,
    /// Yuan of the cap to be held for charging sessions that are open.
    pub reserved: Decimal,
}

impl Loaded {
    /// It is as the database has it.
    pub fn mark_saved(&mut self) {
        self.missing.clear();
        self.moved.clear();
        self.counter =
            Counter { charged: self.state.charged(), reserved: self.reserved, is_stored: true, ..self.counter };
        for plan in &mut self.state.plans {
            plan.changed = false;
        }
        self.state.pool.mark_saved();
    }

    /// Whether what is to be written is in rows of allowances that are there.
    pub fn changes_allowances_alone(&self) -> bool {
        let Counter { charged, reserved, is_stored, .. } = self.counter;
        let follows = self.missing.is_empty() && self.moved.is_empty();
        let is_charged_nothing = charged == self.state.charged() && reserved == self.reserved;
        follows && is_stored && is_charged_nothing && self.state.plans.iter().all(|plan| !plan.changed)
    }

    /// Holds for charging sessions just what they would take if all of it were used: `forecast` is the state with that.
    pub fn reserve(&mut self, forecast: &MonthState) {
        self.reserved = forecast.charged() - self.state.charged();
        self.state.pool.reserve(&forecast.pool);
    }

    /// No session may use anything.
    pub fn reserve_nothing(&mut self) {
        self.reserved = Decimal::ZERO;
        self.state.pool.reserve_nothing();
    }
}

/// One month of one subscriber.
pub(super) async fn load_month(
    conn: &mut PgConnection,
    subscriber_id: i64,
    month: Month,
) -> Result<Loaded, UsageError> {
    let key = Key { subscriber_id, month };
    let mut loaded = load_months(conn, &BTreeSet::from([key])).await?;
    loaded.remove(&key).ok_or(UsageError::NoCap(subscriber_id))
}

/// Months of many subscribers. A subscriber without a cap does not exist and is an error.
pub(super) async fn load_months(
    conn: &mut PgConnection,
    keys: &BTreeSet<Key>,
) -> Result<BTreeMap<Key, Loaded>, UsageError> {
    if keys.is_empty() {
        return Ok(BTreeMap::new());
    }
    let columns = KeyColumns::of(keys);
    let mut subscribed = subscribed(conn, &columns).await?;
    let mut stored = stored_allowances(conn, &columns).await?;
    let mut beyond = beyond(conn, &columns).await?;
    let counters = counters(conn, keys, &columns).await?;
    let mut months = BTreeMap::new();
    for key in keys {
        let counter = *counters.get(key).ok_or(UsageError::NoCap(key.subscriber_id))?;
        let subscribed = subscribed.remove(key).unwrap_or_default();
        let stored = stored.remove(key).unwrap_or_default();
        let beyond = beyond.remove(key).unwrap_or_default();
        months.insert(*key, assemble(key.month, subscribed, stored, &beyond, counter));
    }
    Ok(months)
}

/// Keys, column by column, with the bounds of what can matter to each month.
#[derive(Debug, Default)]
struct KeyColumns {
    subscribers: Vec<i64>,
    months: Vec<NaiveDate>,
    /// The start of the month before (what rolls over), and the end of the next (whose records may already have taken
    /// what rolls over from this one).
    after: Vec<DateTime<Utc>>,
    before: Vec<DateTime<Utc>>,
}

impl KeyColumns {
    fn of(keys: &BTreeSet<Key>) -> Self {
        let mut columns = Self::default();
        for Key { subscriber_id, month } in keys {
            columns.subscribers.push(*subscriber_id);
            columns.months.push(month.first_day());
            columns.after.push(month.previous().start());
            columns.before.push(month.next().end());
        }
        columns
    }
}

fn assemble(
    month: Month,
    subscribed: Vec<Subscribed>,
    stored: BTreeMap<AllowanceId, Held>,
    beyond: &BTreeMap<i64, Beyond>,
    counter: Counter,
) -> Loaded {
    let runs = |plan: &&Subscribed| {
        plan.is_plan() && plan.starts_at < month.end() && plan.ends_at.is_none_or(|end| end > month.start())
    };
    let plans: Vec<_> = subscribed
        .iter()
        .filter(runs)
        .map(|plan| PlanMonth {
            plan: plan.clone(),
            beyond: beyond.get(&plan.subscription_id).copied().unwrap_or_default(),
            changed: false,
        })
        .collect();
    let Allowances { held, missing, moved } = follow(month, &subscribed, stored);
    let by = |held: &Held| subscribed.iter().find(|one| one.subscription_id == held.grant.id.subscription_id);
    let pool = Pool::new(month, held.into_iter().filter_map(|held| by(&held).map(|by| (held, by))));
    let known: Decimal = plans.iter().map(|plan| plan.beyond.charged).sum();
    let charged_elsewhere = counter.charged - known;
    let state = MonthState { month, pool, plans, cap: counter.cap, charged_elsewhere };
    Loaded { state, counter, subscribed, missing, moved, reserved: counter.reserved }
}

#[derive(Debug, Default)]
struct Allowances {
    held: Vec<Held>,
    missing: Vec<Grant>,
    moved: Vec<(AllowanceId, DateTime<Utc>)>,
}

/// The stored allowances of a month and those around it, made to follow the subscriptions.
fn follow(month: Month, subscribed: &[Subscribed], mut stored: BTreeMap<AllowanceId, Held>) -> Allowances {
    let mut result = Allowances::default();
    let due = subscribed.iter().flat_map(|one| grants(one, month.previous()).into_iter().chain(grants(one, month)));
    for grant in due {
        match stored.remove(&grant.id) {
            Some(held) => {
                if held.grant.valid_until != grant.valid_until {
                    result.moved.push((grant.id, grant.valid_until));
                }
                result.held.push(Held { grant: Grant { valid_until: grant.valid_until, ..held.grant }, ..held });
            }
            // Of the month before, only what rolls over matters.
            None if grant.valid_until > month.start() => {
                result.missing.push(grant.clone());
                result.held.push(Held::unused(grant));
            }
            None => {}
        }
    }
    for (id, mut held) in stored {
        if id.month <= month {
            // It ended before this allowance began after all.
            held.grant.valid_until = held.grant.valid_from;
            result.moved.push((id, held.grant.valid_until));
        }
        result.held.push(held);
    }
    result
}

/// The subscriptions that can matter to each month: those that ran in it, in the month before or run in the next.
async fn subscribed(conn: &mut PgConnection, keys: &KeyColumns) -> Result<BTreeMap<Key, Vec<Subscribed>>, UsageError> {
    let rows = sqlx::query!(
        r#"select k.subscriber_id as "subscriber_id!", k.month as "month!", s.subscription_id, s.scheme_id, s.version,
            s.kind, s.starts_at, s.ends_at, s.chargeable,
            (s.end_reason in ('immediately', 'before_first_charge')) is true as "lapses!"
        from unnest($1::bigint[], $2::date[], $3::timestamptz[], $4::timestamptz[])
            as k (subscriber_id, month, after, before)
        join subscription s on s.subscriber_id = k.subscriber_id
            and s.starts_at < k.before and (s.ends_at is null or s.ends_at > k.after)
        order by s.starts_at, s.subscription_id"#,
        &keys.subscribers,
        &keys.months,
        &keys.after,
        &keys.before
    )
    .fetch_all(&mut *conn)
    .await?;
    let wanted: BTreeSet<(&str, i32)> = rows.iter().map(|row| (row.scheme_id.as_str(), row.version)).collect();
    let published = published(conn, wanted).await?;
    let mut subscribed: BTreeMap<Key, Vec<Subscribed>> = BTreeMap::new();
    for row in rows {
        let version = (row.scheme_id, row.version);
        let (name, terms) = published.get(&version).ok_or_else(|| corrupt("a subscription without terms"))?;
        let key = Key { subscriber_id: row.subscriber_id, month: Month::of_date(row.month) };
        subscribed.entry(key).or_default().push(Subscribed {
            subscription_id: row.subscription_id,
            scheme_id: version.0.parse().map_err(corrupt)?,
            version: version.1,
            name: name.clone(),
            kind: row.kind.parse::<Kind>().map_err(corrupt)?,
            terms: if row.chargeable { Arc::clone(terms) } else { Arc::new(without_overage(terms)) },
            starts_at: row.starts_at,
            ends_at: row.ends_at,
            lapses: row.lapses,
        });
    }
    Ok(subscribed)
}

/// The terms of what was cancelled before its first charge: nothing beyond its allowances can be charged for.
fn without_overage(terms: &Terms) -> Terms {
    Terms { overage: Vec::new(), ..terms.clone() }
}

type Published = BTreeMap<(String, i32), (String, Arc<Terms>)>;

/// Names and terms of tariff versions, each read once however many have it.
async fn published(conn: &mut PgConnection, versions: BTreeSet<(&str, i32)>) -> Result<Published, UsageError> {
    let (schemes, numbers): (Vec<String>, Vec<i32>) =
        versions.into_iter().map(|(scheme, version)| (scheme.to_owned(), version)).unzip();
    let rows = sqlx::query!(
        r#"select t.scheme_id, t.version, t.name, t.terms as "terms!: Json<Terms>"
        from unnest($1::text[], $2::integer[]) as k (scheme_id, version)
        join tariff_version t on t.scheme_id = k.scheme_id and t.version = k.version"#,
        &schemes,
        &numbers
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| ((row.scheme_id, row.version), (row.name, Arc::new(row.terms.0)))).collect())
}

async fn stored_allowances(
    conn: &mut PgConnection,
    keys: &KeyColumns,
) -> Result<BTreeMap<Key, BTreeMap<AllowanceId, Held>>, UsageError> {
    let rows = sqlx::query!(
        r#"select k.subscriber_id as "subscriber_id!", k.month as "key_month!", a.subscription_id, a.month, a.ordinal,
            a.service, a.granted, a.used, a.reserved, a.rating_groups, a.valid_from, a.valid_until,
            a.taken as "taken: Json<BTreeMap<String, u64>>"
        from unnest($1::bigint[], $2::date[], $3::timestamptz[], $4::timestamptz[])
            as k (subscriber_id, month, after, before)
        join subscription s on s.subscriber_id = k.subscriber_id
            and s.starts_at < k.before and (s.ends_at is null or s.ends_at > k.after)
        join allowance a on a.subscriber_id = s.subscriber_id and a.subscription_id = s.subscription_id
            and a.month between (k.month - interval '1 month')::date and (k.month + interval '1 month')::date
            and (a.month >= k.month or a.valid_until > k.month::timestamp at time zone 'Asia/Shanghai')"#,
        &keys.subscribers,
        &keys.months,
        &keys.after,
        &keys.before
    )
    .fetch_all(conn)
    .await?;
    let mut stored: BTreeMap<Key, BTreeMap<AllowanceId, Held>> = BTreeMap::new();
    for row in rows {
        let id = AllowanceId {
            subscription_id: row.subscription_id,
            month: Month::of_date(row.month),
            ordinal: row.ordinal,
        };
        let groups = row.rating_groups.into_iter().map(u32::try_from).collect::<Result<_, _>>().map_err(corrupt)?;
        let grant = Grant {
            id,
            service: row.service.parse().map_err(corrupt)?,
            granted: units(row.granted)?,
            rating_groups: groups,
            valid_from: row.valid_from,
            valid_until: row.valid_until,
        };
        let taken = row.taken.0.into_iter().map(|(class, n)| Ok((class.parse().map_err(corrupt)?, n)));
        let taken = taken.collect::<Result<_, UsageError>>()?;
        let held = Held { grant, used: units(row.used)?, reserved: units(row.reserved)?, taken };
        let key = Key { subscriber_id: row.subscriber_id, month: Month::of_date(row.key_month) };
        stored.entry(key).or_default().insert(id, held);
    }
    Ok(stored)
}

/// The counter of each month; where there is none yet, as it would be: with the cap chosen last before the month ended.
async fn counters(
    conn: &mut PgConnection,
    keys: &BTreeSet<Key>,
    columns: &KeyColumns,
) -> Result<BTreeMap<Key, Counter>, UsageError> {
    let rows = sqlx::query!(
        "select c.subscriber_id, c.month, c.cap_seq, c.overage_cap, c.overage_charged, c.overage_reserved
        from unnest($1::bigint[], $2::date[]) as k (subscriber_id, month)
        join month_counter c on c.subscriber_id = k.subscriber_id and c.month = k.month",
        &columns.subscribers,
        &columns.months
    )
    .fetch_all(&mut *conn)
    .await?;
    let key = |subscriber_id, month| Key { subscriber_id, month: Month::of_date(month) };
    let mut counters: BTreeMap<Key, Counter> = rows
        .into_iter()
        .map(|row| {
            let (cap, charged, reserved) = (row.overage_cap, row.overage_charged, row.overage_reserved);
            let counter = Counter { cap_seq: row.cap_seq, cap, charged, reserved, is_stored: true };
            (key(row.subscriber_id, row.month), counter)
        })
        .collect();
    let missing: Vec<&Key> = keys.iter().filter(|key| !counters.contains_key(key)).collect();
    if missing.is_empty() {
        return Ok(counters);
    }
    let (subscribers, months) = Key::columns(missing.iter().copied());
    let ends: Vec<DateTime<Utc>> = missing.iter().map(|key| key.month.end()).collect();
    let rows = sqlx::query!(
        r#"select distinct on (k.subscriber_id, k.month) k.subscriber_id as "subscriber_id!", k.month as "month!",
            c.seq, c.cap
        from unnest($1::bigint[], $2::date[], $3::timestamptz[]) as k (subscriber_id, month, ends)
        join cap_choice c on c.subscriber_id = k.subscriber_id and (c.seq = 0 or c.chosen_at < k.ends)
        order by k.subscriber_id, k.month, c.seq desc"#,
        &subscribers,
        &months,
        &ends
    )
    .fetch_all(conn)
    .await?;
    counters.extend(rows.into_iter().map(|row| {
        let (charged, reserved) = (Decimal::ZERO, Decimal::ZERO);
        let counter = Counter { cap_seq: row.seq, cap: row.cap, charged, reserved, is_stored: false };
        (key(row.subscriber_id, row.month), counter)
    }));
    Ok(counters)
}

/// What was used beyond the allowances, by plan.
async fn beyond(
    conn: &mut PgConnection,
    keys: &KeyColumns,
) -> Result<BTreeMap<Key, BTreeMap<i64, Beyond>>, UsageError> {
    let rows = sqlx::query!(
        "select v.subscriber_id, v.month, v.subscription_id, v.volume_bytes, v.absorbed_bytes, v.charged,
            v.voice_minutes, v.sms_messages
        from unnest($1::bigint[], $2::date[]) as k (subscriber_id, month)
        join overage_volume v on v.subscriber_id = k.subscriber_id and v.month = k.month",
        &keys.subscribers,
        &keys.months
    )
    .fetch_all(conn)
    .await?;
    let mut beyond: BTreeMap<Key, BTreeMap<i64, Beyond>> = BTreeMap::new();
    for row in rows {
        let key = Key { subscriber_id: row.subscriber_id, month: Month::of_date(row.month) };
        let of_plan = Beyond {
            data_bytes: units(row.volume_bytes)?,
            absorbed_bytes: units(row.absorbed_bytes)?,
            voice_minutes: units(row.voice_minutes)?,
            sms_messages: units(row.sms_messages)?,
            charged: row.charged,
        };
        beyond.entry(key).or_default().insert(row.subscription_id, of_plan);
    }
    Ok(beyond)
}
