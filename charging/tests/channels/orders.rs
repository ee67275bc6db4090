//! From a channel's order to the subscriber's own yes, and everything that must not get there.

use charging::actor::Actor;
use charging::audit::audit;
use charging::channel::order::{Answer, QUESTIONS_AN_HOUR, counts};
use charging::channel::store::{ChannelError, decide, stop, submit};
use charging::channel::{Outcome, Terms, Why};
use charging::order::Refusal;
use charging::order::agreement::{AgreementId, StepKind, agreement};
use charging::order::flow::{confirm, request};
use charging::order::store::OrderError;
use chrono::{DateTime, TimeDelta, Utc};
use rand::SeedableRng as _;
use rand_chacha::ChaCha20Rng;

use crate::agents::{Agents, terms};
use crate::world::{ADDON, OTHER_PLAN, PACK, PAST, World, at, now};

async fn count(world: &World, what: &'static str) -> i64 {
    sqlx::query_scalar(what).fetch_one(&world.db.app).await.unwrap()
}

/// The newest message: its text.
async fn told(world: &World, subscriber_id: i64) -> String {
    let newest = "select body from notice where subscriber_id = $1 order by notice_id desc limit 1";
    sqlx::query_scalar(newest).bind(subscriber_id).fetch_one(&world.db.app).await.unwrap()
}

async fn request_id(world: &World, subscriber_id: i64) -> i64 {
    let newest = "select max(request_id) from consent_request where subscriber_id = $1";
    sqlx::query_scalar(newest).bind(subscriber_id).fetch_one(&world.db.app).await.unwrap()
}

fn in_minutes(minutes: i64) -> DateTime<Utc> {
    now() + TimeDelta::minutes(minutes)
}

async fn close(world: World, agents: Agents) {
    drop(agents);
    world.db.drop().await;
}

#[tokio::test]
async fn a_channel_asks_and_the_subscriber_orders_by_a_reply() {
    let world = World::new().await;
    let agents = Agents::new(&world.db.app).await;
    let a = world.subscriber(1).await;
    let asked = agents.order("k1", 1, ADDON, now()).await.unwrap();
    assert_eq!(asked, Answer::Asked { until: in_minutes(10) });
    assert_eq!(count(&world, "select count(*) from product_order").await, 0, "nothing is ordered by a channel");
    let sms = told(&world, a).await;
    assert!(sms.starts_with("【明白】网络渠道QD000001“云桥数码专营店”替您申请。您要办理"), "{sms}");

    agents.reply(a, "m1", "Y", in_minutes(2)).await;
    let order_id = count(&world, "select order_id from product_order").await;
    let mut conn = world.db.app.acquire().await.unwrap();
    let slip = agreement(&mut conn, a, AgreementId::Order(order_id), in_minutes(3)).await.unwrap().unwrap();
    let (channel_id, name) = slip.through.expect("it came through a channel");
    assert_eq!((channel_id, name.as_str()), (agents.channel_id.clone(), "云桥数码专营店"));
    assert_eq!((slip.channel_id.as_str(), slip.actor), ("sms", Actor::Subscriber), "the subscriber ordered it, by SMS");
    assert!(slip.evidence.description.contains("QD000001"), "the proof says who wanted it");
    let first = &slip.steps[0];
    assert_eq!((first.what, &first.actor), (StepKind::Asked, &Actor::Channel(agents.channel_id.clone())));
    let counted = counts(&mut conn, &agents.channel_id).await.unwrap();
    assert_eq!((counted.asked(), counted.agreed, counted.beyond_scope()), (1, 1, 0));
    drop(conn);
    close(world, agents).await;
}

#[tokio::test]
async fn a_code_on_the_page_counts_as_answered_there() {
    let world = World::new().await;
    let agents = Agents::new(&world.db.app).await;
    let a = world.subscriber(1).await;
    agents.order("k1", 1, PACK, now()).await.unwrap();
    let sms = told(&world, a).await;
    let code = &sms.split_once("验证码").unwrap().1[..6];
    confirm(&world.db.app, a, request_id(&world, a).await, code, in_minutes(1)).await.unwrap();
    assert_eq!(count(&world, "select count(*) from agent_sale").await, 1);
    assert_eq!(count(&world, "select count(*) from product_order where channel_id = 'web'").await, 1);
    let report = audit(&world.db.app, None, || ()).await.unwrap();
    assert!(report.described.is_empty(), "{:?}", report.described);
    close(world, agents).await;
}

#[tokio::test]
async fn whatever_is_beyond_the_scope_is_refused_counted_and_asks_nobody() {
    let world = World::new().await;
    let agents = Agents::new(&world.db.app).await;
    world.subscriber(1).await;
    world.subscriber(2).await;
    sqlx::query("update subscriber set region = '上海' where msisdn = '13800000002'")
        .execute(&world.db.owner)
        .await
        .unwrap();
    let new_year = at("2027-01-01T00:00:00+08:00");
    for (key, n, scheme_id, on, outcome) in [
        ("k1", 1, OTHER_PLAN, now(), Outcome::Tariff),
        ("k2", 2, ADDON, now(), Outcome::Region),
        ("k3", 3, ADDON, now(), Outcome::NotAvailable),
        ("k4", 1, ADDON, new_year, Outcome::Expired),
        ("k5", 1, ADDON, at("2025-12-31T23:59:59+08:00"), Outcome::NotStarted),
    ] {
        let answer = agents.order(key, n, scheme_id, on).await.unwrap();
        assert_eq!(answer, Answer::Refused(outcome), "{key}");
        assert_eq!(agents.order(key, n, scheme_id, on).await.unwrap(), answer, "the same again is no other");
    }
    assert_eq!(count(&world, "select count(*) from consent_request").await, 0);
    assert_eq!(count(&world, "select count(*) from notice").await, 0);
    let mut conn = world.db.app.acquire().await.unwrap();
    let counted = counts(&mut conn, &agents.channel_id).await.unwrap();
    assert_eq!((counted.asked(), counted.beyond_scope()), (0, 4));
    drop(conn);
    close(world, agents).await;
}

#[tokio::test]
async fn what_cannot_be_ordered_is_refused_without_saying_why() {
    let world = World::new().await;
    let agents = Agents::new(&world.db.app).await;
    let a = world.subscriber(1).await;
    world.has(a, ADDON, at("2026-10-01T00:00:00+08:00")).await;
    let mut tx = world.db.app.begin().await.unwrap();
    let wider = Terms { scheme_ids: [ADDON, PAST].map(|id| id.parse().unwrap()).to_vec(), ..terms() };
    let version = submit(&mut tx, &agents.manager, &agents.channel_id, &wider, now()).await.unwrap();
    decide(&mut tx, &agents.approver, (&agents.channel_id, version), (true, ""), now()).await.unwrap();
    tx.commit().await.unwrap();
    for (key, scheme_id) in [("k1", ADDON), ("k2", PAST)] {
        let answer = agents.order(key, 1, scheme_id, in_minutes(1)).await.unwrap();
        assert_eq!(answer, Answer::Refused(Outcome::NotAvailable), "{scheme_id}");
    }
    let narrower = agents.order("k3", 1, PACK, in_minutes(1)).await.unwrap();
    assert_eq!(narrower, Answer::Refused(Outcome::Tariff), "the newest version alone holds");
    close(world, agents).await;
}

#[tokio::test]
async fn an_order_counts_once_and_its_key_is_its_own() {
    let world = World::new().await;
    let agents = Agents::new(&world.db.app).await;
    let a = world.subscriber(1).await;
    let first = agents.order("k1", 1, ADDON, now()).await.unwrap();
    assert_eq!(agents.order("k1", 1, ADDON, in_minutes(3)).await.unwrap(), first);
    assert!(matches!(agents.order("k1", 1, PACK, in_minutes(3)).await, Err(ChannelError::KeyReused)));
    let both = tokio::join!(agents.order("k2", 1, PACK, in_minutes(11)), agents.order("k2", 1, PACK, in_minutes(11)));
    assert_eq!(both.0.unwrap(), both.1.unwrap(), "also at the same time");
    let sent = "select count(*) from notice where kind = 'order_request' and subscriber_id = $1";
    let sent: i64 = sqlx::query_scalar(sent).bind(a).fetch_one(&world.db.app).await.unwrap();
    assert_eq!(sent, 2);
    close(world, agents).await;
}

#[tokio::test]
async fn a_channel_displaces_no_question_and_asks_seldom() {
    let world = World::new().await;
    let agents = Agents::new(&world.db.app).await;
    let a = world.subscriber(1).await;
    let by = charging::actor::By::subscriber("web");
    let mut tx = world.db.app.begin().await.unwrap();
    let scheme_id = OTHER_PLAN.parse().unwrap();
    let own = request(&mut tx, a, &scheme_id, &by, now(), &mut ChaCha20Rng::seed_from_u64(1)).await.unwrap();
    tx.commit().await.unwrap();
    let busy = agents.order("k0", 1, ADDON, in_minutes(10)).await;
    assert!(
        matches!(busy, Err(ChannelError::Busy { retry_after }) if retry_after == TimeDelta::seconds(1)),
        "{busy:?}"
    );
    let state = "select count(*) from consent_request where state = 'open' and request_id = $1";
    let open: i64 = sqlx::query_scalar(state).bind(own.request_id).fetch_one(&world.db.app).await.unwrap();
    assert_eq!(open, 1);
    let questions = i64::from(QUESTIONS_AN_HOUR.max);
    for nth in 0..questions {
        let asked = agents.order(&format!("k{}", nth + 1), 1, ADDON, in_minutes(11 * (nth + 1))).await.unwrap();
        assert!(matches!(asked, Answer::Asked { .. }), "{asked:?}");
    }
    let next = in_minutes(11 * (questions + 1));
    assert!(matches!(agents.order("k9", 1, ADDON, next).await, Err(ChannelError::TooMany { .. })));
    assert!(matches!(agents.order("k9", 1, ADDON, in_minutes(90)).await, Ok(Answer::Asked { .. })), "an hour later");
    close(world, agents).await;
}

#[tokio::test]
async fn a_channel_that_is_stopped_sells_nothing_not_even_what_was_asked() {
    let world = World::new().await;
    let agents = Agents::new(&world.db.app).await;
    let a = world.subscriber(1).await;
    agents.order("k1", 1, ADDON, now()).await.unwrap();
    let sms = told(&world, a).await;
    let code = &sms.split_once("验证码").unwrap().1[..6];
    let mut tx = world.db.app.begin().await.unwrap();
    let stopped = (Why::Suspended, "多名用户反映冒充客服");
    stop(&mut tx, &agents.approver, &agents.channel_id, stopped, in_minutes(1)).await.unwrap();
    tx.commit().await.unwrap();
    let refused = confirm(&world.db.app, a, request_id(&world, a).await, code, in_minutes(2)).await;
    assert!(matches!(refused, Err(OrderError::Refused(Refusal::ChannelStopped))), "{refused:?}");
    agents.reply(a, "m1", "Y", in_minutes(3)).await;
    assert_eq!(count(&world, "select count(*) from product_order").await, 0);
    let after = agents.order("k2", 1, ADDON, in_minutes(12)).await.unwrap();
    assert_eq!(after, Answer::Refused(Outcome::Suspended));
    close(world, agents).await;
}

#[tokio::test]
async fn a_yes_that_waits_for_a_stop_comes_too_late() {
    let world = World::new().await;
    let agents = Agents::new(&world.db.app).await;
    let a = world.subscriber(1).await;
    agents.order("k1", 1, ADDON, now()).await.unwrap();
    let sms = told(&world, a).await;
    let code = sms.split_once("验证码").unwrap().1[..6].to_owned();
    let request_id = request_id(&world, a).await;
    let mut tx = world.db.app.begin().await.unwrap();
    let stopped = (Why::Suspended, "多名用户反映冒充客服");
    stop(&mut tx, &agents.approver, &agents.channel_id, stopped, in_minutes(1)).await.unwrap();
    let pool = world.db.app.clone();
    let yes = tokio::spawn(async move { confirm(&pool, a, request_id, code.as_str(), in_minutes(2)).await });
    let waits = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
    // What another role waits for is shown to the owner alone.
    while sqlx::query_scalar::<_, i64>(waits).fetch_one(&world.db.owner).await.unwrap() == 0 {
        assert!(!yes.is_finished(), "it does not wait for the stop");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    tx.commit().await.unwrap();
    let refused = yes.await.unwrap();
    assert!(matches!(refused, Err(OrderError::Refused(Refusal::ChannelStopped))), "{refused:?}");
    assert_eq!(count(&world, "select count(*) from product_order").await, 0);
    close(world, agents).await;
}
