//! The evidence itself: what was shown and what was answered, as canonical JSON.

use chrono::{DateTime, SecondsFormat, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::signature::Signature;
use super::{Method, NewConsent, Subject, TEXT_BYTES_MAX};
use crate::tariff::SchemeId;

/// What a signature is called in an answer.
const SIGNED: &str = "signed";

/// Every key is present, in this order, without white space, but those of a signature and of a holder, which stand only where there
/// is one; amounts are texts with two decimals, times are UTC with microseconds. The same facts always give the same bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    pub subscriber_id: i64,
    pub seq: i32,
    pub purpose: String,
    pub scheme_id: Option<String>,
    pub version: Option<i32>,
    pub recurring_price: Option<String>,
    pub one_off_price: Option<String>,
    pub cap: Option<String>,
    pub method: String,
    pub channel_id: String,
    pub reference: Option<String>,
    pub description: String,
    pub asked_at: String,
    pub agreed_at: String,
    pub answer: String,
    /// The registered name, typed as a signature beside the code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signed_name: Option<String>,
    /// Hexadecimal SHA-256 of the strokes that were drawn as a signature.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strokes_sha256: Option<String>,
    /// The subscriber who sees what the bills come to (家庭账单).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holder_id: Option<i64>,
}

/// What cannot be evidence.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EvidenceError {
    #[error("the text shown, the answer, or both the request and the reference are missing")]
    Incomplete,
    #[error("a text is longer than {TEXT_BYTES_MAX} bytes")]
    TooLong,
    #[error("{0} yuan has more than two decimals")]
    TooFine(Decimal),
    #[error("it was agreed to before it was asked")]
    AgreedBeforeAsked,
    #[error("the bytes are not evidence")]
    Unreadable,
}

impl Evidence {
    /// The evidence of a yes at its place in the chain.
    ///
    /// # Errors
    /// When something that proof needs is missing or out of bounds.
    pub fn new(consent: &NewConsent, seq: i32) -> Result<Self, EvidenceError> {
        let reference = consent.reference.as_deref().filter(|reference| !reference.is_empty());
        let proven = consent.request_id.is_some() || reference.is_some();
        if consent.description.is_empty() || consent.answer.is_empty() || !proven {
            return Err(EvidenceError::Incomplete);
        }
        let texts = [consent.description.as_str(), consent.answer.as_str(), reference.unwrap_or_default()];
        if texts.iter().any(|text| text.len() > TEXT_BYTES_MAX) {
            return Err(EvidenceError::TooLong);
        }
        if consent.agreed_at < consent.asked_at {
            return Err(EvidenceError::AgreedBeforeAsked);
        }
        let (scheme_id, version, recurring_price, one_off_price, cap) = match &consent.subject {
            Subject::Order { scheme_id, version, recurring_price, one_off_price } => (
                Some(scheme_id.to_string()),
                Some(*version),
                Some(two_decimals(*recurring_price)?),
                Some(two_decimals(*one_off_price)?),
                None,
            ),
            Subject::Cap { cap } => (None, None, None, None, Some(two_decimals(*cap)?)),
            Subject::Family { .. } => (None, None, None, None, None),
        };
        let holder_id = match &consent.subject {
            Subject::Family { holder_id } => Some(*holder_id),
            Subject::Order { .. } | Subject::Cap { .. } => None,
        };
        Ok(Self {
            subscriber_id: consent.subscriber_id,
            seq,
            purpose: consent.subject.purpose().to_owned(),
            scheme_id,
            version,
            recurring_price,
            one_off_price,
            cap,
            method: consent.method.as_str().to_owned(),
            channel_id: consent.channel_id.clone(),
            reference: reference.map(str::to_owned),
            description: consent.description.clone(),
            asked_at: instant(consent.asked_at),
            agreed_at: instant(consent.agreed_at),
            answer: consent.answer.clone(),
            signed_name: None,
            strokes_sha256: None,
            holder_id,
        })
    }

    /// The same, with what it was signed by.
    #[must_use]
    pub fn signed(mut self, signature: &Signature) -> Self {
        match signature {
            Signature::Drawn(strokes) => self.strokes_sha256 = Some(hex::encode(strokes.digest())),
            Signature::Typed(name) => self.signed_name = Some(name.clone()),
        }
        self
    }

    /// Whether every text is what its key says, as [`Self::new`] writes it. Read bytes may hold anything.
    pub fn is_well_formed(&self) -> bool {
        let is_amount = |text: &str| {
            let amount = text.parse::<Decimal>().ok().filter(|amount| !amount.is_sign_negative());
            amount.and_then(|amount| two_decimals(amount).ok()).as_deref() == Some(text)
        };
        let is_time = |text: &str| text.parse::<DateTime<Utc>>().is_ok_and(|at| instant(at) == text);
        let Self { scheme_id, version, recurring_price, one_off_price, cap, holder_id, .. } = self;
        let is_subject =
            match (self.purpose.as_str(), scheme_id, version, recurring_price, one_off_price, cap, holder_id) {
                ("order", Some(scheme_id), Some(version), Some(recurring), Some(one_off), None, None) => {
                    scheme_id.parse::<SchemeId>().is_ok() && *version >= 1 && is_amount(recurring) && is_amount(one_off)
                }
                ("cap", None, None, None, None, Some(cap), None) => is_amount(cap),
                ("family", None, None, None, None, None, Some(holder_id)) => {
                    *holder_id >= 1 && *holder_id != self.subscriber_id
                }
                _ => false,
            };
        is_subject && self.method.parse::<Method>().is_ok() && is_time(&self.asked_at) && is_time(&self.agreed_at)
    }

    /// The answer of who drew a signature and gave the code.
    pub fn signed_with(code: &str) -> String {
        format!("{SIGNED} {code}")
    }

    /// The code that was given beside a drawn signature; `None` on paper, and where something else was answered.
    pub fn code_beside_strokes(&self) -> Option<&str> {
        self.strokes_sha256.as_ref()?;
        self.answer.strip_prefix(SIGNED)?.strip_prefix(' ')
    }

    /// The bytes that are stored and hashed.
    #[expect(clippy::missing_panics_doc, reason = "the struct has string keys only")]
    pub fn canonical(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("the struct has string keys only")
    }

    /// Reads stored bytes.
    ///
    /// # Errors
    /// When they are not evidence.
    pub fn read(bytes: &[u8]) -> Result<Self, EvidenceError> {
        serde_json::from_slice(bytes).map_err(|_| EvidenceError::Unreadable)
    }
}

/// As PostgreSQL writes a `numeric(12, 2)`.
fn two_decimals(amount: Decimal) -> Result<String, EvidenceError> {
    let mut normal = amount.normalize();
    if normal.scale() > 2 {
        return Err(EvidenceError::TooFine(amount));
    }
    normal.rescale(2);
    Ok(normal.to_string())
}

fn instant(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Micros, true)
}

#[cfg(test)]
mod tests {
    use super::super::signature::Strokes;
    use super::*;

    fn consent() -> NewConsent {
        NewConsent {
            subscriber_id: 7,
            subject: Subject::Order {
                scheme_id: "26MB900001".parse().unwrap(),
                version: 2,
                recurring_price: "99".parse().unwrap(),
                one_off_price: "0.0".parse().unwrap(),
            },
            method: Method::Signature,
            channel_id: "import".to_owned(),
            asked_at: "2026-08-30T10:00:00+08:00".parse().unwrap(),
            agreed_at: "2026-08-30T10:00:00+08:00".parse().unwrap(),
            request_id: None,
            reference: Some("slip 88231".to_owned()),
            description: "畅享 99".to_owned(),
            answer: "signed".to_owned(),
        }
    }

    #[test]
    fn the_bytes_are_canonical() {
        let bytes = Evidence::new(&consent(), 3).unwrap().canonical();
        assert_eq!(
            String::from_utf8(bytes.clone()).unwrap(),
            r#"{"subscriber_id":7,"seq":3,"purpose":"order","scheme_id":"26MB900001","version":2,"#.to_owned()
                + r#""recurring_price":"99.00","one_off_price":"0.00","cap":null,"method":"signature","#
                + r#""channel_id":"import","reference":"slip 88231","description":"畅享 99","#
                + r#""asked_at":"2026-08-30T02:00:00.000000Z","agreed_at":"2026-08-30T02:00:00.000000Z","#
                + r#""answer":"signed"}"#
        );
        assert_eq!(Evidence::read(&bytes).unwrap().canonical(), bytes);
    }

    #[test]
    fn a_signature_stands_at_the_end_and_only_where_there_is_one() {
        let plain = Evidence::new(&consent(), 3).unwrap();
        let typed = plain.clone().signed(&Signature::Typed("张三".to_owned()));
        let before = String::from_utf8(plain.canonical()).unwrap();
        let text = String::from_utf8(typed.canonical()).unwrap();
        assert_eq!(text, before.trim_end_matches('}').to_owned() + r#","signed_name":"张三"}"#);
        let strokes = Strokes::read("[[0,0,200,0]]").unwrap();
        let drawn = plain.signed(&Signature::Drawn(strokes.clone()));
        assert_eq!(drawn.strokes_sha256, Some(hex::encode(strokes.digest())));
        assert_eq!(Evidence::read(&drawn.canonical()).unwrap(), drawn);
    }

    #[test]
    fn a_holder_stands_at_the_end_and_only_where_there_is_one() {
        let mut family = consent();
        family.subject = Subject::Family { holder_id: 9 };
        let evidence = Evidence::new(&family, 3).unwrap();
        let text = String::from_utf8(evidence.canonical()).unwrap();
        assert!(text.contains(r#""purpose":"family","scheme_id":null"#), "{text}");
        assert!(text.ends_with(r#""answer":"signed","holder_id":9}"#), "{text}");
        assert!(evidence.is_well_formed());
        let no_one = Evidence { holder_id: None, ..evidence.clone() };
        let oneself = Evidence { holder_id: Some(7), ..evidence.clone() };
        let of_an_order = Evidence { holder_id: Some(9), ..Evidence::new(&consent(), 3).unwrap() };
        assert!(![no_one, oneself, of_an_order].iter().any(Evidence::is_well_formed));
    }

    #[test]
    fn what_proves_nothing_is_refused() {
        let refused = |change: fn(&mut NewConsent)| {
            let mut consent = consent();
            change(&mut consent);
            Evidence::new(&consent, 1).unwrap_err()
        };
        assert_eq!(refused(|c| c.reference = None), EvidenceError::Incomplete);
        assert_eq!(refused(|c| c.reference = Some(String::new())), EvidenceError::Incomplete);
        assert_eq!(refused(|c| c.description.clear()), EvidenceError::Incomplete);
        assert_eq!(refused(|c| c.answer.clear()), EvidenceError::Incomplete);
        assert_eq!(refused(|c| c.description = "x".repeat(TEXT_BYTES_MAX + 1)), EvidenceError::TooLong);
        assert_eq!(refused(|c| c.asked_at += chrono::TimeDelta::seconds(1)), EvidenceError::AgreedBeforeAsked);
        assert!(matches!(
            refused(|c| c.subject = Subject::Cap { cap: "1.001".parse().unwrap() }),
            EvidenceError::TooFine(_)
        ));
    }
}
