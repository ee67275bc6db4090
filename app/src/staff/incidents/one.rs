use charging::incident::desk::{
    Done, Execution, Incident, Outcome, Progress, Proposal, Stage, Totals, execution, find, outcomes, source,
    statement, totals,
};
use charging::staff::{Member, Permission};
use leptos::prelude::*;
use leptos_meta::Title;

use super::source::source_step;
use super::statement::statement_step;
use super::words::{part_state, refund_route, route_name, source_name, stage_tag};
use super::{answer, back, number};
use crate::components::{Meter, PageError, Yuan, page, time_text};
use crate::i18n::{Locale, td_string};
use crate::request::locale;
use crate::state::AppState;

/// `/staff/incidents/{incident}`: every step, and the form of the next.
#[component]
pub fn IncidentPage() -> impl IntoView {
    page(|| {
        let state = AppState::current();
        let l = locale();
        let answer = answer(l);
        let incident_id = number("incident");
        async move {
            let member = crate::staff::member()?;
            let incident_id = incident_id.ok_or(PageError::NotFound)?;
            let mut db = state.pool.acquire().await?;
            let incident = find(&mut db, incident_id).await?.ok_or(PageError::NotFound)?;
            let by_route = totals(&mut db, incident_id).await?;
            let running = execution(&mut db, incident_id).await?;
            let went = outcomes(&mut db, incident_id).await?;
            let stopped = source(&mut db, incident_id).await?;
            let told = statement(&mut db, incident_id).await?;
            let (class, words) = stage_tag(l, incident.stage());
            Ok(view! {
                <Title text=incident.title.clone() />
                {back(l)}
                <div class="stack-tight">
                    <h1>{incident.title.clone()}</h1>
                    <p>
                        <span class=class>{words}</span>
                        " "
                        <span class="muted">{done_text(l, &incident.opened)}</span>
                    </p>
                </div>
                {answer}
                {about(l, &incident)}
                {source_step(l, &incident, stopped, &member)}
                {list_step(l, &incident, by_route, &member)}
                {proposal_step(l, &incident, &member)}
                {execution_step(l, &incident, running.as_ref(), went, &member)}
                {statement_step(l, &incident, running.as_ref(), told.as_ref(), &member)}
                <p class="actions">
                    <a class="button" href=format!("/staff/incidents/{incident_id}/charges")>{td_string!(l, incident.affected)}</a>
                    <a class="button" href=format!("/staff/incidents/{incident_id}/report.csv")>{td_string!(l, incident.report)}</a>
                    <a class="button" href=format!("/staff/incidents/{incident_id}/report.pdf")>{td_string!(l, incident.report_pdf)}</a>
                </p>
            })
        }
    })
}

/// Who did a step, and when.
pub(super) fn done_text(l: Locale, done: &Done) -> String {
    td_string!(l, incident.done_by, name = done.by.clone(), time = time_text(l, done.at))
}

/// Which charges it is about.
fn about(l: Locale, incident: &Incident) -> impl IntoView + use<> {
    let findings = incident
        .findings
        .iter()
        .map(|id| {
            let href = format!("/staff/incidents/findings/{id}");
            view! { <li><a href=href>{td_string!(l, incident.finding_no, n = *id)}</a></li> }
        })
        .collect_view();
    let query = &incident.query;
    let parts = [
        query.scheme_id.clone().map(|scheme| (td_string!(l, incident.tariff), scheme)),
        query.source.as_ref().map(|source| (td_string!(l, incident.source), source_name(l, source))),
        query.from.map(|at| (td_string!(l, incident.from), time_text(l, at))),
        query.until.map(|at| (td_string!(l, incident.before), time_text(l, at))),
        query.region.clone().map(|region| (td_string!(l, incident.region), region)),
    ];
    let facts = parts
        .into_iter()
        .flatten()
        .map(|(name, value)| {
            view! {
                <div>
                    <dt>{name}</dt>
                    <dd>{value}</dd>
                </div>
            }
        })
        .collect_view();
    let body = if incident.findings.is_empty() {
        view! { <dl class="facts">{facts}</dl> }.into_any()
    } else {
        view! { <ul class="plain-list">{findings}</ul> }.into_any()
    };
    view! {
        <section class="card">
            <h2>{td_string!(l, incident.about)}</h2>
            {body}
        </section>
    }
}

/// A form of one button.
pub(super) fn press(incident_id: i64, action: &'static str, words: &'static str, more: AnyView) -> AnyView {
    view! {
        <form method="post" action=action>
            <input type="hidden" name="incident" value=incident_id.to_string() />
            {more}
            <button class="button primary" type="submit">{words}</button>
        </form>
    }
    .into_any()
}

/// 2: the list of everyone affected.
fn list_step(l: Locale, incident: &Incident, totals: Vec<Totals>, member: &Member) -> impl IntoView + use<> {
    let id = incident.incident_id;
    let body = match &incident.list {
        None if member.may(Permission::HandleIncidents) => {
            press(id, "/staff/api/list_affected", td_string!(l, incident.make_list), ().into_any())
        }
        None => view! { <p class="muted">{td_string!(l, incident.no_list)}</p> }.into_any(),
        Some(list) => {
            let said = td_string!(
                l,
                incident.listed,
                subscribers = list.subscribers,
                charges = list.charges,
                amount = charging::money::plain(list.amount)
            );
            view! {
                <p>{said}</p>
                <p class="small muted">{done_text(l, &list.done)}</p>
                {totals_table(l, totals)}
            }
            .into_any()
        }
    };
    view! {
        <section class="card">
            <h2>{td_string!(l, incident.step_list)}</h2>
            <p class="muted">{td_string!(l, incident.step_list_text)}</p>
            {body}
        </section>
    }
}

fn totals_table(l: Locale, totals: Vec<Totals>) -> impl IntoView {
    let rows = totals
        .into_iter()
        .map(|total| {
            view! {
                <tr>
                    <th scope="row">{route_name(l, &total.route)}</th>
                    <td class="num">{total.subscribers}</td>
                    <td class="num">{total.charges}</td>
                    <td class="num"><Yuan amount=total.amount /></td>
                    <td class="num">{total.excluded}</td>
                    <td class="num"><Yuan amount=total.excluded_amount /></td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <div class="table-scroll" role="region" tabindex="0" aria-label=td_string!(l, incident.by_route)>
            <table class="table">
                <thead>
                    <tr>
                        <th scope="col">{td_string!(l, incident.route)}</th>
                        <th scope="col" class="num">{td_string!(l, incident.subscribers)}</th>
                        <th scope="col" class="num">{td_string!(l, incident.charges)}</th>
                        <th scope="col" class="num">{td_string!(l, incident.amount)}</th>
                        <th scope="col" class="num">{td_string!(l, incident.taken_out)}</th>
                        <th scope="col" class="num">{td_string!(l, incident.taken_out_amount)}</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    }
}

/// 3 and 4: what would go back, and the yes of a second person.
fn proposal_step(l: Locale, incident: &Incident, member: &Member) -> impl IntoView + use<> {
    let id = incident.incident_id;
    let stage = incident.stage();
    let may_propose = member.may(Permission::HandleIncidents) && matches!(stage, Stage::Listed | Stage::Proposed);
    let propose =
        may_propose.then(|| press(id, "/staff/api/propose_incident", td_string!(l, incident.propose), ().into_any()));
    let shown = incident.proposal.as_ref().map(|proposal| proposal_view(l, proposal));
    let approval = match (&incident.approval, &incident.proposal) {
        (Some(approval), _) => {
            view! { <p>{td_string!(l, incident.approved_by, name = approval.done.by.clone(), time = time_text(l, approval.done.at))}</p> }
                .into_any()
        }
        (None, Some(proposal)) if !proposal.holds => {
            view! { <p>{td_string!(l, incident.problem_stale)}</p> }.into_any()
        }
        (None, Some(proposal)) if proposal.done.staff_id == member.staff_id => {
            view! { <p>{td_string!(l, incident.waits_for_another)}</p> }.into_any()
        }
        (None, Some(proposal)) if member.may(Permission::ApproveRefunds) => {
            let no = proposal.proposal_no.to_string();
            let hidden = view! { <input type="hidden" name="proposal" value=no /> }.into_any();
            press(id, "/staff/api/approve_incident", td_string!(l, incident.approve), hidden)
        }
        (None, Some(_)) => view! { <p>{td_string!(l, incident.waits_for_another)}</p> }.into_any(),
        (None, None) => view! { <p class="muted">{td_string!(l, incident.no_proposal)}</p> }.into_any(),
    };
    view! {
        <section class="card">
            <h2>{td_string!(l, incident.step_propose)}</h2>
            <p class="muted">{td_string!(l, incident.step_propose_text)}</p>
            {shown}
            {propose}
        </section>
        <section class="card">
            <h2>{td_string!(l, incident.step_approve)}</h2>
            <p class="muted">{td_string!(l, incident.step_approve_text)}</p>
            {approval}
        </section>
    }
}

fn proposal_view(l: Locale, proposal: &Proposal) -> impl IntoView + use<> {
    let rows = proposal
        .routes
        .iter()
        .map(|total| {
            view! {
                <tr>
                    <th scope="row">{route_name(l, &total.route)}</th>
                    <td class="num">{total.subscribers}</td>
                    <td class="num">{total.charges}</td>
                    <td class="num"><Yuan amount=total.amount /></td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <table class="table">
            <thead>
                <tr>
                    <th scope="col">{td_string!(l, incident.back_by)}</th>
                    <th scope="col" class="num">{td_string!(l, incident.subscribers)}</th>
                    <th scope="col" class="num">{td_string!(l, incident.charges)}</th>
                    <th scope="col" class="num">{td_string!(l, incident.amount)}</th>
                </tr>
            </thead>
            <tbody>{rows}</tbody>
            <tfoot>
                <tr>
                    <th scope="row" colspan="2">{td_string!(l, incident.together)}</th>
                    <td class="num">{proposal.charges()}</td>
                    <td class="num"><Yuan amount=proposal.amount() /></td>
                </tr>
            </tfoot>
        </table>
        <p>{td_string!(l, incident.refunds, n = proposal.refunds, amount = charging::money::plain(proposal.refunded))}</p>
        <p class="small muted">
            {td_string!(l, incident.version, n = proposal.proposal_no)} " · " {done_text(l, &proposal.done)}
        </p>
    }
}

/// 5: returning what was approved.
fn execution_step(
    l: Locale,
    incident: &Incident,
    execution: Option<&Execution>,
    outcomes: Vec<Outcome>,
    member: &Member,
) -> impl IntoView + use<> {
    let id = incident.incident_id;
    let is_approved = incident.stage() == Stage::Approved;
    let may_handle = member.may(Permission::HandleIncidents);
    let form = match execution.map(|execution| execution.progress) {
        _ if !may_handle => None,
        None => is_approved
            .then(|| press(id, "/staff/api/execute_incident", td_string!(l, incident.execute), ().into_any())),
        Some(Progress::Running) => {
            Some(press(id, "/staff/api/pause_incident", td_string!(l, incident.pause), ().into_any()))
        }
        Some(Progress::Paused) => {
            Some(press(id, "/staff/api/resume_incident", td_string!(l, incident.go_on), ().into_any()))
        }
        Some(Progress::Done) => None,
    };
    let progress = match execution {
        Some(execution) => progress_view(l, execution).into_any(),
        None => view! { <p class="muted">{td_string!(l, incident.not_executed)}</p> }.into_any(),
    };
    let rows = outcomes
        .into_iter()
        .map(|outcome| {
            view! {
                <tr>
                    <th scope="row">{refund_route(l, &outcome.route)}</th>
                    <td>{part_state(l, &outcome.state)}</td>
                    <td class="num">{outcome.parts}</td>
                    <td class="num"><Yuan amount=outcome.amount /></td>
                </tr>
            }
        })
        .collect::<Vec<_>>();
    let table = (!rows.is_empty()).then(|| {
        view! {
            <table class="table">
                <thead>
                    <tr>
                        <th scope="col">{td_string!(l, incident.back_by)}</th>
                        <th scope="col">{td_string!(l, incident.state)}</th>
                        <th scope="col" class="num">{td_string!(l, incident.parts)}</th>
                        <th scope="col" class="num">{td_string!(l, incident.amount)}</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        }
    });
    view! {
        <section class="card">
            <h2>{td_string!(l, incident.step_execute)}</h2>
            <p class="muted">{td_string!(l, incident.step_execute_text)}</p>
            {progress}
            {table}
            {form}
        </section>
    }
}

fn progress_view(l: Locale, execution: &Execution) -> impl IntoView + use<> {
    let Execution { progress, made, already, refunds, started_at, finished_at } = execution.clone();
    let words = match (progress, finished_at) {
        (Progress::Running, _) => td_string!(l, incident.running).to_owned(),
        (Progress::Paused, _) => td_string!(l, incident.paused).to_owned(),
        (Progress::Done, at) => td_string!(l, incident.finished, time = time_text(l, at.unwrap_or(started_at))),
    };
    let told = td_string!(l, incident.made, made = made, refunds = refunds, already = already);
    view! {
        <p><span class="strong">{words}</span> " " {told}</p>
        <Meter used=(made + already).unsigned_abs() total=refunds.unsigned_abs() />
    }
}
