//! Opening an incident, what stopped it, and how far it is.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde_json::json;
use sqlx::PgConnection;

use super::proposal::{Approval, Proposal, approval_of, newest_proposal};
use super::{Done, IncidentError, Stage, TITLE_CHARS_MAX, locked, member, subject};
use crate::actor::Actor as By;
use crate::incident::finding::store::{self as finding, FindingError, State};
use crate::staff::{Actor, Permission, trail};

/// Incidents that are listed at most.
const LISTED_MAX: i64 = 500;

/// Which charges an incident is about, where it was not opened from a finding; `None` is any.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    pub scheme_id: Option<String>,
    pub source: Option<String>,
    /// When it was decided that they would be charged.
    pub from: Option<DateTime<Utc>>,
    /// The first instant that is too late.
    pub until: Option<DateTime<Utc>>,
    pub region: Option<String>,
}

/// That the list was made, and what was on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct List {
    pub charges: i64,
    pub subscribers: i64,
    /// Yuan.
    pub amount: Decimal,
    pub done: Done,
}

/// A tariff of which sales were stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stop {
    pub scheme_id: String,
    pub done: Done,
    /// Since when they go on.
    pub lifted_at: Option<DateTime<Utc>>,
}

/// An incident, as far as it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Incident {
    pub incident_id: i64,
    pub title: String,
    pub opened: Done,
    pub query: Query,
    /// The findings that it deals with.
    pub findings: Vec<i64>,
    /// The tariffs that these are about.
    pub tariffs: Vec<String>,
    pub stops: Vec<Stop>,
    pub list: Option<List>,
    /// The newest.
    pub proposal: Option<Proposal>,
    pub approval: Option<Approval>,
}

impl Incident {
    pub fn stage(&self) -> Stage {
        match (&self.list, &self.proposal, &self.approval) {
            (_, _, Some(_)) => Stage::Approved,
            (_, Some(_), None) => Stage::Proposed,
            (Some(_), None, None) => Stage::Listed,
            (None, None, None) => Stage::Opened,
        }
    }
}

/// An incident among others.
#[derive(Clone, Debug, PartialEq)]
pub struct Opened {
    pub incident_id: i64,
    pub title: String,
    pub opened_at: DateTime<Utc>,
    pub stage: Stage,
    /// What its list comes to, once there is one: charges, and yuan.
    pub size: Option<(i64, Decimal)>,
}

/// Opens an incident about what a query finds.
///
/// # Errors
/// [`IncidentError::Title`], [`IncidentError::Scope`], [`IncidentError::Staff`], or the database failed.
pub async fn open(
    conn: &mut PgConnection,
    actor: &Actor,
    title: &str,
    query: &Query,
    now: DateTime<Utc>,
) -> Result<i64, IncidentError> {
    let is_about_something = query.scheme_id.is_some() || query.source.is_some() || query.from.is_some();
    let is_turned_round = query.from.zip(query.until).is_some_and(|(from, until)| from >= until);
    if !is_about_something || is_turned_round {
        return Err(IncidentError::Scope);
    }
    insert(conn, actor, title, query, now).await
}

/// Opens an incident about the charges of a finding.
///
/// # Errors
/// [`IncidentError::Title`], [`IncidentError::Finding`], [`IncidentError::Staff`], or the database failed.
pub async fn open_from_finding(
    conn: &mut PgConnection,
    actor: &Actor,
    title: &str,
    finding_id: i64,
    now: DateTime<Utc>,
) -> Result<i64, IncidentError> {
    // Two who open one at once would both take it.
    sqlx::query!("select pg_advisory_xact_lock(hashtext('incident_finding'))").execute(&mut *conn).await?;
    let found = finding::find(conn, finding_id).await?.ok_or(FindingError::NotFound)?;
    if found.state == State::Incident {
        return Err(FindingError::Changed.into());
    }
    let incident_id = insert(conn, actor, title, &Query::default(), now).await?;
    // The same charges are found by several detectors: all that these found there belongs to it, but what somebody looked at and
    // found in order.
    let taken = sqlx::query!(
        "insert into incident_finding (finding_id, incident_id)
        select f.finding_id, $2 from finding_standing f join finding g on g.finding_id = $1
        where f.scheme_id = g.scheme_id and f.source = g.source and f.day = g.day
            and (f.finding_id = $1 or f.state = 'open')",
        finding_id,
        incident_id,
    )
    .execute(conn)
    .await?
    .rows_affected();
    if taken == 0 { Err(FindingError::Changed.into()) } else { Ok(incident_id) }
}

async fn insert(
    conn: &mut PgConnection,
    actor: &Actor,
    title: &str,
    query: &Query,
    now: DateTime<Utc>,
) -> Result<i64, IncidentError> {
    let staff_id = member(actor, Permission::HandleIncidents)?.staff_id;
    let title = title.trim();
    if !(1..=TITLE_CHARS_MAX).contains(&title.chars().count()) || title.chars().any(char::is_control) {
        return Err(IncidentError::Title);
    }
    let incident_id = sqlx::query_scalar!(
        "insert into incident (title, opened_by, opened_at, scheme_id, source, decided_from, decided_until, region)
        values ($1, $2, $3, $4, $5, $6, $7, $8) returning incident_id",
        title,
        staff_id,
        now,
        query.scheme_id,
        query.source,
        query.from,
        query.until,
        query.region,
    )
    .fetch_one(&mut *conn)
    .await?;
    let after = json!({"title": title, "tariff": query.scheme_id, "source": query.source, "from": query.from,
        "until": query.until, "region": query.region});
    trail::record(conn, actor, "incident.open", &subject(incident_id), [None, Some(after)], now).await?;
    Ok(incident_id)
}

/// An incident, as far as it is.
///
/// # Errors
/// When the database failed.
pub async fn find(conn: &mut PgConnection, incident_id: i64) -> Result<Option<Incident>, IncidentError> {
    let row = sqlx::query!(
        "select i.title, i.opened_by, s.name, i.opened_at, i.scheme_id, i.source, i.decided_from, i.decided_until, i.region
        from incident i join staff s on s.staff_id = i.opened_by where i.incident_id = $1",
        incident_id,
    )
    .fetch_optional(&mut *conn)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let findings = sqlx::query!(
        "select f.finding_id, f.scheme_id from incident_finding i join finding f on f.finding_id = i.finding_id
        where i.incident_id = $1 order by f.finding_id",
        incident_id,
    )
    .fetch_all(&mut *conn)
    .await?;
    let mut tariffs: Vec<String> = findings.iter().map(|found| found.scheme_id.clone()).collect();
    tariffs.extend(row.scheme_id.clone());
    tariffs.sort_unstable();
    tariffs.dedup();
    Ok(Some(Incident {
        incident_id,
        title: row.title,
        opened: Done { staff_id: row.opened_by, by: row.name, at: row.opened_at },
        query: Query {
            scheme_id: row.scheme_id,
            source: row.source,
            from: row.decided_from,
            until: row.decided_until,
            region: row.region,
        },
        findings: findings.into_iter().map(|found| found.finding_id).collect(),
        tariffs,
        stops: stops(conn, incident_id).await?,
        list: list_of(conn, incident_id).await?,
        proposal: newest_proposal(conn, incident_id).await?,
        approval: approval_of(conn, incident_id).await?,
    }))
}

async fn stops(conn: &mut PgConnection, incident_id: i64) -> Result<Vec<Stop>, IncidentError> {
    let rows = sqlx::query!(
        "select p.scheme_id, p.stopped_by, s.name, p.stopped_at, p.lifted_at from incident_stop p
        join staff s on s.staff_id = p.stopped_by where p.incident_id = $1 order by p.stopped_at, p.scheme_id",
        incident_id,
    )
    .fetch_all(conn)
    .await?;
    let stop = rows.into_iter().map(|row| Stop {
        scheme_id: row.scheme_id,
        done: Done { staff_id: row.stopped_by, by: row.name, at: row.stopped_at },
        lifted_at: row.lifted_at,
    });
    Ok(stop.collect())
}

async fn list_of(conn: &mut PgConnection, incident_id: i64) -> Result<Option<List>, IncidentError> {
    let row = sqlx::query!(
        "select l.charges, l.subscribers, l.amount, l.listed_by, s.name, l.listed_at
        from incident_list l join staff s on s.staff_id = l.listed_by where l.incident_id = $1",
        incident_id,
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| List {
        charges: row.charges,
        subscribers: row.subscribers,
        amount: row.amount,
        done: Done { staff_id: row.listed_by, by: row.name, at: row.listed_at },
    }))
}

/// All incidents, the newest first.
///
/// # Errors
/// When the database failed.
pub async fn list(conn: &mut PgConnection) -> Result<Vec<Opened>, IncidentError> {
    let rows = sqlx::query!(
        r#"select i.incident_id, i.title, i.opened_at, l.charges as "charges?", l.amount as "amount?",
            exists (select from incident_proposal p where p.incident_id = i.incident_id) as "proposed!",
            exists (select from incident_approval a where a.incident_id = i.incident_id) as "approved!"
        from incident i left join incident_list l on l.incident_id = i.incident_id
        order by i.incident_id desc limit $1"#,
        LISTED_MAX,
    )
    .fetch_all(conn)
    .await?;
    let incidents = rows.into_iter().map(|row| Opened {
        incident_id: row.incident_id,
        title: row.title,
        opened_at: row.opened_at,
        stage: match (row.charges, row.proposed, row.approved) {
            (_, _, true) => Stage::Approved,
            (_, true, false) => Stage::Proposed,
            (Some(_), false, false) => Stage::Listed,
            (None, false, false) => Stage::Opened,
        },
        size: row.charges.zip(row.amount),
    });
    Ok(incidents.collect())
}

/// Stops sales of a tariff at once, so that it does not go on: questions about it that are open are refused. One that was stopped
/// already stays so.
///
/// # Errors
/// [`IncidentError::NotFound`], [`IncidentError::NoTariff`], [`IncidentError::Staff`], or the database failed.
pub async fn stop_sales(
    conn: &mut PgConnection,
    actor: &Actor,
    incident_id: i64,
    scheme_id: &str,
    now: DateTime<Utc>,
) -> Result<(), IncidentError> {
    let staff_id = member(actor, Permission::HandleIncidents)?.staff_id;
    let incident = locked(conn, incident_id).await?;
    let is_known = sqlx::query_scalar!("select 1 as one from tariff where scheme_id = $1", scheme_id);
    if is_known.fetch_optional(&mut *conn).await?.is_none()
        || !incident.tariffs.iter().any(|tariff| tariff == scheme_id)
    {
        return Err(IncidentError::NoTariff);
    }
    let stopped = sqlx::query!(
        "insert into incident_stop (incident_id, scheme_id, stopped_by, stopped_at) values ($1, $2, $3, $4)
        on conflict (incident_id, scheme_id) where lifted_at is null do nothing",
        incident_id,
        scheme_id,
        staff_id,
        now,
    )
    .execute(&mut *conn)
    .await?
    .rows_affected();
    if stopped == 0 {
        return Ok(());
    }
    let refused = refuse_open_questions(conn, actor, scheme_id, now).await?;
    let after = json!({"tariff": scheme_id, "on_sale": false, "questions_refused": refused});
    trail::record(conn, actor, "incident.stop", &subject(incident_id), [None, Some(after)], now).await?;
    Ok(())
}

/// Nobody says yes any more to what is not sold; how many questions were open. One that is asked meanwhile is refused when it is
/// answered.
async fn refuse_open_questions(
    conn: &mut PgConnection,
    actor: &Actor,
    scheme_id: &str,
    now: DateTime<Utc>,
) -> Result<u64, sqlx::Error> {
    let by = actor.member().map(|member| By::Staff(member.login.to_string()).to_string());
    let refused = sqlx::query!(
        "update consent_request set state = 'refused', closed_at = greatest($2, asked_at), closed_by = $3,
            closed_channel_id = channel_id
        where scheme_id = $1 and state = 'open' and expires_at >= $2",
        scheme_id,
        now,
        by,
    )
    .execute(conn)
    .await?;
    Ok(refused.rows_affected())
}

/// Lets sales of a tariff go on that somebody else stopped.
///
/// # Errors
/// [`IncidentError::NotFound`], [`IncidentError::NoTariff`], [`IncidentError::SamePerson`], [`IncidentError::Staff`], or the
/// database failed.
pub async fn resume_sales(
    conn: &mut PgConnection,
    actor: &Actor,
    incident_id: i64,
    scheme_id: &str,
    now: DateTime<Utc>,
) -> Result<(), IncidentError> {
    let staff_id = member(actor, Permission::HandleIncidents)?.staff_id;
    let incident = locked(conn, incident_id).await?;
    let stop = incident.stops.iter().find(|stop| stop.scheme_id == scheme_id && stop.lifted_at.is_none());
    if stop.ok_or(IncidentError::NoTariff)?.done.staff_id == staff_id {
        return Err(IncidentError::SamePerson);
    }
    sqlx::query!(
        "update incident_stop set lifted_by = $3, lifted_at = $4
        where incident_id = $1 and scheme_id = $2 and lifted_at is null",
        incident_id,
        scheme_id,
        staff_id,
        now,
    )
    .execute(&mut *conn)
    .await?;
    let states =
        [Some(json!({"tariff": scheme_id, "on_sale": false})), Some(json!({"tariff": scheme_id, "on_sale": true}))];
    trail::record(conn, actor, "incident.resume", &subject(incident_id), states, now).await?;
    Ok(())
}
