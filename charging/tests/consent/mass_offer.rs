//! A change of many is a question to each: approved by another, at a pace, and it stops by itself.

use std::net::{IpAddr, Ipv4Addr};

use charging::mass_offer::store::{
    MassOfferError, NewMassOffer, decide, end, halt, propose, resume, take_out, withdraw,
};
use charging::mass_offer::turn::take_turn;
use charging::mass_offer::view::{counts, effects, one, reasons, tally};
use charging::mass_offer::{Halt, Limits, State};
use charging::notice::quiet::Hours;
use charging::staff::{Actor, Member, Role, StaffError};
use charging::tariff::SchemeId;
use charging::tariff::store::publish;
use chrono::{DateTime, TimeDelta, Utc};

use crate::rng;
use crate::world::{ADDON, LOOSE_PLAN, OTHER_PLAN, PLAN, World, at, now, tariff};

fn staff(staff_id: i64, login: &str, role: Role) -> Actor {
    let member = Member { staff_id, login: login.parse().unwrap(), name: login.to_owned(), roles: vec![role] };
    Actor::Member { member, address: IpAddr::V4(Ipv4Addr::LOCALHOST) }
}

fn manager() -> Actor {
    staff(1, "manager", Role::TariffManager)
}

fn approver() -> Actor {
    staff(2, "approver", Role::TariffApprover)
}

const LIMITS: Limits = Limits { refused_percent: 50, complaints: 3 };

fn to_plan<'a>(scheme_id: &'a SchemeId, holds: &'a SchemeId, per_hour: i32) -> NewMassOffer<'a> {
    NewMassOffer {
        purpose: "从畅享 59 换到畅享 99",
        scheme_id,
        holds: Some(holds),
        region: None,
        per_hour,
        limits: LIMITS,
    }
}

impl World {
    /// So many who have the plan since the first of the month, and the two people of the staff.
    async fn customers(&self, count: u32) -> Vec<i64> {
        let people =
            "insert into staff (login, name, created_at) values ('manager', 'M', now()), ('approver', 'A', now())";
        sqlx::raw_sql(people).execute(&self.db.app).await.unwrap();
        let mut all = Vec::new();
        for n in 1..=count {
            let subscriber_id = self.subscriber(n).await;
            self.has(subscriber_id, PLAN, at("2026-10-01T10:00:00+08:00")).await;
            all.push(subscriber_id);
        }
        all
    }

    async fn proposed(&self, new: &NewMassOffer<'_>) -> Result<i64, MassOfferError> {
        let mut tx = self.db.app.begin().await.unwrap();
        let id = propose(&mut tx, &manager(), new, now()).await?;
        tx.commit().await.unwrap();
        Ok(id)
    }

    async fn approved(&self, per_hour: i32) -> i64 {
        let (other, plan) = (OTHER_PLAN.parse().unwrap(), PLAN.parse().unwrap());
        let id = self.proposed(&to_plan(&other, &plan, per_hour)).await.unwrap();
        let mut conn = self.db.app.acquire().await.unwrap();
        decide(&mut conn, &approver(), id, (true, ""), now()).await.unwrap();
        id
    }

    async fn turn(&self, at: DateTime<Utc>) -> u64 {
        take_turn(&self.db.app, Hours::WAKING, at, &mut rng(9)).await.unwrap()
    }

    async fn state(&self, id: i64) -> State {
        one(&mut self.db.app.acquire().await.unwrap(), id).await.unwrap().unwrap().state
    }
}

#[tokio::test]
async fn everybody_of_the_list_is_asked_and_whoever_says_nothing_keeps_what_he_has() {
    let world = World::new().await;
    let all = world.customers(4).await;
    world.has(all[3], ADDON, now()).await;
    let id = world.approved(20_000).await;
    {
        let mut conn = world.db.app.acquire().await.unwrap();
        let effects = effects(&mut conn, id).await.unwrap();
        let present = effects[0].present.clone().unwrap();
        assert_eq!((effects.len(), present.0.as_str(), effects[0].subscribers), (1, "畅享 59", 4));
        take_out(&mut conn, &manager(), id, &"13800000002".parse().unwrap(), now()).await.unwrap();
        assert!(matches!(
            take_out(&mut conn, &manager(), id, &"13800000002".parse().unwrap(), now()).await,
            Err(MassOfferError::NotWaiting)
        ));
    }
    assert_eq!(world.turn(now()).await, 3);
    assert_eq!(world.turn(now() + TimeDelta::seconds(1)).await, 0, "nobody is asked twice");
    assert_eq!(world.count("subscription").await, 5, "a question changes nothing");
    world.receive(all[0], "m1", "Y", now() + TimeDelta::seconds(30)).await;
    world.receive(all[2], "m2", "N", now() + TimeDelta::seconds(30)).await;
    let mut conn = world.db.app.acquire().await.unwrap();
    let tally = tally(&mut conn, id).await.unwrap();
    assert_eq!((tally.agreed, tally.refused), (1, 1));
    assert_eq!(world.count("subscription").await, 6);
    assert_eq!(world.state(id).await, State::Ended);
    assert_eq!(reasons(&mut conn, id).await.unwrap(), [("taken_out".to_owned(), 1)]);
    // Whoever was asked is left alone for a month.
    let (loose, plan) = (LOOSE_PLAN.parse().unwrap(), PLAN.parse().unwrap());
    let next = world.proposed(&to_plan(&loose, &plan, 10)).await.unwrap();
    let left = counts(&mut conn, next).await.unwrap();
    assert_eq!((left.waiting, left.excluded), (1, 3));
    drop(conn);
    world.db.drop().await;
}

#[tokio::test]
async fn nobody_is_asked_before_another_person_approves() {
    let world = World::new().await;
    world.customers(2).await;
    let (other, plan): (SchemeId, SchemeId) = (OTHER_PLAN.parse().unwrap(), PLAN.parse().unwrap());
    let id = world.proposed(&to_plan(&other, &plan, 100)).await.unwrap();
    assert_eq!(world.turn(now()).await, 0);
    let mut conn = world.db.app.acquire().await.unwrap();
    let refused = decide(&mut conn, &manager(), id, (true, ""), now()).await;
    assert!(matches!(refused, Err(MassOfferError::Staff(StaffError::Forbidden(_)))));
    let both = Actor::Member {
        member: Member {
            staff_id: 1,
            login: "manager".parse().unwrap(),
            name: "M".to_owned(),
            roles: vec![Role::TariffManager, Role::TariffApprover],
        },
        address: IpAddr::V4(Ipv4Addr::LOCALHOST),
    };
    assert!(matches!(decide(&mut conn, &both, id, (true, ""), now()).await, Err(MassOfferError::Oneself)));
    assert!(matches!(decide(&mut conn, &approver(), id, (false, " "), now()).await, Err(MassOfferError::Comment)));
    decide(&mut conn, &approver(), id, (false, "先问清楚违约金"), now()).await.unwrap();
    assert_eq!(world.state(id).await, State::Rejected);
    assert!(matches!(decide(&mut conn, &approver(), id, (true, ""), now()).await, Err(MassOfferError::Step)));
    let second = world.proposed(&to_plan(&other, &plan, 100)).await.unwrap();
    withdraw(&mut conn, &manager(), second, now()).await.unwrap();
    assert!(matches!(decide(&mut conn, &approver(), second, (true, ""), now()).await, Err(MassOfferError::Step)));
    assert_eq!((world.turn(now()).await, world.count("consent_request").await), (0, 0));
    let trail = "select count(*) from audit_trail where action like 'mass_offer.%'";
    assert_eq!(sqlx::query_scalar::<_, i64>(trail).fetch_one(&world.db.app).await.unwrap(), 4);
    drop(conn);
    world.db.drop().await;
}

#[tokio::test]
async fn what_cannot_be_offered_is_not_proposed() {
    let world = World::new().await;
    world.customers(1).await;
    let (other, plan): (SchemeId, SchemeId) = (OTHER_PLAN.parse().unwrap(), PLAN.parse().unwrap());
    let good = to_plan(&other, &plan, 10);
    let (shelf, unknown) = (crate::world::SHELF.parse().unwrap(), "26MB999999".parse().unwrap());
    assert!(matches!(
        world.proposed(&NewMassOffer { purpose: " ", ..good.clone() }).await,
        Err(MassOfferError::Purpose)
    ));
    assert!(matches!(world.proposed(&NewMassOffer { per_hour: 0, ..good.clone() }).await, Err(MassOfferError::Pace)));
    let limits = Limits { refused_percent: 0, complaints: 1 };
    assert!(matches!(world.proposed(&NewMassOffer { limits, ..good.clone() }).await, Err(MassOfferError::Limits)));
    for scheme_id in [&shelf, &unknown] {
        assert!(matches!(
            world.proposed(&NewMassOffer { scheme_id, ..good.clone() }).await,
            Err(MassOfferError::Tariff)
        ));
    }
    let holds = Some(&unknown);
    assert!(matches!(world.proposed(&NewMassOffer { holds, ..good.clone() }).await, Err(MassOfferError::Holds)));
    let region = Some("上海");
    assert!(matches!(world.proposed(&NewMassOffer { region, ..good }).await, Err(MassOfferError::Nobody)));
    assert_eq!(world.count("mass_offer").await, 0);
    world.db.drop().await;
}

#[tokio::test]
async fn the_pace_is_kept_and_nobody_is_asked_at_night() {
    let world = World::new().await;
    world.customers(5).await;
    let id = world.approved(2).await;
    assert_eq!(world.turn(at("2026-10-15T23:30:00+08:00")).await, 0);
    assert_eq!(world.turn(at("2026-10-16T12:00:10+08:00")).await, 1);
    assert_eq!(world.turn(at("2026-10-16T12:10:00+08:00")).await, 0, "spread over the hour");
    assert_eq!(world.turn(at("2026-10-16T12:59:30+08:00")).await, 1);
    assert_eq!(world.turn(at("2026-10-16T12:59:50+08:00")).await, 0);
    assert_eq!(world.turn(at("2026-10-16T13:59:50+08:00")).await, 2);
    let mut conn = world.db.app.acquire().await.unwrap();
    halt(&mut conn, &manager(), id, now()).await.unwrap();
    assert_eq!(world.turn(at("2026-10-16T14:59:50+08:00")).await, 0);
    assert!(matches!(resume(&mut conn, &manager(), id, now()).await, Err(MassOfferError::Staff(_))));
    resume(&mut conn, &approver(), id, now()).await.unwrap();
    assert_eq!(world.turn(at("2026-10-16T15:59:50+08:00")).await, 1);
    end(&mut conn, &approver(), id, now()).await.unwrap();
    assert_eq!(world.state(id).await, State::Ended);
    drop(conn);
    world.db.drop().await;
}

#[tokio::test]
async fn it_stops_by_itself() {
    let world = World::new().await;
    let all = world.customers(24).await;
    let id = world.approved(20_000).await;
    // Whoever has a question of his own open is not disturbed.
    world.ask(all[23], ADDON, now()).await.unwrap();
    assert_eq!(world.turn(now()).await, 23);
    for (n, subscriber_id) in all.iter().take(20).enumerate() {
        let answer = if n % 2 == 0 { "N" } else { "Y" };
        world.receive(*subscriber_id, &format!("m{n}"), answer, now() + TimeDelta::seconds(5)).await;
    }
    assert_eq!(world.turn(now() + TimeDelta::minutes(30)).await, 0);
    assert_eq!(world.state(id).await, State::Halted(Halt::Refusals));
    let mut conn = world.db.app.acquire().await.unwrap();
    resume(&mut conn, &approver(), id, now()).await.unwrap();
    assert_eq!(world.turn(now() + TimeDelta::minutes(31)).await, 0, "and again, as long as it is so");
    end(&mut conn, &manager(), id, now()).await.unwrap();
    let second = world.proposed(&to_plan(&LOOSE_PLAN.parse().unwrap(), &PLAN.parse().unwrap(), 10)).await.unwrap();
    decide(&mut conn, &approver(), second, (true, ""), now()).await.unwrap();
    let terms = r#"{"recurring":{"price":"35.00","first_month":"full"},"cancel_effective":"immediately"}"#;
    let newer = tariff(LOOSE_PLAN, charging::tariff::Kind::Plan, "随心 35", Some(terms)).into();
    let mut tx = world.db.app.begin().await.unwrap();
    publish(&mut tx, &[newer], now() + TimeDelta::days(60)).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(world.turn(now() + TimeDelta::days(60)).await, 0);
    assert_eq!(
        world.state(second).await,
        State::Halted(Halt::OfferChanged),
        "what was approved is not on offer any more"
    );
    drop(conn);
    world.db.drop().await;
}

#[tokio::test]
async fn a_complaint_or_an_abnormal_charge_stops_it() {
    let world = World::new().await;
    let all = world.customers(4).await;
    let id = world.approved(20_000).await;
    assert_eq!(world.turn(now()).await, 4);
    let mut conn = world.db.app.acquire().await.unwrap();
    assert_eq!(tally(&mut conn, id).await.unwrap().complaints, 0);
    let complaint = |subscriber_id: i64| {
        format!(
            "insert into bill (subscriber_id, month, total, closed_at) values ({subscriber_id}, '2026-09-01', 59, '2026-10-01');
            insert into bill_line (subscriber_id, month, line_no, kind, scheme_id, version, charge_month, quantity, exact, amount)
            values ({subscriber_id}, '2026-09-01', 1, 'recurring', '{PLAN}', 1, '2026-09-01', 1, 59, 59);
            insert into dispute (subscriber_id, month, line_no, line_amount, opened_at, round_at, due_at, findings, suggested)
            select {subscriber_id}, '2026-09-01', 1, 59, at, at, at + interval '15 days', array['in_order'], 0
            from (values (timestamptz '2026-10-15 13:00+08')) as opened (at)"
        )
    };
    for subscriber_id in &all[..3] {
        sqlx::raw_sql(sqlx::AssertSqlSafe(complaint(*subscriber_id))).execute(&mut *conn).await.unwrap();
    }
    assert_eq!(tally(&mut conn, id).await.unwrap().complaints, 3);
    assert_eq!(world.turn(now() + TimeDelta::minutes(30)).await, 0);
    assert_eq!(world.state(id).await, State::Halted(Halt::Complaints));
    let finding = format!(
        "insert into finding (detector, version, scheme_id, source, day, found_at)
        values ('no_consent', 1, '{OTHER_PLAN}', 'web', '2026-10-15', '2026-10-15 14:00+08')"
    );
    sqlx::raw_sql(sqlx::AssertSqlSafe(finding)).execute(&mut *conn).await.unwrap();
    resume(&mut conn, &approver(), id, now()).await.unwrap();
    world.turn(now() + TimeDelta::minutes(31)).await;
    assert_eq!(world.state(id).await, State::Halted(Halt::Findings));
    drop(conn);
    world.db.drop().await;
}

#[tokio::test]
async fn two_that_were_listed_at_once_do_not_both_ask() {
    let world = World::new().await;
    world.customers(3).await;
    let first = world.approved(20_000).await;
    let (loose, plan) = (LOOSE_PLAN.parse().unwrap(), PLAN.parse().unwrap());
    let second = world.proposed(&to_plan(&loose, &plan, 20_000)).await.unwrap();
    let mut conn = world.db.app.acquire().await.unwrap();
    decide(&mut conn, &approver(), second, (true, ""), now()).await.unwrap();
    assert_eq!(world.turn(now()).await, 3);
    assert_eq!(world.turn(now() + TimeDelta::minutes(15)).await, 0);
    let counted = [counts(&mut conn, first).await.unwrap().asked, counts(&mut conn, second).await.unwrap().passed_over];
    assert_eq!(counted, [3, 3]);
    assert_eq!(reasons(&mut conn, second).await.unwrap(), [("asked_lately".to_owned(), 3)]);
    drop(conn);
    world.db.drop().await;
}
