//! Who may use the interfaces of the network: whoever has the token, or, where none is set, programs on this machine that
//! ask by themselves: what a proxy or a browser sends comes from somewhere else.

use std::net::SocketAddr;

use axum::extract::{ConnectInfo, Request, State};
use axum::http::header::{AUTHORIZATION, FORWARDED, HeaderName, ORIGIN, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use sha2::{Digest as _, Sha256};

use super::problem::{self, Problem};

/// What proxies and browsers add to a request.
const RELAYED: [HeaderName; 5] = [
    FORWARDED,
    HeaderName::from_static("x-forwarded-for"),
    HeaderName::from_static("x-forwarded-host"),
    HeaderName::from_static("x-real-ip"),
    ORIGIN,
];

/// How network functions prove who they are.
#[derive(Clone, Debug)]
pub enum Access {
    /// They are on this machine.
    Loopback,
    /// Nobody can, because a proxy stands before the portal and there is no token.
    Nobody,
    /// They send `Authorization: Bearer` with the token of this SHA-256 digest.
    Token([u8; 32]),
}

impl Access {
    /// By token where there is one that is not empty; `behind_proxy`: requests from this machine may be anybody's.
    pub fn new(token: Option<&str>, behind_proxy: bool) -> Self {
        match token.filter(|token| !token.is_empty()) {
            Some(token) => Self::Token(Sha256::digest(token).into()),
            None if behind_proxy => Self::Nobody,
            None => Self::Loopback,
        }
    }

    /// Digests are compared, so that the time it takes tells nothing of the token.
    fn admits(&self, request: &Request) -> bool {
        match self {
            Self::Nobody => false,
            Self::Loopback if RELAYED.iter().any(|name| request.headers().contains_key(name)) => false,
            Self::Loopback => {
                let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
                peer.is_some_and(|ConnectInfo(peer)| peer.ip().to_canonical().is_loopback())
            }
            Self::Token(digest) => {
                let header = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
                let token = header.and_then(|value| value.strip_prefix("Bearer "));
                token.is_some_and(|token| Sha256::digest(token)[..] == digest[..])
            }
        }
    }
}

/// Lets in who may ask; errors that no handler made are told as handlers tell them.
pub(super) async fn admit(State(access): State<Access>, request: Request, next: Next) -> Response {
    if access.admits(&request) {
        return problem::describe(next.run(request).await);
    }
    let (status, detail) = match access {
        Access::Nobody => (StatusCode::FORBIDDEN, "no token is configured: set MINGBAI_NETWORK_TOKEN"),
        Access::Loopback => (StatusCode::FORBIDDEN, "only programs on this machine may ask: no token is configured"),
        Access::Token(_) => (StatusCode::UNAUTHORIZED, "send the token of the network: `Authorization: Bearer …`"),
    };
    let mut response = Problem::new(status, detail).into_response();
    if status == StatusCode::UNAUTHORIZED {
        response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}
