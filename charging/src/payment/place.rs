//! 下单 What a subscriber asks to pay at the gateway: what is due and nothing else, and not too much at once.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use sqlx::PgConnection;

use super::due::arrears;
use super::preparation::{self, GATEWAY, Way, way};
use super::settle::lock_subscribers;
use super::store::{NewPayment, PaymentError, ask};
use super::{PAYMENT_MIN_YUAN, Purpose, Route};
use crate::actor::By;
use crate::clock::Month;

/// Payments that somebody may have open at once.
pub const OPEN_MAX: usize = 5;

/// A payment that a subscriber asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    pub purpose: Purpose,
    /// Yuan; of [`Purpose::Bill`] what the page showed.
    pub amount: Decimal,
    /// Of [`Purpose::Bill`]: the bills up to this month; `None`: all.
    pub month: Option<Month>,
    pub way: Way,
}

/// What is paid where so much is due, in yuan: no payment is smaller than the least, and what is left of it goes into the balance.
pub fn to_pay(due: Decimal) -> Decimal {
    due.max(PAYMENT_MIN_YUAN)
}

/// Writes a payment down and has it prepared. One that is open for the same is taken again. One subscriber's are placed one after the
/// other. Returns its id.
///
/// # Errors
/// [`PaymentError::NothingDue`], [`PaymentError::Changed`], [`PaymentError::TooMany`], when the amount cannot be paid, or the
/// database failed.
pub async fn place(
    conn: &mut PgConnection,
    subscriber_id: i64,
    asked: &Asked,
    by: &By,
    rng: &mut (impl rand::CryptoRng + Send),
    now: DateTime<Utc>,
) -> Result<i64, PaymentError> {
    lock_subscribers(conn, &[subscriber_id]).await?;
    if asked.purpose == Purpose::Bill {
        let due = arrears(conn, subscriber_id).await?.until(asked.month);
        if due.is_zero() {
            return Err(PaymentError::NothingDue);
        }
        if asked.amount != to_pay(due) {
            return Err(PaymentError::Changed);
        }
    }
    let open = open(conn, subscriber_id, now).await?;
    if let Some((payment_id, _)) = open.iter().find(|(_, other)| other == asked) {
        return Ok(*payment_id);
    }
    if open.len() >= OPEN_MAX {
        return Err(PaymentError::TooMany);
    }
    let new = NewPayment {
        subscriber_id,
        purpose: asked.purpose,
        route: Route::Wallet,
        gateway: GATEWAY,
        amount: asked.amount,
        bill_month: asked.month,
        by,
    };
    let payment = ask(conn, &new, now, rng).await?;
    preparation::request(conn, &payment, asked.way, now).await?;
    Ok(payment.payment_id)
}

/// Payments at the gateway that can still be made, the newest first.
async fn open(
    conn: &mut PgConnection,
    subscriber_id: i64,
    now: DateTime<Utc>,
) -> Result<Vec<(i64, Asked)>, PaymentError> {
    let rows = sqlx::query!(
        "select payment_id, purpose, amount, bill_month, way, host(payer_address) as payer
        from payment join payment_preparation using (subscriber_id, payment_id)
        where subscriber_id = $1 and state = 'asked' and expires_at > $2 order by payment_id desc",
        subscriber_id,
        now,
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            let asked = Asked {
                purpose: row.purpose.parse().map_err(|_| PaymentError::Corrupt("payment"))?,
                amount: row.amount,
                month: row.bill_month.map(Month::of_date),
                way: way(&row.way, row.payer)?,
            };
            Ok((row.payment_id, asked))
        })
        .collect()
}
