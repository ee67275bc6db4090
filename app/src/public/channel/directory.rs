use charging::channel::directory::{Listed, Search, directory};
use leptos::prelude::*;
use leptos_meta::Title;

use super::report::{ReportForm, report_words};
use super::standing_tag;
use crate::components::{Pager, page};
use crate::i18n::{Locale, td_string};
use crate::me::parts::query;
use crate::request::{locale, query_value};
use crate::state::AppState;

/// `/channels`
#[component]
pub fn ChannelsPage() -> impl IntoView {
    page(|| {
        let (state, l) = (AppState::current(), locale());
        let text = query("q").unwrap_or_default().trim().to_owned();
        let number = query("page").and_then(|page| page.parse().ok()).unwrap_or(1);
        let told = report_words(l);
        async move {
            let search = Search { text: text.clone(), unapproved: false, waiting: false, page: number };
            let found = directory(&mut *state.pool.acquire().await?, &search, state.clock.now()).await?;
            let base = format!("/channels?q={}&page=", query_value(&text));
            let none =
                found.items.is_empty().then(|| view! { <p class="empty">{td_string!(l, channel.none_found)}</p> });
            Ok(view! {
                <Title text=td_string!(l, channel.directory) />
                <div class="stack">
                    <div class="stack-tight">
                        <h1>{td_string!(l, channel.directory)}</h1>
                        <p class="lead">{td_string!(l, channel.directory_lead)}</p>
                    </div>
                    {told}
                    <form class="search" action="/channels" role="search">
                        <label class="sr" for="q">{td_string!(l, channel.search_label)}</label>
                        <input
                            id="q"
                            type="search"
                            name="q"
                            value=text
                            maxlength="30"
                            placeholder=td_string!(l, channel.search_label)
                        />
                        <button class="button primary">{td_string!(l, channel.search)}</button>
                    </form>
                    <p class="muted" role="status">{td_string!(l, channel.found, n = found.total)}</p>
                    {none}
                    <ul class="grid channels">{found.items.into_iter().map(|item| card(l, item)).collect_view()}</ul>
                    <Pager page=found.page pages=found.pages base />
                    <ReportForm about=String::new() />
                </div>
            })
        }
    })
}

fn card(l: Locale, item: Listed) -> impl IntoView {
    view! {
        <li class="card">
            <h2>
                <a href=format!("/channels/{}", item.channel_id)>{item.name}</a>
            </h2>
            <p class="muted">{item.operator_name}</p>
            <p class="row spread">
                <span>{item.channel_id.to_string()}</span>
                {standing_tag(l, item.standing)}
            </p>
        </li>
    }
}
