//! The last part of a draft's page: a reason for each warning, the time to go live, and off it goes.

use charging::tariff::draft::store::Draft;
use charging::tariff::draft::{Checked, REASON_CHARS_MAX, lead, reason_key};
use chrono::{DateTime, Utc};
use leptos::prelude::*;

use super::findings::said;
use super::words::lead_text;
use crate::i18n::{Locale, td_string};
use crate::staff::local_time::minute;

pub fn submit_card(l: Locale, draft: &Draft, checked: &Checked, now: DateTime<Utc>) -> AnyView {
    if !checked.is_sound() {
        let blocking = checked.problems.len() + checked.errors();
        return view! {
            <section class="card" id="submit">
                <h2>{td_string!(l, draft.submit)}</h2>
                <p>{td_string!(l, draft.blocked, n = blocking.to_string())}</p>
            </section>
        }
        .into_any();
    }
    let reasons = checked
        .warnings()
        .map(|finding| {
            let key = reason_key(finding);
            let id = format!("reason-{key}");
            view! {
                <div class="field">
                    <label for=id.clone()>{said(l, finding.rule.reason())} " " <q>{finding.quote.clone()}</q></label>
                    <textarea id=id name=format!("reasons[{key}]") rows="2" maxlength=REASON_CHARS_MAX.to_string() required></textarea>
                    <p class="hint">{td_string!(l, draft.reason_hint)}</p>
                </div>
            }
        })
        .collect_view();
    view! {
        <form class="card stack" id="submit" method="post" action="/staff/api/submit_draft">
            <h2>{td_string!(l, draft.submit)}</h2>
            <p class="muted">{td_string!(l, draft.submit_lead, lead = lead_text(l, lead().seconds()))}</p>
            <input type="hidden" name="draft" value=draft.draft_id.to_string() />
            <input type="hidden" name="revision" value=draft.revision.to_string() />
            {reasons}
            <div class="field">
                <label for="go_live">{td_string!(l, draft.go_live)}</label>
                <input id="go_live" type="datetime-local" name="go_live" min=minute(now) />
                <p class="hint">{td_string!(l, draft.go_live_hint)}</p>
            </div>
            <button class="button primary wide-button" type="submit">{td_string!(l, draft.submit)}</button>
        </form>
    }
    .into_any()
}
