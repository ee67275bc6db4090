//! Who pays how: most people let their bills be paid from the balance and top it up when it runs low; some pay each bill by themselves,
//! a few at the shop. The newest bill of some is not paid yet, and some money went back.

use anyhow::Context as _;
use charging::actor::{Actor, By};
use charging::clock::Month;
use charging::payment::balance::choose_auto_payment;
use charging::payment::due::arrears;
use charging::payment::store::{NewPayment, Paid, ask, record_paid, take_cash};
use charging::payment::{PAYMENT_MIN_YUAN, Purpose, Route};
use charging::refund::{self, NewRefund, Of, Reason};
use charging::subscriber::store::find_by_msisdn;
use chrono::{DateTime, TimeDelta, Utc};
use futures::stream::{self, StreamExt, TryStreamExt};
use rand::Rng as _;
use rust_decimal::Decimal;
use sqlx::PgPool;

use super::people::Person;
use super::{IN_FLIGHT, Scene, rng};

/// The gateway of payments of before: not the one that is there now, whose statements know nothing of them.
const GATEWAY: &str = "unionpay";
/// What people pay in at a time, and below what they do, in yuan.
const TOP_UP: Decimal = Decimal::from_parts(500, 0, 0, false, 0);
const LOW: Decimal = Decimal::from_parts(300, 0, 0, false, 0);

/// How somebody pays.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Habit {
    FromBalance,
    EachBill,
    AtTheShop,
}

fn habit(person: &Person) -> Habit {
    match person.n % 10 {
        0 => Habit::AtTheShop,
        1..4 => Habit::EachBill,
        _ => Habit::FromBalance,
    }
}

impl Scene<'_> {
    /// Before the bills of the month are closed: whoever pays from the balance sees to it that something is there.
    pub(super) async fn top_up(&self, people: &[Person]) -> anyhow::Result<()> {
        let low = sqlx::query_scalar!(
            r#"select s.msisdn as "msisdn!" from subscriber s
            left join lateral (
                select after from balance_entry where subscriber_id = s.subscriber_id order by seq desc limit 1) e on true
            where coalesce(e.after, 0) < $1"#,
            LOW,
        )
        .fetch_all(self.pool)
        .await?;
        let poor = people.iter().filter(|person| {
            person.joined <= self.index
                && habit(person) == Habit::FromBalance
                && low.iter().any(|msisdn| msisdn == person.msisdn.as_str())
        });
        stream::iter(poor)
            .map(|person| async move {
                let Some(subscriber) = find_by_msisdn(&mut *self.pool.acquire().await?, &person.msisdn).await? else {
                    return Ok(());
                };
                let at = (self.month.end() - TimeDelta::hours(3)).max(subscriber.created_at).min(self.now);
                let paid = (Purpose::TopUp, TOP_UP, None);
                self.pay_in(subscriber.subscriber_id, paid, at, person.n).await?;
                let mut tx = self.pool.begin().await?;
                choose_auto_payment(&mut tx, subscriber.subscriber_id, true, &By::subscriber("web"), at).await?;
                tx.commit().await?;
                anyhow::Ok(())
            })
            .buffer_unordered(IN_FLIGHT)
            .try_collect()
            .await
    }

    /// After the bills of the month were closed: whoever pays each bill does, but for some newest ones.
    pub(super) async fn pay(&self, people: &[Person]) -> anyhow::Result<()> {
        let payers = people
            .iter()
            .filter(|person| person.joined <= self.index && habit(person) != Habit::FromBalance)
            .filter(|person| self.age > 1 || person.n % 2 == 0);
        stream::iter(payers)
            .map(|person| async move {
                self.pay_one(person).await.with_context(|| format!("{} pays the bill of {}", person.msisdn, self.month))
            })
            .buffer_unordered(IN_FLIGHT)
            .try_collect()
            .await
    }

    async fn pay_one(&self, person: &Person) -> anyhow::Result<()> {
        let mut conn = self.pool.acquire().await?;
        let Some(subscriber) = find_by_msisdn(&mut conn, &person.msisdn).await? else { return Ok(()) };
        let id = subscriber.subscriber_id;
        let due = arrears(&mut conn, id).await?.total;
        drop(conn);
        if due < PAYMENT_MIN_YUAN {
            return Ok(());
        }
        let days = rng(person.n, self.index).random_range(2..6);
        let at = (self.month.end() + TimeDelta::days(days)).min(self.now);
        if habit(person) == Habit::AtTheShop {
            let mut tx = self.pool.begin().await?;
            take_cash(&mut tx, id, Purpose::Bill, due, &By::staff("demo.agent", "hall"), at).await?;
            tx.commit().await?;
            return Ok(());
        }
        self.pay_in(id, (Purpose::Bill, due, Some(self.month)), at, person.n).await
    }

    /// A payment through the gateway that is made at once.
    async fn pay_in(
        &self,
        subscriber_id: i64,
        (purpose, amount, bill_month): (Purpose, Decimal, Option<Month>),
        at: DateTime<Utc>,
        n: u32,
    ) -> anyhow::Result<()> {
        let mut tx = self.pool.begin().await?;
        let by = By::subscriber("web");
        let route = if n.is_multiple_of(2) { Route::Wallet } else { Route::BankCard };
        let new = NewPayment { subscriber_id, purpose, route, gateway: GATEWAY, amount, bill_month, by: &by };
        let payment = ask(&mut tx, &new, at, &mut rng(n, self.index + 500)).await?;
        let number = payment.merchant_order_no.parse()?;
        let transaction_id = format!("42000{:010}{:08}", payment.subscriber_id, payment.payment_id);
        let paid = Paid { number: &number, transaction_id: &transaction_id, amount, paid_at: at };
        record_paid(&mut tx, &paid, at).await?;
        tx.commit().await?;
        Ok(())
    }
}

/// Of those who pay from the balance: who asked for some of it back, how much in fen, and whether it was approved.
const REFUNDS: [(u32, i64, bool); 4] = [(5, 500, true), (14, 1_000, true), (7, 300, false), (16, 800, false)];

/// Some money went back, and some is asked for, of the last closed bill.
pub(super) async fn return_some(pool: &PgPool, people: &[Person], now: DateTime<Utc>) -> anyhow::Result<()> {
    let month = Month::of(now).previous();
    for (n, fen, is_approved) in REFUNDS {
        let Some(person) = people.iter().find(|person| person.n == n) else { continue };
        let mut tx = pool.begin().await?;
        let Some(subscriber) = find_by_msisdn(&mut tx, &person.msisdn).await? else { continue };
        let id = subscriber.subscriber_id;
        let Some(bill) = charging::bill::store::bill(&mut tx, id, month).await? else { continue };
        let amount = Decimal::new(fen, 2);
        let Some(line) = bill.lines.iter().find(|line| line.amount >= amount) else { continue };
        if !refund::view::of_subscriber(&mut tx, id, 1).await?.is_empty() {
            continue;
        }
        let new = NewRefund {
            subscriber_id: id,
            of: Of::Line { month, line_no: line.line_no },
            amount,
            reason: Reason::Goodwill,
            note: "线路检修期间停用，退部分费用".to_owned(),
            dispute_id: None,
        };
        let asked_at = (now - TimeDelta::hours(20)).max(bill.closed_at).min(now);
        let refund_id = refund::ask(&mut tx, &new, &Actor::Subscriber, asked_at).await?;
        if is_approved {
            let by = Actor::Staff("demo.lead".to_owned());
            refund::approve(&mut tx, id, refund_id, &by, &mut rng(n, 99), now).await?;
        }
        tx.commit().await?;
    }
    Ok(())
}
