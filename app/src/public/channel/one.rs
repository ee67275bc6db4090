use charging::channel::content::{Content, list};
use charging::channel::order::{Counts, counts};
use charging::channel::store::{Channel, Version, find};
use charging::channel::{ChannelId, Standing, Terms, Why};
use charging::tariff::TariffVersion;
use charging::tariff::store::newest;
use http::StatusCode;
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_params_map;

use super::report::{ReportForm, report_words};
use super::{days_text, region_names, standing_tag};
use crate::components::{page, time_text};
use crate::i18n::{Locale, td_string};
use crate::me::parts::{Tone, banner};
use crate::request::{locale, set_status};
use crate::state::AppState;

/// Longest number that is shown again, in characters.
const SHOWN_CHARS_MAX: usize = 30;

/// `/channels/{id}`: where the code of a badge leads.
#[component]
pub fn ChannelPage() -> impl IntoView {
    page(|| {
        let (state, l) = (AppState::current(), locale());
        let typed = use_params_map().get_untracked().get("id").unwrap_or_default();
        let told = report_words(l);
        async move {
            let Ok(id) = typed.parse::<ChannelId>() else { return Ok(unknown(l, &typed)) };
            let mut db = state.pool.acquire().await?;
            let Some(channel) = find(&mut db, &id).await? else { return Ok(unknown(l, &typed)) };
            let Some(version) = channel.approved().cloned() else { return Ok(unknown(l, &typed)) };
            let ids: Vec<String> = version.terms.scheme_ids.iter().map(ToString::to_string).collect();
            let tariffs = newest(&mut db, &ids).await?;
            let (counted, contents) = (counts(&mut db, &id).await?, list(&mut db, &id).await?);
            let standing = channel.standing(state.clock.now());
            Ok(view! {
                <Title text=format!("{} {id}", version.terms.name) />
                <div class="stack">
                    <p><a href="/channels">{td_string!(l, channel.directory)}</a></p>
                    <div class="stack-tight">
                        <h1>{version.terms.name.clone()}</h1>
                        <p class="row">
                            <span>{id.to_string()}</span>
                            {standing_tag(l, standing)}
                        </p>
                    </div>
                    {told}
                    {verdict(l, standing, &version)}
                    {facts(l, &version.terms)}
                    {may_sell(l, &version.terms, &tariffs)}
                    {badge(l, &id)}
                    {texts(l, &id, &contents)}
                    {orders(l, &counted)}
                    {history(l, &channel)}
                    <ReportForm about=id.to_string() />
                </div>
            }
            .into_any())
        }
    })
}

/// Of a number that we did not give.
fn unknown(l: Locale, typed: &str) -> AnyView {
    set_status(StatusCode::NOT_FOUND);
    let shown: String = typed.chars().filter(|c| !c.is_control()).take(SHOWN_CHARS_MAX).collect();
    view! {
        <Title text=td_string!(l, channel.unknown_title) />
        <div class="stack narrow">
            <h1>{td_string!(l, channel.unknown_title)}</h1>
            {banner(Tone::Bad, td_string!(l, channel.unknown_text, id = shown.as_str()))}
            <p><a class="button" href="/channels">{td_string!(l, channel.directory)}</a></p>
            <ReportForm about=shown />
        </div>
    }
    .into_any()
}

/// Whether it is genuine, in a sentence.
fn verdict(l: Locale, standing: Standing, version: &Version) -> AnyView {
    let (tone, words) = match standing {
        Standing::InForce => (Tone::Good, td_string!(l, channel.say_in_force)),
        Standing::Waiting | Standing::NotStarted => (Tone::Warn, td_string!(l, channel.say_not_started)),
        Standing::Expired => (Tone::Bad, td_string!(l, channel.say_expired)),
        Standing::Suspended => (Tone::Bad, td_string!(l, channel.say_suspended)),
        Standing::Ended => (Tone::Bad, td_string!(l, channel.say_ended)),
    };
    let why = version.stop.as_ref().map(|stop| {
        let why = td_string!(l, channel.why_stopped, time = time_text(l, stop.at), reason = stop.reason.as_str());
        view! { <p>{why}</p> }
    });
    banner(
        tone,
        view! {
            <p class="strong">{words}</p>
            {why}
            <p>{td_string!(l, channel.only_asks)}</p>
        },
    )
}

fn facts(l: Locale, terms: &Terms) -> AnyView {
    let addresses = terms.addresses.iter().map(|address| view! { <li>{address.clone()}</li> }).collect_view();
    view! {
        <dl class="facts card">
            <div>
                <dt>{td_string!(l, channel.operator)}</dt>
                <dd>{terms.operator_name.clone()}</dd>
            </div>
            <div>
                <dt>{td_string!(l, channel.credit_code)}</dt>
                <dd>{terms.credit_code.to_string()}</dd>
            </div>
            <div>
                <dt>{td_string!(l, channel.addresses)}</dt>
                <dd>
                    <ul class="addresses">{addresses}</ul>
                </dd>
            </div>
            <div>
                <dt>{td_string!(l, channel.regions)}</dt>
                <dd>{region_names(l, &terms.regions)}</dd>
            </div>
            <div>
                <dt>{td_string!(l, channel.days)}</dt>
                <dd>{days_text(l, terms)}</dd>
            </div>
        </dl>
    }
    .into_any()
}

/// The tariffs by name, each with its page.
fn may_sell(l: Locale, terms: &Terms, tariffs: &[TariffVersion]) -> AnyView {
    let items = terms.scheme_ids.iter().map(|id| {
        let name = tariffs.iter().find(|tariff| tariff.content.scheme_id == *id);
        let name = name.map_or_else(String::new, |tariff| tariff.content.name.clone());
        view! {
            <li>
                <a href=format!("/tariffs/{id}")>{name}</a>
                " "
                <span class="muted small">{id.to_string()}</span>
            </li>
        }
    });
    view! {
        <section class="card">
            <h2>{td_string!(l, channel.tariffs)}</h2>
            <ul class="plain-list">{items.collect_view()}</ul>
        </section>
    }
    .into_any()
}

fn badge(l: Locale, id: &ChannelId) -> AnyView {
    let picture = format!("/channels/{id}/badge.svg");
    view! {
        <section class="card">
            <h2>{td_string!(l, channel.badge)}</h2>
            <p>{td_string!(l, channel.badge_text)}</p>
            <p>
                <img
                    class="badge"
                    src=picture.clone()
                    width="640"
                    height="240"
                    alt=td_string!(l, channel.badge_alt, id = id.as_str())
                />
            </p>
            <p><a class="button" href=picture rel="external">{td_string!(l, channel.badge_open)}</a></p>
        </section>
    }
    .into_any()
}

fn texts(l: Locale, id: &ChannelId, contents: &[Content]) -> AnyView {
    let shown: Vec<&Content> = contents.iter().filter(|content| content.is_approved()).collect();
    let none = shown.is_empty().then(|| view! { <p class="muted">{td_string!(l, channel.contents_none)}</p> });
    let items = shown.into_iter().map(|content| {
        let file = format!("/channels/{id}/content/{}", content.number);
        let state = match &content.withdrawn {
            Some((at, reason)) => {
                let words =
                    td_string!(l, channel.content_withdrawn, time = time_text(l, *at), reason = reason.as_str());
                view! { <p class="warn-text">{words}</p> }.into_any()
            }
            None => view! {
                <p class="said">{content.body.clone()}</p>
                <p class="small muted hash">
                    {td_string!(l, channel.content_digest)}" "{content.fingerprint()}
                </p>
                <p class="actions">
                    <a class="button" href=file.clone() rel="external">{td_string!(l, channel.content_file)}</a>
                    <a class="button" href=format!("{file}.json") rel="external">
                        {td_string!(l, channel.content_json)}
                    </a>
                </p>
            }
            .into_any(),
        };
        view! {
            <li class="stack-tight">
                <h3>{td_string!(l, channel.content_title, n = content.number, title = content.title.as_str())}</h3>
                {state}
            </li>
        }
    });
    view! {
        <section class="card">
            <h2>{td_string!(l, channel.contents)}</h2>
            {none}
            <ol class="entries">{items.collect_view()}</ol>
            <p><a class="button" href=format!("/channels/{id}/check")>{td_string!(l, channel.check)}</a></p>
        </section>
    }
    .into_any()
}

fn orders(l: Locale, counted: &Counts) -> AnyView {
    view! {
        <section class="card">
            <h2>{td_string!(l, channel.counts)}</h2>
            <dl class="facts">
                <div>
                    <dt>{td_string!(l, channel.count_asked)}</dt>
                    <dd>{counted.asked()}</dd>
                </div>
                <div>
                    <dt>{td_string!(l, channel.count_agreed)}</dt>
                    <dd>{counted.agreed}</dd>
                </div>
                <div data-count="beyond">
                    <dt>{td_string!(l, channel.count_beyond)}</dt>
                    <dd>{counted.beyond_scope()}</dd>
                </div>
            </dl>
        </section>
    }
    .into_any()
}

fn history(l: Locale, channel: &Channel) -> AnyView {
    let approved = channel.versions.iter().filter(|version| version.is_approved());
    let items = approved.map(|version| {
        let at = version.decision.as_ref().map(|decision| time_text(l, decision.at)).unwrap_or_default();
        let stop = version.stop.as_ref().map(|stop| {
            let (time, reason) = (time_text(l, stop.at), stop.reason.as_str());
            let words = match stop.why {
                Why::Replaced => td_string!(l, channel.history_replaced, time = time),
                Why::Suspended => td_string!(l, channel.history_suspended, time = time, reason = reason),
                Why::Ended => td_string!(l, channel.history_ended, time = time, reason = reason),
            };
            view! { <p>{words}</p> }
        });
        let tariffs = version.terms.scheme_ids.iter().map(ToString::to_string).collect::<Vec<_>>();
        view! {
            <li class="stack-tight">
                <p class="strong">{td_string!(l, channel.history_item, n = version.version, from = at)}</p>
                <p class="small muted">
                    {days_text(l, &version.terms)}" · "{region_names(l, &version.terms.regions)}" · "
                    {tariffs.join(td_string!(l, channel.region_comma))}
                </p>
                {stop}
            </li>
        }
    });
    view! {
        <section class="card">
            <h2>{td_string!(l, channel.history)}</h2>
            <ol class="entries">{items.collect_view()}</ol>
        </section>
    }
    .into_any()
}
