//! `/statements`: what we tell the public of charges that were wrong, and what was returned.

use charging::incident::desk::{Published, PublishedVersion, published, statements};
use charging::incident::statement::Figures;
use charging::money::plain;
use charging::subscriber::Language;
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_params_map;

use crate::components::{PageError, day_text, page, time_text};
use crate::i18n::{Locale, td_string};
use crate::me::parts::query;
use crate::request::locale;
use crate::state::AppState;

/// `/statements`
#[component]
pub fn StatementsPage() -> impl IntoView {
    page(|| {
        let (state, l) = (AppState::current(), locale());
        async move {
            let all = statements(&mut *state.pool.acquire().await?).await?;
            let none = all.is_empty().then(|| view! { <p class="empty">{td_string!(l, statement.none)}</p> });
            Ok(view! {
                <Title text=td_string!(l, statement.all) />
                <div class="stack">
                    <div class="stack-tight">
                        <h1>{td_string!(l, statement.all)}</h1>
                        <p class="lead">{td_string!(l, statement.all_lead)}</p>
                    </div>
                    {none}
                    <ul class="grid">{all.iter().filter_map(|statement| card(l, statement)).collect_view()}</ul>
                </div>
            })
        }
    })
}

fn card(l: Locale, statement: &Published) -> Option<impl IntoView + use<>> {
    let version = statement.versions.first()?;
    Some(view! {
        <li class="card">
            <h2>
                <a href=format!("/statements/{}", statement.statement_id)>{title(l, version)}</a>
            </h2>
            <p class="muted">{time_text(l, version.published_at)}</p>
            {figure_facts(l, &statement.figures)}
        </li>
    })
}

/// `/statements/{id}`: the version that holds, or with `?version=` one before it.
#[component]
pub fn StatementPage() -> impl IntoView {
    page(|| {
        let (state, l) = (AppState::current(), locale());
        let id = use_params_map().get_untracked().get("id").and_then(|id| id.parse::<i64>().ok());
        let asked = query("version");
        async move {
            let id = id.ok_or(PageError::NotFound)?;
            let statement = published(&mut *state.pool.acquire().await?, id).await?.ok_or(PageError::NotFound)?;
            let newest = statement.versions.first().ok_or(PageError::NotFound)?;
            let shown = match asked {
                None => newest,
                Some(asked) => {
                    let is_asked = |version: &&PublishedVersion| version.version.to_string() == asked;
                    statement.versions.iter().find(is_asked).ok_or(PageError::NotFound)?
                }
            };
            let old = (shown.version != newest.version).then(|| {
                view! {
                    <p class="banner warn" role="status">
                        {td_string!(l, statement.is_old)} " "
                        <a href=format!("/statements/{id}")>{td_string!(l, statement.to_newest)}</a>
                    </p>
                }
            });
            let wording = shown.draft.wording(language(l));
            Ok(view! {
                <Title text=wording.title.clone() />
                <article class="slip stack">
                    <header class="stack-tight">
                        <p class="back"><a href="/statements">{td_string!(l, statement.all)}</a></p>
                        <h1>{wording.title.clone()}</h1>
                        <p class="muted">{td_string!(l, statement.published_at, time = time_text(l, shown.published_at))}</p>
                    </header>
                    {old}
                    {figure_facts(l, &statement.figures)}
                    <div class="stack-tight">{paragraphs(&wording.filled(&statement.figures))}</div>
                    {versions(l, &statement, shown.version)}
                </article>
            })
        }
    })
}

/// The other versions that were published, where there are any.
fn versions(l: Locale, statement: &Published, shown: i32) -> Option<impl IntoView + use<>> {
    let others = statement.versions.iter().filter(|version| version.version != shown);
    let links = others
        .map(|version| {
            let href = format!("/statements/{}?version={}", statement.statement_id, version.version);
            let text = td_string!(l, statement.published_at, time = time_text(l, version.published_at));
            view! { <li><a href=href>{text}</a></li> }
        })
        .collect::<Vec<_>>();
    (!links.is_empty()).then(|| {
        view! {
            <section class="stack-tight">
                <h2>{td_string!(l, statement.other_versions)}</h2>
                <p class="muted">{td_string!(l, statement.never_changes)}</p>
                <ul>{links}</ul>
            </section>
        }
    })
}

fn language(l: Locale) -> Language {
    match l {
        Locale::zh_CN => Language::Chinese,
        Locale::en => Language::English,
    }
}

fn title(l: Locale, version: &PublishedVersion) -> String {
    version.draft.wording(language(l)).title.clone()
}

/// What the execution says, as facts.
pub fn figure_facts(l: Locale, figures: &Figures) -> impl IntoView + use<> {
    view! {
        <dl class="facts">
            <div>
                <dt>{td_string!(l, statement.subscribers)}</dt>
                <dd>{figures.subscribers}</dd>
            </div>
            <div>
                <dt>{td_string!(l, statement.amount)}</dt>
                <dd>"¥" {plain(figures.amount)}</dd>
            </div>
            <div>
                <dt>{td_string!(l, statement.arrives_by)}</dt>
                <dd>{day_text(l, figures.arrives_by)}</dd>
            </div>
        </dl>
    }
}

/// A text, a paragraph a line.
pub fn paragraphs(text: &str) -> impl IntoView + use<> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.map(|line| view! { <p>{line.to_owned()}</p> }).collect_view()
}
