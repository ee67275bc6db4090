//! Refunds at the desk of the staff: who may ask, who may let go, and the trail of both.

use chrono::{DateTime, Utc};
use rand::CryptoRng;
use serde_json::{Value, json};
use sqlx::PgConnection;

use super::parts::{self, Told};
use super::store::{self, RefundError, check_note};
use super::{NewRefund, Of, PartEvent, Refund, Step};
use crate::actor::Actor as By;
use crate::payment::RefundNumber;
use crate::staff::trail::record;
use crate::staff::{Actor, Permission, StaffError};

/// The actions in the trail.
pub const ASK: &str = "refund.ask";
pub const APPROVE: &str = "refund.approve";
pub const REJECT: &str = "refund.reject";
pub const CLAIM: &str = "refund.claim";
pub const GIVE_UP: &str = "refund.give_up";

/// Somebody of the staff by the login; the operator's engineer decides nothing about money.
pub(super) fn by(actor: &Actor, permission: Permission) -> Result<By, RefundError> {
    actor.require(permission)?;
    let member = actor.member().ok_or(StaffError::Forbidden(permission))?;
    Ok(By::Staff(member.login.to_string()))
}

/// How a refund is named in the trail.
pub fn subject(subscriber_id: i64, refund_id: i64) -> String {
    format!("refund/{subscriber_id}/{refund_id}")
}

fn state(refund: &Refund) -> Value {
    let of = match &refund.of {
        Of::Line { month, line_no } => json!({ "month": month, "line_no": line_no }),
        Of::Imported(charge) => json!({ "imported_charge_id": charge.imported_charge_id }),
    };
    json!({
        "state": refund.state.as_str(), "of": of, "amount": refund.amount.to_string(), "reason": refund.reason.as_str(),
        "note": refund.note, "asked_by": refund.asked_by, "decision": refund.decision,
        "parts": refund.parts.iter().map(|part| json!({
            "no": part.part_no, "route": part.route.as_str(), "amount": part.amount.to_string(), "state": part.state.as_str(),
            "give_up_by": part.give_up_by,
        })).collect::<Vec<_>>(),
    })
}

async fn look(conn: &mut PgConnection, subscriber_id: i64, refund_id: i64) -> Result<Value, RefundError> {
    let refund = super::view::find(conn, subscriber_id, refund_id).await?.ok_or(RefundError::NotFound)?;
    Ok(state(&refund))
}

/// Asks for a refund on behalf of a subscriber. Returns its id.
///
/// # Errors
/// As [`store::ask`], or when the actor may not help subscribers.
pub async fn ask(
    conn: &mut PgConnection,
    actor: &Actor,
    new: &NewRefund,
    now: DateTime<Utc>,
) -> Result<i64, RefundError> {
    let by = by(actor, Permission::HelpSubscribers)?;
    let refund_id = store::ask(conn, new, &by, now).await?;
    let after = look(conn, new.subscriber_id, refund_id).await?;
    record(conn, actor, ASK, &subject(new.subscriber_id, refund_id), [None, Some(after)], now).await?;
    Ok(refund_id)
}

/// Lets go what somebody else asked for.
///
/// # Errors
/// As [`store::approve`], or when the actor may not approve refunds.
pub async fn approve(
    conn: &mut PgConnection,
    actor: &Actor,
    subscriber_id: i64,
    refund_id: i64,
    rng: &mut (impl CryptoRng + Send),
    now: DateTime<Utc>,
) -> Result<(), RefundError> {
    let by = by(actor, Permission::ApproveRefunds)?;
    let before = look(conn, subscriber_id, refund_id).await?;
    store::approve(conn, subscriber_id, refund_id, &by, rng, now).await?;
    let after = look(conn, subscriber_id, refund_id).await?;
    record(conn, actor, APPROVE, &subject(subscriber_id, refund_id), [Some(before), Some(after)], now).await?;
    Ok(())
}

/// Rejects what somebody else asked for, with the reason.
///
/// # Errors
/// As [`store::reject`], or when the actor may not approve refunds.
pub async fn reject(
    conn: &mut PgConnection,
    actor: &Actor,
    subscriber_id: i64,
    refund_id: i64,
    decision: &str,
    now: DateTime<Utc>,
) -> Result<(), RefundError> {
    let by = by(actor, Permission::ApproveRefunds)?;
    let before = look(conn, subscriber_id, refund_id).await?;
    store::reject(conn, subscriber_id, refund_id, &by, decision, now).await?;
    let after = look(conn, subscriber_id, refund_id).await?;
    record(conn, actor, REJECT, &subject(subscriber_id, refund_id), [Some(before), Some(after)], now).await?;
    Ok(())
}

/// Notes what a platform answered to a claim, or that the operator bears it: [`PartEvent::Succeeded`], [`PartEvent::Refused`] or
/// [`PartEvent::GivenUp`].
///
/// # Errors
/// When the actor may not approve refunds, the note is empty, there is no such part, or the database failed.
pub async fn answer_claim(
    conn: &mut PgConnection,
    actor: &Actor,
    number: &RefundNumber,
    event: PartEvent,
    note: &str,
    now: DateTime<Utc>,
) -> Result<Step, RefundError> {
    by(actor, Permission::ApproveRefunds)?;
    check_note(note)?;
    let is_answer = matches!(event, PartEvent::Succeeded | PartEvent::Refused | PartEvent::GivenUp);
    if note.trim().is_empty() || !is_answer {
        return Err(RefundError::Note);
    }
    let before = look(conn, number.subscriber_id, number.refund_id).await?;
    let told = Told { detail: note, ..Told::plain(event, now) };
    let step = parts::record_claim(conn, number, &told, now).await?;
    let after = look(conn, number.subscriber_id, number.refund_id).await?;
    let subject = subject(number.subscriber_id, number.refund_id);
    record(conn, actor, CLAIM, &subject, [Some(before), Some(after)], now).await?;
    Ok(step)
}

/// Has the gateway asked once more about a part that it leaves hanging, and gives that up then: where nothing moved there, the
/// money goes into the balance.
///
/// # Errors
/// When the actor may not approve refunds, the note is empty, the part does not hang, or the database failed.
pub async fn give_up(
    conn: &mut PgConnection,
    actor: &Actor,
    number: &RefundNumber,
    note: &str,
    now: DateTime<Utc>,
) -> Result<(), RefundError> {
    let by = by(actor, Permission::ApproveRefunds)?;
    check_note(note)?;
    if note.trim().is_empty() {
        return Err(RefundError::Note);
    }
    let before = look(conn, number.subscriber_id, number.refund_id).await?;
    parts::give_up(conn, number, &by, note, now).await?;
    let after = look(conn, number.subscriber_id, number.refund_id).await?;
    let subject = subject(number.subscriber_id, number.refund_id);
    record(conn, actor, GIVE_UP, &subject, [Some(before), Some(after)], now).await?;
    Ok(())
}
