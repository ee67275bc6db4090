//! Signed messages as Standard Webhooks describes them: HMAC-SHA256 over id, time and body, in three headers.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, TimeDelta, Utc};
use http::header::{HeaderMap, HeaderName, HeaderValue};
use ring::hmac;

const ID: HeaderName = HeaderName::from_static("webhook-id");
const TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
const SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");
/// What a symmetric secret begins with.
const SECRET_PREFIX: &str = "whsec_";
/// Bytes of a secret.
const SECRET_BYTES_MIN: usize = 24;
const SECRET_BYTES_MAX: usize = 64;
/// Signatures of a message that are looked at: more than one only while secrets are exchanged.
const SIGNATURES_MAX: usize = 8;
/// A message is not taken that is so much older or newer than the present.
pub const TOLERANCE: TimeDelta = TimeDelta::minutes(5);

/// The secret that two ends share.
#[derive(Clone, Debug)]
pub struct Key(hmac::Key);

/// The text is no secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a secret is {SECRET_PREFIX} and the base64 of {SECRET_BYTES_MIN} to {SECRET_BYTES_MAX} bytes")]
pub struct InvalidSecret;

/// Why a message is not taken for one of who has the secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotSigned {
    #[error("webhook-id, webhook-timestamp or webhook-signature is missing or not readable")]
    Headers,
    #[error("webhook-timestamp is more than {} minutes from the present", TOLERANCE.num_minutes())]
    Time,
    #[error("webhook-signature is of another secret or another message")]
    Signature,
}

impl std::str::FromStr for Key {
    type Err = InvalidSecret;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bytes = text.strip_prefix(SECRET_PREFIX).and_then(|secret| STANDARD.decode(secret).ok());
        let bytes = bytes.filter(|bytes| (SECRET_BYTES_MIN..=SECRET_BYTES_MAX).contains(&bytes.len()));
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, &bytes.ok_or(InvalidSecret)?)))
    }
}

impl Key {
    /// The headers of a message. `id` is the same when it is sent again.
    ///
    /// # Errors
    /// When the id cannot stand in a header.
    pub fn sign(&self, id: &str, at: DateTime<Utc>, body: &[u8]) -> Result<HeaderMap, http::Error> {
        let seconds = at.timestamp().to_string();
        let tag = hmac::sign(&self.0, &signed(id, &seconds, body));
        let signature = format!("v1,{}", STANDARD.encode(tag));
        [(ID, id.to_owned()), (TIMESTAMP, seconds), (SIGNATURE, signature)]
            .into_iter()
            .map(|(name, value)| Ok((name, HeaderValue::try_from(value)?)))
            .collect()
    }

    /// Whether a message comes from who has the secret, and just now. Signatures are compared in constant time.
    ///
    /// # Errors
    /// When it does not.
    pub fn verify(&self, headers: &HeaderMap, body: &[u8], now: DateTime<Utc>) -> Result<(), NotSigned> {
        let header = |name| headers.get(name).and_then(|value| value.to_str().ok()).ok_or(NotSigned::Headers);
        let (id, seconds, signatures) = (header(ID)?, header(TIMESTAMP)?, header(SIGNATURE)?);
        let at = seconds.parse().ok().and_then(|seconds| DateTime::from_timestamp(seconds, 0));
        if (at.ok_or(NotSigned::Headers)? - now).abs() > TOLERANCE {
            return Err(NotSigned::Time);
        }
        let signed = signed(id, seconds, body);
        let is_genuine = |signature: &str| {
            let tag = signature.strip_prefix("v1,").and_then(|tag| STANDARD.decode(tag).ok());
            tag.is_some_and(|tag| hmac::verify(&self.0, &signed, &tag).is_ok())
        };
        let is_signed = signatures.split(' ').take(SIGNATURES_MAX).any(is_genuine);
        is_signed.then_some(()).ok_or(NotSigned::Signature)
    }
}

/// What is signed.
fn signed(id: &str, seconds: &str, body: &[u8]) -> Vec<u8> {
    [id.as_bytes(), b".", seconds.as_bytes(), b".", body].concat()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    // The example of the specification and of its libraries.
    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const EXAMPLE_ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    const EXAMPLE: &[u8] = br#"{"test": 2432232314}"#;
    const EXAMPLE_SIGNATURE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

    fn at() -> DateTime<Utc> {
        DateTime::from_timestamp(1_614_265_330, 0).unwrap()
    }

    fn key() -> Key {
        SECRET.parse().unwrap()
    }

    #[test]
    fn the_signature_is_that_of_the_specification() {
        let headers = key().sign(EXAMPLE_ID, at(), EXAMPLE).unwrap();
        assert_eq!(headers[SIGNATURE], EXAMPLE_SIGNATURE);
        assert_eq!((&headers[ID], &headers[TIMESTAMP]), (&EXAMPLE_ID.parse().unwrap(), &"1614265330".parse().unwrap()));
        assert_eq!(key().verify(&headers, EXAMPLE, at()), Ok(()));
    }

    #[test]
    fn a_message_is_taken_for_five_minutes() {
        let headers = key().sign("id", at(), b"{}").unwrap();
        for (seconds, taken) in
            [(-301, Err(NotSigned::Time)), (-300, Ok(())), (300, Ok(())), (301, Err(NotSigned::Time))]
        {
            assert_eq!(key().verify(&headers, b"{}", at() + TimeDelta::seconds(seconds)), taken, "{seconds}");
        }
    }

    #[test]
    fn one_of_several_signatures_is_enough() {
        let mut headers = key().sign("id", at(), b"{}").unwrap();
        let genuine = headers[SIGNATURE].to_str().unwrap().to_owned();
        for (signatures, taken) in [
            (format!("v1,AAAA v1a,xyz {genuine}"), Ok(())),
            (genuine.replace("v1,", "v2,"), Err(NotSigned::Signature)),
            (genuine.replace("v1,", ""), Err(NotSigned::Signature)),
            (String::new(), Err(NotSigned::Signature)),
            (format!("{} {genuine}", ["v1,AAAA"; SIGNATURES_MAX].join(" ")), Err(NotSigned::Signature)),
        ] {
            headers.insert(SIGNATURE, signatures.parse().unwrap());
            assert_eq!(key().verify(&headers, b"{}", at()), taken, "{signatures}");
        }
        headers.remove(SIGNATURE);
        assert_eq!(key().verify(&headers, b"{}", at()), Err(NotSigned::Headers));
    }

    #[test]
    fn only_secrets_are_read_as_such() {
        let short = format!("whsec_{}", STANDARD.encode([1; 23]));
        let long = format!("whsec_{}", STANDARD.encode([1; 65]));
        for text in ["", "whsec_", "whsec_***", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", &short, &long] {
            assert!(text.parse::<Key>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_altered_is_not_taken(body in proptest::collection::vec(any::<u8>(), 1..200), position: prop::sample::Index, bit in 0..8_u8) {
            let headers = key().sign("call_1_2", at(), &body).unwrap();
            prop_assert_eq!(key().verify(&headers, &body, at()), Ok(()));
            let mut altered = body.clone();
            altered[position.index(body.len())] ^= 1_u8 << bit;
            prop_assert_eq!(key().verify(&headers, &altered, at()), Err(NotSigned::Signature));
            let mut of_another = headers.clone();
            of_another.insert(ID, "call_1_3".parse().unwrap());
            prop_assert_eq!(key().verify(&of_another, &body, at()), Err(NotSigned::Signature));
            let mut later = headers;
            later.insert(TIMESTAMP, (at().timestamp() + 1).to_string().parse().unwrap());
            prop_assert_eq!(key().verify(&later, &body, at()), Err(NotSigned::Signature));
        }
    }
}
