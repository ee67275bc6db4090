//! 同意 Consent: proof that this subscriber agreed to this tariff version at this price, to this cap, or to be seen by this holder.
//!
//! What was asked is a request (`request`), open for ten minutes; the answer is a row of the subscriber's hash chain ([`chain`])
//! that can never be changed.

#[cfg(feature = "postgres")]
pub mod cap;
pub mod chain;
pub mod command;
mod evidence;
#[cfg(feature = "postgres")]
pub mod incoming;
#[cfg(feature = "postgres")]
pub mod key;
#[cfg(feature = "postgres")]
pub mod proof;
#[cfg(feature = "postgres")]
pub mod request;
pub mod signature;
#[cfg(feature = "postgres")]
pub mod store;

pub use evidence::{Evidence, EvidenceError};

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::tariff::SchemeId;

/// The three ways to say yes that the regulator allows (campaign 明白办、放心用, part 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// 短信回复.
    SmsReply,
    /// 短信验证码.
    SmsCode,
    /// 签名.
    Signature,
}

impl Method {
    pub const ALL: [Self; 3] = [Self::SmsReply, Self::SmsCode, Self::Signature];

    /// The name in files and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SmsReply => "sms_reply",
            Self::SmsCode => "sms_code",
            Self::Signature => "signature",
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text is not a way to consent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not sms_reply, sms_code or signature")]
pub struct InvalidMethod(String);

impl FromStr for Method {
    type Err = InvalidMethod;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|method| method.as_str() == text)
            .ok_or_else(|| InvalidMethod(text.chars().take(40).collect()))
    }
}

/// What is agreed to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A tariff version at its price, in yuan with at most two decimals.
    Order { scheme_id: SchemeId, version: i32, recurring_price: Decimal, one_off_price: Decimal },
    /// A cap on the month's data overage, in yuan with at most two decimals.
    Cap { cap: Decimal },
    /// 家庭账单: this subscriber sees what the bills come to.
    Family { holder_id: i64 },
}

impl Subject {
    /// `order`, `cap` or `family`, as in the database.
    pub fn purpose(&self) -> &'static str {
        match self {
            Self::Order { .. } => "order",
            Self::Cap { .. } => "cap",
            Self::Family { .. } => "family",
        }
    }
}

/// A subject as the columns of a request and of a consent hold it.
#[cfg(feature = "postgres")]
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Columns<'a> {
    pub scheme_id: Option<&'a str>,
    pub version: Option<i32>,
    pub recurring_price: Option<Decimal>,
    pub one_off_price: Option<Decimal>,
    pub cap: Option<Decimal>,
    pub holder_id: Option<i64>,
}

#[cfg(feature = "postgres")]
impl<'a> From<&'a Subject> for Columns<'a> {
    fn from(subject: &'a Subject) -> Self {
        match subject {
            Subject::Order { scheme_id, version, recurring_price, one_off_price } => Self {
                scheme_id: Some(scheme_id.as_str()),
                version: Some(*version),
                recurring_price: Some(*recurring_price),
                one_off_price: Some(*one_off_price),
                ..Self::default()
            },
            Subject::Cap { cap } => Self { cap: Some(*cap), ..Self::default() },
            Subject::Family { holder_id } => Self { holder_id: Some(*holder_id), ..Self::default() },
        }
    }
}

/// A yes, to be appended to the subscriber's chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewConsent {
    pub subscriber_id: i64,
    pub subject: Subject,
    pub method: Method,
    /// See the table `channel`: `web`, `sms`, `hall`, `hotline`, `import`.
    pub channel_id: String,
    /// When it was asked; for proof brought from another system without that time, the same as `agreed_at`.
    pub asked_at: DateTime<Utc>,
    pub agreed_at: DateTime<Utc>,
    /// The request that is answered here. Without one there must be a `reference`.
    pub request_id: Option<i64>,
    /// Where the proof lies elsewhere: a slip's number, the id of the answering SMS.
    pub reference: Option<String>,
    /// The exact text that the subscriber was shown.
    pub description: String,
    /// What the subscriber answered: `Y`, the code, `signed` on paper, `signed` and the code on the screen.
    pub answer: String,
}

/// Longest description, reference and answer that evidence may hold, in bytes.
pub const TEXT_BYTES_MAX: usize = 16 * 1024;
