//! 消费限额 Spending limits: the state of the cap as a policy counter that network functions follow, so that they can
//! slow data down or let it flow again. The interface is `Nchf_SpendingLimitControl` (TS 29.594).
//!
//! A function that follows a cap is told its state and what becomes of it when the month ends, where that differs: the
//! pending status of TS 29.594, which the function puts into effect by itself. So the turn of a month is told to nobody
//! unless it brings something else than was announced.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, TimeDelta, Utc};

use super::reference::parts;
use super::threshold::CapState;
use crate::clock::Month;
use crate::subscriber::Msisdn;

/// The policy counter that every subscriber has: how far the cap of the month is.
pub const POLICY_COUNTER: &str = "cap";
/// Network functions that follow the cap of one subscriber.
pub const SUBSCRIPTIONS_MAX: usize = 32;
/// The longest that a subscription lasts whose owner says when it is to end.
pub const LIFETIME_MAX: TimeDelta = TimeDelta::days(366);
/// An owner that takes no notification for so long is gone, and its subscription with it.
pub const UNREACHABLE_MAX: TimeDelta = TimeDelta::days(3);

/// Names a subscription: the `subscriptionId` of TS 29.594, `{subscriber}-{32 hexadecimal digits}`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SubscriptionRef {
    pub subscriber_id: i64,
    /// 32 lower-case hexadecimal digits.
    pub spending_limit_id: String,
}

/// The text is not the name of a subscription.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is not the reference of a spending limit subscription")]
pub struct InvalidSubscriptionRef;

impl fmt::Display for SubscriptionRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.subscriber_id, self.spending_limit_id)
    }
}

impl FromStr for SubscriptionRef {
    type Err = InvalidSubscriptionRef;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (subscriber_id, id) = parts(text).ok_or(InvalidSubscriptionRef)?;
        Ok(Self { subscriber_id, spending_limit_id: id.to_owned() })
    }
}

/// Where a cap stands in a month, and where it will when the month ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    pub month: Month,
    pub state: CapState,
    /// The state at the start of the next month, as far as is known.
    pub next: CapState,
}

impl Standing {
    /// What whoever was told this takes it to be in a month: what was announced came into effect, and lasts.
    pub fn taken_in(self, month: Month) -> Self {
        if month <= self.month { self } else { Self { month, state: self.next, next: self.next } }
    }

    /// The state that is announced, and from when on it holds.
    pub fn pending(self) -> Option<(CapState, DateTime<Utc>)> {
        (self.next != self.state).then(|| (self.next, self.month.end()))
    }
}

/// A network function begins to follow the cap of a subscriber.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewSubscription {
    pub msisdn: Msisdn,
    /// 32 random lower-case hexadecimal digits.
    pub spending_limit_id: String,
    /// An address by http or https without query; at most 1,024 characters.
    pub notif_uri: String,
    /// Told back to its owner; at most 256 characters each.
    pub notif_id: Option<String>,
    pub supi: Option<String>,
    /// In whole microseconds, later than now; `None`: it lasts until it is deleted.
    pub expires_at: Option<DateTime<Utc>>,
}

/// What is to change of a subscription; the rest stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// Whose cap it follows, where that is said again.
    pub msisdn: Option<Msisdn>,
    pub notif_uri: Option<String>,
    pub notif_id: Option<String>,
    pub supi: Option<String>,
    pub expires_at: Option<DateTime<Utc>>,
}

/// A subscription as its owner is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    pub reference: SubscriptionRef,
    pub notif_id: Option<String>,
    pub supi: Option<String>,
    pub expires_at: Option<DateTime<Utc>>,
    pub standing: Standing,
}

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("no subscriber has this number")]
    UnknownSubscriber,
    #[error("there is no such spending limit subscription")]
    UnknownSubscription,
    #[error("the subscription is about another number")]
    OtherSubscriber,
    #[error("{SUBSCRIPTIONS_MAX} subscriptions follow this subscriber's cap already")]
    TooManySubscriptions,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subscription_is_named_and_read_back() {
        let id = "0123456789abcdef0123456789abcdef";
        let named = SubscriptionRef { subscriber_id: 12, spending_limit_id: id.to_owned() };
        assert_eq!(named.to_string().parse(), Ok(named));
        for text in ["", "12", "12-", "12-0123", &format!("x-{id}"), &format!("1-{}", id.to_uppercase())] {
            assert_eq!(text.parse::<SubscriptionRef>(), Err(InvalidSubscriptionRef), "{text}");
        }
    }

    #[test]
    fn what_was_announced_holds_when_the_month_has_turned() {
        let (november, december): (Month, Month) = ("2026-11".parse().unwrap(), "2026-12".parse().unwrap());
        let told = Standing { month: november, state: CapState::Reached, next: CapState::Ok };
        assert_eq!(told.pending(), Some((CapState::Ok, november.end())));
        assert_eq!(told.taken_in(november), told);
        let then = Standing { month: december, state: CapState::Ok, next: CapState::Ok };
        assert_eq!((told.taken_in(december), then.pending()), (then, None));
        assert_eq!(then.taken_in(november), then, "another server's clock may be behind");
    }

    #[test]
    fn states_are_read_back() {
        for state in CapState::ALL {
            assert_eq!(state.as_str().parse(), Ok(state));
        }
        assert!("full".parse::<CapState>().is_err());
    }
}
