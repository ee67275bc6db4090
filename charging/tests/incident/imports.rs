use charging::incident::imported::store::{Outcome, begin_count, count_alike};
use serde_json::json;

use crate::world::World;
use crate::{line, take};

#[tokio::test]
async fn a_charge_goes_in_once_and_an_id_means_one_charge() {
    let world = World::new().await;
    for n in 1..=2 {
        world.subscriber(n).await;
    }
    let first = line(1, json!({"id": "a"}));
    let bare = line(1, json!({"route": "gateway:4200001", "consent": null}));
    let lines = [first.clone(), bare.clone(), line(2, json!({"id": "a"})), first.clone()];
    let accepted = [Outcome::Accepted, Outcome::Accepted, Outcome::Accepted, Outcome::Unchanged];
    assert_eq!(take(&world.db.app, &lines).await.unwrap(), accepted);
    assert_eq!(take(&world.db.app, &lines).await.unwrap(), [Outcome::Unchanged; 4]);
    for (member, value) in [
        ("amount", json!("20.01")),
        ("route", json!("balance")),
        ("source", json!("hall")),
        ("kind", json!("one_off")),
        ("month", json!("2026-09")),
        ("consent", json!(null)),
        ("cancelled_at", json!("2026-10-06T00:00:00+08:00")),
    ] {
        let other = line(1, json!({"id": "a", member: value}));
        assert_eq!(take(&world.db.app, &[other]).await.unwrap(), [Outcome::Conflict], "{member}");
    }
    let stored: Vec<(String, Option<String>, Option<String>)> = sqlx::query_as(
        "select route, route_reference, consent_method from imported_charge order by imported_charge_id",
    )
    .fetch_all(&world.db.app)
    .await
    .unwrap();
    assert_eq!(stored.len(), 3);
    assert!(stored.contains(&("gateway".to_owned(), Some("4200001".to_owned()), None)));
    assert!(stored.contains(&("bill".to_owned(), None, Some("sms_code".to_owned()))));
    world.db.drop().await;
}

#[tokio::test]
async fn like_lines_are_counted_over_the_whole_file() {
    let world = World::new().await;
    let (a, b) = ([1; 32], [2; 32]);
    let mut conn = world.db.app.acquire().await.unwrap();
    begin_count(&mut conn).await.unwrap();
    assert_eq!(count_alike(&mut conn, &[a, b, a]).await.unwrap(), [0, 0, 1]);
    assert_eq!(count_alike(&mut conn, &[b, a, b]).await.unwrap(), [1, 2, 2]);
    begin_count(&mut conn).await.unwrap();
    assert_eq!(count_alike(&mut conn, &[a]).await.unwrap(), [0], "another file begins anew");
    drop(conn);
    world.db.drop().await;
}
