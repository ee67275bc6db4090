//! 网络渠道 Agents' online channels: who runs them, what each may sell, where and until when, what they may say of it, and the
//! orders that come in through them.
//!
//! What is asked to hold of a channel is a version ([`Terms`]), which somebody else has to approve and one person can stop at once.
//! A channel never orders: it has us ask the subscriber, whose own yes stays needed (`order`).

#[cfg(feature = "postgres")]
pub mod content;
pub mod credit_code;
#[cfg(feature = "postgres")]
pub mod marketing;
mod terms;

#[cfg(feature = "postgres")]
pub mod directory;
#[cfg(feature = "postgres")]
pub mod order;
#[cfg(feature = "postgres")]
pub mod report;
#[cfg(feature = "postgres")]
pub mod secret;
#[cfg(feature = "postgres")]
pub mod store;

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, NaiveDate, Utc};

use crate::clock::local_date;

pub use terms::{
    ADDRESSES_MAX, CONTACT_CHARS_MAX, DAYS_MAX, Fault, NAME_CHARS_MAX, OPERATOR_CHARS_MAX, TARIFFS_MAX, Terms, Typed,
};

/// The region that means everywhere.
pub const NATIONWIDE: &str = "全国";

/// The key of the table `channel` under which agents' channels have subscribers asked.
pub const WAY: &str = "agent";

/// The number of a channel, as its badge shows it: `QD` and six digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChannelId(String);

/// It is the number of no channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the number of a channel is QD and six digits")]
pub struct InvalidChannelId;

impl ChannelId {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ChannelId {
    type Err = InvalidChannelId;

    fn from_str(text: &str) -> Result<Self, InvalidChannelId> {
        let is_number = |digits: &str| digits.len() == 6 && digits.bytes().all(|byte| byte.is_ascii_digit());
        let is_id = text.strip_prefix("QD").is_some_and(is_number);
        if is_id { Ok(Self(text.to_owned())) } else { Err(InvalidChannelId) }
    }
}

impl fmt::Display for ChannelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a version holds no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Why {
    /// 暂停: until another version is approved.
    Suspended,
    /// 终止
    Ended,
    /// By the next version.
    Replaced,
}

impl Why {
    /// The name in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Suspended => "suspended",
            Self::Ended => "ended",
            Self::Replaced => "replaced",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        [Self::Suspended, Self::Ended, Self::Replaced].into_iter().find(|why| why.as_str() == name)
    }
}

/// The end of a version that was approved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stop {
    pub why: Why,
    pub at: DateTime<Utc>,
    pub reason: String,
}

/// How a channel stands on a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Standing {
    /// Nothing of it was approved yet.
    Waiting,
    NotStarted,
    InForce,
    Expired,
    Suspended,
    Ended,
}

impl Standing {
    /// Of the newest version that was approved.
    pub fn of(valid_from: NaiveDate, valid_until: NaiveDate, stop: Option<Why>, now: DateTime<Utc>) -> Self {
        let today = local_date(now);
        match stop {
            Some(Why::Suspended) => Self::Suspended,
            Some(Why::Ended | Why::Replaced) => Self::Ended,
            None if today < valid_from => Self::NotStarted,
            None if today > valid_until => Self::Expired,
            None => Self::InForce,
        }
    }

    /// What becomes of orders meanwhile; `None`: they are looked at further.
    pub fn refuses(self) -> Option<Outcome> {
        match self {
            Self::InForce => None,
            Self::Waiting | Self::NotStarted => Some(Outcome::NotStarted),
            Self::Expired => Some(Outcome::Expired),
            Self::Suspended => Some(Outcome::Suspended),
            Self::Ended => Some(Outcome::Ended),
        }
    }
}

/// What became of an order that a channel sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// The subscriber was asked by SMS.
    Asked,
    /// The channel may not sell this tariff.
    Tariff,
    /// Not in the subscriber's region.
    Region,
    NotStarted,
    Expired,
    Suspended,
    Ended,
    /// The channel may, and for this number it cannot be ordered. Why is not the channel's business.
    NotAvailable,
}

impl Outcome {
    pub const ALL: [Self; 8] = [
        Self::Asked,
        Self::Tariff,
        Self::Region,
        Self::NotStarted,
        Self::Expired,
        Self::Suspended,
        Self::Ended,
        Self::NotAvailable,
    ];

    /// The name in the database and in answers.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Tariff => "tariff",
            Self::Region => "region",
            Self::NotStarted => "not_started",
            Self::Expired => "expired",
            Self::Suspended => "suspended",
            Self::Ended => "ended",
            Self::NotAvailable => "not_available",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.as_str() == name)
    }

    /// 越权 Whether it was refused because the channel may not.
    pub fn is_beyond_scope(self) -> bool {
        !matches!(self, Self::Asked | Self::NotAvailable)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn a_channel_stands_as_its_days_and_its_stop_say() {
        let standing =
            |stop, now| Standing::of("2026-03-01".parse().unwrap(), "2026-10-31".parse().unwrap(), stop, at(now));
        let first = "2026-03-01T00:00:00+08:00";
        assert_eq!(standing(None, "2026-02-28T23:59:59+08:00"), Standing::NotStarted);
        assert_eq!(standing(None, first), Standing::InForce);
        assert_eq!(standing(None, "2026-10-31T23:59:59+08:00"), Standing::InForce);
        assert_eq!(standing(None, "2026-11-01T00:00:00+08:00"), Standing::Expired);
        assert_eq!(standing(Some(Why::Suspended), first), Standing::Suspended);
        assert_eq!(standing(Some(Why::Ended), first), Standing::Ended);
    }

    #[test]
    fn orders_go_on_while_it_is_in_force_and_never_else() {
        use Standing::{Ended, Expired, InForce, NotStarted, Suspended, Waiting};
        for standing in [Waiting, NotStarted, InForce, Expired, Suspended, Ended] {
            assert_eq!(standing.refuses().is_none(), standing == InForce, "{standing:?}");
            assert!(standing.refuses().is_none_or(Outcome::is_beyond_scope), "{standing:?}");
        }
    }

    #[test]
    fn names_are_read_back() {
        for outcome in Outcome::ALL {
            assert_eq!(Outcome::named(outcome.as_str()), Some(outcome));
        }
        for why in [Why::Suspended, Why::Ended, Why::Replaced] {
            assert_eq!(Why::named(why.as_str()), Some(why));
        }
    }

    proptest! {
        #[test]
        fn only_numbers_of_channels_are_read_as_such(text in "(QD)?[0-9A-Za-z一]{0,8}") {
            let is_id = text.len() == 8 && text.starts_with("QD") && text[2..].bytes().all(|b| b.is_ascii_digit());
            prop_assert_eq!(text.parse::<ChannelId>().is_ok(), is_id);
        }
    }
}
