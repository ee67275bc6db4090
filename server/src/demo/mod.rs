//! The demo: an operator with its tariffs, and 200 subscribers who lived through 24 months, all by the real code.

pub mod channels;
mod disputes;
pub mod drafts;
mod family;
pub mod gateway;
pub mod incident;
mod life;
mod money;
mod night;
mod people;
mod traffic;
pub mod withdrawal;

use anyhow::{Context as _, bail};
use charging::bill::run::run as close_month;
use charging::clock::{ManualClock, Month};
use charging::demo::SERVICE_PASSWORD;
use charging::order::first_charge::{AHEAD, ANSWER_TIME};
use charging::sign_in::store::{hash_password, store_password};
use charging::subscriber::NewSubscriber;
use charging::subscriber::STANDARD_CAP_YUAN;
use charging::subscriber::store::{create, find_by_msisdn};
use charging::tariff::own_format;
use charging::tariff::store::{Outcome, Publication, publish};
use charging::usage::store::{Ingested, Rejection, ingest_batch};
use chrono::{DateTime, TimeDelta, Utc};
use futures::stream::{self, StreamExt, TryStreamExt};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha20Rng;
use serde::Deserialize;
use sqlx::PgPool;

use people::Person;
use traffic::Window;

use crate::worker::reminders;

/// Months of history before the one that runs, as `demo load` makes them.
pub const HISTORY_MONTHS: u32 = 24;
/// Everything that looks like chance comes from this.
const SEED: u64 = 2026;
/// Subscribers whose month is lived at the same time.
const IN_FLIGHT: usize = 8;
const TARIFFS: &str = include_str!("tariffs.json");

/// What was loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loaded {
    pub tariffs: usize,
    pub subscribers: u32,
    pub bills: u64,
}

/// The chance of one subscriber in one month (0: before all months).
fn rng(n: u32, month: u32) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(SEED ^ (u64::from(n) << 32) ^ (u64::from(month) << 16))
}

/// Loads the demo with so many months of history before `now`; `None` when it is there already. A load that was
/// interrupted is taken up where it stopped. `progress` is told how many of how many months are done.
///
/// # Errors
/// When the database holds subscribers that are not the demo's, or fails.
pub async fn load(
    pool: &PgPool,
    now: DateTime<Utc>,
    history_months: u32,
    progress: impl Fn(u64, u64),
) -> anyhow::Result<Option<Loaded>> {
    let Some(first) = begin(pool, now, history_months).await? else { return Ok(None) };
    let tariffs = publish_tariffs(pool, now).await?;
    let current = Month::of(now);
    let months: Vec<Month> =
        std::iter::successors(Some(first), |month| Some(month.next())).take_while(|month| *month <= current).collect();
    let people = people::everyone(history_months)?;
    let password = hash_password(SERVICE_PASSWORD, &mut rng(0, 0)).await?;
    let mut bills = 0;
    let ages = (0_u32..u32::try_from(months.len())?).rev();
    for (age, (index, month)) in ages.zip((0_u32..).zip(months.iter().copied())) {
        let scene = Scene { pool, now, month, index, age, password: &password };
        if !scene.is_done().await? {
            scene.live(&people).await?;
            scene.remind().await?;
            if month < current {
                scene.top_up(&people).await?;
                settle_notices(pool, month.end()).await?;
                // Whoever ordered last was told of the first charge a day before the bill.
                let clock = ManualClock::new((month.end() + ANSWER_TIME + TimeDelta::hours(2)).min(now));
                let closed = close_month(pool, month, &clock, |_| ()).await?;
                if let Some((subscriber_id, reason)) = closed.refused.into_iter().next() {
                    return Err(reason).with_context(|| format!("the bill of subscriber {subscriber_id}"));
                }
                bills += closed.bills;
                scene.pay(&people).await?;
            }
            if month == current.minus(family::MONTHS).max(first) {
                family::join(pool, &people, month, now).await?;
            }
            scene.note("demo.month", &month.to_string()).await?;
        }
        progress(u64::from(index) + 1, months.len() as u64);
    }
    disputes::open_all(pool, &people, now).await?;
    money::return_some(pool, &people, now).await?;
    settle_notices(pool, now).await?;
    night::bring_charges(pool, &people, now).await?;
    remember(pool, "demo.loaded", &first.to_string(), now).await?;
    Ok(Some(Loaded { tariffs, subscribers: people::PEOPLE, bills }))
}

/// The first month of the history; `None`: everything is there.
async fn begin(pool: &PgPool, now: DateTime<Utc>, history_months: u32) -> anyhow::Result<Option<Month>> {
    let marks = sqlx::query!(
        "select action, subject from audit_trail where action in ('demo.started', 'demo.loaded') order by entry_id"
    )
    .fetch_all(pool)
    .await?;
    if marks.iter().any(|mark| mark.action == "demo.loaded") {
        return Ok(None);
    }
    let started = marks.into_iter().find(|mark| mark.action == "demo.started");
    let numbers = sqlx::query_scalar!("select msisdn from msisdn order by msisdn limit 1000").fetch_all(pool).await?;
    let strange = numbers.iter().any(|msisdn| !people::is_demo_number(msisdn));
    match started {
        _ if strange => bail!("the database holds subscribers that are not the demo's: use another database"),
        Some(mark) => Ok(Some(mark.subject.parse()?)),
        None if !numbers.is_empty() => bail!("the database holds subscribers: use another database for the demo"),
        None => {
            let first = Month::of(now).minus(history_months);
            remember(pool, "demo.started", &first.to_string(), now).await?;
            Ok(Some(first))
        }
    }
}

async fn remember(pool: &PgPool, action: &str, subject: &str, now: DateTime<Utc>) -> anyhow::Result<()> {
    sqlx::query!("insert into audit_trail (at, action, subject) values ($1, $2, $3)", now, action, subject)
        .execute(pool)
        .await?;
    Ok(())
}

#[derive(Deserialize)]
struct TariffFile {
    tariffs: Vec<serde_json::Value>,
}

/// Publishes the demo's tariffs, of which each is public since its 上线日期; returns their number.
async fn publish_tariffs(pool: &PgPool, now: DateTime<Utc>) -> anyhow::Result<usize> {
    let file: TariffFile = serde_json::from_str(TARIFFS)?;
    let mut batch = Vec::with_capacity(file.tariffs.len());
    for json in file.tariffs {
        let entry = own_format::parse(&json.to_string()).map_err(anyhow::Error::msg)?;
        if entry.published_at.is_none_or(|at| at <= now) {
            batch.push(Publication {
                content: entry.content,
                version: entry.version,
                published_at: entry.published_at,
                orderable_from: entry.orderable_from,
            });
        }
    }
    let mut tx = pool.begin().await?;
    let outcomes = publish(&mut tx, &batch, now).await?;
    for (publication, outcome) in batch.iter().zip(outcomes) {
        if let Outcome::Refused { reason } = outcome {
            bail!("tariff {}: {reason}", publication.content.scheme_id);
        }
    }
    tx.commit().await?;
    Ok(batch.len())
}

/// A month that everybody lives through.
#[derive(Clone, Copy)]
struct Scene<'a> {
    pool: &'a PgPool,
    now: DateTime<Utc>,
    month: Month,
    /// From the first month of the history.
    index: u32,
    /// Months before the one that runs now.
    age: u32,
    password: &'a str,
}

impl Scene<'_> {
    async fn is_done(&self) -> anyhow::Result<bool> {
        let done = sqlx::query_scalar!(
            r#"select exists (select from audit_trail where action = 'demo.month' and subject = $1) as "done!""#,
            self.month.to_string()
        )
        .fetch_one(self.pool)
        .await?;
        Ok(done)
    }

    async fn note(&self, action: &str, subject: &str) -> anyhow::Result<()> {
        remember(self.pool, action, subject, self.now).await
    }

    async fn live(&self, people: &[Person]) -> anyhow::Result<()> {
        // One after the other, so that the same numbers always have the same ids.
        for person in people.iter().filter(|person| person.joined == self.index) {
            self.open(person).await.with_context(|| format!("{} opens a number", person.msisdn))?;
        }
        stream::iter(people.iter().filter(|person| person.joined <= self.index))
            .map(|person| async move {
                self.live_one(person).await.with_context(|| format!("{} in {}", person.msisdn, self.month))
            })
            .buffer_unordered(IN_FLIGHT)
            .try_collect()
            .await
    }

    /// When the number is opened: in the first month of the history within its first days; the newest an hour ago.
    fn opened_at(&self, person: &Person) -> DateTime<Utc> {
        let days = if self.index == 0 { 3 } else { 26 };
        let minutes = rng(person.n, 1).random_range(9 * 60..days * 24 * 60 - 4 * 60);
        (self.month.start() + TimeDelta::minutes(minutes)).min(self.now - TimeDelta::hours(1))
    }

    async fn open(&self, person: &Person) -> anyhow::Result<()> {
        let mut tx = self.pool.begin().await?;
        if find_by_msisdn(&mut tx, &person.msisdn).await?.is_some() {
            return Ok(());
        }
        let new = NewSubscriber {
            msisdn: person.msisdn.clone(),
            name: person.name.clone(),
            region: person.region.to_owned(),
            language: person.language,
            cap: STANDARD_CAP_YUAN,
            channel_id: "hall".to_owned(),
        };
        let at = self.opened_at(person);
        let subscriber = create(&mut tx, &new, at).await?;
        store_password(&mut tx, subscriber.subscriber_id, self.password, at).await?;
        tx.commit().await?;
        Ok(())
    }

    /// What the worker would have told in this month of first charges and renewals.
    async fn remind(&self) -> anyhow::Result<()> {
        let ahead = (self.month.end() - AHEAD).min(self.now);
        reminders::first_charges(self.pool, ahead).await?;
        reminders::renewals(self.pool, ahead).await
    }

    async fn live_one(&self, person: &Person) -> anyhow::Result<()> {
        let pool = self.pool;
        let Some(subscriber) = find_by_msisdn(&mut *pool.acquire().await?, &person.msisdn).await? else {
            bail!("the number was not opened");
        };
        let id = subscriber.subscriber_id;
        let mut rng = rng(person.n, self.index + 2);
        let until = (self.month.end() - TimeDelta::minutes(10)).min(self.now);
        let mut from = self.month.start();
        if person.joined == self.index {
            from = subscriber.created_at + TimeDelta::minutes(5);
            let ordered_at = subscriber.created_at + TimeDelta::minutes(2);
            let is_blank = person.n == 3 || life::plan_at(pool, id, until).await?.is_some();
            if !is_blank && !life::order(pool, id, person.first_plan, "hall", ordered_at, &mut rng).await? {
                life::order(pool, id, "24MB900003", "hall", ordered_at, &mut rng).await?;
            }
        }
        for (at, action) in life::actions(person, self.month, self.age, (from, until), &mut rng) {
            life::act(pool, id, action, at, &mut rng).await?;
        }
        let Some(plan) = life::plan_at(pool, id, until).await? else { return Ok(()) };
        let window = Window { month: self.month, from, until, age: self.age };
        let records = traffic::records(person, plan.as_str(), window, &mut rng);
        let records: Vec<_> = records.into_iter().map(|record| (id, record)).collect();
        let mut tx = pool.begin().await?;
        for ((_, record), outcome) in records.iter().zip(ingest_batch(&mut tx, &records, until).await?) {
            if let Ingested::Rejected(reason @ Rejection::NotRated(_)) = outcome {
                bail!("usage {}: {reason}", record.id);
            }
        }
        tx.commit().await?;
        Ok(())
    }
}

/// What was due has long been sent.
async fn settle_notices(pool: &PgPool, now: DateTime<Utc>) -> anyhow::Result<()> {
    let ids =
        sqlx::query_scalar!("select subscriber_id from subscriber order by subscriber_id").fetch_all(pool).await?;
    stream::iter(ids)
        .map(|id| async move {
            sqlx::query!(
                "update notice set state = 'sent', sent_at = due_at, attempts = 1
                 where subscriber_id = $1 and state = 'queued' and due_at <= $2",
                id,
                now
            )
            .execute(pool)
            .await
        })
        .buffer_unordered(IN_FLIGHT)
        .try_for_each(|_| async { Ok(()) })
        .await?;
    Ok(())
}
