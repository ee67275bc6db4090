//! Refunds in the database: asked for, approved or rejected. Callers own the transaction.

use chrono::{DateTime, NaiveDate, Utc};
use rand::CryptoRng;
use rust_decimal::Decimal;
use sqlx::PgConnection;

use super::plan::{self, Paid, Plan, TooMuch};
use super::write::{NewPart, Source, write_parts};
use super::{NOTE_CHARS_MAX, NewRefund, Of, Route};
use crate::actor::Actor;
use crate::clock::Month;
use crate::notice::PaymentNotice;
use crate::notice::store::{NoticeError, tell};
use crate::notice::template::Message;
use crate::payment::settle::{NewSettlement, lock_subscribers, settle};
use crate::payment::store::PaymentError;
use crate::payment::{InvalidNumber, OpenLine, RefundNumber, Share, nonce};
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
            asked_by, asked_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) returning refund_id",
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

/// Rejects what was asked for, with the reason.
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
    let amount = decide(conn, subscriber_id, refund_id, "rejected", by, decision, now).await?.amount;
    let notice = Message::Payment(PaymentNotice::RefundRejected { amount });
    tell(conn, subscriber_id, event(refund_id), &notice, now).await?;
    Ok(())
}

/// The event of the notice about the decision.
pub fn event(refund_id: i64) -> String {
    format!("refund/{refund_id}")
}

/// A refund that was decided.
pub(super) struct Decided {
    pub amount: Decimal,
    pub charged: Decimal,
    pub paid_by: String,
    pub line: Option<(Month, i32)>,
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
        returning amount, charged, paid_by, month, line_no",
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
        return Ok(Decided { amount: row.amount, charged: row.charged, paid_by: row.paid_by, line });
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
pub(super) async fn carry_out(
    conn: &mut PgConnection,
    subscriber_id: i64,
    refund_id: i64,
    decided: &Decided,
    now: DateTime<Utc>,
) -> Result<Vec<NewPart>, RefundError> {
    let part = |part_no: i32, paid_by: &str, amount: Decimal, before: Decimal, source: Source| {
        let route = route_of(paid_by)?;
        Ok::<_, RefundError>(NewPart {
            subscriber_id,
            refund_id,
            part_no,
            paid_by: paid_by.to_owned(),
            route,
            amount,
            before: Some(before),
            approved_amount: decided.amount,
            refund_paid_by: decided.paid_by.clone(),
            source,
            replaces_no: None,
        })
    };
    let Some((month, line_no)) = decided.line else {
        return Ok(vec![part(1, &decided.paid_by, decided.amount, Decimal::ZERO, Source::Charge)?]);
    };
    let line = LineRows::read(conn, subscriber_id, month, line_no).await?;
    let due = decided.charged - line.settled;
    let Plan { waive, returns } = plan::plan(decided.amount, due, &line.paid)?;
    let mut parts = Vec::new();
    let mut before = Decimal::ZERO;
    let collected = line.is_collected;
    if waive > Decimal::ZERO {
        let open = OpenLine { month, line_no, amount: decided.charged, settled: line.settled };
        let source = crate::payment::settle::Source::Refund { refund_id };
        let new =
            NewSettlement { subscriber_id, source, share: Some(Share { line: open, amount: waive }), amount: waive };
        let settled = settle(conn, &[new], now).await?;
        let settlement_id = settled.first().ok_or(RefundError::Corrupt("settlement"))?.settlement_id;
        let paid = Paid { settlement_id, amount: waive, returned: Decimal::ZERO };
        parts.push(part(1, "waived", waive, before, Source::Settlement { paid, collected })?);
        before += waive;
    }
    for back in returns {
        let account = line.account_of(back.paid.settlement_id)?;
        let part_no = i32::try_from(parts.len() + 1).map_err(|_| RefundError::Corrupt("settlements of a line"))?;
        let source = Source::Settlement { paid: back.paid, collected };
        parts.push(part(part_no, account, back.amount, before, source)?);
        before += back.amount;
    }
    Ok(parts)
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

/// How a line was settled.
struct LineRows {
    /// Yuan.
    settled: Decimal,
    /// In the order they came.
    paid: Vec<Paid>,
    accounts: Vec<(i64, String)>,
    /// Whether it was collected for a platform.
    is_collected: bool,
}

impl LineRows {
    async fn read(
        conn: &mut PgConnection,
        subscriber_id: i64,
        month: Month,
        line_no: i32,
    ) -> Result<Self, RefundError> {
        let day: NaiveDate = month.first_day();
        let rows = sqlx::query!(
            r#"select s.settlement_id, s.amount, s.account, s.line_after as "line_after!",
                coalesce(p.returned, 0) as "returned!"
            from settlement s
            left join lateral (
                select max(settlement_after) as returned from refund_part
                where subscriber_id = s.subscriber_id and settlement_id = s.settlement_id
            ) p on true
            where s.subscriber_id = $1 and s.month = $2 and s.line_no = $3 order by s.line_after"#,
            subscriber_id,
            day,
            line_no,
        )
        .fetch_all(&mut *conn)
        .await?;
        let kind = sqlx::query_scalar!(
            "select kind from bill_line where subscriber_id = $1 and month = $2 and line_no = $3",
            subscriber_id,
            day,
            line_no,
        )
        .fetch_one(conn)
        .await?;
        let settled = rows.last().map_or(Decimal::ZERO, |row| row.line_after);
        let paid = rows
            .iter()
            .map(|row| Paid { settlement_id: row.settlement_id, amount: row.amount, returned: row.returned })
            .collect();
        let accounts = rows.into_iter().map(|row| (row.settlement_id, row.account)).collect();
        Ok(Self { settled, paid, accounts, is_collected: kind == "third_party" })
    }

    fn account_of(&self, settlement_id: i64) -> Result<&str, RefundError> {
        let found = self.accounts.iter().find(|(id, _)| *id == settlement_id);
        found.map(|(_, account)| account.as_str()).ok_or(RefundError::Corrupt("settlement"))
    }
}
