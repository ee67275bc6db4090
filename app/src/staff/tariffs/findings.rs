//! What is wrong and what is unclear: beside its field, and all of it in one list.

use charging::tariff::clarity::{Finding, Rule, Severity, Words};
use charging::tariff::draft::{Checked, Judged};
use leptos::prelude::*;

use super::preview::{Around, preview};
use super::words::{fault_text, field_name, field_of};
use crate::i18n::{Locale, td_string};

/// A sentence of a rule in the language of the page.
pub fn said(l: Locale, words: Words) -> &'static str {
    match l {
        Locale::zh_CN => words.zh,
        Locale::en => words.en,
    }
}

/// The fields that something can be said of, beyond those of rows.
const FIELDS: [&str; 31] = [
    "scheme_id",
    "name",
    "kind",
    "category",
    "regions",
    "audience",
    "on_sale_from",
    "on_sale_until",
    "channels",
    "has_terms",
    "terms",
    "form",
    "monthly",
    "first_month",
    "one_off",
    "cancel_effective",
    "allowances",
    "commitment_months",
    "penalty_model",
    "penalty_price",
    "penalty_percent",
    "restrictions",
    "validity",
    "commitment",
    "cancel",
    "penalty",
    "notes",
    "price_text",
    "services_text",
    "overage_text",
    "overage",
];

/// Below a field: what is said of it, or the place for that.
pub fn beside(l: Locale, checked: &Checked, field: &str) -> AnyView {
    view! { <div data-findings=field.to_owned()>{of_field(l, checked, field)}</div> }.into_any()
}

/// The faults of a field, and what the rules find in it.
fn of_field(l: Locale, checked: &Checked, field: &str) -> Option<AnyView> {
    let faults = checked.problems.iter().filter(|problem| problem.field == field);
    let faults = faults.map(|problem| view! { <li class="is-error">{fault_text(l, &problem.fault)}</li> }.into_any());
    let findings = checked.findings.iter().filter(|finding| field_of(finding.element) == field);
    let findings = findings.map(|finding| item(l, finding));
    let items: Vec<AnyView> = faults.chain(findings).collect();
    (!items.is_empty()).then(|| view! { <ul class="findings">{items}</ul> }.into_any())
}

fn item(l: Locale, finding: &Finding) -> AnyView {
    let (class, tag) = severity(l, finding.rule.severity());
    view! {
        <li class=class>
            <span class="strong">{tag}</span>
            " "
            {said(l, finding.rule.reason())}
            {quote(finding.quote.clone())}
        </li>
    }
    .into_any()
}

fn severity(l: Locale, severity: Severity) -> (&'static str, &'static str) {
    match severity {
        Severity::Error => ("is-error", td_string!(l, draft.is_error)),
        Severity::Warning => ("is-warning", td_string!(l, draft.is_warning)),
    }
}

fn quote(quote: String) -> Option<AnyView> {
    (!quote.is_empty()).then(|| view! { " " <q>{quote}</q> }.into_any())
}

/// The place of the list of everything.
pub const SUMMARY: &str = "summary";

/// Everything at a glance, each with the way to its field.
pub fn summary(l: Locale, checked: &Checked) -> AnyView {
    let count = checked.problems.len() + checked.findings.len();
    if count == 0 {
        return view! { <p class="banner" role="status" data-found="0">{td_string!(l, draft.nothing_found)}</p> }
            .into_any();
    }
    let link = |field: &str| view! { <a href=format!("#field-{}", anchor(field))>{field_name(l, field)}</a> };
    let problems = checked.problems.iter().map(|problem| {
        view! { <li class="is-error">{link(&problem.field)} ": " {fault_text(l, &problem.fault)}</li> }.into_any()
    });
    let findings = checked.findings.iter().map(|finding| {
        let (class, tag) = severity(l, finding.rule.severity());
        view! {
            <li class=class>
                {link(field_of(finding.element))} ": " <span class="strong">{tag}</span> " "
                {said(l, finding.rule.reason())} {quote(finding.quote.clone())}
            </li>
        }
        .into_any()
    });
    let items: Vec<AnyView> = problems.chain(findings).collect();
    let blocking = checked.problems.len() + checked.errors();
    let (class, lead) = if blocking > 0 {
        ("banner bad", td_string!(l, draft.blocked, n = blocking.to_string()))
    } else {
        ("banner warn", td_string!(l, draft.wants_reasons, n = checked.warnings().count().to_string()))
    };
    view! {
        <div class=class role="status" data-found=count.to_string()>
            <p>{lead}</p>
            <ul class="findings">{items}</ul>
        </div>
    }
    .into_any()
}

/// Where the link to a field leads: rows have their part of the form.
pub fn anchor(field: &str) -> &str {
    field.split('[').next().unwrap_or(field)
}

/// The findings and the preview of a form that is being typed, each named after the place in the page that it is shown in.
pub fn live_view(l: Locale, checked: Checked, around: Around) -> AnyView {
    let of_rows = checked.problems.iter().map(|problem| problem.field.clone()).filter(|field| field.contains('['));
    let fields = FIELDS.iter().map(|field| (*field).to_owned()).chain(of_rows);
    let said = fields
        .filter_map(|field| {
            let said = of_field(l, &checked, &field)?;
            Some(view! { <div data-beside=field>{said}</div> })
        })
        .collect_view();
    view! {
        <div data-beside=SUMMARY>{summary(l, &checked)}</div>
        {said}
        <div data-preview="">{preview(l, checked.content, around)}</div>
    }
    .into_any()
}

/// Warnings that were submitted, with the reasons why they stay.
pub fn judged(l: Locale, findings: &[Judged]) -> AnyView {
    if findings.is_empty() {
        return view! { <p>{td_string!(l, draft.no_warnings)}</p> }.into_any();
    }
    let items = findings
        .iter()
        .map(|finding| {
            let rule = finding.rule.parse::<Rule>().map(|rule| said(l, rule.reason())).unwrap_or_default();
            view! {
                <li class="is-warning">
                    <p>{rule} {quote(finding.quote.clone())}</p>
                    <p>{td_string!(l, draft.reason_is, reason = finding.reason.clone())}</p>
                </li>
            }
        })
        .collect_view();
    view! { <ul class="findings">{items}</ul> }.into_any()
}
