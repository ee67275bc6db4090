//! 批量征询 What would change for many subscribers at once: another plan, a new version of theirs, a gift.
//!
//! Nothing of a subscriber changes without his yes (campaign 明白办、放心用, part 3, which counts free gifts too). So a mass
//! change is a question to each: the same as if he had asked for it himself, by SMS, with everything that is agreed to. What is
//! special is what stands around it: a purpose and a list that are frozen before anybody is asked, a second person who lets it go,
//! a pace, and limits at which it stops by itself.

#[cfg(feature = "postgres")]
pub mod store;
#[cfg(feature = "postgres")]
pub mod turn;
#[cfg(feature = "postgres")]
pub mod view;

use std::fmt;

use chrono::{DateTime, DurationRound as _, TimeDelta, Utc};

/// Most characters of a purpose.
pub const PURPOSE_CHARS_MAX: usize = 200;
/// Most characters of what somebody who decides says about it.
pub const COMMENT_CHARS_MAX: usize = 500;
/// The fastest pace, in questions an hour.
pub const PER_HOUR_MAX: i32 = 20_000;
/// The longest list.
pub const TARGETS_MAX: i64 = 2_000_000;
/// Whoever was asked by one mass offer is left alone by others for so long.
pub const LEFT_ALONE: TimeDelta = TimeDelta::days(30);
/// Fewer answers say nothing about how many refuse.
pub const ANSWERS_THAT_COUNT: i64 = 20;

/// Where a mass offer stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Its list is frozen, and it waits for somebody else's yes.
    Waiting,
    Rejected,
    /// Taken back by who asked for it.
    Withdrawn,
    Running,
    /// Stopped until somebody lets it go on.
    Halted(Halt),
    Ended,
}

/// Why it was stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Halt {
    /// By somebody.
    Staff,
    /// Too many say no.
    Refusals,
    /// Too many of those who were asked complain.
    Complaints,
    /// Abnormal charges of what is offered were found.
    Findings,
    /// What was approved is not on offer any more: withdrawn, off sale, or a newer version took its place.
    OfferChanged,
}

impl Halt {
    pub const ALL: [Self; 5] = [Self::Staff, Self::Refusals, Self::Complaints, Self::Findings, Self::OfferChanged];

    /// The name in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Staff => "staff",
            Self::Refusals => "refusals",
            Self::Complaints => "complaints",
            Self::Findings => "findings",
            Self::OfferChanged => "offer_changed",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|halt| halt.as_str() == name)
    }
}

impl fmt::Display for Halt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// When it stops by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// So many percent of the answers are a no, of [`ANSWERS_THAT_COUNT`] at least.
    pub refused_percent: i32,
    /// So many of those who were asked complain.
    pub complaints: i32,
}

/// What came of the questions so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub agreed: i64,
    pub refused: i64,
    pub complaints: i64,
    /// Of abnormal charges of the tariff, since it was approved.
    pub findings: i64,
}

/// Whether it must stop, and why.
pub fn must_stop(tally: &Tally, limits: &Limits) -> Option<Halt> {
    let answers = tally.agreed + tally.refused;
    if tally.findings > 0 {
        Some(Halt::Findings)
    } else if tally.complaints >= limits.complaints.into() {
        Some(Halt::Complaints)
    } else if answers >= ANSWERS_THAT_COUNT && tally.refused * 100 >= answers * i64::from(limits.refused_percent) {
        Some(Halt::Refusals)
    } else {
        None
    }
}

/// How many may be asked now: questions are spread over the hour, so that what goes wrong is seen before many have it.
/// `asked`: in this hour so far.
pub fn may_ask(per_hour: i32, asked: i32, now: DateTime<Utc>) -> i32 {
    let passed = (now - hour_of(now)).num_seconds();
    let due = i64::from(per_hour) * (passed + 60) / 3600;
    let due = i32::try_from(due).unwrap_or(per_hour).clamp(1, per_hour);
    (due - asked).max(0)
}

/// The hour in which an instant lies.
pub fn hour_of(at: DateTime<Utc>) -> DateTime<Utc> {
    at.duration_trunc(TimeDelta::hours(1)).unwrap_or(at)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIMITS: Limits = Limits { refused_percent: 50, complaints: 3 };

    fn tally(agreed: i64, refused: i64) -> Tally {
        Tally { agreed, refused, ..Tally::default() }
    }

    #[test]
    fn it_stops_when_many_refuse_complain_or_are_charged_wrongly() {
        assert_eq!(must_stop(&tally(0, 19), &LIMITS), None, "too few answers to say");
        assert_eq!(must_stop(&tally(11, 9), &LIMITS), None);
        assert_eq!(must_stop(&tally(10, 10), &LIMITS), Some(Halt::Refusals));
        assert_eq!(must_stop(&Tally { complaints: 2, ..tally(90, 0) }, &LIMITS), None);
        assert_eq!(must_stop(&Tally { complaints: 3, ..tally(90, 0) }, &LIMITS), Some(Halt::Complaints));
        assert_eq!(must_stop(&Tally { findings: 1, ..tally(90, 0) }, &LIMITS), Some(Halt::Findings));
    }

    #[test]
    fn names_are_read_back() {
        for halt in Halt::ALL {
            assert_eq!(Halt::from_name(halt.as_str()), Some(halt));
        }
        assert_eq!(Halt::from_name("mood"), None);
    }

    proptest! {
        #[test]
        fn the_pace_is_kept_and_used(per_hour in 1..=PER_HOUR_MAX, mut looks in prop::collection::vec(0_i64..3600, 1..40)) {
            let start: DateTime<Utc> = "2026-10-15T04:00:00Z".parse().unwrap();
            looks.sort_unstable();
            let mut asked = 0;
            for second in looks {
                let now = start + TimeDelta::seconds(second);
                prop_assert_eq!(hour_of(now), start);
                asked += may_ask(per_hour, asked, now);
                let spread = i64::from(per_hour) * (second + 60) / 3600;
                prop_assert!(asked <= per_hour && i64::from(asked) <= spread.max(1));
            }
            asked += may_ask(per_hour, asked, start + TimeDelta::seconds(3599));
            prop_assert_eq!(asked, per_hour);
        }
    }
}
