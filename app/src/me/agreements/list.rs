use charging::clock::local_date;
use charging::order::view::{AgreementSummary, agreements};
use chrono::{DateTime, Utc};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

use crate::components::{PageError, Pager, day_text, page, time_text};
use crate::i18n::{Locale, td_string};
use crate::me::proof::{channel_text, method_text, price_text};
use crate::request::{locale, signed_in};
use crate::state::AppState;

/// Orders on one page.
const PAGE: u8 = 10;

/// `/me/agreements`: the orders of 24 months, the newest first.
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
            let found = agreements(&mut db, subscriber_id, now, at_page - 1, PAGE).await?;
            let pages = u32::try_from(found.total.unsigned_abs().div_ceil(PAGE.into())).unwrap_or(u32::MAX);
            let entries = found.agreements.iter().map(|agreement| entry(l, agreement, now)).collect_view();
            Ok(view! {
                <Title text=td_string!(l, agreement.title) />
                <header class="stack-tight">
                    <h1>{td_string!(l, agreement.title)}</h1>
                    <p class="muted">{td_string!(l, agreement.lead)}</p>
                </header>
                {if found.agreements.is_empty() {
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

fn entry(l: Locale, agreement: &AgreementSummary, now: DateTime<Utc>) -> AnyView {
    let (class, state) = state_text(l, agreement, now);
    let time = time_text(l, agreement.ordered_at);
    let channel = channel_text(l, &agreement.agreed.channel_id);
    let ordered = td_string!(l, agreement.ordered, time = time.as_str(), channel = channel);
    let agreed = td_string!(l, agreement.agreed_by, method = method_text(l, agreement.agreed.method));
    let open = td_string!(l, agreement.open_label, name = agreement.name.as_str(), time = time.as_str());
    view! {
        <li>
            <div class="row spread">
                <h2 class="entry-name">{agreement.name.clone()}</h2>
                <span class=class>{state}</span>
            </div>
            <p>{price_text(l, agreement.recurring_price, agreement.one_off_price)}</p>
            <p class="small muted">{ordered}</p>
            <p class="small muted">{agreed}</p>
            <a class="why" href=format!("/me/agreements/{}", agreement.order_id) aria-label=open>
                {td_string!(l, agreement.open)}
            </a>
        </li>
    }
    .into_any()
}

/// What has become of an order, and how its tag looks.
fn state_text(l: Locale, agreement: &AgreementSummary, now: DateTime<Utc>) -> (&'static str, String) {
    let date = |at: DateTime<Utc>| day_text(l, local_date(at));
    match (agreement.starts_at, agreement.ends_at) {
        (None, _) => ("tag", td_string!(l, agreement.state_none).to_owned()),
        (Some(start), Some(end)) if end <= start => ("tag", td_string!(l, agreement.state_never).to_owned()),
        (Some(_), Some(end)) if end <= now => ("tag", td_string!(l, agreement.state_ended, date = date(end))),
        (Some(_), Some(end)) => ("tag warn", td_string!(l, agreement.state_ending, date = date(end))),
        (Some(start), None) if start > now => ("tag on", td_string!(l, agreement.state_waiting, date = date(start))),
        (Some(_), None) => ("tag on", td_string!(l, agreement.state_active).to_owned()),
    }
}
