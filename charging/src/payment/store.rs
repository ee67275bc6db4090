//! Payments in the database: asked for, paid, closed. Callers own the transaction.

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;
use sqlx::PgConnection;

use super::balance::{NO_NONCE, balance};
use super::due::due_lines;
use super::settle::{NewSettlement, Source, lock_subscribers, settle};
use super::{
    Allocation, InvalidNumber, InvalidPayment, PAYMENT_LIFETIME, Payment, PaymentNumber, PaymentState, Purpose, Route,
    allocate, check_amount, nonce,
};
use crate::actor::By;
use crate::clock::Month;
use crate::notice::PaymentNotice;
use crate::notice::store::{NoticeError, tell};
use crate::notice::template::Message;

/// Why something about payments cannot be done.
#[derive(Debug, thiserror::Error)]
pub enum PaymentError {
    #[error(transparent)]
    Invalid(#[from] InvalidPayment),
    #[error(transparent)]
    Number(#[from] InvalidNumber),
    #[error("there is no payment {0}")]
    NotFound(PaymentNumber),
    #[error("nothing is due")]
    NothingDue,
    #[error("another amount is due than was shown")]
    Changed,
    #[error("too many payments are open")]
    TooMany,
    #[error("{expected} rows were to be written, {written} were")]
    Incomplete { expected: usize, written: usize },
    #[error("the stored {0} is not readable")]
    Corrupt(&'static str),
    #[error(transparent)]
    Notice(#[from] NoticeError),
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
}

/// A payment through a gateway to be asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewPayment<'a> {
    pub subscriber_id: i64,
    pub purpose: Purpose,
    /// One of those that go through a gateway.
    pub route: Route,
    /// Which, such as `wechat`.
    pub gateway: &'a str,
    /// Yuan.
    pub amount: Decimal,
    /// The bill on whose page it is asked for.
    pub bill_month: Option<Month>,
    pub by: &'a By,
}

pub(super) struct Row {
    pub payment_id: i64,
    pub purpose: String,
    pub route: String,
    pub gateway: Option<String>,
    pub amount: Decimal,
    pub bill_month: Option<NaiveDate>,
    pub merchant_order_no: String,
    pub asked_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
    pub state: String,
    pub gateway_transaction_id: Option<String>,
    pub paid_at: Option<DateTime<Utc>>,
    pub ended_at: Option<DateTime<Utc>>,
}

impl Row {
    pub fn read(self, subscriber_id: i64) -> Result<Payment, PaymentError> {
        let corrupt = |_| PaymentError::Corrupt("payment");
        Ok(Payment {
            subscriber_id,
            payment_id: self.payment_id,
            purpose: self.purpose.parse().map_err(corrupt)?,
            route: self.route.parse().map_err(corrupt)?,
            gateway: self.gateway,
            amount: self.amount,
            bill_month: self.bill_month.map(Month::of_date),
            merchant_order_no: self.merchant_order_no,
            asked_at: self.asked_at,
            expires_at: self.expires_at,
            state: self.state.parse().map_err(corrupt)?,
            gateway_transaction_id: self.gateway_transaction_id,
            paid_at: self.paid_at,
            ended_at: self.ended_at,
        })
    }
}

/// Asks for a payment: writes it down with its number, before the gateway hears of it.
///
/// # Errors
/// When the amount cannot be paid, or the database failed.
pub async fn ask(
    conn: &mut PgConnection,
    new: &NewPayment<'_>,
    now: DateTime<Utc>,
    rng: &mut (impl rand::CryptoRng + Send),
) -> Result<Payment, PaymentError> {
    let amount = check_amount(new.amount)?;
    let payment_id = sqlx::query_scalar!(
        "insert into payment (subscriber_id, purpose, route, gateway, amount, bill_month, nonce, asked_by, channel_id,
            asked_at, expires_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) returning payment_id",
        new.subscriber_id,
        new.purpose.as_str(),
        new.route.as_str(),
        new.gateway,
        amount,
        new.bill_month.map(Month::first_day),
        nonce(rng),
        new.by.actor.to_string(),
        new.by.channel_id,
        now,
        now + PAYMENT_LIFETIME,
    )
    .fetch_one(&mut *conn)
    .await?;
    note(conn, new.subscriber_id, payment_id, "asked", "", now).await?;
    find(conn, new.subscriber_id, payment_id).await?.ok_or(PaymentError::Corrupt("payment"))
}

/// A payment of a subscriber; `None`: there is none of that number.
///
/// # Errors
/// When the database failed.
pub async fn find(
    conn: &mut PgConnection,
    subscriber_id: i64,
    payment_id: i64,
) -> Result<Option<Payment>, PaymentError> {
    sqlx::query_as!(
        Row,
        r#"select payment_id, purpose, route, gateway, amount, bill_month, merchant_order_no as "merchant_order_no!", asked_at,
            expires_at, state, gateway_transaction_id, paid_at, ended_at
        from payment where subscriber_id = $1 and payment_id = $2"#,
        subscriber_id,
        payment_id,
    )
    .fetch_optional(conn)
    .await?
    .map(|row| row.read(subscriber_id))
    .transpose()
}

/// The payment that a gateway speaks of; `None`: the number is well formed but was never given out.
///
/// # Errors
/// When the database failed.
pub async fn find_by_number(conn: &mut PgConnection, number: &PaymentNumber) -> Result<Option<Payment>, PaymentError> {
    let payment = find(conn, number.subscriber_id, number.payment_id).await?;
    Ok(payment.filter(|payment| payment.merchant_order_no == number.to_string()))
}

/// Payments of a subscriber, the newest first, at most `limit` and 100.
///
/// # Errors
/// When the database failed.
pub async fn history(conn: &mut PgConnection, subscriber_id: i64, limit: u8) -> Result<Vec<Payment>, PaymentError> {
    let rows = sqlx::query_as!(
        Row,
        r#"select payment_id, purpose, route, gateway, amount, bill_month, merchant_order_no as "merchant_order_no!", asked_at,
            expires_at, state, gateway_transaction_id, paid_at, ended_at
        from payment where subscriber_id = $1 order by payment_id desc limit $2"#,
        subscriber_id,
        i64::from(limit.min(100)),
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(|row| row.read(subscriber_id)).collect()
}

/// What a gateway says of a payment that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paid<'a> {
    pub number: &'a PaymentNumber,
    /// The gateway's own number.
    pub transaction_id: &'a str,
    /// Yuan.
    pub amount: Decimal,
    pub paid_at: DateTime<Utc>,
}

/// What came of what was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recorded {
    /// It is so now.
    Changed,
    /// It was so already.
    Already,
    /// It cannot be: another amount, or another payment under the same number. It is noted, and somebody has to look.
    Contradicted,
}

/// Notes that a payment was made, however often and late that is told, and settles with it what is due.
///
/// # Errors
/// [`PaymentError::NotFound`], or the database failed.
pub async fn record_paid(
    conn: &mut PgConnection,
    paid: &Paid<'_>,
    now: DateTime<Utc>,
) -> Result<Recorded, PaymentError> {
    let number = paid.number;
    lock_subscribers(conn, &[number.subscriber_id]).await?;
    let payment = find_by_number(conn, number).await?.ok_or_else(|| PaymentError::NotFound(number.clone()))?;
    let (subscriber_id, payment_id) = (payment.subscriber_id, payment.payment_id);
    if payment.amount != paid.amount {
        let detail = format!("{} yuan were paid under {}", paid.amount, paid.transaction_id);
        note(conn, subscriber_id, payment_id, "contradicted", &detail, now).await?;
        return Ok(Recorded::Contradicted);
    }
    if payment.state == PaymentState::Paid {
        if payment.gateway_transaction_id.as_deref() == Some(paid.transaction_id) {
            return Ok(Recorded::Already);
        }
        let detail = format!("paid again under {}", paid.transaction_id);
        note(conn, subscriber_id, payment_id, "contradicted", &detail, now).await?;
        return Ok(Recorded::Contradicted);
    }
    sqlx::query!(
        "update payment set state = 'paid', gateway_transaction_id = $3, paid_at = $4, ended_at = null
        where subscriber_id = $1 and payment_id = $2",
        subscriber_id,
        payment_id,
        paid.transaction_id,
        paid.paid_at,
    )
    .execute(&mut *conn)
    .await?;
    note(conn, subscriber_id, payment_id, "paid", paid.transaction_id, now).await?;
    spend(conn, &payment, now).await?;
    Ok(Recorded::Changed)
}

/// Cash taken at a shop: paid as it is written down. Returns the payment's id.
///
/// # Errors
/// When the amount cannot be paid, or the database failed.
pub async fn take_cash(
    conn: &mut PgConnection,
    subscriber_id: i64,
    purpose: Purpose,
    amount: Decimal,
    by: &By,
    now: DateTime<Utc>,
) -> Result<i64, PaymentError> {
    let amount = check_amount(amount)?;
    lock_subscribers(conn, &[subscriber_id]).await?;
    let payment_id = sqlx::query_scalar!(
        "insert into payment (subscriber_id, purpose, route, amount, nonce, asked_by, channel_id, asked_at, expires_at, state,
            paid_at)
        values ($1, $2, 'cash', $3, $4, $5, $6, $7, $7, 'paid', $7) returning payment_id",
        subscriber_id,
        purpose.as_str(),
        amount,
        NO_NONCE,
        by.actor.to_string(),
        by.channel_id,
        now,
    )
    .fetch_one(&mut *conn)
    .await?;
    note(conn, subscriber_id, payment_id, "paid", "", now).await?;
    let payment = find(conn, subscriber_id, payment_id).await?.ok_or(PaymentError::Corrupt("payment"))?;
    spend(conn, &payment, now).await?;
    Ok(payment_id)
}

/// Settles what is due with a payment that was made, and puts the rest into the balance.
async fn spend(conn: &mut PgConnection, payment: &Payment, now: DateTime<Utc>) -> Result<(), PaymentError> {
    let subscriber_id = payment.subscriber_id;
    let lines = match payment.purpose {
        Purpose::Bill => due_lines(conn, subscriber_id).await?,
        Purpose::TopUp => Vec::new(),
    };
    let Allocation { shares, rest } = allocate(payment.amount, &lines);
    let account = if payment.route == Route::Cash { "cash" } else { "gateway" };
    let mut before = Decimal::ZERO;
    let mut settlements = Vec::new();
    let parts = shares.into_iter().map(|share| (Some(share), share.amount));
    for (share, amount) in parts.chain((!rest.is_zero()).then_some((None, rest))) {
        let source = Source::Payment { payment_id: payment.payment_id, account, amount: payment.amount, before };
        before += amount;
        settlements.push(NewSettlement { subscriber_id, source, share, amount });
    }
    settle(conn, &settlements, now).await?;
    let notice = PaymentNotice::Received {
        amount: payment.amount,
        bills: payment.amount - rest,
        balance: balance(conn, subscriber_id).await?,
    };
    tell(conn, subscriber_id, format!("payment/{}", payment.payment_id), &Message::Payment(notice), now).await?;
    Ok(())
}

/// Notes that a payment cannot be made any more: closed, or refused by the gateway. One that was made stays so.
///
/// # Errors
/// [`PaymentError::NotFound`], or the database failed.
pub async fn record_ended(
    conn: &mut PgConnection,
    number: &PaymentNumber,
    state: PaymentState,
    detail: &str,
    now: DateTime<Utc>,
) -> Result<Recorded, PaymentError> {
    debug_assert!(matches!(state, PaymentState::Closed | PaymentState::Failed));
    lock_subscribers(conn, &[number.subscriber_id]).await?;
    let payment = find_by_number(conn, number).await?.ok_or_else(|| PaymentError::NotFound(number.clone()))?;
    match payment.state {
        PaymentState::Asked => {}
        PaymentState::Paid => {
            note(conn, payment.subscriber_id, payment.payment_id, "contradicted", detail, now).await?;
            return Ok(Recorded::Contradicted);
        }
        PaymentState::Closed | PaymentState::Failed => return Ok(Recorded::Already),
    }
    sqlx::query!(
        "update payment set state = $3, ended_at = $4 where subscriber_id = $1 and payment_id = $2",
        payment.subscriber_id,
        payment.payment_id,
        state.as_str(),
        now,
    )
    .execute(&mut *conn)
    .await?;
    note(conn, payment.subscriber_id, payment.payment_id, state.as_str(), detail, now).await?;
    Ok(Recorded::Changed)
}

async fn note(
    conn: &mut PgConnection,
    subscriber_id: i64,
    payment_id: i64,
    what: &str,
    detail: &str,
    at: DateTime<Utc>,
) -> Result<(), PaymentError> {
    sqlx::query!(
        "insert into payment_event (subscriber_id, payment_id, what, at, detail) values ($1, $2, $3, $4, left($5, 500))",
        subscriber_id,
        payment_id,
        what,
        at,
        detail,
    )
    .execute(conn)
    .await?;
    Ok(())
}
