//! What a month costs under a plan for somebody who uses little, as much as most, or much.
//!
//! The middle is what the ministry counted from January to April 2025 (工业和信息化部，2025年1—4月份通信业经济运行情况): a little
//! over 20 GB for each mobile internet user in April, and 668 billion minutes of outgoing mobile calls in four months by
//! 1.803 billion users, which is 93 minutes a month each. Little is a quarter of that, much is three times. Of messages the
//! ministry counts all that companies send, so for people there are round figures of our own: 2, 10, 30.
//!
//! The month is a full one, rated by the code that rates real usage ([`MonthState::rate`]). No use counts as directed,
//! because it is not known which applications people use; a month like those before it leaves nothing to roll over that it
//! needs. How a month's use falls into records changes nothing (see `usage::overage`), so it is one of each service; minutes are
//! those that are charged.

use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;

use super::{Kind, TariffContent, Terms};
use crate::clock::Month;
use crate::quantity::{GIB, Service};
use crate::subscriber::STANDARD_CAP_YUAN;
use crate::usage::UsageRecord;
use crate::usage::allowance::{Subscribed, grants};
use crate::usage::pool::{Held, Pool};
use crate::usage::rating::{Beyond, MonthState, PlanMonth, RatingError};

/// How much somebody uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Profile {
    Light,
    Middle,
    Heavy,
}

impl Profile {
    pub const ALL: [Self; 3] = [Self::Light, Self::Middle, Self::Heavy];

    /// A month's use, in bytes, minutes or messages.
    pub fn uses(self, service: Service) -> u64 {
        match (service, self) {
            (Service::Data, Self::Light) => 5 * GIB,
            (Service::Data, Self::Middle) => 20 * GIB,
            (Service::Data, Self::Heavy) => 60 * GIB,
            (Service::Voice, Self::Light) => 24,
            (Service::Voice, Self::Middle) => 93,
            (Service::Voice, Self::Heavy) => 279,
            (Service::Sms, Self::Light) => 2,
            (Service::Sms, Self::Middle) => 10,
            (Service::Sms, Self::Heavy) => 30,
        }
    }
}

/// What such a month comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypicalMonth {
    pub profile: Profile,
    /// Yuan a month.
    pub fee: Decimal,
    /// Yuan for what is beyond the allowances, by service; those that cost nothing are left out.
    pub beyond: Vec<(Service, Decimal)>,
    /// What could not be used, in bytes, minutes or messages: without a price beyond the allowances it stops there, and data
    /// stops at the standard cap.
    pub stopped: Vec<(Service, u64)>,
}

impl TypicalMonth {
    /// Yuan, exact.
    pub fn total(&self) -> Decimal {
        self.fee + self.beyond.iter().map(|(_, amount)| *amount).sum::<Decimal>()
    }
}

/// The three months under a plan; `None` for whatever is no plan or has no terms.
///
/// # Errors
/// When the prices are beyond what can be rated.
pub fn typical_months(content: &TariffContent) -> Result<Option<[TypicalMonth; 3]>, RatingError> {
    let Some(terms) = content.terms.as_ref().filter(|_| content.kind == Kind::Plan) else { return Ok(None) };
    let [light, middle, heavy] = Profile::ALL;
    Ok(Some([typical_month(terms, light)?, typical_month(terms, middle)?, typical_month(terms, heavy)?]))
}

/// A full month under the terms of a plan.
///
/// # Errors
/// When the prices are beyond what can be rated.
pub fn typical_month(terms: &Terms, profile: Profile) -> Result<TypicalMonth, RatingError> {
    // Any month will do: a full one does not depend on its days.
    let month = Month::of_date(NaiveDate::default());
    let mut state = full_month(terms, month);
    let mut typical = TypicalMonth { profile, fee: terms.recurring_price(), beyond: Vec::new(), stopped: Vec::new() };
    for service in Service::ALL {
        let rated = state.rate(&record(service, profile.uses(service), month.start()))?;
        if rated.cost > Decimal::ZERO {
            typical.beyond.push((service, rated.cost));
        }
        if rated.absorbed > 0 {
            typical.stopped.push((service, rated.absorbed));
        }
    }
    Ok(typical)
}

/// The state of a subscriber who has had this plan for long, and nothing else.
fn full_month(terms: &Terms, month: Month) -> MonthState {
    let plan = Subscribed {
        subscription_id: 0,
        scheme_id: super::SchemeId(String::new()),
        version: 1,
        name: String::new(),
        kind: Kind::Plan,
        terms: Arc::new(terms.clone()),
        starts_at: month.previous().start(),
        ends_at: None,
        lapses: false,
    };
    let held: Vec<_> = grants(&plan, month).into_iter().map(|grant| (Held::unused(grant), &plan)).collect();
    let pool = Pool::new(month, held);
    MonthState {
        month,
        pool,
        plans: vec![PlanMonth { plan, beyond: Beyond::default(), changed: false }],
        cap: STANDARD_CAP_YUAN,
        charged_elsewhere: Decimal::ZERO,
    }
}

/// So many bytes, minutes or messages.
fn record(service: Service, units: u64, started_at: DateTime<Utc>) -> UsageRecord {
    let quantity = if service == Service::Voice { units * 60 } else { units };
    UsageRecord { id: String::new(), service, started_at, quantity, rating_group: None }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::quantity::MIB;
    use crate::tariff::{Allowance, CancelEffective, FirstMonth, Overage, OverageModel, Recurring};
    use crate::usage::overage::price_of_volume;

    fn terms(fee: i64, allowances: &[(Service, u64)], overage: Vec<Overage>) -> Terms {
        let allowance = |(service, quantity): &(Service, u64)| Allowance {
            service: *service,
            quantity: *quantity,
            rating_groups: vec![],
            rollover: false,
        };
        Terms {
            recurring: Some(Recurring { price: Decimal::new(fee, 2), first_month: FirstMonth::Daily }),
            one_off: Decimal::ZERO,
            cancel_effective: CancelEffective::MonthEnd,
            allowances: allowances.iter().map(allowance).collect(),
            overage,
            commitment: None,
        }
    }

    fn unit(service: Service, price: &str, unit: u64) -> Overage {
        Overage { service, model: OverageModel::Unit { price: price.parse().unwrap(), unit } }
    }

    #[test]
    fn the_records_come_to_what_the_profile_uses() {
        let start = Month::of_date(NaiveDate::default()).start();
        for (profile, service) in Profile::ALL.into_iter().flat_map(|profile| Service::ALL.map(|of| (profile, of))) {
            let record = record(service, profile.uses(service), start);
            assert_eq!(service.rated_units(record.quantity), profile.uses(service), "{profile:?} {service}");
        }
    }

    #[test]
    fn what_is_beyond_is_charged_and_what_is_included_is_not() {
        let overage =
            vec![unit(Service::Data, "5.00", GIB), unit(Service::Voice, "0.15", 1), unit(Service::Sms, "0.10", 1)];
        let terms = terms(5900, &[(Service::Data, 18 * GIB), (Service::Voice, 100)], overage);
        let light = typical_month(&terms, Profile::Light).unwrap();
        assert_eq!((light.total(), &light.stopped[..]), ("59.20".parse().unwrap(), &[][..]));
        let middle = typical_month(&terms, Profile::Middle).unwrap();
        assert_eq!(middle.total(), Decimal::from(70));
        let heavy = typical_month(&terms, Profile::Heavy).unwrap();
        let told: Vec<String> = heavy.beyond.iter().map(|(service, amount)| format!("{service} {amount}")).collect();
        assert_eq!(told, ["data 210.000000", "voice 26.850000", "sms 3.000000"]);
        assert_eq!(heavy.total(), "298.85".parse().unwrap());
    }

    #[test]
    fn without_a_price_it_stops_and_data_stops_at_the_cap() {
        let terms = terms(3900, &[(Service::Data, 10 * GIB)], vec![unit(Service::Data, "0.29", MIB)]);
        let middle = typical_month(&terms, Profile::Middle).unwrap();
        assert_eq!(middle.beyond, [(Service::Data, "599.72".parse().unwrap())]);
        assert_eq!(middle.stopped, [(Service::Data, 10 * GIB - 2068 * MIB), (Service::Voice, 93), (Service::Sms, 10)]);
    }

    #[test]
    fn directed_data_serves_nobody_whose_applications_are_unknown() {
        let mut terms = terms(1900, &[(Service::Data, 100 * GIB)], vec![]);
        terms.allowances[0].rating_groups = vec![1000];
        let light = typical_month(&terms, Profile::Light).unwrap();
        assert_eq!(light.stopped[0], (Service::Data, 5 * GIB));
    }

    fn service_units() -> impl Strategy<Value = (u64, u64, u64)> {
        (0..100 * GIB, 0_u64..400, 0_u64..50)
    }

    proptest! {
        /// Against the definition itself: the fee, and f of what is beyond, as far as the cap goes.
        #[test]
        fn a_month_is_its_fee_and_the_price_of_what_is_beyond(
            (data, voice, sms) in service_units(), fee in 0_i64..100_000, price in 1_i64..1_000, unit_mb in 1_u64..2_000,
        ) {
            let model = OverageModel::Unit { price: Decimal::new(price, 2), unit: unit_mb * MIB };
            let per_unit = |service| Overage { service, model: OverageModel::Unit { price: Decimal::new(price, 3), unit: 1 } };
            let overage =
                vec![Overage { service: Service::Data, model: model.clone() }, per_unit(Service::Voice), per_unit(Service::Sms)];
            let terms = terms(fee, &[(Service::Data, data), (Service::Voice, voice), (Service::Sms, sms)], overage);
            for profile in Profile::ALL {
                let month = typical_month(&terms, profile).unwrap();
                let left = |service, included: u64| profile.uses(service).saturating_sub(included);
                let counted = left(Service::Voice, voice) + left(Service::Sms, sms);
                let others = Decimal::new(fee, 2) + Decimal::new(price, 3) * Decimal::from(counted);
                let stopped = month.stopped.iter().find(|(service, _)| *service == Service::Data).map_or(0, |(_, n)| *n);
                let used = left(Service::Data, data) - stopped;
                prop_assert_eq!(month.total(), others + price_of_volume(&model, used));
                prop_assert!(price_of_volume(&model, used) <= STANDARD_CAP_YUAN);
                prop_assert!(stopped == 0 || price_of_volume(&model, used + 1) > STANDARD_CAP_YUAN);
            }
        }
    }
}
