//! The night, replayed with few.

use std::path::PathBuf;
use std::sync::Arc;

use charging::clock::SystemClock;
use charging::staff::StaffKey;
use charging::testing::TestDatabase;
use server::demo::incident::{FOUND_WITHIN, Night, replay};
use sqlx::ConnectOptions as _;

#[tokio::test]
async fn what_nobody_agreed_to_is_refused_found_and_returned_once_though_the_server_is_killed() {
    let db = TestDatabase::create().await;
    let night = Night {
        pool: db.app.clone(),
        clock: Arc::new(SystemClock),
        staff_key: StaffKey::new(&[7; 32]),
        charges: 300,
        program: PathBuf::from(env!("CARGO_BIN_EXE_mingbai")),
        database_url: Some(db.connect_options().to_url_lossy().to_string()),
    };
    let outcome = replay(&night).await.unwrap();
    assert_eq!(outcome.wrong, Vec::<String>::new());
    assert!(outcome.found_after <= FOUND_WITHIN && outcome.ratio > 0.0, "{outcome:?}");
    let again = replay(&night).await.unwrap_err().to_string();
    assert!(again.contains("use another one"), "{again}");
    let two: (i64, i64) = sqlx::query_as(
        "select (select count(*) from incident_approval where approved_by <> proposed_by), (select count(*) from incident_stop)",
    )
    .fetch_one(&db.owner)
    .await
    .unwrap();
    assert_eq!(two, (1, 1));
    drop(night);
    db.drop().await;
}
