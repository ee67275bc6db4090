//! `/tariffs/rules`: what makes a tariff clear, rule by rule.

use charging::tariff::clarity::{Element, Example, Rule, Severity};
use leptos::prelude::*;
use leptos_meta::Title;

use super::words::{element_name, rule_name, said, severity_name};
use crate::i18n::{Locale, td_string};
use crate::request::locale;

/// `/tariffs/rules`
#[component]
pub fn RulesPage() -> impl IntoView {
    let l = locale();
    let rules = Rule::ALL.into_iter().map(|rule| section(l, rule)).collect_view();
    view! {
        <Title text=td_string!(l, clarity.rules_title) />
        <div class="stack-tight">
            <h1>{td_string!(l, clarity.rules_title)}</h1>
            <p class="lead">{td_string!(l, clarity.rules_lead)}</p>
            <p><a href="/tariffs/clarity">{td_string!(l, clarity.to_survey)}</a></p>
        </div>
        <ol class="rules">{rules}</ol>
    }
}

fn section(l: Locale, rule: Rule) -> AnyView {
    let severity = rule.severity();
    let class = if severity == Severity::Error { "tag warn" } else { "tag" };
    let href = format!("/tariffs/clarity?rule={rule}");
    view! {
        <li class="card" id=rule.id()>
            <div class="row spread">
                <h2>{rule_name(l, rule)}</h2>
                <span class=class>{severity_name(l, severity)}</span>
            </div>
            <p>{said(l, rule.reason())}</p>
            <div class="ways">
                {example(l, td_string!(l, clarity.bad), "example bad", rule.bad_example())}
                {example(l, td_string!(l, clarity.good), "example good", rule.good_example())}
            </div>
            <p><a href=href>{td_string!(l, clarity.see_found)}</a></p>
        </li>
    }
    .into_any()
}

fn example(l: Locale, title: &'static str, class: &'static str, example: Example) -> AnyView {
    let parts = example
        .0
        .into_iter()
        .map(|part| {
            let text = said(l, part.words);
            let text = if text.is_empty() { td_string!(l, clarity.empty_words) } else { text };
            let class = if part.element == Element::Terms { "muted" } else { "" };
            view! {
                <div class=class>
                    <dt>{element_name(l, part.element)}</dt>
                    <dd>{text}</dd>
                </div>
            }
        })
        .collect_view();
    view! {
        <div class=class>
            <h3 class="small">{title}</h3>
            <dl>{parts}</dl>
        </div>
    }
    .into_any()
}
