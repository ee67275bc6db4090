//! 举报 A form on every page about channels, for genuine ones and others.

use charging::channel::report::{ABOUT_CHARS_MAX, CONTACT_CHARS_MAX, NewReport, WHAT_CHARS_MAX, report};
use charging::channel::store::ChannelError;
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use crate::components::TextArea;
use crate::i18n::{Locale, td_string};
use crate::me::parts::{Tone, banner, query};
use crate::request::{client_ip, locale, query_value, redirect};
use crate::state::AppState;

/// What became of a report that was sent. Ask before the first `await`.
pub(super) fn report_words(l: Locale) -> Option<AnyView> {
    if query("ok").as_deref() == Some("reported") {
        return Some(banner(Tone::Good, td_string!(l, channel.reported)));
    }
    let problem = match query("problem")?.as_str() {
        "report" => td_string!(l, channel.problem_report),
        "wait" => td_string!(l, channel.problem_wait),
        _ => td_string!(l, channel.problem_failed),
    };
    Some(banner(Tone::Bad, problem))
}

/// Where somebody tells of a channel.
#[component]
pub(super) fn ReportForm(about: String) -> impl IntoView {
    let l = locale();
    let typed = |name: &str| use_query_map().with_untracked(|map| map.get(name)).unwrap_or_default();
    let about = if about.is_empty() { typed("about") } else { about };
    view! {
        <form class="card" method="post" action="/api/report_channel" id="report">
            <h2>{td_string!(l, channel.report_title)}</h2>
            <p class="muted">{td_string!(l, channel.report_lead)}</p>
            <div class="field">
                <label for="about">{td_string!(l, channel.report_about)}</label>
                <input id="about" name="about" value=about maxlength=ABOUT_CHARS_MAX.to_string() required />
            </div>
            <TextArea
                id="what"
                name="what"
                label=td_string!(l, channel.report_what)
                text=typed("what")
                rows=4
                chars_max=WHAT_CHARS_MAX
                required=true
            />
            <div class="field">
                <label for="contact">{td_string!(l, channel.report_contact)}</label>
                <input id="contact" name="contact" value=typed("contact") maxlength=CONTACT_CHARS_MAX.to_string() />
            </div>
            <button class="button wide-button">{td_string!(l, channel.report_submit)}</button>
        </form>
    }
}

/// Tells us of a channel.
#[server(endpoint = "report_channel")]
pub async fn report_channel(
    about: String,
    what: String,
    #[server(default)] contact: String,
) -> Result<(), ServerFnError> {
    let state = AppState::current();
    let from = client_ip();
    let told = async {
        let mut tx = state.pool.begin().await?;
        let new = NewReport { about: &about, what: &what, contact: &contact };
        let told = report(&mut tx, &new, from, state.clock.now()).await;
        tx.commit().await?;
        told
    };
    let problem = match told.await {
        Ok(()) => {
            redirect("/channels?ok=reported");
            return Ok(());
        }
        Err(ChannelError::Text) => "report",
        Err(ChannelError::TooMany { .. }) => "wait",
        Err(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, "a report could not be kept");
            "failed"
        }
    };
    let typed = |text: &str, chars_max| query_value(&text.chars().take(chars_max).collect::<String>());
    let (about, what) = (typed(&about, ABOUT_CHARS_MAX), typed(&what, WHAT_CHARS_MAX));
    let contact = typed(&contact, CONTACT_CHARS_MAX);
    redirect(&format!("/channels?problem={problem}&about={about}&what={what}&contact={contact}#report"));
    Ok(())
}
