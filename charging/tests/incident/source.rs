//! What stops the source of an incident besides sales.

use charging::actor::By;
use charging::bill::run::run;
use charging::channel::Standing;
use charging::channel::store::{ChannelError, decide, find as find_channel, submit};
use charging::clock::{ManualClock, Month};
use charging::incident::desk::{
    IncidentError, Query, block, freeze_orders, lift_freeze, open, resume_sales, source, stop_channel, stop_sales,
    unblock,
};
use charging::ledger::store::{LedgerError, post_charges};
use charging::ledger::{ChargeKind, NewCharge};
use charging::order::flow;
use charging::order::store::{NewOrder, OrderError, place};
use charging::staff::account::unblock as unblock_account;
use charging::staff::{Actor, Permission, Role, StaffError};
use rand::SeedableRng as _;
use rand_chacha::ChaCha20Rng;
use sqlx::PgPool;

use crate::agents::{Agents, terms};
use crate::desk::staff;
use crate::today;
use crate::world::{PACK, World, at};

fn about_pack() -> Query {
    Query { scheme_id: Some(PACK.to_owned()), ..Query::default() }
}

async fn opened(world: &World) -> (i64, Actor, Actor) {
    let ann = staff(&world.db.app, "ann", Role::AgentLead).await;
    let bob = staff(&world.db.app, "bob", Role::AgentLead).await;
    let mut conn = world.db.app.acquire().await.unwrap();
    let id = open(&mut conn, &ann, "多扣", &about_pack(), today()).await.unwrap();
    (id, ann, bob)
}

async fn close(pool: &PgPool, month: &str, now: &str) {
    let month: Month = month.parse().unwrap();
    let done = run(pool, month, &ManualClock::new(at(now)), |_| ()).await.unwrap();
    assert_eq!(done.bills, 1);
}

async fn charged(pool: &PgPool) -> Vec<String> {
    sqlx::query_scalar("select to_char(month, 'YYYY-MM') from charge where kind = 'recurring' order by month")
        .fetch_all(pool)
        .await
        .unwrap()
}

#[tokio::test]
async fn what_was_ordered_in_the_batch_is_charged_nothing_while_it_is_frozen() {
    let world = World::new().await;
    let pool = &world.db.app;
    let subscriber_id = world.subscriber(1).await;
    let placed = world.has(subscriber_id, PACK, at("2026-06-01T00:00:00+08:00")).await;
    // It was told of its first charge long ago.
    sqlx::raw_sql("delete from first_charge").execute(&world.db.owner).await.unwrap();
    let (id, ann, bob) = opened(&world).await;
    let mut conn = pool.acquire().await.unwrap();
    close(pool, "2026-08", "2026-09-02T00:00:00+08:00").await;
    assert_eq!(charged(pool).await, ["2026-08"]);
    assert_eq!(freeze_orders(&mut conn, &ann, id, today()).await.unwrap(), 1);
    let again = freeze_orders(&mut conn, &bob, id, today()).await;
    assert!(matches!(again, Err(IncidentError::NothingToFreeze)));
    close(pool, "2026-09", "2026-10-02T00:00:00+08:00").await;
    assert_eq!(charged(pool).await, ["2026-08"], "nothing of a frozen subscription is on a bill");
    let charge = NewCharge {
        subscriber_id,
        kind: ChargeKind::Recurring,
        month: "2026-09".parse().unwrap(),
        subscription_id: placed.subscription_id,
        scheme_id: PACK.parse().unwrap(),
        version: 1,
        recurring_price: 20.into(),
        one_off_price: 0.into(),
        usage_source_id: None,
        quantity: 1,
        amount: 20.into(),
        charged_at: today(),
    };
    let mut tx = pool.begin().await.unwrap();
    let posted = post_charges(&mut tx, std::slice::from_ref(&charge)).await;
    assert!(matches!(posted, Err(LedgerError::Incomplete { expected: 1, posted: 0 })), "{posted:?}");
    drop(tx);
    let own = lift_freeze(&mut conn, &ann, id, today()).await;
    assert!(matches!(own, Err(IncidentError::SamePerson)));
    lift_freeze(&mut conn, &bob, id, today()).await.unwrap();
    assert!(matches!(lift_freeze(&mut conn, &bob, id, today()).await, Err(IncidentError::NotFrozen)));
    close(pool, "2026-10", "2026-11-02T00:00:00+08:00").await;
    assert_eq!(charged(pool).await, ["2026-08", "2026-10"], "what was billed meanwhile stays without it");
    let frozen = source(&mut conn, id).await.unwrap().freezes;
    assert_eq!((frozen[0].subscriptions, frozen[0].lifted_by.as_deref()), (1, Some("bob")));
    drop(conn);
    world.db.drop().await;
}

#[tokio::test]
async fn another_batch_is_not_frozen_with_it() {
    let world = World::new().await;
    let subscriber_id = world.subscriber(1).await;
    world.has(subscriber_id, PACK, at("2026-06-01T00:00:00+08:00")).await;
    let (_, ann, _) = opened(&world).await;
    let mut conn = world.db.app.acquire().await.unwrap();
    for query in [
        Query { source: Some("web".to_owned()), ..about_pack() },
        Query { from: Some(at("2026-06-02T00:00:00+08:00")), ..about_pack() },
        Query { until: Some(at("2026-05-31T00:00:00+08:00")), ..about_pack() },
        Query { region: Some("上海".to_owned()), ..about_pack() },
    ] {
        let id = open(&mut conn, &ann, "别的", &query, today()).await.unwrap();
        let frozen = freeze_orders(&mut conn, &ann, id, today()).await;
        assert!(matches!(frozen, Err(IncidentError::NothingToFreeze)), "{query:?}");
    }
    let query = Query { source: Some("staff:li.na".to_owned()), ..about_pack() };
    let id = open(&mut conn, &ann, "同一人", &query, today()).await.unwrap();
    assert_eq!(freeze_orders(&mut conn, &ann, id, today()).await.unwrap(), 1);
    drop(conn);
    world.db.drop().await;
}

#[tokio::test]
async fn open_questions_are_refused_from_the_stop_on() {
    let world = World::new().await;
    let subscriber_id = world.subscriber(1).await;
    let (id, ann, bob) = opened(&world).await;
    let mut conn = world.db.app.acquire().await.unwrap();
    let pack = PACK.parse().unwrap();
    let by = By::subscriber("web");
    let mut rng = ChaCha20Rng::seed_from_u64(7);
    flow::request(&mut conn, subscriber_id, &pack, &by, today(), &mut rng).await.unwrap();
    let state = "select state, closed_by from consent_request";
    let asked: (String, Option<String>) = sqlx::query_as(state).fetch_one(&mut *conn).await.unwrap();
    assert_eq!(asked, ("open".to_owned(), None));
    stop_sales(&mut conn, &ann, id, PACK, today()).await.unwrap();
    let closed: (String, Option<String>) = sqlx::query_as(state).fetch_one(&mut *conn).await.unwrap();
    assert_eq!(closed, ("refused".to_owned(), Some("staff:ann".to_owned())));
    let seq = world.sign(&mut conn, subscriber_id, PACK, today()).await;
    let order = NewOrder { subscriber_id, scheme_id: pack, version: 1, consent_seq: seq, by, ordered_at: today() };
    assert!(matches!(place(&mut conn, &order).await, Err(OrderError::UnknownTariff)), "even with a yes");
    resume_sales(&mut conn, &bob, id, PACK, today()).await.unwrap();
    place(&mut conn, &order).await.unwrap();
    drop(conn);
    world.db.drop().await;
}

#[tokio::test]
async fn an_account_is_blocked_out_of_an_incident_and_unblocked_by_another() {
    let world = World::new().await;
    let (id, ann, bob) = opened(&world).await;
    let agent = staff(&world.db.app, "eve", Role::TariffManager).await;
    let eve = agent.member().unwrap().staff_id;
    let administrator = staff(&world.db.app, "adm", Role::Administrator).await;
    let mut conn = world.db.app.acquire().await.unwrap();
    let login = "eve".parse().unwrap();
    for actor in [&agent, &administrator, &Actor::Engineer] {
        let refused = block(&mut conn, actor, id, &login, today()).await;
        let forbidden = StaffError::Forbidden(Permission::HandleIncidents).to_string();
        assert_eq!(refused.unwrap_err().to_string(), forbidden);
    }
    let own = block(&mut conn, &ann, id, &"ann".parse().unwrap(), today()).await;
    assert!(matches!(own, Err(IncidentError::Staff(StaffError::Oneself))));
    let nobody = block(&mut conn, &ann, id, &"nobody".parse().unwrap(), today()).await;
    assert!(matches!(nobody, Err(IncidentError::NoAccount)));
    block(&mut conn, &ann, id, &login, today()).await.unwrap();
    let blocked = "select blocked_at is not null from staff where login = 'eve'";
    assert!(sqlx::query_scalar::<_, bool>(blocked).fetch_one(&mut *conn).await.unwrap());
    assert!(matches!(unblock(&mut conn, &ann, id, eve, today()).await, Err(IncidentError::SamePerson)));
    unblock(&mut conn, &bob, id, eve, today()).await.unwrap();
    assert!(matches!(unblock(&mut conn, &bob, id, eve, today()).await, Err(IncidentError::NoAccount)));
    let later = today() + chrono::TimeDelta::minutes(1);
    block(&mut conn, &bob, id, &login, later).await.unwrap();
    unblock_account(&mut conn, &administrator, eve, later).await.unwrap();
    let blocks = source(&mut conn, id).await.unwrap().blocks;
    let lifted: Vec<Option<&str>> = blocks.iter().map(|block| block.lifted_by.as_deref()).collect();
    assert_eq!(lifted, [Some("bob"), Some("adm")], "an administrator's word counts here too");
    drop(conn);
    world.db.drop().await;
}

#[tokio::test]
async fn a_channel_goes_on_by_somebody_else_than_who_stopped_it() {
    let world = World::new().await;
    let agents = Agents::new(&world.db.app).await;
    let (id, ann, _) = opened(&world).await;
    let mut conn = world.db.app.acquire().await.unwrap();
    let channel_id = &agents.channel_id;
    stop_channel(&mut conn, &ann, id, channel_id, today()).await.unwrap();
    let channel = find_channel(&mut conn, channel_id).await.unwrap().unwrap();
    assert_eq!(channel.standing(today()), Standing::Suspended);
    let again = stop_channel(&mut conn, &ann, id, channel_id, today()).await;
    assert!(matches!(again, Err(IncidentError::Channel(ChannelError::DecidedBefore))));
    submit(&mut conn, &agents.manager, channel_id, &terms(), today()).await.unwrap();
    // Ann, who has become somebody who approves channels.
    let Actor::Member { mut member, address } = ann else { panic!("somebody") };
    member.roles.push(Role::TariffApprover);
    let ann = Actor::Member { member, address };
    let own = decide(&mut conn, &ann, (channel_id, 2), (true, ""), today()).await;
    assert!(matches!(own, Err(ChannelError::Oneself)), "{own:?}");
    decide(&mut conn, &agents.approver, (channel_id, 2), (true, ""), today()).await.unwrap();
    let stopped = source(&mut conn, id).await.unwrap().channels;
    assert_eq!((stopped[0].version, stopped[0].lifted_by.as_deref()), (1, Some("zhou.zheng")));
    drop(conn);
    world.db.drop().await;
}
