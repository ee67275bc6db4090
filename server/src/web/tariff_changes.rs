//! `/tariffs/changes.atom` and `/tariffs/changes.json`: what changed on public display, for feed readers.
//!
//! `lang` is `zh-CN` or `en`, `operator` one of the zone's, `page` counts from 1, the newest first.

use std::collections::HashMap;
use std::sync::Arc;

use app::changes::{Feed, Shape};
use app::request::language_of;
use app::state::AppState;
use axum::Router;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use charging::tariff::store::{self, StoreError};
use chrono::{DateTime, Utc};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED};
use http::{HeaderMap, HeaderValue, StatusCode};
use sha2::{Digest as _, Sha256};

/// For so long nobody needs to ask again, in seconds.
const FRESH: &str = "public, max-age=60";

/// The addresses of the feeds, with links to where the portal is.
pub fn routes(public_url: &str) -> Router<AppState> {
    let site: Arc<str> = public_url.trim_end_matches('/').into();
    let feed = |shape: Shape| {
        let site = site.clone();
        get(move |state, parameters, headers| answer(site, shape, state, parameters, headers))
    };
    Router::new().route("/tariffs/changes.atom", feed(Shape::Atom)).route("/tariffs/changes.json", feed(Shape::Json))
}

async fn answer(
    site: Arc<str>,
    shape: Shape,
    State(state): State<AppState>,
    Query(parameters): Query<HashMap<String, String>>,
    headers: HeaderMap,
) -> Response {
    match feed(&site, shape, &state, &parameters).await {
        Ok(Ok((text, updated))) => conditional(shape, text, updated, &headers),
        Ok(Err(reason)) => (StatusCode::BAD_REQUEST, format!("{reason}\n")).into_response(),
        Err(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, "the feed of changes failed");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// The feed and when its newest entry happened, or what of the question cannot be read.
async fn feed(
    site: &str,
    shape: Shape,
    state: &AppState,
    parameters: &HashMap<String, String>,
) -> Result<Result<(String, Option<DateTime<Utc>>), String>, StoreError> {
    let asked = |name: &str| parameters.get(name).map(|value| value.trim()).filter(|value| !value.is_empty());
    let Some(language) = language_of(asked("lang").unwrap_or("zh-CN")) else {
        return Ok(Err("lang is zh-CN or en".to_owned()));
    };
    let page = asked("page").map_or(Some(1), |page| page.parse::<u32>().ok());
    let Some(page) = page.filter(|page| (1..=store::CHANGES_PAGES_MAX).contains(page)) else {
        return Ok(Err(format!("page is a number from 1 to {}", store::CHANGES_PAGES_MAX)));
    };
    let mut conn = state.pool.acquire().await?;
    let operators = store::operators(&mut conn).await?;
    let operator = asked("operator");
    if operator.is_some_and(|id| operators.iter().all(|known| known.operator_id != id)) {
        let known: Vec<&str> = operators.iter().map(|known| known.operator_id.as_str()).collect();
        return Ok(Err(format!("operator is one of {}", known.join(", "))));
    }
    let changes = store::changes(&mut conn, operator, page, state.clock.now()).await?;
    let feed = Feed { site, language, operator, operators: &operators, changes: &changes };
    Ok(Ok((feed.write(shape), feed.updated())))
}

/// The feed, or that it is the one which the asker has (RFC 9110, section 13).
fn conditional(shape: Shape, text: String, updated: Option<DateTime<Utc>>, headers: &HeaderMap) -> Response {
    let tag = format!("W/\"{}\"", hex::encode(&Sha256::digest(&text)[..16]));
    let modified = updated.map(|at| at.format("%a, %d %b %Y %H:%M:%S GMT").to_string());
    let mut response = if is_known(headers, &tag, updated) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let content_type = match shape {
            Shape::Atom => "application/atom+xml; charset=utf-8",
            Shape::Json => "application/feed+json; charset=utf-8",
        };
        ([(CONTENT_TYPE, content_type)], text).into_response()
    };
    let told = [(ETAG, Some(tag)), (LAST_MODIFIED, modified), (CACHE_CONTROL, Some(FRESH.to_owned()))];
    for (name, value) in told {
        if let Some(value) = value.and_then(|value| HeaderValue::from_str(&value).ok()) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

/// Whether the asker has this very feed: by its tag, else, where no tag is sent, by its time.
fn is_known(headers: &HeaderMap, tag: &str, updated: Option<DateTime<Utc>>) -> bool {
    let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    if headers.contains_key(IF_NONE_MATCH) {
        let sent = headers.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
        return sent.flat_map(|value| value.split(',')).any(|sent| sent.trim() == "*" || opaque(sent) == opaque(tag));
    }
    let since = headers.get(IF_MODIFIED_SINCE).and_then(|value| value.to_str().ok());
    let since = since.and_then(|value| DateTime::parse_from_rfc2822(value).ok());
    since.zip(updated).is_some_and(|(since, updated)| updated.timestamp() <= since.timestamp())
}
