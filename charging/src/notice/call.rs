//! 提醒电话 Phone calls: handed to an outside call-out service, which tells later how each ended.

use std::fmt;
use std::str::FromStr;

use chrono::TimeDelta;
#[cfg(feature = "postgres")]
use chrono::{DateTime, Utc};
#[cfg(feature = "postgres")]
use sqlx::PgConnection;

#[cfg(feature = "postgres")]
use super::queue::Tried;
#[cfg(feature = "postgres")]
use super::quiet::Hours;
#[cfg(feature = "postgres")]
use super::store::NoticeError;
#[cfg(feature = "postgres")]
use crate::clock::{local_date, start_of_day};

/// A call that could not be made for so long is given up: the SMS has told it.
pub const LIFETIME: TimeDelta = TimeDelta::hours(24);
/// How an ended call may be told of after its phone must not ring any more. Then nobody waits for it.
pub const TOLD_WITHIN: TimeDelta = TimeDelta::hours(1);
/// Why a call is shown as not arrived of whose end nothing was told.
pub const NOT_TOLD: &str = "not_told";
/// Names the right to make calls among PostgreSQL's advisory locks.
#[cfg(feature = "postgres")]
const CLAIM: i64 = 0x006d_6261_6b00;

/// By which the call-out service and we speak of a call. The same however often it is handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallId {
    pub subscriber_id: i64,
    pub notice_id: i64,
}

/// The text is no id that we gave to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is no id of a call")]
pub struct InvalidCallId;

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "call_{}_{}", self.subscriber_id, self.notice_id)
    }
}

impl FromStr for CallId {
    type Err = InvalidCallId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let ids = text.strip_prefix("call_").and_then(|ids| ids.split_once('_'));
        let id = ids.and_then(|(subscriber_id, notice_id)| {
            Some(Self { subscriber_id: subscriber_id.parse().ok()?, notice_id: notice_id.parse().ok()? })
        });
        // One call, one id: no leading zeros, no signs.
        id.filter(|id| id.to_string() == text).ok_or(InvalidCallId)
    }
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    Answered,
    NoAnswer,
    Busy,
    /// The phone was there and did not take it.
    Refused,
    /// The network could not put it through.
    Failed,
}

impl Ending {
    pub const ALL: [Self; 5] = [Self::Answered, Self::NoAnswer, Self::Busy, Self::Refused, Self::Failed];

    /// As the service says it, and as it is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::NoAnswer => "no_answer",
            Self::Busy => "busy",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }

    /// The one with this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|ending| ending.as_str() == name)
    }
}

/// A call that waits to be made.
#[cfg(feature = "postgres")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueCall {
    pub subscriber_id: i64,
    pub notice_id: i64,
    pub msisdn: String,
    /// In which [`Self::text`] is.
    pub language: String,
    /// What it says.
    pub text: String,
    /// Failed tries to hand it over so far.
    pub attempts: i32,
    /// It must not ring after then.
    pub expires_at: DateTime<Utc>,
}

#[cfg(feature = "postgres")]
impl DueCall {
    pub fn id(&self) -> CallId {
        CallId { subscriber_id: self.subscriber_id, notice_id: self.notice_id }
    }

    /// What became of a try to hand it over.
    pub fn tried(&self, fate: super::queue::Fate) -> Tried {
        let Self { subscriber_id, notice_id, attempts, .. } = *self;
        Tried { subscriber_id, notice_id, attempts, accepted: vec![], fate }
    }
}

/// Takes the right to make calls until the transaction ends. `false`: another server has it.
///
/// # Errors
/// When the database failed.
#[cfg(feature = "postgres")]
pub async fn claim(conn: &mut PgConnection) -> Result<bool, NoticeError> {
    Ok(sqlx::query_scalar!(r#"select pg_try_advisory_xact_lock($1) as "claimed!""#, CLAIM).fetch_one(conn).await?)
}

/// Up to `limit` calls that are due, the longest waiting first. Whoever makes them must have the claim: nothing is locked.
///
/// # Errors
/// When the database failed.
#[cfg(feature = "postgres")]
pub async fn due(conn: &mut PgConnection, now: DateTime<Utc>, limit: u16) -> Result<Vec<DueCall>, NoticeError> {
    let calls = sqlx::query_as!(
        DueCall,
        r#"select n.subscriber_id, n.notice_id, s.msisdn, n.language, n.body as text, n.attempts,
            n.expires_at as "expires_at!"
        from notice n join subscriber s on s.subscriber_id = n.subscriber_id
        where n.state = 'queued' and n.channel = 'call' and n.due_at <= $1 and n.expires_at > $1
        order by n.due_at, n.notice_id limit $2"#,
        now,
        i64::from(limit),
    )
    .fetch_all(conn)
    .await?;
    Ok(calls)
}

/// What came of being told how a call ended.
#[cfg(feature = "postgres")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Noted {
    /// It is known now.
    First,
    /// It was known before: the first word counts.
    Before,
    /// There is no such call.
    Unknown,
}

/// Notes how a call ended. The word of it may come before the try that handed it over is noted, after that failed, and
/// after nobody waited for it any more.
///
/// # Errors
/// When the database failed.
#[cfg(feature = "postgres")]
pub async fn ended(
    conn: &mut PgConnection,
    id: CallId,
    ending: Ending,
    now: DateTime<Utc>,
) -> Result<Noted, NoticeError> {
    let error = (ending != Ending::Answered).then_some(ending.as_str());
    let first = sqlx::query!(
        "update notice set state = case when $3::text is null then 'delivered' else 'undelivered' end, last_error = $3,
            settled_at = $4, sent_at = coalesce(sent_at, $4)
        where subscriber_id = $1 and notice_id = $2 and channel = 'call' and (settled_at is null or last_error = $5)",
        id.subscriber_id,
        id.notice_id,
        error,
        now,
        NOT_TOLD,
    )
    .execute(&mut *conn)
    .await?;
    if first.rows_affected() == 1 {
        return Ok(Noted::First);
    }
    let is_known = sqlx::query_scalar!(
        r#"select exists (select from notice where subscriber_id = $1 and notice_id = $2 and channel = 'call') as "known!""#,
        id.subscriber_id,
        id.notice_id,
    )
    .fetch_one(conn)
    .await?;
    Ok(if is_known { Noted::Before } else { Noted::Unknown })
}

/// Gives up the calls of whose end nothing was told within [`TOLD_WITHIN`] of the last moment at which the phone might ring:
/// the end of the waking hours in which the call was handed over, or when what it says no longer holds. Returns how many.
///
/// # Errors
/// When the database failed.
#[cfg(feature = "postgres")]
pub async fn give_up_untold(conn: &mut PgConnection, hours: Hours, now: DateTime<Utc>) -> Result<u64, NoticeError> {
    let rung_by = now - TOLD_WITHIN;
    let given_up = sqlx::query!(
        "update notice set state = 'undelivered', last_error = $1, settled_at = $2
        where channel = 'call' and state = 'sent' and (sent_at < $3 or expires_at <= $4)",
        NOT_TOLD,
        now,
        over_since(hours, rung_by),
        rung_by,
    )
    .execute(conn)
    .await?;
    Ok(given_up.rows_affected())
}

/// The waking hours before this instant are over: the start of the day, or of the next one where they are over too.
#[cfg(feature = "postgres")]
fn over_since(hours: Hours, at: DateTime<Utc>) -> DateTime<Utc> {
    let day = local_date(at);
    start_of_day(if hours.end(at) <= at { day.succ_opt().unwrap_or(day) } else { day })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_has_one_id() {
        let id = CallId { subscriber_id: 12, notice_id: 345 };
        assert_eq!(id.to_string(), "call_12_345");
        assert_eq!("call_12_345".parse(), Ok(id));
        for text in ["", "call_", "call_12", "call_012_345", "call_+12_345", "call_12_345 ", "12_345", "call_1_2_3"] {
            assert_eq!(text.parse::<CallId>(), Err(InvalidCallId), "{text}");
        }
    }

    #[test]
    fn endings_are_read_back() {
        for ending in Ending::ALL {
            assert_eq!(Ending::named(ending.as_str()), Some(ending));
        }
        assert_eq!(Ending::named("ringing"), None);
    }
}
