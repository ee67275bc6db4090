//! Requests that come in while a transaction commits make up the next one: each waits for one commit at most, and a
//! commit serves all that wait. A request is answered only when what it did is durable.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use charging::clock::Clock;
use charging::database::for_charging;
use charging::usage::session::{Answer, Invocation, Refusal, Step};
use charging::usage::store::{Memory, UsageError, charge_batch};
use futures::FutureExt as _;
use sqlx::pool::PoolConnection;
use sqlx::{PgPool, Postgres};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout_at};

/// Transactions at work at once: while one is in the database, the requests of the other are read and answered. More would
/// make them smaller. The updates of a subscriber are in one lane, so that lanes seldom wait for one another.
const LANES: u32 = 2;
/// Requests that wait for a lane; more are turned away.
const WAITING_MAX: usize = 4_096;
/// Requests of one transaction.
const BATCH_MAX: usize = 256;
/// How long a transaction waits for those that came together the last time.
const GATHER_TIME_MAX: Duration = Duration::from_millis(1);
/// How often a request that failed in a batch is tried alone.
const TRIES_MAX: u32 = 3;

/// Why a request got no answer.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error("too many requests wait")]
    Congested,
    #[error("the database did not do it")]
    Database,
}

type Reply = Result<Answer, Failure>;

/// Why a transaction came to nothing.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error(transparent)]
    Usage(#[from] UsageError),
    #[error("it panicked")]
    Panicked,
}

#[derive(Debug)]
struct Job {
    invocation: Invocation,
    reply: oneshot::Sender<Reply>,
}

/// Takes requests into transactions.
#[derive(Clone, Debug)]
pub struct Lanes {
    lanes: Arc<[mpsc::Sender<Job>]>,
}

impl Lanes {
    /// Each lane works until this value and its clones are gone and every request is answered.
    pub fn start(pool: &PgPool, clock: &Arc<dyn Clock>) -> Self {
        let pool = for_charging(pool, LANES);
        let memory = Memory::default();
        let start = |_| {
            let (sender, jobs) = mpsc::channel(WAITING_MAX);
            let lane =
                Lane { pool: pool.clone(), connection: None, memory: memory.clone(), clock: clock.clone(), jobs };
            tokio::spawn(lane.run());
            sender
        };
        Self { lanes: (0..LANES).map(start).collect() }
    }

    /// Answers a request once it is durable.
    pub async fn charge(&self, invocation: Invocation) -> Reply {
        // Sessions of a number begin in one lane, whoever it is of.
        let key: u64 = match &invocation.step {
            Step::Create { msisdn, .. } => msisdn.as_str().bytes().map(u64::from).sum(),
            Step::Update(session) | Step::Release(session) => session.subscriber_id.unsigned_abs(),
        };
        let lane = usize::try_from(key % self.lanes.len() as u64).unwrap_or_default();
        let (reply, answer) = oneshot::channel();
        self.lanes[lane].try_send(Job { invocation, reply }).map_err(|_| Failure::Congested)?;
        answer.await.unwrap_or(Err(Failure::Database))
    }
}

struct Lane {
    pool: PgPool,
    /// Kept as long as nothing fails on it: giving it back and taking it again would ask the database both times whether
    /// it is there.
    connection: Option<PoolConnection<Postgres>>,
    memory: Memory,
    clock: Arc<dyn Clock>,
    jobs: mpsc::Receiver<Job>,
}

impl Lane {
    async fn run(mut self) {
        let mut expected = 1;
        let mut jobs = Vec::new();
        while self.gather(&mut jobs, expected).await {
            expected = jobs.len();
            let (invocations, replies): (Vec<_>, Vec<_>) =
                jobs.drain(..).map(|job| (job.invocation, job.reply)).unzip();
            for (reply, answer) in replies.into_iter().zip(self.answer(&invocations).await) {
                // Whoever asked may have gone away.
                reply.send(answer).ok();
            }
        }
    }

    /// Waits for requests: for the first as long as it takes, then a moment for as many as came the last time.
    async fn gather(&mut self, jobs: &mut Vec<Job>, expected: usize) -> bool {
        if self.jobs.recv_many(jobs, BATCH_MAX).await == 0 {
            return false;
        }
        let until = Instant::now() + GATHER_TIME_MAX;
        while jobs.len() < expected.min(BATCH_MAX) {
            let room = BATCH_MAX - jobs.len();
            match timeout_at(until, self.jobs.recv_many(jobs, room)).await {
                Ok(received) if received > 0 => {}
                _ => break,
            }
        }
        true
    }

    async fn answer(&mut self, invocations: &[Invocation]) -> Vec<Reply> {
        match self.commit_together(invocations).await {
            Ok(answers) => return answers.into_iter().map(|answer| answer.map_err(Failure::from)).collect(),
            // Each by itself would wait for the database as long as all did; they will be sent again.
            Err(Trouble::Usage(error)) if error.is_disconnected() => {
                tracing::error!(error = format!("{error:?}"), "the database is out of reach");
                return invocations.iter().map(|_| Err(Failure::Database)).collect();
            }
            Err(error) => tracing::warn!(error = format!("{error:?}"), "a batch failed; its requests are tried alone"),
        }
        let mut answers = Vec::with_capacity(invocations.len());
        for invocation in invocations {
            answers.push(self.answer_alone(invocation).await);
        }
        answers
    }

    /// Once more where the connection that was kept is none any more.
    async fn commit_together(&mut self, invocations: &[Invocation]) -> Result<Vec<Result<Answer, Refusal>>, Trouble> {
        let was_kept = self.connection.is_some();
        match self.commit(invocations).await {
            Err(Trouble::Usage(error)) if was_kept && error.is_disconnected() => self.commit(invocations).await,
            outcome => outcome,
        }
    }

    async fn answer_alone(&mut self, invocation: &Invocation) -> Reply {
        for tried in 1..=TRIES_MAX {
            match self.commit(std::slice::from_ref(invocation)).await {
                Ok(mut answers) => return answers.pop().unwrap_or(Err(Refusal::UnknownSession)).map_err(Failure::from),
                Err(Trouble::Usage(error)) if error.is_transient() && tried < TRIES_MAX => {}
                Err(error) => {
                    tracing::error!(error = format!("{error:?}"), "a charging request failed");
                    break;
                }
            }
        }
        Err(Failure::Database)
    }

    /// What a panic had in hand is gone with it: its connection is closed and its subscribers are read anew.
    async fn commit(&mut self, invocations: &[Invocation]) -> Result<Vec<Result<Answer, Refusal>>, Trouble> {
        let work = AssertUnwindSafe(self.charge(invocations)).catch_unwind().await;
        work.map_or(Err(Trouble::Panicked), |outcome| outcome.map_err(Trouble::from))
    }

    async fn charge(&mut self, invocations: &[Invocation]) -> Result<Vec<Result<Answer, Refusal>>, UsageError> {
        let mut connection = if let Some(kept) = self.connection.take() {
            kept
        } else {
            let another = self.pool.acquire().await?;
            self.memory.forget();
            another
        };
        let answers = charge_batch(&mut connection, &self.memory, invocations, self.clock.now()).await?;
        self.connection = Some(connection);
        Ok(answers)
    }
}
