//! The secrets by which channels sign their orders. None is stored: the staff key makes each of its channel and number.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use sqlx::PgConnection;

use super::ChannelId;
use super::store::{ChannelError, lock, staff_id, subject};
use crate::staff::trail::record;
use crate::staff::{Actor, Permission};

/// A secret counts for so long after the next one was issued.
pub const SECRET_OVERLAP: TimeDelta = TimeDelta::days(1);

/// A secret that was issued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secret {
    pub number: i32,
    pub issued_by: i64,
    /// The name of who issued it.
    pub by: String,
    pub issued_at: DateTime<Utc>,
}

/// Issues a secret to sign orders with. The one before it counts for [`SECRET_OVERLAP`] more.
///
/// # Errors
/// [`ChannelError::Staff`] without the permission, [`ChannelError::NotFound`], or the database failed.
pub async fn issue_secret(
    conn: &mut PgConnection,
    actor: &Actor,
    channel_id: &ChannelId,
    now: DateTime<Utc>,
) -> Result<i32, ChannelError> {
    actor.require(Permission::DraftTariffs)?;
    lock(conn, channel_id, now).await?;
    let number = sqlx::query_scalar!(
        r#"insert into agent_channel_secret (agent_channel_id, number, issued_by, issued_at)
        select $1, coalesce(max(number), 0) + 1, $2, $3 from agent_channel_secret where agent_channel_id = $1
        returning number"#,
        channel_id.as_str(),
        staff_id(actor)?,
        now,
    )
    .fetch_one(&mut *conn)
    .await?;
    let state = [None, Some(json!({"secret": number}))];
    record(conn, actor, "channel.secret", &subject(channel_id), state, now).await?;
    Ok(number)
}

/// The secrets that count at an instant, the newest first.
///
/// # Errors
/// When the database failed.
pub async fn secrets(
    conn: &mut PgConnection,
    channel_id: &ChannelId,
    now: DateTime<Utc>,
) -> Result<Vec<Secret>, ChannelError> {
    let rows = sqlx::query_as!(
        Secret,
        "select number, issued_by, w.name as by, issued_at from agent_channel_secret s join staff w on w.staff_id = s.issued_by
        where agent_channel_id = $1 order by number desc limit 2",
        channel_id.as_str(),
    )
    .fetch_all(conn)
    .await?;
    let changed_at = rows.first().map(|newest| newest.issued_at);
    let counts = |(nth, _): &(usize, Secret)| *nth == 0 || changed_at.is_some_and(|at| now < at + SECRET_OVERLAP);
    Ok(rows.into_iter().enumerate().filter(counts).map(|(_, secret)| secret).collect())
}
