//! What the forms do: ask for a payment, pay from the balance, choose whether that happens by itself.

use charging::actor::By;
use charging::clock::Month;
use charging::money::{parse_amount, plain};
use charging::payment::due::arrears;
use charging::payment::preparation::{self, GATEWAY, Way};
use charging::payment::store::{self, NewPayment, PaymentError};
use charging::payment::{PAYMENT_MIN_YUAN, PaymentState, Purpose, Route, balance, check_amount};
use leptos::prelude::*;
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use rust_decimal::Decimal;

use crate::request::{client_ip, redirect, signed_in};
use crate::state::AppState;

/// Payments that somebody may have open at once.
const OPEN_MAX: usize = 5;
/// Payments that are looked through for open ones: an open one is at most half an hour old.
const NEWEST: u8 = 20;

/// What a subscriber asks to pay.
struct Asked {
    purpose: Purpose,
    amount: Decimal,
    month: Option<Month>,
}

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
    let asked = Asked { purpose, amount: check_amount(amount).map_err(|_| "amount")?, month };
    place(state, subscriber_id, &asked, way).await.map_err(|error| match error {
        Refused::Changed => "changed",
        Refused::NothingDue => "nothing_due",
        Refused::TooMany => "too_many",
        Refused::Failed(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, "a payment could not be asked for");
            "failed"
        }
    })
}

enum Refused {
    /// Another amount is due than the page showed.
    Changed,
    NothingDue,
    TooMany,
    Failed(PaymentError),
}

impl<E: Into<PaymentError>> From<E> for Refused {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

/// Writes the payment down. One that is open already for the same is taken again.
async fn place(state: &AppState, subscriber_id: i64, asked: &Asked, way: Way) -> Result<i64, Refused> {
    let now = state.clock.now();
    let mut tx = state.pool.begin().await?;
    if asked.purpose == Purpose::Bill {
        let due = due_until(&arrears(&mut tx, subscriber_id).await?, asked.month);
        if due.is_zero() {
            return Err(Refused::NothingDue);
        }
        if asked.amount != to_pay(due) {
            return Err(Refused::Changed);
        }
    }
    let mut open = 0;
    for payment in store::history(&mut tx, subscriber_id, NEWEST).await? {
        if payment.state != PaymentState::Asked || payment.expires_at <= now {
            continue;
        }
        open += 1;
        let is_same =
            (payment.purpose, payment.amount, payment.bill_month) == (asked.purpose, asked.amount, asked.month);
        let prepared = preparation::preparation(&mut tx, subscriber_id, payment.payment_id).await?;
        if is_same && prepared.is_some_and(|prepared| prepared.way == way) {
            return Ok(payment.payment_id);
        }
    }
    if open >= OPEN_MAX {
        return Err(Refused::TooMany);
    }
    let new = NewPayment {
        subscriber_id,
        purpose: asked.purpose,
        route: Route::Wallet,
        gateway: GATEWAY,
        amount: asked.amount,
        bill_month: asked.month,
        by: &By::subscriber("web"),
    };
    let payment = store::ask(&mut tx, &new, now, &mut StdRng::from_os_rng()).await?;
    preparation::request(&mut tx, &payment, way, now).await?;
    tx.commit().await?;
    Ok(payment.payment_id)
}

/// Yuan that are due for bills up to a month, or in all.
pub(super) fn due_until(arrears: &charging::payment::due::Arrears, month: Option<Month>) -> Decimal {
    let bills = arrears.bills.iter().filter(|bill| month.is_none_or(|month| bill.month <= month));
    bills.map(|bill| bill.due).sum()
}

/// What is paid where so much is due: no payment is smaller than the least, and what is left of it goes into the balance.
pub(super) fn to_pay(due: Decimal) -> Decimal {
    due.max(PAYMENT_MIN_YUAN)
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
