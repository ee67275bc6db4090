//! Tells network functions of the states of caps that they follow, and looks again at what time alone changes.

use anyhow::Context as _;
use app::state::AppState;
use axum::body::Bytes;
use axum::http::StatusCode;
use axum::http::header::{HeaderName, HeaderValue, USER_AGENT};
use charging::clock::SharedClock;
use charging::usage::store::spending_limit::{self, AfterFailure, DueNotification};
use futures::StreamExt as _;
use sqlx::PgPool;

use super::in_turn::in_turn;
use crate::network::spending_limit_messages::SpendingLimitStatus;
use crate::peers::{NoReply, Peers, Reply};

/// Notifications looked up at a time.
const BATCH: u16 = 256;
/// Notifications under way at once.
const UNDER_WAY_MAX: usize = 64;
/// Subscribers of one transaction.
const REVIEW_BATCH: u16 = 100;

/// Sends what is due.
#[derive(Debug)]
pub struct Notifier {
    pool: PgPool,
    clock: SharedClock,
    peers: Peers,
}

impl Notifier {
    /// # Errors
    /// When TLS cannot be set up.
    pub fn new(state: &AppState) -> anyhow::Result<Self> {
        let peers = Peers::new().context("TLS cannot be set up")?;
        Ok(Self { pool: state.pool.clone(), clock: state.clock.clone(), peers })
    }

    /// Sends a batch of notifications that are due, each subscription's newest. Nothing is sent while another server
    /// does, so that no state overtakes a newer one.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn run(&self) -> anyhow::Result<()> {
        // Held while messages are under way: it locks no row.
        let mut claim = self.pool.begin().await?;
        if !spending_limit::claim(&mut claim).await? {
            return Ok(());
        }
        let due = spending_limit::due(&mut claim, self.clock.now(), BATCH).await?;
        let sent = futures::stream::iter(due).map(|notification| self.send(notification));
        let outcomes: Vec<anyhow::Result<()>> = sent.buffer_unordered(UNDER_WAY_MAX).collect().await;
        claim.commit().await?;
        outcomes.into_iter().collect()
    }

    /// Sends one, and notes at once what became of it.
    async fn send(&self, notification: DueNotification) -> anyhow::Result<()> {
        let uri = format!("{}/notify", notification.notif_uri);
        let body = Bytes::from(serde_json::to_vec(&SpendingLimitStatus::notification(&notification))?);
        // TS 29.500, clause 5.2.2.2: the kind of network function that sends.
        let user_agent = (USER_AGENT, HeaderValue::from_static("CHF"));
        // The same when the same notification is sent again.
        let key = HeaderValue::try_from(notification.idempotency_key())?;
        let headers = [user_agent, (HeaderName::from_static("idempotency-key"), key)].into_iter().collect();
        let answer = self.peers.post(&uri, &headers, &body).await;
        // Without its path, which may name a subscriber.
        let peer = uri.split('/').nth(2).unwrap_or_default();
        let mut tx = self.pool.begin().await?;
        match answer {
            Ok(reply) if reply.status.is_success() => {
                spending_limit::mark_sent(&mut tx, &notification, self.clock.now()).await?;
            }
            Ok(reply) if is_unknown(&reply) => {
                tracing::info!(peer, "a network function does not know its spending limit subscription: it ends");
                spending_limit::end(&mut tx, &notification).await?;
            }
            other => {
                let error = told(other);
                let after = spending_limit::retry_later(&mut tx, &notification, &error, self.clock.now()).await?;
                match after {
                    AfterFailure::Ended => {
                        tracing::warn!(peer, error, "a network function is out of reach: its subscription ends");
                    }
                    AfterFailure::RetryAt(at) => tracing::debug!(peer, error, %at, "a notification was not taken"),
                    AfterFailure::Superseded => {}
                }
            }
        }
        tx.commit().await?;
        Ok(())
    }

    /// Removes subscriptions that have expired, and tells what became of caps as time went by.
    ///
    /// # Errors
    /// When the database does not answer. A subscriber whose cap cannot be looked at is passed over until the next time.
    pub async fn review(&self) -> anyhow::Result<()> {
        let now = self.clock.now();
        in_turn(
            |after| {
                Box::pin(async move {
                    spending_limit::due_for_review(&mut *self.pool.acquire().await?, now, after, REVIEW_BATCH).await
                })
            },
            |subscribers| {
                Box::pin(async move {
                    let mut tx = self.pool.begin().await?;
                    spending_limit::review(&mut tx, &subscribers, now).await?;
                    Ok(tx.commit().await?)
                })
            },
        )
        .await
    }
}

/// Whether a network function itself says that it knows nothing of this, and not a proxy on the way to it, or one that does
/// not know the address.
fn is_unknown(reply: &Reply) -> bool {
    let of_subscription = ["SUBSCRIPTION_NOT_FOUND", "CONTEXT_NOT_FOUND", "USER_UNKNOWN"];
    let knows_nothing = reply.cause.as_deref().is_some_and(|cause| of_subscription.contains(&cause));
    reply.status == StatusCode::GONE || reply.status == StatusCode::NOT_FOUND && knows_nothing
}

fn told(answer: Result<Reply, NoReply>) -> String {
    match answer {
        Ok(Reply { status, cause: Some(cause) }) => format!("{status}: {cause}"),
        Ok(Reply { status, cause: None }) => status.to_string(),
        Err(error) => error.to_string(),
    }
}
