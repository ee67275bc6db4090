//! `/staff/incidents`: what detectors found, and incidents from their opening to the yes of a second person.

mod actions;
mod charges;
mod detectors;
mod finding;
mod list;
mod one;
mod source;
mod statement;
mod words;

pub use charges::AffectedPage;
pub use detectors::DetectorsPage;
pub use finding::FindingPage;
pub use list::IncidentsPage;
pub use one::IncidentPage;
pub use statement::IncidentStatementPage;
pub(super) use words::action_name;
pub(crate) use words::{part_state, refund_route, route_name};

use charging::staff::Permission;
use leptos::prelude::*;
use leptos_router::hooks::use_params_map;

use crate::components::PageError;
use crate::i18n::{Locale, td_string};
use crate::me::parts::{Tone, banner, query};

/// The number in the address of a page.
fn number(name: &str) -> Option<i64> {
    use_params_map().get_untracked().get(name).and_then(|id| id.parse().ok())
}

/// Whether whoever looks at the page may change something on it, as far as these permissions go.
fn may(permission: Permission) -> Result<bool, PageError> {
    Ok(super::member()?.may(permission))
}

/// What came of the last form, as the address tells it. Ask before the first `await`.
fn answer(l: Locale) -> Option<AnyView> {
    if let Some(problem) = query("problem") {
        return words::problem_text(l, &problem).map(|text| banner(Tone::Bad, text));
    }
    words::done_text(l, &query("ok")?).map(|text| banner(Tone::Good, text))
}

/// The way back to all findings and incidents.
fn back(l: Locale) -> impl IntoView {
    view! { <p><a href="/staff/incidents">{td_string!(l, incident.all)}</a></p> }
}
