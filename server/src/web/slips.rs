//! Proofs to take home: `/me/agreements/{id}/slip.pdf` and `evidence.json`, and the key they are signed with at
//! `/evidence-key`.

use app::request::SUBSCRIBER_KEY;
use app::slip::order_slip;
use app::state::AppState;
use axum::Router;
use axum::extract::{Path, Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::get;
use charging::consent::key::{SigningKey, public_keys, signing_key};
use charging::consent::proof;
use charging::order::agreement::{Agreement, AgreementId, agreement};
use charging::subscriber::{Subscriber, store};
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use tower_sessions::Session;

/// Files of whoever is signed in: they need a session.
pub fn personal_routes() -> Router<AppState> {
    Router::new()
        .route("/me/agreements/{order}/slip.pdf", get(slip))
        .route("/me/agreements/{order}/evidence.json", get(evidence))
}

/// What everybody may know.
pub fn public_routes() -> Router<AppState> {
    Router::new().route("/evidence-key", get(keys))
}

async fn slip(state: State<AppState>, id: Path<String>, session: Session, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let write = move |found: &Found| order_slip(&parts, &found.agreement, &found.subscriber, &found.key);
    download(state, id, session, "application/pdf", "slip", "pdf", write).await
}

async fn evidence(state: State<AppState>, id: Path<String>, session: Session) -> Response {
    let write = |found: &Found| {
        Ok::<_, std::convert::Infallible>(proof::write(&found.agreement, &found.subscriber.msisdn, &found.key))
    };
    download(state, id, session, "application/json", "evidence", "json", write).await
}

/// An agreement with what a proof of it needs.
struct Found {
    agreement: Agreement,
    subscriber: Subscriber,
    key: SigningKey,
}

async fn download<E: std::error::Error + Send + Sync + 'static>(
    State(state): State<AppState>,
    Path(id): Path<String>,
    session: Session,
    content_type: &'static str,
    name: &str,
    ending: &str,
    write: impl FnOnce(&Found) -> Result<Vec<u8>, E> + Send + 'static,
) -> Response {
    let Some(subscriber_id) = session.get::<i64>(SUBSCRIBER_KEY).await.ok().flatten() else {
        return Redirect::to("/login?next=/me/agreements").into_response();
    };
    let Ok(id) = id.parse::<AgreementId>() else { return StatusCode::NOT_FOUND.into_response() };
    let written = async {
        let Some(found) = find(&state, subscriber_id, id).await? else { return anyhow::Ok(None) };
        let bytes = tokio::task::spawn_blocking(move || write(&found)).await??;
        Ok(Some(bytes))
    };
    match written.await {
        Ok(Some(bytes)) => {
            let disposition = format!("attachment; filename=\"mingbai-{name}-{id}.{ending}\"");
            let mut response = bytes.into_response();
            let headers = response.headers_mut();
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
            if let Ok(disposition) = HeaderValue::from_str(&disposition) {
                headers.insert(CONTENT_DISPOSITION, disposition);
            }
            response
        }
        Ok(None) => StatusCode::NOT_FOUND.into_response(),
        Err(error) => {
            tracing::error!(error = format!("{error:#}"), %id, "a slip could not be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

async fn find(state: &AppState, subscriber_id: i64, id: AgreementId) -> anyhow::Result<Option<Found>> {
    let mut db = state.pool.acquire().await?;
    let Some(agreement) = agreement(&mut db, subscriber_id, id, state.clock.now()).await? else { return Ok(None) };
    let Some(subscriber) = store::find(&mut db, subscriber_id).await? else { return Ok(None) };
    let key = signing_key(&mut db, state.clock.now(), &mut StdRng::from_os_rng()).await?;
    Ok(Some(Found { agreement, subscriber, key }))
}

/// Every public key in hexadecimal, a line each, the one that signs first.
async fn keys(State(state): State<AppState>) -> Response {
    let keys = async {
        let mut db = state.pool.acquire().await?;
        signing_key(&mut db, state.clock.now(), &mut StdRng::from_os_rng()).await?;
        anyhow::Ok(public_keys(&mut db).await?)
    };
    match keys.await {
        Ok(keys) => (keys.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n") + "\n").into_response(),
        Err(error) => {
            tracing::error!(error = format!("{error:#}"), "the public keys cannot be read");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
