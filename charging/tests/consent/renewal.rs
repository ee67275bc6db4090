//! What renews itself is told five days ahead.

use charging::audit::audit;
use charging::order::renewal::{month_ahead, tell};

use crate::world::{ADDON, PACK, PLAN, World, at, now};

#[tokio::test]
async fn what_renews_is_told_once_and_together() {
    let world = World::new().await;
    let (a, b, c) = (world.subscriber(1).await, world.subscriber(2).await, world.subscriber(3).await);
    let september = at("2026-09-01T00:00:00+08:00");
    for scheme in [PLAN, ADDON, PACK] {
        world.has(a, scheme, september).await;
    }
    world.has(b, PLAN, september).await;
    world.has(b, ADDON, now()).await;
    let ending = world.has(c, PACK, september).await.subscription_id;
    sqlx::query("update subscription set ends_at = $2, end_reason = 'month_end' where subscription_id = $1")
        .bind(ending)
        .bind(at("2026-11-01T00:00:00+08:00"))
        .execute(&world.db.app)
        .await
        .unwrap();
    let day = at("2026-10-26T09:00:00+08:00");
    let month = month_ahead(day).unwrap();
    let mut conn = world.db.app.acquire().await.unwrap();
    let last = tell(&mut conn, month, i64::MIN, 1, day).await.unwrap();
    assert_eq!(last, Some(a));
    assert_eq!(
        tell(&mut conn, month, a, 1, day).await.unwrap(),
        None,
        "plans, first months and what ends renew nothing"
    );
    assert_eq!(tell(&mut conn, month, i64::MIN, 10, day).await.unwrap(), None, "once");
    assert_eq!(
        world.sms(a).await,
        [(
            "renewal".to_owned(),
            "【明白】2026年11月1日起自动续订：“视频包”等2项业务，每月共30.00元。不想续请在此之前发0000，回复编号退订；要续不必回复。"
                .to_owned()
        )]
    );
    drop(conn);
    world.db.drop().await;
}

#[tokio::test]
async fn the_audit_counts_renewals_that_were_not_told() {
    let world = World::new().await;
    let (a, b) = (world.subscriber(1).await, world.subscriber(2).await);
    for (subscriber_id, scheme_id) in [(a, ADDON), (a, PLAN), (b, PACK)] {
        world.has(subscriber_id, scheme_id, at("2026-08-05T00:00:00+08:00")).await;
    }
    let day = at("2026-09-26T09:00:00+08:00");
    world.remind(day).await;
    let mut conn = world.db.app.acquire().await.unwrap();
    tell(&mut conn, month_ahead(day).unwrap(), a, 10, day).await.unwrap();
    drop(conn);
    world.send_all(day).await;
    for month in ["2026-08", "2026-09", "2026-10"] {
        world.close(month.parse().unwrap(), at("2026-11-02T00:00:00+08:00")).await;
    }
    let report = audit(&world.db.app, None, || ()).await.unwrap();
    assert_eq!((report.differences, report.untold_renewals), (0, 1), "{:?}", report.described);
    world.db.drop().await;
}
