use std::future::Future;

use http::StatusCode;
use leptos::prelude::*;
use leptos_meta::Title;

use crate::i18n::td_string;
use crate::request::{locale, set_status};

/// Why a page cannot be shown. What the database said goes to the log, never to the page.
///
/// Not an [`std::error::Error`] itself, so that every error of a store can become one with `?`.
#[derive(Debug)]
pub enum PageError {
    NotFound,
    /// The subscriber must sign in first; the answer is already a redirect.
    SignedOut,
    Internal(Box<dyn std::error::Error + Send + Sync>),
}

impl<E: std::error::Error + Send + Sync + 'static> From<E> for PageError {
    fn from(error: E) -> Self {
        Self::Internal(Box::new(error))
    }
}

/// What the future of a page ends with.
pub type PageResult<V> = Result<V, PageError>;

/// Renders a page from a future: with `SsrMode::Async` the whole page waits for it, and nothing needs a script.
pub fn page<F, Fut, V>(body: F) -> impl IntoView
where
    F: Fn() -> Fut + Send + Sync + 'static,
    Fut: Future<Output = PageResult<V>> + Send + 'static,
    V: IntoView + 'static,
{
    view! {
        <Suspense fallback=|| ()>
            {move || {
                let body = body();
                Suspend::new(async move {
                    match body.await {
                        Ok(view) => view.into_any(),
                        Err(error) => failed(&error).into_any(),
                    }
                })
            }}
        </Suspense>
    }
}

fn failed(error: &PageError) -> impl IntoView + use<> {
    match error {
        PageError::NotFound => NotFound().into_any(),
        PageError::SignedOut => ().into_any(),
        PageError::Internal(error) => {
            tracing::error!(%error, "a page could not be made");
            set_status(StatusCode::INTERNAL_SERVER_ERROR);
            let l = locale();
            view! {
                <Title text=td_string!(l, common.error_title) />
                <section class="narrow stack">
                    <h1>{td_string!(l, common.error_title)}</h1>
                    <p>{td_string!(l, common.error_text)}</p>
                    <p><a class="button" href="">{td_string!(l, common.try_again)}</a></p>
                </section>
            }
            .into_any()
        }
    }
}

/// 404, with ways on.
#[component]
pub fn NotFound() -> impl IntoView {
    set_status(StatusCode::NOT_FOUND);
    let l = locale();
    view! {
        <Title text=td_string!(l, common.not_found_title) />
        <section class="narrow stack">
            <h1>{td_string!(l, common.not_found_title)}</h1>
            <p>{td_string!(l, common.not_found_text)}</p>
            <p class="actions">
                <a class="button" href="/tariffs">{td_string!(l, common.nav_tariffs)}</a>
                <a class="button" href="/me">{td_string!(l, common.nav_me)}</a>
            </p>
        </section>
    }
}
