//! `/staff/tariffs/board`: what is on sale, what of it is needless, and plans to take some of it off sale.

mod actions;
mod decide;
mod effect;
mod list;
mod words;

pub use decide::WithdrawalsPage;
pub use effect::EffectPage;
pub use list::BoardPage;
pub use words::action_name;

use charging::tariff::SchemeId;
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use crate::i18n::Locale;
use crate::me::parts::{Tone, banner, query};

/// Scheme ids of the address, each once, in their order, at most one more than a plan may take off sale.
fn chosen() -> Vec<SchemeId> {
    let values = use_query_map().get_untracked().get_all("id").unwrap_or_default();
    known(&values)
}

/// Those of some texts that are scheme ids.
fn known(values: &[String]) -> Vec<SchemeId> {
    let mut ids: Vec<SchemeId> = values.iter().take(1000).filter_map(|value| value.parse().ok()).collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

/// What the last form came to, as the address tells it.
fn outcome(l: Locale) -> AnyView {
    let problem = query("problem").and_then(|problem| words::problem_text(l, &problem));
    let done = query("ok").and_then(|ok| words::done_text(l, &ok));
    view! {
        {problem.map(|text| banner(Tone::Bad, text))}
        {done.map(|text| banner(Tone::Good, text))}
    }
    .into_any()
}
