//! Counts and times of requests, by the route and not by the address, which would name subscribers.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::Response;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use sqlx::PgPool;

const REQUESTS: &str = "mingbai_http_requests_total";
const SECONDS: &str = "mingbai_http_request_duration_seconds";

/// Upper bounds of the histogram, in seconds.
const BOUNDS: [f64; 11] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0];

/// The recorder is one a process, however many routers there are (as in tests).
static RECORDER: OnceLock<Option<PrometheusHandle>> = OnceLock::new();

fn recorder() -> Option<&'static PrometheusHandle> {
    let install = || {
        let builder = PrometheusBuilder::new().set_buckets_for_metric(Matcher::Full(SECONDS.to_owned()), &BOUNDS);
        let installed = builder.map(PrometheusBuilder::install_recorder);
        match installed {
            Ok(Ok(handle)) => Some(handle),
            Ok(Err(error)) | Err(error) => {
                tracing::warn!(%error, "no metrics");
                None
            }
        }
    };
    RECORDER.get_or_init(install).as_ref()
}

/// Counts from now on, also what workers do before the first request comes.
pub fn install() {
    recorder();
}

/// Counts a request and its time.
pub async fn count(route: Option<MatchedPath>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let method = method(request.method());
    let response = next.run(request).await;
    if recorder().is_some() {
        let route = route.map_or_else(|| "other".to_owned(), |path| path.as_str().to_owned());
        let status = response.status().as_str().to_owned();
        metrics::counter!(REQUESTS, "method" => method, "route" => route.clone(), "status" => status).increment(1);
        metrics::histogram!(SECONDS, "route" => route).record(seconds(started.elapsed()));
    }
    response
}

/// Anyone can invent methods; they are one.
fn method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        _ => "other",
    }
}

fn seconds(time: Duration) -> f64 {
    time.as_secs_f64()
}

/// Everything in the text format of Prometheus.
pub fn render(pool: &PgPool) -> String {
    let Some(recorder) = recorder() else { return String::new() };
    metrics::gauge!("mingbai_database_connections").set(pool.size());
    let idle = u32::try_from(pool.num_idle()).unwrap_or(u32::MAX);
    metrics::gauge!("mingbai_database_connections_idle").set(idle);
    recorder.run_upkeep();
    recorder.render()
}
