//! 出账 Closing a month: for every subscriber one bill, in one transaction.
//!
//! A run may be stopped at any point and started again, and several may work at the same time: a subscriber has the
//! whole bill of a month or none.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use futures::stream::{self, StreamExt, TryStreamExt};
use rust_decimal::Decimal;
use sqlx::{Acquire, Connection, PgConnection, PgPool};

use super::lines::{LineOverflow, OpenCharge, group_lines, total};
use super::recurring::{Period, one_off_charge, recurring_charge};
use super::{LineKind, NewLine};
use crate::clock::{Clock, Month};
use crate::ledger::store::{LedgerError, post_charges, post_rounding};
use crate::ledger::{ChargeKind, NewCharge};
use crate::notice::store::{NewNotice, NoticeError, enqueue};
use crate::notice::template::{BillFacts, Message};
use crate::order::EndReason;
use crate::subscriber::Language;
use crate::tariff::{FirstMonth, InvalidSchemeId, Recurring, SchemeId};

/// Subscribers whose charges are read at once.
const BATCH: i64 = 256;
/// Subscribers whose bills are written at the same time.
const IN_FLIGHT: usize = 8;
/// How often one bill is tried again when another run was faster.
const TRIES_MAX: u32 = 4;

/// What a run did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Bills made by this run.
    pub bills: u64,
    /// Yuan on them.
    pub total: Decimal,
    /// Subscribers who had their bill of the month already.
    pub already: u64,
}

/// Why a run stopped.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    #[error("{month} is not over: it ends at {}", month.end().with_timezone(&crate::clock::shanghai()))]
    NotOver { month: Month },
    #[error("subscriber {0}: the charges changed again and again while the bill was made")]
    Contended(i64),
    #[error("subscriber {0}: {1}")]
    Overflow(i64, LineOverflow),
    #[error("subscriber {subscriber_id}: {linked} of {charges} charges are on the bill")]
    Unlinked { subscriber_id: i64, linked: u64, charges: usize },
    #[error("the database holds what cannot be read: {0}")]
    Corrupt(String),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error(transparent)]
    Notice(#[from] NoticeError),
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
}

impl From<InvalidSchemeId> for RunError {
    fn from(error: InvalidSchemeId) -> Self {
        Self::Corrupt(error.to_string())
    }
}

/// Makes the bill of `month` for every subscriber who has none and was there in that month. `progress` is told the
/// number of subscribers looked at since it was told last.
///
/// # Errors
/// When the month is not over, or the database fails; the bills made until then stay.
pub async fn run(pool: &PgPool, month: Month, clock: &dyn Clock, progress: impl Fn(u64)) -> Result<Summary, RunError> {
    if clock.now() < month.end() {
        return Err(RunError::NotOver { month });
    }
    let mut summary = Summary { total: Decimal::new(0, 2), ..Summary::default() };
    let mut after = i64::MIN;
    loop {
        let (drafts, already, last) = read_batch(pool, month, after, clock.now()).await?;
        let Some(last) = last else { return Ok(summary) };
        let seen = already + drafts.len() as u64;
        let bills: Vec<Option<Decimal>> = stream::iter(drafts)
            .map(|draft| close(pool, month, draft, clock.now()))
            .buffer_unordered(IN_FLIGHT)
            .try_collect()
            .await?;
        for bill in bills {
            match bill {
                Some(total) => {
                    summary.bills += 1;
                    summary.total += total;
                }
                None => summary.already += 1,
            }
        }
        summary.already += already;
        progress(seen);
        after = last;
    }
}

/// How many subscribers a run looks at.
///
/// # Errors
/// When the database fails.
pub async fn subscribers(conn: &mut PgConnection) -> Result<u64, sqlx::Error> {
    let count = sqlx::query_scalar!(r#"select count(*) as "count!" from subscriber"#).fetch_one(conn).await?;
    Ok(count.unsigned_abs())
}

/// Everything that goes on one bill.
#[derive(Debug, Default)]
struct Draft {
    subscriber_id: i64,
    /// Recurring and one-off charges that are due with this bill.
    due: Vec<NewCharge>,
    /// Charges posted before that are on no bill.
    open: Vec<OpenCharge>,
    /// Bytes beyond the allowances in the month, by tariff version of the plan.
    volumes: HashMap<(SchemeId, i32), i64>,
    language: Language,
    /// Yuan on the bill of the month before.
    previous_total: Option<Decimal>,
}

/// The drafts of the next subscribers, how many of them have their bill already, and the last one's id.
async fn read_batch(
    pool: &PgPool,
    month: Month,
    after: i64,
    now: DateTime<Utc>,
) -> Result<(Vec<Draft>, u64, Option<i64>), RunError> {
    let mut conn = pool.acquire().await?;
    let rows = sqlx::query!(
        r#"select s.subscriber_id,
             exists (select from bill b where b.subscriber_id = s.subscriber_id and b.month = $2) as "billed!",
             (s.created_at < $3 or exists (
                 select from subscription p where p.subscriber_id = s.subscriber_id and p.starts_at < $3)) as "here!"
           from subscriber s where s.subscriber_id > $1 order by s.subscriber_id limit $4"#,
        after,
        month.first_day(),
        month.end(),
        BATCH
    )
    .fetch_all(&mut *conn)
    .await?;
    let last = rows.last().map(|row| row.subscriber_id);
    let already = rows.iter().filter(|row| row.billed).count() as u64;
    let wanted: Vec<i64> =
        rows.into_iter().filter(|row| row.here && !row.billed).map(|row| row.subscriber_id).collect();
    let drafts = read_drafts(&mut conn, month, &wanted, now).await?;
    Ok((drafts, already, last))
}

/// Reads in one snapshot what is due and what is open.
async fn read_drafts(
    conn: &mut PgConnection,
    month: Month,
    wanted: &[i64],
    now: DateTime<Utc>,
) -> Result<Vec<Draft>, RunError> {
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let mut drafts: BTreeMap<i64, Draft> =
        wanted.iter().map(|&subscriber_id| (subscriber_id, Draft { subscriber_id, ..Draft::default() })).collect();
    let mut snapshot = conn.begin_with("begin isolation level repeatable read, read only").await?;
    read_heads(&mut snapshot, month, wanted, &mut drafts).await?;
    read_due(&mut snapshot, month, wanted, now, &mut drafts).await?;
    let with_data = read_open(&mut snapshot, month, wanted, &mut drafts).await?;
    if !with_data.is_empty() {
        read_volumes(&mut snapshot, month, &with_data, &mut drafts).await?;
    }
    snapshot.commit().await?;
    Ok(drafts.into_values().collect())
}

async fn read_heads(
    conn: &mut PgConnection,
    month: Month,
    wanted: &[i64],
    drafts: &mut BTreeMap<i64, Draft>,
) -> Result<(), RunError> {
    let rows = sqlx::query!(
        r#"select s.subscriber_id, s.language, b.total as "previous_total?"
           from subscriber s left join bill b on b.subscriber_id = s.subscriber_id and b.month = $2
           where s.subscriber_id = any($1)"#,
        wanted,
        month.previous().first_day()
    )
    .fetch_all(conn)
    .await?;
    for row in rows {
        let Some(draft) = drafts.get_mut(&row.subscriber_id) else { continue };
        draft.language = row.language.parse().map_err(RunError::Corrupt)?;
        draft.previous_total = row.previous_total;
    }
    Ok(())
}

async fn read_due(
    conn: &mut PgConnection,
    month: Month,
    wanted: &[i64],
    now: DateTime<Utc>,
    drafts: &mut BTreeMap<i64, Draft>,
) -> Result<(), RunError> {
    let rows = sqlx::query!(
        "select s.subscriber_id, s.subscription_id, s.scheme_id, s.version, s.recurring_price, s.one_off_price,
             s.starts_at, s.ends_at, s.end_reason, t.terms #>> '{recurring,first_month}' as first_month
         from subscription s join tariff_version t on t.scheme_id = s.scheme_id and t.version = s.version
         where s.subscriber_id = any($1) and s.starts_at < $3 and (s.ends_at is null or s.ends_at >= $2)",
        wanted,
        month.start(),
        month.end()
    )
    .fetch_all(conn)
    .await?;
    for row in rows {
        let Some(draft) = drafts.get_mut(&row.subscriber_id) else { continue };
        let period = Period {
            starts_at: row.starts_at,
            ends_at: row.ends_at,
            end_reason: row.end_reason.as_deref().map(end_reason).transpose().map_err(RunError::Corrupt)?,
        };
        let recurring = Recurring {
            price: row.recurring_price,
            first_month: first_month(row.first_month.as_deref()).map_err(RunError::Corrupt)?,
        };
        let scheme_id: SchemeId = row.scheme_id.parse()?;
        let charge = |kind, amount| NewCharge {
            subscriber_id: row.subscriber_id,
            kind,
            month,
            subscription_id: row.subscription_id,
            scheme_id: scheme_id.clone(),
            version: row.version,
            recurring_price: row.recurring_price,
            one_off_price: row.one_off_price,
            usage_source_id: None,
            quantity: 1,
            amount,
            charged_at: now,
        };
        let recurring = recurring_charge(&recurring, &period, month);
        draft.due.extend(recurring.map(|due| charge(ChargeKind::Recurring, due.amount)));
        let one_off = one_off_charge(row.one_off_price, &period, month);
        draft.due.extend(one_off.map(|amount| charge(ChargeKind::OneOff, amount)));
    }
    Ok(())
}

/// How the first month is charged, as `terms` write it; a tariff without a monthly price has none.
pub(super) fn first_month(text: Option<&str>) -> Result<FirstMonth, String> {
    text.map_or(Ok(FirstMonth::Full), |text| {
        serde_json::from_value(text.into()).map_err(|e| format!("first month of a tariff: {e}"))
    })
}

/// The reason of an end, as the database keeps it.
pub(super) fn end_reason(name: &str) -> Result<EndReason, String> {
    EndReason::from_name(name).ok_or_else(|| format!("`{name}` is not a reason for an end"))
}

/// Fills in the open charges; returns who has data overage of this month among them.
async fn read_open(
    conn: &mut PgConnection,
    month: Month,
    wanted: &[i64],
    drafts: &mut BTreeMap<i64, Draft>,
) -> Result<Vec<i64>, RunError> {
    let rows = sqlx::query!(
        "select c.subscriber_id, c.charge_id, c.kind, c.month, c.scheme_id, c.version, c.quantity, c.amount
         from charge c
         where c.subscriber_id = any($1) and c.month <= $2
             and not exists (
                 select from bill_line_charge l
                 where l.subscriber_id = c.subscriber_id and l.charge_id = c.charge_id)
         order by c.subscriber_id, c.charge_id",
        wanted,
        month.first_day()
    )
    .fetch_all(conn)
    .await?;
    let mut with_data = Vec::new();
    for row in rows {
        let Some(draft) = drafts.get_mut(&row.subscriber_id) else { continue };
        let kind: ChargeKind = row.kind.parse().map_err(|e| RunError::Corrupt(format!("{e}")))?;
        let charge_month = Month::of_date(row.month);
        if kind == ChargeKind::DataOverage && charge_month == month && with_data.last() != Some(&row.subscriber_id) {
            with_data.push(row.subscriber_id);
        }
        draft.open.push(OpenCharge {
            charge_id: Some(row.charge_id),
            kind,
            month: charge_month,
            scheme_id: row.scheme_id.parse()?,
            version: row.version,
            quantity: row.quantity,
            amount: row.amount,
        });
    }
    Ok(with_data)
}

/// A record within a unit that had started already costs nothing and has no charge, yet its bytes count: so that a bill
/// does not depend on how usage was cut into records, a data line's quantity is the sum over all records.
async fn read_volumes(
    conn: &mut PgConnection,
    month: Month,
    with_data: &[i64],
    drafts: &mut BTreeMap<i64, Draft>,
) -> Result<(), RunError> {
    let rows = sqlx::query!(
        r#"select u.subscriber_id, s.scheme_id, s.version, sum(u.overage)::bigint as "volume!"
           from usage_record u
           join subscription s on s.subscriber_id = u.subscriber_id and s.subscription_id = u.plan_subscription_id
           where u.subscriber_id = any($1) and u.month = $2 and u.service = 'data' and u.overage > 0
           group by u.subscriber_id, s.scheme_id, s.version"#,
        with_data,
        month.first_day()
    )
    .fetch_all(conn)
    .await?;
    for row in rows {
        if let Some(draft) = drafts.get_mut(&row.subscriber_id) {
            draft.volumes.insert((row.scheme_id.parse()?, row.version), row.volume);
        }
    }
    Ok(())
}

/// The lines of a draft.
fn draft_lines(month: Month, draft: &Draft) -> Result<Vec<NewLine>, RunError> {
    let mut charges = draft.open.clone();
    charges.extend(draft.due.iter().map(|due| OpenCharge {
        charge_id: None,
        kind: due.kind,
        month: due.month,
        scheme_id: due.scheme_id.clone(),
        version: due.version,
        quantity: due.quantity,
        amount: due.amount,
    }));
    let mut lines = group_lines(month, &charges).map_err(|e| RunError::Overflow(draft.subscriber_id, e))?;
    for line in lines.iter_mut().filter(|line| line.kind == LineKind::DataOverage) {
        if let Some(&volume) = draft.volumes.get(&(line.scheme_id.clone(), line.version)) {
            line.quantity = volume;
        }
    }
    Ok(lines)
}

/// Writes one bill. `None`: another run had written it.
async fn close(pool: &PgPool, month: Month, mut draft: Draft, now: DateTime<Utc>) -> Result<Option<Decimal>, RunError> {
    let subscriber_id = draft.subscriber_id;
    let mut conn = pool.acquire().await?;
    for _ in 0..TRIES_MAX {
        let mut tx = conn.begin().await?;
        match write(&mut tx, month, &draft, now).await {
            Ok(total) => {
                tx.commit().await?;
                return Ok(Some(total));
            }
            Err(error) if !overtaken(&error) => return Err(error),
            Err(_) => tx.rollback().await?,
        }
        if billed(&mut conn, subscriber_id, month).await? {
            return Ok(None);
        }
        draft = read_drafts(&mut conn, month, &[subscriber_id], now).await?.pop().unwrap_or(draft);
    }
    Err(RunError::Contended(subscriber_id))
}

/// Whether another run posted the charge, wrote the bill, or billed a charge in the meantime.
fn overtaken(error: &RunError) -> bool {
    match error {
        RunError::Ledger(LedgerError::AlreadyCharged) => true,
        RunError::Database(error) => matches!(
            error.as_database_error().and_then(|e| e.constraint()),
            Some("bill_pkey" | "bill_line_charge_pkey")
        ),
        _ => false,
    }
}

async fn billed(conn: &mut PgConnection, subscriber_id: i64, month: Month) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar!(
        r#"select exists (select from bill where subscriber_id = $1 and month = $2) as "billed!""#,
        subscriber_id,
        month.first_day()
    )
    .fetch_one(conn)
    .await
}

async fn write(conn: &mut PgConnection, month: Month, draft: &Draft, now: DateTime<Utc>) -> Result<Decimal, RunError> {
    let subscriber_id = draft.subscriber_id;
    let lines = draft_lines(month, draft)?;
    let total = total(&lines);
    let exact: Decimal = lines.iter().map(|line| line.exact).sum();
    post_charges(conn, &draft.due).await?;
    let charges = draft.due.len() + draft.open.len();
    let linked = insert(conn, subscriber_id, month, &lines, total, now).await?;
    if linked != charges as u64 {
        return Err(RunError::Unlinked { subscriber_id, linked, charges });
    }
    post_rounding(conn, subscriber_id, month, total - exact, now).await?;
    enqueue(conn, &bill_ready(month, draft, &lines, total, now)).await?;
    Ok(total)
}

/// 账单提醒: the bill is pushed every month (campaign 明白办、放心用, part 4).
fn bill_ready(month: Month, draft: &Draft, lines: &[NewLine], total: Decimal, now: DateTime<Utc>) -> NewNotice {
    let is_fee = |line: &&NewLine| matches!(line.kind, LineKind::Recurring | LineKind::OneOff);
    let fees: Decimal = lines.iter().filter(is_fee).map(|line| line.amount).sum();
    let facts =
        BillFacts { fees, overage: total - fees, change: draft.previous_total.map(|previous| total - previous) };
    let message = Message::BillReady { month, total, due: total, facts };
    NewNotice {
        subscriber_id: draft.subscriber_id,
        kind: message.kind(),
        event_key: format!("bill:{month}"),
        language: draft.language,
        body: message.render(draft.language),
        created_at: now,
        due_at: now,
    }
}

/// Inserts the bill, its lines, and which charges they are made of; returns the number of charges.
async fn insert(
    conn: &mut PgConnection,
    subscriber_id: i64,
    month: Month,
    lines: &[NewLine],
    total: Decimal,
    now: DateTime<Utc>,
) -> Result<u64, RunError> {
    let kinds: Vec<String> = lines.iter().map(|line| line.kind.to_string()).collect();
    let schemes: Vec<String> = lines.iter().map(|line| line.scheme_id.to_string()).collect();
    let versions: Vec<i32> = lines.iter().map(|line| line.version).collect();
    let months: Vec<_> = lines.iter().map(|line| line.charge_month.first_day()).collect();
    let quantities: Vec<i64> = lines.iter().map(|line| line.quantity).collect();
    let exacts: Vec<Decimal> = lines.iter().map(|line| line.exact).collect();
    let amounts: Vec<Decimal> = lines.iter().map(|line| line.amount).collect();
    let numbered = || (1_i32..).zip(lines);
    let linked_ids: Vec<i64> = lines.iter().flat_map(|line| line.charge_ids.iter().copied()).collect();
    let linked_lines: Vec<i32> =
        numbered().flat_map(|(line_no, line)| line.charge_ids.iter().map(move |_| line_no)).collect();
    let linked = sqlx::query!(
        "with closed as (
             insert into bill (subscriber_id, month, total, closed_at) values ($1, $2, $3, $4)),
         line as (
             insert into bill_line (subscriber_id, month, line_no, kind, scheme_id, version, charge_month, quantity,
                 exact, amount)
             select $1, $2, line_no, kind, scheme_id, version, charge_month, quantity, exact, amount
             from unnest($5::text[], $6::text[], $7::integer[], $8::date[], $9::bigint[], $10::numeric[],
                 $11::numeric[]) with ordinality
                 as new (kind, scheme_id, version, charge_month, quantity, exact, amount, line_no)
             returning line_no, kind, scheme_id, version)
         insert into bill_line_charge (subscriber_id, charge_id, month, line_no)
         select $1, charge_id, $2, line_no from unnest($12::bigint[], $13::integer[]) as open (charge_id, line_no)
         union all
         select $1, c.charge_id, $2, line.line_no
         from line join charge c on c.subscriber_id = $1 and c.month = $2 and c.kind = line.kind
             and c.scheme_id = line.scheme_id and c.version = line.version
         where line.kind in ('recurring', 'one_off')",
        subscriber_id,
        month.first_day(),
        total,
        now,
        &kinds,
        &schemes,
        &versions,
        &months,
        &quantities,
        &exacts,
        &amounts,
        &linked_ids,
        &linked_lines
    )
    .execute(conn)
    .await?
    .rows_affected();
    Ok(linked)
}
