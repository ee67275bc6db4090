//! Many refunds decided at once: a batch is asked for by one and approved by another, and carried out in chunks, each a transaction
//! of its own. A chunk that was done before changes nothing, so whatever was interrupted is begun again from the start.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, Utc};
use rand::CryptoRng;
use rust_decimal::Decimal;
use serde_json::json;
use sqlx::PgConnection;

use super::desk::by;
use super::lines::{self, LineRows, OfLine};
use super::store::{RefundError, check_amount, whole};
use super::write::write_parts;
use super::{Of, Reason};
use crate::payment::nonce;
use crate::payment::settle::lock_subscribers;
use crate::staff::trail::record;
use crate::staff::{Actor, Permission, StaffError};

/// The actions in the trail.
pub const ASK: &str = "refund.batch_ask";
pub const APPROVE: &str = "refund.batch_approve";

/// Most refunds of a chunk.
pub const CHUNK: usize = 5_000;

/// A batch to be asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewBatch<'a> {
    /// As the report will say; at most 200 characters.
    pub purpose: &'a str,
    pub reason: Reason,
    /// How many refunds, and yuan in all.
    pub refunds: i64,
    pub amount: Decimal,
}

/// A refund of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    pub subscriber_id: i64,
    pub of: Of,
    /// Yuan.
    pub amount: Decimal,
}

impl Item {
    fn line(&self) -> Option<lines::Key> {
        match self.of {
            Of::Line { month, line_no } => Some((self.subscriber_id, month.first_day(), line_no)),
            Of::Imported(_) => None,
        }
    }
}

/// What became of a chunk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Done {
    /// Refunds that were made now: subscriber, refund, and where in the chunk it stands.
    pub made: Vec<(i64, i64, usize)>,
    /// How many had been made before, or had nothing left to go back.
    pub already: usize,
}

/// Asks for a batch. Returns its id.
///
/// # Errors
/// When the actor may not help subscribers, the purpose is empty or too long, or the database failed.
pub async fn ask(
    conn: &mut PgConnection,
    actor: &Actor,
    new: &NewBatch<'_>,
    now: DateTime<Utc>,
) -> Result<i64, RefundError> {
    let by = by(actor, Permission::HelpSubscribers)?;
    let purpose = new.purpose.trim();
    if purpose.is_empty() || purpose.chars().count() > 200 {
        return Err(RefundError::Note);
    }
    let batch_id = sqlx::query_scalar!(
        "insert into refund_batch (purpose, reason, refunds, amount, asked_by, asked_at)
        values ($1, $2, $3, $4, $5, $6) returning batch_id",
        purpose,
        new.reason.as_str(),
        new.refunds,
        new.amount,
        by.to_string(),
        now,
    )
    .fetch_one(&mut *conn)
    .await?;
    let after = json!({
        "purpose": purpose, "reason": new.reason.as_str(), "refunds": new.refunds, "amount": new.amount.to_string(),
    });
    record(conn, actor, ASK, &format!("refund_batch/{batch_id}"), [None, Some(after)], now).await?;
    Ok(batch_id)
}

/// Lets a batch go that somebody else asked for.
///
/// # Errors
/// [`RefundError::Oneself`], [`RefundError::Decided`], [`RefundError::NotFound`], when the actor may not approve refunds, or the
/// database failed.
pub async fn approve(
    conn: &mut PgConnection,
    actor: &Actor,
    batch_id: i64,
    now: DateTime<Utc>,
) -> Result<(), RefundError> {
    let by = by(actor, Permission::ApproveRefunds)?;
    let batch =
        sqlx::query!("select refunds, amount, approved_at from refund_batch where batch_id = $1 for update", batch_id)
            .fetch_optional(&mut *conn)
            .await?
            .ok_or(RefundError::NotFound)?;
    if batch.approved_at.is_some() {
        return Err(RefundError::Decided);
    }
    sqlx::query!(
        "update refund_batch set approved_by = $2, approved_at = $3 where batch_id = $1",
        batch_id,
        by.to_string(),
        now,
    )
    .execute(&mut *conn)
    .await?;
    let after = json!({ "refunds": batch.refunds, "amount": batch.amount.to_string(), "approved_by": by.to_string() });
    record(conn, actor, APPROVE, &format!("refund_batch/{batch_id}"), [None, Some(after)], now).await?;
    Ok(())
}

/// What a refund is of: subscriber, month and line, or the charge of another system.
type Key = (i64, Option<NaiveDate>, Option<i32>, Option<i64>);

/// An approved batch.
struct Batch {
    number: i64,
    reason: String,
    asked_by: String,
    asked_at: DateTime<Utc>,
    approved_by: String,
    approved_at: DateTime<Utc>,
}

async fn approved(conn: &mut PgConnection, batch_id: i64) -> Result<Batch, RefundError> {
    let row = sqlx::query!(
        "select reason, asked_by, asked_at, approved_by, approved_at from refund_batch where batch_id = $1",
        batch_id,
    )
    .fetch_optional(conn)
    .await?
    .ok_or(RefundError::NotFound)?;
    let (Some(approved_by), Some(approved_at)) = (row.approved_by, row.approved_at) else {
        return Err(StaffError::Forbidden(Permission::ApproveRefunds).into());
    };
    Ok(Batch {
        number: batch_id,
        reason: row.reason,
        asked_by: row.asked_by,
        asked_at: row.asked_at,
        approved_by,
        approved_at,
    })
}

/// Carries out a chunk of an approved batch: its refunds, their parts, and what moves at once. What was made before, by an earlier
/// run or otherwise, is left alone, and of a line no more goes back than is left of it. Nobody is told: that is for whoever runs
/// the batch.
///
/// # Errors
/// When the batch is not approved or would return more than was approved, a charge is not one, or the database failed; then
/// nothing may be committed.
pub async fn execute(
    conn: &mut PgConnection,
    batch_id: i64,
    items: &[Item],
    rng: &mut (impl CryptoRng + Send),
    now: DateTime<Utc>,
) -> Result<Done, RefundError> {
    let batch = approved(conn, batch_id).await?;
    let mut subscribers: Vec<i64> = items.iter().map(|item| item.subscriber_id).collect();
    subscribers.sort_unstable();
    subscribers.dedup();
    lock_subscribers(conn, &subscribers).await?;
    let lines = lines::read(conn, &items.iter().filter_map(Item::line).collect::<Vec<_>>()).await?;
    let fits = fits(items, &lines)?;
    let inserted = insert(conn, &batch, &fits).await?;
    raise(conn, batch_id, inserted.iter().map(|(_, fit)| fit.amount)).await?;
    let mut parts = Vec::with_capacity(inserted.len());
    let mut of_lines = Vec::new();
    for &(refund_id, fit) in &inserted {
        match (&fit.item.of, fit.line) {
            (Of::Imported(charge), _) => {
                parts.push(whole(fit.item.subscriber_id, refund_id, charge.paid_by.as_str(), fit.amount)?);
            }
            (Of::Line { .. }, Some((key, line))) => of_lines.push(OfLine { refund_id, key, amount: fit.amount, line }),
            (Of::Line { .. }, None) => return Err(RefundError::NoCharge),
        }
    }
    parts.extend(lines::carry_out(conn, &of_lines, now).await?);
    write_parts(conn, &parts, &nonce(rng), now).await?;
    let made: Vec<_> =
        inserted.iter().map(|(refund_id, fit)| (fit.item.subscriber_id, *refund_id, fit.place)).collect();
    Ok(Done { already: items.len() - made.len(), made })
}

/// A refund of a chunk, cut to what can still go back.
#[derive(Clone, Copy)]
struct Fit<'a> {
    /// Where in the chunk it stands.
    place: usize,
    item: &'a Item,
    /// Yuan.
    amount: Decimal,
    line: Option<(lines::Key, &'a LineRows)>,
}

/// What of a chunk can still go back. Of a line something may have been returned since the batch was asked for, by a dispute or at
/// the desk; one of which nothing is left is left out.
fn fits<'a>(items: &'a [Item], lines: &'a HashMap<lines::Key, LineRows>) -> Result<Vec<Fit<'a>>, RefundError> {
    let mut fits = Vec::with_capacity(items.len());
    for (place, item) in items.iter().enumerate() {
        let Some(key) = item.line() else {
            fits.push(Fit { place, item, amount: item.amount, line: None });
            continue;
        };
        let line = lines.get(&key).ok_or(RefundError::NoCharge)?;
        let amount = item.amount.min(line.left());
        if amount > Decimal::ZERO {
            fits.push(Fit { place, item, amount, line: Some((key, line)) });
        }
    }
    Ok(fits)
}

/// Adds to what the batch has returned, which is never more than was approved (`refund_batch_within`).
async fn raise(
    conn: &mut PgConnection,
    batch_id: i64,
    amounts: impl ExactSizeIterator<Item = Decimal>,
) -> Result<(), RefundError> {
    let made = i64::try_from(amounts.len()).map_err(|_| RefundError::BeyondBatch)?;
    sqlx::query!(
        "update refund_batch set made = made + $2, returned = returned + $3 where batch_id = $1",
        batch_id,
        made,
        amounts.sum::<Decimal>(),
    )
    .execute(conn)
    .await?;
    Ok(())
}

#[derive(Default)]
struct Columns {
    subscribers: Vec<i64>,
    months: Vec<Option<NaiveDate>>,
    lines: Vec<Option<i32>>,
    imported: Vec<Option<i64>>,
    charged: Vec<Option<Decimal>>,
    paid_bys: Vec<String>,
    references: Vec<Option<String>>,
    amounts: Vec<Decimal>,
}

impl Columns {
    fn of(fits: &[Fit<'_>]) -> Result<Self, RefundError> {
        let mut columns = Self::default();
        for Fit { item, amount, .. } in fits {
            columns.subscribers.push(item.subscriber_id);
            columns.amounts.push(*amount);
            let (line, imported) = match &item.of {
                Of::Line { month, line_no } => (Some((month.first_day(), *line_no)), None),
                Of::Imported(charge) => {
                    check_amount(item.amount, charge.charged)?;
                    (None, Some(charge))
                }
            };
            columns.months.push(line.map(|(month, _)| month));
            columns.lines.push(line.map(|(_, line_no)| line_no));
            columns.imported.push(imported.map(|charge| charge.imported_charge_id));
            columns.charged.push(imported.map(|charge| charge.charged));
            columns.paid_bys.push(imported.map_or("line", |charge| charge.paid_by.as_str()).to_owned());
            columns.references.push(imported.and_then(|charge| charge.reference.clone()));
        }
        Ok(columns)
    }
}

/// Writes the refunds that are not there yet; what was returned before is left alone (`refund_imported_once`,
/// `refund_line_of_batch`).
async fn insert<'a>(
    conn: &mut PgConnection,
    batch: &Batch,
    fits: &[Fit<'a>],
) -> Result<Vec<(i64, Fit<'a>)>, RefundError> {
    let columns = Columns::of(fits)?;
    let rows = sqlx::query!(
        "insert into refund (batch_id, reason, asked_by, asked_at, state, decided_by, decided_at, subscriber_id, month, line_no,
            imported_charge_id, charged, paid_by, reference, amount)
        select $1, $2, $3, $4, 'approved', $5, $6, new.subscriber_id, new.month, new.line_no, new.imported_charge_id,
            coalesce(new.charged, l.amount), new.paid_by, new.reference, new.amount
        from unnest($7::bigint[], $8::date[], $9::integer[], $10::bigint[], $11::numeric[], $12::text[], $13::text[],
            $14::numeric[])
            as new (subscriber_id, month, line_no, imported_charge_id, charged, paid_by, reference, amount)
        left join bill_line l on l.subscriber_id = new.subscriber_id and l.month = new.month and l.line_no = new.line_no
        on conflict do nothing
        returning subscriber_id, refund_id, month, line_no, imported_charge_id",
        batch.number,
        batch.reason,
        batch.asked_by,
        batch.asked_at,
        batch.approved_by,
        batch.approved_at,
        &columns.subscribers,
        &columns.months as &[Option<NaiveDate>],
        &columns.lines as &[Option<i32>],
        &columns.imported as &[Option<i64>],
        &columns.charged as &[Option<Decimal>],
        &columns.paid_bys,
        &columns.references as &[Option<String>],
        &columns.amounts,
    )
    .fetch_all(conn)
    .await?;
    let mut places: HashMap<Key, usize> = HashMap::with_capacity(fits.len());
    for place in (0..fits.len()).rev() {
        let key = (columns.subscribers[place], columns.months[place], columns.lines[place], columns.imported[place]);
        places.insert(key, place);
    }
    rows.into_iter()
        .map(|row| {
            let key = (row.subscriber_id, row.month, row.line_no, row.imported_charge_id);
            let place = places.get(&key).ok_or(RefundError::Corrupt("refund of a batch"))?;
            Ok((row.refund_id, fits[*place]))
        })
        .collect()
}
