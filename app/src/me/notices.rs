//! `/me/notices`: every message that was sent to the subscriber.

use charging::notice::queue::TOO_LATE;
use charging::notice::store::{Notice, for_subscriber};
use charging::subscriber::store::find;
use chrono::{DateTime, Utc};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

use crate::components::{PageError, page, time_text};
use crate::i18n::{Locale, td_string};
use crate::request::{locale, signed_in};
use crate::state::AppState;

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
    let (class, state) = state_text(l, &notice);
    view! {
        <li>
            <div class="row spread">
                <h2 class="entry-name">{kind_text(l, &notice.kind)}</h2>
                <span class=class>{state}</span>
            </div>
            <p class="said">{notice.body}</p>
        </li>
    }
    .into_any()
}

/// What became of a message, and the class that shows it.
fn state_text(l: Locale, notice: &Notice) -> (&'static str, String) {
    let error = notice.last_error.as_deref().unwrap_or_default();
    let at = |at: Option<DateTime<Utc>>| time_text(l, at.unwrap_or(notice.created_at));
    match notice.state.as_str() {
        "sent" => ("small muted", td_string!(l, notice.state_sent, time = at(notice.sent_at))),
        "delivered" => ("small muted", td_string!(l, notice.state_delivered, time = at(notice.settled_at))),
        "undelivered" if error.starts_with("EXPIRED") => {
            ("tag warn", td_string!(l, notice.state_undelivered_expired).to_owned())
        }
        "undelivered" => ("tag warn", td_string!(l, notice.state_undelivered).to_owned()),
        "given_up" if error == TOO_LATE => ("tag warn", td_string!(l, notice.state_too_late).to_owned()),
        "given_up" => ("tag warn", td_string!(l, notice.state_given_up).to_owned()),
        _ => ("tag", td_string!(l, notice.state_queued).to_owned()),
    }
}

fn kind_text(l: Locale, kind: &str) -> &'static str {
    match kind {
        "sign_in_code" => td_string!(l, notice.kind_sign_in_code),
        "order_request" => td_string!(l, notice.kind_order_request),
        "order_success" => td_string!(l, notice.kind_order_success),
        "plan_change" => td_string!(l, notice.kind_plan_change),
        "order_lapsed" => td_string!(l, notice.kind_order_lapsed),
        "order_refused" => td_string!(l, notice.kind_order_refused),
        "cancel_confirmed" => td_string!(l, notice.kind_cancel_confirmed),
        "cancel_undone" => td_string!(l, notice.kind_cancel_undone),
        "cap_request" => td_string!(l, notice.kind_cap_request),
        "cap_changed" => td_string!(l, notice.kind_cap_changed),
        "cap_refused" => td_string!(l, notice.kind_cap_refused),
        "cap_lapsed" => td_string!(l, notice.kind_cap_lapsed),
        "allowance_level" => td_string!(l, notice.kind_allowance_level),
        "cap_state" => td_string!(l, notice.kind_cap_state),
        "high_charge" => td_string!(l, notice.kind_high_charge),
        "bill_ready" => td_string!(l, notice.kind_bill_ready),
        "service_list" => td_string!(l, notice.kind_service_list),
        "not_cancelled" => td_string!(l, notice.kind_not_cancelled),
        "first_charge" => td_string!(l, notice.kind_first_charge),
        "first_charge_made" => td_string!(l, notice.kind_first_charge_made),
        "renewal" => td_string!(l, notice.kind_renewal),
        "my_plan" => td_string!(l, notice.kind_my_plan),
        "my_data" => td_string!(l, notice.kind_my_data),
        "my_bill" => td_string!(l, notice.kind_my_bill),
        "my_cap" => td_string!(l, notice.kind_my_cap),
        "cap_unchanged" => td_string!(l, notice.kind_cap_unchanged),
        "reminders" => td_string!(l, notice.kind_reminders),
        "nothing_asked" => td_string!(l, notice.kind_nothing_asked),
        "help" => td_string!(l, notice.kind_help),
        _ => td_string!(l, notice.kind_other),
    }
}
