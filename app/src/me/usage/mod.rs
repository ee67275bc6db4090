//! `/me/usage`: what is included, used and left, what went beyond, day by day, and every record.

mod chart;
mod filter;
mod records;

use charging::clock::Month;
use charging::money::round_to_fen;
use charging::quantity::Service;
use charging::usage::store as usage;
use charging::usage::store::{CapOverview, MonthOverview, ServiceOverview};
use leptos::prelude::*;
use leptos_meta::Title;
use rust_decimal::Decimal;

use self::filter::Filter;
use super::cap::cap_line;
use super::meters::allowance_row;
use crate::components::{PageError, Yuan, month_text, page, quantity_text, service_text};
use crate::i18n::{Locale, td_string};
use crate::request::{locale, signed_in};
use crate::state::AppState;

/// `/me/usage`.
#[component]
pub fn UsagePage() -> impl IntoView {
    page(|| async {
        let (l, state) = (locale(), AppState::current());
        let now = state.clock.now();
        let present = Month::of(now);
        let filter = Filter::of_query(present);
        let subscriber_id = signed_in().await.ok_or(PageError::SignedOut)?;
        let mut db = state.pool.acquire().await?;
        let overview = usage::month_overview(&mut db, subscriber_id, filter.month, now).await?;
        let days = usage::daily(&mut db, subscriber_id, filter.month).await?;
        let (month, service) = (filter.month, filter.service);
        let list = usage::records(&mut db, subscriber_id, month, service, filter.page, records::PAGE_SIZE).await?;
        Ok(view! {
            <Title text=td_string!(l, me.us_title) />
            <div class="row spread">
                <h1>{td_string!(l, me.us_title)}</h1>
                {filter::month_form(l, filter, present)}
            </div>
            <div class="me-cards">
                {allowances_card(l, &overview)}
                {beyond_card(l, &overview, present)}
            </div>
            {chart::daily_card(l, filter, &days, now)}
            {records::record_list(l, filter, list)}
        })
    })
}

fn allowances_card(l: Locale, overview: &MonthOverview) -> AnyView {
    let month = overview.month;
    let groups = Service::ALL
        .into_iter()
        .filter(|service| overview.allowances.iter().any(|a| a.service == *service))
        .map(|service| {
            let rows = overview
                .allowances
                .iter()
                .filter(|a| a.service == service)
                .map(|a| allowance_row(l, a, month, true))
                .collect_view();
            view! {
                <div class="stack-tight">
                    <h3>{service_text(l, service)}</h3>
                    <ul class="allowances">{rows}</ul>
                </div>
            }
        })
        .collect_view();
    let none = overview.allowances.is_empty().then(|| {
        view! { <p class="muted">{td_string!(l, me.us_no_allowances, month = month_text(l, month))}</p> }
    });
    view! {
        <section class="card" aria-labelledby="allowances">
            <h2 id="allowances">{td_string!(l, me.us_allowances)}</h2>
            {none}
            {groups}
        </section>
    }
    .into_any()
}

fn beyond_card(l: Locale, overview: &MonthOverview, present: Month) -> AnyView {
    let month = month_text(l, overview.month);
    let rows = overview.services.iter().filter(|s| s.overage > 0 || s.absorbed > 0).map(|s| beyond_row(l, s));
    let rows: Vec<_> = rows.collect();
    let none = rows.is_empty().then(|| {
        view! { <p class="muted">{td_string!(l, me.us_overage_none, month = month)}</p> }
    });
    let bill = (overview.month < present).then(|| {
        let href = format!("/me/bills/{}", overview.month);
        view! { <p><a href=href>{td_string!(l, me.us_see_bill)}</a></p> }
    });
    view! {
        <section class="card" aria-labelledby="beyond">
            <h2 id="beyond">{td_string!(l, me.us_overage)}</h2>
            {none}
            <ul class="rows">{rows}</ul>
            {cap_part(l, &overview.cap, overview.month == present)}
            {bill}
        </section>
    }
    .into_any()
}

fn beyond_row(l: Locale, s: &ServiceOverview) -> impl IntoView + use<> {
    let beyond = quantity_text(l, s.service, s.overage.saturating_add(s.absorbed));
    let absorbed = (s.absorbed > 0).then(|| {
        let volume = quantity_text(l, s.service, s.absorbed);
        view! { <br /><span class="when">{td_string!(l, me.us_overage_absorbed, volume = volume)}</span> }
    });
    view! {
        <li>
            <span class="what">
                {td_string!(l, me.us_beyond_of, service = service_text(l, s.service), volume = beyond)}
                {absorbed}
            </span>
            <span class="side"><Yuan amount=round_to_fen(s.cost) /></span>
        </li>
    }
}

fn cap_part(l: Locale, cap: &CapOverview, is_present: bool) -> impl IntoView + use<> {
    let until_stop = match (is_present, cap.has_data_price, cap.bytes_left) {
        (true, false, _) => Some(td_string!(l, me.us_no_data_price).to_owned()),
        (true, true, Some(bytes)) if bytes > 0 && cap.cap > Decimal::ZERO => {
            Some(td_string!(l, me.us_until_stop, volume = quantity_text(l, Service::Data, bytes)))
        }
        _ => None,
    };
    view! {
        <div class="stack-tight">
            <div class="meter-head">
                <h3>{td_string!(l, me.cap_title)}</h3>
                {is_present.then(|| view! { <a href="/me/cap">{td_string!(l, me.ov_cap_change)}</a> })}
            </div>
            {cap_line(l, cap.cap, cap.charged)}
            {until_stop.map(|text| view! { <p class="small muted">{text}</p> })}
        </div>
    }
}
