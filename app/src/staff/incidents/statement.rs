//! `/staff/incidents/{incident}/statement`: what the public is told, written by one person and let out by another.

use charging::incident::desk::{Execution, Incident, Progress, Statement, StatementVersion, find, statement};
use charging::incident::statement::{Figures, TEXT_CHARS_MAX, TITLE_CHARS_MAX, Wording};
use charging::staff::{Member, Permission};
use leptos::prelude::*;
use leptos_meta::Title;

use super::one::{done_text, press};
use super::{answer, number};
use crate::components::{PageError, TextArea, page, time_text};
use crate::i18n::{Locale, td_string};
use crate::public::statement::{figure_facts, paragraphs};
use crate::request::locale;
use crate::state::AppState;

/// 6: how the statement stands, on the page of the incident.
pub(super) fn statement_step(
    l: Locale,
    incident: &Incident,
    execution: Option<&Execution>,
    statement: Option<&Statement>,
    member: &Member,
) -> impl IntoView + use<> {
    let id = incident.incident_id;
    let is_done = execution.is_some_and(|execution| execution.progress == Progress::Done);
    let body = match statement {
        None if is_done && member.may(Permission::HandleIncidents) => {
            press(id, "/staff/api/begin_statement", td_string!(l, statement.begin), ().into_any())
        }
        None => view! { <p class="muted">{td_string!(l, statement.none_yet)}</p> }.into_any(),
        Some(statement) => {
            let standing = match (statement.published(), statement.waiting()) {
                (_, Some(_)) => td_string!(l, statement.waits),
                (Some(_), None) => td_string!(l, statement.is_public),
                (None, None) => td_string!(l, statement.none_yet),
            };
            view! {
                <p>{standing}</p>
                <p>
                    <a class="button" href=format!("/staff/incidents/{id}/statement")>{td_string!(l, statement.open)}</a>
                </p>
            }
            .into_any()
        }
    };
    view! {
        <section class="card">
            <h2>{td_string!(l, statement.step)}</h2>
            <p class="muted">{td_string!(l, statement.step_text)}</p>
            {body}
        </section>
    }
}

/// `/staff/incidents/{incident}/statement`
#[component]
pub fn IncidentStatementPage() -> impl IntoView {
    page(|| {
        let state = AppState::current();
        let l = locale();
        let answer = answer(l);
        let incident_id = number("incident");
        async move {
            let member = crate::staff::member()?;
            let incident_id = incident_id.ok_or(PageError::NotFound)?;
            let mut db = state.pool.acquire().await?;
            let incident = find(&mut db, incident_id).await?.ok_or(PageError::NotFound)?;
            let statement = statement(&mut db, incident_id).await?.ok_or(PageError::NotFound)?;
            let newest = statement.versions.first().ok_or(PageError::NotFound)?;
            let edit = member.may(Permission::HandleIncidents).then(|| edit(l, incident_id, newest));
            Ok(view! {
                <Title text=td_string!(l, statement.of_incident) />
                <p>
                    <a href=format!("/staff/incidents/{incident_id}")>{incident.title.clone()}</a>
                </p>
                <h1>{td_string!(l, statement.of_incident)}</h1>
                {answer}
                <section class="card">
                    <h2>{td_string!(l, statement.figures)}</h2>
                    <p class="muted">{td_string!(l, statement.figures_text)}</p>
                    {figure_facts(l, &statement.figures)}
                </section>
                {newest_version(l, incident_id, &statement, newest, &member)}
                {edit}
                {history(l, &statement)}
            })
        }
    })
}

/// The newest version as it reads, and letting it out.
fn newest_version(
    l: Locale,
    incident_id: i64,
    statement: &Statement,
    newest: &StatementVersion,
    member: &Member,
) -> impl IntoView + use<> {
    let release = match &newest.published {
        Some(published) => view! {
            <p>{td_string!(l, statement.published_by, name = published.by.clone(), time = time_text(l, published.at))}</p>
            <p>
                <a href=format!("/statements/{}", statement.statement_id)>{td_string!(l, statement.see_public)}</a>
            </p>
        }
        .into_any(),
        None if newest.written.staff_id != member.staff_id && member.may(Permission::ApproveRefunds) => {
            let version = newest.version.to_string();
            let hidden = view! { <input type="hidden" name="version" value=version /> }.into_any();
            press(incident_id, "/staff/api/publish_statement", td_string!(l, statement.publish), hidden)
        }
        None => view! { <p>{td_string!(l, statement.waits)}</p> }.into_any(),
    };
    let shown = [("zh-CN", &newest.draft.chinese), ("en", &newest.draft.english)]
        .map(|(language, wording)| reading(language, wording, &statement.figures));
    view! {
        <section class="card">
            <h2>{td_string!(l, statement.version, n = newest.version)}</h2>
            <p class="small muted">{done_text(l, &newest.written)}</p>
            {shown.into_iter().collect_view()}
            {release}
        </section>
    }
}

fn reading(language: &'static str, wording: &Wording, figures: &Figures) -> impl IntoView + use<> {
    view! {
        <article lang=language class="stack-tight">
            <h3>{wording.title.clone()}</h3>
            {paragraphs(&wording.filled(figures))}
        </article>
    }
}

/// Writing the next version, beginning with the newest.
fn edit(l: Locale, incident_id: i64, newest: &StatementVersion) -> impl IntoView + use<> {
    let (chinese, english) = (newest.draft.chinese.clone(), newest.draft.english.clone());
    let title = |id: &'static str, name: &'static str, label: &'static str, value: String| {
        view! {
            <div class="field">
                <label for=id>{label}</label>
                <input id=id name=name value=value maxlength=TITLE_CHARS_MAX.to_string() autocomplete="off" required />
            </div>
        }
    };
    view! {
        <section class="card">
            <h2>{td_string!(l, statement.edit)}</h2>
            <p class="muted">{td_string!(l, statement.edit_text)}</p>
            <form method="post" action="/staff/api/save_statement">
                <input type="hidden" name="incident" value=incident_id.to_string() />
                {title("title-zh", "title_zh", td_string!(l, statement.title_zh), chinese.title)}
                <TextArea
                    id="text-zh"
                    name="text_zh"
                    label=td_string!(l, statement.text_zh)
                    text=chinese.text
                    rows=14
                    chars_max=TEXT_CHARS_MAX
                    required=true
                />
                {title("title-en", "title_en", td_string!(l, statement.title_en), english.title)}
                <TextArea
                    id="text-en"
                    name="text_en"
                    label=td_string!(l, statement.text_en)
                    text=english.text
                    rows=14
                    chars_max=TEXT_CHARS_MAX
                    required=true
                />
                <button class="button" type="submit">{td_string!(l, statement.save)}</button>
            </form>
        </section>
    }
}

/// Every version, with who wrote it and who let it out.
fn history(l: Locale, statement: &Statement) -> impl IntoView + use<> {
    let versions = statement
        .versions
        .iter()
        .map(|version| {
            let published = match &version.published {
                Some(done) => {
                    td_string!(l, statement.published_by, name = done.by.clone(), time = time_text(l, done.at))
                }
                None => td_string!(l, statement.not_published).to_owned(),
            };
            view! {
                <li>
                    <span class="strong">{td_string!(l, statement.version, n = version.version)}</span>
                    " "
                    <span class="muted">{done_text(l, &version.written)} "; " {published}</span>
                </li>
            }
        })
        .collect_view();
    view! {
        <section class="card">
            <h2>{td_string!(l, statement.versions)}</h2>
            <ul class="steps">{versions}</ul>
        </section>
    }
}
