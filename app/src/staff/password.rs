//! `/staff/password`: one's own, which ends every other session.

use charging::staff::{StaffError, sign_in};
use leptos::prelude::*;
use leptos_meta::Title;
use rand::SeedableRng as _;
use rand::rngs::StdRng;

use super::enrol::NewPassword;
use super::words::{problem, weakness};
use super::{INPUT_BYTES_MAX, actor, member, set_token};
use crate::components::{PasswordField, page};
use crate::i18n::td_string;
use crate::me::parts::{Tone, banner};
use crate::request::{locale, redirect};
use crate::state::AppState;

/// `/staff/password`
#[component]
pub fn StaffPasswordPage() -> impl IntoView {
    page(|| {
        let l = locale();
        let now = AppState::current().clock.now();
        let problem = problem(l, now);
        async move {
            let login = member()?.login.to_string();
            Ok(view! {
                <Title text=td_string!(l, staff.change_password) />
                <section class="narrow stack">
                    <h1>{td_string!(l, staff.change_password)}</h1>
                    {problem.map(|text| banner(Tone::Bad, text))}
                    <form class="card" method="post" action="/staff/api/password">
                        <input type="hidden" name="username" autocomplete="username" value=login />
                        <PasswordField name="old" label=td_string!(l, staff.old_password) />
                        <NewPassword />
                        <p class="muted">{td_string!(l, staff.password_ends_sessions)}</p>
                        <button class="button primary" type="submit">{td_string!(l, staff.change_password)}</button>
                    </form>
                    <p class="muted">{td_string!(l, staff.lost_authenticator)}</p>
                </section>
            })
        }
    })
}

/// Chooses another password.
#[server(prefix = "/staff/api", endpoint = "password")]
pub async fn staff_change_password(old: String, password: String, repeated: String) -> Result<(), ServerFnError> {
    redirect(&changed(&old, &password, &repeated).await);
    Ok(())
}

async fn changed(old: &str, password: &str, repeated: &str) -> String {
    let state = AppState::current();
    let now = state.clock.now();
    let back = |problem: &str| format!("/staff/password?problem={problem}");
    if old.len().max(password.len()) > INPUT_BYTES_MAX {
        return back("length");
    }
    if password != repeated {
        return back("different");
    }
    let rng = &mut StdRng::from_os_rng();
    match sign_in::change_password(&state.pool, &actor(), old, password, now, rng).await {
        Ok(Some(token)) => {
            set_token(&token);
            "/staff?ok=password".to_owned()
        }
        Ok(None) => back("old_password"),
        Err(StaffError::WeakPassword(weak)) => back(weakness(weak)),
        Err(StaffError::NotFound) => "/staff/login?problem=ended".to_owned(),
        Err(StaffError::RateLimited { retry_after }) => {
            back(&format!("wait&until={}", (now + retry_after).timestamp()))
        }
        Err(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, "a password of the staff could not be changed");
            back("failed")
        }
    }
}
