//! The changes as a feed: Atom (RFC 4287, paged by RFC 5005) and JSON Feed 1.1, from the same entries.

use charging::tariff::changes::{Change, Changes};
use charging::tariff::store::Operator;
use chrono::{DateTime, Utc};
use sha2::{Digest as _, Sha256};

use super::words::{address, headline, said};
use super::{feed_address, list_address};
use crate::components::operator_name;
use crate::i18n::{Locale, td_string};
use crate::request::language_tag;

/// The two shapes of the feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    Atom,
    Json,
}

impl Shape {
    /// How its address ends.
    pub fn ending(self) -> &'static str {
        match self {
            Self::Atom => "atom",
            Self::Json => "json",
        }
    }
}

/// What a feed tells, and to whom.
#[derive(Debug)]
pub struct Feed<'a> {
    /// Where the portal is, without a slash at the end.
    pub site: &'a str,
    pub language: Locale,
    /// Whose changes; `None`: everybody's.
    pub operator: Option<&'a str>,
    pub operators: &'a [Operator],
    pub changes: &'a Changes,
}

/// An entry, in words.
pub(super) struct Entry {
    pub id: String,
    pub url: String,
    pub title: String,
    pub text: String,
    pub at: DateTime<Utc>,
    pub author: String,
    pub tag: &'static str,
}

impl Feed<'_> {
    /// Writes it.
    pub fn write(&self, shape: Shape) -> String {
        match shape {
            Shape::Atom => super::atom::write(self),
            Shape::Json => super::json::write(self),
        }
    }

    /// When the newest of its entries happened.
    pub fn updated(&self) -> Option<DateTime<Utc>> {
        self.changes.items.first().map(|change| change.at)
    }

    pub(super) fn title(&self) -> String {
        let title = td_string!(self.language, version.feed_title);
        self.operator.map_or_else(
            || title.to_owned(),
            |id| format!("{title} · {}", operator_name(self.language, self.operators, id)),
        )
    }

    /// The address of the page that shows the same.
    pub(super) fn page_url(&self) -> String {
        format!("{}{}", self.site, list_address(self.operator, self.changes.page))
    }

    /// The address of a page of the feed.
    pub(super) fn feed_url(&self, shape: Shape, page: u32) -> String {
        let first = feed_address(self.language, self.operator, shape.ending());
        let page = if page > 1 { format!("&page={page}") } else { String::new() };
        format!("{}{first}{page}", self.site)
    }

    pub(super) fn next_url(&self, shape: Shape) -> Option<String> {
        self.changes.has_more.then(|| self.feed_url(shape, self.changes.page + 1))
    }

    /// The name of the feed, the same wherever the portal is.
    pub(super) fn id(&self) -> String {
        uuid(&format!("changes/{}/{}", self.operator.unwrap_or_default(), language_tag(self.language)))
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = Entry> {
        self.changes.items.iter().map(|change| self.entry(change))
    }

    fn entry(&self, change: &Change) -> Entry {
        Entry {
            id: uuid(&format!("{}/{}/{}", change.scheme_id, change.version, change.kind.as_str())),
            url: format!("{}{}", self.site, address(change)),
            title: headline(self.language, change),
            text: said(self.language, change),
            at: change.at,
            author: operator_name(self.language, self.operators, &change.operator_id),
            tag: change.kind.as_str(),
        }
    }
}

/// A name for ever, as RFC 4287 asks for, made of what it names (UUID version 8, RFC 9562).
fn uuid(name: &str) -> String {
    let digest = Sha256::digest(format!("mingbai/{name}"));
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    bytes[6] = bytes[6] & 0x0f | 0x80;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex = hex::encode(bytes);
    format!("urn:uuid:{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}
