use std::time::Duration;

use leptos::ev::Event;
use leptos::leptos_dom::helpers::{TimeoutHandle, set_timeout_with_handle};
use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos::wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;
use web_sys::{Element, FormData, HtmlFormElement, RequestInit, Response, UrlSearchParams};

/// Who types is left alone for so long.
const PAUSE: Duration = Duration::from_millis(600);
/// The server function that checks a form without saving it.
const CHECK: &str = "/staff/api/check_draft";

/// Wraps the fields of a draft and has them checked while one types. The form is sent as it stands to `/staff/api/check_draft`,
/// which answers with HTML: what it found of a field in an element with `data-beside="FIELD"`, which is shown in the form's
/// element with `data-findings="FIELD"`; and the preview in an element with `data-preview`, which is shown in the page's
/// element with `data-preview`. Without scripts the form's button 检查 does the same.
#[island]
pub fn DraftCheck(children: Children) -> impl IntoView {
    let waiting = StoredValue::new(None::<TimeoutHandle>);
    let asked = StoredValue::new(0_u32);
    let typed = move |event: Event| {
        let Some(form) = form_of(&event) else { return };
        if let Some(timeout) = waiting.get_value() {
            timeout.clear();
        }
        let ask = move || {
            let number = asked.get_value() + 1;
            asked.set_value(number);
            spawn_local(async move {
                // A later answer must not be overwritten by an earlier one; one that fails leaves the page as it is.
                if let Some(html) = check(&form).await.filter(|_| asked.get_value() == number) {
                    show(&form, &html);
                }
            });
        };
        waiting.set_value(set_timeout_with_handle(ask, PAUSE).ok());
    };
    view! { <div class="draft-check" on:input=typed on:change=typed>{children()}</div> }
}

fn form_of(event: &Event) -> Option<HtmlFormElement> {
    let field: Element = event.target()?.dyn_into().ok()?;
    field.closest("form").ok()??.dyn_into().ok()
}

/// What the server says of the form; `None`: nothing that can be shown.
async fn check(form: &HtmlFormElement) -> Option<String> {
    let fields = FormData::new_with_form(form).ok()?;
    let body = UrlSearchParams::new_with_str_sequence_sequence(&fields).ok()?;
    let init = RequestInit::new();
    init.set_method("POST");
    init.set_body(&body);
    let response = JsFuture::from(window().fetch_with_str_and_init(CHECK, &init)).await.ok()?;
    let response: Response = response.dyn_into().ok()?;
    // Sent elsewhere, as to the sign-in page, it is no answer to this.
    if !response.ok() || response.redirected() {
        return None;
    }
    JsFuture::from(response.json().ok()?).await.ok()?.as_string()
}

/// Puts each finding beside its field, and the preview where it stands.
fn show(form: &HtmlFormElement, html: &str) {
    let Ok(answer) = document().create_element("div") else { return };
    answer.set_inner_html(html);
    let found = elements(&answer, "[data-beside]");
    for place in elements(form, "[data-findings]") {
        let field = place.get_attribute("data-findings");
        let findings = found.iter().filter(|finding| finding.get_attribute("data-beside") == field);
        place.set_inner_html(&findings.map(Element::inner_html).collect::<String>());
    }
    let preview = answer.query_selector("[data-preview]").ok().flatten();
    let place = document().query_selector("[data-preview]").ok().flatten();
    if let (Some(place), Some(preview)) = (place, preview) {
        place.set_inner_html(&preview.inner_html());
    }
}

fn elements(within: &Element, selector: &str) -> Vec<Element> {
    let Ok(found) = within.query_selector_all(selector) else { return Vec::new() };
    (0..found.length()).filter_map(|i| found.item(i)?.dyn_into().ok()).collect()
}
