//! The door of the portal: each request is held against the line of its address in [`app::access`] before any page or server
//! function sees it. An address without a line is closed.

use std::sync::Arc;

use app::access::{Access, Refused, access, is_desk};
use app::request::{SUBSCRIBER_KEY, local_path, query_value};
use app::staff::token;
use app::state::AppState;
use axum::extract::{MatchedPath, Request};
use axum::http::header::{CACHE_CONTROL, HeaderMap, HeaderValue, REFERER};
use axum::http::{Method, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Redirect, Response};
use charging::staff::{Member, demo, session};
use tower_sessions::Session;

use super::Page;

/// What the door works with.
#[derive(Clone)]
pub struct Door<P> {
    pub state: Arc<AppState>,
    /// Renders a page.
    pub page: P,
}

/// Lets a request through, sends it to sign in, or refuses it.
pub async fn guard(door: Door<impl Page>, mut request: Request, next: Next) -> Response {
    let path = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    // Without one there is no page: the file or the page that says so is everybody's.
    let Some(path) = path else { return next.run(request).await };
    let Some(access) = access(&path) else {
        tracing::error!(path, "an address has no line in the table of who may ask for it");
        return StatusCode::FORBIDDEN.into_response();
    };
    if !is_desk(&path) {
        let session = request.extensions().get::<Session>().cloned();
        return match access {
            Access::Subscriber if !is_subscriber(session).await => sign_in("/login", &request, "/me"),
            Access::Staff | Access::Permitted(_) => StatusCode::FORBIDDEN.into_response(),
            Access::Everybody | Access::Subscriber | Access::Machine => next.run(request).await,
        };
    }
    let sent = token(request.headers());
    let member = match &sent {
        Some(sent) => member(&door.state, sent).await,
        None => Ok(None),
    };
    let member = match member {
        Ok(member) => member,
        Err(response) => return response,
    };
    let is_allowed = match (access, &member) {
        (Access::Everybody, _) | (Access::Staff, Some(_)) => true,
        (Access::Permitted(permission), Some(member)) => member.may(permission),
        (Access::Staff | Access::Permitted(_), None) => {
            let page = if sent.is_some() { "/staff/login?problem=ended" } else { "/staff/login" };
            return no_store(sign_in(page, &request, "/staff"));
        }
        (Access::Subscriber | Access::Machine, _) => false,
    };
    if let Some(member) = member {
        request.extensions_mut().insert(member);
    }
    no_store(if is_allowed { next.run(request).await } else { refuse(&door, request).await })
}

async fn is_subscriber(session: Option<Session>) -> bool {
    let Some(session) = session else { return false };
    session.get::<i64>(SUBSCRIBER_KEY).await.is_ok_and(|subscriber| subscriber.is_some())
}

/// Who of the staff asks. The demo's get in in demo mode alone, since everybody may know their passwords.
async fn member(state: &AppState, token: &str) -> Result<Option<Member>, Response> {
    match session::member(&state.pool, token, state.clock.now()).await {
        Ok(member) => Ok(member.filter(|member| state.demo || !demo::is_demo(member.login.as_str()))),
        Err(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, "a session of the staff cannot be looked up");
            Err(StatusCode::INTERNAL_SERVER_ERROR.into_response())
        }
    }
}

/// To the sign-in page, and from there back: to what was asked for, or to the page whose form was sent.
fn sign_in(page: &str, request: &Request, home: &str) -> Response {
    let asked = if request.method() == Method::GET {
        request.uri().path_and_query().map(ToString::to_string)
    } else {
        form_page(request.headers())
    };
    let separator = if page.contains('?') { '&' } else { '?' };
    let next = asked.unwrap_or_else(|| home.to_owned());
    Redirect::to(&format!("{page}{separator}next={}", query_value(local_path(&next)))).into_response()
}

/// Without its query, which may hold the answer to what was sent before.
fn form_page(headers: &HeaderMap) -> Option<String> {
    let page: Uri = headers.get(REFERER)?.to_str().ok()?.parse().ok()?;
    Some(page.path().to_owned())
}

/// The page that says no, in the frame of the desk.
async fn refuse(door: &Door<impl Page>, mut request: Request) -> Response {
    if request.method() != Method::GET {
        *request.uri_mut() = Uri::from_static("/staff");
        *request.method_mut() = Method::GET;
    }
    request.extensions_mut().insert(Refused);
    let mut page = (door.page)(request).await;
    *page.status_mut() = StatusCode::FORBIDDEN;
    page
}

/// Nothing of the desk stays in a cache.
fn no_store(mut response: Response) -> Response {
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::body::Body;
    use axum::middleware::from_fn;
    use axum::routing::get;
    use charging::clock::SystemClock;
    use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
    use tower::ServiceExt as _;

    use super::*;
    use crate::web::{Site, options};

    #[tokio::test]
    async fn what_nobody_declared_is_closed() {
        let state = AppState {
            pool: PgPoolOptions::new().connect_lazy_with(PgConnectOptions::new()),
            clock: Arc::new(SystemClock),
            demo: true,
            calls: false,
            payments: false,
            staff_key: None,
            secure: false,
            leptos_options: options(&Site::find(), ([127, 0, 0, 1], 3000).into()),
        };
        let page =
            |_: Request| -> futures::future::BoxFuture<'static, Response> { Box::pin(async { Response::default() }) };
        let door = Door { state: Arc::new(state), page };
        let guard = from_fn(move |request: Request, next: Next| guard(door.clone(), request, next));
        let routes = Router::new().route("/staff/new", get(async || "in")).route("/api/new", get(async || "in"));
        let routes = routes.route("/notices", get(async || "in")).layer(guard);
        for (path, status) in [("/staff/new", 403), ("/api/new", 403), ("/notices", 200)] {
            let request = Request::get(path).body(Body::empty()).unwrap();
            assert_eq!(routes.clone().oneshot(request).await.unwrap().status(), status, "{path}");
        }
    }
}
