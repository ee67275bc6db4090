//! `/me`: what this month costs, what is left, what will be charged next, and what waits for an answer.

mod money;

use charging::bill::store::current_month_estimate;
use charging::clock::Month;
use charging::subscriber::store::find;
use charging::usage::store::{CapOverview, month_overview};
use leptos::prelude::*;
use leptos_meta::Title;

use super::cap::cap_line;
use super::meters::left_card;
use super::parts::masked;
use crate::components::{PageError, page};
use crate::i18n::{Locale, td_string};
use crate::request::{locale, signed_in};
use crate::state::AppState;

/// `/me`.
#[component]
pub fn OverviewPage() -> impl IntoView {
    page(|| async {
        let (l, state) = (locale(), AppState::current());
        let now = state.clock.now();
        let subscriber_id = signed_in().await.ok_or(PageError::SignedOut)?;
        let mut db = state.pool.acquire().await?;
        let subscriber = find(&mut db, subscriber_id).await?.ok_or(PageError::SignedOut)?;
        let estimate = current_month_estimate(&mut db, subscriber_id, now).await?;
        let month = month_overview(&mut db, subscriber_id, Month::of(now), now).await?;
        let greeting = td_string!(l, me.ov_greeting, name = subscriber.name);
        Ok(view! {
            <Title text=td_string!(l, me.tab_overview) />
            <header class="row spread hello">
                <h1>{greeting}</h1>
                <span class="muted">{masked(subscriber.msisdn.as_str())}</span>
            </header>
            <div class="me-cards">
                <div class="me-column">
                    {money::money_card(l, &estimate)}
                    {left_card(l, &month.allowances)}
                    {cap_card(l, month.cap)}
                </div>
                {money::next_card(l, &estimate, &[])}
            </div>
        })
    })
}

fn cap_card(l: Locale, cap: CapOverview) -> impl IntoView {
    view! {
        <section class="card" aria-labelledby="cap">
            <div class="meter-head">
                <h2 id="cap">{td_string!(l, me.ov_cap)}</h2>
                <a href="/me/cap">{td_string!(l, me.ov_cap_change)}</a>
            </div>
            {cap_line(l, cap.cap, cap.charged)}
        </section>
    }
}
