//! The state of a month: read before rating, written after it.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;
use sqlx::PgConnection;
use sqlx::types::Json;

use super::{UsageError, check_written, corrupt, lock_subscriber, stored, units};
use crate::clock::Month;
use crate::tariff::{Kind, Terms};
use crate::usage::allowance::{AllowanceId, Grant, Subscribed, grants};
use crate::usage::pool::{Held, Pool};
use crate::usage::rating::{Beyond, MonthState, PlanMonth};

/// What a month's cap is, and how much of it is used.
#[derive(Clone, Copy, Debug)]
pub(super) struct Counter {
    pub cap: Decimal,
    pub charged: Decimal,
    pub reserved: Decimal,
}

/// Allowances as they should be, and how the stored ones differ from that.
#[derive(Debug, Default)]
pub(super) struct Allowances {
    pub held: Vec<Held>,
    missing: Vec<Grant>,
    moved: Vec<(AllowanceId, DateTime<Utc>)>,
}

/// Makes the allowances of a month follow the subscriptions: what was ordered since is granted, and what ended
/// immediately lapses. Ingest does the same by itself.
///
/// # Errors
/// When the database fails, or the subscriber does not exist.
pub async fn refresh_allowances(conn: &mut PgConnection, subscriber_id: i64, month: Month) -> Result<(), UsageError> {
    lock_subscriber(conn, subscriber_id).await?;
    let subscribed = subscribed(conn, subscriber_id, month).await?;
    let allowances = allowances(conn, subscriber_id, month, &subscribed).await?;
    write_differences(conn, subscriber_id, &allowances).await
}

/// Everything that the rating of a month's records depends on. The subscriber is locked; allowances and the month's
/// counter are made where they are missing.
pub(super) async fn open_month(
    conn: &mut PgConnection,
    subscriber_id: i64,
    month: Month,
) -> Result<MonthState, UsageError> {
    let subscribed = subscribed(conn, subscriber_id, month).await?;
    let allowances = allowances(conn, subscriber_id, month, &subscribed).await?;
    write_differences(conn, subscriber_id, &allowances).await?;
    create_counter(conn, subscriber_id, month).await?;
    let counter = counter(conn, subscriber_id, month).await?.ok_or(UsageError::NoCap(subscriber_id))?;
    let beyond = beyond(conn, subscriber_id, month).await?;
    Ok(month_state(month, &subscribed, allowances.held, &beyond, counter))
}

pub(super) fn month_state(
    month: Month,
    subscribed: &[Subscribed],
    held: Vec<Held>,
    beyond: &BTreeMap<i64, Beyond>,
    counter: Counter,
) -> MonthState {
    let runs = |plan: &&Subscribed| {
        plan.is_plan() && plan.starts_at < month.end() && plan.ends_at.is_none_or(|end| end > month.start())
    };
    let plans: Vec<_> = subscribed
        .iter()
        .filter(runs)
        .map(|plan| PlanMonth {
            plan: plan.clone(),
            beyond: beyond.get(&plan.subscription_id).copied().unwrap_or_default(),
            changed: false,
        })
        .collect();
    let by = |held: &Held| subscribed.iter().find(|one| one.subscription_id == held.grant.id.subscription_id);
    let granted = held.into_iter().filter_map(|held| by(&held).map(|subscribed| (held, subscribed)));
    let pool = Pool::new(month, granted);
    // What a plan was charged that does not run in the month any more still counts against the cap.
    let known: Decimal = plans.iter().map(|plan| plan.beyond.charged).sum();
    let reserved = counter.reserved + (counter.charged - known);
    MonthState { month, pool, plans, cap: counter.cap, reserved }
}

/// Writes what rating changed.
pub(super) async fn close_month(
    conn: &mut PgConnection,
    subscriber_id: i64,
    state: &MonthState,
    charged_now: Decimal,
) -> Result<(), UsageError> {
    let month = state.month;
    write_beyond(conn, subscriber_id, month, state.plans.iter().filter(|plan| plan.changed)).await?;
    if charged_now > Decimal::ZERO {
        let written = sqlx::query!(
            "update month_counter set overage_charged = overage_charged + $3 where subscriber_id = $1 and month = $2",
            subscriber_id,
            month.first_day(),
            charged_now
        )
        .execute(&mut *conn)
        .await?;
        check_written("month_counter", 1, written.rows_affected())?;
    }
    write_taken(conn, subscriber_id, state.pool.changed().collect()).await
}

/// The subscriptions that can matter to a month: those that ran in it, in the month before (what rolls over), or run in
/// the next (whose records may already have taken what rolls over from it).
pub(super) async fn subscribed(
    conn: &mut PgConnection,
    subscriber_id: i64,
    month: Month,
) -> Result<Vec<Subscribed>, UsageError> {
    let rows = sqlx::query!(
        r#"select s.subscription_id, s.scheme_id, s.version, s.kind, s.starts_at, s.ends_at,
            (s.end_reason = 'immediately') is true as "lapses!", t.name, t.terms as "terms!: Json<Terms>"
        from subscription s join tariff_version t on t.scheme_id = s.scheme_id and t.version = s.version
        where s.subscriber_id = $1 and s.starts_at < $3 and (s.ends_at is null or s.ends_at > $2)
        order by s.starts_at, s.subscription_id"#,
        subscriber_id,
        month.previous().start(),
        month.next().end()
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Subscribed {
                subscription_id: row.subscription_id,
                scheme_id: row.scheme_id.parse().map_err(corrupt)?,
                version: row.version,
                name: row.name,
                kind: row.kind.parse::<Kind>().map_err(corrupt)?,
                terms: Arc::new(row.terms.0),
                starts_at: row.starts_at,
                ends_at: row.ends_at,
                lapses: row.lapses,
            })
        })
        .collect()
}

/// The stored allowances of a month and those around it, made to follow the subscriptions. Nothing is written.
pub(super) async fn allowances(
    conn: &mut PgConnection,
    subscriber_id: i64,
    month: Month,
    subscribed: &[Subscribed],
) -> Result<Allowances, UsageError> {
    let mut known = stored_allowances(conn, subscriber_id, month).await?;
    let mut result = Allowances::default();
    let due = subscribed.iter().flat_map(|one| grants(one, month.previous()).into_iter().chain(grants(one, month)));
    for grant in due {
        match known.remove(&grant.id) {
            Some(held) => {
                if held.grant.valid_until != grant.valid_until {
                    result.moved.push((grant.id, grant.valid_until));
                }
                result.held.push(Held { grant: Grant { valid_until: grant.valid_until, ..held.grant }, ..held });
            }
            // Of the month before, only what rolls over matters.
            None if grant.valid_until > month.start() => {
                result.missing.push(grant.clone());
                result.held.push(Held::unused(grant));
            }
            None => {}
        }
    }
    for (id, mut held) in known {
        if id.month <= month {
            // It ended before this allowance began after all.
            held.grant.valid_until = held.grant.valid_from;
            result.moved.push((id, held.grant.valid_until));
        }
        result.held.push(held);
    }
    Ok(result)
}

async fn stored_allowances(
    conn: &mut PgConnection,
    subscriber_id: i64,
    month: Month,
) -> Result<BTreeMap<AllowanceId, Held>, UsageError> {
    let rows = sqlx::query!(
        r#"select subscription_id, month, ordinal, service, granted, used, reserved, rating_groups, valid_from,
            valid_until, taken as "taken: Json<BTreeMap<String, u64>>"
        from allowance
        where subscriber_id = $1 and (month between $2 and $3 or (month = $4 and valid_until > $5))"#,
        subscriber_id,
        month.first_day(),
        month.next().first_day(),
        month.previous().first_day(),
        month.start()
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            let id = AllowanceId {
                subscription_id: row.subscription_id,
                month: Month::of_date(row.month),
                ordinal: row.ordinal,
            };
            let grant = Grant {
                id,
                service: row.service.parse().map_err(corrupt)?,
                granted: units(row.granted)?,
                rating_groups: row
                    .rating_groups
                    .into_iter()
                    .map(u32::try_from)
                    .collect::<Result<_, _>>()
                    .map_err(corrupt)?,
                valid_from: row.valid_from,
                valid_until: row.valid_until,
            };
            let taken = row.taken.0.into_iter().map(|(class, n)| Ok((class.parse().map_err(corrupt)?, n)));
            let held = Held {
                grant,
                used: units(row.used)?,
                reserved: units(row.reserved)?,
                taken: taken.collect::<Result<_, UsageError>>()?,
            };
            Ok((id, held))
        })
        .collect()
}

async fn write_differences(
    conn: &mut PgConnection,
    subscriber_id: i64,
    allowances: &Allowances,
) -> Result<(), UsageError> {
    if !allowances.missing.is_empty() {
        insert_granted(conn, subscriber_id, &allowances.missing).await?;
    }
    for (id, valid_until) in &allowances.moved {
        let written = sqlx::query!(
            "update allowance set valid_until = $5
            where subscriber_id = $1 and subscription_id = $2 and month = $3 and ordinal = $4",
            subscriber_id,
            id.subscription_id,
            id.month.first_day(),
            id.ordinal,
            valid_until
        )
        .execute(&mut *conn)
        .await?;
        check_written("allowance", 1, written.rows_affected())?;
    }
    Ok(())
}

async fn insert_granted(conn: &mut PgConnection, subscriber_id: i64, granted: &[Grant]) -> Result<(), UsageError> {
    let subscriptions: Vec<i64> = granted.iter().map(|grant| grant.id.subscription_id).collect();
    let months: Vec<NaiveDate> = granted.iter().map(|grant| grant.id.month.first_day()).collect();
    let ordinals: Vec<i32> = granted.iter().map(|grant| grant.id.ordinal).collect();
    let services: Vec<String> = granted.iter().map(|grant| grant.service.to_string()).collect();
    let quantities = granted.iter().map(|grant| stored(grant.granted)).collect::<Result<Vec<_>, _>>()?;
    // Rows of an array must be of one length, so a list of groups travels as text.
    let groups: Vec<String> = granted.iter().map(|grant| groups_literal(&grant.rating_groups)).collect();
    let from: Vec<DateTime<Utc>> = granted.iter().map(|grant| grant.valid_from).collect();
    let until: Vec<DateTime<Utc>> = granted.iter().map(|grant| grant.valid_until).collect();
    let written = sqlx::query!(
        "insert into allowance (subscriber_id, subscription_id, month, ordinal, service, granted, rating_groups,
            valid_from, valid_until)
        select $1, subscription_id, month, ordinal, service, granted, groups::integer[], valid_from, valid_until
        from unnest($2::bigint[], $3::date[], $4::integer[], $5::text[], $6::bigint[], $7::text[], $8::timestamptz[],
            $9::timestamptz[])
            as new (subscription_id, month, ordinal, service, granted, groups, valid_from, valid_until)",
        subscriber_id,
        &subscriptions,
        &months,
        &ordinals,
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

/// The month's counter with the cap chosen last before the month ended, where there is none yet.
pub(super) async fn create_counter(
    conn: &mut PgConnection,
    subscriber_id: i64,
    month: Month,
) -> Result<(), UsageError> {
    sqlx::query!(
        "insert into month_counter (subscriber_id, month, cap_seq, overage_cap)
        select subscriber_id, $2, seq, cap from cap_choice
        where subscriber_id = $1 and (seq = 0 or chosen_at < $3)
        order by seq desc limit 1
        on conflict (subscriber_id, month) do nothing",
        subscriber_id,
        month.first_day(),
        month.end()
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The month's counter; where it has none yet, as it would be. `None`: the subscriber has no cap at all.
pub(super) async fn counter(
    conn: &mut PgConnection,
    subscriber_id: i64,
    month: Month,
) -> Result<Option<Counter>, UsageError> {
    let row = sqlx::query!(
        r#"select overage_cap as "cap!", overage_charged as "charged!", overage_reserved as "reserved!"
        from month_counter where subscriber_id = $1 and month = $2
        union all
        (select cap, 0, 0 from cap_choice where subscriber_id = $1 and (seq = 0 or chosen_at < $3)
            and not exists (select from month_counter where subscriber_id = $1 and month = $2)
        order by seq desc limit 1)"#,
        subscriber_id,
        month.first_day(),
        month.end()
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| Counter { cap: row.cap, charged: row.charged, reserved: row.reserved }))
}

/// What was used beyond the allowances, by plan.
pub(super) async fn beyond(
    conn: &mut PgConnection,
    subscriber_id: i64,
    month: Month,
) -> Result<BTreeMap<i64, Beyond>, UsageError> {
    let rows = sqlx::query!(
        "select subscription_id, volume_bytes, absorbed_bytes, charged, voice_minutes, sms_messages
        from overage_volume where subscriber_id = $1 and month = $2",
        subscriber_id,
        month.first_day()
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            let beyond = Beyond {
                data_bytes: units(row.volume_bytes)?,
                absorbed_bytes: units(row.absorbed_bytes)?,
                voice_minutes: units(row.voice_minutes)?,
                sms_messages: units(row.sms_messages)?,
                charged: row.charged,
            };
            Ok((row.subscription_id, beyond))
        })
        .collect()
}

async fn write_beyond(
    conn: &mut PgConnection,
    subscriber_id: i64,
    month: Month,
    plans: impl Iterator<Item = &PlanMonth>,
) -> Result<(), UsageError> {
    for PlanMonth { plan, beyond, .. } in plans {
        let written = sqlx::query!(
            "insert into overage_volume (subscriber_id, month, subscription_id, volume_bytes, absorbed_bytes, charged,
                voice_minutes, sms_messages)
            values ($1, $2, $3, $4, $5, $6, $7, $8)
            on conflict (subscriber_id, month, subscription_id) do update set volume_bytes = excluded.volume_bytes,
                absorbed_bytes = excluded.absorbed_bytes, charged = excluded.charged,
                voice_minutes = excluded.voice_minutes, sms_messages = excluded.sms_messages",
            subscriber_id,
            month.first_day(),
            plan.subscription_id,
            stored(beyond.data_bytes)?,
            stored(beyond.absorbed_bytes)?,
            beyond.charged,
            stored(beyond.voice_minutes)?,
            stored(beyond.sms_messages)?
        )
        .execute(&mut *conn)
        .await?;
        check_written("overage_volume", 1, written.rows_affected())?;
    }
    Ok(())
}

async fn write_taken(conn: &mut PgConnection, subscriber_id: i64, changed: Vec<Held>) -> Result<(), UsageError> {
    if changed.is_empty() {
        return Ok(());
    }
    let subscriptions: Vec<i64> = changed.iter().map(|held| held.grant.id.subscription_id).collect();
    let months: Vec<NaiveDate> = changed.iter().map(|held| held.grant.id.month.first_day()).collect();
    let ordinals: Vec<i32> = changed.iter().map(|held| held.grant.id.ordinal).collect();
    let used = changed.iter().map(|held| stored(held.used)).collect::<Result<Vec<_>, _>>()?;
    let taken: Vec<serde_json::Value> = changed
        .iter()
        .map(|held| held.taken.iter().map(|(class, n)| (class.to_string(), serde_json::Value::from(*n))).collect())
        .map(serde_json::Value::Object)
        .collect();
    let written = sqlx::query!(
        "update allowance a set used = new.used, taken = new.taken
        from unnest($2::bigint[], $3::date[], $4::integer[], $5::bigint[], $6::jsonb[])
            as new (subscription_id, month, ordinal, used, taken)
        where a.subscriber_id = $1 and a.subscription_id = new.subscription_id and a.month = new.month
            and a.ordinal = new.ordinal",
        subscriber_id,
        &subscriptions,
        &months,
        &ordinals,
        &used,
        &taken
    )
    .execute(conn)
    .await?;
    check_written("allowance", changed.len(), written.rows_affected())
}
