//! Sums and references of what is stored, over all subscribers at once.

use sqlx::PgPool;

use super::{AuditError, Report};
use crate::clock::Month;

pub(super) async fn run(pool: &PgPool, report: &mut Report) -> Result<(), AuditError> {
    charges_of_usage(pool, report).await?;
    first_charges(pool, report).await?;
    renewals(pool, report).await?;
    counters(pool, report).await?;
    allowances(pool, report).await?;
    ledger(pool, report).await?;
    bills(pool, report).await?;
    Ok(())
}

/// A record that cost something has one charge of that amount, and no other record has one.
async fn charges_of_usage(pool: &PgPool, report: &mut Report) -> Result<(), AuditError> {
    let unequal = sqlx::query!(
        r#"
        select coalesce(r.subscriber_id, c.subscriber_id) as "subscriber_id!",
            coalesce(r.month, c.month) as "month!", coalesce(r.source_id, c.usage_source_id) as "source_id!",
            coalesce(r.cost, 0) as "cost!", coalesce(c.amount, 0) as "amount!"
        from (select subscriber_id, month, source_id, cost, service from usage_record where cost > 0) as r
        full join (select * from charge where usage_source_id is not null) as c
            on c.subscriber_id = r.subscriber_id and c.month = r.month and c.usage_source_id = r.source_id
                and c.kind = r.service || '_overage'
        where r.cost is distinct from c.amount
        "#
    )
    .fetch_all(pool)
    .await?;
    for row in unequal {
        let what = format!("usage {} cost {} and was charged {}", row.source_id, row.cost, row.amount);
        report.add(row.subscriber_id, Some(Month::of_date(row.month)), what);
    }
    Ok(())
}

/// Nothing is charged first whose owner was not told: a day before, or a week before what could not be sent; what costs by use,
/// before the first use. Who had decided its end was told then what it costs. What moved in, or was ordered before there was
/// such a reminder, is not told of.
async fn first_charges(pool: &PgPool, report: &mut Report) -> Result<(), AuditError> {
    let untold = sqlx::query!(
        r#"
        select s.subscriber_id, c.month, c.charge_id
        from subscription as s
        cross join lateral (
            select month, charge_id, charged_at, usage_source_id from charge
            where subscriber_id = s.subscriber_id and subscription_id = s.subscription_id
                and (usage_source_id is null or s.recurring_price = 0)
            order by charged_at, charge_id limit 1
        ) as c
        left join first_charge as f on f.subscriber_id = s.subscriber_id and f.subscription_id = s.subscription_id
        left join notice as n on n.subscriber_id = s.subscriber_id and n.event_key = 'first_charge/' || s.subscription_id
        where s.subscription_id >= (select min(subscription_id) from first_charge)
            and (s.recurring_price > 0 or f.subscription_id is not null or c.usage_source_id is not null)
            and not exists (
                select from subscription_event as e
                where e.subscriber_id = s.subscriber_id and e.subscription_id = s.subscription_id
                    and (e.what = 'activated' and e.channel_id = 'import'
                        or e.what in ('cancel_asked', 'replaced') and e.at <= c.charged_at))
            and not coalesce(f.reminded_at <= c.charged_at and (
                c.usage_source_id is not null or n.state = 'given_up'
                or n.sent_at <= c.charged_at - interval '24 hours'
                or f.reminded_at <= c.charged_at - interval '7 days'), false)
        "#
    )
    .fetch_all(pool)
    .await?;
    for row in untold {
        let what = format!("charge {} is the first of its service, and was not told in time", row.charge_id);
        report.add(row.subscriber_id, Some(Month::of_date(row.month)), what);
    }
    Ok(())
}

/// Counts the renewals of add-ons that were charged without a reminder: no charge waits for one. The second month is told of by
/// the reminder of the first charge.
async fn renewals(pool: &PgPool, report: &mut Report) -> Result<(), AuditError> {
    report.untold_renewals = sqlx::query_scalar!(
        r#"
        select count(*) as "count!"
        from charge as c
        join subscription as s on s.subscriber_id = c.subscriber_id and s.subscription_id = c.subscription_id
        where c.kind = 'recurring' and s.kind = 'addon'
            and c.month - interval '1 month' > s.starts_at at time zone 'Asia/Shanghai'
            and not exists (
                select from notice as n
                where n.subscriber_id = c.subscriber_id and n.event_key = 'renewal:' || to_char(c.month, 'YYYY-MM'))
        "#
    )
    .fetch_one(pool)
    .await?
    .unsigned_abs();
    Ok(())
}

/// The month's counter is the sum of its data charges, and within its cap (invariant 4).
async fn counters(pool: &PgPool, report: &mut Report) -> Result<(), AuditError> {
    let wrong = sqlx::query!(
        r#"
        select coalesce(k.subscriber_id, c.subscriber_id) as "subscriber_id!", coalesce(k.month, c.month) as "month!",
            coalesce(k.overage_charged, 0) as "counted!", coalesce(c.charged, 0) as "charged!",
            coalesce(k.overage_cap, 0) as "cap!"
        from month_counter as k
        full join (
            select subscriber_id, month, sum(amount) as charged
            from charge where kind = 'data_overage' group by subscriber_id, month
        ) as c on c.subscriber_id = k.subscriber_id and c.month = k.month
        where coalesce(k.overage_charged, 0) <> coalesce(c.charged, 0)
            or coalesce(c.charged, 0) > k.overage_cap
        "#
    )
    .fetch_all(pool)
    .await?;
    for row in wrong {
        let what = format!("the counter says {}, the charges {}, the cap {}", row.counted, row.charged, row.cap);
        report.add(row.subscriber_id, Some(Month::of_date(row.month)), what);
    }
    Ok(())
}

/// What was taken from a subscriber's allowances is what the records say they got from them.
async fn allowances(pool: &PgPool, report: &mut Report) -> Result<(), AuditError> {
    let wrong = sqlx::query!(
        r#"
        select coalesce(a.subscriber_id, r.subscriber_id) as "subscriber_id!", coalesce(a.service, r.service) as "service!",
            coalesce(a.used, 0) as "used!", coalesce(r.taken, 0) as "taken!"
        from (select subscriber_id, service, sum(used) as used from allowance group by 1, 2) as a
        full join (
            select subscriber_id, service, sum(from_allowance) as taken from usage_record group by 1, 2
        ) as r on r.subscriber_id = a.subscriber_id and r.service = a.service
        where coalesce(a.used, 0) <> coalesce(r.taken, 0)
        "#
    )
    .fetch_all(pool)
    .await?;
    for row in wrong {
        let what = format!("{} allowances say {} used, the records {}", row.service, row.used, row.taken);
        report.add(row.subscriber_id, None, what);
    }
    Ok(())
}

/// Each charge has one transfer, from the right account to the right account, for its amount (invariant 5).
async fn ledger(pool: &PgPool, report: &mut Report) -> Result<(), AuditError> {
    let wrong = sqlx::query!(
        r#"
        select c.subscriber_id as "subscriber_id!", c.charge_id as "charge_id!", c.month as "month!",
            c.amount as "amount!", t.amount as "posted?"
        from charge as c
        left join transfer as t on t.subscriber_id = c.subscriber_id and t.charge_id = c.charge_id
        where t.amount is distinct from c.amount
            or t.debit_account <> 'receivable' or t.credit_account <> case c.kind when 'third_party' then 'payable' else 'revenue.' || c.kind end
        "#
    )
    .fetch_all(pool)
    .await?;
    for row in wrong {
        let posted = row.posted.map_or_else(|| "nothing".to_owned(), |amount| amount.to_string());
        let what = format!("charge {} of {} was posted as {posted}", row.charge_id, row.amount);
        report.add(row.subscriber_id, Some(Month::of_date(row.month)), what);
    }
    Ok(())
}

/// A bill's total is the sum of its lines, a line the sum of its charges rounded, and a charge of a closed month is on a
/// bill unless it came after.
async fn bills(pool: &PgPool, report: &mut Report) -> Result<(), AuditError> {
    let totals = sqlx::query!(
        r#"
        select b.subscriber_id as "subscriber_id!", b.month as "month!", b.total as "total!", coalesce(l.amount, 0) as "lines!"
        from bill as b
        left join (
            select subscriber_id, month, sum(amount) as amount from bill_line group by subscriber_id, month
        ) as l on l.subscriber_id = b.subscriber_id and l.month = b.month
        where b.total <> coalesce(l.amount, 0)
        "#
    )
    .fetch_all(pool)
    .await?;
    for row in totals {
        let what = format!("the bill says {}, its lines {}", row.total, row.lines);
        report.add(row.subscriber_id, Some(Month::of_date(row.month)), what);
    }
    let lines = sqlx::query!(
        r#"
        select l.subscriber_id as "subscriber_id!", l.month as "month!", l.line_no as "line_no!", l.exact as "exact!", coalesce(c.amount, 0) as "charged!"
        from bill_line as l
        left join (
            select x.subscriber_id, x.month, x.line_no, sum(c.amount) as amount
            from bill_line_charge as x
            join charge as c on c.subscriber_id = x.subscriber_id and c.charge_id = x.charge_id
            group by 1, 2, 3
        ) as c on c.subscriber_id = l.subscriber_id and c.month = l.month and c.line_no = l.line_no
        where l.kind <> 'adjustment' and l.exact <> coalesce(c.amount, 0)
        "#
    )
    .fetch_all(pool)
    .await?;
    for row in lines {
        let what = format!("line {} says {}, its charges {}", row.line_no, row.exact, row.charged);
        report.add(row.subscriber_id, Some(Month::of_date(row.month)), what);
    }
    let left_out = sqlx::query!(
        r#"
        select c.subscriber_id, c.month, c.charge_id, c.amount
        from charge as c
        join bill as b on b.subscriber_id = c.subscriber_id and b.month = c.month and b.closed_at > c.charged_at
        where not exists (
            select from bill_line_charge as x where x.subscriber_id = c.subscriber_id and x.charge_id = c.charge_id)
        "#
    )
    .fetch_all(pool)
    .await?;
    for row in left_out {
        let what = format!("charge {} of {} is on no bill", row.charge_id, row.amount);
        report.add(row.subscriber_id, Some(Month::of_date(row.month)), what);
    }
    Ok(())
}
