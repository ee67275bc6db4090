//! Messages to other programs: network functions, the call-out service, the payment gateway. Without TLS they are sent by HTTP/2 known beforehand, as TS 29.500, clause 5.2.1,
//! asks for, and again by HTTP/1.1 to whoever does not understand that; with TLS, by what both ends agree on. Redirects
//! and proxies are not followed, so that a message goes where its receiver said and nowhere else.

use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::http::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use axum::http::uri::Scheme;
use axum::http::{Request, Response, StatusCode, Uri};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{Builder, Client, Error};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::{ClientConfig, RootCertStore};
use serde::Deserialize;

/// The longest that an answer may take, connecting included.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(5);
const CONNECT_TIME_MAX: Duration = Duration::from_secs(2);
/// A connection that is not used is closed after so long.
const IDLE_TIME_MAX: Duration = Duration::from_mins(1);
/// How often an HTTP/2 connection is tried while an answer is waited for.
const ALIVE_EVERY: Duration = Duration::from_secs(10);
/// The longest answer that is read, in bytes.
const ANSWER_BYTES_MAX: usize = 16 * 1024;
/// Connections by HTTP/1.1 that are kept open for each network function.
const IDLE_PER_HOST_MAX: usize = 4;

/// Sends messages, over connections that are kept.
#[derive(Clone, Debug)]
pub struct Peers {
    http2: Client<HttpConnector, Body>,
    other: Client<HttpsConnector<HttpConnector>, Body>,
}

/// What a network function answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    pub status: StatusCode,
    /// Of its `ProblemDetails`, where it sent any.
    pub cause: Option<String>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum NoReply {
    #[error("no answer in {} seconds", ANSWER_TIME_MAX.as_secs())]
    TooLate,
    #[error("{}", chain(.0))]
    NotSent(#[source] Error),
    #[error("neither by HTTP/2 ({}) nor by HTTP/1.1 ({})", chain(.http2), chain(.http1))]
    NotUnderstood { http2: Error, http1: Error },
    #[error("the message cannot be put into a request: {0}")]
    Malformed(#[from] http::Error),
}

#[derive(Deserialize)]
struct ProblemDetails {
    cause: Option<String>,
}

/// TLS for those whom this machine trusts: by the file of `SSL_CERT_FILE`, else by the system's certificates.
///
/// # Errors
/// When TLS cannot be set up.
pub fn trusting_what_this_machine_does() -> Result<ClientConfig, rustls::Error> {
    let mut roots = RootCertStore::empty();
    // Where there are none, only what has no TLS can be reached, and an attempt says why.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let provider = rustls::crypto::ring::default_provider();
    Ok(ClientConfig::builder_with_provider(provider.into())
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth())
}

impl Peers {
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn new() -> Result<Self, rustls::Error> {
        let tls = trusting_what_this_machine_does()?;
        let any = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_all_versions();
        Ok(Self {
            http2: client().http2_only(true).build(connector(true)),
            other: client().build(any.wrap_connector(connector(false))),
        })
    }

    /// Posts JSON, with these headers besides.
    ///
    /// # Errors
    /// When no answer came.
    pub async fn post(&self, uri: &str, headers: &HeaderMap, json: &Bytes) -> Result<Reply, NoReply> {
        let uri: Uri = uri.parse().map_err(http::Error::from)?;
        let answered = tokio::time::timeout(ANSWER_TIME_MAX, async {
            let response = self.send(&uri, headers, json).await?;
            let status = response.status();
            // The status counts; what cannot be read of the rest is as if it were not there.
            let body = to_bytes(response.into_body(), ANSWER_BYTES_MAX).await.unwrap_or_default();
            let cause = serde_json::from_slice(&body).ok().and_then(|ProblemDetails { cause }| cause);
            Ok(Reply { status, cause })
        });
        answered.await.unwrap_or(Err(NoReply::TooLate))
    }

    /// Sends a request as it is, and waits for its answer as long as it takes.
    ///
    /// # Errors
    /// When none came.
    pub async fn ask(&self, request: Request<Body>) -> Result<Response<Body>, NoReply> {
        self.other.request(request).await.map(|response| response.map(Body::new)).map_err(NoReply::NotSent)
    }

    async fn send(&self, uri: &Uri, headers: &HeaderMap, json: &Bytes) -> Result<Response<Body>, NoReply> {
        let request = || {
            let mut request = Request::post(uri).body(Body::from(json.clone()))?;
            request.headers_mut().extend(headers.clone());
            request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            Ok::<_, http::Error>(request)
        };
        if uri.scheme() == Some(&Scheme::HTTPS) {
            return self
                .other
                .request(request()?)
                .await
                .map(|response| response.map(Body::new))
                .map_err(NoReply::NotSent);
        }
        match self.http2.request(request()?).await {
            Err(http2) if !http2.is_connect() => {
                let answered = self.other.request(request()?).await;
                answered
                    .map(|response| response.map(Body::new))
                    .map_err(|http1| NoReply::NotUnderstood { http2, http1 })
            }
            answered => answered.map(|response| response.map(Body::new)).map_err(NoReply::NotSent),
        }
    }
}

fn client() -> Builder {
    let mut builder = Client::builder(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE_TIME_MAX)
        .pool_max_idle_per_host(IDLE_PER_HOST_MAX)
        .http2_keep_alive_interval(ALIVE_EVERY)
        .http2_keep_alive_timeout(ANSWER_TIME_MAX);
    builder
}

fn connector(http_only: bool) -> HttpConnector {
    let mut connector = HttpConnector::new();
    connector.enforce_http(http_only);
    connector.set_nodelay(true);
    connector.set_connect_timeout(Some(CONNECT_TIME_MAX));
    connector
}

/// An error with its causes: what went wrong is in the last.
fn chain(error: &Error) -> String {
    let causes = std::iter::successors(Some(error as &dyn std::error::Error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use axum::Router;
    use axum::http::Version;
    use axum::http::header::LOCATION;
    use axum::routing::{any, post};
    use tokio::io::AsyncWriteExt as _;
    use tokio::net::TcpListener;

    use super::*;

    async fn listening(router: Router) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        address
    }

    async fn posted(address: SocketAddr, path: &str) -> Result<Reply, NoReply> {
        let uri = format!("http://{address}{path}");
        Peers::new().unwrap().post(&uri, &HeaderMap::new(), &Bytes::from_static(b"{}")).await
    }

    #[tokio::test]
    async fn an_answer_is_status_and_cause() {
        let redirected = Arc::new(AtomicUsize::new(0));
        let count = redirected.clone();
        let elsewhere = any(async move || count.fetch_add(1, Ordering::Relaxed).to_string());
        let problem =
            |length: usize| format!(r#"{{"cause": "CONTEXT_NOT_FOUND", "detail": "{}"}}"#, "a".repeat(length));
        let router = Router::new()
            .route("/version", post(async |version: Version| assert_eq!(version, Version::HTTP_2)))
            .route("/unknown", post(async move || (StatusCode::NOT_FOUND, problem(9))))
            .route("/long", post(async move || (StatusCode::NOT_FOUND, problem(ANSWER_BYTES_MAX))))
            .route("/moved", post(async || (StatusCode::TEMPORARY_REDIRECT, [(LOCATION, "/elsewhere")])))
            .route("/elsewhere", elsewhere);
        let address = listening(router).await;
        let reply = |status, cause: Option<&str>| Reply { status, cause: cause.map(str::to_owned) };
        assert_eq!(posted(address, "/version").await.unwrap(), reply(StatusCode::OK, None));
        let unknown = reply(StatusCode::NOT_FOUND, Some("CONTEXT_NOT_FOUND"));
        assert_eq!(posted(address, "/unknown").await.unwrap(), unknown);
        assert_eq!(posted(address, "/long").await.unwrap(), reply(StatusCode::NOT_FOUND, None));
        assert_eq!(posted(address, "/moved").await.unwrap(), reply(StatusCode::TEMPORARY_REDIRECT, None));
        assert_eq!(redirected.load(Ordering::Relaxed), 0, "a redirect is not followed");
    }

    #[tokio::test]
    async fn without_an_answer_it_is_told_why() {
        let slow = listening(Router::new().route("/", post(async || std::future::pending::<()>().await))).await;
        assert!(matches!(posted(slow, "/").await, Err(NoReply::TooLate)));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let garbage = tokio::spawn(async move {
            for _ in 0..2 {
                let (mut stream, _) = listener.accept().await.unwrap();
                stream.write_all(b"220 mail.example ESMTP\r\n").await.unwrap();
                // Closes in order: what was sent to it is read.
                tokio::io::copy(&mut stream, &mut tokio::io::sink()).await.ok();
            }
        });
        let error = posted(address, "/").await.unwrap_err();
        assert!(matches!(error, NoReply::NotUnderstood { .. }), "{error}");
        garbage.abort();
        garbage.await.ok();
        let error = posted(address, "/").await.unwrap_err();
        assert!(matches!(error, NoReply::NotSent(_)), "{error}");
        assert!(error.to_string().contains("refused"), "{error}");
    }
}
