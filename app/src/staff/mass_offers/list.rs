use charging::mass_offer::store::{MassOffer, PAGE};
use charging::mass_offer::view::list;
use charging::mass_offer::{PER_HOUR_MAX, PURPOSE_CHARS_MAX};
use charging::staff::Permission;
use leptos::prelude::*;
use leptos_meta::Title;

use super::words::{login, problem, standing};
use crate::components::{Pager, REGIONS, page, region_name, time_text};
use crate::i18n::{Locale, td_string};
use crate::me::parts::{Tone, banner, query};
use crate::request::locale;
use crate::state::AppState;

/// `/staff/mass-offers`
#[component]
pub fn MassOffersPage() -> impl IntoView {
    page(|| {
        let state = AppState::current();
        let l = locale();
        let problem = problem(l);
        let number = query("page").and_then(|page| page.parse().ok()).unwrap_or(1);
        let typed = Typed::read();
        async move {
            let member = crate::staff::member()?;
            let (offers, total) = list(&mut *state.pool.acquire().await?, number).await?;
            let pages = u32::try_from((total + PAGE - 1) / PAGE).unwrap_or(u32::MAX);
            let shown = if offers.is_empty() {
                view! { <p class="empty">{td_string!(l, mass_offer.none)}</p> }.into_any()
            } else {
                table(l, offers).into_any()
            };
            let form = member.may(Permission::DraftTariffs).then(|| view! { <NewForm typed /> });
            Ok(view! {
                <Title text=td_string!(l, mass_offer.title) />
                <div class="stack-tight">
                    <h1>{td_string!(l, mass_offer.title)}</h1>
                    <p class="muted">{td_string!(l, mass_offer.lead)}</p>
                </div>
                {problem.map(|text| banner(Tone::Bad, text))}
                {shown}
                <Pager page=u32::try_from(number).unwrap_or(1) pages base="/staff/mass-offers?page=" />
                {form}
            })
        }
    })
}

fn table(l: Locale, offers: Vec<MassOffer>) -> impl IntoView {
    let rows = offers
        .into_iter()
        .map(|offer| {
            let (class, words) = standing(l, offer.state);
            view! {
                <tr>
                    <td><a href=format!("/staff/mass-offers/{}", offer.mass_offer_id)>{offer.purpose}</a></td>
                    <td>{offer.name}</td>
                    <td><span class=class>{words}</span></td>
                    <td>{login(&offer.asked_by).to_owned()}</td>
                    <td>{time_text(l, offer.asked_at)}</td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <section class="card">
            <div class="table-scroll" role="region" tabindex="0" aria-label=td_string!(l, mass_offer.title)>
                <table class="table">
                    <thead>
                        <tr>
                            <th scope="col">{td_string!(l, mass_offer.purpose)}</th>
                            <th scope="col">{td_string!(l, mass_offer.offered)}</th>
                            <th scope="col">{td_string!(l, mass_offer.state)}</th>
                            <th scope="col">{td_string!(l, mass_offer.asked_by)}</th>
                            <th scope="col">{td_string!(l, staff.added_at)}</th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </div>
        </section>
    }
}

/// What was typed before something was wrong with it.
#[derive(Clone, Debug)]
struct Typed {
    purpose: String,
    tariff: String,
    holds: String,
    region: String,
    per_hour: String,
    refused_percent: String,
    complaints: String,
}

impl Typed {
    fn read() -> Self {
        let or = |name: &str, usual: &str| query(name).unwrap_or_else(|| usual.to_owned());
        Self {
            purpose: or("purpose", ""),
            tariff: or("tariff", ""),
            holds: or("holds", ""),
            region: or("region", ""),
            per_hour: or("per_hour", "500"),
            refused_percent: or("refused_percent", "30"),
            complaints: or("complaints", "3"),
        }
    }
}

#[component]
fn NewForm(typed: Typed) -> impl IntoView {
    let l = locale();
    let regions = REGIONS
        .into_iter()
        .skip(1)
        .map(|region| view! { <option value=region selected=typed.region == region>{region_name(l, region)}</option> })
        .collect_view();
    let number = |name: &'static str, label: &'static str, value: String, max: i32| {
        view! {
            <div class="field">
                <label for=name>{label}</label>
                <input id=name name=name type="number" inputmode="numeric" min="1" max=max.to_string() value=value required />
            </div>
        }
    };
    view! {
        <form class="card stack" method="post" action="/staff/api/propose_mass_offer">
            <h2>{td_string!(l, mass_offer.new_one)}</h2>
            <div class="field">
                <label for="purpose">{td_string!(l, mass_offer.purpose)}</label>
                <input
                    id="purpose"
                    name="purpose"
                    value=typed.purpose
                    maxlength=PURPOSE_CHARS_MAX.to_string()
                    required
                    aria-describedby="purpose-hint"
                />
                <p class="hint" id="purpose-hint">{td_string!(l, mass_offer.purpose_hint)}</p>
            </div>
            <div class="ways">
                <div class="field">
                    <label for="tariff">{td_string!(l, mass_offer.offer)}</label>
                    <input id="tariff" name="tariff" value=typed.tariff maxlength="10" spellcheck="false" required />
                </div>
                <div class="field">
                    <label for="holds">{td_string!(l, mass_offer.holds)}</label>
                    <input id="holds" name="holds" value=typed.holds maxlength="10" spellcheck="false" aria-describedby="holds-hint" />
                    <p class="hint" id="holds-hint">{td_string!(l, mass_offer.holds_hint)}</p>
                </div>
                <div class="field">
                    <label for="region">{td_string!(l, mass_offer.region)}</label>
                    <select id="region" name="region">
                        <option value="">{td_string!(l, mass_offer.anywhere)}</option>
                        {regions}
                    </select>
                </div>
                {number("per_hour", td_string!(l, mass_offer.per_hour), typed.per_hour, PER_HOUR_MAX)}
                {number("refused_percent", td_string!(l, mass_offer.refused_percent), typed.refused_percent, 100)}
                {number("complaints", td_string!(l, mass_offer.complaints), typed.complaints, 1000)}
            </div>
            <p class="muted">{td_string!(l, mass_offer.freeze_hint)}</p>
            <button class="button primary wide-button" type="submit">{td_string!(l, mass_offer.freeze)}</button>
        </form>
    }
}
