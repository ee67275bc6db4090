//! `/me`: what this month costs, what is left, what will be charged next, and what waits for an answer.

mod answers;
mod money;

use charging::bill::store::current_month_estimate;
use charging::clock::Month;
use charging::consent::request::newest_open;
use charging::family::view::family;
use charging::order::view::active;
use charging::subscriber::store::find;
use charging::usage::store::{CapOverview, month_overview};
use leptos::prelude::*;
use leptos_meta::Title;

use super::addons::last_day;
use super::cap::cap_line;
use super::confirm::problem_text;
use super::meters::left_card;
use super::parts::{banner, masked, query};
use crate::components::{PageError, page};
use crate::i18n::{Locale, td_string};
use crate::request::{locale, signed_in};
use crate::state::AppState;

/// `/me`.
#[component]
pub fn OverviewPage() -> impl IntoView {
    page(|| async {
        let (l, state) = (locale(), AppState::current());
        let problem = query("problem");
        let now = state.clock.now();
        let subscriber_id = signed_in().await.ok_or(PageError::SignedOut)?;
        let mut db = state.pool.acquire().await?;
        let subscriber = find(&mut db, subscriber_id).await?.ok_or(PageError::SignedOut)?;
        let estimate = current_month_estimate(&mut db, subscriber_id, now).await?;
        let month = month_overview(&mut db, subscriber_id, Month::of(now), now).await?;
        let services = active(&mut db, subscriber_id, now).await?;
        let request = newest_open(&mut db, subscriber_id).await?;
        let question = answers::open_question(&mut db, l, request, now).await?;
        let invited = family(&mut db, subscriber_id, now).await?.received;
        let ending: Vec<i64> = services
            .iter()
            .filter(|service| service.ends_at.is_some())
            .map(|service| service.subscription_id)
            .collect();
        let no_plan = !services.iter().any(|service| service.is_plan);
        let greeting = td_string!(l, me.ov_greeting, name = subscriber.name);
        Ok(view! {
            <Title text=td_string!(l, me.tab_overview) />
            {problem.and_then(|code| problem_text(l, &code)).map(|(tone, text)| banner(tone, text))}
            {question.map(|question| answers::question_banner(l, question))}
            {invited.into_iter().map(|invitation| answers::invitation_banner(l, &invitation.msisdn)).collect_view()}
            {answers::ending_banner(l, &services)}
            <header class="row spread hello">
                <h1>{greeting}</h1>
                <span class="muted">{masked(subscriber.msisdn.as_str())}</span>
            </header>
            <div class="me-cards">
                <div class="me-column">
                    {no_plan.then(|| new_card(l))}
                    {money::money_card(l, &estimate)}
                    {(!no_plan || !month.allowances.is_empty())
                        .then(|| left_card(l, &month.allowances, (!no_plan).then(|| cap_part(l, month.cap))))}
                </div>
                {money::next_card(l, &estimate, &ending)}
            </div>
        })
    })
}

/// For a subscriber without a plan: what that means, and what to do.
fn new_card(l: Locale) -> impl IntoView {
    view! {
        <section class="card" aria-labelledby="new">
            <h2 id="new">{td_string!(l, me.ov_new_title)}</h2>
            <p>{td_string!(l, me.ov_new_text)}</p>
            <p><a class="button" href="/tariffs?operator=mingbai&kind=plan&sort=price_asc">{td_string!(l, me.ov_new_button)}</a></p>
        </section>
    }
}

fn cap_part(l: Locale, cap: CapOverview) -> impl IntoView {
    view! {
        <div class="cap-part">
            <div class="meter-head">
                <h2 class="label">{td_string!(l, me.ov_cap)}</h2>
                <a href="/me/cap">{td_string!(l, me.ov_cap_change)}</a>
            </div>
            {cap_line(l, cap.cap, cap.charged)}
        </div>
    }
}
