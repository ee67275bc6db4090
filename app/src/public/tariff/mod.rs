//! One tariff: its page, the page of every version that ever was public, and what one version says otherwise than another.

mod difference;
mod history;

use charging::clock::local_date;
use charging::order::{Offer, Refusal, may_order};
use charging::tariff::draft::{self, Judged};
use charging::tariff::history::{Orderable, orderable_times};
use charging::tariff::{Kind, SchemeId, TariffVersion, store};
use chrono::{DateTime, Utc};
use leptos::prelude::*;
use leptos_meta::{Link, Title};
use leptos_router::hooks::use_params_map;
use sqlx::PgConnection;

use self::history::history;
use crate::components::{PageError, PageResult, TariffBody, TypicalMonths, day_text, operator_name, page, time_text};
use crate::i18n::{Locale, td_string};
use crate::me::parts::query;
use crate::request::{locale, redirect};
use crate::staff::judged;
use crate::state::AppState;

pub use difference::DifferencePage;

/// The place of the newest version among all.
const NEWEST: usize = 0;
/// Plans whose typical month is drawn beside that of the one shown.
const BESIDE: u32 = 4;

/// What the page shows.
struct Shown {
    /// All versions that ever were public, the newest first, and when each could be ordered.
    versions: Vec<TariffVersion>,
    times: Vec<Option<Orderable>>,
    /// Which of them is shown.
    at: usize,
    /// Which of them is sold, if any.
    sold: Option<usize>,
    /// Why the tariff cannot be ordered here; `None`: it can.
    refusal: Option<Refusal>,
    withdrawn_at: Option<DateTime<Utc>>,
    operator: String,
    /// Plans to compare a typical month with.
    beside: Vec<TariffVersion>,
    /// What the clarity rules warned of in the version that is shown, and why it stays.
    reasons: Vec<Judged>,
}

impl Shown {
    /// Of a version, or the newest one.
    async fn load(
        db: &mut PgConnection,
        l: Locale,
        (scheme_id, version): (&SchemeId, Option<i32>),
        now: DateTime<Utc>,
    ) -> PageResult<Self> {
        let versions = store::versions(db, scheme_id).await?;
        let at = version.map_or(Some(0), |version| versions.iter().position(|own| own.version == version));
        let at = at.filter(|at| *at < versions.len()).ok_or(PageError::NotFound)?;
        let withdrawn_at = store::withdrawn_at(db, scheme_id).await?;
        let operators = store::operators(db).await?;
        let operator = operator_name(l, &operators, &versions[0].content.operator_id);
        let times = orderable_times(&versions, withdrawn_at);
        let is_sold = |time: &Option<Orderable>| time.is_some_and(|time| time.from <= now && now < time.until);
        let sold = times.iter().position(is_sold);
        // Where none is sold, the newest says why.
        let refusal = refusal(&versions[sold.unwrap_or(NEWEST)], withdrawn_at, now);
        let beside = match &versions[at].content {
            plan if plan.kind == Kind::Plan && plan.terms.is_some() => {
                store::plans_beside(db, plan, BESIDE, now).await?
            }
            _ => Vec::new(),
        };
        let reasons = draft::store::reasons(db, scheme_id, versions[at].version).await?;
        Ok(Self { versions, times, at, sold, refusal, withdrawn_at, operator, beside, reasons })
    }

    fn tariff(&self) -> &TariffVersion {
        &self.versions[self.at]
    }

    fn is_newest(&self) -> bool {
        self.at == 0
    }

    fn is_sold(&self) -> bool {
        self.sold == Some(self.at)
    }
}

/// The address of a version: the newest one stands at that of the tariff.
fn version_address(versions: &[TariffVersion], at: usize) -> String {
    let TariffVersion { version, content, .. } = &versions[at];
    let base = format!("/tariffs/{}", content.scheme_id);
    if at == 0 { base } else { format!("{base}/versions/{version}") }
}

/// `/tariffs/{scheme_id}` and `/tariffs/{scheme_id}/versions/{version}`.
#[component]
pub fn TariffPage() -> impl IntoView {
    page(|| {
        let state = AppState::current();
        let l = locale();
        let params = use_params_map().get_untracked();
        let linked = query("version").and_then(|text| text.parse::<i32>().ok());
        async move {
            let now = state.clock.now();
            let scheme_id = params.get("scheme_id").and_then(|text| text.parse::<SchemeId>().ok());
            let scheme_id = scheme_id.ok_or(PageError::NotFound)?;
            if let Some(version) = linked {
                // Versions once had this address; links to it may stand anywhere.
                redirect(&format!("/tariffs/{scheme_id}/versions/{version}"));
            }
            let version = params.get("version").map(|text| text.parse::<i32>()).transpose();
            let version = version.map_err(|_| PageError::NotFound)?;
            let mut db = state.pool.acquire().await?;
            let shown = Shown::load(&mut db, l, (&scheme_id, version), now).await?;
            Ok(tariff_view(l, &shown, now))
        }
    })
}

/// Why nobody can order it here, whoever they are.
fn refusal(offered: &TariffVersion, withdrawn_at: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Option<Refusal> {
    let region = offered.content.regions.first().map_or("全国", String::as_str);
    may_order(&Offer { tariff: offered.clone(), withdrawn_at }, region, &[], now).err()
}

fn tariff_view(l: Locale, shown: &Shown, now: DateTime<Utc>) -> impl IntoView + use<> {
    let content = shown.tariff().content.clone();
    let title = if shown.is_newest() {
        content.name.clone()
    } else {
        td_string!(l, version.page_title, name = content.name.clone(), version = shown.tariff().version)
    };
    let (class, standing) = standing(l, shown, now);
    let standing = view! { <span class=class>{standing}</span> }.into_any();
    let canonical = version_address(&shown.versions, shown.at);
    view! {
        <Title text=title />
        <Link rel="canonical" href=canonical />
        <p class="back"><a href="/tariffs">{td_string!(l, tariff.back_to_zone)}</a></p>
        <article class="stack tariff">
            <TariffBody
                content
                operator=shown.operator.clone()
                standing
                notice=notice(l, shown, now)
                actions=Some(actions(l, shown, now))
            />
            {typical(l, shown)}
            {reasons(l, shown)}
            {history(l, shown, now)}
        </article>
    }
}

/// What a month costs under it; nothing for whatever is no plan or has no terms.
fn typical(l: Locale, shown: &Shown) -> Option<impl IntoView + use<>> {
    let content = shown.tariff().content.clone();
    (content.kind == Kind::Plan && content.terms.is_some()).then(|| {
        view! {
            <section class="card">
                <h2>{td_string!(l, version.typical_title)}</h2>
                <TypicalMonths content beside=shown.beside.clone() />
            </section>
        }
    })
}

/// The warnings of the clarity rules that were published with it; nothing where there were none.
fn reasons(l: Locale, shown: &Shown) -> Option<impl IntoView + use<>> {
    (!shown.reasons.is_empty()).then(|| {
        view! {
            <section class="card" id="reasons">
                <h2>{td_string!(l, draft.reasons_title)}</h2>
                <p class="muted">{td_string!(l, draft.reasons_lead)}</p>
                {judged(l, &shown.reasons)}
            </section>
        }
    })
}

/// Whether the version that is shown is sold.
fn standing(l: Locale, shown: &Shown, now: DateTime<Utc>) -> (&'static str, &'static str) {
    let content = &shown.tariff().content;
    let stopped = shown.withdrawn_at.is_some_and(|at| at <= now);
    let is_coming = shown.times[shown.at].is_some_and(|time| time.from > now);
    if shown.is_newest() && content.on_sale_from > local_date(now) {
        ("tag warn", td_string!(l, tariff.upcoming))
    } else if shown.is_newest() && is_coming && !stopped {
        ("tag warn", td_string!(l, version.on_notice))
    } else if stopped || !content.on_sale(local_date(now)) || !(shown.is_newest() || shown.is_sold()) {
        ("tag warn", td_string!(l, tariff.off_sale_now))
    } else {
        ("tag on", td_string!(l, tariff.on_sale_now))
    }
}

/// What a reader must know before reading: that the version is not sold any more, or not yet.
fn notice(l: Locale, shown: &Shown, now: DateTime<Utc>) -> Option<AnyView> {
    let TariffVersion { version, published_at, .. } = shown.tariff();
    let (text, other, link) = if shown.is_newest() {
        let time = shown.times[0].filter(|time| time.from > now)?;
        let text = td_string!(l, version.not_yet, from = time_text(l, time.from));
        (text, shown.sold?, td_string!(l, version.see_sold))
    } else if shown.is_sold() {
        let until = shown.times[shown.at].map_or(now, |time| time.until);
        let text = td_string!(l, version.soon_replaced, until = time_text(l, until));
        (text, NEWEST, td_string!(l, version.see_newest))
    } else {
        let date = day_text(l, local_date(*published_at));
        let text = td_string!(l, version.old, version = *version, date = date);
        (text, shown.sold.unwrap_or(NEWEST), td_string!(l, tariff.version_see_current))
    };
    let href = version_address(&shown.versions, other);
    let banner = view! {
        <p class="banner warn">
            {text} " " <a href=href>{link}</a>
        </p>
    };
    Some(banner.into_any())
}

/// Why it cannot be ordered, and what can be done.
fn actions(l: Locale, shown: &Shown, now: DateTime<Utc>) -> AnyView {
    let scheme_id = &shown.tariff().content.scheme_id;
    let compare = format!("/tariffs/compare?id={scheme_id}");
    let order = format!("/me/order/{scheme_id}");
    // A version that was replaced says so already.
    let refusal = shown.refusal.as_ref().filter(|_| shown.is_newest());
    view! {
        {refusal.and_then(|refusal| why_not(l, refusal, shown, now)).map(|why| view! { <p class="banner">{why}</p> })}
        <p class="actions screen-only">
            {(shown.refusal.is_none() && shown.is_sold())
                .then(|| view! { <a class="button primary" href=order>{td_string!(l, tariff.order)}</a> })}
            <a class="button" href=compare>{td_string!(l, tariff.compare_this)}</a>
        </p>
    }
    .into_any()
}

fn why_not(l: Locale, refusal: &Refusal, shown: &Shown, now: DateTime<Utc>) -> Option<String> {
    Some(match refusal {
        Refusal::NotOnSale { from, .. } if *from > local_date(now) => {
            td_string!(l, tariff.not_orderable_future, date = day_text(l, *from))
        }
        Refusal::NotOnSale { until, .. } => td_string!(l, tariff.not_orderable_over, date = day_text(l, *until)),
        Refusal::Withdrawn => {
            let day = shown.withdrawn_at.map_or_else(|| local_date(now), local_date);
            td_string!(l, tariff.not_orderable_withdrawn, date = day_text(l, day))
        }
        Refusal::NoTerms => td_string!(l, tariff.not_orderable_terms).to_owned(),
        // Public and not sold yet: from when on it is.
        _ => {
            let from = shown.times[shown.at].map(|time| time.from).filter(|from| *from > now)?;
            td_string!(l, version.not_yet, from = time_text(l, from))
        }
    })
}
