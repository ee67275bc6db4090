//! What the forms do. Each asks `charging` again whether it is allowed.

use charging::clock::Month;
use charging::money::parse_amount;
use charging::refund::{NewRefund, Of, PartEvent, RefundError, desk};
use charging::subscriber::Msisdn;
use charging::subscriber::store::find_by_msisdn;
use leptos::prelude::*;
use rand::SeedableRng as _;
use rand::rngs::StdRng;

use crate::request::redirect;
use crate::staff::actor;
use crate::state::AppState;

/// Asks for a refund of a bill line on behalf of a subscriber.
#[server(prefix = "/staff/api", endpoint = "ask_refund")]
pub async fn staff_ask_refund(
    msisdn: String,
    month: String,
    line: String,
    amount: String,
    reason: String,
    #[server(default)] note: String,
) -> Result<(), ServerFnError> {
    let asked = asked(&msisdn, &month, &line, &amount, &reason, note).await;
    answer(asked, "asked", "asked");
    Ok(())
}

async fn asked(
    msisdn: &str,
    month: &str,
    line: &str,
    amount: &str,
    reason: &str,
    note: String,
) -> Result<(), RefundError> {
    let state = AppState::current();
    let msisdn: Msisdn = msisdn.trim().parse().map_err(|_| RefundError::NoCharge)?;
    let month: Month = month.trim().parse().map_err(|_| RefundError::NoCharge)?;
    let line_no = line.trim().parse().map_err(|_| RefundError::NoCharge)?;
    let amount = parse_amount(amount.trim(), 2).map_err(|_| RefundError::Amount(rust_decimal::Decimal::ZERO))?;
    let reason = reason.parse().map_err(|_| RefundError::NoCharge)?;
    let mut tx = state.pool.begin().await?;
    let found = find_by_msisdn(&mut tx, &msisdn).await.map_err(|error| {
        tracing::error!(error = &error as &dyn std::error::Error, "a subscriber could not be looked up");
        RefundError::Corrupt("subscriber")
    });
    let subscriber = found?.ok_or(RefundError::NoCharge)?;
    let of = Of::Line { month, line_no };
    let new = NewRefund { subscriber_id: subscriber.subscriber_id, of, amount, reason, note, dispute_id: None };
    desk::ask(&mut tx, &actor(), &new, state.clock.now()).await?;
    Ok(tx.commit().await?)
}

/// Lets go what somebody else asked for.
#[server(prefix = "/staff/api", endpoint = "approve_refund")]
pub async fn staff_approve_refund(subscriber: i64, refund: i64) -> Result<(), ServerFnError> {
    let state = AppState::current();
    let approved = async {
        let mut tx = state.pool.begin().await?;
        let rng = &mut StdRng::from_os_rng();
        desk::approve(&mut tx, &actor(), subscriber, refund, rng, state.clock.now()).await?;
        Ok(tx.commit().await?)
    };
    answer(approved.await, "asked", "approved");
    Ok(())
}

/// Rejects what somebody else asked for, with the reason.
#[server(prefix = "/staff/api", endpoint = "reject_refund")]
pub async fn staff_reject_refund(
    subscriber: i64,
    refund: i64,
    #[server(default)] decision: String,
) -> Result<(), ServerFnError> {
    let state = AppState::current();
    let rejected = async {
        let mut tx = state.pool.begin().await?;
        desk::reject(&mut tx, &actor(), subscriber, refund, &decision, state.clock.now()).await?;
        Ok(tx.commit().await?)
    };
    answer(rejected.await, "asked", "rejected");
    Ok(())
}

/// Notes what a platform answered to a claim, or that the operator bears it.
#[server(prefix = "/staff/api", endpoint = "answer_claim")]
pub async fn staff_answer_claim(
    number: String,
    answer: String,
    #[server(default)] note: String,
) -> Result<(), ServerFnError> {
    let state = AppState::current();
    let noted = async {
        let event: PartEvent = answer.parse().map_err(|_| RefundError::Note)?;
        let mut tx = state.pool.begin().await?;
        desk::answer_claim(&mut tx, &actor(), &number.parse()?, event, &note, state.clock.now()).await?;
        Ok(tx.commit().await?)
    };
    self::answer(noted.await, "under_way", "answered");
    Ok(())
}

/// Stops waiting for a part that the gateway leaves hanging.
#[server(prefix = "/staff/api", endpoint = "give_up_refund")]
pub async fn staff_give_up_refund(number: String, #[server(default)] note: String) -> Result<(), ServerFnError> {
    let state = AppState::current();
    let noted = async {
        let mut tx = state.pool.begin().await?;
        desk::give_up(&mut tx, &actor(), &number.parse()?, &note, state.clock.now()).await?;
        Ok(tx.commit().await?)
    };
    answer(noted.await, "disputed", "giving_up");
    Ok(())
}

/// Back to a list, with what came of it.
fn answer(done: Result<(), RefundError>, list: &str, ok: &str) {
    let told = match done {
        Ok(()) => format!("ok={ok}"),
        Err(error) => format!("problem={}", problem(&error)),
    };
    redirect(&format!("/staff/refunds?list={list}&{told}"));
}

fn problem(error: &RefundError) -> &'static str {
    match error {
        RefundError::NoCharge | RefundError::NotFound => "charge",
        RefundError::Amount(_) | RefundError::TooMuch(_) => "refund_amount",
        RefundError::Already => "already",
        RefundError::Note => "note",
        RefundError::Oneself => "oneself",
        RefundError::Decided => "decided",
        RefundError::NotHanging => "not_hanging",
        error => {
            tracing::error!(error = error as &dyn std::error::Error, "a refund could not be decided");
            "failed"
        }
    }
}
