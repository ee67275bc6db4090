//! `/staff/login`: the password, then the code.

mod actions;

use charging::staff::demo::{self, Shown};
use charging::staff::session::half_signed_in;
use leptos::prelude::*;
use leptos_meta::Title;

use super::words::{problem, role_name};
use super::{desk_path, signed_in, token};
use crate::components::{CodeField, PageError, PasswordField, page};
use crate::i18n::td_string;
use crate::me::parts::{Tone, banner, query};
use crate::request::{headers, locale, query_value, redirect};
use crate::state::AppState;

/// `/staff/login`
#[component]
pub fn StaffLoginPage() -> impl IntoView {
    page(|| {
        let state = AppState::current();
        let l = locale();
        let next = desk_path(&query("next").unwrap_or_default()).to_owned();
        let now = state.clock.now();
        let problem = problem(l, now);
        let signed_out = query("ok").is_some_and(|ok| ok == "signed_out");
        let second_step = query("step").is_some_and(|step| step == "code");
        let half = headers().as_ref().and_then(token).filter(|_| second_step);
        async move {
            if signed_in().is_some() {
                redirect(&next);
                return Err(PageError::SignedOut);
            }
            let login = match half {
                Some(half) => half_signed_in(&state.pool, &half, now).await?,
                None => None,
            };
            let expired = second_step && login.is_none();
            let problem = problem.or_else(|| expired.then(|| td_string!(l, staff.problem_expired).to_owned()));
            let no_key = state.staff_key.is_none().then(|| banner(Tone::Warn, td_string!(l, staff.problem_no_key)));
            let shown =
                if state.demo { demo::shown(&mut *state.pool.acquire().await?, now).await? } else { Vec::new() };
            Ok(view! {
                <Title text=td_string!(l, staff.sign_in_title) />
                <section class="narrow stack">
                    <div class="stack-tight">
                        <h1>{td_string!(l, staff.sign_in_title)}</h1>
                        <p class="muted">{td_string!(l, staff.sign_in_lead)}</p>
                    </div>
                    {no_key}
                    {signed_out.then(|| banner(Tone::Good, td_string!(l, sign_in.signed_out)))}
                    {problem.map(|text| banner(Tone::Bad, text))}
                    {match login {
                        Some(login) => view! { <CodeForm login next /> }.into_any(),
                        None => view! { <PasswordForm next /> }.into_any(),
                    }}
                </section>
                {(!shown.is_empty()).then(|| view! { <DemoStaff shown /> })}
            })
        }
    })
}

/// First step.
#[component]
fn PasswordForm(next: String) -> impl IntoView {
    let l = locale();
    view! {
        <form class="card" method="post" action="/staff/api/sign_in">
            <input type="hidden" name="next" value=next />
            <div class="field">
                <label for="login">{td_string!(l, staff.login)}</label>
                <input
                    id="login"
                    name="login"
                    autocomplete="username"
                    autocapitalize="none"
                    spellcheck="false"
                    maxlength="41"
                    required
                />
            </div>
            <PasswordField
                name="password"
                label=td_string!(l, staff.password)
                hint=td_string!(l, staff.forgot)
            />
            <button class="button primary" type="submit">{td_string!(l, staff.go_on)}</button>
        </form>
    }
}

/// Second step.
#[component]
fn CodeForm(login: String, next: String) -> impl IntoView {
    let l = locale();
    let again = format!("/staff/login?next={}", query_value(&next));
    view! {
        <form class="card" method="post" action="/staff/api/second_factor">
            <p>{td_string!(l, staff.code_for, login = login)}</p>
            <input type="hidden" name="next" value=next />
            <CodeField label=td_string!(l, staff.code) hint=td_string!(l, staff.code_hint) autofocus=true />
            <button class="button primary" type="submit">{td_string!(l, staff.sign_in)}</button>
            <p><a href=again>{td_string!(l, staff.other_account)}</a></p>
        </form>
    }
}

/// Demo mode only: who there is, the password of all, and the codes of this moment.
#[component]
fn DemoStaff(shown: Vec<Shown>) -> impl IntoView {
    let l = locale();
    let rows = shown
        .into_iter()
        .map(|one| {
            view! {
                <tr data-login=one.login>
                    <td>{one.login}</td>
                    <td>{role_name(l, one.role)}</td>
                    <td class="num"><code>{one.code}</code></td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <section class="card narrow">
            <h2>{td_string!(l, staff.demo_title)}</h2>
            <p>{td_string!(l, staff.demo_text, password = demo::PASSWORD)}</p>
            <table class="table" data-demo="staff">
                <thead>
                    <tr>
                        <th scope="col">{td_string!(l, staff.login)}</th>
                        <th scope="col">{td_string!(l, staff.role)}</th>
                        <th scope="col" class="num">{td_string!(l, staff.demo_code)}</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </section>
    }
}
