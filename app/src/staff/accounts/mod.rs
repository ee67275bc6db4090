//! `/staff/accounts`: who is there, and everything an administrator does with an account.

mod actions;
mod list;
mod one;

pub use list::AccountsPage;
pub use one::AccountPage;

use charging::staff::Role;
use charging::staff::account::Account;
use leptos::prelude::*;

use super::words::{permission_text, role_name};
use crate::components::time_text;
use crate::i18n::{Locale, td_string};

/// The tag that says whether somebody gets in, and its words.
fn standing(l: Locale, account: &Account) -> (&'static str, String) {
    match (account.blocked_at, account.enrolled) {
        (Some(at), _) => ("tag warn", td_string!(l, staff.state_blocked, time = time_text(l, at))),
        (None, false) => ("tag", td_string!(l, staff.state_waiting).to_owned()),
        (None, true) => ("tag on", td_string!(l, staff.state_open).to_owned()),
    }
}

/// A tick for each role, with what it allows.
fn role_ticks(l: Locale, chosen: &[Role]) -> AnyView {
    let ticks = Role::ALL
        .into_iter()
        .map(|role| {
            let allows = role.permissions().iter().map(|permission| permission_text(l, *permission));
            let allows = allows.collect::<Vec<_>>().join(" ");
            let is_chosen = chosen.contains(&role);
            view! {
                <label class="choice role">
                    <input type="checkbox" name="roles[]" value=role.as_str() checked=is_chosen />
                    <span>
                        <span class="strong">{role_name(l, role)}</span>
                        <span class="small muted">{allows}</span>
                    </span>
                </label>
            }
        })
        .collect_view();
    view! {
        <fieldset class="stack-tight roles">
            <legend class="strong">{td_string!(l, staff.roles)}</legend>
            {ticks}
        </fieldset>
    }
    .into_any()
}
