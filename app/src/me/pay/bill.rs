//! What is left to pay of a closed bill, on its page.

use charging::clock::Month;
use charging::payment::due::Arrears;
use leptos::prelude::*;
use rust_decimal::Decimal;

use super::balance::pay_bill_form;
use super::told;
use crate::components::Yuan;
use crate::i18n::{Locale, td_string};
use crate::me::parts::banner;

/// How much of a bill is paid, and how the rest is. `problem`: what became of the last try.
pub fn due_card(
    l: Locale,
    month: Month,
    total: Decimal,
    due: &Arrears,
    offered: bool,
    problem: Option<&str>,
) -> AnyView {
    if total.is_zero() {
        return ().into_any();
    }
    let of_this: Decimal = due.bills.iter().filter(|bill| bill.month == month).map(|bill| bill.due).sum();
    let told = told(l, None, problem).map(|(tone, text)| banner(tone, text));
    if of_this.is_zero() {
        return view! {
            {told}
            <section class="card">
                <p class="strong">{td_string!(l, pay.bill_paid)}</p>
                <p><a class="button" href="/me/balance">{td_string!(l, pay.to_payments)}</a></p>
            </section>
        }
        .into_any();
    }
    let before = due.until(Some(month)) - of_this;
    let earlier = (!before.is_zero()).then(|| {
        view! { <p>{td_string!(l, pay.earlier_due, amount = charging::money::plain(before))}</p> }
    });
    let action = if offered {
        pay_bill_form(l, due, Some(month)).into_any()
    } else {
        view! { <p>{td_string!(l, pay.not_offered)}</p> }.into_any()
    };
    view! {
        {told}
        <section class="card" id="pay">
            <h2>{td_string!(l, pay.bill_due)}</h2>
            <p class="figure"><Yuan amount=of_this /></p>
            {earlier}
            {action}
            <p><a href="/me/balance">{td_string!(l, pay.to_payments)}</a></p>
        </section>
    }
    .into_any()
}
