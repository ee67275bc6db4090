use charging::mass_offer::store::{Counts, Effect, MassOffer};
use charging::mass_offer::view::{counts, effects, one, reasons, tally};
use charging::mass_offer::{COMMENT_CHARS_MAX, State, Tally};
use charging::staff::{Member, Permission};
use charging::tariff;
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_params_map;
use rust_decimal::Decimal;

use super::words::{done, login, problem, reason, standing, whom};
use crate::components::{PageError, Yuan, page, time_text};
use crate::i18n::{Locale, td_string};
use crate::me::parts::{Tone, banner};
use crate::request::locale;
use crate::state::AppState;

/// `/staff/mass-offers/{offer}`
#[component]
pub fn MassOfferPage() -> impl IntoView {
    page(|| {
        let state = AppState::current();
        let l = locale();
        let id = use_params_map().get_untracked().get("offer").and_then(|id| id.parse::<i64>().ok());
        let (done, problem) = (done(l), problem(l));
        async move {
            let member = crate::staff::member()?;
            let id = id.ok_or(PageError::NotFound)?;
            let mut db = state.pool.acquire().await?;
            let offer = one(&mut db, id).await?.ok_or(PageError::NotFound)?;
            let counted = counts(&mut db, id).await?;
            let told = tally(&mut db, id).await?;
            let left_out = reasons(&mut db, id).await?;
            let effects = effects(&mut db, id).await?;
            let version = tariff::store::version(&mut db, &offer.scheme_id, offer.version).await?;
            let version = version.ok_or(PageError::NotFound)?;
            let price = version.content.terms.map_or(Decimal::ZERO, |terms| terms.recurring_price());
            Ok(view! {
                <Title text=offer.purpose.clone() />
                <p><a href="/staff/mass-offers">{td_string!(l, mass_offer.to_all)}</a></p>
                <h1>{offer.purpose.clone()}</h1>
                {problem.map(|text| banner(Tone::Bad, text))}
                {done.map(|text| banner(Tone::Good, text))}
                {facts(l, &offer)}
                {progress(l, counted, told)}
                {steps(l, &offer, &member)}
                {effect(l, effects, price)}
                {left_out_table(l, left_out)}
                {(counted.waiting > 0).then(|| view! { <TakeOut id /> })}
            })
        }
    })
}

fn facts(l: Locale, offer: &MassOffer) -> impl IntoView + use<> {
    let (class, words) = standing(l, offer.state);
    let since = offer.halted_at.or(offer.ended_at).map(|at| time_text(l, at));
    let decided = offer.decided_by.as_deref().zip(offer.decided_at);
    let decided = decided.map(|(by, at)| format!("{} · {}", login(by), time_text(l, at)));
    let stops = td_string!(
        l,
        mass_offer.stops_text,
        percent = offer.limits.refused_percent,
        complaints = offer.limits.complaints
    );
    let row = |name: &'static str, value: AnyView| view! { <div><dt>{name}</dt><dd>{value}</dd></div> };
    let tariff = format!("/tariffs/{}", offer.scheme_id);
    let named = format!("{} ({} · v{})", offer.name, offer.scheme_id, offer.version);
    view! {
        <dl class="facts card">
            {row(td_string!(l, mass_offer.state), view! { <span class=class>{words}</span> " " {since} }.into_any())}
            {row(td_string!(l, mass_offer.offered), view! { <a href=tariff>{named}</a> }.into_any())}
            {row(td_string!(l, mass_offer.whom), whom(l, offer).into_any())}
            {row(td_string!(l, mass_offer.pace), td_string!(l, mass_offer.pace_text, n = offer.per_hour).into_any())}
            {row(td_string!(l, mass_offer.stops), stops.into_any())}
            {row(
                td_string!(l, mass_offer.asked_by),
                format!("{} · {}", login(&offer.asked_by), time_text(l, offer.asked_at)).into_any(),
            )}
            {decided.map(|decided| row(td_string!(l, mass_offer.decided_by), decided.into_any()))}
            {(!offer.comment.is_empty()).then(|| row(td_string!(l, mass_offer.comment), offer.comment.clone().into_any()))}
        </dl>
    }
}

fn progress(l: Locale, counts: Counts, tally: Tally) -> impl IntoView {
    let silent = counts.asked - tally.agreed - tally.refused;
    let all = counts.waiting + counts.asked;
    let figures = [
        (td_string!(l, mass_offer.count_waiting), counts.waiting),
        (td_string!(l, mass_offer.count_asked), counts.asked),
        (td_string!(l, mass_offer.count_agreed), tally.agreed),
        (td_string!(l, mass_offer.count_refused), tally.refused),
        (td_string!(l, mass_offer.count_silent), silent),
        (td_string!(l, mass_offer.count_left_out), counts.excluded + counts.passed_over),
    ];
    let figures = figures
        .map(|(name, figure)| view! { <div><dt>{name}</dt><dd class="strong">{figure}</dd></div> })
        .into_iter()
        .collect_view();
    view! {
        <section class="card">
            <h2>{td_string!(l, mass_offer.progress)}</h2>
            <progress class="wide-progress" max=all.to_string() value=counts.asked.to_string()></progress>
            <dl class="figures">{figures}</dl>
        </section>
    }
}

/// What this person may do with it now.
fn steps(l: Locale, offer: &MassOffer, member: &Member) -> AnyView {
    let id = offer.mass_offer_id;
    let is_own = login(&offer.asked_by) == member.login.as_str();
    let (drafts, approves) = (member.may(Permission::DraftTariffs), member.may(Permission::ApproveTariffs));
    let step = |step: &'static str, words: &'static str| {
        view! {
            <form method="post" action="/staff/api/steer_mass_offer">
                <input type="hidden" name="offer" value=id.to_string() />
                <input type="hidden" name="step" value=step />
                <button class="button" type="submit">{words}</button>
            </form>
        }
        .into_any()
    };
    let halt = (drafts || approves).then(|| step("halt", td_string!(l, mass_offer.halt)));
    let end = (drafts || approves).then(|| step("end", td_string!(l, mass_offer.end)));
    match offer.state {
        State::Waiting if is_own => view! {
            <section class="card">
                <h2>{td_string!(l, mass_offer.decide)}</h2>
                <p class="muted">{td_string!(l, mass_offer.own)}</p>
                {step("withdraw", td_string!(l, mass_offer.withdraw))}
            </section>
        }
        .into_any(),
        State::Waiting if approves => view! { <Decide id /> }.into_any(),
        State::Running => view! { <div class="actions">{halt}{end}</div> }.into_any(),
        State::Halted(_) => {
            let resume = (approves && !is_own).then(|| step("resume", td_string!(l, mass_offer.resume)));
            view! { <div class="actions">{resume}{end}</div> }.into_any()
        }
        State::Waiting | State::Rejected | State::Withdrawn | State::Ended => ().into_any(),
    }
}

#[component]
fn Decide(id: i64) -> impl IntoView {
    let l = locale();
    view! {
        <form class="card stack" method="post" action="/staff/api/decide_mass_offer">
            <h2>{td_string!(l, mass_offer.decide)}</h2>
            <input type="hidden" name="offer" value=id.to_string() />
            <div class="field">
                <label for="comment">{td_string!(l, mass_offer.reject_why)}</label>
                <textarea id="comment" name="comment" rows="2" maxlength=COMMENT_CHARS_MAX.to_string()></textarea>
            </div>
            <div class="actions">
                <button class="button primary" type="submit" name="decision" value="approve">
                    {td_string!(l, mass_offer.approve)}
                </button>
                <button class="button" type="submit" name="decision" value="reject">{td_string!(l, mass_offer.reject)}</button>
            </div>
        </form>
    }
}

fn effect(l: Locale, effects: Vec<Effect>, price: Decimal) -> impl IntoView {
    let rows = effects
        .into_iter()
        .map(|effect| {
            let (name, now) = match effect.present {
                Some((name, price)) => {
                    let now = view! { <Yuan amount=price /> {td_string!(l, mass_offer.a_month)} };
                    (name, now.into_any())
                }
                None => (td_string!(l, mass_offer.nothing_now).to_owned(), "–".into_any()),
            };
            view! {
                <tr>
                    <td>{name}</td>
                    <td class="num">{now}</td>
                    <td class="num"><Yuan amount=price />{td_string!(l, mass_offer.a_month)}</td>
                    <td class="num">{effect.subscribers}</td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <section class="card">
            <h2>{td_string!(l, mass_offer.effect)}</h2>
            <p class="muted">{td_string!(l, mass_offer.effect_lead)}</p>
            <div class="table-scroll" role="region" tabindex="0" aria-label=td_string!(l, mass_offer.effect)>
                <table class="table">
                    <thead>
                        <tr>
                            <th scope="col">{td_string!(l, mass_offer.now)}</th>
                            <th scope="col" class="num">{td_string!(l, mass_offer.now)}</th>
                            <th scope="col" class="num">{td_string!(l, mass_offer.afterwards)}</th>
                            <th scope="col" class="num">{td_string!(l, mass_offer.subscribers)}</th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </div>
        </section>
    }
}

fn left_out_table(l: Locale, reasons: Vec<(String, i64)>) -> Option<impl IntoView> {
    if reasons.is_empty() {
        return None;
    }
    let rows = reasons
        .into_iter()
        .map(|(name, subscribers)| view! { <tr><td>{reason(l, &name)}</td><td class="num">{subscribers}</td></tr> })
        .collect_view();
    Some(view! {
        <section class="card">
            <h2>{td_string!(l, mass_offer.left_out)}</h2>
            <table class="table">
                <thead>
                    <tr>
                        <th scope="col">{td_string!(l, mass_offer.left_out)}</th>
                        <th scope="col" class="num">{td_string!(l, mass_offer.subscribers)}</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </section>
    })
}

#[component]
fn TakeOut(id: i64) -> impl IntoView {
    let l = locale();
    view! {
        <form class="card" method="post" action="/staff/api/take_out_of_mass_offer">
            <h2>{td_string!(l, mass_offer.take_out)}</h2>
            <input type="hidden" name="offer" value=id.to_string() />
            <div class="field">
                <label for="msisdn">{td_string!(l, mass_offer.msisdn)}</label>
                <input id="msisdn" name="msisdn" inputmode="numeric" maxlength="11" autocomplete="off" required aria-describedby="msisdn-hint" />
                <p class="hint" id="msisdn-hint">{td_string!(l, mass_offer.take_out_hint)}</p>
            </div>
            <button class="button" type="submit">{td_string!(l, mass_offer.take_out)}</button>
        </form>
    }
}
