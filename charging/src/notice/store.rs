//! The outbox.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::template::{self, Message};
use super::{Urgency, call, choice, lifetime, quiet};
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
    let mut rows = Rows::default();
    rows.push(Row {
        subscriber_id: notice.subscriber_id,
        kind: notice.kind,
        event_key: notice.event_key.clone(),
        channel: "sms",
        language: notice.language,
        body: notice.body.clone(),
        due_at: notice.due_at,
        expires_at: lifetime(notice.kind).map(|lifetime| notice.created_at + lifetime),
    });
    Ok(rows.insert(conn, notice.created_at).await? == 1)
}

/// Renders a message in the subscriber's language and puts it into the outbox, as [`tell_many`] does. `false`: it was told
/// before, or is not wanted.
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
    Ok(tell_many(conn, &[(subscriber_id, event_key, message.clone())], now).await? > 0)
}

/// Renders messages to many subscribers, each in its own language, and puts them into the outbox, each with the event it
/// tells of: due at once, or after the quiet hours where it can wait. What its reader turned off is left out; beside the SMS
/// there is a call for those who chose that. Returns how many were new, calls included.
///
/// # Errors
/// When the database failed.
pub async fn tell_many(
    conn: &mut PgConnection,
    messages: &[(i64, String, Message<'_>)],
    now: DateTime<Utc>,
) -> Result<u64, NoticeError> {
    if messages.is_empty() {
        return Ok(0);
    }
    let topics = |message: &Message<'_>| [message.topic(), message.call_topic()].into_iter().flatten();
    let chosen_about = messages.iter().flat_map(|(id, _, message)| topics(message).map(|topic| (*id, topic)));
    let wanted = choice::wanted(conn, &chosen_about.collect::<Vec<_>>()).await?;
    let languages = languages(conn, messages.iter().map(|(subscriber_id, ..)| *subscriber_id).collect()).await?;
    let mut rows = Rows::default();
    for (subscriber_id, event, message) in messages {
        let language = *languages.get(subscriber_id).ok_or(NoticeError::NoSubscriber(*subscriber_id))?;
        let sms = Row {
            subscriber_id: *subscriber_id,
            kind: message.kind(),
            event_key: event.clone(),
            channel: "sms",
            language,
            body: message.render(language),
            due_at: quiet::due_at(message, now),
            expires_at: lifetime(message.kind()).map(|lifetime| now + lifetime),
        };
        let is_chosen = |topic| wanted.contains(&(*subscriber_id, topic));
        let call = message.call_topic().filter(|topic| is_chosen(*topic)).and_then(|_| spoken(&sms, message, now));
        if message.topic().is_none_or(is_chosen) {
            rows.push(sms);
        }
        if let Some(call) = call {
            rows.push(call);
        }
    }
    rows.insert(conn, now).await
}

/// The call beside an SMS; `None`: what it says would be over before it can ring.
fn spoken(sms: &Row, message: &Message<'_>, now: DateTime<Utc>) -> Option<Row> {
    let latest = sms.due_at + call::LIFETIME;
    let expires_at = message.holds_until(now).map_or(latest, |until| until.min(latest));
    let body = message.spoken(sms.language).filter(|_| expires_at > sms.due_at)?;
    let event_key = format!("call:{}", sms.event_key);
    Some(Row { channel: "call", event_key, body, expires_at: Some(expires_at), ..*sms })
}

async fn languages(conn: &mut PgConnection, subscribers: Vec<i64>) -> Result<HashMap<i64, Language>, NoticeError> {
    let rows =
        sqlx::query!("select subscriber_id, language from subscriber where subscriber_id = any($1)", &subscribers)
            .fetch_all(conn)
            .await?;
    rows.into_iter()
        .map(|row| Ok((row.subscriber_id, row.language.parse().map_err(|_| NoticeError::Corrupt("language"))?)))
        .collect()
}

/// A row of the outbox.
struct Row {
    subscriber_id: i64,
    kind: &'static str,
    event_key: String,
    channel: &'static str,
    language: Language,
    body: String,
    due_at: DateTime<Utc>,
    expires_at: Option<DateTime<Utc>>,
}

/// Rows of the outbox, by column.
#[derive(Default)]
struct Rows {
    subscribers: Vec<i64>,
    kinds: Vec<&'static str>,
    events: Vec<String>,
    channels: Vec<&'static str>,
    languages: Vec<&'static str>,
    bodies: Vec<String>,
    due_ats: Vec<DateTime<Utc>>,
    urgencies: Vec<i16>,
    expiries: Vec<Option<DateTime<Utc>>>,
}

impl Rows {
    fn push(&mut self, row: Row) {
        self.subscribers.push(row.subscriber_id);
        self.kinds.push(row.kind);
        self.events.push(row.event_key);
        self.channels.push(row.channel);
        self.languages.push(row.language.as_str());
        self.bodies.push(row.body);
        self.due_ats.push(row.due_at);
        self.urgencies.push(Urgency::of(row.kind).rank());
        self.expiries.push(row.expires_at);
    }

    /// Returns how many are new: of each event there is one.
    async fn insert(self, conn: &mut PgConnection, now: DateTime<Utc>) -> Result<u64, NoticeError> {
        if self.subscribers.is_empty() {
            return Ok(0);
        }
        let inserted = sqlx::query!(
            "insert into notice (created_at, subscriber_id, kind, event_key, channel, language, body, due_at, urgency,
                expires_at)
            select $1, * from unnest($2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
                $8::timestamptz[], $9::smallint[], $10::timestamptz[])
            on conflict on constraint notice_once do nothing",
            now,
            &self.subscribers,
            &self.kinds as &[&str],
            &self.events,
            &self.channels as &[&str],
            &self.languages as &[&str],
            &self.bodies,
            &self.due_ats,
            &self.urgencies,
            &self.expiries as &[Option<DateTime<Utc>>],
        )
        .execute(conn)
        .await?;
        Ok(inserted.rows_affected())
    }
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
    /// A phone call: `body` is what it says.
    pub is_call: bool,
    pub body: String,
    pub created_at: DateTime<Utc>,
    /// Not sent before then.
    pub due_at: DateTime<Utc>,
    /// `queued`, `sent`, `delivered`, `undelivered` or `given_up`.
    pub state: String,
    pub sent_at: Option<DateTime<Utc>>,
    /// When it was told what became of it.
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
        r#"select notice_id, kind, event_key, channel = 'call' as "is_call!", body, created_at, due_at, state,
            sent_at, settled_at, last_error
        from notice
        where subscriber_id = $1 and ($2::bigint is null or notice_id < $2) order by notice_id desc limit $3"#,
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
        r#"select notice_id, kind, event_key, channel = 'call' as "is_call!", body, created_at, due_at, state,
            sent_at, settled_at, last_error
        from notice
        where subscriber_id = $1 and event_key = any($2) order by notice_id limit 100"#,
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
