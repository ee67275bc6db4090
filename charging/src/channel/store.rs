//! Channels in the database: what was asked to hold of each, who let it, and what stopped it. Whoever changes something is asked for
//! the permission here, and the trail is written in the same transaction, which the caller commits.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use sqlx::PgConnection;

use super::{ChannelId, Fault, InvalidChannelId, Standing, Stop, Terms, Why};
use crate::order::store::OrderError;
use crate::staff::trail::record;
use crate::staff::{Actor, Permission, StaffError};
use crate::tariff::SchemeId;

/// Longest reason, in characters.
pub const REASON_CHARS_MAX: usize = 500;
/// Versions of a channel that are read at most, the newest.
const VERSIONS_MAX: i64 = 200;

/// Why something about a channel cannot be done.
#[derive(Debug, thiserror::Error)]
pub enum ChannelError {
    #[error("there is no such channel, version or text")]
    NotFound,
    #[error("nobody approves his own work")]
    Oneself,
    #[error("it takes somebody of the staff, who is named")]
    Unnamed,
    #[error("a version waits for its approval: that comes first")]
    WaitsAlready,
    #[error("it was decided before, or has stopped before")]
    DecidedBefore,
    #[error("it is as asked for already")]
    Unchanged,
    #[error("there must be a reason of at most {REASON_CHARS_MAX} characters")]
    Reason,
    #[error("there is no tariff {0}")]
    UnknownTariff(SchemeId),
    #[error("the text breaks rules of clarity, or is empty or too long")]
    Text,
    #[error("too many; wait {} s", retry_after.num_seconds())]
    TooMany { retry_after: TimeDelta },
    #[error("the key of this order came with another order before")]
    KeyReused,
    #[error("the subscriber is being asked about another order; wait {} s", retry_after.num_seconds())]
    Busy { retry_after: TimeDelta },
    #[error(transparent)]
    Fault(#[from] Fault),
    #[error(transparent)]
    Staff(#[from] StaffError),
    #[error(transparent)]
    Order(#[from] OrderError),
    #[error("the stored {0} is not readable")]
    Corrupt(&'static str),
    #[error("the database failed")]
    Database(#[source] sqlx::Error),
}

impl From<sqlx::Error> for ChannelError {
    fn from(error: sqlx::Error) -> Self {
        match error.as_database_error().and_then(sqlx::error::DatabaseError::constraint) {
            Some(
                "agent_channel_decided_by_another"
                | "agent_content_decided_by_another"
                | "agent_channel_decision_after_another",
            ) => Self::Oneself,
            Some(
                "agent_channel_decision_pkey"
                | "agent_channel_stop_pkey"
                | "agent_content_decision_pkey"
                | "agent_content_withdrawal_pkey"
                | "agent_channel_report_answer_pkey",
            ) => Self::DecidedBefore,
            _ => Self::Database(error),
        }
    }
}

/// Somebody else's word on a version or text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The name of who decided.
    pub by: String,
    pub at: DateTime<Utc>,
    pub approved: bool,
    pub reason: String,
}

/// What was asked to hold of a channel, and what became of that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    pub version: i32,
    pub terms: Terms,
    pub submitted_by: i64,
    /// The name of who submitted it.
    pub by: String,
    pub at: DateTime<Utc>,
    pub decision: Option<Decision>,
    pub stop: Option<Stop>,
    /// The name of who stopped it.
    pub stopped_by: Option<String>,
}

impl Version {
    pub fn is_approved(&self) -> bool {
        self.decision.as_ref().is_some_and(|decision| decision.approved)
    }
}

/// A channel with its versions, the newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Channel {
    pub channel_id: ChannelId,
    pub versions: Vec<Version>,
}

impl Channel {
    /// The newest that was approved, whether it still holds or not.
    pub fn approved(&self) -> Option<&Version> {
        self.versions.iter().find(|version| version.is_approved())
    }

    /// The one that waits for its approval.
    pub fn waiting(&self) -> Option<&Version> {
        self.versions.first().filter(|version| version.decision.is_none())
    }

    pub fn standing(&self, now: DateTime<Utc>) -> Standing {
        self.approved().map_or(Standing::Waiting, |version| {
            let stop = version.stop.as_ref().map(|stop| stop.why);
            Standing::of(version.terms.valid_from, version.terms.valid_until, stop, now)
        })
    }

    /// What the trail says of it.
    fn state(&self) -> Value {
        let approved = self.approved();
        json!({
            "version": approved.map(|version| version.version),
            "terms": approved.map(|version| version.terms.state()),
            "stopped": approved.and_then(|version| version.stop.as_ref()).map(|stop| stop.why.as_str()),
            "waiting": self.waiting().map(|version| version.terms.state()),
        })
    }
}

/// How a channel is named in the trail.
pub fn subject(channel_id: &ChannelId) -> String {
    format!("channel/{channel_id}")
}

/// A channel, by its number.
///
/// # Errors
/// When the database failed or a row is not readable.
pub async fn find(conn: &mut PgConnection, channel_id: &ChannelId) -> Result<Option<Channel>, ChannelError> {
    let rows = sqlx::query!(
        r#"select v.version, v.name, v.operator_name, v.credit_code, v.contact_name, v.contact_phone, v.addresses, v.regions,
            v.scheme_ids, v.valid_from, v.valid_until, v.submitted_by, w.name as by, v.submitted_at,
            d.approved as "approved?", d.decided_at as "decided_at?", d.reason as "decision_reason?", e.name as "decided_by?",
            s.why as "why?", s.stopped_at as "stopped_at?", s.reason as "stop_reason?", t.name as "stopped_by?"
        from agent_channel_version v
        join staff w on w.staff_id = v.submitted_by
        left join agent_channel_decision d on d.agent_channel_id = v.agent_channel_id and d.version = v.version
        left join staff e on e.staff_id = d.decided_by
        left join agent_channel_stop s on s.agent_channel_id = v.agent_channel_id and s.version = v.version
        left join staff t on t.staff_id = s.stopped_by
        where v.agent_channel_id = $1 order by v.version desc limit $2"#,
        channel_id.as_str(),
        VERSIONS_MAX,
    )
    .fetch_all(conn)
    .await?;
    let versions = rows.into_iter().map(|row| {
        let scheme_ids = row.scheme_ids.iter().map(|id| id.parse()).collect::<Result<Vec<SchemeId>, _>>();
        let decided = row.approved.zip(row.decided_at).zip(row.decision_reason).zip(row.decided_by);
        let stopped = row.why.as_deref().and_then(Why::named).zip(row.stopped_at).zip(row.stop_reason);
        Ok(Version {
            version: row.version,
            terms: Terms {
                name: row.name,
                operator_name: row.operator_name,
                credit_code: row.credit_code.parse().map_err(|_| ChannelError::Corrupt("credit code"))?,
                contact_name: row.contact_name,
                contact_phone: row.contact_phone,
                addresses: row.addresses,
                regions: row.regions,
                scheme_ids: scheme_ids.map_err(|_| ChannelError::Corrupt("tariff"))?,
                valid_from: row.valid_from,
                valid_until: row.valid_until,
            },
            submitted_by: row.submitted_by,
            by: row.by,
            at: row.submitted_at,
            decision: decided.map(|(((approved, at), reason), by)| Decision { by, at, approved, reason }),
            stop: stopped.map(|((why, at), reason)| Stop { why, at, reason }),
            stopped_by: row.stopped_by,
        })
    });
    let versions = versions.collect::<Result<Vec<_>, ChannelError>>()?;
    Ok((!versions.is_empty()).then(|| Channel { channel_id: channel_id.clone(), versions }))
}

/// Registers a channel, which waits for somebody else to approve it.
///
/// # Errors
/// [`ChannelError::Staff`] without the permission, [`ChannelError::UnknownTariff`], or the database failed.
pub async fn register(
    conn: &mut PgConnection,
    actor: &Actor,
    terms: &Terms,
    now: DateTime<Utc>,
) -> Result<ChannelId, ChannelError> {
    actor.require(Permission::DraftTariffs)?;
    let channel_id = sqlx::query_scalar!(
        "insert into agent_channel (registered_at, changed_at) values ($1, $1) returning agent_channel_id",
        now
    )
    .fetch_one(&mut *conn)
    .await?;
    let channel_id: ChannelId = channel_id.parse().map_err(|_: InvalidChannelId| ChannelError::Corrupt("number"))?;
    add_version(conn, actor, (&channel_id, 1), terms, now).await?;
    let state = [None, Some(terms.state())];
    record(conn, actor, "channel.register", &subject(&channel_id), state, now).await?;
    Ok(channel_id)
}

/// Asks for other terms of a channel, also of one that was suspended or has ended.
///
/// # Errors
/// [`ChannelError::Staff`] without the permission, [`ChannelError::WaitsAlready`], [`ChannelError::Unchanged`],
/// [`ChannelError::UnknownTariff`], [`ChannelError::NotFound`], or the database failed.
pub async fn submit(
    conn: &mut PgConnection,
    actor: &Actor,
    channel_id: &ChannelId,
    terms: &Terms,
    now: DateTime<Utc>,
) -> Result<i32, ChannelError> {
    actor.require(Permission::DraftTariffs)?;
    let before = lock(conn, channel_id, now).await?;
    if before.waiting().is_some() {
        return Err(ChannelError::WaitsAlready);
    }
    if before.approved().is_some_and(|version| version.stop.is_none() && version.terms == *terms) {
        return Err(ChannelError::Unchanged);
    }
    let version = before.versions.first().map_or(1, |newest| newest.version + 1);
    add_version(conn, actor, (channel_id, version), terms, now).await?;
    let state = [Some(before.state()), Some(json!({"waiting": terms.state()}))];
    record(conn, actor, "channel.submit", &subject(channel_id), state, now).await?;
    Ok(version)
}

async fn add_version(
    conn: &mut PgConnection,
    actor: &Actor,
    (channel_id, version): (&ChannelId, i32),
    terms: &Terms,
    now: DateTime<Utc>,
) -> Result<(), ChannelError> {
    let submitted_by = staff_id(actor)?;
    let scheme_ids: Vec<String> = terms.scheme_ids.iter().map(ToString::to_string).collect();
    let unknown = sqlx::query_scalar!(
        r#"select id as "id!" from unnest($1::text[]) as id
        where not exists (select from tariff t where t.scheme_id = id and t.operator_id = 'mingbai') limit 1"#,
        &scheme_ids,
    )
    .fetch_optional(&mut *conn)
    .await?;
    if let Some(unknown) = unknown {
        return Err(ChannelError::UnknownTariff(unknown.parse().map_err(|_| ChannelError::Corrupt("tariff"))?));
    }
    sqlx::query!(
        "insert into agent_channel_version (agent_channel_id, version, name, operator_name, credit_code, contact_name,
            contact_phone, addresses, regions, scheme_ids, valid_from, valid_until, submitted_by, submitted_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
        channel_id.as_str(),
        version,
        terms.name,
        terms.operator_name,
        terms.credit_code.as_str(),
        terms.contact_name,
        terms.contact_phone,
        &terms.addresses,
        &terms.regions,
        &scheme_ids,
        terms.valid_from,
        terms.valid_until,
        submitted_by,
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Lets a version hold from now on, in place of the one before, or refuses it with a reason.
///
/// # Errors
/// [`ChannelError::Staff`] without the permission, [`ChannelError::Oneself`], [`ChannelError::Reason`],
/// [`ChannelError::DecidedBefore`], [`ChannelError::NotFound`], or the database failed.
pub async fn decide(
    conn: &mut PgConnection,
    actor: &Actor,
    (channel_id, version): (&ChannelId, i32),
    (approved, reason): (bool, &str),
    now: DateTime<Utc>,
) -> Result<(), ChannelError> {
    actor.require(Permission::ApproveTariffs)?;
    let decided_by = staff_id(actor)?;
    let reason = if approved { optional_reason(reason)? } else { needed_reason(reason)? };
    let before = lock(conn, channel_id, now).await?;
    let asked = before.versions.iter().find(|asked| asked.version == version).ok_or(ChannelError::NotFound)?;
    // Whoever stopped the one before out of an incident does not let the channel go on.
    let after = before.approved().filter(|_| approved).map(|held| held.version);
    sqlx::query!(
        "insert into agent_channel_decision (agent_channel_id, version, submitted_by, decided_by, decided_at, approved, reason,
            after_version, after_stopped_by)
        select $1, $2, $3, $4, $5, $6, $7, i.version, i.stopped_by
        from (select 1) as one left join incident_channel i on i.agent_channel_id = $1 and i.version = $8",
        channel_id.as_str(),
        version,
        asked.submitted_by,
        decided_by,
        now,
        approved,
        reason,
        after,
    )
    .execute(&mut *conn)
    .await?;
    if approved {
        if let Some(held) = before.approved().filter(|held| held.stop.is_none()) {
            add_stop(conn, (channel_id, held.version), (Why::Replaced, ""), decided_by, now).await?;
        }
        open_scope(conn, channel_id, version).await?;
    }
    let action = if approved { "channel.approve" } else { "channel.refuse" };
    end(conn, actor, action, &before, now).await
}

/// What an approved version allows, a row for each tariff and region.
async fn open_scope(conn: &mut PgConnection, channel_id: &ChannelId, version: i32) -> Result<(), ChannelError> {
    sqlx::query!(
        "insert into agent_channel_scope (agent_channel_id, version, scheme_id, region, valid_from, valid_until)
        select agent_channel_id, version, scheme_id, region, valid_from, valid_until
        from agent_channel_version, unnest(scheme_ids) as scheme_id, unnest(regions) as region
        where agent_channel_id = $1 and version = $2",
        channel_id.as_str(),
        version,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Stops a channel at once. One person is enough; that it goes on takes another version and somebody who approves it.
///
/// # Errors
/// [`ChannelError::Staff`] without the permission, [`ChannelError::Reason`], [`ChannelError::DecidedBefore`] where nothing of it
/// holds, [`ChannelError::NotFound`], or the database failed.
pub async fn stop(
    conn: &mut PgConnection,
    actor: &Actor,
    channel_id: &ChannelId,
    (why, reason): (Why, &str),
    now: DateTime<Utc>,
) -> Result<(), ChannelError> {
    drafts_or_approves(actor)?;
    stop_held(conn, actor, channel_id, (why, reason), now).await?;
    Ok(())
}

/// The same by whoever the caller found may; the version that was stopped.
pub(crate) async fn stop_held(
    conn: &mut PgConnection,
    actor: &Actor,
    channel_id: &ChannelId,
    (why, reason): (Why, &str),
    now: DateTime<Utc>,
) -> Result<i32, ChannelError> {
    let reason = needed_reason(reason)?;
    let before = lock(conn, channel_id, now).await?;
    let held = before.approved().filter(|held| held.stop.is_none()).ok_or(ChannelError::DecidedBefore)?;
    add_stop(conn, (channel_id, held.version), (why, &reason), staff_id(actor)?, now).await?;
    let action = if why == Why::Ended { "channel.end" } else { "channel.suspend" };
    let version = held.version;
    end(conn, actor, action, &before, now).await?;
    Ok(version)
}

async fn add_stop(
    conn: &mut PgConnection,
    (channel_id, version): (&ChannelId, i32),
    (why, reason): (Why, &str),
    stopped_by: i64,
    now: DateTime<Utc>,
) -> Result<(), ChannelError> {
    sqlx::query!(
        "insert into agent_channel_stop (agent_channel_id, version, stopped_at, why, reason, stopped_by)
        values ($1, $2, $3, $4, $5, $6)",
        channel_id.as_str(),
        version,
        now,
        why.as_str(),
        reason,
        stopped_by,
    )
    .execute(conn)
    .await?;
    Ok(())
}

async fn end(
    conn: &mut PgConnection,
    actor: &Actor,
    action: &str,
    before: &Channel,
    now: DateTime<Utc>,
) -> Result<(), ChannelError> {
    let after = find(conn, &before.channel_id).await?.ok_or(ChannelError::NotFound)?;
    let state = [Some(before.state()), Some(after.state())];
    Ok(record(conn, actor, action, &subject(&before.channel_id), state, now).await?)
}

/// Locks a channel against its orders and other changes.
pub(super) async fn lock(
    conn: &mut PgConnection,
    channel_id: &ChannelId,
    now: DateTime<Utc>,
) -> Result<Channel, ChannelError> {
    sqlx::query!(
        "update agent_channel set changed_at = greatest(changed_at, $2) where agent_channel_id = $1",
        channel_id.as_str(),
        now,
    )
    .execute(&mut *conn)
    .await?;
    find(conn, channel_id).await?.ok_or(ChannelError::NotFound)
}

/// Who does it; commands of the engineer, who is nobody of the staff, cannot.
pub(super) fn staff_id(actor: &Actor) -> Result<i64, ChannelError> {
    actor.member().map(|member| member.staff_id).ok_or(ChannelError::Unnamed)
}

/// For what one person does at once.
pub(super) fn drafts_or_approves(actor: &Actor) -> Result<(), StaffError> {
    actor.require(Permission::DraftTariffs).or_else(|_| actor.require(Permission::ApproveTariffs))
}

pub(super) fn optional_reason(typed: &str) -> Result<String, ChannelError> {
    let reason = typed.trim();
    let is_short = reason.chars().count() <= REASON_CHARS_MAX;
    if is_short { Ok(reason.to_owned()) } else { Err(ChannelError::Reason) }
}

pub(super) fn needed_reason(typed: &str) -> Result<String, ChannelError> {
    optional_reason(typed).and_then(|reason| if reason.is_empty() { Err(ChannelError::Reason) } else { Ok(reason) })
}
