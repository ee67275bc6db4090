use charging::incident::desk::{Affected, Stage, affected, find};
use charging::staff::Permission;
use charging::subscriber::Msisdn;
use leptos::prelude::*;
use leptos_meta::Title;

use super::words::route_name;
use super::{answer, may, number};
use crate::components::{PageError, Pager, Yuan, page, time_text};
use crate::i18n::{Locale, td_string};
use crate::me::parts::{Tone, banner, masked, query};
use crate::request::{locale, query_value};
use crate::state::AppState;

/// `/staff/incidents/{incident}/charges`: the frozen list, and taking charges out of it.
#[component]
pub fn AffectedPage() -> impl IntoView {
    page(|| {
        let state = AppState::current();
        let l = locale();
        let answer = answer(l);
        let incident_id = number("incident");
        let place = query("page").and_then(|page| page.parse().ok()).unwrap_or(1);
        let typed = query("number").unwrap_or_default().trim().to_owned();
        async move {
            let may_handle = may(Permission::HandleIncidents)?;
            let incident_id = incident_id.ok_or(PageError::NotFound)?;
            let mut db = state.pool.acquire().await?;
            let incident = find(&mut db, incident_id).await?.ok_or(PageError::NotFound)?;
            let number: Option<Msisdn> = typed.parse().ok();
            let problem = (!typed.is_empty() && number.is_none()).then(|| td_string!(l, incident.problem_number));
            let found = affected(&mut db, incident_id, number.as_ref(), place).await?;
            let base = format!("/staff/incidents/{incident_id}/charges?number={}&page=", query_value(&typed));
            let is_changeable = may_handle && matches!(incident.stage(), Stage::Listed | Stage::Proposed);
            let none =
                found.charges.is_empty().then(|| view! { <p class="empty">{td_string!(l, incident.no_charges)}</p> });
            Ok(view! {
                <Title text=td_string!(l, incident.affected) />
                <p><a href=format!("/staff/incidents/{incident_id}")>{incident.title}</a></p>
                <h1>{td_string!(l, incident.affected)}</h1>
                {answer}
                {problem.map(|text| banner(Tone::Bad, text))}
                <form class="card row" method="get" action=format!("/staff/incidents/{incident_id}/charges")>
                    <div class="field">
                        <label for="number">{td_string!(l, incident.number)}</label>
                        <input id="number" name="number" value=typed inputmode="numeric" maxlength="11" />
                    </div>
                    <button class="button" type="submit">{td_string!(l, incident.look_up)}</button>
                </form>
                <section class="card">
                    {none}
                    {table(l, found.charges)}
                    <Pager page=found.page pages=found.pages base />
                </section>
                {is_changeable.then(|| view! { <ExcludeForms incident_id /> })}
            })
        }
    })
}

fn table(l: Locale, charges: Vec<Affected>) -> impl IntoView {
    let rows = charges
        .into_iter()
        .map(|charge| {
            let agreed = if charge.has_consent { td_string!(l, staff.yes) } else { td_string!(l, staff.no) };
            let standing = match charge.excluded {
                Some(reason) => {
                    view! { <span class="tag">{td_string!(l, incident.taken_out)}</span> " " {reason} }.into_any()
                }
                None => view! { <span class="tag on">{td_string!(l, incident.goes_back)}</span> }.into_any(),
            };
            view! {
                <tr>
                    <td>{masked(&charge.msisdn)}</td>
                    <td>{charge.scheme_id}</td>
                    <td class="num"><Yuan amount=charge.amount /></td>
                    <td>{time_text(l, charge.charged_at)}</td>
                    <td>{route_name(l, &charge.route)}</td>
                    <td>{agreed}</td>
                    <td>{standing}</td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <div class="table-scroll" role="region" tabindex="0" aria-label=td_string!(l, incident.affected)>
            <table class="table">
                <thead>
                    <tr>
                        <th scope="col">{td_string!(l, incident.number)}</th>
                        <th scope="col">{td_string!(l, incident.tariff)}</th>
                        <th scope="col" class="num">{td_string!(l, incident.amount)}</th>
                        <th scope="col">{td_string!(l, incident.charged_at)}</th>
                        <th scope="col">{td_string!(l, incident.route)}</th>
                        <th scope="col">{td_string!(l, incident.agreed)}</th>
                        <th scope="col">{td_string!(l, incident.standing)}</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    }
}

/// Taking out one number, everybody who agreed, or what is on no bill yet.
#[component]
fn ExcludeForms(incident_id: i64) -> impl IntoView {
    let l = locale();
    let reason = |id: &'static str| {
        view! {
            <div class="field">
                <label for=id>{td_string!(l, incident.reason)}</label>
                <input id=id name="reason" maxlength="500" autocomplete="off" required />
            </div>
        }
    };
    view! {
        <div class="ways">
            <form class="card" method="post" action="/staff/api/exclude_affected">
                <h2>{td_string!(l, incident.exclude_number)}</h2>
                <p>{td_string!(l, incident.exclude_text)}</p>
                <input type="hidden" name="incident" value=incident_id.to_string() />
                <div class="field">
                    <label for="excluded">{td_string!(l, incident.number)}</label>
                    <input id="excluded" name="number" inputmode="numeric" maxlength="11" autocomplete="off" required />
                </div>
                {reason("number-reason")}
                <button class="button" type="submit">{td_string!(l, incident.exclude)}</button>
            </form>
            <form class="card" method="post" action="/staff/api/exclude_affected">
                <h2>{td_string!(l, incident.exclude_agreed)}</h2>
                <p>{td_string!(l, incident.exclude_agreed_text)}</p>
                <input type="hidden" name="incident" value=incident_id.to_string() />
                {reason("agreed-reason")}
                <button class="button" type="submit">{td_string!(l, incident.exclude)}</button>
            </form>
            <form class="card" method="post" action="/staff/api/exclude_affected">
                <h2>{td_string!(l, incident.exclude_unbilled)}</h2>
                <p>{td_string!(l, incident.exclude_unbilled_text)}</p>
                <input type="hidden" name="incident" value=incident_id.to_string() />
                <input type="hidden" name="unbilled" value="true" />
                {reason("unbilled-reason")}
                <button class="button" type="submit">{td_string!(l, incident.exclude)}</button>
            </form>
        </div>
    }
}
