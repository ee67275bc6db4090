use leptos::ev::Event;
use leptos::prelude::*;
use leptos::wasm_bindgen::JsCast;
use leptos::web_sys::{Element, HtmlFormElement};

/// Wraps the fields of a form and submits it as soon as one is changed, so that filters answer at once. Without scripts
/// the form's own button does it.
#[island]
pub fn AutoSubmit(children: Children) -> impl IntoView {
    let submit = move |event: Event| {
        let form = event
            .target()
            .and_then(|target| target.dyn_into::<Element>().ok())
            .and_then(|field| field.closest("form").ok().flatten())
            .and_then(|form| form.dyn_into::<HtmlFormElement>().ok());
        if let Some(form) = form {
            // A form that cannot be submitted stays as it is: its button still works.
            let _ = form.request_submit();
        }
    };
    view! { <div class="auto-submit" on:change=submit>{children()}</div> }
}
