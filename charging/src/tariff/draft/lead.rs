//! 公示期 For how long what was approved is public before it can be ordered.

use std::str::FromStr;
use std::sync::OnceLock;

use chrono::TimeDelta;

static LEAD: OnceLock<Lead> = OnceLock::new();

/// More than nothing, and thirty days at most; in whole seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lead(i32);

impl Lead {
    /// A day: unless the operator set another.
    pub const STANDARD: Self = Self(24 * 60 * 60);
    const SECONDS_MAX: i32 = 30 * 24 * 60 * 60;

    pub fn seconds(self) -> i32 {
        self.0
    }

    pub fn duration(self) -> TimeDelta {
        TimeDelta::seconds(self.0.into())
    }
}

/// The text is no lead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a time such as 24h, 30min or 5s, of more than nothing and at most 30 days")]
pub struct InvalidLead(String);

impl FromStr for Lead {
    type Err = InvalidLead;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || InvalidLead(text.chars().take(40).collect());
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at(digits);
        let unit = match unit {
            "s" => 1,
            "min" => 60,
            "h" => 60 * 60,
            "d" => 24 * 60 * 60,
            _ => return Err(invalid()),
        };
        let seconds = number.parse().ok().and_then(|number: i32| number.checked_mul(unit));
        seconds.filter(|seconds| (1..=Self::SECONDS_MAX).contains(seconds)).map(Self).ok_or_else(invalid)
    }
}

/// What the operator set, or [`Lead::STANDARD`].
pub fn lead() -> Lead {
    LEAD.get().copied().unwrap_or(Lead::STANDARD)
}

/// Sets it, once, when the program starts.
pub fn set_lead(lead: Lead) {
    // A second start in one process keeps what the first one set.
    LEAD.get_or_init(|| lead);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lead_is_never_nothing() {
        for (text, seconds) in [("24h", 86_400), ("5s", 5), ("30min", 1800), ("30d", 2_592_000)] {
            assert_eq!(text.parse::<Lead>().map(Lead::seconds), Ok(seconds));
        }
        for text in ["0s", "0h", "31d", "-1h", "1", "h", "", "1 h", "99999999999d", "1h30min"] {
            assert!(text.parse::<Lead>().is_err(), "{text}");
        }
    }
}
