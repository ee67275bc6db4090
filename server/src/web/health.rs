//! For machines that watch over the server: `/healthz`, `/readyz`, `/metrics`.

use app::state::AppState;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use charging::database;
use serde::Serialize;

use super::metrics;

pub fn routes() -> Router<AppState> {
    Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(readyz))
        .route("/metrics", get(async |State(state): State<AppState>| metrics::render(&state.pool)))
}

#[derive(Serialize)]
struct Readiness {
    database: &'static str,
    schema: &'static str,
    /// Who carries messages to subscribers; without anyone they wait in their queue.
    sms: &'static str,
}

/// 200 when pages can be answered, else 503.
async fn readyz(State(state): State<AppState>) -> Response {
    let (status, database, schema) = match database::is_current(&state.pool).await {
        Ok(true) => (StatusCode::OK, "ok", "current"),
        Ok(false) => (StatusCode::SERVICE_UNAVAILABLE, "ok", "behind: run `mingbai migrate`"),
        Err(error) => {
            tracing::warn!(%error, "the database does not answer");
            (StatusCode::SERVICE_UNAVAILABLE, "does not answer", "unknown")
        }
    };
    let sms = if state.demo { "handset" } else { "none: messages wait" };
    (status, Json(Readiness { database, schema, sms })).into_response()
}
