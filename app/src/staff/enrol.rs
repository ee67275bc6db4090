//! `/staff/enrol/{ticket}`: whoever got the link chooses a password and sets up the authenticator, in one form.

use charging::staff::enrolment::{self, Invitation, invitation};
use charging::staff::{PASSWORD_CHARS_MIN, StaffError, StaffKey};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_params_map;
use qrcode::QrCode;
use rand::SeedableRng as _;
use rand::rngs::StdRng;

use super::words::{problem, weakness};
use super::{INPUT_BYTES_MAX, set_cookie, set_token};
use crate::components::{CodeField, QrPicture, page};
use crate::i18n::td_string;
use crate::me::parts::{Tone, banner, query};
use crate::request::{client_ip, cookie_in, headers, locale, query_value, redirect};
use crate::state::AppState;

/// Keeps the secret of an enrolment, sealed, while somebody is at it: another browser gets another.
const KEPT_COOKIE: &str = "mingbai_enrolment";

/// `/staff/enrol/{ticket}`
#[component]
pub fn EnrolPage() -> impl IntoView {
    page(|| {
        let state = AppState::current();
        let l = locale();
        let ticket = use_params_map().get_untracked().get("ticket").unwrap_or_default();
        let now = state.clock.now();
        let problem = problem(l, now);
        let was_asked_to_keep = query("kept").is_some();
        async move {
            let invited = match &state.staff_key {
                Some(key) => invited(&state, key, &ticket).await?,
                None => None,
            };
            let body = match invited {
                // What is shown must be what the browser keeps, so it is given first and shown on the way back.
                Some(invited) if !invited.is_kept && !was_asked_to_keep => {
                    set_cookie(KEPT_COOKIE, &invited.kept);
                    redirect(&format!("/staff/enrol/{}?kept=1", query_value(&ticket).replace('/', "%2F")));
                    ().into_any()
                }
                Some(invited) if !invited.is_kept => view! { <p>{td_string!(l, staff.cookies_needed)}</p> }.into_any(),
                Some(invited) => {
                    let url = invited.factor.url()?;
                    let picture = QrCode::new(&url)?;
                    view! { <EnrolForm ticket invited url picture problem /> }.into_any()
                }
                None => view! {
                    <p>{td_string!(l, staff.link_used)}</p>
                    <p><a class="button" href="/staff/login">{td_string!(l, staff.sign_in_title)}</a></p>
                }
                .into_any(),
            };
            Ok(view! {
                <Title text=td_string!(l, staff.enrol_title) />
                <section class="narrow stack">
                    <h1>{td_string!(l, staff.enrol_title)}</h1>
                    {body}
                </section>
            })
        }
    })
}

async fn invited(state: &AppState, key: &StaffKey, ticket: &str) -> Result<Option<Invitation>, StaffError> {
    let kept =
        headers().and_then(|headers| cookie_in(&headers, KEPT_COOKIE)).filter(|kept| kept.len() <= INPUT_BYTES_MAX);
    let mut conn = state.pool.acquire().await?;
    invitation(&mut conn, key, ticket, kept.as_deref(), state.clock.now(), &mut StdRng::from_os_rng()).await
}

#[component]
fn EnrolForm(
    ticket: String,
    invited: Invitation,
    url: String,
    picture: QrCode,
    problem: Option<String>,
) -> impl IntoView {
    let l = locale();
    // Groups of four, as one types them in.
    let secret: Vec<char> = invited.factor.text().chars().collect();
    let secret = secret.chunks(4).map(String::from_iter).collect::<Vec<_>>().join(" ");
    let login = invited.login.to_string();
    view! {
        <p>{td_string!(l, staff.enrol_lead, name = invited.name.clone(), login = login.clone())}</p>
        {problem.map(|text| banner(Tone::Bad, text))}
        <form class="stack" method="post" action="/staff/api/enrol">
            <input type="hidden" name="ticket" value=ticket />
            <input type="hidden" name="username" autocomplete="username" value=login />
            <fieldset class="card">
                <legend class="sr">{td_string!(l, staff.enrol_authenticator)}</legend>
                <h2>{td_string!(l, staff.enrol_authenticator)}</h2>
                <p>{td_string!(l, staff.enrol_scan)}</p>
                <QrPicture picture label=td_string!(l, staff.qr_label) />
                <p>{td_string!(l, staff.enrol_type)} " " <code class="secret">{secret}</code></p>
                <p><a href=url.clone()>{td_string!(l, staff.enrol_open)}</a></p>
                <CodeField label=td_string!(l, staff.enrol_code) />
            </fieldset>
            <fieldset class="card">
                <legend class="sr">{td_string!(l, staff.enrol_password)}</legend>
                <h2>{td_string!(l, staff.enrol_password)}</h2>
                <NewPassword />
            </fieldset>
            <button class="button primary" type="submit">{td_string!(l, staff.enrol_submit)}</button>
        </form>
    }
}

/// A password, twice.
#[component]
pub(super) fn NewPassword() -> impl IntoView {
    let l = locale();
    let field = |id: &'static str, label: &'static str| {
        view! {
            <div class="field">
                <label for=id>{label}</label>
                <input
                    id=id
                    type="password"
                    name=id
                    autocomplete="new-password"
                    minlength=PASSWORD_CHARS_MIN.to_string()
                    maxlength="64"
                    required
                    aria-describedby="password-hint"
                />
            </div>
        }
    };
    view! {
        {field("password", td_string!(l, staff.new_password))}
        {field("repeated", td_string!(l, staff.repeat_password))}
        <p class="hint" id="password-hint">{td_string!(l, staff.password_hint, min = PASSWORD_CHARS_MIN)}</p>
    }
}

/// Uses a link.
#[server(prefix = "/staff/api", endpoint = "enrol")]
pub async fn staff_enrol(
    ticket: String,
    code: String,
    password: String,
    repeated: String,
) -> Result<(), ServerFnError> {
    redirect(&enrolled(&ticket, &code, &password, &repeated).await);
    Ok(())
}

async fn enrolled(ticket: &str, code: &str, password: &str, repeated: &str) -> String {
    let state = AppState::current();
    let now = state.clock.now();
    let ticket = ticket.get(..ticket.len().min(100)).unwrap_or_default();
    let back = |problem: &str| format!("/staff/enrol/{}?problem={problem}", query_value(ticket).replace('/', "%2F"));
    if code.len().max(password.len()) > INPUT_BYTES_MAX {
        return back("length");
    }
    if password != repeated {
        return back("different");
    }
    let Some(key) = &state.staff_key else { return back("no_key") };
    let done = async {
        let invited = invited(&state, key, ticket).await?.ok_or(StaffError::NotFound)?;
        let rng = &mut StdRng::from_os_rng();
        enrolment::enrol(&state.pool, invited, password, code, client_ip(), now, rng).await
    };
    match done.await {
        Ok(Some(token)) => {
            set_token(&token);
            set_cookie(KEPT_COOKIE, "");
            "/staff?ok=enrolled".to_owned()
        }
        Ok(None) => back("code"),
        Err(StaffError::NotFound) => back("gone"),
        Err(StaffError::WeakPassword(weak)) => back(weakness(weak)),
        Err(StaffError::RateLimited { retry_after }) => {
            back(&format!("wait&until={}", (now + retry_after).timestamp()))
        }
        Err(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, "somebody of the staff could not be enrolled");
            back("failed")
        }
    }
}
