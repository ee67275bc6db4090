//! 事中确认 Step 2 of whatever needs a yes: the SMS as it was sent, the code, alone or with a signature, and the way out beside it.

mod answer;
mod sign;

pub use answer::{cap_problem, family_problem, order_problem, page_of};

use charging::consent::Subject;
use charging::consent::request::{OpenRequest, find_open, newest_open};
use charging::sign_in::code::{Purpose, Usable, usable};
use chrono::{DateTime, Utc};
use leptos::prelude::*;
use sqlx::PgConnection;

use super::parts::{Tone, masked};
use crate::components::{PageResult, clock_text};
use crate::i18n::{Locale, td_string};

/// A question that waits for its answer.
#[derive(Clone, Debug)]
pub struct Pending {
    pub request: OpenRequest,
    /// The newest code while it works; `None`: there is none any more, ask for another.
    pub code: Option<Usable>,
}

/// What became of a question that a page was asked to show.
pub enum Found {
    Waiting(Box<Pending>),
    /// It was asked, and its time is over.
    Expired,
    Nothing,
}

/// The question that was named in the address, else the one asked last, when it is about what the page is about.
pub async fn find(
    conn: &mut PgConnection,
    subscriber_id: i64,
    request_id: Option<i64>,
    about: impl Fn(&Subject) -> bool,
    now: DateTime<Utc>,
) -> PageResult<Found> {
    let open = match request_id {
        Some(request_id) => find_open(conn, subscriber_id, request_id).await?,
        None => newest_open(conn, subscriber_id).await?,
    };
    let Some(request) = open.filter(|request| about(&request.subject)) else { return Ok(Found::Nothing) };
    if now > request.expires_at {
        return Ok(if request_id.is_some() { Found::Expired } else { Found::Nothing });
    }
    let purpose = Purpose::Consent { request_id: request.request_id };
    let code = usable(conn, subscriber_id, purpose, now).await?;
    Ok(Found::Waiting(Box::new(Pending { request, code })))
}

/// What a code of the address says about the last answer.
pub fn problem_text(l: Locale, code: &str) -> Option<(Tone, &'static str)> {
    Some(match code {
        "code_wrong" => (Tone::Bad, td_string!(l, me.problem_code_wrong)),
        "name" => (Tone::Bad, td_string!(l, me.problem_name)),
        "signature" => (Tone::Bad, td_string!(l, me.problem_signature)),
        "signature_small" => (Tone::Bad, td_string!(l, me.problem_signature_small)),
        "too_many" => (Tone::Warn, td_string!(l, me.problem_too_many)),
        "request_gone" => (Tone::Warn, td_string!(l, me.problem_request_gone)),
        "failed" => (Tone::Bad, td_string!(l, me.problem_failed)),
        _ => return None,
    })
}

/// The forms of step 2. `confirm` and `refuse` are the words on the two ways on, which look alike.
pub fn confirm_forms(
    l: Locale,
    pending: Pending,
    msisdn: &str,
    confirm: &'static str,
    refuse: &'static str,
) -> AnyView {
    let request_id = pending.request.request_id.to_string();
    let sms_title = td_string!(l, me.sms_sent_to, msisdn = masked(msisdn));
    let sign = pending.code.map(|code| sign::forms(l, &request_id, code, confirm));
    let code = match pending.code {
        Some(code) => code_field(l, code, "code").into_any(),
        None => view! { <p class="strong">{td_string!(l, me.code_none)}</p> }.into_any(),
    };
    let confirm_button = pending.code.is_some().then(|| view! { <button class="button">{confirm}</button> });
    view! {
        <div class="stack-tight">
            <h3>{sms_title}</h3>
            <blockquote class="sms">{pending.request.description}</blockquote>
        </div>
        <form id="answer" class="code-form" method="post" action="/api/consent_code">
            <input type="hidden" name="request_id" value=request_id.clone() />
            {code}
            <div class="buttons">
                {confirm_button}
                <button class="button" form="refuse">{refuse}</button>
                <button class="button" form="resend">{td_string!(l, me.code_resend)}</button>
            </div>
        </form>
        <form id="refuse" method="post" action="/api/consent_refuse">
            <input type="hidden" name="request_id" value=request_id.clone() />
        </form>
        <form id="resend" method="post" action="/api/consent_resend">
            <input type="hidden" name="request_id" value=request_id />
        </form>
        {sign}
    }
    .into_any()
}

fn code_field(l: Locale, code: Usable, id: &'static str) -> impl IntoView {
    let hint = td_string!(l, me.code_hint, time = clock_text(code.expires_at));
    let tries = (code.tries_left < charging::sign_in::code::CODE_TRIES_MAX)
        .then(|| view! { <br /><span class="strong">{td_string!(l, me.code_tries, n = code.tries_left)}</span> });
    let hint_id = format!("{id}-hint");
    view! {
        <div class="field">
            <label for=id>{td_string!(l, me.code_label)}</label>
            <input
                id=id
                name="code"
                inputmode="numeric"
                autocomplete="one-time-code"
                pattern="[0-9]{6}"
                maxlength="6"
                required
                aria-describedby=hint_id.clone()
            />
            <p class="hint" id=hint_id>{hint} {tries}</p>
        </div>
    }
}
