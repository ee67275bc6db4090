//! What the forms do. Each asks `charging` again whether it is allowed.

use charging::staff::account::{add, block, find, reset, set_roles, unblock};
use charging::staff::{Login, Role, StaffError, demo};
use leptos::prelude::*;

use crate::request::{query_value, redirect};
use crate::staff::{INPUT_BYTES_MAX, actor};
use crate::state::AppState;

/// Adds an account, and shows the link for its person.
#[server(prefix = "/staff/api", endpoint = "add_account")]
pub async fn staff_add_account(
    login: String,
    name: String,
    #[server(default)] roles: Vec<String>,
) -> Result<(), ServerFnError> {
    let added = added(&login, &name, &roles).await;
    redirect(&match added {
        Ok(staff_id) => format!("/staff/accounts/{staff_id}?ok=added"),
        Err(error) => {
            let typed = |text: &str| query_value(text.get(..text.len().min(INPUT_BYTES_MAX)).unwrap_or_default());
            format!("/staff/accounts?problem={}&login={}&name={}", problem(&error), typed(&login), typed(&name))
        }
    });
    Ok(())
}

async fn added(login: &str, name: &str, roles: &[String]) -> Result<i64, StaffError> {
    let state = AppState::current();
    let login: Login = login.parse()?;
    if demo::is_demo(login.as_str()) {
        return Err(StaffError::LoginTaken);
    }
    let roles = known(roles)?;
    let key = state.staff_key.as_ref().ok_or(charging::staff::SecretError::NoKey)?;
    let mut tx = state.pool.begin().await?;
    let (staff_id, _) = add(&mut tx, key, &actor(), (&login, name, &roles), state.clock.now()).await?;
    tx.commit().await?;
    Ok(staff_id)
}

/// Gives an account other roles.
#[server(prefix = "/staff/api", endpoint = "set_roles")]
pub async fn staff_set_roles(account: i64, #[server(default)] roles: Vec<String>) -> Result<(), ServerFnError> {
    let state = AppState::current();
    let changed = async {
        let roles = known(&roles)?;
        let mut tx = state.pool.begin().await?;
        let before = find(&mut tx, account).await?.ok_or(StaffError::NotFound)?.roles;
        set_roles(&mut tx, &actor(), account, &roles, state.clock.now()).await?;
        tx.commit().await?;
        Ok(before.iter().map(|role| role.as_str()).collect::<Vec<_>>().join(","))
    };
    redirect(&match changed.await {
        Ok(before) => format!("/staff/accounts/{account}?ok=roles&before={before}"),
        Err(error) => refused(account, &error),
    });
    Ok(())
}

/// Blocks an account; it is signed out everywhere at once.
#[server(prefix = "/staff/api", endpoint = "block")]
pub async fn staff_block(account: i64) -> Result<(), ServerFnError> {
    let state = AppState::current();
    let blocked = async {
        let mut tx = state.pool.begin().await?;
        block(&mut tx, &actor(), account, state.clock.now()).await?;
        Ok(tx.commit().await?)
    };
    redirect(&match blocked.await {
        // Asked for twice is as good as once.
        Ok(()) | Err(StaffError::Unchanged) => format!("/staff/accounts/{account}?ok=blocked"),
        Err(error) => refused(account, &error),
    });
    Ok(())
}

/// Takes a block back.
#[server(prefix = "/staff/api", endpoint = "unblock")]
pub async fn staff_unblock(account: i64) -> Result<(), ServerFnError> {
    let state = AppState::current();
    let unblocked = async {
        let mut tx = state.pool.begin().await?;
        unblock(&mut tx, &actor(), account, state.clock.now()).await?;
        Ok(tx.commit().await?)
    };
    redirect(&match unblocked.await {
        Ok(()) | Err(StaffError::Unchanged) => format!("/staff/accounts/{account}?ok=unblocked"),
        Err(error) => refused(account, &error),
    });
    Ok(())
}

/// Takes password and authenticator away, and shows the link to set up new ones.
#[server(prefix = "/staff/api", endpoint = "reset")]
pub async fn staff_reset(account: i64, #[server(default)] sure: String) -> Result<(), ServerFnError> {
    let state = AppState::current();
    if sure != "on" {
        redirect(&format!("/staff/accounts/{account}"));
        return Ok(());
    }
    let done = async {
        let key = state.staff_key.as_ref().ok_or(charging::staff::SecretError::NoKey)?;
        let mut tx = state.pool.begin().await?;
        reset(&mut tx, key, &actor(), account, state.clock.now()).await?;
        Ok(tx.commit().await?)
    };
    redirect(&match done.await {
        Ok(()) => format!("/staff/accounts/{account}?ok=reset"),
        Err(error) => refused(account, &error),
    });
    Ok(())
}

fn known(roles: &[String]) -> Result<Vec<Role>, StaffError> {
    Ok(roles.iter().map(|role| role.parse()).collect::<Result<Vec<Role>, _>>()?)
}

fn refused(account: i64, error: &StaffError) -> String {
    match error {
        StaffError::NotFound => "/staff/accounts?problem=gone".to_owned(),
        error => format!("/staff/accounts/{account}?problem={}", problem(error)),
    }
}

fn problem(error: &StaffError) -> &'static str {
    match error {
        StaffError::InvalidLogin(_) => "login",
        StaffError::LoginTaken => "taken",
        StaffError::Name => "name",
        StaffError::NoRole => "no_role",
        StaffError::Oneself => "oneself",
        StaffError::Unchanged => "unchanged",
        StaffError::NotFound => "gone",
        StaffError::Secret(charging::staff::SecretError::NoKey) => "no_key",
        error => {
            tracing::error!(error = error as &dyn std::error::Error, "an account could not be changed");
            "failed"
        }
    }
}
