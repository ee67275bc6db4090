//! Choosing a cap: lower at once, higher after a yes by SMS.

use charging::actor::By;
use charging::consent::cap::{CapRaiseError, request_cap_raise};
use charging::money::plain;
use charging::usage::cap::parse_cap;
use charging::usage::store::{UsageError, current_cap, lower_cap};
use leptos::prelude::*;
use rand::SeedableRng;
use rand::rngs::StdRng;
use rust_decimal::Decimal;

use crate::me::confirm::cap_problem;
use crate::request::{redirect, signed_in};
use crate::state::AppState;

/// Lowers the cap, or asks by SMS for a yes to a higher one. `cap`: a tier in yuan, or `own` for the amount in `own`.
#[server(endpoint = "cap")]
pub async fn choose_cap(#[server(default)] cap: String, #[server(default)] own: String) -> Result<(), ServerFnError> {
    let state = AppState::current();
    let Some(subscriber_id) = signed_in().await else {
        redirect("/login?next=/me/cap");
        return Ok(());
    };
    let typed = if cap == "own" { own } else { cap };
    let to = match parse_cap(&typed) {
        Err(_) => "/me/cap?problem=amount".to_owned(),
        Ok(cap) => match set_cap(&state, subscriber_id, cap).await {
            Ok(Chosen::Lowered { from }) => format!("/me/cap?ok=lowered&from={}", plain(from)),
            Ok(Chosen::Asked(request_id)) => format!("/me/cap?request={request_id}&ok=sent"),
            Err(CapRaiseError::Usage(UsageError::CapBelowSpent { .. })) => "/me/cap?problem=below".to_owned(),
            Err(error) => format!("/me/cap?problem={}", cap_problem(&error)),
        },
    };
    redirect(&to);
    Ok(())
}

enum Chosen {
    Lowered {
        from: Decimal,
    },
    /// The request that waits for its answer.
    Asked(i64),
}

async fn set_cap(state: &AppState, subscriber_id: i64, cap: Decimal) -> Result<Chosen, CapRaiseError> {
    let (now, by) = (state.clock.now(), By::subscriber("web"));
    let mut tx = state.pool.begin().await?;
    let present = current_cap(&mut tx, subscriber_id).await?.ok_or(UsageError::NoCap(subscriber_id))?;
    let chosen = if cap < present.cap {
        lower_cap(&mut tx, subscriber_id, cap, &by, now).await?;
        Chosen::Lowered { from: present.cap }
    } else {
        let mut rng = StdRng::from_os_rng();
        Chosen::Asked(request_cap_raise(&mut tx, subscriber_id, cap, &by, now, &mut rng).await?.request_id)
    };
    tx.commit().await?;
    Ok(chosen)
}
