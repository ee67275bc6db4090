//! Money that comes in and goes back: payments, settlements, the balance, refunds, and statements.

mod batches;
mod gateway;
mod model;
mod payments;
mod reconciliation;
mod refunds;
#[path = "../consent/world.rs"]
#[expect(dead_code, reason = "shared with tests of orders")]
mod world;

use std::net::{IpAddr, Ipv4Addr};

use charging::actor::By;
use charging::bill::run::run;
use charging::clock::{ManualClock, Month};
use charging::ledger::store::balances;
use charging::payment::due::arrears;
use charging::payment::store::{NewPayment, Paid, Recorded, ask, record_paid};
use charging::payment::{PaymentNumber, Purpose, Route, balance};
use charging::staff::{Actor, Member, Role};
use chrono::{DateTime, Utc};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng as _;
use rust_decimal::Decimal;
use sqlx::PgConnection;
use world::{PLAN, World, at, now};

/// A subscriber with the plan since September, whose bill of September, 59.00 for the month and 10.00 once, is closed.
struct Money {
    world: World,
    a: i64,
}

fn september() -> Month {
    "2026-09".parse().unwrap()
}

fn yuan(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn rng() -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(7)
}

/// Somebody of the staff.
async fn staff(conn: &mut PgConnection, login: &str, roles: &[Role]) -> Actor {
    let staff_id =
        sqlx::query_scalar("insert into staff (login, name, created_at) values ($1, $1, now()) returning staff_id")
            .bind(login)
            .fetch_one(conn)
            .await
            .unwrap();
    let member = Member { staff_id, login: login.parse().unwrap(), name: login.to_owned(), roles: roles.to_vec() };
    Actor::Member { member, address: IpAddr::V4(Ipv4Addr::LOCALHOST) }
}

impl Money {
    async fn new() -> Self {
        let world = World::new().await;
        let a = world.subscriber(1).await;
        world.has(a, PLAN, at("2026-09-01T00:00:00+08:00")).await;
        let money = Self { world, a };
        money.close("2026-09", now()).await;
        money
    }

    /// Closes a month. Whoever is here has been told of the first charge.
    async fn close(&self, month: &str, on: DateTime<Utc>) {
        sqlx::query("delete from first_charge").execute(&self.world.db.owner).await.unwrap();
        let summary = run(&self.world.db.app, month.parse().unwrap(), &ManualClock::new(on), |_| ()).await.unwrap();
        assert!(summary.refused.is_empty(), "{:?}", summary.refused);
    }

    async fn conn(&self) -> sqlx::pool::PoolConnection<sqlx::Postgres> {
        self.world.db.app.acquire().await.unwrap()
    }

    /// A payment through the gateway that is made. Returns its number.
    async fn pays(&self, purpose: Purpose, amount: &str) -> PaymentNumber {
        let mut tx = self.world.db.app.begin().await.unwrap();
        let by = By::subscriber("web");
        let new = NewPayment {
            subscriber_id: self.a,
            purpose,
            route: Route::Wallet,
            gateway: "wechat",
            amount: yuan(amount),
            bill_month: None,
            by: &by,
        };
        let payment = ask(&mut tx, &new, now(), &mut rng()).await.unwrap();
        let number: PaymentNumber = payment.merchant_order_no.parse().unwrap();
        let transaction_id = format!("42{}", payment.payment_id);
        let paid = Paid { number: &number, transaction_id: &transaction_id, amount: payment.amount, paid_at: now() };
        assert_eq!(record_paid(&mut tx, &paid, now()).await.unwrap(), Recorded::Changed);
        tx.commit().await.unwrap();
        number
    }

    async fn due(&self) -> String {
        arrears(&mut *self.conn().await, self.a).await.unwrap().total.to_string()
    }

    async fn balance(&self) -> String {
        balance::balance(&mut *self.conn().await, self.a).await.unwrap().to_string()
    }

    /// Yuan in an account of the ledger: debits − credits.
    async fn account(&self, name: &str) -> Decimal {
        let all = balances(&mut *self.conn().await, self.a).await.unwrap();
        assert_eq!(all.values().sum::<Decimal>(), Decimal::ZERO, "{all:?}");
        all.get(name).copied().unwrap_or_default()
    }

    /// The books agree with what is due and what is in the balance.
    async fn check_books(&self) {
        assert_eq!(-self.account("balance").await, yuan(&self.balance().await));
        assert_eq!(self.account("receivable").await, yuan(&self.due().await));
    }

    async fn drop(self) {
        self.world.db.drop().await;
    }
}
