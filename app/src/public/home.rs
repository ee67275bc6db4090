use leptos::prelude::*;

use crate::i18n::td_string;
use crate::request::locale;

/// The front page: what this is, and the two ways on.
#[component]
pub fn HomePage() -> impl IntoView {
    let l = locale();
    view! {
        <section class="hero stack">
            <h1>{td_string!(l, common.hero_title)}</h1>
            <p class="lead">{td_string!(l, common.promise)}</p>
            <form class="search" action="/tariffs" role="search">
                <label class="sr" for="q">{td_string!(l, common.search_label)}</label>
                <input id="q" type="search" name="q" maxlength="60" placeholder=td_string!(l, common.search_hint) />
                <button class="button primary">{td_string!(l, common.search)}</button>
            </form>
            <p class="actions">
                <a class="button" href="/tariffs">{td_string!(l, common.nav_tariffs)}</a>
                <a class="button" href="/me">{td_string!(l, common.nav_me)}</a>
            </p>
        </section>
    }
}
