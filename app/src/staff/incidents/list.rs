use charging::incident::desk::{Opened, list as incidents};
use charging::incident::finding::store::{Finding, State, list as findings};
use charging::staff::Permission;
use leptos::prelude::*;
use leptos_meta::Title;

use super::words::{detector_name, source_name, stage_tag, state_tag};
use super::{answer, may};
use crate::components::{Pager, Yuan, day_text, page, time_text};
use crate::i18n::{Locale, td_string};
use crate::me::parts::query;
use crate::request::locale;
use crate::state::AppState;

/// `/staff/incidents`
#[component]
pub fn IncidentsPage() -> impl IntoView {
    page(|| {
        let state = AppState::current();
        let l = locale();
        let answer = answer(l);
        let number = query("page").and_then(|page| page.parse().ok()).unwrap_or(1);
        let shows_all = query("show").is_some_and(|show| show == "all");
        async move {
            let may_open = may(Permission::HandleIncidents)?;
            let mut db = state.pool.acquire().await?;
            let wanted = (!shows_all).then_some(State::Open);
            let found = findings(&mut db, wanted, number).await?;
            let opened = incidents(&mut db).await?;
            let base = format!("/staff/incidents?show={}&page=", if shows_all { "all" } else { "open" });
            let (other, words) = if shows_all {
                ("/staff/incidents", td_string!(l, incident.show_open))
            } else {
                ("/staff/incidents?show=all", td_string!(l, incident.show_all))
            };
            Ok(view! {
                <Title text=td_string!(l, incident.title) />
                <div class="stack-tight">
                    <h1>{td_string!(l, incident.title)}</h1>
                    <p class="muted">{td_string!(l, incident.lead)}</p>
                </div>
                {answer}
                <section class="card">
                    <div class="row spread">
                        <h2>{td_string!(l, incident.findings, n = found.total)}</h2>
                        <a href=other>{words}</a>
                    </div>
                    {findings_table(l, found.findings)}
                    <Pager page=found.page pages=found.pages base />
                </section>
                <section class="card">
                    <h2>{td_string!(l, incident.incidents)}</h2>
                    {incidents_table(l, opened)}
                </section>
                {may_open.then(|| view! { <OpenForm /> })}
                <p><a class="button" href="/staff/incidents/detectors">{td_string!(l, incident.detectors)}</a></p>
            })
        }
    })
}

fn findings_table(l: Locale, findings: Vec<Finding>) -> AnyView {
    if findings.is_empty() {
        return view! { <p class="empty">{td_string!(l, incident.no_findings)}</p> }.into_any();
    }
    let rows = findings
        .into_iter()
        .map(|finding| {
            let (class, words) = state_tag(l, finding.state);
            let href = format!("/staff/incidents/findings/{}", finding.finding_id);
            view! {
                <tr>
                    <td><a href=href>{detector_name(l, finding.detector)}</a></td>
                    <td>{tariff_text(finding.tariff, finding.scheme_id)}</td>
                    <td>{source_name(l, &finding.source)}</td>
                    <td>{day_text(l, finding.day)}</td>
                    <td class="num">{finding.charges}</td>
                    <td class="num"><Yuan amount=finding.amount /></td>
                    <td><span class=class>{words}</span></td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <div class="table-scroll" role="region" tabindex="0" aria-label=td_string!(l, incident.findings_label)>
            <table class="table">
                <thead>
                    <tr>
                        <th scope="col">{td_string!(l, incident.what)}</th>
                        <th scope="col">{td_string!(l, incident.tariff)}</th>
                        <th scope="col">{td_string!(l, incident.source)}</th>
                        <th scope="col">{td_string!(l, incident.day)}</th>
                        <th scope="col" class="num">{td_string!(l, incident.charges)}</th>
                        <th scope="col" class="num">{td_string!(l, incident.amount)}</th>
                        <th scope="col">{td_string!(l, incident.state)}</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    }
    .into_any()
}

/// The name of a tariff with its number, or what stands for a tariff that is none.
pub(super) fn tariff_text(name: Option<String>, scheme_id: String) -> String {
    match name {
        Some(name) => format!("{name} ({scheme_id})"),
        None => scheme_id,
    }
}

fn incidents_table(l: Locale, incidents: Vec<Opened>) -> AnyView {
    if incidents.is_empty() {
        return view! { <p class="empty">{td_string!(l, incident.no_incidents)}</p> }.into_any();
    }
    let rows = incidents
        .into_iter()
        .map(|incident| {
            let (class, words) = stage_tag(l, incident.stage);
            let href = format!("/staff/incidents/{}", incident.incident_id);
            let (charges, amount) = match incident.size {
                Some((charges, amount)) => (charges.to_string(), view! { <Yuan amount /> }.into_any()),
                None => ("–".to_owned(), "–".into_any()),
            };
            view! {
                <tr>
                    <td><a href=href>{incident.title}</a></td>
                    <td>{time_text(l, incident.opened_at)}</td>
                    <td class="num">{charges}</td>
                    <td class="num">{amount}</td>
                    <td><span class=class>{words}</span></td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <div class="table-scroll" role="region" tabindex="0" aria-label=td_string!(l, incident.incidents)>
            <table class="table">
                <thead>
                    <tr>
                        <th scope="col">{td_string!(l, incident.incident)}</th>
                        <th scope="col">{td_string!(l, incident.opened_at)}</th>
                        <th scope="col" class="num">{td_string!(l, incident.charges)}</th>
                        <th scope="col" class="num">{td_string!(l, incident.amount)}</th>
                        <th scope="col">{td_string!(l, incident.state)}</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    }
    .into_any()
}

/// Opens an incident that no detector found.
#[component]
fn OpenForm() -> impl IntoView {
    let l = locale();
    let field = |name: &'static str, label: &'static str, kind: &'static str, maxlength: &'static str| {
        view! {
            <div class="field">
                <label for=name>{label}</label>
                <input id=name name=name type=kind maxlength=maxlength autocomplete="off" />
            </div>
        }
    };
    view! {
        <form class="card" method="post" action="/staff/api/open_incident">
            <h2>{td_string!(l, incident.open_title)}</h2>
            <p class="muted">{td_string!(l, incident.open_text)}</p>
            <div class="field">
                <label for="title">{td_string!(l, incident.name)}</label>
                <input id="title" name="title" maxlength="100" autocomplete="off" required />
            </div>
            <div class="ways">
                {field("tariff", td_string!(l, incident.tariff_number), "text", "64")}
                {field("source", td_string!(l, incident.source), "text", "100")}
                {field("from", td_string!(l, incident.from), "date", "10")}
                {field("until", td_string!(l, incident.until), "date", "10")}
                {field("region", td_string!(l, incident.region), "text", "100")}
            </div>
            <button class="button primary wide-button" type="submit">{td_string!(l, incident.open)}</button>
        </form>
    }
}
