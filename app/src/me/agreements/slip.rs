//! `/me/agreements/{order_id}`: the order slip.

use charging::clock::local_date;
use charging::consent::Evidence;
use charging::consent::signature::{FIELD_HEIGHT, FIELD_WIDTH, Strokes};
use charging::notice::store::Notice;
use charging::order::view::{Agreement, StepTaken, agreement};
use charging::subscriber::Subscriber;
use charging::subscriber::store::find;
use http::StatusCode;
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_params_map;

use crate::components::{PageError, day_text, page, time_text};
use crate::i18n::{Locale, td_string};
use crate::me::proof::{Answered, Said, asked_intro, channel_text, fact, joined, method_text, price_text, said};
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
            let answered = Answered::read(&agreement.evidence)?;
            Ok(slip(l, agreement, &subscriber, &answered))
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
            {answer(l, &agreement, answered)}
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
            {downloads(l, agreement.order_id)}
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
    view! {
        <section>
            <h2>{td_string!(l, agreement.asked_heading)}</h2>
            <p>{asked_intro(l, evidence, answered)}</p>
            <blockquote class="said" data-asked="">{evidence.description.clone()}</blockquote>
        </section>
    }
    .into_any()
}

fn answer(l: Locale, agreement: &Agreement, answered: &Answered) -> AnyView {
    let evidence = &agreement.evidence;
    let Said { text, quoted } = said(l, evidence, answered);
    let by = joined(l, method_text(l, answered.method), &channel_text(l, &evidence.channel_id));
    view! {
        <section>
            <h2>{td_string!(l, agreement.answer_heading)}</h2>
            <p>{text}</p>
            {quoted.map(|quoted| view! { <blockquote class="said">{quoted}</blockquote> })}
            {agreement.strokes.as_ref().map(|strokes| drawn(l, strokes))}
            <dl class="facts">
                {fact(td_string!(l, agreement.how), by)}
                {evidence.reference.clone().map(|reference| fact(td_string!(l, agreement.reference), reference))}
            </dl>
        </section>
    }
    .into_any()
}

/// The signature, drawn from its strokes.
fn drawn(l: Locale, strokes: &Strokes) -> impl IntoView + use<> {
    view! {
        <svg
            class="signature"
            role="img"
            aria-label=td_string!(l, agreement.signature_alt)
            viewBox=format!("0 0 {FIELD_WIDTH} {FIELD_HEIGHT}")
        >
            <path d=strokes.svg_path() />
        </svg>
    }
}

/// The ways to take the proof home.
fn downloads(l: Locale, order_id: i64) -> AnyView {
    view! {
        <section>
            <h2>{td_string!(l, agreement.download_heading)}</h2>
            <p>{td_string!(l, agreement.download_text)}</p>
            <p class="actions">
                <a class="button" href=format!("/me/agreements/{order_id}/slip.pdf") download="">
                    {td_string!(l, agreement.download_pdf)}
                </a>
                <a class="button" href=format!("/me/agreements/{order_id}/evidence.json") download="">
                    {td_string!(l, agreement.download_json)}
                </a>
            </p>
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
