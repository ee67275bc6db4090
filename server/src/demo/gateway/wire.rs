//! What the simulated gateway answers, and how it knows who asks.

use std::collections::HashMap;

use anyhow::Context as _;
use axum::body::{Body, to_bytes};
use axum::extract::{Path, Query, Request, State};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::{HeaderName, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use charging::demo::gateway::{self as books, NewPayment, NewRefund, Payment, Refund, Refused};
use chrono::{DateTime, FixedOffset, NaiveDate, SecondsFormat, TimeDelta, Utc};
use rand::Rng as _;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{PrivatePkcs8KeyDer, SubjectPublicKeyInfoDer};
use serde_json::{Value, json};
use webpki::RawPublicKeyEntity;
use webpki::ring::RSA_PKCS1_2048_8192_SHA256;

use super::{
    API_KEY, APPID, Desk, MERCHANT_ID, MERCHANT_PUBLIC_KEY, MERCHANT_SERIAL, PLATFORM_CERTIFICATE, PLATFORM_KEY,
    PLATFORM_SERIAL, statement,
};

const BODY_BYTES_MAX: usize = 64 * 1024;

/// What it signs with, and what it knows its merchant by.
pub(super) struct Keys {
    own: RsaKeyPair,
    merchant: SubjectPublicKeyInfoDer<'static>,
    seal: LessSafeKey,
}

impl Keys {
    pub fn new() -> anyhow::Result<Self> {
        let own = PrivatePkcs8KeyDer::from_pem_slice(PLATFORM_KEY.as_bytes())?;
        let own = RsaKeyPair::from_pkcs8(own.secret_pkcs8_der()).ok().context("the demo's key")?;
        let merchant = SubjectPublicKeyInfoDer::from_pem_slice(MERCHANT_PUBLIC_KEY.as_bytes())?;
        let seal = UnboundKey::new(&AES_256_GCM, API_KEY.as_bytes()).ok().context("the demo's APIv3 key")?;
        Ok(Self { own, merchant, seal: LessSafeKey::new(seal) })
    }

    /// Whether the merchant signed a request.
    fn knows(&self, parts: &http::request::Parts, body: &[u8]) -> bool {
        let header = parts.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let Some(header) = header.strip_prefix("WECHATPAY2-SHA256-RSA2048 ") else { return false };
        let given: HashMap<&str, &str> = header
            .split(',')
            .filter_map(|pair| pair.split_once('='))
            .map(|(name, value)| (name, value.trim_matches('"')))
            .collect();
        let of = |name| given.get(name).copied().unwrap_or_default();
        let url = parts.uri.path_and_query().map_or("/", |url| url.as_str());
        let head = format!("{}\n{url}\n{}\n{}\n", parts.method, of("timestamp"), of("nonce_str"));
        let message = [head.as_bytes(), body, b"\n"].concat();
        let Ok(signature) = STANDARD.decode(of("signature")) else { return false };
        let Ok(key) = RawPublicKeyEntity::try_from(&self.merchant) else { return false };
        of("mchid") == MERCHANT_ID
            && of("serial_no") == MERCHANT_SERIAL
            && key.verify_signature(RSA_PKCS1_2048_8192_SHA256, &message, &signature).is_ok()
    }

    /// The headers that say that a body is the gateway's.
    pub fn signed(&self, body: &[u8], now: DateTime<Utc>) -> anyhow::Result<[(HeaderName, String); 4]> {
        let (seconds, nonce) = (now.timestamp(), format!("{:032x}", rand::rng().random::<u128>()));
        let message = [format!("{seconds}\n{nonce}\n").as_bytes(), body, b"\n"].concat();
        let mut signature = vec![0; self.own.public().modulus_len()];
        self.own
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), &message, &mut signature)
            .ok()
            .context("the demo's key")?;
        Ok([
            (HeaderName::from_static("wechatpay-timestamp"), seconds.to_string()),
            (HeaderName::from_static("wechatpay-nonce"), nonce),
            (HeaderName::from_static("wechatpay-signature"), STANDARD.encode(signature)),
            (HeaderName::from_static("wechatpay-serial"), PLATFORM_SERIAL.to_owned()),
        ])
    }

    /// Sealed for the merchant.
    pub fn sealed(&self, text: &str, associated_data: &str) -> Value {
        let nonce: String = format!("{:032x}", rand::rng().random::<u128>()).chars().take(12).collect();
        let mut sealed = text.as_bytes().to_vec();
        let bytes: [u8; 12] = std::array::from_fn(|i| nonce.as_bytes()[i]);
        let data = Aad::from(associated_data.as_bytes());
        let done = self.seal.seal_in_place_append_tag(Nonce::assume_unique_for_key(bytes), data, &mut sealed);
        done.expect("a short text is sealed");
        let ciphertext = STANDARD.encode(sealed);
        json!({"algorithm": "AEAD_AES_256_GCM", "nonce": nonce, "associated_data": associated_data, "ciphertext": ciphertext})
    }
}

/// Where a statement of this gateway is handed out, and for whom.
#[derive(Clone)]
struct Here {
    desk: Desk,
    url: String,
}

pub(super) fn routes(desk: Desk, url: String) -> Router {
    let here = Here { desk, url };
    Router::new()
        .route("/v3/pay/transactions/{kind}", post(prepare))
        .route("/v3/pay/transactions/out-trade-no/{number}", get(payment))
        .route("/v3/pay/transactions/out-trade-no/{number}/close", post(close))
        .route("/v3/pay/transactions/id/{number}", get(payment_by_its_own))
        .route("/v3/refund/domestic/refunds", post(refund))
        .route("/v3/refund/domestic/refunds/{number}", get(refund_state))
        .route("/v3/bill/tradebill", get(bill))
        .route("/v3/billdownload/file", get(download))
        .route("/v3/certificates", get(certificates))
        .layer(from_fn_with_state(here.clone(), answer))
        .with_state(here)
}

/// A request that is not the merchant's is refused; an answer is signed; and some get none that is of use.
async fn answer(State(here): State<Here>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, BODY_BYTES_MAX).await else { return StatusCode::PAYLOAD_TOO_LARGE.into_response() };
    if !here.desk.keys.knows(&parts, &body) {
        return problem(StatusCode::UNAUTHORIZED, "SIGN_ERROR", "the signature is wrong").into_response();
    }
    let is_file = parts.uri.path() == "/v3/billdownload/file";
    let fails = here.desk.happens(here.desk.nature.fail_percent);
    if fails && here.desk.happens(50) {
        return broken();
    }
    let response = next.run(Request::from_parts(parts, Body::from(body))).await;
    if fails {
        return broken();
    }
    let (mut parts, body) = response.into_parts();
    let Ok(body) = to_bytes(body, usize::MAX).await else { return broken() };
    if !is_file {
        let Ok(headers) = here.desk.keys.signed(&body, here.desk.clock.now()) else { return broken() };
        for (name, value) in headers {
            if let Ok(value) = value.parse() {
                parts.headers.insert(name, value);
            }
        }
    }
    Response::from_parts(parts, Body::from(body))
}

/// As from a proxy on the way: not signed.
fn broken() -> Response {
    problem(StatusCode::INTERNAL_SERVER_ERROR, "SYSTEM_ERROR", "try again").into_response()
}

type Problem = (StatusCode, Json<Value>);

fn problem(status: StatusCode, code: &str, message: &str) -> Problem {
    (status, Json(json!({"code": code, "message": message})))
}

fn refused(refused: Refused) -> Problem {
    let told = refused.to_string();
    match refused {
        Refused::NumberUsed => problem(StatusCode::FORBIDDEN, "OUT_TRADE_NO_USED", &told),
        Refused::Over => problem(StatusCode::BAD_REQUEST, "ORDER_CLOSED", &told),
        Refused::NoPayment => problem(StatusCode::NOT_FOUND, "RESOURCE_NOT_EXISTS", &told),
        Refused::TooMuch => problem(StatusCode::BAD_REQUEST, "PARAM_ERROR", &told),
        Refused::Database(error) => failed(&error),
    }
}

fn failed(error: &dyn std::fmt::Display) -> Problem {
    tracing::warn!(%error, "the simulated gateway's books are out of reach");
    problem(StatusCode::INTERNAL_SERVER_ERROR, "SYSTEM_ERROR", "try again")
}

fn lacking(what: &str) -> Problem {
    problem(StatusCode::BAD_REQUEST, "PARAM_ERROR", what)
}

fn text<'a>(json: &'a Value, name: &str) -> Result<&'a str, Problem> {
    json[name].as_str().filter(|text| !text.is_empty()).ok_or_else(|| lacking(name))
}

fn fen(json: &Value, name: &str) -> Result<i64, Problem> {
    let amount = &json["amount"];
    let fen = amount[name].as_i64().filter(|fen| *fen > 0 && amount["currency"] == "CNY");
    fen.ok_or_else(|| lacking("amount"))
}

async fn prepare(
    State(here): State<Here>,
    Path(kind): Path<String>,
    Json(asked): Json<Value>,
) -> Result<Json<Value>, Problem> {
    let trade_type = match kind.as_str() {
        "native" => "NATIVE",
        "h5" if asked["scene_info"]["payer_client_ip"].is_string()
            && asked["scene_info"]["h5_info"]["type"].is_string() =>
        {
            "MWEB"
        }
        _ => return Err(lacking("scene_info")),
    };
    if text(&asked, "appid")? != APPID || text(&asked, "mchid")? != MERCHANT_ID {
        return Err(lacking("appid, mchid"));
    }
    let now = here.desk.clock.now();
    let expires_at = text(&asked, "time_expire")?.parse::<DateTime<Utc>>().map_err(|_| lacking("time_expire"))?;
    let description = text(&asked, "description")?;
    if description.len() > 127 || expires_at <= now {
        return Err(lacking("description, time_expire"));
    }
    let new = NewPayment {
        out_trade_no: text(&asked, "out_trade_no")?.to_owned(),
        prepay_id: format!("{:032x}", rand::rng().random::<u128>()),
        trade_type,
        fen: fen(&asked, "total")?,
        description: description.to_owned(),
        notify_url: text(&asked, "notify_url")?.to_owned(),
        expires_at,
    };
    let mut db = here.desk.pool.acquire().await.map_err(|error| failed(&error))?;
    let payment = books::prepare(&mut db, &new, now).await.map_err(refused)?;
    let url = format!("{}/demo/pay/{}", here.desk.nature.pay_url, payment.prepay_id);
    Ok(Json(if trade_type == "NATIVE" { json!({"code_url": url}) } else { json!({"h5_url": url}) }))
}

async fn payment(State(here): State<Here>, Path(number): Path<String>) -> Result<Json<Value>, Problem> {
    let mut db = here.desk.pool.acquire().await.map_err(|error| failed(&error))?;
    told(books::payment(&mut db, &number).await)
}

async fn payment_by_its_own(
    State(here): State<Here>,
    Path(transaction_id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let mut db = here.desk.pool.acquire().await.map_err(|error| failed(&error))?;
    told(books::payment_by_its_own(&mut db, &transaction_id).await)
}

fn told(payment: Result<Option<Payment>, sqlx::Error>) -> Result<Json<Value>, Problem> {
    let payment = payment.map_err(|error| failed(&error))?;
    let payment = payment.ok_or_else(|| problem(StatusCode::NOT_FOUND, "ORDER_NOT_EXIST", "there is no such order"))?;
    Ok(Json(transaction(&payment)))
}

/// A payment as answers and callbacks tell it.
pub(super) fn transaction(payment: &Payment) -> Value {
    let state = match payment.state.as_str() {
        "SUCCESS" if payment.refunded_fen > 0 => "REFUND",
        state => state,
    };
    let mut json = json!({
        "appid": APPID, "mchid": MERCHANT_ID, "out_trade_no": payment.out_trade_no, "trade_type": payment.trade_type,
        "trade_state": state, "trade_state_desc": state,
    });
    if let Some(at) = payment.paid_at {
        json["transaction_id"] = json!(payment.transaction_id);
        json["bank_type"] = json!("OTHERS");
        json["success_time"] = json!(beijing(at));
        json["payer"] = json!({"openid": "demo"});
        json["amount"] =
            json!({"total": payment.fen, "payer_total": payment.fen, "currency": "CNY", "payer_currency": "CNY"});
    }
    json
}

async fn close(State(here): State<Here>, Path(number): Path<String>) -> Result<StatusCode, Problem> {
    let mut db = here.desk.pool.acquire().await.map_err(|error| failed(&error))?;
    books::close(&mut db, &number).await.map_err(refused)?;
    Ok(StatusCode::NO_CONTENT)
}

async fn refund(State(here): State<Here>, Json(asked): Json<Value>) -> Result<Json<Value>, Problem> {
    let named = |name| text(&asked, name).ok().map(str::to_owned);
    let now = here.desk.clock.now();
    let new = NewRefund {
        out_refund_no: text(&asked, "out_refund_no")?.to_owned(),
        out_trade_no: named("out_trade_no"),
        transaction_id: named("transaction_id"),
        fen: fen(&asked, "refund")?,
        total_fen: fen(&asked, "total")?,
        notify_url: text(&asked, "notify_url")?.to_owned(),
        arrives_at: now + here.desk.nature.refund_takes,
    };
    let refund = async {
        let mut tx = here.desk.pool.begin().await?;
        let refund = books::refund(&mut tx, &new, now).await?;
        tx.commit().await?;
        Ok(refund)
    };
    Ok(Json(refund_json(&refund.await.map_err(refused)?, "status")))
}

async fn refund_state(State(here): State<Here>, Path(number): Path<String>) -> Result<Json<Value>, Problem> {
    let mut db = here.desk.pool.acquire().await.map_err(|error| failed(&error))?;
    let refund = books::refund_state(&mut db, &number).await.map_err(|error| failed(&error))?;
    let refund =
        refund.ok_or_else(|| problem(StatusCode::NOT_FOUND, "RESOURCE_NOT_EXISTS", "there is no such refund"))?;
    Ok(Json(refund_json(&refund, "status")))
}

/// A refund as answers tell it, and callbacks, which call its state `refund_status`.
pub(super) fn refund_json(refund: &Refund, state: &str) -> Value {
    let mut json = json!({
        "refund_id": refund.refund_id, "out_refund_no": refund.out_refund_no, "transaction_id": refund.transaction_id,
        "out_trade_no": refund.out_trade_no, "channel": "ORIGINAL", "user_received_account": "支付用户零钱",
        "create_time": beijing(refund.created_at),
        "amount": {"total": refund.total_fen, "refund": refund.fen, "payer_total": refund.total_fen, "payer_refund": refund.fen, "currency": "CNY"},
    });
    json[state] = json!(refund.state);
    if refund.state == "SUCCESS" {
        json["success_time"] = json!(beijing(refund.arrives_at));
    }
    json
}

/// The statement of a day that is over.
async fn file(here: &Here, asked: &HashMap<String, String>) -> Result<String, Problem> {
    let day: NaiveDate = asked.get("bill_date").and_then(|day| day.parse().ok()).ok_or_else(|| lacking("bill_date"))?;
    let start = day.and_time(chrono::NaiveTime::MIN).and_utc() - TimeDelta::hours(8);
    let end = start + TimeDelta::days(1);
    if end > here.desk.clock.now() {
        return Err(problem(StatusCode::BAD_REQUEST, "NO_STATEMENT_EXIST", "the day is not over"));
    }
    let mut db = here.desk.pool.acquire().await.map_err(|error| failed(&error))?;
    let payments = books::paid_between(&mut db, start, end).await.map_err(|error| failed(&error))?;
    let refunds = books::arrived_between(&mut db, start, end).await.map_err(|error| failed(&error))?;
    if payments.is_empty() && refunds.is_empty() {
        return Err(problem(StatusCode::BAD_REQUEST, "NO_STATEMENT_EXIST", "nothing happened"));
    }
    Ok(statement::text(&payments, &refunds))
}

async fn bill(State(here): State<Here>, Query(asked): Query<HashMap<String, String>>) -> Result<Json<Value>, Problem> {
    let file = file(&here, &asked).await?;
    let hash = hex::encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, file.as_bytes()));
    let day = asked.get("bill_date").map(String::as_str).unwrap_or_default();
    let url = format!("{}/v3/billdownload/file?bill_date={day}", here.url);
    Ok(Json(json!({"hash_type": "SHA1", "hash_value": hash, "download_url": url})))
}

async fn download(State(here): State<Here>, Query(asked): Query<HashMap<String, String>>) -> Result<Response, Problem> {
    let file = file(&here, &asked).await?;
    Ok(([(CONTENT_TYPE, "text/plain")], file).into_response())
}

async fn certificates(State(here): State<Here>) -> Json<Value> {
    let now = here.desk.clock.now();
    let sealed = here.desk.keys.sealed(PLATFORM_CERTIFICATE, "certificate");
    let (from, until) = (beijing(now - TimeDelta::days(1)), beijing(now + TimeDelta::days(365)));
    Json(
        json!({"data": [{"serial_no": PLATFORM_SERIAL, "effective_time": from, "expire_time": until, "encrypt_certificate": sealed}]}),
    )
}

/// As the gateway writes times.
pub(super) fn beijing(at: DateTime<Utc>) -> String {
    let zone = FixedOffset::east_opt(8 * 3600).expect("eight hours east");
    at.with_timezone(&zone).to_rfc3339_opts(SecondsFormat::Secs, false)
}
