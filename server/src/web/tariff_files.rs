//! `/tariffs.json` and `/tariffs.csv`: everything on public display, on sale and off, for whoever wants to compute with it.
//!
//! Both understand the filters of the zone (see `charging::tariff::ZoneParameter`); `sale` left out means on and off sale.

use std::collections::{BTreeSet, HashMap, VecDeque};

use app::state::AppState;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use charging::csv;
use charging::tariff::store::{self, StoreError};
use charging::tariff::{Sale, TariffVersion, ZoneParameter, ZoneQuery, displayed_price, own_format};
use chrono::{DateTime, Utc};
use futures::stream;
use http::{HeaderValue, StatusCode, header};
use sqlx::PgPool;

/// Tariffs that are read from the database at a time.
const PAGE: usize = 200;

/// The addresses of the files.
pub fn routes() -> Router<AppState> {
    Router::new().route("/tariffs.json", get(json)).route("/tariffs.csv", get(csv_file))
}

#[derive(Clone, Copy)]
enum Shape {
    Json,
    Csv,
}

async fn json(state: State<AppState>, parameters: Query<HashMap<String, String>>) -> Response {
    answer(state, parameters, Shape::Json).await
}

async fn csv_file(state: State<AppState>, parameters: Query<HashMap<String, String>>) -> Response {
    answer(state, parameters, Shape::Csv).await
}

async fn answer(
    State(state): State<AppState>,
    Query(parameters): Query<HashMap<String, String>>,
    shape: Shape,
) -> Response {
    let (query, unread) = ZoneQuery::from_parameters(|name| parameters.get(name).cloned());
    if !unread.is_empty() {
        let names: Vec<&str> = unread.into_iter().map(ZoneParameter::as_str).collect();
        return (StatusCode::BAD_REQUEST, format!("cannot read: {}\n", names.join(", "))).into_response();
    }
    let sales = match parameters.get(ZoneParameter::Sale.as_str()).map(|value| value.trim()) {
        None | Some("") => vec![Sale::On, Sale::Off],
        Some(_) => vec![query.sale],
    };
    let now = state.clock.now();
    match matching(&state, &query, &sales, now).await {
        Ok(ids) => file(state.pool.clone(), (ids, now), shape),
        Err(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, "tariff files: the zone failed");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

async fn matching(
    state: &AppState,
    query: &ZoneQuery,
    sales: &[Sale],
    now: DateTime<Utc>,
) -> Result<VecDeque<String>, StoreError> {
    let mut conn = state.pool.acquire().await?;
    let mut ids = BTreeSet::new();
    for sale in sales {
        let query = ZoneQuery { sale: *sale, ..query.clone() };
        ids.extend(store::matching_ids(&mut conn, &query, now).await?);
    }
    Ok(ids.into_iter().collect())
}

/// Of each tariff the version in force, and after it those that are announced.
fn file(pool: PgPool, (ids, now): (VecDeque<String>, DateTime<Utc>), shape: Shape) -> Response {
    let start = match shape {
        Shape::Json => format!("{{\"format\":\"{}\",\"tariffs\":[", own_format::FORMAT),
        Shape::Csv => csv::head(&COLUMNS),
    };
    let end = match shape {
        Shape::Json => "\n]}\n",
        Shape::Csv => "",
    };
    let part = |text: String| Ok::<_, StoreError>(Bytes::from(text));
    let body = stream::try_unfold((pool, ids, true), move |(pool, mut ids, first)| async move {
        if ids.is_empty() {
            return Ok::<_, StoreError>(None);
        }
        let page: Vec<String> = ids.drain(..ids.len().min(PAGE)).collect();
        let tariffs = store::on_display(&mut *pool.acquire().await?, &page, now).await?;
        let text = match shape {
            Shape::Json => json_page(&tariffs, first),
            Shape::Csv => tariffs.iter().map(csv_line).collect(),
        };
        Ok(Some((Bytes::from(text), (pool, ids, false))))
    });
    let whole = futures::StreamExt::chain(stream::iter([part(start)]), body);
    let whole = futures::StreamExt::chain(whole, stream::iter([part(end.to_owned())]));
    let (content_type, disposition) = match shape {
        Shape::Json => ("application/json; charset=utf-8", "inline; filename=\"tariffs.json\""),
        Shape::Csv => ("text/csv; charset=utf-8; header=present", "attachment; filename=\"tariffs.csv\""),
    };
    let mut response = Response::new(Body::from_stream(whole));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response.headers_mut().insert(header::CONTENT_DISPOSITION, HeaderValue::from_static(disposition));
    response
}

fn json_page(tariffs: &[TariffVersion], first: bool) -> String {
    let mut text = String::new();
    for (i, tariff) in tariffs.iter().enumerate() {
        text.push_str(if first && i == 0 { "\n" } else { ",\n" });
        text.push_str(&own_format::write(tariff));
    }
    text
}

const COLUMNS: [&str; 29] = [
    "scheme_id",
    "version",
    "published_at",
    "operator",
    "name",
    "kind",
    "price_yuan",
    "price_period",
    "price_text",
    "services_text",
    "overage_text",
    "general_data_gb",
    "directed_data_gb",
    "voice_minutes",
    "sms_messages",
    "broadband",
    "restrictions",
    "audience",
    "regions",
    "channels",
    "on_sale_from",
    "on_sale_until",
    "validity",
    "commitment",
    "cancel",
    "penalty",
    "notes",
    "terms",
    "orderable_from",
];

/// A line of CSV (RFC 4180).
fn csv_line(tariff: &TariffVersion) -> String {
    let content = &tariff.content;
    let included = &content.included;
    let price = displayed_price(content);
    let shown = |figure: Option<String>| figure.unwrap_or_default();
    let list = |items: &[String]| items.join("；");
    let terms = content.terms.as_ref().map(serde_json::to_string).transpose();
    let fields: [String; COLUMNS.len()] = [
        content.scheme_id.to_string(),
        tariff.version.to_string(),
        tariff.published_at.to_rfc3339(),
        content.operator_id.clone(),
        content.name.clone(),
        content.kind.as_str().to_owned(),
        shown(price.map(|price| charging::money::plain(price.amount))),
        shown(price.map(|price| price.period.as_str().to_owned())),
        content.price_text.clone(),
        content.services_text.clone(),
        content.overage_text.clone(),
        shown(included.general_data_gb.map(|gigabytes| gigabytes.to_string())),
        shown(included.directed_data_gb.map(|gigabytes| gigabytes.to_string())),
        shown(included.voice_minutes.map(|minutes| minutes.to_string())),
        shown(included.sms_messages.map(|messages| messages.to_string())),
        included.broadband.clone(),
        list(&content.restrictions),
        content.audience.clone(),
        list(&content.regions),
        list(&content.channels),
        content.on_sale_from.to_string(),
        content.on_sale_until.to_string(),
        content.validity.clone(),
        content.commitment.clone(),
        content.cancel.clone(),
        content.penalty.clone(),
        content.notes.clone(),
        shown(terms.ok().flatten()),
        tariff.orderable_from.to_rfc3339(),
    ];
    csv::line(&fields.map(|field| csv::text(&field)))
}
