//! Writing months, many at a time.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;
use sqlx::PgConnection;
use sqlx::types::Json;

use super::load::{Key, Loaded};
use super::{UsageError, check_written, stored};
use crate::usage::allowance::{AllowanceId, Grant};
use crate::usage::pool::Held;
use crate::usage::rating::PlanMonth;

/// Writes what the database lacks of these months, and what rating and reserving changed.
pub(super) async fn save_months(conn: &mut PgConnection, months: &BTreeMap<Key, Loaded>) -> Result<(), UsageError> {
    insert_granted(conn, &each(months, |loaded| loaded.missing.iter())).await?;
    move_ends(conn, &each(months, |loaded| loaded.moved.iter())).await?;
    insert_counters(conn, months).await?;
    write_beyond(conn, &each(months, |loaded| loaded.state.plans.iter().filter(|plan| plan.changed))).await?;
    write_held(conn, &each(months, |loaded| loaded.state.pool.changed())).await?;
    update_counters(conn, months).await
}

/// Rows of all months, each with whose month it is of.
pub(super) fn each<'a, I: Iterator>(
    months: &'a BTreeMap<Key, Loaded>,
    rows: impl Fn(&'a Loaded) -> I,
) -> Vec<(Key, I::Item)> {
    months.iter().flat_map(|(key, loaded)| rows(loaded).map(|row| (*key, row))).collect()
}

/// The names of allowances, column by column.
#[derive(Default)]
pub(super) struct AllowanceColumns {
    pub subscribers: Vec<i64>,
    pub subscriptions: Vec<i64>,
    pub months: Vec<NaiveDate>,
    pub ordinals: Vec<i32>,
}

impl AllowanceColumns {
    fn of(ids: impl Iterator<Item = (Key, AllowanceId)>) -> Self {
        let mut columns = Self::default();
        for (key, id) in ids {
            columns.subscribers.push(key.subscriber_id);
            columns.subscriptions.push(id.subscription_id);
            columns.months.push(id.month.first_day());
            columns.ordinals.push(id.ordinal);
        }
        columns
    }
}

async fn insert_granted(conn: &mut PgConnection, granted: &[(Key, &Grant)]) -> Result<(), UsageError> {
    if granted.is_empty() {
        return Ok(());
    }
    let names = AllowanceColumns::of(granted.iter().map(|(key, grant)| (*key, grant.id)));
    let services: Vec<String> = granted.iter().map(|(_, grant)| grant.service.to_string()).collect();
    let quantities = granted.iter().map(|(_, grant)| stored(grant.granted)).collect::<Result<Vec<_>, _>>()?;
    // Rows of an array must be of one length, so a list of groups travels as text.
    let groups: Vec<String> = granted.iter().map(|(_, grant)| groups_literal(&grant.rating_groups)).collect();
    let from: Vec<DateTime<Utc>> = granted.iter().map(|(_, grant)| grant.valid_from).collect();
    let until: Vec<DateTime<Utc>> = granted.iter().map(|(_, grant)| grant.valid_until).collect();
    let written = sqlx::query!(
        "insert into allowance (subscriber_id, subscription_id, month, ordinal, service, granted, rating_groups,
            valid_from, valid_until)
        select subscriber_id, subscription_id, month, ordinal, service, granted, groups::integer[], valid_from,
            valid_until
        from unnest($1::bigint[], $2::bigint[], $3::date[], $4::integer[], $5::text[], $6::bigint[], $7::text[],
            $8::timestamptz[], $9::timestamptz[])
            as new (subscriber_id, subscription_id, month, ordinal, service, granted, groups, valid_from, valid_until)",
        &names.subscribers,
        &names.subscriptions,
        &names.months,
        &names.ordinals,
        &services,
        &quantities,
        &groups,
        &from,
        &until
    )
    .execute(conn)
    .await?;
    check_written("allowance", granted.len(), written.rows_affected())
}

fn groups_literal(groups: &[u32]) -> String {
    let groups: Vec<String> = groups.iter().map(u32::to_string).collect();
    format!("{{{}}}", groups.join(","))
}

async fn move_ends(conn: &mut PgConnection, moved: &[(Key, &(AllowanceId, DateTime<Utc>))]) -> Result<(), UsageError> {
    if moved.is_empty() {
        return Ok(());
    }
    let names = AllowanceColumns::of(moved.iter().map(|(key, (id, _))| (*key, *id)));
    let until: Vec<DateTime<Utc>> = moved.iter().map(|(_, (_, until))| *until).collect();
    let written = sqlx::query!(
        "update allowance a set valid_until = new.valid_until
        from unnest($1::bigint[], $2::bigint[], $3::date[], $4::integer[], $5::timestamptz[])
            as new (subscriber_id, subscription_id, month, ordinal, valid_until)
        where a.subscriber_id = new.subscriber_id and a.subscription_id = new.subscription_id and a.month = new.month
            and a.ordinal = new.ordinal",
        &names.subscribers,
        &names.subscriptions,
        &names.months,
        &names.ordinals,
        &until
    )
    .execute(conn)
    .await?;
    check_written("allowance", moved.len(), written.rows_affected())
}

/// What is taken and held of allowances, column by column.
pub(super) struct HeldColumns {
    pub names: AllowanceColumns,
    pub used: Vec<i64>,
    pub reserved: Vec<i64>,
    pub taken: Vec<Json<BTreeMap<String, u64>>>,
}

impl HeldColumns {
    pub fn of(changed: &[(Key, Held)]) -> Result<Self, UsageError> {
        let taken = |held: &Held| Json(held.taken.iter().map(|(class, n)| (class.to_string(), *n)).collect());
        Ok(Self {
            names: AllowanceColumns::of(changed.iter().map(|(key, held)| (*key, held.grant.id))),
            used: changed.iter().map(|(_, held)| stored(held.used)).collect::<Result<_, _>>()?,
            reserved: changed.iter().map(|(_, held)| stored(held.reserved)).collect::<Result<_, _>>()?,
            taken: changed.iter().map(|(_, held)| taken(held)).collect(),
        })
    }
}

async fn write_held(conn: &mut PgConnection, changed: &[(Key, Held)]) -> Result<(), UsageError> {
    if changed.is_empty() {
        return Ok(());
    }
    let HeldColumns { names, used, reserved, taken } = HeldColumns::of(changed)?;
    let written = sqlx::query!(
        "update allowance a set used = new.used, reserved = new.reserved, taken = new.taken
        from unnest($1::bigint[], $2::bigint[], $3::date[], $4::integer[], $5::bigint[], $6::bigint[], $7::jsonb[])
            as new (subscriber_id, subscription_id, month, ordinal, used, reserved, taken)
        where a.subscriber_id = new.subscriber_id and a.subscription_id = new.subscription_id and a.month = new.month
            and a.ordinal = new.ordinal",
        &names.subscribers,
        &names.subscriptions,
        &names.months,
        &names.ordinals,
        &used,
        &reserved,
        &taken as &[Json<BTreeMap<String, u64>>]
    )
    .execute(conn)
    .await?;
    check_written("allowance", changed.len(), written.rows_affected())
}

/// Makes the counters that are missing, with the cap that was chosen last before their month ended.
async fn insert_counters(conn: &mut PgConnection, months: &BTreeMap<Key, Loaded>) -> Result<(), UsageError> {
    let missing: Vec<_> = months.iter().filter(|(_, loaded)| !loaded.counter.is_stored).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let (subscribers, firsts) = Key::columns(missing.iter().map(|(key, _)| *key));
    let seqs: Vec<i32> = missing.iter().map(|(_, loaded)| loaded.counter.cap_seq).collect();
    let caps: Vec<Decimal> = missing.iter().map(|(_, loaded)| loaded.counter.cap).collect();
    let written = sqlx::query!(
        "insert into month_counter (subscriber_id, month, cap_seq, overage_cap)
        select * from unnest($1::bigint[], $2::date[], $3::integer[], $4::numeric[])",
        &subscribers,
        &firsts,
        &seqs,
        &caps
    )
    .execute(conn)
    .await?;
    check_written("month_counter", missing.len(), written.rows_affected())
}

async fn update_counters(conn: &mut PgConnection, months: &BTreeMap<Key, Loaded>) -> Result<(), UsageError> {
    let changed: Vec<_> = months
        .iter()
        .map(|(key, loaded)| (key, loaded.state.charged(), loaded.reserved, &loaded.counter))
        .filter(|(_, charged, reserved, counter)| *charged != counter.charged || *reserved != counter.reserved)
        .collect();
    if changed.is_empty() {
        return Ok(());
    }
    let (subscribers, firsts) = Key::columns(changed.iter().map(|(key, ..)| *key));
    let charged: Vec<Decimal> = changed.iter().map(|(_, charged, ..)| *charged).collect();
    let reserved: Vec<Decimal> = changed.iter().map(|(_, _, reserved, _)| *reserved).collect();
    let written = sqlx::query!(
        "update month_counter c set overage_charged = new.charged, overage_reserved = new.reserved
        from unnest($1::bigint[], $2::date[], $3::numeric[], $4::numeric[])
            as new (subscriber_id, month, charged, reserved)
        where c.subscriber_id = new.subscriber_id and c.month = new.month",
        &subscribers,
        &firsts,
        &charged,
        &reserved
    )
    .execute(conn)
    .await?;
    check_written("month_counter", changed.len(), written.rows_affected())
}

async fn write_beyond(conn: &mut PgConnection, changed: &[(Key, &PlanMonth)]) -> Result<(), UsageError> {
    if changed.is_empty() {
        return Ok(());
    }
    let counts = |count: fn(&PlanMonth) -> u64| -> Result<Vec<i64>, UsageError> {
        changed.iter().map(|(_, plan)| stored(count(plan))).collect()
    };
    let (subscribers, firsts) = Key::columns(changed.iter().map(|(key, _)| key));
    let subscriptions: Vec<i64> = changed.iter().map(|(_, plan)| plan.plan.subscription_id).collect();
    let charged: Vec<Decimal> = changed.iter().map(|(_, plan)| plan.beyond.charged).collect();
    let written = sqlx::query!(
        "insert into overage_volume (subscriber_id, month, subscription_id, volume_bytes, absorbed_bytes, charged,
            voice_minutes, sms_messages)
        select * from unnest($1::bigint[], $2::date[], $3::bigint[], $4::bigint[], $5::bigint[], $6::numeric[],
            $7::bigint[], $8::bigint[])
        on conflict (subscriber_id, month, subscription_id) do update set volume_bytes = excluded.volume_bytes,
            absorbed_bytes = excluded.absorbed_bytes, charged = excluded.charged,
            voice_minutes = excluded.voice_minutes, sms_messages = excluded.sms_messages",
        &subscribers,
        &firsts,
        &subscriptions,
        &counts(|plan| plan.beyond.data_bytes)?,
        &counts(|plan| plan.beyond.absorbed_bytes)?,
        &charged,
        &counts(|plan| plan.beyond.voice_minutes)?,
        &counts(|plan| plan.beyond.sms_messages)?
    )
    .execute(conn)
    .await?;
    check_written("overage_volume", changed.len(), written.rows_affected())
}
