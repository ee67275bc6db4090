//! Charges of another system, what finds those that look wrong among them and among our own, and incidents.

#[expect(dead_code, reason = "shared with tests of channels that use more of it")]
#[path = "../channels/agents.rs"]
mod agents;
mod desk;
mod detectors;
mod imports;
mod own;
mod source;
mod statement;
#[expect(dead_code, reason = "other tests use more of it")]
#[path = "../consent/world.rs"]
mod world;

use std::collections::BTreeMap;
use std::time::Duration;

use charging::incident::detector::Detector;
use charging::incident::finding::review::{Reviewed, review_new};
use charging::incident::imported::ChargeLine;
use charging::incident::imported::store::{ImportError, NewImportedCharge, Outcome, bring};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use sqlx::PgPool;
use world::at;

/// When files are brought in these tests.
fn today() -> DateTime<Utc> {
    at("2026-11-20T12:00:00+08:00")
}

/// A line about subscriber `n`, with these members in place of the usual ones.
fn line(n: u32, members: Value) -> String {
    let mut line = json!({
        "msisdn": format!("138{n:08}"), "scheme_id": world::PACK, "amount": "20.00",
        "charged_at": "2026-10-05T10:00:00+08:00", "route": "bill", "source": "portal",
        "consent": {"method": "sms_code", "reference": format!("slip {n}"), "agreed_at": "2026-10-05T09:58:00+08:00"},
    });
    for (name, value) in members.as_object().unwrap() {
        line[name] = value.clone();
    }
    line.to_string()
}

/// Brings lines of subscribers whose numbers are known.
async fn take(pool: &PgPool, lines: &[String]) -> Result<Vec<Outcome>, ImportError> {
    let mut tx = pool.begin().await?;
    let mut charges = Vec::new();
    for (place, line) in (0..).zip(lines) {
        let line = ChargeLine::parse(line, today()).unwrap();
        let subscriber_id = sqlx::query_scalar("select subscriber_id from msisdn where msisdn = $1")
            .bind(line.msisdn.as_str())
            .fetch_one(&mut *tx)
            .await?;
        charges.push(NewImportedCharge { subscriber_id, source_id: line.source_id(place), line });
    }
    let outcomes = bring(&mut tx, &charges, today()).await?;
    tx.commit().await?;
    Ok(outcomes)
}

/// Looks at what arrived until it was all complete; other tests write on the same server meanwhile.
async fn review(pool: &PgPool) -> Reviewed {
    let mut all = Reviewed::default();
    for _ in 0..200 {
        let mut reviewed = review_new(pool, today()).await.unwrap();
        all.charges += reviewed.charges;
        all.found.append(&mut reviewed.found);
        let is_done: bool = sqlx::query_scalar(
            "select bool_and(done_id = coalesce(pg_sequence_last_value(case when imported
                then 'imported_charge_imported_charge_id_seq' else 'charge_charge_id_seq' end::regclass), 0))
            from review_mark",
        )
        .fetch_one(pool)
        .await
        .unwrap();
        if is_done {
            return all;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("a transaction of somebody else did not end");
}

/// How many charges each detector found.
async fn found(pool: &PgPool) -> BTreeMap<Detector, i64> {
    let rows: Vec<(String, i64)> = sqlx::query_as(
        "select detector, sum(charges)::bigint from finding join finding_growth using (finding_id) group by detector",
    )
    .fetch_all(pool)
    .await
    .unwrap();
    rows.into_iter().map(|(detector, charges)| (detector.parse().unwrap(), charges)).collect()
}
