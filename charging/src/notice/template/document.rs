//! `docs/messages.md`: the catalogue for people, made of the templates.

use std::fmt::Write as _;
use std::path::Path;

use super::catalogue::entries;

/// Where the list for people stands.
const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/messages.md");
/// Set to anything, the test writes the document.
const WRITE: &str = "MINGBAI_WRITE_DOCS";

fn document() -> String {
    let mut text = "# Every message to a subscriber\n\nMade from the templates in `charging/src/notice` by \
        `MINGBAI_WRITE_DOCS=1 cargo test -p charging document`, which else checks that it is current. The number in \
        parentheses is of the parts that the SMS takes, which a phone shows as one: never more than two, but for an order of a \
        tariff that has much to say or that an agent's channel wanted. What is agreed to is sent whole; a text of the operator of more than 70 characters is \
        cut, with the place of the rest. ☎ is what is said by phone to those who chose that.\n"
        .to_owned();
    let mut kind = "";
    for entry in entries() {
        if kind != entry.kind {
            kind = entry.kind;
            let choice = if entry.topic.is_some() { ", can be turned off in part" } else { "" };
            write!(text, "\n## {kind}{choice}\n").unwrap();
        }
        for said in &entry.texts {
            write!(text, "\n> {} ({})\n", said.body.replace('\n', "  \n> "), said.parts).unwrap();
        }
        for spoken in entry.texts.iter().filter_map(|said| said.spoken.as_ref()) {
            write!(text, "\n> ☎ {spoken}\n").unwrap();
        }
    }
    text
}

#[test]
fn the_document_is_current() {
    let path = Path::new(DOCUMENT);
    if std::env::var_os(WRITE).is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, document()).unwrap();
    }
    let written = std::fs::read_to_string(path).unwrap_or_default();
    assert_eq!(written, document(), "run MINGBAI_WRITE_DOCS=1 cargo test -p charging document");
}
