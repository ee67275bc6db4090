//! Refunds in the database: asked for, approved or rejected. Callers own the transaction.

use chrono::{DateTime, Utc};
use rand::CryptoRng;
use rust_decimal::Decimal;
use sqlx::PgConnection;

use super::lines::{self, OfLine};
use super::plan::TooMuch;
use super::write::{NewPart, Source, write_parts};
use super::{NOTE_CHARS_MAX, NewRefund, Of, Route};
use crate::actor::Actor;
use crate::clock::Month;
use crate::dispute::store::DisputeError;
use crate::dispute::{self, CaseId};
use crate::notice::PaymentNotice;
use crate::notice::store::{NoticeError, tell};
use crate::notice::template::Message;
use crate::payment::settle::lock_subscribers;
use crate::payment::store::PaymentError;
use crate::payment::{InvalidNumber, RefundNumber, nonce};
use crate::staff::StaffError;

/// Why something about refunds cannot be done.
#[derive(Debug, thiserror::Error)]
pub enum RefundError {
    #[error("there is no such charge")]
    NoCharge,
    #[error("{0} yuan is not an amount above zero in whole fen within what was charged")]
    Amount(Decimal),
    #[error(transparent)]
    TooMuch(#[from] TooMuch),
    #[error("a note has at most {NOTE_CHARS_MAX} characters, and a rejection has one")]
    Note,
    #[error("a refund of it is asked for already, or was made")]
    Already,
    #[error("there is no such refund")]
    NotFound,
    #[error("the refund is decided already")]
    Decided,
    #[error("nobody decides what he asked for")]
    Oneself,
    #[error("this is not decided without somebody")]
    NotBySystem,
    #[error("a batch returns no more than was approved")]
    BeyondBatch,
    #[error("the part is not one that the gateway leaves hanging")]
    NotHanging,
    #[error("the dispute that it ends cannot be taken up again")]
    Dispute(#[source] Box<DisputeError>),
    #[error("there is no part {0}")]
    NoPart(RefundNumber),
    #[error("{expected} rows were to be written, {written} were")]
    Incomplete { expected: usize, written: usize },
    #[error("the stored {0} is not readable")]
    Corrupt(&'static str),
    #[error(transparent)]
    Number(#[from] InvalidNumber),
    #[error(transparent)]
    Payment(#[from] PaymentError),
    #[error(transparent)]
    Notice(#[from] NoticeError),
    #[error(transparent)]
    Staff(#[from] StaffError),
    #[error("the database failed")]
    Database(#[source] sqlx::Error),
}

impl From<sqlx::Error> for RefundError {
    fn from(error: sqlx::Error) -> Self {
        match error.as_database_error().and_then(|e| e.constraint()) {
            Some("refund_by_another" | "refund_batch_by_another") => Self::Oneself,
            Some("refund_batch_within") => Self::BeyondBatch,
            Some("refund_by_itself") => Self::NotBySystem,
            Some("refund_line_open" | "refund_imported_once" | "refund_line_of_batch") => Self::Already,
            Some("refund_line_amount" | "refund_imported_charge" | "refund_imported_reference") => Self::NoCharge,
            _ => Self::Database(error),
        }
    }
}

pub(super) fn check_note(note: &str) -> Result<(), RefundError> {
    if note.chars().count() <= NOTE_CHARS_MAX { Ok(()) } else { Err(RefundError::Note) }
}

pub(super) fn check_amount(amount: Decimal, charged: Decimal) -> Result<(), RefundError> {
    let is_amount = amount > Decimal::ZERO && amount <= charged && amount.normalize().scale() <= 2;
    if is_amount { Ok(()) } else { Err(RefundError::Amount(amount)) }
}

/// Asks for a refund. Returns its id; nothing moves before somebody else approves it.
///
/// # Errors
/// When there is no such charge, the amount is more than was charged, one is asked for already, or the database failed.
pub async fn ask(conn: &mut PgConnection, new: &NewRefund, by: &Actor, now: DateTime<Utc>) -> Result<i64, RefundError> {
    check_note(&new.note)?;
    let (line, imported) = match &new.of {
        Of::Line { month, line_no } => (Some((*month, *line_no)), None),
        Of::Imported(charge) => (None, Some(charge)),
    };
    let charged = match (line, imported) {
        (Some((month, line_no)), _) => line_amount(conn, new.subscriber_id, month, line_no).await?,
        (None, Some(charge)) => charge.charged,
        (None, None) => return Err(RefundError::NoCharge),
    };
    check_amount(new.amount, charged)?;
    let refund_id = sqlx::query_scalar!(
        "insert into refund (subscriber_id, month, line_no, imported_charge_id, charged, paid_by, reference, amount, reason, note,
            asked_by, asked_at, dispute_id)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) returning refund_id",
        new.subscriber_id,
        line.map(|(month, _)| month.first_day()),
        line.map(|(_, line_no)| line_no),
        imported.map(|charge| charge.imported_charge_id),
        charged,
        imported.map_or("line", |charge| charge.paid_by.as_str()),
        imported.and_then(|charge| charge.reference.as_deref()),
        new.amount,
        new.reason.as_str(),
        new.note,
        by.to_string(),
        now,
        new.dispute_id,
    )
    .fetch_one(conn)
    .await?;
    Ok(refund_id)
}

async fn line_amount(
    conn: &mut PgConnection,
    subscriber_id: i64,
    month: Month,
    line_no: i32,
) -> Result<Decimal, RefundError> {
    sqlx::query_scalar!(
        "select amount from bill_line where subscriber_id = $1 and month = $2 and line_no = $3",
        subscriber_id,
        month.first_day(),
        line_no,
    )
    .fetch_optional(conn)
    .await?
    .ok_or(RefundError::NoCharge)
}

/// Rejects what was asked for, with the reason. A dispute that it would have ended is taken up again.
///
/// # Errors
/// [`RefundError::Oneself`], [`RefundError::Decided`], [`RefundError::Note`], or the database failed.
pub async fn reject(
    conn: &mut PgConnection,
    subscriber_id: i64,
    refund_id: i64,
    by: &Actor,
    decision: &str,
    now: DateTime<Utc>,
) -> Result<(), RefundError> {
    check_note(decision)?;
    if decision.trim().is_empty() {
        return Err(RefundError::Note);
    }
    let Decided { amount, dispute_id, .. } =
        decide(conn, subscriber_id, refund_id, "rejected", by, decision, now).await?;
    if let Some(dispute_id) = dispute_id {
        let case = CaseId { subscriber_id, dispute_id };
        let taken_up = dispute::refuse(conn, case, amount, by, decision, now).await;
        taken_up.map_err(|error| RefundError::Dispute(Box::new(error)))?;
    }
    let notice = Message::Payment(PaymentNotice::RefundRejected { amount });
    tell(conn, subscriber_id, event(refund_id), &notice, now).await?;
    Ok(())
}

/// The event of the notice about the decision.
pub fn event(refund_id: i64) -> String {
    format!("refund/{refund_id}")
}

/// A refund that was decided.
struct Decided {
    amount: Decimal,
    paid_by: String,
    line: Option<(Month, i32)>,
    dispute_id: Option<i64>,
}

async fn decide(
    conn: &mut PgConnection,
    subscriber_id: i64,
    refund_id: i64,
    state: &str,
    by: &Actor,
    decision: &str,
    now: DateTime<Utc>,
) -> Result<Decided, RefundError> {
    lock_subscribers(conn, &[subscriber_id]).await?;
    let decided = sqlx::query!(
        "update refund set state = $3, decided_by = $4, decided_at = $5, decision = $6
        where subscriber_id = $1 and refund_id = $2 and state = 'asked'
        returning amount, paid_by, month, line_no, dispute_id",
        subscriber_id,
        refund_id,
        state,
        by.to_string(),
        now,
        decision,
    )
    .fetch_optional(&mut *conn)
    .await?;
    if let Some(row) = decided {
        let line = row.month.map(Month::of_date).zip(row.line_no);
        return Ok(Decided { amount: row.amount, paid_by: row.paid_by, line, dispute_id: row.dispute_id });
    }
    let is_there = sqlx::query_scalar!(
        r#"select exists (select from refund where subscriber_id = $1 and refund_id = $2) as "is_there!""#,
        subscriber_id,
        refund_id,
    )
    .fetch_one(conn)
    .await?;
    Err(if is_there { RefundError::Decided } else { RefundError::NotFound })
}

/// Lets a refund go: plans its parts by how the charge was paid by now, does what stays in our own books at once, and leaves the
/// others to be sent.
///
/// # Errors
/// [`RefundError::Oneself`], [`RefundError::NotBySystem`], [`RefundError::Decided`], [`RefundError::TooMuch`] when something of
/// the line was returned meanwhile, or the database failed.
pub async fn approve(
    conn: &mut PgConnection,
    subscriber_id: i64,
    refund_id: i64,
    by: &Actor,
    rng: &mut (impl CryptoRng + Send),
    now: DateTime<Utc>,
) -> Result<(), RefundError> {
    let nonce = nonce(rng);
    let decided = decide(conn, subscriber_id, refund_id, "approved", by, "", now).await?;
    let parts = carry_out(conn, subscriber_id, refund_id, &decided, now).await?;
    write_parts(conn, &parts, &nonce, now).await?;
    let notice = approved(&parts, decided.amount);
    tell(conn, subscriber_id, event(refund_id), &Message::Payment(notice), now).await?;
    Ok(())
}

/// What its owner is told of an approved refund.
pub(super) fn approved(parts: &[NewPart], amount: Decimal) -> PaymentNotice {
    let by = |route| parts.iter().filter(|part| part.route == route).map(|part| part.amount).sum();
    PaymentNotice::RefundApproved {
        amount,
        waived: by(Route::Bill),
        balance: by(Route::Balance),
        gateway: by(Route::Gateway),
        platform: by(Route::Platform),
    }
}

/// The parts of a refund that was approved; what is not paid of its line is waived here. The subscriber must be locked.
async fn carry_out(
    conn: &mut PgConnection,
    subscriber_id: i64,
    refund_id: i64,
    decided: &Decided,
    now: DateTime<Utc>,
) -> Result<Vec<NewPart>, RefundError> {
    let Some((month, line_no)) = decided.line else {
        return Ok(vec![whole(subscriber_id, refund_id, &decided.paid_by, decided.amount)?]);
    };
    let key = (subscriber_id, month.first_day(), line_no);
    let lines = lines::read(conn, &[key]).await?;
    let line = lines.get(&key).ok_or(RefundError::NoCharge)?;
    lines::carry_out(conn, &[OfLine { refund_id, key, amount: decided.amount, line }], now).await
}

/// The one part of a refund of another system's charge.
pub(super) fn whole(
    subscriber_id: i64,
    refund_id: i64,
    paid_by: &str,
    amount: Decimal,
) -> Result<NewPart, RefundError> {
    Ok(NewPart {
        subscriber_id,
        refund_id,
        part_no: 1,
        paid_by: paid_by.to_owned(),
        route: route_of(paid_by)?,
        amount,
        before: Some(Decimal::ZERO),
        line: None,
        approved_amount: amount,
        refund_paid_by: paid_by.to_owned(),
        source: Source::Charge,
        replaces_no: None,
    })
}

/// 原路: the way back of what was paid so (`refund_part_route`).
pub(super) fn route_of(paid_by: &str) -> Result<Route, RefundError> {
    match paid_by {
        "waived" => Ok(Route::Bill),
        "cash" | "balance" | "bill" => Ok(Route::Balance),
        "gateway" => Ok(Route::Gateway),
        "platform" => Ok(Route::Platform),
        _ => Err(RefundError::Corrupt("way a charge was paid")),
    }
}
