//! `/staff/tariffs`: our own tariffs from a blank form to the day they are on sale.

mod actions;
mod findings;
mod form;
mod list;
mod new;
mod one;
mod preview;
mod submission;
mod submit;
mod words;

pub use findings::judged;
pub use list::TariffWorkPage;
pub use new::NewDraftPage;
pub use one::DraftPage;
pub use submission::SubmissionPage;

use leptos::prelude::*;

use crate::components::PageResult;
use crate::i18n::td_string;
use crate::me::parts::{Tone, banner, query};
use crate::request::locale;

/// What the last form came to, as the address tells it.
fn answer() -> Option<AnyView> {
    let l = locale();
    if let Some(problem) = query("problem") {
        return Some(banner(Tone::Bad, words::problem_text(l, &problem)));
    }
    let (tone, text) = match query("ok")?.as_str() {
        "saved" => (Tone::Good, td_string!(l, draft.ok_saved)),
        "unchanged" => (Tone::Good, td_string!(l, draft.ok_unchanged)),
        "apart" => (Tone::Warn, td_string!(l, draft.ok_apart)),
        "imported" => (Tone::Good, td_string!(l, draft.ok_imported)),
        "submitted" => (Tone::Good, td_string!(l, draft.ok_submitted)),
        "approved" => (Tone::Good, td_string!(l, draft.ok_approved)),
        "returned" => (Tone::Good, td_string!(l, draft.ok_returned)),
        "withdrawn" => (Tone::Good, td_string!(l, draft.ok_withdrawn)),
        "discarded" => (Tone::Good, td_string!(l, draft.ok_discarded)),
        _ => return None,
    };
    Some(banner(tone, text))
}

/// Who of the staff looks at it.
fn member() -> PageResult<charging::staff::Member> {
    super::member()
}
