//! What the forms do. Every answer is the same for numbers that we know and numbers that we do not.

use charging::sign_in::store::{self, SignInError};
use charging::subscriber::Msisdn;
use charging::tariff::fold;
use chrono::TimeDelta;
use leptos::prelude::*;
use rand::SeedableRng as _;
use rand::rngs::StdRng;

use super::language;
use crate::request::{SUBSCRIBER_KEY, client_ip, local_path, locale, query_value, redirect, session};
use crate::state::AppState;

/// The key under which a session keeps the number that a code was sent to: it never stands in an address.
pub(super) const NUMBER_KEY: &str = "sign_in_msisdn";

/// Longest input that is looked at, in bytes.
const INPUT_BYTES_MAX: usize = 512;

/// Which form an answer belongs to.
#[derive(Clone, Copy)]
enum Step {
    Number,
    Code,
}

/// Sends a code to a number and goes on to the second step.
#[server(endpoint = "request_code")]
pub async fn request_code(msisdn: String, next: String) -> Result<(), ServerFnError> {
    redirect(&code_requested(&msisdn, &next).await);
    Ok(())
}

async fn code_requested(msisdn: &str, next: &str) -> String {
    let state = AppState::current();
    let Some(msisdn) = number(msisdn) else {
        return back(Step::Number, "problem=number", next);
    };
    let now = state.clock.now();
    let language = language(locale());
    let address = client_ip();
    let session = session();
    let sent = store::request_code(&state.pool, &msisdn, address, language, now, &mut StdRng::from_os_rng()).await;
    let Some(session) = session else { return back(Step::Number, "problem=failed", next) };
    if let Err(error) = session.insert(NUMBER_KEY, msisdn.as_str()).await {
        return failed(Step::Number, &error, next);
    }
    match sent {
        Ok(()) => back(Step::Code, "ok=sent", next),
        Err(SignInError::RateLimited { retry_after }) => wait(Step::Code, retry_after, next),
        Err(error) => failed(Step::Number, &error, next),
    }
}

/// Signs in with the code that was sent.
#[server(endpoint = "sign_in_with_code")]
pub async fn sign_in_with_code(code: String, next: String) -> Result<(), ServerFnError> {
    redirect(&code_answered(&code, &next).await);
    Ok(())
}

async fn code_answered(code: &str, next: &str) -> String {
    let state = AppState::current();
    let address = client_ip();
    let Some(session) = session() else { return back(Step::Number, "problem=failed", next) };
    let msisdn = match session.get::<String>(NUMBER_KEY).await {
        Ok(kept) => kept.and_then(|text| number(&text)),
        Err(error) => return failed(Step::Number, &error, next),
    };
    let Some(msisdn) = msisdn else { return back(Step::Number, "problem=expired", next) };
    if code.len() > INPUT_BYTES_MAX {
        return back(Step::Code, "problem=code", next);
    }
    match store::verify_code(&state.pool, &msisdn, address, code, state.clock.now()).await {
        Ok(Some(subscriber_id)) => enter(subscriber_id, next).await,
        Ok(None) => back(Step::Code, "problem=code", next),
        Err(SignInError::RateLimited { retry_after }) => wait(Step::Code, retry_after, next),
        Err(error) => failed(Step::Code, &error, next),
    }
}

/// Signs in with the service password.
#[server(endpoint = "sign_in_with_password")]
pub async fn sign_in_with_password(msisdn: String, password: String, next: String) -> Result<(), ServerFnError> {
    redirect(&password_given(&msisdn, &password, &next).await);
    Ok(())
}

async fn password_given(msisdn: &str, password: &str, next: &str) -> String {
    let state = AppState::current();
    let Some(msisdn) = number(msisdn) else {
        return back(Step::Number, "problem=number", next);
    };
    if password.len() > INPUT_BYTES_MAX {
        return back(Step::Number, "problem=password", next);
    }
    match store::verify_password(&state.pool, &msisdn, client_ip(), password, state.clock.now()).await {
        Ok(Some(subscriber_id)) => enter(subscriber_id, next).await,
        Ok(None) => back(Step::Number, "problem=password", next),
        Err(SignInError::RateLimited { retry_after }) => wait(Step::Number, retry_after, next),
        Err(error) => failed(Step::Number, &error, next),
    }
}

/// Ends the session.
#[server(endpoint = "sign_out")]
pub async fn sign_out() -> Result<(), ServerFnError> {
    let ended = match session() {
        Some(session) => session.flush().await,
        None => Ok(()),
    };
    if let Err(error) = ended {
        tracing::error!(%error, "a session could not be ended");
        redirect("/me");
        return Ok(());
    }
    redirect("/login?ok=signed_out");
    Ok(())
}

/// A number as people type it: full-width digits, spaces, dashes and the country's prefix are understood.
fn number(typed: &str) -> Option<Msisdn> {
    if typed.len() > INPUT_BYTES_MAX {
        return None;
    }
    let digits: String = fold(typed).chars().filter(|c| !c.is_whitespace() && *c != '-').collect();
    digits.strip_prefix("+86").unwrap_or(&digits).parse().ok()
}

/// Signed in: where to go. The session goes on under a new id, so that one known before is worth nothing.
async fn enter(subscriber_id: i64, next: &str) -> String {
    let Some(session) = session() else { return back(Step::Number, "problem=failed", next) };
    let entered = async {
        session.cycle_id().await?;
        session.remove::<String>(NUMBER_KEY).await?;
        session.insert(SUBSCRIBER_KEY, subscriber_id).await
    };
    if let Err(error) = entered.await {
        return failed(Step::Number, &error, next);
    }
    local_path(next).to_owned()
}

/// The sign-in page with what it has to say.
fn back(step: Step, answer: &str, next: &str) -> String {
    let step = match step {
        Step::Number => "",
        Step::Code => "step=code&",
    };
    format!("/login?{step}{answer}&next={}", query_value(local_path(next)))
}

fn wait(step: Step, retry_after: TimeDelta, next: &str) -> String {
    let until = (AppState::current().clock.now() + retry_after).timestamp();
    back(step, &format!("problem=wait&until={until}"), next)
}

fn failed(step: Step, error: &dyn std::error::Error, next: &str) -> String {
    tracing::error!(%error, "sign-in failed");
    back(step, "problem=failed", next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_people_type_them() {
        for typed in ["13800000001", " 138 0000 0001", "138-0000-0001", "+86 13800000001", "１３８０００００００１"]
        {
            assert_eq!(number(typed).map(|msisdn| msisdn.to_string()).as_deref(), Some("13800000001"), "{typed}");
        }
        for typed in ["", "10086", "1380000000x", &"1".repeat(600)] {
            assert_eq!(number(typed), None, "{typed}");
        }
    }
}
