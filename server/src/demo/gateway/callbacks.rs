//! Tells the merchant what happened, again and again until it listens, and now and then twice.

use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use axum::http::header::CONTENT_TYPE;
use charging::demo::gateway::{self as books, Callback};
use chrono::TimeDelta;
use futures::StreamExt as _;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::json;
use tokio::sync::watch;

use super::Desk;
use super::wire::{beijing, refund_json, transaction};

const EVERY: Duration = Duration::from_millis(200);
const ANSWER_TIME_MAX: Duration = Duration::from_secs(5);
/// Callbacks of one look.
const BATCH: u16 = 500;
const UNDER_WAY_MAX: usize = 16;
/// After so many tries it is not told again.
const TRIES_MAX: i32 = 15;
/// Seconds before it is tried again, times the tries.
const PAUSE_SECONDS: i64 = 2;

type Http = Client<HttpConnector, Body>;

/// Until it is told to stop.
pub(super) async fn run(desk: Desk, mut stopped: watch::Receiver<bool>) {
    let http: Http = Client::builder(TokioExecutor::new()).build_http();
    let mut ticks = tokio::time::interval(EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = stopped.wait_for(|stop| *stop) => return,
            _ = ticks.tick() => {}
        }
        if let Err(error) = look(&desk, &http).await {
            tracing::warn!(error = format!("{error:#}"), "the simulated gateway tells nothing; it tries again");
        }
    }
}

async fn look(desk: &Desk, http: &Http) -> anyhow::Result<()> {
    let now = desk.clock.now();
    let mut db = desk.pool.acquire().await?;
    books::arrive(&mut db, now).await?;
    let due = books::callbacks(&mut db, now, BATCH).await?;
    drop(db);
    let telling = futures::stream::iter(due).map(|callback| tell(desk, http, callback));
    let told: Vec<anyhow::Result<()>> = telling.buffer_unordered(UNDER_WAY_MAX).collect().await;
    told.into_iter().collect()
}

async fn tell(desk: &Desk, http: &Http, callback: Callback) -> anyhow::Result<()> {
    let body = body(desk, &callback).await?;
    let times = if desk.happens(desk.nature.twice_percent) { 2 } else { 1 };
    let mut taken = false;
    for _ in 0..times {
        taken = post(desk, http, &callback.notify_url, &body).await;
    }
    let pause = TimeDelta::seconds(PAUSE_SECONDS * i64::from(callback.tries + 1));
    let again_at = (!taken && callback.tries < TRIES_MAX).then(|| desk.clock.now() + pause);
    books::told(&mut *desk.pool.acquire().await?, callback.callback_id, again_at).await?;
    Ok(())
}

/// Sealed as every callback; it keeps its id.
async fn body(desk: &Desk, callback: &Callback) -> anyhow::Result<String> {
    let mut db = desk.pool.acquire().await?;
    let now = desk.clock.now();
    let (kind, event, text) = if let Some(number) = &callback.out_refund_no {
        let refund = books::refund_state(&mut db, number).await?;
        ("refund", "REFUND.SUCCESS", refund.map(|refund| refund_json(&refund, "refund_status")))
    } else {
        let number = callback.out_trade_no.as_deref().unwrap_or_default();
        let payment = books::payment(&mut db, number).await?;
        ("transaction", "TRANSACTION.SUCCESS", payment.map(|payment| transaction(&payment)))
    };
    let mut resource = desk.keys.sealed(&text.unwrap_or_default().to_string(), kind);
    resource["original_type"] = json!(kind);
    let id = format!("EV-{}", callback.callback_id);
    let body = json!({
        "id": id, "create_time": beijing(now), "resource_type": "encrypt-resource", "event_type": event, "summary": event,
        "resource": resource,
    });
    Ok(body.to_string())
}

/// Whether the merchant took it.
async fn post(desk: &Desk, http: &Http, url: &str, body: &str) -> bool {
    let Ok(headers) = desk.keys.signed(body.as_bytes(), desk.clock.now()) else { return false };
    let mut request = Request::post(url).header(CONTENT_TYPE, "application/json");
    for (name, value) in headers {
        request = request.header(name, value);
    }
    let Ok(request) = request.body(Body::from(body.to_owned())) else { return false };
    let answered = tokio::time::timeout(ANSWER_TIME_MAX, http.request(request)).await;
    // Some go amiss on the way, as from a merchant that was not there.
    let is_lost = desk.happens(desk.nature.fail_percent);
    !is_lost && matches!(answered, Ok(Ok(response)) if response.status().is_success())
}
