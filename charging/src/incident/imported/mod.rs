//! 迁入的费用 A line of a file of charges that another system made: `{"id":"…","msisdn":"13800000001","kind":"recurring",
//! "scheme_id":"26MB900009","amount":"95.00","charged_at":"2026-10-03T02:15:00+08:00","month":"2026-10","route":"bill",
//! "source":"…","ordered_at":"…","cancelled_at":"…","consent":{"method":"sms_code","reference":"…","agreed_at":"…",
//! "price":"95.00"}}`.
//!
//! Wanted are `msisdn`, `scheme_id`, `amount`, `charged_at` and `route`. Without a `consent` nobody agreed. `route` is `bill`,
//! `balance`, `gateway:` and the gateway's number of the payment, or `platform:` and its name. A line without `id` is known
//! again by what it says and by how many like it stand before it in the file.

#[cfg(feature = "postgres")]
pub mod store;

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, TimeZone as _, Utc};
use rust_decimal::Decimal;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::clock::Month;
use crate::consent::Method;
use crate::ledger::ChargeKind;
use crate::money::parse_amount;
use crate::subscriber::Msisdn;

/// Characters of the longest id.
pub const ID_CHARS_MAX: usize = 128;
/// Characters of the longest number of a tariff; another system may have other numbers than we.
pub const SCHEME_CHARS_MAX: usize = 64;
/// Characters of the longest source.
pub const SOURCE_CHARS_MAX: usize = 100;
/// Characters of the longest reference of a payment, and of the longest name of a platform.
pub const ROUTE_CHARS_MAX: usize = 128;
/// Characters of the longest reference of a consent.
pub const REFERENCE_CHARS_MAX: usize = 200;
/// Nothing was charged by such systems before.
const YEAR_MIN: i32 = 2000;

/// What a charge of another system was for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ImportedKind {
    Charge(ChargeKind),
    /// 代扣 for another company.
    ThirdParty,
}

impl ImportedKind {
    /// The name in files and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Charge(kind) => kind.as_str(),
            Self::ThirdParty => "third_party",
        }
    }
}

impl FromStr for ImportedKind {
    type Err = LineError;

    fn from_str(text: &str) -> Result<Self, LineError> {
        match text {
            "third_party" => Ok(Self::ThirdParty),
            text => text.parse().map(Self::Charge).map_err(|_| LineError::Kind),
        }
    }
}

/// 支付路径 How a charge was paid, and so how it goes back.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Route {
    Bill,
    Balance,
    /// By the payment that has this number with the gateway.
    Gateway(String),
    /// Through the platform of this name.
    Platform(String),
}

impl Route {
    /// The name of the way in the database.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Bill => "bill",
            Self::Balance => "balance",
            Self::Gateway(_) => "gateway",
            Self::Platform(_) => "platform",
        }
    }

    /// The number of the payment, or the name of the platform.
    pub fn reference(&self) -> Option<&str> {
        match self {
            Self::Bill | Self::Balance => None,
            Self::Gateway(reference) | Self::Platform(reference) => Some(reference),
        }
    }
}

impl FromStr for Route {
    type Err = LineError;

    fn from_str(written: &str) -> Result<Self, LineError> {
        let named = |reference: &str| text(reference, ROUTE_CHARS_MAX).ok_or(LineError::Route);
        match written.split_once(':') {
            None if written == "bill" => Ok(Self::Bill),
            None if written == "balance" => Ok(Self::Balance),
            Some(("gateway", payment)) => Ok(Self::Gateway(named(payment)?)),
            Some(("platform", name)) => Ok(Self::Platform(named(name)?)),
            _ => Err(LineError::Route),
        }
    }
}

/// What the other system has to show for a yes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ImportedConsent {
    pub method: Method,
    /// Where the proof lies there.
    pub reference: String,
    pub agreed_at: DateTime<Utc>,
    /// Yuan that were agreed to, where the proof names them.
    pub price: Option<Decimal>,
}

/// A charge of another system, as its line says.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ChargeLine {
    pub id: Option<String>,
    pub msisdn: Msisdn,
    pub kind: ImportedKind,
    /// As given: it need not be the number of a tariff.
    pub scheme_id: String,
    /// Yuan, more than zero, in whole fen.
    pub amount: Decimal,
    pub charged_at: DateTime<Utc>,
    /// The month it was for; where the line does not say, that in which it was charged.
    pub month: Month,
    pub route: Route,
    /// Who or what placed the order, in the other system's words; empty: it does not say.
    pub source: String,
    pub ordered_at: Option<DateTime<Utc>>,
    pub cancelled_at: Option<DateTime<Utc>>,
    pub consent: Option<ImportedConsent>,
}

/// Why a line is refused.
#[derive(Debug, thiserror::Error)]
pub enum LineError {
    #[error("not a charge: {0}")]
    Json(#[from] serde_json::Error),
    #[error("`id` must be 1 to {ID_CHARS_MAX} characters, none of them a control character")]
    Id,
    #[error("`kind` is recurring, one_off, penalty, data_overage, voice_overage, sms_overage or third_party")]
    Kind,
    #[error("`scheme_id` must be 1 to {SCHEME_CHARS_MAX} characters, none of them a control character")]
    SchemeId,
    #[error("`{0}`: {1}")]
    Amount(&'static str, String),
    #[error("`{0}` is not a time such as 2026-10-03T08:15:00+08:00")]
    Time(&'static str),
    #[error("`{0}` is in the future, or before the year {YEAR_MIN}")]
    Era(&'static str),
    #[error("`month` is after the month in which it was charged, or before the year {YEAR_MIN}")]
    Month,
    #[error("`route` is bill, balance, gateway:NUMBER OF THE PAYMENT or platform:NAME")]
    Route,
    #[error("`source` has at most {SOURCE_CHARS_MAX} characters, none of them a control character")]
    Source,
    #[error("the consent has no reference, or one longer than {REFERENCE_CHARS_MAX} characters")]
    Reference,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LineFile {
    id: Option<String>,
    msisdn: Msisdn,
    kind: Option<String>,
    scheme_id: String,
    amount: String,
    charged_at: String,
    month: Option<Month>,
    route: String,
    source: Option<String>,
    ordered_at: Option<String>,
    cancelled_at: Option<String>,
    consent: Option<ConsentFile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ConsentFile {
    method: Method,
    reference: String,
    agreed_at: String,
    price: Option<String>,
}

impl ChargeLine {
    /// Reads a line as of an instant.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn parse(line: &str, now: DateTime<Utc>) -> Result<Self, LineError> {
        let file: LineFile = serde_json::from_str(line)?;
        let time = |name: &'static str, written: &str| read_time(name, written, now);
        let charged_at = time("charged_at", &file.charged_at)?;
        let month = file.month.unwrap_or(Month::of(charged_at));
        if month > Month::of(charged_at) || month.start() < oldest() {
            return Err(LineError::Month);
        }
        let amount = parse_amount(&file.amount, 2).map_err(|e| LineError::Amount("amount", e.to_string()))?;
        if amount.is_zero() {
            return Err(LineError::Amount("amount", "nothing was charged".to_owned()));
        }
        let id = file.id.map(|id| text(&id, ID_CHARS_MAX).ok_or(LineError::Id)).transpose()?;
        let source = file.source.unwrap_or_default();
        Ok(Self {
            id,
            msisdn: file.msisdn,
            kind: file.kind.map_or(Ok(ImportedKind::Charge(ChargeKind::Recurring)), |kind| kind.parse())?,
            scheme_id: text(&file.scheme_id, SCHEME_CHARS_MAX).ok_or(LineError::SchemeId)?,
            amount,
            charged_at,
            month,
            route: file.route.parse()?,
            source: if source.is_empty() {
                source
            } else {
                text(&source, SOURCE_CHARS_MAX).ok_or(LineError::Source)?
            },
            ordered_at: file.ordered_at.map(|at| time("ordered_at", &at)).transpose()?,
            cancelled_at: file.cancelled_at.map(|at| time("cancelled_at", &at)).transpose()?,
            consent: file.consent.map(|consent| consent.read(now)).transpose()?,
        })
    }

    /// What the line says, but for its id, in 32 bytes: the same however it is written.
    pub fn digest(&self) -> [u8; 32] {
        let at = |at: Option<DateTime<Utc>>| at.map_or_else(String::new, |at| at.to_rfc3339());
        let consent = self.consent.as_ref();
        let parts = [
            self.msisdn.to_string(),
            self.kind.as_str().to_owned(),
            self.scheme_id.clone(),
            self.amount.normalize().to_string(),
            self.charged_at.to_rfc3339(),
            self.month.to_string(),
            self.route.as_str().to_owned(),
            self.route.reference().unwrap_or_default().to_owned(),
            self.source.clone(),
            at(self.ordered_at),
            at(self.cancelled_at),
            consent.map_or_else(String::new, |consent| consent.method.to_string()),
            consent.map_or_else(String::new, |consent| consent.reference.clone()),
            at(consent.map(|consent| consent.agreed_at)),
            consent.and_then(|consent| consent.price).map_or_else(String::new, |price| price.normalize().to_string()),
        ];
        // No part holds a control character.
        Sha256::digest(parts.join("\u{1f}")).into()
    }

    /// What makes the line known again: its id, or what it says and how many like it stand before it in the file.
    pub fn source_id(&self, before: u32) -> String {
        match &self.id {
            Some(id) => format!("id:{id}"),
            None => format!("sha256:{}#{before}", hex::encode(self.digest())),
        }
    }
}

impl ConsentFile {
    fn read(self, now: DateTime<Utc>) -> Result<ImportedConsent, LineError> {
        let price = self.price.map(|price| parse_amount(&price, 2)).transpose();
        Ok(ImportedConsent {
            method: self.method,
            reference: text(&self.reference, REFERENCE_CHARS_MAX).ok_or(LineError::Reference)?,
            agreed_at: read_time("agreed_at", &self.agreed_at, now)?,
            price: price.map_err(|e| LineError::Amount("price", e.to_string()))?,
        })
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.reference() {
            Some(reference) => write!(f, "{}:{reference}", self.as_str()),
            None => f.write_str(self.as_str()),
        }
    }
}

fn oldest() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(YEAR_MIN, 1, 1, 0, 0, 0).earliest().unwrap_or(DateTime::UNIX_EPOCH)
}

fn read_time(name: &'static str, written: &str, now: DateTime<Utc>) -> Result<DateTime<Utc>, LineError> {
    let at = DateTime::parse_from_rfc3339(written)
        .ok()
        .and_then(|at| DateTime::from_timestamp_micros(at.timestamp_micros()))
        .ok_or(LineError::Time(name))?;
    if at > now || at < oldest() { Err(LineError::Era(name)) } else { Ok(at) }
}

/// The text without white space around it, if it is neither empty nor too long.
fn text(raw: &str, chars_max: usize) -> Option<String> {
    let trimmed = raw.trim();
    let length = trimmed.chars().count();
    ((1..=chars_max).contains(&length) && !trimmed.chars().any(char::is_control)).then(|| trimmed.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = r#"{"id":"r1","msisdn":"13800000001","kind":"one_off","scheme_id":"26MB900009","amount":"95.00","charged_at":"2026-10-03T02:15:00+08:00","month":"2026-09","route":"gateway:4200001","source":"upgrade","ordered_at":"2026-10-03T01:00:00+08:00","cancelled_at":"2026-10-03T09:00:00+08:00","consent":{"method":"sms_code","reference":"slip 1","agreed_at":"2026-10-03T00:59:00+08:00","price":"95"}}"#;
    const BARE: &str = r#"{"msisdn":"13800000001","scheme_id":"95元权益包","amount":"95","charged_at":"2026-10-31T23:59:59+08:00","route":"bill"}"#;

    fn parse(line: &str) -> Result<ChargeLine, LineError> {
        ChargeLine::parse(line, "2026-11-01T00:00:00Z".parse().unwrap())
    }

    #[test]
    fn a_line_is_read() {
        let line = parse(LINE).unwrap();
        assert_eq!((line.route.to_string(), line.kind.as_str()), ("gateway:4200001".to_owned(), "one_off"));
        assert_eq!((line.month.to_string(), line.source_id(7)), ("2026-09".to_owned(), "id:r1".to_owned()));
        assert_eq!(line.consent.unwrap().price, Some(Decimal::from(95)));
        let bare = parse(BARE).unwrap();
        assert_eq!((bare.kind.as_str(), bare.month.to_string()), ("recurring", "2026-10".to_owned()));
        assert_eq!((bare.consent, bare.source), (None, String::new()));
        assert_eq!(parse(&BARE.replace('}', r#","consent":null}"#)).unwrap().consent, None);
    }

    #[test]
    fn a_line_without_id_is_known_by_what_it_says() {
        let line = parse(BARE).unwrap();
        let written_otherwise =
            parse(&BARE.replace("\"95\"", "\"95.00\"").replace("{\"msisdn\"", "{ \"msisdn\"")).unwrap();
        assert_eq!(line.source_id(0), written_otherwise.source_id(0));
        assert_ne!(line.source_id(0), line.source_id(1));
        for (from, to) in [("\"95\"", "\"96\""), ("bill", "balance"), ("23:59:59", "23:59:58"), ("00001", "00002")] {
            assert_ne!(line.source_id(0), parse(&BARE.replace(from, to)).unwrap().source_id(0), "{to}");
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        let long = "x".repeat(129);
        for (from, to, reason) in [
            ("\"r1\"", "\"\"", "`id` must be"),
            ("r1", long.as_str(), "`id` must be"),
            ("13800000001", "1380000000", "is not a mobile number"),
            ("one_off", "tip", "`kind` is"),
            ("26MB900009", " ", "`scheme_id` must be"),
            ("\"95.00\"", "\"0.00\"", "`amount`: nothing was charged"),
            ("\"95.00\"", "\"-95\"", "`amount`: `-95` is below zero"),
            ("\"95.00\"", "\"95.001\"", "more than 2 decimals"),
            ("\"95.00\"", "\"100000001\"", "more than 100000000"),
            ("\"95.00\"", "95.00", "not a charge"),
            ("\"95\"", "\"-1\"", "`price`: `-1` is below zero"),
            ("2026-10-03T02:15:00+08:00", "2026-10-03", "`charged_at` is not a time"),
            ("2026-10-03T02:15:00+08:00", "2026-12-03T02:15:00+08:00", "`charged_at` is in the future"),
            ("2026-10-03T01:00:00", "1999-10-03T01:00:00", "`ordered_at` is in the future, or before"),
            ("2026-10-03T09:00:00", "2027-10-03T09:00:00", "`cancelled_at` is in the future"),
            ("2026-10-03T00:59:00", "2027-10-03T00:59:00", "`agreed_at` is in the future"),
            ("2026-09", "2026-11", "`month` is after"),
            ("2026-09", "1999-09", "`1999-09` is not a month"),
            ("gateway:4200001", "gateway", "`route` is"),
            ("gateway:4200001", "gateway:", "`route` is"),
            ("gateway:4200001", "bill:1", "`route` is"),
            ("gateway:4200001", "cash", "`route` is"),
            ("upgrade", "up\\u0000", "`source` has"),
            ("slip 1", "", "no reference"),
            ("sms_code", "spoken", "unknown variant `spoken`"),
            ("\"id\"", "\"extra\":1,\"id\"", "unknown field `extra`"),
            ("}}", "}", "not a charge"),
        ] {
            let changed = LINE.replacen(from, to, 1);
            assert_ne!(changed, LINE);
            let error = parse(&changed).unwrap_err().to_string();
            assert!(error.contains(reason), "{changed}: {error}");
        }
    }
}
