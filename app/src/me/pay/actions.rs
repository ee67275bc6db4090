//! What the forms do: ask for a payment, pay from the balance, choose whether that happens by itself.

use charging::actor::By;
use charging::clock::Month;
use charging::money::{parse_amount, plain};
use charging::payment::place::{Asked, place};
use charging::payment::preparation::Way;
use charging::payment::store::PaymentError;
use charging::payment::{Purpose, balance, check_amount};
use leptos::prelude::*;
use rand::SeedableRng as _;
use rand::rngs::StdRng;

use crate::request::{client_ip, redirect, signed_in};
use crate::state::AppState;

/// Asks for a payment, and leads to where it is made. `purpose`: `top_up` with an amount in yuan, or `own` for the one in `own`; or
/// `bill` with the amount that the page showed, for bills up to `month`.
#[server(endpoint = "pay")]
pub async fn ask_payment(
    purpose: String,
    #[server(default)] amount: String,
    #[server(default)] own: String,
    #[server(default)] month: String,
    #[server(default)] way: String,
) -> Result<(), ServerFnError> {
    let state = AppState::current();
    let Some(subscriber_id) = signed_in().await else {
        redirect("/login?next=/me/balance");
        return Ok(());
    };
    let month = month.parse::<Month>().ok();
    let back = match month {
        Some(month) if purpose == "bill" => format!("/me/bills/{month}"),
        _ => "/me/balance".to_owned(),
    };
    let typed = if amount.is_empty() || amount == "own" { own } else { amount };
    let way = if way == "link" { Way::Link { payer: client_ip() } } else { Way::Code };
    redirect(&match asked(&state, subscriber_id, &purpose, &typed, month, way).await {
        Ok(payment_id) => format!("/me/pay/{payment_id}"),
        Err(problem) => format!("{back}?problem={problem}"),
    });
    Ok(())
}

async fn asked(
    state: &AppState,
    subscriber_id: i64,
    purpose: &str,
    typed: &str,
    month: Option<Month>,
    way: Way,
) -> Result<i64, &'static str> {
    if !state.payments {
        return Err("not_offered");
    }
    let purpose: Purpose = purpose.parse().map_err(|_| "amount")?;
    let amount = parse_amount(typed.trim(), 2).map_err(|_| "amount")?;
    let asked = Asked { purpose, amount: check_amount(amount).map_err(|_| "amount")?, month, way };
    let placed = async {
        let mut tx = state.pool.begin().await?;
        let (by, rng) = (By::subscriber("web"), &mut StdRng::from_os_rng());
        let payment_id = place(&mut tx, subscriber_id, &asked, &by, rng, state.clock.now()).await?;
        tx.commit().await?;
        Ok(payment_id)
    };
    placed.await.map_err(|error| match error {
        PaymentError::Changed => "changed",
        PaymentError::NothingDue => "nothing_due",
        PaymentError::TooMany => "too_many",
        error => {
            tracing::error!(error = &error as &dyn std::error::Error, "a payment could not be asked for");
            "failed"
        }
    })
}

/// Pays what is due from the balance, as far as it goes. `amount`: what the page showed that it would be.
#[server(endpoint = "pay_from_balance")]
pub async fn pay_from_balance(#[server(default)] amount: String) -> Result<(), ServerFnError> {
    let state = AppState::current();
    let Some(subscriber_id) = signed_in().await else {
        redirect("/login?next=/me/balance");
        return Ok(());
    };
    let done = async {
        let mut tx = state.pool.begin().await?;
        let paid = balance::pay_from_balance(&mut tx, subscriber_id, &By::subscriber("web"), state.clock.now()).await?;
        match paid {
            None => Ok::<_, PaymentError>("problem=nothing_due"),
            // Nothing is committed of another amount than was shown.
            Some(paid) if plain(paid) != amount => Ok("problem=changed"),
            Some(_) => {
                tx.commit().await?;
                Ok("ok=from_balance")
            }
        }
    };
    let told = done.await.unwrap_or_else(|error| {
        tracing::error!(error = &error as &dyn std::error::Error, "bills could not be paid from the balance");
        "problem=failed"
    });
    redirect(&format!("/me/balance?{told}"));
    Ok(())
}

/// Whether closed bills are paid from the balance by themselves: `wanted` is `on` or `off`.
#[server(endpoint = "auto_payment")]
pub async fn choose_auto_payment(wanted: String) -> Result<(), ServerFnError> {
    let state = AppState::current();
    let Some(subscriber_id) = signed_in().await else {
        redirect("/login?next=/me/balance");
        return Ok(());
    };
    let wanted = wanted == "on";
    let done = async {
        let mut tx = state.pool.begin().await?;
        let by = By::subscriber("web");
        balance::choose_auto_payment(&mut tx, subscriber_id, wanted, &by, state.clock.now()).await?;
        Ok::<_, PaymentError>(tx.commit().await?)
    };
    redirect(match done.await {
        Ok(()) if wanted => "/me/balance?ok=auto_on",
        Ok(()) => "/me/balance?ok=auto_off",
        Err(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, "a choice of payment could not be kept");
            "/me/balance?problem=failed"
        }
    });
    Ok(())
}
