//! The queue of the outbox: what is due by SMS, and what became of notices.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::retry_at;
use super::store::NoticeError;

/// Names the rights to send among PostgreSQL's advisory locks, one a lane.
const CLAIMS: i64 = 0x006d_6261_6a00;
/// Longest error text that is kept, in characters.
const ERROR_CHARS_MAX: usize = 500;
/// Why a notice was given up that was of no use any more.
pub const TOO_LATE: &str = "too late";

/// Notices that do not wait for each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// What somebody waits for.
    Awaited,
    /// Everything else, in the order of urgency.
    Others,
}

impl Lane {
    pub const ALL: [Self; 2] = [Self::Awaited, Self::Others];

    /// Lowest and highest rank of urgency.
    fn ranks(self) -> (i16, i16) {
        match self {
            Self::Awaited => (0, 0),
            Self::Others => (1, 2),
        }
    }
}

/// A message that waits to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueNotice {
    pub subscriber_id: i64,
    pub notice_id: i64,
    pub msisdn: String,
    pub body: String,
    /// Failed tries so far.
    pub attempts: i32,
    /// Of no use after then.
    pub expires_at: Option<DateTime<Utc>>,
    /// Parts that the SMS centre has taken already, by their numbers.
    pub accepted: Vec<i16>,
}

/// A part that the SMS centre took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AcceptedPart {
    /// From 1.
    pub part: i16,
    /// By which the centre speaks of it, in the notation of [`super::receipt`]; empty where it gave none.
    pub message_id: String,
}

/// How a try to send ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// All of it was taken.
    Sent,
    /// It was not taken, or nobody knows; it is tried again later, up to a limit.
    Failed(String),
    /// It will never be taken: it is given up.
    Refused(String),
    /// It was not tried: it waits on.
    Waiting,
}

/// A notice after a try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tried {
    pub subscriber_id: i64,
    pub notice_id: i64,
    /// Failed tries before this one.
    pub attempts: i32,
    /// What this try added to the parts that were taken.
    pub accepted: Vec<AcceptedPart>,
    pub fate: Fate,
}

impl Tried {
    /// What became of a notice.
    pub fn new(notice: &DueNotice, accepted: Vec<AcceptedPart>, fate: Fate) -> Self {
        let DueNotice { subscriber_id, notice_id, attempts, .. } = *notice;
        Self { subscriber_id, notice_id, attempts, accepted, fate }
    }
}

/// How many notices went which way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settled {
    pub sent: u64,
    pub retried: u64,
    pub given_up: u64,
}

/// Takes the right to send the notices of a lane until the transaction ends. `false`: another server has it.
///
/// # Errors
/// When the database failed.
pub async fn claim(conn: &mut PgConnection, lane: Lane) -> Result<bool, NoticeError> {
    let key = CLAIMS + i64::from(lane.ranks().0);
    Ok(sqlx::query_scalar!(r#"select pg_try_advisory_xact_lock($1) as "claimed!""#, key).fetch_one(conn).await?)
}

/// Up to `limit` SMS of a lane that are due: the most urgent first, then the longest waiting. Whoever sends must have
/// the claim: nothing is locked.
///
/// # Errors
/// When the database failed.
pub async fn due(
    conn: &mut PgConnection,
    lane: Lane,
    now: DateTime<Utc>,
    limit: u16,
) -> Result<Vec<DueNotice>, NoticeError> {
    let (first, last) = lane.ranks();
    let rows = sqlx::query_as!(
        DueNotice,
        r#"select n.subscriber_id, n.notice_id, s.msisdn, n.body, n.attempts, n.expires_at,
            array(select p.part from notice_part p
                where p.subscriber_id = n.subscriber_id and p.notice_id = n.notice_id) as "accepted!"
        from notice n join subscriber s on s.subscriber_id = n.subscriber_id
        where n.state = 'queued' and n.channel = 'sms' and n.urgency between $1 and $2 and n.due_at <= $3
            and (n.expires_at is null or n.expires_at > $3)
        order by n.urgency, n.due_at, n.notice_id limit $4"#,
        first,
        last,
        now,
        i64::from(limit),
    )
    .fetch_all(conn)
    .await?;
    Ok(rows)
}

/// Gives up what is of no use any more. Returns how many.
///
/// # Errors
/// When the database failed.
pub async fn expire(conn: &mut PgConnection, now: DateTime<Utc>) -> Result<u64, NoticeError> {
    let expired = sqlx::query!(
        "update notice set state = 'given_up', last_error = $2 where state = 'queued' and expires_at <= $1",
        now,
        TOO_LATE,
    )
    .execute(conn)
    .await?;
    Ok(expired.rows_affected())
}

/// SMS that wait although they are due.
///
/// # Errors
/// When the database failed.
pub async fn depth(conn: &mut PgConnection, now: DateTime<Utc>) -> Result<i64, NoticeError> {
    let waiting = sqlx::query_scalar!(
        r#"select count(*) as "count!" from notice
            where state = 'queued' and channel = 'sms' and urgency between 0 and 2 and due_at <= $1"#,
        now
    );
    Ok(waiting.fetch_one(conn).await?)
}

/// Notes what became of notices, all at once. One that was settled before stays as it is.
///
/// # Errors
/// When the database failed.
pub async fn settle(conn: &mut PgConnection, tried: &[Tried], now: DateTime<Utc>) -> Result<Settled, NoticeError> {
    keep_parts(conn, tried, now).await?;
    let mut rows = Rows::default();
    for one in tried {
        rows.push(one, now);
    }
    if rows.notices.is_empty() {
        return Ok(Settled::default());
    }
    let states = sqlx::query_scalar!(
        "update notice n set state = v.state, due_at = coalesce(v.due_at, n.due_at), attempts = n.attempts + 1,
            sent_at = case when v.state = 'sent' then $6::timestamptz end, last_error = v.error
        from unnest($1::bigint[], $2::bigint[], $3::text[], $4::timestamptz[], $5::text[])
            as v (subscriber_id, notice_id, state, due_at, error)
        where n.subscriber_id = v.subscriber_id and n.notice_id = v.notice_id and n.state = 'queued'
        returning n.state",
        &rows.subscribers,
        &rows.notices,
        &rows.states as &[&str],
        &rows.due_ats as &[Option<DateTime<Utc>>],
        &rows.errors as &[Option<String>],
        now,
    )
    .fetch_all(conn)
    .await?;
    let mut settled = Settled::default();
    for state in states {
        match state.as_str() {
            "sent" => settled.sent += 1,
            "queued" => settled.retried += 1,
            _ => settled.given_up += 1,
        }
    }
    Ok(settled)
}

async fn keep_parts(conn: &mut PgConnection, tried: &[Tried], now: DateTime<Utc>) -> Result<(), NoticeError> {
    let parts = || tried.iter().flat_map(|one| one.accepted.iter().map(move |part| (one, part)));
    let subscribers: Vec<i64> = parts().map(|(one, _)| one.subscriber_id).collect();
    if subscribers.is_empty() {
        return Ok(());
    }
    let notices: Vec<i64> = parts().map(|(one, _)| one.notice_id).collect();
    let numbers: Vec<i16> = parts().map(|(_, part)| part.part).collect();
    let message_ids: Vec<&str> = parts().map(|(_, part)| part.message_id.as_str()).collect();
    sqlx::query!(
        "insert into notice_part (accepted_at, subscriber_id, notice_id, part, message_id)
        select $1, * from unnest($2::bigint[], $3::bigint[], $4::smallint[], $5::text[])
        on conflict (subscriber_id, notice_id, part) do nothing",
        now,
        &subscribers,
        &notices,
        &numbers,
        &message_ids as &[&str],
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Columns of an update.
#[derive(Default)]
struct Rows {
    subscribers: Vec<i64>,
    notices: Vec<i64>,
    states: Vec<&'static str>,
    due_ats: Vec<Option<DateTime<Utc>>>,
    errors: Vec<Option<String>>,
}

impl Rows {
    fn push(&mut self, tried: &Tried, now: DateTime<Utc>) {
        let (state, due_at, error) = match &tried.fate {
            Fate::Waiting => return,
            Fate::Sent => ("sent", None, None),
            Fate::Refused(error) => ("given_up", None, Some(error)),
            Fate::Failed(error) => match retry_at(tried.attempts + 1, now) {
                Some(at) => ("queued", Some(at), Some(error)),
                None => ("given_up", None, Some(error)),
            },
        };
        self.subscribers.push(tried.subscriber_id);
        self.notices.push(tried.notice_id);
        self.states.push(state);
        self.due_ats.push(due_at);
        self.errors.push(error.map(|error| clipped(error)));
    }
}

/// An error text as it is kept.
pub(super) fn clipped(error: &str) -> String {
    error.chars().filter(|c| *c != '\0').take(ERROR_CHARS_MAX).collect()
}
