//! Many refunds at once: approved by another, each made once however often its chunk is run.

use charging::refund::mass::{Item, NewBatch, approve, ask, execute};
use charging::refund::store::RefundError;
use charging::refund::{ImportedCharge, NewRefund, Of, Reason, Route, desk};
use charging::staff::Role;
use rust_decimal::Decimal;

use crate::world::now;
use crate::{Money, rng, september, staff, yuan};

/// The gateway's or platform's number of what was imported.
pub const REFERENCE: &str = "4200001234567890";

/// A charge of another system, in yuan. Returns its id.
pub async fn imported(money: &Money, route: Route, amount: &str) -> i64 {
    sqlx::query_scalar(
        "insert into imported_charge (subscriber_id, source_id, kind, scheme_id, amount, charged_at, month, route, route_reference,
            imported_at)
        values ($1, $2, 'one_off', 'X1', $3, now(), '2026-09-01', $2, case when $2 in ('gateway', 'platform') then $4 end, now())
        returning imported_charge_id",
    )
    .bind(money.a)
    .bind(route.as_str())
    .bind(yuan(amount))
    .bind(REFERENCE)
    .fetch_one(&money.world.db.owner)
    .await
    .unwrap()
}

#[tokio::test]
async fn a_batch_is_made_once_however_often_it_is_run() {
    let money = Money::new().await;
    let mut tx = money.world.db.app.begin().await.unwrap();
    let lead = staff(&mut tx, "wang.li", &[Role::AgentLead]).await;
    let other = staff(&mut tx, "zhao.yun", &[Role::AgentLead]).await;
    let mut items = Vec::new();
    for route in [Route::Bill, Route::Balance, Route::Gateway, Route::Platform] {
        let reference = matches!(route, Route::Gateway | Route::Platform).then(|| REFERENCE.to_owned());
        let imported_charge_id = imported(&money, route, "95.00").await;
        let charge = ImportedCharge { imported_charge_id, charged: yuan("95.00"), paid_by: route, reference };
        items.push(Item { subscriber_id: money.a, of: Of::Imported(charge), amount: yuan("95.00") });
    }
    let line = Of::Line { month: september(), line_no: 2 };
    items.push(Item { subscriber_id: money.a, of: line, amount: yuan("10.00") });
    let batch =
        NewBatch { purpose: "错误订购退费", reason: Reason::Incident, refunds: 5, amount: yuan("390.00") };
    let batch_id = ask(&mut tx, &lead, &batch, now()).await.unwrap();
    tx.commit().await.unwrap();

    let mut tx = money.world.db.app.begin().await.unwrap();
    let early = execute(&mut tx, batch_id, &items, &mut rng(), now()).await;
    assert!(matches!(early, Err(RefundError::Staff(_))), "{early:?}");
    let oneself = approve(&mut tx, &lead, batch_id, now()).await;
    assert!(matches!(oneself, Err(RefundError::Oneself)), "{oneself:?}");
    tx.rollback().await.unwrap();
    let mut tx = money.world.db.app.begin().await.unwrap();
    approve(&mut tx, &other, batch_id, now()).await.unwrap();
    tx.commit().await.unwrap();

    for (run, made) in [5, 0, 0].into_iter().enumerate() {
        let mut tx = money.world.db.app.begin().await.unwrap();
        let done = execute(&mut tx, batch_id, &items, &mut rng(), now()).await.unwrap();
        assert_eq!((done.made.len(), done.already), (made, 5 - made), "run {run}");
        tx.commit().await.unwrap();
    }
    assert_eq!((money.balance().await, money.due().await), ("190.00".to_owned(), "59.00".to_owned()));
    assert_eq!(-money.account("refund_under_way").await, yuan("190.00"));
    assert_eq!(money.account("refund").await, yuan("295.00"));
    assert_eq!(money.account("claim").await, yuan("95.00"));
    money.check_books().await;
    let sum: Decimal = sqlx::query_scalar("select sum(amount) from refund where batch_id = $1")
        .bind(batch_id)
        .fetch_one(&money.world.db.owner)
        .await
        .unwrap();
    assert_eq!(sum, batch.amount);
    money.drop().await;
}

#[tokio::test]
async fn what_went_back_of_a_line_meanwhile_is_left_out_of_a_batch() {
    let money = Money::new().await;
    let mut tx = money.world.db.app.begin().await.unwrap();
    let lead = staff(&mut tx, "wang.li", &[Role::AgentLead]).await;
    let other = staff(&mut tx, "zhao.yun", &[Role::AgentLead]).await;
    let line = |line_no: i32, amount: &str| {
        let of = Of::Line { month: september(), line_no };
        Item { subscriber_id: money.a, of, amount: yuan(amount) }
    };
    let items = [line(1, "59"), line(2, "10")];
    let batch = NewBatch { purpose: "错误订购退费", reason: Reason::Incident, refunds: 2, amount: yuan("69") };
    let batch_id = ask(&mut tx, &lead, &batch, now()).await.unwrap();
    approve(&mut tx, &other, batch_id, now()).await.unwrap();
    for (line_no, amount) in [(1, "20"), (2, "10")] {
        let of = Of::Line { month: september(), line_no };
        let (reason, note, amount) = (Reason::Goodwill, String::new(), yuan(amount));
        let new = NewRefund { subscriber_id: money.a, of, amount, reason, note, dispute_id: None };
        let refund_id = desk::ask(&mut tx, &lead, &new, now()).await.unwrap();
        desk::approve(&mut tx, &other, money.a, refund_id, &mut rng(), now()).await.unwrap();
    }
    tx.commit().await.unwrap();
    for made in [1, 0] {
        let mut tx = money.world.db.app.begin().await.unwrap();
        let done = execute(&mut tx, batch_id, &items, &mut rng(), now()).await.unwrap();
        assert_eq!((done.made.len(), done.already), (made, 2 - made));
        tx.commit().await.unwrap();
    }
    assert_eq!((money.due().await, money.account("refund").await), ("0".to_owned(), yuan("69.00")));
    money.check_books().await;
    let sums: (i64, Decimal) = sqlx::query_as("select made, returned from refund_batch where batch_id = $1")
        .bind(batch_id)
        .fetch_one(&money.world.db.owner)
        .await
        .unwrap();
    assert_eq!(sums, (1, yuan("39.00")));
    let charge = ImportedCharge {
        imported_charge_id: imported(&money, Route::Balance, "95.00").await,
        charged: yuan("95.00"),
        paid_by: Route::Balance,
        reference: None,
    };
    let beyond = Item { subscriber_id: money.a, of: Of::Imported(charge), amount: yuan("95.00") };
    let mut tx = money.world.db.app.begin().await.unwrap();
    let refused = execute(&mut tx, batch_id, &[beyond], &mut rng(), now()).await;
    assert!(matches!(refused, Err(RefundError::BeyondBatch)), "{refused:?}");
    tx.rollback().await.unwrap();
    money.drop().await;
}
