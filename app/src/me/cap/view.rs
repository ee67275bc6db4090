//! How the cap is shown and chosen.

use charging::clock::Month;
use charging::money::plain;
use charging::usage::cap::CapOutcome;
use leptos::prelude::*;
use rust_decimal::Decimal;

use crate::components::{Meter, Yuan, month_text, short_day_text};
use crate::i18n::{Locale, td_string};
use crate::me::parts::fen;

/// Whole fen of an amount, for a meter.
fn fen_count(amount: Decimal) -> u64 {
    u64::try_from((amount * Decimal::ONE_HUNDRED).trunc()).unwrap_or(u64::MAX)
}

/// The cap in a line, with a meter.
pub fn cap_line(l: Locale, cap: Decimal, charged: Decimal) -> impl IntoView {
    let left = cap - charged;
    let words = if cap.is_zero() {
        td_string!(l, me.ov_cap_zero).to_owned()
    } else if left <= Decimal::ZERO {
        td_string!(l, me.ov_cap_reached, cap = plain(cap))
    } else {
        td_string!(l, me.ov_cap_left, charged = fen(charged), cap = plain(cap), left = fen(left))
    };
    view! {
        <p>{words}</p>
        {(!cap.is_zero()).then(|| view! { <Meter used=fen_count(charged) total=fen_count(cap) /> })}
    }
}

/// The cap now, and what it has let through this month.
pub fn state_card(l: Locale, cap: Decimal, charged: Decimal) -> AnyView {
    view! {
        <section class="card">
            <dl class="figures">
                <div>
                    <dt>{td_string!(l, me.cap_now)}</dt>
                    <dd><Yuan amount=cap /></dd>
                </div>
                <div>
                    <dt>{td_string!(l, me.cap_charged)}</dt>
                    <dd><Yuan amount=charging::money::round_to_fen(charged) /></dd>
                </div>
            </dl>
            {cap_line(l, cap, charged)}
            <p><a href="/me/usage#beyond">{td_string!(l, me.cap_why)}</a></p>
        </section>
    }
    .into_any()
}

/// The tiers with what each would have meant in `month`, and an own amount.
pub fn choose_form(l: Locale, current: Decimal, month: Month, outcomes: &[CapOutcome]) -> AnyView {
    let used = outcomes.iter().any(|outcome| outcome.charged > Decimal::ZERO || outcome.stopped_on.is_some());
    let is_tier = outcomes.iter().any(|outcome| outcome.cap == current);
    let explained = if used {
        td_string!(l, me.cap_history, month = month_text(l, month))
    } else {
        td_string!(l, me.cap_no_history).to_owned()
    };
    let tiers = outcomes.iter().map(|outcome| tier(l, outcome, current, used)).collect_view();
    view! {
        <form class="card" method="post" action="/api/cap">
            <fieldset class="tiers">
                <legend>{td_string!(l, me.cap_choose)}</legend>
                <p class="muted">{explained}</p>
                {tiers}
                <div class="tier">
                    <input type="radio" name="cap" value="own" id="cap-own" checked=!is_tier />
                    <label class="own" for="cap-own">{td_string!(l, me.cap_own)}</label>
                    <div class="field own-amount">
                        <label class="sr" for="cap-own-amount">{td_string!(l, me.cap_own_amount)}</label>
                        <input
                            id="cap-own-amount"
                            name="own"
                            inputmode="decimal"
                            maxlength="9"
                            value=(!is_tier).then(|| plain(current))
                            placeholder="80.00"
                            aria-describedby="cap-own-hint"
                        />
                        <p class="hint" id="cap-own-hint">{td_string!(l, me.cap_own_hint)}</p>
                    </div>
                </div>
            </fieldset>
            <p>{td_string!(l, me.cap_rule)}</p>
            <button class="button primary wide-button">{td_string!(l, me.cap_submit)}</button>
        </form>
    }
    .into_any()
}

fn tier(l: Locale, outcome: &CapOutcome, current: Decimal, used: bool) -> AnyView {
    let is_current = outcome.cap == current;
    let charge = fen(outcome.charged);
    let means = if let Some(day) = outcome.stopped_on {
        td_string!(l, me.cap_tier_means, charge = charge, day = short_day_text(l, day))
    } else {
        td_string!(l, me.cap_tier_enough, charge = charge)
    };
    let amount = outcome.cap;
    view! {
        <label class="tier">
            <input type="radio" name="cap" value=plain(amount) checked=is_current />
            <span class="row">
                <Yuan amount />
                {is_current.then(|| view! { <span class="tag on">{td_string!(l, me.cap_current)}</span> })}
                {amount.is_zero().then(|| view! { <span class="tag">{td_string!(l, me.cap_tier_zero)}</span> })}
            </span>
            {used.then(|| view! { <span class="means">{means}</span> })}
        </label>
    }
    .into_any()
}
