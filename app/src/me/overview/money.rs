//! What the month costs, and every charge to come.

use charging::bill::{Estimate, NextCharge};
use charging::ledger::ChargeKind;
use charging::money::round_to_fen;
use chrono::NaiveDate;
use leptos::prelude::*;
use rust_decimal::Decimal;

use crate::components::{Yuan, month_name, short_day_text};
use crate::i18n::{Locale, td_string};
use crate::me::parts::fen;

/// What is charged on one day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChargeDay {
    pub on: NaiveDate,
    /// Yuan, the sum of what stands on the page: each amount rounded to the fen.
    pub total: Decimal,
    /// Yuan of usage beyond the allowances so far, when it is charged that day.
    pub usage: Decimal,
    pub charges: Vec<NextCharge>,
}

/// Usage so far and what is to come, a day each, the soonest first.
pub fn charge_days(estimate: &Estimate) -> Vec<ChargeDay> {
    let mut days: Vec<ChargeDay> = Vec::new();
    let mut at = |on: NaiveDate| {
        days.iter().position(|day| day.on == on).unwrap_or_else(|| {
            days.push(ChargeDay { on, total: Decimal::ZERO, usage: Decimal::ZERO, charges: Vec::new() });
            days.len() - 1
        })
    };
    let usage = used_so_far(estimate);
    let first = (usage > Decimal::ZERO).then(|| at(estimate.month.next().first_day()));
    let places: Vec<usize> = estimate.next.iter().map(|charge| at(charge.on)).collect();
    if let Some(index) = first {
        days[index].usage = usage;
        days[index].total += usage;
    }
    for (charge, index) in estimate.next.iter().zip(places) {
        days[index].total += round_to_fen(charge.amount);
        days[index].charges.push(charge.clone());
    }
    days.sort_by_key(|day| day.on);
    days
}

/// Yuan of usage this month, as it will stand on the bill: each kind rounded to the fen.
pub fn used_so_far(estimate: &Estimate) -> Decimal {
    estimate.charged.iter().map(|(_, amount)| round_to_fen(*amount)).sum()
}

/// Yuan of fees for this month, as they will stand on the bill.
fn fees(estimate: &Estimate) -> Decimal {
    let this_month = estimate.next.iter().filter(|charge| charge.month == estimate.month);
    this_month.map(|charge| round_to_fen(charge.amount)).sum()
}

/// So far, and in all, with the reasons one tap away.
pub fn money_card(l: Locale, estimate: &Estimate) -> AnyView {
    let so_far = used_so_far(estimate);
    let fees = fees(estimate);
    let month = month_name(l, estimate.month);
    let why = format!("/me/bills/{}", estimate.month);
    view! {
        <section class="card">
            <dl class="figures">
                <div>
                    <dt>{td_string!(l, me.ov_so_far)}</dt>
                    <dd><Yuan amount=so_far /></dd>
                    <dd class="note">{td_string!(l, me.ov_so_far_hint)}</dd>
                </div>
                <div>
                    <dt>{td_string!(l, me.ov_whole, month = month)}</dt>
                    <dd><Yuan amount=so_far + fees /></dd>
                    <dd class="note">
                        {td_string!(l, me.ov_whole_hint, fees = fen(fees))}
                        " "
                        <a href=why>{td_string!(l, me.ov_why_total)}</a>
                    </dd>
                </div>
            </dl>
        </section>
    }
    .into_any()
}

/// 每一笔将要扣的费: a day, its charges, and the stop beside each. `ending`: subscriptions that stop already.
pub fn next_card(l: Locale, estimate: &Estimate, ending: &[i64]) -> AnyView {
    let days = charge_days(estimate);
    let none = days.is_empty();
    let month = month_name(l, estimate.month);
    let sections = days.into_iter().map(|day| day_section(l, day, &month, ending)).collect_view();
    view! {
        <section class="card" aria-labelledby="next">
            <h2 id="next">{td_string!(l, me.ov_next)}</h2>
            {none.then(|| view! { <p class="muted">{td_string!(l, me.ov_next_none)}</p> })}
            {sections}
        </section>
    }
    .into_any()
}

fn day_section(l: Locale, day: ChargeDay, month: &str, ending: &[i64]) -> impl IntoView + use<> {
    let usage = (day.usage > Decimal::ZERO).then(|| {
        let month = month.to_owned();
        view! {
            <li>
                <span class="what">
                    <a href="/me/usage#beyond">{td_string!(l, me.ov_next_usage, month = month)}</a>
                </span>
                <span class="side">
                    <Yuan amount=day.usage />
                    <a class="button" href="/me/cap">{td_string!(l, me.ov_cap_change)}</a>
                </span>
            </li>
        }
    });
    let rows = day
        .charges
        .into_iter()
        .map(|charge| {
            let stopping = ending.contains(&charge.subscription_id);
            charge_row(l, charge, stopping)
        })
        .collect_view();
    view! {
        <div>
            <h3 class="day-head">
                <span>{short_day_text(l, day.on)}</span>
                <Yuan amount=day.total />
            </h3>
            <ul class="rows">{usage}{rows}</ul>
        </div>
    }
}

fn charge_row(l: Locale, charge: NextCharge, stopping: bool) -> impl IntoView {
    let service = format!("/me/addons#s{}", charge.subscription_id);
    let what = match charge.kind {
        ChargeKind::OneOff => td_string!(l, me.ov_next_one_off).to_owned(),
        ChargeKind::Penalty => td_string!(l, me.ov_next_penalty).to_owned(),
        _ => td_string!(l, me.ov_next_recurring, month = month_name(l, charge.month)),
    };
    let label = td_string!(l, me.ov_stop_label, name = charge.tariff_name.clone());
    view! {
        <li>
            <span class="what">
                <a href=service.clone()>{charge.tariff_name}</a>
                <br />
                <span class="when">{what}</span>
            </span>
            <span class="side">
                <Yuan amount=round_to_fen(charge.amount) />
                {if stopping {
                    view! { <a class="button" href=service>{td_string!(l, me.ov_stopping)}</a> }.into_any()
                } else {
                    view! { <a class="button" href=service aria-label=label>{td_string!(l, me.ov_stop)}</a> }.into_any()
                }}
            </span>
        </li>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn charge(subscription_id: i64, month: &str, amount: &str) -> NextCharge {
        let month: charging::clock::Month = month.parse().unwrap();
        NextCharge {
            subscription_id,
            scheme_id: "26MB900001".parse().unwrap(),
            version: 1,
            tariff_name: String::new(),
            kind: ChargeKind::Recurring,
            month,
            on: month.next().first_day(),
            amount: amount.parse().unwrap(),
            arithmetic: None,
        }
    }

    #[test]
    fn what_is_charged_on_a_day_adds_up_as_it_stands_there() {
        let estimate = Estimate {
            month: "2026-10".parse().unwrap(),
            charged: vec![(ChargeKind::DataOverage, "0.035".parse().unwrap())],
            next: vec![charge(1, "2026-10", "31.935484"), charge(2, "2026-11", "9"), charge(3, "2026-10", "1")],
            total: "32.970484".parse().unwrap(),
        };
        let days = charge_days(&estimate);
        assert_eq!(days.len(), 2);
        assert_eq!((days[0].on.to_string().as_str(), days[0].total.to_string().as_str()), ("2026-11-01", "32.98"));
        assert_eq!((days[0].usage.to_string().as_str(), days[0].charges.len()), ("0.04", 2));
        assert_eq!((days[1].on.to_string().as_str(), days[1].charges.len()), ("2026-12-01", 1));
        let nothing = Estimate { charged: vec![], next: vec![], total: Decimal::ZERO, ..estimate };
        assert!(charge_days(&nothing).is_empty());
    }
}
