use charging::tariff::changes::{Change, ChangeKind};

use crate::components::element_name;
use crate::i18n::{Locale, td_string};

/// Where a change can be read: what became new stands with its difference, the rest on the page of its version.
pub fn address(change: &Change) -> String {
    let (scheme_id, version) = (&change.scheme_id, change.version);
    match change.kind {
        ChangeKind::NewVersion(_) => format!("/tariffs/{scheme_id}/difference?from={}&to={version}", version - 1),
        _ => format!("/tariffs/{scheme_id}/versions/{version}"),
    }
}

/// What happened, in a word.
pub fn kind_name(l: Locale, kind: &ChangeKind) -> &'static str {
    match kind {
        ChangeKind::New => td_string!(l, version.change_new),
        ChangeKind::NewVersion(_) => td_string!(l, version.change_new_version),
        ChangeKind::Withdrawn(_) => td_string!(l, version.change_withdrawn),
        ChangeKind::OffSale => td_string!(l, version.change_off_sale),
    }
}

/// What happened to what.
pub fn headline(l: Locale, change: &Change) -> String {
    td_string!(l, version.change_titled, kind = kind_name(l, &change.kind), name = change.name.clone())
}

/// The rest of it, in a sentence.
pub fn said(l: Locale, change: &Change) -> String {
    match &change.kind {
        ChangeKind::New => td_string!(l, version.change_first).to_owned(),
        ChangeKind::NewVersion(elements) if elements.is_empty() => td_string!(l, version.change_same).to_owned(),
        ChangeKind::NewVersion(elements) => {
            let mut names: Vec<&str> = elements.iter().map(|element| element_name(l, *element)).collect();
            names.dedup();
            td_string!(l, version.change_elements, elements = names.join(td_string!(l, tariff.list_comma)))
        }
        ChangeKind::Withdrawn(reason) => td_string!(l, version.change_reason, reason = reason.clone()),
        ChangeKind::OffSale => td_string!(l, version.change_last_day).to_owned(),
    }
}
