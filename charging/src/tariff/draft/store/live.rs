//! 上线 What was approved becomes public at its time.

use chrono::TimeDelta;
use serde_json::json;
use sqlx::PgConnection;

use super::decide::lock_of;
use super::{DraftError, subject};
use crate::clock::Clock;
use crate::staff::Actor;
use crate::staff::trail::{self, Action};
use crate::tariff::SchemeId;
use crate::tariff::draft::State;
use crate::tariff::store::{Approved, publish_approved};

/// Submissions that are published in one transaction.
const BATCH: i64 = 20;

/// A version that became public.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Live {
    pub scheme_id: SchemeId,
    pub version: i32,
}

/// Publishes what was approved and whose time has come, the earliest first. A row stands in the published table only from then
/// on, so nothing shows it before; it is public since the instant at which it was really put there, and sold no earlier than its
/// lead after that, however late this runs. Each goes live once (`tariff_version_approval_once`).
///
/// # Errors
/// When the database failed.
pub async fn publish_due(conn: &mut PgConnection, clock: &dyn Clock) -> Result<Vec<Live>, DraftError> {
    let due = sqlx::query!(
        r#"select s.submission_id, s.base_version, s.content, s.lead_seconds
        from tariff_submission s
        join tariff_submission_state using (submission_id)
        where state = 'approved' and s.go_live_at <= $1
        order by s.go_live_at, s.submission_id limit $2"#,
        clock.now(),
        BATCH
    )
    .fetch_all(&mut *conn)
    .await?;
    let mut live = Vec::new();
    for row in due {
        // Taken back, or published by another server, since it was found; the draft may have another submission by now.
        let (draft_id, state) = lock_of(conn, row.submission_id).await?;
        if state != State::Approved {
            continue;
        }
        let approved = Approved {
            submission_id: row.submission_id,
            base_version: row.base_version,
            content: serde_json::from_slice(&row.content).map_err(|_| DraftError::Corrupt("content"))?,
            lead: TimeDelta::seconds(row.lead_seconds.into()),
        };
        let Some((version, at)) = publish_approved(conn, &approved, clock).await? else { continue };
        let scheme_id = approved.content.scheme_id;
        let after = json!({ "state": State::Live.as_str(), "scheme_id": scheme_id, "version": version });
        let state = [Some(json!({ "state": State::Approved.as_str() })), Some(after)];
        let action = Action::TariffLive.as_str();
        // Nobody does it: it follows from the approval.
        trail::record(conn, &Actor::Engineer, action, &subject(draft_id), state, at).await?;
        live.push(Live { scheme_id, version });
    }
    Ok(live)
}
