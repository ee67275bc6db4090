use leptos::prelude::*;
use leptos_meta::Title;

use crate::i18n::td_string;
use crate::request::locale;

/// The front page: what this is, a search, and three doors.
#[component]
pub fn HomePage() -> impl IntoView {
    let l = locale();
    let doors = [
        ("/tariffs", td_string!(l, common.door_tariffs), td_string!(l, common.door_tariffs_text)),
        ("/me", td_string!(l, common.door_me), td_string!(l, common.door_me_text)),
        ("/me/addons", td_string!(l, common.door_stop), td_string!(l, common.door_stop_text)),
    ];
    view! {
        <Title text=td_string!(l, common.hero_title) />
        <section class="hero stack">
            <h1>{td_string!(l, common.hero_title)}</h1>
            <p class="lead">{td_string!(l, common.promise)}</p>
            <form class="search" action="/tariffs" role="search">
                <label class="sr" for="q">{td_string!(l, common.search_label)}</label>
                <input id="q" type="search" name="q" maxlength="100" placeholder=td_string!(l, common.search_hint) />
                <button class="button primary">{td_string!(l, common.search)}</button>
            </form>
        </section>
        <ul class="doors">
            {doors
                .into_iter()
                .map(|(href, name, text)| {
                    view! {
                        <li>
                            <a class="card door" href=href>
                                <strong>{name}</strong>
                                <span class="muted">{text}</span>
                            </a>
                        </li>
                    }
                })
                .collect_view()}
        </ul>
    }
}
