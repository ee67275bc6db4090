//! What the execution is measured against: the same rows of the books, by one bare statement with every constraint on, rolled
//! back.

use std::time::{Duration, Instant};

use anyhow::ensure;
use chrono::{DateTime, Utc};
use sqlx::PgPool;

/// Rows of refunds, their parts, transfers and entries of the balance, and how long they took.
#[derive(Clone, Copy, Debug)]
pub struct Bare {
    pub rows: i64,
    took: Duration,
}

impl Bare {
    /// Rows a second.
    pub fn speed(self) -> f64 {
        speed(self.rows, self.took)
    }
}

/// Rows a second.
#[expect(clippy::cast_precision_loss, reason = "a speed to be read")]
pub fn speed(rows: i64, took: Duration) -> f64 {
    rows as f64 / took.as_secs_f64()
}

const INSERT: &str = "with made as (
    insert into refund (batch_id, reason, asked_by, asked_at, state, decided_by, decided_at, subscriber_id, imported_charge_id,
        charged, paid_by, reference, amount)
    select b.batch_id, b.reason, b.asked_by, b.asked_at, 'approved', b.approved_by, b.approved_at, d.subscriber_id,
        d.imported_charge_id, d.charged, d.paid_by, d.reference, d.amount
    from pg_temp.due d
    join incident_proposal p using (incident_id)
    join refund_batch b on b.batch_id = p.batch_id
    returning subscriber_id, refund_id, paid_by, amount),
routed as (select *, case paid_by when 'bill' then 'balance' else paid_by end as route from made),
parts as (
    insert into refund_part (subscriber_id, refund_id, part_no, paid_by, route, amount, approved_amount, refund_paid_by,
        refund_before, refund_after, nonce, state, due_at, sent_at, confirmed_at, deadline_at)
    select subscriber_id, refund_id, 1, paid_by, route, amount, amount, paid_by, 0, amount, '00000000',
        case route when 'balance' then 'confirmed' when 'gateway' then 'approved' else 'sent' end, $1,
        case route when 'platform' then $1 end, case route when 'balance' then $1 end,
        case route when 'platform' then $1 + interval '15 days' end
    from routed),
moved as (
    insert into transfer (subscriber_id, debit_account, credit_account, amount, at, refund_id, part_no, part_paid_by, step)
    select subscriber_id, case route when 'platform' then 'claim' else 'refund' end,
        case route when 'balance' then 'balance' else 'refund_under_way' end, amount, $1, refund_id, 1, paid_by, 'granted'
    from routed
    returning subscriber_id, transfer_id, amount, debit_account, credit_account)
insert into balance_entry (subscriber_id, seq, transfer_id, amount, debit_account, credit_account, before, after, at)
select subscriber_id, 1, transfer_id, amount, debit_account, credit_account, 0, amount, $1
from moved where credit_account = 'balance'";

/// Inserts what an approved incident will, and takes it back.
///
/// # Errors
/// When the database fails.
pub async fn insert(pool: &PgPool, incident_id: i64, now: DateTime<Utc>) -> anyhow::Result<Bare> {
    let mut tx = pool.begin().await?;
    sqlx::raw_sql(
        "create temporary table due (incident_id bigint, subscriber_id bigint, imported_charge_id bigint, charged numeric(20, 2),
            amount numeric(12, 2), paid_by text, reference text) on commit drop",
    )
    .execute(&mut *tx)
    .await?;
    let refunds = sqlx::query(
        "insert into pg_temp.due
        select incident_id, subscriber_id, imported_charge_id, charged, amount, paid_by, reference
        from incident_refund where incident_id = $1 order by subscriber_id",
    )
    .bind(incident_id)
    .execute(&mut *tx)
    .await?
    .rows_affected();
    let began = Instant::now();
    let entries = sqlx::query(INSERT).bind(now).execute(&mut *tx).await?.rows_affected();
    let took = began.elapsed();
    tx.rollback().await?;
    ensure!(entries > 0 && entries < refunds, "{entries} of {refunds} refunds into the balance");
    Ok(Bare { rows: i64::try_from(3 * refunds + entries)?, took })
}
