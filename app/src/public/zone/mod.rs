//! 资费专区 The tariff zone: everything that is on public display, found by words and filters.

mod card;
mod filters;

use charging::tariff::store::{self, Operator};
use charging::tariff::{Listing, Sale, SchemeId, ZonePage, ZoneParameter, ZoneQuery};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;
use sqlx::PgConnection;

use self::card::TariffCard;
use self::filters::{ChosenFilters, FilterForm};
use super::names::{ignored_name, scheme_ids};
use crate::components::{PageResult, Pager, operator_name, page};
use crate::i18n::{Locale, td_string};
use crate::request::{locale, query_value};
use crate::state::AppState;

/// What the page shows.
#[derive(Clone)]
pub(super) struct Zone {
    query: ZoneQuery,
    ignored: Vec<ZoneParameter>,
    operators: Vec<Operator>,
    found: ZonePage,
    /// How many the same question finds under the other tab.
    elsewhere: u64,
    /// Scheme ids already chosen for comparison.
    chosen: Vec<SchemeId>,
}

impl Zone {
    async fn load(
        db: &mut PgConnection,
        (mut query, mut ignored): (ZoneQuery, Vec<ZoneParameter>),
        chosen: Vec<SchemeId>,
        now: chrono::DateTime<chrono::Utc>,
    ) -> PageResult<Self> {
        let operators = store::operators(db).await?;
        if query.operator.as_ref().is_some_and(|asked| operators.iter().all(|known| known.operator_id != *asked)) {
            query.operator = None;
            ignored.push(ZoneParameter::Operator);
        }
        let mut found = store::zone(db, &query, now).await?;
        if found.items.is_empty() && found.total > 0 {
            query.page = found.pages();
            found = store::zone(db, &query, now).await?;
        }
        let elsewhere = store::count(db, &ZoneQuery { sale: other(query.sale), ..query.clone() }, now).await?;
        Ok(Self { query, ignored, operators, found, elsewhere, chosen })
    }

    /// The address of another question, with what is chosen for comparison.
    fn address(&self, query: &ZoneQuery) -> String {
        let ids = self.chosen.iter().map(|id| format!("id={id}"));
        with_query("/tariffs", parameters(query).chain(ids))
    }
}

fn other(sale: Sale) -> Sale {
    match sale {
        Sale::On => Sale::Off,
        Sale::Off => Sale::On,
    }
}

/// What a question says, as `name=value` pairs.
fn parameters(query: &ZoneQuery) -> impl Iterator<Item = String> {
    ZoneParameter::ALL.into_iter().filter_map(|parameter| {
        let value = query.parameter(parameter)?;
        Some(format!("{}={}", parameter.as_str(), query_value(&value)))
    })
}

fn with_query(path: &str, pairs: impl Iterator<Item = String>) -> String {
    let pairs: Vec<String> = pairs.collect();
    if pairs.is_empty() { path.to_owned() } else { format!("{path}?{}", pairs.join("&")) }
}

/// An address that asks this question, on its first page.
fn address(path: &str, query: &ZoneQuery) -> String {
    with_query(path, parameters(query))
}

/// `/tariffs`
#[component]
pub fn ZonePage() -> impl IntoView {
    page(|| {
        let state = AppState::current();
        let l = locale();
        let params = use_query_map().get_untracked();
        async move {
            let asked = ZoneQuery::from_parameters(|name| params.get(name));
            let (chosen, _) = scheme_ids(&params.get_all("id").unwrap_or_default());
            let mut db = state.pool.acquire().await?;
            let zone = Zone::load(&mut db, asked, chosen, state.clock.now()).await?;
            Ok(view! {
                <Title text=td_string!(l, tariff.zone_title) />
                <div class="zone">
                    <div class="stack-tight zone-head">
                        <h1>{td_string!(l, tariff.zone_title)}</h1>
                        <p class="muted">{td_string!(l, tariff.zone_lead)}</p>
                        <p class="small"><a href="/tariffs/clarity">{td_string!(l, clarity.nav)}</a></p>
                    </div>
                    <FilterForm zone=zone.clone() />
                    <Results zone />
                </div>
            })
        }
    })
}

#[component]
fn Results(zone: Zone) -> impl IntoView {
    let l = locale();
    let total = zone.found.total;
    let empty = total == 0;
    let base = zone.address(&zone.query);
    let base = format!("{base}{}page=", if base.contains('?') { '&' } else { '?' });
    let (page, pages) = (zone.found.page, zone.found.pages());
    view! {
        <section class="zone-results stack" aria-label=td_string!(l, tariff.zone_results)>
            <SaleTabs zone=zone.clone() />
            <Ignored ignored=zone.ignored.clone() />
            <ChosenFilters zone=zone.clone() />
            <div class="row spread">
                <p class="strong">{count_text(l, total)}</p>
                {(!empty).then(|| downloads(l, &zone.query))}
            </div>
            {if empty {
                view! { <Nothing zone /> }.into_any()
            } else {
                view! {
                    <Cards zone />
                    <Pager page pages base />
                }
                .into_any()
            }}
        </section>
    }
}

fn count_text(l: Locale, count: u64) -> String {
    if count == 1 { td_string!(l, tariff.count_one).to_owned() } else { td_string!(l, tariff.count, count = count) }
}

fn downloads(l: Locale, query: &ZoneQuery) -> impl IntoView + use<> {
    let (json, csv) = (address("/tariffs.json", query), address("/tariffs.csv", query));
    view! {
        <p class="small muted zone-downloads">
            {td_string!(l, tariff.download)}" "<a href=csv rel="external" download="tariffs.csv">"CSV"</a>" "
            <a href=json rel="external" download="tariffs.json">"JSON"</a>" "
            <a href="/tariffs/changes">{td_string!(l, version.changes_title)}</a>
        </p>
    }
}

/// On sale and off sale, apart.
#[component]
fn SaleTabs(zone: Zone) -> impl IntoView {
    let l = locale();
    let on_sale = zone.query.sale == Sale::On;
    let (on, off) = if on_sale { (zone.found.total, zone.elsewhere) } else { (zone.elsewhere, zone.found.total) };
    let link = |sale: Sale| zone.address(&ZoneQuery { sale, ..zone.query.clone() });
    view! {
        <nav class="tabs" aria-label=td_string!(l, tariff.tabs_label)>
            <a href=link(Sale::On) aria-current=on_sale.then_some("page")>{td_string!(l, tariff.tab_on, count = on)}</a>
            <a href=link(Sale::Off) aria-current=(!on_sale).then_some("page")>
                {td_string!(l, tariff.tab_off, count = off)}
            </a>
        </nav>
    }
}

/// Which conditions were left out because they could not be read.
#[component]
fn Ignored(ignored: Vec<ZoneParameter>) -> impl IntoView {
    let l = locale();
    (!ignored.is_empty()).then(|| {
        let names: Vec<&str> = ignored.iter().map(|parameter| ignored_name(l, *parameter)).collect();
        let names = names.join(td_string!(l, tariff.list_comma));
        view! { <p class="banner warn">{td_string!(l, tariff.ignored, names = names)}</p> }
    })
}

/// A page of tariffs, each with a box to tick for comparison.
#[component]
fn Cards(zone: Zone) -> impl IntoView {
    let l = locale();
    let Zone { found, chosen, operators, .. } = zone;
    let on_page = |id: &SchemeId| found.items.iter().any(|listing| listing.scheme_id == *id);
    let kept = chosen
        .iter()
        .filter(|id| !on_page(id))
        .map(|id| view! { <input type="hidden" name="id" value=id.to_string() /> })
        .collect_view();
    let card = |listing: Listing| {
        let ticked = chosen.contains(&listing.scheme_id);
        let operator = operator_name(l, &operators, &listing.operator_id);
        view! { <TariffCard listing operator ticked /> }
    };
    view! {
        <form class="stack compare-form" action="/tariffs/compare">
            {kept}
            <ul class="tariff-list">{found.items.iter().cloned().map(card).collect_view()}</ul>
            <div class="compare-bar">
                <button class="button">{td_string!(l, tariff.compare_chosen)}</button>
            </div>
        </form>
    }
}

/// Nothing was found: which condition to give up.
#[component]
fn Nothing(zone: Zone) -> impl IntoView {
    let l = locale();
    let loosened = loosened(l, &zone);
    let plain = loosened.is_empty();
    view! {
        <div class="empty stack-tight">
            <p class="strong">
                {if plain { td_string!(l, tariff.empty_all) } else { td_string!(l, tariff.empty_title) }}
            </p>
            {(!plain).then(|| view! { <p>{td_string!(l, tariff.empty_loosen)}</p> })}
            <ul class="stack-tight">
                {loosened
                    .into_iter()
                    .map(|(name, query)| view! { <li><a class="loosen" href=zone.address(&query)>{name}</a></li> })
                    .collect_view()}
            </ul>
        </div>
    }
}

fn loosened(l: Locale, zone: &Zone) -> Vec<(String, ZoneQuery)> {
    let query = &zone.query;
    let mut ways = Vec::new();
    if zone.elsewhere > 0 {
        let name = td_string!(l, tariff.loosen_other_tab, count = zone.elsewhere);
        ways.push((name, ZoneQuery { sale: other(query.sale), ..query.clone() }));
    }
    let mut way = |asked: bool, name: String, without: ZoneQuery| {
        if asked {
            ways.push((name, without));
        }
    };
    let text = query.text.clone();
    way(!text.is_empty(), td_string!(l, tariff.loosen_q, value = text), query.without(ZoneParameter::Text));
    let no_price = query.without(ZoneParameter::PriceMin).without(ZoneParameter::PriceMax);
    let asks_price = query.price_min.is_some() || query.price_max.is_some();
    way(asks_price, td_string!(l, tariff.loosen_price).to_owned(), no_price);
    for (parameter, name) in [
        (ZoneParameter::DataMin, td_string!(l, tariff.loosen_data)),
        (ZoneParameter::VoiceMin, td_string!(l, tariff.loosen_voice)),
        (ZoneParameter::Commitment, td_string!(l, tariff.loosen_commitment)),
        (ZoneParameter::Kind, td_string!(l, tariff.loosen_kind)),
        (ZoneParameter::Region, td_string!(l, tariff.loosen_region)),
        (ZoneParameter::Operator, td_string!(l, tariff.loosen_operator)),
    ] {
        way(query.parameter(parameter).is_some(), name.to_owned(), query.without(parameter));
    }
    ways
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_says_what_is_asked_and_nothing_else() {
        assert_eq!(address("/tariffs", &ZoneQuery::default()), "/tariffs");
        let query =
            ZoneQuery { text: "5G 流量&".to_owned(), commitment: Some(false), page: 3, ..ZoneQuery::default() };
        assert_eq!(address("/tariffs", &query), "/tariffs?q=5G%20%E6%B5%81%E9%87%8F%26&commitment=no");
    }
}
