//! What writes a step: the dispute as it stands, the step, and the message about it, in one transaction.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use sqlx::PgConnection;

use super::store::{DisputeError, locked};
use super::{CaseId, Standing, What};
use crate::actor::Actor;
use crate::notice::DisputeNotice;
use crate::notice::store::tell;
use crate::notice::template::Message;

/// Gives yuan of the line back, by this answer.
pub(super) async fn give_back(
    conn: &mut PgConnection,
    case: CaseId,
    before: Standing,
    award: Decimal,
    actor: &Actor,
    said: Option<&str>,
    now: DateTime<Utc>,
) -> Result<Standing, DisputeError> {
    let standing = before.uphold(award)?;
    save(conn, case, standing, now).await?;
    let event_id = note(conn, case, standing.round, What::Upheld { award }, actor, said, now).await?;
    let without_consent = *actor == Actor::System;
    let notice = DisputeNotice::Upheld { award, amount: standing.line_amount, without_consent };
    tell_owner(conn, case, event_id, &notice, now).await?;
    Ok(standing)
}

/// The refund of what was found due was rejected, and why: an answer is due again.
///
/// # Errors
/// When there is no such dispute, or not so much of it was found due; or the database failed.
pub(crate) async fn refuse(
    conn: &mut PgConnection,
    case: CaseId,
    award: Decimal,
    by: &Actor,
    why: &str,
    now: DateTime<Utc>,
) -> Result<(), DisputeError> {
    let standing = locked(conn, case).await?.standing.refuse(award)?;
    save(conn, case, standing, now).await?;
    note(conn, case, standing.round, What::Refused { award }, by, Some(why), now).await?;
    Ok(())
}

/// The dispute stands so now.
pub(super) async fn save(
    conn: &mut PgConnection,
    case: CaseId,
    standing: Standing,
    now: DateTime<Utc>,
) -> Result<(), DisputeError> {
    let changed = sqlx::query!(
        "update dispute set state = $3, awarded = $4, closed_at = $5 where subscriber_id = $1 and dispute_id = $2",
        case.subscriber_id,
        case.dispute_id,
        standing.state.as_str(),
        standing.awarded,
        (!standing.state.is_open()).then_some(now),
    )
    .execute(conn)
    .await?;
    if changed.rows_affected() == 1 { Ok(()) } else { Err(DisputeError::NotFound) }
}

/// Writes a step down; its number. A rejection follows the answer whose refund it was of, and an answer the last rejection of its
/// round (`dispute_answered_once`).
pub(super) async fn note(
    conn: &mut PgConnection,
    case: CaseId,
    round: i16,
    what: What,
    actor: &Actor,
    said: Option<&str>,
    now: DateTime<Utc>,
) -> Result<i64, DisputeError> {
    let days = if let What::Escalated { days } = what { Some(days) } else { None };
    let follows = match what {
        What::Refused { .. } => Some("upheld"),
        What::Upheld { .. } | What::Explained => Some("refused"),
        _ => None,
    };
    Ok(sqlx::query_scalar!(
        "insert into dispute_event (subscriber_id, dispute_id, what, round, at, actor, words, award, days, after_id)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, (
            select max(event_id) from dispute_event
            where subscriber_id = $1 and dispute_id = $2 and what = $10 and (round = $4 or $10 = 'upheld')))
        returning event_id",
        case.subscriber_id,
        case.dispute_id,
        what.as_str(),
        round,
        now,
        actor.to_string(),
        said,
        what.award(),
        days,
        follows,
    )
    .fetch_one(conn)
    .await?)
}

/// Tells the subscriber of a step by SMS.
pub(super) async fn tell_owner(
    conn: &mut PgConnection,
    case: CaseId,
    event_id: i64,
    notice: &DisputeNotice,
    now: DateTime<Utc>,
) -> Result<(), DisputeError> {
    let event = format!("dispute/{}/{event_id}", case.dispute_id);
    tell(conn, case.subscriber_id, event, &Message::Dispute(*notice), now).await?;
    Ok(())
}
