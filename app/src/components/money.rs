use charging::money::plain;
use leptos::prelude::*;
use rust_decimal::Decimal;

/// An amount of yuan with at least two decimals and its currency.
#[component]
pub fn Yuan(amount: Decimal) -> impl IntoView {
    view! {
        <span class="yuan">
            <span class="yuan-sign" aria-hidden="true">"¥"</span>
            {plain(amount)}
        </span>
    }
}
