//! 微信支付 `APIv3`: the wire format of the gateway. Field names are those of its documentation.
//!
//! Requests are signed by the merchant's key, answers and callbacks by the platform's; whatever is not is as if it had not
//! come. What a callback says is sealed besides, with a key that the two share.

mod amount;
mod keys;
mod messages;
mod notify;
mod seal;
mod sign;
mod statement;

pub use amount::{NotFen, from_fen, to_fen};
pub(super) use messages::excerpt;
pub use notify::NotTaken;
pub use seal::{ApiKey, InvalidApiKey};
pub use sign::{InvalidKey, Merchant, NotSigned, PlatformKey};

use std::time::Duration;

use async_trait::async_trait;
use axum::body::{Body, Bytes, to_bytes};
use charging::clock::SharedClock;
use chrono::{FixedOffset, NaiveDate, SecondsFormat};
use futures::StreamExt as _;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, USER_AGENT};
use http::{Method, Request, Response, StatusCode};
use rand::Rng as _;
use ring::digest::{Context, SHA1_FOR_LEGACY_USE_ONLY};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};

use self::keys::PlatformKeys;
use self::messages::{
    BillPlace, CloseRequest, H5Info, PrepareRequest, Prepared, Problem, RefundAnswer, RefundRequest, RefundTotal,
    SceneInfo, Total, Transaction, YUAN,
};
use self::sign::SERIAL;
use super::{Gateway, GatewayError, NewPayment, NewRefund, Original, PaymentState, Refund, Statement, Way};
use crate::peers::Peers;

/// The longest that an answer may take.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(10);
/// The longest that a statement may take.
const STATEMENT_TIME_MAX: Duration = Duration::from_mins(10);
/// The longest answer that is read, in bytes.
const ANSWER_BYTES_MAX: usize = 256 * 1024;
/// The longest description and reason, in characters: the gateway counts bytes, at most 127 and 80, and a character has up to 4.
const DESCRIPTION_CHARS_MAX: usize = 31;
const REASON_CHARS_MAX: usize = 20;
/// Of Beijing, by which the gateway writes times.
const SECONDS_EAST: i32 = 8 * 3600;

/// Who we are to the gateway, and where it is.
#[derive(Debug)]
pub struct Account {
    pub merchant: Merchant,
    /// Of the official account that the merchant is bound to.
    pub appid: String,
    pub api_key: ApiKey,
    /// 微信支付公钥 with its id; `None`: platform certificates are downloaded.
    pub platform_key: Option<(String, PlatformKey)>,
    /// Scheme and host, without a slash after them.
    pub url: String,
}

/// The gateway as a merchant sees it.
#[derive(Debug)]
pub struct WechatPay {
    account: Account,
    /// Where its callbacks come to.
    notify_url: String,
    keys: PlatformKeys,
    peers: Peers,
    clock: SharedClock,
}

impl WechatPay {
    /// # Errors
    /// When TLS cannot be set up.
    pub fn new(account: Account, notify_url: String, clock: SharedClock) -> Result<Self, rustls::Error> {
        let keys = PlatformKeys::new(account.platform_key.clone());
        Ok(Self { account, notify_url, keys, peers: Peers::new()?, clock })
    }

    /// Asks, and believes no answer that the platform did not sign.
    async fn ask<A: DeserializeOwned>(
        &self,
        method: Method,
        url: &str,
        body: Option<&(impl Serialize + Sync)>,
    ) -> Result<A, GatewayError> {
        let body = self.ask_for_bytes(method, url, body).await?;
        serde_json::from_slice(&body).map_err(|error| GatewayError::Unreadable(error.to_string()))
    }

    async fn ask_for_bytes(
        &self,
        method: Method,
        url: &str,
        body: Option<&(impl Serialize + Sync)>,
    ) -> Result<Bytes, GatewayError> {
        let body = body.map(serde_json::to_vec).transpose();
        let body = body.map_err(|error| GatewayError::NotAsked(error.to_string()))?.unwrap_or_default();
        let (status, headers, answer) = self.exchange(method, url, body).await?;
        let verified = self.verify(&headers, &answer).await;
        if status.is_success() {
            verified?;
            return Ok(answer);
        }
        let Problem { code, message } = serde_json::from_slice(&answer).unwrap_or_default();
        let (code, message) = (excerpt(&code), excerpt(&message));
        // What somebody between us and the gateway says ends nothing.
        if verified.is_ok() && is_refusal(status, &code) {
            let is_final = FINAL.contains(&code.as_str());
            return Err(GatewayError::Refused { status: status.as_u16(), code, message, is_final });
        }
        Err(GatewayError::NotNow { status: status.as_u16(), code, message })
    }

    /// Sends a signed request, and reads what comes, whoever it is from.
    async fn exchange(
        &self,
        method: Method,
        url: &str,
        body: Vec<u8>,
    ) -> Result<(StatusCode, HeaderMap, Bytes), GatewayError> {
        let request = self.request(method, url, body)?;
        let answered = tokio::time::timeout(ANSWER_TIME_MAX, async {
            let response = self.send(request).await?;
            let (parts, body) = response.into_parts();
            let body = to_bytes(body, ANSWER_BYTES_MAX).await.map_err(|error| no_answer(&error))?;
            Ok((parts.status, parts.headers, body))
        });
        answered.await.unwrap_or_else(|late| Err(no_answer(&late)))
    }

    async fn send(&self, request: Request<Body>) -> Result<Response<Body>, GatewayError> {
        self.peers.ask(request).await.map_err(|error| no_answer(&error))
    }

    fn request(&self, method: Method, url: &str, body: Vec<u8>) -> Result<Request<Body>, GatewayError> {
        let not_asked = |error: &dyn std::error::Error| GatewayError::NotAsked(error.to_string());
        let nonce = format!("{:032X}", rand::rng().random::<u128>());
        let merchant = &self.account.merchant;
        let authorization = merchant
            .authorization(&method, url, &body, &nonce, self.clock.now())
            .map_err(|_| GatewayError::NotAsked("the merchant's key does not sign".to_owned()))?;
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{url}", self.account.url))
            .header(AUTHORIZATION, authorization)
            .header(ACCEPT, "application/json")
            .header(USER_AGENT, concat!("Mingbai/", env!("CARGO_PKG_VERSION")));
        if !body.is_empty() {
            request = request.header(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        if let Some((id, _)) = &self.account.platform_key {
            request = request.header(SERIAL, id);
        }
        request.body(Body::from(body)).map_err(|error| not_asked(&error))
    }

    async fn download(&self, place: &BillPlace) -> Result<Statement, GatewayError> {
        let unreadable = |error: &dyn std::error::Error| GatewayError::Unreadable(format!("statement: {error}"));
        let url: http::Uri = place.download_url.parse().map_err(|error: http::uri::InvalidUri| unreadable(&error))?;
        // From the gateway itself and nowhere else, whatever the address names: our signature goes with it.
        let path = url.path_and_query().map_or("/", |path| path.as_str());
        let response = self.send(self.request(Method::GET, path, Vec::new())?).await?;
        if !response.status().is_success() {
            let (status, code) = (response.status().as_u16(), "statement".to_owned());
            return Err(GatewayError::NotNow { status, code, message: "it is not handed out".to_owned() });
        }
        let mut announced = Context::new(&SHA1_FOR_LEGACY_USE_ONLY);
        let mut digest = Sha256::new();
        let mut reader = statement::Reader::default();
        let mut pieces = response.into_body().into_data_stream();
        while let Some(piece) = pieces.next().await {
            let piece = piece.map_err(|error| no_answer(&error))?;
            announced.update(&piece);
            digest.update(&piece);
            reader.take(&piece).map_err(|error| unreadable(&error))?;
        }
        // The file itself is not signed: its digest is, with the answer that named it.
        if place.hash_type != "SHA1" || !hex::encode(announced.finish()).eq_ignore_ascii_case(&place.hash_value) {
            return Err(GatewayError::Unreadable("the statement is not the one that was announced".to_owned()));
        }
        let (lines, unreadable) = reader.end().map_err(|error| unreadable(&error))?;
        Ok(Statement { digest: digest.finalize().into(), lines, unreadable })
    }
}

#[async_trait]
impl Gateway for WechatPay {
    async fn prepare(&self, payment: &NewPayment<'_>) -> Result<String, GatewayError> {
        let (url, scene_info) = match payment.way {
            Way::Code => ("/v3/pay/transactions/native", None),
            Way::Link { payer } => {
                let scene = SceneInfo { payer_client_ip: payer.to_string(), h5_info: H5Info { kind: "Wap" } };
                ("/v3/pay/transactions/h5", Some(scene))
            }
        };
        let beijing = FixedOffset::east_opt(SECONDS_EAST).map(|zone| payment.expires_at.with_timezone(&zone));
        let request = PrepareRequest {
            appid: &self.account.appid,
            mchid: &self.account.merchant.id,
            description: &first_chars(payment.description, DESCRIPTION_CHARS_MAX),
            out_trade_no: payment.number,
            time_expire: beijing.map(|at| at.to_rfc3339_opts(SecondsFormat::Secs, false)).unwrap_or_default(),
            notify_url: &self.notify_url,
            amount: Total { total: to_fen(payment.amount)?, currency: YUAN },
            scene_info,
        };
        let Prepared { code_url, h5_url } = self.ask(Method::POST, url, Some(&request)).await?;
        code_url.or(h5_url).ok_or_else(|| GatewayError::Unreadable("neither code_url nor h5_url".to_owned()))
    }

    async fn payment(&self, number: &str) -> Result<Option<PaymentState>, GatewayError> {
        let url = format!("/v3/pay/transactions/out-trade-no/{number}?mchid={}", self.account.merchant.id);
        let Some(transaction) = found(self.ask::<Transaction>(Method::GET, &url, NOTHING).await)? else {
            return Ok(None);
        };
        require_number(&transaction.out_trade_no, number)?;
        transaction.state(&self.account.merchant.id).map(Some)
    }

    async fn payment_of_theirs(&self, gateway_number: &str) -> Result<Option<PaymentState>, GatewayError> {
        let url = format!("/v3/pay/transactions/id/{gateway_number}?mchid={}", self.account.merchant.id);
        let Some(transaction) = found(self.ask::<Transaction>(Method::GET, &url, NOTHING).await)? else {
            return Ok(None);
        };
        require_number(transaction.transaction_id.as_deref().unwrap_or_default(), gateway_number)?;
        transaction.state(&self.account.merchant.id).map(Some)
    }

    async fn close(&self, number: &str) -> Result<(), GatewayError> {
        let url = format!("/v3/pay/transactions/out-trade-no/{number}/close");
        let request = CloseRequest { mchid: &self.account.merchant.id };
        self.ask_for_bytes(Method::POST, &url, Some(&request)).await?;
        Ok(())
    }

    async fn refund(&self, refund: &NewRefund<'_>) -> Result<Refund, GatewayError> {
        let (out_trade_no, transaction_id) = match refund.of {
            Original::Ours(number) => (Some(number), None),
            Original::Theirs(number) => (None, Some(number)),
        };
        let request = RefundRequest {
            out_trade_no,
            transaction_id,
            out_refund_no: refund.number,
            reason: &first_chars(refund.reason, REASON_CHARS_MAX),
            notify_url: &self.notify_url,
            amount: RefundTotal { refund: to_fen(refund.amount)?, total: to_fen(refund.paid)?, currency: YUAN },
        };
        let answer: RefundAnswer = self.ask(Method::POST, "/v3/refund/domestic/refunds", Some(&request)).await?;
        require_number(&answer.out_refund_no, refund.number)?;
        answer.refund()
    }

    async fn refund_state(&self, number: &str) -> Result<Option<Refund>, GatewayError> {
        let url = format!("/v3/refund/domestic/refunds/{number}");
        let Some(answer) = found(self.ask::<RefundAnswer>(Method::GET, &url, NOTHING).await)? else { return Ok(None) };
        require_number(&answer.out_refund_no, number)?;
        answer.refund().map(Some)
    }

    async fn statement(&self, day: NaiveDate) -> Result<Option<Statement>, GatewayError> {
        let url = format!("/v3/bill/tradebill?bill_date={day}&bill_type=ALL");
        let place: BillPlace = match self.ask(Method::GET, &url, NOTHING).await {
            Err(GatewayError::Refused { code, .. }) if code == "NO_STATEMENT_EXIST" => {
                let digest = Sha256::digest([]).into();
                return Ok(Some(Statement { digest, lines: Vec::new(), unreadable: Vec::new() }));
            }
            Err(GatewayError::Refused { code, .. }) if code == "STATEMENT_CREATING" => return Ok(None),
            answer => answer?,
        };
        let downloaded = tokio::time::timeout(STATEMENT_TIME_MAX, self.download(&place));
        downloaded.await.unwrap_or_else(|late| Err(no_answer(&late))).map(Some)
    }
}

const NOTHING: Option<&()> = None;

/// What cannot be done, now or later: the account of who paid is closed, or our number of a payment is used up.
const FINAL: [&str; 3] = ["USER_ACCOUNT_ABNORMAL", "OUT_TRADE_NO_USED", "ORDER_CLOSED"];
/// The gateway knows nothing of what it was asked about. That the merchant is unknown is another matter, with the same status.
const UNKNOWN: [&str; 3] = ["RESOURCE_NOT_EXISTS", "ORDER_NOT_EXIST", "REFUND_NOT_EXISTS"];

/// Whether the gateway says that it does not do this, and says so of this alone. What may be put right (our signature, our
/// account's funds, how often we ask, its own faults) is none.
fn is_refusal(status: StatusCode, code: &str) -> bool {
    let passes = ["SIGN_ERROR", "NO_AUTH", "NOT_ENOUGH", "FREQUENCY_LIMITED", "RATELIMIT_EXCEEDED", "SYSTEM_ERROR"];
    let refuses = matches!(status, StatusCode::BAD_REQUEST | StatusCode::FORBIDDEN | StatusCode::NOT_FOUND);
    refuses && !code.is_empty() && !passes.contains(&code)
}

/// `None` where the gateway knows nothing of what it was asked about.
fn found<A>(answer: Result<A, GatewayError>) -> Result<Option<A>, GatewayError> {
    match answer {
        Err(GatewayError::Refused { code, .. }) if UNKNOWN.contains(&code.as_str()) => Ok(None),
        answer => answer.map(Some),
    }
}

fn require_number(answered: &str, asked: &str) -> Result<(), GatewayError> {
    let is_it = answered == asked;
    is_it.then_some(()).ok_or_else(|| GatewayError::Unreadable("it is the answer about another number".to_owned()))
}

fn no_answer(error: &dyn std::error::Error) -> GatewayError {
    GatewayError::NoAnswer(error.to_string())
}

fn first_chars(text: &str, count: usize) -> String {
    text.chars().take(count).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_pass_is_no_refusal() {
        for (status, code, expected) in [
            (400, "PARAM_ERROR", true),
            (403, "USER_ACCOUNT_ABNORMAL", true),
            (404, "RESOURCE_NOT_EXISTS", true),
            (403, "NOT_ENOUGH", false),
            (401, "SIGN_ERROR", false),
            (429, "FREQUENCY_LIMITED", false),
            (500, "SYSTEM_ERROR", false),
            (400, "", false),
        ] {
            assert_eq!(is_refusal(StatusCode::from_u16(status).unwrap(), code), expected, "{status} {code}");
        }
    }

    #[test]
    fn an_unknown_merchant_is_not_an_unknown_number() {
        let refused = |code: &str| {
            let (code, message) = (code.to_owned(), String::new());
            found(Err::<(), _>(GatewayError::Refused { status: 404, code, message, is_final: false }))
        };
        assert!(matches!(refused("RESOURCE_NOT_EXISTS"), Ok(None)));
        assert!(matches!(refused("ORDER_NOT_EXIST"), Ok(None)));
        assert!(matches!(refused("MCH_NOT_EXISTS"), Err(GatewayError::Refused { .. })));
    }
}
