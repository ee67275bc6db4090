//! Fields for what only one person knows.

use leptos::prelude::*;

/// The only field for a code on its page.
#[component]
pub fn CodeField(
    label: &'static str,
    #[prop(optional)] hint: Option<&'static str>,
    #[prop(optional)] autofocus: bool,
) -> impl IntoView {
    view! {
        <div class="field">
            <label for="code">{label}</label>
            <input
                id="code"
                class="code-input"
                name="code"
                inputmode="numeric"
                autocomplete="one-time-code"
                maxlength="12"
                required
                autofocus=autofocus
                aria-describedby=hint.map(|_| "code-hint")
            />
            {hint.map(|hint| view! { <p class="hint" id="code-hint">{hint}</p> })}
        </div>
    }
}

/// A password that one has. `name` is that of the form's value, too.
#[component]
pub fn PasswordField(
    name: &'static str,
    label: &'static str,
    #[prop(optional)] hint: Option<&'static str>,
) -> impl IntoView {
    view! {
        <div class="field">
            <label for=name>{label}</label>
            <input id=name type="password" name=name autocomplete="current-password" maxlength="64" required />
            {hint.map(|hint| view! { <p class="hint">{hint}</p> })}
        </div>
    }
}
