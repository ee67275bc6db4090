//! An incident from its opening to the yes of a second person.

use std::net::{IpAddr, Ipv4Addr};

use charging::incident::desk::{
    self, Excluded, IncidentError, Progress, Query, Stage, affected, approve, exclude, execution, find, freeze, open,
    open_from_finding, outcomes, pause, propose, report, resume_sales, run, start, stop_sales, totals,
};
use charging::incident::finding::store::{FindingError, State, dismiss, list};
use charging::staff::{Actor, Member, Role, StaffError};
use charging::tariff::store::withdrawn_at;
use rand::SeedableRng as _;
use rand_chacha::ChaCha20Rng;
use rust_decimal::Decimal;
use serde_json::json;
use sqlx::PgPool;

use crate::world::{PACK, World, at};
use crate::{line, review, take, today};

/// Somebody of the staff with a role, who is in the database.
pub async fn staff(pool: &PgPool, login: &str, role: Role) -> Actor {
    let staff_id =
        sqlx::query_scalar("insert into staff (login, name, created_at) values ($1, $1, now()) returning staff_id")
            .bind(login)
            .fetch_one(pool)
            .await
            .unwrap();
    let member = Member { staff_id, login: login.parse().unwrap(), name: login.to_owned(), roles: vec![role] };
    Actor::Member { member, address: IpAddr::V4(Ipv4Addr::LOCALHOST) }
}

/// Six subscribers: 1 to 5 were charged for a pack that nobody ordered, in three ways; the sixth agreed.
pub async fn night() -> (World, Actor, Actor) {
    let world = World::new().await;
    let mut lines = Vec::new();
    for n in 1..=6 {
        world.subscriber(n).await;
        let route = match n {
            1..=3 => "bill",
            4 => "balance",
            _ => "gateway:42",
        };
        let mut wrong = json!({"ordered_at": "2026-10-05T02:00:00+08:00", "source": "upgrade", "route": route});
        if n < 6 {
            wrong["consent"] = json!(null);
        } else {
            wrong["consent"] =
                json!({"method": "sms_code", "reference": "r", "agreed_at": "2026-10-05T01:59:00+08:00"});
        }
        lines.push(line(n, wrong));
    }
    take(&world.db.app, &lines).await.unwrap();
    review(&world.db.app).await;
    let ann = staff(&world.db.app, "ann", Role::AgentLead).await;
    let bob = staff(&world.db.app, "bob", Role::AgentLead).await;
    (world, ann, bob)
}

fn upgrade() -> Query {
    Query {
        scheme_id: Some(PACK.to_owned()),
        source: Some("upgrade".to_owned()),
        from: Some(at("2026-10-05T00:00:00+08:00")),
        until: Some(at("2026-10-06T00:00:00+08:00")),
        region: Some("北京".to_owned()),
    }
}

#[tokio::test]
async fn from_a_finding_to_a_second_persons_yes() {
    let (world, ann, bob) = night().await;
    let mut tx = world.db.app.begin().await.unwrap();
    let found = list(&mut tx, Some(State::Open), 1).await.unwrap();
    assert_eq!(found.findings.iter().map(|f| (f.charges, f.amount)).collect::<Vec<_>>(), [(5, Decimal::from(100))]);
    let finding_id = found.findings[0].finding_id;
    let id = open_from_finding(&mut tx, &ann, "夜里多扣的视频包", finding_id, today()).await.unwrap();
    assert_eq!(list(&mut tx, Some(State::Incident), 1).await.unwrap().findings[0].incident_id, Some(id));
    let again = open_from_finding(&mut tx, &bob, "again", finding_id, today()).await;
    assert!(matches!(again, Err(IncidentError::Finding(FindingError::Changed))));

    assert!(matches!(propose(&mut tx, &ann, id, today()).await, Err(IncidentError::Stage(Stage::Opened))));
    freeze(&mut tx, &ann, id, today()).await.unwrap();
    assert!(matches!(freeze(&mut tx, &ann, id, today()).await, Err(IncidentError::Stage(Stage::Listed))));
    let incident = find(&mut tx, id).await.unwrap().unwrap();
    let size = incident.list.map(|list| (list.charges, list.subscribers, list.amount));
    assert_eq!(size, Some((5, 5, Decimal::from(100))));
    let by_route = totals(&mut tx, id).await.unwrap();
    let shown: Vec<(&str, i64, Decimal)> = by_route.iter().map(|t| (t.route.as_str(), t.charges, t.amount)).collect();
    assert_eq!(shown, [("bill", 3, 60.into()), ("balance", 1, 20.into()), ("gateway", 1, 20.into())]);

    let first = propose(&mut tx, &ann, id, today()).await.unwrap();
    assert_eq!((first.charges(), first.amount()), (5, Decimal::from(100)));
    let number = Excluded::Number("13800000004".parse().unwrap());
    assert!(matches!(exclude(&mut tx, &ann, id, (&number, " "), today()).await, Err(IncidentError::Reason)));
    assert_eq!(exclude(&mut tx, &ann, id, (&number, "已当面退还"), today()).await.unwrap(), 1);
    let excluded = affected(&mut tx, id, Some(&"13800000004".parse().unwrap()), 1).await.unwrap();
    assert_eq!(excluded.charges[0].excluded.as_deref(), Some("已当面退还"));
    assert!(matches!(approve(&mut tx, &bob, id, 1, today()).await, Err(IncidentError::Stale)));
    let second = propose(&mut tx, &ann, id, today()).await.unwrap();
    assert_eq!((second.proposal_no, second.charges(), second.amount()), (2, 4, Decimal::from(80)));

    assert!(matches!(approve(&mut tx, &ann, id, 2, today()).await, Err(IncidentError::SamePerson)));
    assert!(matches!(approve(&mut tx, &bob, id, 1, today()).await, Err(IncidentError::Stale)));
    approve(&mut tx, &bob, id, 2, today()).await.unwrap();
    let incident = find(&mut tx, id).await.unwrap().unwrap();
    assert_eq!(incident.stage(), Stage::Approved);
    assert!(matches!(exclude(&mut tx, &ann, id, (&number, "x"), today()).await, Err(IncidentError::Stage(_))));
    assert!(matches!(approve(&mut tx, &bob, id, 2, today()).await, Err(IncidentError::Stage(_))));
    let trail: Vec<String> = sqlx::query_scalar("select action from audit_trail where subject = $1 order by entry_id")
        .bind(format!("incident/{id}"))
        .fetch_all(&mut *tx)
        .await
        .unwrap();
    let steps = ["open", "list", "propose", "exclude", "propose", "approve"].map(|step| format!("incident.{step}"));
    assert_eq!(trail, steps);
    drop(tx);
    world.db.drop().await;
}

#[tokio::test]
async fn from_a_query_without_those_who_agreed() {
    let (world, ann, _) = night().await;
    let mut tx = world.db.app.begin().await.unwrap();
    let id = open(&mut tx, &ann, "多扣", &upgrade(), today()).await.unwrap();
    freeze(&mut tx, &ann, id, today()).await.unwrap();
    assert_eq!(exclude(&mut tx, &ann, id, (&Excluded::Agreed, "本人订购"), today()).await.unwrap(), 1);
    let again = exclude(&mut tx, &ann, id, (&Excluded::Agreed, "本人订购"), today()).await;
    assert!(matches!(again, Err(IncidentError::NoCharge)));
    assert_eq!(propose(&mut tx, &ann, id, today()).await.unwrap().charges(), 5);
    // Another incident about the same charges is left with what was taken out of the first.
    let other = open(&mut tx, &ann, "again", &upgrade(), today()).await.unwrap();
    freeze(&mut tx, &ann, other, today()).await.unwrap();
    assert_eq!(find(&mut tx, other).await.unwrap().unwrap().list.unwrap().charges, 1);
    let third = open(&mut tx, &ann, "and again", &upgrade(), today()).await.unwrap();
    assert!(matches!(freeze(&mut tx, &ann, third, today()).await, Err(IncidentError::NothingAffected)));
    for other in [
        Query { region: Some("上海".to_owned()), ..upgrade() },
        Query { source: Some("hall".to_owned()), ..upgrade() },
        Query { until: Some(at("2026-10-05T02:00:00+08:00")), ..upgrade() },
        Query { scheme_id: Some("26MB900009".to_owned()), ..upgrade() },
    ] {
        let id = open(&mut tx, &ann, "elsewhere", &other, today()).await.unwrap();
        assert!(matches!(freeze(&mut tx, &ann, id, today()).await, Err(IncidentError::NothingAffected)), "{other:?}");
    }
    let of_nothing = open(&mut tx, &ann, "x", &Query::default(), today()).await;
    assert!(matches!(of_nothing, Err(IncidentError::Scope)));
    assert!(matches!(open(&mut tx, &ann, " ", &upgrade(), today()).await, Err(IncidentError::Title)));
    drop(tx);
    world.db.drop().await;
}

#[tokio::test]
async fn sales_stop_at_once_and_go_on_by_somebody_else() {
    let (world, ann, bob) = night().await;
    let mut tx = world.db.app.begin().await.unwrap();
    let id = open(&mut tx, &ann, "多扣", &upgrade(), today()).await.unwrap();
    let other = stop_sales(&mut tx, &ann, id, "26MB900001", today()).await;
    assert!(matches!(other, Err(IncidentError::NoTariff)), "not what the incident is about");
    stop_sales(&mut tx, &ann, id, PACK, today()).await.unwrap();
    stop_sales(&mut tx, &bob, id, PACK, today()).await.unwrap();
    let scheme = PACK.parse().unwrap();
    assert_eq!(withdrawn_at(&mut tx, &scheme).await.unwrap(), Some(today()));
    let own = resume_sales(&mut tx, &ann, id, PACK, today()).await;
    assert!(matches!(own, Err(IncidentError::SamePerson)));
    resume_sales(&mut tx, &bob, id, PACK, today()).await.unwrap();
    assert_eq!(withdrawn_at(&mut tx, &scheme).await.unwrap(), None);
    drop(tx);
    world.db.drop().await;
}

#[tokio::test]
async fn only_who_may_and_nobody_by_himself() {
    let (world, ann, _) = night().await;
    let auditor = staff(&world.db.app, "cai", Role::Auditor).await;
    let agent = staff(&world.db.app, "dan", Role::Agent).await;
    let mut tx = world.db.app.begin().await.unwrap();
    let finding_id = list(&mut tx, None, 1).await.unwrap().findings[0].finding_id;
    let id = open(&mut tx, &ann, "多扣", &upgrade(), today()).await.unwrap();
    let forbidden = |result: Result<(), IncidentError>| {
        assert!(matches!(result, Err(IncidentError::Staff(StaffError::Forbidden(_)))), "{result:?}");
    };
    let number = Excluded::Number("13800000001".parse().unwrap());
    for actor in [&auditor, &agent, &Actor::Engineer] {
        forbidden(open(&mut tx, actor, "x", &upgrade(), today()).await.map(drop));
        forbidden(open_from_finding(&mut tx, actor, "x", finding_id, today()).await.map(drop));
        forbidden(freeze(&mut tx, actor, id, today()).await);
        forbidden(exclude(&mut tx, actor, id, (&number, "x"), today()).await.map(drop));
        forbidden(propose(&mut tx, actor, id, today()).await.map(drop));
        forbidden(approve(&mut tx, actor, id, 1, today()).await);
        forbidden(stop_sales(&mut tx, actor, id, PACK, today()).await);
        forbidden(resume_sales(&mut tx, actor, id, PACK, today()).await);
        let dismissed = dismiss(&mut tx, actor, finding_id, (5, "x"), today()).await;
        assert!(matches!(dismissed, Err(FindingError::Staff(_))));
    }
    assert!(matches!(freeze(&mut tx, &ann, 999, today()).await, Err(IncidentError::NotFound)));
    assert!(desk::list(&mut tx).await.unwrap().iter().all(|incident| incident.stage == Stage::Opened));
    drop(tx);
    world.db.drop().await;
}

#[tokio::test]
async fn what_was_dismissed_is_open_again_when_it_grows() {
    let (world, ann, _) = night().await;
    let mut tx = world.db.app.begin().await.unwrap();
    let finding_id = list(&mut tx, Some(State::Open), 1).await.unwrap().findings[0].finding_id;
    for (charges, reason) in [(4, "试运行"), (5, "")] {
        assert!(dismiss(&mut tx, &ann, finding_id, (charges, reason), today()).await.is_err());
    }
    dismiss(&mut tx, &ann, finding_id, (5, "试运行"), today()).await.unwrap();
    tx.commit().await.unwrap();
    let state = async || list(&mut world.db.app.acquire().await.unwrap(), None, 1).await.unwrap().findings[0].state;
    assert_eq!(state().await, State::Dismissed);
    let more = line(
        6,
        json!({"ordered_at": "2026-10-05T03:00:00+08:00", "source": "upgrade", "consent": null, "amount": "19"}),
    );
    take(&world.db.app, &[more]).await.unwrap();
    review(&world.db.app).await;
    assert_eq!(state().await, State::Open);
    world.db.drop().await;
}

#[tokio::test]
async fn what_comes_to_a_finding_after_its_list_is_open_again() {
    let (world, ann, _) = night().await;
    let mut tx = world.db.app.begin().await.unwrap();
    let finding_id = list(&mut tx, Some(State::Open), 1).await.unwrap().findings[0].finding_id;
    let id = open_from_finding(&mut tx, &ann, "夜里多扣", finding_id, today()).await.unwrap();
    freeze(&mut tx, &ann, id, today()).await.unwrap();
    tx.commit().await.unwrap();
    let state = async || list(&mut world.db.app.acquire().await.unwrap(), None, 1).await.unwrap().findings[0].state;
    assert_eq!(state().await, State::Incident);
    let next_month = json!({"ordered_at": "2026-10-05T02:00:00+08:00", "source": "upgrade", "consent": null,
        "charged_at": "2026-10-14T02:00:00+08:00"});
    take(&world.db.app, &[line(1, next_month)]).await.unwrap();
    review(&world.db.app).await;
    assert_eq!(state().await, State::Open);
    let mut tx = world.db.app.begin().await.unwrap();
    let second = open_from_finding(&mut tx, &ann, "又扣了", finding_id, today()).await.unwrap();
    freeze(&mut tx, &ann, second, today()).await.unwrap();
    assert_eq!(find(&mut tx, second).await.unwrap().unwrap().list.unwrap().charges, 1, "what the first did not list");
    tx.commit().await.unwrap();
    assert_eq!(state().await, State::Incident);
    world.db.drop().await;
}

#[tokio::test]
async fn what_is_on_no_bill_yet_is_not_proposed() {
    let world = World::new().await;
    let ann = staff(&world.db.app, "ann", Role::AgentLead).await;
    let subscriber_id = world.subscriber(1).await;
    world.has(subscriber_id, PACK, at("2026-09-01T00:00:00+08:00")).await;
    let charge = "insert into charge (subscriber_id, kind, month, subscription_id, scheme_id, version, recurring_price,
            one_off_price, quantity, amount, charged_at)
        select subscriber_id, 'recurring', '2026-09-01', subscription_id, scheme_id, version, recurring_price, one_off_price,
            1, 20, '2026-10-01 01:00+08' from subscription";
    sqlx::raw_sql(charge).execute(&world.db.owner).await.unwrap();
    let mut tx = world.db.app.begin().await.unwrap();
    let query = Query { scheme_id: Some(PACK.to_owned()), ..Query::default() };
    let id = open(&mut tx, &ann, "多扣", &query, today()).await.unwrap();
    freeze(&mut tx, &ann, id, today()).await.unwrap();
    assert!(matches!(propose(&mut tx, &ann, id, today()).await, Err(IncidentError::Unbilled(1))));
    assert_eq!(exclude(&mut tx, &ann, id, (&Excluded::Unbilled, "出账后再退"), today()).await.unwrap(), 1);
    assert!(matches!(propose(&mut tx, &ann, id, today()).await, Err(IncidentError::NothingAffected)));
    drop(tx);
    world.db.drop().await;
}

#[tokio::test]
async fn sales_that_went_on_can_be_stopped_again() {
    let (world, ann, bob) = night().await;
    let mut tx = world.db.app.begin().await.unwrap();
    let id = open(&mut tx, &ann, "多扣", &upgrade(), today()).await.unwrap();
    let pack = PACK.parse().unwrap();
    for minute in [0, 10] {
        let now = today() + chrono::TimeDelta::minutes(minute);
        stop_sales(&mut tx, &ann, id, PACK, now).await.unwrap();
        stop_sales(&mut tx, &bob, id, PACK, now).await.unwrap();
        assert_eq!(withdrawn_at(&mut tx, &pack).await.unwrap(), Some(now));
        resume_sales(&mut tx, &bob, id, PACK, now + chrono::TimeDelta::minutes(1)).await.unwrap();
        assert_eq!(withdrawn_at(&mut tx, &pack).await.unwrap(), None);
    }
    assert_eq!(find(&mut tx, id).await.unwrap().unwrap().stops.len(), 2);
    drop(tx);
    world.db.drop().await;
}

/// Upgrade charges of the night, listed and approved by two people.
pub async fn approved(world: &World, ann: &Actor, bob: &Actor) -> i64 {
    let mut tx = world.db.app.begin().await.unwrap();
    let id = open(&mut tx, ann, "多扣", &upgrade(), today()).await.unwrap();
    freeze(&mut tx, ann, id, today()).await.unwrap();
    exclude(&mut tx, ann, id, (&Excluded::Agreed, "本人订购"), today()).await.unwrap();
    let proposal = propose(&mut tx, ann, id, today()).await.unwrap();
    assert_eq!((proposal.refunds, proposal.refunded), (5, Decimal::from(100)));
    assert!(matches!(start(&mut tx, ann, id, today()).await, Err(IncidentError::Stage(Stage::Proposed))));
    tx.rollback().await.unwrap();
    let mut tx = world.db.app.begin().await.unwrap();
    let id = open(&mut tx, ann, "多扣", &upgrade(), today()).await.unwrap();
    freeze(&mut tx, ann, id, today()).await.unwrap();
    exclude(&mut tx, ann, id, (&Excluded::Agreed, "本人订购"), today()).await.unwrap();
    propose(&mut tx, ann, id, today()).await.unwrap();
    approve(&mut tx, bob, id, 1, today()).await.unwrap();
    tx.commit().await.unwrap();
    id
}

#[tokio::test]
async fn everybody_gets_it_back_once_however_often_it_is_begun_again() {
    let (world, ann, bob) = night().await;
    let pool = &world.db.app;
    let id = approved(&world, &ann, &bob).await;
    let mut rng = ChaCha20Rng::seed_from_u64(7);
    let mut conn = pool.acquire().await.unwrap();
    assert!(!run(pool, &mut rng, today()).await.unwrap(), "nobody started it");
    start(&mut conn, &ann, id, today()).await.unwrap();
    assert!(matches!(start(&mut conn, &bob, id, today()).await, Err(IncidentError::Stage(Stage::Approved))));
    pause(&mut conn, &bob, id, true, today()).await.unwrap();
    assert!(!run(pool, &mut rng, today()).await.unwrap());
    assert_eq!(execution(&mut conn, id).await.unwrap().map(|e| (e.progress, e.made)), Some((Progress::Paused, 0)));
    pause(&mut conn, &ann, id, false, today()).await.unwrap();
    assert!(run(pool, &mut rng, today()).await.unwrap());
    // As if the process had been killed before it noted how far it was.
    sqlx::query("update incident_execution set done_subscriber_id = 0, made = 0").execute(pool).await.unwrap();
    while run(pool, &mut rng, today()).await.unwrap() {}
    let done = execution(&mut conn, id).await.unwrap().unwrap();
    assert_eq!((done.progress, done.made, done.already, done.refunds), (Progress::Done, 0, 5, 5));
    let went: Vec<(String, String, i64, Decimal)> =
        outcomes(&mut conn, id).await.unwrap().into_iter().map(|o| (o.route, o.state, o.parts, o.amount)).collect();
    let part =
        |route: &str, state: &str, parts, amount: i64| (route.to_owned(), state.to_owned(), parts, amount.into());
    // What was paid with bills of the other system comes into the balance.
    assert_eq!(went, [part("balance", "confirmed", 4, 80), part("gateway", "approved", 1, 20)]);
    let told: Vec<(i64, String)> =
        sqlx::query_as("select count(*), min(body) from notice where kind = 'wrong_charges' group by subscriber_id")
            .fetch_all(pool)
            .await
            .unwrap();
    assert_eq!(told.len(), 5);
    assert!(told.iter().all(|(messages, body)| *messages == 1 && body.contains("对不起，我们多扣了您20")), "{told:?}");
    let first = report(&mut conn, id, None, 4).await.unwrap();
    let rest = report(&mut conn, id, first.last(), 4).await.unwrap();
    assert_eq!((first.len(), rest.len()), (4, 2));
    let told: Vec<bool> = first.iter().chain(&rest).map(|charge| charge.refund.is_some()).collect();
    assert_eq!(told, [true, true, true, true, true, false]);
    assert_eq!(rest[1].excluded.as_deref(), Some("本人订购"));
    assert!(first[0].refund.as_ref().is_some_and(|refund| refund.ends_with("balance confirmed 20.00")));
    drop(conn);
    world.db.drop().await;
}
