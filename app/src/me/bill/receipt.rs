use std::collections::BTreeMap;

use charging::bill::store::{self, HISTORY_MONTHS_MAX, bill, current_month_estimate, history};
use charging::bill::{Bill, BillLine, BillSummary};
use charging::clock::Month;
use charging::dispute::Dispute;
use charging::dispute::store::of_bill;
use charging::money::plain;
use charging::payment::due::arrears;
use charging::subscriber::Subscriber;
use charging::subscriber::store::find;
use http::StatusCode;
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_params_map;

use super::preview::Preview;
use super::words::{line_text, quantity_of};
use crate::components::{PageError, Yuan, day_text, month_text, page, time_text};
use crate::i18n::{Locale, td_string};
use crate::me::bills::change_text;
use crate::me::disputes::row_mark;
use crate::me::parts::query;
use crate::me::pay::due_card;
use crate::me::proof::fact;
use crate::request::{locale, set_status, signed_in};
use crate::state::AppState;

/// `/me/bills/{month}`: the bill of a closed month, what the running month has come to, or that there is none.
#[component]
pub fn BillPage() -> impl IntoView {
    let params = use_params_map();
    page(move || {
        let month = params.read_untracked().get("month").unwrap_or_default();
        let problem = query("problem");
        async move {
            let (state, l) = (AppState::current(), locale());
            let subscriber_id = signed_in().await.ok_or(PageError::SignedOut)?;
            let Ok(month) = month.parse::<Month>() else {
                return Ok(no_such_month(l));
            };
            let mut db = state.pool.acquire().await?;
            if let Some(bill) = bill(&mut db, subscriber_id, month).await? {
                let subscriber = find(&mut db, subscriber_id).await?.ok_or(PageError::SignedOut)?;
                let bills = history(&mut db, subscriber_id, HISTORY_MONTHS_MAX).await?;
                let due = arrears(&mut db, subscriber_id).await?;
                let due = due_card(l, month, bill.total, &due, state.payments, problem.as_deref());
                let disputes = of_bill(&mut db, subscriber_id, month).await?;
                let before = match bills.iter().map(|bill| bill.month).find(|other| *other < month) {
                    Some(before) => store::bill(&mut db, subscriber_id, before).await?,
                    None => None,
                };
                let change = change_text(l, &bill, before.as_ref());
                return Ok(view! { {receipt(l, &bill, &subscriber, &bills, &disputes, change)} {due} }.into_any());
            }
            if month == Month::of(state.clock.now()) {
                let estimate = current_month_estimate(&mut db, subscriber_id, state.clock.now()).await?;
                return Ok(view! { <Preview estimate /> }.into_any());
            }
            Ok(no_bill(l, month))
        }
    })
}

/// 404: the address names no month.
pub(super) fn no_such_month(l: Locale) -> AnyView {
    missing(l, td_string!(l, bill.missing_month_title).to_owned(), td_string!(l, bill.missing_month_text))
}

/// 404: there is no bill for that month.
pub(super) fn no_bill(l: Locale, month: Month) -> AnyView {
    missing(l, td_string!(l, bill.missing_title, month = month_text(l, month)), td_string!(l, bill.missing_text))
}

fn missing(l: Locale, title: String, text: &'static str) -> AnyView {
    set_status(StatusCode::NOT_FOUND);
    view! {
        <Title text=title.clone() />
        <section class="card narrow stack">
            <h1>{title}</h1>
            <p>{text}</p>
            <p><a class="button" href="/me/bills">{td_string!(l, bill.all_bills)}</a></p>
        </section>
    }
    .into_any()
}

fn receipt(
    l: Locale,
    bill: &Bill,
    subscriber: &Subscriber,
    bills: &[BillSummary],
    disputes: &BTreeMap<i32, Dispute>,
    change: String,
) -> AnyView {
    let title = td_string!(l, bill.receipt_title, month = month_text(l, bill.month));
    let rounded = bill.lines.iter().any(|line| line.exact != line.amount);
    let rounding = if rounded { td_string!(l, bill.rounding) } else { td_string!(l, bill.rounding_none) };
    let (first_day, last_day) = (day_text(l, bill.month.first_day()), day_text(l, bill.month.last_day()));
    let period = td_string!(l, bill.period_text, from = first_day, until = last_day);
    let is_empty = bill.lines.is_empty();
    view! {
        <Title text=title.clone() />
        <article class="receipt card">
            <h1>{title}</h1>
            <dl class="facts">
                {fact(td_string!(l, bill.number), format!("{} {}", subscriber.msisdn, subscriber.name))}
                {fact(td_string!(l, bill.period), period)}
                {fact(td_string!(l, bill.closed), time_text(l, bill.closed_at))}
            </dl>
            <p class="change">{change}</p>
            <table class="lines">
                <caption class="sr">{td_string!(l, bill.item)}</caption>
                <thead>
                    <tr>
                        <th scope="col">{td_string!(l, bill.item)}</th>
                        <th scope="col" class="num">{td_string!(l, bill.amount)}</th>
                    </tr>
                </thead>
                <tbody>
                    {bill.lines.iter().map(|line| line_row(l, bill.month, line, disputes.get(&line.line_no))).collect_view()}
                    {is_empty
                        .then(|| view! { <tr><td colspan="2" class="muted">{td_string!(l, bill.nothing_charged)}</td></tr> })}
                </tbody>
                <tfoot>
                    <tr class="total">
                        <th scope="row">{td_string!(l, bill.total)}</th>
                        <td class="num"><Yuan amount=bill.total /></td>
                    </tr>
                </tfoot>
            </table>
            {(!is_empty).then(|| view! { <p class="small muted">{rounding}</p> })}
            <p class="actions">
                <a class="button" href=format!("/me/bills/{}/bill.pdf", bill.month)>{td_string!(l, paper.bill_pdf)}</a>
                <a class="button" href=format!("/me/bills/{}/bill.csv", bill.month)>{td_string!(l, paper.bill_csv)}</a>
            </p>
        </article>
        {neighbours(l, bill.month, bills)}
    }
    .into_any()
}

/// Links to the bill before, all bills, and the bill after.
fn neighbours(l: Locale, month: Month, bills: &[BillSummary]) -> AnyView {
    let before = bills.iter().map(|bill| bill.month).find(|other| *other < month);
    let after = bills.iter().rev().map(|bill| bill.month).find(|other| *other > month);
    let link = |month: Month, text: String| view! { <a class="button" href=format!("/me/bills/{month}")>{text}</a> };
    view! {
        <nav class="bill-nav" aria-label=td_string!(l, bill.title)>
            {before.map(|month| link(month, td_string!(l, bill.previous_bill, month = month_text(l, month))))}
            <a class="button" href="/me/bills">{td_string!(l, bill.all_bills)}</a>
            {after.map(|month| link(month, td_string!(l, bill.next_bill, month = month_text(l, month))))}
        </nav>
    }
    .into_any()
}

fn line_row(l: Locale, month: Month, line: &BillLine, dispute: Option<&Dispute>) -> AnyView {
    let name = line_text(l, line);
    let amount = plain(line.amount);
    let why = td_string!(l, bill.why_label, kind = name.as_str(), tariff = line.tariff_name.as_str(), amount = amount);
    let mark = row_mark(l, month, line, &name, dispute);
    let exact = (line.exact != line.amount).then(|| td_string!(l, bill.exact, exact = plain(line.exact)));
    view! {
        <tr>
            <th scope="row">
                <span class="line-kind">{name}</span>
                <span class="small muted">{line.tariff_name.clone()}</span>
                {quantity_of(l, line).map(|quantity| view! { <span class="small muted">{quantity}</span> })}
                <div class="line-links">
                    <a class="why" href=format!("/me/bills/{month}/{}", line.line_no) aria-label=why>
                        {td_string!(l, bill.why)}
                    </a>
                    {mark}
                </div>
            </th>
            <td class="num">
                <Yuan amount=line.amount />
                {exact.map(|exact| view! { <span class="exact small muted">{exact}</span> })}
            </td>
        </tr>
    }
    .into_any()
}
