//! Charges of our own can hardly be wrong: whoever owns the tables has to take the constraints away first.

use std::collections::BTreeMap;

use charging::incident::detector::Detector;
use charging::incident::finding::review::{Period, review_history};

use crate::world::{PACK, Placed, World, at};
use crate::{found, review, today};

async fn as_owner(world: &World, sql: &'static str) {
    sqlx::raw_sql(sql).execute(&world.db.owner).await.unwrap();
}

async fn charge(world: &World, subscriber_id: i64, placed: Placed, month: &str, amount: &str) {
    sqlx::query(
        "insert into charge (subscriber_id, kind, month, subscription_id, scheme_id, version, recurring_price,
            one_off_price, quantity, amount, charged_at)
        select subscriber_id, 'recurring', $3::date, subscription_id, scheme_id, version, recurring_price, one_off_price, 1,
            $4::numeric, $3::timestamptz + interval '40 days'
        from subscription where subscriber_id = $1 and subscription_id = $2",
    )
    .bind(subscriber_id)
    .bind(placed.subscription_id)
    .bind(at(&format!("{month}-01T00:00:00Z")).date_naive())
    .bind(amount.parse::<rust_decimal::Decimal>().unwrap())
    .execute(&world.db.owner)
    .await
    .unwrap();
}

#[tokio::test]
async fn what_the_schema_lets_in_is_not_found() {
    let world = World::new().await;
    let id = world.subscriber(1).await;
    let placed = world.has(id, PACK, at("2026-06-01T00:00:00+08:00")).await;
    for month in ["2026-06", "2026-07", "2026-08", "2026-09"] {
        charge(&world, id, placed, month, "20.00").await;
    }
    assert_eq!(review(&world.db.app).await.charges, 4);
    assert_eq!(found(&world.db.app).await, BTreeMap::new());
    world.db.drop().await;
}

#[tokio::test]
async fn what_it_would_refuse_is_found() {
    let world = World::new().await;
    let id = world.subscriber(1).await;
    let placed = world.has(id, PACK, at("2026-06-01T00:00:00+08:00")).await;
    as_owner(
        &world,
        "alter table charge drop constraint charge_within_price; drop index charge_recurring_once;
        alter table consent drop constraint consent_hash, drop constraint consent_evidence_matches",
    )
    .await;
    charge(&world, id, placed, "2026-06", "20.00").await;
    charge(&world, id, placed, "2026-06", "20.00").await;
    charge(&world, id, placed, "2026-07", "20.01").await;
    review(&world.db.app).await;
    assert_eq!(found(&world.db.app).await, BTreeMap::from([(Detector::Price, 1), (Detector::Duplicate, 1)]));
    // A subscription that ended, and a consent that was written over.
    as_owner(
        &world,
        "update subscription set ends_at = '2026-08-01 00:00+08', end_reason = 'month_end';
        update consent set evidence = evidence || ' '",
    )
    .await;
    charge(&world, id, placed, "2026-09", "20.00").await;
    review(&world.db.app).await;
    let all = BTreeMap::from([
        (Detector::NoConsent, 1),
        (Detector::Price, 1),
        (Detector::AfterCancellation, 1),
        (Detector::Duplicate, 1),
    ]);
    assert_eq!(found(&world.db.app).await, all, "what is looked at is found as it is then");
    let again = review_history(&world.db.app, Period::default(), today(), |_, _| ()).await.unwrap();
    assert_eq!(
        again.found.iter().map(|found| (found.detector, found.charges)).collect::<Vec<_>>(),
        [(Detector::NoConsent, 3)]
    );
    world.db.drop().await;
}
