//! 事前告知 Everything that one should know before saying yes.

use charging::bill::{Period, RecurringRule, recurring_charge};
use charging::clock::{Month, local_date};
use charging::money::{plain, round_to_fen};
use charging::notice::commitment_words::{commitment, penalty_rule};
use charging::order::{EndReason, Refusal};
use charging::tariff::{CancelEffective, TariffVersion, Terms, shown};
use chrono::{DateTime, TimeDelta, Utc};
use leptos::prelude::*;
use rust_decimal::Decimal;

use super::Present;
use super::change::{differences, differences_table};
use crate::components::{TariffFacts, TermsInWords, Yuan, day_text, month_text, region_name, time_text};
use crate::i18n::{Locale, td_string};
use crate::me::bill::penalty_text;
use crate::me::proof::fact;
use crate::request::language;

/// What the first month costs when it starts at an instant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FirstBill {
    pub month: Month,
    /// Yuan in all, as it will stand on the bill.
    pub amount: Decimal,
    /// How it came about, a sentence a part.
    pub why: Vec<String>,
    /// Yuan a month afterwards; `None` when nothing recurs.
    pub then: Option<Decimal>,
}

/// The arithmetic of the first month.
pub fn first_bill(l: Locale, terms: &Terms, starts_at: DateTime<Utc>) -> FirstBill {
    let month = Month::of(starts_at);
    let period = Period { starts_at, ends_at: None, end_reason: None };
    let mut why = Vec::new();
    let mut amount = Decimal::ZERO;
    let charge = terms.recurring.as_ref().and_then(|recurring| recurring_charge(recurring, &period, month));
    if let Some(charge) = charge {
        let rounded = round_to_fen(charge.amount);
        amount += rounded;
        let (price, fee) = (plain(charge.price), plain(rounded));
        why.push(match charge.rule {
            RecurringRule::FirstDaily if charge.days < charge.of_days => td_string!(
                l,
                me.or_rule_daily,
                price = price,
                days = charge.days,
                of_days = charge.of_days,
                amount = fee
            ),
            RecurringRule::FirstHalf => td_string!(l, me.or_rule_half, price = price, amount = fee),
            _ => td_string!(l, me.or_rule_full).to_owned(),
        });
    }
    if terms.one_off > Decimal::ZERO {
        amount += terms.one_off;
        why.push(td_string!(l, me.or_rule_once, amount = plain(terms.one_off)));
    }
    let then = Some(terms.recurring_price()).filter(|price| *price > Decimal::ZERO);
    FirstBill { month, amount, why, then }
}

/// When an order starts that is confirmed now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Start {
    pub at: DateTime<Utc>,
    /// It starts later, when the present plan may end.
    pub waits: bool,
}

impl Start {
    /// As it follows from the plan that it takes over from.
    pub fn of(present: Option<&Present>, now: DateTime<Utc>) -> Self {
        let at = present.map_or(now, |present| present.change.starts_at);
        Self { at, waits: at > now }
    }
}

/// Price with its restrictions, the first month, when it starts, and how to stop it.
pub fn price_card(l: Locale, tariff: &TariffVersion, terms: &Terms, start: Start) -> AnyView {
    let Start { at: starts_at, waits } = start;
    let first = first_bill(l, terms, starts_at);
    let charged_on = day_text(l, first.month.next().first_day());
    let next = month_text(l, first.month.next());
    let starts = if waits {
        td_string!(l, me.or_effective_on, day = day_text(l, local_date(starts_at)))
    } else {
        td_string!(l, me.or_effective_now).to_owned()
    };
    let stop = match terms.cancel_effective {
        CancelEffective::Immediately => td_string!(l, me.or_stop_now),
        CancelEffective::MonthEnd => td_string!(l, me.or_stop_month_end),
    };
    let now_label = if waits {
        td_string!(l, me.or_first_month, month = month_text(l, first.month))
    } else {
        td_string!(l, me.or_now).to_owned()
    };
    let then = match first.then {
        Some(price) => td_string!(l, me.or_now_next, month = next, price = plain(price)),
        None if first.amount.is_zero() => td_string!(l, me.or_now_free).to_owned(),
        None => td_string!(l, me.or_now_once).to_owned(),
    };
    let on_bill = (!first.amount.is_zero()).then(|| td_string!(l, me.or_charged_on, day = charged_on));
    let content = &tariff.content;
    // What binds is what the terms say; the operator's own words stand where they bind nobody.
    let binding = match terms.commitment {
        Some(binding) => (commitment(binding, language(l)), penalty_rule(binding, language(l))),
        None => (content.commitment.clone(), content.penalty.clone()),
    };
    let conditions = [
        (td_string!(l, me.or_restrictions), content.restrictions.join("\n")),
        (td_string!(l, me.or_commitment), binding.0),
        (td_string!(l, me.or_penalty), binding.1),
    ]
    .into_iter()
    .filter(|(_, text)| !text.is_empty())
    .map(|(label, text)| fact(label, shown(&text).into_owned()))
    .collect_view();
    view! {
        <section class="card" aria-labelledby="price">
            <h2 id="price">{td_string!(l, me.or_price)}</h2>
            <dl class="figures">
                <div>
                    <dt>{now_label}</dt>
                    <dd><Yuan amount=first.amount /></dd>
                    <dd class="note">{then}</dd>
                </div>
            </dl>
            <dl class="facts">
                <div>
                    <dt>{td_string!(l, me.or_arithmetic)}</dt>
                    <dd class="stack-tight">
                        {first.why.into_iter().map(|sentence| view! { <p>{sentence}</p> }).collect_view()}
                        <p>{on_bill.unwrap_or_else(|| td_string!(l, me.or_now_free).to_owned())}</p>
                    </dd>
                </div>
                {conditions}
                {fact(td_string!(l, me.or_effective), starts)}
                {fact(td_string!(l, me.or_stop_how), stop.to_owned())}
            </dl>
        </section>
    }
    .into_any()
}

/// Both plans side by side; `None` where the new one has no terms.
pub fn change_card(l: Locale, present: &Present, tariff: &TariffVersion) -> Option<AnyView> {
    let terms = tariff.content.terms.as_ref()?;
    let (old, new) = (present.tariff.content.name.clone(), tariff.content.name.clone());
    let at = present.change.starts_at;
    let immediately = present.change.ends.is_some_and(|(_, _, reason)| reason == EndReason::Immediately);
    let text = if immediately {
        td_string!(l, me.or_change_at_once, old = old, new = new)
    } else {
        let until = day_text(l, local_date(at - TimeDelta::microseconds(1)));
        td_string!(l, me.or_change_text, old = old, new = new, until = until, from = day_text(l, local_date(at)))
    };
    let lines = differences(l, &present.terms, terms);
    let penalty = present.penalty.as_ref().map(|penalty| view! { <p>{penalty_text(l, penalty)}</p> });
    let card = view! {
        <section class="card" aria-labelledby="change">
            <h2 id="change">{td_string!(l, me.or_change_title)}</h2>
            <p>{text}</p>
            {penalty}
            {differences_table(l, lines)}
        </section>
    };
    Some(card.into_any())
}

/// Why something cannot be ordered, for the one who wants it.
pub fn refusal_text(l: Locale, refusal: &Refusal, regions: &[String], own: &str) -> String {
    match refusal {
        Refusal::NotPublished => td_string!(l, me.or_refused_not_published).to_owned(),
        Refusal::NotYetOrderable { from } => td_string!(l, draft.announced, from = time_text(l, *from)),
        Refusal::NoTerms => td_string!(l, me.or_refused_no_terms).to_owned(),
        Refusal::NotOnSale { from, until } => {
            td_string!(l, me.or_refused_not_on_sale, from = day_text(l, *from), until = day_text(l, *until))
        }
        Refusal::Withdrawn => td_string!(l, me.or_refused_withdrawn).to_owned(),
        Refusal::RegionNotServed => {
            let regions: Vec<_> = regions.iter().map(|region| region_name(l, region)).collect();
            let regions = regions.join(td_string!(l, me.list_comma));
            td_string!(l, me.or_refused_region, regions = regions, own = region_name(l, own))
        }
        Refusal::AlreadyActive => td_string!(l, me.or_refused_active).to_owned(),
        Refusal::PlanChangeWaiting => td_string!(l, me.or_refused_waiting).to_owned(),
        Refusal::OfferChanged => td_string!(l, me.or_refused_changed).to_owned(),
        Refusal::ByPlatform => td_string!(l, me.or_refused_platform).to_owned(),
        Refusal::ChannelStopped => td_string!(l, channel.order_refused).to_owned(),
    }
}

/// The terms in words, and every element of the tariff as published.
pub fn whole_tariff(l: Locale, tariff: TariffVersion) -> AnyView {
    let words = tariff.content.terms.clone().map(|terms| {
        let kind = tariff.content.kind;
        view! {
            <section class="card" aria-labelledby="words">
                <h2 id="words">{td_string!(l, me.or_in_words)}</h2>
                <TermsInWords terms kind />
            </section>
        }
    });
    view! {
        {words}
        <section class="card" aria-labelledby="elements">
            <h2 id="elements">{td_string!(l, me.or_elements)}</h2>
            <TariffFacts content=tariff.content />
        </section>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use charging::clock::start_of_day;
    use charging::tariff::{FirstMonth, Recurring};

    use super::*;

    #[test]
    fn the_first_month_is_worked_out_for_today() {
        let mut terms = Terms {
            recurring: Some(Recurring { price: Decimal::from(99), first_month: FirstMonth::Daily }),
            one_off: Decimal::from(10),
            cancel_effective: CancelEffective::MonthEnd,
            allowances: vec![],
            overage: vec![],
            commitment: None,
        };
        let today = start_of_day("2026-10-22".parse().unwrap());
        let first = first_bill(Locale::zh_CN, &terms, today);
        assert_eq!(first.amount.to_string(), "41.94");
        assert!(first.why[0].contains("¥99.00 × 10 天 ÷ 31 天 = ¥31.94"), "{}", first.why[0]);
        assert_eq!((first.why.len(), first.then), (2, Some(Decimal::from(99))));
        terms.recurring = None;
        let once = first_bill(Locale::zh_CN, &terms, today);
        assert_eq!((once.amount, once.then, once.why.len()), (Decimal::from(10), None, 1));
    }
}
