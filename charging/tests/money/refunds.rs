//! Refunds: each part the way it was paid, by two people, whatever the gateway answers.

use charging::actor::Actor as By;
use charging::payment::{Purpose, RefundNumber};
use charging::refund::parts::{Original, Told, due_parts, overdue_claims, record_answer, record_sent};
use charging::refund::store::RefundError;
use charging::refund::view::Listed;
use charging::refund::{
    CLAIM_TIME, ImportedCharge, NewRefund, Of, PartEvent, PartState, Reason, Refund, RefundState, Route, Step, desk,
    view,
};
use charging::staff::{Actor, Role, StaffError};
use chrono::TimeDelta;

use crate::world::now;
use crate::{Money, rng, september, staff, yuan};

fn of_line(money: &Money, line_no: i32, amount: &str) -> NewRefund {
    NewRefund {
        subscriber_id: money.a,
        of: Of::Line { month: september(), line_no },
        amount: yuan(amount),
        reason: Reason::Dispute,
        note: "多收了".to_owned(),
        dispute_id: None,
    }
}

async fn refunded(money: &Money, new: &NewRefund) -> i64 {
    let mut tx = money.world.db.app.begin().await.unwrap();
    let refund_id = charging::refund::ask(&mut tx, new, &By::Subscriber, now()).await.unwrap();
    let by = By::Staff("wang.li".to_owned());
    charging::refund::approve(&mut tx, money.a, refund_id, &by, &mut rng(), now()).await.unwrap();
    tx.commit().await.unwrap();
    refund_id
}

async fn find(money: &Money, refund_id: i64) -> Refund {
    view::find(&mut *money.conn().await, money.a, refund_id).await.unwrap().unwrap()
}

fn routes(refund: &Refund) -> Vec<(Route, String, PartState)> {
    refund.parts.iter().map(|part| (part.route, part.amount.to_string(), part.state)).collect()
}

async fn told(money: &Money, number: &RefundNumber, event: PartEvent) -> Step {
    let mut tx = money.world.db.app.begin().await.unwrap();
    let step = record_answer(&mut tx, number, &Told::plain(event, now()), now()).await.unwrap();
    tx.commit().await.unwrap();
    step
}

#[tokio::test]
async fn what_is_not_paid_is_waived() {
    let money = Money::new().await;
    let refund = find(&money, refunded(&money, &of_line(&money, 2, "4")).await).await;
    assert_eq!(routes(&refund), [(Route::Bill, "4.00".to_owned(), PartState::Confirmed)]);
    assert_eq!(refund.state, RefundState::Confirmed);
    assert_eq!((money.due().await, money.account("refund").await), ("65.00".to_owned(), yuan("4.00")));
    money.check_books().await;
    money.pays(Purpose::Bill, "65").await;
    assert_eq!((money.due().await, money.balance().await), ("0".to_owned(), "0".to_owned()));
    money.drop().await;
}

#[tokio::test]
async fn each_part_goes_back_as_it_was_paid() {
    let money = Money::new().await;
    money.pays(Purpose::TopUp, "20").await;
    let mut tx = money.world.db.app.begin().await.unwrap();
    let by = charging::actor::By::subscriber("web");
    charging::payment::balance::pay_from_balance(&mut tx, money.a, &by, now()).await.unwrap();
    tx.commit().await.unwrap();
    let payment = money.pays(Purpose::Bill, "30").await;
    let refund_id = refunded(&money, &of_line(&money, 1, "55")).await;
    let refund = find(&money, refund_id).await;
    let expected = [
        (Route::Bill, "9.00".to_owned(), PartState::Confirmed),
        (Route::Gateway, "30.00".to_owned(), PartState::Approved),
        (Route::Balance, "16.00".to_owned(), PartState::Confirmed),
    ];
    assert_eq!(routes(&refund), expected);
    assert_eq!((refund.state, money.balance().await), (RefundState::Approved, "16.00".to_owned()));
    let due = due_parts(&mut *money.conn().await, 10, now()).await.unwrap();
    assert_eq!((due.len(), due[0].amount.to_string(), due[0].state), (1, "30.00".to_owned(), PartState::Approved));
    let Original::Payment { merchant_order_no, total, .. } = &due[0].original else { panic!("{due:?}") };
    assert_eq!((merchant_order_no, total.to_string()), (&payment.to_string(), "30.00".to_owned()));
    assert_eq!(-money.account("refund_under_way").await, yuan("30.00"));

    let number = due[0].number.clone();
    let mut tx = money.world.db.app.begin().await.unwrap();
    assert_eq!(record_sent(&mut tx, &number, now()).await.unwrap(), Step::To(PartState::Sent));
    tx.commit().await.unwrap();
    assert!(due_parts(&mut *money.conn().await, 10, now()).await.unwrap().is_empty(), "it waits for its answer");
    let again = due_parts(&mut *money.conn().await, 10, now() + TimeDelta::hours(1)).await.unwrap();
    assert_eq!(
        (again[0].number.clone(), again[0].state),
        (number.clone(), PartState::Sent),
        "asked after, same number"
    );
    assert_eq!(told(&money, &number, PartEvent::Succeeded).await, Step::To(PartState::Confirmed));
    assert_eq!(told(&money, &number, PartEvent::Succeeded).await, Step::Same);
    assert_eq!(told(&money, &number, PartEvent::Refused).await, Step::Contradicted);
    assert_eq!(find(&money, refund_id).await.state, RefundState::Confirmed);
    assert_eq!(money.account("refund_under_way").await, yuan("0"));
    assert_eq!(money.account("gateway").await, yuan("20.00"), "of 50 that came in, 30 went back");
    money.check_books().await;
    let rest = charging::refund::ask(&mut *money.conn().await, &of_line(&money, 1, "59"), &By::Subscriber, now()).await;
    let mut tx = money.world.db.app.begin().await.unwrap();
    let approver = By::Staff("wang.li".to_owned());
    let more = charging::refund::approve(&mut tx, money.a, rest.unwrap(), &approver, &mut rng(), now()).await;
    assert!(matches!(more, Err(RefundError::TooMuch(left)) if left.left == yuan("4")), "{more:?}");
    tx.rollback().await.unwrap();
    money.drop().await;
}

#[tokio::test]
async fn what_the_gateway_refuses_for_good_is_in_the_balance_once() {
    let money = Money::new().await;
    money.pays(Purpose::Bill, "69").await;
    let refund_id = refunded(&money, &of_line(&money, 1, "59")).await;
    let number = due_parts(&mut *money.conn().await, 10, now()).await.unwrap()[0].number.clone();
    let mut tx = money.world.db.app.begin().await.unwrap();
    record_sent(&mut tx, &number, now()).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(told(&money, &number, PartEvent::Stuck).await, Step::To(PartState::Disputed));
    assert_eq!(find(&money, refund_id).await.state, RefundState::Disputed);
    assert_eq!(told(&money, &number, PartEvent::Refused).await, Step::To(PartState::Failed));
    assert_eq!(told(&money, &number, PartEvent::Refused).await, Step::Same);
    assert_eq!(told(&money, &number, PartEvent::Succeeded).await, Step::Contradicted);
    let refund = find(&money, refund_id).await;
    assert_eq!(refund.parts.last().map(|part| (part.route, part.replaces_no)), Some((Route::Balance, Some(1))));
    assert_eq!((refund.state, money.balance().await), (RefundState::Confirmed, "59.00".to_owned()));
    assert_eq!(money.account("refund_under_way").await, yuan("0"));
    money.check_books().await;
    money.drop().await;
}

#[tokio::test]
async fn what_hangs_at_the_gateway_is_asked_after_until_it_moves_or_somebody_gives_it_up() {
    let money = Money::new().await;
    let mut tx = money.world.db.app.begin().await.unwrap();
    let lead = staff(&mut tx, "wang.li", &[Role::AgentLead]).await;
    let agent = staff(&mut tx, "li.na", &[Role::Agent]).await;
    tx.commit().await.unwrap();
    money.pays(Purpose::Bill, "69").await;
    let refund_id = refunded(&money, &of_line(&money, 1, "59")).await;
    let number = due_parts(&mut *money.conn().await, 10, now()).await.unwrap()[0].number.clone();
    assert_eq!(told(&money, &number, PartEvent::Sent).await, Step::To(PartState::Sent));
    let give_up = async |by: &Actor, note: &str| {
        let mut tx = money.world.db.app.begin().await.unwrap();
        let given_up = desk::give_up(&mut tx, by, &number, note, now()).await;
        tx.commit().await.unwrap();
        given_up
    };
    let early = give_up(&lead, "银行卡已注销").await;
    assert!(matches!(early, Err(RefundError::NotHanging)), "{early:?}");
    assert_eq!(told(&money, &number, PartEvent::Stuck).await, Step::To(PartState::Disputed));
    let due_after = async |hours: i64| {
        due_parts(&mut *money.conn().await, 10, now() + TimeDelta::hours(hours)).await.unwrap().len()
    };
    assert_eq!((due_after(11).await, due_after(12).await), (0, 1), "it may have been put right there");
    assert_eq!(told(&money, &number, PartEvent::Unknown).await, Step::Same, "nobody gave it up");
    let forbidden = give_up(&agent, "银行卡已注销").await;
    assert!(matches!(forbidden, Err(RefundError::Staff(StaffError::Forbidden(_)))), "{forbidden:?}");
    let silent = give_up(&lead, " ").await;
    assert!(matches!(silent, Err(RefundError::Note)), "{silent:?}");
    give_up(&lead, "银行卡已注销").await.unwrap();
    assert_eq!(find(&money, refund_id).await.parts[0].give_up_by.as_deref(), Some("staff:wang.li"));
    assert_eq!(due_after(0).await, 1, "it is asked after once more");
    assert_eq!(told(&money, &number, PartEvent::Accepted).await, Step::Same, "it moves there");
    assert_eq!(money.balance().await, "0");
    assert_eq!(told(&money, &number, PartEvent::Stuck).await, Step::To(PartState::Failed));
    assert_eq!(told(&money, &number, PartEvent::Succeeded).await, Step::Contradicted);
    assert_eq!(
        (find(&money, refund_id).await.state, money.balance().await),
        (RefundState::Confirmed, "59.00".to_owned())
    );
    assert_eq!(money.account("refund_under_way").await, yuan("0"));
    money.check_books().await;
    money.drop().await;
}

#[tokio::test]
async fn what_the_gateway_does_not_take_for_a_day_may_be_given_up() {
    let money = Money::new().await;
    let mut tx = money.world.db.app.begin().await.unwrap();
    let lead = staff(&mut tx, "wang.li", &[Role::AgentLead]).await;
    tx.commit().await.unwrap();
    money.pays(Purpose::Bill, "69").await;
    refunded(&money, &of_line(&money, 1, "59")).await;
    let number = due_parts(&mut *money.conn().await, 10, now()).await.unwrap()[0].number.clone();
    told(&money, &number, PartEvent::Sent).await;
    let next_day = now() + TimeDelta::days(1);
    let mut tx = money.world.db.app.begin().await.unwrap();
    let early = desk::give_up(&mut tx, &lead, &number, "参数错误", next_day - TimeDelta::seconds(1)).await;
    assert!(matches!(early, Err(RefundError::NotHanging)), "{early:?}");
    desk::give_up(&mut tx, &lead, &number, "参数错误", next_day).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(told(&money, &number, PartEvent::Unknown).await, Step::To(PartState::Failed), "it is not sent again");
    assert_eq!(money.balance().await, "59.00");
    money.check_books().await;
    money.drop().await;
}

#[tokio::test]
async fn the_desk_reads_what_waits_longest_first_and_what_was_decided_last() {
    let money = Money::new().await;
    money.pays(Purpose::Bill, "69").await;
    let first = refunded(&money, &of_line(&money, 1, "9")).await;
    let second = refunded(&money, &of_line(&money, 1, "8")).await;
    let by = |hours: i64| format!("update refund set decided_at = decided_at + interval '{hours} hours'");
    sqlx::raw_sql(sqlx::AssertSqlSafe(format!("{} where refund_id = {second}", by(1))))
        .execute(&money.world.db.owner)
        .await
        .unwrap();
    let third = charging::refund::ask(&mut *money.conn().await, &of_line(&money, 2, "1"), &By::Subscriber, now()).await;
    let listed = async |listed: Listed| {
        let (refunds, total) = view::list(&mut *money.conn().await, listed, 1).await.unwrap();
        (refunds.iter().map(|refund| refund.refund_id).collect::<Vec<_>>(), total)
    };
    assert_eq!(listed(Listed::Asked).await, (vec![third.unwrap()], 1));
    assert_eq!(listed(Listed::UnderWay).await, (vec![first, second], 2));
    assert_eq!(listed(Listed::Decided).await, (vec![second, first], 2));
    let number = due_parts(&mut *money.conn().await, 10, now()).await.unwrap()[0].number.clone();
    told(&money, &number, PartEvent::Stuck).await;
    assert_eq!(listed(Listed::Disputed).await, (vec![number.refund_id], 1));
    assert_eq!(view::list(&mut *money.conn().await, Listed::Decided, 2).await.unwrap(), (Vec::new(), 2));
    money.drop().await;
}

#[tokio::test]
async fn a_gateway_that_speaks_of_another_amount_is_looked_at() {
    let money = Money::new().await;
    money.pays(Purpose::Bill, "69").await;
    let refund_id = refunded(&money, &of_line(&money, 1, "59")).await;
    let number = due_parts(&mut *money.conn().await, 10, now()).await.unwrap()[0].number.clone();
    let mut tx = money.world.db.app.begin().await.unwrap();
    let other = Told { amount: Some(yuan("58")), ..Told::plain(PartEvent::Succeeded, now()) };
    assert_eq!(record_answer(&mut tx, &number, &other, now()).await.unwrap(), Step::To(PartState::Disputed));
    tx.commit().await.unwrap();
    assert_eq!(find(&money, refund_id).await.state, RefundState::Disputed);
    let forged: RefundNumber = format!("R{}-{refund_id}-1-00000000", money.a).parse().unwrap();
    let mut conn = money.conn().await;
    let unknown = record_answer(&mut conn, &forged, &other, now()).await;
    assert!(matches!(unknown, Err(RefundError::NoPart(_))), "{unknown:?}");
    drop(conn);
    money.drop().await;
}

#[tokio::test]
async fn one_asks_and_another_decides() {
    let money = Money::new().await;
    let mut tx = money.world.db.app.begin().await.unwrap();
    let agent = staff(&mut tx, "li.na", &[Role::Agent]).await;
    let lead = staff(&mut tx, "wang.li", &[Role::AgentLead]).await;
    let other = staff(&mut tx, "zhao.yun", &[Role::AgentLead]).await;
    let auditor = staff(&mut tx, "qian.wei", &[Role::Auditor]).await;
    tx.commit().await.unwrap();
    let new = of_line(&money, 1, "59");
    let mut tx = money.world.db.app.begin().await.unwrap();
    let forbidden = desk::ask(&mut tx, &auditor, &new, now()).await;
    assert!(matches!(forbidden, Err(RefundError::Staff(StaffError::Forbidden(_)))), "{forbidden:?}");
    let refund_id = desk::ask(&mut tx, &lead, &new, now()).await.unwrap();
    let forbidden = desk::approve(&mut tx, &agent, money.a, refund_id, &mut rng(), now()).await;
    assert!(matches!(forbidden, Err(RefundError::Staff(StaffError::Forbidden(_)))), "{forbidden:?}");
    tx.commit().await.unwrap();
    let mut tx = money.world.db.app.begin().await.unwrap();
    let oneself = desk::approve(&mut tx, &lead, money.a, refund_id, &mut rng(), now()).await;
    assert!(matches!(oneself, Err(RefundError::Oneself)), "{oneself:?}");
    tx.rollback().await.unwrap();
    let mut tx = money.world.db.app.begin().await.unwrap();
    let twice = desk::ask(&mut tx, &agent, &new, now()).await;
    assert!(matches!(twice, Err(RefundError::Already)), "{twice:?}");
    tx.rollback().await.unwrap();
    let mut tx = money.world.db.app.begin().await.unwrap();
    let silent = desk::reject(&mut tx, &other, money.a, refund_id, " ", now()).await;
    assert!(matches!(silent, Err(RefundError::Note)), "{silent:?}");
    desk::reject(&mut tx, &other, money.a, refund_id, "已按协议收取", now()).await.unwrap();
    let decided = desk::approve(&mut tx, &other, money.a, refund_id, &mut rng(), now()).await;
    assert!(matches!(decided, Err(RefundError::Decided)), "{decided:?}");
    let second = desk::ask(&mut tx, &agent, &new, now()).await.unwrap();
    desk::approve(&mut tx, &lead, money.a, second, &mut rng(), now()).await.unwrap();
    tx.commit().await.unwrap();
    let trail: Vec<String> = sqlx::query_scalar("select action from audit_trail order by entry_id")
        .fetch_all(&money.world.db.owner)
        .await
        .unwrap();
    assert_eq!(trail, ["refund.ask", "refund.reject", "refund.ask", "refund.approve"]);
    money.drop().await;
}

#[tokio::test]
async fn only_what_nobody_agreed_to_goes_back_without_a_question() {
    let money = Money::new().await;
    for (reason, goes) in [(Reason::Dispute, false), (Reason::NoConsent, true)] {
        let mut tx = money.world.db.app.begin().await.unwrap();
        let new = NewRefund { reason, ..of_line(&money, 1, "59") };
        let refund_id = charging::refund::ask(&mut tx, &new, &By::Subscriber, now()).await.unwrap();
        let decided = charging::refund::approve(&mut tx, money.a, refund_id, &By::System, &mut rng(), now()).await;
        assert_eq!(decided.is_ok(), goes, "{reason}: {decided:?}");
        assert!(goes || matches!(decided, Err(RefundError::NotBySystem)), "{decided:?}");
        tx.rollback().await.unwrap();
    }
    money.drop().await;
}

#[tokio::test]
async fn a_platform_has_fifteen_days_and_then_somebody_looks() {
    let money = Money::new().await;
    let mut tx = money.world.db.app.begin().await.unwrap();
    let lead = staff(&mut tx, "wang.li", &[Role::AgentLead]).await;
    tx.commit().await.unwrap();
    let imported_charge_id = crate::batches::imported(&money, Route::Platform, "19.90").await;
    let charge = ImportedCharge {
        imported_charge_id,
        charged: yuan("19.90"),
        paid_by: Route::Platform,
        reference: Some(crate::batches::REFERENCE.to_owned()),
    };
    let new = NewRefund { of: Of::Imported(charge), ..of_line(&money, 1, "19.90") };
    let refund_id = refunded(&money, &new).await;
    assert_eq!(routes(&find(&money, refund_id).await), [(Route::Platform, "19.90".to_owned(), PartState::Sent)]);
    assert_eq!(money.account("claim").await, yuan("19.90"));
    let soon = now() + CLAIM_TIME - TimeDelta::seconds(1);
    assert!(overdue_claims(&mut *money.conn().await, 10, soon).await.unwrap().is_empty());
    let numbers = overdue_claims(&mut *money.conn().await, 10, now() + CLAIM_TIME).await.unwrap();
    assert_eq!(told(&money, &numbers[0], PartEvent::Overdue).await, Step::To(PartState::Disputed));
    let mut tx = money.world.db.app.begin().await.unwrap();
    let step = desk::answer_claim(&mut tx, &lead, &numbers[0], PartEvent::GivenUp, "平台已停业", now()).await.unwrap();
    assert_eq!(step, Step::To(PartState::Failed));
    tx.commit().await.unwrap();
    assert_eq!((money.balance().await, money.account("claim").await), ("19.90".to_owned(), yuan("0")));
    assert_eq!(money.account("refund").await, yuan("19.90"), "the operator bears it");
    money.check_books().await;
    money.drop().await;
}
