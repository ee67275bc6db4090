//! `/me/agreements/{order_id}`: the order slip.

use charging::clock::local_date;
use charging::consent::{Evidence, Method};
use charging::notice::store::Notice;
use charging::order::view::{Agreement, StepTaken, agreement};
use charging::subscriber::Subscriber;
use charging::subscriber::store::find;
use chrono::{DateTime, Utc};
use http::StatusCode;
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_params_map;

use crate::components::{PageError, day_text, page, time_text};
use crate::i18n::{Locale, td_string};
use crate::me::proof::{channel_text, fact, method_text, price_text};
use crate::request::{locale, set_status, signed_in};
use crate::state::AppState;

/// What was asked, what was answered, and the proof of it.
#[component]
pub fn SlipPage() -> impl IntoView {
    let params = use_params_map();
    page(move || {
        let order_id = params.read_untracked().get("order").and_then(|id| id.parse::<i64>().ok());
        async move {
            let (state, l) = (AppState::current(), locale());
            let subscriber_id = signed_in().await.ok_or(PageError::SignedOut)?;
            let mut db = state.pool.acquire().await?;
            let Some(order_id) = order_id else { return Ok(missing(l)) };
            let Some(agreement) = agreement(&mut db, subscriber_id, order_id).await? else { return Ok(missing(l)) };
            let subscriber = find(&mut db, subscriber_id).await?.ok_or(PageError::SignedOut)?;
            let asked_at: DateTime<Utc> = agreement.evidence.asked_at.parse()?;
            let agreed_at: DateTime<Utc> = agreement.evidence.agreed_at.parse()?;
            let method: Method = agreement.evidence.method.parse()?;
            Ok(slip(l, agreement, &subscriber, &Answered { asked_at, agreed_at, method }))
        }
    })
}

fn missing(l: Locale) -> AnyView {
    set_status(StatusCode::NOT_FOUND);
    view! {
        <Title text=td_string!(l, agreement.missing_title) />
        <section class="card narrow stack">
            <h1>{td_string!(l, agreement.missing_title)}</h1>
            <p>{td_string!(l, agreement.missing_text)}</p>
            <p><a class="button" href="/me/agreements">{td_string!(l, agreement.back)}</a></p>
        </section>
    }
    .into_any()
}

fn joined(l: Locale, one: &str, other: &str) -> String {
    format!("{one}{}{other}", td_string!(l, agreement.join))
}

/// When and how it was answered, as the evidence says.
struct Answered {
    asked_at: DateTime<Utc>,
    agreed_at: DateTime<Utc>,
    method: Method,
}

fn slip(l: Locale, agreement: Agreement, subscriber: &Subscriber, answered: &Answered) -> AnyView {
    let heading = format!("{}: {}", td_string!(l, agreement.slip_title), agreement.tariff.content.name);
    view! {
        <Title text=heading />
        <article class="slip card">
            <header class="stack-tight">
                <p class="back"><a href="/me/agreements">{td_string!(l, agreement.back)}</a></p>
                <h1>{td_string!(l, agreement.slip_title)}</h1>
            </header>
            {what(l, &agreement, subscriber)}
            {asked(l, &agreement.evidence, answered)}
            {answer(l, &agreement.evidence, answered)}
            <section>
                <h2>{td_string!(l, agreement.steps_heading)}</h2>
                <dl class="facts moments">
                    <div>
                        <dt>{time_text(l, agreement.ordered_at)}</dt>
                        <dd>{joined(l, td_string!(l, agreement.step_ordered), &channel_text(l, &agreement.channel_id))}</dd>
                    </div>
                    {agreement.steps.iter().map(|step| step_taken(l, step)).collect_view()}
                </dl>
                <p class="actions"><a class="button" href="/me/addons">{td_string!(l, agreement.manage)}</a></p>
            </section>
            {proof(l, &agreement)}
            {(!agreement.messages.is_empty()).then(|| messages(l, agreement.messages))}
        </article>
    }
    .into_any()
}

fn what(l: Locale, agreement: &Agreement, subscriber: &Subscriber) -> AnyView {
    let content = &agreement.tariff.content;
    let price = content.terms.as_ref().map(|terms| price_text(l, terms.recurring_price(), terms.one_off));
    let version = td_string!(l, agreement.version, version = agreement.tariff.version);
    let tariff_link = format!("/tariffs/{}?version={}", content.scheme_id, agreement.tariff.version);
    view! {
        <section>
            <dl class="facts">
                {fact(td_string!(l, agreement.tariff), content.name.clone())}
                {price.map(|price| fact(td_string!(l, agreement.price), price))}
                {fact(td_string!(l, agreement.number), format!("{} {}", subscriber.msisdn, subscriber.name))}
                {fact(td_string!(l, agreement.when), time_text(l, agreement.ordered_at))}
                {fact(td_string!(l, agreement.channel), channel_text(l, &agreement.channel_id))}
                {fact(td_string!(l, agreement.order_number), agreement.order_id.to_string())}
                {fact(td_string!(l, agreement.scheme), joined(l, content.scheme_id.as_str(), &version))}
            </dl>
            <p><a href=tariff_link>{td_string!(l, agreement.tariff_link)}</a></p>
        </section>
    }
    .into_any()
}

fn asked(l: Locale, evidence: &Evidence, answered: &Answered) -> AnyView {
    let intro = match answered.method {
        Method::SmsCode | Method::SmsReply => {
            td_string!(l, agreement.asked_at, time = time_text(l, answered.asked_at))
        }
        Method::Signature => td_string!(l, agreement.asked_elsewhere).to_owned(),
    };
    view! {
        <section>
            <h2>{td_string!(l, agreement.asked_heading)}</h2>
            <p>{intro}</p>
            <blockquote class="said" data-asked="">{evidence.description.clone()}</blockquote>
        </section>
    }
    .into_any()
}

fn answer(l: Locale, evidence: &Evidence, answered: &Answered) -> AnyView {
    let time = time_text(l, answered.agreed_at);
    let (text, quoted) = match answered.method {
        Method::SmsCode => (td_string!(l, agreement.answer_code, time = time), None),
        Method::SmsReply => (td_string!(l, agreement.answer_reply, time = time), Some(evidence.answer.clone())),
        Method::Signature => (td_string!(l, agreement.answer_signature, time = time), None),
    };
    let by = joined(l, method_text(l, answered.method), &channel_text(l, &evidence.channel_id));
    view! {
        <section>
            <h2>{td_string!(l, agreement.answer_heading)}</h2>
            <p>{text}</p>
            {quoted.map(|quoted| view! { <blockquote class="said">{quoted}</blockquote> })}
            <dl class="facts">
                {fact(td_string!(l, agreement.how), by)}
                {evidence.reference.clone().map(|reference| fact(td_string!(l, agreement.reference), reference))}
            </dl>
        </section>
    }
    .into_any()
}

fn step_taken(l: Locale, step: &StepTaken) -> AnyView {
    let date = day_text(l, local_date(step.effective_at));
    let what = match step.what.as_str() {
        "activated" => td_string!(l, agreement.step_activated, date = date),
        "cancel_asked" => td_string!(l, agreement.step_cancel_asked, date = date),
        "cancel_undone" => td_string!(l, agreement.step_cancel_undone).to_owned(),
        "replaced" => td_string!(l, agreement.step_replaced, date = date),
        other => other.to_owned(),
    };
    let by = channel_text(l, &step.channel_id);
    view! {
        <div>
            <dt>{time_text(l, step.at)}</dt>
            <dd>{joined(l, &what, &by)}</dd>
        </div>
    }
    .into_any()
}

fn proof(l: Locale, agreement: &Agreement) -> AnyView {
    let (seq, length) = (agreement.evidence.seq, agreement.chain_length);
    let previous = agreement.previous_hash.clone().unwrap_or_else(|| td_string!(l, agreement.proof_first).to_owned());
    view! {
        <section class="small">
            <h2>{td_string!(l, agreement.proof_heading)}</h2>
            <p class="muted">{td_string!(l, agreement.proof_text)}</p>
            <dl class="facts">
                <div>
                    <dt>{td_string!(l, agreement.proof_hash)}</dt>
                    <dd class="hash">{agreement.hash.clone()}</dd>
                </div>
                {fact(
                    td_string!(l, agreement.proof_position),
                    td_string!(l, agreement.proof_position_text, seq = seq, length = length),
                )}
                <div>
                    <dt>{td_string!(l, agreement.proof_previous)}</dt>
                    <dd class="hash">{previous}</dd>
                </div>
            </dl>
        </section>
    }
    .into_any()
}

fn messages(l: Locale, messages: Vec<Notice>) -> AnyView {
    let entries = messages.into_iter().map(|message| {
        view! {
            <li>
                <p class="small muted">{time_text(l, message.sent_at.unwrap_or(message.created_at))}</p>
                <p class="said">{message.body}</p>
            </li>
        }
    });
    view! {
        <section>
            <h2>{td_string!(l, agreement.messages_heading)}</h2>
            <ol class="entries">{entries.collect_view()}</ol>
        </section>
    }
    .into_any()
}
