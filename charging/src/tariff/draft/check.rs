//! 检查 What stands between a draft and its submission: fields that cannot be read, errors of the clarity rules, warnings without a
//! reason.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{DraftForm, Problem, REASON_CHARS_MAX, parse};
use crate::tariff::TariffContent;
use crate::tariff::clarity::{self, Element, Finding, Rule, Severity};

/// A form looked through.
#[derive(Clone, Debug)]
pub struct Checked {
    /// What it comes to; where fields cannot be read, as near as it comes.
    pub content: TariffContent,
    pub problems: Vec<Problem>,
    pub findings: Vec<Finding>,
}

impl Checked {
    /// Whether it can be submitted once its warnings have reasons.
    pub fn is_sound(&self) -> bool {
        self.problems.is_empty() && self.errors() == 0
    }

    /// How many findings block it.
    pub fn errors(&self) -> usize {
        self.findings.iter().filter(|finding| finding.rule.severity() == Severity::Error).count()
    }

    pub fn warnings(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.rule.severity() == Severity::Warning)
    }
}

/// Looks a form through: every field, then the clarity rules over what the public would read. Where the terms cannot be read,
/// no text is held against them.
pub fn check(form: &DraftForm) -> Checked {
    let read = parse::read(form);
    let mut findings = clarity::check(&read.content);
    if read.are_terms_unread {
        findings.retain(|finding| !needs_terms(finding));
    }
    // An empty field that must be filled is told once, by the field.
    let told = |element: Element| match element {
        Element::Name => "name",
        Element::Regions => "regions",
        _ => "",
    };
    findings.retain(|finding| {
        finding.rule != Rule::MissingElement
            || !read.problems.iter().any(|problem| problem.field == told(finding.element))
    });
    Checked { content: read.content, problems: read.problems, findings }
}

fn needs_terms(finding: &Finding) -> bool {
    match finding.rule {
        Rule::PriceDiffers | Rule::AllowanceDiffers | Rule::OverageDiffers => true,
        Rule::MissingElement => {
            matches!(finding.element, Element::Price | Element::Services | Element::Overage | Element::Terms)
        }
        _ => false,
    }
}

/// A warning and why it stays, as it is published with the version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judged {
    /// The stable name of the rule.
    pub rule: String,
    pub element: String,
    pub quote: String,
    pub severity: String,
    pub reason: String,
}

/// Why a draft cannot be submitted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unready {
    #[error("{0} fields cannot be read")]
    Problems(usize),
    #[error("{0} findings are errors")]
    Errors(usize),
    #[error("{0} warnings have no reason")]
    NoReason(usize),
    #[error("a reason is longer than {REASON_CHARS_MAX} characters")]
    LongReason,
    #[error("the time to go live is past")]
    Past,
    #[error("the time to go live is more than {} days ahead", super::GO_LIVE_DAYS_MAX)]
    TooFarAhead,
    #[error("it would be off sale before it could be ordered")]
    NeverSold,
}

/// By what the reason for a warning is named in a form.
pub fn reason_key(finding: &Finding) -> String {
    let whole = format!("{}\n{}\n{}", finding.rule, finding.element.as_str(), finding.quote);
    hex::encode(&Sha256::digest(whole)[..8])
}

/// What is submitted of the findings: each warning with its reason, found by [`reason_key`].
///
/// # Errors
/// The first thing that is in the way.
pub fn can_submit(checked: &Checked, reasons: &BTreeMap<String, String>) -> Result<Vec<Judged>, Unready> {
    if !checked.problems.is_empty() {
        return Err(Unready::Problems(checked.problems.len()));
    }
    if checked.errors() > 0 {
        return Err(Unready::Errors(checked.errors()));
    }
    let reason_of = |finding: &Finding| reasons.get(&reason_key(finding)).map_or("", |reason| reason.trim());
    let missing = checked.warnings().filter(|finding| reason_of(finding).is_empty()).count();
    if missing > 0 {
        return Err(Unready::NoReason(missing));
    }
    if checked.warnings().any(|finding| reason_of(finding).chars().count() > REASON_CHARS_MAX) {
        return Err(Unready::LongReason);
    }
    let judged = checked.warnings().map(|finding| Judged {
        rule: finding.rule.id().to_owned(),
        element: finding.element.as_str().to_owned(),
        quote: finding.quote.clone(),
        severity: finding.rule.severity().as_str().to_owned(),
        reason: reason_of(finding).to_owned(),
    });
    Ok(judged.collect())
}
