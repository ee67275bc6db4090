//! What the operator's network asks of the charging database, `Nchf_ConvergedCharging` (TS 32.291) and
//! `Nchf_SpendingLimitControl` (TS 29.594), and how its functions are told of what they wait for.

mod access;
mod charging_data;
mod charging_messages;
mod lanes;
mod message;
mod problem;
mod spending_limit;
pub(crate) mod spending_limit_messages;

use std::sync::Arc;
use std::time::Duration;

use app::state::AppState;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::middleware::from_fn_with_state;
use charging::clock::Clock;
use sqlx::PgPool;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::timeout::TimeoutLayer;

pub use access::Access;
use lanes::Lanes;

/// The longest body of a request, in bytes.
const BODY_BYTES_MAX: usize = 256 * 1024;
/// The longest that a request may take.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(10);

/// How the network reaches us and sends subscribers to us.
#[derive(Clone, Debug)]
pub struct Settings {
    pub access: Access,
    /// Where browsers find the portal, without a slash at its end: subscribers at their cap are led to a page of it.
    pub public_url: String,
}

/// What the handlers share.
#[derive(Clone)]
struct Network {
    lanes: Lanes,
    pool: PgPool,
    clock: Arc<dyn Clock>,
    public_url: Arc<str>,
}

/// The interfaces of the network.
pub fn routes(state: &AppState, settings: &Settings) -> Router<AppState> {
    let network = Network {
        lanes: Lanes::start(&state.pool, &state.clock),
        pool: state.pool.clone(),
        clock: state.clock.clone(),
        public_url: settings.public_url.as_str().into(),
    };
    charging_data::routes(network.clone())
        .merge(spending_limit::routes(network))
        .layer(CatchPanicLayer::new())
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, ANSWER_TIME_MAX))
        .layer(from_fn_with_state(settings.access.clone(), access::admit))
}
