//! Charging sessions: requests are taken many at a time, what they report is rated and what they ask is granted, all in
//! one transaction.

mod grants;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, SubsecRound as _, Utc};
use sqlx::{Connection as _, PgConnection};

use super::at_once::save_at_once;
use super::ingest::{Ingested, Round, Work, subscriber_ids, take_in};
use super::load::{Key, Loaded};
use super::memory::{Epoch, Memory, Remembered, lease};
use super::session_rows::{Session, load_closed, load_open, save_sessions, silent_subscribers};
use super::{UsageError, lock_existing, lock_leases};
use crate::clock::Month;
use crate::quantity::Service;
use crate::subscriber::Msisdn;
use crate::usage::UsageRecord;
use crate::usage::line::is_billable;
use crate::usage::session::{
    Answer, Asked, Invocation, Quota, Refusal, SESSIONS_MAX, SILENCE_MAX, SessionRef, Step, usage_id,
};

/// Takes requests of sessions in a transaction of their own. Returns the answer to each, in the order given; one that is
/// refused changes nothing. Whose sessions are in `memory` need not be read; where nothing else works with it, it may
/// as well be empty.
///
/// # Errors
/// When the database fails; nothing is changed then.
pub async fn charge_batch(
    conn: &mut PgConnection,
    memory: &Memory,
    invocations: &[Invocation],
    now: DateTime<Utc>,
) -> Result<Vec<Result<Answer, Refusal>>, UsageError> {
    // As the database keeps it, so that what is remembered is what would be read.
    let now = now.trunc_subsecs(6);
    if let Some(answers) = charge_remembered(conn, memory, invocations, now).await? {
        return Ok(answers);
    }
    let mut tx = conn.begin().await?;
    let mut batch = Batch::open(&mut tx, memory, invocations, now).await?;
    let mut admitted: Vec<_> = invocations.iter().map(|invocation| batch.admit(invocation)).collect();
    keep_new(&mut tx, &mut admitted).await?;
    let months = batch.charge(&mut tx, &admitted).await?;
    save_sessions(&mut tx, batch.sessions.values()).await?;
    tx.commit().await?;
    let answers = batch.answers_to(&admitted);
    batch.remember(memory, months);
    Ok(answers)
}

/// Takes requests of subscribers who are all remembered: what becomes of them is worked out first, and written in one go
/// if what was remembered still holds. `None`: nothing is written, and they must be read.
async fn charge_remembered(
    conn: &mut PgConnection,
    memory: &Memory,
    invocations: &[Invocation],
    now: DateTime<Utc>,
) -> Result<Option<Vec<Result<Answer, Refusal>>>, UsageError> {
    let subscriber = |invocation: &Invocation| match &invocation.step {
        Step::Create { .. } => None,
        Step::Update(session) | Step::Release(session) => Some(session.subscriber_id),
    };
    let Some(subscribers) = invocations.iter().map(subscriber).collect::<Option<BTreeSet<i64>>>() else {
        return Ok(None);
    };
    let Some((epoch, known)) = memory.take_all(&subscribers) else { return Ok(None) };
    let mut batch = Batch { epoch, ..Batch::new(now, BTreeMap::new()) };
    batch.know(known.clone());
    if let Some((answers, months)) = batch.charge_known(conn, invocations).await? {
        batch.remember(memory, months);
        return Ok(Some(answers));
    }
    memory.keep(epoch, known.into_iter());
    Ok(None)
}

/// Subscribers with sessions that went silent, at most `limit` of those after `after`, in the order of their ids.
///
/// # Errors
/// When the database fails.
pub async fn silent(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    after: i64,
    limit: u16,
) -> Result<BTreeSet<i64>, UsageError> {
    silent_subscribers(conn, now, now - SILENCE_MAX, after, limit).await
}

/// Gives back what is held for sessions of these subscribers that went silent, and closes those that were silent for too
/// long.
///
/// # Errors
/// When the database fails; then nothing may be committed.
pub async fn give_back_silent(
    conn: &mut PgConnection,
    silent: &BTreeSet<i64>,
    now: DateTime<Utc>,
) -> Result<(), UsageError> {
    let subscribers = lock_existing(conn, silent).await?;
    let mut batch = Batch::new(now, load_open(conn, &subscribers.iter().copied().collect::<Vec<_>>()).await?);
    let mut work = Work::default();
    for session in batch.sessions.values_mut() {
        let is_silent = session.seen_at < now - SILENCE_MAX;
        touch_months(&mut work, session, |quota| is_silent || quota.ends_at <= now);
        if is_silent {
            session.close(now);
        }
        if !session.quotas.is_empty() {
            // A month that is touched holds nothing for the present one, which may share what rolls over.
            work.touch(Key { subscriber_id: session.reference.subscriber_id, month: Month::of(now) });
        }
    }
    work.run(conn, now, |key, loaded| batch.settle(key, loaded, &[])).await?;
    save_sessions(conn, batch.sessions.values()).await
}

/// Takes quotas away from a session; the months they were granted in hold less then.
fn touch_months(work: &mut Work<'_>, session: &mut Session, which: impl FnMut(&mut Quota) -> bool) {
    let subscriber_id = session.reference.subscriber_id;
    for quota in session.drop_quotas(which) {
        work.touch(Key { subscriber_id, month: Month::of(quota.granted_at) });
    }
}

/// A request whose session is known, with the usage that it reports.
#[derive(Debug)]
struct Admitted<'a> {
    invocation: &'a Invocation,
    session: SessionRef,
    /// Each with its place in the request's units.
    records: Vec<(usize, UsageRecord)>,
    /// Whether the session had no request with this number or a later one before.
    is_newest: bool,
}

/// Leaves the records that are new: a request that is sent again reports what is known. What the newest requests of a
/// session report cannot be known, but for a usage file that uses its names: a batch that fails for one is tried alone,
/// and all that is reported alone is looked for.
async fn keep_new(conn: &mut PgConnection, admitted: &mut [Result<Admitted<'_>, Refusal>]) -> Result<(), UsageError> {
    let is_alone = admitted.len() == 1;
    keep_first(admitted);
    let may_be_known = |one: &&mut Admitted<'_>| is_alone || !one.is_newest;
    let mut doubtful: Vec<_> = admitted.iter_mut().flatten().filter(may_be_known).collect();
    let mut records = Vec::new();
    for one in &doubtful {
        records.extend(one.records.iter().map(|(_, record)| (one.session.subscriber_id, record)));
    }
    let mut results = take_in(conn, &records).await?.into_iter();
    for one in &mut doubtful {
        one.records.retain(|_| results.next() == Some(Ingested::Accepted));
    }
    Ok(())
}

/// Of a request that is there twice, leaves the records of one.
fn keep_first(admitted: &mut [Result<Admitted<'_>, Refusal>]) {
    let mut seen = BTreeSet::new();
    for one in admitted.iter_mut().flatten() {
        if !seen.insert((one.session.clone(), one.invocation.sequence)) {
            one.records.clear();
        }
    }
}

/// What is rated and granted for requests.
struct Plan<'a> {
    asking: BTreeMap<i64, Vec<&'a Admitted<'a>>>,
    /// By what a record is named in the work: its request, and its place among the units of that.
    places: Vec<(&'a Admitted<'a>, usize)>,
}

impl<'a> Plan<'a> {
    fn asking(&self, subscriber_id: i64) -> &[&'a Admitted<'a>] {
        self.asking.get(&subscriber_id).map_or(&[], Vec::as_slice)
    }
}

/// Sessions at work.
#[derive(Debug)]
struct Batch {
    now: DateTime<Utc>,
    /// Whose the numbers are that begin sessions, and the other subscribers with sessions here.
    numbers: BTreeMap<Msisdn, i64>,
    sessions: BTreeMap<SessionRef, Session>,
    /// Under which the subscribers are remembered afterwards, and when they were recalled.
    leases: BTreeMap<i64, i64>,
    epoch: Epoch,
    /// Months that were remembered.
    months: BTreeMap<Key, Loaded>,
    /// To requests that were new in this batch.
    answers: BTreeMap<(SessionRef, u32), Answer>,
}

impl Batch {
    fn new(now: DateTime<Utc>, sessions: BTreeMap<SessionRef, Session>) -> Self {
        Self {
            now,
            numbers: BTreeMap::new(),
            sessions,
            leases: BTreeMap::new(),
            epoch: Epoch::default(),
            months: BTreeMap::new(),
            answers: BTreeMap::new(),
        }
    }

    /// Finds whose the requests are, and locks, remembers or reads their sessions.
    async fn open(
        conn: &mut PgConnection,
        memory: &Memory,
        invocations: &[Invocation],
        now: DateTime<Utc>,
    ) -> Result<Self, UsageError> {
        let mut creates = BTreeMap::new();
        let mut named = Vec::new();
        for invocation in invocations {
            match &invocation.step {
                Step::Create { msisdn, digest, .. } => creates.entry(msisdn).or_insert_with(Vec::new).push(digest),
                Step::Update(session) | Step::Release(session) => named.push(session),
            }
        }
        let mut numbers = BTreeMap::new();
        if !creates.is_empty() {
            numbers = subscriber_ids(conn, creates.keys().copied()).await?;
        }
        let subscribers = named.iter().map(|session| session.subscriber_id).chain(numbers.values().copied());
        let leases = lock_leases(conn, &subscribers.collect()).await?;
        let begun_by: Vec<(i64, &[u8])> = creates
            .iter()
            .filter_map(|(msisdn, digests)| Some((*numbers.get(msisdn)?, digests)))
            .flat_map(|(subscriber_id, digests)| digests.iter().map(move |digest| (subscriber_id, &digest[..])))
            .collect();
        let mut batch = Self { numbers, ..Self::new(now, BTreeMap::new()) };
        batch.recall(conn, memory, &leases).await?;
        named.retain(|session| leases.contains_key(&session.subscriber_id) && !batch.sessions.contains_key(*session));
        batch.sessions.append(&mut load_closed(conn, &named, &begun_by).await?);
        Ok(batch)
    }

    /// Takes what is remembered of subscribers, and reads the open sessions of the others under a new lease.
    async fn recall(
        &mut self,
        conn: &mut PgConnection,
        memory: &Memory,
        leases: &BTreeMap<i64, Option<i64>>,
    ) -> Result<(), UsageError> {
        let (epoch, known) = memory.take(leases);
        self.epoch = epoch;
        self.know(known);
        let unknown: Vec<i64> = leases.keys().filter(|id| !self.leases.contains_key(id)).copied().collect();
        if !unknown.is_empty() {
            let lease = lease(conn, &unknown).await?;
            self.sessions.append(&mut load_open(conn, &unknown).await?);
            self.leases.extend(unknown.into_iter().map(|subscriber_id| (subscriber_id, lease)));
        }
        Ok(())
    }

    fn know(&mut self, known: Vec<(i64, Remembered)>) {
        for (subscriber_id, Remembered { lease, sessions, month }) in known {
            self.leases.insert(subscriber_id, lease);
            self.sessions.extend(sessions.into_iter().map(|session| (session.reference.clone(), session)));
            self.months.extend(month);
        }
    }

    /// Remembers the subscribers as they are stored now.
    fn remember(self, memory: &Memory, months: BTreeMap<Key, Loaded>) {
        let of = |lease| Remembered { lease, sessions: Vec::new(), month: None };
        let mut subscribers: BTreeMap<i64, Remembered> =
            self.leases.into_iter().map(|(subscriber_id, lease)| (subscriber_id, of(lease))).collect();
        for session in self.sessions.into_values().filter(|session| session.closed_at.is_none()) {
            if let Some(remembered) = subscribers.get_mut(&session.reference.subscriber_id) {
                remembered.sessions.push(Session { is_stored: true, changed: false, ..session });
            }
        }
        for (key, loaded) in months {
            if let Some(remembered) = subscribers.get_mut(&key.subscriber_id) {
                remembered.month = Some((key, loaded));
            }
        }
        memory.keep(self.epoch, subscribers.into_iter());
    }

    /// Finds or begins the session of a request. Nothing but that changes.
    fn admit<'a>(&mut self, invocation: &'a Invocation) -> Result<Admitted<'a>, Refusal> {
        let records_of = |session: &Session| records(invocation, session, self.now);
        let (session, records, is_newest) = match &invocation.step {
            Step::Create { msisdn, digest, session_id } => {
                let subscriber_id = *self.numbers.get(msisdn).ok_or(Refusal::UnknownSubscriber)?;
                let is_same =
                    |session: &&Session| session.reference.subscriber_id == subscriber_id && session.digest == digest;
                if let Some(begun) = self.sessions.values().find(is_same) {
                    let session = begun.reference.clone();
                    return Ok(Admitted { invocation, session, records: Vec::new(), is_newest: false });
                }
                if self.open_sessions(subscriber_id) >= SESSIONS_MAX {
                    return Err(Refusal::TooManySessions);
                }
                let reference = SessionRef { subscriber_id, session_id: session_id.clone() };
                let session = Session::new(reference.clone(), digest.to_vec(), self.now);
                let records = records_of(&session)?;
                self.sessions.insert(reference.clone(), session);
                (reference, records, true)
            }
            Step::Update(reference) | Step::Release(reference) => {
                let session = self.sessions.get(reference).ok_or(Refusal::UnknownSession)?;
                let is_newest = session.sequence() < Some(invocation.sequence);
                // What was used before the end is taken however late it comes; nothing new begins after it.
                if session.closed_at.is_some() && is_newest {
                    return Err(Refusal::UnknownSession);
                }
                (reference.clone(), records_of(session)?, is_newest)
            }
        };
        Ok(Admitted { invocation, session, records, is_newest })
    }

    fn open_sessions(&self, subscriber_id: i64) -> usize {
        self.of_subscriber(subscriber_id).filter(|session| session.closed_at.is_none()).count()
    }

    fn of_subscriber(&self, subscriber_id: i64) -> impl Iterator<Item = &Session> {
        let first = SessionRef { subscriber_id, session_id: String::new() };
        self.sessions
            .range(first..)
            .map(|(_, session)| session)
            .take_while(move |session| session.reference.subscriber_id == subscriber_id)
    }

    /// Rates what was used, then grants what is asked. Returns the months that can be remembered.
    async fn charge(
        &mut self,
        conn: &mut PgConnection,
        admitted: &[Result<Admitted<'_>, Refusal>],
    ) -> Result<BTreeMap<Key, Loaded>, UsageError> {
        let (work, plan) = self.work(admitted);
        let now = self.now;
        let settle = |key: Key, loaded: &mut Loaded| self.settle(key, loaded, plan.asking(key.subscriber_id));
        let done = work.run(conn, now, settle).await?;
        self.mark_failed(&done.refused, &plan);
        Ok(done.months)
    }

    /// The same with what is remembered alone. Returns the answers, too; `None`: nothing is written, because something must
    /// be read.
    async fn charge_known(
        &mut self,
        conn: &mut PgConnection,
        invocations: &[Invocation],
    ) -> Result<Option<(Vec<Result<Answer, Refusal>>, BTreeMap<Key, Loaded>)>, UsageError> {
        let is_open = |invocation: &Invocation| match &invocation.step {
            Step::Create { .. } => false,
            Step::Update(session) | Step::Release(session) => self.sessions.contains_key(session),
        };
        if !invocations.iter().all(is_open) {
            return Ok(None);
        }
        let mut admitted: Vec<_> = invocations.iter().map(|invocation| self.admit(invocation)).collect();
        keep_first(&mut admitted);
        if admitted.iter().flatten().any(|one| !one.is_newest && !one.records.is_empty()) {
            return Ok(None);
        }
        let (work, plan) = self.work(&admitted);
        let now = self.now;
        let settle = |key: Key, loaded: &mut Loaded| self.settle(key, loaded, plan.asking(key.subscriber_id));
        let Some(mut round) = work.rate_known(now, settle)? else { return Ok(None) };
        self.mark_failed(&round.refused, &plan);
        let is_written = if round.is_plain() {
            save_at_once(conn, &self.leases, self.sessions.values(), &round, now).await?
        } else {
            self.save_under_leases(conn, &mut round).await?
        };
        Ok(is_written.then(|| (self.answers_to(&admitted), round.saved())))
    }

    /// `false`: what was remembered of some subscriber does not hold any more, and nothing is written.
    async fn save_under_leases(&self, conn: &mut PgConnection, round: &mut Round<'_>) -> Result<bool, UsageError> {
        let mut tx = conn.begin().await?;
        let leases = lock_leases(&mut tx, &self.leases.keys().copied().collect()).await?;
        if !leases.into_iter().eq(self.leases.iter().map(|(subscriber_id, lease)| (*subscriber_id, Some(*lease)))) {
            tx.rollback().await?;
            return Ok(false);
        }
        round.write(&mut tx, self.now).await?;
        save_sessions(&mut tx, self.sessions.values()).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// What requests report and give back, to be rated.
    fn work<'a>(&mut self, admitted: &'a [Result<Admitted<'a>, Refusal>]) -> (Work<'a>, Plan<'a>) {
        let mut work = Work::default();
        for (key, loaded) in std::mem::take(&mut self.months) {
            work.know(key, loaded);
        }
        let mut plan = Plan { asking: BTreeMap::new(), places: Vec::new() };
        for one in admitted.iter().flatten() {
            let subscriber_id = one.session.subscriber_id;
            work.touch(Key { subscriber_id, month: Month::of(self.now) });
            for (unit, record) in &one.records {
                work.add(subscriber_id, record, plan.places.len());
                plan.places.push((one, *unit));
            }
            if self.begin(&mut work, one) {
                plan.asking.entry(subscriber_id).or_default().push(one);
            }
        }
        (work, plan)
    }

    /// Notes what a request reports and gives back. `false`: it is not the newest of its session, and asks for nothing.
    fn begin(&mut self, work: &mut Work<'_>, one: &Admitted<'_>) -> bool {
        let Some(session) = self.sessions.get_mut(&one.session) else { return false };
        let sequence = one.invocation.sequence;
        if session.sequence().is_some_and(|newest| sequence <= newest) {
            return false;
        }
        let now = self.now;
        touch_months(work, session, |quota| quota.ends_at <= now);
        for unit in &one.invocation.units {
            let mut used: u64 = unit.used.iter().map(|used| used.bytes).fold(0, u64::saturating_add);
            touch_months(work, session, |quota| {
                if quota.rating_group != unit.rating_group {
                    return false;
                }
                let reported = quota.bytes.min(used);
                quota.bytes -= reported;
                used -= reported;
                quota.bytes == 0 || unit.asked != Asked::Nothing || unit.gives_back
            });
        }
        if matches!(one.invocation.step, Step::Release(_)) {
            touch_months(work, session, |_| true);
            session.close(self.now);
        }
        session.seen_at = self.now;
        session.changed = true;
        session.answer = Some(Answer { session: one.session.clone(), sequence, units: Vec::new() });
        true
    }
}

/// The usage that a request reports, named alike however often it comes.
fn records(
    invocation: &Invocation,
    session: &Session,
    now: DateTime<Utc>,
) -> Result<Vec<(usize, UsageRecord)>, Refusal> {
    let mut records = Vec::new();
    let containers = invocation
        .units
        .iter()
        .enumerate()
        .flat_map(|(unit, usage)| usage.used.iter().map(move |used| (unit, usage.rating_group, used)));
    for (index, (unit, rating_group, used)) in containers.enumerate().filter(|(_, (.., used))| used.bytes > 0) {
        let started_at = used.started_at.unwrap_or(session.seen_at);
        if !is_billable(started_at, now) {
            return Err(Refusal::StartedAt);
        }
        let record = UsageRecord {
            id: usage_id(&session.reference.session_id, invocation.sequence, index),
            service: Service::Data,
            started_at,
            quantity: used.bytes,
            rating_group: Some(rating_group),
        };
        records.push((unit, record));
    }
    Ok(records)
}
