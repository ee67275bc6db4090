//! `/tariffs/clarity`: what makes the published tariffs hard to understand, over all of them.

mod charts;
mod rules;
mod words;

pub use rules::RulesPage;

use charging::tariff::clarity::Rule;
use charging::tariff::clarity::store::{Filter, Found, Page, Survey, findings, survey};
use charging::tariff::store::{Operator, operators};
use leptos::prelude::*;
use leptos_meta::Title;

use self::charts::{Bar, Shares};
use self::words::{element_name, found_words, rule_name};

use crate::components::{Pager, operator_name, page, region_name};
use crate::i18n::{Locale, td_string};
use crate::islands::AutoSubmit;
use crate::me::parts::query;
use crate::request::{locale, query_value};
use crate::state::AppState;

/// What is looked at, and what there is to choose from.
#[derive(Clone)]
struct Seen {
    filter: Filter,
    operators: Vec<Operator>,
    survey: Survey,
    page: Page,
}

impl Seen {
    /// The address of this page under other filters, ending so that a page number may follow.
    fn address(&self, change: impl FnOnce(&mut Filter)) -> String {
        let mut filter = self.filter.clone();
        change(&mut filter);
        let pairs = [
            ("operator", filter.operator),
            ("region", filter.region),
            ("rule", filter.rule.map(|rule| rule.id().to_owned())),
        ];
        let pairs = pairs.into_iter().filter_map(|(name, value)| Some(format!("{name}={}", query_value(&value?))));
        format!("/tariffs/clarity?{}", pairs.collect::<Vec<_>>().join("&"))
    }
}

/// `/tariffs/clarity`
#[component]
pub fn ClarityPage() -> impl IntoView {
    page(|| {
        let state = AppState::current();
        let l = locale();
        let chosen = |name: &str| query(name).filter(|value| !value.trim().is_empty() && !value.contains('\0'));
        let filter = Filter {
            operator: chosen("operator"),
            region: chosen("region"),
            rule: chosen("rule").and_then(|rule| rule.parse().ok()),
        };
        let number = query("page").and_then(|page| page.parse().ok()).unwrap_or(1);
        async move {
            let mut db = state.pool.acquire().await?;
            let operators = operators(&mut db).await?;
            let survey = survey(&mut db, &filter).await?;
            let page = findings(&mut db, &filter, number).await?;
            let seen = Seen { filter, operators, survey, page };
            Ok(view! {
                <Title text=td_string!(l, clarity.title) />
                <div class="stack-tight">
                    <h1>{td_string!(l, clarity.title)}</h1>
                    <p class="lead">{td_string!(l, clarity.lead)}</p>
                    <p><a href="/tariffs/rules">{td_string!(l, clarity.to_rules)}</a></p>
                </div>
                {form(l, &seen)}
                {figures(l, &seen)}
                {charts(l, &seen)}
                {list(l, &seen)}
            })
        }
    })
}

/// A list to choose from: value, name, whether it is chosen.
type Options = Vec<(String, String, bool)>;

fn form(l: Locale, seen: &Seen) -> AnyView {
    let any = |chosen: bool| (String::new(), td_string!(l, tariff.any).to_owned(), chosen);
    let list = |values: Vec<(String, String)>, chosen: Option<&str>| {
        let known = values.into_iter().map(|(value, name)| {
            let is_chosen = chosen == Some(value.as_str());
            (value, name, is_chosen)
        });
        std::iter::once(any(chosen.is_none())).chain(known).collect::<Options>()
    };
    let operators = seen
        .operators
        .iter()
        .map(|operator| (operator.operator_id.clone(), operator_name(l, &seen.operators, &operator.operator_id)));
    let regions = seen.survey.regions.iter().map(|share| (share.of.clone(), region_name(l, &share.of)));
    let rules = Rule::ALL.into_iter().map(|rule| (rule.id().to_owned(), rule_name(l, rule).to_owned()));
    let filter = &seen.filter;
    let operators = list(operators.collect(), filter.operator.as_deref());
    let regions = list(regions.collect(), filter.region.as_deref());
    let rules = list(rules.collect(), filter.rule.map(Rule::id));
    view! {
        <form class="card clarity-form" action="/tariffs/clarity">
            <AutoSubmit>
                <div class="clarity-fields">
                    {select("operator", td_string!(l, tariff.filter_operator), operators)}
                    {select("region", td_string!(l, tariff.filter_region), regions)}
                    {select("rule", td_string!(l, clarity.filter_rule), rules)}
                    <button class="button">{td_string!(l, tariff.apply)}</button>
                </div>
            </AutoSubmit>
        </form>
    }
    .into_any()
}

fn select(name: &'static str, label: &'static str, options: Options) -> AnyView {
    let options = options
        .into_iter()
        .map(|(value, name, chosen)| view! { <option value=value selected=chosen>{name}</option> })
        .collect_view();
    view! {
        <div class="field">
            <label for=name>{label}</label>
            <select id=name name=name>{options}</select>
        </div>
    }
    .into_any()
}

fn figures(l: Locale, seen: &Seen) -> AnyView {
    let Survey { tariffs, clear, unread, .. } = seen.survey;
    let clear_share = charts::percent(clear, tariffs);
    let unread =
        (unread > 0).then(|| view! { <p class="muted small">{td_string!(l, clarity.unread, count = unread)}</p> });
    view! {
        <dl class="clarity-figures">
            <div>
                <dt>{td_string!(l, clarity.tariffs)}</dt>
                <dd>{tariffs}</dd>
            </div>
            <div>
                <dt>{td_string!(l, clarity.clear)}</dt>
                <dd>{clear}<span class="muted small">" "{clear_share}</span></dd>
            </div>
            <div>
                <dt>{td_string!(l, clarity.findings)}</dt>
                <dd>
                    <a href="#found">{seen.page.total}</a>
                </dd>
            </div>
        </dl>
        {unread}
    }
    .into_any()
}

fn charts(l: Locale, seen: &Seen) -> AnyView {
    let bar = |name: String, href: String, is_chosen: bool, tariffs: u64, broken: u64| Bar {
        name,
        href,
        is_chosen,
        tariffs,
        broken,
    };
    let filter = &seen.filter;
    let rules = Rule::ALL.into_iter().zip(&seen.survey.rules).map(|(rule, share)| {
        let is_chosen = filter.rule == Some(rule);
        let href = seen.address(|filter| filter.rule = (!is_chosen).then_some(rule));
        bar(rule_name(l, rule).to_owned(), href, is_chosen, share.tariffs, share.broken)
    });
    let mut rules: Vec<Bar> = rules.collect();
    rules.sort_by_key(|rule| std::cmp::Reverse(rule.broken));
    let operators = seen.survey.operators.iter().map(|share| {
        let is_chosen = filter.operator.as_deref() == Some(share.of.as_str());
        let href = seen.address(|filter| filter.operator = (!is_chosen).then(|| share.of.clone()));
        bar(operator_name(l, &seen.operators, &share.of), href, is_chosen, share.tariffs, share.broken)
    });
    let regions = seen.survey.regions.iter().map(|share| {
        let is_chosen = filter.region.as_deref() == Some(share.of.as_str());
        let href = seen.address(|filter| filter.region = (!is_chosen).then(|| share.of.clone()));
        bar(region_name(l, &share.of), href, is_chosen, share.tariffs, share.broken)
    });
    let (operators, regions): (Vec<Bar>, Vec<Bar>) = (operators.collect(), regions.collect());
    let about = match filter.rule {
        Some(rule) => td_string!(l, clarity.by_share_rule, rule = rule_name(l, rule)),
        None => td_string!(l, clarity.by_share_about).to_owned(),
    };
    view! {
        <div class="clarity-charts">
            <div class="stack">
            <Shares
                title=td_string!(l, clarity.by_rule)
                about=td_string!(l, clarity.by_rule_about)
                head=td_string!(l, clarity.column_rule)
                bars=rules
            />
            <Shares
                title=td_string!(l, clarity.by_operator)
                about=about.clone()
                head=td_string!(l, clarity.column_operator)
                bars=operators
            />
            </div>
            <Shares
                title=td_string!(l, clarity.by_region)
                about=about
                head=td_string!(l, clarity.column_region)
                bars=regions
            />
        </div>
    }
    .into_any()
}

fn list(l: Locale, seen: &Seen) -> AnyView {
    let Page { found, page, pages, total } = &seen.page;
    let items = found.iter().map(|found| item(l, seen, found)).collect_view();
    let none = found.is_empty().then(|| view! { <p class="empty">{td_string!(l, clarity.list_none)}</p> });
    let base = seen.address(|_| ());
    let base = format!("{base}{}page=", if base.ends_with('?') { "" } else { "&" });
    let (page, pages) = (*page, *pages);
    view! {
        <section class="stack" id="found" aria-labelledby="found-title">
            <h2 id="found-title">{td_string!(l, clarity.list_title, count = *total)}</h2>
            {none}
            <ol class="found">{items}</ol>
            <Pager page pages base />
        </section>
    }
    .into_any()
}

fn item(l: Locale, seen: &Seen, found: &Found) -> AnyView {
    let href = format!("/tariffs/{}/versions/{}", found.scheme_id, found.version);
    let rule = format!("/tariffs/rules#{}", found.rule);
    let words = found_words(l, found.rule, found.element, &found.sentence);
    let operator = operator_name(l, &seen.operators, &found.operator_id);
    view! {
        <li class="card">
            <div class="row spread">
                <a class="strong" href=href>{found.name.clone()}</a>
                <a class="tag" href=rule>{rule_name(l, found.rule)}</a>
            </div>
            <blockquote>{words}</blockquote>
            <p class="small muted">{format!("{operator} · {} · {}", found.scheme_id, element_name(l, found.element))}</p>
        </li>
    }
    .into_any()
}
