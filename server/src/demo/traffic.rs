//! The usage of a month: calls, messages, and data by what it was used for.

use charging::clock::Month;
use charging::quantity::{GIB, MIB, Service};
use charging::usage::UsageRecord;
use chrono::{DateTime, TimeDelta, Utc};
use rand::Rng;
use rand_chacha::ChaCha20Rng;

use super::people::Person;

/// Rating groups of the directed packs: video, music, games, chat.
const GROUPS: [u32; 7] = [2001, 2002, 2003, 2101, 2201, 2202, 2301];
/// Those of video, which come first.
const VIDEO_GROUPS: usize = 3;
/// The longest call, in seconds.
const CALL_SECONDS_MAX: u64 = 1500;

/// When in a month someone used something.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    pub month: Month,
    pub from: DateTime<Utc>,
    pub until: DateTime<Utc>,
    /// Months before the one that runs now: 0 for that one.
    pub age: u32,
}

/// How much someone uses in a whole month.
#[derive(Clone, Copy, Debug)]
struct Appetite {
    /// Bytes for anything, and for what directed packs serve.
    general: u64,
    directed: u64,
    minutes: u64,
    messages: u64,
}

/// What a plan includes: MB, minutes, messages.
fn included(scheme_id: &str) -> (u64, u64, u64) {
    let gb = |gb: u64| gb * 1024;
    match scheme_id {
        "24MB900001" => (200, 30, 2),
        "24MB900002" | "24MB900011" => (gb(5), 100, 5),
        "24MB900004" | "24MB900020" => (gb(15), 180, 5),
        "24MB900005" | "24MB900012" | "24MB900022" => (gb(20), 260, 20),
        "24MB900006" | "24MB900015" | "22MB900019" => (gb(30), 450, 30),
        "24MB900007" => (gb(40), 600, 40),
        "24MB900008" | "24MB900013" => (gb(60), 500, 10),
        "24MB900009" => (gb(80), 900, 40),
        "24MB900010" => (gb(150), 1200, 60),
        "24MB900014" => (gb(3), 900, 5),
        "22MB900018" => (gb(8), 180, 5),
        _ => (gb(10), 100, 5),
    }
}

fn percent(amount: u64, percent: u64) -> u64 {
    amount * percent / 100
}

fn appetite(person: &Person, plan: &str, age: u32, rng: &mut ChaCha20Rng) -> Appetite {
    let (data_mb, minutes, messages) = included(plan);
    let data_percent = match person.n {
        7 => rng.random_range(20..40),
        _ if person.heavy => rng.random_range(75..118),
        _ => rng.random_range(35..92),
    };
    let mut appetite = Appetite {
        general: percent(data_mb * MIB, data_percent),
        directed: percent(data_mb * MIB, rng.random_range(0..20)),
        minutes: percent(minutes, if person.heavy { 110 } else { rng.random_range(20..95) }),
        messages: rng.random_range(0..=messages),
    };
    // The stories: overage last month; a cap that is nearly reached; one that was reached.
    match (person.n, age) {
        (1, 1) => (appetite.general, appetite.directed) = (27 * GIB + 700 * MIB, 12 * GIB),
        (2, 0) => (appetite.general, appetite.directed) = (25 * GIB + 900 * MIB, 0),
        (2, 1) => (appetite.general, appetite.directed) = (16 * GIB, 0),
        (8, 0 | 1) => (appetite.general, appetite.directed) = (19 * GIB, 0),
        _ => {}
    }
    appetite
}

/// The records of a window, in no particular order.
pub fn records(person: &Person, plan: &str, window: Window, rng: &mut ChaCha20Rng) -> Vec<UsageRecord> {
    let minutes = (window.until - window.from).num_minutes();
    if minutes < 60 {
        return Vec::new();
    }
    let whole = i64::from(window.month.days()) * 24 * 60;
    let appetite = appetite(person, plan, window.age, rng);
    // The story of the cap must be there on any day of the month.
    let told_whole = matches!((person.n, window.age), (2 | 8, 0));
    let part = |amount: u64| {
        if told_whole { amount } else { amount / whole.unsigned_abs() * minutes.unsigned_abs() }
    };
    let days = minutes.unsigned_abs() / (24 * 60) + 1;
    let (data, calls) = if window.age <= 1 {
        (days * 2 + rng.random_range(1..4), days)
    } else {
        (rng.random_range(6..12), rng.random_range(4..9))
    };
    let mut writer = Writer { person, window, minutes, records: Vec::new() };
    let directed = if appetite.directed > 0 { data / 4 + 1 } else { 0 };
    writer.data(part(appetite.general), data, false, rng);
    writer.data(part(appetite.directed), directed, true, rng);
    writer.calls(part(appetite.minutes * 60), calls, rng);
    let messages = appetite.messages * minutes.unsigned_abs() / whole.unsigned_abs();
    for _ in 0..messages.min(40) {
        writer.push(Service::Sms, 1, None, rng);
    }
    writer.records
}

struct Writer<'a> {
    person: &'a Person,
    window: Window,
    minutes: i64,
    records: Vec<UsageRecord>,
}

impl Writer<'_> {
    fn push(&mut self, service: Service, quantity: u64, rating_group: Option<u32>, rng: &mut ChaCha20Rng) {
        let after = TimeDelta::minutes(rng.random_range(0..self.minutes - 30));
        let started_at = self.window.from + after + TimeDelta::seconds(rng.random_range(0..60));
        let id = format!("demo-{}-{}-{}", self.person.n, self.window.month, self.records.len() + 1);
        self.records.push(UsageRecord { id, service, started_at, quantity, rating_group });
    }

    /// Cuts a total into so many sessions of unlike sizes.
    fn data(&mut self, total: u64, sessions: u64, directed: bool, rng: &mut ChaCha20Rng) {
        let weights: Vec<u64> = (0..sessions).map(|_| rng.random_range(1..20)).collect();
        let sum: u64 = weights.iter().sum();
        let groups = if self.person.n == 1 { &GROUPS[..VIDEO_GROUPS] } else { &GROUPS[..] };
        for weight in weights {
            let group = directed.then(|| groups[rng.random_range(0..groups.len())]);
            self.push(Service::Data, total / sum * weight, group, rng);
        }
    }

    fn calls(&mut self, total_seconds: u64, calls: u64, rng: &mut ChaCha20Rng) {
        let mean = (total_seconds / calls.max(1)).clamp(20, CALL_SECONDS_MAX / 2);
        for _ in 0..calls {
            self.push(Service::Voice, rng.random_range(mean / 4..mean * 2), None, rng);
        }
    }
}
