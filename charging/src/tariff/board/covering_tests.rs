use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::TimeDelta;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;

use super::*;
use crate::clock::Month;
use crate::quantity::{GIB, MIB};
use crate::tariff::{CancelEffective, Formula, Kind, Overage, Recurring};
use crate::usage::UsageRecord;
use crate::usage::allowance::{Subscribed, grants, share_of_month};
use crate::usage::overage::tests::small_model;
use crate::usage::pool::{Held, Pool};
use crate::usage::rating::{Beyond, MonthState, PlanMonth};

const PLAN: &str = r#"{"recurring":{"price":"59.00","first_month":"daily"},"cancel_effective":"month_end",
    "allowances":[{"service":"data","quantity":"20GB"},{"service":"data","quantity":"10GB","rating_groups":[7]},
        {"service":"voice","quantity":"300min"}],
    "overage":[{"service":"data","model":"block","price":"5.00","block":"1GB"},
        {"service":"voice","model":"unit","price":"0.19","unit":"1min"}]}"#;

fn plan(from: &str, to: &str) -> Terms {
    let changed = PLAN.replacen(from, to, 1);
    assert!(from.is_empty() || changed != PLAN, "{from}");
    serde_json::from_str(&changed).unwrap()
}

#[test]
fn what_is_cheaper_or_grants_more_covers_and_nothing_else_does() {
    let usual = plan("", "");
    assert!(covers(&usual, &usual));
    for (from, to) in [
        ("59.00", "58.99"),
        ("20GB", "21GB"),
        (r#""quantity":"20GB""#, r#""quantity":"20GB","rollover":true"#),
        ("5.00", "4.00"),
        // 0.004 yuan/MB comes to 4.10 in a GB.
        (r#""model":"block","price":"5.00","block":"1GB""#, r#""model":"unit","price":"0.004","unit":"1MB""#),
    ] {
        let better = plan(from, to);
        assert_eq!((covers(&better, &usual), covers(&usual, &better)), (true, false), "{to}");
    }
    for (from, to) in [
        // Less of the one for more of the other.
        (r#""20GB""#, r#""19GB""#),
        ("daily", "full"),
        ("month_end", "immediately"),
        (r#","rating_groups":[7]"#, r#","rating_groups":[8]"#),
        // Dearer up to a GB, cheaper after it.
        (r#""price":"5.00","block":"1GB""#, r#""price":"6.00","block":"2GB""#),
    ] {
        let other = plan(from, to);
        assert!(!covers(&other, &usual), "{to}");
    }
}

#[test]
fn general_data_makes_up_for_directed_data() {
    let general =
        plan(r#""quantity":"20GB"},{"service":"data","quantity":"10GB","rating_groups":[7]"#, r#""quantity":"31GB""#);
    let usual = plan("", "");
    assert!(covers(&general, &usual) && !covers(&usual, &general));
}

#[test]
fn a_plan_without_a_price_beyond_neither_covers_nor_is_covered_by_one_that_charges() {
    let usual = plan("", "");
    let mut stops = usual.clone();
    stops.overage.clear();
    assert!(!covers(&stops, &usual) && !covers(&usual, &stops));
    let mut free = usual.clone();
    for overage in &mut free.overage {
        overage.model = OverageModel::Unit { price: Decimal::ZERO, unit: 1 };
    }
    assert!(covers(&free, &stops));
}

#[test]
fn who_binds_himself_for_longer_or_pays_more_to_leave_is_not_better_off() {
    let bound = |months, price: i64| {
        let mut terms = plan("", "");
        terms.commitment = Some(Commitment { months, formula: Formula::Fixed { price: price.into() } });
        terms
    };
    assert!(covers(&plan("", ""), &bound(12, 100)) && !covers(&bound(12, 100), &plan("", "")));
    assert!(covers(&bound(12, 50), &bound(24, 100)));
    assert!(!covers(&bound(24, 50), &bound(12, 100)) && !covers(&bound(12, 101), &bound(24, 100)));
}

#[test]
fn too_many_steps_are_not_decided() {
    let by_the_byte = OverageModel::Unit { price: "0.000001".parse().unwrap(), unit: 1 };
    let block = OverageModel::Block { price: Decimal::from(5000), block: GIB };
    assert!(!never_dearer(&by_the_byte, &block));
    assert!(never_dearer(&block, &by_the_byte) || price_of_volume(&block, 1) > price_of_volume(&by_the_byte, 1));
    assert_eq!(
        steps(&OverageModel::Unit { price: Decimal::ONE, unit: MIB }, 2 * MIB).map(|steps| steps.len()),
        Some(4)
    );
}

fn allowance() -> impl Strategy<Value = Allowance> {
    let service = prop::sample::select(vec![Service::Data, Service::Data, Service::Data, Service::Voice]);
    let groups = prop::sample::select(vec![vec![], vec![], vec![1], vec![2], vec![1, 2]]);
    (service, 0_u64..60, groups, any::<bool>()).prop_map(|(service, quantity, rating_groups, rollover)| {
        let data = service == Service::Data;
        let rating_groups = if data { rating_groups } else { vec![] };
        Allowance { service, quantity, rating_groups, rollover: rollover && data }
    })
}

fn terms() -> impl Strategy<Value = Terms> {
    let first_month = prop::sample::select(vec![FirstMonth::Full, FirstMonth::Daily, FirstMonth::Half]);
    let voice =
        prop::option::of((0_i64..30).prop_map(|price| OverageModel::Unit { price: Decimal::new(price, 2), unit: 1 }));
    let data = prop::option::weighted(0.9, small_model());
    (0_u32..90, 0_u32..9, first_month, prop::collection::vec(allowance(), 0..4), data, voice).prop_map(
        |(price, one_off, first_month, allowances, data, voice)| Terms {
            recurring: Some(Recurring { price: price.into(), first_month }),
            one_off: one_off.into(),
            cancel_effective: CancelEffective::MonthEnd,
            allowances,
            overage: [(Service::Data, data), (Service::Voice, voice)]
                .into_iter()
                .filter_map(|(service, model)| Some(Overage { service, model: model? }))
                .collect(),
            commitment: None,
        },
    )
}

/// Terms beside others that are often, but not always, better: random ones hardly ever are.
fn pair() -> impl Strategy<Value = (Terms, Terms)> {
    let changes = prop::collection::vec((0_u8..9, 0_usize..4, 0_u64..40), 0..4);
    (terms(), changes, small_model()).prop_map(|(b, changes, model)| {
        let mut a = b.clone();
        for (change, place, amount) in changes {
            let count = a.allowances.len();
            match (change, a.allowances.get_mut(place)) {
                (0, Some(allowance)) => allowance.quantity += amount,
                (1, Some(allowance)) => allowance.rating_groups.clear(),
                (2, Some(allowance)) => allowance.rollover = allowance.service == Service::Data,
                (3, Some(allowance)) => allowance.quantity = allowance.quantity.saturating_sub(amount % 4),
                (4, Some(_)) if count > 1 => {
                    let gone = a.allowances.remove(place);
                    if let Some(first) = a.allowances.first_mut() {
                        first.quantity += gone.quantity + amount;
                    }
                }
                (5, Some(allowance)) => {
                    let half = Allowance { quantity: allowance.quantity / 2, ..allowance.clone() };
                    allowance.quantity = allowance.quantity.div_ceil(2) + amount % 40;
                    a.allowances.push(half);
                }
                (6, _) => {
                    if let Some(overage) = a.overage.iter_mut().find(|overage| overage.service == Service::Data) {
                        overage.model = model.clone();
                    }
                }
                (7, _) => {
                    let less = Decimal::ONE.min(a.recurring_price());
                    a.recurring.as_mut().unwrap().price -= less;
                }
                _ => a.one_off = Decimal::ZERO,
            }
        }
        (a, b)
    })
}

/// Use of months one after the other: day, service, quantity, rating group.
type Use = Vec<Vec<(i64, bool, u64, Option<u32>)>>;

fn usage() -> impl Strategy<Value = Use> {
    let record = (0_i64..30, prop::bool::weighted(0.75), 0_u64..70, prop::option::weighted(0.7, 1_u32..4));
    prop::collection::vec(prop::collection::vec(record, 0..6), 3)
}

/// What a subscriber to these terms pays for each of the months, in yuan, and the units that were not served: rated as they
/// are in life. `start`: the day of the first month, from 0.
fn costs(terms: &Terms, start: i64, used: &Use) -> Vec<(Decimal, u64)> {
    let first: Month = "2026-08".parse().unwrap();
    let subscribed = Subscribed {
        subscription_id: 1,
        scheme_id: "26MB900001".parse().unwrap(),
        version: 1,
        name: String::new(),
        kind: Kind::Plan,
        terms: Arc::new(terms.clone()),
        starts_at: first.start() + TimeDelta::days(start),
        ends_at: None,
        lapses: false,
    };
    let mut carried: Vec<Held> = Vec::new();
    let mut month = first;
    let mut costs = Vec::new();
    for records in used {
        let mut held = std::mem::take(&mut carried);
        held.extend(grants(&subscribed, month).into_iter().map(Held::unused));
        let plan = PlanMonth { plan: subscribed.clone(), beyond: Beyond::default(), changed: false };
        let mut state = MonthState {
            month,
            pool: Pool::new(month, held.into_iter().map(|held| (held, &subscribed))),
            plans: vec![plan],
            cap: Decimal::from(1_000_000),
            charged_elsewhere: Decimal::ZERO,
        };
        let (part, whole) = share_of_month(&subscribed, month);
        let mut cost = terms.recurring_price() * Decimal::from(part) / Decimal::from(whole);
        if month == first {
            cost += terms.one_off;
        }
        let mut unserved = 0;
        for (n, (day, is_data, quantity, group)) in (0..).zip(records) {
            let started_at = month.start() + TimeDelta::days(*day) + TimeDelta::seconds(n);
            if started_at < subscribed.starts_at {
                continue;
            }
            let record = UsageRecord {
                id: n.to_string(),
                service: if *is_data { Service::Data } else { Service::Voice },
                started_at,
                quantity: if *is_data { *quantity } else { quantity * 60 },
                rating_group: group.filter(|_| *is_data),
            };
            let rated = state.rate(&record).unwrap();
            cost += rated.cost;
            unserved += rated.absorbed;
        }
        costs.push((cost, unserved));
        carried = state.pool.iter().filter(|held| held.grant.valid_until > month.end()).collect();
        month = month.next();
    }
    costs
}

#[test]
fn improved_terms_are_found_to_cover_often_enough_to_be_put_to_the_proof() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let pairs = std::iter::repeat_with(|| pair().new_tree(&mut runner).unwrap().current()).take(1000);
    let mut seen = BTreeMap::from([(true, 0), (false, 0)]);
    pairs.filter(|(a, b)| a != b).for_each(|(a, b)| *seen.entry(covers(&a, &b)).or_default() += 1);
    assert!(seen.values().all(|count| *count > 100), "{seen:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn what_covers_never_costs_more_whatever_is_used((a, b) in pair(), start in 0_i64..31, used in usage()) {
        if covers(&a, &b) {
            for ((own, own_unserved), (other, unserved)) in costs(&a, start, &used).into_iter().zip(costs(&b, start, &used)) {
                prop_assert!(own <= other, "{own} > {other}");
                prop_assert!(own_unserved <= unserved);
            }
        }
    }

    #[test]
    fn a_price_that_is_never_dearer_is_so_at_every_volume(a in small_model(), b in small_model()) {
        let everywhere = (0..4000).all(|volume| price_of_volume(&a, volume) <= price_of_volume(&b, volume));
        // Both begin anew within 40 × 40 units.
        prop_assert_eq!(never_dearer(&a, &b), everywhere);
    }

    #[test]
    fn covering_is_an_order(a in terms(), (b, c) in pair()) {
        prop_assert!(covers(&a, &a));
        if covers(&a, &b) && covers(&b, &c) {
            prop_assert!(costs(&a, 0, &vec![vec![(3, true, 50, None)]]) <= costs(&c, 0, &vec![vec![(3, true, 50, None)]]));
        }
    }
}
