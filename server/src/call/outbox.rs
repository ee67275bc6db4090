//! From the queue to the call-out service.

use anyhow::Context as _;
use app::state::AppState;
use axum::body::Bytes;
use axum::http::StatusCode;
use charging::clock::SharedClock;
use charging::notice::call::{self, CallId, DueCall, Ending};
use charging::notice::queue::{self, Fate, Settled, Tried};
use chrono::{DateTime, SecondsFormat, Utc};
use futures::StreamExt as _;
use serde::Serialize;
use sqlx::PgPool;

use super::metric;
use super::settings::{Service, Settings};
use crate::peers::Peers;

/// Calls of one transaction.
const BATCH: u16 = 64;
/// Calls that are being handed over at once.
const UNDER_WAY_MAX: usize = 8;

/// Makes the calls that are due.
#[derive(Debug)]
pub struct Caller {
    pool: PgPool,
    clock: SharedClock,
    settings: Settings,
    /// Where the service tells how a call ended.
    callback_url: String,
    peers: Peers,
}

/// A call as it is handed over.
#[derive(Debug, Serialize)]
struct Call<'a> {
    #[serde(rename = "call_id")]
    id: String,
    /// E.164
    to: String,
    language: &'a str,
    /// To be spoken.
    text: &'a str,
    callback_url: &'a str,
    /// The phone must not ring after then.
    ring_before: String,
}

impl Caller {
    /// # Errors
    /// When TLS cannot be set up.
    pub fn new(state: &AppState, settings: Settings, callback_url: String) -> anyhow::Result<Self> {
        let peers = Peers::new().context("TLS cannot be set up")?;
        Ok(Self { pool: state.pool.clone(), clock: state.clock.clone(), settings, callback_url, peers })
    }

    /// Hands over what is due, unless it is night: then it waits, and what does not hold until the morning is given up. So is
    /// what was handed over and never heard of again.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn run(&self) -> anyhow::Result<()> {
        let now = self.clock.now();
        let mut conn = self.pool.acquire().await?;
        let expired = queue::expire(&mut conn, now).await?;
        let untold = call::give_up_untold(&mut conn, self.settings.hours, now).await?;
        drop(conn);
        if untold > 0 {
            tracing::warn!(untold, "the call-out service did not tell how calls ended");
            metrics::counter!(metric::ENDED, "result" => call::NOT_TOLD).increment(untold);
        }
        count(Settled { given_up: expired, ..Settled::default() });
        while self.settings.hours.contain(self.clock.now()) && self.batch().await? == usize::from(BATCH) {}
        Ok(())
    }

    /// Nothing is done while another server makes calls. The transaction is open while they are handed over; it locks no
    /// row, so that the service may tell of a call before it has answered for it.
    async fn batch(&self) -> anyhow::Result<usize> {
        let mut tx = self.pool.begin().await?;
        if !call::claim(&mut tx).await? {
            return Ok(0);
        }
        let due = call::due(&mut tx, self.clock.now(), BATCH).await?;
        let ids: Vec<CallId> = due.iter().map(DueCall::id).collect();
        let under_way = futures::stream::iter(due).map(|call| self.make(call));
        let tried: Vec<Tried> = under_way.buffer_unordered(UNDER_WAY_MAX).collect().await;
        count(queue::settle(&mut tx, &tried, self.clock.now()).await?);
        if self.settings.service.is_none() {
            for id in &ids {
                call::ended(&mut tx, *id, Ending::Answered, self.clock.now()).await?;
            }
        }
        tx.commit().await?;
        Ok(ids.len())
    }

    async fn make(&self, call: DueCall) -> Tried {
        match &self.settings.service {
            Some(service) => call.tried(self.hand_over(service, &call).await),
            None => call.tried(Fate::Sent),
        }
    }

    async fn hand_over(&self, service: &Service, call: &DueCall) -> Fate {
        let now = self.clock.now();
        let call_id = call.id().to_string();
        let message = Call {
            id: call_id.clone(),
            to: format!("+86{}", call.msisdn),
            language: &call.language,
            text: &call.text,
            callback_url: &self.callback_url,
            ring_before: instant(self.settings.hours.end(now).min(call.expires_at)),
        };
        let body = match serde_json::to_vec(&message) {
            Ok(body) => Bytes::from(body),
            Err(error) => return Fate::Refused(error.to_string()),
        };
        let headers = match service.key.sign(&call_id, now, &body) {
            Ok(headers) => headers,
            Err(error) => return Fate::Refused(error.to_string()),
        };
        match self.peers.post(&service.url, &headers, &body).await {
            Ok(reply) if reply.status.is_success() => Fate::Sent,
            // It is the call itself that is not understood; all else may be put right in time.
            Ok(reply) if matches!(reply.status, StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY) => {
                tracing::warn!(call_id, status = %reply.status, "the call-out service refuses a call");
                Fate::Refused(reply.status.to_string())
            }
            Ok(reply) => failed(&call_id, reply.status.to_string()),
            Err(error) => failed(&call_id, error.to_string()),
        }
    }
}

fn failed(call_id: &str, error: String) -> Fate {
    tracing::warn!(call_id, error, "the call-out service did not take a call; it is tried again");
    Fate::Failed(error)
}

fn instant(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

fn count(settled: Settled) {
    let Settled { sent, retried, given_up } = settled;
    for (result, count) in [("sent", sent), ("retried", retried), ("given_up", given_up)] {
        metrics::counter!(metric::CALLS, "result" => result).increment(count);
    }
}
