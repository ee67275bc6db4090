//! Where each figure of a tariff's terms stands in its text.

use charging::quantity::Service;
use charging::tariff::derive::{Source, derive};
use charging::tariff::{TariffContent, shown as without_markup};
use leptos::prelude::*;

use crate::i18n::{Locale, td_string};

/// Each part of the terms beside the sentence that it was read from. Nothing where the terms were not read from the
/// text, or where the text as it is read today says something else.
pub fn sources_view(l: Locale, content: &TariffContent) -> Option<impl IntoView + use<>> {
    let terms = content.terms.as_ref()?;
    let derivation = derive(content).ok().filter(|derivation| derivation.terms == *terms)?;
    let has_data = terms.allowances.iter().any(|allowance| allowance.service == Service::Data);
    let lines = derivation
        .sources
        .iter()
        .filter(|source| has_data || source.field != "rollover")
        .filter_map(|source| Some((label(l, source.field)?, sentence(l, source))))
        .map(|(label, sentence)| {
            view! {
                <div>
                    <dt>{label}</dt>
                    {match sentence {
                        Ok(quoted) => view! { <dd><q>{quoted}</q></dd> }.into_any(),
                        Err(silent) => view! { <dd class="muted">{silent}</dd> }.into_any(),
                    }}
                </div>
            }
        })
        .collect_view();
    Some(view! {
        <h3>{td_string!(l, tariff.sources_title)}</h3>
        <p class="small muted">{td_string!(l, tariff.sources_lead)}</p>
        <dl class="facts">{lines}</dl>
    })
}

fn label(l: Locale, field: &str) -> Option<&'static str> {
    Some(match field {
        "recurring.price" => td_string!(l, tariff.source_price),
        "recurring.first_month" => td_string!(l, tariff.label_first_month),
        "cancel_effective" => td_string!(l, tariff.source_cancel),
        "rollover" => td_string!(l, tariff.source_rollover),
        "allowances.data" => td_string!(l, tariff.source_data),
        "allowances.voice" => td_string!(l, tariff.source_voice),
        "allowances.sms" => td_string!(l, tariff.source_sms),
        "overage.data" => td_string!(l, tariff.source_data_beyond),
        "overage.voice" => td_string!(l, tariff.source_voice_beyond),
        "overage.sms" => td_string!(l, tariff.source_sms_beyond),
        _ => return None,
    })
}

/// The sentence word for word, or what holds where the text is silent.
fn sentence(l: Locale, source: &Source) -> Result<String, &'static str> {
    if !source.sentence.is_empty() {
        return Ok(without_markup(&source.sentence).into_owned());
    }
    Err(match source.field {
        "recurring.first_month" => td_string!(l, tariff.source_silent_first_month),
        "cancel_effective" => td_string!(l, tariff.source_silent_cancel),
        _ => td_string!(l, tariff.source_silent_rollover),
    })
}
