use charging::staff::Role;
use charging::staff::account::{Account, find};
use charging::staff::enrolment::{Open, pending};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_params_map;

use super::{role_ticks, standing};
use crate::components::{PageError, page, time_text};
use crate::i18n::{Locale, td_string};
use crate::me::parts::{Tone, banner, query};
use crate::request::{locale, origin};
use crate::staff::words::{problem_text, role_names};
use crate::state::AppState;

/// `/staff/accounts/{account}`
#[component]
pub fn AccountPage() -> impl IntoView {
    page(|| {
        let state = AppState::current();
        let l = locale();
        let staff_id = use_params_map().get_untracked().get("account").and_then(|id| id.parse::<i64>().ok());
        let problem = query("problem").and_then(|problem| problem_text(l, &problem));
        let (ok, before) = (query("ok"), query("before"));
        let site = origin();
        async move {
            let own = crate::staff::member()?;
            let staff_id = staff_id.ok_or(PageError::NotFound)?;
            let mut db = state.pool.acquire().await?;
            let account = find(&mut db, staff_id).await?.ok_or(PageError::NotFound)?;
            let link = match &state.staff_key {
                Some(key) => pending(&mut db, key, staff_id, state.clock.now()).await?,
                None => None,
            };
            let is_own = own.staff_id == staff_id;
            let changes = if is_own {
                view! { <p class="muted">{td_string!(l, staff.problem_oneself)}</p> }.into_any()
            } else {
                view! { <Changes account=account.clone() /> }.into_any()
            };
            let trail = format!("/staff/audit?who={}", account.login);
            Ok(view! {
                <Title text=account.login.clone() />
                <p><a href="/staff/accounts">{td_string!(l, staff.all_accounts)}</a></p>
                <div class="stack-tight">
                    <h1>{account.name.clone()}</h1>
                    <p class="muted">{account.login.clone()}</p>
                </div>
                {problem.map(|text| banner(Tone::Bad, text))}
                {ok.and_then(|ok| done(l, &ok, &account, before.as_deref()))}
                {link.filter(|_| !is_own).map(|open| link_card(l, &site, &open))}
                {facts(l, &account)}
                {changes}
                <p><a class="button" href=trail>{td_string!(l, staff.to_trail)}</a></p>
            })
        }
    })
}

fn facts(l: Locale, account: &Account) -> impl IntoView + use<> {
    let (class, words) = standing(l, account);
    let seen = account.last_seen_at.map_or_else(|| "–".to_owned(), |at| time_text(l, at));
    view! {
        <dl class="facts card">
            <div>
                <dt>{td_string!(l, staff.state)}</dt>
                <dd><span class=class>{words}</span></dd>
            </div>
            <div>
                <dt>{td_string!(l, staff.roles)}</dt>
                <dd>{role_names(l, &account.roles)}</dd>
            </div>
            <div>
                <dt>{td_string!(l, staff.last_seen)}</dt>
                <dd>{seen}</dd>
            </div>
            <div>
                <dt>{td_string!(l, staff.added_at)}</dt>
                <dd>{time_text(l, account.created_at)}</dd>
            </div>
        </dl>
    }
}

/// What was done, and the way back where there is one.
fn done(l: Locale, ok: &str, account: &Account, before: Option<&str>) -> Option<AnyView> {
    let words = match ok {
        "added" => td_string!(l, staff.done_added),
        "roles" => td_string!(l, staff.done_roles),
        "blocked" => td_string!(l, staff.done_blocked),
        "unblocked" => td_string!(l, staff.done_unblocked),
        "reset" => td_string!(l, staff.done_reset),
        _ => return None,
    };
    let id = account.staff_id;
    let undo = |action: &'static str, roles: Vec<Role>| {
        let roles = roles.into_iter().map(|role| view! { <input type="hidden" name="roles[]" value=role.as_str() /> });
        view! {
            <form class="actions" method="post" action=action>
                <input type="hidden" name="account" value=id.to_string() />
                {roles.collect_view()}
                <button class="button" type="submit">{td_string!(l, staff.undo)}</button>
            </form>
        }
    };
    let back = match ok {
        "blocked" => Some(undo("/staff/api/unblock", Vec::new())),
        "unblocked" => Some(undo("/staff/api/block", Vec::new())),
        "roles" => {
            let roles: Vec<Role> = before.unwrap_or_default().split(',').filter_map(|role| role.parse().ok()).collect();
            (!roles.is_empty()).then(|| undo("/staff/api/set_roles", roles))
        }
        _ => None,
    };
    Some(banner(Tone::Good, view! { <p>{words}</p> {back} }))
}

/// The link that its person has to get, by a way that others do not read.
fn link_card(l: Locale, site: &str, open: &Open) -> impl IntoView + use<> {
    let link = format!("{site}/staff/enrol/{}", open.ticket);
    view! {
        <section class="card" data-link="enrolment">
            <h2>{td_string!(l, staff.link_title)}</h2>
            <p>{td_string!(l, staff.link_text, time = time_text(l, open.expires_at))}</p>
            <p><code class="secret">{link}</code></p>
        </section>
    }
}

/// Roles, block, reset.
#[component]
fn Changes(account: Account) -> impl IntoView {
    let l = locale();
    let id = account.staff_id.to_string();
    let (action, text, button) = if account.blocked_at.is_some() {
        ("/staff/api/unblock", td_string!(l, staff.unblock_text), td_string!(l, staff.unblock))
    } else {
        ("/staff/api/block", td_string!(l, staff.block_text), td_string!(l, staff.block))
    };
    view! {
        <form class="card" method="post" action="/staff/api/set_roles">
            <h2>{td_string!(l, staff.change_roles)}</h2>
            <input type="hidden" name="account" value=id.clone() />
            {role_ticks(l, &account.roles)}
            <p class="muted">{td_string!(l, staff.roles_end_sessions)}</p>
            <button class="button primary wide-button" type="submit">{td_string!(l, staff.save_roles)}</button>
        </form>
        <div class="ways">
            <form class="card" method="post" action=action>
                <h2>{button}</h2>
                <input type="hidden" name="account" value=id.clone() />
                <p>{text}</p>
                <button class="button" type="submit">{button}</button>
            </form>
            <form class="card" method="post" action="/staff/api/reset">
                <h2>{td_string!(l, staff.reset)}</h2>
                <input type="hidden" name="account" value=id />
                <p>{td_string!(l, staff.reset_text)}</p>
                <label class="choice">
                    <input type="checkbox" name="sure" value="on" required />
                    <span>{td_string!(l, staff.reset_sure)}</span>
                </label>
                <button class="button" type="submit">{td_string!(l, staff.reset)}</button>
            </form>
        </div>
    }
}
