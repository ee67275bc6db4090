//! Where one pays in demo mode: what a wallet would show. The money is as simulated as the gateway.

use charging::demo::gateway::{self, Payment};
use charging::money::plain;
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_params_map;
use rust_decimal::Decimal;

use crate::components::{PageError, Yuan, page, time_text};
use crate::i18n::{Locale, td_string};
use crate::request::{locale, no_store, redirect};
use crate::state::AppState;

/// Digits of the name that a payment has in its address.
const PREPAY_ID_DIGITS: usize = 32;

/// `/demo/pay/{prepay_id}`
#[component]
pub fn DemoPayPage() -> impl IntoView {
    page(|| {
        let (state, l) = (AppState::current(), locale());
        let prepay_id = use_params_map().get_untracked().get("prepay_id").unwrap_or_default();
        async move {
            no_store();
            if !state.demo || !is_prepay_id(&prepay_id) {
                return Err(PageError::NotFound);
            }
            let mut db = state.pool.acquire().await?;
            let payment = gateway::prepared(&mut db, &prepay_id).await?.ok_or(PageError::NotFound)?;
            let is_open = payment.state == "NOTPAY" && state.clock.now() < payment.expires_at;
            Ok(view! {
                <Title text=td_string!(l, pay.demo_title) />
                <section class="narrow card stack">
                    <h1>{td_string!(l, pay.demo_title)}</h1>
                    <p class="muted">{td_string!(l, pay.demo_lead)}</p>
                    {face(l, &payment, is_open)}
                </section>
            })
        }
    })
}

fn face(l: Locale, payment: &Payment, is_open: bool) -> AnyView {
    let amount = Decimal::new(payment.fen, 2);
    let action = match payment.state.as_str() {
        "SUCCESS" => view! { <p class="banner" role="status">{td_string!(l, pay.demo_paid)}</p> }.into_any(),
        _ if !is_open => view! { <p class="banner warn" role="status">{td_string!(l, pay.demo_over)}</p> }.into_any(),
        _ => view! {
            <p class="muted">{td_string!(l, pay.until, time = time_text(l, payment.expires_at))}</p>
            <form method="post" action="/api/demo_pay">
                <input type="hidden" name="prepay_id" value=payment.prepay_id.clone() />
                <button class="button primary wide-button">{td_string!(l, pay.demo_pay, amount = plain(amount))}</button>
            </form>
        }
        .into_any(),
    };
    view! {
        <p class="figure"><Yuan amount /></p>
        <p>{payment.description.clone()}</p>
        {action}
        <p><a class="button" href="/me/balance">{td_string!(l, pay.back)}</a></p>
    }
    .into_any()
}

/// Pays.
#[server(endpoint = "demo_pay")]
pub async fn demo_pay(prepay_id: String) -> Result<(), ServerFnError> {
    let state = AppState::current();
    if !state.demo || !is_prepay_id(&prepay_id) {
        redirect("/");
        return Ok(());
    }
    let paid = async {
        let mut db = state.pool.acquire().await?;
        gateway::pay(&mut db, &prepay_id, state.clock.now()).await
    };
    if let Err(error) = paid.await {
        tracing::error!(%error, "the simulated gateway could not take a payment");
    }
    redirect(&format!("/demo/pay/{prepay_id}"));
    Ok(())
}

fn is_prepay_id(text: &str) -> bool {
    text.len() == PREPAY_ID_DIGITS && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}
