//! Whether everybody has everything back: by SQL of its own, from what was brought to what is in the books, at the gateway and in
//! the messages.

use charging::incident::desk::{Reported, report};
use rust_decimal::Decimal;
use sqlx::PgPool;

use super::told::Told;

/// Charges of the report that are read at a time.
const PAGE: u16 = 5_000;

/// What there must be none of.
const NONE: [(&str, &str); 8] = [
    (
        "a charge that was not returned exactly once, to the fen",
        "select count(*) from imported_charge i
        left join (select subscriber_id, imported_charge_id, count(*) as refunds, sum(amount) as amount
            from refund group by subscriber_id, imported_charge_id) r using (subscriber_id, imported_charge_id)
        where (r.refunds = 1 and r.amount = i.amount) is not true",
    ),
    (
        "a refund whose one part is not of its whole amount, along the way it was paid",
        "select count(*) from imported_charge i
        left join refund r using (subscriber_id, imported_charge_id)
        left join (select subscriber_id, refund_id, count(*) as parts, min(route) as route, sum(amount) as amount,
                min(state) as state, min(deadline_at) as deadline_at
            from refund_part group by subscriber_id, refund_id) p on p.subscriber_id = r.subscriber_id and p.refund_id = r.refund_id
        where (p.parts = 1 and p.amount = i.amount
            and p.route = case i.route when 'bill' then 'balance' else i.route end
            and p.state = case i.route when 'platform' then 'sent' else 'confirmed' end
            and (p.deadline_at is not null) = (i.route = 'platform')) is not true",
    ),
    (
        "a balance that is not what went into it",
        "select count(*) from imported_charge i
        left join (select subscriber_id, count(*) as entries, max(after) as after from balance_entry group by subscriber_id) b
            using (subscriber_id)
        where case when i.route in ('bill', 'balance') then (b.entries = 1 and b.after = i.amount) is not true
            else b.entries is not null end",
    ),
    (
        "a payment that the gateway did not give back exactly once, to the fen",
        "select count(*) from imported_charge i
        left join simulated_gateway.payment p on p.transaction_id = i.route_reference
        left join (select payment_id, count(*) as refunds, sum(fen) as fen from simulated_gateway.refund
            where state = 'SUCCESS' group by payment_id) r using (payment_id)
        where i.route = 'gateway' and (r.refunds = 1 and r.fen = i.amount * 100 and p.refunded_fen = r.fen) is not true",
    ),
    (
        "a refund at the gateway that is nobody's",
        "select count(*) from simulated_gateway.refund g
        left join refund_part p on p.refund_no = g.out_refund_no and p.amount * 100 = g.fen
        where p.refund_no is null",
    ),
    (
        "a subscriber who was not told exactly once that we are sorry",
        "select count(*) from subscriber s
        left join (select subscriber_id, count(*) as notices, sum(attempts) as attempts,
                bool_and(case when state = 'queued' then due_at > now() else state = 'sent' end) as as_due
            from notice where kind = 'wrong_charges' group by subscriber_id) n using (subscriber_id)
        where (n.notices = 1 and n.attempts <= 1 and n.as_due) is not true",
    ),
    (
        "a subscriber who was not told exactly once of what arrived through the gateway, or of what did not",
        "select count(*) from imported_charge i
        left join (select subscriber_id, count(*) as notices from notice
            where kind in ('refund_arrived', 'refund_to_balance') group by subscriber_id) n using (subscriber_id)
        where coalesce(n.notices, 0) <> case i.route when 'gateway' then 1 else 0 end",
    ),
    (
        "an order, a subscription or a charge",
        "select (select count(*) from product_order) + (select count(*) from subscription) + (select count(*) from charge)",
    ),
];

/// What the books say of an account: yuan in, less yuan out.
const ACCOUNTS: &str =
    "select coalesce(sum(case when credit_account = $1 then amount else -amount end), 0) from transfer
    where $1 in (credit_account, debit_account)";
/// What was brought by these ways of payment, in yuan.
const BROUGHT: &str = "select coalesce(sum(amount), 0) from imported_charge where route = any($1)";

/// # Errors
/// When the database fails.
pub async fn everything(pool: &PgPool, incident_id: i64, charges: i64, told: &mut Told) -> anyhow::Result<()> {
    for (what, none) in NONE {
        let there: i64 = sqlx::query_scalar(none).fetch_one(pool).await?;
        told.step(format!("{there} × {what}"));
        told.right(what, there == 0);
    }
    // What a platform owes is a claim, and under way until it pays.
    let books: [(&str, &[&str], i32); 5] = [
        ("balance", &["bill", "balance"], 1),
        ("gateway", &["gateway"], 1),
        ("refund", &["bill", "balance", "gateway"], -1),
        ("claim", &["platform"], -1),
        ("refund_under_way", &["platform"], 1),
    ];
    let mut sum = Decimal::ZERO;
    for (account, routes, sign) in books {
        let booked: Decimal = sqlx::query_scalar(ACCOUNTS).bind(account).fetch_one(pool).await?;
        let brought: Decimal = sqlx::query_scalar(BROUGHT).bind(routes).fetch_one(pool).await?;
        told.step(format!("account {account}: {booked:.2} yuan"));
        told.right(
            &format!("account {account} holds {}", brought * Decimal::from(sign)),
            booked == brought * Decimal::from(sign),
        );
        sum += booked;
    }
    told.right("the accounts balance", sum.is_zero());
    closing_report(pool, incident_id, charges, told).await
}

/// Every charge stands in the report, once, with what became of it.
async fn closing_report(pool: &PgPool, incident_id: i64, charges: i64, told: &mut Told) -> anyhow::Result<()> {
    let (mut rows, mut amount, mut without) = (0_i64, Decimal::ZERO, 0_u32);
    let mut last: Option<Reported> = None;
    loop {
        let page = report(&mut *pool.acquire().await?, incident_id, last.as_ref(), PAGE).await?;
        let Some(newest) = page.last().cloned() else { break };
        for charge in &page {
            let is_done = charge.refund.is_some() && (charge.confirmed_at.is_some() || charge.route == "platform");
            (rows, amount, without) = (rows + 1, amount + charge.amount, without + u32::from(!is_done));
        }
        last = Some(newest);
    }
    let brought: Decimal = sqlx::query_scalar("select sum(amount) from imported_charge").fetch_one(pool).await?;
    told.step(format!("report: {rows} charges, {amount:.2} yuan, {without} without what became of them"));
    told.right("the report is complete", rows == charges && amount == brought && without == 0);
    Ok(())
}
