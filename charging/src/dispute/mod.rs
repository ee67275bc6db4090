//! 争议 Disputes: a subscriber says that a line of a bill is wrong, and until that is answered the line is not due.
//!
//! What speaks for and against is laid beside it at once ([`verdict`]). Where the proof of a yes is missing or broken it is
//! upheld on the spot; everything else is answered by somebody of the staff, within [`ANSWER_DAYS`], and may be reopened once.

#[cfg(feature = "postgres")]
mod answer;
#[cfg(feature = "postgres")]
pub mod desk;
#[cfg(feature = "postgres")]
pub mod escalation;
#[cfg(feature = "postgres")]
mod gather;
#[cfg(feature = "postgres")]
mod settle;
mod step;
#[cfg(feature = "postgres")]
pub mod store;
pub mod verdict;

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, TimeDelta, Utc};
use rust_decimal::Decimal;

#[cfg(feature = "postgres")]
pub(crate) use answer::refuse;
pub use step::{Rejected, Standing, State};
pub use verdict::{Finding, Suggestion};

use crate::actor::Actor;
use crate::bill::LineKind;
use crate::clock::Month;

/// Days within which a complaint is answered; after that its owner may go to the regulator (12300).
pub const ANSWER_DAYS: i64 = 15;
/// Days after which the lead is told that a case waits.
pub const ESCALATION_DAYS: [i16; 2] = [10, 13];
/// Most characters that a subscriber or an agent writes at once.
pub const WORDS_CHARS_MAX: usize = 1000;

/// By when a round that begins now has to be answered.
pub fn due_at(round_at: DateTime<Utc>) -> DateTime<Utc> {
    round_at + TimeDelta::days(ANSWER_DAYS)
}

/// What somebody wrote, without what surrounds it; `None`: nothing.
///
/// # Errors
/// [`TooLong`].
pub fn words(typed: &str) -> Result<Option<&str>, TooLong> {
    let typed = typed.trim();
    match typed.chars().count() {
        0 => Ok(None),
        1..=WORDS_CHARS_MAX => Ok(Some(typed)),
        _ => Err(TooLong),
    }
}

/// More was written than is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("more than {WORDS_CHARS_MAX} characters")]
pub struct TooLong;

/// A case at the desk, written `17-4`: dispute 4 of subscriber 17.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CaseId {
    pub subscriber_id: i64,
    pub dispute_id: i64,
}

/// The text names no case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the number of a case")]
pub struct InvalidCaseId;

impl fmt::Display for CaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.subscriber_id, self.dispute_id)
    }
}

impl FromStr for CaseId {
    type Err = InvalidCaseId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = |text: &str| text.parse::<i64>().ok().filter(|number| *number > 0);
        text.split_once('-')
            .and_then(|(subscriber, dispute)| {
                Some(Self { subscriber_id: number(subscriber)?, dispute_id: number(dispute)? })
            })
            .ok_or(InvalidCaseId)
    }
}

/// A dispute as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dispute {
    pub subscriber_id: i64,
    pub dispute_id: i64,
    pub month: Month,
    pub line_no: i32,
    pub line_kind: LineKind,
    pub tariff_name: String,
    /// Yuan that the line charged.
    pub line_amount: Decimal,
    pub standing: Standing,
    pub opened_at: DateTime<Utc>,
    pub round_at: DateTime<Utc>,
    pub due_at: DateTime<Utc>,
    /// 0, 1 after ten days, 2 after thirteen.
    pub escalation: i16,
    /// Sign-in name and name to show of whose case it is.
    pub agent: Option<(String, String)>,
    /// What the evidence said when the round began, and the yuan to give back that it suggested.
    pub findings: Vec<Finding>,
    pub suggested: Decimal,
    pub closed_at: Option<DateTime<Utc>>,
}

impl Dispute {
    pub fn case(&self) -> CaseId {
        CaseId { subscriber_id: self.subscriber_id, dispute_id: self.dispute_id }
    }
}

/// A step that was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    pub what: What,
    pub round: i16,
    pub at: DateTime<Utc>,
    pub actor: Actor,
    /// Word for word.
    pub words: Option<String>,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    Opened,
    /// Somebody of the staff works on it.
    Taken,
    /// Something was asked of the subscriber.
    Asked,
    /// The subscriber answered.
    Told,
    /// So many days are gone.
    Escalated {
        days: i16,
    },
    /// Yuan that go back because of this answer.
    Upheld {
        award: Decimal,
    },
    Explained,
    Withdrawn,
    Reopened,
    /// Somebody else did not let go what an answer gave: so many yuan do not go back, and another answer is due.
    Refused {
        award: Decimal,
    },
}

impl What {
    /// The name in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Taken => "taken",
            Self::Asked => "asked",
            Self::Told => "told",
            Self::Escalated { .. } => "escalated",
            Self::Upheld { .. } => "upheld",
            Self::Explained => "explained",
            Self::Withdrawn => "withdrawn",
            Self::Reopened => "reopened",
            Self::Refused { .. } => "refused",
        }
    }

    /// As it is stored: the name, with the yuan or the days that belong to it.
    pub fn read(name: &str, award: Option<Decimal>, days: Option<i16>) -> Option<Self> {
        Some(match (name, award, days) {
            ("opened", None, None) => Self::Opened,
            ("taken", None, None) => Self::Taken,
            ("asked", None, None) => Self::Asked,
            ("told", None, None) => Self::Told,
            ("escalated", None, Some(days)) => Self::Escalated { days },
            ("upheld", Some(award), None) => Self::Upheld { award },
            ("explained", None, None) => Self::Explained,
            ("withdrawn", None, None) => Self::Withdrawn,
            ("reopened", None, None) => Self::Reopened,
            ("refused", Some(award), None) => Self::Refused { award },
            _ => return None,
        })
    }

    /// Yuan that go back because of it, or do not after all.
    pub fn award(self) -> Option<Decimal> {
        match self {
            Self::Upheld { award } | Self::Refused { award } => Some(award),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cases_are_read_back() {
        let case = CaseId { subscriber_id: 17, dispute_id: 4 };
        assert_eq!(case.to_string().parse(), Ok(case));
        for text in ["", "17", "17-", "-4", "0-1", "1-0", "1-2-3", "a-b", "１-2"] {
            assert_eq!(text.parse::<CaseId>(), Err(InvalidCaseId), "{text}");
        }
    }

    #[test]
    fn what_was_written_is_kept_whole_or_not_at_all() {
        assert_eq!(words("  不是我办的 \n"), Ok(Some("不是我办的")));
        assert_eq!(words(" \n "), Ok(None));
        assert_eq!(words(&"不".repeat(WORDS_CHARS_MAX)).unwrap().unwrap().chars().count(), WORDS_CHARS_MAX);
        assert_eq!(words(&"不".repeat(WORDS_CHARS_MAX + 1)), Err(TooLong));
    }

    #[test]
    fn steps_are_read_back() {
        let award = Decimal::new(950, 2);
        for what in [
            What::Opened,
            What::Taken,
            What::Asked,
            What::Told,
            What::Escalated { days: 10 },
            What::Upheld { award },
            What::Explained,
            What::Withdrawn,
            What::Reopened,
            What::Refused { award },
        ] {
            let days = if let What::Escalated { days } = what { Some(days) } else { None };
            assert_eq!(What::read(what.as_str(), what.award(), days), Some(what));
        }
        assert_eq!(What::read("upheld", None, None), None);
    }
}
