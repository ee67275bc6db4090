//! What the staff does with disputes. Each function asks the permission itself and leaves its trail.

use chrono::{DateTime, TimeDelta, Utc};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use sqlx::PgConnection;

use super::answer::{give_back, note, save, tell_owner};
use super::gather::Line;
use super::settle;
use super::store::{DisputeError, Row, locked};
use super::{CaseId, Dispute, What, words};
use crate::actor;
use crate::notice::DisputeNotice;
use crate::staff::{Actor, Permission, StaffError, trail};

/// Cases on a page.
pub const PAGE: u32 = 25;
/// Farther back nobody turns page by page.
const PAGES_MAX: u32 = 10_000;
/// How long a reason to look at a subscriber holds.
pub const LOOK_LASTS: TimeDelta = TimeDelta::minutes(30);
/// Most characters of a reason.
pub const REASON_CHARS_MAX: usize = 200;
const LOOK: &str = "subscriber.look";

/// How a case is named as what something was done to.
pub fn subject(case: CaseId) -> String {
    format!("dispute/{case}")
}

/// Which cases are listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Which {
    /// An answer is due.
    #[default]
    Waiting,
    /// Something was asked of the subscriber.
    Asked,
    Answered,
    All,
}

impl Which {
    pub const ALL: [Self; 4] = [Self::Waiting, Self::Asked, Self::Answered, Self::All];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Asked => "asked",
            Self::Answered => "answered",
            Self::All => "all",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|which| which.as_str() == name)
    }

    fn states(self) -> &'static [&'static str] {
        match self {
            Self::Waiting => &["received"],
            Self::Asked => &["asked"],
            Self::Answered => &["upheld", "explained", "withdrawn"],
            Self::All => &["received", "asked", "upheld", "explained", "withdrawn"],
        }
    }
}

/// What is looked for; `None` is any.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    pub which: Which,
    /// Of whom of the staff.
    pub agent_id: Option<i64>,
    /// Those that nobody has taken.
    pub is_free: bool,
    /// Those that have waited for ten days or more.
    pub is_late: bool,
    pub subscriber_id: Option<i64>,
}

/// A page of cases: what waits first, the one that is due first at the top; then what was answered, the newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// With the number of whose they are.
    pub cases: Vec<(Dispute, String)>,
    /// Which it is, from 1.
    pub page: u32,
    pub pages: u32,
    pub total: i64,
}

/// A page beyond the last is the last.
///
/// # Errors
/// [`StaffError::Forbidden`], or the database failed.
pub async fn list(conn: &mut PgConnection, actor: &Actor, filter: &Filter, page: u32) -> Result<Page, DisputeError> {
    actor.require(Permission::HelpSubscribers)?;
    let states = filter.which.states();
    let total = sqlx::query_scalar!(
        r#"select count(*) as "count!" from dispute
        where state = any($1) and ($2::bigint is null or agent_id = $2) and (not $3 or agent_id is null)
            and (not $4 or escalation > 0) and ($5::bigint is null or subscriber_id = $5)"#,
        states as &[&str],
        filter.agent_id,
        filter.is_free,
        filter.is_late,
        filter.subscriber_id,
    )
    .fetch_one(&mut *conn)
    .await?;
    let pages = u32::try_from(total).unwrap_or(u32::MAX).div_ceil(PAGE).clamp(1, PAGES_MAX);
    let page = page.clamp(1, pages);
    let rows = sqlx::query!(
        r#"select d.subscriber_id, d.dispute_id, d.month, d.line_no, l.kind, t.name, d.line_amount, d.state, d.round,
            d.awarded, d.opened_at, d.round_at, d.due_at, d.escalation, a.login as "agent_login?",
            a.name as "agent_name?", d.findings, d.suggested, d.closed_at, s.msisdn
        from dispute d
        join bill_line l on l.subscriber_id = d.subscriber_id and l.month = d.month and l.line_no = d.line_no
        join tariff_version t on t.scheme_id = l.scheme_id and t.version = l.version
        join subscriber s on s.subscriber_id = d.subscriber_id
        left join staff a on a.staff_id = d.agent_id
        where d.state = any($1) and ($2::bigint is null or d.agent_id = $2) and (not $3 or d.agent_id is null)
            and (not $4 or d.escalation > 0) and ($5::bigint is null or d.subscriber_id = $5)
        order by d.closed_at desc nulls first, d.due_at, d.subscriber_id, d.dispute_id limit $6 offset $7"#,
        states as &[&str],
        filter.agent_id,
        filter.is_free,
        filter.is_late,
        filter.subscriber_id,
        i64::from(PAGE),
        i64::from(page - 1) * i64::from(PAGE),
    )
    .fetch_all(conn)
    .await?;
    let cases = rows.into_iter().map(|row| {
        let dispute = Row {
            subscriber_id: row.subscriber_id,
            dispute_id: row.dispute_id,
            month: row.month,
            line_no: row.line_no,
            kind: row.kind,
            name: row.name,
            line_amount: row.line_amount,
            state: row.state,
            round: row.round,
            awarded: row.awarded,
            opened_at: row.opened_at,
            round_at: row.round_at,
            due_at: row.due_at,
            escalation: row.escalation,
            agent_login: row.agent_login,
            agent_name: row.agent_name,
            findings: row.findings,
            suggested: row.suggested,
            closed_at: row.closed_at,
        };
        Ok((dispute.read()?, row.msisdn))
    });
    Ok(Page { cases: cases.collect::<Result<_, DisputeError>>()?, page, pages, total })
}

/// Takes a case: from now on it is this agent's.
///
/// # Errors
/// [`StaffError::Forbidden`], [`DisputeError::NotFound`], [`super::Rejected::Answered`], or the database failed.
pub async fn take(
    conn: &mut PgConnection,
    actor: &Actor,
    case: CaseId,
    now: DateTime<Utc>,
) -> Result<(), DisputeError> {
    let before = begin(conn, actor, case).await?;
    if !before.standing.state.is_open() {
        return Err(super::Rejected::Answered.into());
    }
    own(conn, actor, &before, now).await?;
    end(conn, actor, "dispute.taken", &before, None, now).await
}

/// Asks the subscriber something.
///
/// # Errors
/// [`StaffError::Forbidden`], [`DisputeError::NoWords`], [`DisputeError::TooLong`], [`DisputeError::NotFound`],
/// [`super::Rejected::Answered`], or the database failed.
pub async fn ask(
    conn: &mut PgConnection,
    actor: &Actor,
    case: CaseId,
    typed: &str,
    now: DateTime<Utc>,
) -> Result<(), DisputeError> {
    let asked = words(typed)?.ok_or(DisputeError::NoWords)?;
    let before = begin(conn, actor, case).await?;
    let standing = before.standing.ask()?;
    own(conn, actor, &before, now).await?;
    save(conn, case, standing, now).await?;
    let event_id = note(conn, case, standing.round, What::Asked, &named(actor)?, Some(asked), now).await?;
    tell_owner(conn, case, event_id, &DisputeNotice::Asked { due_at: before.due_at }, now).await?;
    end(conn, actor, "dispute.asked", &before, Some(asked), now).await
}

/// Answers a case: so many yuan are due (`None`: the charge was right), with the reason. They go back when somebody else approves
/// the refund that is asked for with it.
///
/// # Errors
/// [`StaffError::Forbidden`], [`DisputeError::NoWords`], [`DisputeError::TooLong`], [`DisputeError::NotFound`],
/// [`super::Rejected::Answered`], [`super::Rejected::Amount`], or the database failed.
pub async fn answer(
    conn: &mut PgConnection,
    actor: &Actor,
    case: CaseId,
    award: Option<Decimal>,
    typed: &str,
    now: DateTime<Utc>,
) -> Result<(), DisputeError> {
    let said = words(typed)?.ok_or(DisputeError::NoWords)?;
    let before = begin(conn, actor, case).await?;
    let by = named(actor)?;
    if let Some(award) = award {
        before.standing.uphold(award)?;
        own(conn, actor, &before, now).await?;
        give_back(conn, case, before.standing, award, &by, Some(said), now).await?;
        let (month, line_no, amount) = (before.month, before.line_no, before.line_amount);
        let line = Line { subscriber_id: case.subscriber_id, month, line_no, amount };
        settle::ask(conn, actor, (case, line), award, &before.findings, now).await?;
    } else {
        let standing = before.standing.explain()?;
        own(conn, actor, &before, now).await?;
        save(conn, case, standing, now).await?;
        let event_id = note(conn, case, standing.round, What::Explained, &by, Some(said), now).await?;
        let notice = DisputeNotice::Explained { amount: standing.line_amount, is_last: standing.round > 1 };
        tell_owner(conn, case, event_id, &notice, now).await?;
    }
    end(conn, actor, "dispute.answered", &before, Some(said), now).await
}

async fn begin(conn: &mut PgConnection, actor: &Actor, case: CaseId) -> Result<Dispute, DisputeError> {
    actor.require(Permission::HelpSubscribers)?;
    locked(conn, case).await
}

/// Whoever acts on a case has it from then on.
async fn own(conn: &mut PgConnection, actor: &Actor, before: &Dispute, now: DateTime<Utc>) -> Result<(), DisputeError> {
    let Some(member) = actor.member() else { return Err(StaffError::Forbidden(Permission::HelpSubscribers).into()) };
    if before.agent.as_ref().is_some_and(|(login, _)| login == member.login.as_str()) {
        return Ok(());
    }
    let case = before.case();
    sqlx::query!(
        "update dispute set agent_id = $3 where subscriber_id = $1 and dispute_id = $2",
        case.subscriber_id,
        case.dispute_id,
        member.staff_id,
    )
    .execute(&mut *conn)
    .await?;
    note(conn, case, before.standing.round, What::Taken, &named(actor)?, None, now).await?;
    Ok(())
}

/// As steps name the staff.
fn named(actor: &Actor) -> Result<actor::Actor, DisputeError> {
    match actor.member() {
        Some(member) => Ok(actor::Actor::Staff(member.login.to_string())),
        None => Err(StaffError::Forbidden(Permission::HelpSubscribers).into()),
    }
}

fn state(dispute: &Dispute) -> Value {
    json!({
        "state": dispute.standing.state.as_str(),
        "agent": dispute.agent.as_ref().map(|(login, _)| login),
        "awarded": dispute.standing.awarded.to_string(),
    })
}

async fn end(
    conn: &mut PgConnection,
    actor: &Actor,
    action: &str,
    before: &Dispute,
    said: Option<&str>,
    now: DateTime<Utc>,
) -> Result<(), DisputeError> {
    let after = super::store::find(conn, before.case()).await?.ok_or(DisputeError::NotFound)?;
    let mut after = state(&after);
    if let Some(said) = said {
        after["words"] = said.into();
    }
    trail::record(conn, actor, action, &subject(before.case()), [Some(state(before)), Some(after)], now).await?;
    Ok(())
}

/// Writes down that somebody of the staff looks at a subscriber, and why.
///
/// # Errors
/// [`StaffError::Forbidden`], [`DisputeError::NoWords`], [`DisputeError::TooLong`], or the database failed.
pub async fn look(
    conn: &mut PgConnection,
    actor: &Actor,
    subscriber_id: i64,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<(), DisputeError> {
    actor.require(Permission::HelpSubscribers)?;
    let reason = reason.trim();
    match reason.chars().count() {
        0 => return Err(DisputeError::NoWords),
        1..=REASON_CHARS_MAX => {}
        _ => return Err(super::TooLong.into()),
    }
    let state = [None, Some(json!({ "reason": reason }))];
    trail::record(conn, actor, LOOK, &looked_at(subscriber_id), state, now).await?;
    Ok(())
}

/// The reason that this person gave in the last half hour to look at a subscriber; `None`: none, and nothing is shown.
///
/// # Errors
/// [`StaffError::Forbidden`], or the database failed.
pub async fn reason(
    conn: &mut PgConnection,
    actor: &Actor,
    subscriber_id: i64,
    now: DateTime<Utc>,
) -> Result<Option<String>, DisputeError> {
    actor.require(Permission::HelpSubscribers)?;
    let Some(member) = actor.member() else { return Ok(None) };
    let given = sqlx::query_scalar!(
        r#"select after ->> 'reason' as "reason!" from audit_trail
        where subject = $1 and action = $2 and staff_id = $3 and at > $4 order by entry_id desc limit 1"#,
        looked_at(subscriber_id),
        LOOK,
        member.staff_id,
        now - LOOK_LASTS,
    )
    .fetch_optional(conn)
    .await?;
    Ok(given)
}

fn looked_at(subscriber_id: i64) -> String {
    format!("subscriber/{subscriber_id}")
}
