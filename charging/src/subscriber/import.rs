//! Subscriber files: moving in from another system. A line is a subscriber with everything that was ordered there, and
//! goes in whole or not at all.

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;
use serde::Deserialize;

use super::{Msisdn, STANDARD_CAP_YUAN};
use crate::clock::local_date;
use crate::consent::Method;
use crate::money::parse_amount;
use crate::tariff::{SchemeId, TariffVersion};

/// Most subscriptions that one line may bring.
pub const SUBSCRIPTIONS_MAX: usize = 100;
/// Longest name, region and reference, in characters.
pub const TEXT_CHARS_MAX: usize = 200;

/// A line of a subscriber file, checked as far as that is possible without the database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub msisdn: Msisdn,
    pub name: String,
    pub region: String,
    /// Yuan a month; `None`: the standard cap.
    pub cap: Option<Decimal>,
    /// In the order in which they were agreed to.
    pub subscriptions: Vec<Brought>,
}

/// A subscription brought along, with its proof.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Brought {
    pub scheme_id: SchemeId,
    /// Its first day.
    pub since: NaiveDate,
    pub method: Method,
    /// Where the proof lies in the other system.
    pub reference: String,
    pub agreed_at: DateTime<Utc>,
}

/// Why a line is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    #[error("not a subscriber: {0}")]
    Unreadable(String),
    #[error("{0} is missing or longer than {TEXT_CHARS_MAX} characters")]
    Text(&'static str),
    #[error("more than {SUBSCRIPTIONS_MAX} subscriptions")]
    TooMany,
    #[error("cap: {0}")]
    Cap(String),
    #[error("the number is here already, with another {0}")]
    Differs(&'static str),
    #[error("subscription {scheme_id} since {since}: {reason}")]
    Subscription { scheme_id: String, since: NaiveDate, reason: Refused },
}

/// Why a subscription, and with it the line, is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("no consent: nothing is taken over that the subscriber did not agree to")]
    NoConsent,
    #[error("the consent has no reference, or one longer than {TEXT_CHARS_MAX} characters")]
    Reference,
    #[error("agreed to after it began")]
    AgreedAfterStart,
    #[error("agreed to in the future")]
    AgreedInFuture,
    #[error("there is no such tariff")]
    UnknownTariff,
    #[error("the tariff was not public when it was agreed to")]
    NotPublic,
    #[error("the tariff has no machine-readable price, so it cannot be ordered here")]
    NoTerms,
    #[error("the tariff was on sale from {from} to {until} only")]
    NotOnSale { from: NaiveDate, until: NaiveDate },
    #[error("sales of the tariff had been stopped when it was agreed to")]
    Withdrawn,
    #[error("it is here already, with another consent")]
    OtherConsent,
    #[error("it stands twice on the line")]
    Twice,
    #[error("two plans would run at the same time")]
    TwoPlans,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LineFile {
    msisdn: Msisdn,
    name: String,
    region: String,
    cap: Option<String>,
    #[serde(default)]
    subscriptions: Vec<BroughtFile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BroughtFile {
    scheme_id: SchemeId,
    since: NaiveDate,
    consent: Option<ConsentFile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ConsentFile {
    method: Method,
    reference: String,
    agreed_at: DateTime<Utc>,
}

impl Entry {
    /// Reads a line as of an instant.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn parse(line: &str, now: DateTime<Utc>) -> Result<Self, Rejection> {
        let file: LineFile = serde_json::from_str(line).map_err(|e| Rejection::Unreadable(e.to_string()))?;
        if file.subscriptions.len() > SUBSCRIPTIONS_MAX {
            return Err(Rejection::TooMany);
        }
        let cap = file.cap.as_deref().map(parse_cap).transpose()?;
        let mut subscriptions = file
            .subscriptions
            .into_iter()
            .map(|brought| {
                let (scheme_id, since) = (brought.scheme_id.to_string(), brought.since);
                parse_brought(brought, now).map_err(|reason| Rejection::Subscription { scheme_id, since, reason })
            })
            .collect::<Result<Vec<_>, _>>()?;
        subscriptions.sort_by(|a, b| (a.agreed_at, a.since, &a.scheme_id).cmp(&(b.agreed_at, b.since, &b.scheme_id)));
        for (i, brought) in subscriptions.iter().enumerate() {
            if subscriptions[..i].iter().any(|b| b.scheme_id == brought.scheme_id && b.since == brought.since) {
                return Err(brought.rejected(Refused::Twice));
            }
        }
        Ok(Self {
            msisdn: file.msisdn,
            name: text(&file.name).ok_or(Rejection::Text("name"))?,
            region: text(&file.region).ok_or(Rejection::Text("region"))?,
            cap,
            subscriptions,
        })
    }
}

impl Brought {
    /// That this subscription is why the line is refused.
    pub fn rejected(&self, reason: Refused) -> Rejection {
        Rejection::Subscription { scheme_id: self.scheme_id.to_string(), since: self.since, reason }
    }

    /// The version that was on sale when it was agreed to, if it could be ordered then. `versions` are all of the tariff.
    ///
    /// # Errors
    /// Why it could not be ordered.
    pub fn version<'a>(
        &self,
        versions: &'a [TariffVersion],
        withdrawn_at: Option<DateTime<Utc>>,
    ) -> Result<&'a TariffVersion, Refused> {
        if versions.is_empty() {
            return Err(Refused::UnknownTariff);
        }
        let newest =
            |is_it: &dyn Fn(&&TariffVersion) -> bool| versions.iter().filter(is_it).max_by_key(|tariff| tariff.version);
        let in_force = newest(&|tariff| tariff.takes_over_at() <= self.agreed_at);
        let orderable = || newest(&|tariff| tariff.orderable_from <= self.agreed_at);
        let tariff = in_force.or_else(orderable).ok_or(Refused::NotPublic)?;
        if tariff.content.terms.is_none() {
            return Err(Refused::NoTerms);
        }
        if !tariff.content.on_sale(local_date(self.agreed_at)) {
            let (from, until) = (tariff.content.on_sale_from, tariff.content.on_sale_until);
            return Err(Refused::NotOnSale { from, until });
        }
        if withdrawn_at.is_some_and(|at| at <= self.agreed_at) {
            return Err(Refused::Withdrawn);
        }
        Ok(tariff)
    }
}

fn parse_brought(file: BroughtFile, now: DateTime<Utc>) -> Result<Brought, Refused> {
    let consent = file.consent.ok_or(Refused::NoConsent)?;
    if consent.agreed_at > now {
        return Err(Refused::AgreedInFuture);
    }
    if local_date(consent.agreed_at) > file.since {
        return Err(Refused::AgreedAfterStart);
    }
    Ok(Brought {
        scheme_id: file.scheme_id,
        since: file.since,
        method: consent.method,
        reference: text(&consent.reference).ok_or(Refused::Reference)?,
        agreed_at: consent.agreed_at,
    })
}

fn parse_cap(text: &str) -> Result<Decimal, Rejection> {
    let cap = parse_amount(text, 2).map_err(|e| Rejection::Cap(e.to_string()))?;
    if cap > STANDARD_CAP_YUAN {
        let reason = format!("{text} is above {STANDARD_CAP_YUAN}, which needs the subscriber's consent here");
        return Err(Rejection::Cap(reason));
    }
    Ok(cap)
}

/// The text without white space around it, if it is neither empty nor too long.
fn text(raw: &str) -> Option<String> {
    let trimmed = raw.trim();
    let sound =
        !trimmed.is_empty() && trimmed.chars().count() <= TEXT_CHARS_MAX && !trimmed.chars().any(char::is_control);
    sound.then(|| trimmed.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tariff::own_format;

    const LINE: &str = r#"{"msisdn":"13800000001","name":"王芳","region":"北京","cap":"50.00","subscriptions":[
        {"scheme_id":"26MB900001","since":"2026-09-01","consent":
            {"method":"signature","reference":"slip 88231","agreed_at":"2026-08-30T10:00:00+08:00"}}]}"#;

    fn parse(line: &str) -> Result<Entry, Rejection> {
        Entry::parse(line, "2026-11-01T00:00:00Z".parse().unwrap())
    }

    #[test]
    fn a_line_of_the_published_format_is_read() {
        let entry = parse(LINE).unwrap();
        assert_eq!((entry.msisdn.as_str(), entry.cap), ("13800000001", Some(Decimal::from(50))));
        assert_eq!(entry.subscriptions[0].method, Method::Signature);
        assert_eq!(entry.subscriptions[0].agreed_at.to_rfc3339(), "2026-08-30T02:00:00+00:00");
        assert!(parse(r#"{"msisdn":"13800000003","name":"新","region":"上海"}"#).unwrap().subscriptions.is_empty());
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (from, to, reason) in [
            ("13800000001", "1380000000", "not a subscriber: `1380000000` is not a mobile number"),
            ("王芳", " ", "name is missing"),
            ("50.00", "601", "cap: 601 is above 600"),
            ("50.00", "-1", "cap: `-1` is below zero"),
            ("slip 88231", "", "26MB900001 since 2026-09-01: the consent has no reference"),
            ("2026-08-30", "2026-09-02", "26MB900001 since 2026-09-01: agreed to after it began"),
            ("signature", "spoken", "not a subscriber: unknown variant `spoken`"),
            ("2026-09-01", "2026-09-31", "not a subscriber:"),
            ("\"cap\"", "\"limit\"", "not a subscriber: unknown field `limit`"),
        ] {
            let changed = LINE.replacen(from, to, 1);
            assert_ne!(changed, LINE);
            let shown = parse(&changed).unwrap_err().to_string();
            assert!(shown.contains(reason), "{shown}");
        }
        let future = LINE.replace("2026-08-30", "2026-12-30").replace("2026-09-01", "2027-01-01");
        assert!(parse(&future).unwrap_err().to_string().contains("in the future"));
        let bare = r#"{"msisdn":"13800000001","name":"王","region":"北京","subscriptions":[
            {"scheme_id":"26MB900001","since":"2026-09-01"}]}"#;
        assert!(parse(bare).unwrap_err().to_string().contains("no consent"));
    }

    #[test]
    fn a_next_version_is_agreed_to_from_its_first_day_on() {
        let version = |version, from: &str| {
            let json = format!(
                r#"{{"scheme_id":"26MB900001","name":"n","kind":"plan","audience":"","regions":["全国"],"channels":[],
                "on_sale_from":"{from}","on_sale_until":"2027-12-31","validity":"","commitment":"","cancel":"",
                "penalty":"","restrictions":[],"notes":"","terms":{{"cancel_effective":"month_end"}}}}"#
            );
            let content = own_format::parse(&json).unwrap().content;
            let published_at = "2026-08-01T00:00:00+08:00".parse().unwrap();
            TariffVersion { version, published_at, orderable_from: published_at, content }
        };
        let versions = [version(2, "2026-08-31"), version(1, "2026-01-01")];
        let agreed =
            |at: &str| Brought { agreed_at: at.parse().unwrap(), ..parse(LINE).unwrap().subscriptions[0].clone() };
        for (at, expected) in [("2026-08-30T23:59:59+08:00", 1), ("2026-08-31T00:00:00+08:00", 2)] {
            assert_eq!(agreed(at).version(&versions, None).unwrap().version, expected, "{at}");
        }
        let early = agreed("2026-08-30T23:59:59+08:00").version(&versions[..1], None).cloned();
        assert!(matches!(early, Err(Refused::NotOnSale { .. })), "{early:?}");
    }
}
