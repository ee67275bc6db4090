use charging::staff::account::{Account, list};
use leptos::prelude::*;
use leptos_meta::Title;

use super::{role_ticks, standing};
use crate::components::{page, time_text};
use crate::i18n::{Locale, td_string};
use crate::me::parts::{Tone, banner, query};
use crate::request::locale;
use crate::staff::words::{problem_text, role_names};
use crate::state::AppState;

/// `/staff/accounts`
#[component]
pub fn AccountsPage() -> impl IntoView {
    page(|| {
        let state = AppState::current();
        let l = locale();
        let problem = query("problem").and_then(|problem| problem_text(l, &problem));
        let typed = (query("login").unwrap_or_default(), query("name").unwrap_or_default());
        async move {
            crate::staff::member()?;
            let accounts = list(&mut *state.pool.acquire().await?).await?;
            let rows = accounts.into_iter().map(|account| row(l, account)).collect_view();
            Ok(view! {
                <Title text=td_string!(l, staff.accounts) />
                <div class="stack-tight">
                    <h1>{td_string!(l, staff.accounts)}</h1>
                    <p class="muted">{td_string!(l, staff.accounts_lead)}</p>
                </div>
                {problem.map(|text| banner(Tone::Bad, text))}
                <section class="card">
                    <div class="table-scroll" role="region" tabindex="0" aria-label=td_string!(l, staff.accounts)>
                        <table class="table">
                            <thead>
                                <tr>
                                    <th scope="col">{td_string!(l, staff.login)}</th>
                                    <th scope="col">{td_string!(l, staff.name)}</th>
                                    <th scope="col">{td_string!(l, staff.roles)}</th>
                                    <th scope="col">{td_string!(l, staff.state)}</th>
                                    <th scope="col">{td_string!(l, staff.last_seen)}</th>
                                </tr>
                            </thead>
                            <tbody>{rows}</tbody>
                        </table>
                    </div>
                </section>
                <AddForm login=typed.0 name=typed.1 />
            })
        }
    })
}

fn row(l: Locale, account: Account) -> impl IntoView {
    let (class, words) = standing(l, &account);
    let href = format!("/staff/accounts/{}", account.staff_id);
    let seen = account.last_seen_at.map_or_else(|| "–".to_owned(), |at| time_text(l, at));
    view! {
        <tr>
            <td><a href=href>{account.login}</a></td>
            <td>{account.name}</td>
            <td>{role_names(l, &account.roles)}</td>
            <td><span class=class>{words}</span></td>
            <td>{seen}</td>
        </tr>
    }
}

#[component]
fn AddForm(login: String, name: String) -> impl IntoView {
    let l = locale();
    view! {
        <form class="card" method="post" action="/staff/api/add_account">
            <h2>{td_string!(l, staff.add_title)}</h2>
            <div class="ways">
                <div class="field">
                    <label for="login">{td_string!(l, staff.login)}</label>
                    <input
                        id="login"
                        name="login"
                        value=login
                        autocomplete="off"
                        autocapitalize="none"
                        spellcheck="false"
                        maxlength="41"
                        required
                        aria-describedby="login-hint"
                    />
                    <p class="hint" id="login-hint">{td_string!(l, staff.problem_login)}</p>
                </div>
                <div class="field">
                    <label for="name">{td_string!(l, staff.name)}</label>
                    <input id="name" name="name" value=name autocomplete="off" maxlength="40" required />
                </div>
            </div>
            {role_ticks(l, &[])}
            <p class="muted">{td_string!(l, staff.add_hint)}</p>
            <button class="button primary wide-button" type="submit">{td_string!(l, staff.add)}</button>
        </form>
    }
}
