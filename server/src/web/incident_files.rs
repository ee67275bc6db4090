//! `/staff/incidents/{incident}/report.csv`: every charge of an incident and what became of it, however many there are.

use app::state::AppState;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use charging::csv;
use charging::incident::desk::{IncidentError, Reported, find, report};
use charging::money::plain;
use futures::{StreamExt as _, stream};

/// Charges that are read at a time.
const PAGE: u16 = 2_000;

const COLUMNS: [&str; 12] = [
    "msisdn",
    "scheme_id",
    "kind",
    "source",
    "charge_id",
    "amount_yuan",
    "paid_by",
    "charged_at",
    "has_consent",
    "taken_out",
    "refund",
    "confirmed_at",
];

/// Files of the staff: the table of addresses says who may have them.
pub fn routes() -> Router<AppState> {
    Router::new().route("/staff/incidents/{incident}/report.csv", get(report_csv))
}

async fn report_csv(State(state): State<AppState>, Path(incident): Path<String>) -> Response {
    match incident.parse() {
        Ok(incident_id) => file(state, incident_id).await.unwrap_or_else(|error| {
            tracing::error!(error = &error as &dyn std::error::Error, incident_id, "the report of an incident failed");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }),
        Err(_) => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn file(state: AppState, incident_id: i64) -> Result<Response, IncidentError> {
    let is_there = find(&mut *state.pool.acquire().await?, incident_id).await?.is_some();
    if !is_there {
        return Ok(StatusCode::NOT_FOUND.into_response());
    }
    let lines = stream::try_unfold((state, None), move |(state, last): (AppState, Option<Reported>)| async move {
        let page = report(&mut *state.pool.acquire().await?, incident_id, last.as_ref(), PAGE).await?;
        let text: String = page.iter().map(line).collect();
        let next = page.into_iter().next_back();
        Ok::<_, IncidentError>(next.map(|last| (Bytes::from(text), (state, Some(last)))))
    });
    let head = stream::iter([Ok::<_, IncidentError>(Bytes::from(csv::head(&COLUMNS)))]);
    let mut response = Response::new(Body::from_stream(head.chain(lines)));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8; header=present"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let name = format!("attachment; filename=\"incident-{incident_id}.csv\"");
    headers.extend(HeaderValue::from_str(&name).ok().map(|name| (CONTENT_DISPOSITION, name)));
    Ok(response)
}

fn line(charge: &Reported) -> String {
    csv::line(&[
        csv::text(&charge.msisdn),
        csv::text(&charge.scheme_id),
        csv::text(&charge.kind),
        if charge.imported { "imported" } else { "own" }.to_owned(),
        charge.item_id.to_string(),
        plain(charge.amount),
        csv::text(&charge.route),
        charge.charged_at.to_rfc3339(),
        charge.has_consent.to_string(),
        csv::text(charge.excluded.as_deref().unwrap_or_default()),
        csv::text(charge.refund.as_deref().unwrap_or_default()),
        charge.confirmed_at.map_or_else(String::new, |at| at.to_rfc3339()),
    ])
}
