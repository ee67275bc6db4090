//! Every version that ever was public, with its dates.

use charging::clock::local_date;
use charging::tariff::history::{End, Orderable};
use chrono::{DateTime, TimeDelta, Utc};
use leptos::prelude::*;

use super::{Shown, version_address};
use crate::components::{day_text, time_text};
use crate::i18n::{Locale, td_string};

/// The list of versions on the page of a tariff.
pub(super) fn history(l: Locale, shown: &Shown, now: DateTime<Utc>) -> impl IntoView + use<> {
    let items = (0..shown.versions.len()).map(|i| item(l, shown, i, now)).collect_view();
    view! {
        <section class="card" id="versions">
            <h2>{td_string!(l, tariff.versions_title)}</h2>
            <ol class="versions">{items}</ol>
            {(shown.versions.len() > 2).then(|| compare_form(l, shown))}
            <p class="small"><a href="/tariffs/changes">{td_string!(l, version.all_changes)}</a></p>
        </section>
    }
}

fn item(l: Locale, shown: &Shown, i: usize, now: DateTime<Utc>) -> impl IntoView + use<> {
    let tariff = &shown.versions[i];
    let here = (i == shown.at).then_some("page");
    let before = shown.versions.get(i + 1).map(|before| {
        let (from, to) = (before.version, tariff.version);
        let href = format!("/tariffs/{}/difference?from={from}&to={to}", tariff.content.scheme_id);
        view! { <a href=href>{td_string!(l, version.what_changed, version = from)}</a> }
    });
    view! {
        <li class="stack-tight">
            <p class="row">
                <a href=version_address(&shown.versions, i) aria-current=here>
                    {td_string!(l, version.number, version = tariff.version)}
                </a>
                {(i == 0).then(|| view! { <span class="tag on">{td_string!(l, tariff.version_current)}</span> })}
            </p>
            <p class="small muted">
                {td_string!(l, version.public_since, date = day_text(l, local_date(tariff.published_at)))} " "
                {sale(l, shown.times[i], now)}
            </p>
            {before}
        </li>
    }
}

/// From when until when a version could be ordered here, and what ended that.
fn sale(l: Locale, time: Option<Orderable>, now: DateTime<Utc>) -> String {
    let Some(Orderable { from, until, end }) = time else { return td_string!(l, version.never_sold).to_owned() };
    let last = day_text(l, local_date(until - TimeDelta::microseconds(1)));
    if from > now {
        return td_string!(l, version.sold_soon, from = time_text(l, from), until = last);
    }
    let from = day_text(l, local_date(from));
    match end {
        End::LastDay => td_string!(l, version.sold, from = from, until = last),
        End::NewVersion(version) => td_string!(l, version.sold_replaced, from = from, until = last, version = version),
        End::Withdrawn => td_string!(l, version.sold_withdrawn, from = from, until = last),
    }
}

/// Any two versions side by side.
fn compare_form(l: Locale, shown: &Shown) -> impl IntoView + use<> {
    let action = format!("/tariffs/{}/difference", shown.tariff().content.scheme_id);
    let select = |name: &'static str, label: &'static str, chosen: usize| {
        let options = shown
            .versions
            .iter()
            .enumerate()
            .map(|(i, tariff)| {
                let text = td_string!(l, version.number, version = tariff.version);
                view! { <option value=tariff.version.to_string() selected=i == chosen>{text}</option> }
            })
            .collect_view();
        view! {
            <div class="field">
                <label for=name>{label}</label>
                <select id=name name=name>{options}</select>
            </div>
        }
    };
    view! {
        <form class="row version-form screen-only" action=action>
            {select("from", td_string!(l, version.compare_from), shown.versions.len() - 1)}
            {select("to", td_string!(l, version.compare_to), 0)}
            <button class="button">{td_string!(l, version.compare)}</button>
        </form>
    }
}
