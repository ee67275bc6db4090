use charging::incident::finding::store::waiting;
use charging::staff::{Member, Permission};
use leptos::prelude::*;
use leptos_meta::Title;

use super::layout::areas;
use super::member;
use super::words::{permission_text, role_names};
use crate::components::{PageResult, page};
use crate::i18n::{Locale, td_string};
use crate::me::parts::{Tone, banner, query};
use crate::request::locale;
use crate::state::AppState;

/// `/staff`: what this person may do.
#[component]
pub fn StaffHomePage() -> impl IntoView {
    page(|| {
        let state = AppState::current();
        let l = locale();
        let ok = query("ok");
        async move {
            let member = member()?;
            let done = match ok.as_deref() {
                Some("enrolled") => Some(td_string!(l, staff.enrolled)),
                Some("password") => Some(td_string!(l, staff.password_changed)),
                _ => None,
            };
            let findings = waiting_findings(l, &state, &member).await?;
            let mut allowed: Vec<_> = member.roles.iter().flat_map(|role| role.permissions()).copied().collect();
            allowed.sort_unstable();
            allowed.dedup();
            let open: Vec<_> = areas(l).into_iter().filter(|area| member.may(area.needs)).collect();
            let nothing_yet = open.is_empty().then(|| view! { <p class="muted">{td_string!(l, staff.no_areas)}</p> });
            let cards = open
                .into_iter()
                .map(|area| {
                    view! {
                        <a class="card area" href=area.href>
                            <h2>{area.name}</h2>
                            <p>{area.about}</p>
                        </a>
                    }
                })
                .collect_view();
            let may = allowed
                .into_iter()
                .map(|permission| view! { <li>{permission_text(l, permission)}</li> })
                .collect_view();
            Ok(view! {
                <Title text=td_string!(l, staff.desk) />
                <div class="stack-tight">
                    <h1>{td_string!(l, staff.hello, name = member.name.clone())}</h1>
                    <p class="muted">{role_names(l, &member.roles)}</p>
                </div>
                {done.map(|text| banner(Tone::Good, text))}
                {findings}
                <div class="grid">{cards}</div>
                {nothing_yet}
                <section class="card">
                    <h2>{td_string!(l, staff.you_may)}</h2>
                    <ul class="plain-list">{may}</ul>
                </section>
                <p>
                    <a class="button" href="/staff/password">{td_string!(l, staff.change_password)}</a>
                </p>
            })
        }
    })
}

/// That charges look wrong, for whoever may see them.
async fn waiting_findings(l: Locale, state: &AppState, member: &Member) -> PageResult<Option<AnyView>> {
    if !member.may(Permission::ReadIncidents) {
        return Ok(None);
    }
    let waiting = waiting(&mut *state.pool.acquire().await?).await?;
    Ok((waiting.findings > 0).then(|| {
        let words = td_string!(l, incident.waiting, findings = waiting.findings, charges = waiting.charges);
        let look = view! { <a href="/staff/incidents">{td_string!(l, incident.look)}</a> };
        banner(Tone::Warn, view! { <p>{words} " " {look}</p> })
    }))
}
