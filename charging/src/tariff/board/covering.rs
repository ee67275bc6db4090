//! 被全面替代 Whether one plan makes another needless: whatever is used, it costs no more, and it grants no less in anything.
//!
//! The answer is `true` only where that follows from the terms; where it would take more than can be looked through, it is
//! `false`. The cap is left out: it bounds both alike.

use std::collections::{BTreeMap, BTreeSet};

use rust_decimal::Decimal;

use crate::quantity::Service;
use crate::tariff::{Allowance, Commitment, FirstMonth, OverageModel, Terms};
use crate::usage::overage::price_of_volume;

/// Steps of a price that are compared; prices with more of them before both repeat are not decided.
const STEPS_MAX: u128 = 1 << 17;
/// Days of the longest month: the first month of a subscription grants a thirty-first at least.
const DAYS_MAX: u64 = 31;

/// Whether `a` costs no more than `b` for any usage in any month, and is worse in nothing else that terms say. Terms cover
/// themselves.
pub fn covers(a: &Terms, b: &Terms) -> bool {
    a.recurring.is_some() == b.recurring.is_some()
        && a.recurring_price() <= b.recurring_price()
        && a.one_off <= b.one_off
        && a.first_month() == b.first_month()
        && a.cancel_effective == b.cancel_effective
        && binds_no_longer(a.commitment, b.commitment)
        && Service::ALL.into_iter().all(|service| {
            grants_no_less(a, b, service) && costs_no_more_beyond(a.overage_of(service), b.overage_of(service))
        })
}

fn binds_no_longer(a: Option<Commitment>, b: Option<Commitment>) -> bool {
    let Some(a) = a else { return true };
    let penalty =
        |commitment: Commitment, used| commitment.penalty_after(used).map_or(Decimal::ZERO, |penalty| penalty.amount);
    b.is_some_and(|b| a.months <= b.months && (0..=b.months).all(|used| penalty(a, used) <= penalty(b, used)))
}

/// What is granted to the same rating groups, in rated units.
#[derive(Clone, Copy, Debug, Default)]
struct Granted {
    all: u64,
    /// Of which so much can be used in the next month too.
    rolling: u64,
    pieces: u64,
}

fn granted(terms: &Terms, service: Service) -> BTreeMap<&[u32], Granted> {
    let mut by_groups: BTreeMap<&[u32], Granted> = BTreeMap::new();
    for allowance in terms.allowances.iter().filter(|allowance| allowance.service == service) {
        let granted = by_groups.entry(&allowance.rating_groups).or_default();
        granted.all = granted.all.saturating_add(allowance.quantity);
        if allowance.rollover {
            granted.rolling = granted.rolling.saturating_add(allowance.quantity);
        }
        granted.pieces += 1;
    }
    by_groups
}

/// Whether `a` has, for every set of rating groups, at least what `b` has; what is short of directed data may be made up
/// for by general data, unless it rolls over: general data may be gone for something else by then. Each allowance of a part of a month is rounded down by itself, which several lose by.
fn grants_no_less(a: &Terms, b: &Terms, service: Service) -> bool {
    if same_list(a, b, service) {
        return true;
    }
    let is_whole = a.first_month() == FirstMonth::Full;
    let loss = |pieces: u64| if is_whole { 0 } else { DAYS_MAX.saturating_mul(pieces.saturating_sub(1)) };
    let (a, b) = (granted(a, service), granted(b, service));
    let general: &[u32] = &[];
    let mut wanted = b.get(general).copied().unwrap_or_default();
    let mut pieces = a.get(general).map_or(0, |own| own.pieces);
    let mut made_up = false;
    for (groups, theirs) in b.iter().filter(|(groups, _)| !groups.is_empty()) {
        let own = a.get(groups).copied().unwrap_or_default();
        let spare = own.all.saturating_sub(loss(own.pieces));
        if theirs.rolling > own.rolling {
            return false;
        }
        let short = theirs.all.saturating_sub(spare);
        if short > 0 {
            made_up = true;
            pieces = pieces.saturating_add(own.pieces);
            wanted.all = wanted.all.saturating_add(short);
        }
    }
    let own = a.get(general).copied().unwrap_or_default();
    let lost = if made_up { loss(pieces.saturating_add(1)) } else { loss(own.pieces) };
    own.all >= wanted.all.saturating_add(if wanted.all > 0 { lost } else { 0 }) && own.rolling >= wanted.rolling
}

fn same_list(a: &Terms, b: &Terms, service: Service) -> bool {
    let list = |terms: &Terms| {
        let mut list: Vec<Allowance> = terms.allowances.iter().filter(|own| own.service == service).cloned().collect();
        list.sort_by(|x, y| {
            (&x.rating_groups, x.rollover, x.quantity).cmp(&(&y.rating_groups, y.rollover, y.quantity))
        });
        list
    };
    list(a) == list(b)
}

fn costs_no_more_beyond(a: Option<&OverageModel>, b: Option<&OverageModel>) -> bool {
    match (a, b) {
        (None, None) => true,
        // Where the other stops, it cannot cost anything.
        (Some(a), None) => repeats(a).1.is_zero(),
        // Where it stops, the other goes on.
        (None, Some(_)) => false,
        (Some(a), Some(b)) => a == b || never_dearer(a, b),
    }
}

/// After how many units a price begins anew, and the yuan until then.
fn repeats(model: &OverageModel) -> (u64, Decimal) {
    match model {
        OverageModel::Unit { price, unit } => (*unit, *price),
        OverageModel::Block { price, block } => (*block, *price),
        OverageModel::Ladder { block_price, block, .. } => (*block, *block_price),
    }
}

/// Whether f of `a` is nowhere above f of `b`: compared right after each step of `a`, until both begin anew.
fn never_dearer(a: &OverageModel, b: &OverageModel) -> bool {
    let (own, other) = (repeats(a).0, repeats(b).0);
    let Some(both) = common_multiple(own, other) else { return false };
    let Some(volumes) = steps(a, both) else { return false };
    volumes.into_iter().all(|volume| price_of_volume(a, volume) <= price_of_volume(b, volume))
}

fn common_multiple(a: u64, b: u64) -> Option<u64> {
    let (mut x, mut y) = (a, b);
    while y != 0 {
        (x, y) = (y, x % y);
    }
    (a / x).checked_mul(b)
}

/// The smallest volumes at which a price has just risen, up to a multiple of where it begins anew, which is one of them;
/// `None`: too many.
fn steps(model: &OverageModel, until: u64) -> Option<BTreeSet<u64>> {
    let (block, unit) = match model {
        OverageModel::Unit { unit: size, .. } | OverageModel::Block { block: size, .. } => (*size, *size),
        OverageModel::Ladder { unit, block, .. } => (*block, *unit),
    };
    let blocks = u128::from(until / block);
    if blocks * u128::from(block.div_ceil(unit)) > STEPS_MAX {
        return None;
    }
    let mut volumes = BTreeSet::from([until]);
    let mut start = 0;
    while start < until {
        volumes.extend((0..block.div_ceil(unit)).map(|step| start + step * unit + 1));
        start += block;
        volumes.insert(start);
    }
    Some(volumes)
}

#[cfg(test)]
#[path = "covering_tests.rs"]
mod tests;
