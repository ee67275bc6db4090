//! `/me/disputes`: what the subscriber says is wrong, and what becomes of it.

mod actions;
mod form;
mod list;
mod one;
pub(crate) mod words;

pub use form::{dispute_form, row_mark};
pub use list::DisputesPage;
pub use one::DisputePage;
