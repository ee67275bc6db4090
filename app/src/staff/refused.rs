use http::StatusCode;
use leptos::prelude::*;
use leptos_meta::Title;

use crate::i18n::td_string;
use crate::request::{locale, set_status};

/// What somebody gets who asks for what his roles do not allow.
#[component]
pub fn RefusedPage() -> impl IntoView {
    set_status(StatusCode::FORBIDDEN);
    let l = locale();
    view! {
        <Title text=td_string!(l, staff.refused_title) />
        <section class="narrow stack">
            <h1>{td_string!(l, staff.refused_title)}</h1>
            <p>{td_string!(l, staff.refused_text)}</p>
            <p><a class="button" href="/staff">{td_string!(l, staff.to_desk)}</a></p>
        </section>
    }
}
