//! Payments, settlements, refunds and balances, summed up by other SQL than that which wrote them: from the plain amounts, never from
//! the running totals that the rows carry.

use sqlx::PgPool;

use super::{AuditError, Report};
use crate::clock::Month;

pub(super) async fn run(pool: &PgPool, report: &mut Report) -> Result<(), AuditError> {
    payments(pool, report).await?;
    lines(pool, report).await?;
    refunds(pool, report).await?;
    returned(pool, report).await?;
    transfers(pool, report).await?;
    balances(pool, report).await?;
    Ok(())
}

/// A payment that was made is used up, in bill lines and the balance; one that was not made is not used at all.
async fn payments(pool: &PgPool, report: &mut Report) -> Result<(), AuditError> {
    let wrong = sqlx::query!(
        r#"
        select p.subscriber_id, p.payment_id, p.state, p.amount, coalesce(s.used, 0) as "used!"
        from payment as p
        left join (
            select subscriber_id, payment_id, sum(amount) as used from settlement where payment_id is not null group by 1, 2
        ) as s on s.subscriber_id = p.subscriber_id and s.payment_id = p.payment_id
        where coalesce(s.used, 0) <> case p.state when 'paid' then p.amount else 0 end
        "#
    )
    .fetch_all(pool)
    .await?;
    for row in wrong {
        let what =
            format!("payment {} of {} is {}, and {} of it are used", row.payment_id, row.amount, row.state, row.used);
        report.add(row.subscriber_id, None, what);
    }
    Ok(())
}

/// Of no line more is settled than it is.
async fn lines(pool: &PgPool, report: &mut Report) -> Result<(), AuditError> {
    let wrong = sqlx::query!(
        r#"
        select l.subscriber_id, l.month, l.line_no, l.amount, s.settled as "settled!"
        from bill_line as l
        join (
            select subscriber_id, month, line_no, sum(amount) as settled from settlement where month is not null group by 1, 2, 3
        ) as s on s.subscriber_id = l.subscriber_id and s.month = l.month and s.line_no = l.line_no
        where s.settled > l.amount
        "#
    )
    .fetch_all(pool)
    .await?;
    for row in wrong {
        let what = format!("line {} of {} is settled with {}", row.line_no, row.amount, row.settled);
        report.add(row.subscriber_id, Some(Month::of_date(row.month)), what);
    }
    Ok(())
}

/// The parts of an approved refund make up its amount, of any other there are none; and a part that failed for good has another in its
/// place.
async fn refunds(pool: &PgPool, report: &mut Report) -> Result<(), AuditError> {
    let wrong = sqlx::query!(
        r#"
        select r.subscriber_id, r.refund_id, r.state, r.amount, coalesce(p.amount, 0) as "parts!"
        from refund as r
        left join (
            select subscriber_id, refund_id, sum(amount) as amount from refund_part where state <> 'failed' group by 1, 2
        ) as p on p.subscriber_id = r.subscriber_id and p.refund_id = r.refund_id
        where coalesce(p.amount, 0) <> case r.state when 'approved' then r.amount else 0 end
        "#
    )
    .fetch_all(pool)
    .await?;
    for row in wrong {
        let what =
            format!("refund {} of {} is {}, its parts come to {}", row.refund_id, row.amount, row.state, row.parts);
        report.add(row.subscriber_id, None, what);
    }
    Ok(())
}

/// Of no settlement more went back than it was, so of no line and no payment; nothing went back along another way than it was paid,
/// but for cash and bills of other systems and what failed; and no charge of another system was returned twice.
async fn returned(pool: &PgPool, report: &mut Report) -> Result<(), AuditError> {
    let wrong = sqlx::query!(
        r#"
        select s.subscriber_id, 'settlement ' || s.settlement_id || ' of ' || s.amount || ' was returned with ' || p.amount as "what!"
        from settlement as s
        join (
            select subscriber_id, settlement_id, sum(amount) as amount
            from refund_part where state <> 'failed' and settlement_id is not null group by 1, 2
        ) as p on p.subscriber_id = s.subscriber_id and p.settlement_id = s.settlement_id
        where p.amount > s.amount
        union all
        select p.subscriber_id, 'part ' || p.refund_no || ' goes by ' || p.route || ', and was paid by ' || p.paid_by
        from refund_part as p
        left join settlement as s on s.subscriber_id = p.subscriber_id and s.settlement_id = p.settlement_id
        left join refund_part as f
            on f.subscriber_id = p.subscriber_id and f.refund_id = p.refund_id and f.part_no = p.replaces_no
        where p.paid_by <> coalesce(s.account, p.refund_paid_by)
            or p.route <> case when f.state = 'failed' then 'balance'
                when p.paid_by = 'waived' then 'bill' when p.paid_by in ('gateway', 'platform') then p.paid_by else 'balance' end
        union all
        select subscriber_id, 'imported charge ' || imported_charge_id || ' was returned ' || count(*) || ' times'
        from refund where state = 'approved' and imported_charge_id is not null
        group by subscriber_id, imported_charge_id having count(*) > 1
        "#
    )
    .fetch_all(pool)
    .await?;
    for row in wrong {
        let subscriber_id = row.subscriber_id.unwrap_or_default();
        report.add(subscriber_id, None, row.what);
    }
    Ok(())
}

/// Each settlement and each step of a part moved once, by its amount, between the right accounts.
async fn transfers(pool: &PgPool, report: &mut Report) -> Result<(), AuditError> {
    let wrong = sqlx::query!(
        r#"
        with due as (
            select s.subscriber_id, s.settlement_id, null::bigint as refund_id, null::integer as part_no, null as step,
                case when s.account <> 'waived' then s.account when l.kind = 'third_party' then 'payable' else 'refund' end as debit,
                case when s.month is null then 'balance' else 'receivable' end as credit, s.amount
            from settlement as s
            left join bill_line as l on l.subscriber_id = s.subscriber_id and l.month = s.month and l.line_no = s.line_no
            union all
            select p.subscriber_id, null, p.refund_id, p.part_no, 'granted',
                case when p.replaces_no is not null then 'refund_under_way' when l.kind = 'third_party' then 'payable'
                    when p.route = 'platform' then 'claim' else 'refund' end,
                case p.route when 'balance' then 'balance' else 'refund_under_way' end, p.amount
            from refund_part as p
            join refund as r on r.subscriber_id = p.subscriber_id and r.refund_id = p.refund_id
            left join bill_line as l on l.subscriber_id = r.subscriber_id and l.month = r.month and l.line_no = r.line_no
            where p.route <> 'bill'
            union all
            select subscriber_id, null, refund_id, part_no, 'paid', 'refund_under_way',
                case route when 'platform' then 'claim' else 'gateway' end, amount
            from refund_part where route in ('gateway', 'platform') and state = 'confirmed'
            union all
            select subscriber_id, null, refund_id, part_no, 'lost', 'refund', 'claim', amount
            from refund_part where route = 'platform' and state = 'failed'),
        moved as (
            select subscriber_id, settlement_id, refund_id, part_no, step, debit_account as debit, credit_account as credit, amount
            from transfer where settlement_id is not null or refund_id is not null)
        select subscriber_id as "subscriber_id!", what || coalesce(' settlement ' || settlement_id, '')
            || coalesce(' part ' || refund_id || '/' || part_no || ' ' || step, '') || ': ' || amount || ' from ' || debit
            || ' to ' || credit as "what!"
        from (
            select 'not posted:' as what, d.* from (select * from due except all select * from moved) as d
            union all
            select 'posted without cause:', m.* from (select * from moved except all select * from due) as m
        ) as wrong
        "#
    )
    .fetch_all(pool)
    .await?;
    for row in wrong {
        report.add(row.subscriber_id, None, row.what);
    }
    Ok(())
}

/// The balance is what the ledger says, and each transfer that touched it was entered; what is due of bills is what the ledger says is
/// owed for them.
async fn balances(pool: &PgPool, report: &mut Report) -> Result<(), AuditError> {
    let wrong = sqlx::query!(
        r#"
        select coalesce(t.subscriber_id, e.subscriber_id) as "subscriber_id!", coalesce(t.amount, 0) as "moved!",
            coalesce(e.after, 0) as "entered!"
        from (
            select subscriber_id, sum(case when credit_account = 'balance' then amount else -amount end) as amount
            from transfer where 'balance' in (debit_account, credit_account) group by 1
        ) as t
        full join (
            select distinct on (subscriber_id) subscriber_id, after from balance_entry order by subscriber_id, seq desc
        ) as e on e.subscriber_id = t.subscriber_id
        where coalesce(t.amount, 0) <> coalesce(e.after, 0)
        "#
    )
    .fetch_all(pool)
    .await?;
    for row in wrong {
        let what = format!("the transfers leave {} in the balance, its entries {}", row.moved, row.entered);
        report.add(row.subscriber_id, None, what);
    }
    let owed = sqlx::query!(
        r#"
        select b.subscriber_id as "subscriber_id!", b.billed - coalesce(s.settled, 0) as "due!", o.owed - coalesce(u.unbilled, 0) as "owed!"
        from (select subscriber_id, sum(amount) as billed from bill_line group by 1) as b
        left join (
            select subscriber_id, sum(amount) as settled from settlement where month is not null group by 1
        ) as s on s.subscriber_id = b.subscriber_id
        join (
            select subscriber_id, sum(case when debit_account = 'receivable' then amount else -amount end) as owed
            from transfer where 'receivable' in (debit_account, credit_account) group by 1
        ) as o on o.subscriber_id = b.subscriber_id
        left join (
            select c.subscriber_id, sum(c.amount) as unbilled from charge as c
            where not exists (
                select from bill_line_charge as x where x.subscriber_id = c.subscriber_id and x.charge_id = c.charge_id)
            group by 1
        ) as u on u.subscriber_id = b.subscriber_id
        where b.billed - coalesce(s.settled, 0) <> o.owed - coalesce(u.unbilled, 0)
        "#
    )
    .fetch_all(pool)
    .await?;
    for row in owed {
        let what = format!("of its bills {} are due, the ledger says {}", row.due, row.owed);
        report.add(row.subscriber_id, None, what);
    }
    Ok(())
}
