//! Rules and elements, by name.

use charging::quantity::Service;
use charging::tariff::clarity::{Element, Rule, Severity, Words};

use crate::components::service_text;
use crate::i18n::{Locale, td_string};

/// What a rule is about.
pub fn rule_name(l: Locale, rule: Rule) -> &'static str {
    match rule {
        Rule::MissingElement => td_string!(l, clarity.rule_missing_element),
        Rule::VagueTerm => td_string!(l, clarity.rule_vague_term),
        Rule::RestrictionInNotes => td_string!(l, clarity.rule_restriction_in_notes),
        Rule::PriceDiffers => td_string!(l, clarity.rule_price_differs),
        Rule::AllowanceDiffers => td_string!(l, clarity.rule_allowance_differs),
        Rule::OverageDiffers => td_string!(l, clarity.rule_overage_differs),
        Rule::ValidityOpen => td_string!(l, clarity.rule_validity_open),
        Rule::RenewalUnsaid => td_string!(l, clarity.rule_renewal_unsaid),
        Rule::FreePeriodOpen => td_string!(l, clarity.rule_free_period_open),
        Rule::CancelNarrower => td_string!(l, clarity.rule_cancel_narrower),
        Rule::PenaltyUnclear => td_string!(l, clarity.rule_penalty_unclear),
        Rule::LongSentence => td_string!(l, clarity.rule_long_sentence),
        Rule::Jargon => td_string!(l, clarity.rule_jargon),
        Rule::Superlative => td_string!(l, clarity.rule_superlative),
        Rule::Comparison => td_string!(l, clarity.rule_comparison),
    }
}

pub fn severity_name(l: Locale, severity: Severity) -> &'static str {
    match severity {
        Severity::Error => td_string!(l, clarity.severity_error),
        Severity::Warning => td_string!(l, clarity.severity_warning),
    }
}

pub fn element_name(l: Locale, element: Element) -> &'static str {
    match element {
        Element::Name => td_string!(l, tariff.element_name),
        Element::Price => td_string!(l, tariff.element_price),
        Element::Services => td_string!(l, tariff.element_services),
        Element::Overage => td_string!(l, tariff.element_overage),
        Element::Audience => td_string!(l, tariff.element_audience),
        Element::Regions => td_string!(l, tariff.element_regions),
        Element::Channels => td_string!(l, tariff.element_channels),
        Element::Validity => td_string!(l, tariff.element_validity),
        Element::Commitment => td_string!(l, tariff.element_commitment),
        Element::Cancel => td_string!(l, tariff.element_cancel),
        Element::Penalty => td_string!(l, tariff.element_penalty),
        Element::Restrictions => td_string!(l, tariff.element_restrictions),
        Element::Notes => td_string!(l, tariff.element_notes),
        Element::Terms => td_string!(l, clarity.terms),
    }
}

/// What a finding is about, in words: the sentence, or what the text leaves out.
pub fn found_words(l: Locale, rule: Rule, element: Element, sentence: &str) -> String {
    match (rule, element) {
        (Rule::MissingElement, _) => td_string!(l, clarity.missing, element = element_name(l, element)),
        (_, Element::Terms) => {
            let service = sentence.parse::<Service>().map(|service| service_text(l, service).to_owned());
            td_string!(l, clarity.not_in_text, what = service.unwrap_or_else(|_| sentence.to_owned()))
        }
        _ => sentence.to_owned(),
    }
}

pub fn said(l: Locale, words: Words) -> &'static str {
    match l {
        Locale::zh_CN => words.zh,
        Locale::en => words.en,
    }
}
