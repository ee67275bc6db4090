//! Agents' channels beside their pages: badges, approved texts with their digests, and a copy sent to be checked.

use app::public::channel::{Pasted, badge};
use app::state::AppState;
use axum::extract::{Form, Path, Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderMap, HeaderName, IF_NONE_MATCH};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, RequestExt as _, Router};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use charging::channel::ChannelId;
use charging::channel::content::{self, Content};
use charging::channel::store::{ChannelError, find};
use serde::Deserialize;
use serde_json::json;

use super::Page;

/// RFC 9530: the digest of what is served, whatever way it is sent.
const REPR_DIGEST: HeaderName = HeaderName::from_static("repr-digest");

/// Files that everybody may have. They are sent as they are: whoever compresses them would send something that the digest is not of.
pub fn files(public_url: &str) -> Router<AppState> {
    let public_url = public_url.to_owned();
    let badge = move |state: State<AppState>, id: Path<String>| badge_picture(state, id, public_url.clone());
    Router::new()
        .route("/channels/{id}/badge.svg", get(badge))
        .route("/channels/{id}/content/{file}", get(approved_text))
}

/// Takes a copy, and has its page say what it is.
pub fn check(page: impl Page) -> Router<AppState> {
    Router::new().route("/channels/{id}/check", post(move |request| checked(request, page.clone())))
}

#[derive(Deserialize)]
struct Sent {
    copy: String,
}

async fn checked(request: Request, page: impl Page) -> Response {
    let (mut parts, body) = request.into_parts();
    let form = Request::from_parts(parts.clone(), body).extract::<Form<Sent>, _>().await;
    let Form(Sent { copy }) = match form {
        Ok(form) => form,
        Err(rejection) => return rejection.into_response(),
    };
    parts.method = Method::GET;
    parts.extensions.insert(Pasted(copy));
    page(Request::from_parts(parts, axum::body::Body::empty())).await
}

/// The badge of a channel that was let in once. Whether it still is, the page says that its code leads to.
async fn badge_picture(State(state): State<AppState>, Path(id): Path<String>, public_url: String) -> Response {
    let drawn = async {
        let Ok(id) = id.parse::<ChannelId>() else { return anyhow::Ok(None) };
        let channel = find(&mut *state.pool.acquire().await?, &id).await?;
        let Some(version) = channel.as_ref().and_then(|channel| channel.approved()) else { return Ok(None) };
        Ok(Some(badge::svg(&id, &version.terms.name, &format!("{public_url}/channels/{id}"))?))
    };
    match drawn.await {
        Ok(Some(picture)) => {
            let headers =
                [(CONTENT_TYPE, "image/svg+xml; charset=utf-8"), (CACHE_CONTROL, "public, max-age=300, no-transform")];
            (headers, picture).into_response()
        }
        Ok(None) => StatusCode::NOT_FOUND.into_response(),
        Err(error) => failed(&error),
    }
}

/// `{n}` is the text as it was approved, `{n}.json` the same with its digest and dates.
async fn approved_text(
    State(state): State<AppState>,
    Path((id, file)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    let (number, is_json) = match file.strip_suffix(".json") {
        Some(number) => (number, true),
        None => (file.as_str(), false),
    };
    let (Ok(id), Ok(number)) = (id.parse::<ChannelId>(), number.parse::<i32>()) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let found = async {
        let texts = content::list(&mut *state.pool.acquire().await?, &id).await?;
        Ok::<_, ChannelError>(texts.into_iter().find(|text| text.number == number && text.is_approved()))
    };
    match found.await {
        Ok(Some(text)) if text.withdrawn.is_some() => {
            (StatusCode::GONE, "这份内容已经撤回，不能再用。 It was withdrawn and may not be used any more.\n")
                .into_response()
        }
        Ok(Some(text)) if is_json => described(&id, &text),
        Ok(Some(text)) => plain(text, &headers),
        Ok(None) => StatusCode::NOT_FOUND.into_response(),
        Err(error) => failed(&error.into()),
    }
}

fn plain(text: Content, asked: &HeaderMap) -> Response {
    let tag = format!("\"sha256-{}\"", text.fingerprint());
    let is_known =
        asked.get(IF_NONE_MATCH).and_then(|known| known.to_str().ok()).is_some_and(|known| known.contains(&tag));
    let digest = format!("sha-256=:{}:", STANDARD.encode(text.digest));
    let mut response = if is_known { StatusCode::NOT_MODIFIED.into_response() } else { text.body.into_response() };
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    // It may be withdrawn at any time.
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache, no-transform"));
    for (name, value) in [(ETAG, tag), (REPR_DIGEST, digest)] {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(name, value);
        }
    }
    response
}

fn described(id: &ChannelId, text: &Content) -> Response {
    let described = json!({
        "channel": id.as_str(),
        "number": text.number,
        "title": text.title,
        "body": text.body,
        "sha256": text.fingerprint(),
        "approved_at": text.decision.as_ref().map(|decision| decision.at),
    });
    ([(CACHE_CONTROL, "no-cache, no-transform")], Json(described)).into_response()
}

fn failed(error: &anyhow::Error) -> Response {
    tracing::error!(error = format!("{error:#}"), "a file of a channel could not be made");
    StatusCode::INTERNAL_SERVER_ERROR.into_response()
}
