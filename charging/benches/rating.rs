//! How many records a second one core rates, without a database: a month of many subscribers with allowances of all
//! services, one for a few rating groups, one that rolled over from the month before, and overage up to a cap.
//! Prints one rate a run: `cargo bench -p charging --bench rating`.

use std::sync::Arc;
use std::time::Instant;

use charging::clock::Month;
use charging::quantity::Service;
use charging::tariff::{Kind, Terms};
use charging::usage::UsageRecord;
use charging::usage::allowance::{Subscribed, grants};
use charging::usage::pool::{Held, Pool};
use charging::usage::rating::{Beyond, MonthState, PlanMonth};
use chrono::TimeDelta;
use rust_decimal::Decimal;

const RUNS: usize = 7;
const SUBSCRIBERS: usize = 2_000;
/// Records of each in the month.
const RECORDS: i64 = 300;
/// The rating group of the directed allowance.
const VIDEO: u32 = 1001;

const PLAN: &str = r#"{"recurring":{"price":"99.00","first_month":"full"},"cancel_effective":"month_end",
    "allowances":[{"service":"data","quantity":"1GB","rollover":true},{"service":"voice","quantity":"60min"},
        {"service":"sms","quantity":"10"}],
    "overage":[{"service":"data","model":"ladder","price":"0.03","unit":"1MB","block_price":"3.00","block":"1GB"},
        {"service":"voice","model":"unit","price":"0.15","unit":"1min"},
        {"service":"sms","model":"unit","price":"0.10","unit":"1"}]}"#;
const VIDEO_PACK: &str = r#"{"recurring":{"price":"9.00","first_month":"full"},"cancel_effective":"month_end",
    "allowances":[{"service":"data","quantity":"1GB","rating_groups":[1001]}]}"#;

fn main() {
    let month: Month = "2026-10".parse().expect("a month");
    let subscribed = [subscribed(1, Kind::Plan, PLAN), subscribed(2, Kind::Addon, VIDEO_PACK)];
    let records: Vec<Vec<UsageRecord>> = (0..SUBSCRIBERS).map(|subscriber| records(month, subscriber)).collect();
    for _ in 0..RUNS {
        let mut states: Vec<MonthState> = (0..SUBSCRIBERS).map(|_| state(month, &subscribed)).collect();
        let started = Instant::now();
        let mut charged = Decimal::ZERO;
        let mut rated = 0_u32;
        for (state, records) in states.iter_mut().zip(&records) {
            for record in records {
                charged += state.rate(record).expect("a record of the month").cost;
                rated += 1;
            }
        }
        let rate = f64::from(rated) / started.elapsed().as_secs_f64();
        assert!(states.iter().all(|state| state.plans[0].beyond.absorbed_bytes > 0), "everybody comes to the cap");
        println!("{rate:.0} records/s ({rated} records, {charged} yuan)");
    }
}

fn subscribed(subscription_id: i64, kind: Kind, terms: &str) -> Subscribed {
    Subscribed {
        subscription_id,
        scheme_id: "26MB900001".parse().expect("a scheme id"),
        version: 1,
        name: String::new(),
        kind,
        terms: Arc::new(serde_json::from_str::<Terms>(terms).expect("terms")),
        starts_at: "2026-01-01T00:00:00+08:00".parse().expect("an instant"),
        ends_at: None,
        lapses: false,
    }
}

/// Nothing used yet; what the month before granted and lets roll over is there whole.
fn state(month: Month, subscribed: &[Subscribed]) -> MonthState {
    let granted = subscribed.iter().flat_map(|subscribed| {
        let rolled_over = grants(subscribed, month.previous()).into_iter().filter(|g| g.valid_until > month.start());
        rolled_over.chain(grants(subscribed, month)).map(move |grant| (Held::unused(grant), subscribed))
    });
    MonthState {
        month,
        pool: Pool::new(month, granted),
        plans: vec![PlanMonth { plan: subscribed[0].clone(), beyond: Beyond::default(), changed: false }],
        cap: Decimal::from(5),
        charged_elsewhere: Decimal::ZERO,
    }
}

/// Of ten records eight are data (three of them video), one is a call, one a message; sizes differ by subscriber.
fn records(month: Month, subscriber: usize) -> Vec<UsageRecord> {
    let base = 20_000_000 + subscriber as u64 * 1_009;
    (0..RECORDS)
        .map(|n| {
            let (service, quantity, rating_group) = match n % 10 {
                4 => (Service::Voice, 61 + n.unsigned_abs() % 120, None),
                9 => (Service::Sms, 1, None),
                0 | 3 | 7 => (Service::Data, base + n.unsigned_abs() * 4_099, Some(VIDEO)),
                _ => (Service::Data, base + n.unsigned_abs() * 8_191, Some(10)),
            };
            let started_at = month.start() + TimeDelta::minutes(n * 140);
            UsageRecord { id: format!("{subscriber}-{n}"), service, started_at, quantity, rating_group }
        })
        .collect()
}
