//! `/staff/tariffs/new`: a blank form, the next version of a tariff, the text of another one, or a file.

use leptos::prelude::*;
use leptos_meta::Title;

use crate::components::page;
use crate::i18n::td_string;
use crate::request::locale;

/// `/staff/tariffs/new`
#[component]
pub fn NewDraftPage() -> impl IntoView {
    page(|| {
        let l = locale();
        let answer = super::answer();
        async move {
            super::member()?;
            let named = move |how: &'static str, title: &'static str, text: &'static str| {
                let id = format!("scheme-{how}");
                view! {
                    <form class="card stack" method="post" action="/staff/api/new_draft">
                        <h2>{title}</h2>
                        <p class="muted">{text}</p>
                        <input type="hidden" name="how" value=how />
                        <div class="field">
                            <label for=id.clone()>{td_string!(l, draft.scheme_id)}</label>
                            <input id=id name="scheme_id" maxlength="10" autocapitalize="characters" spellcheck="false" required />
                        </div>
                        <button class="button" type="submit">{td_string!(l, draft.begin)}</button>
                    </form>
                }
            };
            Ok(view! {
                <Title text=td_string!(l, draft.begin) />
                <p><a href="/staff/tariffs">{td_string!(l, draft.all)}</a></p>
                <h1>{td_string!(l, draft.begin)}</h1>
                {answer}
                <form class="card stack" method="post" action="/staff/api/new_draft">
                    <h2>{td_string!(l, draft.blank)}</h2>
                    <p class="muted">{td_string!(l, draft.blank_text)}</p>
                    <input type="hidden" name="how" value="blank" />
                    <button class="button primary" type="submit">{td_string!(l, draft.begin)}</button>
                </form>
                <div class="ways">
                    {named("next", td_string!(l, draft.next_version), td_string!(l, draft.next_version_text))}
                    {named("copy", td_string!(l, draft.copy), td_string!(l, draft.copy_text))}
                </div>
                <form class="card stack" method="post" action="/staff/tariffs/import" enctype="multipart/form-data">
                    <h2>{td_string!(l, draft.import)}</h2>
                    <p class="muted">{td_string!(l, draft.import_text)}</p>
                    <div class="field">
                        <label for="file">{td_string!(l, draft.file)}</label>
                        <input id="file" type="file" name="file" accept=".json,application/json" required />
                    </div>
                    <button class="button" type="submit">{td_string!(l, draft.import)}</button>
                </form>
            })
        }
    })
}
