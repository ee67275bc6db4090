//! `POST /calls/status`: the call-out service tells how a call ended. Once is noted, and told again is taken again.

use std::time::Duration;

use app::state::AppState;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use charging::clock::SharedClock;
use charging::notice::call::{self, CallId, Ending, Noted};
use serde::Deserialize;
use sqlx::PgPool;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::timeout::TimeoutLayer;

use super::metric;
use super::signature::Key;

/// Where it listens.
pub const PATH: &str = "/calls/status";
/// The longest body, in bytes.
const BODY_BYTES_MAX: usize = 4 * 1024;
const ANSWER_TIME_MAX: Duration = Duration::from_secs(10);

#[derive(Clone)]
struct Desk {
    pool: PgPool,
    clock: SharedClock,
    key: Key,
}

#[derive(Deserialize)]
struct Told {
    call_id: String,
    status: String,
}

/// The address for a call-out service with this key.
pub fn routes(state: &AppState, key: Key) -> Router<AppState> {
    let desk = Desk { pool: state.pool.clone(), clock: state.clock.clone(), key };
    Router::new()
        .route(PATH, post(told))
        .with_state(desk)
        .layer(CatchPanicLayer::new())
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, ANSWER_TIME_MAX))
}

async fn told(State(desk): State<Desk>, headers: HeaderMap, body: Bytes) -> Response {
    if let Err(error) = desk.key.verify(&headers, &body, desk.clock.now()) {
        count("not_signed");
        tracing::warn!(%error, "somebody told how a call ended, and is not the call-out service");
        return (StatusCode::UNAUTHORIZED, error.to_string()).into_response();
    }
    let Ok(Told { call_id, status }) = serde_json::from_slice(&body) else {
        return (StatusCode::BAD_REQUEST, "send JSON with call_id and status").into_response();
    };
    let Some(ending) = Ending::named(&status) else {
        let names = Ending::ALL.map(Ending::as_str).join(", ");
        return (StatusCode::BAD_REQUEST, format!("status must be one of {names}")).into_response();
    };
    let Ok(id) = call_id.parse::<CallId>() else { return unknown() };
    match note(&desk, id, ending).await {
        Ok(Noted::First) => {
            count(ending.as_str());
            StatusCode::NO_CONTENT.into_response()
        }
        Ok(Noted::Before) => {
            count("repeated");
            StatusCode::NO_CONTENT.into_response()
        }
        Ok(Noted::Unknown) => unknown(),
        Err(error) => {
            tracing::error!(call_id, error = format!("{error:#}"), "how a call ended could not be noted");
            StatusCode::SERVICE_UNAVAILABLE.into_response()
        }
    }
}

async fn note(desk: &Desk, id: CallId, ending: Ending) -> anyhow::Result<Noted> {
    Ok(call::ended(&mut *desk.pool.acquire().await?, id, ending, desk.clock.now()).await?)
}

fn unknown() -> Response {
    count("unknown");
    (StatusCode::NOT_FOUND, "there is no such call").into_response()
}

fn count(result: &'static str) {
    metrics::counter!(metric::ENDED, "result" => result).increment(1);
}
