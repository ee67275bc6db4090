//! `/me/notices/choices`: which messages and calls a subscriber gets, and in which language.

use charging::notice::quiet::waking;
use charging::notice::{Topic, choice};
use charging::subscriber::Language;
use charging::subscriber::store::{find, set_language};
use leptos::prelude::*;
use leptos_meta::Title;

use crate::components::{PageError, page};
use crate::i18n::{Locale, td_string};
use crate::me::parts::{Tone, banner, query};
use crate::request::{locale, redirect, signed_in};
use crate::state::AppState;

/// `/me/notices/choices`
#[component]
pub fn ChoicesPage() -> impl IntoView {
    page(|| async {
        let (l, state) = (locale(), AppState::current());
        let (ok, problem) = (query("ok"), query("problem"));
        let subscriber_id = signed_in().await.ok_or(PageError::SignedOut)?;
        let mut db = state.pool.acquire().await?;
        let subscriber = find(&mut db, subscriber_id).await?.ok_or(PageError::SignedOut)?;
        let wanted = choice::wanted(&mut db, &Topic::ALL.map(|topic| (subscriber_id, topic))).await?;
        let is_wanted = move |topic: Topic| wanted.contains(&(subscriber_id, topic));
        let tick = move |topic: Topic| tick(l, topic, is_wanted(topic));
        Ok(view! {
            <Title text=td_string!(l, notice.choices_title) />
            <header class="stack-tight">
                <h1>{td_string!(l, notice.choices_title)}</h1>
                <p class="muted">{td_string!(l, notice.choices_lead, msisdn = subscriber.msisdn.as_str())}</p>
            </header>
            {ok.map(|_| banner(Tone::Good, td_string!(l, notice.choices_saved)))}
            {problem.map(|_| banner(Tone::Bad, td_string!(l, notice.choices_failed)))}
            <form class="card stack choices" method="post" action="/api/notice_choices">
                <fieldset class="stack-tight">
                    <legend>{td_string!(l, notice.yours)}</legend>
                    <p class="muted">{td_string!(l, notice.yours_lead)}</p>
                    {tick(Topic::UsageShare)}
                    <p class="small muted">{td_string!(l, notice.choose_usage_share_hint)}</p>
                </fieldset>
                {state.calls.then(|| calls(l, tick))}
                {languages(l, subscriber.language, state.calls)}
                <button class="button primary wide-button">{td_string!(l, notice.save)}</button>
            </form>
            {always(l)}
            {(!waking().are_all())
                .then(|| {
                    let (from, until) = (waking().first_hour(), waking().end_hour());
                    let words = if state.calls {
                        td_string!(l, notice.quiet, from = from, until = until)
                    } else {
                        td_string!(l, notice.quiet_sms, from = from, until = until)
                    };
                    view! { <p>{words}</p> }
                })}
            <p class="actions">
                <a class="button" href="/me/notices">{td_string!(l, notice.title)}</a>
                <a class="button" href="/notices">{td_string!(l, notice.to_catalogue)}</a>
            </p>
        })
    })
}

fn tick(l: Locale, topic: Topic, is_wanted: bool) -> AnyView {
    let words = match topic {
        Topic::UsageShare => td_string!(l, notice.choose_usage_share),
        Topic::CallOverUse => td_string!(l, notice.choose_call_over_use),
        Topic::CallRenewal => td_string!(l, notice.choose_call_renewal),
    };
    view! {
        <label class="choice">
            <input type="checkbox" name=topic.as_str() value="on" checked=is_wanted />
            <span>{words}</span>
        </label>
    }
    .into_any()
}

/// What can be told by phone too, where there is a way to call.
fn calls(l: Locale, tick: impl Fn(Topic) -> AnyView) -> impl IntoView {
    view! {
        <fieldset class="stack-tight">
            <legend>{td_string!(l, notice.calls)}</legend>
            <p class="muted">{td_string!(l, notice.calls_lead)}</p>
            {tick(Topic::CallOverUse)}
            {tick(Topic::CallRenewal)}
        </fieldset>
    }
}

fn languages(l: Locale, chosen: Language, has_calls: bool) -> impl IntoView {
    let choices = Language::ALL
        .into_iter()
        .map(|language| {
            let name = match language {
                Language::Chinese => td_string!(l, notice.language_zh),
                Language::English => td_string!(l, notice.language_en),
            };
            let (tag, is_chosen) = (language.as_str(), language == chosen);
            view! {
                <label class="choice">
                    <input type="radio" name="language" value=tag checked=is_chosen />
                    <span>{name}</span>
                </label>
            }
        })
        .collect_view();
    view! {
        <fieldset class="stack-tight">
            <legend>{if has_calls { td_string!(l, notice.language) } else { td_string!(l, notice.language_sms) }}</legend>
            {choices}
        </fieldset>
    }
}

/// What is sent whatever was chosen, and why.
fn always(l: Locale) -> impl IntoView {
    let messages = [
        (td_string!(l, notice.always_answers), td_string!(l, notice.always_answers_why)),
        (td_string!(l, notice.always_ahead), td_string!(l, notice.always_ahead_why)),
        (td_string!(l, notice.always_limits), td_string!(l, notice.always_limits_why)),
        (td_string!(l, notice.always_high), td_string!(l, notice.always_high_why)),
        (td_string!(l, notice.always_bill), td_string!(l, notice.always_bill_why)),
        (td_string!(l, notice.always_asked), td_string!(l, notice.always_asked_why)),
    ];
    let rows = messages
        .into_iter()
        .map(|(what, why)| {
            view! {
                <li>
                    <span class="what">{what} <br /> <span class="when">{why}</span></span>
                </li>
            }
        })
        .collect_view();
    view! {
        <section class="card stack-tight" aria-labelledby="always">
            <h2 id="always">{td_string!(l, notice.always)}</h2>
            <p class="muted">{td_string!(l, notice.always_lead)}</p>
            <ul class="rows">{rows}</ul>
        </section>
    }
}

/// Notes what the subscriber wants: a box that is not ticked is not sent by the browser. Calls stay as they are where none
/// are offered.
#[server(endpoint = "notice_choices")]
pub async fn choose_notices(
    #[server(default)] usage_share: String,
    #[server(default)] call_over_use: String,
    #[server(default)] call_renewal: String,
    #[server(default)] language: String,
) -> Result<(), ServerFnError> {
    let state = AppState::current();
    let Some(subscriber_id) = signed_in().await else {
        redirect("/login?next=/me/notices/choices");
        return Ok(());
    };
    // Every form has it: without it, boxes that are not there were not left empty by anybody.
    let Ok(language) = language.parse::<Language>() else {
        redirect("/me/notices/choices?problem=failed");
        return Ok(());
    };
    let is_on = |value: String| value == "on";
    let mut choices = vec![(Topic::UsageShare, is_on(usage_share))];
    if state.calls {
        choices.extend([(Topic::CallOverUse, is_on(call_over_use)), (Topic::CallRenewal, is_on(call_renewal))]);
    }
    match save(&state, subscriber_id, &choices, language).await {
        Ok(()) => redirect("/me/notices/choices?ok=saved"),
        Err(error) => {
            tracing::error!(?error, "choices of notices could not be saved");
            redirect("/me/notices/choices?problem=failed");
        }
    }
    Ok(())
}

async fn save(
    state: &AppState,
    subscriber_id: i64,
    choices: &[(Topic, bool)],
    language: Language,
) -> Result<(), PageError> {
    let now = state.clock.now();
    let mut tx = state.pool.begin().await?;
    let present = choice::wanted(&mut tx, &Topic::ALL.map(|topic| (subscriber_id, topic))).await?;
    for (topic, wanted) in choices {
        // What was not changed was chosen when it was.
        if present.contains(&(subscriber_id, *topic)) != *wanted {
            choice::choose(&mut tx, subscriber_id, *topic, *wanted, "web", now).await?;
        }
    }
    set_language(&mut tx, subscriber_id, language).await?;
    Ok(tx.commit().await?)
}
