//! `/staff/tariffs/drafts/{draft}`: the form with what was found in it, the preview, and the way on.

use charging::tariff::TariffVersion;
use charging::tariff::draft::store::{Draft, find, of_draft};
use charging::tariff::draft::{Checked, State, check};
use charging::tariff::store::version;
use chrono::{DateTime, Utc};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_params_map;

use super::findings::{SUMMARY, summary};
use super::form::Fields;
use super::preview::{Around, difference, preview};
use super::submit::submit_card;
use super::words::{state_class, state_name};
use crate::components::{PageError, page, time_text};
use crate::i18n::{Locale, td_string};
use crate::islands::DraftCheck;
use crate::request::locale;
use crate::state::AppState;

/// `/staff/tariffs/drafts/{draft}`
#[component]
pub fn DraftPage() -> impl IntoView {
    page(|| {
        let state = AppState::current();
        let l = locale();
        let draft_id = use_params_map().get_untracked().get("draft").and_then(|id| id.parse::<i64>().ok());
        let answer = super::answer();
        async move {
            super::member()?;
            let mut db = state.pool.acquire().await?;
            let draft = find(&mut db, draft_id.ok_or(PageError::NotFound)?).await?.ok_or(PageError::NotFound)?;
            let submissions = of_draft(&mut db, draft.draft_id).await?;
            let base = match &draft.base {
                Some((scheme_id, number)) => version(&mut db, scheme_id, *number).await?,
                None => None,
            };
            let checked = check(&draft.form);
            let now = state.clock.now();
            let around = Around::load(&mut db, &checked.content, now).await?;
            let title = if draft.form.name.trim().is_empty() {
                td_string!(l, draft.unnamed).to_owned()
            } else {
                draft.form.name.clone()
            };
            let body = if draft.state.is_open() {
                editable(l, &draft, &checked, base.as_ref(), (around, now))
            } else {
                view! { <p class="banner">{td_string!(l, draft.not_open)}</p> {preview(l, checked.content.clone(), around)} }
                    .into_any()
            };
            Ok(view! {
                <Title text=title.clone() />
                <p><a href="/staff/tariffs">{td_string!(l, draft.all)}</a></p>
                {head(l, &draft, title)}
                {answer}
                {submissions_view(l, &submissions)}
                {body}
            })
        }
    })
}

fn head(l: Locale, draft: &Draft, title: String) -> impl IntoView + use<> {
    let written = td_string!(l, draft.written, by = draft.written_by.clone(), at = time_text(l, draft.written_at));
    let base = draft.base.as_ref().map(|(scheme_id, number)| {
        let href = format!("/tariffs/{scheme_id}/versions/{number}");
        view! { <a href=href>{td_string!(l, draft.based_on, id = scheme_id.to_string(), version = number.to_string())}</a> }
    });
    view! {
        <div class="stack-tight">
            <h1>{title}</h1>
            <p>
                <span class=state_class(draft.state)>{state_name(l, draft.state)}</span>
                " "
                <span class="muted">{td_string!(l, draft.revision, n = draft.revision.to_string())} " · " {written}</span>
                " "
                {base}
            </p>
        </div>
    }
}

fn submissions_view(l: Locale, submissions: &[i64]) -> Option<AnyView> {
    if submissions.is_empty() {
        return None;
    }
    let links = submissions
        .iter()
        .map(|id| {
            let href = format!("/staff/tariffs/submissions/{id}");
            view! { <li><a href=href>{td_string!(l, draft.submission_n, n = id.to_string())}</a></li> }
        })
        .collect_view();
    Some(view! { <ul class="plain-list">{links}</ul> }.into_any())
}

fn editable(
    l: Locale,
    draft: &Draft,
    checked: &Checked,
    base: Option<&TariffVersion>,
    (around, now): (Around, DateTime<Utc>),
) -> AnyView {
    let id = draft.draft_id.to_string();
    let fields = Fields { l, form: &draft.form, checked }.view();
    let found = summary(l, checked);
    let changes = base.map(|base| {
        view! {
            <section class="card">
                <h2>{td_string!(l, draft.difference_title)}</h2>
                {difference(&base.content, &checked.content)}
            </section>
        }
    });
    let discard = (draft.state == State::Editing || draft.state == State::Returned).then(|| {
        view! {
            <form class="card" method="post" action="/staff/api/discard_draft">
                <h2>{td_string!(l, draft.discard)}</h2>
                <input type="hidden" name="draft" value=id.clone() />
                <label class="choice">
                    <input type="checkbox" name="sure" value="on" required />
                    <span>{td_string!(l, draft.discard_sure)}</span>
                </label>
                <button class="button" type="submit">{td_string!(l, draft.discard)}</button>
            </form>
        }
    });
    view! {
        <form class="stack draft-form" method="post" action="/staff/api/save_draft">
            // What the Enter key presses is the first button of a form.
            <button class="sr" type="submit" tabindex="-1">{td_string!(l, draft.save)}</button>
            <input type="hidden" name="draft" value=id.clone() />
            <input type="hidden" name="revision" value=draft.revision.to_string() />
            <DraftCheck>
                <div data-findings=SUMMARY>{found}</div>
                {fields}
            </DraftCheck>
            <p class="actions">
                <button class="button primary" type="submit">{td_string!(l, draft.save)}</button>
            </p>
        </form>
        {changes}
        <section class="stack">
            <h2>{td_string!(l, draft.preview)}</h2>
            <div data-preview="">{preview(l, checked.content.clone(), around)}</div>
        </section>
        {submit_card(l, draft, checked, now)}
        {discard}
    }
    .into_any()
}
