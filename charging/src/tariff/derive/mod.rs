//! From displayed text to [`Terms`], where the text leaves no doubt. Never a guessed price.
//!
//! The rule behind all rules: **every figure in the text must be understood**. Prices, quantities and harmless figures
//! (hotlines, speeds, numbered lists) are taken out of the text one by one; a figure that is left, or a word that hints
//! at a condition (优惠, 合约, 定向, 详询…), makes the tariff underivable. What was decided:
//!
//! - The price text must be nothing but `59元/月`.
//! - Only plans and add-ons; no 在网要求 and no 违约责任, because terms cannot hold a penalty. The 有效期 must say that it
//!   continues, because a subscription has no end of its own, or be nothing but a last day that is not before 下线日期:
//!   until then the price holds, and no figure depends on what follows. A bare `24个月` may be the subscriber's own end.
//! - Secondary cards (副卡) are ordered and charged apart: a clause that only says how many there may be and what each
//!   costs is set aside. That a plan is the mobile part of a bundle (融合, 主卡, 移网成员 in its name) changes none of its
//!   figures; a text that says it is not sold alone (不单独办理) leaves it out.
//! - Directed data (定向), free calls within a group (亲情网), roaming and provincial quotas cannot be told apart in usage
//!   records, so a tariff with any of them is left out rather than priced as general usage.
//! - Figures of the operator's own table count as displayed; text and table must agree.
//! - A plain `3元/GB` is a block of 1 GB; a `0.03元/MB` that stops at `3元` for each GB is a ladder, and so is
//!   `前250MB按0.02元/MB` beside `5元/GB`, because 250 × 0.02 = 5. Overage that depends
//!   on how much was used before (`前3GB…`), or rounds down, cannot be written in terms.
//! - First month, where the text is silent: `daily`, the displayed price in proportion, allowances alike. Where the text
//!   offers a choice, nothing is derived.
//! - Cancelling, where the text is silent: `month_end`. What was paid for the month stays usable, so no usage falls
//!   unexpectedly beyond the allowances.
//! - Data told in two parts, one of them for the month only (`20G为促销流量,不可结转`), is left out: whether the other part
//!   rolls over would be a guess.
//! - Rollover only where the text says that data rolls over.

mod allowances;
mod conditions;
mod overage;
mod page;
mod plain;

use rust_decimal::Decimal;

use self::page::Page;
use super::{Kind, Price, PricePeriod, Recurring, TariffContent, Terms};
use crate::quantity::Service;

/// Terms, with the sentence that each of its figures came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Derivation {
    pub terms: Terms,
    pub sources: Vec<Source>,
}

/// Where a figure came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The part of the terms, such as `recurring.price` or `overage.data`.
    pub field: &'static str,
    /// The sentence, word for word, or the line of the operator's table. Empty: the text is silent, and the documented
    /// default applies.
    pub sentence: String,
}

/// Why no terms can be derived.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Underivable {
    #[error("only plans and add-ons have terms of this shape")]
    Kind,
    #[error("the price is not one plain monthly figure")]
    Price,
    #[error("a commitment or penalty is asked for")]
    Commitment,
    #[error("the validity does not say that it continues at the same price")]
    Validity,
    #[error("a condition: `{0}`")]
    Condition(String),
    #[error("a figure that is not understood: `{0}`")]
    Figure(String),
    #[error("figures contradict each other: {0}")]
    Contradiction(&'static str),
    #[error("the first month is a choice")]
    FirstMonth,
    #[error("when cancelling takes effect is contradictory")]
    Cancel,
    #[error("what rolls over is not clear")]
    Rollover,
    #[error("{0}")]
    Overage(&'static str),
    #[error("nothing that is metered is included or priced")]
    Nothing,
}

/// Derives terms from what a tariff displays.
///
/// # Errors
/// When anything in the text leaves a doubt.
pub fn derive(content: &TariffContent) -> Result<Derivation, Underivable> {
    if !matches!(content.kind, Kind::Plan | Kind::Addon) {
        return Err(Underivable::Kind);
    }
    let price = monthly_price(content)?;
    conditions::check_commitment(content)?;
    conditions::check_validity(content)?;
    plain::check_name(content, price)?;

    let mut page = Page::new(&[&content.services_text, &content.overage_text, &content.notes]);
    let mut sources = vec![Source { field: "recurring.price", sentence: content.price_text.clone() }];
    plain::set_aside(&mut page);
    plain::take_price(&mut page, price)?;
    let first_month = conditions::first_month(&mut page, &mut sources)?;
    let cancel_effective = conditions::cancel(&mut page, &content.cancel, &mut sources)?;
    let rollover = conditions::rollover(&page, &mut sources)?;
    let allowances = allowances::take(&mut page, content, rollover, &mut sources)?;
    let overage = overage::take(&mut page, content.kind, &mut sources)?;
    plain::set_aside_cap(&mut page);
    plain::check_nothing_is_left(&page, content.kind)?;
    if allowances.is_empty() && overage.is_empty() {
        return Err(Underivable::Nothing);
    }
    let terms = Terms {
        recurring: Some(Recurring { price, first_month }),
        one_off: Decimal::ZERO,
        cancel_effective,
        allowances,
        overage,
        commitment: None,
    };
    Ok(Derivation { terms, sources })
}

fn monthly_price(content: &TariffContent) -> Result<Decimal, Underivable> {
    match Price::parse(&content.price_text) {
        Some(Price { amount, period: PricePeriod::Month }) if amount > Decimal::ZERO => Ok(amount),
        _ => Err(Underivable::Price),
    }
}

fn allowance_field(service: Service) -> &'static str {
    match service {
        Service::Data => "allowances.data",
        Service::Voice => "allowances.voice",
        Service::Sms => "allowances.sms",
    }
}

fn overage_field(service: Service) -> &'static str {
    match service {
        Service::Data => "overage.data",
        Service::Voice => "overage.voice",
        Service::Sms => "overage.sms",
    }
}

#[cfg(test)]
mod tests;
