//! Moments as date-and-time fields have them, on the clock of Asia/Shanghai.

use charging::clock::shanghai;
use chrono::{DateTime, NaiveDate, NaiveDateTime, TimeZone as _, Utc};

/// What a browser sends: `2026-12-01T08:00`, with seconds or without; `None`: that is no moment, or none of these two centuries.
pub fn moment(text: &str) -> Option<DateTime<Utc>> {
    let formats = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"];
    let local = formats.iter().find_map(|format| NaiveDateTime::parse_from_str(text, format).ok())?;
    let known = NaiveDate::from_ymd_opt(2000, 1, 1)?..NaiveDate::from_ymd_opt(2200, 1, 1)?;
    known.contains(&local.date()).then(|| shanghai().from_local_datetime(&local).single())?.map(|at| at.to_utc())
}

/// What a field shows, to the minute.
pub fn minute(at: DateTime<Utc>) -> String {
    at.with_timezone(&shanghai()).format("%Y-%m-%dT%H:%M").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_china() {
        let at = |text| moment(text).map(|at| at.to_rfc3339());
        assert_eq!(at("2026-12-01T00:00").as_deref(), Some("2026-11-30T16:00:00+00:00"));
        assert_eq!(at("2026-12-01T08:30:15").as_deref(), Some("2026-12-01T00:30:15+00:00"));
        for text in ["", "2026-12-01", "2026-13-01T00:00", "2026-12-01T25:00", "9999-12-01T08:00", "1900-01-01T00:00"] {
            assert_eq!(moment(text), None, "{text}");
        }
        assert_eq!(minute("2026-10-15T16:07:59Z".parse().unwrap()), "2026-10-16T00:07");
    }
}
