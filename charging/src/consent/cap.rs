//! Raising the cap, which can cost more and so needs a yes to that very amount. Lowering it needs none.

use chrono::{DateTime, Utc};
use rand::CryptoRng;
use rust_decimal::Decimal;
use sqlx::{PgConnection, PgPool};

use super::Subject;
use super::request::{self, Answer, Asked, Given, OpenRequest, Question, RequestError};
use super::store::lock_subscriber;
use crate::actor::By;
use crate::notice::store::{NoticeError, language_of, tell};
use crate::notice::template::{MASKED_CODE, Message};
use crate::usage::cap::CAP_MAX_YUAN;
use crate::usage::store::{CapChoice, UsageError, current_cap, raise_cap};

/// Why a cap was not raised.
#[derive(Debug, thiserror::Error)]
pub enum CapRaiseError {
    #[error(transparent)]
    Request(#[from] RequestError),
    #[error(transparent)]
    Usage(#[from] UsageError),
    #[error(transparent)]
    Notice(#[from] NoticeError),
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
}

/// Asks by SMS for a yes to a higher cap, in yuan.
///
/// # Errors
/// When the cap is not higher than the present one or out of range, too many messages were asked for, or the database
/// failed.
pub async fn request_cap_raise(
    conn: &mut PgConnection,
    subscriber_id: i64,
    cap: Decimal,
    by: &By,
    now: DateTime<Utc>,
    rng: &mut (impl CryptoRng + Send),
) -> Result<Asked, CapRaiseError> {
    lock_subscriber(conn, subscriber_id).await.map_err(RequestError::from)?;
    if cap > CAP_MAX_YUAN || cap.normalize().scale() > 2 {
        return Err(UsageError::CapOutOfRange.into());
    }
    let present = current_cap(conn, subscriber_id).await?.ok_or(UsageError::NoCap(subscriber_id))?;
    if cap <= present.cap {
        return Err(UsageError::CapNotHigher { cap, present: present.cap }.into());
    }
    let language = language_of(conn, subscriber_id).await?;
    let question = Question {
        subscriber_id,
        subject: &Subject::Cap { cap },
        penalty: Decimal::ZERO,
        by,
        kind: Message::CapRequest { cap, code: MASKED_CODE }.kind(),
        language,
        now,
    };
    let render = |code: &str| Message::CapRequest { cap, code }.render(language);
    Ok(request::ask(conn, question, &render, rng).await?)
}

/// Raises the cap that was asked about, by the code that was sent or a signature. Takes the pool, because a try of a code
/// counts even when the rest fails.
///
/// # Errors
/// When what was given is wrong, the request is not open or too old, or the cap is no longer a raise.
pub async fn confirm_cap_raise(
    pool: &PgPool,
    subscriber_id: i64,
    request_id: i64,
    given: impl Into<Given<'_>>,
    now: DateTime<Utc>,
) -> Result<CapChoice, CapRaiseError> {
    let (mut tx, request, answer) = request::open_with(pool, subscriber_id, request_id, given.into(), now).await?;
    let choice = settle(&mut tx, &request, &answer).await?;
    tx.commit().await?;
    Ok(choice)
}

/// Raises the cap by a yes that is proven already.
pub(super) async fn settle(
    conn: &mut PgConnection,
    request: &OpenRequest,
    answer: &Answer,
) -> Result<CapChoice, CapRaiseError> {
    let Subject::Cap { cap } = request.subject else { return Err(RequestError::NotOpen.into()) };
    if answer.at > request.expires_at {
        return Err(RequestError::TooLate.into());
    }
    let subscriber_id = request.subscriber_id;
    let present = current_cap(conn, subscriber_id).await?.ok_or(UsageError::NoCap(subscriber_id))?;
    if cap <= present.cap {
        return Err(UsageError::CapNotHigher { cap, present: present.cap }.into());
    }
    let seq = request::agree(conn, request, answer).await?;
    let choice = raise_cap(conn, subscriber_id, cap, seq, &By::subscriber(&answer.channel_id), answer.at).await?;
    let event = format!("cap/{}", choice.seq);
    tell(conn, subscriber_id, event, &Message::CapChanged { cap }, answer.at).await?;
    Ok(choice)
}
