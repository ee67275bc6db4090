//! The simulated phone of demo mode. Without `--demo` the server has no such addresses.

mod pay;

pub use pay::DemoPayPage;

use charging::consent::incoming::incoming;
use charging::demo::{self, DemoNumber, HandsetMessage};
use charging::subscriber::{Msisdn, store};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::{use_params_map, use_query_map};
use rand::Rng as _;

use crate::components::{PageError, page, time_text};
use crate::i18n::{Locale, td_string};
use crate::islands::AutoRefresh;
use crate::request::{locale, no_store, redirect};
use crate::state::AppState;

/// Messages that are shown, the newest.
const MESSAGES_MAX: u8 = 40;
/// Demo numbers that are listed.
const NUMBERS_MAX: u8 = 20;
/// Longest message that can be sent, in characters.
const REPLY_CHARS_MAX: usize = 200;

/// `/demo/handset/{msisdn}`
#[component]
pub fn HandsetPage() -> impl IntoView {
    page(|| {
        let state = AppState::current();
        let l = locale();
        let msisdn = use_params_map().get_untracked().get("msisdn").and_then(|text| text.parse::<Msisdn>().ok());
        let problem = use_query_map().get_untracked().get("problem");
        async move {
            no_store();
            let msisdn = msisdn.filter(|_| state.demo).ok_or(PageError::NotFound)?;
            let mut db = state.pool.acquire().await?;
            let numbers = demo::numbers(&mut db, NUMBERS_MAX).await?;
            // A number that nobody has has a phone too: nothing ever arrives there.
            let messages = match store::find_by_msisdn(&mut db, &msisdn).await? {
                Some(subscriber) => demo::handset(&mut db, subscriber.subscriber_id, MESSAGES_MAX).await?,
                None => Vec::new(),
            };
            let problem = match problem.as_deref() {
                Some("text") => Some(td_string!(l, demo.problem_text)),
                Some("failed") => Some(td_string!(l, demo.problem_failed)),
                _ => None,
            };
            Ok(view! {
                <Title text=td_string!(l, demo.title, msisdn = msisdn.as_str()) />
                <div class="stack-tight">
                    <h1>{td_string!(l, demo.title, msisdn = msisdn.as_str())}</h1>
                    <p class="muted">{td_string!(l, demo.lead)}</p>
                </div>
                {problem.map(|text| view! { <p class="banner bad" role="alert">{text}</p> })}
                <div class="phone">
                    <Handset msisdn=msisdn.to_string() messages />
                    <Numbers numbers own=msisdn.to_string() />
                </div>
                <AutoRefresh />
            })
        }
    })
}

#[component]
fn Handset(msisdn: String, messages: Vec<HandsetMessage>) -> impl IntoView {
    let l = locale();
    let here = format!("/demo/handset/{msisdn}");
    let message_id = format!("handset-{:032x}", rand::rng().random::<u128>());
    let empty = messages.is_empty();
    let messages = messages.into_iter().map(|message| message_view(l, message)).collect_view();
    view! {
        <section class="handset" aria-labelledby="handset-title">
            <div class="handset-top">
                <h2 id="handset-title">"10086"</h2>
                <a class="refresh" href=here>{td_string!(l, demo.refresh)}</a>
            </div>
            <div class="sms-scroll" role="region" tabindex="0" aria-label=td_string!(l, demo.messages)>
                {if empty {
                    view! { <p class="empty">{td_string!(l, demo.empty)}</p> }.into_any()
                } else {
                    view! { <ol class="sms-list">{messages}</ol> }.into_any()
                }}
            </div>
            <form class="handset-reply stack-tight" method="post" action="/api/demo_reply">
                <input type="hidden" name="msisdn" value=msisdn />
                <input type="hidden" name="message_id" value=message_id />
                <div class="field">
                    <label for="text">{td_string!(l, demo.reply)}</label>
                    <div class="search">
                        <input
                            id="text"
                            name="text"
                            autocomplete="off"
                            required
                            maxlength=REPLY_CHARS_MAX.to_string()
                            aria-describedby="reply-hint"
                        />
                        <button class="button primary" type="submit">{td_string!(l, demo.send)}</button>
                    </div>
                    <p class="hint" id="reply-hint">{td_string!(l, demo.reply_hint)}</p>
                </div>
            </form>
        </section>
    }
}

fn message_view(l: Locale, message: HandsetMessage) -> AnyView {
    let time = time_text(l, message.at);
    if message.is_call {
        return call_view(l, message, time);
    }
    let time = match message.state.as_str() {
        "queued" => td_string!(l, demo.queued, time = time),
        "given_up" | "undelivered" => td_string!(l, demo.given_up, time = time),
        _ => time,
    };
    if message.outgoing {
        view! {
            <li class="sms-mine">
                <p class="sms-said"><span class="sr">{td_string!(l, demo.you)}</span>{message.body}</p>
                <p class="sms-time">{time}</p>
            </li>
        }
        .into_any()
    } else {
        view! {
            <li class="sms">
                <p class="sms-text">{message.body}</p>
                <p class="sms-time">{time}</p>
            </li>
        }
        .into_any()
    }
}

/// A call from 10086: that it rang, and what was said once it was taken.
fn call_view(l: Locale, message: HandsetMessage, time: String) -> AnyView {
    let is_answered = message.state == "delivered";
    let told = match message.state.as_str() {
        "delivered" => td_string!(l, demo.call_answered, time = time),
        "queued" => td_string!(l, demo.call_waits, time = time),
        _ => time,
    };
    let said = is_answered.then(|| view! { <p class="sms-text">{message.body}</p> });
    view! {
        <li class="sms">
            <p class="sms-time"><span class="tag">{td_string!(l, demo.call)}</span> " " {told}</p>
            {said}
        </li>
    }
    .into_any()
}

#[component]
fn Numbers(numbers: Vec<DemoNumber>, own: String) -> impl IntoView {
    let l = locale();
    let items = numbers
        .into_iter()
        .map(|number| {
            let here = (number.msisdn == own).then_some("page");
            let href = format!("/demo/handset/{}", number.msisdn);
            view! {
                <li>
                    <a href=href aria-current=here>
                        {number.msisdn}" "{number.name}
                    </a>
                </li>
            }
        })
        .collect_view();
    view! {
        <section class="card">
            <h2>{td_string!(l, demo.numbers)}</h2>
            <ul class="numbers">{items}</ul>
            <p><a href="/login">{td_string!(l, demo.to_login)}</a></p>
        </section>
    }
}

/// Sends an SMS from a demo number to 10086; the same message id is handled once.
#[server(endpoint = "demo_reply")]
pub async fn reply(msisdn: String, message_id: String, text: String) -> Result<(), ServerFnError> {
    let state = AppState::current();
    let number = msisdn.parse::<Msisdn>().ok().filter(|_| state.demo);
    let Some(number) = number else {
        redirect("/");
        return Ok(());
    };
    let here = format!("/demo/handset/{number}");
    let text = text.trim();
    if text.is_empty() || text.chars().count() > REPLY_CHARS_MAX || message_id.is_empty() || message_id.len() > 100 {
        redirect(&format!("{here}?problem=text"));
        return Ok(());
    }
    match deliver(&state, &number, &message_id, text).await {
        Ok(()) => redirect(&here),
        Err(error) => {
            tracing::error!(?error, "a reply could not be handled");
            redirect(&format!("{here}?problem=failed"));
        }
    }
    Ok(())
}

async fn deliver(state: &AppState, number: &Msisdn, message_id: &str, text: &str) -> Result<(), PageError> {
    let mut db = state.pool.acquire().await?;
    if let Some(subscriber) = store::find_by_msisdn(&mut db, number).await? {
        incoming(&mut db, subscriber.subscriber_id, message_id, text, state.clock.now()).await?;
    }
    Ok(())
}
