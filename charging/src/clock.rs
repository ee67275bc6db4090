//! Time, passed in. Months are calendar months in Asia/Shanghai; instants are UTC.

use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Datelike, Days, FixedOffset, Months, NaiveDate, TimeDelta, TimeZone, Utc};
use serde::{Deserialize, Serialize};

/// China has kept UTC+8 without summer time since 1992, so the zone is an offset.
#[expect(clippy::missing_panics_doc, reason = "eight hours is a valid offset")]
pub fn shanghai() -> FixedOffset {
    FixedOffset::east_opt(8 * 3600).expect("eight hours is a valid offset")
}

/// The day in Asia/Shanghai of an instant.
pub fn local_date(at: DateTime<Utc>) -> NaiveDate {
    at.with_timezone(&shanghai()).date_naive()
}

/// Midnight in Asia/Shanghai at the start of a day.
#[expect(clippy::missing_panics_doc, reason = "a fixed offset has no gaps, and midnight exists")]
pub fn start_of_day(day: NaiveDate) -> DateTime<Utc> {
    let midnight = day.and_hms_opt(0, 0, 0).expect("midnight exists");
    shanghai().from_local_datetime(&midnight).single().expect("a fixed offset has no gaps").to_utc()
}

/// A calendar month in Asia/Shanghai (账期), written `2026-10`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Month(NaiveDate);

/// The text is not a month.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a month such as 2026-10")]
pub struct InvalidMonth(String);

impl Month {
    /// The month that holds a day.
    #[expect(clippy::missing_panics_doc, reason = "every month has a first day")]
    pub fn of_date(day: NaiveDate) -> Self {
        Self(day.with_day(1).expect("every month has a first day"))
    }

    /// The month in which an instant lies.
    pub fn of(at: DateTime<Utc>) -> Self {
        Self::of_date(local_date(at))
    }

    /// Its first day, as the database keeps it.
    pub fn first_day(self) -> NaiveDate {
        self.0
    }

    pub fn last_day(self) -> NaiveDate {
        self.next().0 - Days::new(1)
    }

    /// Number of days, 28 to 31.
    pub fn days(self) -> u32 {
        self.last_day().day()
    }

    pub fn next(self) -> Self {
        Self(self.0 + Months::new(1))
    }

    pub fn previous(self) -> Self {
        Self(self.0 - Months::new(1))
    }

    /// The month `n` months before.
    pub fn minus(self, n: u32) -> Self {
        Self(self.0 - Months::new(n))
    }

    /// Calendar months from this to another one, both included; 0 when that lies before.
    pub fn count_to(self, last: Self) -> u32 {
        let months = |month: Self| month.0.year() * 12 + i32::try_from(month.0.month()).unwrap_or_default();
        u32::try_from(months(last) - months(self) + 1).unwrap_or_default()
    }

    /// First instant of the month.
    pub fn start(self) -> DateTime<Utc> {
        start_of_day(self.0)
    }

    /// First instant after the month.
    pub fn end(self) -> DateTime<Utc> {
        self.next().start()
    }

    pub fn contains(self, at: DateTime<Utc>) -> bool {
        Self::of(at) == self
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.0.year(), self.0.month())
    }
}

impl FromStr for Month {
    type Err = InvalidMonth;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let well_formed = text.len() == 7 && text.is_ascii();
        well_formed
            .then(|| NaiveDate::parse_from_str(&format!("{text}-01"), "%Y-%m-%d").ok())
            .flatten()
            .filter(|day| (2000..2200).contains(&day.year()))
            .map(Self)
            .ok_or_else(|| InvalidMonth(text.chars().take(20).collect()))
    }
}

impl TryFrom<String> for Month {
    type Error = InvalidMonth;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Month> for String {
    fn from(month: Month) -> Self {
        month.to_string()
    }
}

/// Where the present comes from.
pub trait Clock: Send + Sync + fmt::Debug {
    /// The present instant.
    fn now(&self) -> DateTime<Utc>;
}

/// A clock that many parts share.
pub type SharedClock = Arc<dyn Clock>;

/// The machine's clock, in whole microseconds as PostgreSQL keeps them.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place where the present is read")]
    fn now(&self) -> DateTime<Utc> {
        let now = Utc::now();
        DateTime::from_timestamp_micros(now.timestamp_micros()).unwrap_or(now)
    }
}

/// A clock that stands until it is moved, so that a test or the demo can live through months.
#[derive(Debug)]
pub struct ManualClock(Mutex<DateTime<Utc>>);

impl ManualClock {
    pub fn new(at: DateTime<Utc>) -> Self {
        Self(Mutex::new(at))
    }

    pub fn set(&self, at: DateTime<Utc>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = at;
    }

    pub fn advance(&self, by: TimeDelta) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) += by;
    }
}

impl Clock for ManualClock {
    fn now(&self) -> DateTime<Utc> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_begins_at_midnight_in_shanghai() {
        let month: Month = "2026-10".parse().unwrap();
        assert_eq!(month.start().to_rfc3339(), "2026-09-30T16:00:00+00:00");
        assert_eq!(month.end().to_rfc3339(), "2026-10-31T16:00:00+00:00");
        assert_eq!(Month::of(month.end() - TimeDelta::microseconds(1)), month);
        assert_eq!(Month::of(month.end()), month.next());
        assert_eq!((month.days(), "2028-02".parse::<Month>().unwrap().days()), (31, 29));
    }

    #[test]
    fn only_months_are_read_as_months() {
        for text in ["2026-13", "2026-1", "2026-10-01", "", "二〇二六", "+202-10", "1999-12"] {
            assert!(text.parse::<Month>().is_err(), "{text}");
        }
    }
}
