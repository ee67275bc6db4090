use charging::incident::desk::{Block, Freeze, Incident, Source, Stop, StoppedChannel};
use charging::staff::{Member, Permission};
use chrono::{DateTime, Utc};
use leptos::prelude::*;

use super::one::{done_text, press};
use crate::components::time_text;
use crate::i18n::{Locale, td_string};

/// 1: stopping the source: sales, orders of the batch, accounts and channels.
pub(super) fn source_step(l: Locale, incident: &Incident, source: Source, member: &Member) -> impl IntoView + use<> {
    let tariffs = incident.tariffs.iter().map(|scheme_id| tariff(l, incident, scheme_id, member)).collect_view();
    let may_handle = member.may(Permission::HandleIncidents);
    let forms = may_handle.then(|| forms(l, incident.incident_id));
    let id = incident.incident_id;
    let orders = orders(l, id, &source, member);
    let blocks = source.blocks.iter().map(|block| account(l, id, block, member)).collect_view();
    let channels = source.channels.iter().map(|stopped| channel(l, stopped)).collect_view();
    view! {
        <section class="card">
            <h2>{td_string!(l, incident.step_stop)}</h2>
            <p class="muted">{td_string!(l, incident.step_stop_text)}</p>
            <ul class="steps">{tariffs} {orders} {blocks} {channels}</ul>
            {forms}
        </section>
    }
}

/// A line of the list: what it is, how it stands, and what can be done.
fn line(name: String, standing: String, form: Option<AnyView>) -> AnyView {
    view! {
        <li class="row spread">
            <span><span class="strong">{name}</span> " " <span class="muted">{standing}</span></span>
            {form}
        </li>
    }
    .into_any()
}

/// That something goes on again, since when, and who said so.
fn lifted_text(l: Locale, at: DateTime<Utc>, by: Option<&str>) -> String {
    let engineer = td_string!(l, incident.by_engineer);
    td_string!(l, incident.lifted_by, name = by.unwrap_or(engineer), time = time_text(l, at))
}

fn tariff(l: Locale, incident: &Incident, scheme_id: &str, member: &Member) -> AnyView {
    let may_handle = member.may(Permission::HandleIncidents);
    let id = incident.incident_id;
    let hidden = view! { <input type="hidden" name="tariff" value=scheme_id.to_owned() /> }.into_any();
    let stop = incident.stops.iter().rfind(|stop| stop.scheme_id == *scheme_id);
    let form = match stop {
        None | Some(Stop { lifted_at: Some(_), .. }) => {
            may_handle.then(|| press(id, "/staff/api/stop_sales", td_string!(l, incident.stop), hidden))
        }
        Some(Stop { lifted_at: None, done, .. }) if done.staff_id != member.staff_id && may_handle => {
            Some(press(id, "/staff/api/resume_sales", td_string!(l, incident.resume), hidden))
        }
        Some(_) => None,
    };
    let standing = match stop {
        None => td_string!(l, incident.not_stopped).to_owned(),
        Some(Stop { lifted_at: Some(at), .. }) => td_string!(l, incident.resumed_at, time = time_text(l, *at)),
        Some(stop) => {
            td_string!(l, incident.stopped_by, name = stop.done.by.clone(), time = time_text(l, stop.done.at))
        }
    };
    line(scheme_id.to_owned(), standing, form)
}

/// What was ordered in the batch: the newest freeze, and the ones before.
fn orders(l: Locale, incident_id: i64, source: &Source, member: &Member) -> Vec<AnyView> {
    let may_handle = member.may(Permission::HandleIncidents);
    let name = || td_string!(l, incident.orders).to_owned();
    let mut lines: Vec<AnyView> = source.freezes.iter().map(|freeze| frozen(l, incident_id, freeze, member)).collect();
    if source.frozen().is_none() {
        let freeze = td_string!(l, incident.freeze);
        let form = may_handle.then(|| press(incident_id, "/staff/api/freeze_orders", freeze, ().into_any()));
        lines.push(line(name(), td_string!(l, incident.not_frozen).to_owned(), form));
    }
    lines
}

fn frozen(l: Locale, incident_id: i64, freeze: &Freeze, member: &Member) -> AnyView {
    let name = td_string!(l, incident.frozen, n = freeze.subscriptions);
    let mut standing = done_text(l, &freeze.done);
    if let Some(at) = freeze.lifted_at {
        standing = format!("{standing}; {}", lifted_text(l, at, freeze.lifted_by.as_deref()));
    }
    let may_lift = freeze.lifted_at.is_none()
        && freeze.done.staff_id != member.staff_id
        && member.may(Permission::HandleIncidents);
    let form =
        may_lift.then(|| press(incident_id, "/staff/api/lift_freeze", td_string!(l, incident.lift), ().into_any()));
    line(name, standing, form)
}

fn account(l: Locale, incident_id: i64, block: &Block, member: &Member) -> AnyView {
    let name = td_string!(l, incident.account_blocked, name = block.name.clone(), login = block.login.clone());
    let mut standing = done_text(l, &block.done);
    if let Some(at) = block.lifted_at {
        standing = format!("{standing}; {}", lifted_text(l, at, block.lifted_by.as_deref()));
    }
    let may_lift = block.lifted_at.is_none()
        && ![block.done.staff_id, block.staff_id].contains(&member.staff_id)
        && member.may(Permission::HandleIncidents);
    let hidden = view! { <input type="hidden" name="account" value=block.staff_id.to_string() /> }.into_any();
    let form = may_lift.then(|| press(incident_id, "/staff/api/unblock_source", td_string!(l, incident.lift), hidden));
    line(name, standing, form)
}

fn channel(l: Locale, stopped: &StoppedChannel) -> AnyView {
    let name =
        td_string!(l, incident.channel_stopped, name = stopped.name.clone(), number = stopped.channel_id.clone());
    let mut standing = done_text(l, &stopped.done);
    if let Some(at) = stopped.lifted_at {
        standing = format!("{standing}; {}", lifted_text(l, at, stopped.lifted_by.as_deref()));
    }
    line(name, standing, None)
}

/// Blocking an account, and stopping a channel.
fn forms(l: Locale, incident_id: i64) -> impl IntoView {
    view! {
        <details>
            <summary>{td_string!(l, incident.stop_who)}</summary>
            <div class="ways">
                <form method="post" action="/staff/api/block_source">
                    <input type="hidden" name="incident" value=incident_id.to_string() />
                    <div class="field">
                        <label for="source-login">{td_string!(l, incident.account)}</label>
                        <input
                            id="source-login"
                            name="login"
                            maxlength="41"
                            autocomplete="off"
                            autocapitalize="none"
                            required
                        />
                        <p class="hint">{td_string!(l, incident.account_hint)}</p>
                    </div>
                    <button class="button" type="submit">{td_string!(l, incident.block)}</button>
                </form>
                <form method="post" action="/staff/api/stop_source_channel">
                    <input type="hidden" name="incident" value=incident_id.to_string() />
                    <div class="field">
                        <label for="source-channel">{td_string!(l, incident.channel)}</label>
                        <input id="source-channel" name="channel" maxlength="8" autocomplete="off" required />
                        <p class="hint">{td_string!(l, incident.channel_hint)}</p>
                    </div>
                    <button class="button" type="submit">{td_string!(l, incident.stop_channel)}</button>
                </form>
            </div>
        </details>
    }
}
