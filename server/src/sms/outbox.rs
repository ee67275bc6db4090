//! From the queue to the SMS centre.

use std::time::Duration;

use charging::clock::SharedClock;
use charging::notice::queue::{self, AcceptedPart, DueNotice, Fate, Lane, Settled, TOO_LATE, Tried};
use charging::notice::receipt;
use futures::future::BoxFuture;
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
/// Notices of one transaction at most; fewer where the rate is low, so that a batch takes about a second.
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
    /// Whether the connection is over, or the server stops.
    over: watch::Receiver<bool>,
}

/// A part on its way.
struct Submission {
    /// Of its notice in the batch.
    index: usize,
    part: i16,
    message: SubmitSm,
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
        Self { pool, clock, settings, client, window, pace, over }
    }

    /// Sends the notices of a lane as they become due, until the connection is over.
    pub async fn drain(&self, lane: Lane) {
        let limit =
            self.settings.rate.map_or(BATCH_MAX, |rate| u16::try_from(rate.get()).unwrap_or(BATCH_MAX).min(BATCH_MAX));
        let batch = || async move { Ok(self.batch(lane, limit).await? == usize::from(limit)) }.boxed();
        self.again_and_again(batch).await;
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

    /// Sends up to `limit` notices that are due, and notes what became of them. Returns how many there were. Nothing is
    /// sent while another server sends the same lane. The transaction is open while they are under way; it locks no row.
    async fn batch(&self, lane: Lane, limit: u16) -> anyhow::Result<usize> {
        let mut tx = self.pool.begin().await?;
        if !queue::claim(&mut tx, lane).await? {
            return Ok(0);
        }
        let expired = queue::expire(&mut tx, self.clock.now()).await?;
        let due = queue::due(&mut tx, lane, self.clock.now(), limit).await?;
        let tried = self.send(&due).await;
        let settled = queue::settle(&mut tx, &tried, self.clock.now()).await?;
        tx.commit().await?;
        report(Settled { given_up: settled.given_up + expired, ..settled });
        Ok(due.len())
    }

    /// Submits all parts, in their order, a window of them at a time.
    async fn send(&self, due: &[DueNotice]) -> Vec<Tried> {
        let now = self.clock.now();
        let mut tried: Vec<Tried> = due.iter().map(|notice| Tried::new(notice, vec![], Fate::Sent)).collect();
        let mut submissions = Vec::new();
        for (index, notice) in due.iter().enumerate() {
            match submission::parts(notice, &self.settings.number, now) {
                Ok(parts) => {
                    submissions.extend(parts.into_iter().map(|(part, message)| Submission { index, part, message }));
                }
                Err(error) => tried[index].fate = Fate::Refused(error.to_string()),
            }
        }
        let under_way = futures::stream::iter(submissions).map(|Submission { index, part, message }| async move {
            (index, part, self.submit(&due[index], message).await)
        });
        let mut answers = under_way.buffer_unordered(self.settings.window.into());
        while let Some((index, part, answer)) = answers.next().await {
            match answer {
                Ok(message_id) => tried[index].accepted.push(AcceptedPart { part, message_id }),
                Err(fate) => worse(&mut tried[index].fate, fate),
            }
        }
        tried
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
            if permit.is_err() || *self.over.borrow() {
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
                Answer::Refused(error) => return Err(Fate::Refused(error)),
                Answer::Failed(error) => return Err(Fate::Failed(error)),
            }
        }
        // It is not the fault of this one, and does not count as a try.
        Err(Fate::Waiting)
    }
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
