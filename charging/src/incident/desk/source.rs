//! 停止源头 What stops the source besides sales: the account that did it is blocked, the channel that did it is stopped, and what was
//! ordered in the batch is frozen. One person does it at once, somebody else takes it back.

use chrono::{DateTime, Utc};
use serde_json::json;
use sqlx::PgConnection;

use super::{Done, IncidentError, locked, member, subject};
use crate::channel::store::{self as channel, ChannelError};
use crate::channel::{ChannelId, Why};
use crate::staff::account::{block_with, find_by_login, unblock_with};
use crate::staff::{Actor, Login, Permission, trail};

/// Rows of each kind that are read at most.
const LISTED_MAX: i64 = 200;

/// An account that was blocked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    pub staff_id: i64,
    pub login: String,
    /// The name to show.
    pub name: String,
    pub done: Done,
    pub lifted_at: Option<DateTime<Utc>>,
    /// The name of who lifted it; `None`: it holds, or the operator's engineer did.
    pub lifted_by: Option<String>,
}

/// An agent's channel that was stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoppedChannel {
    pub channel_id: String,
    /// The version that was stopped.
    pub version: i32,
    pub name: String,
    pub done: Done,
    /// When another version was approved after it.
    pub lifted_at: Option<DateTime<Utc>>,
    /// The name of who approved that.
    pub lifted_by: Option<String>,
}

/// Orders of the batch that were frozen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Freeze {
    pub freeze_id: i64,
    pub subscriptions: i64,
    pub done: Done,
    pub lifted_at: Option<DateTime<Utc>>,
    /// The name of who lifted it.
    pub lifted_by: Option<String>,
}

/// What stopped the source of an incident besides sales, the oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Source {
    pub blocks: Vec<Block>,
    pub channels: Vec<StoppedChannel>,
    pub freezes: Vec<Freeze>,
}

impl Source {
    /// The freeze that holds now.
    pub fn frozen(&self) -> Option<&Freeze> {
        self.freezes.iter().find(|freeze| freeze.lifted_at.is_none())
    }
}

/// What stopped the source of an incident besides sales.
///
/// # Errors
/// When the database failed.
pub async fn source(conn: &mut PgConnection, incident_id: i64) -> Result<Source, IncidentError> {
    let blocks = sqlx::query!(
        r#"select b.staff_id, t.login, t.name, b.blocked_by, s.name as by, b.blocked_at, b.lifted_at, l.name as "lifted_by?"
        from incident_block b
        join staff t on t.staff_id = b.staff_id
        join staff s on s.staff_id = b.blocked_by
        left join staff l on l.staff_id = b.lifted_by
        where b.incident_id = $1 order by b.blocked_at, b.staff_id limit $2"#,
        incident_id,
        LISTED_MAX,
    )
    .fetch_all(&mut *conn)
    .await?;
    let blocks = blocks.into_iter().map(|row| Block {
        staff_id: row.staff_id,
        login: row.login,
        name: row.name,
        done: Done { staff_id: row.blocked_by, by: row.by, at: row.blocked_at },
        lifted_at: row.lifted_at,
        lifted_by: row.lifted_by,
    });
    let channels = stopped_channels(conn, incident_id).await?;
    let freezes = sqlx::query!(
        r#"select f.freeze_id, f.subscriptions, f.frozen_by, s.name as by, f.frozen_at, f.lifted_at, l.name as "lifted_by?"
        from incident_freeze f
        join staff s on s.staff_id = f.frozen_by
        left join staff l on l.staff_id = f.lifted_by
        where f.incident_id = $1 order by f.freeze_id limit $2"#,
        incident_id,
        LISTED_MAX,
    )
    .fetch_all(conn)
    .await?;
    let freezes = freezes.into_iter().map(|row| Freeze {
        freeze_id: row.freeze_id,
        subscriptions: row.subscriptions,
        done: Done { staff_id: row.frozen_by, by: row.by, at: row.frozen_at },
        lifted_at: row.lifted_at,
        lifted_by: row.lifted_by,
    });
    Ok(Source { blocks: blocks.collect(), channels, freezes: freezes.collect() })
}

async fn stopped_channels(conn: &mut PgConnection, incident_id: i64) -> Result<Vec<StoppedChannel>, IncidentError> {
    let rows = sqlx::query!(
        r#"select i.agent_channel_id, i.version, v.name, i.stopped_by, s.name as by, p.stopped_at,
            d.decided_at as "lifted_at?", l.name as "lifted_by?"
        from incident_channel i
        join agent_channel_version v on v.agent_channel_id = i.agent_channel_id and v.version = i.version
        join agent_channel_stop p on p.agent_channel_id = i.agent_channel_id and p.version = i.version
        join staff s on s.staff_id = i.stopped_by
        left join agent_channel_decision d on d.agent_channel_id = i.agent_channel_id and d.after_version = i.version
        left join staff l on l.staff_id = d.decided_by
        where i.incident_id = $1 order by p.stopped_at, i.agent_channel_id limit $2"#,
        incident_id,
        LISTED_MAX,
    )
    .fetch_all(conn)
    .await?;
    let stopped = rows.into_iter().map(|row| StoppedChannel {
        channel_id: row.agent_channel_id,
        version: row.version,
        name: row.name,
        done: Done { staff_id: row.stopped_by, by: row.by, at: row.stopped_at },
        lifted_at: row.lifted_at,
        lifted_by: row.lifted_by,
    });
    Ok(stopped.collect())
}

/// Blocks an account that had a part in it: its sessions end now, and it stays so until somebody else unblocks it.
///
/// # Errors
/// [`IncidentError::NotFound`], [`IncidentError::NoAccount`], [`IncidentError::Staff`] (without the permission, one's own, blocked
/// already), or the database failed.
pub async fn block(
    conn: &mut PgConnection,
    actor: &Actor,
    incident_id: i64,
    login: &Login,
    now: DateTime<Utc>,
) -> Result<(), IncidentError> {
    let by = member(actor, Permission::HandleIncidents)?.staff_id;
    locked(conn, incident_id).await?;
    let staff_id = find_by_login(conn, login).await?.ok_or(IncidentError::NoAccount)?;
    block_with(conn, actor, Permission::HandleIncidents, staff_id, now).await?;
    sqlx::query!(
        "insert into incident_block (incident_id, staff_id, blocked_by, blocked_at) values ($1, $2, $3, $4)",
        incident_id,
        staff_id,
        by,
        now,
    )
    .execute(&mut *conn)
    .await?;
    let states =
        [Some(json!({"account": login.as_str(), "blocked": false})), Some(account_state(login.as_str(), true))];
    trail::record(conn, actor, "incident.block", &subject(incident_id), states, now).await?;
    Ok(())
}

/// Unblocks an account that somebody else blocked out of this incident.
///
/// # Errors
/// [`IncidentError::NotFound`], [`IncidentError::NoAccount`], [`IncidentError::SamePerson`], [`IncidentError::Staff`], or the
/// database failed.
pub async fn unblock(
    conn: &mut PgConnection,
    actor: &Actor,
    incident_id: i64,
    staff_id: i64,
    now: DateTime<Utc>,
) -> Result<(), IncidentError> {
    let by = member(actor, Permission::HandleIncidents)?.staff_id;
    locked(conn, incident_id).await?;
    let source = source(conn, incident_id).await?;
    let block = source.blocks.iter().find(|block| block.staff_id == staff_id && block.lifted_at.is_none());
    let block = block.ok_or(IncidentError::NoAccount)?;
    if block.done.staff_id == by {
        return Err(IncidentError::SamePerson);
    }
    unblock_with(conn, actor, Permission::HandleIncidents, staff_id, now).await?;
    let states = [Some(account_state(&block.login, true)), Some(account_state(&block.login, false))];
    trail::record(conn, actor, "incident.unblock", &subject(incident_id), states, now).await?;
    Ok(())
}

fn account_state(login: &str, blocked: bool) -> serde_json::Value {
    json!({"account": login, "blocked": blocked})
}

/// Stops an agent's channel that had a part in it. It goes on with another version, which somebody else approves.
///
/// # Errors
/// [`IncidentError::NotFound`], [`IncidentError::Channel`], [`IncidentError::Staff`], or the database failed.
pub async fn stop_channel(
    conn: &mut PgConnection,
    actor: &Actor,
    incident_id: i64,
    channel_id: &ChannelId,
    now: DateTime<Utc>,
) -> Result<(), IncidentError> {
    let by = member(actor, Permission::HandleIncidents)?.staff_id;
    let incident = locked(conn, incident_id).await?;
    let why = format!("{} ({})", incident.title, subject(incident_id));
    let version = channel::stop_held(conn, actor, channel_id, (Why::Suspended, &why), now).await?;
    sqlx::query!(
        "insert into incident_channel (incident_id, agent_channel_id, version, stopped_by) values ($1, $2, $3, $4)",
        incident_id,
        channel_id.as_str(),
        version,
        by,
    )
    .execute(&mut *conn)
    .await
    .map_err(ChannelError::from)?;
    let after = json!({"channel": channel_id.as_str(), "version": version, "stopped": true});
    trail::record(conn, actor, "incident.stop_channel", &subject(incident_id), [None, Some(after)], now).await?;
    Ok(())
}

/// Freezes what was ordered in the batch: the subscriptions that the incident's findings or its query are about are charged
/// nothing until somebody else lifts it. How many those are.
///
/// # Errors
/// [`IncidentError::NotFound`], [`IncidentError::NothingToFreeze`], [`IncidentError::Staff`], or the database failed.
pub async fn freeze_orders(
    conn: &mut PgConnection,
    actor: &Actor,
    incident_id: i64,
    now: DateTime<Utc>,
) -> Result<i64, IncidentError> {
    let by = member(actor, Permission::HandleIncidents)?.staff_id;
    let incident = locked(conn, incident_id).await?;
    if source(conn, incident_id).await?.frozen().is_some() {
        return Err(IncidentError::NothingToFreeze);
    }
    let query = &incident.query;
    // Of who ordered, what, and when, as charges are looked at (charge_review).
    let frozen = sqlx::query_scalar!(
        r#"with batch as materialized (
            select s.subscriber_id, s.subscription_id
            from subscription s
            join product_order o on o.subscriber_id = s.subscriber_id and o.order_id = s.order_id
            join subscriber u on u.subscriber_id = s.subscriber_id
            cross join lateral (
                select case when o.actor = 'subscriber' then o.channel_id else coalesce(o.actor, '') end as source,
                    (o.ordered_at at time zone 'Asia/Shanghai')::date as day) as w
            where case when $2 then exists (
                    select from incident_finding i join finding f on f.finding_id = i.finding_id
                    where i.incident_id = $1 and f.scheme_id = s.scheme_id and f.source = w.source and f.day = w.day)
                else ($3::text is null or s.scheme_id = $3) and ($4::text is null or w.source = $4)
                    and ($5::timestamptz is null or o.ordered_at >= $5) and ($6::timestamptz is null or o.ordered_at < $6)
                    and ($7::text is null or u.region = $7) end),
        made as (
            insert into incident_freeze (incident_id, subscriptions, frozen_by, frozen_at)
            select $1, count(*), $8, $9 from batch having count(*) > 0
            returning freeze_id, subscriptions),
        noted as (
            insert into incident_frozen (subscriber_id, subscription_id, freeze_id)
            select b.subscriber_id, b.subscription_id, f.freeze_id from batch b cross join made f)
        select subscriptions from made"#,
        incident_id,
        !incident.findings.is_empty(),
        query.scheme_id,
        query.source,
        query.from,
        query.until,
        query.region,
        by,
        now,
    )
    .fetch_optional(&mut *conn)
    .await?
    .ok_or(IncidentError::NothingToFreeze)?;
    let after = json!({"frozen": frozen});
    trail::record(conn, actor, "incident.freeze", &subject(incident_id), [None, Some(after)], now).await?;
    Ok(frozen)
}

/// Lets what somebody else froze be charged again, from the next bill on. Months that were billed meanwhile stay without it.
///
/// # Errors
/// [`IncidentError::NotFound`], [`IncidentError::NotFrozen`], [`IncidentError::SamePerson`], [`IncidentError::Staff`], or the
/// database failed.
pub async fn lift_freeze(
    conn: &mut PgConnection,
    actor: &Actor,
    incident_id: i64,
    now: DateTime<Utc>,
) -> Result<(), IncidentError> {
    let by = member(actor, Permission::HandleIncidents)?.staff_id;
    locked(conn, incident_id).await?;
    let source = source(conn, incident_id).await?;
    let freeze = source.frozen().ok_or(IncidentError::NotFrozen)?;
    if freeze.done.staff_id == by {
        return Err(IncidentError::SamePerson);
    }
    sqlx::query!(
        "update incident_freeze set lifted_by = $2, lifted_at = greatest($3, frozen_at) where freeze_id = $1",
        freeze.freeze_id,
        by,
        now,
    )
    .execute(&mut *conn)
    .await?;
    let states = [Some(json!({"frozen": freeze.subscriptions})), Some(json!({"frozen": 0}))];
    trail::record(conn, actor, "incident.unfreeze", &subject(incident_id), states, now).await?;
    Ok(())
}
