//! 余额与付款 The balance, payments, and what came back.

mod actions;
mod balance;
mod bill;
mod history;
mod payment;

pub use balance::BalancePage;
pub use bill::due_card;
pub(crate) use history::{part_text, refund_tag};
pub use payment::PaymentPage;

use charging::payment::{PaymentState, Purpose, Route};
use leptos::prelude::*;

use super::parts::Tone;
use crate::i18n::{Locale, td_string};

fn route_name(l: Locale, route: Route) -> &'static str {
    match route {
        Route::BankCard => td_string!(l, pay.route_bank_card),
        Route::Wallet => td_string!(l, pay.route_wallet),
        Route::DirectDebit => td_string!(l, pay.route_direct_debit),
        Route::Cash => td_string!(l, pay.route_cash),
        Route::Balance => td_string!(l, pay.route_balance),
    }
}

fn purpose_name(l: Locale, purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::TopUp => td_string!(l, pay.purpose_top_up),
        Purpose::Bill => td_string!(l, pay.purpose_bill),
    }
}

/// The class of the tag, and its words.
fn state_tag(l: Locale, state: PaymentState) -> (&'static str, &'static str) {
    match state {
        PaymentState::Asked => ("tag", td_string!(l, pay.state_asked)),
        PaymentState::Paid => ("tag on", td_string!(l, pay.state_paid)),
        PaymentState::Closed => ("tag", td_string!(l, pay.state_closed)),
        PaymentState::Failed => ("tag warn", td_string!(l, pay.state_failed)),
    }
}

/// The two ways to the gateway, as buttons of one form: neither is chosen beforehand.
fn way_buttons(l: Locale) -> impl IntoView {
    view! {
        <div class="actions">
            <button class="button primary" name="way" value="code">{td_string!(l, pay.by_code)}</button>
            <button class="button primary" name="way" value="link">{td_string!(l, pay.by_link)}</button>
        </div>
    }
}

/// What the answer to the last form has to say, as the address tells it.
fn told(l: Locale, ok: Option<&str>, problem: Option<&str>) -> Option<(Tone, &'static str)> {
    let done = ok.and_then(|ok| match ok {
        "auto_on" => Some(td_string!(l, pay.ok_auto_on)),
        "auto_off" => Some(td_string!(l, pay.ok_auto_off)),
        "from_balance" => Some(td_string!(l, pay.ok_from_balance)),
        _ => None,
    });
    let refused = problem.and_then(|problem| match problem {
        "amount" => Some(td_string!(l, pay.problem_amount)),
        "changed" => Some(td_string!(l, pay.problem_changed)),
        "nothing_due" => Some(td_string!(l, pay.problem_nothing_due)),
        "too_many" => Some(td_string!(l, pay.problem_too_many)),
        "not_offered" => Some(td_string!(l, pay.not_offered)),
        "failed" => Some(td_string!(l, pay.problem_failed)),
        _ => None,
    });
    done.map(|text| (Tone::Good, text)).or(refused.map(|text| (Tone::Warn, text)))
}
