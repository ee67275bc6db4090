use leptos::prelude::*;

use crate::i18n::td_string;
use crate::request::locale;

/// Links to the page before and after. `base` is the address with its query, ending in `page=`.
#[component]
pub fn Pager(page: u32, pages: u32, #[prop(into)] base: String) -> impl IntoView {
    let l = locale();
    let link = |to: u32| format!("{base}{to}");
    (pages > 1).then(|| {
        view! {
            <nav class="pager" aria-label=td_string!(l, common.pager_label)>
                {if page > 1 {
                    view! { <a class="button" rel="prev" href=link(page - 1)>{td_string!(l, common.previous)}</a> }.into_any()
                } else {
                    view! { <span></span> }.into_any()
                }}
                <span class="muted">{td_string!(l, common.page_of, page = page, pages = pages)}</span>
                {if page < pages {
                    view! { <a class="button" rel="next" href=link(page + 1)>{td_string!(l, common.next)}</a> }.into_any()
                } else {
                    view! { <span></span> }.into_any()
                }}
            </nav>
        }
    })
}
