use charging::bill::{Estimate, LineKind, NextCharge};
use charging::ledger::ChargeKind;
use charging::money::{plain, round_to_fen};
use leptos::prelude::*;
use leptos_meta::Title;
use rust_decimal::Decimal;

use super::arithmetic::recurring_text;
use super::words::kind_text;
use crate::components::{Yuan, day_text, month_text};
use crate::i18n::{Locale, td_string};
use crate::request::locale;

/// The running month: what was charged until now, what will be charged at its end, and both together.
#[component]
pub fn Preview(estimate: Estimate) -> impl IntoView {
    let l = locale();
    let title = td_string!(l, bill.preview_title, month = month_text(l, estimate.month));
    let closes = day_text(l, estimate.month.next().first_day());
    let due: Vec<&NextCharge> = estimate.next.iter().filter(|charge| charge.month == estimate.month).collect();
    let nothing = estimate.charged.is_empty() && due.is_empty();
    view! {
        <Title text=title.clone() />
        <article class="receipt card">
            <h1>{title}</h1>
            <p class="banner">{td_string!(l, bill.preview_text, date = closes)}</p>
            <table class="lines">
                <caption class="sr">{td_string!(l, bill.item)}</caption>
                <thead>
                    <tr>
                        <th scope="col">{td_string!(l, bill.item)}</th>
                        <th scope="col" class="num">{td_string!(l, bill.amount)}</th>
                    </tr>
                </thead>
                <tbody>
                    {(!estimate.charged.is_empty()).then(|| part(td_string!(l, bill.preview_charged)))}
                    {estimate.charged.iter().map(|(kind, amount)| charged_row(l, *kind, *amount)).collect_view()}
                    {(!due.is_empty()).then(|| part(td_string!(l, bill.preview_due)))}
                    {due.into_iter().map(|charge| due_row(l, charge)).collect_view()}
                    {nothing
                        .then(|| view! { <tr><td colspan="2" class="muted">{td_string!(l, bill.preview_nothing)}</td></tr> })}
                </tbody>
                <tfoot>
                    <tr class="total">
                        <th scope="row">{td_string!(l, bill.preview_total)}</th>
                        <td class="num"><Yuan amount=round_to_fen(estimate.total) /></td>
                    </tr>
                </tfoot>
            </table>
        </article>
        <nav class="bill-nav" aria-label=td_string!(l, bill.title)>
            <a class="button" href="/me/bills">{td_string!(l, bill.all_bills)}</a>
        </nav>
    }
}

fn part(name: &'static str) -> AnyView {
    view! {
        <tr class="part">
            <td colspan="2">{name}</td>
        </tr>
    }
    .into_any()
}

fn charged_row(l: Locale, kind: ChargeKind, amount: Decimal) -> AnyView {
    view! {
        <tr>
            <th scope="row">
                <span class="line-kind">{kind_text(l, LineKind::of(kind), None)}</span>
                <a class="why" href="/me/usage">{td_string!(l, bill.preview_usage)}</a>
            </th>
            <td class="num"><Yuan amount /></td>
        </tr>
    }
    .into_any()
}

fn due_row(l: Locale, charge: &NextCharge) -> AnyView {
    let how = charge.arithmetic.as_ref().map_or_else(
        || td_string!(l, bill.once, amount = plain(charge.amount)),
        |arithmetic| recurring_text(l, arithmetic),
    );
    view! {
        <tr>
            <th scope="row">
                <span class="line-kind">{kind_text(l, LineKind::of(charge.kind), None)}</span>
                <span class="small muted">{charge.tariff_name.clone()}</span>
                <details>
                    <summary class="why">{td_string!(l, bill.why)}</summary>
                    <p class="small">{how}</p>
                    <p class="small"><a href="/me/addons">{td_string!(l, bill.preview_service)}</a></p>
                </details>
            </th>
            <td class="num"><Yuan amount=charge.amount /></td>
        </tr>
    }
    .into_any()
}
