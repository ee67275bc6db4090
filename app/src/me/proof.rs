//! Words for orders and consents, shared by slips, bills and explanations.

use charging::actor::Actor;
use charging::consent::{Evidence, Method};
use charging::money::plain;
use chrono::{DateTime, Utc};
use leptos::prelude::*;
use rust_decimal::Decimal;

use crate::components::{PageResult, time_text};
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

/// Who took a step: `您本人`.
pub fn actor_text(l: Locale, actor: &Actor) -> String {
    match actor {
        Actor::Subscriber => td_string!(l, agreement.by_you).to_owned(),
        Actor::Staff(login) => td_string!(l, agreement.by_staff, login = login.as_str()),
        Actor::Channel(channel_id) => td_string!(l, channel.by_channel, id = channel_id.as_str()),
        Actor::System => td_string!(l, agreement.by_itself).to_owned(),
        Actor::Import => td_string!(l, agreement.by_import).to_owned(),
    }
}

/// Who and by which channel: `您本人 · 短信 10086`. What was brought says so once; what came about by itself had no channel.
pub fn by_text(l: Locale, actor: &Actor, channel_id: Option<&str>) -> String {
    let who = actor_text(l, actor);
    match channel_id.filter(|_| !matches!(actor, Actor::Import | Actor::Channel(_))) {
        Some(channel_id) => format!("{who} · {}", channel_text(l, channel_id)),
        None => who,
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

/// Two parts of one line.
pub fn joined(l: Locale, one: &str, other: &str) -> String {
    format!("{one}{}{other}", td_string!(l, agreement.join))
}

/// When and how it was answered, as the evidence says.
#[derive(Clone, Copy, Debug)]
pub struct Answered {
    pub asked_at: DateTime<Utc>,
    pub agreed_at: DateTime<Utc>,
    pub method: Method,
}

impl Answered {
    pub fn read(evidence: &Evidence) -> PageResult<Self> {
        Ok(Self {
            asked_at: evidence.asked_at.parse()?,
            agreed_at: evidence.agreed_at.parse()?,
            method: evidence.method.parse()?,
        })
    }
}

/// What stands before the text that was shown. What was brought from another system was asked there.
pub fn asked_intro(l: Locale, evidence: &Evidence, answered: &Answered) -> String {
    if evidence.reference.is_some() && answered.method == Method::Signature {
        return td_string!(l, agreement.asked_elsewhere).to_owned();
    }
    td_string!(l, agreement.asked_at, time = time_text(l, answered.asked_at))
}

/// What was answered: a sentence, and the words themselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    pub text: String,
    pub quoted: Option<String>,
}

pub fn said(l: Locale, evidence: &Evidence, answered: &Answered) -> Said {
    let time = time_text(l, answered.agreed_at);
    let (text, quoted) = match (answered.method, &evidence.signed_name) {
        (Method::SmsCode, _) => (td_string!(l, agreement.answer_code, time = time), Some(evidence.answer.clone())),
        (Method::SmsReply, _) => (td_string!(l, agreement.answer_reply, time = time), Some(evidence.answer.clone())),
        (Method::Signature, Some(name)) => {
            (td_string!(l, agreement.answer_typed, time = time), Some(joined(l, name, &evidence.answer)))
        }
        (Method::Signature, None) => match evidence.code_beside_strokes() {
            Some(code) => (td_string!(l, agreement.answer_drawn, time = time), Some(code.to_owned())),
            None => (td_string!(l, agreement.answer_signature, time = time), None),
        },
    };
    Said { text, quoted }
}
