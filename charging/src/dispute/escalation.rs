//! 催办 Cases that wait too long: after ten and after thirteen days the lead has them at the top, and their owner is told.

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::PgPool;

use super::answer::{note, tell_owner};
use super::store::{DisputeError, locked};
use super::{CaseId, ESCALATION_DAYS, What};
use crate::actor::Actor;
use crate::notice::DisputeNotice;
use crate::staff;

/// Cases of one run.
const BATCH: i64 = 200;

/// How late a round is that has waited for so long: an index into [`ESCALATION_DAYS`], from 1; 0: not yet.
pub fn level(waited: TimeDelta) -> i16 {
    ESCALATION_DAYS.into_iter().filter(|days| waited >= TimeDelta::days((*days).into())).map(|_| 1).sum()
}

/// Raises what has waited for ten or thirteen days. Returns how many were raised.
///
/// # Errors
/// When the database failed; what was raised before stays raised.
pub async fn escalate(pool: &PgPool, now: DateTime<Utc>) -> Result<u64, DisputeError> {
    let [first, second] = ESCALATION_DAYS.map(|days| now - TimeDelta::days(days.into()));
    let late = sqlx::query!(
        "select subscriber_id, dispute_id from dispute
        where state in ('received', 'asked') and escalation < case when round_at <= $2 then 2 when round_at <= $1 then 1 else 0 end
        order by due_at limit $3",
        first,
        second,
        BATCH,
    )
    .fetch_all(pool)
    .await?;
    let mut raised = 0;
    for row in late {
        let case = CaseId { subscriber_id: row.subscriber_id, dispute_id: row.dispute_id };
        raised += u64::from(raise(pool, case, now).await?);
    }
    Ok(raised)
}

/// Raises one case, unless it was answered meanwhile.
async fn raise(pool: &PgPool, case: CaseId, now: DateTime<Utc>) -> Result<bool, DisputeError> {
    let mut tx = pool.begin().await?;
    let dispute = locked(&mut tx, case).await?;
    let level = level(now - dispute.round_at);
    if !dispute.standing.state.is_open() || level <= dispute.escalation {
        return Ok(false);
    }
    let days = ESCALATION_DAYS[usize::from(level == 2)];
    sqlx::query!(
        "update dispute set escalation = $3 where subscriber_id = $1 and dispute_id = $2",
        case.subscriber_id,
        case.dispute_id,
        level,
    )
    .execute(&mut *tx)
    .await?;
    let what = What::Escalated { days };
    let event_id = note(&mut tx, case, dispute.standing.round, what, &Actor::System, None, now).await?;
    tell_owner(&mut tx, case, event_id, &DisputeNotice::Waiting { days, due_at: dispute.due_at }, now).await?;
    let state = |level: i16| Some(serde_json::json!({ "escalation": level }));
    let states = [state(dispute.escalation), state(level)];
    let actor = staff::Actor::Engineer;
    staff::trail::record(&mut tx, &actor, "dispute.escalated", &super::desk::subject(case), states, now).await?;
    tx.commit().await?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_raised_after_ten_and_after_thirteen_days() {
        let hour = TimeDelta::hours(1);
        let days = TimeDelta::days;
        assert_eq!([days(10) - hour, days(10), days(13) - hour, days(13), days(40)].map(level), [0, 1, 1, 2, 2]);
    }
}
