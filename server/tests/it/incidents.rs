//! What detectors find in the demo: what another system charged wrongly, and nothing of what was charged here.

use std::collections::BTreeMap;

use charging::incident::finding::review::{Period, review_history};
use charging::testing::TestDatabase;
use chrono::{DateTime, Utc};
use server::demo;

#[tokio::test]
async fn a_clean_history_is_not_found_and_what_was_brought_is() {
    let db = TestDatabase::create().await;
    let now: DateTime<Utc> = "2026-11-21T14:00:00+08:00".parse().unwrap();
    demo::load(&db.app, now, 5, |_, _| ()).await.unwrap();
    review_history(&db.app, Period::default(), now, |_, _| ()).await.unwrap();
    let found: Vec<(bool, String, i64)> =
        sqlx::query_as("select imported, detector, count(*) from finding_charge group by imported, detector")
            .fetch_all(&db.app)
            .await
            .unwrap();
    let own: Vec<_> = found.iter().filter(|(imported, ..)| !imported).collect();
    assert!(own.is_empty(), "{own:?}");
    let brought: BTreeMap<&str, i64> =
        found.iter().map(|(_, detector, charges)| (detector.as_str(), *charges)).collect();
    for (detector, charges) in [("no_consent", 60), ("not_on_sale", 60), ("after_cancellation", 3), ("duplicate", 2)] {
        assert_eq!(brought.get(detector), Some(&charges), "{detector}: {brought:?}");
    }
    assert!(["price", "burst", "above_cap"].iter().all(|detector| !brought.contains_key(detector)), "{brought:?}");
    db.drop().await;
}
