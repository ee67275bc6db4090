//! From the queue to the SMS centre.

use std::collections::{HashSet, VecDeque};
use std::time::Duration;

use charging::clock::SharedClock;
use charging::notice::queue::{self, AcceptedPart, DueNotice, Fate, Lane, Settled, TOO_LATE, Tried};
use charging::notice::{receipt, sms};
use futures::future::{BoxFuture, join_all};
use futures::stream::FuturesUnordered;
use futures::{FutureExt as _, StreamExt as _};
use rusmpp::pdus::SubmitSm;
use rusmppc::Client;
use sqlx::PgPool;
use tokio::sync::{Semaphore, watch};

use super::metric;
use super::pace::Pace;
use super::settings::Settings;
use super::submission::{self, Answer};

/// How often an empty queue is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// Notices that are fetched, and noted, at a time at most; fewer where the rate is low, so that they take about a second.
const BATCH_MAX: u16 = 256;
/// How often a part is submitted again to a centre that has too much to do, before others have their turn.
const THROTTLED_MAX: u8 = 8;

/// Sends over one connection.
pub struct Outbox<'a> {
    pool: &'a PgPool,
    clock: &'a SharedClock,
    settings: &'a Settings,
    client: &'a Client,
    window: Semaphore,
    pace: &'a Pace,
    /// Notices that are fetched, and noted, at a time.
    batch: u16,
    /// Whether the connection is over, or the server stops.
    over: watch::Receiver<bool>,
}

/// What identifies a notice.
type Key = (i64, i64);

/// Notices of a lane between the queue and the note of what became of them.
#[derive(Default)]
struct Pump {
    /// Fetched, and not begun.
    fetched: VecDeque<DueNotice>,
    /// Ended, and not noted.
    tried: Vec<Tried>,
    /// All of them, and those under way: the queue still has them.
    known: HashSet<Key>,
    /// Whether there may be more in the queue.
    has_more: bool,
}

impl<'a> Outbox<'a> {
    pub fn new(
        (pool, clock): (&'a PgPool, &'a SharedClock),
        settings: &'a Settings,
        client: &'a Client,
        pace: &'a Pace,
        over: watch::Receiver<bool>,
    ) -> Self {
        let window = Semaphore::new(settings.window.into());
        let batch =
            settings.rate.map_or(BATCH_MAX, |rate| u16::try_from(rate.get()).unwrap_or(BATCH_MAX).min(BATCH_MAX));
        Self { pool, clock, settings, client, window, pace, batch, over }
    }

    /// Sends the notices of a lane as they become due, until the connection is over.
    pub async fn drain(&self, lane: Lane) {
        let turn = || {
            async move {
                self.turn(lane).await?;
                Ok(false)
            }
            .boxed()
        };
        self.again_and_again(turn).await;
    }

    /// Matches receipts as they come, until the connection is over.
    pub async fn match_receipts(&self) {
        let matching = || {
            async {
                let mut tx = self.pool.begin().await?;
                let matched = receipt::settle(&mut tx, self.clock.now()).await?;
                tx.commit().await?;
                Ok(matched > 0)
            }
            .boxed()
        };
        self.again_and_again(matching).await;
    }

    /// Does something again at once while it says that there is more, else after a while.
    async fn again_and_again<'b>(&self, work: impl Fn() -> BoxFuture<'b, anyhow::Result<bool>>) {
        let mut over = self.over.clone();
        let mut ticks = tokio::time::interval(LOOK_EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = over.wait_for(|over| *over) => return,
                _ = ticks.tick() => {}
            }
            while !*self.over.borrow() {
                match work().await {
                    Ok(true) => {}
                    Ok(false) => break,
                    Err(error) => {
                        tracing::warn!(error = format!("{error:#}"), "sending SMS failed; it goes on");
                        break;
                    }
                }
            }
        }
    }

    /// Sends what is due until nothing is. Nothing is sent while another server sends the same lane: the claim is held by a
    /// transaction that does nothing else, and locks no row.
    async fn turn(&self, lane: Lane) -> anyhow::Result<()> {
        let mut claim = self.pool.begin().await?;
        if queue::claim(&mut claim, lane).await? {
            self.pump(lane).await?;
        }
        Ok(claim.commit().await?)
    }

    /// Keeps as many notices under way as the window has room for, and notes what became of them a few times a second: one
    /// that gets no answer holds up no other.
    async fn pump(&self, lane: Lane) -> anyhow::Result<()> {
        let mut pump = Pump { has_more: true, ..Pump::default() };
        let (room, mut parts_under_way) = (self.room(lane), 0);
        let mut under_way = FuturesUnordered::new();
        let mut ticks = tokio::time::interval(LOOK_EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let limit = usize::from(self.batch);
        loop {
            if pump.tried.len() >= limit || under_way.is_empty() {
                self.note(&mut pump).await?;
            }
            if pump.tried.len() < limit && pump.fetched.is_empty() && pump.has_more && !self.is_over() {
                self.fetch_or_wait(lane, &mut pump).await;
            }
            while parts_under_way < room
                && let Some(notice) = pump.fetched.pop_front()
            {
                let parts = sms::parts(&notice.body);
                parts_under_way += parts;
                under_way.push(self.send(notice).map(move |tried| (tried, parts)));
            }
            if under_way.is_empty() {
                return Ok(());
            }
            tokio::select! {
                Some((tried, parts)) = under_way.next() => {
                    parts_under_way -= parts;
                    pump.tried.push(tried);
                }
                _ = ticks.tick() => {
                    self.note(&mut pump).await?;
                    pump.has_more = true;
                }
            }
        }
    }

    /// How many parts of a lane may be under way: what somebody waits for finds some of the window free.
    fn room(&self, lane: Lane) -> usize {
        let window = usize::from(self.settings.window);
        match lane {
            Lane::Awaited => window,
            Lane::Others => window - window / 4,
        }
    }

    fn is_over(&self) -> bool {
        *self.over.borrow() || !self.client.is_active()
    }

    /// What is under way goes on where the database is away.
    async fn fetch_or_wait(&self, lane: Lane, pump: &mut Pump) {
        if let Err(error) = self.fetch(lane, pump).await {
            tracing::warn!(error = format!("{error:#}"), "the queue of messages is looked at later");
            pump.has_more = false;
        }
    }

    /// Fetches what is due and not known yet.
    async fn fetch(&self, lane: Lane, pump: &mut Pump) -> anyhow::Result<()> {
        let mut conn = self.pool.acquire().await?;
        let expired = queue::expire(&mut conn, self.clock.now()).await?;
        report(Settled { given_up: expired, ..Settled::default() });
        let limit = u16::try_from(pump.known.len()).unwrap_or(u16::MAX).saturating_add(self.batch);
        let due = queue::due(&mut conn, lane, self.clock.now(), limit).await?;
        pump.has_more = due.len() == usize::from(limit);
        pump.fetched = due.into_iter().filter(|notice| pump.known.insert(key(notice))).collect();
        Ok(())
    }

    /// Notes what became of those that ended; as long as the connection lasts, later where the database is away: what the
    /// centre took would be sent again if that were forgotten.
    async fn note(&self, pump: &mut Pump) -> anyhow::Result<()> {
        match self.try_to_note(pump).await {
            Err(error) if !self.is_over() => {
                tracing::warn!(error = format!("{error:#}"), "what was sent is noted later");
                tokio::time::sleep(LOOK_EVERY).await;
                Ok(())
            }
            noted => noted,
        }
    }

    async fn try_to_note(&self, pump: &mut Pump) -> anyhow::Result<()> {
        if pump.tried.is_empty() {
            return Ok(());
        }
        let mut tx = self.pool.begin().await?;
        report(queue::settle(&mut tx, &pump.tried, self.clock.now()).await?);
        tx.commit().await?;
        for tried in pump.tried.drain(..) {
            pump.known.remove(&(tried.subscriber_id, tried.notice_id));
        }
        Ok(())
    }

    /// Submits all parts of a notice, in their order.
    async fn send(&self, notice: DueNotice) -> Tried {
        let parts = match submission::parts(&notice, &self.settings.number, self.clock.now()) {
            Ok(parts) => parts,
            Err(error) => return Tried::new(&notice, vec![], Fate::Refused(error.to_string())),
        };
        let submit = |(part, message)| {
            let notice = &notice;
            async move { (part, self.submit(notice, message).await) }
        };
        let (mut accepted, mut fate) = (Vec::new(), Fate::Sent);
        for (part, answer) in join_all(parts.into_iter().map(submit)).await {
            match answer {
                Ok(message_id) => accepted.push(AcceptedPart { part, message_id }),
                Err(of_part) => worse(&mut fate, of_part),
            }
        }
        Tried::new(&notice, accepted, fate)
    }

    /// Submits a part, again where the centre has too much to do. Its id, or what that means for its notice.
    async fn submit(&self, notice: &DueNotice, message: SubmitSm) -> Result<String, Fate> {
        let mut over = self.over.clone();
        for _ in 0..THROTTLED_MAX {
            tokio::select! {
                () = self.pace.turn() => {}
                _ = over.wait_for(|over| *over) => return Err(Fate::Waiting),
            }
            let permit = self.window.acquire().await;
            if permit.is_err() || self.is_over() {
                return Err(Fate::Waiting);
            }
            if notice.expires_at.is_some_and(|at| at <= self.clock.now()) {
                return Err(Fate::Refused(TOO_LATE.to_owned()));
            }
            let answer = submission::answer(self.client.submit_sm(message.clone()).await);
            count_part(&answer);
            match answer {
                Answer::Taken(message_id) => {
                    self.pace.taken();
                    return Ok(message_id);
                }
                Answer::Throttled => self.pace.throttled(),
                Answer::NotBound => {
                    tracing::warn!("the SMS centre does not know our connection: it is made anew");
                    self.client.close().await.ok();
                    return Err(Fate::Waiting);
                }
                Answer::Refused(error) => return Err(Fate::Refused(error)),
                Answer::Failed(error) => return Err(Fate::Failed(error)),
            }
        }
        // It is not the fault of this one, and does not count as a try.
        Err(Fate::Waiting)
    }
}

fn key(notice: &DueNotice) -> Key {
    (notice.subscriber_id, notice.notice_id)
}

/// A notice is as well off as the worst of its parts.
fn worse(fate: &mut Fate, of_part: Fate) {
    let rank = |fate: &Fate| match fate {
        Fate::Sent => 0,
        Fate::Waiting => 1,
        Fate::Failed(_) => 2,
        Fate::Refused(_) => 3,
    };
    if rank(&of_part) > rank(fate) {
        *fate = of_part;
    }
}

fn count_part(answer: &Answer) {
    let result = match answer {
        Answer::Taken(_) => "taken",
        Answer::Throttled => "throttled",
        Answer::NotBound => "not_bound",
        Answer::Refused(_) => "refused",
        Answer::Failed(_) => "failed",
    };
    metrics::counter!(metric::PARTS, "result" => result).increment(1);
}

fn report(settled: Settled) {
    let Settled { sent, retried, given_up } = settled;
    for (result, count) in [("sent", sent), ("retried", retried), ("given_up", given_up)] {
        metrics::counter!(metric::NOTICES, "result" => result).increment(count);
    }
    if given_up > 0 {
        tracing::warn!(given_up, "messages to subscribers were given up");
    }
    if sent > 0 || retried > 0 {
        tracing::debug!(sent, retried, "messages to subscribers");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notice_is_as_well_off_as_its_worst_part() {
        let mut fate = Fate::Sent;
        for (of_part, expected) in [
            (Fate::Waiting, Fate::Waiting),
            (Fate::Failed("one".to_owned()), Fate::Failed("one".to_owned())),
            (Fate::Waiting, Fate::Failed("one".to_owned())),
            (Fate::Refused("never".to_owned()), Fate::Refused("never".to_owned())),
            (Fate::Failed("two".to_owned()), Fate::Refused("never".to_owned())),
        ] {
            worse(&mut fate, of_part);
            assert_eq!(fate, expected);
        }
    }
}
