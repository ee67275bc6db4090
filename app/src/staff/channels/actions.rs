//! What the forms about channels do. Each asks `charging` again whether it is allowed.

use charging::channel::store::{ChannelError, decide, register, stop, submit};
use charging::channel::{ChannelId, Terms, Typed, Why, report, secret};
use charging::staff::SecretError;
use leptos::prelude::*;

use super::form::to_query;
use super::words::problem;
use crate::request::redirect;
use crate::staff::actor;
use crate::state::AppState;

/// Where a form about a channel leads to.
pub(super) fn there(channel: &str, done: Result<&str, ChannelError>) -> String {
    let Ok(id) = channel.parse::<ChannelId>() else { return "/staff/channels?problem=gone".to_owned() };
    match done {
        Ok(ok) => format!("/staff/channels/{id}?ok={ok}"),
        Err(ChannelError::NotFound) => "/staff/channels?problem=gone".to_owned(),
        Err(error) => format!("/staff/channels/{id}?problem={}", problem(&error)),
    }
}

pub(super) fn id(channel: &str) -> Result<ChannelId, ChannelError> {
    channel.parse().map_err(|_| ChannelError::NotFound)
}

/// Registers a channel, which waits for somebody else.
#[server(prefix = "/staff/api", endpoint = "register_channel")]
pub async fn staff_register_channel(form: Typed) -> Result<(), ServerFnError> {
    let state = AppState::current();
    let done = async {
        let terms = Terms::read(&form)?;
        let mut tx = state.pool.begin().await?;
        let id = register(&mut tx, &actor(), &terms, state.clock.now()).await?;
        tx.commit().await?;
        Ok::<_, ChannelError>(id)
    };
    redirect(&match done.await {
        Ok(id) => format!("/staff/channels/{id}?ok=registered"),
        Err(error) => format!("/staff/channels?problem={}{}", problem(&error), to_query(&form)),
    });
    Ok(())
}

/// Asks for other terms.
#[server(prefix = "/staff/api", endpoint = "submit_channel")]
pub async fn staff_submit_channel(channel: String, form: Typed) -> Result<(), ServerFnError> {
    let state = AppState::current();
    let done = async {
        let (id, terms) = (id(&channel)?, Terms::read(&form)?);
        let mut tx = state.pool.begin().await?;
        submit(&mut tx, &actor(), &id, &terms, state.clock.now()).await?;
        tx.commit().await?;
        Ok("submitted")
    };
    let done = done.await;
    let typed = if done.is_err() { to_query(&form) } else { String::new() };
    redirect(&format!("{}{typed}", there(&channel, done)));
    Ok(())
}

/// Lets a version hold, or refuses it.
#[server(prefix = "/staff/api", endpoint = "decide_channel")]
pub async fn staff_decide_channel(
    channel: String,
    version: i32,
    decision: String,
    #[server(default)] reason: String,
) -> Result<(), ServerFnError> {
    let state = AppState::current();
    let approved = decision == "approve";
    let done = async {
        let id = id(&channel)?;
        let mut tx = state.pool.begin().await?;
        decide(&mut tx, &actor(), (&id, version), (approved, &reason), state.clock.now()).await?;
        tx.commit().await?;
        Ok(if approved { "approved" } else { "refused" })
    };
    redirect(&there(&channel, done.await));
    Ok(())
}

/// Suspends a channel or ends it, at once.
#[server(prefix = "/staff/api", endpoint = "stop_channel")]
pub async fn staff_stop_channel(channel: String, why: String, reason: String) -> Result<(), ServerFnError> {
    let state = AppState::current();
    let why = if why == "ended" { Why::Ended } else { Why::Suspended };
    let done = async {
        let id = id(&channel)?;
        let mut tx = state.pool.begin().await?;
        stop(&mut tx, &actor(), &id, (why, &reason), state.clock.now()).await?;
        tx.commit().await?;
        Ok("stopped")
    };
    redirect(&there(&channel, done.await));
    Ok(())
}

/// Issues a secret, which the page then shows to whoever did.
#[server(prefix = "/staff/api", endpoint = "channel_secret")]
pub async fn staff_channel_secret(channel: String) -> Result<(), ServerFnError> {
    let state = AppState::current();
    let done = async {
        let id = id(&channel)?;
        if state.staff_key.is_none() {
            return Err(ChannelError::Staff(SecretError::NoKey.into()));
        }
        let mut tx = state.pool.begin().await?;
        secret::issue_secret(&mut tx, &actor(), &id, state.clock.now()).await?;
        tx.commit().await?;
        Ok("secret")
    };
    redirect(&there(&channel, done.await));
    Ok(())
}

/// Notes what came of a report.
#[server(prefix = "/staff/api", endpoint = "answer_report")]
pub async fn staff_answer_report(report: i64, note: String) -> Result<(), ServerFnError> {
    let state = AppState::current();
    let done = async {
        let mut tx = state.pool.begin().await?;
        report::answer(&mut tx, &actor(), report, &note, state.clock.now()).await?;
        Ok::<_, ChannelError>(tx.commit().await?)
    };
    redirect(&match done.await {
        Ok(()) => "/staff/channels?ok=answered#reports".to_owned(),
        Err(error) => format!("/staff/channels?problem={}", problem(&error)),
    });
    Ok(())
}
