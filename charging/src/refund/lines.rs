//! 原路 How bill lines were settled, and the parts of refunds of them: read and written for many at a time.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;
use sqlx::PgConnection;

use super::plan::{self, Paid, Plan};
use super::store::{RefundError, route_of};
use super::write::{NewPart, Source};
use crate::clock::Month;
use crate::payment::settle::{self, NewSettlement, settle};
use crate::payment::{OpenLine, Share};

/// A line of a bill: its subscriber, the first day of its month, and its number.
pub(super) type Key = (i64, NaiveDate, i32);

/// How a line was settled.
pub(super) struct LineRows {
    /// Yuan.
    charged: Decimal,
    settled: Decimal,
    /// In the order they came.
    paid: Vec<Paid>,
    accounts: HashMap<i64, String>,
    /// Whether it was collected for a platform.
    is_collected: bool,
}

impl LineRows {
    /// Yuan that are not paid.
    fn due(&self) -> Decimal {
        self.charged - self.settled
    }

    /// Yuan that were not returned yet, paid or not: what was charged without the refunds that were approved.
    pub fn left(&self) -> Decimal {
        self.due() + self.paid.iter().map(|paid| paid.amount - paid.returned).sum::<Decimal>()
    }

    fn account_of(&self, settlement_id: i64) -> Result<&str, RefundError> {
        let account = self.accounts.get(&settlement_id).ok_or(RefundError::Corrupt("settlement"))?;
        Ok(account)
    }
}

/// The lines, as they were settled; one that there is not is left out. Their subscribers must be locked.
pub(super) async fn read(conn: &mut PgConnection, keys: &[Key]) -> Result<HashMap<Key, LineRows>, RefundError> {
    if keys.is_empty() {
        return Ok(HashMap::new());
    }
    let subscribers: Vec<i64> = keys.iter().map(|key| key.0).collect();
    let months: Vec<NaiveDate> = keys.iter().map(|key| key.1).collect();
    let numbers: Vec<i32> = keys.iter().map(|key| key.2).collect();
    let rows = sqlx::query!(
        r#"select l.subscriber_id, l.month, l.line_no, l.amount as charged, l.kind, s.settlement_id as "settlement_id?",
            s.amount as "amount?", s.account as "account?", s.line_after as "line_after?", p.returned as "returned?"
        from (select distinct * from unnest($1::bigint[], $2::date[], $3::integer[])
            as asked (subscriber_id, month, line_no)) asked
        join bill_line l on l.subscriber_id = asked.subscriber_id and l.month = asked.month and l.line_no = asked.line_no
        left join settlement s on s.subscriber_id = l.subscriber_id and s.month = l.month and s.line_no = l.line_no
        left join lateral (
            select max(settlement_after) as returned from refund_part
            where subscriber_id = s.subscriber_id and settlement_id = s.settlement_id
        ) p on true
        order by l.subscriber_id, l.month, l.line_no, s.line_after"#,
        &subscribers,
        &months,
        &numbers,
    )
    .fetch_all(conn)
    .await?;
    let mut lines: HashMap<Key, LineRows> = HashMap::with_capacity(keys.len());
    for row in rows {
        let line = lines.entry((row.subscriber_id, row.month, row.line_no)).or_insert_with(|| LineRows {
            charged: row.charged,
            settled: Decimal::ZERO,
            paid: Vec::new(),
            accounts: HashMap::new(),
            is_collected: row.kind == "third_party",
        });
        let settlement = row.settlement_id.zip(row.amount).zip(row.account).zip(row.line_after);
        if let Some((((settlement_id, amount), account), after)) = settlement {
            line.settled = after;
            line.paid.push(Paid { settlement_id, amount, returned: row.returned.unwrap_or_default() });
            line.accounts.insert(settlement_id, account);
        }
    }
    Ok(lines)
}

/// An approved refund of a line.
pub(super) struct OfLine<'a> {
    pub refund_id: i64,
    pub key: Key,
    /// Yuan, as approved.
    pub amount: Decimal,
    pub line: &'a LineRows,
}

/// The parts of approved refunds, each of another line; what is not paid of a line is waived here. The subscribers must be locked.
pub(super) async fn carry_out(
    conn: &mut PgConnection,
    refunds: &[OfLine<'_>],
    now: DateTime<Utc>,
) -> Result<Vec<NewPart>, RefundError> {
    let plans: Vec<Plan> = refunds
        .iter()
        .map(|refund| plan::plan(refund.amount, refund.line.due(), &refund.line.paid))
        .collect::<Result<_, _>>()?;
    let with_plans = || refunds.iter().zip(&plans);
    let waived = with_plans().filter(|(_, plan)| plan.waive > Decimal::ZERO);
    let waived: Vec<NewSettlement> = waived.map(|(refund, plan)| waiver(refund, plan.waive)).collect();
    let settled = settle(conn, &waived, now).await?;
    let settled: HashMap<(i64, Option<i64>), i64> =
        settled.into_iter().map(|it| ((it.subscriber_id, it.refund_id), it.settlement_id)).collect();
    let mut parts = Vec::with_capacity(refunds.len());
    for (refund, plan) in with_plans() {
        let waived = settled.get(&(refund.key.0, Some(refund.refund_id))).copied();
        parts.extend(parts_of(refund, plan, waived)?);
    }
    Ok(parts)
}

/// What is not due any more of a line.
fn waiver(refund: &OfLine<'_>, amount: Decimal) -> NewSettlement {
    let (subscriber_id, month, line_no) = refund.key;
    let (month, line) = (Month::of_date(month), refund.line);
    let line = OpenLine { month, line_no, amount: line.charged, settled: line.settled };
    let source = settle::Source::Refund { refund_id: refund.refund_id, approved: refund.amount };
    NewSettlement { subscriber_id, source, share: Some(Share { line, amount }), amount }
}

fn parts_of(refund: &OfLine<'_>, plan: &Plan, waived: Option<i64>) -> Result<Vec<NewPart>, RefundError> {
    let waived = waived.map(|settlement_id| {
        let paid = Paid { settlement_id, amount: plan.waive, returned: Decimal::ZERO };
        Ok(("waived", paid, plan.waive))
    });
    let returned = plan.returns.iter().map(|back| {
        let account = refund.line.account_of(back.paid.settlement_id)?;
        Ok::<_, RefundError>((account, back.paid, back.amount))
    });
    let (subscriber_id, month, line_no) = refund.key;
    let mut before = Decimal::ZERO;
    let mut parts = Vec::new();
    for (part_no, part) in (1..).zip(waived.into_iter().chain(returned)) {
        let (paid_by, paid, amount) = part?;
        parts.push(NewPart {
            subscriber_id,
            refund_id: refund.refund_id,
            part_no,
            paid_by: paid_by.to_owned(),
            route: route_of(paid_by)?,
            amount,
            before: Some(before),
            line: Some((month, line_no)),
            approved_amount: refund.amount,
            refund_paid_by: "line".to_owned(),
            source: Source::Settlement { paid, collected: refund.line.is_collected },
            replaces_no: None,
        });
        before += amount;
    }
    Ok(parts)
}
