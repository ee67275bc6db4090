use leptos::context::Provider;
use leptos::prelude::*;

use crate::i18n::Locale;
use crate::request::{PartLanguage, language_tag};

/// A part of a page in a language of its own, whatever the page is in.
#[component]
pub fn InLanguage(language: Locale, children: ChildrenFn) -> impl IntoView {
    view! {
        <Provider value=PartLanguage(language)>
            <div lang=language_tag(language)>{children()}</div>
        </Provider>
    }
}
