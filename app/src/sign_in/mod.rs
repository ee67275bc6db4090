//! Signing in and out: number and a code sent by SMS, or number and service password.

mod actions;
mod page;

pub use page::{LoginPage, wait_text};

use charging::subscriber::Language;

use crate::i18n::Locale;

/// The language of messages that fits the language of the page.
fn language(l: Locale) -> Language {
    match l {
        Locale::zh_CN => Language::Chinese,
        Locale::en => Language::English,
    }
}
