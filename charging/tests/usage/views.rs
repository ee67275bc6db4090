use charging::bill::run::run;
use charging::clock::ManualClock;
use charging::order::plans::store::plan_choices;
use charging::quantity::{MIB, Service};
use charging::subscriber::store::find;
use charging::usage::store::{daily, month_overview, records, records_of_bill_line, records_of_overage};

use crate::world::{BARE, DIRECTED, PLAN, World, at, data, directed, month, now, other, yuan};

#[tokio::test]
async fn a_month_is_seen_as_it_is() {
    let world = World::new().await;
    let one = world.subscriber(1, "50").await;
    let plan = world.subscribe(one, PLAN, "2026-10-01T00:00:00+08:00").await;
    let video = world.subscribe(one, DIRECTED, "2026-11-10T00:00:00+08:00").await;
    world.ingest(one, &[data("october", "2026-10-05", 24)]).await;
    let mut conn = world.db.app.acquire().await.unwrap();
    let before = month_overview(&mut conn, one, month("2026-11"), now()).await.unwrap();
    let seen: Vec<_> = before
        .allowances
        .iter()
        .filter(|allowance| allowance.service == Service::Data)
        .map(|a| (a.subscription_id, a.granted_for.to_string(), a.available / MIB, a.used, a.left / MIB))
        .collect();
    let mine = |of: &str| (plan, of.to_owned(), 1000 + 24 * u64::from(of == "2026-11"), 0);
    let [(p, rolled, available, used), (_, own, full, _)] = [mine("2026-10"), mine("2026-11")];
    let expected = [
        (video, "2026-11".to_owned(), 500, 0, 500),
        (p, rolled, available, used, available),
        (p, own, full, used, full),
    ];
    assert_eq!(seen, expected, "the directed one first, then what rolled over");
    assert_eq!(
        (before.cap.cap, before.cap.left, before.cap.bytes_left),
        (yuan("50"), yuan("50"), Some((16 << 30) + (66 << 20)))
    );

    let usage = [
        directed("a", "2026-11-12", 100),
        data("b", "2026-11-12", 1000 + 1024 + 10),
        other("c", "2026-11-13", Service::Voice, 61),
        data("d", "2026-11-13", 1),
    ];
    world.ingest(one, &usage).await;
    let after = month_overview(&mut conn, one, month("2026-11"), now()).await.unwrap();
    let services: Vec<_> = after.services.iter().map(|s| (s.service, s.used, s.left, s.overage, s.cost)).collect();
    let expected = [
        (Service::Data, (100 + 2024) * MIB, 400 * MIB, 11 * MIB, yuan("0.33")),
        (Service::Voice, 2, 8, 0, yuan("0")),
        (Service::Sms, 0, 5, 0, yuan("0")),
    ];
    assert_eq!(services, expected);
    let later = month_overview(&mut conn, one, month("2026-11"), at("2026-12-02T00:00:00+08:00")).await.unwrap();
    assert_eq!(later.services, after.services, "a month that is over stays as it was");

    let days = daily(&mut conn, one, month("2026-11")).await.unwrap();
    let days: Vec<_> = days.iter().map(|d| (d.day.to_string(), d.service, d.quantity, d.beyond)).collect();
    let expected = [
        ("2026-11-12".to_owned(), Service::Data, 2134 * MIB, 10 * MIB),
        ("2026-11-13".to_owned(), Service::Data, MIB, MIB),
        ("2026-11-13".to_owned(), Service::Voice, 2, 0),
    ];
    assert_eq!(days, expected);
    drop(conn);
    world.db.drop().await;
}

#[tokio::test]
async fn every_amount_leads_to_its_records() {
    let world = World::new().await;
    let one = world.subscriber(1, "50").await;
    world.subscribe(one, PLAN, "2026-08-01T00:00:00+08:00").await;
    let usage: Vec<_> = (0..5).map(|n| data(&format!("r{n}"), &format!("2026-10-0{}", n + 1), 700)).collect();
    world.ingest(one, &usage).await;
    let mut conn = world.db.app.acquire().await.unwrap();
    let page = records(&mut conn, one, month("2026-10"), Some(Service::Data), 2, 2).await.unwrap();
    let ids: Vec<_> = page.records.iter().map(|record| record.id.as_str()).collect();
    assert_eq!((ids, page.total), (vec!["r2", "r3"], 5));
    let split: Vec<_> =
        page.records[0].split.iter().map(|part| (part.tariff_name.as_str(), part.quantity / MIB)).collect();
    assert_eq!(split, [("畅享 59", 648)]);
    let calls = records(&mut conn, one, month("2026-10"), Some(Service::Voice), 1, 100).await.unwrap();
    assert!(calls.records.is_empty());

    let scheme = PLAN.parse().unwrap();
    let open = records_of_overage(&mut conn, one, month("2026-10"), Service::Data, &scheme, 1, 1, 100).await.unwrap();
    let behind: Vec<_> = open.records.iter().map(|r| (r.id.as_str(), r.overage / MIB, r.cost)).collect();
    let expected = [("r2", 52, yuan("1.56")), ("r3", 700, yuan("1.44")), ("r4", 700, yuan("3"))];
    assert_eq!(behind, expected);
    let clock = ManualClock::new(now());
    run(&world.db.app, month("2026-10"), &clock, |_| ()).await.unwrap();
    let line: i32 =
        sqlx::query_scalar("select line_no from bill_line where subscriber_id = $1 and kind = 'data_overage'")
            .bind(one)
            .fetch_one(&world.db.app)
            .await
            .unwrap();
    world.try_ingest(one, &[data("late", "2026-10-09", 1)], at("2026-11-25T00:00:00+08:00")).await.unwrap();
    let billed = records_of_bill_line(&mut conn, one, month("2026-10"), line, 1, 100).await.unwrap();
    assert_eq!(billed.records, open.records);
    drop(conn);
    world.db.drop().await;
}

#[tokio::test]
async fn plans_are_tried_on_what_add_ons_left_to_them() {
    let world = World::new().await;
    let one = world.subscriber(1, "3").await;
    world.subscribe(one, PLAN, "2026-06-01T00:00:00+08:00").await;
    world.subscribe(one, DIRECTED, "2026-06-01T00:00:00+08:00").await;
    let usage = [
        directed("a", "2026-09-02", 500),
        data("b", "2026-09-03", 90),
        other("c", "2026-09-04", Service::Sms, 7),
        data("d", "2026-10-03", 2 * 1024 + 200),
        other("e", "2026-10-04", Service::Voice, 61),
        data("present", "2026-11-03", 5000),
    ];
    world.ingest(one, &usage).await;
    let mut conn = world.db.app.acquire().await.unwrap();
    let subscriber = find(&mut conn, one).await.unwrap().unwrap();
    let found = plan_choices(&mut conn, &subscriber, now()).await.unwrap();
    let seen: Vec<_> = found
        .choices
        .iter()
        .map(|choice| {
            let months: Vec<_> = choice.months.iter().map(|month| (month.month.to_string(), month.beyond)).collect();
            (
                choice.tariff.content.scheme_id.to_string(),
                choice.is_present,
                choice.average(),
                months,
                choice.short_of(),
            )
        })
        .collect();
    let months = |september: &str, october: &str| {
        vec![("2026-09".to_owned(), yuan(september)), ("2026-10".to_owned(), yuan(october))]
    };
    let expected = [
        (BARE.to_owned(), false, yuan("19"), months("0", "0"), Service::ALL.to_vec()),
        (PLAN.to_owned(), true, yuan("60.60"), months("0.20", "3"), vec![Service::Data]),
    ];
    assert_eq!(seen, expected, "500 MB were the add-on's, and data stops at the cap of 3 yuan");
    assert_eq!((found.on_sale, found.cap), (2, yuan("3")));
    drop(conn);
    world.db.drop().await;
}
