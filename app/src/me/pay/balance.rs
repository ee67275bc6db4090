//! `/me/balance`: what is in the balance, what is due, and every way to pay it.

use charging::clock::Month;
use charging::money::plain;
use charging::payment::due::{Arrears, arrears};
use charging::payment::place::to_pay;
use charging::payment::store::history;
use charging::payment::{PAYMENT_MAX_YUAN, PAYMENT_MIN_YUAN, balance};
use charging::refund::view::of_subscriber;
use leptos::prelude::*;
use leptos_meta::Title;
use rust_decimal::Decimal;

use super::history::{balance_entries, payments, refunds};
use super::{told, way_buttons};
use crate::components::{PageError, Yuan, day_text, month_text, page};
use crate::i18n::{Locale, td_string};
use crate::me::parts::{Tone, banner, query};
use crate::request::{locale, signed_in};
use crate::state::AppState;

/// Amounts to choose from, in yuan.
const AMOUNTS: [u32; 4] = [30, 50, 100, 200];
/// Payments and refunds that are listed, the newest.
const LISTED: u8 = 30;

/// `/me/balance`
#[component]
pub fn BalancePage() -> impl IntoView {
    page(|| {
        let (state, l) = (AppState::current(), locale());
        let (ok, problem) = (query("ok"), query("problem"));
        async move {
            let subscriber_id = signed_in().await.ok_or(PageError::SignedOut)?;
            let mut db = state.pool.acquire().await?;
            let in_balance = balance::balance(&mut db, subscriber_id).await?;
            let due = arrears(&mut db, subscriber_id).await?;
            let by_itself = balance::auto_payment(&mut db, subscriber_id).await?;
            let paid = history(&mut db, subscriber_id, LISTED).await?;
            let back = of_subscriber(&mut db, subscriber_id, LISTED).await?;
            let entries = balance::entries(&mut db, subscriber_id, None).await?;
            let told = told(l, ok.as_deref(), problem.as_deref());
            Ok(view! {
                <Title text=td_string!(l, pay.title) />
                <header class="stack-tight">
                    <h1>{td_string!(l, pay.title)}</h1>
                    <p class="muted">{td_string!(l, pay.lead)}</p>
                </header>
                {told.map(|(tone, text)| banner(tone, text))}
                {(!state.payments).then(|| banner(Tone::Warn, td_string!(l, pay.not_offered)))}
                <div class="grid">
                    <section class="card">
                        <h2>{td_string!(l, pay.balance)}</h2>
                        <p class="figure"><Yuan amount=in_balance /></p>
                        <p class="muted">{td_string!(l, pay.balance_hint)}</p>
                    </section>
                    {due_section(l, &due, in_balance, state.payments)}
                </div>
                {state.payments.then(|| top_up_form(l))}
                {auto_payment_card(l, by_itself)}
                {payments(l, &paid)}
                {refunds(l, &back)}
                {balance_entries(l, &entries)}
            })
        }
    })
}

fn due_section(l: Locale, due: &Arrears, in_balance: Decimal, offered: bool) -> AnyView {
    if due.bills.is_empty() {
        return view! {
            <section class="card">
                <h2>{td_string!(l, pay.due)}</h2>
                <p>{td_string!(l, pay.nothing_due)}</p>
            </section>
        }
        .into_any();
    }
    let bills = due
        .bills
        .iter()
        .map(|bill| {
            let since = day_text(l, charging::clock::local_date(bill.since));
            view! {
                <li class="row spread">
                    <a href=format!("/me/bills/{}", bill.month)>{month_text(l, bill.month)}</a>
                    <span class="small muted">{td_string!(l, pay.due_since, day = since)}</span>
                    <Yuan amount=bill.due />
                </li>
            }
        })
        .collect_view();
    view! {
        <section class="card">
            <h2>{td_string!(l, pay.due)}</h2>
            <p class="figure"><Yuan amount=due.total /></p>
            <ul class="due-bills">{bills}</ul>
            <p class="muted">{td_string!(l, pay.no_late_fee)}</p>
            {offered.then(|| pay_bill_form(l, due, None))}
            {from_balance_form(l, in_balance.min(due.total))}
        </section>
    }
    .into_any()
}

/// Pays what is due for bills up to a month, or for all.
pub(super) fn pay_bill_form(l: Locale, due: &Arrears, month: Option<Month>) -> impl IntoView + use<> {
    let due = due.until(month);
    let amount = to_pay(due);
    let hint = (amount > due).then(|| view! { <p class="hint">{td_string!(l, pay.least)}</p> });
    view! {
        <form class="stack-tight" method="post" action="/api/pay">
            <input type="hidden" name="purpose" value="bill" />
            <input type="hidden" name="amount" value=plain(amount) />
            {month.map(|month| view! { <input type="hidden" name="month" value=month.to_string() /> })}
            <p class="strong">{td_string!(l, pay.pay_amount, amount = plain(amount))}</p>
            {hint}
            {way_buttons(l)}
        </form>
    }
}

fn from_balance_form(l: Locale, amount: Decimal) -> Option<AnyView> {
    (!amount.is_zero()).then(|| {
        view! {
            <form method="post" action="/api/pay_from_balance">
                <input type="hidden" name="amount" value=plain(amount) />
                <button class="button">{td_string!(l, pay.pay_out_of_balance, amount = plain(amount))}</button>
            </form>
        }
        .into_any()
    })
}

fn top_up_form(l: Locale) -> impl IntoView {
    let amounts = AMOUNTS
        .into_iter()
        .map(|yuan| {
            let amount = Decimal::from(yuan);
            view! {
                <label class="choice">
                    <input type="radio" name="amount" value=plain(amount) />
                    <Yuan amount />
                </label>
            }
        })
        .collect_view();
    let limits = td_string!(l, pay.own_hint, min = plain(PAYMENT_MIN_YUAN), max = plain(PAYMENT_MAX_YUAN));
    view! {
        <form class="card" method="post" action="/api/pay">
            <input type="hidden" name="purpose" value="top_up" />
            <fieldset class="top-up">
                <legend><h2>{td_string!(l, pay.top_up)}</h2></legend>
                <div class="amounts">{amounts}</div>
                <label class="choice">
                    <input type="radio" name="amount" value="own" />
                    {td_string!(l, pay.own)}
                </label>
                <div class="field">
                    <label class="sr" for="own-amount">{td_string!(l, pay.own)}</label>
                    <input id="own-amount" name="own" inputmode="decimal" maxlength="9" placeholder="80.00" aria-describedby="own-hint" />
                    <p class="hint" id="own-hint">{limits}</p>
                </div>
            </fieldset>
            {way_buttons(l)}
        </form>
    }
}

fn auto_payment_card(l: Locale, by_itself: bool) -> impl IntoView {
    let (now, wanted, button) = if by_itself {
        (td_string!(l, pay.auto_is_on), "off", td_string!(l, pay.auto_turn_off))
    } else {
        (td_string!(l, pay.auto_is_off), "on", td_string!(l, pay.auto_turn_on))
    };
    view! {
        <section class="card">
            <h2>{td_string!(l, pay.auto)}</h2>
            <p>{now}</p>
            <p class="muted">{td_string!(l, pay.auto_about)}</p>
            <form method="post" action="/api/auto_payment">
                <input type="hidden" name="wanted" value=wanted />
                <button class="button">{button}</button>
            </form>
        </section>
    }
}
