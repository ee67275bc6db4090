//! 提醒 Notices: what leaves for the subscriber's phone, written in the transaction of its cause.

mod account_words;
mod bill_words;
pub mod call;
#[cfg(feature = "postgres")]
pub mod choice;
pub mod commitment_words;
mod dispute_words;
mod family_words;
mod order_request;
mod payment_words;
#[cfg(feature = "postgres")]
pub mod queue;
pub mod quiet;
pub mod receipt;
mod service_words;
pub mod sms;
mod spoken;
#[cfg(feature = "postgres")]
pub mod store;
pub mod template;
mod topic;
mod urgency;
mod usage_words;
mod words;

use chrono::{DateTime, TimeDelta, Utc};

pub use account_words::{AccountNotice, DataLeft};
pub use dispute_words::DisputeNotice;
pub use family_words::FamilyNotice;
pub use payment_words::PaymentNotice;
pub use service_words::{ListLead, ListedService, OtherTariff, ServiceNotice, pages};
pub use topic::Topic;
pub use urgency::{Urgency, lifetime};
pub use usage_words::UsageNotice;

/// How often sending one notice is tried.
pub const ATTEMPTS_MAX: i32 = 12;
/// Pause after the first failure; it doubles with each further one.
pub const RETRY_FIRST: TimeDelta = TimeDelta::seconds(5);
/// Longest pause between two tries.
pub const RETRY_PAUSE_MAX: TimeDelta = TimeDelta::hours(1);

/// When to try again after `attempts` failures; `None`: given up.
pub fn retry_at(attempts: i32, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    (attempts < ATTEMPTS_MAX).then(|| now + retry_pause(attempts))
}

/// The pause after `attempts` failures.
pub fn retry_pause(attempts: i32) -> TimeDelta {
    let doublings = attempts.saturating_sub(1).max(0).unsigned_abs();
    let pause = RETRY_FIRST.checked_mul(2_i32.saturating_pow(doublings)).unwrap_or(RETRY_PAUSE_MAX);
    pause.min(RETRY_PAUSE_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_an_hour_and_end() {
        let now: DateTime<Utc> = "2026-10-15T00:00:00Z".parse().unwrap();
        let pause = |attempts| retry_at(attempts, now).map(|at| (at - now).num_seconds());
        assert_eq!([pause(1), pause(2), pause(3)], [Some(5), Some(10), Some(20)]);
        assert_eq!(pause(11), Some(3600));
        assert_eq!(pause(12), None);
        assert_eq!([retry_pause(0), retry_pause(i32::MAX)], [RETRY_FIRST, RETRY_PAUSE_MAX]);
    }
}
