//! Payments: the oldest bill first, what is left into the balance, however often and late they are told.

use charging::actor::{Actor, By};
use charging::dispute::store::{open, withdraw};
use charging::payment::balance::{Movement, choose_auto_payment, entries, pay_from_balance};
use charging::payment::place::{Asked, OPEN_MAX, place};
use charging::payment::preparation::{Way, due};
use charging::payment::store::{
    NewPayment, Paid, PaymentError, Recorded, ask, find_by_number, record_ended, record_paid, take_cash,
};
use charging::payment::{PAYMENT_LIFETIME, PaymentNumber, PaymentState, Purpose, Route};
use charging::tariff::board::store::board;

use crate::world::{at, now};
use crate::{Money, rng, yuan};

async fn notices(money: &Money) -> Vec<String> {
    sqlx::query_scalar(
        "select body from notice where kind in ('payment_received', 'paid_from_balance') order by notice_id",
    )
    .fetch_all(&money.world.db.owner)
    .await
    .unwrap()
}

#[tokio::test]
async fn a_bill_is_paid_in_parts_and_what_is_left_stays_in_the_balance() {
    let money = Money::new().await;
    assert_eq!(money.due().await, "69.00");
    money.pays(Purpose::Bill, "40").await;
    assert_eq!((money.due().await, money.balance().await), ("29.00".to_owned(), "0".to_owned()));
    money.pays(Purpose::Bill, "50").await;
    assert_eq!((money.due().await, money.balance().await), ("0".to_owned(), "21.00".to_owned()));
    assert_eq!(money.account("gateway").await, yuan("90.00"));
    money.check_books().await;
    let told = notices(&money).await;
    assert!(told[1].contains("缴费50.00元，其中付账单29.00元，余额现有21.00元"), "{told:?}");
    money.drop().await;
}

#[tokio::test]
async fn a_payment_counts_once_however_often_it_is_told() {
    let money = Money::new().await;
    let number = money.pays(Purpose::TopUp, "30").await;
    let mut tx = money.world.db.app.begin().await.unwrap();
    let payment = find_by_number(&mut tx, &number).await.unwrap().unwrap();
    let transaction_id = payment.gateway_transaction_id.clone().unwrap();
    let paid = Paid { number: &number, transaction_id: &transaction_id, amount: yuan("30"), paid_at: now() };
    assert_eq!(record_paid(&mut tx, &paid, now()).await.unwrap(), Recorded::Already);
    let other = Paid { transaction_id: "4200009", ..paid.clone() };
    assert_eq!(record_paid(&mut tx, &other, now()).await.unwrap(), Recorded::Contradicted);
    let more = Paid { amount: yuan("30.01"), ..paid.clone() };
    assert_eq!(record_paid(&mut tx, &more, now()).await.unwrap(), Recorded::Contradicted);
    let ended = record_ended(&mut tx, &number, PaymentState::Closed, "", now()).await.unwrap();
    assert_eq!(ended, Recorded::Contradicted, "what was paid stays paid");
    tx.commit().await.unwrap();
    assert_eq!((money.due().await, money.balance().await), ("69.00".to_owned(), "30.00".to_owned()));
    assert_eq!(notices(&money).await.len(), 1);
    let forged: PaymentNumber = format!("P{}-{}-00000000", number.subscriber_id, number.payment_id).parse().unwrap();
    let mut conn = money.conn().await;
    let unknown = record_paid(&mut conn, &Paid { number: &forged, ..paid }, now()).await;
    assert!(matches!(unknown, Err(PaymentError::NotFound(_))), "{unknown:?}");
    drop(conn);
    money.check_books().await;
    money.drop().await;
}

#[tokio::test]
async fn money_that_arrives_after_the_payment_was_closed_has_arrived() {
    let money = Money::new().await;
    let mut tx = money.world.db.app.begin().await.unwrap();
    let by = By::subscriber("web");
    let new = NewPayment {
        subscriber_id: money.a,
        purpose: Purpose::Bill,
        route: Route::BankCard,
        gateway: "wechat",
        amount: yuan("69"),
        bill_month: Some(crate::september()),
        by: &by,
    };
    let payment = ask(&mut tx, &new, now(), &mut rng()).await.unwrap();
    for amount in ["0.99", "50000.01", "5.001"] {
        let refused = ask(&mut tx, &NewPayment { amount: yuan(amount), ..new.clone() }, now(), &mut rng()).await;
        assert!(matches!(refused, Err(PaymentError::Invalid(_))), "{amount}: {refused:?}");
    }
    let later = now() + PAYMENT_LIFETIME;
    let number: PaymentNumber = payment.merchant_order_no.parse().unwrap();
    assert_eq!(record_ended(&mut tx, &number, PaymentState::Closed, "", later).await.unwrap(), Recorded::Changed);
    assert_eq!(record_ended(&mut tx, &number, PaymentState::Failed, "", later).await.unwrap(), Recorded::Already);
    let paid = Paid { number: &number, transaction_id: "4201", amount: payment.amount, paid_at: now() };
    assert_eq!(record_paid(&mut tx, &paid, later).await.unwrap(), Recorded::Changed);
    tx.commit().await.unwrap();
    assert_eq!(money.due().await, "0");
    money.check_books().await;
    money.drop().await;
}

#[tokio::test]
async fn not_too_many_are_open_however_fast_they_are_asked_for() {
    let money = Money::new().await;
    let ask_for = async |yuan: i64| {
        let mut tx = money.world.db.app.begin().await.unwrap();
        let asked = Asked { purpose: Purpose::TopUp, amount: yuan.into(), month: None, way: Way::Code };
        let placed = place(&mut tx, money.a, &asked, &By::subscriber("web"), &mut rng(), now()).await;
        tx.commit().await.unwrap();
        placed
    };
    let placed = futures::future::join_all((1..=9).map(ask_for)).await;
    let (placed, refused): (Vec<_>, Vec<_>) = placed.into_iter().partition(Result::is_ok);
    assert_eq!(placed.len(), OPEN_MAX);
    assert!(refused.iter().all(|refused| matches!(refused, Err(PaymentError::TooMany))), "{refused:?}");
    let open = due(&mut *money.conn().await, now(), 10).await.unwrap();
    assert_eq!(open.len(), OPEN_MAX);
    let again = open[0].payment.amount.try_into().unwrap();
    assert_eq!(ask_for(again).await.unwrap(), open[0].payment.payment_id, "asked again it is the same");
    money.drop().await;
}

#[tokio::test]
async fn closed_bills_are_paid_from_the_balance_of_those_who_chose_that() {
    let money = Money::new().await;
    money.pays(Purpose::TopUp, "100").await;
    let november = at("2026-11-03T10:00:00+08:00");
    let mut tx = money.world.db.app.begin().await.unwrap();
    let by = By::subscriber("web");
    assert!(choose_auto_payment(&mut tx, money.a, true, &by, now()).await.unwrap());
    assert!(!choose_auto_payment(&mut tx, money.a, true, &by, now()).await.unwrap());
    tx.commit().await.unwrap();
    assert_eq!(money.due().await, "69.00", "what is due already waits for its owner or the next bill");
    money.close("2026-10", november).await;
    assert_eq!((money.due().await, money.balance().await), ("28.00".to_owned(), "0".to_owned()));
    money.check_books().await;
    let bill: String = sqlx::query_scalar("select body from notice where event_key = 'bill:2026-10'")
        .fetch_one(&money.world.db.owner)
        .await
        .unwrap();
    assert!(bill.contains("共59.00元，应付28.00元"), "{bill}");
    let entries = entries(&mut *money.conn().await, money.a, None).await.unwrap();
    let movements: Vec<_> = entries.iter().map(|entry| (entry.change.to_string(), entry.after.to_string())).collect();
    let shown = [("-31.00", "0"), ("-10.00", "31.00"), ("-59.00", "41.00"), ("100.00", "100.00")];
    assert_eq!(movements, shown.map(|(change, after)| (change.to_owned(), after.to_owned())));
    assert!(matches!(entries[0].movement, Movement::PaidBill { line_no: 1, .. }), "{entries:?}");
    assert!(matches!(entries[3].movement, Movement::PaidIn { .. }), "{entries:?}");
    money.drop().await;
}

#[tokio::test]
async fn nothing_is_taken_from_the_balance_of_those_who_chose_nothing_or_ended_it() {
    let money = Money::new().await;
    money.pays(Purpose::TopUp, "100").await;
    let mut tx = money.world.db.app.begin().await.unwrap();
    let staff = By::staff("li.na", "hotline");
    let forced = choose_auto_payment(&mut tx, money.a, true, &staff, now()).await;
    assert!(forced.is_err(), "nobody else spends the balance: {forced:?}");
    tx.rollback().await.unwrap();
    let mut tx = money.world.db.app.begin().await.unwrap();
    choose_auto_payment(&mut tx, money.a, true, &By::subscriber("web"), now()).await.unwrap();
    choose_auto_payment(&mut tx, money.a, false, &staff, now()).await.unwrap();
    tx.commit().await.unwrap();
    money.close("2026-10", at("2026-11-03T10:00:00+08:00")).await;
    assert_eq!((money.due().await, money.balance().await), ("128.00".to_owned(), "100.00".to_owned()));
    let mut tx = money.world.db.app.begin().await.unwrap();
    let by = By::subscriber("web");
    assert_eq!(pay_from_balance(&mut tx, money.a, &by, now()).await.unwrap(), Some(yuan("100")));
    assert_eq!(pay_from_balance(&mut tx, money.a, &by, now()).await.unwrap(), None);
    tx.commit().await.unwrap();
    assert_eq!((money.due().await, money.balance().await), ("28.00".to_owned(), "0".to_owned()));
    money.check_books().await;
    money.drop().await;
}

#[tokio::test]
async fn what_is_disputed_is_not_due_until_it_is_answered() {
    let money = Money::new().await;
    let mut tx = money.world.db.app.begin().await.unwrap();
    let dispute = open(&mut tx, money.a, (crate::september(), 1), "不是我订的", &mut rng(), now()).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(money.due().await, "10.00");
    assert_eq!(complaints(&money).await, 1);
    money.pays(Purpose::Bill, "69").await;
    assert_eq!((money.due().await, money.balance().await), ("0".to_owned(), "59.00".to_owned()));
    let mut tx = money.world.db.app.begin().await.unwrap();
    withdraw(&mut tx, dispute.case(), now()).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(money.due().await, "59.00");
    assert_eq!(complaints(&money).await, 0, "what was taken back is no complaint");
    money.drop().await;
}

/// How many the board of tariffs counts.
async fn complaints(money: &Money) -> u64 {
    let mut conn = money.world.db.app.acquire().await.unwrap();
    board(&mut conn, now()).await.unwrap().iter().map(|on_sale| on_sale.complaints).sum()
}

#[tokio::test]
async fn cash_is_taken_at_the_shop() {
    let money = Money::new().await;
    let mut tx = money.world.db.app.begin().await.unwrap();
    let by = By::staff("li.na", "hall");
    take_cash(&mut tx, money.a, Purpose::Bill, yuan("70"), &by, now()).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!((money.due().await, money.balance().await), ("0".to_owned(), "1.00".to_owned()));
    assert_eq!(money.account("cash").await, yuan("70.00"));
    let mut tx = money.world.db.app.begin().await.unwrap();
    let alone = By { actor: Actor::Subscriber, channel_id: "web".to_owned() };
    assert!(take_cash(&mut tx, money.a, Purpose::TopUp, yuan("70"), &alone, now()).await.is_err());
    tx.rollback().await.unwrap();
    money.check_books().await;
    money.drop().await;
}
