//! What the gateway says, written down: by a callback or an answer, however often, late, and in whatever order.

use anyhow::Context as _;
use charging::payment::store::{self, PaymentError, Recorded};
use charging::payment::{Payment, PaymentNumber, PaymentState, RefundNumber, preparation};
use charging::refund::parts::{self, Told};
use charging::refund::{PartEvent, RefundError, Step};
use chrono::{DateTime, Utc};
use sqlx::PgPool;

use super::wechat::excerpt;
use super::{Event, Paid, Refund, RefundState};

/// How the counter of `/metrics` is called: what the gateway told, by `what` and `result`.
const TOLD: &str = "mingbai_gateway_told_total";

/// Notes an event.
///
/// # Errors
/// When the database fails. A number that was never given out is no error, but the statement will show it.
pub async fn event(pool: &PgPool, event: &Event, now: DateTime<Utc>) -> anyhow::Result<()> {
    match event {
        Event::Paid(event) => paid(pool, event, now).await,
        Event::Refund(event) => refund(pool, event, now).await,
    }
}

/// Notes that a payment was made.
///
/// # Errors
/// When the database fails.
pub async fn paid(pool: &PgPool, paid: &Paid, now: DateTime<Utc>) -> anyhow::Result<()> {
    let Ok(number) = paid.number.parse::<PaymentNumber>() else {
        strange("payment", &paid.number);
        return Ok(());
    };
    let mut tx = pool.begin().await?;
    let told = store::Paid {
        number: &number,
        transaction_id: &paid.gateway_number,
        amount: paid.amount,
        paid_at: paid.paid_at,
    };
    let recorded = match store::record_paid(&mut tx, &told, now).await {
        Err(PaymentError::NotFound(_)) => {
            strange("payment", &paid.number);
            return Ok(());
        }
        recorded => recorded.context("a payment cannot be noted")?,
    };
    if let Some(payment) = store::find_by_number(&mut tx, &number).await? {
        preparation::over(&mut tx, &payment).await?;
    }
    tx.commit().await?;
    count("payment", recorded);
    if recorded == Recorded::Contradicted {
        tracing::error!(number = paid.number, "the gateway says of a payment what cannot be: somebody has to look");
    }
    Ok(())
}

/// Notes that nobody can pay it any more, or that the gateway would not take it.
///
/// # Errors
/// When the database fails.
pub async fn ended(
    pool: &PgPool,
    payment: &Payment,
    state: PaymentState,
    detail: &str,
    now: DateTime<Utc>,
) -> anyhow::Result<()> {
    let number: PaymentNumber = payment.merchant_order_no.parse()?;
    let mut tx = pool.begin().await?;
    let recorded = store::record_ended(&mut tx, &number, state, detail, now).await?;
    preparation::over(&mut tx, payment).await?;
    tx.commit().await?;
    count("payment_ended", recorded);
    Ok(())
}

/// Notes what became of a part of a refund.
///
/// # Errors
/// When the database fails.
pub async fn refund(pool: &PgPool, refund: &Refund, now: DateTime<Utc>) -> anyhow::Result<()> {
    let (event, at) = match refund.state {
        RefundState::Processing => (PartEvent::Accepted, now),
        RefundState::Done { at } => (PartEvent::Succeeded, at),
        RefundState::Closed => (PartEvent::Refused, now),
        RefundState::Abnormal => (PartEvent::Stuck, now),
    };
    let Ok(number) = refund.number.parse::<RefundNumber>() else {
        strange("refund", &refund.number);
        return Ok(());
    };
    let (gateway_refund_id, amount) = (Some(refund.gateway_number.as_str()), Some(refund.amount));
    part(pool, &number, &Told { event, gateway_refund_id, amount, at, detail: "" }, now).await
}

/// Notes what was told of a part of a refund.
///
/// # Errors
/// When the database fails.
pub async fn part(pool: &PgPool, number: &RefundNumber, told: &Told<'_>, now: DateTime<Utc>) -> anyhow::Result<()> {
    let mut tx = pool.begin().await?;
    let step = match parts::record_answer(&mut tx, number, told, now).await {
        Err(RefundError::NoPart(_)) => {
            strange("refund", &number.to_string());
            return Ok(());
        }
        step => step.context("an answer about a refund cannot be noted")?,
    };
    tx.commit().await?;
    let recorded = match step {
        Step::To(_) => Recorded::Changed,
        Step::Same => Recorded::Already,
        Step::Contradicted => Recorded::Contradicted,
    };
    count("refund", recorded);
    if recorded == Recorded::Contradicted {
        tracing::error!(%number, event = %told.event, "the gateway says of a refund what cannot be: somebody has to look");
    }
    Ok(())
}

/// A number of another system, or of another database: the statement will show it.
fn strange(what: &'static str, number: &str) {
    metrics::counter!(TOLD, "what" => what, "result" => "strange").increment(1);
    tracing::error!(what, number = excerpt(number), "the gateway speaks of a number that was never given out here");
}

fn count(what: &'static str, recorded: Recorded) {
    let result = match recorded {
        Recorded::Changed => "noted",
        Recorded::Already => "repeated",
        Recorded::Contradicted => "contradicted",
    };
    metrics::counter!(TOLD, "what" => what, "result" => result).increment(1);
}
