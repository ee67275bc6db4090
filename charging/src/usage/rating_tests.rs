//! Properties that the rating of a month keeps, whatever the records and the allowances.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;
use rust_decimal::Decimal;

use super::allowance::{AllowanceId, Subscribed, grants};
use super::overage::tests::small_model;
use super::overage::{largest_volume_within, price_of_volume};
use super::pool::{Class, Held, Pool};
use super::rating::{Beyond, MonthState, PlanMonth};
use super::{Novelty, UsageRecord, novelty};
use crate::clock::Month;
use crate::quantity::Service;
use crate::tariff::{Allowance, CancelEffective, FirstMonth, Kind, Overage, OverageModel, Recurring, Terms};

fn month() -> Month {
    "2026-10".parse().unwrap()
}

/// Noon of a day of October; days before it with numbers below 1.
fn noon(day: i64) -> DateTime<Utc> {
    month().start() + TimeDelta::days(day - 1) + TimeDelta::hours(12)
}

#[derive(Clone, Debug)]
struct Scenario {
    subscribed: Vec<Subscribed>,
    /// Of what rolled over from September, this many hundredths were used there.
    used_before_percent: u64,
    cap: Decimal,
}

impl Scenario {
    fn state(&self) -> MonthState {
        let mut held = Vec::new();
        for subscribed in &self.subscribed {
            for grant in grants(subscribed, month().previous()) {
                let used = grant.granted * self.used_before_percent / 100;
                let class = Class { month: grant.id.month, allowances: vec![grant.id] };
                held.push((Held { used, taken: BTreeMap::from([(class, used)]), ..Held::unused(grant) }, subscribed));
            }
            held.extend(grants(subscribed, month()).into_iter().map(|grant| (Held::unused(grant), subscribed)));
        }
        let plans = self.subscribed.iter().filter(|subscribed| subscribed.is_plan());
        MonthState {
            month: month(),
            pool: Pool::new(month(), held),
            plans: plans
                .map(|plan| PlanMonth { plan: plan.clone(), beyond: Beyond::default(), changed: false })
                .collect(),
            cap: self.cap,
            charged_elsewhere: Decimal::ZERO,
        }
    }
}

/// What a month comes to.
#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    beyond: Vec<Beyond>,
    costs: BTreeMap<Service, Decimal>,
    used: BTreeMap<AllowanceId, u64>,
}

fn outcome(scenario: &Scenario, records: &[UsageRecord]) -> Outcome {
    let mut state = scenario.state();
    let mut costs = BTreeMap::new();
    let reported: Vec<&UsageRecord> = records.iter().collect();
    for (record, novelty) in records.iter().zip(novelty(&reported, &[])) {
        if novelty == Novelty::New {
            *costs.entry(record.service).or_insert(Decimal::ZERO) += state.rate(record).unwrap().cost;
        }
    }
    costs.retain(|_, cost| !cost.is_zero());
    Outcome {
        beyond: state.plans.iter().map(|plan| plan.beyond).collect(),
        costs,
        used: state.pool.iter().map(|held| (held.grant.id, held.used)).collect(),
    }
}

fn groups() -> impl Strategy<Value = Vec<u32>> {
    prop::sample::select(vec![vec![], vec![], vec![1], vec![2], vec![1, 2], vec![2, 3]])
}

fn allowance() -> impl Strategy<Value = Allowance> {
    let service = prop::sample::select(vec![Service::Data, Service::Data, Service::Data, Service::Voice, Service::Sms]);
    (service, 0_u64..40, groups(), any::<bool>()).prop_map(|(service, quantity, rating_groups, rollover)| {
        let data = service == Service::Data;
        let rating_groups = if data { rating_groups } else { vec![] };
        Allowance { service, quantity, rating_groups, rollover: rollover && data }
    })
}

fn unit_price(service: Service) -> impl Strategy<Value = Option<Overage>> {
    prop::option::of((0_i64..30, 1_u64..4).prop_map(move |(price, unit)| Overage {
        service,
        model: OverageModel::Unit { price: Decimal::new(price, 2), unit },
    }))
}

fn overage() -> impl Strategy<Value = Vec<Overage>> {
    let data = prop::option::weighted(0.9, small_model().prop_map(|model| Overage { service: Service::Data, model }));
    (data, unit_price(Service::Voice), unit_price(Service::Sms))
        .prop_map(|(data, voice, sms)| [data, voice, sms].into_iter().flatten().collect())
}

/// The plan runs all month; add-ons begin and end when they like.
fn scenario(allowance: BoxedStrategy<Allowance>, starts: Vec<i64>) -> impl Strategy<Value = Scenario> {
    let terms = |allowances| (prop::collection::vec(allowance.clone(), allowances), overage());
    let addon = (terms(1..3), prop::sample::select(starts), prop::option::weighted(0.2, 2_i64..31));
    let plan = prop::option::weighted(0.9, terms(0..4));
    (plan, prop::collection::vec(addon, 0..3), 0_u64..=100, 0_i64..500).prop_map(|(plan, addons, used, cap)| {
        let plan = plan.map(|terms| (terms, -400, None)).into_iter();
        let subscribed = plan.map(|sold| (Kind::Plan, sold)).chain(addons.into_iter().map(|sold| (Kind::Addon, sold)));
        let subscribed = (1..).zip(subscribed).map(|(subscription_id, (kind, ((allowances, overage), day, end)))| {
            let ends_at = end.filter(|end| *end > day).map(noon);
            let recurring = Some(Recurring { price: Decimal::TEN, first_month: FirstMonth::Full });
            Subscribed {
                subscription_id,
                scheme_id: "26MB900001".parse().unwrap(),
                version: 1,
                name: String::new(),
                kind,
                terms: Arc::new(Terms {
                    recurring,
                    one_off: Decimal::ZERO,
                    cancel_effective: CancelEffective::Immediately,
                    allowances,
                    overage,
                    commitment: None,
                }),
                starts_at: noon(day),
                ends_at,
                lapses: ends_at.is_some(),
            }
        });
        Scenario { subscribed: subscribed.collect(), used_before_percent: used, cap: Decimal::new(cap, 2) }
    })
}

fn any_scenario() -> impl Strategy<Value = Scenario> {
    scenario(allowance().boxed(), vec![-40, -20, 5, 15, 25])
}

fn records() -> impl Strategy<Value = Vec<UsageRecord>> {
    let service = prop::sample::select(vec![Service::Data, Service::Data, Service::Data, Service::Voice, Service::Sms]);
    let record = (service, 1_i64..=31, 0_u64..60, prop::option::weighted(0.7, 1_u32..4));
    prop::collection::vec(record, 0..9).prop_map(|records| {
        (0..)
            .zip(records)
            .map(|(n, (service, day, quantity, group)): (i64, _)| UsageRecord {
                id: n.to_string(),
                service,
                started_at: noon(day) + TimeDelta::seconds(n),
                quantity: if service == Service::Voice { quantity * 20 } else { quantity },
                rating_group: group.filter(|_| service == Service::Data),
            })
            .collect()
    })
}

/// Splits data and messages where told, repeats some, and sorts by the keys.
fn rearranged(records: &[UsageRecord], moves: &[(u64, bool, u32, u32)]) -> Vec<UsageRecord> {
    let mut pieces = Vec::new();
    for (record, (cut, repeat, first_key, second_key)) in records.iter().zip(moves.iter().cycle()) {
        let cut = if record.service == Service::Voice { record.quantity } else { *cut.min(&record.quantity) };
        let first = UsageRecord { quantity: cut, ..record.clone() };
        if cut < record.quantity {
            let rest = record.quantity - cut;
            pieces.push((second_key, UsageRecord { id: format!("{}+", record.id), quantity: rest, ..record.clone() }));
        }
        if *repeat {
            pieces.push((second_key, first.clone()));
        }
        pieces.push((first_key, first));
    }
    pieces.sort_by_key(|(key, _)| *key);
    pieces.into_iter().map(|(_, piece)| piece).collect()
}

fn may_use(held: &Held, record: &UsageRecord) -> bool {
    let grant = &held.grant;
    grant.service == record.service
        && grant.valid_from <= record.started_at
        && record.started_at < grant.valid_until
        && (grant.rating_groups.is_empty() || record.rating_group.is_some_and(|g| grant.rating_groups.contains(&g)))
}

/// Demand − maximum flow, by the cut: the set of allowances on which most demand is confined beyond their room.
fn beyond_by_brute_force(scenario: &Scenario, records: &[UsageRecord], service: Service) -> u64 {
    let held: Vec<Held> = scenario.state().pool.iter().filter(|held| held.grant.service == service).collect();
    let demands = records.iter().filter(|record| record.service == service).map(|record| {
        let usable = (0..held.len()).filter(|i| may_use(&held[*i], record)).fold(0_u32, |set, i| set | 1 << i);
        (usable, service.rated_units(record.quantity))
    });
    let demands: Vec<_> = demands.collect();
    let cuts = (0_u32..1 << held.len()).map(|set| {
        let confined: u64 = demands.iter().filter(|(usable, _)| usable & !set == 0).map(|(_, units)| units).sum();
        let room: u64 = (0..held.len()).filter(|i| set & 1 << i != 0).map(|i| held[i].left()).sum();
        confined.saturating_sub(room)
    });
    cuts.max().unwrap_or(0)
}

/// The words of design.md as they stand: each record in turn, narrowest first.
fn plainly_rated(scenario: &Scenario, records: &[UsageRecord]) -> (BTreeMap<AllowanceId, u64>, BTreeMap<Service, u64>) {
    let mut held: Vec<Held> = scenario.state().pool.iter().collect();
    let by = |held: &Held| {
        let id = held.grant.id.subscription_id;
        scenario.subscribed.iter().find(|subscribed| subscribed.subscription_id == id).unwrap()
    };
    let mut beyond = BTreeMap::new();
    for record in records {
        let mut units = record.service.rated_units(record.quantity);
        held.sort_by(|a, b| {
            let specific = |held: &Held| match held.grant.rating_groups.len() {
                0 => usize::MAX,
                groups => groups,
            };
            let became_valid = |held: &Held| held.grant.valid_from.max(month().start());
            let (sold_a, sold_b) = (by(a), by(b));
            specific(a)
                .cmp(&specific(b))
                .then(became_valid(b).cmp(&became_valid(a)))
                .then(a.grant.valid_until.cmp(&b.grant.valid_until))
                .then((sold_b.kind == Kind::Addon).cmp(&(sold_a.kind == Kind::Addon)))
                .then(sold_a.starts_at.cmp(&sold_b.starts_at))
                .then(sold_a.scheme_id.cmp(&sold_b.scheme_id))
                .then(a.grant.id.cmp(&b.grant.id))
        });
        for held in held.iter_mut().filter(|held| may_use(held, record)) {
            let taken = units.min(held.left());
            held.used += taken;
            units -= taken;
        }
        *beyond.entry(record.service).or_insert(0) += units;
    }
    (held.into_iter().map(|held| (held.grant.id, held.used)).collect(), beyond)
}

fn charged_data(scenario: &Scenario, volume: u64) -> Decimal {
    let plan = scenario.subscribed.iter().find(|subscribed| subscribed.is_plan());
    let model = plan.and_then(|plan| plan.terms.overage_of(Service::Data));
    model.map_or(Decimal::ZERO, |model| price_of_volume(model, volume.min(largest_volume_within(model, scenario.cap))))
}

#[derive(Clone, Debug)]
enum Step {
    Rate(usize),
    SetCap(i64),
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    #[test]
    fn splitting_merging_reordering_and_repeating_change_no_bill(
        scenario in any_scenario(),
        records in records(),
        moves in prop::collection::vec((0_u64..60, any::<bool>(), any::<u32>(), any::<u32>()), 9),
    ) {
        let other = rearranged(&records, &moves);
        prop_assert_eq!(outcome(&scenario, &records), outcome(&scenario, &other));
    }

    #[test]
    fn the_charge_is_f_of_what_no_arrangement_could_serve(scenario in any_scenario(), records in records()) {
        let found = outcome(&scenario, &records);
        let volume = beyond_by_brute_force(&scenario, &records, Service::Data);
        if let [beyond] = found.beyond[..] {
            prop_assert_eq!(beyond.data_bytes, volume);
            prop_assert_eq!(beyond.charged, charged_data(&scenario, volume));
        }
        prop_assert_eq!(found.costs.get(&Service::Data).copied().unwrap_or_default(), charged_data(&scenario, volume));
        for service in [Service::Voice, Service::Sms] {
            let plan = scenario.subscribed.iter().find(|subscribed| subscribed.is_plan());
            let model = plan.and_then(|plan| plan.terms.overage_of(service));
            let volume = beyond_by_brute_force(&scenario, &records, service);
            let cost = model.map_or(Decimal::ZERO, |model| price_of_volume(model, volume));
            prop_assert_eq!(found.costs.get(&service).copied().unwrap_or_default(), cost);
        }
    }

    #[test]
    fn no_allowance_is_exceeded_and_every_unit_is_accounted_for(scenario in any_scenario(), records in records()) {
        let mut state = scenario.state();
        for record in &records {
            let rated = state.rate(record).unwrap();
            let units = record.service.rated_units(record.quantity);
            prop_assert_eq!(rated.from_allowance + rated.overage + rated.absorbed, units);
            prop_assert_eq!(rated.split.iter().map(|(_, quantity)| quantity).sum::<u64>(), rated.from_allowance);
            for (id, _) in &rated.split {
                let held = state.pool.iter().find(|held| held.grant.id == *id).unwrap();
                prop_assert!(may_use(&held, record));
            }
            for held in state.pool.iter() {
                prop_assert!(held.used <= held.grant.granted);
            }
        }
        for held in state.pool.changed() {
            prop_assert_eq!(held.taken.values().sum::<u64>(), held.used);
        }
    }

    #[test]
    fn the_cap_holds_at_every_step(
        scenario in any_scenario(),
        records in records(),
        steps in prop::collection::vec(
            prop_oneof![(0_usize..9).prop_map(Step::Rate), (0_i64..500).prop_map(Step::SetCap)], 0..16),
    ) {
        let mut state = scenario.state();
        let mut paid = Decimal::ZERO;
        for (step, n) in steps.into_iter().zip(0..) {
            match step {
                Step::Rate(index) => if let Some(record) = records.get(index) {
                    let rated = state.rate(&UsageRecord { id: format!("step {n}"), ..record.clone() }).unwrap();
                    prop_assert!(rated.cost >= Decimal::ZERO);
                    if record.service == Service::Data {
                        paid += rated.cost;
                    }
                },
                // It can be lowered to no less than what is charged.
                Step::SetCap(fen) => state.cap = Decimal::new(fen, 2).max(state.charged()),
            }
            prop_assert!(state.charged() <= state.cap);
            prop_assert_eq!(state.charged(), paid);
            for plan in &state.plans {
                let counted = plan.beyond.data_bytes - plan.beyond.absorbed_bytes;
                let f = plan.plan.terms.overage_of(Service::Data).map(|model| price_of_volume(model, counted));
                prop_assert_eq!(f.unwrap_or_default(), plan.beyond.charged);
            }
        }
    }

    #[test]
    fn directed_allowances_agree_with_the_plain_rule(
        scenario in scenario(
            (0_u64..40, prop::sample::select(vec![vec![], vec![1], vec![1, 2]]), any::<bool>()).prop_map(
                |(quantity, rating_groups, rollover)| Allowance {
                    service: Service::Data, quantity, rating_groups, rollover
                }).boxed(),
            vec![-40],
        ).prop_map(|mut scenario| {
            scenario.subscribed.iter_mut().for_each(|s| (s.ends_at, s.lapses) = (None, false));
            scenario
        }),
        records in records(),
    ) {
        let found = outcome(&scenario, &records);
        let (used, beyond) = plainly_rated(&scenario, &records);
        prop_assert_eq!(found.used, used);
        if let [plan] = found.beyond[..] {
            prop_assert_eq!(plan.data_bytes, beyond.get(&Service::Data).copied().unwrap_or(0));
        }
    }

    #[test]
    fn general_addons_bought_during_the_month_agree_with_the_plain_rule(
        scenario in scenario(
            allowance().prop_map(|allowance| Allowance { rating_groups: vec![], ..allowance }).boxed(),
            vec![-40, 5, 15, 25],
        ).prop_map(|mut scenario| {
            scenario.subscribed.iter_mut().for_each(|s| (s.ends_at, s.lapses) = (None, false));
            scenario
        }),
        records in records(),
    ) {
        let found = outcome(&scenario, &records);
        let (used, beyond) = plainly_rated(&scenario, &records);
        prop_assert_eq!(found.used, used);
        if let [plan] = found.beyond[..] {
            prop_assert_eq!(plan.data_bytes, beyond.get(&Service::Data).copied().unwrap_or(0));
        }
    }
}
