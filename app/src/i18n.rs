//! Translations: `locales/{zh-CN,en}/*.json`, checked against each other at compile time.

#![expect(
    deprecated,
    reason = "generated code; the build.rs way of loading would add some 180 crates of Unicode data that two languages do not need"
)]

leptos_i18n::load_locales!();

pub use i18n::*;
pub use leptos_i18n::td_string;
