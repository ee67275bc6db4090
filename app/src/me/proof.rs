//! Words for orders and consents, shared by slips, bills and explanations.

use charging::consent::Method;
use charging::money::plain;
use leptos::prelude::*;
use rust_decimal::Decimal;

use crate::i18n::{Locale, td_string};

/// Where something was ordered or agreed to: a key of the table `channel`. An unknown key is shown as it is.
pub fn channel_text(l: Locale, channel_id: &str) -> String {
    match channel_id {
        "web" => td_string!(l, agreement.channel_web).to_owned(),
        "sms" => td_string!(l, agreement.channel_sms).to_owned(),
        "hall" => td_string!(l, agreement.channel_hall).to_owned(),
        "hotline" => td_string!(l, agreement.channel_hotline).to_owned(),
        "import" => td_string!(l, agreement.channel_import).to_owned(),
        other => other.to_owned(),
    }
}

/// How a yes was given.
pub fn method_text(l: Locale, method: Method) -> &'static str {
    match method {
        Method::SmsCode => td_string!(l, agreement.method_sms_code),
        Method::SmsReply => td_string!(l, agreement.method_sms_reply),
        Method::Signature => td_string!(l, agreement.method_signature),
    }
}

/// The price of an order: a month, once, both, or nothing.
pub fn price_text(l: Locale, recurring: Decimal, one_off: Decimal) -> String {
    let month = (!recurring.is_zero()).then(|| td_string!(l, agreement.price_month, amount = plain(recurring)));
    let once = (!one_off.is_zero()).then(|| td_string!(l, agreement.price_once, amount = plain(one_off)));
    match (month, once) {
        (Some(month), Some(once)) => format!("{month} + {once}"),
        (Some(price), None) | (None, Some(price)) => price,
        (None, None) => td_string!(l, agreement.price_free).to_owned(),
    }
}

/// A name and what it is, in a list of facts.
pub fn fact(name: &'static str, value: String) -> AnyView {
    view! {
        <div>
            <dt>{name}</dt>
            <dd>{value}</dd>
        </div>
    }
    .into_any()
}
