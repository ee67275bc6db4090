//! Subscribers are told, once each, of what their usage has passed.

use charging::actor::By;
use charging::quantity::Service;
use charging::usage::UsageRecord;
use charging::usage::store::{lower_cap, raise_cap};

use super::world::{DIRECTED, PACK, PLAN, World, at, data, directed, month, now, other, yuan};

impl World {
    /// The kinds and events of the notices of a subscriber, oldest first.
    async fn told(&self, subscriber_id: i64) -> Vec<String> {
        sqlx::query_scalar(
            "select case kind when 'allowance_level' then split_part(event_key, ':', 3) || split_part(event_key, ':', 4)
                || ' ' || split_part(event_key, ':', 6) when 'cap_state' then 'cap ' || split_part(event_key, ':', 4)
                else kind end
            from notice where subscriber_id = $1 order by notice_id",
        )
        .bind(subscriber_id)
        .fetch_all(&self.db.app)
        .await
        .unwrap()
    }
}

fn november(id: &str, megabytes: u64) -> UsageRecord {
    data(id, "2026-11-19", megabytes)
}

#[tokio::test]
async fn each_level_is_told_once_and_the_farthest_only() {
    let world = World::new().await;
    let one = world.subscriber(1, "2").await;
    world.subscribe(one, PLAN, "2026-11-01T00:00:00+08:00").await;
    world.ingest(one, &[november("a", 500)]).await;
    assert!(world.told(one).await.is_empty());
    world.ingest(one, &[november("b", 100)]).await;
    // Past 80 % and to its last 10 MB at once.
    world.ingest(one, &[november("c", 400), november("d", 15)]).await;
    world.ingest(one, &[november("e", 4), other("call", "2026-11-19", Service::Voice, 600)]).await;
    world.ingest(one, &[november("f", 40)]).await;
    world.ingest(one, &[november("g", 20)]).await;
    world.ingest(one, &[november("h", 1), november("i", 50), other("sms", "2026-11-19", Service::Sms, 4)]).await;
    world.try_ingest(one, &[november("h", 1), november("j", 50)], now()).await.unwrap();
    let expected = [
        "data half",
        "data 10mb_left",
        "data 5mb_left",
        "voice used_up",
        "data used_up",
        "cap half",
        "cap near",
        "sms four_fifths",
        "cap reached",
    ];
    let told = world.told(one).await;
    assert_eq!(told.iter().collect::<std::collections::BTreeSet<_>>().len(), told.len());
    let mut sorted = [told, Vec::new()].concat();
    let mut expected = expected.map(str::to_owned);
    sorted.sort();
    expected.sort();
    assert_eq!(sorted, expected);
    // What is there anew is told of anew: a pack, and another cap.
    world.subscribe(one, PACK, "2026-11-18T00:00:00+08:00").await;
    world.ingest(one, &[november("k", 1024)]).await;
    let mut conn = world.db.app.acquire().await.unwrap();
    let yes = world.agree_to_cap(one, "2.50").await;
    raise_cap(&mut conn, one, yuan("2.50"), yes, &By::subscriber("web"), now()).await.unwrap();
    drop(conn);
    world.ingest(one, &[november("l", 1), november("m", 60)]).await;
    let told = world.told(one).await;
    assert_eq!(told[9..], ["data used_up", "cap reached"]);
    world.db.drop().await;
}

#[tokio::test]
async fn a_cap_that_is_near_once_it_is_lowered_is_told_of() {
    let world = World::new().await;
    let one = world.subscriber(1, "600").await;
    world.subscribe(one, PLAN, "2026-11-01T00:00:00+08:00").await;
    world.ingest(one, &[november("a", 1024 + 50)]).await;
    let before = world.told(one).await.len();
    for (cap, told) in [("100", &[][..]), ("1.80", &["cap near"]), ("1.50", &["cap near", "cap reached"])] {
        let mut tx = world.db.app.begin().await.unwrap();
        lower_cap(&mut tx, one, yuan(cap), &By::subscriber("web"), now()).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(world.told(one).await[before..], *told, "{cap}");
    }
    world.db.drop().await;
}

#[tokio::test]
async fn directed_data_is_told_of_apart_and_months_that_are_over_not_at_all() {
    let world = World::new().await;
    let one = world.subscriber(1, "600").await;
    world.subscribe(one, PLAN, "2026-10-01T00:00:00+08:00").await;
    world.subscribe(one, DIRECTED, "2026-10-01T00:00:00+08:00").await;
    world.ingest(one, &[data("october", "2026-10-20", 3000)]).await;
    assert!(world.told(one).await.is_empty());
    world.ingest(one, &[directed("a", "2026-11-19", 499)]).await;
    assert_eq!(world.told(one).await, ["data1000 5mb_left"]);
    let body: String = sqlx::query_scalar("select body from notice where subscriber_id = $1")
        .bind(one)
        .fetch_one(&world.db.app)
        .await
        .unwrap();
    assert_eq!(body, "【明白】本月定向流量只剩1MB。用完后改用通用流量。");
    world.db.drop().await;
}

#[tokio::test]
async fn charges_far_above_the_months_before_are_told_once() {
    let world = World::new().await;
    let one = world.subscriber(1, "600").await;
    world.subscribe(one, PLAN, "2026-08-01T00:00:00+08:00").await;
    // 6 yuan of calls beyond the plan in October, and nothing in the two months before: 2 on average.
    world.ingest(one, &[other("october", "2026-10-20", Service::Voice, 50 * 60)]).await;
    let clock = charging::clock::ManualClock::new(at("2026-11-01T01:00:00+08:00"));
    for name in ["2026-08", "2026-09", "2026-10"] {
        charging::bill::run::run(&world.db.app, month(name), &clock, |_| ()).await.unwrap();
    }
    let call = |id: &str, minutes: u64| other(id, "2026-11-19", Service::Voice, minutes * 60);
    world.ingest(one, &[call("a", 76)]).await;
    let high = |told: Vec<String>| told.iter().filter(|kind| *kind == "high_charge").count();
    assert_eq!(high(world.told(one).await), 0, "9.90 yuan");
    world.ingest(one, &[call("b", 1)]).await;
    assert_eq!(high(world.told(one).await), 1, "10.05 yuan are more than five times 2");
    world.ingest(one, &[call("c", 100)]).await;
    assert_eq!(high(world.told(one).await), 1);
    world.db.drop().await;
}
