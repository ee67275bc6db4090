//! Names that several pages of the tariff zone share.

use charging::tariff::{SchemeId, ZoneParameter, ZoneSort};
use chrono::{DateTime, Utc};

use crate::components::time_text;
use crate::i18n::{Locale, td_string};

/// A parameter, as the form calls it.
pub fn ignored_name(l: Locale, parameter: ZoneParameter) -> &'static str {
    match parameter {
        ZoneParameter::Text => td_string!(l, tariff.param_q),
        ZoneParameter::Operator => td_string!(l, tariff.filter_operator),
        ZoneParameter::Region => td_string!(l, tariff.filter_region),
        ZoneParameter::Kind => td_string!(l, tariff.filter_kind),
        ZoneParameter::PriceMin | ZoneParameter::PriceMax => td_string!(l, tariff.filter_price),
        ZoneParameter::DataMin => td_string!(l, tariff.filter_data),
        ZoneParameter::VoiceMin => td_string!(l, tariff.filter_voice),
        ZoneParameter::Commitment => td_string!(l, tariff.filter_commitment),
        ZoneParameter::Sale => td_string!(l, tariff.param_sale),
        ZoneParameter::Sort => td_string!(l, tariff.sort),
        ZoneParameter::Page => td_string!(l, tariff.param_page),
    }
}

/// From when on an announced version can be ordered. `is_sold`: the version before it is until then.
pub fn announced(l: Locale, from: DateTime<Utc>, is_sold: bool) -> String {
    let from = time_text(l, from);
    if is_sold { td_string!(l, draft.announced_new, from = from) } else { td_string!(l, draft.announced, from = from) }
}

/// An order of answers, by name.
pub fn sort_name(l: Locale, sort: ZoneSort) -> &'static str {
    match sort {
        ZoneSort::Relevance => td_string!(l, tariff.sort_relevance),
        ZoneSort::PriceAsc => td_string!(l, tariff.sort_price_asc),
        ZoneSort::PriceDesc => td_string!(l, tariff.sort_price_desc),
        ZoneSort::DataDesc => td_string!(l, tariff.sort_data_desc),
        ZoneSort::VoiceDesc => td_string!(l, tariff.sort_voice_desc),
        ZoneSort::Newest => td_string!(l, tariff.sort_newest),
        ZoneSort::Name => td_string!(l, tariff.sort_name),
    }
}

/// Scheme ids of an address, each once, however written (`26mb900001 `), and what is none (at most ten, shortened).
pub fn scheme_ids(values: &[String]) -> (Vec<SchemeId>, Vec<String>) {
    let mut ids: Vec<SchemeId> = Vec::new();
    let mut others = Vec::new();
    for value in values.iter().map(|value| value.trim()).filter(|value| !value.is_empty()).take(20) {
        match value.to_ascii_uppercase().parse::<SchemeId>() {
            Ok(id) if ids.contains(&id) => {}
            Ok(id) => ids.push(id),
            Err(_) => others.push(value.chars().take(20).collect()),
        }
    }
    others.truncate(10);
    (ids, others)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scheme_ids_are_taken_once_and_in_order() {
        let values = ["26MB900002", " 26mb900001 ", "26MB900002", "", "x"].map(str::to_owned);
        let (ids, others) = scheme_ids(&values);
        assert_eq!(ids.iter().map(SchemeId::as_str).collect::<Vec<_>>(), ["26MB900002", "26MB900001"]);
        assert_eq!(others, ["x"]);
    }
}
