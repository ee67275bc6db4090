use serde::Serialize;

use super::feed::{Entry, Feed, Shape};
use crate::request::language_tag;

/// JSON Feed 1.1: <https://www.jsonfeed.org/version/1.1/>
#[derive(Serialize)]
struct JsonFeed<'a> {
    version: &'static str,
    title: String,
    home_page_url: String,
    feed_url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_url: Option<String>,
    language: &'a str,
    items: Vec<Item>,
}

#[derive(Serialize)]
struct Item {
    id: String,
    url: String,
    title: String,
    content_text: String,
    date_published: String,
    authors: [Author; 1],
    tags: [&'static str; 1],
}

#[derive(Serialize)]
struct Author {
    name: String,
}

pub(super) fn write(feed: &Feed<'_>) -> String {
    let shape = Shape::Json;
    let json = JsonFeed {
        version: "https://jsonfeed.org/version/1.1",
        title: feed.title(),
        home_page_url: feed.page_url(),
        feed_url: feed.feed_url(shape, feed.changes.page),
        next_url: feed.next_url(shape),
        language: language_tag(feed.language),
        items: feed.entries().map(item).collect(),
    };
    // Only text: nothing in it can fail to be written.
    serde_json::to_string(&json).unwrap_or_default()
}

fn item(entry: Entry) -> Item {
    Item {
        id: entry.id,
        url: entry.url,
        title: entry.title,
        content_text: entry.text,
        date_published: entry.at.to_rfc3339(),
        authors: [Author { name: entry.author }],
        tags: [entry.tag],
    }
}
