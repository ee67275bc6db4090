//! `/me/notices`: every message that was sent to the subscriber, and what is chosen of them.

mod choices;

use charging::notice::call::{Ending, NOT_TOLD};
use charging::notice::queue::TOO_LATE;
use charging::notice::store::{Notice, for_subscriber};
use charging::subscriber::store::find;
use chrono::{DateTime, Utc};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

use crate::components::{PageError, kind_text, page, time_text};
use crate::i18n::{Locale, td_string};
use crate::request::{locale, signed_in};
use crate::state::AppState;

pub use choices::ChoicesPage;

/// Messages on one page.
const PAGE: u8 = 20;

/// `/me/notices`, the newest first; `?before=ID` is the page of those older than that one.
#[component]
pub fn NoticesPage() -> impl IntoView {
    let query = use_query_map();
    page(move || {
        let before: Option<i64> = query.read_untracked().get("before").and_then(|id| id.parse().ok());
        async move {
            let (state, l) = (AppState::current(), locale());
            let subscriber_id = signed_in().await.ok_or(PageError::SignedOut)?;
            let mut db = state.pool.acquire().await?;
            let subscriber = find(&mut db, subscriber_id).await?.ok_or(PageError::SignedOut)?;
            // One more than is shown tells whether there is an older page.
            let mut notices = for_subscriber(&mut db, subscriber_id, before, PAGE + 1).await?;
            let more = notices.len() > usize::from(PAGE);
            notices.truncate(usize::from(PAGE));
            let older = notices.last().filter(|_| more).map(|last| format!("/me/notices?before={}", last.notice_id));
            Ok(view! {
                <Title text=td_string!(l, notice.title) />
                <header class="stack-tight">
                    <h1>{td_string!(l, notice.title)}</h1>
                    <p class="muted">{td_string!(l, notice.lead, msisdn = subscriber.msisdn.as_str())}</p>
                </header>
                <p class="actions">
                    <a class="button" href="/me/notices/choices">{td_string!(l, notice.to_choices)}</a>
                    <a class="button" href="/notices">{td_string!(l, notice.to_catalogue)}</a>
                </p>
                {if notices.is_empty() {
                    view! { <p class="card empty">{td_string!(l, notice.empty)}</p> }.into_any()
                } else {
                    let entries = notices.into_iter().map(|notice| entry(l, notice)).collect_view();
                    view! { <ol class="card entries">{entries}</ol> }.into_any()
                }}
                <nav class="pager" aria-label=td_string!(l, notice.pages_label)>
                    {before.map(|_| view! { <a class="button" href="/me/notices">{td_string!(l, notice.newer)}</a> })}
                    {older
                        .map(|older| view! { <a class="button" rel="next" href=older>{td_string!(l, notice.older)}</a> })}
                </nav>
            })
        }
    })
}

fn entry(l: Locale, notice: Notice) -> AnyView {
    let (class, state) = if notice.is_call { call_state(l, &notice) } else { sms_state(l, &notice) };
    let call = notice.is_call.then(|| view! { <span class="tag">{td_string!(l, notice.call)}</span> " " });
    view! {
        <li>
            <div class="row spread">
                <h2 class="entry-name">{call} {kind_text(l, &notice.kind)}</h2>
                <span class=class>{state}</span>
            </div>
            <p class="said">{notice.body}</p>
        </li>
    }
    .into_any()
}

/// What became of an SMS, and the class that shows it.
fn sms_state(l: Locale, notice: &Notice) -> (&'static str, String) {
    let error = notice.last_error.as_deref().unwrap_or_default();
    match notice.state.as_str() {
        "sent" => ("small muted", td_string!(l, notice.state_sent, time = at(l, notice, notice.sent_at))),
        "delivered" => ("small muted", td_string!(l, notice.state_delivered, time = at(l, notice, notice.settled_at))),
        "undelivered" if error.starts_with("EXPIRED") => {
            ("tag warn", td_string!(l, notice.state_undelivered_expired).to_owned())
        }
        "undelivered" => ("tag warn", td_string!(l, notice.state_undelivered).to_owned()),
        "given_up" if error == TOO_LATE => ("tag warn", td_string!(l, notice.state_too_late).to_owned()),
        "given_up" => ("tag warn", td_string!(l, notice.state_given_up).to_owned()),
        _ => waiting(l, notice),
    }
}

/// The same of a call.
fn call_state(l: Locale, notice: &Notice) -> (&'static str, String) {
    let ending = notice.last_error.as_deref().and_then(Ending::named);
    match notice.state.as_str() {
        "sent" => ("small muted", td_string!(l, notice.call_sent, time = at(l, notice, notice.sent_at))),
        "delivered" => ("small muted", td_string!(l, notice.call_answered, time = at(l, notice, notice.settled_at))),
        "undelivered" => {
            let why = match ending {
                None if notice.last_error.as_deref() == Some(NOT_TOLD) => td_string!(l, notice.call_not_told),
                Some(Ending::NoAnswer) => td_string!(l, notice.call_no_answer),
                Some(Ending::Busy) => td_string!(l, notice.call_busy),
                Some(Ending::Refused) => td_string!(l, notice.call_refused),
                Some(Ending::Failed | Ending::Answered) | None => td_string!(l, notice.call_failed),
            };
            ("tag warn", why.to_owned())
        }
        "given_up" => ("tag warn", td_string!(l, notice.call_given_up).to_owned()),
        _ => waiting(l, notice),
    }
}

/// What was not sent yet: some messages wait for the morning.
fn waiting(l: Locale, notice: &Notice) -> (&'static str, String) {
    let now = AppState::current().clock.now();
    let text = if notice.due_at > now && notice.last_error.is_none() {
        td_string!(l, notice.state_waits, time = time_text(l, notice.due_at))
    } else if notice.is_call {
        td_string!(l, notice.call_queued).to_owned()
    } else {
        td_string!(l, notice.state_queued).to_owned()
    };
    ("tag", text)
}

fn at(l: Locale, notice: &Notice, at: Option<DateTime<Utc>>) -> String {
    time_text(l, at.unwrap_or(notice.created_at))
}
