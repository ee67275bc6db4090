use leptos::prelude::*;
use leptos_router::components::Outlet;

use super::page::{PageError, page};
use crate::i18n::{Locale, td_string};
use crate::request::{large_print, locale, no_store, path_and_query, query_value, redirect, signed_in};

/// The top of every page: who we are, the ways in, language and print size.
#[component]
pub fn Header() -> impl IntoView {
    let l = locale();
    view! {
        <a class="skip" href="#main">{td_string!(l, common.skip)}</a>
        <header class="top">
            <div class="top-inner">
                <a class="brand" href="/" aria-label=td_string!(l, common.brand_full)>
                    <span class="brand-mark" aria-hidden="true">"明"</span>
                    <span class="brand-name">{td_string!(l, common.brand)}</span>
                </a>
                <nav class="top-nav" aria-label=td_string!(l, common.nav_label)>
                    <a href="/tariffs" aria-current=current("/tariffs")>{td_string!(l, common.nav_tariffs)}</a>
                    <a href="/me" aria-current=current("/me")>{td_string!(l, common.nav_me)}</a>
                </nav>
                <div class="top-tools">
                    <DisplayTools />
                    <SignOut />
                </div>
            </div>
        </header>
    }
}

/// Language and print size.
#[component]
pub fn DisplayTools() -> impl IntoView {
    let l = locale();
    let (other, other_name) = match l {
        Locale::zh_CN => ("en", "English"),
        Locale::en => ("zh-CN", "中文"),
    };
    let here = path_and_query();
    let (print, print_name) = if large_print() {
        ("normal", td_string!(l, common.print_normal))
    } else {
        ("large", td_string!(l, common.print_large))
    };
    view! {
        <form method="post" action="/api/display">
            <input type="hidden" name="next" value=here.clone() />
            <button class="tool" name="print" value=print>{print_name}</button>
        </form>
        <form method="post" action="/api/language">
            <input type="hidden" name="next" value=here />
            <button class="tool" name="language" value=other lang=other>{other_name}</button>
        </form>
    }
}

/// The way out, for whoever is signed in.
#[component]
fn SignOut() -> impl IntoView {
    page(|| async {
        let l = locale();
        let signed_in = signed_in().await.is_some();
        Ok(signed_in.then(|| {
            view! {
                <form method="post" action="/api/sign_out">
                    <button class="tool">{td_string!(l, sign_in.sign_out)}</button>
                </form>
            }
        }))
    })
}

/// `aria-current="page"` on the link that leads here or above here.
pub fn current(path: &str) -> Option<&'static str> {
    let here = path_and_query();
    let here = here.split('?').next().unwrap_or(&here);
    let below = here.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    below.then_some("page")
}

fn exactly(path: &str) -> Option<&'static str> {
    let here = path_and_query();
    (here.split('?').next() == Some(path)).then_some("page")
}

/// The foot of every page: the promise, and a human.
#[component]
pub fn Footer() -> impl IntoView {
    let l = locale();
    view! {
        <footer class="foot">
            <div class="foot-inner">
                <p>{td_string!(l, common.promise)}</p>
                <p><a href="/channels">{td_string!(l, channel.directory)}</a></p>
                <p><a href="/statements">{td_string!(l, statement.all)}</a></p>
                <p><a href="/notices">{td_string!(l, common.foot_notices)}</a></p>
                <p><a href="tel:10086">{td_string!(l, common.human)}</a></p>
            </div>
        </footer>
    }
}

/// Around every page of a signed-in subscriber: the tabs; sends everyone else to the sign-in page.
#[component]
pub fn MeLayout() -> impl IntoView {
    page(|| async {
        no_store();
        if signed_in().await.is_none() {
            redirect(&format!("/login?next={}", query_value(&path_and_query())));
            return Err(PageError::SignedOut);
        }
        let l = locale();
        let tabs = [
            ("/me", exactly("/me"), td_string!(l, me.tab_overview)),
            ("/me/usage", current("/me/usage"), td_string!(l, me.tab_usage)),
            (
                "/me/bills",
                current("/me/bills").or(current("/me/disputes")).or(current("/me/family")),
                td_string!(l, me.tab_bills),
            ),
            ("/me/balance", current("/me/balance").or(current("/me/pay")), td_string!(l, pay.tab)),
            ("/me/addons", current("/me/addons").or(current("/me/plans")), td_string!(l, me.tab_addons)),
            ("/me/cap", current("/me/cap"), td_string!(l, me.tab_cap)),
            ("/me/agreements", current("/me/agreements"), td_string!(l, me.tab_agreements)),
        ];
        Ok(view! {
            <nav class="tabs" aria-label=td_string!(l, me.tabs_label)>
                {tabs
                    .into_iter()
                    .map(|(href, here, name)| view! { <a href=href aria-current=here>{name}</a> })
                    .collect_view()}
            </nav>
            <Outlet />
        })
    })
}
