//! Each detector finds what it is for among imported charges, and nothing beside it.

use std::collections::BTreeMap;

use charging::incident::detector::Detector;
use charging::incident::finding::review::{Period, review_history};
use serde_json::{Value, json};

use crate::world::{FUTURE, PACK, PAST, SHELF, World, at};
use crate::{found, line, review, take, today};

/// What is found when these lines of subscriber 1 are brought.
async fn finds(members: &[Value]) -> BTreeMap<Detector, i64> {
    let world = World::new().await;
    world.subscriber(1).await;
    let lines: Vec<String> = members.iter().map(|members| line(1, members.clone())).collect();
    take(&world.db.app, &lines).await.unwrap();
    review(&world.db.app).await;
    let found = found(&world.db.app).await;
    world.db.drop().await;
    found
}

fn only(detector: Detector, charges: i64) -> BTreeMap<Detector, i64> {
    BTreeMap::from([(detector, charges)])
}

fn consent(agreed_at: &str, price: &str) -> Value {
    json!({"method": "sms_reply", "reference": "r", "agreed_at": agreed_at, "price": price})
}

#[tokio::test]
async fn what_is_in_order_is_not_found() {
    let months = ["2026-10", "2026-11"].map(|month| json!({"charged_at": format!("{month}-05T10:00:00+08:00")}));
    assert_eq!(finds(&months).await, BTreeMap::new());
}

#[tokio::test]
async fn no_yes_and_one_that_came_too_late() {
    let late = json!({"amount": "19.00", "consent": consent("2026-10-05T10:00:01+08:00", "20.00")});
    assert_eq!(finds(&[json!({"consent": null}), late]).await, only(Detector::NoConsent, 2));
}

#[tokio::test]
async fn more_than_was_agreed_to() {
    let dear = json!({"amount": "20.01"});
    let dearer_than_its_proof =
        json!({"kind": "one_off", "amount": "5.00", "consent": consent("2026-10-05T09:58:00+08:00", "4.99")});
    let first_month = json!({"month": "2026-09", "amount": "9.50"});
    assert_eq!(finds(&[dear, dearer_than_its_proof, first_month]).await, only(Detector::Price, 2));
}

#[tokio::test]
async fn charged_after_it_was_cancelled() {
    let cancelled = json!({"cancelled_at": "2026-09-30T23:59:59+08:00"});
    let still_that_month = json!({"cancelled_at": "2026-10-05T12:00:00+08:00", "amount": "19.00"});
    assert_eq!(finds(&[cancelled, still_that_month]).await, only(Detector::AfterCancellation, 1));
}

#[tokio::test]
async fn cancelled_here_counts_too() {
    let world = World::new().await;
    let id = world.subscriber(1).await;
    let placed = world.has(id, PACK, at("2026-06-01T00:00:00+08:00")).await;
    sqlx::query("update subscription set ends_at = $3, end_reason = 'month_end' where subscriber_id = $1 and subscription_id = $2")
        .bind(id)
        .bind(placed.subscription_id)
        .bind(at("2026-10-01T00:00:00+08:00"))
        .execute(&world.db.app)
        .await
        .unwrap();
    take(&world.db.app, &[line(1, json!({})), line(1, json!({"month": "2026-09"}))]).await.unwrap();
    review(&world.db.app).await;
    assert_eq!(found(&world.db.app).await, only(Detector::AfterCancellation, 1));
    world.db.drop().await;
}

#[tokio::test]
async fn the_same_month_twice_and_the_same_thing_twice_in_ten_minutes() {
    let again = json!({"charged_at": "2026-10-25T10:00:00+08:00"});
    let once = json!({"kind": "third_party", "amount": "6.00", "charged_at": "2026-10-07T10:00:00+08:00"});
    let at_once = json!({"kind": "third_party", "amount": "6.00", "charged_at": "2026-10-07T10:10:00+08:00"});
    let later = json!({"kind": "third_party", "amount": "6.00", "charged_at": "2026-10-07T10:30:00+08:00"});
    assert_eq!(finds(&[json!({}), again, once, at_once, later]).await, only(Detector::Duplicate, 2));
}

#[tokio::test]
async fn data_beyond_the_cap() {
    let overage = |amount: &str, minute: u32| json!({"kind": "data_overage", "amount": amount, "charged_at": format!("2026-10-09T10:{minute:02}:00+08:00")});
    // 600 in all is within it.
    assert_eq!(finds(&[overage("599.50", 1), overage("0.50", 2)]).await, BTreeMap::new());
    let beyond = [overage("599.50", 1), overage("0.51", 2), overage("3.00", 3)];
    assert_eq!(finds(&beyond).await, only(Detector::AboveCap, 2));
}

#[tokio::test]
async fn a_month_beyond_five_times_the_three_before() {
    let month = |month: &str, amount: &str| {
        let charged_at = format!("{month}-20T10:00:00+08:00");
        json!({"kind": "voice_overage", "amount": amount, "charged_at": charged_at,
            "consent": consent("2026-06-01T10:00:00+08:00", "0")})
    };
    let usual = [month("2026-07", "20.00"), month("2026-08", "30.00"), month("2026-09", "40.00")];
    let with = |last: &[&str]| {
        let mut months = usual.to_vec();
        months.extend(last.iter().map(|amount| month("2026-10", amount)));
        months
    };
    assert_eq!(finds(&with(&["150.00"])).await, BTreeMap::new());
    assert_eq!(finds(&with(&["150.00", "0.01"])).await, only(Detector::Jump, 1));
    // Without three months before, nobody knows what is usual.
    assert_eq!(finds(&with(&["500.00"])[1..]).await, BTreeMap::new());
}

#[tokio::test]
async fn not_public_or_not_on_sale_when_it_was_ordered() {
    let agreed = |scheme: &str, on: &str| json!({"scheme_id": scheme, "kind": "one_off", "consent": consent(&format!("{on}T09:00:00+08:00"), "20.00")});
    let wrong = [agreed("95元权益包", "2026-10-05"), agreed(FUTURE, "2026-10-05"), agreed(PAST, "2026-07-01")];
    assert_eq!(finds(&wrong).await, only(Detector::NotOnSale, 3));
    let sound =
        [agreed(PAST, "2026-06-30"), agreed(SHELF, "2026-10-05"), json!({"scheme_id": "卡券", "kind": "third_party"})];
    assert_eq!(finds(&sound).await, BTreeMap::new());
}

#[tokio::test]
async fn many_like_orders_in_ten_minutes_whichever_these_are() {
    let world = World::new().await;
    let mut lines = Vec::new();
    for n in 1..=25 {
        world.subscriber(n).await;
        // One every 50 s across a full hour and the end of a day: 13 in any ten minutes.
        let at = at("2026-10-05T23:50:00+08:00") + chrono::TimeDelta::seconds(50) * i32::try_from(n).unwrap();
        lines.push(line(
            n,
            json!({"ordered_at": at, "charged_at": "2026-10-31T10:00:00+08:00", "source": "upgrade",
            "consent": {"method": "sms_code", "reference": "r", "agreed_at": "2026-10-01T09:00:00+08:00"}}),
        ));
        // As many from elsewhere, and of the same subscribers for other months, are no part of it.
        lines.push(line(
            n,
            json!({"ordered_at": at, "month": "2026-09", "source": format!("shop {n}"),
            "charged_at": "2026-10-30T10:00:00+08:00",
            "consent": {"method": "sms_code", "reference": "r", "agreed_at": "2026-10-01T09:00:00+08:00"}}),
        ));
    }
    set(&world, "burst", json!({"orders_min": 14, "minutes": 10})).await;
    take(&world.db.app, &lines[..30]).await.unwrap();
    review(&world.db.app).await;
    assert_eq!(found(&world.db.app).await, BTreeMap::new());
    set(&world, "burst", json!({"orders_min": 13, "minutes": 10})).await;
    take(&world.db.app, &lines[30..]).await.unwrap();
    review(&world.db.app).await;
    assert_eq!(found(&world.db.app).await, only(Detector::Burst, 22), "with what came before, in the same minutes");
    let days: Vec<i64> = sqlx::query_scalar(
        "select sum(charges)::bigint from finding join finding_growth using (finding_id) group by day order by day",
    )
    .fetch_all(&world.db.app)
    .await
    .unwrap();
    assert_eq!(days, [8, 14], "one finding a day");
    let nothing_new = review(&world.db.app).await;
    assert_eq!((nothing_new.charges, nothing_new.found), (0, Vec::new()));
    review_history(&world.db.app, Period::default(), today(), |_, _| ()).await.unwrap();
    assert_eq!(
        found(&world.db.app).await,
        only(Detector::Burst, 25),
        "other figures hold for the past when they are asked to"
    );
    world.db.drop().await;
}

/// Another version of a detector.
async fn set(world: &World, detector: &str, figures: Value) {
    sqlx::query(
        "insert into detector_version (detector, version, parameters, enabled, set_at)
        select $1, max(version) + 1, $2, true, now() from detector_version where detector = $1",
    )
    .bind(detector)
    .bind(figures)
    .execute(&world.db.app)
    .await
    .unwrap();
}
