use leptos::prelude::*;

use crate::components::{PageError, page};
use crate::i18n::td_string;
use crate::request::{locale, signed_in};

/// `/me`: what this month costs, what is left, what will be charged next.
#[component]
pub fn OverviewPage() -> impl IntoView {
    page(|| async {
        let _subscriber_id = signed_in().await.ok_or(PageError::SignedOut)?;
        let l = locale();
        Ok(view! { <h1>{td_string!(l, me.tab_overview)}</h1> })
    })
}
