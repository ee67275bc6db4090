//! 试算与复核 What would go back, worked out by one person and approved by another.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use sqlx::PgConnection;

use super::{Done, IncidentError, Stage, locked, member, subject};
use crate::refund::Reason;
use crate::refund::mass::{self, NewBatch};
use crate::staff::{Actor, Permission, trail};

/// What would go back by one way of payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteTotal {
    pub route: String,
    pub charges: i64,
    pub subscribers: i64,
    /// Yuan.
    pub amount: Decimal,
}

/// What would go back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    pub proposal_no: i32,
    /// The charges, by the way they were paid.
    pub routes: Vec<RouteTotal>,
    /// What is returned of them: refunds, and yuan in all.
    pub refunds: i64,
    pub refunded: Decimal,
    batch_id: i64,
    pub done: Done,
    /// Whether the list is still as it was then.
    pub holds: bool,
}

impl Proposal {
    /// Yuan.
    pub fn amount(&self) -> Decimal {
        self.routes.iter().map(|route| route.amount).sum()
    }

    pub fn charges(&self) -> i64 {
        self.routes.iter().map(|route| route.charges).sum()
    }

    fn state(&self) -> Value {
        let routes = self.routes.iter().map(|total| {
            let amount = total.amount.normalize().to_string();
            json!({"route": total.route, "charges": total.charges, "subscribers": total.subscribers, "amount": amount})
        });
        json!({"proposal": self.proposal_no, "routes": routes.collect::<Vec<_>>()})
    }
}

/// That a second person said yes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    pub proposal_no: i32,
    pub done: Done,
}

/// Works out what would go back: the list without what was taken out of it. Nothing moves by this.
///
/// # Errors
/// [`IncidentError::NotFound`], [`IncidentError::Stage`], [`IncidentError::Unbilled`], [`IncidentError::NothingAffected`],
/// [`IncidentError::Staff`], or the database failed.
pub async fn propose(
    conn: &mut PgConnection,
    actor: &Actor,
    incident_id: i64,
    now: DateTime<Utc>,
) -> Result<Proposal, IncidentError> {
    let staff_id = member(actor, Permission::HandleIncidents)?.staff_id;
    let incident = locked(conn, incident_id).await?;
    if !matches!(incident.stage(), Stage::Listed | Stage::Proposed) {
        return Err(IncidentError::Stage(incident.stage()));
    }
    let unbilled = unbilled(conn, incident_id).await?;
    if unbilled > 0 {
        return Err(IncidentError::Unbilled(unbilled));
    }
    let proposal_no = incident.proposal.map_or(1, |proposal| proposal.proposal_no + 1);
    let batch_id = ask(conn, actor, (incident_id, &incident.title), now).await?;
    sqlx::query!(
        "insert into incident_proposal (incident_id, proposal_no, proposed_by, proposed_at, batch_id)
        values ($1, $2, $3, $4, $5)",
        incident_id,
        proposal_no,
        staff_id,
        now,
        batch_id,
    )
    .execute(&mut *conn)
    .await?;
    let routes = sqlx::query!(
        "insert into incident_proposal_route (incident_id, proposal_no, route, charges, subscribers, amount)
        select $1, $2, c.route, count(*), count(distinct c.subscriber_id), sum(c.amount)
        from incident_charge c
        where c.incident_id = $1 and not exists (
            select from incident_exclusion x where x.subscriber_id = c.subscriber_id and x.incident_id = c.incident_id
                and x.imported = c.imported and x.item_id = c.item_id)
        group by c.route",
        incident_id,
        proposal_no,
    )
    .execute(&mut *conn)
    .await?
    .rows_affected();
    if routes == 0 {
        return Err(IncidentError::NothingAffected);
    }
    let proposal = newest_proposal(conn, incident_id).await?.ok_or(IncidentError::NotFound)?;
    trail::record(conn, actor, "incident.propose", &subject(incident_id), [None, Some(proposal.state())], now).await?;
    Ok(proposal)
}

/// How many charges of the list are on no bill yet. They cannot be returned, and what is approved must be what is returned.
async fn unbilled(conn: &mut PgConnection, incident_id: i64) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar!(
        r#"select count(*) as "charges!" from incident_charge c
        where c.incident_id = $1 and not c.imported
            and not exists (
                select from bill_line_charge b where b.subscriber_id = c.subscriber_id and b.charge_id = c.charge_id)
            and not exists (
                select from incident_exclusion x where x.subscriber_id = c.subscriber_id and x.incident_id = c.incident_id
                    and x.imported = c.imported and x.item_id = c.item_id)"#,
        incident_id,
    )
    .fetch_one(conn)
    .await
}

/// Asks for the refunds as one batch.
async fn ask(
    conn: &mut PgConnection,
    actor: &Actor,
    (incident_id, title): (i64, &str),
    now: DateTime<Utc>,
) -> Result<i64, IncidentError> {
    let size = sqlx::query!(
        r#"select count(*) as "refunds!", sum(amount) as amount from incident_refund where incident_id = $1"#,
        incident_id,
    )
    .fetch_one(&mut *conn)
    .await?;
    let amount = size.amount.ok_or(IncidentError::NothingAffected)?;
    let batch = NewBatch { purpose: title, reason: Reason::Incident, refunds: size.refunds, amount };
    Ok(mass::ask(conn, actor, &batch, now).await?)
}

/// Says yes to the newest proposal, which is the one that was looked at, and which somebody else made.
///
/// # Errors
/// [`IncidentError::NotFound`], [`IncidentError::Stage`], [`IncidentError::Stale`], [`IncidentError::SamePerson`],
/// [`IncidentError::Staff`], or the database failed.
pub async fn approve(
    conn: &mut PgConnection,
    actor: &Actor,
    incident_id: i64,
    proposal_no: i32,
    now: DateTime<Utc>,
) -> Result<(), IncidentError> {
    let staff_id = member(actor, Permission::ApproveRefunds)?.staff_id;
    let incident = locked(conn, incident_id).await?;
    let stage = incident.stage();
    let proposal = incident.proposal.filter(|_| stage == Stage::Proposed).ok_or(IncidentError::Stage(stage))?;
    if proposal.proposal_no != proposal_no || !proposal.holds {
        return Err(IncidentError::Stale);
    }
    if proposal.done.staff_id == staff_id {
        return Err(IncidentError::SamePerson);
    }
    sqlx::query!(
        "insert into incident_approval (incident_id, proposal_no, proposed_by, approved_by, approved_at)
        values ($1, $2, $3, $4, $5)",
        incident_id,
        proposal_no,
        proposal.done.staff_id,
        staff_id,
        now,
    )
    .execute(&mut *conn)
    .await?;
    mass::approve(conn, actor, proposal.batch_id, now).await?;
    trail::record(conn, actor, "incident.approve", &subject(incident_id), [None, Some(proposal.state())], now).await?;
    Ok(())
}

/// The newest proposal of an incident.
pub(super) async fn newest_proposal(
    conn: &mut PgConnection,
    incident_id: i64,
) -> Result<Option<Proposal>, IncidentError> {
    let row = sqlx::query!(
        r#"select p.proposal_no, p.proposed_by, s.name, p.proposed_at, p.batch_id, b.refunds, b.amount as refunded,
            (select count(*) from incident_exclusion x where x.incident_id = p.incident_id)
                + (select sum(t.charges) from incident_proposal_route t
                    where t.incident_id = p.incident_id and t.proposal_no = p.proposal_no)
                = (select l.charges from incident_list l where l.incident_id = p.incident_id) as "holds?"
        from incident_proposal p
        join staff s on s.staff_id = p.proposed_by
        join refund_batch b on b.batch_id = p.batch_id
        where p.incident_id = $1 order by p.proposal_no desc limit 1"#,
        incident_id,
    )
    .fetch_optional(&mut *conn)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let routes = sqlx::query_as!(
        RouteTotal,
        "select route, charges, subscribers, amount from incident_proposal_route
        where incident_id = $1 and proposal_no = $2 order by amount desc, route",
        incident_id,
        row.proposal_no,
    )
    .fetch_all(conn)
    .await?;
    Ok(Some(Proposal {
        proposal_no: row.proposal_no,
        routes,
        refunds: row.refunds,
        refunded: row.refunded,
        batch_id: row.batch_id,
        done: Done { staff_id: row.proposed_by, by: row.name, at: row.proposed_at },
        holds: row.holds == Some(true),
    }))
}

pub(super) async fn approval_of(conn: &mut PgConnection, incident_id: i64) -> Result<Option<Approval>, IncidentError> {
    let row = sqlx::query!(
        "select a.proposal_no, a.approved_by, s.name, a.approved_at from incident_approval a
        join staff s on s.staff_id = a.approved_by where a.incident_id = $1",
        incident_id,
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| Approval {
        proposal_no: row.proposal_no,
        done: Done { staff_id: row.approved_by, by: row.name, at: row.approved_at },
    }))
}
