//! The portal over HTTP: pages and server functions of `app`, static files, and what every answer passes through.

mod access;
mod bill_files;
mod channel_orders;
mod channels;
mod gathered;
mod headers;
mod health;
mod incident_files;
mod metrics;
mod origin;
mod proxies;
mod site;
mod slips;
mod tariff_changes;
mod tariff_drafts;
mod tariff_files;

use std::sync::Arc;
use std::time::Duration;

use app::access::is_desk;
use app::state::AppState;
use app::{App, shell};
use axum::Router;
use axum::body::Body;
use axum::extract::{MatchedPath, Request};
use axum::http::{self, StatusCode, Uri};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use futures::future::BoxFuture;
use leptos::prelude::provide_context;
use leptos_axum::{AxumRouteListing, LeptosRoutes as _, generate_route_list};
use tower::limit::GlobalConcurrencyLimitLayer;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::request_id::{MakeRequestUuid, PropagateRequestIdLayer, RequestId, SetRequestIdLayer};
use tower_http::timeout::TimeoutLayer;
use tower_http::trace::TraceLayer;
use tower_sessions::cookie::SameSite;
use tower_sessions::cookie::time;
use tower_sessions::{Expiry, SessionManagerLayer};

use crate::gateway::wechat::WechatPay;
use crate::session_store::PostgresSessions;
use crate::{call, gateway, network};

use access::Door;

pub use gathered::Gathering;
pub use proxies::behind;
pub use site::{Site, options};

/// The longest body of a request, in bytes: forms are small.
const BODY_BYTES_MAX: usize = 256 * 1024;

/// The longest that a request may take.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(30);

/// Requests worked on at once; more wait for their turn.
const REQUESTS_MAX: usize = 512;

/// A session ends after so long without a request.
const INACTIVITY_MAX: time::Duration = time::Duration::minutes(30);

/// Where pages and server functions of demo mode are.
const DEMO_PATHS: [&str; 2] = ["/demo/", "/api/demo"];

/// How the server is run.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Whether cookies are sent over TLS only.
    pub secure: bool,
    pub site: Site,
    pub network: network::Settings,
    /// What a call-out service signs with that tells how calls ended; `None`: there is none.
    pub call_key: Option<call::Key>,
    /// Which gateway tells what was paid and what went back; `None`: there is none.
    pub gateway: Option<Arc<WechatPay>>,
}

/// Every address of the portal.
pub fn router(state: AppState, settings: &Settings) -> Router {
    metrics::install();
    let demo = state.demo;
    let routes: Vec<AxumRouteListing> =
        generate_route_list(App).into_iter().filter(|route| demo || !is_demo(route.path())).collect();
    let sessions = SessionManagerLayer::new(PostgresSessions::new(state.pool.clone(), state.clock.clone()))
        .with_name("mingbai")
        .with_same_site(SameSite::Lax)
        .with_secure(settings.secure)
        .with_expiry(Expiry::OnInactivity(INACTIVITY_MAX))
        .with_always_save(true);
    let page = rendered(state.clone());
    let missing = not_found(demo, page.clone());
    let check = channels::check(page.clone());
    let hidden = missing.clone();
    let door = Door { state: Arc::new(state.clone()), page };
    let guard = from_fn(move |request: Request, next: Next| access::guard(door.clone(), request, next));
    let options = state.leptos_options.clone();
    let shared = tariff_files::routes().merge(tariff_changes::routes(&settings.network.public_url));
    let shared = shared.merge(slips::public_routes());
    let pages = Router::new()
        .leptos_routes_with_context(&state, routes, headers::content_security_policy, move || shell(options.clone()))
        .layer(from_fn(move |request, next| hide_demo(demo, hidden.clone(), request, next)))
        .merge(slips::personal_routes())
        .merge(bill_files::routes())
        .merge(incident_files::routes())
        .merge(tariff_drafts::routes())
        .merge(check)
        // Inside the sessions, which tell whose request it is.
        .layer(guard.clone())
        .layer(sessions.clone())
        // Outside the sessions: what caches may share must never carry somebody's cookie.
        .merge(shared.layer(guard.clone()))
        .fallback_service(site::files(&settings.site, Router::new().fallback(missing).layer(sessions)))
        .layer(CompressionLayer::new())
        .layer(RequestBodyLimitLayer::new(BODY_BYTES_MAX))
        .layer(GlobalConcurrencyLimitLayer::new(REQUESTS_MAX))
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, ANSWER_TIME_MAX))
        .layer(from_fn(origin::refuse_cross_site));
    let secure = settings.secure;
    let calls = settings.call_key.clone().map(|key| call::routes(&state, key)).unwrap_or_default();
    let gateway = settings.gateway.clone().map(|gateway| gateway::routes(&state, gateway)).unwrap_or_default();
    pages
        .merge(health::routes().merge(channels::files(&settings.network.public_url)).layer(guard))
        .layer(from_fn(move |request, next| headers::protect(secure, request, next)))
        .layer(CatchPanicLayer::new())
        .layer(from_fn(metrics::count))
        .layer(PropagateRequestIdLayer::x_request_id())
        .layer(TraceLayer::new_for_http().make_span_with(span))
        .layer(SetRequestIdLayer::x_request_id(MakeRequestUuid))
        // Network functions are no browsers, and each layer is work for every one of their thousands of requests a second.
        .merge(network::routes(&state, &settings.network).layer(from_fn(metrics::count)))
        .merge(calls.merge(gateway).merge(channel_orders::routes()).layer(from_fn(metrics::count)))
        .with_state(state)
}

fn is_demo(path: &str) -> bool {
    DEMO_PATHS.iter().any(|prefix| path.starts_with(prefix))
}

/// Without demo mode its addresses are like any that never existed, pages and server functions alike.
async fn hide_demo(demo: bool, missing: impl Page, request: Request, next: Next) -> Response {
    if demo || !is_demo(request.uri().path()) { next.run(request).await } else { missing(request).await }
}

/// Renders the page of a request's address.
trait Page: Fn(Request) -> BoxFuture<'static, Response> + Clone + Send + Sync + 'static {}
impl<F: Fn(Request) -> BoxFuture<'static, Response> + Clone + Send + Sync + 'static> Page for F {}

/// A page of the portal, whatever the address was matched with.
fn rendered(state: AppState) -> impl Page {
    let options = state.leptos_options.clone();
    let context = move || {
        provide_context(state.clone());
        headers::content_security_policy();
    };
    let render = leptos_axum::render_app_async_with_context(context, move || shell(options.clone()));
    move |request| render(request)
}

/// The page that says there is none.
fn not_found(demo: bool, page: impl Page) -> impl Page {
    move |mut request| {
        // The pages know addresses that the router does not: those of the demo, and the desk's written otherwise.
        let path = request.uri().path();
        if is_desk(path) {
            *request.uri_mut() = Uri::from_static("/staff/nowhere");
        } else if !demo && is_demo(path) {
            *request.uri_mut() = Uri::from_static("/nowhere");
        }
        let page = page(request);
        Box::pin(async move {
            let mut page = page.await;
            if page.status() == StatusCode::OK {
                *page.status_mut() = StatusCode::NOT_FOUND;
            }
            page
        })
    }
}

/// One span a request: its id and route, and nothing that names a subscriber.
fn span(request: &http::Request<Body>) -> tracing::Span {
    let id = request.extensions().get::<RequestId>().and_then(|id| id.header_value().to_str().ok()).unwrap_or_default();
    let route = request.extensions().get::<MatchedPath>().map_or("-", MatchedPath::as_str);
    tracing::info_span!("request", id, method = %request.method(), route)
}
