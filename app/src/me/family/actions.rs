//! What is done on the page of the family: inviting, answering, leaving.

use charging::actor::By;
use charging::family::store::{FamilyError, ask, decline, end, invite, leave, withdraw};
use charging::subscriber::Msisdn;
use leptos::prelude::*;
use rand::SeedableRng;
use rand::rngs::StdRng;

use crate::me::confirm::family_problem;
use crate::request::{redirect, signed_in};
use crate::state::AppState;

/// Invites a number to be seen.
#[server(endpoint = "family_invite")]
pub async fn invite_to_family(#[server(default)] msisdn: String) -> Result<(), ServerFnError> {
    let typed: String = msisdn.chars().filter(|c| !c.is_whitespace() && *c != '-').take(20).collect();
    done(async |state, holder_id| {
        let Ok(msisdn) = typed.parse::<Msisdn>() else { return Ok("?problem=number".to_owned()) };
        invite(&state.pool, holder_id, &msisdn, state.clock.now()).await?;
        Ok("?ok=invited".to_owned())
    })
    .await
}

/// Takes an invitation back.
#[server(endpoint = "family_withdraw")]
pub async fn withdraw_invitation(invitation_id: i64) -> Result<(), ServerFnError> {
    done(async |state, holder_id| {
        let mut db = state.pool.acquire().await?;
        let withdrawn = withdraw(&mut db, holder_id, invitation_id, state.clock.now()).await?;
        Ok(if withdrawn { "?ok=withdrawn" } else { "?problem=gone" }.to_owned())
    })
    .await
}

/// Asks by SMS for the yes to an invitation: a click is none.
#[server(endpoint = "family_join")]
pub async fn join_family(invitation_id: i64) -> Result<(), ServerFnError> {
    done(async |state, subscriber_id| {
        let (by, now, mut rng) = (By::subscriber("web"), state.clock.now(), StdRng::from_os_rng());
        let mut tx = state.pool.begin().await?;
        let asked = ask(&mut tx, subscriber_id, invitation_id, &by, now, &mut rng).await?;
        tx.commit().await?;
        Ok(format!("?request={}&ok=sent", asked.request_id))
    })
    .await
}

/// Says no to an invitation.
#[server(endpoint = "family_decline")]
pub async fn decline_invitation(invitation_id: i64) -> Result<(), ServerFnError> {
    done(async |state, subscriber_id| {
        let mut tx = state.pool.begin().await?;
        let refused = decline(&mut tx, subscriber_id, invitation_id, &By::subscriber("web"), state.clock.now()).await?;
        tx.commit().await?;
        Ok(if refused { "?ok=refused" } else { "?problem=gone" }.to_owned())
    })
    .await
}

/// Leaves the family that one is in.
#[server(endpoint = "family_leave")]
pub async fn leave_family() -> Result<(), ServerFnError> {
    done(async |state, subscriber_id| {
        let mut tx = state.pool.begin().await?;
        leave(&mut tx, subscriber_id, &By::subscriber("web"), state.clock.now()).await?;
        tx.commit().await?;
        Ok("?ok=left".to_owned())
    })
    .await
}

/// Sees a number no more.
#[server(endpoint = "family_end")]
pub async fn end_family(member: i64) -> Result<(), ServerFnError> {
    done(async |state, holder_id| {
        let mut tx = state.pool.begin().await?;
        end(&mut tx, holder_id, member, &By::subscriber("web"), state.clock.now()).await?;
        tx.commit().await?;
        Ok("?ok=ended".to_owned())
    })
    .await
}

/// Does it as who is signed in, and sends the browser back with what came of it.
async fn done(act: impl AsyncFnOnce(&AppState, i64) -> Result<String, FamilyError>) -> Result<(), ServerFnError> {
    let state = AppState::current();
    let Some(subscriber_id) = signed_in().await else {
        redirect("/login?next=/me/family");
        return Ok(());
    };
    let query = match act(&state, subscriber_id).await {
        Ok(query) => query,
        Err(error) => format!("?problem={}", family_problem(&error)),
    };
    redirect(&format!("/me/family{query}"));
    Ok(())
}
