//! `/me/pay/{payment}`: where a payment is made, and what became of it.

use std::time::Duration;

use charging::payment::preparation::{Preparation, Way, preparation};
use charging::payment::store::find;
use charging::payment::{Payment, PaymentState, Purpose};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_params_map;
use qrcode::QrCode;
use sqlx::PgPool;

use super::{purpose_name, route_name, state_tag};
use crate::components::{PageError, QrPicture, Yuan, page, time_text};
use crate::i18n::{Locale, td_string};
use crate::islands::AutoRefresh;
use crate::me::parts::{Tone, banner};
use crate::me::proof::fact;
use crate::request::{locale, signed_in};
use crate::state::AppState;

/// The page waits so often, so long, for the gateway to have prepared a payment; afterwards it is looked at again.
const LOOKS: u8 = 15;
const LOOK_EVERY: Duration = Duration::from_millis(150);

/// `/me/pay/{payment}`
#[component]
pub fn PaymentPage() -> impl IntoView {
    let params = use_params_map();
    page(move || {
        let (state, l) = (AppState::current(), locale());
        let payment_id = params.read_untracked().get("payment").and_then(|id| id.parse().ok());
        async move {
            let subscriber_id = signed_in().await.ok_or(PageError::SignedOut)?;
            let payment_id: i64 = payment_id.ok_or(PageError::NotFound)?;
            let (payment, preparation) = prepared(&state.pool, subscriber_id, payment_id).await?;
            let is_over = state.clock.now() >= payment.expires_at;
            let title = purpose_name(l, payment.purpose);
            let (class, words) = state_tag(l, payment.state);
            let waits = payment.state == PaymentState::Asked;
            Ok(view! {
                <Title text=title />
                <section class="narrow stack">
                    <div class="row spread">
                        <h1>{title}</h1>
                        <span class=class data-state=payment.state.as_str()>{words}</span>
                    </div>
                    <section class="card stack">
                        <p class="figure"><Yuan amount=payment.amount /></p>
                        {body(l, &payment, preparation.as_ref(), is_over)}
                        <dl class="facts">
                            {fact(td_string!(l, pay.route), route_name(l, payment.route).to_owned())}
                            {fact(td_string!(l, pay.asked_at), time_text(l, payment.asked_at))}
                            {payment.paid_at.map(|at| fact(td_string!(l, pay.paid_at), time_text(l, at)))}
                            {payment.gateway.is_some().then(|| fact(td_string!(l, pay.number), payment.merchant_order_no.clone()))}
                        </dl>
                    </section>
                    <p class="actions">
                        {payment.bill_month.map(|month| view! {
                            <a class="button" href=format!("/me/bills/{month}")>{td_string!(l, pay.to_bill)}</a>
                        })}
                        <a class="button" href="/me/balance">{td_string!(l, pay.back)}</a>
                    </p>
                    {waits.then(|| view! { <AutoRefresh /> })}
                </section>
            })
        }
    })
}

/// The payment; a new one once the gateway has prepared it, unless that takes long.
async fn prepared(
    pool: &PgPool,
    subscriber_id: i64,
    payment_id: i64,
) -> Result<(Payment, Option<Preparation>), PageError> {
    let mut looks = 0;
    loop {
        let mut db = pool.acquire().await?;
        let payment = find(&mut db, subscriber_id, payment_id).await?.ok_or(PageError::NotFound)?;
        let preparation = preparation(&mut db, subscriber_id, payment_id).await?;
        drop(db);
        let is_ready = preparation.as_ref().is_none_or(|preparation| preparation.url.is_some());
        if payment.state != PaymentState::Asked || is_ready || looks == LOOKS {
            return Ok((payment, preparation));
        }
        looks += 1;
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

fn body(l: Locale, payment: &Payment, preparation: Option<&Preparation>, is_over: bool) -> AnyView {
    let again = || {
        let href = payment.bill_month.map_or_else(|| "/me/balance".to_owned(), |month| format!("/me/bills/{month}"));
        view! { <p><a class="button primary" href=href>{td_string!(l, pay.again)}</a></p> }
    };
    match payment.state {
        PaymentState::Paid => {
            let done = match payment.purpose {
                Purpose::TopUp => td_string!(l, pay.paid_top_up),
                Purpose::Bill => td_string!(l, pay.paid_bill),
            };
            banner(Tone::Good, done)
        }
        PaymentState::Closed => view! {
            {banner(Tone::Warn, td_string!(l, pay.closed_text))}
            {again()}
        }
        .into_any(),
        PaymentState::Failed => view! {
            {banner(Tone::Bad, td_string!(l, pay.failed_text))}
            {again()}
        }
        .into_any(),
        PaymentState::Asked if is_over => view! {
            <p>{td_string!(l, pay.over_text)}</p>
            {refresh(l, payment)}
        }
        .into_any(),
        PaymentState::Asked => ask(l, payment, preparation),
    }
}

/// Where it is made.
fn ask(l: Locale, payment: &Payment, preparation: Option<&Preparation>) -> AnyView {
    let Some(Preparation { way, url: Some(url) }) = preparation else {
        return view! {
            <p role="status">{td_string!(l, pay.preparing)}</p>
            {refresh(l, payment)}
        }
        .into_any();
    };
    let until = td_string!(l, pay.until, time = time_text(l, payment.expires_at));
    let door = match (way, QrCode::new(url)) {
        (Way::Code, Ok(picture)) => view! {
            <p>{td_string!(l, pay.scan)}</p>
            <QrPicture picture label=td_string!(l, pay.code_label) />
            {url.starts_with("http").then(|| view! { <p><a href=url.clone()>{td_string!(l, pay.open_code)}</a></p> })}
        }
        .into_any(),
        _ => view! {
            <p><a class="button primary wide-button" href=url.clone()>{td_string!(l, pay.go)}</a></p>
        }
        .into_any(),
    };
    view! {
        {door}
        <p class="muted">{until}</p>
        <p>{td_string!(l, pay.only_once)}</p>
        {refresh(l, payment)}
    }
    .into_any()
}

fn refresh(l: Locale, payment: &Payment) -> impl IntoView + use<> {
    view! { <p><a class="refresh" href=format!("/me/pay/{}", payment.payment_id)>{td_string!(l, pay.look_again)}</a></p> }
}
