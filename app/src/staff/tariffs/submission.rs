//! `/staff/tariffs/submissions/{submission}`: what somebody else decides about, with everything before his eyes.

use charging::staff::{Member, Permission};
use charging::tariff::TariffVersion;
use charging::tariff::draft::State;
use charging::tariff::draft::store::{Submission, submission};
use charging::tariff::store::version;
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_params_map;

use super::findings::judged;
use super::preview::{Around, difference, preview};
use super::words::{lead_text, state_class, state_name};
use crate::components::{PageError, page, time_text};
use crate::i18n::{Locale, td_string};
use crate::request::locale;
use crate::state::AppState;

/// `/staff/tariffs/submissions/{submission}`
#[component]
pub fn SubmissionPage() -> impl IntoView {
    page(|| {
        let state = AppState::current();
        let l = locale();
        let id = use_params_map().get_untracked().get("submission").and_then(|id| id.parse::<i64>().ok());
        let answer = super::answer();
        async move {
            let member = super::member()?;
            let mut db = state.pool.acquire().await?;
            let found = submission(&mut db, id.ok_or(PageError::NotFound)?).await?.ok_or(PageError::NotFound)?;
            let before = match found.base_version {
                0 => None,
                number => version(&mut db, &found.content.scheme_id, number).await?,
            };
            let around = Around::load(&mut db, &found.content, state.clock.now()).await?;
            Ok(view! {
                <Title text=found.content.name.clone() />
                <p><a href="/staff/tariffs">{td_string!(l, draft.all)}</a></p>
                <div class="stack-tight">
                    <h1>{found.content.name.clone()}</h1>
                    <p><span class=state_class(found.state)>{state_name(l, found.state)}</span></p>
                </div>
                {answer}
                {facts(l, &found)}
                {changes(l, &found, before.as_ref())}
                <section class="card">
                    <h2>{td_string!(l, draft.findings_title)}</h2>
                    <p>{td_string!(l, draft.no_errors)}</p>
                    {judged(l, &found.findings)}
                </section>
                <section class="stack">
                    <h2>{td_string!(l, draft.preview)}</h2>
                    {preview(l, found.content.clone(), around)}
                </section>
                {decision(l, &found, &member)}
                {withdrawal(l, &found)}
            })
        }
    })
}

fn facts(l: Locale, found: &Submission) -> impl IntoView + use<> {
    let fact = |name: &'static str, text: String| view! { <div><dt>{name}</dt><dd>{text}</dd></div> };
    let by = |by: &str, at| format!("{by} · {}", time_text(l, at));
    let version = td_string!(l, draft.version_n, n = (found.base_version + 1).to_string());
    let decided = found.decided.as_ref().map(|decided| {
        let mut text = by(&decided.by, decided.at);
        if !decided.comment.is_empty() {
            text = format!("{text}\n{}", decided.comment);
        }
        fact(td_string!(l, draft.decided), text)
    });
    let withdrawn = found.withdrawn.as_ref().map(|(who, at)| fact(td_string!(l, draft.withdrawn), by(who, *at)));
    let live = found.live.map(|(public, orderable)| {
        view! {
            {fact(td_string!(l, draft.public_since), time_text(l, public))}
            {fact(td_string!(l, draft.orderable_from), time_text(l, orderable))}
        }
    });
    let draft = format!("/staff/tariffs/drafts/{}", found.draft_id);
    view! {
        <dl class="facts card">
            {fact(td_string!(l, draft.scheme_id), format!("{} · {version}", found.content.scheme_id))}
            {fact(td_string!(l, draft.authors), found.author_names.join("、"))}
            {fact(td_string!(l, draft.submitted), by(&found.submitted_by, found.submitted_at))}
            {fact(td_string!(l, draft.go_live), time_text(l, found.go_live_at))}
            {fact(td_string!(l, draft.public_first), lead_text(l, found.lead_seconds))}
            {decided}
            {withdrawn}
            {live}
            <div>
                <dt>{td_string!(l, draft.draft)}</dt>
                <dd><a href=draft>{td_string!(l, draft.revision, n = found.revision.to_string())}</a></dd>
            </div>
        </dl>
    }
}

fn changes(l: Locale, found: &Submission, before: Option<&TariffVersion>) -> impl IntoView + use<> {
    let body = match before {
        Some(before) => difference(&before.content, &found.content),
        None => view! { <p>{td_string!(l, draft.is_new)}</p> }.into_any(),
    };
    view! {
        <section class="card" id="difference">
            <h2>{td_string!(l, draft.difference_title)}</h2>
            {body}
        </section>
    }
}

/// Approve or return, for whoever may and wrote nothing in it.
fn decision(l: Locale, found: &Submission, member: &Member) -> Option<AnyView> {
    if found.state != State::Waiting || !member.may(Permission::ApproveTariffs) {
        return None;
    }
    if found.authors.contains(&member.staff_id) {
        return Some(view! { <p class="banner warn">{td_string!(l, draft.problem_own_work)}</p> }.into_any());
    }
    Some(
        view! {
            <form class="card stack" id="decide" method="post" action="/staff/api/decide_tariff">
                <h2>{td_string!(l, draft.decide)}</h2>
                <input type="hidden" name="submission" value=found.submission_id.to_string() />
                <div class="field">
                    <label for="comment">{td_string!(l, draft.comment)}</label>
                    <textarea id="comment" name="comment" rows="3" maxlength="2000"></textarea>
                    <p class="hint">{td_string!(l, draft.comment_hint)}</p>
                </div>
                <p class="actions">
                    <button class="button primary" name="verdict" value="approved">{td_string!(l, draft.approve)}</button>
                    <button class="button" name="verdict" value="returned">{td_string!(l, draft.give_back)}</button>
                </p>
            </form>
        }
        .into_any(),
    )
}

fn withdrawal(l: Locale, found: &Submission) -> Option<AnyView> {
    if !found.state.is_submitted() {
        return None;
    }
    Some(
        view! {
            <form class="card" method="post" action="/staff/api/withdraw_submission">
                <h2>{td_string!(l, draft.withdraw)}</h2>
                <p class="muted">{td_string!(l, draft.withdraw_text)}</p>
                <input type="hidden" name="submission" value=found.submission_id.to_string() />
                <button class="button" type="submit">{td_string!(l, draft.withdraw)}</button>
            </form>
        }
        .into_any(),
    )
}
