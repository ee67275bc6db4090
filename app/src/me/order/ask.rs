//! Sending the SMS that asks.

use charging::actor::By;
use charging::order::flow;
use charging::order::store::OrderError;
use charging::tariff::SchemeId;
use leptos::prelude::*;
use rand::SeedableRng;
use rand::rngs::StdRng;

use crate::me::confirm::order_problem;
use crate::request::{redirect, signed_in};
use crate::state::AppState;

/// Asks by SMS for a yes to an order. Nothing is ordered by it.
#[server(endpoint = "order")]
pub async fn ask_to_order(scheme_id: String) -> Result<(), ServerFnError> {
    let state = AppState::current();
    let Ok(scheme_id) = scheme_id.parse::<SchemeId>() else {
        redirect("/tariffs");
        return Ok(());
    };
    let Some(subscriber_id) = signed_in().await else {
        redirect(&format!("/login?next=/me/order/{scheme_id}"));
        return Ok(());
    };
    let to = match asked(&state, subscriber_id, &scheme_id).await {
        Ok(request_id) => format!("/me/order/{scheme_id}?request={request_id}&ok=sent"),
        // The page itself says why it cannot be ordered.
        Err(OrderError::Refused(_)) => format!("/me/order/{scheme_id}"),
        Err(error) => format!("/me/order/{scheme_id}?problem={}", order_problem(&error)),
    };
    redirect(&to);
    Ok(())
}

async fn asked(state: &AppState, subscriber_id: i64, scheme_id: &SchemeId) -> Result<i64, OrderError> {
    let mut rng = StdRng::from_os_rng();
    let mut tx = state.pool.begin().await?;
    let asked =
        flow::request(&mut tx, subscriber_id, scheme_id, &By::subscriber("web"), state.clock.now(), &mut rng).await?;
    tx.commit().await?;
    Ok(asked.request_id)
}
