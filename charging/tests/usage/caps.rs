use charging::actor::By;
use charging::usage::UsageRecord;
use charging::usage::store::{
    Ingested, UsageError, current_cap, lower_cap, month_overview, raise_cap, what_each_tier_would_have_meant,
};
use chrono::NaiveDate;
use futures::future::join_all;
use rust_decimal::Decimal;

use crate::world::{PACK, PLAN, World, data, month, now, yuan};

fn november(id: &str, megabytes: u64) -> UsageRecord {
    data(id, "2026-11-05", megabytes)
}

#[tokio::test]
async fn the_cap_holds_when_many_report_at_once() {
    let world = World::new().await;
    let one = world.subscriber(1, "7.50").await;
    let plan = world.subscribe(one, PLAN, "2026-11-01T00:00:00+08:00").await;
    let pack = world.subscribe(one, PACK, "2026-11-03T00:00:00+08:00").await;
    let batches: Vec<Vec<UsageRecord>> = (0..24)
        .map(|batch| {
            // The last record of a batch is the first of the next: each counts once.
            (0..6).map(|n| data(&format!("{}", batch * 5 + n), "2026-11-05", 50)).collect()
        })
        .collect();
    let outcomes = join_all(batches.iter().map(|records| world.try_ingest(one, records, now()))).await;
    let accepted =
        outcomes.into_iter().flat_map(Result::unwrap).filter(|outcome| *outcome == Ingested::Accepted).count();
    assert_eq!(accepted, 24 * 5 + 1);
    // 6,050 MB less 2,048 included are 4,002; the cap pays for two GB at 3 yuan and 50 MB at 0.03.
    assert_eq!(world.charged(one, "data_overage", "2026-11").await, yuan("7.50"));
    assert_eq!(world.used_megabytes(plan, "2026-11").await + world.used_megabytes(pack, "2026-11").await, 2048);
    let volume: (i64, i64, Decimal) =
        sqlx::query_as("select volume_bytes, absorbed_bytes, charged from overage_volume where subscriber_id = $1")
            .bind(one)
            .fetch_one(&world.db.app)
            .await
            .unwrap();
    assert_eq!(volume, (4002 << 20, (4002 - 2098) << 20, yuan("7.50")));
    world.db.drop().await;
}

#[tokio::test]
async fn the_cap_is_lowered_to_no_less_than_what_is_charged_and_raised_with_consent() {
    let world = World::new().await;
    let one = world.subscriber(1, "50").await;
    let two = world.subscriber(2, "50").await;
    world.subscribe(one, PLAN, "2026-11-01T00:00:00+08:00").await;
    world.ingest(one, &[november("a", 1024 + 100)]).await;
    let mut conn = world.db.app.acquire().await.unwrap();
    let below = lower_cap(&mut conn, one, yuan("2.99"), &By::subscriber("web"), now()).await;
    assert!(matches!(below, Err(UsageError::CapBelowSpent { spent }) if spent == yuan("3")));
    assert!(matches!(
        lower_cap(&mut conn, one, yuan("50"), &By::subscriber("web"), now()).await,
        Err(UsageError::CapNotLower { .. })
    ));
    let lowered = lower_cap(&mut conn, one, yuan("3"), &By::subscriber("web"), now()).await.unwrap();
    assert_eq!((lowered.seq, current_cap(&mut conn, one).await.unwrap().unwrap()), (1, lowered.clone()));
    world.ingest(one, &[november("b", 1000)]).await;
    assert_eq!(world.rating(one, "b").await, (0, 924 << 20, 76 << 20, Decimal::ZERO), "to the end of the GB");

    let yes = world.agree_to_cap(one, "20").await;
    let others = world.agree_to_cap(two, "30").await;
    assert!(matches!(
        raise_cap(&mut conn, one, yuan("30"), others, &By::subscriber("web"), now()).await,
        Err(UsageError::NoConsent)
    ));
    assert!(matches!(
        raise_cap(&mut conn, one, yuan("21"), yes, &By::subscriber("web"), now()).await,
        Err(UsageError::NoConsent)
    ));
    raise_cap(&mut conn, one, yuan("20"), yes, &By::subscriber("web"), now()).await.unwrap();
    lower_cap(&mut conn, one, yuan("10"), &By::subscriber("web"), now()).await.unwrap();
    let spent = raise_cap(&mut conn, one, yuan("20"), yes, &By::subscriber("web"), now()).await;
    assert!(matches!(spent, Err(UsageError::ConsentSpent)));
    // What was absorbed under the old cap is not charged under the new one.
    world.ingest(one, &[november("c", 1)]).await;
    assert_eq!(world.rating(one, "c").await, (0, 1 << 20, 0, yuan("0.03")));
    let overview = month_overview(&mut conn, one, month("2026-11"), now()).await.unwrap();
    assert_eq!((overview.cap.cap, overview.cap.charged, overview.cap.left), (yuan("10"), yuan("3.03"), yuan("6.97")));
    drop(conn);
    world.db.drop().await;
}

#[tokio::test]
async fn plain_sql_cannot_pass_the_cap() {
    let world = World::new().await;
    let one = world.subscriber(1, "1").await;
    world.subscribe(one, PLAN, "2026-11-01T00:00:00+08:00").await;
    world.ingest(one, &[november("a", 2000)]).await;
    for (sql, constraint) in [
        ("update month_counter set overage_charged = overage_charged + 0.02", "month_counter_cap_holds"),
        ("update month_counter set overage_reserved = 0.02", "month_counter_cap_holds"),
        ("update month_counter set overage_cap = 600", "month_counter_cap_chosen"),
        (
            "insert into cap_choice (subscriber_id, seq, cap, previous_seq, previous_cap, channel_id, actor, chosen_at)
            select subscriber_id, 1, 600, 0, 1, 'web', 'subscriber', now() from cap_choice",
            "cap_choice_raise_needs_consent",
        ),
        ("update allowance set used = granted + 1", "allowance_not_exceeded"),
    ] {
        let refused = sqlx::query(sql).execute(&world.db.app).await.unwrap_err();
        assert_eq!(refused.as_database_error().and_then(|e| e.constraint()), Some(constraint), "{sql}");
    }
    world.db.drop().await;
}

#[tokio::test]
async fn late_usage_keeps_the_cap_that_held_in_its_month() {
    let world = World::new().await;
    let one = world.subscriber(1, "1.50").await;
    world.subscribe(one, PLAN, "2026-10-01T00:00:00+08:00").await;
    let mut conn = world.db.app.acquire().await.unwrap();
    let yes = world.agree_to_cap(one, "600").await;
    raise_cap(&mut conn, one, yuan("600"), yes, &By::subscriber("web"), now()).await.unwrap();
    world.ingest(one, &[data("october", "2026-10-05", 2048), november("november", 2048)]).await;
    assert_eq!(world.charged(one, "data_overage", "2026-10").await, yuan("1.50"));
    assert_eq!(world.charged(one, "data_overage", "2026-11").await, yuan("3"));
    drop(conn);
    world.db.drop().await;
}

#[tokio::test]
async fn each_tier_tells_what_last_month_would_have_been() {
    let world = World::new().await;
    let one = world.subscriber(1, "20").await;
    world.subscribe(one, PLAN, "2026-10-01T00:00:00+08:00").await;
    let days = [data("a", "2026-10-10", 1024 + 50), data("b", "2026-10-20", 3 * 1024), data("c", "2026-10-30", 1024)];
    world.ingest(one, &days).await;
    let mut conn = world.db.app.acquire().await.unwrap();
    let tiers = what_each_tier_would_have_meant(&mut conn, one, month("2026-10")).await.unwrap();
    let told: Vec<_> = tiers.iter().map(|tier| (tier.cap, tier.charged, tier.stopped_on)).collect();
    let on = |day| NaiveDate::from_ymd_opt(2026, 10, day);
    let lasted = yuan("13.50");
    assert_eq!(told[0], (yuan("0"), yuan("0"), on(10)));
    assert_eq!(told[1], (yuan("10"), yuan("9.99"), on(20)));
    assert_eq!(told[2..], [20, 50, 100, 200, 600].map(|cap: i64| (cap.into(), lasted, None)));
    drop(conn);
    world.db.drop().await;
}
