//! `/me/cap`: how far the cap is, what each tier would have meant, and choosing another.

mod choose;
mod view;

use charging::clock::Month;
use charging::consent::Subject;
use charging::money::plain;
use charging::subscriber::store::find;
use charging::usage::cap::parse_cap;
use charging::usage::store as usage;
use leptos::prelude::*;
use leptos_meta::Title;
use rust_decimal::Decimal;

use super::confirm::{self, Found, Pending, confirm_forms, problem_text};
use super::parts::{Tone, banner, fen, query};
use crate::components::{PageError, page};
use crate::i18n::{Locale, td_string};
use crate::request::{locale, signed_in};
use crate::state::AppState;

pub use view::cap_line;

/// `/me/cap`.
#[component]
pub fn CapPage() -> impl IntoView {
    page(|| async {
        let (l, state) = (locale(), AppState::current());
        let (ok, problem) = (query("ok"), query("problem"));
        let before = query("from").and_then(|from| parse_cap(&from).ok());
        let request_id = query("request").and_then(|id| id.parse().ok());
        let now = state.clock.now();
        let month = Month::of(now);
        let subscriber_id = signed_in().await.ok_or(PageError::SignedOut)?;
        let mut db = state.pool.acquire().await?;
        let subscriber = find(&mut db, subscriber_id).await?.ok_or(PageError::SignedOut)?;
        let cap = usage::month_overview(&mut db, subscriber_id, month, now).await?.cap;
        let tiers = usage::what_each_tier_would_have_meant(&mut db, subscriber_id, month.previous()).await?;
        let about = |subject: &Subject| matches!(subject, Subject::Cap { cap: wanted } if *wanted > cap.cap);
        let found = confirm::find(&mut db, subscriber_id, request_id, about, now).await?;
        let expired =
            matches!(found, Found::Expired).then(|| banner(Tone::Warn, td_string!(l, me.problem_code_expired)));
        let pending = match found {
            Found::Waiting(pending) => Some(pending_card(l, *pending, cap.cap, subscriber.msisdn.as_str())),
            Found::Expired | Found::Nothing => None,
        };
        let spent = cap.charged;
        Ok(view! {
            <Title text=td_string!(l, me.cap_title) />
            <header class="stack-tight">
                <h1>{td_string!(l, me.cap_title)}</h1>
                <p class="muted">{td_string!(l, me.cap_lead)}</p>
            </header>
            {ok.as_deref().and_then(|code| done(l, code, cap.cap)).map(|text| banner(Tone::Good, text))}
            {before.filter(|before| ok.as_deref() == Some("lowered") && *before > cap.cap).map(|before| undo(l, before))}
            {problem.and_then(|code| refused(l, &code, spent)).map(|(tone, text)| banner(tone, text))}
            {expired}
            {pending}
            {view::state_card(l, cap.cap, cap.charged)}
            {view::choose_form(l, cap.cap, month.previous(), &tiers)}
        })
    })
}

/// Step 2 of raising: the code.
fn pending_card(l: Locale, pending: Pending, cap: Decimal, msisdn: &str) -> impl IntoView + use<> {
    let wanted = match pending.request.subject {
        Subject::Cap { cap } => cap,
        Subject::Order { .. } | Subject::Family { .. } => cap,
    };
    let from = plain(cap);
    view! {
        <section class="card asks" aria-labelledby="pending">
            <h2 id="pending">{td_string!(l, me.cap_pending, from = from.clone(), to = plain(wanted))}</h2>
            <p>{td_string!(l, me.cap_pending_text, from = from)}</p>
            {confirm_forms(l, pending, msisdn, td_string!(l, me.cap_confirm), td_string!(l, me.cap_keep))}
        </section>
    }
}

fn done(l: Locale, code: &str, cap: Decimal) -> Option<String> {
    match code {
        "lowered" => Some(td_string!(l, me.cap_ok_lowered, cap = plain(cap))),
        "raised" => Some(td_string!(l, me.cap_ok_raised, cap = plain(cap))),
        "kept" => Some(td_string!(l, me.cap_ok_kept, cap = plain(cap))),
        "sent" => Some(td_string!(l, me.or_ok_sent).to_owned()),
        _ => None,
    }
}

/// Back to the cap of before: a raise like any other.
fn undo(l: Locale, before: Decimal) -> impl IntoView {
    view! {
        <form method="post" action="/api/cap">
            <input type="hidden" name="cap" value=plain(before) />
            <button class="button">{td_string!(l, me.cap_undo, cap = plain(before))}</button>
        </form>
    }
}

fn refused(l: Locale, code: &str, spent: Decimal) -> Option<(Tone, String)> {
    let warn = |text: String| Some((Tone::Warn, text));
    match code {
        "amount" => warn(td_string!(l, me.cap_problem_amount).to_owned()),
        "same" => warn(td_string!(l, me.cap_problem_same).to_owned()),
        "below" => warn(td_string!(l, me.cap_problem_below, charged = fen(spent))),
        code => problem_text(l, code).map(|(tone, text)| (tone, text.to_owned())),
    }
}
