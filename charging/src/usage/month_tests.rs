//! Single months, to the unit: what the properties of rating leave open.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use rust_decimal::Decimal;

use super::UsageRecord;
use super::allowance::{AllowanceId, Subscribed, grants};
use super::pool::{Class, Held, Pool};
use super::rating::{Beyond, MonthState, PlanMonth, RatingError};
use super::threshold::{CapState, Gauge, Meter};
use crate::clock::Month;
use crate::quantity::{MIB, Service};
use crate::tariff::Kind;

/// 10 MB that roll over and 5 minutes; beyond them 1 yuan/MB, 0.20 yuan/min, 0.10 yuan a message.
const PLAN: &str = r#"{"recurring":{"price":"59.00","first_month":"full"},"cancel_effective":"month_end",
    "allowances":[{"service":"data","quantity":"10MB","rollover":true},{"service":"voice","quantity":"5min"}],
    "overage":[{"service":"data","model":"unit","price":"1.00","unit":"1MB"},
        {"service":"voice","model":"unit","price":"0.20","unit":"1min"},
        {"service":"sms","model":"unit","price":"0.10","unit":"1"}]}"#;
const BARE: &str = r#"{"recurring":{"price":"59.00","first_month":"full"},"cancel_effective":"month_end"}"#;
const GENERAL: &str = r#"{"recurring":{"price":"5.00","first_month":"full"},"cancel_effective":"month_end",
    "allowances":[{"service":"data","quantity":"5MB"}]}"#;
const DIRECTED: &str = r#"{"recurring":{"price":"5.00","first_month":"full"},"cancel_effective":"month_end",
    "allowances":[{"service":"data","quantity":"5MB","rating_groups":[7]}]}"#;

pub fn month() -> Month {
    "2026-10".parse().unwrap()
}

fn noon(day: i64) -> DateTime<Utc> {
    month().start() + TimeDelta::days(day - 1) + TimeDelta::hours(12)
}

fn sold(subscription_id: i64, kind: Kind, terms: &str, starts_at: DateTime<Utc>) -> Subscribed {
    Subscribed {
        subscription_id,
        scheme_id: "26MB900001".parse().unwrap(),
        version: 1,
        name: String::new(),
        kind,
        terms: Arc::new(serde_json::from_str(terms).unwrap()),
        starts_at,
        ends_at: None,
        lapses: false,
    }
}

pub fn plan(terms: &str) -> Subscribed {
    sold(1, Kind::Plan, terms, month().previous().start())
}

/// A month of subscriptions of which nothing was used yet.
pub fn state(subscribed: &[Subscribed], cap: i64) -> MonthState {
    let held =
        subscribed.iter().flat_map(|sold| grants(sold, month()).into_iter().map(move |g| (Held::unused(g), sold)));
    let plans = subscribed.iter().filter(|sold| sold.is_plan());
    MonthState {
        month: month(),
        pool: Pool::new(month(), held),
        plans: plans.map(|plan| PlanMonth { plan: plan.clone(), beyond: Beyond::default(), changed: false }).collect(),
        cap: Decimal::from(cap),
        charged_elsewhere: Decimal::ZERO,
    }
}

fn record(service: Service, quantity: u64, day: i64) -> UsageRecord {
    UsageRecord { id: String::new(), service, started_at: noon(day), quantity, rating_group: None }
}

fn data(megabytes: u64) -> UsageRecord {
    record(Service::Data, megabytes * MIB, 20)
}

fn yuan(text: &str) -> Decimal {
    text.parse().unwrap()
}

#[test]
fn a_month_counts_so_much_and_no_more() {
    let mut october = state(&[plan(BARE)], 0);
    october.plans[0].beyond.data_bytes = (1 << 62) - 5;
    assert_eq!(october.rate(&record(Service::Data, 6, 20)), Err(RatingError::TooMuch));
    assert_eq!(october.plans[0].beyond.data_bytes, (1 << 62) - 5, "what is refused is not counted");
    assert!(october.rate(&record(Service::Data, 5, 20)).is_ok());
    assert_eq!(october.rate(&record(Service::Data, u64::MAX, 20)), Err(RatingError::TooMuch));
    assert!(october.rate(&record(Service::Sms, 1, 20)).is_ok(), "another service has its own count");
}

#[test]
fn calls_and_messages_of_a_month_cost_at_most_ten_million_million_yuan() {
    let mut october = state(&[plan(PLAN)], 0);
    october.plans[0].beyond.voice_minutes = 50_000_000_000_000 - 1;
    october.plans[0].beyond.sms_messages = 100_000_000_000_000 - 1;
    assert_eq!(october.rate(&record(Service::Voice, 61, 20)), Err(RatingError::TooMuch));
    assert!(october.rate(&record(Service::Voice, 60, 20)).is_ok());
    assert_eq!(october.rate(&record(Service::Sms, 2, 20)), Err(RatingError::TooMuch));
    assert_eq!(october.rate(&record(Service::Sms, 1, 20)).unwrap().cost, yuan("0.10"));
    let mut capped = state(&[plan(PLAN)], 0);
    assert!(capped.rate(&record(Service::Data, 1 << 62, 20)).is_ok(), "of data the cap holds, not this");
}

#[test]
fn what_has_no_price_is_absorbed() {
    for service in Service::ALL {
        let mut october = state(&[plan(BARE)], 10);
        let rated = october.rate(&record(service, 60, 20)).unwrap();
        let units = service.rated_units(60);
        assert_eq!((rated.overage, rated.absorbed, rated.cost), (0, units, Decimal::ZERO), "{service}");
    }
}

#[test]
fn calls_and_messages_are_counted_by_the_started_unit() {
    let mut october = state(&[plan(PLAN)], 0);
    let call = october.rate(&record(Service::Voice, 6 * 60 + 1, 20)).unwrap();
    assert_eq!((call.from_allowance, call.overage, call.absorbed, call.cost), (5, 2, 0, yuan("0.40")));
    let messages = october.rate(&record(Service::Sms, 3, 20)).unwrap();
    assert_eq!((messages.from_allowance, messages.overage, messages.cost), (0, 3, yuan("0.30")));
    october.rate(&record(Service::Voice, 60, 20)).unwrap();
    october.rate(&record(Service::Sms, 2, 20)).unwrap();
    let beyond = october.plans[0].beyond;
    assert_eq!((beyond.voice_minutes, beyond.sms_messages, beyond.data_bytes), (3, 5, 0));
    assert_eq!(october.charged(), Decimal::ZERO, "the cap is of data alone");
}

#[test]
fn what_other_plans_charged_leaves_less_of_the_cap() {
    let mut october = state(&[plan(PLAN)], 10);
    october.charged_elsewhere = Decimal::from(7);
    assert_eq!((october.charged(), october.cap_left()), (Decimal::from(7), Decimal::from(3)));
    let rated = october.rate(&data(20)).unwrap();
    assert_eq!((rated.from_allowance, rated.overage, rated.absorbed), (10 * MIB, 3 * MIB, 7 * MIB));
    assert_eq!((october.charged(), october.cap_left()), (Decimal::TEN, Decimal::ZERO));
    october.cap = Decimal::from(8);
    assert_eq!(october.cap_left(), Decimal::ZERO);
}

#[test]
fn only_what_changed_is_to_be_saved() {
    let mut october = state(&[plan(PLAN)], 0);
    let changed = |october: &MonthState| -> Vec<(Service, u64, u64)> {
        october.pool.changed().map(|held| (held.grant.service, held.used, held.reserved)).collect()
    };
    assert!(changed(&october).is_empty());
    october.rate(&data(1)).unwrap();
    assert_eq!(changed(&october), [(Service::Data, MIB, 0)]);
    assert!(!october.plans[0].changed, "nothing was beyond the allowances");
    october.pool.mark_saved();
    assert!(changed(&october).is_empty());
    let mut forecast = october.clone();
    forecast.rate(&data(3)).unwrap();
    october.pool.reserve(&forecast.pool);
    assert_eq!(changed(&october), [(Service::Data, MIB, 3 * MIB)]);
    october.pool.mark_saved();
    october.pool.reserve(&forecast.pool);
    assert!(changed(&october).is_empty());
}

/// The one crossing that there can be: a directed allowance since the 1st, a general one since the 15th.
#[test]
fn what_is_moved_to_another_allowance_leaves_nothing_behind() {
    let directed = sold(2, Kind::Addon, DIRECTED, month().start());
    let general = sold(3, Kind::Addon, GENERAL, noon(15));
    let mut october = state(&[plan(BARE), directed, general], 0);
    let id = |subscription_id| AllowanceId { subscription_id, month: month(), ordinal: 0 };
    let class = |allowances| Class { month: month(), allowances };
    let group_7 = |day| UsageRecord { rating_group: Some(7), ..record(Service::Data, 4 * MIB, day) };
    assert_eq!(october.rate(&group_7(20)).unwrap().split, [(id(2), 4 * MIB)]);
    assert_eq!(october.rate(&group_7(5)).unwrap().split, [(id(2), 4 * MIB)]);
    let taken: Vec<_> = october.pool.iter().map(|held| (held.grant.id, held.used, held.taken)).collect();
    let either = class(vec![id(2), id(3)]);
    assert_eq!(
        taken,
        [
            (id(2), 5 * MIB, BTreeMap::from([(class(vec![id(2)]), 4 * MIB), (either.clone(), MIB)])),
            (id(3), 3 * MIB, BTreeMap::from([(either.clone(), 3 * MIB)])),
        ]
    );
    assert_eq!(october.rate(&UsageRecord { quantity: MIB, ..group_7(5) }).unwrap().from_allowance, MIB);
    let taken: Vec<_> = october.pool.iter().map(|held| held.taken).collect();
    assert_eq!(
        taken,
        [BTreeMap::from([(class(vec![id(2)]), 5 * MIB)]), BTreeMap::from([(either, 4 * MIB)])],
        "a class that takes nothing is not named"
    );
}

#[test]
fn what_an_earlier_month_took_stays_where_it_is() {
    let (directed, general) =
        (sold(2, Kind::Addon, DIRECTED, month().start()), sold(3, Kind::Addon, GENERAL, noon(15)));
    let mut held = [&directed, &general].map(|addon| (Held::unused(grants(addon, month()).remove(0)), addon));
    let class =
        Class { month: month().previous(), allowances: held.each_ref().map(|(held, _)| held.grant.id).to_vec() };
    (held[0].0.used, held[0].0.taken) = (5 * MIB, BTreeMap::from([(class, 5 * MIB)]));
    let mut pool = Pool::new(month(), held);
    let record = UsageRecord { rating_group: Some(7), ..record(Service::Data, MIB, 5) };
    assert_eq!(pool.serve(&record, MIB), []);
}

#[test]
fn a_class_is_told_by_its_month_and_by_all_its_allowances() {
    let addon = sold(2, Kind::Addon, DIRECTED, month().start());
    let grant = grants(&addon, month()).into_iter().next().unwrap();
    let (here, gone) = (grant.id, AllowanceId { subscription_id: 9, ..grant.id });
    let earlier = Class { month: month().previous(), allowances: vec![here] };
    let wider = Class { month: month(), allowances: vec![here, gone] };
    let same = Class { month: month(), allowances: vec![here] };
    let taken = BTreeMap::from([(earlier.clone(), MIB), (wider.clone(), MIB)]);
    let held = Held { used: 2 * MIB, taken, ..Held::unused(grant) };
    let mut pool = Pool::new(month(), [(held, &addon)]);
    let record = UsageRecord { rating_group: Some(7), ..data(2) };
    assert_eq!(pool.serve(&record, 2 * MIB), [(here, 2 * MIB)]);
    let taken: Vec<_> = pool.iter().map(|held| held.taken).collect();
    assert_eq!(taken, [BTreeMap::from([(earlier, MIB), (wider, MIB), (same, 2 * MIB)])]);
}

#[test]
fn allowances_of_the_same_use_are_one_meter() {
    let plan = plan(PLAN);
    let addons = [sold(2, Kind::Addon, GENERAL, noon(15)), sold(3, Kind::Addon, DIRECTED, month().start())];
    let rolled_over = grants(&plan, month().previous()).into_iter().next().unwrap();
    let class = Class { month: month().previous(), allowances: vec![rolled_over.id] };
    let taken = BTreeMap::from([(class, 4 * MIB)]);
    let rolled_over = Held { used: 4 * MIB, taken, ..Held::unused(rolled_over) };
    let mut october = state(std::slice::from_ref(&plan), 0);
    let unused =
        addons.iter().flat_map(|addon| grants(addon, month()).into_iter().map(move |g| (Held::unused(g), addon)));
    let held = october.pool.iter().chain([rolled_over]).map(|held| (held, &plan)).chain(unused);
    october.pool = Pool::new(month(), held);
    october.rate(&record(Service::Data, 7 * MIB, 10)).unwrap();
    let meter = |service, rating_groups: &[u32], available, used| Meter {
        service,
        rating_groups: rating_groups.to_vec(),
        available,
        used,
    };
    let directed = meter(Service::Data, &[7], 5 * MIB, 0);
    let voice = meter(Service::Voice, &[], 5, 0);
    let of_data =
        |at| -> Vec<Meter> { october.pool.meters(at).into_iter().filter(|m| m.service == Service::Data).collect() };
    assert_eq!(of_data(noon(10)), [directed.clone(), meter(Service::Data, &[], 16 * MIB, 7 * MIB)]);
    assert_eq!(of_data(noon(20)), [directed, meter(Service::Data, &[], 21 * MIB, 7 * MIB)]);
    assert!(october.pool.meters(noon(20)).contains(&voice));
    assert_eq!(october.pool.meters(noon(20)).len(), 3);
}

#[test]
fn the_next_end_is_of_the_service_and_still_ahead() {
    let mut addon = sold(2, Kind::Addon, GENERAL, month().start());
    (addon.ends_at, addon.lapses) = (Some(noon(20)), true);
    let pool = state(&[plan(PLAN), addon], 0).pool;
    assert_eq!(pool.next_end(Service::Data, noon(19)), Some(noon(20)));
    assert_eq!(pool.next_end(Service::Data, noon(20)), Some(month().next().end()));
    assert_eq!(pool.next_end(Service::Voice, noon(19)), Some(month().end()));
    assert_eq!(pool.next_end(Service::Sms, noon(19)), None);
}

#[test]
fn the_cap_passes_its_states_as_it_is_charged() {
    let mut october = state(&[plan(PLAN), sold(2, Kind::Addon, DIRECTED, month().start())], 10);
    let state_after = |october: &mut MonthState, megabytes| {
        october.rate(&data(megabytes)).unwrap();
        Gauge::of(october, noon(20)).cap_state
    };
    assert_eq!(state_after(&mut october, 10), CapState::Ok, "the allowance is used up, the cap is not");
    assert_eq!(state_after(&mut october, 4), CapState::Ok);
    assert_eq!(state_after(&mut october, 1), CapState::Half);
    assert_eq!(state_after(&mut october, 2), CapState::Half);
    assert_eq!(state_after(&mut october, 1), CapState::Near);
    assert_eq!(state_after(&mut october, 1), CapState::Near);
    assert_eq!(state_after(&mut october, 1), CapState::Reached, "calls and directed data are still there");
    assert_eq!(state_after(&mut october, 12), CapState::Reached);
    october.cap = Decimal::from(20);
    assert_eq!(Gauge::of(&october, noon(20)).cap_state, CapState::Half, "what was absorbed is not charged later");
    assert_eq!(Gauge::of(&october, month().previous().start() - TimeDelta::days(1)).cap_state, CapState::Ok);
}

#[test]
fn a_cap_of_zero_is_reached_with_the_allowance() {
    let mut october = state(&[plan(PLAN)], 0);
    assert_eq!(Gauge::of(&october, noon(20)).cap_state, CapState::Ok);
    october.rate(&data(10)).unwrap();
    assert_eq!(Gauge::of(&october, noon(20)).cap_state, CapState::Reached);
    let mut unpriced = state(&[plan(BARE)], 0);
    unpriced.rate(&data(10)).unwrap();
    assert_eq!(Gauge::of(&unpriced, noon(20)).cap_state, CapState::Ok, "without a price there is nothing to cap");
}

#[test]
fn calls_and_messages_count_among_the_charges() {
    let mut october = state(&[plan(PLAN)], 10);
    october.rate(&data(13)).unwrap();
    october.rate(&record(Service::Voice, 9 * 60, 20)).unwrap();
    october.rate(&record(Service::Sms, 5, 20)).unwrap();
    let gauge = Gauge::of(&october, noon(20));
    assert_eq!((gauge.cap, gauge.charged, gauge.beyond), (Decimal::TEN, Decimal::from(3), yuan("4.30")));
}
