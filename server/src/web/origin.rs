//! Requests that change something must come from our own pages: what another site makes a browser send is refused.

use axum::extract::Request;
use axum::http::header::{HOST, HeaderMap, HeaderName, ORIGIN, REFERER};
use axum::http::uri::Authority;
use axum::http::{Method, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Answers 403 to a request of another site, unless its method only reads.
pub async fn refuse_cross_site(request: Request, next: Next) -> Response {
    let reads = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    if reads || is_own(request.headers(), request.uri()) {
        return next.run(request).await;
    }
    (StatusCode::FORBIDDEN, "this request came from another site\n").into_response()
}

/// Browsers say where a request comes from; what says nothing is no browser, and carries nobody's cookie by accident.
fn is_own(headers: &HeaderMap, uri: &Uri) -> bool {
    if let Some(site) = headers.get(SEC_FETCH_SITE) {
        return site == "same-origin" || site == "none";
    }
    let Some(from) = headers.get(ORIGIN).or_else(|| headers.get(REFERER)) else { return true };
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).or_else(|| uri.authority().map(Authority::as_str));
    let from = from.to_str().ok().and_then(|from| from.parse::<Uri>().ok());
    match (from.as_ref().and_then(Uri::authority), host) {
        (Some(from), Some(host)) => from.as_str().eq_ignore_ascii_case(host),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn own(headers: &[(&'static str, &'static str)]) -> bool {
        let mut map = HeaderMap::from_iter([(HOST, HeaderValue::from_static("mingbai.example:3000"))]);
        for (name, value) in headers {
            map.insert(*name, HeaderValue::from_static(value));
        }
        is_own(&map, &Uri::from_static("/api/order"))
    }

    #[test]
    fn what_comes_from_our_own_pages_is_taken() {
        assert!(own(&[("sec-fetch-site", "same-origin"), ("origin", "https://mingbai.example:3000")]));
        assert!(own(&[("sec-fetch-site", "none")]));
        assert!(own(&[("origin", "http://mingbai.example:3000")]));
        assert!(own(&[("referer", "http://Mingbai.example:3000/me/cap")]));
        assert!(own(&[]));
    }

    #[test]
    fn what_comes_from_elsewhere_is_refused() {
        assert!(!own(&[("sec-fetch-site", "cross-site"), ("origin", "https://mingbai.example:3000")]));
        assert!(!own(&[("sec-fetch-site", "same-site")]));
        assert!(!own(&[("origin", "https://evil.example")]));
        assert!(!own(&[("origin", "https://mingbai.example:3001")]));
        assert!(!own(&[("origin", "null")]));
        assert!(!own(&[("referer", "https://evil.example/mingbai.example:3000")]));
    }
}
