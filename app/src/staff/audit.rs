//! `/staff/audit`: who did what, with what was before and after.

use charging::clock::start_of_day;
use charging::staff::trail::{Action, Entry, Filter, Page, entries};
use charging::staff::{Login, account, difference};
use chrono::{Days, NaiveDate};
use leptos::prelude::*;
use leptos_meta::Title;

use super::words::{action_name, field_name, role_names, value_text};
use crate::components::{Pager, page, time_text};
use crate::i18n::{Locale, td_string};
use crate::me::parts::{Tone, banner, query};
use crate::request::{locale, query_value};
use crate::state::AppState;

/// What the form asks for, as it was typed.
#[derive(Clone, Debug, Default)]
struct Asked {
    who: String,
    action: String,
    from: String,
    until: String,
}

impl Asked {
    fn read() -> Self {
        let text = |name: &str| query(name).unwrap_or_default().trim().to_owned();
        Self { who: text("who"), action: text("action"), from: text("from"), until: text("until") }
    }

    /// The address of the page with a number after it.
    fn base(&self) -> String {
        let Self { who, action, from, until } = self;
        let [who, action, from, until] = [who, action, from, until].map(|text| query_value(text));
        format!("/staff/audit?who={who}&action={action}&from={from}&until={until}&page=")
    }
}

/// `/staff/audit`
#[component]
pub fn AuditPage() -> impl IntoView {
    page(|| {
        let state = AppState::current();
        let l = locale();
        let asked = Asked::read();
        let number = query("page").and_then(|page| page.parse().ok()).unwrap_or(1);
        async move {
            super::member()?;
            let mut db = state.pool.acquire().await?;
            let login = asked.who.parse::<Login>().ok();
            let staff_id = match &login {
                Some(login) => account::find_by_login(&mut db, login).await?,
                None => None,
            };
            let (from, until) = (day(&asked.from), day(&asked.until));
            let problem = if !asked.who.is_empty() && staff_id.is_none() {
                Some(td_string!(l, staff.problem_who))
            } else if [(&asked.from, from), (&asked.until, until)]
                .iter()
                .any(|(text, day)| !text.is_empty() && day.is_none())
            {
                Some(td_string!(l, staff.problem_day))
            } else {
                None
            };
            let filter = Filter {
                staff_id,
                action: Some(asked.action.clone()).filter(|action| !action.is_empty()),
                from: from.map(start_of_day),
                until: until.and_then(|day| day.checked_add_days(Days::new(1))).map(start_of_day),
            };
            let found = match problem {
                None => entries(&mut db, &filter, number).await?,
                Some(_) => Page { entries: Vec::new(), page: 1, pages: 1, total: 0 },
            };
            let base = asked.base();
            let none =
                found.entries.is_empty().then(|| view! { <p class="empty">{td_string!(l, staff.no_entries)}</p> });
            Ok(view! {
                <Title text=td_string!(l, staff.audit) />
                <div class="stack-tight">
                    <h1>{td_string!(l, staff.audit)}</h1>
                    <p class="muted">{td_string!(l, staff.audit_lead)}</p>
                </div>
                {problem.map(|text| banner(Tone::Bad, text))}
                <FilterForm asked />
                <p class="muted" role="status">{td_string!(l, staff.entries_found, n = found.total)}</p>
                {none}
                <ol class="trail">{found.entries.into_iter().map(|entry| item(l, entry)).collect_view()}</ol>
                <Pager page=found.page pages=found.pages base />
            })
        }
    })
}

fn day(text: &str) -> Option<NaiveDate> {
    let day: NaiveDate = text.parse().ok()?;
    (NaiveDate::from_ymd_opt(2000, 1, 1)? <= day && day <= NaiveDate::from_ymd_opt(2199, 12, 31)?).then_some(day)
}

#[component]
fn FilterForm(asked: Asked) -> impl IntoView {
    let l = locale();
    let actions = Action::ALL
        .into_iter()
        .map(|action| {
            let name = action.as_str();
            view! { <option value=name selected=asked.action == name>{action_name(l, name)}</option> }
        })
        .collect_view();
    view! {
        <form class="card trail-filter" method="get" action="/staff/audit">
            <div class="field">
                <label for="who">{td_string!(l, staff.login)}</label>
                <input id="who" name="who" value=asked.who autocapitalize="none" spellcheck="false" maxlength="41" />
            </div>
            <div class="field">
                <label for="action">{td_string!(l, staff.action)}</label>
                <select id="action" name="action">
                    <option value="">{td_string!(l, staff.any_action)}</option>
                    {actions}
                </select>
            </div>
            <div class="field">
                <label for="from">{td_string!(l, staff.from)}</label>
                <input id="from" type="date" name="from" value=asked.from />
            </div>
            <div class="field">
                <label for="until">{td_string!(l, staff.until)}</label>
                <input id="until" type="date" name="until" value=asked.until />
            </div>
            <div class="actions">
                <button class="button primary" type="submit">{td_string!(l, staff.filter)}</button>
                <a class="button" href="/staff/audit">{td_string!(l, staff.filter_off)}</a>
            </div>
        </form>
    }
}

fn item(l: Locale, entry: Entry) -> impl IntoView {
    let changes = difference(entry.before.as_ref(), entry.after.as_ref());
    let who = match (&entry.who, &entry.address) {
        (Some((login, name)), _) => format!("{name} ({login})"),
        (None, Some(_)) => td_string!(l, staff.stranger).to_owned(),
        (None, None) => td_string!(l, staff.system).to_owned(),
    };
    let roles = (!entry.roles.is_empty()).then(|| role_names(l, &entry.roles));
    let address = entry.address.map(|address| td_string!(l, staff.at_address, address = address));
    let told = [roles, address].into_iter().flatten().collect::<Vec<_>>().join(" · ");
    let subject = entry.subject_login.unwrap_or(entry.subject);
    let changes = changes
        .into_iter()
        .map(|change| {
            let last = change.name.rsplit('.').next().unwrap_or_default().to_owned();
            let said = |value: String| value_text(l, &last, &value);
            view! {
                <div>
                    <dt>{field_name(l, &change.name)}</dt>
                    <dd>
                        {change.before.map(|value| view! { <del>{said(value)}</del> })}
                        {change.after.map(|value| view! { <ins>{said(value)}</ins> })}
                    </dd>
                </div>
            }
        })
        .collect::<Vec<_>>();
    let changes = (!changes.is_empty()).then(|| view! { <dl class="facts">{changes}</dl> });
    view! {
        <li class="card">
            <div class="row spread">
                <h2>{action_name(l, &entry.action)} " · " {subject}</h2>
                <span class="muted">{time_text(l, entry.at)}</span>
            </div>
            <p>{who} " " <span class="small muted">{told}</span></p>
            {changes}
        </li>
    }
}
