//! 在线计费 Online charging of data sessions: what a session asks, what it is granted, and what its quota holds of the
//! allowances and the cap. The interface is `Nchf_ConvergedCharging` (TS 32.291); its procedures are those of TS 32.290.

mod quota;
#[cfg(test)]
mod quota_tests;

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::reference::parts;
use crate::subscriber::Msisdn;

pub use quota::{Forecast, Offer};

/// Bytes that are granted where the session does not say how many it wants.
pub const GRANT_STANDARD_BYTES: u64 = 64 << 20;
/// Bytes of the largest grant: what a session that dies can keep from others until its quota ends.
pub const GRANT_MAX_BYTES: u64 = 1 << 30;
/// Bytes below which a grant is not divided any more.
pub const GRANT_MIN_BYTES: u64 = 1 << 20;
/// A quota that is not reported on ends after so long and gives back what it held.
pub const VALIDITY: TimeDelta = TimeDelta::minutes(10);
/// A session gives back a quota that it did not use for so long.
pub const QUOTA_HOLDING: TimeDelta = TimeDelta::minutes(2);
/// A session asks anew when this share of its quota is left.
pub const THRESHOLD_SHARE: u64 = 5;
/// Quotas of one session.
pub const QUOTAS_MAX: usize = 64;
/// Open sessions of one subscriber.
pub const SESSIONS_MAX: usize = 256;
/// A session that says nothing for so long is over.
pub const SILENCE_MAX: TimeDelta = TimeDelta::hours(48);

/// Names a session: the charging data reference of TS 32.291, `{subscriber}-{32 hexadecimal digits}`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SessionRef {
    pub subscriber_id: i64,
    /// 32 lower-case hexadecimal digits.
    pub session_id: String,
}

/// The text is not the name of a session.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is not the reference of a charging session")]
pub struct InvalidSessionRef;

impl fmt::Display for SessionRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.subscriber_id, self.session_id)
    }
}

impl FromStr for SessionRef {
    type Err = InvalidSessionRef;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (subscriber_id, id) = parts(text).ok_or(InvalidSessionRef)?;
        Ok(Self { subscriber_id, session_id: id.to_owned() })
    }
}

/// What a session does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// It begins. `digest` names the request: the same one sent again is the same session.
    Create {
        msisdn: Msisdn,
        digest: [u8; 32],
        session_id: String,
    },
    Update(SessionRef),
    /// It is over.
    Release(SessionRef),
}

/// A request of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invocation {
    pub step: Step,
    /// `invocationSequenceNumber`: one more with each request of a session, the same when a request is sent again.
    pub sequence: u32,
    pub units: Vec<UnitUsage>,
}

/// What a request says of one rating group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UnitUsage {
    /// At most 2,147,483,647.
    pub rating_group: u32,
    pub asked: Asked,
    pub used: Vec<UsedUnits>,
    /// What is left of the quota is not needed any more.
    pub gives_back: bool,
}

/// Whether a quota is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Asked {
    #[default]
    Nothing,
    /// As much as is thought fit.
    Any,
    Bytes(u64),
}

/// Data that was used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsedUnits {
    pub bytes: u64,
    /// When its use began, where the session says so; else it began when the session was last heard of.
    pub started_at: Option<DateTime<Utc>>,
}

/// Data that a session may use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quota {
    pub rating_group: u32,
    /// Bytes that are not reported as used yet.
    pub bytes: u64,
    pub granted_at: DateTime<Utc>,
    /// It holds nothing from then on.
    pub ends_at: DateTime<Utc>,
}

/// What a rating group is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnitAnswer {
    pub rating_group: u32,
    pub outcome: Outcome,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Its usage was noted; it asked for nothing.
    Noted,
    Granted {
        bytes: u64,
        /// Seconds after which it must report, used up or not.
        validity_seconds: i64,
        /// When these are the last bytes: what happens after them.
        last: Option<Stop>,
    },
    /// Nothing is left.
    LimitReached(Stop),
    /// The usage is more than can be counted.
    RatingFailed,
}

/// What happens when nothing is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stop {
    /// The cap stops data: the subscriber is led to where it can be raised.
    RaiseCap,
    /// The plan has no price for more.
    Terminate,
}

/// The answer to a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    pub session: SessionRef,
    pub sequence: u32,
    pub units: Vec<UnitAnswer>,
}

/// Why a request is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("no subscriber has this number")]
    UnknownSubscriber,
    #[error("there is no such charging session")]
    UnknownSession,
    #[error("the usage began more than one hour in the future or more than 36 months ago")]
    StartedAt,
    #[error("this subscriber has {SESSIONS_MAX} open sessions")]
    TooManySessions,
}

/// The usage record of a container: its name is the same however often it is sent.
pub fn usage_id(session_id: &str, sequence: u32, index: usize) -> String {
    format!("{session_id}/{sequence}/{index}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_named_and_read_back() {
        let session = SessionRef { subscriber_id: 12, session_id: "0123456789abcdef0123456789abcdef".to_owned() };
        assert_eq!(session.to_string().parse(), Ok(session));
        for text in
            ["", "12", "12-", "12-0123", "x-0123456789abcdef0123456789abcdef", "1-0123456789ABCDEF0123456789ABCDEF"]
        {
            assert_eq!(text.parse::<SessionRef>(), Err(InvalidSessionRef), "{text}");
        }
    }
}
