//! The operator's own proxies, which say for whom they ask: limits on attempts and the trail of the staff go by the browser's
//! address, not by theirs.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::extract::{ConnectInfo, Request};
use axum::http::{HeaderMap, HeaderName};
use axum::middleware::{Next, from_fn};
use ipnet::IpNet;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Hops that are looked at: a longer list is somebody's invention.
const HOPS_MAX: usize = 16;

/// Has every request say where it really came from, as far as the proxies of these networks can be believed.
pub fn behind(proxies: Vec<IpNet>, router: Router) -> Router {
    if proxies.is_empty() {
        return router;
    }
    let proxies: Arc<[IpNet]> = proxies.into();
    router.layer(from_fn(move |mut request: Request, next: Next| {
        let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0);
        if let Some(peer) = peer {
            let from = origin(&proxies, peer.ip(), request.headers());
            request.extensions_mut().insert(ConnectInfo(SocketAddr::new(from, peer.port())));
        }
        next.run(request)
    }))
}

/// Each proxy adds the address that it was asked from at the end. So the last one that is none of ours is where the request
/// came from, and what stands before it is only what somebody said.
fn origin(proxies: &[IpNet], peer: IpAddr, headers: &HeaderMap) -> IpAddr {
    let is_proxy = |address: IpAddr| proxies.iter().any(|network| network.contains(&address));
    let mut from = peer.to_canonical();
    let said = headers.get_all(FORWARDED_FOR).iter().filter_map(|value| value.to_str().ok());
    let hops: Vec<&str> = said.flat_map(|value| value.split(',')).map(str::trim).collect();
    for hop in hops.iter().rev().take(HOPS_MAX) {
        if !is_proxy(from) {
            break;
        }
        let Some(address) = address(hop) else { break };
        from = address.to_canonical();
    }
    from
}

/// Some proxies add the port.
fn address(hop: &str) -> Option<IpAddr> {
    let bare = hop.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(hop);
    bare.parse().ok().or_else(|| hop.parse::<SocketAddr>().ok().map(|address| address.ip()))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn from(peer: &str, said: &[&'static str]) -> String {
        let proxies = ["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()];
        let mut headers = HeaderMap::new();
        for value in said {
            headers.append(FORWARDED_FOR, HeaderValue::from_static(value));
        }
        origin(&proxies, peer.parse().unwrap(), &headers).to_string()
    }

    #[test]
    fn a_proxy_of_ours_is_believed_and_nobody_else() {
        assert_eq!(from("10.0.0.1", &["203.0.113.7"]), "203.0.113.7");
        assert_eq!(from("203.0.113.9", &["203.0.113.7"]), "203.0.113.9", "not through a proxy");
        assert_eq!(from("::ffff:10.0.0.1", &["203.0.113.7"]), "203.0.113.7", "as it arrives on a socket for both");
        assert_eq!(from("fd00::1", &["[2001:db8::1]:443"]), "2001:db8::1");
    }

    #[test]
    fn what_a_browser_invents_counts_for_nothing() {
        assert_eq!(from("10.0.0.1", &["1.2.3.4, 203.0.113.7"]), "203.0.113.7");
        assert_eq!(from("10.0.0.1", &["1.2.3.4", "203.0.113.7, 10.0.0.2"]), "203.0.113.7", "through two proxies");
        assert_eq!(from("10.0.0.1", &["1.2.3.4, nonsense"]), "10.0.0.1");
        assert_eq!(from("10.0.0.1", &[]), "10.0.0.1");
        assert_eq!(from("10.0.0.1", &["203.0.113.7:50123"]), "203.0.113.7");
    }
}
