//! Stopping, and taking it back: one click each, no reason asked.

use charging::actor::By;
use charging::money::parse_amount;
use charging::order::Refusal;
use charging::order::ending::{cancel, undo_cancel};
use charging::order::store::OrderError;
use leptos::prelude::*;
use rust_decimal::Decimal;

use crate::request::{redirect, signed_in};
use crate::state::AppState;

/// Unsubscribes. What it means stood beside the button; `penalty`: what stood there as the penalty, in yuan.
#[server(endpoint = "unsubscribe")]
pub async fn unsubscribe(subscription_id: i64, #[server(default)] penalty: String) -> Result<(), ServerFnError> {
    let state = AppState::current();
    let Some(subscriber_id) = signed_in().await else {
        redirect("/login?next=/me/addons");
        return Ok(());
    };
    let accepted = if penalty.is_empty() { Ok(Decimal::ZERO) } else { parse_amount(&penalty, 2) };
    let Ok(accepted) = accepted else {
        redirect("/me/addons?problem=failed");
        return Ok(());
    };
    let stopped = async {
        let mut tx = state.pool.begin().await?;
        cancel(&mut tx, subscriber_id, subscription_id, accepted, &By::subscriber("web"), state.clock.now()).await?;
        tx.commit().await?;
        Ok(())
    };
    redirect(&match stopped.await {
        // Asked for twice is as good as once.
        Ok(()) | Err(OrderError::EndsAlready | OrderError::EndedBefore) => {
            format!("/me/addons?ok=stopped&service={subscription_id}")
        }
        Err(error) => format!("/me/addons?problem={}", problem(&error)),
    });
    Ok(())
}

/// Takes a cancellation back while it has not taken effect.
#[server(endpoint = "undo_unsubscribe")]
pub async fn undo_unsubscribe(subscription_id: i64) -> Result<(), ServerFnError> {
    let state = AppState::current();
    let Some(subscriber_id) = signed_in().await else {
        redirect("/login?next=/me/addons");
        return Ok(());
    };
    let undone = async {
        let mut tx = state.pool.begin().await?;
        undo_cancel(&mut tx, subscriber_id, subscription_id, &By::subscriber("web"), state.clock.now()).await?;
        tx.commit().await?;
        Ok(())
    };
    redirect(&match undone.await {
        Ok(()) => format!("/me/addons?ok=undone&service={subscription_id}"),
        Err(OrderError::PenaltyNotTold(_)) => "/me/addons?problem=undo_penalty".to_owned(),
        Err(error) => format!("/me/addons?problem={}", problem(&error)),
    });
    Ok(())
}

fn problem(error: &OrderError) -> &'static str {
    match error {
        OrderError::NothingToUndo => "ended",
        OrderError::Refused(Refusal::PlanChangeWaiting) => "waiting",
        OrderError::PenaltyNotTold(_) => "penalty",
        OrderError::Refused(_) => "again",
        OrderError::UnknownSubscription => "failed",
        error => {
            tracing::error!(%error, "a subscription could not be changed");
            "failed"
        }
    }
}
