//! The answers to a question: the code, a signature, another message, or a no.

use charging::actor::By;
use charging::consent::Subject;
use charging::consent::cap::{CapRaiseError, confirm_cap_raise, request_cap_raise};
use charging::consent::request::{Given, OpenRequest, RequestError, find_open};
use charging::consent::signature::{Strokes, StrokesError};
use charging::consent::store::ConsentError;
use charging::family::store::{self as family, FamilyError};
use charging::order::flow;
use charging::order::store::OrderError;
use leptos::prelude::*;
use rand::SeedableRng;
use rand::rngs::StdRng;

use crate::request::{redirect, signed_in};
use crate::state::AppState;

/// Says yes with the code that was sent.
#[server(endpoint = "consent_code")]
pub async fn answer_by_code(request_id: i64, #[server(default)] code: String) -> Result<(), ServerFnError> {
    answer(request_id, Ok(Given::Code(&code))).await;
    Ok(())
}

/// Says yes with a signature, lines as `[[x, y, x, y, …], …]`, and the code that was sent.
#[server(endpoint = "consent_signature")]
pub async fn answer_by_signature(
    request_id: i64,
    #[server(default)] strokes: String,
    #[server(default)] code: String,
) -> Result<(), ServerFnError> {
    let strokes = Strokes::read(&strokes);
    answer(request_id, strokes.as_ref().map(|strokes| Given::Drawn { strokes, code: &code })).await;
    Ok(())
}

/// Says yes with the registered name and the code that was sent, for those who draw nothing.
#[server(endpoint = "consent_name")]
pub async fn answer_by_name(
    request_id: i64,
    #[server(default)] name: String,
    #[server(default)] code: String,
) -> Result<(), ServerFnError> {
    answer(request_id, Ok(Given::Named { name: &name, code: &code })).await;
    Ok(())
}

/// Takes a yes of whoever is signed in to a question that waits for theirs.
async fn answer(request_id: i64, given: Result<Given<'_>, &StrokesError>) {
    let state = AppState::current();
    let Some((subscriber_id, request)) = open_request(&state, request_id).await else { return };
    let now = state.clock.now();
    let to = match (given, &request.subject) {
        (Err(StrokesError::TooSmall), _) => back(&request, "signature_small"),
        (Err(_), _) => back(&request, "signature"),
        (Ok(given), Subject::Order { .. }) => {
            match flow::confirm(&state.pool, subscriber_id, request_id, given, now).await {
                Ok(ordered) => format!("/me/addons?ok=ordered&order={}", ordered.order_id),
                Err(error) => back(&request, order_problem(&error)),
            }
        }
        (Ok(given), Subject::Cap { .. }) => {
            match confirm_cap_raise(&state.pool, subscriber_id, request_id, given, now).await {
                Ok(_) => "/me/cap?ok=raised".to_owned(),
                Err(error) => back(&request, cap_problem(&error)),
            }
        }
        (Ok(given), Subject::Family { .. }) => {
            match family::confirm(&state.pool, subscriber_id, request_id, given, now).await {
                Ok(()) => "/me/family?ok=joined".to_owned(),
                Err(error) => back(&request, family_problem(&error)),
            }
        }
    };
    redirect(&to);
}

/// Asks again: a new message with a new code; the old code no longer works.
#[server(endpoint = "consent_resend")]
pub async fn ask_again(request_id: i64) -> Result<(), ServerFnError> {
    let state = AppState::current();
    let Some((subscriber_id, request)) = open_request(&state, request_id).await else { return Ok(()) };
    let to = match asked_again(&state, subscriber_id, &request).await {
        Ok(request_id) => format!("{}?request={request_id}&ok=sent", page_of(&request.subject)),
        Err(problem) => back(&request, problem),
    };
    redirect(&to);
    Ok(())
}

async fn asked_again(state: &AppState, subscriber_id: i64, request: &OpenRequest) -> Result<i64, &'static str> {
    let (now, by) = (state.clock.now(), By::subscriber(&request.channel_id));
    let mut rng = StdRng::from_os_rng();
    let failed = |error: sqlx::Error| order_problem(&OrderError::Database(error));
    let mut tx = state.pool.begin().await.map_err(failed)?;
    let asked = match &request.subject {
        Subject::Order { scheme_id, .. } => {
            let asked = flow::request(&mut tx, subscriber_id, scheme_id, &by, now, &mut rng).await;
            asked.map_err(|error| order_problem(&error))?
        }
        Subject::Cap { cap } => {
            let asked = request_cap_raise(&mut tx, subscriber_id, *cap, &by, now, &mut rng).await;
            asked.map_err(|error| cap_problem(&error))?
        }
        Subject::Family { holder_id } => {
            let asked = family::ask_for(&mut tx, subscriber_id, *holder_id, &by, now, &mut rng).await;
            asked.map_err(|error| family_problem(&error))?
        }
    };
    tx.commit().await.map_err(failed)?;
    Ok(asked.request_id)
}

/// Says no. Nothing is ordered or changed.
#[server(endpoint = "consent_refuse")]
pub async fn answer_no(request_id: i64) -> Result<(), ServerFnError> {
    let state = AppState::current();
    let Some((subscriber_id, request)) = open_request(&state, request_id).await else { return Ok(()) };
    let to = match refused(&state, subscriber_id, request_id).await {
        Ok(_) => match &request.subject {
            Subject::Order { .. } => "/me/addons?ok=refused".to_owned(),
            Subject::Cap { .. } => "/me/cap?ok=kept".to_owned(),
            Subject::Family { .. } => "/me/family?ok=refused".to_owned(),
        },
        Err(error) => back(&request, order_problem(&error)),
    };
    redirect(&to);
    Ok(())
}

async fn refused(state: &AppState, subscriber_id: i64, request_id: i64) -> Result<bool, OrderError> {
    let mut tx = state.pool.begin().await?;
    let refused = flow::refuse(&mut tx, subscriber_id, request_id, &By::subscriber("web"), state.clock.now()).await?;
    tx.commit().await?;
    Ok(refused)
}

/// The question, while it is open; else the browser is sent on, and there is nothing to do.
async fn open_request(state: &AppState, request_id: i64) -> Option<(i64, OpenRequest)> {
    let Some(subscriber_id) = signed_in().await else {
        redirect("/login?next=/me");
        return None;
    };
    let found = async {
        let mut db = state.pool.acquire().await?;
        find_open(&mut db, subscriber_id, request_id).await
    };
    match found.await {
        Ok(Some(request)) => return Some((subscriber_id, request)),
        Ok(None) => redirect("/me?problem=request_gone"),
        Err(error) => {
            tracing::error!(%error, request_id, "a consent request could not be read");
            redirect("/me?problem=failed");
        }
    }
    None
}

/// The page on which a question is answered.
pub fn page_of(subject: &Subject) -> String {
    match subject {
        Subject::Order { scheme_id, .. } => format!("/me/order/{scheme_id}"),
        Subject::Cap { .. } => "/me/cap".to_owned(),
        Subject::Family { .. } => "/me/family".to_owned(),
    }
}

fn back(request: &OpenRequest, problem: &str) -> String {
    format!("{}?request={}&problem={problem}", page_of(&request.subject), request.request_id)
}

/// What the page says about an order that did not happen. What only the operator can mend goes to the log.
pub fn order_problem(error: &OrderError) -> &'static str {
    match error {
        OrderError::Request(error) => request_problem(error),
        OrderError::Refused(_) => "refused",
        error => {
            tracing::error!(%error, "an order could not be taken");
            "failed"
        }
    }
}

/// What the page says about a cap that was not raised.
pub fn cap_problem(error: &CapRaiseError) -> &'static str {
    use charging::usage::store::UsageError;
    match error {
        CapRaiseError::Request(error) => request_problem(error),
        CapRaiseError::Usage(UsageError::CapNotHigher { .. }) => "same",
        CapRaiseError::Usage(UsageError::CapOutOfRange) => "amount",
        error => {
            tracing::error!(%error, "a cap could not be raised");
            "failed"
        }
    }
}

/// What the page says about a family bill that nothing came of.
pub fn family_problem(error: &FamilyError) -> &'static str {
    match error {
        FamilyError::NoNumber => "nobody",
        FamilyError::Oneself => "oneself",
        FamilyError::InvitedAlready => "already",
        FamilyError::Full => "full",
        FamilyError::TooMany => "limit",
        FamilyError::RefusedLately => "lately",
        FamilyError::Gone => "gone",
        FamilyError::InFamily => "in_family",
        FamilyError::Request(error) => request_problem(error),
        error => {
            tracing::error!(%error, "a family bill failed");
            "failed"
        }
    }
}

fn request_problem(error: &RequestError) -> &'static str {
    match error {
        RequestError::WrongCode => "code_wrong",
        RequestError::OtherName => "name",
        RequestError::Consent(ConsentError::CopiedSignature) => "signature",
        RequestError::TooMany { .. } => "too_many",
        RequestError::NotOpen | RequestError::AnsweredBefore | RequestError::TooLate => "request_gone",
        error => {
            tracing::error!(%error, "a consent could not be taken");
            "failed"
        }
    }
}
