//! `/me/family/{month}`: what each number of the family pays for a month, and the sums.

use charging::bill::LineKind;
use charging::clock::Month;
use charging::family::view::bill;
use charging::family::{FamilyBill, Share};
use http::StatusCode;
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_params_map;
use rust_decimal::Decimal;

use crate::components::{PageError, Yuan, month_text, page};
use crate::i18n::{Locale, td_string};
use crate::me::bill::kind_text;
use crate::request::{locale, set_status, signed_in};
use crate::state::AppState;

/// `/me/family/{month}`.
#[component]
pub fn FamilyBillPage() -> impl IntoView {
    let params = use_params_map();
    page(move || {
        let month = params.read_untracked().get("month").unwrap_or_default();
        async move {
            let (state, l) = (AppState::current(), locale());
            let subscriber_id = signed_in().await.ok_or(PageError::SignedOut)?;
            let Ok(month) = month.parse::<Month>() else { return Ok(missing(l)) };
            let bill = bill(&mut *state.pool.acquire().await?, subscriber_id, month).await?;
            Ok(bill.map_or_else(|| missing(l), |bill| receipt(l, &bill)))
        }
    })
}

fn missing(l: Locale) -> AnyView {
    set_status(StatusCode::NOT_FOUND);
    view! {
        <Title text=td_string!(l, family.missing_title) />
        <section class="card narrow stack">
            <h1>{td_string!(l, family.missing_title)}</h1>
            <p>{td_string!(l, family.missing_text)}</p>
            <p><a class="button" href="/me/family">{td_string!(l, family.back)}</a></p>
        </section>
    }
    .into_any()
}

fn receipt(l: Locale, bill: &FamilyBill) -> AnyView {
    let title = td_string!(l, family.bill_title, month = month_text(l, bill.month));
    let shares = bill.shares.iter().map(|share| table(l, &share_name(l, share), &share.kinds, share.total));
    view! {
        <Title text=title.clone() />
        <article class="receipt card">
            <p class="back"><a href="/me/family">{td_string!(l, family.back)}</a></p>
            <h1>{title}</h1>
            <p class="muted">{td_string!(l, family.bill_lead)}</p>
            {table(l, td_string!(l, family.all_numbers), &bill.by_kind(), bill.total())}
            {shares.collect_view()}
            <p class="actions">
                <a class="button" href=format!("/me/family/{}/bill.pdf", bill.month)>{td_string!(l, family.pdf)}</a>
                <a class="button" href=format!("/me/family/{}/bill.csv", bill.month)>{td_string!(l, family.csv)}</a>
            </p>
        </article>
    }
    .into_any()
}

/// Whose share it is.
pub fn share_name(l: Locale, share: &Share) -> String {
    if share.is_own { td_string!(l, family.own, msisdn = share.msisdn.as_str()) } else { share.msisdn.to_string() }
}

/// Sums by kind with their total, under the name of whose they are.
fn table(l: Locale, name: &str, kinds: &[(LineKind, Decimal)], total: Decimal) -> AnyView {
    let rows = kinds.iter().map(|(kind, amount)| {
        view! {
            <tr>
                <th scope="row">{kind_text(l, *kind, None)}</th>
                <td class="num"><Yuan amount=*amount /></td>
            </tr>
        }
    });
    let nothing = kinds
        .is_empty()
        .then(|| view! { <tr><td colspan="2" class="muted">{td_string!(l, bill.nothing_charged)}</td></tr> });
    view! {
        <section>
            <h2>{name.to_owned()}</h2>
            <table class="lines">
                <caption class="sr">{name.to_owned()}</caption>
                <thead class="sr">
                    <tr>
                        <th scope="col">{td_string!(l, bill.item)}</th>
                        <th scope="col" class="num">{td_string!(l, bill.amount)}</th>
                    </tr>
                </thead>
                <tbody>{rows.collect_view()} {nothing}</tbody>
                <tfoot>
                    <tr class="total">
                        <th scope="row">{td_string!(l, bill.total)}</th>
                        <td class="num"><Yuan amount=total /></td>
                    </tr>
                </tfoot>
            </table>
        </section>
    }
    .into_any()
}
