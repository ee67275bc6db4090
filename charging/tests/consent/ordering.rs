//! From the question to the active service, and everything that must not lead there.

use charging::actor::{Actor, By};
use charging::consent::Method;
use charging::consent::request::RequestError;
use charging::notice::template::mask_code;
use charging::order::agreement::{AgreementId, StepKind, agreement};
use charging::order::flow::{confirm, offer, refuse};
use charging::order::history::history;
use charging::order::store::OrderError;
use charging::order::view::active;
use charging::order::{EndReason, Refusal};
use charging::tariff::Kind;
use charging::tariff::store::{Publication, publish};
use charging::tariff::withdrawal::testing::withdraw;
use chrono::TimeDelta;

use crate::world::{ADDON, FUTURE, LOOSE_PLAN, OTHER_PLAN, PACK, PAST, PLAN, SHELF, World, at, now, tariff};
use crate::{later, other_code};

#[tokio::test]
async fn a_yes_by_code_makes_an_order_with_its_proof() {
    let world = World::new().await;
    let a = world.subscriber(1).await;
    let asked = world.ask(a, ADDON, now()).await.unwrap();
    let (kind, sent) = world.last_sms(a).await;
    assert_eq!(kind, "order_request");
    assert_eq!(mask_code(&sent), asked.description);
    let code = world.code(a).await;
    assert!(sent.contains(&code) && !asked.description.contains(&code));
    let ordered = confirm(&world.db.app, a, asked.request_id, &code, later("4:59")).await.unwrap();
    assert_eq!(ordered.starts_at, later("4:59"));
    assert_eq!(world.last_sms(a).await.0, "order_success");

    let mut conn = world.db.app.acquire().await.unwrap();
    let services = active(&mut conn, a, later("5:00")).await.unwrap();
    assert_eq!(services.len(), 1);
    let service = &services[0];
    assert_eq!((service.order_id, service.agreed.method), (ordered.order_id, Method::SmsCode));
    assert_eq!(service.agreed.channel_id, "web");
    assert!(service.can_cancel && !service.can_undo && !service.is_plan);
    let slip = agreement(&mut conn, a, AgreementId::Order(ordered.order_id), later("5:00")).await.unwrap().unwrap();
    assert_eq!(slip.evidence.description, asked.description);
    assert_eq!(slip.evidence.answer, code);
    assert_eq!((slip.evidence.seq, slip.chain_length, slip.previous_hash), (1, 1, None));
    let kinds: Vec<&str> = slip.messages.iter().map(|message| message.kind.as_str()).collect();
    assert_eq!(kinds, ["order_request", "order_success"]);
    assert_eq!(slip.messages[0].body, asked.description, "the code is masked");
    let steps: Vec<_> = slip.steps.iter().map(|step| (step.what, step.at, &step.actor)).collect();
    let (asked_at, agreed_at, owner) = (now(), slip.at, &Actor::Subscriber);
    let expected = [
        (StepKind::Asked, asked_at, owner),
        (StepKind::Agreed, agreed_at, owner),
        (StepKind::Ordered, agreed_at, owner),
        (StepKind::Activated, agreed_at, owner),
    ];
    assert_eq!(steps, expected);
    let page = history(&mut conn, a, later("5:00"), 0, 10).await.unwrap();
    assert_eq!((page.total, page.entries[0].what.agreement()), (1, Some(AgreementId::Order(ordered.order_id))));
    let in_three_years = now() + TimeDelta::days(1100);
    assert_eq!(history(&mut conn, a, in_three_years, 0, 10).await.unwrap().total, 1, "it still runs");
    assert_eq!(
        agreement(&mut conn, a + 1, AgreementId::Order(ordered.order_id), later("5:00")).await.unwrap(),
        None,
        "not for another subscriber"
    );
    world.check_chain(a, 1).await;
    drop(conn);
    world.db.drop().await;
}

#[tokio::test]
async fn two_answers_at_once_make_one_order() {
    let world = World::new().await;
    let a = world.subscriber(1).await;
    let asked = world.ask(a, ADDON, now()).await.unwrap();
    let code = world.code(a).await;
    let answers = (0..4).map(|_| confirm(&world.db.app, a, asked.request_id, &code, later("1:00")));
    let results = futures::future::join_all(answers).await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1, "{results:?}");
    for result in results.into_iter().filter_map(Result::err) {
        assert!(matches!(result, OrderError::Request(RequestError::AnsweredBefore)), "{result:?}");
    }
    assert_eq!((world.count("product_order").await, world.count("consent").await), (1, 1));
    let again = confirm(&world.db.app, a, asked.request_id, &code, later("2:00")).await.unwrap_err();
    assert!(matches!(again, OrderError::Request(RequestError::AnsweredBefore)));
    world.check_chain(a, 1).await;
    world.db.drop().await;
}

#[tokio::test]
async fn orders_at_once_keep_one_chain() {
    let world = World::new().await;
    let a = world.subscriber(1).await;
    let signs = [ADDON, PACK, PLAN, OTHER_PLAN].map(|scheme_id| {
        let world = &world;
        async move {
            let mut tx = world.db.app.begin().await.unwrap();
            let seq = world.sign(&mut tx, a, scheme_id, now()).await;
            tx.commit().await.unwrap();
            seq
        }
    });
    let mut seqs = futures::future::join_all(signs).await;
    seqs.sort_unstable();
    assert_eq!(seqs, [1, 2, 3, 4]);
    world.check_chain(a, 4).await;
    world.db.drop().await;
}

#[tokio::test]
async fn a_wrong_code_counts_and_a_late_one_does_not_count() {
    let world = World::new().await;
    let (a, b) = (world.subscriber(1).await, world.subscriber(2).await);
    let asked = world.ask(a, ADDON, now()).await.unwrap();
    let code = world.code(a).await;
    let wrong = |result: Result<_, OrderError>| matches!(result, Err(OrderError::Request(RequestError::WrongCode)));
    let answer = |typed: String, minute: &'static str| {
        let (pool, request_id) = (&world.db.app, asked.request_id);
        async move { confirm(pool, a, request_id, &typed, later(minute)).await }
    };
    assert!(wrong(answer(code.clone(), "5:01").await), "after five minutes");
    for _ in 0..5 {
        assert!(wrong(answer(other_code(&code).to_owned(), "1:00").await));
    }
    assert!(wrong(answer(code.clone(), "1:01").await), "after five tries");
    assert_eq!(world.count("product_order").await, 0);

    let asked_b = world.ask(b, ADDON, later("1:00")).await.unwrap();
    let code_b = world.code(b).await;
    let not_open = confirm(&world.db.app, a, asked_b.request_id, &code_b, later("1:30")).await;
    assert!(matches!(not_open, Err(OrderError::Request(RequestError::NotOpen))), "another subscriber's request");
    let again = world.ask(a, ADDON, later("2:00")).await.unwrap();
    let new_code = world.code(a).await;
    let old = confirm(&world.db.app, a, asked.request_id, &code, later("2:30")).await;
    assert!(matches!(old, Err(OrderError::Request(RequestError::NotOpen))), "a newer question replaced it");
    confirm(&world.db.app, a, again.request_id, &new_code, later("3:00")).await.unwrap();
    world.db.drop().await;
}

#[tokio::test]
async fn what_was_asked_keeps_its_ten_minutes_beside_a_newer_version() {
    let world = World::new().await;
    let a = world.subscriber(1).await;
    let asked = world.ask(a, PACK, at("2026-12-05T12:00:00+08:00")).await.unwrap();
    let code = world.code(a).await;
    let dearer = r#"{"recurring":{"price":"95.00","first_month":"full"},"cancel_effective":"month_end"}"#;
    let mut tx = world.db.app.begin().await.unwrap();
    let change = Publication::from(tariff(PACK, Kind::Addon, "视频包", Some(dearer)));
    publish(&mut tx, &[change], at("2026-12-05T12:01:00+08:00")).await.unwrap();
    tx.commit().await.unwrap();
    let answered = at("2026-12-05T12:02:00+08:00");
    let first = confirm(&world.db.app, a, asked.request_id, &code, answered).await.unwrap();
    let b = world.subscriber(2).await;
    let second = world.order(b, PACK, answered).await.unwrap();
    for (ordered, agreed) in [(first, "20.00"), (second, "95.00")] {
        let price: rust_decimal::Decimal =
            sqlx::query_scalar("select recurring_price from subscription where subscription_id = $1")
                .bind(ordered.subscription_id)
                .fetch_one(&world.db.app)
                .await
                .unwrap();
        assert_eq!(price, agreed.parse().unwrap());
    }
    world.db.drop().await;
}

#[tokio::test]
async fn a_version_is_public_before_it_is_sold_and_the_one_before_is_sold_until_then() {
    let world = World::new().await;
    let a = world.subscriber(1).await;
    let dearer = r#"{"recurring":{"price":"95.00","first_month":"full"},"cancel_effective":"month_end"}"#;
    let from = at("2026-12-06T12:00:00+08:00");
    let change =
        Publication { orderable_from: Some(from), ..tariff(PACK, Kind::Addon, "视频包", Some(dearer)).into() };
    let new =
        Publication { orderable_from: Some(from), ..tariff("26MB900099", Kind::Addon, "新包", Some(dearer)).into() };
    let mut tx = world.db.app.begin().await.unwrap();
    publish(&mut tx, &[change, new], at("2026-12-05T12:00:00+08:00")).await.unwrap();
    tx.commit().await.unwrap();
    let mut conn = world.db.app.acquire().await.unwrap();
    let (new, pack) = ("26MB900099".parse().unwrap(), PACK.parse().unwrap());
    let before = from - TimeDelta::seconds(1);
    for (at, version) in [(before, 1), (from, 2)] {
        assert_eq!(offer(&mut conn, a, &pack, at).await.unwrap().tariff.version, version);
    }
    let early = offer(&mut conn, a, &new, before).await.unwrap_err();
    assert!(matches!(early, OrderError::Refused(Refusal::NotYetOrderable { from: told }) if told == from), "{early:?}");
    assert_eq!(offer(&mut conn, a, &new, from).await.unwrap().tariff.version, 1);
    drop(conn);
    world.db.drop().await;
}

#[tokio::test]
async fn a_next_version_is_sold_from_its_first_day_and_the_one_before_until_then() {
    let world = World::new().await;
    let a = world.subscriber(1).await;
    let dearer = r#"{"recurring":{"price":"95.00","first_month":"full"},"cancel_effective":"month_end"}"#;
    let mut next = tariff(PACK, Kind::Addon, "视频包", Some(dearer));
    next.on_sale_from = "2026-12-10".parse().unwrap();
    let published = at("2026-12-05T12:00:00+08:00");
    let mut tx = world.db.app.begin().await.unwrap();
    publish(&mut tx, &[next.into()], published).await.unwrap();
    tx.commit().await.unwrap();
    let mut conn = world.db.app.acquire().await.unwrap();
    let pack = PACK.parse().unwrap();
    let from = at("2026-12-10T00:00:00+08:00");
    for (at, version) in [(published, 1), (from - TimeDelta::seconds(1), 1), (from, 2)] {
        assert_eq!(offer(&mut conn, a, &pack, at).await.unwrap().tariff.version, version, "{at}");
    }
    drop(conn);
    world.db.drop().await;
}

#[tokio::test]
async fn what_may_not_be_ordered_is_not_asked_about() {
    let world = World::new().await;
    let a = world.subscriber(1).await;
    world.has(a, PLAN, at("2026-09-01T00:00:00+08:00")).await;
    let mut conn = world.db.app.acquire().await.unwrap();
    withdraw(&mut conn, LOOSE_PLAN, now()).await;
    for (scheme_id, expected) in [
        (SHELF, Refusal::NoTerms),
        (FUTURE, Refusal::NotPublished),
        (LOOSE_PLAN, Refusal::Withdrawn),
        (PLAN, Refusal::AlreadyActive),
    ] {
        match world.ask(a, scheme_id, now()).await {
            Err(OrderError::Refused(reason)) => assert_eq!(reason, expected, "{scheme_id}"),
            other => panic!("{scheme_id}: {other:?}"),
        }
    }
    assert!(matches!(world.ask(a, PAST, now()).await, Err(OrderError::Refused(Refusal::NotOnSale { .. }))));
    assert!(matches!(world.ask(a, "26MB999999", now()).await, Err(OrderError::UnknownTariff)));
    let scheme_id = ADDON.parse().unwrap();
    assert_eq!(offer(&mut conn, a, &scheme_id, now()).await.unwrap().tariff.version, 1);
    assert_eq!((world.count("notice").await, world.count("consent_request").await), (0, 0));
    drop(conn);
    world.db.drop().await;
}

#[tokio::test]
async fn a_no_costs_nothing_and_too_many_questions_are_not_asked() {
    let world = World::new().await;
    let a = world.subscriber(1).await;
    let asked = world.ask(a, ADDON, now()).await.unwrap();
    let code = world.code(a).await;
    let mut tx = world.db.app.begin().await.unwrap();
    assert!(refuse(&mut tx, a, asked.request_id, &By::subscriber("web"), later("1:00")).await.unwrap());
    assert!(!refuse(&mut tx, a, asked.request_id, &By::subscriber("web"), later("1:00")).await.unwrap());
    tx.commit().await.unwrap();
    assert_eq!(world.last_sms(a).await.0, "order_refused");
    let answered = confirm(&world.db.app, a, asked.request_id, &code, later("2:00")).await;
    assert!(matches!(answered, Err(OrderError::Request(RequestError::NotOpen))));
    for second in 1..20 {
        world.ask(a, ADDON, now() + TimeDelta::seconds(second)).await.unwrap();
    }
    let limited = world.ask(a, ADDON, later("3:00")).await.unwrap_err();
    assert!(matches!(limited, OrderError::Request(RequestError::TooMany { .. })));
    world.ask(a, ADDON, later("60:00")).await.unwrap();
    world.db.drop().await;
}

#[tokio::test]
async fn a_plan_takes_over_when_the_present_one_ends() {
    let world = World::new().await;
    let a = world.subscriber(1).await;
    let plan = world.has(a, PLAN, at("2026-09-01T00:00:00+08:00")).await;
    let ordered = world.order(a, OTHER_PLAN, now()).await.unwrap();
    let november = at("2026-11-01T00:00:00+08:00");
    assert_eq!(ordered.starts_at, november);
    assert_eq!(world.last_sms(a).await.0, "plan_change");
    let mut conn = world.db.app.acquire().await.unwrap();
    let services = active(&mut conn, a, now()).await.unwrap();
    assert_eq!(services[0].subscription_id, plan.subscription_id);
    assert_eq!((services[0].agreed.seq, services[0].order_id), (plan.consent_seq, plan.order_id));
    assert_eq!((services[0].ends_at, services[0].end_reason), (Some(november), Some(EndReason::Replaced)));
    assert_eq!((services[1].starts_at, services[1].can_cancel), (november, true));
    let waiting = world.ask(a, LOOSE_PLAN, now()).await.unwrap_err();
    assert!(matches!(waiting, OrderError::Refused(Refusal::PlanChangeWaiting)));
    assert_eq!(active(&mut conn, a, november).await.unwrap().len(), 1);
    drop(conn);
    world.db.drop().await;
}

#[tokio::test]
async fn a_plan_that_may_end_at_once_is_replaced_at_once() {
    let world = World::new().await;
    let a = world.subscriber(1).await;
    let first = world.order(a, LOOSE_PLAN, at("2026-10-01T08:00:00+08:00")).await.unwrap();
    let second = world.order(a, PLAN, now()).await.unwrap();
    assert_eq!((first.starts_at, second.starts_at), (at("2026-10-01T08:00:00+08:00"), now()));
    let (ends_at, reason): (chrono::DateTime<chrono::Utc>, String) =
        sqlx::query_as("select ends_at, end_reason from subscription where subscription_id = $1")
            .bind(first.subscription_id)
            .fetch_one(&world.db.app)
            .await
            .unwrap();
    assert_eq!((ends_at, reason.as_str()), (now(), "immediately"));
    world.check_chain(a, 2).await;
    world.db.drop().await;
}
