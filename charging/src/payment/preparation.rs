//! 支付入口 How payments get to the gateway, and when it is asked about each. Callers own the transaction.

use std::net::IpAddr;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use sqlx::PgConnection;

use super::store::{PaymentError, Row};
use super::{Payment, PaymentState};
use crate::clock::local_date;

/// 微信支付: the name of the gateway that payments go through.
pub const GATEWAY: &str = "wechat";

/// The pauses between two questions, of which the last goes on.
const PAUSES: [TimeDelta; 4] =
    [TimeDelta::seconds(2), TimeDelta::seconds(5), TimeDelta::seconds(15), TimeDelta::seconds(60)];
/// Of what went wrong so much is kept.
const FAILURE_CHARS_MAX: usize = 500;

/// What one server at a time does at the gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    Payments,
    Refunds,
    Statements,
}

/// How the subscriber gets to the gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// 扫码 With the phone, from the code that another screen shows.
    Code,
    /// On the phone that shows the page, from the browser. The gateway wants to know the address it comes from.
    Link { payer: IpAddr },
}

/// Where a payment is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preparation {
    pub way: Way,
    /// What the code holds, or the address of the link; `None`: the gateway has not prepared it yet.
    pub url: Option<String>,
}

/// A payment of which the gateway is to be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    pub payment: Payment,
    pub preparation: Preparation,
    pub tries: i32,
}

pub(super) fn way(name: &str, payer: Option<String>) -> Result<Way, PaymentError> {
    match (name, payer.map(|payer| payer.parse())) {
        ("code", None) => Ok(Way::Code),
        ("link", Some(Ok(payer))) => Ok(Way::Link { payer }),
        _ => Err(PaymentError::Corrupt("way of a payment")),
    }
}

/// Has a payment prepared as soon as can be.
///
/// # Errors
/// When the database failed.
pub async fn request(
    conn: &mut PgConnection,
    payment: &Payment,
    way: Way,
    now: DateTime<Utc>,
) -> Result<(), PaymentError> {
    let (name, payer) = match way {
        Way::Code => ("code", None),
        Way::Link { payer } => ("link", Some(payer.to_canonical().to_string())),
    };
    sqlx::query!(
        "insert into payment_preparation (subscriber_id, payment_id, way, payer_address, due_at)
        values ($1, $2, $3, $4::text::inet, $5)",
        payment.subscriber_id,
        payment.payment_id,
        name,
        payer,
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Where a payment is made; `None`: not at a gateway.
///
/// # Errors
/// When the database failed.
pub async fn preparation(
    conn: &mut PgConnection,
    subscriber_id: i64,
    payment_id: i64,
) -> Result<Option<Preparation>, PaymentError> {
    sqlx::query!(
        "select way, host(payer_address) as payer, url from payment_preparation
        where subscriber_id = $1 and payment_id = $2",
        subscriber_id,
        payment_id,
    )
    .fetch_optional(conn)
    .await?
    .map(|row| Ok(Preparation { way: way(&row.way, row.payer)?, url: row.url }))
    .transpose()
}

/// Whether no other server does this at the gateway; until the end of the transaction.
///
/// # Errors
/// When the database failed.
pub async fn claim(conn: &mut PgConnection, work: Work) -> Result<bool, PaymentError> {
    let lock = match work {
        Work::Payments => 0x6D62_7061_7931_i64,
        Work::Refunds => 0x6D62_7061_7932,
        Work::Statements => 0x6D62_7061_7933,
    };
    Ok(sqlx::query_scalar!(r#"select pg_try_advisory_xact_lock($1) as "claimed!""#, lock).fetch_one(conn).await?)
}

/// The day in Asia/Shanghai on which the first payment through a gateway was asked for, or the first refund sent to one: that may be
/// of a payment of another system. `None`: neither was.
///
/// # Errors
/// When the database failed.
pub async fn first_day(conn: &mut PgConnection, gateway: &str) -> Result<Option<NaiveDate>, PaymentError> {
    let first = sqlx::query_scalar!(
        "select least((select min(asked_at) from payment where gateway = $1),
            (select min(sent_at) from refund_part where route = 'gateway'))",
        gateway,
    );
    Ok(first.fetch_one(conn).await?.map(local_date))
}

/// Payments of which the gateway is to be asked now, those that wait longest first.
///
/// # Errors
/// When the database failed.
pub async fn due(conn: &mut PgConnection, now: DateTime<Utc>, limit: u16) -> Result<Vec<Due>, PaymentError> {
    let rows = sqlx::query!(
        r#"select subscriber_id, payment_id, way, host(payer_address) as payer, url, tries, purpose, route, gateway, amount,
            bill_month, merchant_order_no as "merchant_order_no!", asked_at, expires_at, state, gateway_transaction_id, paid_at,
            ended_at
        from payment_preparation join payment using (subscriber_id, payment_id)
        where due_at <= $1 and due_at < 'infinity' order by due_at limit $2"#,
        now,
        i64::from(limit),
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            let payment = Row {
                payment_id: row.payment_id,
                purpose: row.purpose,
                route: row.route,
                gateway: row.gateway,
                amount: row.amount,
                bill_month: row.bill_month,
                merchant_order_no: row.merchant_order_no,
                asked_at: row.asked_at,
                expires_at: row.expires_at,
                state: row.state,
                gateway_transaction_id: row.gateway_transaction_id,
                paid_at: row.paid_at,
                ended_at: row.ended_at,
            };
            let preparation = Preparation { way: way(&row.way, row.payer)?, url: row.url };
            Ok(Due { payment: payment.read(row.subscriber_id)?, preparation, tries: row.tries })
        })
        .collect()
}

/// The gateway prepared it: whether it is paid is asked after a while.
///
/// # Errors
/// When the database failed.
pub async fn prepared(conn: &mut PgConnection, due: &Due, url: &str, now: DateTime<Utc>) -> Result<(), PaymentError> {
    sqlx::query!(
        "update payment_preparation set url = $3, tries = 0, due_at = $4, failure = ''
        where subscriber_id = $1 and payment_id = $2",
        due.payment.subscriber_id,
        due.payment.payment_id,
        url,
        next(&due.payment, 0, now),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// It is asked again after a while; `failure` is what went wrong, or empty.
///
/// # Errors
/// When the database failed.
pub async fn again(conn: &mut PgConnection, due: &Due, failure: &str, now: DateTime<Utc>) -> Result<(), PaymentError> {
    let failure: String = failure.chars().take(FAILURE_CHARS_MAX).collect();
    sqlx::query!(
        "update payment_preparation set tries = tries + 1, due_at = $3, failure = $4
        where subscriber_id = $1 and payment_id = $2",
        due.payment.subscriber_id,
        due.payment.payment_id,
        next(&due.payment, due.tries, now),
        failure,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Nothing is asked about it any more.
///
/// # Errors
/// When the database failed.
pub async fn over(conn: &mut PgConnection, payment: &Payment) -> Result<(), PaymentError> {
    sqlx::query!(
        "update payment_preparation set due_at = 'infinity' where subscriber_id = $1 and payment_id = $2",
        payment.subscriber_id,
        payment.payment_id,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// After a longer and longer pause, but at the latest when its time is over.
fn next(payment: &Payment, tries: i32, now: DateTime<Utc>) -> DateTime<Utc> {
    let pause = usize::try_from(tries).ok().and_then(|tries| PAUSES.get(tries)).unwrap_or(&PAUSES[PAUSES.len() - 1]);
    let next = now + *pause;
    let is_open = payment.state == PaymentState::Asked && payment.expires_at > now;
    if is_open { next.min(payment.expires_at) } else { next }
}
