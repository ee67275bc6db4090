//! Asking for a yes: what was sent, for ten minutes, and the code that answers it.

use chrono::{DateTime, TimeDelta, Utc};
use rand::CryptoRng;
use rust_decimal::Decimal;
use sqlx::{PgConnection, PgPool};

use super::signature::{Signature, Strokes, is_same_name};
use super::store::{ConsentError, lock_subscriber, record, record_signed};
use super::{Columns, Evidence, Method, NewConsent, Subject};
use crate::actor::By;
use crate::channel::WAY;
use crate::notice::store::{NewNotice, NoticeError, enqueue};
use crate::notice::template::MASKED_CODE;
use crate::sign_in::attempt::{self, REQUESTS_AN_HOUR};
use crate::sign_in::code::{self, Purpose};
use crate::subscriber::Language;

/// How long a yes counts.
pub const REQUEST_LIFETIME: TimeDelta = TimeDelta::minutes(10);

/// Why a yes could not be asked for or taken.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    #[error("too many messages were asked for; wait {} s", retry_after.num_seconds())]
    TooMany { retry_after: TimeDelta },
    #[error("the code is wrong, was tried too often, or is more than five minutes old")]
    WrongCode,
    #[error("the typed name is not the registered one")]
    OtherName,
    #[error("there is no such request, or it was refused or replaced by a newer one")]
    NotOpen,
    #[error("the request has been agreed to already")]
    AnsweredBefore,
    #[error("the request is more than ten minutes old")]
    TooLate,
    #[error("the stored request {0} is not readable")]
    Corrupt(i64),
    #[error(transparent)]
    Consent(#[from] ConsentError),
    #[error(transparent)]
    Notice(#[from] NoticeError),
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
}

/// What to ask, and how the message reads.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    pub subscriber_id: i64,
    pub subject: &'a Subject,
    /// What leaving the present plan costs because of it, in yuan, as the message says.
    pub penalty: Decimal,
    /// Who wants it, and where.
    pub by: &'a By,
    /// Of the notice.
    pub kind: &'static str,
    pub language: Language,
    pub now: DateTime<Utc>,
}

/// What was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    pub request_id: i64,
    /// The message as sent, its code masked.
    pub description: String,
    /// Until then a reply `Y` counts.
    pub expires_at: DateTime<Utc>,
    /// Until then the code counts.
    pub code_expires_at: DateTime<Utc>,
}

/// A request that waits for its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenRequest {
    pub subscriber_id: i64,
    pub request_id: i64,
    pub subject: Subject,
    /// What leaving the present plan costs because of it, in yuan.
    pub penalty: Decimal,
    pub description: String,
    pub channel_id: String,
    pub asked_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
}

/// A yes as it came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub method: Method,
    pub channel_id: String,
    /// What was typed or written.
    pub text: String,
    /// The id of the answering message.
    pub reference: Option<String>,
    pub signature: Option<Signature>,
    pub at: DateTime<Utc>,
}

/// What a signed-in subscriber answers with on a page. Whoever hands it over must know that it is this subscriber.
#[derive(Clone, Copy, Debug)]
pub enum Given<'a> {
    /// The code that was sent.
    Code(&'a str),
    /// A signature drawn on the screen, and the code that was sent.
    Drawn { strokes: &'a Strokes, code: &'a str },
    /// The registered name and the code that was sent, for those who draw nothing.
    Named { name: &'a str, code: &'a str },
}

impl<'a, T: AsRef<str> + ?Sized> From<&'a T> for Given<'a> {
    fn from(code: &'a T) -> Self {
        Self::Code(code.as_ref())
    }
}

impl<'a> Given<'a> {
    /// Every way proves that the phone is at hand.
    fn code(self) -> &'a str {
        match self {
            Self::Code(code) | Self::Drawn { code, .. } | Self::Named { code, .. } => code,
        }
    }
}

/// Asks for a yes: replaces older open requests of that purpose, and sends the message that `render` makes of a code.
/// The subscriber's row stays locked until the caller commits.
///
/// # Errors
/// [`RequestError::TooMany`], there is no such subscriber, or the database failed.
pub async fn ask(
    conn: &mut PgConnection,
    question: Question<'_>,
    render: &(impl Fn(&str) -> String + Sync),
    rng: &mut (impl CryptoRng + Send),
) -> Result<Asked, RequestError> {
    let Question { subscriber_id, subject, penalty, by, now, .. } = question;
    lock_subscriber(conn, subscriber_id).await?;
    if let Some(retry_after) = attempt::count(conn, &REQUESTS_AN_HOUR, &subscriber_id.to_string(), now).await? {
        return Err(RequestError::TooMany { retry_after });
    }
    supersede(conn, subscriber_id, subject.purpose(), by, now).await?;
    let description = render(MASKED_CODE);
    let expires_at = now + REQUEST_LIFETIME;
    let Columns { scheme_id, version, recurring_price, one_off_price, cap, holder_id } = subject.into();
    let request_id = sqlx::query_scalar!(
        "insert into consent_request (subscriber_id, purpose, scheme_id, version, recurring_price, one_off_price, cap,
            description, channel_id, asked_by, asked_at, expires_at, penalty, holder_id)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) returning request_id",
        subscriber_id,
        subject.purpose(),
        scheme_id,
        version,
        recurring_price,
        one_off_price,
        cap,
        description,
        by.channel_id,
        by.actor.to_string(),
        now,
        expires_at,
        penalty,
        holder_id,
    )
    .fetch_one(&mut *conn)
    .await?;
    let issued = code::issue(conn, subscriber_id, Purpose::Consent { request_id }, now, rng).await?;
    let notice = NewNotice {
        subscriber_id,
        kind: question.kind,
        event_key: request_event(request_id),
        language: question.language,
        body: render(&issued.code),
        created_at: now,
        due_at: now,
    };
    enqueue(conn, &notice).await?;
    Ok(Asked { request_id, description, expires_at, code_expires_at: issued.expires_at })
}

/// Until when a question about an order waits for this subscriber's answer; `None`: none does.
///
/// # Errors
/// When the database failed.
pub async fn order_open_until(
    conn: &mut PgConnection,
    subscriber_id: i64,
    now: DateTime<Utc>,
) -> Result<Option<DateTime<Utc>>, sqlx::Error> {
    sqlx::query_scalar!(
        "select expires_at from consent_request
        where subscriber_id = $1 and purpose = 'order' and state = 'open' and expires_at >= $2
        order by request_id desc limit 1",
        subscriber_id,
        now,
    )
    .fetch_optional(conn)
    .await
}

/// The event of the notice that asked.
pub fn request_event(request_id: i64) -> String {
    format!("request/{request_id}")
}

/// Closes what was asked before: it ran out, or a newer question takes its place.
async fn supersede(
    conn: &mut PgConnection,
    subscriber_id: i64,
    purpose: &str,
    by: &By,
    now: DateTime<Utc>,
) -> Result<(), RequestError> {
    sqlx::query!(
        "update consent_request set (state, closed_at, closed_by, closed_channel_id) =
            (select 'expired', expires_at, 'system', null where expires_at < $3
            union all select 'superseded', greatest($3, asked_at), $4, $5 where expires_at >= $3)
        where subscriber_id = $1 and purpose = $2 and state = 'open'",
        subscriber_id,
        purpose,
        now,
        by.actor.to_string(),
        by.channel_id,
    )
    .execute(conn)
    .await?;
    Ok(())
}

struct Row {
    request_id: i64,
    scheme_id: Option<String>,
    version: Option<i32>,
    recurring_price: Option<Decimal>,
    one_off_price: Option<Decimal>,
    cap: Option<Decimal>,
    holder_id: Option<i64>,
    penalty: Decimal,
    description: String,
    channel_id: String,
    asked_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
}

impl Row {
    fn read(self, subscriber_id: i64) -> Result<OpenRequest, RequestError> {
        let subject =
            match (self.scheme_id, self.version, self.recurring_price, self.one_off_price, self.cap, self.holder_id) {
                (Some(scheme_id), Some(version), Some(recurring_price), Some(one_off_price), None, None) => {
                    Subject::Order {
                        scheme_id: scheme_id.parse().map_err(|_| RequestError::Corrupt(self.request_id))?,
                        version,
                        recurring_price,
                        one_off_price,
                    }
                }
                (None, None, None, None, Some(cap), None) => Subject::Cap { cap },
                (None, None, None, None, None, Some(holder_id)) => Subject::Family { holder_id },
                _ => return Err(RequestError::Corrupt(self.request_id)),
            };
        Ok(OpenRequest {
            subscriber_id,
            request_id: self.request_id,
            subject,
            penalty: self.penalty,
            description: self.description,
            channel_id: self.channel_id,
            asked_at: self.asked_at,
            expires_at: self.expires_at,
        })
    }
}

/// The request while it waits for its answer, however old it is.
///
/// # Errors
/// When the database failed or the row is not readable.
pub async fn find_open(
    conn: &mut PgConnection,
    subscriber_id: i64,
    request_id: i64,
) -> Result<Option<OpenRequest>, RequestError> {
    sqlx::query_as!(
        Row,
        "select request_id, scheme_id, version, recurring_price, one_off_price, cap, holder_id, penalty, description, channel_id,
            asked_at, expires_at
        from consent_request where subscriber_id = $1 and request_id = $2 and state = 'open'",
        subscriber_id,
        request_id,
    )
    .fetch_optional(conn)
    .await?
    .map(|row| row.read(subscriber_id))
    .transpose()
}

/// The request that was sent last and waits for its answer, however old it is.
///
/// # Errors
/// When the database failed or the row is not readable.
pub async fn newest_open(conn: &mut PgConnection, subscriber_id: i64) -> Result<Option<OpenRequest>, RequestError> {
    sqlx::query_as!(
        Row,
        "select request_id, scheme_id, version, recurring_price, one_off_price, cap, holder_id, penalty, description, channel_id,
            asked_at, expires_at
        from consent_request where subscriber_id = $1 and state = 'open' order by request_id desc limit 1",
        subscriber_id,
    )
    .fetch_optional(conn)
    .await?
    .map(|row| row.read(subscriber_id))
    .transpose()
}

/// Opens the transaction in which a request is answered: the subscriber is locked, the code spent. A try of a code counts
/// whatever happens afterwards.
///
/// # Errors
/// [`RequestError::WrongCode`], [`RequestError::OtherName`], [`RequestError::AnsweredBefore`], [`RequestError::NotOpen`],
/// or the database failed.
pub async fn open_with(
    pool: &PgPool,
    subscriber_id: i64,
    request_id: i64,
    given: Given<'_>,
    now: DateTime<Utc>,
) -> Result<(sqlx::Transaction<'static, sqlx::Postgres>, OpenRequest, Answer), RequestError> {
    let tried = code::attempt(pool, subscriber_id, Purpose::Consent { request_id }, given.code(), now).await?;
    let mut tx = pool.begin().await?;
    lock_subscriber(&mut tx, subscriber_id).await?;
    let Some(request) = find_open(&mut tx, subscriber_id, request_id).await? else {
        return Err(closed(&mut tx, subscriber_id, request_id).await?);
    };
    if let Given::Named { name, .. } = given {
        check_name(&mut tx, subscriber_id, name).await?;
    }
    let code_id = tried.ok_or(RequestError::WrongCode)?;
    if !code::spend(&mut tx, subscriber_id, code_id, now).await? {
        return Err(RequestError::WrongCode);
    }
    let code = code::normalize(given.code()).ok_or(RequestError::WrongCode)?;
    let (method, text, signature) = match given {
        Given::Code(_) => (Method::SmsCode, code, None),
        Given::Drawn { strokes, .. } => {
            (Method::Signature, Evidence::signed_with(&code), Some(Signature::Drawn(strokes.clone())))
        }
        Given::Named { name, .. } => (Method::Signature, code, Some(Signature::Typed(name.trim().to_owned()))),
    };
    // A channel of an agent only had it asked; the page is where it is answered.
    let channel_id = if request.channel_id == WAY { "web".to_owned() } else { request.channel_id.clone() };
    Ok((tx, request, Answer { method, channel_id, text, reference: None, signature, at: now }))
}

async fn check_name(conn: &mut PgConnection, subscriber_id: i64, typed: &str) -> Result<(), RequestError> {
    let registered = sqlx::query_scalar!("select name from subscriber where subscriber_id = $1", subscriber_id)
        .fetch_one(conn)
        .await?;
    if is_same_name(typed, &registered) { Ok(()) } else { Err(RequestError::OtherName) }
}

/// Why a request is not open.
async fn closed(conn: &mut PgConnection, subscriber_id: i64, request_id: i64) -> Result<RequestError, sqlx::Error> {
    let state = sqlx::query_scalar!(
        "select state from consent_request where subscriber_id = $1 and request_id = $2",
        subscriber_id,
        request_id,
    )
    .fetch_optional(conn)
    .await?;
    Ok(if state.as_deref() == Some("agreed") { RequestError::AnsweredBefore } else { RequestError::NotOpen })
}

/// Records the yes to an open request, in the transaction that does what was agreed to. Returns its place in the chain.
///
/// # Errors
/// [`RequestError::TooLate`], [`RequestError::NotOpen`], or the database failed.
pub async fn agree(conn: &mut PgConnection, request: &OpenRequest, answer: &Answer) -> Result<i32, RequestError> {
    if answer.at > request.expires_at {
        return Err(RequestError::TooLate);
    }
    let consent = NewConsent {
        subscriber_id: request.subscriber_id,
        subject: request.subject.clone(),
        method: answer.method,
        channel_id: answer.channel_id.clone(),
        asked_at: request.asked_at,
        agreed_at: answer.at,
        request_id: Some(request.request_id),
        reference: answer.reference.clone(),
        description: request.description.clone(),
        answer: answer.text.clone(),
    };
    let seq = match &answer.signature {
        Some(signature) => record_signed(conn, &consent, signature).await?,
        None => record(conn, &consent).await?,
    };
    let by = By::subscriber(&answer.channel_id);
    if close(conn, request.subscriber_id, request.request_id, "agreed", &by, answer.at).await? {
        Ok(seq)
    } else {
        Err(RequestError::NotOpen)
    }
}

/// Notes a no. `false`: it was answered before.
///
/// # Errors
/// When the database failed.
pub async fn refuse(
    conn: &mut PgConnection,
    subscriber_id: i64,
    request_id: i64,
    by: &By,
    now: DateTime<Utc>,
) -> Result<bool, RequestError> {
    close(conn, subscriber_id, request_id, "refused", by, now).await
}

async fn close(
    conn: &mut PgConnection,
    subscriber_id: i64,
    request_id: i64,
    state: &str,
    by: &By,
    now: DateTime<Utc>,
) -> Result<bool, RequestError> {
    let closed = sqlx::query!(
        "update consent_request set state = $3, closed_at = $4, closed_by = $5, closed_channel_id = $6
        where subscriber_id = $1 and request_id = $2 and state = 'open'",
        subscriber_id,
        request_id,
        state,
        now,
        by.actor.to_string(),
        by.channel_id,
    )
    .execute(conn)
    .await?;
    Ok(closed.rows_affected() == 1)
}
