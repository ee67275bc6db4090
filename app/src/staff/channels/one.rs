use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use charging::channel::order::{Counts, counts};
use charging::channel::secret::{Secret, secrets};
use charging::channel::store::{Channel, Version, find};
use charging::channel::{ChannelId, Typed, content, report};
use charging::staff::{Member, Permission, StaffKey, difference};
use chrono::{DateTime, TimeDelta, Utc};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_params_map;

use super::contents::{self, contents, decide_fields, reason_field};
use super::form::{TermsFields, from_query};
use super::may_steer;
use super::reports::reports;
use super::words::{outcome_name, said};
use crate::components::{PageError, page, time_text};
use crate::i18n::{Locale, td_string};
use crate::public::channel::{days_text, region_names, standing_tag};
use crate::request::locale;
use crate::state::AppState;

/// A secret is shown for so long to whoever issued it.
const SECRET_SHOWN: TimeDelta = TimeDelta::minutes(15);

/// `/staff/channels/{id}`
#[component]
pub fn ChannelPage() -> impl IntoView {
    page(|| {
        let (state, l) = (AppState::current(), locale());
        let id = use_params_map().get_untracked().get("id").and_then(|id| id.parse::<ChannelId>().ok());
        let (said, typed, typed_text) = (said(l), from_query(), contents::from_query());
        async move {
            let member = crate::staff::member()?;
            let id = id.ok_or(PageError::NotFound)?;
            let mut db = state.pool.acquire().await?;
            let channel = find(&mut db, &id).await?.ok_or(PageError::NotFound)?;
            let now = state.clock.now();
            let (counted, texts) = (counts(&mut db, &id).await?, content::list(&mut db, &id).await?);
            let (known, told) = (secrets(&mut db, &id, now).await?, report::list(&mut db, Some(&id)).await?);
            let may_draft = member.may(Permission::DraftTariffs);
            let may_stop = may_steer(&member);
            let shown = channel.approved().or(channel.versions.first()).ok_or(PageError::NotFound)?;
            let typed = typed.unwrap_or_else(|| shown.terms.typed());
            let holds = channel.approved().is_some_and(|version| version.stop.is_none());
            Ok(view! {
                <Title text=format!("{} {id}", shown.terms.name) />
                <p><a href="/staff/channels">{td_string!(l, channel.desk_all)}</a></p>
                <div class="stack-tight">
                    <h1>{shown.terms.name.clone()}</h1>
                    <p class="row">
                        <span>{id.to_string()}</span>
                        {standing_tag(l, channel.standing(now))}
                        <a href=format!("/channels/{id}")>{td_string!(l, channel.desk_public)}</a>
                    </p>
                </div>
                {said}
                {channel.waiting().map(|version| waiting(l, &channel, version, &member))}
                {facts(l, shown)}
                {orders(l, &counted)}
                {(may_stop && holds).then(|| stop_form(l, &id))}
                {(may_draft && channel.waiting().is_none()).then(|| change_form(l, &id, typed))}
                {contents(l, &id, texts, &member, typed_text)}
                {may_draft.then(|| secret(l, &id, &known, (&member, state.staff_key.as_ref()), now))}
                {reports(l, told, may_stop)}
                {versions(l, &channel)}
            })
        }
    })
}

/// What waits, held against what holds now, and the word of somebody else.
fn waiting(l: Locale, channel: &Channel, version: &Version, member: &Member) -> AnyView {
    let before = channel.approved().map(|held| held.terms.state());
    let rows = difference(before.as_ref(), Some(&version.terms.state())).into_iter().map(|change| {
        view! {
            <tr>
                <th scope="row">{field_name(l, &change.name)}</th>
                <td>{change.before.map(|text| view! { <del>{text}</del> })}</td>
                <td>{change.after.map(|text| view! { <ins>{text}</ins> })}</td>
            </tr>
        }
    });
    let by = td_string!(l, channel.desk_by_at, name = version.by.as_str(), time = time_text(l, version.at));
    let decide = if version.submitted_by == member.staff_id {
        view! { <p class="muted">{td_string!(l, channel.desk_own)}</p> }.into_any()
    } else if member.may(Permission::ApproveTariffs) {
        view! {
            <form class="stack-tight" method="post" action="/staff/api/decide_channel">
                <input type="hidden" name="channel" value=channel.channel_id.to_string() />
                <input type="hidden" name="version" value=version.version.to_string() />
                {decide_fields(l, "decide".to_owned())}
            </form>
        }
        .into_any()
    } else {
        ().into_any()
    };
    view! {
        <section class="card" data-waiting="">
            <h2>{td_string!(l, channel.desk_waiting)}</h2>
            <p class="muted">{by}</p>
            <div class="table-scroll" role="region" tabindex="0" aria-label=td_string!(l, channel.desk_waiting)>
                <table class="table compared">
                    <tbody>{rows.collect_view()}</tbody>
                </table>
            </div>
            {decide}
        </section>
    }
    .into_any()
}

/// The name of a field of the terms.
fn field_name(l: Locale, field: &str) -> String {
    match field {
        "name" => td_string!(l, channel.name),
        "operator_name" => td_string!(l, channel.operator),
        "credit_code" => td_string!(l, channel.credit_code),
        "contact" => td_string!(l, channel.desk_contact),
        "addresses" => td_string!(l, channel.addresses),
        "regions" => td_string!(l, channel.regions),
        "scheme_ids" => td_string!(l, channel.tariffs),
        "valid_from" => td_string!(l, channel.desk_valid_from),
        "valid_until" => td_string!(l, channel.desk_valid_until),
        other => return other.to_owned(),
    }
    .to_owned()
}

fn facts(l: Locale, version: &Version) -> AnyView {
    let terms = &version.terms;
    let separator = td_string!(l, channel.region_comma);
    let tariffs = terms.scheme_ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(separator);
    let contact = format!("{} {}", terms.contact_name, terms.contact_phone);
    let facts = [
        (td_string!(l, channel.operator), terms.operator_name.clone()),
        (td_string!(l, channel.credit_code), terms.credit_code.to_string()),
        (td_string!(l, channel.desk_contact), contact),
        (td_string!(l, channel.addresses), terms.addresses.join(separator)),
        (td_string!(l, channel.regions), region_names(l, &terms.regions)),
        (td_string!(l, channel.tariffs), tariffs),
        (td_string!(l, channel.days), days_text(l, terms)),
    ];
    let facts = facts.into_iter().map(|(name, value)| {
        view! {
            <div>
                <dt>{name}</dt>
                <dd>{value}</dd>
            </div>
        }
    });
    view! { <dl class="facts card">{facts.collect_view()}</dl> }.into_any()
}

/// How many orders came, and what became of them.
fn orders(l: Locale, counted: &Counts) -> AnyView {
    let none =
        counted.outcomes.is_empty().then(|| view! { <p class="muted">{td_string!(l, channel.desk_orders_none)}</p> });
    let beyond = (td_string!(l, channel.count_beyond), counted.beyond_scope());
    let agreed = (td_string!(l, channel.count_agreed), counted.agreed);
    let named = counted.outcomes.iter().map(|(outcome, count)| (outcome_name(l, *outcome), *count));
    let rows = [beyond, agreed].into_iter().chain(named).map(|(name, count)| {
        view! {
            <div>
                <dt>{name}</dt>
                <dd>{count}</dd>
            </div>
        }
    });
    view! {
        <section class="card" id="orders">
            <h2>{td_string!(l, channel.desk_orders)}</h2>
            {none}
            <dl class="facts">{rows.collect_view()}</dl>
        </section>
    }
    .into_any()
}

fn stop_form(l: Locale, id: &ChannelId) -> AnyView {
    view! {
        <form class="card" method="post" action="/staff/api/stop_channel">
            <h2>{td_string!(l, channel.desk_stop)}</h2>
            <p>{td_string!(l, channel.desk_stop_text)}</p>
            <input type="hidden" name="channel" value=id.to_string() />
            {reason_field(td_string!(l, channel.desk_reason_needed), "stop-reason".to_owned(), true)}
            <p class="actions">
                <button class="button" name="why" value="suspended">{td_string!(l, channel.desk_suspend)}</button>
                <button class="button" name="why" value="ended">{td_string!(l, channel.desk_end)}</button>
            </p>
        </form>
    }
    .into_any()
}

fn change_form(l: Locale, id: &ChannelId, typed: Typed) -> AnyView {
    view! {
        <form class="card" method="post" action="/staff/api/submit_channel" id="change">
            <h2>{td_string!(l, channel.desk_change)}</h2>
            <p class="muted">{td_string!(l, channel.desk_change_text)}</p>
            <input type="hidden" name="channel" value=id.to_string() />
            <TermsFields typed />
            <button class="button primary wide-button">{td_string!(l, channel.desk_register_submit)}</button>
        </form>
    }
    .into_any()
}

/// The secrets that count, the newest of them legible to whoever just issued it.
fn secret(
    l: Locale,
    id: &ChannelId,
    known: &[Secret],
    (member, key): (&Member, Option<&StaffKey>),
    now: DateTime<Utc>,
) -> AnyView {
    let newest = known.first().filter(|secret| {
        secret.issued_by == member.staff_id && (TimeDelta::zero()..SECRET_SHOWN).contains(&(now - secret.issued_at))
    });
    let shown = newest.zip(key).map(|(secret, key)| {
        let text = format!("whsec_{}", STANDARD.encode(key.channel_secret(id, secret.number)));
        view! {
            <p><code class="secret">{text}</code></p>
            <p class="muted">{td_string!(l, channel.desk_secret_shown)}</p>
        }
    });
    let none = known.is_empty().then(|| view! { <p>{td_string!(l, channel.desk_secret_none)}</p> });
    let items = known.iter().map(|secret| {
        let (name, time) = (secret.by.as_str(), time_text(l, secret.issued_at));
        view! { <li>{td_string!(l, channel.desk_secret_known, n = secret.number, name = name, time = time)}</li> }
    });
    view! {
        <form class="card" method="post" action="/staff/api/channel_secret" id="secret">
            <h2>{td_string!(l, channel.desk_secret)}</h2>
            <p class="muted">{td_string!(l, channel.desk_secret_text)}</p>
            {none}
            <ul class="plain-list">{items.collect_view()}</ul>
            {shown}
            <input type="hidden" name="channel" value=id.to_string() />
            <button class="button wide-button">{td_string!(l, channel.desk_secret_issue)}</button>
        </form>
    }
    .into_any()
}

/// Every version that was asked for, with who let it and what stopped it.
fn versions(l: Locale, channel: &Channel) -> AnyView {
    let items = channel.versions.iter().map(|version| {
        let mut lines =
            vec![td_string!(l, channel.desk_by_at, name = version.by.as_str(), time = time_text(l, version.at))];
        if let Some(decision) = &version.decision {
            let by = td_string!(l, channel.desk_by_at, name = decision.by.as_str(), time = time_text(l, decision.at));
            let word = if decision.approved {
                td_string!(l, channel.desk_approve).to_owned()
            } else {
                td_string!(l, channel.desk_refused, reason = decision.reason.as_str())
            };
            lines.push(format!("{by} · {word}"));
        }
        if let Some((stop, by)) = version.stop.as_ref().zip(version.stopped_by.as_ref()) {
            let by = td_string!(l, channel.desk_by_at, name = by.as_str(), time = time_text(l, stop.at));
            lines.push(format!("{by} · {}", super::words::stop_text(l, stop)));
        }
        let lines = lines.into_iter().map(|line| view! { <p class="small">{line}</p> }).collect_view();
        view! {
            <li class="stack-tight">
                <p class="strong">{td_string!(l, channel.desk_version, n = version.version)}</p>
                {lines}
            </li>
        }
    });
    view! {
        <section class="card">
            <h2>{td_string!(l, channel.desk_versions)}</h2>
            <ol class="entries">{items.collect_view()}</ol>
        </section>
    }
    .into_any()
}
