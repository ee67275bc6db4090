//! Quotas never hold more than there is, whatever is asked in whatever order.

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;
use rust_decimal::Decimal;

use super::{Asked, Forecast, GRANT_MAX_BYTES, GRANT_MIN_BYTES, Quota, Stop, VALIDITY};
use crate::quantity::{GIB, MIB, Service};
use crate::usage::UsageRecord;
use crate::usage::month_tests::{self, month, plan};
use crate::usage::rating::MonthState;

/// 0.03 yuan/MB up to 3 yuan a GB beyond 1 GB, 100 MB of it for rating group 7.
const TERMS: &str = r#"{"recurring":{"price":"59.00","first_month":"full"},"cancel_effective":"month_end",
    "allowances":[{"service":"data","quantity":"924MB"},{"service":"data","quantity":"100MB","rating_groups":[7]}],
    "overage":[{"service":"data","model":"ladder","price":"0.03","unit":"1MB","block_price":"3.00","block":"1GB"}]}"#;

fn noon() -> DateTime<Utc> {
    month().start() + TimeDelta::hours(12)
}

fn state(terms: &str, cap: i64) -> MonthState {
    month_tests::state(&[plan(terms)], cap)
}

fn used(bytes: u64, rating_group: u32) -> UsageRecord {
    UsageRecord {
        id: "used".to_owned(),
        service: Service::Data,
        started_at: noon(),
        quantity: bytes,
        rating_group: Some(rating_group),
    }
}

/// One session that uses all it is granted, until nothing is left.
fn drain(mut state: MonthState, asked: Asked) -> (MonthState, Vec<u64>, Stop) {
    let mut grants = Vec::new();
    for _ in 0..10_000 {
        let offer = Forecast::new(&state, [], noon()).grant(1, asked, 1, noon());
        if offer.bytes > 0 {
            grants.push(offer.bytes);
            let rated = state.rate(&used(offer.bytes, 1)).unwrap();
            assert_eq!(rated.absorbed, 0, "what was granted is never absorbed");
        }
        if offer.is_last {
            return (state, grants, offer.stop);
        }
    }
    panic!("data never stops");
}

#[test]
fn a_session_can_use_the_allowance_and_what_the_cap_pays_for_and_no_more() {
    let (state, grants, stop) = drain(state(TERMS, 5), Asked::Any);
    assert_eq!(grants.iter().sum::<u64>(), 924 * MIB + GIB + 66 * MIB);
    assert_eq!(state.charged(), Decimal::new(498, 2));
    assert_eq!(stop, Stop::RaiseCap);
    assert!(grants.iter().rev().skip(1).all(|bytes| *bytes >= GRANT_MIN_BYTES));
    let bare = TERMS.split(",\n    \"overage\"").next().unwrap().to_owned() + "}";
    let (_, grants, stop) = drain(self::state(&bare, 5), Asked::Bytes(300 * MIB));
    assert_eq!(grants.iter().sum::<u64>(), 924 * MIB);
    assert_eq!(stop, Stop::Terminate);
}

#[test]
fn grants_shrink_as_the_end_nears() {
    let (_, grants, _) = drain(state(TERMS, 0), Asked::Bytes(GIB));
    assert_eq!(grants[0], 462 * MIB);
    assert!(grants.is_sorted_by(|a, b| a >= b), "{grants:?}");
    let offer = Forecast::new(&state(TERMS, 0), [], noon()).grant(7, Asked::Bytes(u64::MAX), 1, noon());
    assert_eq!(offer.bytes, 512 * MIB, "a directed allowance comes first, then the general one");
    let plenty = Forecast::new(&state(TERMS, 600), [], noon()).grant(1, Asked::Bytes(u64::MAX), 9, noon());
    assert_eq!(plenty.bytes, GRANT_MAX_BYTES);
}

#[test]
fn a_quota_ends_with_what_it_was_granted_from() {
    let ends = |at| Forecast::new(&state(TERMS, 0), [], at).grant(1, Asked::Any, 1, at).ends_at;
    assert_eq!(ends(noon()), noon() + VALIDITY);
    let late = month().end() - TimeDelta::seconds(30);
    assert_eq!(ends(late), month().end());
    let mut ending = state(TERMS, 0);
    ending.plans[0].plan.ends_at = Some(noon() + TimeDelta::seconds(9));
    let offer = Forecast::new(&ending, [], noon()).grant(1, Asked::Any, 1, noon());
    assert_eq!(offer.ends_at, noon() + TimeDelta::seconds(9));
    ending.plans[0].plan.ends_at = Some(noon());
    let offer = Forecast::new(&ending, [], noon()).grant(1, Asked::Any, 1, noon());
    assert_eq!(offer.ends_at, noon() + VALIDITY, "what ended before does not end it");
}

#[test]
fn a_quota_that_ended_holds_nothing() {
    let quota = |ends_at| Quota { rating_group: 1, bytes: 900 * MIB, granted_at: noon(), ends_at };
    let state = state(TERMS, 0);
    let held = [quota(noon() + VALIDITY)];
    assert_eq!(Forecast::new(&state, &held, noon()).grant(1, Asked::Bytes(GIB), 1, noon()).bytes, 12 * MIB);
    let ended = [quota(noon())];
    assert_eq!(Forecast::new(&state, &ended, noon()).grant(1, Asked::Bytes(GIB), 1, noon()).bytes, 462 * MIB);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// Sessions ask and report (less, as much as, or more than they were granted) in any order, and usage comes from
    /// elsewhere: the cap and every allowance hold with all quotas used up, and the charge is what one file makes it.
    #[test]
    fn quotas_and_usage_never_pass_the_cap_and_holding_changes_no_charge(
        steps in prop::collection::vec((0_usize..4, 0_u64..700, 0_u64..700, prop::bool::ANY), 1..60),
        cap in 0_i64..9,
    ) {
        let mut actual = state(TERMS, cap);
        let mut quotas: Vec<Option<Quota>> = vec![None; 4];
        let mut all = Vec::new();
        for (session, asked, reported, is_online) in steps {
            let rating_group = if session == 3 { 7 } else { 1 };
            let bytes = reported * MIB;
            if reported > 0 {
                all.push(used(bytes, rating_group));
                actual.rate(all.last().unwrap()).unwrap();
            }
            if is_online {
                quotas[session] = None;
                let mut forecast = Forecast::new(&actual, quotas.iter().flatten(), noon());
                let asked = if asked == 0 { Asked::Any } else { Asked::Bytes(asked * MIB) };
                let offer = forecast.grant(rating_group, asked, 4, noon());
                let quota = Quota { rating_group, bytes: offer.bytes, granted_at: noon(), ends_at: offer.ends_at };
                quotas[session] = Some(quota);
            }
            let forecast = Forecast::new(&actual, quotas.iter().flatten(), noon());
            prop_assert!(forecast.state.charged() <= forecast.state.cap);
            prop_assert!(forecast.state.charged() >= actual.charged());
            let mut held = actual.pool.clone();
            held.reserve(&forecast.state.pool);
            prop_assert!(held.iter().all(|held| held.used + held.reserved <= held.grant.granted));
        }
        let mut file = state(TERMS, cap);
        for record in all.iter().rev() {
            file.rate(record).unwrap();
        }
        prop_assert_eq!(file.charged(), actual.charged());
    }
}
