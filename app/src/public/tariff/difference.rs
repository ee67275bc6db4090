use charging::clock::local_date;
use charging::tariff::{SchemeId, TariffVersion, store};
use leptos::prelude::*;
use leptos_meta::{Link, Title};
use leptos_router::hooks::use_params_map;

use super::version_address;
use crate::components::{PageError, TariffDifference, day_text, page};
use crate::i18n::{Locale, td_string};
use crate::me::parts::query;
use crate::request::locale;
use crate::state::AppState;

/// `/tariffs/{scheme_id}/difference?from=1&to=2`; without versions the newest against the one before it.
#[component]
pub fn DifferencePage() -> impl IntoView {
    page(|| {
        let state = AppState::current();
        let l = locale();
        let scheme_id =
            use_params_map().get_untracked().get("scheme_id").and_then(|text| text.parse::<SchemeId>().ok());
        let (from, to) = (query("from"), query("to"));
        async move {
            let scheme_id = scheme_id.ok_or(PageError::NotFound)?;
            let mut db = state.pool.acquire().await?;
            let versions = store::versions(&mut db, &scheme_id).await?;
            let position = |asked: Option<String>, otherwise: usize| match asked {
                None => Some(otherwise).filter(|at| *at < versions.len()),
                Some(text) => {
                    let version: i32 = text.parse().ok()?;
                    versions.iter().position(|own| own.version == version)
                }
            };
            let pair = position(from, 1).zip(position(to, 0));
            let (from, to) = pair.ok_or(PageError::NotFound)?;
            Ok(difference_view(l, &versions, from, to))
        }
    })
}

fn difference_view(l: Locale, versions: &[TariffVersion], from: usize, to: usize) -> impl IntoView + use<> {
    let (before, after) = (&versions[from], &versions[to]);
    let scheme_id = &after.content.scheme_id;
    let (a, b) = (before.version, after.version);
    let name = after.content.name.clone();
    let title = td_string!(l, version.difference_title, name = name.clone(), from = a, to = b);
    let side = |label: &'static str, at: usize| {
        let tariff = &versions[at];
        let date = day_text(l, local_date(tariff.published_at));
        let text = td_string!(l, tariff.version_line, version = tariff.version, date = date);
        view! {
            <li>
                {label} " " <a href=version_address(versions, at)>{text}</a>
            </li>
        }
    };
    view! {
        <Title text=title />
        <Link rel="canonical" href=format!("/tariffs/{scheme_id}/difference?from={a}&to={b}") />
        <p class="back"><a href=format!("/tariffs/{scheme_id}#versions")>{td_string!(l, version.back_to_tariff)}</a></p>
        <article class="stack tariff">
            <header class="stack-tight">
                <p class="muted">{scheme_id.to_string()}</p>
                <h1 class="tariff-title">{name}</h1>
                <ul class="small">
                    {side(td_string!(l, version.before), from)} {side(td_string!(l, version.after), to)}
                </ul>
            </header>
            <section class="card">
                <h2>{td_string!(l, version.difference)}</h2>
                <TariffDifference before=before.content.clone() after=after.content.clone() />
            </section>
            <p class="small muted">{td_string!(l, version.who_pays)}</p>
        </article>
    }
}
