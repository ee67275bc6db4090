//! SMS that subscribers send to 10086, each handled exactly once: answers to what was asked, and commands.

mod account;
mod family;
mod services;

use chrono::{DateTime, Utc};
use sqlx::{Connection, PgConnection};

use super::Subject;
use super::cap::{self, CapRaiseError};
use super::command::Command;
use super::request::{self, Answer, OpenRequest, RequestError};
use super::store::lock_subscriber;
use super::{Method, TEXT_BYTES_MAX};
use crate::actor::By;
use crate::bill::store::BillError;
use crate::family::store::FamilyError;
use crate::notice::ListLead;
use crate::notice::store::{NoticeError, tell};
use crate::notice::template::{Lapse, Message};
use crate::order::EndReason;
use crate::order::flow::{self, Ordered};
use crate::order::store::OrderError;
use crate::third_party::store::{self as third_party, ThirdPartyError};
use crate::usage::store::UsageError;

/// Longest message that is kept, in characters.
pub const BODY_CHARS_MAX: usize = 2000;

/// Why a message could not be handled; deliver it again.
#[derive(Debug, thiserror::Error)]
pub enum IncomingError {
    #[error("the message has no id, or one of more than {TEXT_BYTES_MAX} bytes")]
    BadId,
    #[error(transparent)]
    Order(#[from] OrderError),
    #[error(transparent)]
    ThirdParty(#[from] ThirdPartyError),
    #[error(transparent)]
    Cap(#[from] CapRaiseError),
    #[error(transparent)]
    Family(#[from] FamilyError),
    #[error(transparent)]
    Request(#[from] RequestError),
    #[error(transparent)]
    Usage(#[from] UsageError),
    #[error(transparent)]
    Bill(#[from] BillError),
    #[error(transparent)]
    Notice(#[from] NoticeError),
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
}

/// What a message brought about. Whatever it is, the subscriber is told by SMS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Handled {
    /// It was delivered before.
    Repeated,
    Ordered(Ordered),
    /// An item of a platform goes on the bill: the id of what is collected.
    Collected(i64),
    CapRaised,
    /// A holder sees the bills from now on; or sees them no more.
    FamilyJoined,
    FamilyLeft,
    Refused,
    /// The yes came too late, or what was offered can no longer be had.
    Lapsed,
    /// Nothing waits for an answer.
    NothingAsked,
    /// A list of so many services was sent.
    Listed(usize),
    Cancelled {
        subscription_id: i64,
        ends_at: DateTime<Utc>,
        reason: EndReason,
    },
    /// What the number stands for has an end already, or it stands for nothing.
    NotCancelled,
    /// Cancelling would cost a penalty: it was told, and nothing else was done.
    PenaltyTold,
    /// A question was answered, or a choice noted.
    Answered,
    CapLowered,
    /// A yes to a higher cap was asked for.
    Asked {
        request_id: i64,
    },
    NotUnderstood,
}

/// Handles a message from a subscriber, once by the id that its sender gave it: see [`Command`]. A yes or no answers the
/// request that was sent last. Runs in a transaction of its own.
///
/// # Errors
/// When the database failed: nothing was done then, and the message can be delivered again.
pub async fn incoming(
    conn: &mut PgConnection,
    subscriber_id: i64,
    message_id: &str,
    text: &str,
    now: DateTime<Utc>,
) -> Result<Handled, IncomingError> {
    if message_id.is_empty() || message_id.len() > TEXT_BYTES_MAX {
        return Err(IncomingError::BadId);
    }
    let body: String = text.chars().filter(|c| *c != '\0').take(BODY_CHARS_MAX).collect();
    let mut tx = conn.begin().await?;
    lock_subscriber(&mut tx, subscriber_id).await.map_err(RequestError::from)?;
    let stored = sqlx::query_scalar!(
        "insert into incoming_sms (subscriber_id, message_id, body, received_at) values ($1, $2, $3, $4)
        on conflict on constraint incoming_sms_once do nothing returning incoming_id",
        subscriber_id,
        message_id,
        body,
        now,
    )
    .fetch_optional(&mut *tx)
    .await?;
    let Some(incoming_id) = stored else { return Ok(Handled::Repeated) };
    let reply = Reply { subscriber_id, incoming_id, message_id, text: &body, now };
    let handled = reply.handle(&mut tx).await?;
    tx.commit().await?;
    Ok(handled)
}

struct Reply<'a> {
    subscriber_id: i64,
    incoming_id: i64,
    message_id: &'a str,
    text: &'a str,
    now: DateTime<Utc>,
}

impl Reply<'_> {
    /// Whoever has the phone is its owner.
    fn by() -> By {
        By::subscriber("sms")
    }

    async fn handle(&self, conn: &mut PgConnection) -> Result<Handled, IncomingError> {
        match Command::read(self.text) {
            Command::Yes => self.answer_request(conn, true).await,
            Command::No => self.answer_request(conn, false).await,
            Command::Services => self.list(conn, ListLead::Asked).await,
            Command::Cancel(number) => self.cancel(conn, number).await,
            Command::Plan => self.plan(conn).await,
            Command::Data => self.data(conn).await,
            Command::Bill => self.bill(conn).await,
            Command::Cap => self.cap(conn).await,
            Command::SetCap(cap) => self.set_cap(conn, cap).await,
            Command::Reminders(on) => self.reminders(conn, on).await,
            Command::Family(true) => self.join_family(conn).await,
            Command::Family(false) => self.leave_family(conn).await,
            Command::Unknown => self.say(conn, &Message::Help, Handled::NotUnderstood).await,
        }
    }

    async fn answer_request(&self, conn: &mut PgConnection, is_yes: bool) -> Result<Handled, IncomingError> {
        let Some(request) = request::newest_open(conn, self.subscriber_id).await? else {
            return self.say(conn, &Message::NothingAsked, Handled::NothingAsked).await;
        };
        if !is_yes {
            flow::refuse(conn, self.subscriber_id, request.request_id, &Self::by(), self.now).await?;
            return Ok(Handled::Refused);
        }
        let answer = Answer {
            method: Method::SmsReply,
            channel_id: "sms".to_owned(),
            text: self.text.trim().to_owned(),
            reference: Some(self.message_id.to_owned()),
            signature: None,
            at: self.now,
        };
        match request.subject {
            Subject::Order { .. } => self.order(conn, &request, &answer).await,
            Subject::Family { holder_id } => self.family(conn, holder_id, &request, &answer).await,
            Subject::Cap { cap } => match cap::settle(conn, &request, &answer).await {
                Ok(_) => Ok(Handled::CapRaised),
                Err(
                    CapRaiseError::Request(RequestError::TooLate)
                    | CapRaiseError::Usage(UsageError::CapNotHigher { .. }),
                ) => self.say(conn, &Message::CapLapsed { cap }, Handled::Lapsed).await,
                Err(error) => Err(error.into()),
            },
        }
    }

    async fn order(
        &self,
        conn: &mut PgConnection,
        request: &OpenRequest,
        answer: &Answer,
    ) -> Result<Handled, IncomingError> {
        let done = match third_party::asked_by_platform(conn, request).await? {
            Some(asked) => match third_party::settle(conn, request, answer, &asked).await {
                Err(ThirdPartyError::Order(error)) => Err(error),
                collected => Ok(Handled::Collected(collected?)),
            },
            None => flow::settle(conn, request, answer).await.map(Handled::Ordered),
        };
        let why = match done {
            Ok(handled) => return Ok(handled),
            Err(OrderError::Request(RequestError::TooLate)) => Lapse::TooLate,
            Err(OrderError::Refused(_)) => Lapse::OfferChanged,
            Err(error) => return Err(error.into()),
        };
        let name = flow::requested_name(conn, request).await?;
        self.say(conn, &Message::OrderLapsed { name: &name, why }, Handled::Lapsed).await
    }

    /// Tells the subscriber.
    async fn say(
        &self,
        conn: &mut PgConnection,
        message: &Message<'_>,
        handled: Handled,
    ) -> Result<Handled, IncomingError> {
        self.tell_nth(conn, 1, message).await?;
        Ok(handled)
    }

    /// Tells the subscriber; of several messages, each has its place.
    async fn tell_nth(&self, conn: &mut PgConnection, nth: usize, message: &Message<'_>) -> Result<(), IncomingError> {
        let event = match nth {
            1 => format!("incoming/{}", self.incoming_id),
            _ => format!("incoming/{}/{nth}", self.incoming_id),
        };
        tell(conn, self.subscriber_id, event, message, self.now).await?;
        Ok(())
    }
}
