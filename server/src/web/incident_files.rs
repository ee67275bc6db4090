//! `/staff/incidents/{incident}/report.csv`: every charge of an incident and what became of it, however many there are; and the
//! closing report, `report.pdf`.

use app::slip::{IncidentReport, incident_paper};
use app::state::AppState;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use charging::csv;
use charging::incident::desk::{
    IncidentError, Reported, closing, execution, find, outcomes, report, statement, totals,
};
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
    Router::new()
        .route("/staff/incidents/{incident}/report.csv", get(report_csv))
        .route("/staff/incidents/{incident}/report.pdf", get(report_pdf))
}

async fn report_pdf(State(state): State<AppState>, Path(incident): Path<String>, request: Request) -> Response {
    let Ok(incident_id) = incident.parse() else { return StatusCode::NOT_FOUND.into_response() };
    let (parts, _) = request.into_parts();
    let written = async {
        let Some(report) = gather(&state, incident_id).await? else { return anyhow::Ok(None) };
        Ok(Some(tokio::task::spawn_blocking(move || incident_paper(&parts, &report)).await??))
    };
    match written.await {
        Ok(Some(pdf)) => {
            let mut response = pdf.into_response();
            let headers = response.headers_mut();
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/pdf"));
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
            let name = format!("attachment; filename=\"incident-{incident_id}.pdf\"");
            headers.extend(HeaderValue::from_str(&name).ok().map(|name| (CONTENT_DISPOSITION, name)));
            response
        }
        Ok(None) => StatusCode::NOT_FOUND.into_response(),
        Err(error) => {
            tracing::error!(error = format!("{error:#}"), incident_id, "the closing report of an incident failed");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// What the closing report says, as of one moment.
async fn gather(state: &AppState, incident_id: i64) -> Result<Option<IncidentReport>, IncidentError> {
    let mut db = state.pool.begin_with("begin isolation level repeatable read, read only").await?;
    let Some(incident) = find(&mut db, incident_id).await? else { return Ok(None) };
    let report = IncidentReport {
        incident,
        totals: totals(&mut db, incident_id).await?,
        execution: execution(&mut db, incident_id).await?,
        outcomes: outcomes(&mut db, incident_id).await?,
        closing: closing(&mut db, incident_id).await?,
        statement: statement(&mut db, incident_id).await?,
        made_at: state.clock.now(),
    };
    db.commit().await?;
    Ok(Some(report))
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
