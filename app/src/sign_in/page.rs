use charging::demo::{self, DemoNumber};
use chrono::{DateTime, TimeDelta, Utc};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

use super::actions::NUMBER_KEY;
use crate::components::{CodeField, PageError, PasswordField, clock_text, page};
use crate::i18n::{Locale, td_string};
use crate::request::{local_path, locale, no_store, redirect, session, signed_in};
use crate::state::AppState;

/// Demo numbers that are listed.
const DEMO_NUMBERS: u8 = 8;

/// `/login`
#[component]
pub fn LoginPage() -> impl IntoView {
    page(|| {
        let state = AppState::current();
        let l = locale();
        let params = use_query_map().get_untracked();
        let next = local_path(&params.get("next").unwrap_or_default()).to_owned();
        let message = message(l, |name| params.get(name), state.clock.now());
        let second_step = params.get("step").as_deref() == Some("code");
        let sent = params.get("ok").as_deref() == Some("sent");
        async move {
            no_store();
            if signed_in().await.is_some() {
                redirect(&next);
                return Err(PageError::SignedOut);
            }
            let number = match session().filter(|_| second_step) {
                Some(session) => session.get::<String>(NUMBER_KEY).await?,
                None => None,
            };
            let numbers = if state.demo {
                demo::numbers(&mut *state.pool.acquire().await?, DEMO_NUMBERS).await?
            } else {
                Vec::new()
            };
            Ok(view! {
                <Title text=td_string!(l, sign_in.title) />
                <div class="stack-tight">
                    <h1>{td_string!(l, sign_in.title)}</h1>
                    <p class="muted">{td_string!(l, sign_in.lead)}</p>
                </div>
                {message.map(|(class, text)| view! { <p class=class role="status">{text}</p> })}
                <div class="ways">
                    {match number.clone() {
                        Some(number) => view! { <CodeForm number sent next=next.clone() /> }.into_any(),
                        None => view! { <NumberForm next=next.clone() /> }.into_any(),
                    }}
                    <PasswordForm next />
                </div>
                {state.demo.then(|| view! { <DemoNumbers numbers own=number /> })}
            })
        }
    })
}

/// What the last answer has to say: the class of its banner, and its text.
fn message(l: Locale, param: impl Fn(&str) -> Option<String>, now: DateTime<Utc>) -> Option<(&'static str, String)> {
    if param("ok").as_deref() == Some("signed_out") {
        return Some(("banner", td_string!(l, sign_in.signed_out).to_owned()));
    }
    let text = match param("problem").as_deref()? {
        "number" => td_string!(l, sign_in.problem_number).to_owned(),
        "code" => td_string!(l, sign_in.problem_code).to_owned(),
        "password" => td_string!(l, sign_in.problem_password).to_owned(),
        "expired" => td_string!(l, sign_in.problem_expired).to_owned(),
        "failed" => td_string!(l, sign_in.problem_failed).to_owned(),
        "wait" => wait_text(l, param("until").as_deref(), now),
        _ => return None,
    };
    Some(("banner bad", text))
}

/// That it was too often, and from when on one can try again, where the address says it sensibly.
pub fn wait_text(l: Locale, until: Option<&str>, now: DateTime<Utc>) -> String {
    match until.and_then(|text| retry_at(text, now)) {
        Some(at) => td_string!(l, sign_in.problem_wait, time = clock_text(at)),
        None => td_string!(l, sign_in.problem_wait_some).to_owned(),
    }
}

/// The minute from which one can try again, rounded up; `None` when the address does not say it sensibly.
fn retry_at(seconds: &str, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let at = DateTime::from_timestamp(seconds.parse().ok()?, 0)?;
    (now < at && at <= now + TimeDelta::hours(2)).then(|| at + TimeDelta::seconds(59))
}

/// First step: the number.
#[component]
fn NumberForm(next: String) -> impl IntoView {
    let l = locale();
    view! {
        <form class="card" method="post" action="/api/request_code" data-method="code">
            <h2>{td_string!(l, sign_in.by_code)}</h2>
            <input type="hidden" name="next" value=next />
            <MsisdnField id="code_msisdn" />
            <button class="button primary" type="submit">{td_string!(l, sign_in.send_code)}</button>
        </form>
    }
}

/// Second step: the code. Beside it, the ways back.
#[component]
fn CodeForm(number: String, sent: bool, next: String) -> impl IntoView {
    let l = locale();
    view! {
        <div class="card">
            <h2>{td_string!(l, sign_in.by_code)}</h2>
            {sent
                .then(|| {
                    let text = td_string!(l, sign_in.code_sent, msisdn = number.clone());
                    view! { <p role="status">{text}</p> }
                })}
            <form class="stack" method="post" action="/api/sign_in_with_code" data-method="code">
                <input type="hidden" name="next" value=next.clone() />
                <CodeField label=td_string!(l, sign_in.code) hint=td_string!(l, sign_in.code_hint) />
                <button class="button primary" type="submit">{td_string!(l, sign_in.submit)}</button>
            </form>
            <form class="row" method="post" action="/api/request_code">
                <input type="hidden" name="next" value=next.clone() />
                <input type="hidden" name="msisdn" value=number />
                <button class="link" type="submit">{td_string!(l, sign_in.send_again)}</button>
                <a href=format!("/login?next={}", crate::request::query_value(&next))>
                    {td_string!(l, sign_in.other_number)}
                </a>
            </form>
        </div>
    }
}

#[component]
fn PasswordForm(next: String) -> impl IntoView {
    let l = locale();
    view! {
        <form class="card" method="post" action="/api/sign_in_with_password" data-method="password">
            <h2>{td_string!(l, sign_in.by_password)}</h2>
            <input type="hidden" name="next" value=next />
            <MsisdnField id="password_msisdn" />
            <PasswordField
                name="password"
                label=td_string!(l, sign_in.password)
                hint=td_string!(l, sign_in.forgot)
            />
            <button class="button primary" type="submit">{td_string!(l, sign_in.submit)}</button>
        </form>
    }
}

#[component]
fn MsisdnField(id: &'static str) -> impl IntoView {
    let l = locale();
    view! {
        <div class="field">
            <label for=id>{td_string!(l, sign_in.msisdn)}</label>
            <input
                id=id
                type="tel"
                name="msisdn"
                inputmode="tel"
                autocomplete="tel-national"
                maxlength="20"
                required
                placeholder=td_string!(l, sign_in.msisdn_hint)
            />
        </div>
    }
}

/// Demo mode only: numbers and their password, and the phone on which their SMS arrive.
#[component]
fn DemoNumbers(numbers: Vec<DemoNumber>, own: Option<String>) -> impl IntoView {
    let l = locale();
    let listed = own.iter().all(|own| numbers.iter().any(|number| number.msisdn == *own));
    let own = own.filter(|_| !listed).map(|msisdn| DemoNumber { msisdn, name: String::new() });
    let rows = own
        .into_iter()
        .chain(numbers)
        .map(|number| {
            let handset = format!("/demo/handset/{}", number.msisdn);
            let label = format!("{} {}", td_string!(l, sign_in.demo_handset), number.msisdn);
            view! {
                <tr>
                    <td>{number.msisdn}</td>
                    <td>{number.name}</td>
                    <td class="num"><a href=handset aria-label=label>{td_string!(l, sign_in.demo_handset)}</a></td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <section class="card">
            <h2>{td_string!(l, sign_in.demo_title)}</h2>
            <p>{td_string!(l, sign_in.demo_text, password = demo::SERVICE_PASSWORD)}</p>
            <table class="table numbers">
                <tbody>{rows}</tbody>
            </table>
        </section>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_near_time_is_told() {
        let now: DateTime<Utc> = "2026-10-15T08:00:00Z".parse().unwrap();
        let at = |seconds: i64| retry_at(&(now.timestamp() + seconds).to_string(), now);
        assert_eq!(at(61).map(|at| at.timestamp() - now.timestamp()), Some(120));
        assert_eq!([at(-1), at(0), at(8000)], [None; 3]);
        assert_eq!(retry_at("99999999999999999", now), None);
        assert_eq!(retry_at("soon", now), None);
    }
}
