//! Where a dispute meets the books: what is found due becomes a refund, which goes back the way the line was paid.

use chrono::{DateTime, Utc};
use rand::CryptoRng;
use rust_decimal::Decimal;
use sqlx::PgConnection;

use super::gather::Line;
use super::store::DisputeError;
use super::{CaseId, Finding, Rejected};
use crate::actor::Actor;
use crate::refund::{self, NewRefund, Of, Reason};

/// Yuan of a line that went back already, or are asked for.
pub(super) async fn returned(conn: &mut PgConnection, line: Line) -> Result<Decimal, DisputeError> {
    Ok(sqlx::query_scalar!(
        r#"select coalesce(sum(amount), 0) as "returned!" from refund
        where subscriber_id = $1 and month = $2 and line_no = $3 and state in ('asked', 'approved')"#,
        line.subscriber_id,
        line.month.first_day(),
        line.line_no,
    )
    .fetch_one(conn)
    .await?)
}

/// Whether a refund of the line waits for somebody: until it is decided no other can be asked for (`refund_line_open`).
pub(super) async fn is_waiting(conn: &mut PgConnection, line: Line) -> Result<bool, DisputeError> {
    Ok(sqlx::query_scalar!(
        r#"select exists (select from refund where subscriber_id = $1 and month = $2 and line_no = $3 and state = 'asked')
            as "is_waiting!""#,
        line.subscriber_id,
        line.month.first_day(),
        line.line_no,
    )
    .fetch_one(conn)
    .await?)
}

/// Returns everything without a question: what nobody agreed to. The subscriber asked for it, and the system lets it go
/// (`refund_by_itself`).
pub(super) async fn at_once(
    conn: &mut PgConnection,
    (case, line): (CaseId, Line),
    award: Decimal,
    findings: &[Finding],
    rng: &mut (impl CryptoRng + Send),
    now: DateTime<Utc>,
) -> Result<(), DisputeError> {
    let new = new(case, line, award, findings);
    let refund_id = refund::ask(conn, &new, &Actor::Subscriber, now).await?;
    refund::approve(conn, line.subscriber_id, refund_id, &Actor::System, rng, now).await?;
    Ok(())
}

/// Asks for what somebody of the staff found due; somebody else lets it go (`refund_by_another`).
pub(super) async fn ask(
    conn: &mut PgConnection,
    actor: &crate::staff::Actor,
    (case, line): (CaseId, Line),
    award: Decimal,
    findings: &[Finding],
    now: DateTime<Utc>,
) -> Result<(), DisputeError> {
    if is_waiting(conn, line).await? {
        return Err(DisputeError::RefundWaits);
    }
    if returned(conn, line).await? + award > line.amount {
        return Err(Rejected::Amount.into());
    }
    refund::desk::ask(conn, actor, &new(case, line, award, findings), now).await?;
    Ok(())
}

fn new(case: CaseId, line: Line, amount: Decimal, findings: &[Finding]) -> NewRefund {
    NewRefund {
        subscriber_id: line.subscriber_id,
        of: Of::Line { month: line.month, line_no: line.line_no },
        amount,
        reason: findings.iter().find_map(|finding| reason(*finding)).unwrap_or(Reason::Dispute),
        note: format!("dispute/{case}"),
        dispute_id: Some(case.dispute_id),
    }
}

/// The reason of a refund that a finding is; `None`: it is none.
fn reason(finding: Finding) -> Option<Reason> {
    match finding {
        Finding::NoConsent => Some(Reason::NoConsent),
        Finding::BrokenConsent => Some(Reason::BrokenConsent),
        Finding::AbovePrice => Some(Reason::AbovePrice),
        Finding::ChargedTwice => Some(Reason::Duplicate),
        Finding::AfterEnd => Some(Reason::AfterCancellation),
        Finding::NotOnSale => Some(Reason::NotOnSale),
        Finding::Returned | Finding::InOrder | Finding::Unknown => None,
    }
}
