//! However a month's usage comes in, its bill is the same.

use charging::bill::Bill;
use charging::bill::run::run;
use charging::bill::store::bill;
use charging::clock::ManualClock;
use charging::quantity::Service;
use charging::usage::UsageRecord;
use charging::usage::session::{Asked, Invocation, SessionRef, Step, UnitUsage, UsedUnits};
use charging::usage::store::{Memory, charge_batch};
use sha2::{Digest as _, Sha256};

use super::world::{DIRECTED, PACK, PLAN, World, at, data, directed, month, now, other, yuan};

/// What of a month is charged as it happens, by the place of each record in it.
type Online = fn(usize) -> bool;

const WAYS: [(&str, Online, bool); 6] = [
    ("a file", |_| false, false),
    ("a file, the last first", |_| false, true),
    ("sessions", |_| true, false),
    ("sessions, the last first", |_| true, true),
    ("every other one by a session", |place| place % 2 == 0, false),
    ("the others by a session, the last first", |place| place % 2 == 1, true),
];

/// Twenty days of data, a part of it for the directed allowance, and calls and messages beyond what is included.
fn records() -> Vec<UsageRecord> {
    let days = 1..=20_u64;
    let of_day = |n: u64| {
        let day = format!("2026-11-{n:02}");
        let used = if n.is_multiple_of(3) { directed } else { data };
        let mut used = used(&format!("d{n}"), &day, 37 * n);
        used.quantity -= n * 262_143;
        let call = other(&format!("c{n}"), &day, Service::Voice, 61 * n);
        [used, call, other(&format!("m{n}"), &day, Service::Sms, 1)]
    };
    days.flat_map(of_day).collect()
}

impl World {
    async fn invoke(&self, step: Step, sequence: u32, units: Vec<UnitUsage>) -> SessionRef {
        let mut tx = self.db.app.begin().await.unwrap();
        let invocation = Invocation { step, sequence, units };
        let answer = charge_batch(&mut tx, &Memory::default(), &[invocation], now()).await.unwrap().remove(0).unwrap();
        tx.commit().await.unwrap();
        answer.session
    }

    /// Only data are charged by sessions.
    async fn feed(&self, n: u32, records: &[UsageRecord], is_online: Online, reversed: bool) -> i64 {
        let subscriber = self.subscriber(n, if n.is_multiple_of(2) { "4" } else { "100" }).await;
        self.subscribe(subscriber, PLAN, "2026-11-01T00:00:00+08:00").await;
        self.subscribe(subscriber, DIRECTED, "2026-11-01T00:00:00+08:00").await;
        self.subscribe(subscriber, PACK, "2026-11-15T00:00:00+08:00").await;
        let digest: [u8; 32] = Sha256::digest(n.to_string()).into();
        let session_id = hex::encode(&digest[..16]);
        let begun = Step::Create { msisdn: format!("1380000{n:04}").parse().unwrap(), digest, session_id };
        let session = self.invoke(begun, 0, vec![]).await;
        let mut order: Vec<usize> = (0..records.len()).collect();
        if reversed {
            order.reverse();
        }
        for (sequence, place) in (1..).zip(order) {
            let record = &records[place];
            if record.service != Service::Data || !is_online(place) {
                self.ingest(subscriber, std::slice::from_ref(record)).await;
                continue;
            }
            let used = vec![UsedUnits { bytes: record.quantity, started_at: Some(record.started_at) }];
            let rating_group = record.rating_group.unwrap_or(1);
            let unit = UnitUsage { rating_group, asked: Asked::Any, used, gives_back: false };
            self.invoke(Step::Update(session.clone()), sequence, vec![unit]).await;
        }
        self.invoke(Step::Release(session), 1_000, vec![]).await;
        subscriber
    }
}

#[tokio::test]
async fn a_bill_does_not_depend_on_how_its_usage_came_in() {
    let world = World::new().await;
    let records = records();
    let mut fed = Vec::new();
    for (n, (way, is_online, reversed)) in (0..).zip(WAYS) {
        for cap in 1..=2 {
            fed.push((way, world.feed(2 * n + cap, &records, is_online, reversed).await));
        }
    }
    let december = ManualClock::new(at("2026-12-01T00:00:00+08:00"));
    let closed = run(&world.db.app, month("2026-11"), &december, |_| ()).await.unwrap();
    assert_eq!(closed.bills, 12);
    let mut conn = world.db.app.acquire().await.unwrap();
    let mut bills: Vec<(&str, Bill)> = Vec::new();
    for (way, subscriber) in fed {
        bills.push((way, bill(&mut conn, subscriber, month("2026-11")).await.unwrap().unwrap()));
    }
    // 78.00 of fees, 220 minutes, 15 messages; and 5 GB and 50 MB of data, or 1 GB and 33 MB under the cap of 4 yuan.
    assert_eq!((bills[0].1.total, bills[1].1.total), (yuan("129.00"), yuan("116.49")));
    for (index, (way, bill)) in bills.iter().enumerate() {
        assert_eq!(bill, &bills[index % 2].1, "{way}");
    }
    drop(conn);
    world.db.drop().await;
}
