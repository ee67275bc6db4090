//! `/me/agreements/{order_id}`: the order slip.

use charging::consent::Evidence;
use charging::consent::signature::{FIELD_HEIGHT, FIELD_WIDTH, Strokes};
use charging::notice::store::Notice;
use charging::order::agreement::{About, Agreement, AgreementId, StepTaken, agreement};
use charging::subscriber::Subscriber;
use charging::subscriber::store::find;
use http::StatusCode;
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_params_map;

use crate::components::{PageError, page, time_text};
use crate::i18n::{Locale, td_string};
use crate::me::agreement_words::{facts, name, slip_title, step_text};
use crate::me::proof::{Answered, Said, asked_intro, by_text, channel_text, fact, joined, method_text, said};
use crate::request::{locale, set_status, signed_in};
use crate::state::AppState;

/// What was asked, what was answered, and the proof of it.
#[component]
pub fn SlipPage() -> impl IntoView {
    let params = use_params_map();
    page(move || {
        let id = params.read_untracked().get("order").and_then(|id| id.parse::<AgreementId>().ok());
        async move {
            let (state, l) = (AppState::current(), locale());
            let subscriber_id = signed_in().await.ok_or(PageError::SignedOut)?;
            let mut db = state.pool.acquire().await?;
            let Some(id) = id else { return Ok(missing(l)) };
            let Some(agreement) = agreement(&mut db, subscriber_id, id, state.clock.now()).await? else {
                return Ok(missing(l));
            };
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
    let heading = format!("{}: {}", slip_title(l, &agreement.about), name(l, &agreement.about));
    view! {
        <Title text=heading />
        <article class="slip card">
            <header class="stack-tight">
                <p class="back"><a href="/me/agreements">{td_string!(l, agreement.back)}</a></p>
                <h1>{slip_title(l, &agreement.about)}</h1>
            </header>
            {what(l, &agreement, subscriber)}
            {asked(l, &agreement.evidence, answered)}
            {answer(l, &agreement, answered)}
            <section>
                <h2>{td_string!(l, agreement.steps_heading)}</h2>
                <dl class="facts moments">
                    {agreement.steps.iter().map(|step| step_taken(l, step)).collect_view()}
                </dl>
                <p class="actions">{manage(l, &agreement.about)}</p>
            </section>
            {downloads(l, agreement.id)}
            {proof(l, &agreement)}
            {(!agreement.messages.is_empty()).then(|| messages(l, agreement.messages))}
        </article>
    }
    .into_any()
}

/// Where it can be changed.
fn manage(l: Locale, about: &About) -> impl IntoView + use<> {
    let (href, text) = match about {
        About::Order { .. } => ("/me/addons", td_string!(l, agreement.manage)),
        About::Cap { .. } => ("/me/cap", td_string!(l, agreement.manage_cap)),
        About::Family { .. } => ("/me/family", td_string!(l, family.manage)),
    };
    view! { <a class="button" href=href>{text}</a> }
}

fn what(l: Locale, agreement: &Agreement, subscriber: &Subscriber) -> AnyView {
    let facts = facts(l, agreement, subscriber).into_iter().map(|(label, text)| fact(label, text)).collect_view();
    let tariff_link = match &agreement.about {
        About::Order { tariff } => {
            let href = format!("/tariffs/{}/versions/{}", tariff.content.scheme_id, tariff.version);
            Some(view! { <p><a href=href>{td_string!(l, agreement.tariff_link)}</a></p> })
        }
        About::Cap { .. } | About::Family { .. } => None,
    };
    view! {
        <section>
            <dl class="facts">{facts}</dl>
            {tariff_link}
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
fn downloads(l: Locale, id: AgreementId) -> AnyView {
    view! {
        <section>
            <h2>{td_string!(l, agreement.download_heading)}</h2>
            <p>{td_string!(l, agreement.download_text)}</p>
            <p class="actions">
                <a class="button" href=format!("/me/agreements/{id}/slip.pdf") download="">
                    {td_string!(l, agreement.download_pdf)}
                </a>
                <a class="button" href=format!("/me/agreements/{id}/evidence.json") download="">
                    {td_string!(l, agreement.download_json)}
                </a>
            </p>
        </section>
    }
    .into_any()
}

fn step_taken(l: Locale, step: &StepTaken) -> AnyView {
    view! {
        <div>
            <dt>{time_text(l, step.at)}</dt>
            <dd>
                {step_text(l, step)} <br />
                <span class="small muted">{by_text(l, &step.actor, step.channel_id.as_deref())}</span>
            </dd>
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
