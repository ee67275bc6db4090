//! The board of what is on sale, plans to take some of it off sale, and what is found in the published texts.

#[expect(dead_code, reason = "the world of other tests too")]
#[path = "consent/world.rs"]
mod world;

use std::net::{IpAddr, Ipv4Addr};

use charging::notice::store::for_subscriber;
use charging::staff::trail::{Filter as TrailFilter, entries};
use charging::staff::{Actor, Member, Role};
use charging::tariff::board::store::board;
use charging::tariff::clarity::store::{Filter, findings, read_again, survey};
use charging::tariff::clarity::{Element, Rule};
use charging::tariff::store::{Publication, find as newest, plans_beside, publish, withdrawn_at};
use charging::tariff::withdrawal::{State, WithdrawalError, approve, ask, find, list, refuse, take_back, tell};
use charging::tariff::{Kind, SchemeId, TariffContent};
use chrono::{DateTime, TimeDelta, Utc};
use rust_decimal::Decimal;
use sqlx::PgConnection;

use crate::world::{ADDON, LOOSE_PLAN, OTHER_PLAN, PACK, PLAN, World, at, now, tariff};

async fn person(conn: &mut PgConnection, login: &str, role: Role) -> Actor {
    let staff_id =
        sqlx::query_scalar("insert into staff (login, name, created_at) values ($1, $1, $2) returning staff_id")
            .bind(login)
            .bind(now())
            .fetch_one(conn)
            .await
            .unwrap();
    let member = Member { staff_id, login: login.parse().unwrap(), name: login.to_owned(), roles: vec![role] };
    Actor::Member { member, address: IpAddr::V4(Ipv4Addr::LOCALHOST) }
}

fn ids(scheme_ids: &[&str]) -> Vec<SchemeId> {
    scheme_ids.iter().map(|id| id.parse().unwrap()).collect()
}

fn november() -> DateTime<Utc> {
    at("2026-11-01T00:00:00+08:00")
}

#[tokio::test]
async fn the_board_shows_who_has_what() {
    let world = World::new().await;
    for n in 1..=3 {
        let subscriber = world.subscriber(n).await;
        world.has(subscriber, PLAN, at("2026-09-01T00:00:00+08:00")).await;
    }
    let fourth = world.subscriber(4).await;
    let since = now() - TimeDelta::days(2);
    world.has(fourth, LOOSE_PLAN, since).await;
    world.has(fourth, ADDON, since).await;
    let mut conn = world.db.app.acquire().await.unwrap();
    let board = board(&mut conn, now()).await.unwrap();
    let first: Vec<(&str, u64, u64, Decimal)> = board
        .iter()
        .take(3)
        .map(|on_sale| {
            (on_sale.tariff.content.scheme_id.as_str(), on_sale.subscribers, on_sale.joined, on_sale.monthly)
        })
        .collect();
    let yuan = |amount: i64| Decimal::new(amount * 100, 2);
    assert_eq!(first, [(PLAN, 3, 0, yuan(177)), (LOOSE_PLAN, 1, 1, yuan(30)), (ADDON, 1, 1, yuan(10))]);
    assert!(board.iter().all(|on_sale| on_sale.tariff.content.name != "春季包"), "what is off sale is not there");
    drop(conn);
    world.db.drop().await;
}

#[tokio::test]
async fn what_two_decided_is_off_sale_at_its_time_and_told_once() {
    let world = World::new().await;
    let mut has_it = Vec::new();
    for n in 1..=5 {
        let subscriber = world.subscriber(n).await;
        world.has(subscriber, PLAN, at("2026-09-01T00:00:00+08:00")).await;
        has_it.push(subscriber);
    }
    let mut conn = world.db.app.acquire().await.unwrap();
    let manager = person(&mut conn, "manager", Role::TariffManager).await;
    let approver = person(&mut conn, "approver", Role::TariffApprover).await;
    let plan = ask(&mut conn, &manager, &ids(&[PLAN]), (november(), " 太多了 "), now()).await.unwrap();
    let twice = ask(&mut conn, &manager, &ids(&[PLAN]), (november(), "太多了"), now()).await;
    assert!(matches!(twice, Err(WithdrawalError::Planned(_))), "{twice:?}");
    let shown = find(&mut conn, plan).await.unwrap().unwrap();
    assert_eq!((shown.reason.as_str(), shown.lines[0].subscribers), ("太多了", 5));
    let other = shown.lines[0].instead.as_ref().unwrap();
    assert_eq!(other.scheme_id.as_str(), LOOSE_PLAN, "the nearest in price of what is left");
    assert_eq!(shown.lines[0].difference(), Some(Decimal::new(-2900, 2)));
    assert!(!tell(&mut conn, 2, november()).await.unwrap(), "nothing is told of what nobody approved");
    approve(&mut conn, &approver, plan, now()).await.unwrap();
    let dearer = r#"{"recurring":{"price":"95.00","first_month":"full"},"cancel_effective":"immediately"}"#;
    put(&world, tariff(LOOSE_PLAN, Kind::Plan, "随心 95", Some(dearer))).await;
    let decided = find(&mut conn, plan).await.unwrap().unwrap();
    assert_eq!(decided.lines[0].difference(), Some(Decimal::new(-2900, 2)), "as both saw it");
    let id: SchemeId = PLAN.parse().unwrap();
    assert_eq!(withdrawn_at(&mut conn, &id).await.unwrap(), Some(november()));
    assert!(!tell(&mut conn, 2, now()).await.unwrap(), "nor before its time");
    let mut batches = 0;
    while tell(&mut conn, 2, november()).await.unwrap() {
        batches += 1;
    }
    assert_eq!(batches, 3);
    for subscriber in has_it {
        let notices = for_subscriber(&mut conn, subscriber, None, 100).await.unwrap();
        let told: Vec<_> = notices.iter().filter(|notice| notice.kind == "tariff_withdrawn").collect();
        assert_eq!(told.len(), 1);
        assert!(told[0].body.contains("价格和内容都不变") && told[0].body.contains("随心 30"), "{}", told[0].body);
        assert_eq!(told[0].due_at, at("2026-11-01T08:00:00+08:00"), "not at midnight");
    }
    assert_eq!(find(&mut conn, plan).await.unwrap().unwrap().lines[0].told_at, Some(november()));
    let trail = entries(&mut conn, &TrailFilter::default(), 1).await.unwrap();
    let actions: Vec<&str> = trail.entries.iter().map(|entry| entry.action.as_str()).collect();
    assert_eq!(actions, ["tariff.withdrawal_approved", "tariff.withdrawal_asked"]);
    assert_eq!(trail.entries[0].before.as_ref().unwrap()["state"], "open");
    drop(conn);
    world.db.drop().await;
}

#[tokio::test]
async fn nobody_decides_alone_or_twice() {
    let world = World::new().await;
    let mut conn = world.db.app.acquire().await.unwrap();
    let manager = person(&mut conn, "manager", Role::TariffManager).await;
    let approver = person(&mut conn, "approver", Role::TariffApprover).await;
    let Actor::Member { mut member, address } = manager.clone() else { unreachable!() };
    member.roles.push(Role::TariffApprover);
    let both = Actor::Member { member, address };
    let plan = ask(&mut conn, &manager, &ids(&[PACK, ADDON]), (november(), "少一些"), now()).await.unwrap();
    let wrong = [
        approve(&mut conn, &both, plan, now()).await.unwrap_err(),
        refuse(&mut conn, &both, plan, "不", now()).await.unwrap_err(),
        approve(&mut conn, &manager, plan, now()).await.unwrap_err(),
        take_back(&mut conn, &approver, plan, now()).await.unwrap_err(),
        refuse(&mut conn, &approver, plan, " ", now()).await.unwrap_err(),
        approve(&mut conn, &approver, plan, november()).await.unwrap_err(),
        approve(&mut conn, &approver, plan + 1, now()).await.unwrap_err(),
        approve(&mut conn, &Actor::Engineer, plan, now()).await.unwrap_err(),
    ];
    let kinds: Vec<String> = wrong.iter().map(|error| format!("{error:?}").chars().take(18).collect()).collect();
    assert_eq!(
        kinds,
        ["Own", "Own", "Staff(Forbidden(Ap", "Staff(Forbidden(Dr", "Reason", "Time", "NotFound", "Staff(Forbidden(Ap"]
    );
    refuse(&mut conn, &approver, plan, "再等等", now()).await.unwrap();
    let again = approve(&mut conn, &approver, plan, now()).await;
    assert!(matches!(again, Err(WithdrawalError::Decided)), "{again:?}");
    let plan = ask(&mut conn, &manager, &ids(&[PACK]), (november(), "少一些"), now()).await.unwrap();
    take_back(&mut conn, &manager, plan, now()).await.unwrap();
    let states: Vec<State> = list(&mut conn).await.unwrap().iter().map(|plan| plan.state).collect();
    assert_eq!(states, [State::TakenBack, State::Refused]);
    drop(conn);
    world.db.drop().await;
}

#[tokio::test]
async fn what_cannot_be_planned_is_refused() {
    let world = World::new().await;
    let mut conn = world.db.app.acquire().await.unwrap();
    let manager = person(&mut conn, "manager", Role::TariffManager).await;
    let year = now() + TimeDelta::days(367);
    for (chosen, time, reason, expected) in [
        (&[][..], november(), "少", "Tariffs"),
        (&["26MB900007"][..], november(), "少", "NotOnSale"),
        (&[PLAN][..], now(), "少", "Time"),
        (&[PLAN][..], year, "少", "Time"),
        (&[PLAN][..], november(), "  ", "Reason"),
        (&[PLAN][..], november(), &"少".repeat(501), "Reason"),
    ] {
        let refused = ask(&mut conn, &manager, &ids(chosen), (time, reason), now()).await.unwrap_err();
        assert!(format!("{refused:?}").starts_with(expected), "{refused:?}");
    }
    let all: Vec<SchemeId> = (0..101).map(|n| format!("26MB{n:06}").parse().unwrap()).collect();
    let refused = ask(&mut conn, &manager, &all, (november(), "少"), now()).await;
    assert!(matches!(refused, Err(WithdrawalError::Tariffs)));
    drop(conn);
    world.db.drop().await;
}

#[tokio::test]
async fn what_an_incident_stopped_is_neither_on_the_board_nor_recommended() {
    let world = World::new().await;
    let subscriber = world.subscriber(1).await;
    world.has(subscriber, PLAN, at("2026-09-01T00:00:00+08:00")).await;
    let mut conn = world.db.app.acquire().await.unwrap();
    let manager = person(&mut conn, "manager", Role::TariffManager).await;
    let approver = person(&mut conn, "approver", Role::TariffApprover).await;
    let plan = ask(&mut conn, &manager, &ids(&[PLAN]), (november(), "太多了"), now()).await.unwrap();
    approve(&mut conn, &approver, plan, now()).await.unwrap();
    let content = newest(&mut conn, &PLAN.parse().unwrap()).await.unwrap().unwrap().content;
    let sold = async |conn: &mut PgConnection| {
        let board = board(conn, now()).await.unwrap();
        let beside = plans_beside(conn, &content, 10, now()).await.unwrap();
        let is_it = |content: &TariffContent| content.scheme_id.as_str() == LOOSE_PLAN;
        [board.iter().any(|on_sale| is_it(&on_sale.tariff.content)), beside.iter().any(|plan| is_it(&plan.content))]
    };
    assert_eq!(sold(&mut conn).await, [true; 2]);
    let stop = "with incident as (
            insert into incident (title, opened_by, opened_at) select '误扣', min(staff_id), $2 from staff
            returning incident_id, opened_by)
        insert into incident_stop (incident_id, scheme_id, stopped_by, stopped_at)
        select incident_id, $1, opened_by, $2 from incident";
    sqlx::query(stop).bind(LOOSE_PLAN).bind(now()).execute(&mut *conn).await.unwrap();
    assert_eq!(sold(&mut conn).await, [false; 2]);
    while tell(&mut conn, 2, november()).await.unwrap() {}
    let notices = for_subscriber(&mut conn, subscriber, None, 100).await.unwrap();
    let told = notices.iter().find(|notice| notice.kind == "tariff_withdrawn").unwrap();
    assert!(!told.body.contains("随心 30"), "{}", told.body);
    drop(conn);
    world.db.drop().await;
}

async fn put(world: &World, content: TariffContent) {
    let mut tx = world.db.app.begin().await.unwrap();
    publish(&mut tx, &[Publication::from(content)], at("2026-12-01T00:00:00+08:00")).await.unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn findings_follow_the_version_on_the_shelf() {
    let world = World::new().await;
    let mut conn = world.db.app.acquire().await.unwrap();
    assert_eq!(survey(&mut conn, &Filter::default()).await.unwrap().unread, 10);
    let mut tx = world.db.app.begin().await.unwrap();
    assert_eq!((read_again(&mut tx, 4).await.unwrap(), read_again(&mut tx, 100).await.unwrap()), (4, 6));
    assert_eq!(read_again(&mut tx, 100).await.unwrap(), 0, "each is read once");
    tx.commit().await.unwrap();
    let mut vague = tariff(OTHER_PLAN, Kind::Plan, "畅享 99", None);
    vague.notes = "具体资费以当地营业厅为准。".to_owned();
    put(&world, vague).await;
    let before = survey(&mut conn, &Filter::default()).await.unwrap();
    assert_eq!((before.tariffs, before.unread), (10, 1));
    let mut tx = world.db.app.begin().await.unwrap();
    assert_eq!(read_again(&mut tx, 100).await.unwrap(), 1);
    tx.commit().await.unwrap();
    let filter =
        Filter { rule: Some(Rule::VagueTerm), operator: Some("mingbai".to_owned()), region: Some("北京".to_owned()) };
    let found = findings(&mut conn, &filter, 9).await.unwrap();
    assert_eq!((found.total, found.page, found.pages), (1, 1, 1));
    let one = &found.found[0];
    assert_eq!((one.scheme_id.as_str(), one.version, one.element), (OTHER_PLAN, 2, Element::Notes));
    assert_eq!(one.sentence, "具体资费以当地营业厅为准");
    let counted = survey(&mut conn, &filter).await.unwrap();
    assert_eq!((counted.operators[0].broken, counted.regions[0].broken), (1, 1));
    let vague = counted.rules.iter().find(|share| share.of == "vague-term").unwrap();
    assert_eq!((vague.tariffs, vague.broken), (10, 1));
    assert!(counted.clear < counted.tariffs);
    let elsewhere = Filter { region: Some("上海".to_owned()), ..Filter::default() };
    assert_eq!(survey(&mut conn, &elsewhere).await.unwrap().tariffs, 0);
    sqlx::query("update tariff_clarity set revision = 0").execute(&mut *conn).await.unwrap();
    let mut tx = world.db.app.begin().await.unwrap();
    assert_eq!(read_again(&mut tx, 100).await.unwrap(), 10, "other rules read all of them again");
    tx.commit().await.unwrap();
    drop(conn);
    world.db.drop().await;
}
