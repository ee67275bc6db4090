//! What the forms do. Each asks `charging` again whether it is allowed.

use charging::dispute::desk;
use charging::dispute::store::DisputeError;
use charging::dispute::{CaseId, TooLong};
use charging::money::parse_amount;
use charging::subscriber::Msisdn;
use charging::subscriber::store::find_by_msisdn;
use chrono::{DateTime, Utc};
use leptos::prelude::*;
use rust_decimal::Decimal;
use sqlx::PgConnection;

use crate::me::disputes::words::problem;
use crate::request::redirect;
use crate::staff::actor;
use crate::state::AppState;

/// Takes a case.
#[server(prefix = "/staff/api", endpoint = "dispute_take")]
pub async fn staff_take_dispute(case: String) -> Result<(), ServerFnError> {
    step(&case, "taken", async |conn, case, now| desk::take(conn, &actor(), case, now).await).await;
    Ok(())
}

/// Asks the subscriber something.
#[server(prefix = "/staff/api", endpoint = "dispute_ask")]
pub async fn staff_ask_subscriber(case: String, #[server(default)] words: String) -> Result<(), ServerFnError> {
    step(&case, "asked", async |conn, case, now| desk::ask(conn, &actor(), case, &words, now).await).await;
    Ok(())
}

/// Gives money back.
#[server(prefix = "/staff/api", endpoint = "dispute_refund")]
pub async fn staff_uphold_dispute(
    case: String,
    #[server(default)] amount: String,
    #[server(default)] words: String,
) -> Result<(), ServerFnError> {
    // What is no amount is as good as none: it is refused by the rules below.
    let award = parse_amount(amount.trim(), 2).unwrap_or(Decimal::NEGATIVE_ONE);
    let answer =
        async |conn: &mut PgConnection, case, now| desk::answer(conn, &actor(), case, Some(award), &words, now).await;
    step(&case, "answered", answer).await;
    Ok(())
}

/// Explains that the charge was right.
#[server(prefix = "/staff/api", endpoint = "dispute_explain")]
pub async fn staff_explain_dispute(case: String, #[server(default)] words: String) -> Result<(), ServerFnError> {
    let answer = async |conn: &mut PgConnection, case, now| desk::answer(conn, &actor(), case, None, &words, now).await;
    step(&case, "answered", answer).await;
    Ok(())
}

/// Says why one looks at a subscriber, and opens the page.
#[server(prefix = "/staff/api", endpoint = "look")]
pub async fn staff_look(msisdn: String, #[server(default)] reason: String) -> Result<(), ServerFnError> {
    let state = AppState::current();
    let looked = async {
        let number = msisdn.trim().parse::<Msisdn>().map_err(|_| DisputeError::NotFound)?;
        let mut tx = state.pool.begin().await?;
        let subscriber =
            find_by_msisdn(&mut tx, &number).await.map_err(|error| DisputeError::Corrupt(error.to_string()))?;
        let subscriber = subscriber.ok_or(DisputeError::NotFound)?;
        desk::look(&mut tx, &actor(), subscriber.subscriber_id, &reason, state.clock.now()).await?;
        tx.commit().await?;
        Ok(number)
    };
    redirect(&match looked.await {
        Ok(number) => format!("/staff/subscribers/{number}"),
        Err(DisputeError::NotFound) => "/staff/subscribers?problem=number".to_owned(),
        Err(DisputeError::NoWords | DisputeError::TooLong(TooLong)) => match msisdn.trim().parse::<Msisdn>() {
            Ok(number) => format!("/staff/subscribers/{number}?problem=reason"),
            Err(_) => "/staff/subscribers?problem=reason".to_owned(),
        },
        Err(error) => format!("/staff/subscribers?problem={}", problem(&error)),
    });
    Ok(())
}

/// Takes a step of a case in a transaction of its own, and shows what came of it.
async fn step(
    case: &str,
    ok: &str,
    work: impl AsyncFnOnce(&mut PgConnection, CaseId, DateTime<Utc>) -> Result<(), DisputeError>,
) {
    let state = AppState::current();
    let Ok(case) = case.parse::<CaseId>() else {
        redirect("/staff/complaints");
        return;
    };
    let done = async {
        let mut tx = state.pool.begin().await?;
        work(&mut tx, case, state.clock.now()).await?;
        Ok::<_, DisputeError>(tx.commit().await?)
    };
    redirect(&match done.await {
        Ok(()) => format!("/staff/complaints/{case}?ok={ok}"),
        Err(DisputeError::NotFound) => "/staff/complaints".to_owned(),
        Err(error) => format!("/staff/complaints/{case}?problem={}", problem(&error)),
    });
}
