use charging::staff::{Actor, StaffError, demo, session, sign_in};
use chrono::TimeDelta;
use leptos::prelude::*;
use rand::SeedableRng as _;
use rand::rngs::StdRng;

use crate::request::{client_ip, headers, query_value, redirect};
use crate::staff::{INPUT_BYTES_MAX, actor, desk_path, set_token, signed_in, token};
use crate::state::AppState;

/// The first factor: sign-in name and password.
#[server(prefix = "/staff/api", endpoint = "sign_in")]
pub async fn staff_sign_in(login: String, password: String, next: String) -> Result<(), ServerFnError> {
    redirect(&password_given(&login, &password, &next).await);
    Ok(())
}

async fn password_given(login: &str, password: &str, next: &str) -> String {
    let state = AppState::current();
    let login = login.trim().to_lowercase();
    if state.staff_key.is_none() {
        return back("problem=no_key", next);
    }
    if login.len().max(password.len()) > INPUT_BYTES_MAX || (demo::is_demo(&login) && !state.demo) {
        return back("problem=password", next);
    }
    let rng = &mut StdRng::from_os_rng();
    match sign_in::check_password(&state.pool, &login, password, client_ip(), state.clock.now(), rng).await {
        Ok(Some(half)) => {
            set_token(&half);
            back("step=code", next)
        }
        Ok(None) => back("problem=password", next),
        Err(StaffError::RateLimited { retry_after }) => wait("", retry_after, next),
        Err(error) => failed(&error, next),
    }
}

/// The second factor: the code of the authenticator.
#[server(prefix = "/staff/api", endpoint = "second_factor")]
pub async fn second_factor(code: String, next: String) -> Result<(), ServerFnError> {
    redirect(&code_given(&code, &next).await);
    Ok(())
}

async fn code_given(code: &str, next: &str) -> String {
    let state = AppState::current();
    let Some(key) = &state.staff_key else { return back("problem=no_key", next) };
    let Some(half) = headers().as_ref().and_then(token) else { return back("problem=expired", next) };
    if code.len() > INPUT_BYTES_MAX {
        return back("step=code&problem=code", next);
    }
    let rng = &mut StdRng::from_os_rng();
    match sign_in::check_code(&state.pool, key, &half, code, client_ip(), state.clock.now(), rng).await {
        Ok(Some(token)) => {
            set_token(&token);
            desk_path(next).to_owned()
        }
        Ok(None) => back("step=code&problem=code", next),
        Err(StaffError::NotFound) => back("problem=expired", next),
        Err(StaffError::RateLimited { retry_after }) => wait("step=code&", retry_after, next),
        Err(error) => failed(&error, next),
    }
}

/// Ends the session, or gives up between the factors.
#[server(prefix = "/staff/api", endpoint = "sign_out")]
pub async fn staff_sign_out() -> Result<(), ServerFnError> {
    let state = AppState::current();
    let ended = match headers().as_ref().and_then(token) {
        Some(token) => {
            let actor = signed_in().map_or(Actor::Stranger { address: client_ip() }, |_| actor());
            session::sign_out(&state.pool, &actor, &token, state.clock.now()).await
        }
        None => Ok(()),
    };
    if let Err(error) = ended {
        tracing::error!(%error, "a session of the staff could not be ended");
        redirect("/staff");
        return Ok(());
    }
    set_token("");
    redirect("/staff/login?ok=signed_out");
    Ok(())
}

/// The sign-in page with what it has to say.
fn back(answer: &str, next: &str) -> String {
    format!("/staff/login?{answer}&next={}", query_value(desk_path(next)))
}

fn wait(step: &str, retry_after: TimeDelta, next: &str) -> String {
    let until = (AppState::current().clock.now() + retry_after).timestamp();
    back(&format!("{step}problem=wait&until={until}"), next)
}

fn failed(error: &StaffError, next: &str) -> String {
    tracing::error!(error = error as &dyn std::error::Error, "somebody of the staff could not be signed in");
    back("problem=failed", next)
}
