//! The Leptos front end.
//!
//! Every page is rendered on the server and every action is an HTML form, so pages, server functions and translations
//! exist in the `ssr` build alone. Only what stands in [`islands`] is compiled to wasm; islands get their texts as
//! children, so that no translation travels twice.

// The type of a page nests as deep as its elements do.
#![recursion_limit = "512"]

pub mod islands;

#[cfg(feature = "ssr")]
pub mod access;
#[cfg(feature = "ssr")]
mod app;
#[cfg(feature = "ssr")]
mod components;
#[cfg(feature = "ssr")]
mod demo;
#[cfg(feature = "ssr")]
mod i18n;
#[cfg(feature = "ssr")]
mod me;
#[cfg(feature = "ssr")]
pub mod public;
#[cfg(feature = "ssr")]
pub mod request;
#[cfg(feature = "ssr")]
mod sign_in;
#[cfg(feature = "ssr")]
pub mod slip;
#[cfg(feature = "ssr")]
pub mod staff;
#[cfg(feature = "ssr")]
pub mod state;

#[cfg(feature = "ssr")]
pub use app::{App, shell};
#[cfg(feature = "ssr")]
pub use public::changes::feed as changes;

/// Called by the browser when the wasm has loaded.
#[cfg(feature = "hydrate")]
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn hydrate() {
    console_error_panic_hook::set_once();
    leptos::mount::hydrate_islands();
}
