//! 流量超套封顶 The cap: how much data overage of a month may cost before data stops.

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::overage::{largest_volume_within, price_of_volume};
use crate::money::{InvalidAmount, parse_amount};
use crate::tariff::OverageModel;

/// Yuan: the highest that can be chosen.
pub const CAP_MAX_YUAN: Decimal = Decimal::from_parts(100_000, 0, 0, false, 0);
/// Yuan: what is offered, besides an own amount.
pub const CAP_TIERS_YUAN: [u32; 7] = [0, 10, 20, 50, 100, 200, 600];

/// Why a text is not a cap.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCap {
    #[error(transparent)]
    Amount(#[from] InvalidAmount),
    #[error("a cap is at most {CAP_MAX_YUAN} yuan")]
    TooHigh,
}

/// Reads an own amount: 0 to 100000 yuan, at most two decimals.
///
/// # Errors
/// When the text is no such amount.
pub fn parse_cap(text: &str) -> Result<Decimal, InvalidCap> {
    let mut cap = parse_amount(text.trim(), 2)?;
    if cap > CAP_MAX_YUAN {
        return Err(InvalidCap::TooHigh);
    }
    cap.rescale(2);
    Ok(cap)
}

/// Bytes beyond the allowances on a day, under one plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OverageDay {
    pub day: NaiveDate,
    pub plan_subscription_id: i64,
    /// `None`: the plan has no price for data, so nothing could be used and nothing was charged.
    pub model: Option<OverageModel>,
    pub bytes: u64,
}

/// What a cap would have meant for a month.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CapOutcome {
    /// Yuan.
    pub cap: Decimal,
    /// Yuan of data overage.
    pub charged: Decimal,
    /// The day on which data would have stopped; `None`: it would have lasted.
    pub stopped_on: Option<NaiveDate>,
}

/// Rates a month's overage again under a cap. `days` in order of time.
pub fn outcome_under_cap(days: &[OverageDay], cap: Decimal) -> CapOutcome {
    let mut volumes: Vec<(i64, u64, Decimal)> = Vec::new();
    let mut stopped_on = None;
    for day in days.iter().filter(|day| day.bytes > 0) {
        let Some(model) = &day.model else { continue };
        let spent: Decimal = volumes.iter().map(|(_, _, charged)| charged).sum();
        let known = volumes.iter().position(|(plan, ..)| *plan == day.plan_subscription_id);
        let index = known.unwrap_or_else(|| {
            volumes.push((day.plan_subscription_id, 0, Decimal::ZERO));
            volumes.len() - 1
        });
        let (_, volume, charged) = &mut volumes[index];
        let stop = largest_volume_within(model, *charged + cap - spent).max(*volume);
        let wanted = volume.saturating_add(day.bytes);
        if wanted > stop {
            stopped_on = stopped_on.or(Some(day.day));
        }
        *volume = wanted.min(stop);
        *charged = price_of_volume(model, *volume);
    }
    CapOutcome { cap, charged: volumes.into_iter().map(|(_, _, charged)| charged).sum(), stopped_on }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quantity::{GIB, MIB};

    #[test]
    fn a_cap_is_read_to_the_fen() {
        assert_eq!(parse_cap("50"), Ok(Decimal::new(5000, 2)));
        assert_eq!(parse_cap("100000").unwrap().to_string(), "100000.00");
        assert_eq!(parse_cap("100000.01"), Err(InvalidCap::TooHigh));
        for text in ["", "-1", "0.001", "ten", "1e2"] {
            assert!(parse_cap(text).is_err(), "{text}");
        }
    }

    #[test]
    fn each_tier_tells_what_it_would_have_cost_and_when_data_would_have_stopped() {
        let ladder =
            OverageModel::Ladder { price: Decimal::new(3, 2), unit: MIB, block_price: Decimal::from(3), block: GIB };
        let day = |day: u32, bytes| OverageDay {
            day: NaiveDate::from_ymd_opt(2026, 10, day).unwrap(),
            plan_subscription_id: 1,
            model: Some(ladder.clone()),
            bytes,
        };
        let days = [day(20, 2 * GIB), day(25, 2 * GIB), day(28, MIB)];
        let outcome = |cap: i64| outcome_under_cap(&days, Decimal::from(cap));
        let stopped = |cap| outcome(cap).stopped_on.map(|day| day.to_string());
        assert_eq!(outcome(0).charged, Decimal::ZERO);
        assert_eq!(stopped(0).as_deref(), Some("2026-10-20"));
        assert_eq!(outcome(10).charged, Decimal::new(999, 2));
        assert_eq!(stopped(10).as_deref(), Some("2026-10-25"));
        assert_eq!(stopped(12).as_deref(), Some("2026-10-28"));
        assert_eq!((outcome(20).charged, stopped(20)), (Decimal::new(1203, 2), None));
    }

    #[test]
    fn plans_of_one_month_share_the_cap() {
        let used = |day, plan_subscription_id, price: Option<i64>, megabytes| OverageDay {
            day: NaiveDate::from_ymd_opt(2026, 10, day).unwrap(),
            plan_subscription_id,
            model: price.map(|price| OverageModel::Unit { price: Decimal::from(price), unit: MIB }),
            bytes: megabytes * MIB,
        };
        let days = [used(5, 1, Some(1), 4), used(15, 2, None, 9), used(20, 3, Some(2), 2), used(28, 3, Some(2), 3)];
        let outcome = |days: &[OverageDay], cap: i64| {
            let outcome = outcome_under_cap(days, Decimal::from(cap));
            (outcome.charged, outcome.stopped_on.map(|day| day.to_string()))
        };
        assert_eq!(outcome(&days, 10), (Decimal::TEN, Some("2026-10-28".to_owned())));
        assert_eq!(outcome(&days, 14), (Decimal::from(14), None));
        assert_eq!(
            outcome(&days[..1], 4),
            (Decimal::from(4), None),
            "the last byte that it pays for does not stop data"
        );
    }
}
