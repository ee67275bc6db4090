//! 安静时段 Quiet hours: what is not urgent waits for the morning, and no phone rings at night.

use std::sync::OnceLock;

use chrono::{DateTime, TimeDelta, Timelike as _, Utc};

use super::template::Message;
use super::{ServiceNotice, Topic};
use crate::clock::{Month, local_date, shanghai, start_of_day};

/// Hours of the day in Asia/Shanghai in which subscribers are told of what is not urgent, and called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hours {
    /// From the start of this hour, 0 to 23 …
    from: u32,
    /// … to the start of this one, 1 to 24.
    until: u32,
}

static WAKING: OnceLock<Hours> = OnceLock::new();

/// The waking hours of this program: those that its operator set, else [`Hours::WAKING`].
pub fn waking() -> Hours {
    WAKING.get().copied().unwrap_or(Hours::WAKING)
}

/// Sets the waking hours for as long as the program runs, before anything is told. The first word counts.
pub fn set_waking(hours: Hours) {
    WAKING.get_or_init(|| hours);
}

/// The text is not a span of hours.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a span of hours of the day such as 8-22")]
pub struct InvalidHours(String);

impl Hours {
    /// From 8:00 to 22:00.
    pub const WAKING: Self = Self { from: 8, until: 22 };

    pub fn first_hour(self) -> u32 {
        self.from
    }

    /// The hour at whose start they are over, 24 at midnight.
    pub fn end_hour(self) -> u32 {
        self.until
    }

    /// Whether no hour of the day is quiet.
    pub fn are_all(self) -> bool {
        self.from == 0 && self.until == 24
    }

    /// The first instant of them at or after another.
    pub fn next(self, at: DateTime<Utc>) -> DateTime<Utc> {
        let hour = at.with_timezone(&shanghai()).hour();
        let day = local_date(at);
        if hour < self.from {
            start_of_day(day) + TimeDelta::hours(self.from.into())
        } else if hour < self.until {
            at
        } else {
            start_of_day(day) + TimeDelta::hours(i64::from(self.from) + 24)
        }
    }

    /// Whether an instant is one of them.
    pub fn contain(self, at: DateTime<Utc>) -> bool {
        self.next(at) == at
    }

    /// When the hours end in which an instant lies.
    pub fn end(self, at: DateTime<Utc>) -> DateTime<Utc> {
        start_of_day(local_date(at)) + TimeDelta::hours(self.until.into())
    }
}

impl std::str::FromStr for Hours {
    type Err = InvalidHours;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let hours = text.split_once('-').and_then(|(from, until)| {
            let (from, until) = (from.trim().parse().ok()?, until.trim().parse().ok()?);
            (from < until && until <= 24).then_some(Self { from, until })
        });
        hours.ok_or_else(|| InvalidHours(text.chars().take(20).collect()))
    }
}

/// When a message is due: at once, or at the end of the quiet hours where it can wait and still holds then.
pub fn due_at(message: &Message<'_>, now: DateTime<Utc>) -> DateTime<Utc> {
    let morning = waking().next(now);
    if message.can_wait() && message.holds_until(now).is_none_or(|until| morning < until) { morning } else { now }
}

impl Message<'_> {
    /// Whether nobody waits for it, and nothing is lost by telling it in the morning.
    fn can_wait(&self) -> bool {
        match self {
            Self::BillReady { .. } => true,
            Self::Service(notice) => {
                matches!(
                    notice,
                    ServiceNotice::FirstCharge { .. } | ServiceNotice::Renewal { .. } | ServiceNotice::Withdrawn { .. }
                )
            }
            Self::Dispute(notice) => notice.can_wait(),
            message => message.topic() == Some(Topic::UsageShare),
        }
    }

    /// Until when it is so what it says, if that ends: "this month" with the month, what is ahead when it is there.
    pub(super) fn holds_until(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        match self {
            Self::Usage(_) => Some(Month::of(now).end()),
            Self::Service(
                ServiceNotice::FirstCharge { charged_on: day, .. } | ServiceNotice::Renewal { renews_on: day, .. },
            ) => Some(start_of_day(*day)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rust_decimal::Decimal;

    use super::*;
    use crate::notice::UsageNotice;
    use crate::notice::template::BillFacts;
    use crate::notice::template::catalogue::{Sample, messages};
    use crate::quantity::Service;
    use crate::subscriber::Language;
    use crate::usage::threshold::UsedLevel;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn bill() -> Message<'static> {
        let facts = BillFacts { change: None, largest: Vec::new() };
        Message::BillReady { month: "2026-10".parse().unwrap(), total: Decimal::ONE, due: Decimal::ONE, facts }
    }

    fn allowance(level: UsedLevel) -> Message<'static> {
        let (service, is_directed, left, has_price) = (Service::Data, false, 1, true);
        Message::Usage(UsageNotice::Allowance { service, is_directed, level, left, has_price })
    }

    fn renewal(renews_on: &str) -> Message<'static> {
        let renews_on = renews_on.parse().unwrap();
        Message::Service(ServiceNotice::Renewal { first: "A", services: 1, monthly: Decimal::ONE, renews_on })
    }

    #[test]
    fn the_night_is_from_ten_to_eight() {
        for (told, due) in [
            ("2026-11-22T21:59:59.999999+08:00", "2026-11-22T21:59:59.999999+08:00"),
            ("2026-11-22T22:00:00+08:00", "2026-11-23T08:00:00+08:00"),
            ("2026-11-22T23:59:59+08:00", "2026-11-23T08:00:00+08:00"),
            ("2026-11-23T00:00:00+08:00", "2026-11-23T08:00:00+08:00"),
            ("2026-11-23T07:59:59+08:00", "2026-11-23T08:00:00+08:00"),
            ("2026-11-23T08:00:00+08:00", "2026-11-23T08:00:00+08:00"),
        ] {
            for message in [bill(), allowance(UsedLevel::Half), renewal("2026-12-01")] {
                assert_eq!(due_at(&message, at(told)), at(due), "{told} {message:?}");
            }
            assert_eq!(due_at(&allowance(UsedLevel::UsedUp), at(told)), at(told));
        }
    }

    #[test]
    fn what_would_come_too_late_in_the_morning_does_not_wait() {
        let night = at("2026-11-30T23:30:00+08:00");
        assert_eq!(due_at(&renewal("2026-12-01"), night), night, "it would have renewed itself");
        assert_eq!(due_at(&allowance(UsedLevel::FourFifths), night), night, "\"this month\" would be another");
        assert_eq!(due_at(&bill(), night), at("2026-12-01T08:00:00+08:00"));
    }

    #[test]
    fn only_spans_of_hours_are_read_as_such() {
        assert_eq!("8-22".parse(), Ok(Hours::WAKING));
        assert_eq!("0-24".parse(), Ok(Hours { from: 0, until: 24 }));
        for text in ["", "8", "22-8", "8-8", "0-25", "8:00-22:00", "-1-5"] {
            assert!(text.parse::<Hours>().is_err(), "{text}");
        }
    }

    /// Codes, questions and what answers the subscriber, and what costs money every minute.
    const AT_ONCE: [&str; 12] = [
        "sign_in_code",
        "order_request",
        "order_success",
        "cancel_confirmed",
        "cap_request",
        "cap_changed",
        "service_list",
        "my_data",
        "my_bill",
        "high_charge",
        "nothing_asked",
        "help",
    ];

    proptest! {
        #[test]
        fn nothing_is_early_and_what_waits_is_due_at_eight(seconds in 1_700_000_000_i64..1_900_000_000) {
            let now = DateTime::from_timestamp(seconds, 0).unwrap();
            let sample = Sample::usual();
            for message in messages(&sample, Language::Chinese) {
                let due = due_at(&message, now);
                prop_assert!(due >= now && due - now <= TimeDelta::hours(10));
                if due != now {
                    prop_assert!(!AT_ONCE.contains(&message.kind()), "{message:?}");
                    let local = due.with_timezone(&shanghai());
                    prop_assert_eq!((local.hour(), local.minute(), local.second()), (8, 0, 0));
                    prop_assert!(!Hours::WAKING.contain(now));
                }
            }
        }

        #[test]
        fn hours_are_never_left_by_waiting(seconds in 1_700_000_000_i64..1_900_000_000, from in 0_u32..24, length in 1_u32..24) {
            let hours = Hours { from, until: (from + length).min(24) };
            let now = DateTime::from_timestamp(seconds, 0).unwrap();
            let next = hours.next(now);
            prop_assert!(hours.contain(next) && next >= now && next - now < TimeDelta::hours(24));
            prop_assert!(hours.end(next) > next && hours.end(next) - next <= TimeDelta::hours(24));
            prop_assert_eq!(hours.contain(now), next == now);
            prop_assert!(Month::of(next) >= Month::of(now));
        }
    }
}
