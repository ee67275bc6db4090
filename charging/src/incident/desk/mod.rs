//! 处置 The desk: an incident from its opening to the yes of a second person. Each step is written once and never changed; how
//! far an incident is follows from the steps that are there.

mod charges;
mod closing;
mod execution;
mod opening;
mod proposal;
mod report;
mod source;
mod statement;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

pub use charges::{Affected, AffectedPage, Excluded, Totals, affected, exclude, freeze, totals};
pub use closing::{Closing, Deed, Exclusion, REFUSED_MAX, RefusedPart, closing};
pub use execution::{Execution, Outcome, Progress, SUBSCRIBERS_OF_STEP, execution, outcomes, pause, run, start};
pub use opening::{Incident, List, Opened, Query, Stop, find, list, open, open_from_finding, resume_sales, stop_sales};
pub use proposal::{Approval, Proposal, RouteTotal, approve, propose};
pub use report::{Reported, report};
pub use source::{
    Block, Freeze, Source, StoppedChannel, block, freeze_orders, lift_freeze, source, stop_channel, unblock,
};
pub use statement::{
    Draft, Published, PublishedVersion, Statement, StatementVersion, begin, publish, published, published_of, save,
    statement, statements,
};

use super::finding::store::FindingError;
use super::statement::StatementFault;
use crate::channel::store::ChannelError;
use crate::notice::store::NoticeError;
use crate::refund::RefundError;
use crate::staff::{Actor, Member, Permission, StaffError};

/// Characters of the longest title.
pub const TITLE_CHARS_MAX: usize = 100;
/// Characters of the longest reason.
pub const REASON_CHARS_MAX: usize = 500;

/// How far an incident is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Nobody knows yet whom it affects.
    Opened,
    /// Everyone affected is listed.
    Listed,
    /// What would go back is worked out, and waits for a second person.
    Proposed,
    /// A second person said yes.
    Approved,
}

/// Why something about an incident cannot be done.
#[derive(Debug, thiserror::Error)]
pub enum IncidentError {
    #[error("there is no such incident")]
    NotFound,
    #[error("a title has 1 to {TITLE_CHARS_MAX} characters")]
    Title,
    #[error("a reason has 1 to {REASON_CHARS_MAX} characters")]
    Reason,
    #[error("an incident is about a tariff, a source or a time at least")]
    Scope,
    #[error("no charge is affected that is not dealt with already")]
    NothingAffected,
    #[error("the incident is {0:?}, where this is not done")]
    Stage(Stage),
    #[error("who proposed it does not approve it")]
    SamePerson,
    /// Charges were taken out since: it has to be worked out again.
    #[error("the list changed after this was proposed")]
    Stale,
    #[error("there is no such charge on the list, or it is taken out already")]
    NoCharge,
    #[error("{0} charges are on no bill yet: close the month first, or take them out of the list")]
    Unbilled(i64),
    #[error("there is no such tariff")]
    NoTariff,
    #[error("nothing that goes on was ordered in this batch, or it is frozen already")]
    NothingToFreeze,
    #[error("nothing is frozen")]
    NotFrozen,
    #[error("there is no such account, or it is not blocked by this incident")]
    NoAccount,
    #[error("it takes an execution that is done and returned something")]
    NotDone,
    #[error(transparent)]
    Statement(#[from] StatementFault),
    #[error(transparent)]
    Channel(#[from] ChannelError),
    #[error(transparent)]
    Finding(#[from] FindingError),
    #[error(transparent)]
    Refund(#[from] RefundError),
    #[error(transparent)]
    Notice(#[from] NoticeError),
    #[error(transparent)]
    Staff(#[from] StaffError),
    #[error("the database holds what cannot be read: {0}")]
    Corrupt(String),
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
}

/// How an incident is named as what something was done to.
fn subject(incident_id: i64) -> String {
    format!("incident/{incident_id}")
}

/// Somebody of the staff who may: an incident is never handled by the system itself.
fn member(actor: &Actor, permission: Permission) -> Result<&Member, StaffError> {
    actor.require(permission)?;
    actor.member().ok_or(StaffError::Forbidden(permission))
}

fn reason(typed: &str) -> Result<&str, IncidentError> {
    let typed = typed.trim();
    if (1..=REASON_CHARS_MAX).contains(&typed.chars().count()) { Ok(typed) } else { Err(IncidentError::Reason) }
}

/// Among the locks of the database, those of incidents.
const LOCKS: i64 = 0x6d62_696e_0000_0000;

/// The incident, with nobody else at work on it until the transaction ends.
async fn locked(conn: &mut PgConnection, incident_id: i64) -> Result<Incident, IncidentError> {
    sqlx::query!("select pg_advisory_xact_lock($1)", LOCKS ^ incident_id).execute(&mut *conn).await?;
    find(conn, incident_id).await?.ok_or(IncidentError::NotFound)
}

/// Whether nobody else is at work on the incident; then nobody is until the transaction ends.
async fn try_lock(conn: &mut PgConnection, incident_id: i64) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar!(r#"select pg_try_advisory_xact_lock($1) as "mine!""#, LOCKS ^ incident_id).fetch_one(conn).await
}

/// Whether somebody is at work on the incident right now: a step of its execution, say.
///
/// # Errors
/// When the database failed.
pub async fn is_at_work(conn: &mut PgConnection, incident_id: i64) -> Result<bool, sqlx::Error> {
    // A lock with one key is shown as its two halves.
    sqlx::query_scalar!(
        r#"select exists (
            select from pg_locks where locktype = 'advisory' and granted and objsubid = 1
                and database = (select oid from pg_database where datname = current_database())
                and classid::bigint << 32 | objid::bigint = $1) as "is_at_work!""#,
        LOCKS ^ incident_id
    )
    .fetch_one(conn)
    .await
}

/// Who did a step, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done {
    pub staff_id: i64,
    /// The name to show.
    pub by: String,
    pub at: DateTime<Utc>,
}
