use atom_syndication::{Category, Entry as AtomEntry, Feed as AtomFeed, Generator, Link, Person, Text};
use chrono::DateTime;

use super::feed::{Entry, Feed, Shape};
use crate::request::language_tag;

pub(super) fn write(feed: &Feed<'_>) -> String {
    let shape = Shape::Atom;
    let links = [
        Some(link("self", feed.feed_url(shape, feed.changes.page), Some("application/atom+xml"))),
        Some(link("alternate", feed.page_url(), Some("text/html"))),
        feed.next_url(shape).map(|next| link("next", next, Some("application/atom+xml"))),
    ];
    let atom = AtomFeed {
        title: Text::plain(printable(&feed.title())),
        id: feed.id(),
        // A feed without entries never changed.
        updated: feed.updated().unwrap_or(DateTime::UNIX_EPOCH).fixed_offset(),
        links: links.into_iter().flatten().collect(),
        generator: Some(Generator { value: "Mingbai".to_owned(), ..Generator::default() }),
        lang: Some(language_tag(feed.language).to_owned()),
        entries: feed.entries().map(entry).collect(),
        ..AtomFeed::default()
    };
    atom.to_string()
}

fn entry(entry: Entry) -> AtomEntry {
    let at = entry.at.fixed_offset();
    AtomEntry {
        title: Text::plain(printable(&entry.title)),
        id: entry.id,
        updated: at,
        published: Some(at),
        authors: vec![Person { name: entry.author, ..Person::default() }],
        categories: vec![Category { term: entry.tag.to_owned(), ..Category::default() }],
        links: vec![link("alternate", entry.url, Some("text/html"))],
        summary: Some(Text::plain(printable(&entry.text))),
        ..AtomEntry::default()
    }
}

fn link(rel: &str, href: String, mime_type: Option<&str>) -> Link {
    Link { rel: rel.to_owned(), href, mime_type: mime_type.map(str::to_owned), ..Link::default() }
}

/// XML 1.0 has no place for control characters; operators' texts may hold some.
fn printable(text: &str) -> String {
    text.chars()
        .filter(|c| !c.is_control() || matches!(c, '\t' | '\n'))
        .filter(|c| !matches!(c, '\u{fffe}' | '\u{ffff}'))
        .collect()
}
