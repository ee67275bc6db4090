//! The statement of a day against our books.

use charging::payment::Purpose;
use charging::payment::store::{NewPayment, ask};
use charging::reconciliation::store::{
    Key, Line, ReconciliationError, keep, keep_unreadable, reconcile, resolve, to_look_again,
};
use charging::reconciliation::view::{differences, statements};
use charging::reconciliation::{Kind, What};
use charging::staff::Role;
use chrono::{Days, TimeDelta};

use crate::world::now;
use crate::{Money, rng, staff, yuan};

fn line(number: &str, amount: &str) -> Line {
    Line { number: number.to_owned(), gateway_id: "4200".to_owned(), amount: yuan(amount), succeeded: true }
}

#[tokio::test]
async fn what_does_not_match_is_shown_until_somebody_looked() {
    let money = Money::new().await;
    let [right, other, missing] = [
        money.pays(Purpose::TopUp, "10").await,
        money.pays(Purpose::TopUp, "20").await,
        money.pays(Purpose::TopUp, "30").await,
    ]
    .map(|number| number.to_string());
    let mut tx = money.world.db.app.begin().await.unwrap();
    let by = charging::actor::By::subscriber("web");
    let new = NewPayment {
        subscriber_id: money.a,
        purpose: Purpose::TopUp,
        route: charging::payment::Route::Wallet,
        gateway: "wechat",
        amount: yuan("40"),
        bill_month: None,
        by: &by,
    };
    let unpaid = ask(&mut tx, &new, now(), &mut rng()).await.unwrap().merchant_order_no;
    let lead = staff(&mut tx, "wang.li", &[Role::AgentLead]).await;
    let key = Key { gateway: "wechat", day: "2026-10-15".parse().unwrap(), kind: Kind::Payment };
    let lines = [line(&right, "10"), line(&other, "20.01"), line(&unpaid, "40"), line("T-900", "5")];
    let early = reconcile(&mut tx, key, now()).await;
    assert!(matches!(early, Err(ReconciliationError::NoStatement(_))), "{early:?}");
    assert!(keep(&mut tx, key, [1; 32], &lines, now()).await.unwrap());
    assert!(!keep(&mut tx, key, [1; 32], &lines, now()).await.unwrap());
    assert_eq!(reconcile(&mut tx, key, now()).await.unwrap(), 4);
    assert_eq!(reconcile(&mut tx, key, now()).await.unwrap(), 4, "nothing is found twice");
    tx.commit().await.unwrap();
    let (found, total) = differences(&mut *money.conn().await, true, 1).await.unwrap();
    let mut shown: Vec<_> = found.iter().map(|d| (d.number.as_str(), d.what)).collect();
    shown.sort_by_key(|(_, what)| what.as_str());
    assert_eq!(total, 4);
    assert_eq!(
        shown,
        [
            (other.as_str(), What::AmountDiffers),
            ("T-900", What::MissingHere),
            (missing.as_str(), What::MissingThere),
            (unpaid.as_str(), What::StateDiffers)
        ]
    );

    let mut tx = money.world.db.app.begin().await.unwrap();
    let silent = resolve(&mut tx, &lead, found[0].difference_id, "  ", now()).await;
    assert!(matches!(silent, Err(ReconciliationError::NoReason)), "{silent:?}");
    resolve(&mut tx, &lead, found[0].difference_id, "已与微信核对", now()).await.unwrap();
    let twice = resolve(&mut tx, &lead, found[0].difference_id, "再看", now()).await;
    assert!(matches!(twice, Err(ReconciliationError::NoDifference)), "{twice:?}");
    // The callback of the one that we thought unpaid arrives at last.
    let number = unpaid.parse().unwrap();
    let paid =
        charging::payment::store::Paid { number: &number, transaction_id: "4299", amount: yuan("40"), paid_at: now() };
    charging::payment::store::record_paid(&mut tx, &paid, now()).await.unwrap();
    assert_eq!(reconcile(&mut tx, key, now()).await.unwrap(), 2);
    let other = keep(&mut tx, key, [2; 32], &lines, now()).await;
    assert!(matches!(other, Err(ReconciliationError::OtherStatement(_))), "{other:?}");
    tx.commit().await.unwrap();
    let statements = statements(&mut *money.conn().await, 10).await.unwrap();
    assert_eq!((statements[0].lines, statements[0].total, statements[0].open), (4, yuan("75.01"), 2));
    money.drop().await;
}

#[tokio::test]
async fn a_refund_that_the_gateway_made_and_we_do_not_know_of_is_shown() {
    let money = Money::new().await;
    let mut tx = money.world.db.app.begin().await.unwrap();
    let key = Key { gateway: "wechat", day: "2026-10-15".parse().unwrap(), kind: Kind::Refund };
    let refused = Line { succeeded: false, ..line("R1-2-1-0badcafe", "3") };
    keep(&mut tx, key, [1; 32], &[line("R1-1-1-0badcafe", "5"), refused], now()).await.unwrap();
    assert_eq!(reconcile(&mut tx, key, now()).await.unwrap(), 1);
    tx.commit().await.unwrap();
    let (found, _) = differences(&mut *money.conn().await, true, 1).await.unwrap();
    assert_eq!(
        (found[0].what, found[0].amount_here, found[0].amount_there),
        (What::MissingHere, None, Some(yuan("5")))
    );
    money.drop().await;
}

#[tokio::test]
async fn a_line_that_nobody_understands_waits_for_somebody() {
    let money = Money::new().await;
    let mut tx = money.world.db.app.begin().await.unwrap();
    let lead = staff(&mut tx, "wang.li", &[Role::AgentLead]).await;
    let key = Key { gateway: "wechat", day: "2026-10-15".parse().unwrap(), kind: Kind::Payment };
    keep(&mut tx, key, [1; 32], &[], now()).await.unwrap();
    for _ in 0..2 {
        keep_unreadable(&mut tx, key, &[(17, "its amount is none")], now()).await.unwrap();
    }
    assert_eq!(reconcile(&mut tx, key, now()).await.unwrap(), 1);
    assert_eq!(reconcile(&mut tx, key, now()).await.unwrap(), 1, "it does not become clear by itself");
    tx.commit().await.unwrap();
    let (found, _) = differences(&mut *money.conn().await, true, 1).await.unwrap();
    let shown = (found[0].what, found[0].number.as_str(), found[0].note.as_str());
    assert_eq!(shown, (What::Unreadable, "17", "its amount is none"));
    let mut tx = money.world.db.app.begin().await.unwrap();
    resolve(&mut tx, &lead, found[0].difference_id, "微信撤销了一笔测试", now()).await.unwrap();
    assert_eq!(reconcile(&mut tx, key, now()).await.unwrap(), 0);
    tx.rollback().await.unwrap();
    money.drop().await;
}

#[tokio::test]
async fn a_statement_is_looked_at_again_while_it_is_new_or_something_is_open() {
    let money = Money::new().await;
    let mut conn = money.conn().await;
    let today = charging::clock::local_date(now());
    let [old, new] = [today - Days::new(8), today - Days::new(1)];
    let key = |day, kind| Key { gateway: "wechat", day, kind };
    for day in [old, new] {
        let lines = if day == old { vec![line("P9-9-00000000", "5")] } else { Vec::new() };
        for kind in [Kind::Payment, Kind::Refund] {
            keep(&mut conn, key(day, kind), [1; 32], if kind == Kind::Payment { &lines } else { &[] }, now())
                .await
                .unwrap();
            reconcile(&mut conn, key(day, kind), now()).await.unwrap();
        }
        keep_unreadable(&mut conn, key(old, Kind::Refund), &[(1, "it is not UTF-8")], now()).await.unwrap();
    }
    assert!(to_look_again(&mut conn, "wechat", 9, now()).await.unwrap().is_empty(), "just done");
    let later = now() + TimeDelta::hours(6);
    let again = to_look_again(&mut conn, "wechat", 9, later).await.unwrap();
    assert_eq!(again, [(old, Kind::Payment), (new, Kind::Payment), (new, Kind::Refund)]);
    reconcile(&mut conn, key(old, Kind::Payment), later).await.unwrap();
    assert_eq!(to_look_again(&mut conn, "wechat", 1, later).await.unwrap(), [(new, Kind::Payment)]);
    drop(conn);
    money.drop().await;
}
