//! `POST /gateway/wechat/notify`: the gateway tells of a payment or a refund. Once is noted; told again, late or out of order is
//! taken again.

use std::sync::Arc;
use std::time::Duration;

use app::state::AppState;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use axum::{Json, Router};
use charging::clock::SharedClock;
use serde_json::json;
use sqlx::PgPool;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::timeout::TimeoutLayer;

use super::record;
use super::wechat::{NotTaken, WechatPay};

/// Where it listens.
pub const PATH: &str = "/gateway/wechat/notify";
/// The longest body, in bytes.
const BODY_BYTES_MAX: usize = 64 * 1024;
/// The gateway waits five seconds.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(5);
/// How the counter of `/metrics` is called: callbacks, by `result`.
const CALLBACKS: &str = "mingbai_gateway_callbacks_total";

#[derive(Clone)]
struct Desk {
    pool: PgPool,
    clock: SharedClock,
    gateway: Arc<WechatPay>,
}

/// The address for the callbacks of this gateway.
pub fn routes(state: &AppState, gateway: Arc<WechatPay>) -> Router<AppState> {
    let desk = Desk { pool: state.pool.clone(), clock: state.clock.clone(), gateway };
    Router::new()
        .route(PATH, post(told))
        .with_state(desk)
        .layer(CatchPanicLayer::new())
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, ANSWER_TIME_MAX))
}

async fn told(State(desk): State<Desk>, headers: HeaderMap, body: Bytes) -> Response {
    let event = match desk.gateway.event(&headers, &body).await {
        Ok(Some(event)) => event,
        Ok(None) => return taken("of_no_use"),
        Err(error) => {
            tracing::warn!(%error, "a callback is not taken");
            return match error {
                NotTaken::NotGenuine(_) | NotTaken::NotSealed(_) => failed(StatusCode::UNAUTHORIZED, "not_genuine"),
                NotTaken::Unreadable(_) => failed(StatusCode::BAD_REQUEST, "unreadable"),
            };
        }
    };
    match record::event(&desk.pool, &event, desk.clock.now()).await {
        Ok(()) => taken("taken"),
        Err(error) => {
            tracing::error!(error = format!("{error:#}"), "what the gateway told could not be noted; it tells again");
            failed(StatusCode::SERVICE_UNAVAILABLE, "failed")
        }
    }
}

fn taken(result: &'static str) -> Response {
    metrics::counter!(CALLBACKS, "result" => result).increment(1);
    StatusCode::NO_CONTENT.into_response()
}

/// Of a refusal nothing is told that would help whoever is not the gateway.
fn failed(status: StatusCode, result: &'static str) -> Response {
    metrics::counter!(CALLBACKS, "result" => result).increment(1);
    (status, Json(json!({"code": "FAIL", "message": "not taken"}))).into_response()
}
