//! `POST /channels/{id}/orders`: a channel has us ask a subscriber (docs/channels.md). It never orders anything itself.

use std::time::Duration;

use app::state::AppState;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use charging::channel::ChannelId;
use charging::channel::order::{Answer, KEY_CHARS_MAX, Received, receive};
use charging::channel::secret::secrets;
use charging::channel::store::ChannelError;
use charging::subscriber::Msisdn;
use charging::tariff::SchemeId;
use chrono::TimeDelta;
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use serde::Deserialize;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::timeout::TimeoutLayer;

use crate::call::Key;

/// How the counter of `/metrics` is called.
const METRIC: &str = "mingbai_channel_orders_total";
/// The longest body, in bytes.
const BODY_BYTES_MAX: usize = 4 * 1024;
const ANSWER_TIME_MAX: Duration = Duration::from_secs(10);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Order {
    msisdn: Msisdn,
    scheme_id: SchemeId,
}

/// The address for the orders of channels.
pub fn routes() -> Router<AppState> {
    Router::new()
        .route("/channels/{id}/orders", post(order))
        .layer(CatchPanicLayer::new())
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, ANSWER_TIME_MAX))
}

async fn order(State(state): State<AppState>, Path(id): Path<String>, headers: HeaderMap, body: Bytes) -> Response {
    let id = match signer(&state, &id, &headers, &body).await {
        Ok(Some(id)) => id,
        Ok(None) => {
            count("not_signed");
            return problem(StatusCode::UNAUTHORIZED, "not signed by a secret of this channel, or too old");
        }
        Err(error) => return failed(&error),
    };
    let key = headers.get("webhook-id").and_then(|key| key.to_str().ok()).unwrap_or_default();
    if !(1..=KEY_CHARS_MAX).contains(&key.chars().count()) {
        return problem(StatusCode::BAD_REQUEST, "webhook-id must have 1 to 100 characters");
    }
    let order: Order = match serde_json::from_slice(&body) {
        Ok(order) => order,
        Err(error) => return problem(StatusCode::BAD_REQUEST, &error.to_string()),
    };
    let digest = Sha256::digest(&body).into();
    let received = Received { key, digest, msisdn: &order.msisdn, scheme_id: &order.scheme_id };
    let done = async {
        let mut tx = state.pool.begin().await?;
        let answer = receive(&mut tx, &id, &received, state.clock.now(), &mut StdRng::from_os_rng()).await;
        // Who has to wait has been counted, and nothing else was written.
        if matches!(answer, Ok(_) | Err(ChannelError::TooMany { .. } | ChannelError::Busy { .. })) {
            tx.commit().await?;
        }
        answer
    };
    answered(done.await)
}

/// The channel, if one of its secrets that count signed the request just now.
async fn signer(
    state: &AppState,
    id: &str,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Option<ChannelId>, ChannelError> {
    let (Ok(id), Some(staff_key)) = (id.parse::<ChannelId>(), &state.staff_key) else { return Ok(None) };
    let now = state.clock.now();
    let known = secrets(&mut *state.pool.acquire().await?, &id, now).await?;
    let is_signed = known.iter().any(|secret| {
        let text = format!("whsec_{}", STANDARD.encode(staff_key.channel_secret(&id, secret.number)));
        text.parse::<Key>().is_ok_and(|key| key.verify(headers, body, now).is_ok())
    });
    Ok(is_signed.then_some(id))
}

fn answered(done: Result<Answer, ChannelError>) -> Response {
    match done {
        Ok(Answer::Asked { until }) => {
            count("asked");
            (StatusCode::ACCEPTED, Json(json!({"status": "asked", "until": until}))).into_response()
        }
        Ok(Answer::Refused(outcome)) => {
            count(outcome.as_str());
            let told = json!({"status": "refused", "reason": outcome.as_str()});
            (StatusCode::UNPROCESSABLE_ENTITY, Json(told)).into_response()
        }
        Err(ChannelError::TooMany { retry_after } | ChannelError::Busy { retry_after }) => {
            count("later");
            let mut response = problem(StatusCode::TOO_MANY_REQUESTS, "send the same again later");
            response.headers_mut().insert(RETRY_AFTER, seconds(retry_after).into());
            response
        }
        Err(ChannelError::KeyReused) => problem(StatusCode::CONFLICT, "this webhook-id came with another order before"),
        Err(error) => failed(&error),
    }
}

/// Whole seconds, rounded up.
fn seconds(time: TimeDelta) -> u64 {
    u64::try_from(time.num_seconds()).unwrap_or(0) + 1
}

fn problem(status: StatusCode, what: &str) -> Response {
    (status, Json(json!({"status": "error", "reason": what}))).into_response()
}

fn failed(error: &ChannelError) -> Response {
    tracing::error!(error = error as &dyn std::error::Error, "an order of a channel could not be looked at");
    problem(StatusCode::SERVICE_UNAVAILABLE, "send the same again later")
}

fn count(result: &'static str) {
    metrics::counter!(METRIC, "result" => result).increment(1);
}
