use std::time::Duration;

use charging::bill::run::{RunError, run};
use charging::bill::{export, store};
use charging::clock::{Clock, ManualClock};
use charging::ledger::ChargeKind;
use charging::ledger::store::balances;
use rust_decimal::Decimal;

use crate::world::{World, at, month, msisdn, november, yuan};

/// What holds whatever happened: totals are sums, the receivable is what was billed, every due charge is billed once.
async fn assert_books(world: &World, bills: i64) {
    let broken: i64 = sqlx::query_scalar(
        "select count(*) from bill b where total <> (
             select coalesce(sum(amount), 0) from bill_line l where l.subscriber_id = b.subscriber_id and l.month = b.month)",
    )
    .fetch_one(&world.db.app)
    .await
    .unwrap();
    assert_eq!(broken, 0, "a total is not the sum of its lines");
    let broken: i64 = sqlx::query_scalar(
        "select count(*) from (
             select subscriber_id, sum(total) as billed from bill group by subscriber_id) b
         where billed <> (
             select coalesce(sum(case 'receivable' when debit_account then amount when credit_account then -amount else 0
                 end), 0) from transfer t where t.subscriber_id = b.subscriber_id)",
    )
    .fetch_one(&world.db.app)
    .await
    .unwrap();
    assert_eq!(broken, 0, "a receivable is not what was billed");
    let counted: (i64, i64, i64) = sqlx::query_as(
        "select (select count(*) from bill), (select count(*) from charge), (select count(*) from bill_line_charge)",
    )
    .fetch_one(&world.db.app)
    .await
    .unwrap();
    assert_eq!(counted.0, bills);
    assert_eq!(counted.1, counted.2, "a charge is not billed");
}

#[tokio::test]
async fn a_month_is_closed_once() {
    let world = World::new().await;
    let one = world.subscriber(1, "2026-10-22", true).await;
    let two = world.subscriber(2, "2026-09-01", false).await;
    world.take(r#"{"msisdn":"13800000003","name":"新","region":"北京","subscriptions":[]}"#).await.unwrap();
    world.overage(two, ChargeKind::DataOverage, "d1", "2026-10-03T08:15:00+08:00", 1500, "0.000666").await;
    world.overage(two, ChargeKind::DataOverage, "d2", "2026-10-03T08:16:00+08:00", 500, "0").await;
    world.overage(two, ChargeKind::VoiceOverage, "v1", "2026-10-31T23:59:59+08:00", 3, "0.45").await;

    let early = ManualClock::new(at("2026-10-31T15:59:59Z"));
    assert!(matches!(run(&world.db.app, month("2026-10"), &early, |_| ()).await, Err(RunError::NotOver { .. })));
    let first = run(&world.db.app, month("2026-10"), &november(), |_| ()).await.unwrap();
    assert_eq!((first.bills, first.already), (2, 0), "the third came in November");
    assert_eq!(first.total.to_string(), "98.48");
    assert_books(&world, 2).await;
    let again = run(&world.db.app, month("2026-10"), &november(), |_| ()).await.unwrap();
    assert_eq!((again.bills, again.already, again.total), (0, 2, Decimal::ZERO));
    assert_books(&world, 2).await;

    let mut conn = world.db.app.acquire().await.unwrap();
    let bill = store::bill(&mut conn, one, month("2026-10")).await.unwrap().unwrap();
    let lines: Vec<_> = bill.lines.iter().map(|l| (l.kind.as_str(), l.exact.normalize().to_string())).collect();
    let expected = [("recurring", "19.032258"), ("recurring", "10"), ("one_off", "10")];
    assert_eq!(lines, expected.map(|(kind, exact)| (kind, exact.to_owned())));
    let books = balances(&mut conn, one).await.unwrap();
    assert_eq!(books["receivable"], bill.total);
    assert_eq!(books["rounding"], yuan("0.002258"), "39.032258 is billed as 39.03");
    assert_eq!(books.values().sum::<Decimal>(), Decimal::ZERO);
    let history = store::history(&mut conn, two, 24).await.unwrap();
    assert_eq!(history.iter().map(|b| b.total.to_string()).collect::<Vec<_>>(), ["59.45"]);
    let told: Vec<String> = sqlx::query_scalar("select body from notice where subscriber_id = $1")
        .bind(two)
        .fetch_all(&mut *conn)
        .await
        .unwrap();
    assert_eq!(told.len(), 1);
    assert!(told[0].contains("2026年10月账单：共59.45元"), "{told:?}");
    drop(conn);
    world.db.drop().await;
}

#[tokio::test]
async fn bill_files_have_the_published_shape() {
    let world = World::new().await;
    let two = world.subscriber(2, "2026-08-01", false).await;
    world.subscriber(1, "2026-10-22", false).await;
    world.overage(two, ChargeKind::DataOverage, "d1", "2026-10-03T08:15:00+08:00", 1500, "0.000666").await;
    world.overage(two, ChargeKind::DataOverage, "d2", "2026-10-03T08:16:00+08:00", 500, "0").await;
    world.overage(two, ChargeKind::VoiceOverage, "v1", "2026-10-31T23:59:59+08:00", 3, "0.45").await;
    run(&world.db.app, month("2026-10"), &november(), |_| ()).await.unwrap();
    let mut conn = world.db.app.acquire().await.unwrap();
    let page = export::page(&mut conn, month("2026-10"), "").await.unwrap();
    let lines: Vec<String> = page.iter().map(|bill| serde_json::to_string(bill).unwrap()).collect();
    let expected = [
        r#"{"msisdn":"13800000001","month":"2026-10","lines":[{"kind":"recurring","scheme_id":"26MB900001","quantity":1,"exact":"19.032258","amount":"19.03"},{"kind":"one_off","scheme_id":"26MB900001","quantity":1,"exact":"10.000000","amount":"10.00"}],"total":"29.03"}"#,
        r#"{"msisdn":"13800000002","month":"2026-10","lines":[{"kind":"recurring","scheme_id":"26MB900001","quantity":1,"exact":"59.000000","amount":"59.00"},{"kind":"data_overage","scheme_id":"26MB900001","quantity":2000,"exact":"0.000666","amount":"0.00"},{"kind":"voice_overage","scheme_id":"26MB900001","quantity":180,"exact":"0.450000","amount":"0.45"}],"total":"59.45"}"#,
    ];
    assert_eq!(lines, expected);
    assert!(export::page(&mut conn, month("2026-10"), &page[1].msisdn).await.unwrap().is_empty());
    drop(conn);
    world.db.drop().await;
}

#[tokio::test]
async fn usage_that_arrives_late_is_on_the_next_bill() {
    let world = World::new().await;
    let one = world.subscriber(1, "2026-08-01", false).await;
    run(&world.db.app, month("2026-09"), &november(), |_| ()).await.unwrap();
    world.overage(one, ChargeKind::VoiceOverage, "v1", "2026-09-30T23:00:00+08:00", 1, "0.15").await;
    world.overage(one, ChargeKind::DataOverage, "d1", "2026-09-30T22:00:00+08:00", 10, "0.000333").await;
    world.overage(one, ChargeKind::VoiceOverage, "v2", "2026-10-01T00:00:00+08:00", 2, "0.30").await;
    world.overage(one, ChargeKind::VoiceOverage, "v3", "2026-11-01T00:00:00+08:00", 2, "0.30").await;
    run(&world.db.app, month("2026-10"), &november(), |_| ()).await.unwrap();
    let mut conn = world.db.app.acquire().await.unwrap();
    let bill = store::bill(&mut conn, one, month("2026-10")).await.unwrap().unwrap();
    let lines: Vec<_> = bill
        .lines
        .iter()
        .map(|l| (l.kind.as_str(), l.charge_month.to_string(), l.quantity, l.amount.to_string()))
        .collect();
    let expected = [
        ("recurring", "2026-10", 1, "59.00"),
        ("voice_overage", "2026-10", 120, "0.30"),
        ("late_usage", "2026-09", 2, "0.15"),
    ];
    assert_eq!(lines, expected.map(|(kind, of, quantity, amount)| (kind, of.to_owned(), quantity, amount.to_owned())));
    drop(conn);
    world.db.drop().await;
}

#[tokio::test]
async fn what_was_stopped_at_once_costs_its_days_and_the_next_charges_are_known() {
    let world = World::new().await;
    let one = world.subscriber(1, "2026-08-01", true).await;
    sqlx::query(
        "update subscription set ends_at = '2026-11-02T10:00:00+08:00', end_reason = 'immediately'
         where subscriber_id = $1 and kind = 'addon'",
    )
    .bind(one)
    .execute(&world.db.app)
    .await
    .unwrap();
    world.overage(one, ChargeKind::VoiceOverage, "v1", "2026-11-02T00:00:00+08:00", 2, "0.30").await;
    let mut conn = world.db.app.acquire().await.unwrap();
    let estimate = store::current_month_estimate(&mut conn, one, november().now()).await.unwrap();
    assert_eq!(estimate.charged, [(ChargeKind::VoiceOverage, yuan("0.30"))]);
    let next: Vec<_> =
        estimate.next.iter().map(|n| (n.tariff_name.as_str(), n.amount.to_string(), n.on.to_string())).collect();
    assert_eq!(
        next,
        [
            ("畅享 59", "59.00".to_owned(), "2026-12-01".to_owned()),
            ("流量加油包", "0.666667".to_owned(), "2026-12-01".to_owned())
        ]
    );
    assert_eq!(estimate.total, yuan("59.966667"));
    let december = ManualClock::new(at("2026-12-01T00:00:00+08:00"));
    let summary = run(&world.db.app, month("2026-11"), &december, |_| ()).await.unwrap();
    assert_eq!(summary.total, yuan("59.97"));
    assert_books(&world, 1).await;
    drop(conn);
    world.db.drop().await;
}

#[tokio::test]
async fn every_line_explains_itself() {
    let world = World::new().await;
    let one = world.subscriber(1, "2026-10-22", true).await;
    world.overage(one, ChargeKind::DataOverage, "d1", "2026-10-23T08:15:00+08:00", 1500, "0.000666").await;
    world.overage(one, ChargeKind::DataOverage, "d2", "2026-10-23T08:16:00+08:00", 500, "0").await;
    world.overage(one, ChargeKind::VoiceOverage, "v1", "2026-10-31T23:59:59+08:00", 3, "0.45").await;
    world.overage(one, ChargeKind::VoiceOverage, "v2", "2026-10-31T23:59:59+08:00", 1, "0.15").await;
    run(&world.db.app, month("2026-10"), &november(), |_| ()).await.unwrap();
    let mut conn = world.db.app.acquire().await.unwrap();
    let mut arithmetic = Vec::new();
    for line_no in 1..=5 {
        let why = store::explain(&mut conn, one, month("2026-10"), line_no).await.unwrap().unwrap();
        let [cause] = why.causes.as_slice() else { panic!("{why:?}") };
        assert_eq!(cause.amount, why.line.exact);
        assert_eq!(cause.consent.evidence.reference.as_deref(), Some("slip 1"));
        assert_eq!(why.tariff.content.name, why.line.tariff_name);
        arithmetic.push(serde_json::to_value(&cause.arithmetic).unwrap());
    }
    assert_eq!(arithmetic[0]["recurring"]["rule"], "first_daily");
    assert_eq!(arithmetic[1]["recurring"]["rule"], "first_full");
    assert_eq!(arithmetic[2]["one_off"]["price"], "10.00");
    assert_eq!(arithmetic[3]["data"]["volume"], 2000);
    assert_eq!(arithmetic[3]["data"]["steps"]["started"]["started"], 2);
    assert_eq!(arithmetic[4]["per_unit"]["units"], 4);
    assert_eq!(arithmetic[4]["per_unit"]["records"], 2);
    assert!(store::explain(&mut conn, one, month("2026-10"), 6).await.unwrap().is_none());
    assert!(store::explain(&mut conn, one, month("2026-09"), 1).await.unwrap().is_none());
    drop(conn);
    world.db.drop().await;
}

#[tokio::test]
async fn runs_at_the_same_time_make_one_bill_each() {
    let world = World::new().await;
    for n in 1..=60 {
        let id = world.subscriber(n, "2026-09-10", n % 2 == 0).await;
        world.overage(id, ChargeKind::VoiceOverage, "v", "2026-10-05T00:00:00+08:00", 1, "0.15").await;
    }
    let (october, clock, pool) = (month("2026-10"), november(), &world.db.app);
    let ignore = |_| ();
    let runs = [run(pool, october, &clock, ignore), run(pool, october, &clock, ignore)];
    let done: Vec<_> = futures::future::join_all(runs).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(done.iter().map(|d| d.bills).sum::<u64>(), 60);
    assert_eq!(done.iter().map(|d| d.bills + d.already).collect::<Vec<_>>(), [60, 60]);
    assert_books(&world, 60).await;
    world.db.drop().await;
}

#[tokio::test]
async fn a_bill_that_is_refused_stops_no_other() {
    let world = World::new().await;
    for n in 1..=20 {
        world.subscriber(n, "2026-09-10", n % 2 == 0).await;
    }
    let too_much = world.subscriber(21, "2026-09-10", false).await;
    for id in ["v1", "v2"] {
        world.overage(too_much, ChargeKind::VoiceOverage, id, "2026-10-05T00:00:00+08:00", 90 << 50, "0.15").await;
    }
    let charged_twice = world.subscriber(22, "2026-09-10", false).await;
    world.monthly_fee(charged_twice, "2026-10").await;
    let first = run(&world.db.app, month("2026-10"), &november(), |_| ()).await.unwrap();
    assert_eq!((first.bills, first.already), (20, 0));
    let refused: Vec<_> = first.refused.iter().map(|(id, reason)| (*id, reason.to_string())).collect();
    let expected = [
        (too_much, "the charges of one bill line are too large to be summed"),
        (charged_twice, "the charges changed again and again while the bill was made"),
    ];
    assert_eq!(refused, expected.map(|(id, reason)| (id, reason.to_owned())));
    let again = run(&world.db.app, month("2026-10"), &november(), |_| ()).await.unwrap();
    assert_eq!((again.bills, again.already, again.refused.len()), (0, 20, 2));
    let rows: i64 = sqlx::query_scalar("select count(*) from bill_line where subscriber_id = any($1)")
        .bind([too_much, charged_twice])
        .fetch_one(&world.db.app)
        .await
        .unwrap();
    assert_eq!(rows, 0);
    world.db.drop().await;
}

#[tokio::test]
async fn two_months_closed_at_the_same_time_bill_late_usage_once() {
    let world = World::new().await;
    for n in 1..=60 {
        let id = world.subscriber(n, "2026-09-10", false).await;
        world.overage(id, ChargeKind::VoiceOverage, "v", "2026-08-31T00:00:00+08:00", 1, "0.15").await;
    }
    let (clock, pool) = (november(), &world.db.app);
    let ignore = |_| ();
    let runs = [run(pool, month("2026-09"), &clock, ignore), run(pool, month("2026-10"), &clock, ignore)];
    let done: Vec<_> = futures::future::join_all(runs).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(done.iter().map(|d| (d.bills, d.refused.len())).collect::<Vec<_>>(), [(60, 0), (60, 0)]);
    assert_books(&world, 120).await;
    world.db.drop().await;
}

#[tokio::test]
async fn a_run_that_was_killed_is_finished_by_the_next() {
    let world = World::new().await;
    for n in 1..=60 {
        let id = world.subscriber(n, "2026-09-10", n % 2 == 0).await;
        world.overage(id, ChargeKind::VoiceOverage, "v", "2026-10-05T00:00:00+08:00", 1, "0.15").await;
    }
    for pause_ms in [1, 2, 4, 8, 12, 16, 24, 32] {
        let pool = world.db.app.clone();
        let task = tokio::spawn(async move { run(&pool, month("2026-10"), &november(), |_| ()).await });
        tokio::time::sleep(Duration::from_millis(pause_ms)).await;
        task.abort();
        drop(task.await);
    }
    let last = run(&world.db.app, month("2026-10"), &november(), |_| ()).await.unwrap();
    assert_eq!(last.bills + last.already, 60);
    assert_books(&world, 60).await;
    let mut conn = world.db.app.acquire().await.unwrap();
    assert_eq!(export::page(&mut conn, month("2026-10"), &msisdn(58)).await.unwrap().len(), 2);
    drop(conn);
    world.db.drop().await;
}
