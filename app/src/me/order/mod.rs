//! `/me/order/{scheme_id}`: everything before (事前告知), then the yes by SMS (事中确认).

mod ask;
mod change;
mod view;

use charging::consent::Subject;
use charging::order::change::Change;
use charging::order::ending::penalty_of_change;
use charging::order::store::{OrderError, held};
use charging::order::{Refusal, flow};
use charging::subscriber::Subscriber;
use charging::subscriber::store::find;
use charging::tariff::{self, Kind, Penalty, SchemeId, TariffVersion, Terms};
use chrono::{DateTime, Utc};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_params_map;
use sqlx::PgConnection;

use self::view::Start;
pub use self::view::refusal_text;
use super::confirm::{self, Found, Pending, confirm_forms, problem_text};
use super::parts::{Tone, banner, query};
use crate::components::{PageError, PageResult, clock_text, page};
use crate::i18n::{Locale, td_string};
use crate::request::{locale, signed_in};
use crate::state::AppState;

/// The plan that another one takes over from.
pub struct Present {
    pub tariff: TariffVersion,
    pub terms: Terms,
    pub change: Change,
    /// What leaving it costs; `None`: nothing.
    pub penalty: Option<Penalty>,
}

/// `/me/order/{scheme_id}`.
#[component]
pub fn OrderPage() -> impl IntoView {
    let params = use_params_map();
    page(move || {
        let scheme_id = params.read_untracked().get("scheme_id").unwrap_or_default();
        async move {
            let (l, state) = (locale(), AppState::current());
            let (ok, problem) = (query("ok"), query("problem"));
            let request_id = query("request").and_then(|id| id.parse().ok());
            let now = state.clock.now();
            let subscriber_id = signed_in().await.ok_or(PageError::SignedOut)?;
            let scheme_id: SchemeId = scheme_id.parse().map_err(|_| PageError::NotFound)?;
            let mut db = state.pool.acquire().await?;
            let subscriber = find(&mut db, subscriber_id).await?.ok_or(PageError::SignedOut)?;
            let (tariff, refusal) = offered(&mut db, subscriber_id, &scheme_id, now).await?;
            let present =
                if tariff.content.kind == Kind::Plan { present(&mut db, subscriber_id, now).await? } else { None };
            let about =
                |subject: &Subject| matches!(subject, Subject::Order { scheme_id: asked, .. } if *asked == scheme_id);
            let found = confirm::find(&mut db, subscriber_id, request_id, about, now).await?;
            let expired =
                matches!(found, Found::Expired).then(|| banner(Tone::Warn, td_string!(l, me.problem_code_expired)));
            let (pending, step) = match (found, refusal) {
                (Found::Waiting(pending), None) => (Some(code_card(l, *pending, subscriber.msisdn.as_str())), None),
                (_, refusal) => (None, Some(first_step(l, &tariff, refusal, &subscriber))),
            };
            let problem = problem.and_then(|code| match code.as_str() {
                "refused" => Some((Tone::Warn, td_string!(l, me.or_refused_changed))),
                code => problem_text(l, code),
            });
            let title = td_string!(l, me.or_title, name = tariff.content.name.clone());
            let step_text = if pending.is_some() { td_string!(l, me.or_step_2) } else { td_string!(l, me.or_step_1) };
            let orderable = pending.is_some() || step.as_ref().is_some_and(|step| step.orderable);
            let comparison =
                present.as_ref().filter(|_| orderable).and_then(|present| view::change_card(l, present, &tariff));
            let start = Start::of(present.as_ref(), now);
            let price = tariff.content.terms.as_ref().map(|terms| view::price_card(l, &tariff, terms, start));
            Ok(view! {
                <Title text=title.clone() />
                <header class="stack-tight">
                    {orderable.then(|| view! { <p class="muted">{step_text}</p> })}
                    <h1>{title}</h1>
                </header>
                {(ok.as_deref() == Some("sent")).then(|| banner(Tone::Good, td_string!(l, me.or_ok_sent)))}
                {problem.map(|(tone, text)| banner(tone, text))}
                {expired}
                {pending}
                {step.as_ref().and_then(|step| step.refused.clone()).map(|text| refused_banner(l, text))}
                {price}
                {comparison}
                {view::whole_tariff(l, tariff)}
                {step.filter(|step| step.orderable).map(|_| ask_card(l, &scheme_id, subscriber.msisdn.as_str()))}
            })
        }
    })
}

/// The version that can be ordered; else the newest one, and why it cannot.
async fn offered(
    conn: &mut PgConnection,
    subscriber_id: i64,
    scheme_id: &SchemeId,
    now: DateTime<Utc>,
) -> PageResult<(TariffVersion, Option<Refusal>)> {
    match flow::offer(conn, subscriber_id, scheme_id, now).await {
        Ok(offer) => Ok((offer.tariff, None)),
        Err(OrderError::Refused(refusal)) => {
            let tariff = tariff::store::find(conn, scheme_id).await?.ok_or(PageError::NotFound)?;
            Ok((tariff, Some(refusal)))
        }
        Err(OrderError::UnknownTariff) => Err(PageError::NotFound),
        Err(error) => Err(error.into()),
    }
}

async fn present(conn: &mut PgConnection, subscriber_id: i64, now: DateTime<Utc>) -> PageResult<Option<Present>> {
    let held = held(conn, subscriber_id, now).await?;
    let Some(plan) = held.iter().find(|held| held.is_plan && held.runs_at(now)) else { return Ok(None) };
    let Some(tariff) = tariff::store::version(conn, &plan.scheme_id, plan.version).await? else { return Ok(None) };
    let Some(terms) = tariff.content.terms.clone() else { return Ok(None) };
    let change = Change::of_plan(plan, terms.cancel_effective, now);
    let penalty = penalty_of_change(conn, subscriber_id, &change, now).await?;
    Ok(Some(Present { tariff, terms, change, penalty }))
}

/// Step 1: whether it can be asked for, else why not.
struct FirstStep {
    orderable: bool,
    refused: Option<String>,
}

fn first_step(l: Locale, tariff: &TariffVersion, refusal: Option<Refusal>, subscriber: &Subscriber) -> FirstStep {
    match refusal {
        None => FirstStep { orderable: true, refused: None },
        Some(refusal) => {
            let reason = refusal_text(l, &refusal, &tariff.content.regions, &subscriber.region);
            FirstStep { orderable: false, refused: Some(reason) }
        }
    }
}

fn refused_banner(l: Locale, reason: String) -> impl IntoView {
    banner(
        Tone::Warn,
        view! {
            <p>
                <strong>{td_string!(l, me.or_refused)}</strong>
                {reason}
            </p>
            <p class="actions">
                <a class="button" href="/me/addons">{td_string!(l, me.or_refused_mine)}</a>
                <a class="button" href="/tariffs">{td_string!(l, me.or_refused_zone)}</a>
            </p>
        },
    )
}

/// The button that sends the SMS, and the way out beside it.
fn ask_card(l: Locale, scheme_id: &SchemeId, msisdn: &str) -> impl IntoView + use<> {
    view! {
        <section class="card">
            <p>{td_string!(l, me.or_send_text, msisdn = super::parts::masked(msisdn))}</p>
            <form class="buttons" method="post" action="/api/order">
                <input type="hidden" name="scheme_id" value=scheme_id.to_string() />
                <button class="button">{td_string!(l, me.or_send)}</button>
                <a class="button" href=format!("/tariffs/{scheme_id}")>{td_string!(l, me.or_back)}</a>
            </form>
        </section>
    }
}

/// Step 2: the code.
fn code_card(l: Locale, pending: Pending, msisdn: &str) -> impl IntoView + use<> {
    let until = clock_text(pending.request.expires_at);
    view! {
        <section class="card asks" aria-labelledby="pending">
            <h2 id="pending">{td_string!(l, me.or_confirm)}</h2>
            <p>{td_string!(l, me.or_confirm_text, time = until)}</p>
            {confirm_forms(l, pending, msisdn, td_string!(l, me.or_confirm_button), td_string!(l, me.code_refuse))}
        </section>
    }
}
