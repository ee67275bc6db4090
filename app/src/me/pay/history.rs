//! What was paid, what came back, and what moved the balance.

use charging::money::plain;
use charging::payment::Payment;
use charging::payment::balance::{BalanceEntry, Movement};
use charging::refund::{Of, Part, PartState, Refund, RefundState, Route};
use leptos::prelude::*;

use super::{purpose_name, route_name, state_tag};
use crate::components::{Yuan, month_text, time_text};
use crate::i18n::{Locale, td_string};

/// Payments, the newest first.
pub fn payments(l: Locale, payments: &[Payment]) -> AnyView {
    if payments.is_empty() {
        return ().into_any();
    }
    let rows = payments.iter().map(|payment| payment_row(l, payment)).collect_view();
    view! {
        <section class="card">
            <h2 id="payments">{td_string!(l, pay.payments)}</h2>
            <table class="table" aria-labelledby="payments">
                <thead class="sr">
                    <tr>
                        <th scope="col">{td_string!(l, pay.payment)}</th>
                        <th scope="col">{td_string!(l, pay.amount)}</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </section>
    }
    .into_any()
}

fn payment_row(l: Locale, payment: &Payment) -> impl IntoView + use<> {
    let (class, words) = state_tag(l, payment.state);
    let at = time_text(l, payment.paid_at.unwrap_or(payment.asked_at));
    let how = format!("{} · {at}", route_name(l, payment.route));
    view! {
        <tr>
            <th scope="row">
                <a href=format!("/me/pay/{}", payment.payment_id)>{purpose_name(l, payment.purpose)}</a>
                " "
                <span class=class>{words}</span>
                <span class="small muted history-how">{how}</span>
            </th>
            <td class="num"><Yuan amount=payment.amount /></td>
        </tr>
    }
}

/// Refunds, the newest first, each with its parts.
pub fn refunds(l: Locale, refunds: &[Refund]) -> AnyView {
    if refunds.is_empty() {
        return ().into_any();
    }
    let items = refunds.iter().map(|refund| refund_item(l, refund)).collect_view();
    view! {
        <section class="card">
            <h2>{td_string!(l, pay.refunds)}</h2>
            <ol class="history">{items}</ol>
        </section>
    }
    .into_any()
}

fn refund_item(l: Locale, refund: &Refund) -> impl IntoView + use<> {
    let of = match &refund.of {
        Of::Line { month, line_no } => view! {
            <a href=format!("/me/bills/{month}/{line_no}")>
                {td_string!(l, pay.of_line, month = month_text(l, *month), line = line_no)}
            </a>
        }
        .into_any(),
        Of::Imported(_) => td_string!(l, pay.of_imported).into_any(),
    };
    let (class, words) = refund_tag(l, refund.state);
    let decision = (refund.state == RefundState::Rejected).then(|| view! { <p>{refund.decision.clone()}</p> });
    let parts = refund.parts.iter().map(|part| view! { <li>{part_text(l, part)}</li> }).collect_view();
    view! {
        <li class="stack-tight">
            <div class="row spread">
                <span>{of} " " <span class=class>{words}</span></span>
                <Yuan amount=refund.amount />
            </div>
            <p class="small muted">{time_text(l, refund.asked_at)}</p>
            {decision}
            <ul class="plain-list">{parts}</ul>
        </li>
    }
}

/// The class of the tag, and its words.
pub fn refund_tag(l: Locale, state: RefundState) -> (&'static str, &'static str) {
    match state {
        RefundState::Asked => ("tag", td_string!(l, pay.refund_asked)),
        RefundState::Rejected => ("tag", td_string!(l, pay.refund_rejected)),
        RefundState::Approved => ("tag", td_string!(l, pay.refund_approved)),
        RefundState::Sent => ("tag", td_string!(l, pay.refund_sent)),
        RefundState::Confirmed => ("tag on", td_string!(l, pay.refund_confirmed)),
        RefundState::Failed => ("tag warn", td_string!(l, pay.refund_failed)),
        RefundState::Disputed => ("tag warn", td_string!(l, pay.refund_disputed)),
    }
}

/// How much goes which way, and how far it is.
pub fn part_text(l: Locale, part: &Part) -> String {
    let amount = plain(part.amount);
    let way = match part.route {
        Route::Bill => td_string!(l, pay.part_bill, amount = amount),
        Route::Balance => td_string!(l, pay.part_balance, amount = amount),
        Route::Gateway => td_string!(l, pay.part_gateway, amount = amount),
        Route::Platform => td_string!(l, pay.part_platform, amount = amount),
    };
    let state = match (part.state, part.route) {
        (PartState::Confirmed, _) => td_string!(l, pay.part_confirmed).to_owned(),
        (PartState::Approved, _) => td_string!(l, pay.part_approved).to_owned(),
        (PartState::Sent, Route::Platform) => {
            let day = part.deadline_at.map_or_else(String::new, |at| time_text(l, at));
            td_string!(l, pay.part_claimed, time = day)
        }
        (PartState::Sent, _) => td_string!(l, pay.part_sent).to_owned(),
        (PartState::Failed, _) => td_string!(l, pay.part_failed).to_owned(),
        (PartState::Disputed, _) => td_string!(l, pay.part_disputed).to_owned(),
    };
    td_string!(l, pay.part_is, way = way, state = state)
}

/// What moved the balance, the newest first.
pub fn balance_entries(l: Locale, entries: &[BalanceEntry]) -> AnyView {
    if entries.is_empty() {
        return ().into_any();
    }
    let rows = entries.iter().map(|entry| entry_row(l, entry)).collect_view();
    view! {
        <section class="card">
            <h2 id="entries">{td_string!(l, pay.entries)}</h2>
            <div class="table-scroll" role="region" tabindex="0" aria-labelledby="entries">
                <table class="table" aria-labelledby="entries">
                    <thead>
                        <tr>
                            <th scope="col">{td_string!(l, pay.entry)}</th>
                            <th scope="col" class="num">{td_string!(l, pay.change)}</th>
                            <th scope="col" class="num">{td_string!(l, pay.after)}</th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </div>
        </section>
    }
    .into_any()
}

fn entry_row(l: Locale, entry: &BalanceEntry) -> impl IntoView + use<> {
    let what = match &entry.movement {
        Movement::PaidIn { payment_id } => view! {
            <a href=format!("/me/pay/{payment_id}")>{td_string!(l, pay.entry_paid_in)}</a>
        }
        .into_any(),
        Movement::PaidBill { month, line_no, .. } => view! {
            <a href=format!("/me/bills/{month}/{line_no}")>
                {td_string!(l, pay.entry_paid_bill, month = month_text(l, *month))}
            </a>
        }
        .into_any(),
        Movement::Refund { .. } => td_string!(l, pay.entry_refund).into_any(),
    };
    let sign = if entry.change.is_sign_negative() { "−" } else { "+" };
    view! {
        <tr>
            <th scope="row">{what} <span class="small muted history-how">{time_text(l, entry.at)}</span></th>
            <td class="num">{sign} <Yuan amount=entry.change.abs() /></td>
            <td class="num"><Yuan amount=entry.after /></td>
        </tr>
    }
}
