//! The outbox.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::template::{self, Message};
use super::{Urgency, choice, lifetime};
use crate::subscriber::Language;

/// Why the outbox could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum NoticeError {
    #[error("there is no subscriber {0}")]
    NoSubscriber(i64),
    #[error("the stored {0} is not readable")]
    Corrupt(&'static str),
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
}

/// A message to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewNotice {
    pub subscriber_id: i64,
    /// What it is about: [`Message::kind`].
    pub kind: &'static str,
    /// The event it tells of: one event, one notice.
    pub event_key: String,
    pub language: Language,
    pub body: String,
    pub created_at: DateTime<Utc>,
    /// Not before then.
    pub due_at: DateTime<Utc>,
}

/// Puts a message into the outbox, in the transaction of its cause. `false`: there is one for this event already.
///
/// # Errors
/// When the database failed.
pub async fn enqueue(conn: &mut PgConnection, notice: &NewNotice) -> Result<bool, NoticeError> {
    let inserted = sqlx::query!(
        "insert into notice (subscriber_id, kind, event_key, language, body, created_at, due_at, urgency, expires_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9) on conflict on constraint notice_once do nothing",
        notice.subscriber_id,
        notice.kind,
        notice.event_key,
        notice.language.as_str(),
        notice.body,
        notice.created_at,
        notice.due_at,
        Urgency::of(notice.kind).rank(),
        lifetime(notice.kind).map(|lifetime| notice.created_at + lifetime),
    )
    .execute(conn)
    .await?;
    Ok(inserted.rows_affected() == 1)
}

/// Renders a message in the subscriber's language and puts it into the outbox, due at once.
///
/// # Errors
/// When there is no such subscriber or the database failed.
pub async fn tell(
    conn: &mut PgConnection,
    subscriber_id: i64,
    event_key: String,
    message: &Message<'_>,
    now: DateTime<Utc>,
) -> Result<bool, NoticeError> {
    Ok(tell_many(conn, &[(subscriber_id, event_key, message.clone())], now).await? == 1)
}

/// Renders messages to many subscribers, each in its own language, and puts them into the outbox, due at once; each
/// with the event it tells of; what its reader turned off is left out. Returns how many were new.
///
/// # Errors
/// When the database failed.
pub async fn tell_many(
    conn: &mut PgConnection,
    messages: &[(i64, String, Message<'_>)],
    now: DateTime<Utc>,
) -> Result<u64, NoticeError> {
    let optional: Vec<_> =
        messages.iter().filter_map(|(subscriber_id, _, message)| Some((*subscriber_id, message.topic()?))).collect();
    let unwanted = choice::unwanted(conn, &optional).await?;
    let is_wanted = |subscriber_id: i64, message: &Message<'_>| {
        message.topic().is_none_or(|topic| !unwanted.contains(&(subscriber_id, topic.as_str().to_owned())))
    };
    let messages: Vec<_> =
        messages.iter().filter(|(subscriber_id, _, message)| is_wanted(*subscriber_id, message)).collect();
    if messages.is_empty() {
        return Ok(0);
    }
    let subscribers: Vec<i64> = messages.iter().map(|(subscriber_id, ..)| *subscriber_id).collect();
    let rows =
        sqlx::query!("select subscriber_id, language from subscriber where subscriber_id = any($1)", &subscribers)
            .fetch_all(&mut *conn)
            .await?;
    let languages: HashMap<i64, String> = rows.into_iter().map(|row| (row.subscriber_id, row.language)).collect();
    let (mut events, mut kinds, mut written_in, mut bodies) = (vec![], vec![], vec![], vec![]);
    let (mut urgencies, mut expiries) = (vec![], vec![]);
    for (subscriber_id, event, message) in messages {
        let language = languages.get(subscriber_id).ok_or(NoticeError::NoSubscriber(*subscriber_id))?;
        let language: Language = language.parse().map_err(|_| NoticeError::Corrupt("language"))?;
        events.push(event.clone());
        let kind = message.kind();
        kinds.push(kind.to_owned());
        urgencies.push(Urgency::of(kind).rank());
        expiries.push(lifetime(kind).map(|lifetime| now + lifetime));
        written_in.push(language.as_str().to_owned());
        bodies.push(message.render(language));
    }
    let inserted = sqlx::query!(
        "insert into notice (created_at, due_at, subscriber_id, kind, event_key, language, body, urgency, expires_at)
        select $1, $1, * from unnest($2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::smallint[],
            $8::timestamptz[])
        on conflict on constraint notice_once do nothing",
        now,
        &subscribers,
        &kinds,
        &events,
        &written_in,
        &bodies,
        &urgencies,
        &expiries as &[Option<DateTime<Utc>>],
    )
    .execute(conn)
    .await?;
    Ok(inserted.rows_affected())
}

/// The language in which a subscriber wants messages.
///
/// # Errors
/// When there is no such subscriber or the database failed.
pub async fn language_of(conn: &mut PgConnection, subscriber_id: i64) -> Result<Language, NoticeError> {
    let language = sqlx::query_scalar!("select language from subscriber where subscriber_id = $1", subscriber_id)
        .fetch_optional(conn)
        .await?
        .ok_or(NoticeError::NoSubscriber(subscriber_id))?;
    language.parse().map_err(|_| NoticeError::Corrupt("language"))
}

/// A message as its owner sees it: codes are masked, because a code proves that one holds the phone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    pub notice_id: i64,
    pub kind: String,
    pub event_key: String,
    pub body: String,
    pub created_at: DateTime<Utc>,
    /// `queued`, `sent`, `delivered`, `undelivered` or `given_up`.
    pub state: String,
    pub sent_at: Option<DateTime<Utc>>,
    /// When the SMS centre told what became of it.
    pub settled_at: Option<DateTime<Utc>>,
    /// Why it did not arrive, was given up, or is tried again.
    pub last_error: Option<String>,
}

/// Messages to one subscriber, newest first, at most 100; `before` is the id of the last one on the page before.
///
/// # Errors
/// When the database failed.
pub async fn for_subscriber(
    conn: &mut PgConnection,
    subscriber_id: i64,
    before: Option<i64>,
    limit: u8,
) -> Result<Vec<Notice>, NoticeError> {
    let mut notices = sqlx::query_as!(
        Notice,
        "select notice_id, kind, event_key, body, created_at, state, sent_at, settled_at, last_error from notice
        where subscriber_id = $1 and ($2::bigint is null or notice_id < $2) order by notice_id desc limit $3",
        subscriber_id,
        before,
        i64::from(limit.min(100)),
    )
    .fetch_all(conn)
    .await?;
    for notice in &mut notices {
        notice.body = template::mask_code(&notice.body);
    }
    Ok(notices)
}

/// The messages about some events, oldest first, codes masked.
///
/// # Errors
/// When the database failed.
pub async fn of_events(
    conn: &mut PgConnection,
    subscriber_id: i64,
    event_keys: &[String],
) -> Result<Vec<Notice>, NoticeError> {
    let mut notices = sqlx::query_as!(
        Notice,
        "select notice_id, kind, event_key, body, created_at, state, sent_at, settled_at, last_error from notice
        where subscriber_id = $1 and event_key = any($2) order by notice_id limit 100",
        subscriber_id,
        event_keys,
    )
    .fetch_all(conn)
    .await?;
    for notice in &mut notices {
        notice.body = template::mask_code(&notice.body);
    }
    Ok(notices)
}
