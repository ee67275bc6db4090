use charging::subscriber::import_store::Outcome;

use crate::world::{ADDON, PLAN, SHELF, World};

fn line(subscriptions: &str) -> String {
    format!(
        r#"{{"msisdn":"13800000001","name":"王芳","region":"北京","cap":"50.00","subscriptions":[{subscriptions}]}}"#
    )
}

fn brought(scheme_id: &str, since: &str, reference: &str, agreed_on: &str) -> String {
    format!(
        r#"{{"scheme_id":"{scheme_id}","since":"{since}","consent":{{"method":"sms_code","reference":"{reference}",
        "agreed_at":"{agreed_on}T10:00:00+08:00"}}}}"#
    )
}

#[tokio::test]
async fn a_line_goes_in_once_and_what_is_new_is_added() {
    let world = World::new().await;
    let plan = brought(PLAN, "2026-09-01", "slip 1", "2026-08-30");
    let addon = brought(ADDON, "2026-10-15", "slip 2", "2026-10-15");
    assert_eq!(world.take(&line(&plan)).await, Ok(Outcome::Accepted));
    assert_eq!(world.take(&line(&plan)).await, Ok(Outcome::Unchanged));
    let november = "select count(*) from month_counter where month = '2026-11-01'";
    let follows = async || -> i64 { sqlx::query_scalar(november).fetch_one(&world.db.app).await.unwrap() };
    assert_eq!(follows().await, 0);
    assert_eq!(world.take(&line(&format!("{plan},{addon}"))).await, Ok(Outcome::Accepted));
    assert_eq!(follows().await, 1, "the month has what a subscriber who was here has now");
    assert_eq!(world.take(&line(&format!("{addon},{plan}"))).await, Ok(Outcome::Unchanged));

    let chain: Vec<(i32, String, String, String)> = sqlx::query_as(
        "select c.seq, c.scheme_id, c.method, convert_from(c.evidence, 'UTF8')::jsonb ->> 'reference'
         from consent c join product_order o on o.subscriber_id = c.subscriber_id and o.consent_seq = c.seq
         join subscription s on s.subscriber_id = o.subscriber_id and s.order_id = o.order_id
         where c.channel_id = 'import' order by c.seq",
    )
    .fetch_all(&world.db.app)
    .await
    .unwrap();
    let expected = [(1, PLAN, "slip 1"), (2, ADDON, "slip 2")];
    assert_eq!(chain, expected.map(|(n, id, slip)| (n, id.into(), "sms_code".into(), slip.into())));
    let since: String = sqlx::query_scalar(
        "select (starts_at at time zone 'Asia/Shanghai')::text from subscription where scheme_id = $1",
    )
    .bind(PLAN)
    .fetch_one(&world.db.app)
    .await
    .unwrap();
    assert_eq!(since, "2026-09-01 00:00:00");
    world.db.drop().await;
}

#[tokio::test]
async fn a_refused_subscription_refuses_the_line_and_leaves_nothing() {
    let world = World::new().await;
    let sound = brought(ADDON, "2026-09-01", "slip 1", "2026-08-30");
    for (subscription, reason) in [
        (brought("26MB999999", "2026-09-01", "s", "2026-08-30"), "there is no such tariff"),
        (brought(SHELF, "2026-09-01", "s", "2026-08-30"), "no machine-readable price"),
        (brought(PLAN, "2026-09-01", "s", "2025-12-31"), "not public when it was agreed to"),
        (brought(PLAN, "2026-09-01", "s", "2026-09-02"), "agreed to after it began"),
        (format!(r#"{{"scheme_id":"{PLAN}","since":"2026-09-01"}}"#), "no consent"),
        (sound.clone(), "it stands twice"),
    ] {
        let refused = world.take(&line(&format!("{sound},{subscription}"))).await.unwrap_err();
        assert!(refused.starts_with("subscription ") && refused.contains(reason), "{refused}");
    }
    let plans =
        [brought(PLAN, "2026-09-01", "s", "2026-08-30"), brought(PLAN, "2026-10-01", "s", "2026-08-30")].join(",");
    let refused = world.take(&line(&plans)).await.unwrap_err();
    assert_eq!(refused, format!("subscription {PLAN} since 2026-10-01: two plans would run at the same time"));
    let left: i64 = sqlx::query_scalar("select count(*) from msisdn").fetch_one(&world.db.app).await.unwrap();
    assert_eq!(left, 0);
    world.db.drop().await;
}

#[tokio::test]
async fn a_number_that_is_here_stays_whose_it_is() {
    let world = World::new().await;
    let plan = brought(PLAN, "2026-09-01", "slip 1", "2026-08-30");
    world.take(&line(&plan)).await.unwrap();
    let known = line(&plan);
    for (from, to, reason) in [
        ("王芳", "李雷", "another name"),
        ("北京", "上海", "another region"),
        ("50.00", "60.00", "another cap"),
        ("slip 1", "slip 9", "here already, with another consent"),
    ] {
        let refused = world.take(&known.replace(from, to)).await.unwrap_err();
        assert!(refused.contains(reason), "{refused}");
    }
    assert_eq!(world.take(&known.replace(r#","cap":"50.00""#, "")).await, Ok(Outcome::Unchanged));
    world.db.drop().await;
}
