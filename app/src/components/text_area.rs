use leptos::prelude::*;

/// A field of several lines, with what was typed before.
#[component]
pub fn TextArea(
    id: &'static str,
    name: &'static str,
    #[prop(into)] label: String,
    #[prop(into)] text: String,
    rows: u8,
    chars_max: usize,
    #[prop(optional)] required: bool,
    #[prop(optional, into)] hint: String,
) -> impl IntoView {
    // As a child, an empty text would become a blank, and the field one that is filled in.
    let inner = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let hint = (!hint.is_empty()).then(|| view! { <p class="hint">{hint}</p> });
    view! {
        <div class="field">
            <label for=id>{label}</label>
            <textarea
                id=id
                name=name
                rows=rows.to_string()
                maxlength=chars_max.to_string()
                required=required
                inner_html=inner
            ></textarea>
            {hint}
        </div>
    }
}
