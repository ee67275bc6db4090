//! Writing settlements, of many subscribers at a time: each with its transfer, and its entry of the balance where it touches that.

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;
use sqlx::PgConnection;

use super::allocation::Share;
use super::balance::enter;
use super::store::PaymentError;
use crate::clock::Month;

/// Where a settlement comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// A payment of `amount` yuan of which `before` were used, from this account of the ledger.
    Payment { payment_id: i64, account: &'static str, amount: Decimal, before: Decimal },
    /// 减免: a refund of the same line, which was not paid yet, and the yuan of it that were approved.
    Refund { refund_id: i64, approved: Decimal },
}

/// A settlement to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NewSettlement {
    pub subscriber_id: i64,
    pub source: Source,
    /// The line; `None`: into the balance.
    pub share: Option<Share>,
    /// Yuan.
    pub amount: Decimal,
}

/// A settlement that was written.
#[expect(clippy::struct_field_names, reason = "they are the keys of three tables")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Settled {
    pub subscriber_id: i64,
    pub settlement_id: i64,
    pub refund_id: Option<i64>,
}

/// Locks subscribers in the order of their ids to the end of the transaction, so that what each pays and gets back happens
/// one after the other.
pub(crate) async fn lock_subscribers(conn: &mut PgConnection, subscribers: &[i64]) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "select subscriber_id from subscriber where subscriber_id = any($1) order by subscriber_id for no key update",
        subscribers,
    )
    .fetch_all(conn)
    .await?;
    Ok(())
}

#[derive(Default)]
struct Columns {
    subscribers: Vec<i64>,
    payments: Vec<Option<i64>>,
    refunds: Vec<Option<i64>>,
    approved: Vec<Option<Decimal>>,
    accounts: Vec<String>,
    months: Vec<Option<NaiveDate>>,
    line_numbers: Vec<Option<i32>>,
    amounts: Vec<Decimal>,
    line_amounts: Vec<Option<Decimal>>,
    line_befores: Vec<Option<Decimal>>,
    payment_amounts: Vec<Option<Decimal>>,
    payment_befores: Vec<Option<Decimal>>,
}

impl Columns {
    fn of(settlements: &[NewSettlement]) -> Self {
        let mut columns = Self::default();
        for new in settlements {
            let (payment, refund, account) = match new.source {
                Source::Payment { payment_id, account, amount, before } => {
                    (Some((payment_id, amount, before)), None, account)
                }
                Source::Refund { refund_id, approved } => (None, Some((refund_id, approved)), "waived"),
            };
            let line = new.share.map(|share| share.line);
            columns.subscribers.push(new.subscriber_id);
            columns.payments.push(payment.map(|(payment_id, ..)| payment_id));
            columns.refunds.push(refund.map(|(refund_id, _)| refund_id));
            columns.approved.push(refund.map(|(_, approved)| approved));
            columns.accounts.push(account.to_owned());
            columns.months.push(line.map(|line| Month::first_day(line.month)));
            columns.line_numbers.push(line.map(|line| line.line_no));
            columns.amounts.push(new.amount);
            columns.line_amounts.push(line.map(|line| line.amount));
            columns.line_befores.push(line.map(|line| line.settled));
            columns.payment_amounts.push(payment.map(|(_, amount, _)| amount));
            columns.payment_befores.push(payment.map(|(.., before)| before));
        }
        columns
    }
}

/// Writes settlements with their transfers. The subscribers must be locked.
///
/// # Errors
/// When one of them is refused; then nothing may be committed.
pub(crate) async fn settle(
    conn: &mut PgConnection,
    settlements: &[NewSettlement],
    at: DateTime<Utc>,
) -> Result<Vec<Settled>, PaymentError> {
    if settlements.is_empty() {
        return Ok(Vec::new());
    }
    let columns = Columns::of(settlements);
    let rows = sqlx::query!(
        r#"with settled as (
            insert into settlement (at, subscriber_id, payment_id, refund_id, approved_amount, account, month, line_no, amount,
                line_amount, line_before, line_after, payment_amount, payment_before, payment_after)
            select $1, subscriber_id, payment_id, refund_id, approved_amount, account, month, line_no, amount,
                line_amount, line_before, line_before + amount, payment_amount, payment_before, payment_before + amount
            from unnest($2::bigint[], $3::bigint[], $4::bigint[], $5::text[], $6::date[], $7::integer[], $8::numeric[],
                $9::numeric[], $10::numeric[], $11::numeric[], $12::numeric[], $13::numeric[])
                as new (subscriber_id, payment_id, refund_id, account, month, line_no, amount, line_amount, line_before,
                    payment_amount, payment_before, approved_amount)
            returning subscriber_id, settlement_id, refund_id, account, month, line_no, amount),
        moved as (
            insert into transfer (subscriber_id, debit_account, credit_account, amount, at, settlement_id)
            select s.subscriber_id,
                case when s.account <> 'waived' then s.account when l.kind = 'third_party' then 'payable' else 'refund' end,
                case when s.month is null then 'balance' else 'receivable' end, s.amount, $1, s.settlement_id
            from settled s
            left join bill_line l on l.subscriber_id = s.subscriber_id and l.month = s.month and l.line_no = s.line_no
            returning subscriber_id, transfer_id, settlement_id, 'balance' in (debit_account, credit_account) as is_balance)
        select s.subscriber_id, s.settlement_id, s.refund_id, t.transfer_id, t.is_balance as "is_balance!"
        from settled s join moved t on t.subscriber_id = s.subscriber_id and t.settlement_id = s.settlement_id
        order by s.subscriber_id, t.transfer_id"#,
        at,
        &columns.subscribers,
        &columns.payments as &[Option<i64>],
        &columns.refunds as &[Option<i64>],
        &columns.accounts,
        &columns.months as &[Option<NaiveDate>],
        &columns.line_numbers as &[Option<i32>],
        &columns.amounts,
        &columns.line_amounts as &[Option<Decimal>],
        &columns.line_befores as &[Option<Decimal>],
        &columns.payment_amounts as &[Option<Decimal>],
        &columns.payment_befores as &[Option<Decimal>],
        &columns.approved as &[Option<Decimal>],
    )
    .fetch_all(&mut *conn)
    .await?;
    if rows.len() != settlements.len() {
        return Err(PaymentError::Incomplete { expected: settlements.len(), written: rows.len() });
    }
    let touched: Vec<_> =
        rows.iter().filter(|row| row.is_balance).map(|row| (row.subscriber_id, row.transfer_id)).collect();
    enter(conn, &touched).await?;
    let settled = rows.into_iter().map(|row| Settled {
        subscriber_id: row.subscriber_id,
        settlement_id: row.settlement_id,
        refund_id: row.refund_id,
    });
    Ok(settled.collect())
}
