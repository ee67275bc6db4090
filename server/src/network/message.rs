//! What requests of network functions have in common.

use axum::http::header::{CONTENT_TYPE, HOST};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, StatusCode, Uri};
use charging::subscriber::Msisdn;
use serde::de::DeserializeOwned;

use super::problem::Problem;

pub const MISSING: &str = "MANDATORY_IE_MISSING";
pub const INCORRECT: &str = "OPTIONAL_IE_INCORRECT";

/// # Errors
/// 415 for anything but JSON; 400 with the attribute that is missing or wrong.
pub fn read<T: DeserializeOwned>(headers: &HeaderMap, body: &[u8]) -> Result<T, Problem> {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if !kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json") {
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "the body must be application/json"));
    }
    let mut json = serde_json::Deserializer::from_slice(body);
    let request = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let reason = error.inner().to_string();
        let cause = match error.inner().classify() {
            serde_json::error::Category::Data if reason.starts_with("missing field") => MISSING,
            serde_json::error::Category::Data => "MANDATORY_IE_INCORRECT",
            _ => "INVALID_MSG_FORMAT",
        };
        let pointer = error.path().to_string().replace('[', ".").replace(']', "").replace('.', "/");
        Problem::invalid(cause, format!("/{}", pointer.trim_start_matches('/')), reason)
    })?;
    let rest = json.end().map(|()| request);
    rest.map_err(|error| Problem::invalid("INVALID_MSG_FORMAT", "/", error.to_string()))
}

/// Scheme and host that a request came to, for the addresses in its answer.
pub fn root(uri: &Uri, headers: &HeaderMap, public_url: &str) -> String {
    // HTTP/2 has the host in the request's target.
    let host = uri.authority().map(Authority::as_str);
    let host = host.or_else(|| headers.get(HOST).and_then(|host| host.to_str().ok()));
    host.map_or_else(|| public_url.to_owned(), |host| format!("http://{host}"))
}

/// Why an identifier names no subscriber.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotHere {
    /// It is no number; numbers alone are known.
    NoNumber,
    /// It is a number of another numbering plan, which nobody here has.
    OtherNumber,
}

/// The number in a GPSI, such as `msisdn-8613800000001`.
pub fn msisdn(identifier: &str) -> Result<Msisdn, NotHere> {
    let number = identifier.strip_prefix("msisdn-").ok_or(NotHere::NoNumber)?;
    let national = number.strip_prefix("86").filter(|rest| rest.len() == 11).unwrap_or(number);
    national.parse().map_err(|_| NotHere::OtherNumber)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_with_and_without_the_code_of_the_country() {
        for identifier in ["msisdn-8613800000001", "msisdn-13800000001"] {
            assert_eq!(msisdn(identifier).unwrap().as_str(), "13800000001");
        }
        assert_eq!(msisdn("msisdn-4915112345678"), Err(NotHere::OtherNumber));
        assert_eq!(msisdn("extid-a@b"), Err(NotHere::NoNumber));
    }
}
