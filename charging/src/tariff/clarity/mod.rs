//! 明白规则 What makes a tariff hard to understand, found in its own words (campaign 明白办、放心用, part 1: elements complete,
//! text concise, no vague wording, no hidden or played-down restriction).
//!
//! Each [`Rule`] looks at one fault. A rule with [`Severity::Error`] blocks publishing; a warning needs a written reason.

mod elements;
mod example;
mod figures;
mod rule;
mod sentence;
pub mod store;
mod wording;

use std::collections::BTreeSet;

use serde::Serialize;

pub use self::example::{Example, Part};
pub use self::rule::{Rule, Severity, Words};
use super::{TariffContent, shown};

/// Grows whenever the rules find something else than before, so that what was found by older ones is looked for again.
pub const REVISION: i32 = 2;

/// An element of a tariff that has a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Element {
    Name,
    Price,
    Services,
    Overage,
    Audience,
    Regions,
    Channels,
    Validity,
    Commitment,
    Cancel,
    Penalty,
    Restrictions,
    Notes,
    Terms,
}

impl Element {
    pub const ALL: [Self; 14] = [
        Self::Name,
        Self::Price,
        Self::Services,
        Self::Overage,
        Self::Audience,
        Self::Regions,
        Self::Channels,
        Self::Validity,
        Self::Commitment,
        Self::Cancel,
        Self::Penalty,
        Self::Restrictions,
        Self::Notes,
        Self::Terms,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Price => "price",
            Self::Services => "services",
            Self::Overage => "overage",
            Self::Audience => "audience",
            Self::Regions => "regions",
            Self::Channels => "channels",
            Self::Validity => "validity",
            Self::Commitment => "commitment",
            Self::Cancel => "cancel",
            Self::Penalty => "penalty",
            Self::Restrictions => "restrictions",
            Self::Notes => "notes",
            Self::Terms => "terms",
        }
    }
}

/// A fault: which rule it breaks, where, and the words that break it (empty where words are missing).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Finding {
    pub rule: Rule,
    pub element: Element,
    pub quote: String,
}

/// Everything that is hard to understand in a tariff, in the order of the rules; the same words of an element once.
pub fn check(content: &TariffContent) -> Vec<Finding> {
    let page = Page::of(content);
    let mut found = BTreeSet::new();
    elements::check(content, &page, &mut found);
    figures::check(content, &page, &mut found);
    wording::check(&page, &mut found);
    found.into_iter().collect()
}

/// What is hard to understand, or says too much, in a text that stands alone, such as an advertisement.
pub fn check_text(text: &str) -> Vec<Finding> {
    let mut found = BTreeSet::new();
    wording::check(&Page(vec![(Element::Services, text.to_owned())]), &mut found);
    found.into_iter().collect()
}

type Found = BTreeSet<Finding>;

fn report(found: &mut Found, rule: Rule, element: Element, quote: impl Into<String>) {
    found.insert(Finding { rule, element, quote: quote.into() });
}

/// The texts of a tariff as the public sees them.
#[derive(Debug)]
struct Page(Vec<(Element, String)>);

impl Page {
    fn of(content: &TariffContent) -> Self {
        let texts = [
            (Element::Name, content.name.as_str()),
            (Element::Price, &content.price_text),
            (Element::Services, &content.services_text),
            (Element::Overage, &content.overage_text),
            (Element::Audience, &content.audience),
            (Element::Validity, &content.validity),
            (Element::Commitment, &content.commitment),
            (Element::Cancel, &content.cancel),
            (Element::Penalty, &content.penalty),
            (Element::Notes, &content.notes),
        ];
        let restrictions = content.restrictions.iter().map(|text| (Element::Restrictions, text.as_str()));
        Self(texts.into_iter().chain(restrictions).map(|(element, text)| (element, shown(text).into_owned())).collect())
    }

    /// Of an element that has one text.
    fn text(&self, element: Element) -> &str {
        self.0.iter().find(|(own, _)| *own == element).map_or("", |(_, text)| text)
    }

    fn texts(&self) -> impl Iterator<Item = (Element, &str)> {
        self.0.iter().map(|(element, text)| (*element, text.as_str()))
    }
}

/// What ends a sentence.
const STOPS: [char; 6] = ['。', '；', ';', '！', '!', '\n'];

/// The sentences of a text.
fn sentences(text: &str) -> impl Iterator<Item = &str> {
    text.split(STOPS).map(str::trim).filter(|sentence| !sentence.is_empty())
}

#[cfg(test)]
mod tests;
