//! `/notices`: every message that we send, as it reads, for everybody.

use charging::notice::template::catalogue::{Entry, Text, entries};
use charging::subscriber::Language;
use leptos::prelude::*;
use leptos_meta::Title;

use crate::components::kind_text;
use crate::i18n::{Locale, td_string};
use crate::request::locale;

/// `/notices`
#[component]
pub fn MessagesPage() -> impl IntoView {
    let l = locale();
    let kinds = entries().chunk_by(|a, b| a.kind == b.kind).collect::<Vec<_>>();
    let contents = kinds
        .iter()
        .map(|entries| {
            let href = format!("#{}", entries[0].kind);
            view! { <li><a href=href>{kind_text(l, entries[0].kind)}</a></li> }
        })
        .collect_view();
    let sections = kinds.into_iter().map(|entries| section(l, entries)).collect_view();
    view! {
        <Title text=td_string!(l, notice.catalogue_title) />
        <div class="stack messages">
            <header class="stack-tight">
                <h1>{td_string!(l, notice.catalogue_title)}</h1>
                <p class="muted">{td_string!(l, notice.catalogue_lead)}</p>
                <p><a href="/me/notices/choices">{td_string!(l, notice.catalogue_choose)}</a></p>
            </header>
            <details class="card plain-summary">
                <summary>{td_string!(l, notice.catalogue_contents)}</summary>
                <ul class="contents">{contents}</ul>
            </details>
            {sections}
        </div>
    }
}

fn section(l: Locale, entries: &'static [Entry]) -> AnyView {
    let kind = entries[0].kind;
    let items = entries.iter().map(|entry| item(l, entry)).collect_view();
    view! {
        <section class="stack-tight" aria-labelledby=kind>
            <h2 id=kind>{kind_text(l, kind)}</h2>
            <ol class="card entries">{items}</ol>
        </section>
    }
    .into_any()
}

fn item(l: Locale, entry: &'static Entry) -> AnyView {
    let optional =
        entry.topic.map(|_| view! { <p><span class="tag">{td_string!(l, notice.catalogue_optional)}</span></p> });
    // One's own language first.
    let own = |text: &&Text| is_own(l, text.language);
    let texts = entry.texts.iter().filter(own).chain(entry.texts.iter().filter(|text| !own(text)));
    let said = texts.map(|text| said(l, text)).collect_view();
    view! { <li>{optional} {said}</li> }.into_any()
}

fn is_own(l: Locale, language: Language) -> bool {
    match l {
        Locale::zh_CN => language == Language::Chinese,
        Locale::en => language == Language::English,
    }
}

fn said(l: Locale, text: &'static Text) -> AnyView {
    let lang = text.language.as_str();
    let length = if text.parts == 1 {
        td_string!(l, notice.catalogue_part).to_owned()
    } else {
        td_string!(l, notice.catalogue_parts, n = text.parts)
    };
    let spoken = text.spoken.as_deref().map(|spoken| {
        view! {
            <p class="small muted">{td_string!(l, notice.catalogue_spoken)}</p>
            <p class="said" lang=lang>{spoken}</p>
        }
    });
    view! {
        <p class="said" lang=lang>{text.body.as_str()}</p>
        <p class="small muted">{length}</p>
        {spoken}
    }
    .into_any()
}
