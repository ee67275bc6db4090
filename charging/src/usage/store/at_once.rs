//! What a batch of sessions mostly comes to (records that allowances serve), written in one statement that is a transaction
//! by itself: one round trip, and one commit.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use sqlx::types::Json;

use super::UsageError;
use super::ingest::{self, Round};
use super::records::StoredSplit;
use super::save::{AllowanceColumns, HeldColumns, each};
use super::session_rows::{self, Session};
use crate::usage::session::{Quota, UnitAnswer};

/// Writes a round that is plain, and the sessions, all of which are stored, if the subscribers still have these leases:
/// their rows are locked and looked at first. `false`: some have not, and nothing is written.
///
/// # Errors
/// When the database fails, or a row is not there.
pub(super) async fn save_at_once<'a>(
    conn: &mut PgConnection,
    leases: &BTreeMap<i64, i64>,
    sessions: impl Iterator<Item = &'a Session>,
    round: &Round<'_>,
    now: DateTime<Utc>,
) -> Result<bool, UsageError> {
    let (subscribers, leases): (Vec<i64>, Vec<i64>) = leases.iter().unzip();
    let mut changed = session_rows::Columns::default();
    for session in sessions.filter(|session| session.changed) {
        changed.push(session)?;
    }
    let HeldColumns { names, used, reserved, taken } =
        HeldColumns::of(&each(&round.months, |loaded| loaded.state.pool.changed()))?;
    let AllowanceColumns { subscribers: of, subscriptions, months, ordinals } = names;
    let records = ingest::Columns::of(&round.rated)?;
    let written = sqlx::query!(
        r#"with locked as materialized (
            select subscriber_id, usage_lease from subscriber where subscriber_id = any($1)
            order by subscriber_id for no key update
        ), known as materialized (
            select array_agg(usage_lease order by subscriber_id) = $2::bigint[] as holds from locked
        ), session as (
            update charging_session s set seen_at = new.seen_at, closed_at = new.closed_at, sequence = new.sequence,
                units = new.units, quotas = new.quotas, holds_until = new.holds_until
            from unnest($3::bigint[], $4::text[], $5::timestamptz[], $6::timestamptz[], $7::bigint[], $8::jsonb[],
                $9::jsonb[], $10::timestamptz[])
                as new (subscriber_id, session_id, seen_at, closed_at, sequence, units, quotas, holds_until)
            where (select holds from known) and s.subscriber_id = new.subscriber_id and s.session_id = new.session_id
            returning 1
        ), held as (
            update allowance a set used = new.used, reserved = new.reserved, taken = new.taken
            from unnest($11::bigint[], $12::bigint[], $13::date[], $14::integer[], $15::bigint[], $16::bigint[],
                $17::jsonb[]) as new (subscriber_id, subscription_id, month, ordinal, used, reserved, taken)
            where (select holds from known) and a.subscriber_id = new.subscriber_id
                and a.subscription_id = new.subscription_id and a.month = new.month and a.ordinal = new.ordinal
            returning 1
        ), record as (
            insert into usage_record (received_at, subscriber_id, month, source_id, service, started_at, quantity,
                rating_group, from_allowance, overage, absorbed, cost, plan_subscription_id, split)
            select $18, new.* from unnest($19::bigint[], $20::date[], $21::text[], $22::text[], $23::timestamptz[],
                $24::bigint[], $25::integer[], $26::bigint[], $27::bigint[], $28::bigint[], $29::numeric[],
                $30::bigint[], $31::jsonb[])
                as new (subscriber_id, month, source_id, service, started_at, quantity, rating_group, from_allowance,
                    overage, absorbed, cost, plan_subscription_id, split)
            where (select holds from known)
            returning 1
        ), written as (
            select coalesce((select holds from known), false) as holds, (select count(*) from session) as sessions,
                (select count(*) from held) as held, (select count(*) from record) as records
        )
        -- What is not whole divides by zero, and so is not committed.
        select holds as "holds!", 1 / (not holds or sessions = cardinality($4) and held = cardinality($12)
            and records = cardinality($21))::integer as "whole!" from written"#,
        &subscribers,
        &leases,
        &changed.subscribers,
        &changed.ids,
        &changed.seen_at,
        &changed.closed_at as &[Option<DateTime<Utc>>],
        &changed.sequences,
        &changed.units as &[Json<&[UnitAnswer]>],
        &changed.quotas as &[Json<&[Quota]>],
        &changed.holds_until as &[Option<DateTime<Utc>>],
        &of,
        &subscriptions,
        &months,
        &ordinals,
        &used,
        &reserved,
        &taken as &[Json<BTreeMap<String, u64>>],
        now,
        &records.subscribers,
        &records.months,
        &records.ids,
        &records.services,
        &records.started_at,
        &records.quantities,
        &records.rating_groups as &[Option<i32>],
        &records.from_allowance,
        &records.overage,
        &records.absorbed,
        &records.costs,
        &records.plans as &[Option<i64>],
        &records.splits as &[Json<Vec<StoredSplit>>]
    )
    .fetch_one(conn)
    .await?;
    Ok(written.holds)
}
