//! A tariff as its readers see it: one component for the public page and for the preview of a draft, so that what is approved
//! is what is shown.

use charging::tariff::store::Operator;
use charging::tariff::{TariffContent, shown};
use leptos::prelude::*;

use super::language::InLanguage;
use super::region::region_name;
use super::sources::sources_view;
use super::tariff::{TariffFacts, TariffPrice, TermsInWords};
use super::tariff_words::kind_name;
use super::words::operator_name;
use crate::i18n::{Locale, td_string};
use crate::request::locale;

/// Price and restrictions first, then what it means, then every element.
#[component]
pub fn TariffBody(
    content: TariffContent,
    /// By name.
    operator: String,
    /// Below the name: whether it is on sale.
    standing: AnyView,
    /// Before everything else: what a reader must know of this version.
    #[prop(optional_no_strip)]
    notice: Option<AnyView>,
    /// Below price and restrictions: what can be done.
    #[prop(optional_no_strip)]
    actions: Option<AnyView>,
    /// Part of another page, which has a heading of its own.
    #[prop(optional)]
    embedded: bool,
) -> impl IntoView {
    let l = locale();
    let regions: Vec<String> = content.regions.iter().map(|region| region_name(l, region)).collect();
    let regions = regions.join(td_string!(l, tariff.list_comma));
    let name = content.name.clone();
    let name = if embedded {
        view! { <h3 class="tariff-title">{name}</h3> }.into_any()
    } else {
        view! { <h1 class="tariff-title">{name}</h1> }.into_any()
    };
    let sources = sources_view(l, &content);
    view! {
        <header class="stack-tight">
            <p class="tariff-line muted">
                <span>{operator}</span>
                " "
                <span>{kind_name(l, content.kind)}</span>
                " "
                <span>{regions}</span>
                " "
                <span>{content.scheme_id.to_string()}</span>
            </p>
            {name}
            <p>{standing}</p>
        </header>
        {notice}
        <OfferCard content=content.clone() actions />
        {content
            .terms
            .clone()
            .map(|terms| {
                view! {
                    <section class="card">
                        <h2>{td_string!(l, tariff.words_title)}</h2>
                        <TermsInWords terms kind=content.kind />
                        {sources}
                    </section>
                }
            })}
        <section class="card">
            <h2>{td_string!(l, tariff.facts_title)}</h2>
            <TariffFacts content />
            <p class="small muted">{td_string!(l, tariff.original_text)}</p>
        </section>
    }
}

/// The price and, as large, what restricts it; then what can be done.
#[component]
fn OfferCard(content: TariffContent, actions: Option<AnyView>) -> impl IntoView {
    let l = locale();
    let restrictions = content.restrictions.clone();
    view! {
        <section class="card">
            <div class="offer whole">
                <div>
                    <h2 class="offer-label">{td_string!(l, tariff.element_price)}</h2>
                    <TariffPrice content />
                </div>
                <div>
                    <h2 class="offer-label">{td_string!(l, tariff.element_restrictions)}</h2>
                    {if restrictions.is_empty() {
                        view! { <p>{td_string!(l, tariff.not_stated)}</p> }.into_any()
                    } else {
                        let items =
                            restrictions.iter().map(|text| view! { <li>{shown(text).into_owned()}</li> }).collect_view();
                        view! { <ul class="restrictions">{items}</ul> }.into_any()
                    }}
                </div>
            </div>
            {actions}
        </section>
    }
}

/// What is not public yet, exactly as it will be read, in both languages side by side; that of the page comes first.
#[component]
pub fn TariffPreview(content: TariffContent, operators: Vec<Operator>) -> impl IntoView {
    let languages = match locale() {
        Locale::zh_CN => [Locale::zh_CN, Locale::en],
        Locale::en => [Locale::en, Locale::zh_CN],
    };
    let previews = languages
        .map(|language| {
            let operator = operator_name(language, &operators, &content.operator_id);
            let content = content.clone();
            view! {
                <InLanguage language>
                    <p class="small muted">{td_string!(language, version.language_name)}</p>
                    <article class="stack tariff">
                        <TariffBody
                            content=content.clone()
                            operator=operator.clone()
                            standing=view! { <span class="tag">{td_string!(language, version.preview)}</span> }.into_any()
                            embedded=true
                        />
                    </article>
                </InLanguage>
            }
        })
        .collect_view();
    view! { <div class="preview">{previews}</div> }
}
