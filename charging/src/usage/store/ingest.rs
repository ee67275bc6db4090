//! Usage records go in: each once, rated, with what it costs posted to the ledger.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;
use sqlx::PgConnection;
use sqlx::types::Json;

use super::load::{Key, Loaded, load_months};
use super::records::StoredSplit;
use super::save::save_months;
use super::thresholds::{Crossed, Gauges};
use super::{UsageError, check_written, corrupt, lock_subscribers, session_rows, stored, units};
use crate::clock::Month;
use crate::ledger::store::post_charges;
use crate::ledger::{ChargeKind, NewCharge};
use crate::subscriber::Msisdn;
use crate::usage::rating::{Rated, RatingError};
use crate::usage::session::Forecast;
use crate::usage::{Novelty, UsageRecord, novelty};

/// What became of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ingested {
    Accepted,
    /// It was stored before.
    Unchanged,
    Rejected(Rejection),
}

/// Why a record was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    #[error("another record of this number has this id")]
    Conflict,
    #[error(transparent)]
    NotRated(#[from] RatingError),
}

/// Whose these numbers are; unknown ones are left out.
///
/// # Errors
/// When the database fails.
pub async fn subscriber_ids(
    conn: &mut PgConnection,
    numbers: impl IntoIterator<Item = &Msisdn>,
) -> Result<BTreeMap<Msisdn, i64>, UsageError> {
    let numbers: Vec<String> = numbers.into_iter().map(Msisdn::to_string).collect();
    let rows = sqlx::query!("select msisdn, subscriber_id from msisdn where msisdn = any($1)", &numbers)
        .fetch_all(conn)
        .await?;
    rows.into_iter().map(|row| Ok((row.msisdn.parse().map_err(corrupt)?, row.subscriber_id))).collect()
}

/// Stores and rates records, and posts what they cost. Those of one subscriber rate in the order of their start, whatever
/// order they are given in. Returns what became of each, in the order given. A record of a month whose bill is closed is
/// rated against that month all the same; the next bill takes its charge as late usage.
///
/// # Errors
/// When a subscriber does not exist or the database fails; then nothing may be committed.
pub async fn ingest_batch(
    conn: &mut PgConnection,
    records: &[(i64, UsageRecord)],
    now: DateTime<Utc>,
) -> Result<Vec<Ingested>, UsageError> {
    let subscribers: BTreeSet<i64> = records.iter().map(|(subscriber_id, _)| *subscriber_id).collect();
    lock_subscribers(conn, &subscribers).await?;
    let quotas = session_rows::open_quotas(conn, &subscribers).await?;
    let records: Vec<(i64, &UsageRecord)> = records.iter().map(|(id, record)| (*id, record)).collect();
    let mut results = take_in(conn, &records).await?;
    let mut work = Work::default();
    for (index, (subscriber_id, record)) in records.iter().enumerate() {
        if results[index] == Ingested::Accepted {
            work.add(*subscriber_id, record, index);
        }
    }
    for subscriber_id in quotas.keys() {
        // The months share what rolls over, and each other one holds nothing for sessions.
        work.touch(Key { subscriber_id: *subscriber_id, month: Month::of(now) });
    }
    let settle =
        |key: Key, loaded: &mut Loaded| match quotas.get(&key.subscriber_id).filter(|_| key.month == Month::of(now)) {
            Some(quotas) => loaded.reserve(&Forecast::new(&loaded.state, quotas, now).state),
            None => loaded.reserve_nothing(),
        };
    for (index, error) in work.run(conn, now, settle).await?.refused {
        results[index] = Ingested::Rejected(error.into());
    }
    Ok(results)
}

/// Tells which of these records are new, as if they were accepted.
pub(super) async fn take_in(
    conn: &mut PgConnection,
    records: &[(i64, &UsageRecord)],
) -> Result<Vec<Ingested>, UsageError> {
    let known = stored_records(conn, records).await?;
    let mut own: BTreeMap<i64, Vec<usize>> = BTreeMap::new();
    for (index, (subscriber_id, _)) in records.iter().enumerate() {
        own.entry(*subscriber_id).or_default().push(index);
    }
    let mut results = vec![Ingested::Accepted; records.len()];
    for (subscriber_id, indices) in own {
        let reported: Vec<&UsageRecord> = indices.iter().map(|index| records[*index].1).collect();
        let stored = known.get(&subscriber_id).map_or(&[][..], Vec::as_slice);
        for (index, novelty) in indices.into_iter().zip(novelty(&reported, stored)) {
            results[index] = match novelty {
                Novelty::New => Ingested::Accepted,
                Novelty::Repeated => Ingested::Unchanged,
                Novelty::Conflict => Ingested::Rejected(Rejection::Conflict),
            };
        }
    }
    Ok(results)
}

/// Months to be rated, with the new records of each.
#[derive(Debug, Default)]
pub(super) struct Work<'a> {
    months: BTreeMap<Key, Vec<(usize, &'a UsageRecord)>>,
    /// Of these months, those that need not be read.
    known: BTreeMap<Key, Loaded>,
}

/// What came of it.
#[derive(Debug, Default)]
pub(super) struct Done {
    /// Records that cannot be rated, by what `add` named them.
    pub refused: Vec<(usize, RatingError)>,
    /// Months as they are stored now, of the subscribers who had one to be rated.
    pub months: BTreeMap<Key, Loaded>,
}

/// A record as it was rated.
pub(super) struct RatedRecord<'a> {
    key: Key,
    record: &'a UsageRecord,
    rated: Rated,
}

impl<'a> Work<'a> {
    /// A month as the database has it. It counts only for a subscriber with no other month here, which might share what
    /// rolls over with it.
    pub fn know(&mut self, key: Key, loaded: Loaded) {
        self.known.insert(key, loaded);
    }

    /// `index` names the record in what `run` returns.
    pub fn add(&mut self, subscriber_id: i64, record: &'a UsageRecord, index: usize) {
        let key = Key { subscriber_id, month: Month::of(record.started_at) };
        self.months.entry(key).or_default().push((index, record));
    }

    /// A month that is to be settled, records or not.
    pub fn touch(&mut self, key: Key) {
        self.months.entry(key).or_default();
    }

    /// Rates and writes everything; `settle` sees each month after its records. The months of one subscriber go one after
    /// the other, because they share what rolls over; each round takes the earliest of every subscriber.
    pub async fn run(
        mut self,
        conn: &mut PgConnection,
        now: DateTime<Utc>,
        mut settle: impl FnMut(Key, &mut Loaded),
    ) -> Result<Done, UsageError> {
        let mut done = Done::default();
        let sharing = self.subscribers_with_several();
        self.known.retain(|key, _| self.months.contains_key(key) && !sharing.contains(&key.subscriber_id));
        while !self.months.is_empty() {
            let mut round: BTreeMap<Key, Vec<(usize, &UsageRecord)>> = BTreeMap::new();
            let mut later = BTreeMap::new();
            for (key, records) in self.months {
                match round.last_key_value() {
                    Some((last, _)) if last.subscriber_id == key.subscriber_id => later.insert(key, records),
                    _ => round.insert(key, records),
                };
            }
            self.months = later;
            let unknown = round.keys().filter(|key| !self.known.contains_key(key)).copied().collect();
            let mut months = load_months(conn, &unknown).await?;
            months.append(&mut std::mem::take(&mut self.known));
            let mut round = Round::rate(months, round, now, &mut settle)?;
            round.write(conn, now).await?;
            done.refused.append(&mut round.refused);
            round.months.retain(|key, _| !sharing.contains(&key.subscriber_id));
            done.months.append(&mut round.saved());
        }
        Ok(done)
    }

    /// Rates everything and writes nothing. `None`: not every month is known, or some must go one after the other.
    pub fn rate_known(
        self,
        now: DateTime<Utc>,
        mut settle: impl FnMut(Key, &mut Loaded),
    ) -> Result<Option<Round<'a>>, UsageError> {
        let are_known = self.months.keys().all(|key| self.known.contains_key(key));
        if !are_known || !self.subscribers_with_several().is_empty() {
            return Ok(None);
        }
        Round::rate(self.known, self.months, now, &mut settle).map(Some)
    }

    fn subscribers_with_several(&self) -> BTreeSet<i64> {
        let pairs = self.months.keys().zip(self.months.keys().skip(1));
        pairs.filter(|(a, b)| a.subscriber_id == b.subscriber_id).map(|(a, _)| a.subscriber_id).collect()
    }
}

/// Months of different subscribers with their records rated, as they are to be written.
pub(super) struct Round<'a> {
    pub months: BTreeMap<Key, Loaded>,
    pub rated: Vec<RatedRecord<'a>>,
    /// Records that cannot be rated, by what `add` named them.
    pub refused: Vec<(usize, RatingError)>,
    charges: Vec<NewCharge>,
    crossed: Crossed,
}

impl<'a> Round<'a> {
    fn rate(
        mut months: BTreeMap<Key, Loaded>,
        records: BTreeMap<Key, Vec<(usize, &'a UsageRecord)>>,
        now: DateTime<Utc>,
        settle: &mut impl FnMut(Key, &mut Loaded),
    ) -> Result<Self, UsageError> {
        let (mut rated, mut refused) = (Vec::new(), Vec::new());
        let mut gauges = Gauges::default();
        for (key, mut records) in records {
            let Some(loaded) = months.get_mut(&key) else { continue };
            if !records.is_empty() {
                gauges.note(key, &loaded.state, now);
            }
            records.sort_by_key(|(_, record)| (record.started_at, &record.id));
            for (index, record) in records {
                match loaded.state.rate(record) {
                    Ok(rating) => rated.push(RatedRecord { key, record, rated: rating }),
                    Err(error) => refused.push((index, error)),
                }
            }
            settle(key, loaded);
        }
        let charges = charges(&months, &rated, now)?;
        let crossed = gauges.crossed(&months, now);
        Ok(Self { months, rated, refused, charges, crossed })
    }

    /// Whether there is nothing to be written but records and allowances.
    pub fn is_plain(&self) -> bool {
        self.charges.is_empty() && self.crossed.is_empty() && self.months.values().all(Loaded::changes_allowances_alone)
    }

    pub async fn write(&mut self, conn: &mut PgConnection, now: DateTime<Utc>) -> Result<(), UsageError> {
        insert_records(conn, &self.rated, now).await?;
        save_months(conn, &self.months).await?;
        post_charges(conn, &self.charges).await?;
        std::mem::take(&mut self.crossed).tell(conn, now).await
    }

    /// The months, once they are written.
    pub fn saved(mut self) -> BTreeMap<Key, Loaded> {
        self.months.values_mut().for_each(Loaded::mark_saved);
        self.months
    }
}

fn charges(
    months: &BTreeMap<Key, Loaded>,
    rated: &[RatedRecord<'_>],
    now: DateTime<Utc>,
) -> Result<Vec<NewCharge>, UsageError> {
    let costly = rated.iter().filter(|rated| rated.rated.cost > Decimal::ZERO);
    costly
        .map(|RatedRecord { key, record, rated }| {
            let plans = months.get(key).map_or(&[][..], |loaded| &loaded.state.plans);
            let plan =
                plans.iter().map(|plan| &plan.plan).find(|p| Some(p.subscription_id) == rated.plan_subscription_id);
            let plan = plan.ok_or_else(|| corrupt("a cost without a plan"))?;
            Ok(NewCharge {
                subscriber_id: key.subscriber_id,
                kind: ChargeKind::overage_of(record.service),
                month: key.month,
                subscription_id: plan.subscription_id,
                scheme_id: plan.scheme_id.clone(),
                version: plan.version,
                recurring_price: plan.terms.recurring_price(),
                one_off_price: plan.terms.one_off,
                usage_source_id: Some(record.id.clone()),
                quantity: stored(rated.overage)?,
                amount: rated.cost,
                charged_at: now,
            })
        })
        .collect()
}

/// The stored records that have the ids of these, by subscriber.
async fn stored_records(
    conn: &mut PgConnection,
    records: &[(i64, &UsageRecord)],
) -> Result<BTreeMap<i64, Vec<UsageRecord>>, UsageError> {
    let mut stored: BTreeMap<i64, Vec<UsageRecord>> = BTreeMap::new();
    if records.is_empty() {
        return Ok(stored);
    }
    let (subscribers, ids): (Vec<i64>, Vec<String>) =
        records.iter().map(|(subscriber_id, record)| (*subscriber_id, record.id.clone())).unzip();
    let rows = sqlx::query!(
        "select r.subscriber_id, r.source_id, r.service, r.started_at, r.quantity, r.rating_group
        from unnest($1::bigint[], $2::text[]) as k (subscriber_id, source_id)
        join usage_record r on r.subscriber_id = k.subscriber_id and r.source_id = k.source_id",
        &subscribers,
        &ids
    )
    .fetch_all(conn)
    .await?;
    for row in rows {
        stored.entry(row.subscriber_id).or_default().push(UsageRecord {
            id: row.source_id,
            service: row.service.parse().map_err(corrupt)?,
            started_at: row.started_at,
            quantity: units(row.quantity)?,
            rating_group: row.rating_group.map(u32::try_from).transpose().map_err(corrupt)?,
        });
    }
    Ok(stored)
}

/// Writes the records in one statement.
async fn insert_records(
    conn: &mut PgConnection,
    rated: &[RatedRecord<'_>],
    now: DateTime<Utc>,
) -> Result<(), UsageError> {
    if rated.is_empty() {
        return Ok(());
    }
    let columns = Columns::of(rated)?;
    let written = sqlx::query!(
        "insert into usage_record (received_at, subscriber_id, month, source_id, service, started_at, quantity,
            rating_group, from_allowance, overage, absorbed, cost, plan_subscription_id, split)
        select $1, new.* from unnest($2::bigint[], $3::date[], $4::text[], $5::text[], $6::timestamptz[], $7::bigint[],
            $8::integer[], $9::bigint[], $10::bigint[], $11::bigint[], $12::numeric[], $13::bigint[], $14::jsonb[])
            as new (subscriber_id, month, source_id, service, started_at, quantity, rating_group, from_allowance,
                overage, absorbed, cost, plan_subscription_id, split)",
        now,
        &columns.subscribers,
        &columns.months,
        &columns.ids,
        &columns.services,
        &columns.started_at,
        &columns.quantities,
        &columns.rating_groups as &[Option<i32>],
        &columns.from_allowance,
        &columns.overage,
        &columns.absorbed,
        &columns.costs,
        &columns.plans as &[Option<i64>],
        &columns.splits as &[Json<Vec<StoredSplit>>]
    )
    .execute(conn)
    .await?;
    check_written("usage_record", rated.len(), written.rows_affected())
}

/// Rated records, column by column.
#[derive(Default)]
pub(super) struct Columns {
    pub subscribers: Vec<i64>,
    pub months: Vec<NaiveDate>,
    pub ids: Vec<String>,
    pub services: Vec<String>,
    pub started_at: Vec<DateTime<Utc>>,
    pub quantities: Vec<i64>,
    pub rating_groups: Vec<Option<i32>>,
    pub from_allowance: Vec<i64>,
    pub overage: Vec<i64>,
    pub absorbed: Vec<i64>,
    pub costs: Vec<Decimal>,
    pub plans: Vec<Option<i64>>,
    pub splits: Vec<Json<Vec<StoredSplit>>>,
}

impl Columns {
    pub fn of(rated: &[RatedRecord<'_>]) -> Result<Self, UsageError> {
        let mut columns = Self::default();
        for RatedRecord { key, record, rated } in rated {
            columns.subscribers.push(key.subscriber_id);
            columns.months.push(key.month.first_day());
            columns.ids.push(record.id.clone());
            columns.services.push(record.service.to_string());
            columns.started_at.push(record.started_at);
            columns.quantities.push(stored(record.quantity)?);
            columns.rating_groups.push(record.rating_group.map(i32::try_from).transpose().map_err(corrupt)?);
            columns.from_allowance.push(stored(rated.from_allowance)?);
            columns.overage.push(stored(rated.overage)?);
            columns.absorbed.push(stored(rated.absorbed)?);
            columns.costs.push(rated.cost);
            columns.plans.push(rated.plan_subscription_id);
            let split = rated.split.iter().map(|(id, quantity)| StoredSplit {
                subscription_id: id.subscription_id,
                month: id.month,
                ordinal: id.ordinal,
                quantity: *quantity,
            });
            columns.splits.push(Json(split.collect()));
        }
        Ok(columns)
    }
}
