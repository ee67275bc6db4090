//! Writing parts of refunds, many at a time: each with its transfer, and its entry of the balance where it goes there.

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;
use sqlx::PgConnection;

use super::plan::Paid;
use super::store::RefundError;
use super::{CLAIM_TIME, PartState, Route};
use crate::payment::balance::enter;

/// Whose money a part returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// Of a settlement; `collected`: of a line that was collected for a platform.
    Settlement { paid: Paid, collected: bool },
    /// Of a charge of another system.
    Charge,
    /// What is on its way back already, of a part that failed.
    UnderWay { settlement: Option<(i64, Decimal)> },
}

/// A part to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NewPart {
    pub subscriber_id: i64,
    pub refund_id: i64,
    pub part_no: i32,
    pub paid_by: String,
    pub route: Route,
    /// Yuan.
    pub amount: Decimal,
    /// Yuan of the refund in parts before this one; `None` where it replaces one.
    pub before: Option<Decimal>,
    /// The first day of the month of the line, and its number; `None`: a charge of another system.
    pub line: Option<(NaiveDate, i32)>,
    pub approved_amount: Decimal,
    pub refund_paid_by: String,
    pub source: Source,
    pub replaces_no: Option<i32>,
}

impl NewPart {
    /// The account that it is taken from.
    fn debit(&self) -> &'static str {
        match self.source {
            Source::UnderWay { .. } => "refund_under_way",
            Source::Settlement { collected: true, .. } => "payable",
            _ if self.route == Route::Platform => "claim",
            _ => "refund",
        }
    }

    fn settlement(&self) -> (Option<(i64, Decimal)>, Option<Decimal>) {
        match self.source {
            Source::Settlement { paid, .. } => (Some((paid.settlement_id, paid.amount)), Some(paid.returned)),
            Source::Charge => (None, None),
            Source::UnderWay { settlement } => (settlement, None),
        }
    }

    /// What stays in our own books is done at once, and a claim is made by being written down.
    fn state(&self) -> PartState {
        match self.route {
            Route::Bill | Route::Balance => PartState::Confirmed,
            Route::Gateway => PartState::Approved,
            Route::Platform => PartState::Sent,
        }
    }
}

#[derive(Default)]
struct Columns {
    subscribers: Vec<i64>,
    refunds: Vec<i64>,
    numbers: Vec<i32>,
    paid_bys: Vec<String>,
    routes: Vec<String>,
    amounts: Vec<Decimal>,
    befores: Vec<Option<Decimal>>,
    months: Vec<Option<NaiveDate>>,
    lines: Vec<Option<i32>>,
    approved_amounts: Vec<Decimal>,
    refund_paid_bys: Vec<String>,
    replaces: Vec<Option<i32>>,
    settlements: Vec<Option<i64>>,
    settlement_amounts: Vec<Option<Decimal>>,
    settlement_befores: Vec<Option<Decimal>>,
    states: Vec<String>,
    debits: Vec<String>,
}

impl Columns {
    fn of(parts: &[NewPart]) -> Self {
        let mut columns = Self::default();
        for part in parts {
            let (settlement, settlement_before) = part.settlement();
            columns.subscribers.push(part.subscriber_id);
            columns.refunds.push(part.refund_id);
            columns.numbers.push(part.part_no);
            columns.paid_bys.push(part.paid_by.clone());
            columns.routes.push(part.route.to_string());
            columns.amounts.push(part.amount);
            columns.befores.push(part.before);
            columns.months.push(part.line.map(|(month, _)| month));
            columns.lines.push(part.line.map(|(_, line_no)| line_no));
            columns.approved_amounts.push(part.approved_amount);
            columns.refund_paid_bys.push(part.refund_paid_by.clone());
            columns.replaces.push(part.replaces_no);
            columns.settlements.push(settlement.map(|(id, _)| id));
            columns.settlement_amounts.push(settlement.map(|(_, amount)| amount));
            columns.settlement_befores.push(settlement_before);
            columns.states.push(part.state().to_string());
            columns.debits.push(part.debit().to_owned());
        }
        columns
    }
}

/// Writes parts with their transfers: what a line was waived moved with its settlement. The subscribers must be locked.
pub(super) async fn write_parts(
    conn: &mut PgConnection,
    parts: &[NewPart],
    nonce: &str,
    now: DateTime<Utc>,
) -> Result<(), RefundError> {
    if parts.is_empty() {
        return Ok(());
    }
    let columns = Columns::of(parts);
    let moved = sqlx::query!(
        r#"with new as (
            select * from unnest($4::bigint[], $5::bigint[], $6::integer[], $7::text[], $8::text[], $9::numeric[],
                $10::numeric[], $11::numeric[], $12::text[], $13::integer[], $14::bigint[], $15::numeric[], $16::numeric[],
                $17::text[], $18::text[], $19::date[], $20::integer[])
                as new (subscriber_id, refund_id, part_no, paid_by, route, amount, refund_before, approved_amount,
                    refund_paid_by, replaces_no, settlement_id, settlement_amount, settlement_before, state, debit_account,
                    month, line_no)),
        written as (
            insert into refund_part (subscriber_id, refund_id, part_no, paid_by, route, amount, settlement_id,
                settlement_amount, month, line_no, approved_amount, refund_paid_by, replaces_no, refund_before, refund_after,
                settlement_before, settlement_after, nonce, state, due_at, sent_at, confirmed_at, deadline_at)
            select subscriber_id, refund_id, part_no, paid_by, route, amount, settlement_id, settlement_amount,
                month, line_no, approved_amount, refund_paid_by, replaces_no, refund_before, refund_before + amount, settlement_before,
                settlement_before + amount, $1, state, case route when 'platform' then $3::timestamptz else $2::timestamptz end,
                case state when 'sent' then $2 end, case state when 'confirmed' then $2 end,
                case route when 'platform' then $3 end
            from new),
        moved as (
            insert into transfer (subscriber_id, debit_account, credit_account, amount, at, refund_id, part_no, part_paid_by,
                step)
            select subscriber_id, debit_account, case route when 'balance' then 'balance' else 'refund_under_way' end, amount, $2,
                refund_id, part_no, paid_by, 'granted'
            from new where route <> 'bill'
            returning subscriber_id, transfer_id, credit_account)
        select subscriber_id, transfer_id from moved where credit_account = 'balance'"#,
        nonce,
        now,
        now + CLAIM_TIME,
        &columns.subscribers,
        &columns.refunds,
        &columns.numbers,
        &columns.paid_bys,
        &columns.routes,
        &columns.amounts,
        &columns.befores as &[Option<Decimal>],
        &columns.approved_amounts,
        &columns.refund_paid_bys,
        &columns.replaces as &[Option<i32>],
        &columns.settlements as &[Option<i64>],
        &columns.settlement_amounts as &[Option<Decimal>],
        &columns.settlement_befores as &[Option<Decimal>],
        &columns.states,
        &columns.debits,
        &columns.months as &[Option<NaiveDate>],
        &columns.lines as &[Option<i32>],
    )
    .fetch_all(&mut *conn)
    .await?;
    let touched: Vec<_> = moved.into_iter().map(|row| (row.subscriber_id, row.transfer_id)).collect();
    enter(conn, &touched).await?;
    Ok(())
}
