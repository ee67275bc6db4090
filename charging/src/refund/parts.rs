//! Parts of refunds: written when a refund is approved, sent, and followed until the money arrived. The rows that are to be sent are
//! the outbox: a worker takes what is due, notes that it sends it, sends it, and notes the answer.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use rust_decimal::Decimal;
use sqlx::PgConnection;

use super::state::step;
use super::store::RefundError;
use super::write::{NewPart, Source, write_parts};
use super::{PartEvent, PartState, Route, Step};
use crate::actor::Actor;
use crate::notice::PaymentNotice;
use crate::notice::retry_pause;
use crate::notice::store::tell;
use crate::notice::template::Message;
use crate::payment::RefundNumber;
use crate::payment::settle::lock_subscribers;

/// How long it takes until the gateway is asked again about what waits for somebody: that may have been put right there.
const DISPUTED_PAUSE: TimeDelta = TimeDelta::hours(12);
/// What did not get through for so long hangs, too.
const HANGS_AFTER: TimeDelta = TimeDelta::days(1);

/// Whether somebody may want a part given up: the gateway cannot go on with it, or does not take it.
pub fn hangs(route: Route, state: PartState, sent_at: Option<DateTime<Utc>>, now: DateTime<Utc>) -> bool {
    let is_late = sent_at.is_some_and(|at| at + HANGS_AFTER <= now);
    route == Route::Gateway && (state == PartState::Disputed || state == PartState::Sent && is_late)
}

/// What a part goes back to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Original {
    /// A payment that was made here.
    Payment {
        gateway: String,
        merchant_order_no: String,
        transaction_id: String,
        /// Yuan of the whole payment.
        total: Decimal,
    },
    /// A payment of another system: the gateway's number of it, and yuan of the charge. The payment may have paid more.
    Reference { reference: String, charged: Decimal },
}

/// A part that is to be sent, or asked after.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DuePart {
    pub number: RefundNumber,
    /// Yuan.
    pub amount: Decimal,
    pub reason: String,
    /// `Approved`: to be sent. `Sent`: to be asked after first, and sent again only where the number is unknown. `Disputed`: asked
    /// after, and never sent.
    pub state: PartState,
    pub tries: i32,
    pub original: Original,
}

/// Parts for the gateway that are due, the longest first.
///
/// # Errors
/// When the database failed.
pub async fn due_parts(conn: &mut PgConnection, limit: u32, now: DateTime<Utc>) -> Result<Vec<DuePart>, RefundError> {
    let rows = sqlx::query!(
        r#"select p.refund_no as "refund_no!", p.amount, p.state, p.tries, r.reason, r.reference, r.charged,
            pay.gateway as "gateway?", pay.merchant_order_no as "merchant_order_no?",
            pay.gateway_transaction_id as "transaction_id?", pay.amount as "total?"
        from refund_part p
        join refund r on r.subscriber_id = p.subscriber_id and r.refund_id = p.refund_id
        left join settlement s on s.subscriber_id = p.subscriber_id and s.settlement_id = p.settlement_id
        left join payment pay on pay.subscriber_id = s.subscriber_id and pay.payment_id = s.payment_id
        where p.state in ('approved', 'sent', 'disputed') and p.due_at <= $1 and p.route = 'gateway'
        order by p.due_at limit $2"#,
        now,
        i64::from(limit),
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            let paid_here = (row.gateway, row.merchant_order_no, row.transaction_id, row.total);
            let original = match (paid_here, row.reference) {
                ((Some(gateway), Some(merchant_order_no), Some(transaction_id), Some(total)), _) => {
                    Original::Payment { gateway, merchant_order_no, transaction_id, total }
                }
                (_, Some(reference)) => Original::Reference { reference, charged: row.charged },
                _ => return Err(RefundError::Corrupt("payment of a refund")),
            };
            Ok(DuePart {
                number: row.refund_no.parse()?,
                amount: row.amount,
                reason: row.reason,
                state: row.state.parse().map_err(|_| RefundError::Corrupt("state of a part"))?,
                tries: row.tries,
                original,
            })
        })
        .collect()
}

/// Claims whose platform did not answer in time.
///
/// # Errors
/// When the database failed.
pub async fn overdue_claims(
    conn: &mut PgConnection,
    limit: u32,
    now: DateTime<Utc>,
) -> Result<Vec<RefundNumber>, RefundError> {
    let numbers = sqlx::query_scalar!(
        r#"select refund_no as "refund_no!" from refund_part
        where state = 'sent' and route = 'platform' and due_at <= $1 order by due_at limit $2"#,
        now,
        i64::from(limit),
    )
    .fetch_all(conn)
    .await?;
    numbers.into_iter().map(|number| Ok(number.parse()?)).collect()
}

/// What is told about a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told<'a> {
    pub event: PartEvent,
    /// The gateway's own number of it, where it says one.
    pub gateway_refund_id: Option<&'a str>,
    /// Yuan of which it speaks, where it does.
    pub amount: Option<Decimal>,
    /// When that happened there; of what the gateway gives no time for, when it was told.
    pub at: DateTime<Utc>,
    /// Its words, at most 500 characters of them.
    pub detail: &'a str,
}

impl Told<'_> {
    /// Without anything beside it.
    pub fn plain(event: PartEvent, at: DateTime<Utc>) -> Self {
        Self { event, gateway_refund_id: None, amount: None, at, detail: "" }
    }
}

/// Notes that a part is about to be handed over; to be committed before it is. However the call ends, the part is one that
/// may be there.
///
/// # Errors
/// [`RefundError::NoPart`], or the database failed.
pub async fn record_sent(
    conn: &mut PgConnection,
    number: &RefundNumber,
    now: DateTime<Utc>,
) -> Result<Step, RefundError> {
    record_answer(conn, number, &Told::plain(PartEvent::Sent, now), now).await
}

/// Notes what is known of a claim, as [`record_answer`] does of any part; a part that goes through the gateway is no claim.
///
/// # Errors
/// [`RefundError::NoPart`], or the database failed.
pub(super) async fn record_claim(
    conn: &mut PgConnection,
    number: &RefundNumber,
    told: &Told<'_>,
    now: DateTime<Utc>,
) -> Result<Step, RefundError> {
    let part = find(conn, number).await?.filter(|part| part.route == Route::Platform);
    part.ok_or_else(|| RefundError::NoPart(number.clone()))?;
    record_answer(conn, number, told, now).await
}

/// Notes that somebody wants a part given up that the gateway leaves hanging, and has the gateway asked once more: only where
/// nothing moved there, the money goes into the balance.
///
/// # Errors
/// [`RefundError::NoPart`], [`RefundError::NotHanging`], or the database failed.
pub(super) async fn give_up(
    conn: &mut PgConnection,
    number: &RefundNumber,
    by: &Actor,
    why: &str,
    now: DateTime<Utc>,
) -> Result<(), RefundError> {
    lock_subscribers(conn, &[number.subscriber_id]).await?;
    let part = find(conn, number).await?.ok_or_else(|| RefundError::NoPart(number.clone()))?;
    if !hangs(part.route, part.state, part.sent_at, now) {
        return Err(RefundError::NotHanging);
    }
    sqlx::query!(
        "update refund_part set give_up_by = $4, due_at = $5 where subscriber_id = $1 and refund_id = $2 and part_no = $3",
        number.subscriber_id,
        number.refund_id,
        number.part_no,
        by.to_string(),
        now,
    )
    .execute(&mut *conn)
    .await?;
    note(conn, number, PartEvent::GivenUp.as_str(), part.state, why, now).await
}

struct PartRow {
    state: PartState,
    route: Route,
    paid_by: String,
    amount: Decimal,
    approved_amount: Decimal,
    refund_paid_by: String,
    settlement: Option<(i64, Decimal)>,
    tries: i32,
    nonce: String,
    line: Option<(NaiveDate, i32)>,
    sent_at: Option<DateTime<Utc>>,
    give_up_by: Option<String>,
}

impl PartRow {
    /// Whether more is to be heard of it. A claim that waits for somebody is not asked after.
    fn is_asked_after(&self) -> bool {
        match self.state {
            PartState::Approved | PartState::Sent => true,
            PartState::Disputed => self.route == Route::Gateway,
            PartState::Confirmed | PartState::Failed => false,
        }
    }

    /// When the other side is asked next, of a part that is in this state from now on. What is unknown there is sent at once.
    fn due_at(&self, next: PartState, now: DateTime<Utc>) -> DateTime<Utc> {
        match next {
            PartState::Approved => now,
            PartState::Disputed if self.give_up_by.is_none() => now + DISPUTED_PAUSE,
            PartState::Disputed | PartState::Sent | PartState::Confirmed | PartState::Failed => {
                now + retry_pause(self.tries + 1)
            }
        }
    }
}

async fn find(conn: &mut PgConnection, number: &RefundNumber) -> Result<Option<PartRow>, RefundError> {
    let row = sqlx::query!(
        "select state, route, paid_by, amount, approved_amount, refund_paid_by, settlement_id, settlement_amount, tries, nonce,
            month, line_no, sent_at, give_up_by
        from refund_part where subscriber_id = $1 and refund_id = $2 and part_no = $3 and refund_no = $4",
        number.subscriber_id,
        number.refund_id,
        number.part_no,
        number.to_string(),
    )
    .fetch_optional(conn)
    .await?;
    row.map(|row| {
        Ok(PartRow {
            state: row.state.parse().map_err(|_| RefundError::Corrupt("state of a part"))?,
            route: row.route.parse().map_err(|_| RefundError::Corrupt("route of a part"))?,
            paid_by: row.paid_by,
            amount: row.amount,
            approved_amount: row.approved_amount,
            refund_paid_by: row.refund_paid_by,
            settlement: row.settlement_id.zip(row.settlement_amount),
            tries: row.tries,
            nonce: row.nonce,
            line: row.month.zip(row.line_no),
            sent_at: row.sent_at,
            give_up_by: row.give_up_by,
        })
    })
    .transpose()
}

/// Notes what was told about a part: by the answer to a request, a callback, a statement, or somebody of the staff; however often
/// and in whatever order. What follows from it is in the same transaction: the transfer, and where it failed for good, a part
/// into the balance instead.
///
/// # Errors
/// [`RefundError::NoPart`], or the database failed.
pub async fn record_answer(
    conn: &mut PgConnection,
    number: &RefundNumber,
    told: &Told<'_>,
    now: DateTime<Utc>,
) -> Result<Step, RefundError> {
    lock_subscribers(conn, &[number.subscriber_id]).await?;
    let part = find(conn, number).await?.ok_or_else(|| RefundError::NoPart(number.clone()))?;
    let is_other = told.amount.is_some_and(|amount| amount != part.amount);
    let given_up = part.give_up_by.as_ref().map(|by| format!("given up by {by}: {}", told.event));
    let (event, detail) = match (told.event, part.state, given_up.as_deref()) {
        _ if is_other => (PartEvent::Mismatch, told.detail),
        // Asked once more, and nothing moved there: it ends as if it had been refused.
        (PartEvent::Stuck | PartEvent::Unknown, PartState::Disputed | PartState::Sent, Some(given_up)) => {
            (PartEvent::Refused, given_up)
        }
        (event, ..) => (event, told.detail),
    };
    let told = &Told { event, detail, ..*told };
    let step = step(part.route, part.state, event);
    match step {
        Step::To(next) => {
            update(conn, number, next, told, part.due_at(next, now), now).await?;
            note(conn, number, event.as_str(), next, detail, now).await?;
            follow(conn, number, &part, next, now).await?;
        }
        Step::Same if part.is_asked_after() => {
            update(conn, number, part.state, told, part.due_at(part.state, now), now).await?;
        }
        Step::Same => {}
        Step::Contradicted => {
            let detail = format!("{event}: {detail}");
            note(conn, number, "contradicted", part.state, &detail, now).await?;
        }
    }
    Ok(step)
}

async fn update(
    conn: &mut PgConnection,
    number: &RefundNumber,
    next: PartState,
    told: &Told<'_>,
    due_at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<(), RefundError> {
    // A claim is due when its time is over. Why somebody has to look stays until there is something else to say.
    let is_reason = !matches!(next, PartState::Confirmed | PartState::Approved) && !told.detail.is_empty();
    sqlx::query!(
        "update refund_part set state = $4, due_at = coalesce(deadline_at, $5), tries = tries + 1,
            sent_at = case when $4 in ('sent', 'confirmed', 'failed', 'disputed') then coalesce(sent_at, $6) else sent_at end,
            gateway_refund_id = coalesce($7, gateway_refund_id),
            confirmed_at = case when $4 = 'confirmed' then $8::timestamptz end,
            failed_at = case when $4 = 'failed' then $6 end,
            failure = case when $4 = 'confirmed' then '' when $9 then left($10, 500) else failure end
        where subscriber_id = $1 and refund_id = $2 and part_no = $3",
        number.subscriber_id,
        number.refund_id,
        number.part_no,
        next.as_str(),
        due_at,
        now,
        told.gateway_refund_id,
        told.at,
        is_reason,
        told.detail,
    )
    .execute(conn)
    .await?;
    Ok(())
}

async fn note(
    conn: &mut PgConnection,
    number: &RefundNumber,
    what: &str,
    state: PartState,
    detail: &str,
    at: DateTime<Utc>,
) -> Result<(), RefundError> {
    sqlx::query!(
        "insert into refund_event (subscriber_id, refund_id, part_no, what, state, at, detail)
        values ($1, $2, $3, $4, $5, $6, left($7, 500))",
        number.subscriber_id,
        number.refund_id,
        number.part_no,
        what,
        state.as_str(),
        at,
        detail,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// What the new state brings with it.
async fn follow(
    conn: &mut PgConnection,
    number: &RefundNumber,
    part: &PartRow,
    next: PartState,
    now: DateTime<Utc>,
) -> Result<(), RefundError> {
    let notice = match next {
        PartState::Confirmed => {
            let credit = if part.route == Route::Platform { "claim" } else { "gateway" };
            post(conn, number, part, ["refund_under_way", credit, "paid"], now).await?;
            PaymentNotice::RefundArrived { amount: part.amount }
        }
        PartState::Failed => {
            if part.route == Route::Platform {
                post(conn, number, part, ["refund", "claim", "lost"], now).await?;
            }
            replace(conn, number, part, now).await?;
            PaymentNotice::RefundToBalance { amount: part.amount }
        }
        PartState::Approved | PartState::Sent | PartState::Disputed => return Ok(()),
    };
    let event = format!("refund/{}/{}", number.refund_id, number.part_no);
    tell(conn, number.subscriber_id, event, &Message::Payment(notice), now).await?;
    Ok(())
}

async fn post(
    conn: &mut PgConnection,
    number: &RefundNumber,
    part: &PartRow,
    [debit, credit, step]: [&str; 3],
    now: DateTime<Utc>,
) -> Result<(), RefundError> {
    sqlx::query!(
        "insert into transfer (subscriber_id, debit_account, credit_account, amount, at, refund_id, part_no, part_paid_by, step)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        number.subscriber_id,
        debit,
        credit,
        part.amount,
        now,
        number.refund_id,
        number.part_no,
        part.paid_by,
        step,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// What failed for good goes into the balance, once (`refund_part_replaced_once`).
async fn replace(
    conn: &mut PgConnection,
    number: &RefundNumber,
    part: &PartRow,
    now: DateTime<Utc>,
) -> Result<(), RefundError> {
    let part_no = sqlx::query_scalar!(
        r#"select max(part_no) + 1 as "next!" from refund_part where subscriber_id = $1 and refund_id = $2"#,
        number.subscriber_id,
        number.refund_id,
    )
    .fetch_one(&mut *conn)
    .await?;
    let new = NewPart {
        subscriber_id: number.subscriber_id,
        refund_id: number.refund_id,
        part_no,
        paid_by: part.paid_by.clone(),
        route: Route::Balance,
        amount: part.amount,
        before: None,
        line: part.line,
        approved_amount: part.approved_amount,
        refund_paid_by: part.refund_paid_by.clone(),
        source: Source::UnderWay { settlement: part.settlement },
        replaces_no: Some(number.part_no),
    };
    write_parts(conn, &[new], &part.nonce, now).await
}
