//! What goes on bills, read for many subscribers at a time.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use sqlx::{Connection as _, PgConnection};

use super::lines::{LineOverflow, OpenCharge, group_lines};
use super::recurring::{Period, one_off_charge, recurring_charge};
use super::run::RunError;
use super::{LineKind, NewLine};
use crate::clock::Month;
use crate::ledger::{ChargeKind, NewCharge};
use crate::order::EndReason;
use crate::order::first_charge::{ANSWER_TIME, UNSENT_MAX};
use crate::tariff::{FirstMonth, Recurring, SchemeId};

/// Everything that goes on one bill.
#[derive(Debug, Default)]
pub(super) struct Draft {
    pub subscriber_id: i64,
    /// Recurring and one-off charges and penalties that are due with this bill.
    pub due: Vec<NewCharge>,
    /// Charges posted before that are on no bill.
    open: Vec<OpenCharge>,
    /// Bytes beyond the allowances in the month that were charged for, by tariff version of the plan.
    volumes: HashMap<(SchemeId, i32), i64>,
    /// Yuan on the bill of the month before.
    pub previous_total: Option<Decimal>,
}

impl Draft {
    /// The charges that its bill is made of.
    pub fn charges(&self) -> usize {
        self.due.len() + self.open.len()
    }

    /// The lines of its bill.
    ///
    /// # Errors
    /// When a sum does not fit.
    pub fn lines(&self, month: Month) -> Result<Vec<NewLine>, LineOverflow> {
        let mut charges = self.open.clone();
        charges.extend(self.due.iter().map(|due| OpenCharge {
            charge_id: None,
            kind: due.kind,
            month: due.month,
            scheme_id: due.scheme_id.clone(),
            version: due.version,
            quantity: due.quantity,
            amount: due.amount,
        }));
        let mut lines = group_lines(month, &charges)?;
        for line in lines.iter_mut().filter(|line| line.kind == LineKind::DataOverage) {
            if let Some(&volume) = self.volumes.get(&(line.scheme_id.clone(), line.version)) {
                line.quantity = volume;
            }
        }
        Ok(lines)
    }
}

/// Subscribers next to one another by id.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// Those who were there in the month and have no bill of it.
    pub wanted: Vec<i64>,
    /// How many have one.
    pub already: u64,
    /// How many have none yet because a first charge is on it that was told, but not long enough ago.
    pub told: u64,
    /// How many have none yet because the message of a first charge on it is not sent.
    pub unsent: u64,
    /// Those of `wanted` who are charged first although the message of it could not be sent.
    pub untold: Vec<i64>,
    /// All of them.
    pub seen: u64,
    /// The id of the last.
    pub last: i64,
}

/// The next subscribers, at most `size`; `None` when there are no more. A bill waits while a first charge would be on it, of
/// that month or one before, whose reminder is not out for [`ANSWER_TIME`]; for one that is not sent, not after it was given up
/// or is [`UNSENT_MAX`] old.
pub(super) async fn next_batch(
    conn: &mut PgConnection,
    month: Month,
    after: i64,
    size: i64,
    now: DateTime<Utc>,
) -> Result<Option<Batch>, RunError> {
    let rows = sqlx::query!(
        r#"select s.subscriber_id,
             exists (select from bill b where b.subscriber_id = s.subscriber_id and b.month = $2) as "billed!",
             (s.created_at < $3 or exists (
                 select from subscription p where p.subscriber_id = s.subscriber_id and p.starts_at < $3)) as "here!",
             coalesce(first.waits, false) as "waits!", coalesce(first.is_unsent, false) as "is_unsent!"
           from subscriber s
           left join lateral (
               select bool_or(n.sent_at is null) as is_unsent,
                   bool_or(n.sent_at is not null
                       or n.state is distinct from 'given_up' and (f.reminded_at > $6) is distinct from false) as waits
               from first_charge f
               join subscription p on p.subscriber_id = f.subscriber_id and p.subscription_id = f.subscription_id
               left join notice n on n.subscriber_id = f.subscriber_id
                   and n.event_key = 'first_charge/' || f.subscription_id
               where f.subscriber_id = s.subscriber_id and f.month <= $2 and p.ends_at is null
                   and (p.recurring_price > 0 or p.one_off_price > 0)
                   and (n.sent_at <= $5) is distinct from true
                   and not exists (select from frozen_subscription z
                       where z.subscriber_id = p.subscriber_id and z.subscription_id = p.subscription_id)
                   and not exists (select from charge c
                       where c.subscriber_id = f.subscriber_id and c.subscription_id = f.subscription_id
                           and c.kind in ('recurring', 'one_off'))
           ) first on true
           where s.subscriber_id > $1 order by s.subscriber_id limit $4"#,
        after,
        month.first_day(),
        month.end(),
        size,
        now - ANSWER_TIME,
        now - UNSENT_MAX,
    )
    .fetch_all(conn)
    .await?;
    let Some(last) = rows.last().map(|row| row.subscriber_id) else { return Ok(None) };
    let mut batch = Batch { last, seen: rows.len() as u64, ..Batch::default() };
    for row in rows {
        match (row.billed, row.here) {
            (true, _) => batch.already += 1,
            (false, false) => {}
            (false, true) if row.waits && row.is_unsent => batch.unsent += 1,
            (false, true) if row.waits => batch.told += 1,
            (false, true) => {
                batch.wanted.push(row.subscriber_id);
                batch.untold.extend(row.is_unsent.then_some(row.subscriber_id));
            }
        }
    }
    Ok(Some(batch))
}

/// Reads in one snapshot what is due and what is open; in the order of ids.
pub(super) async fn read_drafts(
    conn: &mut PgConnection,
    month: Month,
    wanted: &[i64],
    now: DateTime<Utc>,
) -> Result<Vec<Draft>, RunError> {
    let mut drafts: BTreeMap<i64, Draft> =
        wanted.iter().map(|&subscriber_id| (subscriber_id, Draft { subscriber_id, ..Draft::default() })).collect();
    let mut snapshot = conn.begin_with("begin isolation level repeatable read, read only").await?;
    read_previous(&mut snapshot, month, wanted, &mut drafts).await?;
    read_due(&mut snapshot, month, wanted, now, &mut drafts).await?;
    read_open(&mut snapshot, month, wanted, &mut drafts).await?;
    read_volumes(&mut snapshot, month, wanted, &mut drafts).await?;
    snapshot.commit().await?;
    Ok(drafts.into_values().collect())
}

async fn read_previous(
    conn: &mut PgConnection,
    month: Month,
    wanted: &[i64],
    drafts: &mut BTreeMap<i64, Draft>,
) -> Result<(), RunError> {
    let rows = sqlx::query!(
        "select subscriber_id, total from bill where subscriber_id = any($1) and month = $2",
        wanted,
        month.previous().first_day()
    )
    .fetch_all(conn)
    .await?;
    for row in rows {
        if let Some(draft) = drafts.get_mut(&row.subscriber_id) {
            draft.previous_total = Some(row.total);
        }
    }
    Ok(())
}

/// What subscriptions cost in the month; nothing of those that an incident froze.
async fn read_due(
    conn: &mut PgConnection,
    month: Month,
    wanted: &[i64],
    now: DateTime<Utc>,
    drafts: &mut BTreeMap<i64, Draft>,
) -> Result<(), RunError> {
    let rows = sqlx::query!(
        "select s.subscriber_id, s.subscription_id, s.scheme_id, s.version, s.recurring_price, s.one_off_price,
             s.penalty, s.starts_at, s.ends_at, s.end_reason, t.terms #>> '{recurring,first_month}' as first_month
         from subscription s join tariff_version t on t.scheme_id = s.scheme_id and t.version = s.version
         where s.subscriber_id = any($1) and s.starts_at < $3 and (s.ends_at is null or s.ends_at >= $2)
             and not exists (select from frozen_subscription z
                 where z.subscriber_id = s.subscriber_id and z.subscription_id = s.subscription_id)",
        wanted,
        month.start(),
        month.end()
    )
    .fetch_all(conn)
    .await?;
    for row in rows {
        let Some(draft) = drafts.get_mut(&row.subscriber_id) else { continue };
        let period = period(row.starts_at, row.ends_at, row.end_reason.as_deref()).map_err(RunError::Corrupt)?;
        let recurring = recurring(row.recurring_price, row.first_month.as_deref()).map_err(RunError::Corrupt)?;
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
        if row.penalty > Decimal::ZERO && period.last_month() == Some(month) {
            draft.due.push(charge(ChargeKind::Penalty, row.penalty));
        }
    }
    Ok(())
}

/// When a subscription runs, as the database keeps it.
pub(super) fn period(
    starts_at: DateTime<Utc>,
    ends_at: Option<DateTime<Utc>>,
    end_reason: Option<&str>,
) -> Result<Period, String> {
    let reason = |name| EndReason::from_name(name).ok_or_else(|| format!("`{name}` is not a reason for an end"));
    Ok(Period { starts_at, ends_at, end_reason: end_reason.map(reason).transpose()? })
}

/// A monthly price, with how `terms` write that the first month is charged; a tariff without one has no such rule.
pub(super) fn recurring(price: Decimal, first_month: Option<&str>) -> Result<Recurring, String> {
    let rule = |text: &str| serde_json::from_value(text.into()).map_err(|e| format!("first month of a tariff: {e}"));
    Ok(Recurring { price, first_month: first_month.map_or(Ok(FirstMonth::Full), rule)? })
}

async fn read_open(
    conn: &mut PgConnection,
    month: Month,
    wanted: &[i64],
    drafts: &mut BTreeMap<i64, Draft>,
) -> Result<(), RunError> {
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
    for row in rows {
        let Some(draft) = drafts.get_mut(&row.subscriber_id) else { continue };
        draft.open.push(OpenCharge {
            charge_id: Some(row.charge_id),
            kind: row.kind.parse().map_err(|e| RunError::Corrupt(format!("{e}")))?,
            month: Month::of_date(row.month),
            scheme_id: row.scheme_id.parse()?,
            version: row.version,
            quantity: row.quantity,
            amount: row.amount,
        });
    }
    Ok(())
}

/// A record within a unit that had started already costs nothing and has no charge, yet its bytes count: so that a bill
/// does not depend on how usage was cut into records, a data line's quantity is the month's volume that was charged for.
async fn read_volumes(
    conn: &mut PgConnection,
    month: Month,
    wanted: &[i64],
    drafts: &mut BTreeMap<i64, Draft>,
) -> Result<(), RunError> {
    let rows = sqlx::query!(
        r#"select v.subscriber_id, s.scheme_id, s.version,
             sum(v.volume_bytes - v.absorbed_bytes)::bigint as "volume!"
           from overage_volume v
           join subscription s on s.subscriber_id = v.subscriber_id and s.subscription_id = v.subscription_id
           where v.subscriber_id = any($1) and v.month = $2
           group by v.subscriber_id, s.scheme_id, s.version"#,
        wanted,
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
