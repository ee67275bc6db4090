//! From a line that somebody doubts to its answer.

use std::net::{IpAddr, Ipv4Addr};

use charging::bill::run::run;
use charging::dispute::desk::{self, Filter, Which, answer, ask, look, reason, take};
use charging::dispute::escalation::escalate;
use charging::dispute::store::{DisputeError, events, evidence, find, of_bill, open, reopen, tell_more, withdraw};
use charging::dispute::verdict::Proof;
use charging::dispute::{CaseId, Dispute, Finding, Rejected, State, What};
use charging::payment::due::due_lines;
use charging::refund::{NewRefund, Of, Reason};
use charging::staff::{Actor, Member, Role, StaffError};
use chrono::{DateTime, TimeDelta, Utc};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng as _;
use rust_decimal::Decimal;
use sqlx::PgConnection;

use crate::world::{World, at, month, november, yuan};

fn rng() -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(7)
}

fn noon() -> DateTime<Utc> {
    at("2026-11-05T04:00:00Z")
}

/// A closed October: the plan's fee of 59 and 10 once on the first lines, and the agent 何苗.
async fn billed() -> (World, i64, Actor) {
    let world = World::new().await;
    let id = world.subscriber(1, "2026-10-01", true).await;
    run(&world.db.app, month("2026-10"), &november(), |_| ()).await.unwrap();
    (world, id, Actor::Engineer)
}

async fn somebody(world: &World, login: &str, role: Role) -> Actor {
    let staff_id = sqlx::query_scalar(
        "insert into staff (login, name, password, totp_secret, created_at)
        values ($1, $1, '$argon2id$1', 'sealed', now()) returning staff_id",
    )
    .bind(login)
    .fetch_one(&world.db.app)
    .await
    .unwrap();
    let member = Member { staff_id, login: login.parse().unwrap(), name: login.to_owned(), roles: vec![role] };
    Actor::Member { member, address: IpAddr::V4(Ipv4Addr::LOCALHOST) }
}

/// One step in a transaction of its own.
async fn step<T>(
    world: &World,
    work: impl AsyncFnOnce(&mut PgConnection) -> Result<T, DisputeError>,
) -> Result<T, DisputeError> {
    let mut tx = world.db.app.begin().await.unwrap();
    let done = work(&mut tx).await;
    if done.is_ok() {
        tx.commit().await.unwrap();
    }
    done
}

async fn messages(world: &World, subscriber_id: i64) -> Vec<String> {
    sqlx::query_scalar("select kind from notice where subscriber_id = $1 and kind like 'dispute%' order by notice_id")
        .bind(subscriber_id)
        .fetch_all(&world.db.app)
        .await
        .unwrap()
}

/// Whether something of a line of October has to be paid.
async fn is_due(world: &World, subscriber_id: i64, line_no: i32) -> bool {
    let mut conn = world.db.app.acquire().await.unwrap();
    due_lines(&mut conn, subscriber_id).await.unwrap().iter().any(|line| line.line_no == line_no)
}

/// Reason, state and yuan of each refund.
async fn refunds(world: &World, subscriber_id: i64) -> Vec<(String, String, Decimal)> {
    sqlx::query_as("select reason, state, amount from refund where subscriber_id = $1 order by refund_id")
        .bind(subscriber_id)
        .fetch_all(&world.db.app)
        .await
        .unwrap()
}

async fn opened(world: &World, id: i64, line_no: i32) -> Dispute {
    step(world, async |conn| open(conn, id, (month("2026-10"), line_no), "不是我办的", &mut rng(), noon()).await)
        .await
        .unwrap()
}

#[tokio::test]
async fn a_line_in_order_is_explained_and_asked_about_once_more() {
    let (world, id, _) = billed().await;
    let agent = somebody(&world, "he.miao", Role::Agent).await;
    let dispute = opened(&world, id, 1).await;
    let case = dispute.case();
    assert_eq!((dispute.standing.state, dispute.findings.as_slice()), (State::Received, &[Finding::InOrder][..]));
    assert_eq!((dispute.line_amount, dispute.due_at), (yuan("59.00"), noon() + TimeDelta::days(15)));
    assert!(!is_due(&world, id, 1).await, "a disputed line is not due");
    let again = step(&world, async |conn| open(conn, id, (month("2026-10"), 1), "", &mut rng(), noon()).await).await;
    assert!(matches!(again, Err(DisputeError::Disputed)), "{again:?}");
    let none = step(&world, async |conn| open(conn, id, (month("2026-10"), 9), "", &mut rng(), noon()).await).await;
    assert!(matches!(none, Err(DisputeError::NoSuchLine)));

    step(&world, async |conn| ask(conn, &agent, case, "您在哪里看到的价格？", noon()).await).await.unwrap();
    step(&world, async |conn| tell_more(conn, case, "营业厅", noon()).await).await.unwrap();
    let silent = step(&world, async |conn| answer(conn, &agent, case, None, "  ", noon()).await).await;
    assert!(matches!(silent, Err(DisputeError::NoWords)));
    step(&world, async |conn| answer(conn, &agent, case, None, "价格与公示一致", noon()).await).await.unwrap();
    let late = step(&world, async |conn| answer(conn, &agent, case, Some(yuan("1")), "再退", noon()).await).await;
    assert!(matches!(late, Err(DisputeError::Rejected(Rejected::Answered))));

    assert!(is_due(&world, id, 1).await, "it was right, and is due again");
    let (next_day, award) = (noon() + TimeDelta::days(1), yuan("9.00"));
    let again = step(&world, async |conn| reopen(conn, case, "还是不对", &mut rng(), next_day).await).await.unwrap();
    assert_eq!((again.standing.round, again.due_at), (2, next_day + TimeDelta::days(15)));
    step(&world, async |conn| answer(conn, &agent, case, Some(yuan("9.00")), "优惠您一部分", next_day).await)
        .await
        .unwrap();
    assert_eq!(refunds(&world, id).await, [("dispute".to_owned(), "asked".to_owned(), award)]);
    assert!(!is_due(&world, id, 1).await, "as long as a refund of it waits for somebody");
    let third = step(&world, async |conn| reopen(conn, case, "", &mut rng(), next_day).await).await;
    assert!(matches!(third, Err(DisputeError::Rejected(Rejected::Final))));

    let mut conn = world.db.app.acquire().await.unwrap();
    let told: Vec<What> = events(&mut conn, case).await.unwrap().into_iter().map(|event| event.what).collect();
    assert_eq!(
        told,
        [What::Opened, What::Taken, What::Asked, What::Told, What::Explained, What::Reopened, What::Upheld { award },]
    );
    let trail: Vec<String> = sqlx::query_scalar("select action from audit_trail where subject = $1 order by entry_id")
        .bind(desk::subject(case))
        .fetch_all(&mut *conn)
        .await
        .unwrap();
    assert_eq!(trail, ["dispute.asked", "dispute.answered", "dispute.answered"]);
    drop(conn);
    let sent = ["received", "asked", "explained", "received", "upheld"].map(|kind| format!("dispute_{kind}"));
    assert_eq!(messages(&world, id).await, sent);
    world.db.drop().await;
}

#[tokio::test]
async fn a_refund_that_is_rejected_leaves_nothing_awarded_and_an_answer_due() {
    let (world, id, _) = billed().await;
    let agent = somebody(&world, "he.miao", Role::Agent).await;
    let lead = somebody(&world, "wang.li", Role::AgentLead).await;
    let case = opened(&world, id, 1).await.case();
    let award = yuan("9.00");
    step(&world, async |conn| answer(conn, &agent, case, Some(award), "优惠您一部分", noon()).await).await.unwrap();
    let reject = async || {
        let mut tx = world.db.app.begin().await.unwrap();
        let refund_id: i64 =
            sqlx::query_scalar("select refund_id from refund where state = 'asked'").fetch_one(&mut *tx).await.unwrap();
        charging::refund::desk::reject(&mut tx, &lead, id, refund_id, "价格没有错", noon() + TimeDelta::days(1))
            .await
            .unwrap();
        tx.commit().await.unwrap();
        find(&mut world.db.app.acquire().await.unwrap(), case).await.unwrap().unwrap()
    };
    let dispute = reject().await;
    assert_eq!((dispute.standing.state, dispute.standing.awarded), (State::Received, Decimal::ZERO));
    assert!(!is_due(&world, id, 1).await, "it is disputed as before");
    step(&world, async |conn| answer(conn, &agent, case, Some(yuan("5")), "少退一些", noon()).await).await.unwrap();
    let next_day = noon() + TimeDelta::days(1);
    // The refund of the answer before still waits, and is rejected in the second round.
    step(&world, async |conn| reopen(conn, case, "不够", &mut rng(), next_day).await).await.unwrap();
    let waits = step(&world, async |conn| answer(conn, &agent, case, Some(yuan("1")), "再退", next_day).await).await;
    assert!(matches!(waits, Err(DisputeError::RefundWaits)), "{waits:?}");
    let dispute = reject().await;
    assert_eq!((dispute.standing.round, dispute.standing.awarded), (2, Decimal::ZERO));
    step(&world, async |conn| answer(conn, &agent, case, None, "价格与公示一致", next_day).await).await.unwrap();
    assert!(is_due(&world, id, 1).await);
    let mut conn = world.db.app.acquire().await.unwrap();
    let steps: Vec<What> = events(&mut conn, case).await.unwrap().into_iter().map(|event| event.what).collect();
    let upheld = [award, yuan("5")].map(|award| What::Upheld { award });
    let refused = [award, yuan("5")].map(|award| What::Refused { award });
    let expected =
        [What::Opened, What::Taken, upheld[0], refused[0], upheld[1], What::Reopened, refused[1], What::Explained];
    assert_eq!(steps, expected);
    drop(conn);
    world.db.drop().await;
}

#[tokio::test]
async fn a_dispute_is_opened_while_a_refund_of_the_line_waits() {
    let (world, id, _) = billed().await;
    let agent = somebody(&world, "he.miao", Role::Agent).await;
    forge(&world, FREE_HANDS).await;
    forge(&world, "update consent set evidence = convert_to(replace(convert_from(evidence, 'UTF8'), '59.00', '95.00'), 'UTF8') where seq = 1").await;
    let mut tx = world.db.app.begin().await.unwrap();
    let of = Of::Line { month: month("2026-10"), line_no: 1 };
    let (reason, note) = (Reason::Goodwill, String::new());
    let new = NewRefund { subscriber_id: id, of, amount: yuan("5"), reason, note, dispute_id: None };
    charging::refund::desk::ask(&mut tx, &agent, &new, noon()).await.unwrap();
    tx.commit().await.unwrap();
    let dispute = opened(&world, id, 1).await;
    assert_eq!(dispute.standing.state, State::Received, "it waits for the refund to be decided");
    assert_eq!(dispute.findings, [Finding::BrokenConsent, Finding::Returned]);
    world.db.drop().await;
}

/// Rubs out what the chain says of the plan, as the owner of the tables could.
async fn forge(world: &World, sql: &'static str) {
    sqlx::raw_sql(sql).execute(&world.db.owner).await.unwrap();
}

const FREE_HANDS: &str = "alter table consent drop constraint consent_hash, drop constraint consent_evidence_matches;
    alter table product_order drop constraint product_order_consent;";

#[tokio::test]
async fn a_broken_proof_gives_everything_back_at_once() {
    let (world, id, _) = billed().await;
    forge(&world, FREE_HANDS).await;
    forge(&world, "update consent set evidence = convert_to(replace(convert_from(evidence, 'UTF8'), '59.00', '95.00'), 'UTF8') where seq = 1").await;
    let dispute = opened(&world, id, 1).await;
    assert_eq!((dispute.standing.state, dispute.standing.awarded), (State::Upheld, yuan("59.00")));
    assert_eq!(dispute.findings, [Finding::BrokenConsent]);
    let mut conn = world.db.app.acquire().await.unwrap();
    let facts = evidence(&mut conn, &dispute).await.unwrap();
    assert!(matches!(&facts.charges[0].proof, Proof::Broken(why) if why.contains("row 1")), "{facts:?}");
    drop(conn);
    assert_eq!(messages(&world, id).await, ["dispute_upheld"]);
    let approved = ("broken_consent".to_owned(), "approved".to_owned(), yuan("59.00"));
    assert_eq!(refunds(&world, id).await, [approved]);
    assert!(!is_due(&world, id, 1).await, "what was not paid yet is waived");
    let again = step(&world, async |conn| reopen(conn, dispute.case(), "", &mut rng(), noon()).await).await;
    assert!(matches!(again, Err(DisputeError::Rejected(Rejected::Final))));
    world.db.drop().await;
}

#[tokio::test]
async fn what_is_wrong_is_suggested_to_an_agent() {
    let (world, id, _) = billed().await;
    let mut conn = world.db.app.acquire().await.unwrap();
    let lines = charging::bill::store::bill(&mut conn, id, month("2026-10")).await.unwrap().unwrap().lines;
    let addon = lines.iter().find(|line| line.amount == yuan("10.00") && line.tariff_name.contains("加油包")).unwrap();
    drop(conn);
    forge(&world, "update subscription set ends_at = starts_at, end_reason = 'before_start' where kind = 'addon'")
        .await;
    let dispute = opened(&world, id, addon.line_no).await;
    assert_eq!((dispute.findings.as_slice(), dispute.suggested), (&[Finding::AfterEnd][..], yuan("10.00")));
    assert_eq!(dispute.standing.state, State::Received, "somebody looks at it");
    let mut conn = world.db.app.acquire().await.unwrap();
    let marked = of_bill(&mut conn, id, month("2026-10")).await.unwrap();
    assert_eq!(marked.keys().copied().collect::<Vec<_>>(), [addon.line_no]);
    drop(conn);
    step(&world, async |conn| withdraw(conn, dispute.case(), noon()).await).await.unwrap();
    let mut conn = world.db.app.acquire().await.unwrap();
    assert!(of_bill(&mut conn, id, month("2026-10")).await.unwrap().is_empty());
    drop(conn);
    let again = opened(&world, id, addon.line_no).await;
    assert_ne!(again.dispute_id, dispute.dispute_id);
    world.db.drop().await;
}

#[tokio::test]
async fn what_waits_is_raised_twice_and_answered_cases_are_not() {
    let (world, id, _) = billed().await;
    let agent = somebody(&world, "he.miao", Role::Agent).await;
    let (first, second) = (opened(&world, id, 1).await, opened(&world, id, 2).await);
    step(&world, async |conn| answer(conn, &agent, second.case(), None, "没有错", noon()).await).await.unwrap();
    let after = async |days: i64| escalate(&world.db.app, noon() + TimeDelta::days(days)).await.unwrap();
    assert_eq!([after(9).await, after(10).await, after(11).await, after(13).await, after(14).await], [0, 1, 0, 1, 0]);
    let mut conn = world.db.app.acquire().await.unwrap();
    assert_eq!(find(&mut conn, first.case()).await.unwrap().unwrap().escalation, 2);
    let late = Filter { is_late: true, ..Filter::default() };
    let page = desk::list(&mut conn, &agent, &late, 1).await.unwrap();
    assert_eq!(page.cases.iter().map(|(dispute, _)| dispute.case()).collect::<Vec<_>>(), [first.case()]);
    let all = Filter { which: Which::All, ..Filter::default() };
    let page = desk::list(&mut conn, &agent, &all, 99).await.unwrap();
    assert_eq!((page.total, page.page), (2, 1));
    assert_eq!(page.cases[0].0.case(), first.case(), "what waits stands first");
    drop(conn);
    world.db.drop().await;
}

#[tokio::test]
async fn nobody_without_the_permission_does_anything() {
    let (world, id, _) = billed().await;
    let case = opened(&world, id, 1).await.case();
    let auditor = somebody(&world, "han.song", Role::Auditor).await;
    let stranger = Actor::Stranger { address: IpAddr::V4(Ipv4Addr::LOCALHOST) };
    for actor in [&auditor, &stranger] {
        let refused = |error: DisputeError| matches!(error, DisputeError::Staff(StaffError::Forbidden(_)));
        assert!(refused(step(&world, async |conn| take(conn, actor, case, noon()).await).await.unwrap_err()));
        assert!(refused(step(&world, async |conn| ask(conn, actor, case, "?", noon()).await).await.unwrap_err()));
        assert!(refused(
            step(&world, async |conn| answer(conn, actor, case, None, "x", noon()).await).await.unwrap_err()
        ));
        assert!(refused(step(&world, async |conn| look(conn, actor, id, "x", noon()).await).await.unwrap_err()));
        assert!(refused(
            step(&world, async |conn| desk::list(conn, actor, &Filter::default(), 1).await).await.unwrap_err()
        ));
    }
    let missing = CaseId { subscriber_id: id, dispute_id: 999 };
    let agent = somebody(&world, "he.miao", Role::Agent).await;
    let none = step(&world, async |conn| take(conn, &agent, missing, noon()).await).await;
    assert!(matches!(none, Err(DisputeError::NotFound)));
    // A reason to look holds for half an hour, for the one who gave it.
    step(&world, async |conn| look(conn, &agent, id, "来电咨询账单", noon()).await).await.unwrap();
    let lead = somebody(&world, "xie.min", Role::AgentLead).await;
    let mut conn = world.db.app.acquire().await.unwrap();
    let given = async |conn: &mut PgConnection, actor: &Actor, minutes| {
        reason(conn, actor, id, noon() + TimeDelta::minutes(minutes)).await.unwrap()
    };
    assert_eq!(given(&mut conn, &agent, 29).await.as_deref(), Some("来电咨询账单"));
    assert_eq!(given(&mut conn, &agent, 31).await, None);
    assert_eq!(given(&mut conn, &lead, 1).await, None);
    drop(conn);
    world.db.drop().await;
}
