//! One tariff, whole: price and restrictions first, then what it means, then every element, then its history.

use charging::clock::local_date;
use charging::order::{Offer, Refusal, may_order};
use charging::tariff::{SchemeId, TariffVersion, shown as without_markup, store};
use chrono::{DateTime, Utc};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::{use_params_map, use_query_map};

use super::sources::sources_view;
use super::zone::operator_name;
use crate::components::{PageError, TariffFacts, TariffPrice, TermsInWords, day_text, kind_name, page, region_name};
use crate::i18n::{Locale, td_string};
use crate::request::locale;
use crate::state::AppState;

/// What the page shows.
struct Shown {
    /// All versions that ever were public, the newest first.
    versions: Vec<TariffVersion>,
    /// Which of them is shown.
    at: usize,
    /// Why it cannot be ordered here; `None`: it can.
    refusal: Option<Refusal>,
    withdrawn_at: Option<DateTime<Utc>>,
    operator: String,
}

impl Shown {
    fn tariff(&self) -> &TariffVersion {
        &self.versions[self.at]
    }

    fn is_current(&self) -> bool {
        self.at == 0
    }
}

/// `/tariffs/{scheme_id}`, and an earlier version with `?version=`.
#[component]
pub fn TariffPage() -> impl IntoView {
    page(|| {
        let state = AppState::current();
        let l = locale();
        let scheme_id =
            use_params_map().get_untracked().get("scheme_id").and_then(|text| text.parse::<SchemeId>().ok());
        let version = use_query_map().get_untracked().get("version").filter(|text| !text.is_empty());
        async move {
            let now = state.clock.now();
            let scheme_id = scheme_id.ok_or(PageError::NotFound)?;
            let mut db = state.pool.acquire().await?;
            let versions = store::versions(&mut db, &scheme_id).await?;
            let at = match version {
                None => Some(0),
                Some(text) => text.parse().ok().and_then(|n: i32| versions.iter().position(|own| own.version == n)),
            };
            let at = at.filter(|at| *at < versions.len()).ok_or(PageError::NotFound)?;
            let withdrawn_at = store::withdrawn_at(&mut db, &scheme_id).await?;
            let operators = store::operators(&mut db).await?;
            let operator = operator_name(l, &operators, &versions[0].content.operator_id);
            let refusal = refusal(&versions[0], withdrawn_at, now);
            Ok(tariff_view(l, &Shown { versions, at, refusal, withdrawn_at, operator }, now))
        }
    })
}

/// Why nobody can order it here, whoever they are.
fn refusal(newest: &TariffVersion, withdrawn_at: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Option<Refusal> {
    let region = newest.content.regions.first().map_or("全国", String::as_str);
    may_order(&Offer { tariff: newest.clone(), withdrawn_at }, region, &[], now).err()
}

fn tariff_view(l: Locale, shown: &Shown, now: DateTime<Utc>) -> impl IntoView + use<> {
    let content = &shown.tariff().content;
    let regions: Vec<String> = content.regions.iter().map(|region| region_name(l, region)).collect();
    let regions = regions.join(td_string!(l, tariff.list_comma));
    view! {
        <Title text=content.name.clone() />
        <p class="back"><a href="/tariffs">{td_string!(l, tariff.back_to_zone)}</a></p>
        <article class="stack tariff">
            <header class="stack-tight">
                <p class="tariff-line muted">
                    <span>{shown.operator.clone()}</span>
                    " "
                    <span>{kind_name(l, content.kind)}</span>
                    " "
                    <span>{regions}</span>
                    " "
                    <span>{content.scheme_id.to_string()}</span>
                </p>
                <h1>{content.name.clone()}</h1>
                <p>{sale_tag(l, shown, now)}</p>
            </header>
            {(!shown.is_current()).then(|| old_version(l, shown.tariff()))}
            {offer_view(l, shown, now)}
            {content
                .terms
                .clone()
                .map(|terms| {
                    view! {
                        <section class="card">
                            <h2>{td_string!(l, tariff.words_title)}</h2>
                            <TermsInWords terms kind=content.kind />
                            {sources_view(l, content)}
                        </section>
                    }
                })}
            <section class="card">
                <h2>{td_string!(l, tariff.facts_title)}</h2>
                <TariffFacts tariff=shown.tariff().clone() />
                <p class="small muted">{td_string!(l, tariff.original_text)}</p>
            </section>
            {history(l, shown)}
        </article>
    }
}

fn sale_tag(l: Locale, shown: &Shown, now: DateTime<Utc>) -> impl IntoView + use<> {
    let newest = &shown.versions[0].content;
    let stopped = shown.withdrawn_at.is_some_and(|at| at <= now);
    let (class, text) = if newest.on_sale_from > local_date(now) {
        ("tag warn", td_string!(l, tariff.upcoming))
    } else if stopped || !newest.on_sale(local_date(now)) {
        ("tag warn", td_string!(l, tariff.off_sale_now))
    } else {
        ("tag on", td_string!(l, tariff.on_sale_now))
    };
    view! { <span class=class>{text}</span> }
}

fn old_version(l: Locale, tariff: &TariffVersion) -> impl IntoView + use<> {
    let date = day_text(l, local_date(tariff.published_at));
    let current = format!("/tariffs/{}", tariff.content.scheme_id);
    view! {
        <p class="banner warn">
            {td_string!(l, tariff.version_old, version = tariff.version, date = date)} " "
            <a href=current>{td_string!(l, tariff.version_see_current)}</a>
        </p>
    }
}

/// The price and, as large, what restricts it; then what can be done.
fn offer_view(l: Locale, shown: &Shown, now: DateTime<Utc>) -> impl IntoView + use<> {
    let content = shown.tariff().content.clone();
    let compare = format!("/tariffs/compare?id={}", content.scheme_id);
    let order = format!("/me/order/{}", content.scheme_id);
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
                        let items = restrictions
                            .iter()
                            .map(|text| view! { <li>{without_markup(text).into_owned()}</li> })
                            .collect_view();
                        view! { <ul class="restrictions">{items}</ul> }.into_any()
                    }}
                </div>
            </div>
            {shown.refusal.as_ref().map(|refusal| view! { <p class="banner">{why_not(l, refusal, shown, now)}</p> })}
            <p class="actions screen-only">
                {(shown.refusal.is_none() && shown.is_current())
                    .then(|| view! { <a class="button primary" href=order>{td_string!(l, tariff.order)}</a> })}
                <a class="button" href=compare>{td_string!(l, tariff.compare_this)}</a>
            </p>
        </section>
    }
}

fn why_not(l: Locale, refusal: &Refusal, shown: &Shown, now: DateTime<Utc>) -> String {
    match refusal {
        Refusal::NotOnSale { from, .. } if *from > local_date(now) => {
            td_string!(l, tariff.not_orderable_future, date = day_text(l, *from))
        }
        Refusal::NotOnSale { until, .. } => td_string!(l, tariff.not_orderable_over, date = day_text(l, *until)),
        Refusal::Withdrawn => {
            let day = shown.withdrawn_at.map_or_else(|| local_date(now), local_date);
            td_string!(l, tariff.not_orderable_withdrawn, date = day_text(l, day))
        }
        _ => td_string!(l, tariff.not_orderable_terms).to_owned(),
    }
}

/// Every version that ever was public.
fn history(l: Locale, shown: &Shown) -> impl IntoView + use<> {
    let items = shown
        .versions
        .iter()
        .enumerate()
        .map(|(i, tariff)| {
            let date = day_text(l, local_date(tariff.published_at));
            let text = td_string!(l, tariff.version_line, version = tariff.version, date = date);
            let base = format!("/tariffs/{}", tariff.content.scheme_id);
            let href = if i == 0 { base } else { format!("{base}?version={}", tariff.version) };
            let here = (i == shown.at).then_some("page");
            view! {
                <li class="row">
                    <a href=href aria-current=here>{text}</a>
                    {(i == 0).then(|| view! { <span class="tag on">{td_string!(l, tariff.version_current)}</span> })}
                </li>
            }
        })
        .collect_view();
    view! {
        <section class="card">
            <h2>{td_string!(l, tariff.versions_title)}</h2>
            <ol class="versions">{items}</ol>
        </section>
    }
}
