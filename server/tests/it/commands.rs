//! Commands against a database: the demo, moving in, bill files.

use std::fs;
use std::time::Duration;

use charging::clock::{ManualClock, Month};
use charging::testing::TestDatabase;
use chrono::{DateTime, Utc};
use server::command::{bills, subscribers};
use server::demo::{self, Loaded};
use sqlx::PgPool;

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

async fn load(pool: &PgPool) -> anyhow::Result<Option<Loaded>> {
    demo::load(pool, at("2026-11-21T14:00:00+08:00"), 2, |_, _| ()).await
}

async fn count(pool: &PgPool, sql: &'static str) -> i64 {
    sqlx::query_scalar(sql).fetch_one(pool).await.unwrap()
}

#[tokio::test]
async fn a_demo_that_was_interrupted_is_loaded_to_its_end_and_not_twice() {
    let db = TestDatabase::create().await;
    drop(tokio::time::timeout(Duration::from_secs(2), load(&db.app)).await);
    let loaded = load(&db.app).await.unwrap();
    assert!(loaded.is_none_or(|loaded| loaded.subscribers == 200));
    assert_eq!(load(&db.app).await.unwrap(), None);
    assert_eq!(count(&db.app, "select count(*) from subscriber").await, 200);
    assert_eq!(count(&db.app, "select count(*) from notice where state <> 'sent'").await, 0);
    let plans = "select count(*) from subscription where kind = 'plan' and ends_at is null";
    assert_eq!(count(&db.app, plans).await, 199, "everyone but the newest has a plan");
    let near_cap =
        "select count(*) from month_counter where month = '2026-11-01' and overage_charged > overage_cap * 0.9";
    assert!(count(&db.app, near_cap).await >= 1);
    db.drop().await;
}

#[tokio::test]
async fn the_demo_stays_out_of_a_database_in_use() {
    let db = TestDatabase::create().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("in.ndjson");
    fs::write(&file, r#"{"msisdn":"13900000001","name":"王芳","region":"北京","subscriptions":[]}"#).unwrap();
    subscribers::import(&db.app, &file, at("2026-11-01T00:00:00Z")).await.unwrap();
    let refused = load(&db.app).await.unwrap_err().to_string();
    assert!(refused.contains("use another database"), "{refused}");
    db.drop().await;
}

#[tokio::test]
async fn subscribers_move_in_and_their_bills_go_out_in_the_order_of_numbers() {
    let db = TestDatabase::create().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("in.ndjson");
    let line = |n: u32, rest: &str| format!(r#"{{"msisdn":"1390000000{n}","name":"用户{n}","region":"北京"{rest}}}"#);
    let lines = [
        line(3, ""),
        line(1, r#","cap":"50.00""#),
        line(2, r#","cap":"601""#),
        "not JSON".to_owned(),
        line(1, r#","cap":"50.00""#),
        line(4, r#","subscriptions":[{"scheme_id":"26MB900001","since":"2026-09-01"}]"#),
    ];
    fs::write(&file, lines.join("\n")).unwrap();
    let tally = subscribers::import(&db.app, &file, at("2026-10-05T00:00:00Z")).await.unwrap();
    assert_eq!(tally.to_string(), "read 6, accepted 2, unchanged 1, rejected 3");
    let rejected = fs::read_to_string(folder.path().join("in.ndjson.rejected.ndjson")).unwrap();
    let reasons: Vec<serde_json::Value> = rejected.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(reasons.iter().map(|r| r["line"].as_u64().unwrap()).collect::<Vec<_>>(), [3, 4, 6]);
    assert!(reasons[2]["reason"].as_str().unwrap().contains("no consent"));
    let again = subscribers::import(&db.app, &file, at("2026-10-06T00:00:00Z")).await.unwrap();
    assert_eq!(again.to_string(), "read 6, accepted 0, unchanged 3, rejected 3");

    let october: Month = "2026-10".parse().unwrap();
    let clock = ManualClock::new(at("2026-11-01T00:00:00Z"));
    charging::bill::run::run(&db.app, october, &clock, |_| ()).await.unwrap();
    let out = folder.path().join("bills.ndjson");
    assert_eq!(bills::write(&db.app, october, &out).await.unwrap(), 2);
    assert_eq!(
        fs::read_to_string(&out).unwrap(),
        "{\"msisdn\":\"13900000001\",\"month\":\"2026-10\",\"lines\":[],\"total\":\"0.00\"}\n\
         {\"msisdn\":\"13900000003\",\"month\":\"2026-10\",\"lines\":[],\"total\":\"0.00\"}\n"
    );
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3, "no partial file is left");
    db.drop().await;
}
