use charging::clock::local_date;
use charging::order::history::{Asked, Closed, Entry, What, history};
use charging::order::view::Agreed;
use chrono::{DateTime, Utc};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

use crate::components::{PageError, Pager, day_text, page, time_text};
use crate::i18n::{Locale, td_string};
use crate::me::parts::fen;
use crate::me::proof::{by_text, channel_text, method_text, price_text};
use crate::request::{locale, signed_in};
use crate::state::AppState;

/// Entries on one page.
const PAGE: u8 = 10;

/// `/me/agreements`: what was ordered, refused or left unanswered in 24 months, and each choice of cap, the newest first.
#[component]
pub fn AgreementsPage() -> impl IntoView {
    let query = use_query_map();
    page(move || {
        let at_page: u32 = query.read_untracked().get("page").and_then(|page| page.parse().ok()).unwrap_or(1).max(1);
        async move {
            let (state, l) = (AppState::current(), locale());
            let subscriber_id = signed_in().await.ok_or(PageError::SignedOut)?;
            let now = state.clock.now();
            let mut db = state.pool.acquire().await?;
            let found = history(&mut db, subscriber_id, now, at_page - 1, PAGE).await?;
            let pages = u32::try_from(found.total.unsigned_abs().div_ceil(PAGE.into())).unwrap_or(u32::MAX);
            let entries = found.entries.iter().map(|one| entry(l, one, now)).collect_view();
            Ok(view! {
                <Title text=td_string!(l, agreement.title) />
                <header class="stack-tight">
                    <h1>{td_string!(l, agreement.title)}</h1>
                    <p class="muted">{td_string!(l, agreement.lead)}</p>
                </header>
                {if found.entries.is_empty() {
                    view! {
                        <section class="card empty">
                            <h2>{td_string!(l, agreement.empty_title)}</h2>
                            <p>{td_string!(l, agreement.empty_text)}</p>
                        </section>
                    }
                        .into_any()
                } else {
                    view! {
                        <ol class="card entries">{entries}</ol>
                        <Pager page=at_page pages base="/me/agreements?page=" />
                    }
                        .into_any()
                }}
                <p><a class="button" href="/me/notices">{td_string!(l, agreement.notices_link)}</a></p>
            })
        }
    })
}

fn entry(l: Locale, entry: &Entry, now: DateTime<Utc>) -> AnyView {
    let (class, state) = state_text(l, &entry.what, now);
    let time = time_text(l, entry.at);
    let name = name_text(l, &entry.what);
    let by = by_text(l, &entry.actor, Some(&entry.channel_id));
    let step = match &entry.what {
        What::Order { .. } => td_string!(l, agreement.ordered, time = time.as_str(), by = by),
        What::Cap { .. } => td_string!(l, agreement.cap_chosen, time = time.as_str(), by = by),
        What::Family { .. } => td_string!(l, family.joined_by, time = time.as_str(), by = by),
        What::Unanswered { .. } => td_string!(l, agreement.asked_on, time = time.as_str(), by = by),
    };
    let proof = entry.what.agreement().map(|id| {
        let open = td_string!(l, agreement.open_label, name = name.as_str(), time = time.as_str());
        view! { <a class="why" href=format!("/me/agreements/{id}") aria-label=open>{td_string!(l, agreement.open)}</a> }
    });
    view! {
        <li>
            <div class="row spread">
                <h2 class="entry-name">{name}</h2>
                <span class=class>{state}</span>
            </div>
            {price(l, &entry.what).map(|text| view! { <p>{text}</p> })}
            <p class="small muted">{step}</p>
            {answer(l, &entry.what).map(|text| view! { <p class="small muted">{text}</p> })}
            {proof}
        </li>
    }
    .into_any()
}

fn name_text(l: Locale, what: &What) -> String {
    match what {
        What::Order { name, .. } | What::Unanswered { about: Asked::Order { name, .. }, .. } => name.clone(),
        What::Cap { cap, .. } | What::Unanswered { about: Asked::Cap { cap }, .. } => {
            td_string!(l, agreement.cap_name, cap = fen(*cap))
        }
        What::Family { holder, .. } | What::Unanswered { about: Asked::Family { holder }, .. } => {
            td_string!(l, family.name, msisdn = holder.as_str())
        }
    }
}

fn price(l: Locale, what: &What) -> Option<String> {
    match what {
        What::Order { recurring_price, one_off_price, .. }
        | What::Unanswered { about: Asked::Order { recurring_price, one_off_price, .. }, .. } => {
            Some(price_text(l, *recurring_price, *one_off_price))
        }
        What::Cap { cap, previous, .. } => {
            Some(td_string!(l, agreement.cap_change, cap = fen(*cap), previous = fen(*previous)))
        }
        What::Family { .. } | What::Unanswered { about: Asked::Cap { .. } | Asked::Family { .. }, .. } => None,
    }
}

/// How it was agreed to, or who closed the question and when.
fn answer(l: Locale, what: &What) -> Option<String> {
    let agreed_by = |agreed: &Agreed| {
        let channel = channel_text(l, &agreed.channel_id);
        td_string!(l, agreement.agreed_by, method = method_text(l, agreed.method), channel = channel)
    };
    match what {
        What::Order { agreed, .. } | What::Family { agreed, .. } => Some(agreed_by(agreed)),
        What::Cap { raised_by, .. } => raised_by.as_ref().map(agreed_by),
        What::Unanswered { outcome, .. } => {
            let time = time_text(l, outcome.at?);
            let by = by_text(l, outcome.actor.as_ref()?, outcome.channel_id.as_deref());
            Some(match outcome.how {
                Closed::Refused => td_string!(l, agreement.refused_on, time = time, by = by),
                Closed::Expired => td_string!(l, agreement.expired_on, time = time, by = by),
                Closed::Superseded => td_string!(l, agreement.superseded_on, time = time, by = by),
            })
        }
    }
}

/// What has become of it, and how its tag looks.
fn state_text(l: Locale, what: &What, now: DateTime<Utc>) -> (&'static str, String) {
    let date = |at: DateTime<Utc>| day_text(l, local_date(at));
    let (starts_at, ends_at) = match what {
        What::Order { starts_at, ends_at, .. } => (*starts_at, *ends_at),
        What::Cap { cap, previous, .. } => {
            let raised = cap > previous;
            let text = if raised { td_string!(l, agreement.cap_raised) } else { td_string!(l, agreement.cap_lowered) };
            return ("tag", text.to_owned());
        }
        What::Family { left_at, .. } => {
            return match left_at {
                Some(at) => ("tag", td_string!(l, agreement.state_ended, date = date(*at))),
                None => ("tag on", td_string!(l, family.state_seen).to_owned()),
            };
        }
        What::Unanswered { outcome, .. } => {
            let text = match outcome.how {
                Closed::Refused => td_string!(l, agreement.state_refused),
                Closed::Expired => td_string!(l, agreement.state_expired),
                Closed::Superseded => td_string!(l, agreement.state_superseded),
            };
            return ("tag", text.to_owned());
        }
    };
    match (starts_at, ends_at) {
        (None, _) => ("tag", td_string!(l, agreement.state_none).to_owned()),
        (Some(start), Some(end)) if end <= start => ("tag", td_string!(l, agreement.state_never).to_owned()),
        (Some(_), Some(end)) if end <= now => ("tag", td_string!(l, agreement.state_ended, date = date(end))),
        (Some(_), Some(end)) => ("tag warn", td_string!(l, agreement.state_ending, date = date(end))),
        (Some(start), None) if start > now => ("tag on", td_string!(l, agreement.state_waiting, date = date(start))),
        (Some(_), None) => ("tag on", td_string!(l, agreement.state_active).to_owned()),
    }
}
