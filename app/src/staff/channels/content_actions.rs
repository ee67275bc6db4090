//! What the forms about advertising do. Each asks `charging` again whether it is allowed.

use charging::channel::content::{decide, submit, withdraw};
use charging::channel::marketing::{BODY_CHARS_MAX, TITLE_CHARS_MAX};
use charging::channel::store::ChannelError;
use leptos::prelude::*;

use super::actions::{id, there};
use crate::request::{query_value, redirect};
use crate::staff::actor;
use crate::state::AppState;

/// Submits a text. One that nobody may approve comes back with what is wrong with it.
#[server(prefix = "/staff/api", endpoint = "submit_content")]
pub async fn staff_submit_content(channel: String, title: String, body: String) -> Result<(), ServerFnError> {
    let state = AppState::current();
    let done = async {
        let id = id(&channel)?;
        let mut tx = state.pool.begin().await?;
        submit(&mut tx, &actor(), &id, (&title, &body), state.clock.now()).await?;
        tx.commit().await?;
        Ok("submitted")
    };
    let done = done.await;
    let typed = |text: &str, chars_max| query_value(&text.chars().take(chars_max).collect::<String>());
    let back = if matches!(done, Err(ChannelError::Text)) {
        format!("&title={}&body={}#new-content", typed(&title, TITLE_CHARS_MAX), typed(&body, BODY_CHARS_MAX + 1))
    } else {
        String::new()
    };
    redirect(&format!("{}{back}", there(&channel, done)));
    Ok(())
}

/// Lets a text be shown, or refuses it.
#[server(prefix = "/staff/api", endpoint = "decide_content")]
pub async fn staff_decide_content(
    channel: String,
    number: i32,
    decision: String,
    #[server(default)] reason: String,
) -> Result<(), ServerFnError> {
    let state = AppState::current();
    let approved = decision == "approve";
    let done = async {
        let id = id(&channel)?;
        let mut tx = state.pool.begin().await?;
        decide(&mut tx, &actor(), (&id, number), (approved, &reason), state.clock.now()).await?;
        tx.commit().await?;
        Ok(if approved { "approved" } else { "refused" })
    };
    redirect(&there(&channel, done.await));
    Ok(())
}

/// Takes a text back, at once.
#[server(prefix = "/staff/api", endpoint = "withdraw_content")]
pub async fn staff_withdraw_content(channel: String, number: i32, reason: String) -> Result<(), ServerFnError> {
    let state = AppState::current();
    let done = async {
        let id = id(&channel)?;
        let mut tx = state.pool.begin().await?;
        withdraw(&mut tx, &actor(), (&id, number), &reason, state.clock.now()).await?;
        tx.commit().await?;
        Ok("withdrawn")
    };
    redirect(&there(&channel, done.await));
    Ok(())
}
