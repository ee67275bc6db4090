//! A line of a usage file: `{"id":"…","msisdn":"13800000001","service":"data","started_at":"2026-10-03T08:15:00+08:00",
//! "quantity":1048576,"rating_group":1000}`.

use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;

use super::UsageRecord;
use crate::clock::Month;
use crate::quantity::{QUANTITY_MAX, Service};
use crate::subscriber::{InvalidMsisdn, Msisdn};

/// Characters of the longest id.
pub const ID_CHARS_MAX: usize = 128;
/// Clocks of sources may run ahead by this much.
const AHEAD_MAX: TimeDelta = TimeDelta::hours(1);
/// Usage is kept for 36 months; what is older cannot be billed any more.
const AGE_MONTHS_MAX: u32 = 36;

/// A usage record and the number it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageLine {
    pub msisdn: Msisdn,
    pub record: UsageRecord,
}

/// Why a line is refused.
#[derive(Debug, thiserror::Error)]
pub enum LineError {
    #[error("not a usage record: {0}")]
    Json(#[from] serde_json::Error),
    #[error("`id` must be 1 to 128 characters, none of them a control character")]
    Id,
    #[error(transparent)]
    Msisdn(#[from] InvalidMsisdn),
    #[error("`started_at` is not a time such as 2026-10-03T08:15:00+08:00")]
    StartedAt,
    #[error("`started_at` is more than one hour in the future")]
    Future,
    #[error("`started_at` is more than 36 months ago")]
    TooOld,
    #[error("`quantity` must be from 0 to {QUANTITY_MAX}")]
    Quantity,
    #[error("`rating_group` must be from 0 to 2147483647")]
    RatingGroup,
    #[error("`rating_group` is for data only")]
    RatingGroupBesideData,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LineFile {
    id: String,
    msisdn: String,
    service: Service,
    started_at: String,
    quantity: i64,
    rating_group: Option<i64>,
}

/// Whether usage that began then can still be billed, and may have begun at all.
pub fn is_billable(started_at: DateTime<Utc>, now: DateTime<Utc>) -> bool {
    started_at <= now + AHEAD_MAX && started_at >= oldest(now)
}

fn oldest(now: DateTime<Utc>) -> DateTime<Utc> {
    Month::of(now).minus(AGE_MONTHS_MAX).start()
}

/// Reads and checks a line; `now` bounds when usage may have started.
///
/// # Errors
/// With the reason, as `FILE.rejected.ndjson` tells it.
pub fn parse_usage_line(line: &str, now: DateTime<Utc>) -> Result<UsageLine, LineError> {
    let file: LineFile = serde_json::from_str(line)?;
    if file.id.is_empty() || file.id.chars().count() > ID_CHARS_MAX || file.id.chars().any(char::is_control) {
        return Err(LineError::Id);
    }
    let msisdn = file.msisdn.parse()?;
    let started_at = DateTime::parse_from_rfc3339(&file.started_at)
        .ok()
        .and_then(|at| DateTime::from_timestamp_micros(at.timestamp_micros()))
        .ok_or(LineError::StartedAt)?;
    if started_at > now + AHEAD_MAX {
        return Err(LineError::Future);
    }
    if started_at < oldest(now) {
        return Err(LineError::TooOld);
    }
    let quantity = u64::try_from(file.quantity).ok().filter(|quantity| *quantity <= QUANTITY_MAX);
    let rating_group = file
        .rating_group
        .map(|group| {
            i32::try_from(group).ok().and_then(|group| u32::try_from(group).ok()).ok_or(LineError::RatingGroup)
        })
        .transpose()?;
    if rating_group.is_some() && file.service != Service::Data {
        return Err(LineError::RatingGroupBesideData);
    }
    Ok(UsageLine {
        msisdn,
        record: UsageRecord {
            id: file.id,
            service: file.service,
            started_at,
            quantity: quantity.ok_or(LineError::Quantity)?,
            rating_group,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = r#"{"id":"r1","msisdn":"13800000001","service":"data","started_at":"2026-10-03T08:15:00+08:00","quantity":1048576,"rating_group":1000}"#;

    fn now() -> DateTime<Utc> {
        "2026-10-03T12:00:00+08:00".parse().unwrap()
    }

    #[test]
    fn a_line_is_read() {
        let line = parse_usage_line(LINE, now()).unwrap();
        assert_eq!(line.msisdn.as_str(), "13800000001");
        assert_eq!(line.record.started_at.to_rfc3339(), "2026-10-03T00:15:00+00:00");
        assert_eq!((line.record.quantity, line.record.rating_group), (1_048_576, Some(1000)));
        let general = LINE.replace(r#","rating_group":1000"#, "");
        assert_eq!(parse_usage_line(&general, now()).unwrap().record.rating_group, None);
    }

    #[test]
    fn a_bad_line_is_refused_with_its_reason() {
        let long = "x".repeat(129);
        for (from, to, reason) in [
            ("1048576", "-1", "`quantity` must be"),
            ("1048576", "1125899906842625", "`quantity` must be"),
            ("1048576", "1.5", "not a usage record"),
            ("1048576", "\"1\"", "not a usage record"),
            ("r1", "", "`id` must be"),
            ("r1", long.as_str(), "`id` must be"),
            ("r1", "\\u0000", "`id` must be"),
            ("13800000001", "1380000000", "is not a mobile number"),
            ("2026-10-03T08", "2026-10-03T14", "in the future"),
            ("2026-10-03T08", "2023-09-30T08", "36 months ago"),
            ("+08:00", "", "`started_at` is not"),
            ("\"data\"", "\"mms\"", "not a usage record"),
            ("\"data\"", "\"sms\"", "for data only"),
            (":1000", ":-1", "`rating_group` must be"),
            ("\"id\"", "\"extra\":1,\"id\"", "not a usage record"),
            ("}", "", "not a usage record"),
        ] {
            let changed = LINE.replacen(from, to, 1);
            assert_ne!(changed, LINE);
            let error = parse_usage_line(&changed, now()).unwrap_err().to_string();
            assert!(error.contains(reason), "{changed}: {error}");
        }
    }
}
