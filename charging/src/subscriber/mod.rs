//! 用户 Subscribers: whose number it is, where it belongs, and in which language to write to them.

pub mod import;
#[cfg(feature = "postgres")]
pub mod import_store;
#[cfg(feature = "postgres")]
pub mod store;

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// The cap that holds unless the subscriber chose another: 600 yuan of data overage a month (the operators' usual tier).
pub const STANDARD_CAP_YUAN: Decimal = Decimal::from_parts(600, 0, 0, false, 0);

/// A mobile number of the Chinese mainland: eleven digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Msisdn(String);

/// The text is not a mobile number.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a mobile number of eleven digits")]
pub struct InvalidMsisdn(String);

impl Msisdn {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Msisdn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Msisdn {
    type Err = InvalidMsisdn;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bytes = text.as_bytes();
        let valid = bytes.len() == 11
            && bytes.iter().all(u8::is_ascii_digit)
            && bytes[0] == b'1'
            && (b'3'..=b'9').contains(&bytes[1]);
        if valid { Ok(Self(text.to_owned())) } else { Err(InvalidMsisdn(text.chars().take(20).collect())) }
    }
}

impl TryFrom<String> for Msisdn {
    type Error = InvalidMsisdn;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Msisdn> for String {
    fn from(msisdn: Msisdn) -> Self {
        msisdn.0
    }
}

/// A language that the portal and its messages speak.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Language {
    #[default]
    #[serde(rename = "zh-CN")]
    Chinese,
    #[serde(rename = "en")]
    English,
}

impl Language {
    pub const ALL: [Self; 2] = [Self::Chinese, Self::English];

    /// The tag in the database and in pages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Chinese => "zh-CN",
            Self::English => "en",
        }
    }
}

impl FromStr for Language {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|language| language.as_str() == text)
            .ok_or_else(|| format!("`{}` is not zh-CN or en", text.chars().take(20).collect::<String>()))
    }
}

/// Someone with a number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscriber {
    pub subscriber_id: i64,
    pub msisdn: Msisdn,
    pub name: String,
    /// 归属地: some tariffs are sold in some regions only.
    pub region: String,
    pub language: Language,
    pub created_at: DateTime<Utc>,
}

/// Someone to be added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewSubscriber {
    pub msisdn: Msisdn,
    pub name: String,
    pub region: String,
    pub language: Language,
    /// The first cap on the month's data overage, in yuan; at most [`STANDARD_CAP_YUAN`], because more needs a consent.
    pub cap: Decimal,
    /// How the subscriber came: a key of the table `channel`.
    pub channel_id: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_mobile_numbers_are_read() {
        assert!("13800000001".parse::<Msisdn>().is_ok());
        for text in ["", "10086", "1380000000", "138000000011", "12800000001", "+8613800000001", "1380000000１"] {
            assert!(text.parse::<Msisdn>().is_err(), "{text}");
        }
    }

    #[test]
    fn languages_are_read_back() {
        for language in Language::ALL {
            assert_eq!(language.as_str().parse(), Ok(language));
            assert_eq!(serde_json::to_value(language).unwrap(), language.as_str());
        }
        assert!("fr".parse::<Language>().is_err());
    }
}
