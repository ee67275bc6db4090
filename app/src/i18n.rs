//! Translations: `locales/{zh-CN,en}/*.json`, checked against each other when the crate is built.

mod generated {
    #![allow(clippy::pedantic, unused_qualifications, dead_code, unused_imports, reason = "generated code")]
    include!(concat!(env!("OUT_DIR"), "/i18n.rs"));
}

pub use generated::i18n::*;
pub use leptos_i18n::td_string;
