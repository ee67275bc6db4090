//! `/me/addons`: every service with its price, use, next charge and proof, and the one click that stops it.

mod service;
mod stop;

use std::collections::BTreeMap;

use charging::bill::NextCharge;
use charging::bill::store::current_month_estimate;
use charging::clock::{Month, local_date};
use charging::order::ending::{CancelPreview, cancel_preview};
use charging::order::view::{ActiveService, EndedService, active, ended};
use charging::usage::store::{AllowanceOverview, month_overview};
use chrono::{DateTime, Utc};
use leptos::prelude::*;
use leptos_meta::Title;
use sqlx::PgConnection;

use self::service::service_card;
use super::parts::{Tone, banner, query};
use crate::components::{PageError, PageResult, day_text, page};
use crate::i18n::{Locale, td_string};
use crate::request::{locale, signed_in};
use crate::state::AppState;

/// A service with everything that the page tells of it.
struct Shown {
    service: ActiveService,
    /// What stopping it now would mean; `None`: its end is decided.
    stop: Option<CancelPreview>,
    next: Vec<NextCharge>,
    allowances: Vec<AllowanceOverview>,
}

/// `/me/addons`.
#[component]
pub fn AddonsPage() -> impl IntoView {
    page(|| async {
        let (l, state) = (locale(), AppState::current());
        let (ok, problem, order) = (query("ok"), query("problem"), query("order"));
        let about = query("service").and_then(|id| id.parse::<i64>().ok());
        let now = state.clock.now();
        let subscriber_id = signed_in().await.ok_or(PageError::SignedOut)?;
        let mut db = state.pool.acquire().await?;
        let shown = services(&mut db, subscriber_id, now).await?;
        let ended = ended(&mut db, subscriber_id, now).await?;
        let done = ok.and_then(|code| done(l, &code, order, about, &shown, &ended));
        let (plans, others): (Vec<_>, Vec<_>) = shown.into_iter().partition(|shown| shown.service.is_plan);
        let (no_plan, no_addon) = (plans.is_empty(), others.is_empty());
        let month = Month::of(now);
        let plan_link = if no_plan { td_string!(l, me.ad_pick_plan) } else { td_string!(l, me.ad_change_plan) };
        let card = move |shown: Shown| service_card(l, shown, month, now);
        Ok(view! {
            <Title text=td_string!(l, me.ad_title) />
            <h1>{td_string!(l, me.ad_title)}</h1>
            {done.map(|text| banner(Tone::Good, text))}
            {problem.and_then(|code| problem_text(l, &code)).map(|text| banner(Tone::Warn, text))}
            <section class="stack" aria-labelledby="plan">
                <div class="row spread section-head">
                    <h2 id="plan">{td_string!(l, me.ad_plan)}</h2>
                    <a class="button" href="/me/plans">{plan_link}</a>
                </div>
                {no_plan.then(|| view! { <p class="card muted">{td_string!(l, me.ad_no_plan)}</p> })}
                {plans.into_iter().map(card).collect_view()}
            </section>
            <section class="stack" aria-labelledby="addons">
                <div class="row spread section-head">
                    <h2 id="addons">{td_string!(l, me.ad_addons)}</h2>
                    <a class="button" href="/tariffs?operator=mingbai&kind=addon&sort=price_asc">
                        {td_string!(l, me.ad_order_more)}
                    </a>
                </div>
                {no_addon.then(|| view! { <p class="card muted">{td_string!(l, me.ad_no_addons)}</p> })}
                {others.into_iter().map(card).collect_view()}
            </section>
            {ended_list(l, ended)}
        })
    })
}

async fn services(conn: &mut PgConnection, subscriber_id: i64, now: DateTime<Utc>) -> PageResult<Vec<Shown>> {
    let active = active(conn, subscriber_id, now).await?;
    let overview = month_overview(conn, subscriber_id, Month::of(now), now).await?;
    let estimate = current_month_estimate(conn, subscriber_id, now).await?;
    let mut next: BTreeMap<i64, Vec<NextCharge>> = BTreeMap::new();
    for charge in estimate.next {
        next.entry(charge.subscription_id).or_default().push(charge);
    }
    let mut allowances: BTreeMap<i64, Vec<AllowanceOverview>> = BTreeMap::new();
    for allowance in overview.allowances {
        allowances.entry(allowance.subscription_id).or_default().push(allowance);
    }
    let mut shown = Vec::with_capacity(active.len());
    for service in active {
        let id = service.subscription_id;
        let stop = if service.can_cancel { Some(cancel_preview(conn, subscriber_id, id, now).await?) } else { None };
        shown.push(Shown {
            service,
            stop,
            next: next.remove(&id).unwrap_or_default(),
            allowances: allowances.remove(&id).unwrap_or_default(),
        });
    }
    Ok(shown)
}

/// What was just done; `about` is the subscription it was done to.
fn done(
    l: Locale,
    code: &str,
    order: Option<String>,
    about: Option<i64>,
    shown: &[Shown],
    ended: &[EndedService],
) -> Option<AnyView> {
    let still = shown.iter().find(|shown| Some(shown.service.subscription_id) == about);
    let name = still.map(|shown| shown.service.tariff.content.name.clone());
    match code {
        "ordered" => {
            let order_id: i64 = order?.parse().ok()?;
            let href = format!("/me/agreements/{order_id}");
            let link = view! { <a href=href>{td_string!(l, me.ad_ok_ordered_link)}</a> };
            Some(view! { {td_string!(l, me.ad_ok_ordered)} " " {link} }.into_any())
        }
        "refused" => Some(td_string!(l, me.ad_ok_refused).into_any()),
        "stopped" => {
            let text = if let Some(end) = still.and_then(|shown| shown.service.ends_at) {
                td_string!(l, me.ad_ok_ending, name = name?, day = day_text(l, last_day(end)))
            } else {
                let ended = ended.iter().find(|ended| Some(ended.subscription_id) == about)?;
                td_string!(l, me.ad_ok_stopped, name = ended.name.clone())
            };
            Some(text.into_any())
        }
        "undone" => Some(td_string!(l, me.ad_ok_undone, name = name?).into_any()),
        _ => None,
    }
}

/// The last day on which something runs that ends at an instant.
pub fn last_day(end: DateTime<Utc>) -> chrono::NaiveDate {
    local_date(end - chrono::TimeDelta::microseconds(1))
}

fn problem_text(l: Locale, code: &str) -> Option<&'static str> {
    Some(match code {
        "ended" => td_string!(l, me.ad_problem_ended),
        "waiting" => td_string!(l, me.ad_problem_plan),
        "again" => td_string!(l, me.ad_problem_again),
        "penalty" => td_string!(l, me.ad_problem_penalty),
        "undo_penalty" => td_string!(l, me.ad_problem_undo_penalty),
        "failed" => td_string!(l, me.problem_failed),
        _ => return None,
    })
}

fn ended_list(l: Locale, ended: Vec<EndedService>) -> Option<impl IntoView> {
    if ended.is_empty() {
        return None;
    }
    let count = ended.len();
    let rows = ended
        .into_iter()
        .map(|service| {
            let period = if service.ends_at == service.starts_at {
                td_string!(l, me.ad_ended_before_start, day = day_text(l, local_date(service.starts_at)))
            } else {
                let (from, until) =
                    (day_text(l, local_date(service.starts_at)), day_text(l, last_day(service.ends_at)));
                td_string!(l, me.ad_ended_period, from = from, until = until)
            };
            view! {
                <li>
                    <span class="what">{service.name} <br /> <span class="when">{period}</span></span>
                    <span class="side">
                        <a href=format!("/me/agreements/{}", service.order_id)>{td_string!(l, me.ad_agreement)}</a>
                    </span>
                </li>
            }
        })
        .collect_view();
    Some(view! {
        <details class="card">
            <summary>{td_string!(l, me.ad_ended, n = count)}</summary>
            <ul class="rows">{rows}</ul>
        </details>
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ends_at_midnight_runs_to_the_day_before() {
        let end = Month::of("2026-10-15T00:00:00Z".parse().unwrap()).end();
        assert_eq!(last_day(end).to_string(), "2026-10-31");
    }
}
