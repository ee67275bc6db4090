//! What waits for an answer, and what is about to end: at the top, before anything else.

use charging::consent::Subject;
use charging::consent::request::OpenRequest;
use charging::money::plain;
use charging::order::view::ActiveService;
use charging::tariff;
use chrono::{DateTime, Utc};
use leptos::prelude::*;
use sqlx::PgConnection;

use crate::components::{PageResult, clock_text};
use crate::i18n::{Locale, td_string};
use crate::me::confirm::page_of;
use crate::me::parts::{Tone, banner};

/// An open question in words, with where to answer it; `None` when its time is over.
pub async fn open_question(
    conn: &mut PgConnection,
    l: Locale,
    request: Option<OpenRequest>,
    now: DateTime<Utc>,
) -> PageResult<Option<(String, String)>> {
    let Some(request) = request.filter(|request| now <= request.expires_at) else { return Ok(None) };
    let time = clock_text(request.expires_at);
    let text = match &request.subject {
        Subject::Order { scheme_id, version, .. } => {
            let tariff = tariff::store::version(conn, scheme_id, *version).await?;
            let name = tariff.map_or_else(|| scheme_id.to_string(), |tariff| tariff.content.name);
            td_string!(l, me.ov_answer_order, name = name, time = time)
        }
        Subject::Cap { cap } => td_string!(l, me.ov_answer_cap, cap = plain(*cap), time = time),
        Subject::Family { .. } => td_string!(l, family.ov_answer, time = time),
    };
    Ok(Some((text, page_of(&request.subject))))
}

/// The banner of an open question.
pub fn question_banner(l: Locale, (text, href): (String, String)) -> impl IntoView {
    banner(
        Tone::Warn,
        view! {
            <p>{text}</p>
            <p><a class="button" href=href>{td_string!(l, me.ov_answer)}</a></p>
        },
    )
}

/// An invitation to a family bill, with where it is answered.
pub fn invitation_banner(l: Locale, msisdn: &str) -> AnyView {
    banner(
        Tone::Warn,
        view! {
            <p>{td_string!(l, family.ov_invited, msisdn = msisdn)}</p>
            <p><a class="button" href="/me/family">{td_string!(l, family.ov_look)}</a></p>
        },
    )
}

/// Services whose end is decided, a line each.
pub fn ending_banner(l: Locale, services: &[ActiveService]) -> Option<impl IntoView + use<>> {
    let lines: Vec<_> = services
        .iter()
        .filter_map(|service| {
            let end = service.ends_at?;
            let day = crate::components::short_day_text(l, super::last_day(end));
            let text = td_string!(l, me.ov_ending, name = service.tariff.content.name.clone(), day = day);
            let href = format!("/me/addons#s{}", service.subscription_id);
            Some(view! { <p>{text} " " <a href=href>{td_string!(l, me.ov_ending_link)}</a></p> })
        })
        .collect();
    (!lines.is_empty()).then(|| banner(Tone::Good, lines))
}
