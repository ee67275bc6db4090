use charging::channel::Typed;
use charging::channel::directory::{Listed, Search, directory};
use charging::channel::report;
use charging::staff::Permission;
use leptos::prelude::*;
use leptos_meta::Title;

use super::form::{TermsFields, from_query};
use super::may_steer;
use super::reports::reports;
use super::words::said;
use crate::components::{Pager, day_text, page};
use crate::i18n::{Locale, td_string};
use crate::me::parts::query;
use crate::public::channel::standing_tag;
use crate::request::{locale, query_value};
use crate::state::AppState;

/// `/staff/channels`
#[component]
pub fn ChannelsPage() -> impl IntoView {
    page(|| {
        let (state, l) = (AppState::current(), locale());
        let text = query("q").unwrap_or_default().trim().to_owned();
        let number = query("page").and_then(|page| page.parse().ok()).unwrap_or(1);
        let waiting = query("waiting").is_some();
        let (said, typed) = (said(l), from_query());
        async move {
            let member = crate::staff::member()?;
            let mut db = state.pool.acquire().await?;
            let search = Search { text: text.clone(), unapproved: true, waiting, page: number };
            let found = directory(&mut db, &search, state.clock.now()).await?;
            let told = report::list(&mut db, None).await?;
            let may_answer = may_steer(&member);
            let form = member
                .may(Permission::DraftTariffs)
                .then(|| view! { <RegisterForm typed=typed.unwrap_or_default() /> });
            let base =
                format!("/staff/channels?q={}{}&page=", query_value(&text), if waiting { "&waiting" } else { "" });
            let none =
                found.items.is_empty().then(|| view! { <p class="empty">{td_string!(l, channel.desk_none)}</p> });
            Ok(view! {
                <Title text=td_string!(l, channel.desk) />
                <div class="stack-tight">
                    <h1>{td_string!(l, channel.desk)}</h1>
                    <p class="muted">{td_string!(l, channel.desk_lead)}</p>
                </div>
                {said}
                <form class="search" action="/staff/channels" role="search">
                    <label class="sr" for="q">{td_string!(l, channel.search_label)}</label>
                    <input id="q" type="search" name="q" value=text maxlength="30" placeholder=td_string!(l, channel.search_label) />
                    <button class="button primary">{td_string!(l, channel.search)}</button>
                </form>
                <nav class="tabs" aria-label=td_string!(l, channel.state)>
                    <a href="/staff/channels" aria-current=(!waiting).then_some("page")>{td_string!(l, channel.desk_all)}</a>
                    <a href="/staff/channels?waiting=1" aria-current=waiting.then_some("page")>{td_string!(l, channel.desk_waits)}</a>
                </nav>
                <p class="muted" role="status">{td_string!(l, channel.found, n = found.total)}</p>
                {none}
                {(!found.items.is_empty()).then(|| table(l, found.items))}
                <Pager page=found.page pages=found.pages base />
                {form}
                {reports(l, told, may_answer)}
            })
        }
    })
}

fn table(l: Locale, items: Vec<Listed>) -> impl IntoView {
    let rows = items
        .into_iter()
        .map(|item| {
            let waits = item.waits.then(|| view! { <span class="tag warn">{td_string!(l, channel.desk_waits)}</span> });
            view! {
                <tr>
                    <td><a href=format!("/staff/channels/{}", item.channel_id)>{item.channel_id.to_string()}</a></td>
                    <td>{item.name}</td>
                    <td>{item.operator_name}</td>
                    <td>{standing_tag(l, item.standing)}" "{waits}</td>
                    <td>{day_text(l, item.valid_until)}</td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <section class="card">
            <div class="table-scroll" role="region" tabindex="0" aria-label=td_string!(l, channel.desk)>
                <table class="table">
                    <thead>
                        <tr>
                            <th scope="col">{td_string!(l, channel.number)}</th>
                            <th scope="col">{td_string!(l, channel.name)}</th>
                            <th scope="col">{td_string!(l, channel.operator)}</th>
                            <th scope="col">{td_string!(l, channel.state)}</th>
                            <th scope="col">{td_string!(l, channel.desk_valid_until)}</th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </div>
        </section>
    }
}

#[component]
fn RegisterForm(typed: Typed) -> impl IntoView {
    let l = locale();
    view! {
        <form class="card" method="post" action="/staff/api/register_channel">
            <h2>{td_string!(l, channel.desk_register)}</h2>
            <TermsFields typed />
            <button class="button primary wide-button" type="submit">{td_string!(l, channel.desk_register_submit)}</button>
        </form>
    }
}
