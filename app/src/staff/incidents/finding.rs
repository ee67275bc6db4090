use charging::incident::finding::store::{
    ByRoute, Dismissal, Example, Finding, State, by_route, dismissals, examples, find,
};
use charging::staff::Permission;
use leptos::prelude::*;
use leptos_meta::Title;

use super::list::tariff_text;
use super::words::{detector_name, detector_text, route_name, source_name, state_tag};
use super::{answer, back, may, number};
use crate::components::{PageError, Yuan, day_text, page, time_text};
use crate::i18n::{Locale, td_string};
use crate::me::parts::masked;
use crate::request::locale;
use crate::state::AppState;

/// Charges that are shown.
const EXAMPLES: u16 = 20;

/// `/staff/incidents/findings/{finding}`
#[component]
pub fn FindingPage() -> impl IntoView {
    page(|| {
        let state = AppState::current();
        let l = locale();
        let answer = answer(l);
        let finding_id = number("finding");
        async move {
            let may_handle = may(Permission::HandleIncidents)?;
            let finding_id = finding_id.ok_or(PageError::NotFound)?;
            let mut db = state.pool.acquire().await?;
            let finding = find(&mut db, finding_id).await?.ok_or(PageError::NotFound)?;
            let routes = by_route(&mut db, finding_id).await?;
            let shown = examples(&mut db, finding_id, EXAMPLES).await?;
            let looked = dismissals(&mut db, finding_id).await?;
            let is_free = finding.state != State::Incident;
            let name = detector_name(l, finding.detector);
            Ok(view! {
                <Title text=name />
                {back(l)}
                <div class="stack-tight">
                    <h1>{name}</h1>
                    <p class="muted">{detector_text(l, finding.detector)}</p>
                </div>
                {answer}
                {facts(l, &finding)}
                {routes_table(l, routes)}
                {examples_table(l, shown, finding.charges)}
                {dismissed(l, looked)}
                {(may_handle && is_free).then(|| view! { <Ways finding=finding.clone() /> })}
            })
        }
    })
}

fn facts(l: Locale, finding: &Finding) -> impl IntoView + use<> {
    let (class, words) = state_tag(l, finding.state);
    let tariff = tariff_text(finding.tariff.clone(), finding.scheme_id.clone());
    let incident = finding.incident_id.map(|id| {
        view! { " " <a href=format!("/staff/incidents/{id}")>{td_string!(l, incident.to_incident)}</a> }
    });
    view! {
        <dl class="facts card">
            <div>
                <dt>{td_string!(l, incident.tariff)}</dt>
                <dd>{tariff}</dd>
            </div>
            <div>
                <dt>{td_string!(l, incident.source)}</dt>
                <dd>{source_name(l, &finding.source)}</dd>
            </div>
            <div>
                <dt>{td_string!(l, incident.day)}</dt>
                <dd>{day_text(l, finding.day)}</dd>
            </div>
            <div>
                <dt>{td_string!(l, incident.between)}</dt>
                <dd>{time_text(l, finding.first_at)} " – " {time_text(l, finding.last_at)}</dd>
            </div>
            <div>
                <dt>{td_string!(l, incident.charges)}</dt>
                <dd>{finding.charges}</dd>
            </div>
            <div>
                <dt>{td_string!(l, incident.amount)}</dt>
                <dd><Yuan amount=finding.amount /></dd>
            </div>
            <div>
                <dt>{td_string!(l, incident.found_at)}</dt>
                <dd>{time_text(l, finding.found_at)}</dd>
            </div>
            <div>
                <dt>{td_string!(l, incident.state)}</dt>
                <dd><span class=class>{words}</span> {incident}</dd>
            </div>
        </dl>
    }
}

fn routes_table(l: Locale, routes: Vec<ByRoute>) -> impl IntoView {
    let rows = routes
        .into_iter()
        .map(|by| {
            view! {
                <tr>
                    <th scope="row">{route_name(l, &by.route)}</th>
                    <td class="num">{by.charges}</td>
                    <td class="num"><Yuan amount=by.amount /></td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <section class="card">
            <h2>{td_string!(l, incident.by_route)}</h2>
            <table class="table">
                <thead>
                    <tr>
                        <th scope="col">{td_string!(l, incident.route)}</th>
                        <th scope="col" class="num">{td_string!(l, incident.charges)}</th>
                        <th scope="col" class="num">{td_string!(l, incident.amount)}</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </section>
    }
}

fn examples_table(l: Locale, examples: Vec<Example>, charges: i64) -> impl IntoView {
    let shown = examples.len();
    let rows = examples
        .into_iter()
        .map(|example| {
            let agreed = match (example.agreed_at, example.agreed_price) {
                (None, _) => td_string!(l, incident.never).to_owned(),
                (Some(at), None) => time_text(l, at),
                (Some(at), Some(price)) => format!("{} · ¥{}", time_text(l, at), charging::money::plain(price)),
            };
            let or_dash = |at: Option<_>| at.map_or_else(|| "–".to_owned(), |at| time_text(l, at));
            view! {
                <tr>
                    <td>{masked(&example.msisdn)}</td>
                    <td class="num"><Yuan amount=example.amount /></td>
                    <td>{time_text(l, example.charged_at)}</td>
                    <td>{or_dash(example.ordered_at)}</td>
                    <td>{agreed}</td>
                    <td>{or_dash(example.cancelled_at)}</td>
                    <td>{route_name(l, &example.route)}</td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <section class="card">
            <h2>{td_string!(l, incident.examples, shown = shown, charges = charges)}</h2>
            <div class="table-scroll" role="region" tabindex="0" aria-label=td_string!(l, incident.examples_label)>
                <table class="table">
                    <thead>
                        <tr>
                            <th scope="col">{td_string!(l, incident.number)}</th>
                            <th scope="col" class="num">{td_string!(l, incident.amount)}</th>
                            <th scope="col">{td_string!(l, incident.charged_at)}</th>
                            <th scope="col">{td_string!(l, incident.ordered_at)}</th>
                            <th scope="col">{td_string!(l, incident.agreed_at)}</th>
                            <th scope="col">{td_string!(l, incident.cancelled_at)}</th>
                            <th scope="col">{td_string!(l, incident.route)}</th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </div>
        </section>
    }
}

fn dismissed(l: Locale, dismissals: Vec<Dismissal>) -> impl IntoView {
    (!dismissals.is_empty()).then(|| {
        let items = dismissals
            .into_iter()
            .map(|d| {
                let said = td_string!(l, incident.dismissed_by, by = d.by, time = time_text(l, d.at), n = d.charges);
                view! { <li>{d.reason} " " <span class="small muted">{said}</span></li> }
            })
            .collect_view();
        view! {
            <section class="card">
                <h2>{td_string!(l, incident.dismissals)}</h2>
                <ul class="plain-list">{items}</ul>
            </section>
        }
    })
}

/// Opening an incident, or finding nothing wrong.
#[component]
fn Ways(finding: Finding) -> impl IntoView {
    let l = locale();
    let id = finding.finding_id.to_string();
    view! {
        <div class="ways">
            <form class="card" method="post" action="/staff/api/open_incident_from_finding">
                <h2>{td_string!(l, incident.open)}</h2>
                <p>{td_string!(l, incident.open_from_finding)}</p>
                <input type="hidden" name="finding" value=id.clone() />
                <div class="field">
                    <label for="title">{td_string!(l, incident.name)}</label>
                    <input id="title" name="title" maxlength="100" autocomplete="off" required />
                </div>
                <button class="button primary" type="submit">{td_string!(l, incident.open)}</button>
            </form>
            <form class="card" method="post" action="/staff/api/dismiss_finding">
                <h2>{td_string!(l, incident.dismiss)}</h2>
                <p>{td_string!(l, incident.dismiss_text)}</p>
                <input type="hidden" name="finding" value=id />
                <input type="hidden" name="charges" value=finding.charges.to_string() />
                <div class="field">
                    <label for="reason">{td_string!(l, incident.reason)}</label>
                    <input id="reason" name="reason" maxlength="500" autocomplete="off" required />
                </div>
                <button class="button" type="submit">{td_string!(l, incident.dismiss)}</button>
            </form>
        </div>
    }
}
