//! 余额 The balance: a chain of the transfers that touched it, never below zero, and whether bills are paid from it by themselves.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use sqlx::PgConnection;

use super::settle::{NewSettlement, Source, lock_subscribers, settle};
use super::store::PaymentError;
use super::{Share, allocate, due};
use crate::actor::{Actor, By};
use crate::clock::Month;
use crate::notice::PaymentNotice;
use crate::notice::store::tell_many;
use crate::notice::template::Message;

/// Entries of a page.
pub const PAGE: u32 = 50;

/// What never goes through a gateway needs no chance in its number.
pub(super) const NO_NONCE: &str = "00000000";

/// Yuan in the balance.
///
/// # Errors
/// When the database failed.
pub async fn balance(conn: &mut PgConnection, subscriber_id: i64) -> Result<Decimal, PaymentError> {
    Ok(balances(conn, &[subscriber_id]).await?.remove(&subscriber_id).unwrap_or_default())
}

/// Yuan in the balances of those who have something in it.
async fn balances(conn: &mut PgConnection, subscribers: &[i64]) -> Result<HashMap<i64, Decimal>, PaymentError> {
    let rows = sqlx::query!(
        r#"select s.subscriber_id as "subscriber_id!", e.after as "after!"
        from unnest($1::bigint[]) s (subscriber_id)
        cross join lateral (
            select after from balance_entry where subscriber_id = s.subscriber_id order by seq desc limit 1) e
        where e.after > 0"#,
        subscribers,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (row.subscriber_id, row.after)).collect())
}

/// Enters transfers into the balances that they touch, in the order of their ids. The subscribers must be locked.
pub(crate) async fn enter(conn: &mut PgConnection, transfers: &[(i64, i64)]) -> Result<(), PaymentError> {
    if transfers.is_empty() {
        return Ok(());
    }
    let (subscribers, ids): (Vec<i64>, Vec<i64>) = transfers.iter().copied().unzip();
    let written = sqlx::query!(
        "insert into balance_entry (subscriber_id, seq, transfer_id, amount, debit_account, credit_account, before, after, at)
        select subscriber_id, last_seq + place, transfer_id, amount, debit_account, credit_account,
            last_after + moved - change, last_after + moved, at
        from (
            select t.*, coalesce(e.seq, 0) as last_seq, coalesce(e.after, 0) as last_after, c.change,
                row_number() over subscribers as place, sum(c.change) over subscribers as moved
            from unnest($1::bigint[], $2::bigint[]) new (subscriber_id, transfer_id)
            join transfer t on t.subscriber_id = new.subscriber_id and t.transfer_id = new.transfer_id
            cross join lateral (
                select case when t.credit_account = 'balance' then t.amount else -t.amount end as change) c
            left join lateral (
                select seq, after from balance_entry where subscriber_id = new.subscriber_id order by seq desc limit 1) e on true
            window subscribers as (partition by t.subscriber_id order by t.transfer_id)
        ) numbered",
        &subscribers,
        &ids,
    )
    .execute(conn)
    .await?
    .rows_affected();
    if written != transfers.len() as u64 {
        let written = usize::try_from(written).unwrap_or(usize::MAX);
        return Err(PaymentError::Incomplete { expected: transfers.len(), written });
    }
    Ok(())
}

/// What moved the balance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Movement {
    /// What of a payment no bill took.
    PaidIn {
        payment_id: i64,
    },
    /// A bill line of this month, by a payment from the balance.
    PaidBill {
        payment_id: i64,
        month: Month,
        line_no: i32,
    },
    Refund {
        refund_id: i64,
        part_no: i32,
    },
}

/// An entry of the balance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BalanceEntry {
    pub seq: i32,
    pub movement: Movement,
    /// Yuan: negative is what left it.
    pub change: Decimal,
    /// Yuan in the balance afterwards.
    pub after: Decimal,
    pub at: DateTime<Utc>,
}

/// Entries of the balance, the newest first, at most [`PAGE`]; `before` is the `seq` of the last one on the page before.
///
/// # Errors
/// When the database failed.
pub async fn entries(
    conn: &mut PgConnection,
    subscriber_id: i64,
    before: Option<i32>,
) -> Result<Vec<BalanceEntry>, PaymentError> {
    let rows = sqlx::query!(
        r#"select e.seq, e.after, e.after - e.before as "change!", e.at, s.payment_id as "payment_id?", s.month as "month?",
            s.line_no as "line_no?", t.refund_id, t.part_no
        from balance_entry e
        join transfer t on t.subscriber_id = e.subscriber_id and t.transfer_id = e.transfer_id
        left join settlement s on s.subscriber_id = t.subscriber_id and s.settlement_id = t.settlement_id
        where e.subscriber_id = $1 and ($2::integer is null or e.seq < $2)
        order by e.seq desc limit $3"#,
        subscriber_id,
        before,
        i64::from(PAGE),
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            let movement = match (row.payment_id, row.month, row.line_no, row.refund_id, row.part_no) {
                (Some(payment_id), Some(month), Some(line_no), None, None) => {
                    Movement::PaidBill { payment_id, month: Month::of_date(month), line_no }
                }
                (Some(payment_id), None, None, None, None) => Movement::PaidIn { payment_id },
                (None, _, _, Some(refund_id), Some(part_no)) => Movement::Refund { refund_id, part_no },
                _ => return Err(PaymentError::Corrupt("entry of a balance")),
            };
            Ok(BalanceEntry { seq: row.seq, movement, change: row.change, after: row.after, at: row.at })
        })
        .collect()
}

/// Whether closed bills are paid from the balance by themselves.
///
/// # Errors
/// When the database failed.
pub async fn auto_payment(conn: &mut PgConnection, subscriber_id: i64) -> Result<bool, PaymentError> {
    let wanted = sqlx::query_scalar!(
        "select wanted from auto_payment_choice where subscriber_id = $1 order by seq desc limit 1",
        subscriber_id,
    )
    .fetch_optional(conn)
    .await?;
    Ok(wanted.unwrap_or(false))
}

/// Chooses whether closed bills are paid from the balance by themselves. `false`: it was so already.
///
/// # Errors
/// When somebody else than the subscriber would turn it on (`auto_payment_choice_actor_check`), or the database failed.
pub async fn choose_auto_payment(
    conn: &mut PgConnection,
    subscriber_id: i64,
    wanted: bool,
    by: &By,
    now: DateTime<Utc>,
) -> Result<bool, PaymentError> {
    lock_subscribers(conn, &[subscriber_id]).await?;
    if auto_payment(conn, subscriber_id).await? == wanted {
        return Ok(false);
    }
    sqlx::query!(
        "insert into auto_payment_choice (subscriber_id, seq, wanted, chosen_at, actor, channel_id)
        select $1, coalesce(max(seq), 0) + 1, $2, $3, $4, $5 from auto_payment_choice where subscriber_id = $1",
        subscriber_id,
        wanted,
        now,
        by.actor.to_string(),
        by.channel_id,
    )
    .execute(conn)
    .await?;
    Ok(true)
}

/// A payment from the balance that is about to be written.
struct FromBalance {
    subscriber_id: i64,
    shares: Vec<Share>,
    amount: Decimal,
    left: Decimal,
}

/// Pays what is due from the balances of those who chose that and have something there: the oldest bill first, as far as it
/// goes. Called when bills are closed. Returns what was paid, by subscriber.
///
/// # Errors
/// When the database failed.
pub async fn pay_closed_bills(
    conn: &mut PgConnection,
    subscribers: &[i64],
    now: DateTime<Utc>,
) -> Result<HashMap<i64, Vec<Share>>, PaymentError> {
    let willing = sqlx::query_scalar!(
        r#"select s.subscriber_id as "subscriber_id!" from unnest($1::bigint[]) s (subscriber_id)
        cross join lateral (
            select wanted from auto_payment_choice where subscriber_id = s.subscriber_id order by seq desc limit 1) c
        where c.wanted"#,
        subscribers,
    )
    .fetch_all(&mut *conn)
    .await?;
    if willing.is_empty() {
        return Ok(HashMap::new());
    }
    lock_subscribers(conn, &willing).await?;
    let balances = balances(conn, &willing).await?;
    let mut open = due::open_lines(conn, &balances.keys().copied().collect::<Vec<_>>()).await?;
    let mut payments: Vec<FromBalance> = balances
        .into_iter()
        .filter_map(|(subscriber_id, balance)| {
            let allocation = allocate(balance, &open.remove(&subscriber_id)?);
            let amount = balance - allocation.rest;
            (!amount.is_zero()).then_some(FromBalance {
                subscriber_id,
                shares: allocation.shares,
                amount,
                left: allocation.rest,
            })
        })
        .collect();
    payments.sort_unstable_by_key(|payment| payment.subscriber_id);
    write(conn, &payments, &By { actor: Actor::System, channel_id: "web".to_owned() }, now).await?;
    Ok(payments.into_iter().map(|payment| (payment.subscriber_id, payment.shares)).collect())
}

/// Pays what is due from the balance because its owner says so: the oldest bill first, as far as it goes. `None`: nothing is
/// due, or nothing is there.
///
/// # Errors
/// When the database failed.
pub async fn pay_from_balance(
    conn: &mut PgConnection,
    subscriber_id: i64,
    by: &By,
    now: DateTime<Utc>,
) -> Result<Option<Decimal>, PaymentError> {
    lock_subscribers(conn, &[subscriber_id]).await?;
    let balance = balance(conn, subscriber_id).await?;
    let allocation = allocate(balance, &due::due_lines(conn, subscriber_id).await?);
    let amount = balance - allocation.rest;
    if amount.is_zero() {
        return Ok(None);
    }
    let payment = FromBalance { subscriber_id, shares: allocation.shares, amount, left: allocation.rest };
    write(conn, &[payment], by, now).await?;
    Ok(Some(amount))
}

async fn write(
    conn: &mut PgConnection,
    payments: &[FromBalance],
    by: &By,
    now: DateTime<Utc>,
) -> Result<(), PaymentError> {
    let subscribers: Vec<i64> = payments.iter().map(|payment| payment.subscriber_id).collect();
    let amounts: Vec<Decimal> = payments.iter().map(|payment| payment.amount).collect();
    let ids = sqlx::query!(
        "with paid as (
            insert into payment (purpose, route, nonce, asked_by, channel_id, asked_at, expires_at, state, paid_at,
                subscriber_id, amount)
            select 'bill', 'balance', $1, $2, $3, $4, $4, 'paid', $4, * from unnest($5::bigint[], $6::numeric[])
            returning subscriber_id, payment_id),
        told as (
            insert into payment_event (subscriber_id, payment_id, what, at)
            select subscriber_id, payment_id, 'paid', $4 from paid)
        select subscriber_id, payment_id from paid",
        NO_NONCE,
        by.actor.to_string(),
        by.channel_id,
        now,
        &subscribers,
        &amounts,
    )
    .fetch_all(&mut *conn)
    .await?;
    let ids: HashMap<i64, i64> = ids.into_iter().map(|row| (row.subscriber_id, row.payment_id)).collect();
    let mut settlements = Vec::new();
    let mut messages = Vec::new();
    for payment in payments {
        let payment_id = *ids.get(&payment.subscriber_id).ok_or(PaymentError::Corrupt("payment from a balance"))?;
        let mut before = Decimal::ZERO;
        for share in &payment.shares {
            let source = Source::Payment { payment_id, account: "balance", amount: payment.amount, before };
            before += share.amount;
            settlements.push(NewSettlement {
                subscriber_id: payment.subscriber_id,
                source,
                share: Some(*share),
                amount: share.amount,
            });
        }
        let notice = PaymentNotice::PaidFromBalance { amount: payment.amount, balance: payment.left };
        messages.push((payment.subscriber_id, format!("payment/{payment_id}"), Message::Payment(notice)));
    }
    settle(conn, &settlements, now).await?;
    tell_many(conn, &messages, now).await?;
    Ok(())
}
