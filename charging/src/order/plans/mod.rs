//! 换套餐 What other plans would have cost for the same use, so that a cheaper one is as easy to find as a dearer one.

#[cfg(feature = "postgres")]
pub mod store;

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use super::Refusal;
use crate::clock::Month;
use crate::money::round_to_fen;
use crate::quantity::Service;
use crate::tariff::{Allowance, TariffVersion, Terms};
use crate::usage::overage::{largest_volume_within, price_of_volume};

/// What a month's use asked of the plan: everything that no add-on served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MonthUse {
    pub month: Month,
    /// Bytes, by rating group.
    pub data: BTreeMap<Option<u32>, u64>,
    pub voice_minutes: u64,
    pub sms_messages: u64,
}

impl MonthUse {
    pub fn new(month: Month) -> Self {
        Self { month, data: BTreeMap::new(), voice_minutes: 0, sms_messages: 0 }
    }
}

/// A whole month under a plan, in yuan, rounded to the fen line by line as a bill is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanMonth {
    pub month: Month,
    pub fee: Decimal,
    /// For what is beyond the allowances.
    pub beyond: Decimal,
    /// Of what there would not have been enough: the plan has no price beyond its allowances, or the cap stops data.
    pub short_of: Vec<Service>,
}

impl PlanMonth {
    pub fn total(&self) -> Decimal {
        self.fee + self.beyond
    }
}

/// Rates a month's use under a plan from its first day. What rolls over from the month before is left out, so a month
/// may have cost less.
pub fn month_under(terms: &Terms, used: &MonthUse, cap: Decimal) -> PlanMonth {
    let mut month = PlanMonth {
        month: used.month,
        fee: round_to_fen(terms.recurring_price()),
        beyond: Decimal::ZERO,
        short_of: vec![],
    };
    for service in Service::ALL {
        let volume = match service {
            Service::Data => data_beyond(terms, &used.data),
            Service::Voice => used.voice_minutes.saturating_sub(general(terms, service)),
            Service::Sms => used.sms_messages.saturating_sub(general(terms, service)),
        };
        if volume == 0 {
            continue;
        }
        let Some(model) = terms.overage_of(service) else {
            month.short_of.push(service);
            continue;
        };
        let priced = match service {
            Service::Data => volume.min(largest_volume_within(model, cap)),
            Service::Voice | Service::Sms => volume,
        };
        if priced < volume {
            month.short_of.push(service);
        }
        month.beyond += round_to_fen(price_of_volume(model, priced));
    }
    month
}

/// Allowances for anything.
fn general(terms: &Terms, service: Service) -> u64 {
    let of_service = terms.allowances.iter().filter(|a| a.service == service && a.rating_groups.is_empty());
    of_service.fold(0, |sum, allowance| sum.saturating_add(allowance.quantity))
}

/// Bytes that neither directed allowances, the narrowest first, nor general ones serve.
fn data_beyond(terms: &Terms, used: &BTreeMap<Option<u32>, u64>) -> u64 {
    let mut left = used.clone();
    let mut directed: Vec<&Allowance> = terms.allowances.iter().filter(|a| !a.rating_groups.is_empty()).collect();
    directed.sort_by_key(|allowance| allowance.rating_groups.len());
    for allowance in directed {
        let mut quantity = allowance.quantity;
        for group in &allowance.rating_groups {
            let Some(bytes) = left.get_mut(&Some(*group)) else { continue };
            let served = quantity.min(*bytes);
            *bytes -= served;
            quantity -= served;
        }
    }
    let rest = left.values().fold(0_u64, |sum, bytes| sum.saturating_add(*bytes));
    rest.saturating_sub(general(terms, Service::Data))
}

/// A plan that the subscriber has or may change to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanChoice {
    pub tariff: TariffVersion,
    pub terms: Terms,
    pub is_present: bool,
    /// Why it cannot be ordered now.
    pub refusal: Option<Refusal>,
    /// The months of use under this plan, the oldest first; empty where nothing was used.
    pub months: Vec<PlanMonth>,
}

impl PlanChoice {
    /// Yuan a month on average of the months of use, to the fen; the fee alone where nothing was used.
    pub fn average(&self) -> Decimal {
        average(&self.months).unwrap_or_else(|| round_to_fen(self.terms.recurring_price()))
    }

    /// Of what there would not have been enough in some month.
    pub fn short_of(&self) -> Vec<Service> {
        let is_short = |service: &Service| self.months.iter().any(|month| month.short_of.contains(service));
        Service::ALL.into_iter().filter(is_short).collect()
    }
}

fn average(months: &[PlanMonth]) -> Option<Decimal> {
    let total: Decimal = months.iter().map(PlanMonth::total).sum();
    total.checked_div(Decimal::from(months.len())).map(round_to_fen)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::quantity::{GIB, MIB};

    fn terms(json: &str) -> Terms {
        serde_json::from_str(json).unwrap()
    }

    fn plan() -> Terms {
        terms(
            r#"{"recurring":{"price":"59.00","first_month":"daily"},"cancel_effective":"month_end",
            "allowances":[{"service":"data","quantity":"1GB"},{"service":"data","quantity":"2GB","rating_groups":[7,8]},
                {"service":"data","quantity":"1GB","rating_groups":[7]},{"service":"voice","quantity":"10min"}],
            "overage":[{"service":"data","model":"unit","price":"0.03","unit":"1MB"},
                {"service":"voice","model":"unit","price":"0.15","unit":"1min"}]}"#,
        )
    }

    fn used(data: &[(Option<u32>, u64)], voice_minutes: u64, sms_messages: u64) -> MonthUse {
        let data = data.iter().copied().collect();
        MonthUse { month: "2026-10".parse().unwrap(), data, voice_minutes, sms_messages }
    }

    fn yuan(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    #[test]
    fn directed_data_is_served_by_the_narrowest_first() {
        let month = month_under(&plan(), &used(&[(Some(7), 2 * GIB), (Some(8), GIB), (None, GIB)], 10, 0), yuan("600"));
        assert_eq!((month.total(), month.short_of), (yuan("59.00"), vec![]));
        let month = month_under(&plan(), &used(&[(Some(9), GIB + 10 * MIB)], 12, 0), yuan("600"));
        assert_eq!((month.fee, month.beyond), (yuan("59.00"), yuan("0.60")));
    }

    #[test]
    fn what_has_no_price_or_no_cap_left_runs_short() {
        let month = month_under(&plan(), &used(&[(None, GIB + 100 * MIB)], 0, 1), yuan("1.50"));
        assert_eq!((month.beyond, month.short_of), (yuan("1.50"), vec![Service::Data, Service::Sms]));
    }

    #[test]
    fn the_average_is_of_the_months_that_were_used() {
        let month = |voice| month_under(&plan(), &used(&[], voice, 0), yuan("600"));
        assert_eq!(average(&[month(11), month(10)]), Some(yuan("59.08")), "59.15 and 59.00, half a fen rounded up");
        assert_eq!(average(&[]), None);
    }

    proptest! {
        #[test]
        fn more_use_never_costs_less(bytes in 0..10 * GIB, more in 0..10 * GIB, cap in 0_u32..100) {
            let cost = |bytes| month_under(&plan(), &used(&[(None, bytes)], 0, 0), cap.into()).beyond;
            prop_assert!(cost(bytes) <= cost(bytes + more));
            prop_assert!(cost(bytes + more) <= Decimal::from(cap));
        }
    }
}
