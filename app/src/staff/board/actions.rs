//! What the forms of the board do. Each asks `charging` again whether it is allowed.

use charging::tariff::withdrawal::{TARIFFS_MAX, WithdrawalError, approve, ask, refuse, take_back};
use leptos::prelude::*;

use super::known;
use super::words::problem;
use crate::request::{query_value, redirect};
use crate::staff::actor;
use crate::staff::local_time::moment;
use crate::state::AppState;

const BOARD: &str = "/staff/tariffs/board";
const APPROVALS: &str = "/staff/tariffs/withdrawals";

/// Asks for tariffs to go off sale.
#[server(prefix = "/staff/api", endpoint = "ask_withdrawal")]
pub async fn ask_withdrawal(
    #[server(default)] tariffs: Vec<String>,
    #[server(default)] withdraw_at: String,
    #[server(default)] reason: String,
) -> Result<(), ServerFnError> {
    let state = AppState::current();
    let chosen = known(&tariffs);
    let asked = async {
        let at = moment(&withdraw_at).ok_or(WithdrawalError::Time)?;
        let mut tx = state.pool.begin().await?;
        ask(&mut tx, &actor(), &chosen, (at, &reason), state.clock.now()).await?;
        Ok::<_, WithdrawalError>(tx.commit().await?)
    };
    redirect(&match asked.await {
        Ok(()) => format!("{BOARD}?ok=asked#plans"),
        Err(error) => {
            let ids = chosen.iter().take(TARIFFS_MAX + 1).map(|id| format!("id={id}"));
            let reason: String = reason.chars().take(charging::tariff::withdrawal::REASON_CHARS_MAX).collect();
            let at: String = withdraw_at.chars().take(16).collect();
            format!(
                "{BOARD}/effect?problem={}&withdraw_at={}&reason={}&{}",
                problem(&error),
                query_value(&at),
                query_value(&reason),
                ids.collect::<Vec<_>>().join("&")
            )
        }
    });
    Ok(())
}

/// Takes an own plan back.
#[server(prefix = "/staff/api", endpoint = "take_back_withdrawal")]
pub async fn take_back_withdrawal(plan: i64) -> Result<(), ServerFnError> {
    let state = AppState::current();
    let done = async {
        let mut tx = state.pool.begin().await?;
        take_back(&mut tx, &actor(), plan, state.clock.now()).await?;
        Ok::<_, WithdrawalError>(tx.commit().await?)
    };
    answer(BOARD, "taken_back", done.await);
    Ok(())
}

/// Approves somebody else's plan.
#[server(prefix = "/staff/api", endpoint = "approve_withdrawal")]
pub async fn approve_withdrawal(plan: i64) -> Result<(), ServerFnError> {
    let state = AppState::current();
    let done = async {
        let mut tx = state.pool.begin().await?;
        approve(&mut tx, &actor(), plan, state.clock.now()).await?;
        Ok::<_, WithdrawalError>(tx.commit().await?)
    };
    answer(APPROVALS, "approved", done.await);
    Ok(())
}

/// Returns somebody else's plan.
#[server(prefix = "/staff/api", endpoint = "refuse_withdrawal")]
pub async fn refuse_withdrawal(plan: i64, #[server(default)] answer: String) -> Result<(), ServerFnError> {
    let state = AppState::current();
    let done = async {
        let mut tx = state.pool.begin().await?;
        refuse(&mut tx, &actor(), plan, &answer, state.clock.now()).await?;
        Ok::<_, WithdrawalError>(tx.commit().await?)
    };
    self::answer(APPROVALS, "refused", done.await);
    Ok(())
}

fn answer(page: &str, ok: &str, done: Result<(), WithdrawalError>) {
    redirect(&match done {
        Ok(()) => format!("{page}?ok={ok}"),
        Err(error) => format!("{page}?problem={}", problem(&error)),
    });
}
