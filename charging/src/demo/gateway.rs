//! The books of the simulated gateway: what it was asked to take and to give back, and what it is still to tell. They know
//! nothing of subscribers.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

/// A payment that is to be prepared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewPayment {
    pub out_trade_no: String,
    /// 32 digits, hexadecimal, by chance.
    pub prepay_id: String,
    /// `NATIVE` or `MWEB`.
    pub trade_type: &'static str,
    pub fen: i64,
    pub description: String,
    pub notify_url: String,
    pub expires_at: DateTime<Utc>,
}

/// A payment in the books.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payment {
    pub payment_id: i64,
    pub out_trade_no: String,
    pub transaction_id: String,
    pub prepay_id: String,
    pub trade_type: String,
    pub fen: i64,
    pub description: String,
    /// `NOTPAY`, `SUCCESS` or `CLOSED`.
    pub state: String,
    pub expires_at: DateTime<Utc>,
    pub paid_at: Option<DateTime<Utc>>,
    pub refunded_fen: i64,
}

/// A refund that is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRefund {
    pub out_refund_no: String,
    /// One of the two names the payment.
    pub out_trade_no: Option<String>,
    pub transaction_id: Option<String>,
    pub fen: i64,
    /// What the merchant says was paid.
    pub total_fen: i64,
    pub notify_url: String,
    pub arrives_at: DateTime<Utc>,
}

/// A refund in the books.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refund {
    pub refund_seq: i64,
    pub out_refund_no: String,
    pub refund_id: String,
    pub out_trade_no: String,
    pub transaction_id: String,
    pub fen: i64,
    pub total_fen: i64,
    /// `PROCESSING` or `SUCCESS`.
    pub state: String,
    pub created_at: DateTime<Utc>,
    pub arrives_at: DateTime<Utc>,
}

/// Why the gateway does not do it.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    #[error("the number was used for something else")]
    NumberUsed,
    #[error("the payment is paid, closed or expired")]
    Over,
    #[error("there is no such payment, or nobody paid it")]
    NoPayment,
    #[error("more would go back than was paid")]
    TooMuch,
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
}

/// Prepares a payment, once.
///
/// # Errors
/// When the number is another payment's, or it is over.
pub async fn prepare(conn: &mut PgConnection, new: &NewPayment, now: DateTime<Utc>) -> Result<Payment, Refused> {
    sqlx::query!(
        "insert into simulated_gateway.payment
            (out_trade_no, transaction_id, prepay_id, trade_type, fen, description, notify_url, created_at, expires_at)
        values ($1, '4200' || translate($2, 'abcdef', '012345'), $2, $3, $4, $5, $6, $7, $8)
        on conflict (out_trade_no) do nothing",
        new.out_trade_no,
        new.prepay_id,
        new.trade_type,
        new.fen,
        new.description,
        new.notify_url,
        now,
        new.expires_at
    )
    .execute(&mut *conn)
    .await?;
    let payment = payment(conn, &new.out_trade_no).await?.ok_or(Refused::NoPayment)?;
    if payment.fen != new.fen || payment.trade_type != new.trade_type {
        return Err(Refused::NumberUsed);
    }
    if payment.state == "NOTPAY" && payment.expires_at > now { Ok(payment) } else { Err(Refused::Over) }
}

/// By the merchant's number.
///
/// # Errors
/// When the database fails.
pub async fn payment(conn: &mut PgConnection, out_trade_no: &str) -> Result<Option<Payment>, sqlx::Error> {
    sqlx::query_as!(
        Payment,
        "select payment_id, out_trade_no, transaction_id, prepay_id, trade_type, fen, description, state, expires_at, paid_at, refunded_fen
        from simulated_gateway.payment where out_trade_no = $1",
        out_trade_no
    )
    .fetch_optional(conn)
    .await
}

/// By the gateway's own number; `None` also before it is paid.
///
/// # Errors
/// When the database fails.
pub async fn payment_by_its_own(conn: &mut PgConnection, transaction_id: &str) -> Result<Option<Payment>, sqlx::Error> {
    sqlx::query_as!(
        Payment,
        "select payment_id, out_trade_no, transaction_id, prepay_id, trade_type, fen, description, state, expires_at, paid_at, refunded_fen
        from simulated_gateway.payment where transaction_id = $1 and state = 'SUCCESS'",
        transaction_id
    )
    .fetch_optional(conn)
    .await
}

/// By the name in the address where it is paid.
///
/// # Errors
/// When the database fails.
pub async fn prepared(conn: &mut PgConnection, prepay_id: &str) -> Result<Option<Payment>, sqlx::Error> {
    sqlx::query_as!(
        Payment,
        "select payment_id, out_trade_no, transaction_id, prepay_id, trade_type, fen, description, state, expires_at, paid_at, refunded_fen
        from simulated_gateway.payment where prepay_id = $1",
        prepay_id
    )
    .fetch_optional(conn)
    .await
}

/// Somebody pays, and the merchant is to be told. `false`: it is paid, closed or expired.
///
/// # Errors
/// When the database fails.
pub async fn pay(conn: &mut PgConnection, prepay_id: &str, now: DateTime<Utc>) -> Result<bool, sqlx::Error> {
    let told = sqlx::query!(
        "with paid as (
            update simulated_gateway.payment set state = 'SUCCESS', paid_at = $2
            where prepay_id = $1 and state = 'NOTPAY' and expires_at > $2 returning payment_id)
        insert into simulated_gateway.callback (payment_id, due_at) select payment_id, $2 from paid",
        prepay_id,
        now
    )
    .execute(conn)
    .await?;
    Ok(told.rows_affected() == 1)
}

/// Nobody can pay it any more. Closing it again does nothing.
///
/// # Errors
/// When there is none, or it is paid.
pub async fn close(conn: &mut PgConnection, out_trade_no: &str) -> Result<(), Refused> {
    let closed = sqlx::query!(
        "update simulated_gateway.payment set state = 'CLOSED' where out_trade_no = $1 and state <> 'SUCCESS'",
        out_trade_no
    )
    .execute(&mut *conn)
    .await?;
    if closed.rows_affected() == 1 {
        return Ok(());
    }
    Err(if payment(conn, out_trade_no).await?.is_some() { Refused::Over } else { Refused::NoPayment })
}

/// Gives back, once for each number. The caller commits.
///
/// # Errors
/// When the number was used for something else, or it is more than was paid.
pub async fn refund(conn: &mut PgConnection, new: &NewRefund, now: DateTime<Utc>) -> Result<Refund, Refused> {
    if let Some(transaction_id) = &new.transaction_id {
        know(conn, transaction_id, new.total_fen).await?;
    }
    // One at a time for each payment, so that a number that comes twice at once is one refund.
    let payment = sqlx::query!(
        "select payment_id, fen from simulated_gateway.payment
        where (out_trade_no = $1 or transaction_id = $2) and state = 'SUCCESS' for update",
        new.out_trade_no,
        new.transaction_id
    )
    .fetch_optional(&mut *conn)
    .await?
    .ok_or(Refused::NoPayment)?;
    if let Some(before) = refund_state(conn, &new.out_refund_no).await? {
        let is_same = before.fen == new.fen
            && (Some(&before.out_trade_no) == new.out_trade_no.as_ref()
                || Some(&before.transaction_id) == new.transaction_id.as_ref());
        return if is_same { Ok(before) } else { Err(Refused::NumberUsed) };
    }
    if payment.fen != new.total_fen {
        return Err(Refused::TooMuch);
    }
    let taken = sqlx::query!(
        "update simulated_gateway.payment set refunded_fen = refunded_fen + $2
        where payment_id = $1 and refunded_fen + $2 <= fen",
        payment.payment_id,
        new.fen
    )
    .execute(&mut *conn)
    .await?;
    if taken.rows_affected() == 0 {
        return Err(Refused::TooMuch);
    }
    sqlx::query!(
        "insert into simulated_gateway.refund (payment_id, out_refund_no, refund_id, fen, notify_url, created_at, arrives_at)
        values ($1, $2, '5030' || translate(md5($2), 'abcdef', '012345'), $3, $4, $5, $6)",
        payment.payment_id,
        new.out_refund_no,
        new.fen,
        new.notify_url,
        now,
        new.arrives_at
    )
    .execute(&mut *conn)
    .await?;
    refund_state(conn, &new.out_refund_no).await?.ok_or(Refused::NoPayment)
}

/// A payment that another system had made long ago is known to a gateway: as what the merchant says it was.
async fn know(conn: &mut PgConnection, transaction_id: &str, fen: i64) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into simulated_gateway.payment (out_trade_no, transaction_id, prepay_id, trade_type, fen, description, notify_url,
            state, created_at, expires_at, paid_at)
        select md5($1), $1, 'before ' || $1, 'NATIVE', $2, '', '', 'SUCCESS', at, at, at from (values ('2000-01-01'::timestamptz)) long_ago (at)
        on conflict (transaction_id) do nothing",
        transaction_id,
        fen
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// By the merchant's number.
///
/// # Errors
/// When the database fails.
pub async fn refund_state(conn: &mut PgConnection, out_refund_no: &str) -> Result<Option<Refund>, sqlx::Error> {
    sqlx::query_as!(
        Refund,
        "select refund_seq, out_refund_no, refund_id, out_trade_no, transaction_id, r.fen, p.fen as total_fen, r.state, r.created_at, arrives_at
        from simulated_gateway.refund r join simulated_gateway.payment p using (payment_id) where out_refund_no = $1",
        out_refund_no
    )
    .fetch_optional(conn)
    .await
}

/// What has had its time arrives, and the merchant is to be told.
///
/// # Errors
/// When the database fails.
pub async fn arrive(conn: &mut PgConnection, now: DateTime<Utc>) -> Result<u64, sqlx::Error> {
    let told = sqlx::query!(
        "with arrived as (
            update simulated_gateway.refund set state = 'SUCCESS' where state = 'PROCESSING' and arrives_at <= $1 returning refund_seq)
        insert into simulated_gateway.callback (refund_seq, due_at) select refund_seq, $1 from arrived",
        now
    )
    .execute(conn)
    .await?;
    Ok(told.rows_affected())
}

/// What the merchant is to be told now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Callback {
    pub callback_id: i64,
    pub tries: i32,
    pub notify_url: String,
    /// One of the two.
    pub out_trade_no: Option<String>,
    pub out_refund_no: Option<String>,
}

/// Those that are due, the oldest first.
///
/// # Errors
/// When the database fails.
pub async fn callbacks(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    count_max: u16,
) -> Result<Vec<Callback>, sqlx::Error> {
    sqlx::query_as!(
        Callback,
        r#"select callback_id, tries, coalesce(p.notify_url, r.notify_url) as "notify_url!", out_trade_no as "out_trade_no?",
            out_refund_no as "out_refund_no?"
        from simulated_gateway.callback c
        left join simulated_gateway.payment p on p.payment_id = c.payment_id
        left join simulated_gateway.refund r on r.refund_seq = c.refund_seq
        where due_at <= $1 order by due_at, callback_id limit $2"#,
        now,
        i64::from(count_max)
    )
    .fetch_all(conn)
    .await
}

/// The merchant took it, or it is tried again then.
///
/// # Errors
/// When the database fails.
pub async fn told(
    conn: &mut PgConnection,
    callback_id: i64,
    again_at: Option<DateTime<Utc>>,
) -> Result<(), sqlx::Error> {
    match again_at {
        Some(at) => {
            sqlx::query!(
                "update simulated_gateway.callback set due_at = $2, tries = tries + 1 where callback_id = $1",
                callback_id,
                at
            )
            .execute(conn)
            .await?
        }
        None => {
            sqlx::query!("delete from simulated_gateway.callback where callback_id = $1", callback_id)
                .execute(conn)
                .await?
        }
    };
    Ok(())
}

/// What was paid between two instants, in the order in which it was.
///
/// # Errors
/// When the database fails.
pub async fn paid_between(
    conn: &mut PgConnection,
    from: DateTime<Utc>,
    until: DateTime<Utc>,
) -> Result<Vec<Payment>, sqlx::Error> {
    sqlx::query_as!(
        Payment,
        "select payment_id, out_trade_no, transaction_id, prepay_id, trade_type, fen, description, state, expires_at, paid_at, refunded_fen
        from simulated_gateway.payment where state = 'SUCCESS' and paid_at >= $1 and paid_at < $2 order by paid_at, payment_id",
        from,
        until
    )
    .fetch_all(conn)
    .await
}

/// What arrived where it came from between two instants, in the order in which it did.
///
/// # Errors
/// When the database fails.
pub async fn arrived_between(
    conn: &mut PgConnection,
    from: DateTime<Utc>,
    until: DateTime<Utc>,
) -> Result<Vec<Refund>, sqlx::Error> {
    sqlx::query_as!(
        Refund,
        "select refund_seq, out_refund_no, refund_id, out_trade_no, transaction_id, r.fen, p.fen as total_fen, r.state, r.created_at, arrives_at
        from simulated_gateway.refund r join simulated_gateway.payment p using (payment_id)
        where r.state = 'SUCCESS' and arrives_at >= $1 and arrives_at < $2 order by arrives_at, refund_seq",
        from,
        until
    )
    .fetch_all(conn)
    .await
}

/// A payment that was made before the simulator ran.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remembered {
    /// 商户订单号, of whichever system had it made.
    pub out_trade_no: String,
    pub transaction_id: String,
    pub fen: i64,
    pub paid_at: DateTime<Utc>,
}

/// Enters payments that were made before the simulator ran.
///
/// # Errors
/// When a number is there already, or the database fails.
pub async fn remember(conn: &mut PgConnection, payments: &[Remembered]) -> Result<(), sqlx::Error> {
    let ours: Vec<String> = payments.iter().map(|payment| payment.out_trade_no.clone()).collect();
    let theirs: Vec<String> = payments.iter().map(|payment| payment.transaction_id.clone()).collect();
    let fen: Vec<i64> = payments.iter().map(|payment| payment.fen).collect();
    let paid_at: Vec<DateTime<Utc>> = payments.iter().map(|payment| payment.paid_at).collect();
    sqlx::query!(
        "insert into simulated_gateway.payment (out_trade_no, transaction_id, prepay_id, trade_type, fen, description, notify_url,
            state, created_at, expires_at, paid_at)
        select ours, theirs, 'before ' || theirs, 'NATIVE', fen, '', '', 'SUCCESS', at, at, at
        from unnest($1::text[], $2::text[], $3::bigint[], $4::timestamptz[]) as before (ours, theirs, fen, at)",
        &ours,
        &theirs,
        &fen,
        &paid_at
    )
    .execute(conn)
    .await?;
    Ok(())
}
