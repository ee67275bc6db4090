//! 执行 Returning what was approved: some subscribers at a time, each time one transaction that makes their refunds, tells them
//! once, and notes how far it is. A process that is killed in between leaves nothing half done, and the next goes on.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use rand::CryptoRng;
use rust_decimal::Decimal;
use serde_json::json;
use sqlx::{PgConnection, PgPool};

use super::{IncidentError, Stage, locked, member, subject, try_lock};
use crate::clock::Month;
use crate::notice::PaymentNotice;
use crate::notice::store::tell_many;
use crate::notice::template::Message;
use crate::refund::mass::{self, Item};
use crate::refund::{ImportedCharge, Of};
use crate::staff::{Actor, Permission, trail};

/// Subscribers of one step.
pub const SUBSCRIBERS_OF_STEP: i64 = 4_000;

/// Where the execution stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    Running,
    Paused,
    Done,
}

/// How far it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Execution {
    pub progress: Progress,
    /// Refunds that were made.
    pub made: i64,
    /// Of charges that had been returned before in another way.
    pub already: i64,
    /// Refunds in all, as they were approved.
    pub refunds: i64,
    pub started_at: DateTime<Utc>,
    pub finished_at: Option<DateTime<Utc>>,
}

/// What became of the parts of its refunds, by the way they go and where they stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    pub route: String,
    pub state: String,
    pub parts: i64,
    /// Yuan.
    pub amount: Decimal,
}

/// How far the execution of an incident is; `None`: it was not started.
///
/// # Errors
/// When the database failed.
pub async fn execution(conn: &mut PgConnection, incident_id: i64) -> Result<Option<Execution>, IncidentError> {
    let row = sqlx::query!(
        "select e.state, e.made, e.already, b.refunds, e.started_at, e.finished_at
        from incident_execution e join refund_batch b on b.batch_id = e.batch_id where e.incident_id = $1",
        incident_id,
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| Execution {
        progress: match row.state.as_str() {
            "running" => Progress::Running,
            "paused" => Progress::Paused,
            _ => Progress::Done,
        },
        made: row.made,
        already: row.already,
        refunds: row.refunds,
        started_at: row.started_at,
        finished_at: row.finished_at,
    }))
}

/// What became of its refunds until now.
///
/// # Errors
/// When the database failed.
pub async fn outcomes(conn: &mut PgConnection, incident_id: i64) -> Result<Vec<Outcome>, IncidentError> {
    let outcomes = sqlx::query_as!(
        Outcome,
        r#"select p.route, p.state, count(*) as "parts!", sum(p.amount) as "amount!"
        from incident_execution e
        join refund r on r.batch_id = e.batch_id
        join refund_part p on p.subscriber_id = r.subscriber_id and p.refund_id = r.refund_id
        where e.incident_id = $1 group by p.route, p.state order by p.route, p.state"#,
        incident_id,
    )
    .fetch_all(conn)
    .await?;
    Ok(outcomes)
}

/// Starts returning what was approved.
///
/// # Errors
/// [`IncidentError::NotFound`], [`IncidentError::Stage`], [`IncidentError::Staff`], or the database failed.
pub async fn start(
    conn: &mut PgConnection,
    actor: &Actor,
    incident_id: i64,
    now: DateTime<Utc>,
) -> Result<(), IncidentError> {
    let staff_id = member(actor, Permission::HandleIncidents)?.staff_id;
    let incident = locked(conn, incident_id).await?;
    let stage = incident.stage();
    let written = sqlx::query!(
        "insert into incident_execution (incident_id, proposal_no, batch_id, state, started_by, started_at)
        select a.incident_id, a.proposal_no, p.batch_id, 'running', $2, $3
        from incident_approval a
        join incident_proposal p on p.incident_id = a.incident_id and p.proposal_no = a.proposal_no
        where a.incident_id = $1
        on conflict (incident_id) do nothing",
        incident_id,
        staff_id,
        now,
    )
    .execute(&mut *conn)
    .await?
    .rows_affected();
    if stage < Stage::Approved || written == 0 {
        return Err(IncidentError::Stage(stage));
    }
    let after = json!({"state": "running"});
    trail::record(conn, actor, "incident.execute", &subject(incident_id), [None, Some(after)], now).await?;
    Ok(())
}

/// Pauses it after the step it is at, or lets it go on.
///
/// # Errors
/// [`IncidentError::NotFound`], [`IncidentError::Stage`], [`IncidentError::Staff`], or the database failed.
pub async fn pause(
    conn: &mut PgConnection,
    actor: &Actor,
    incident_id: i64,
    paused: bool,
    now: DateTime<Utc>,
) -> Result<(), IncidentError> {
    member(actor, Permission::HandleIncidents)?;
    let incident = locked(conn, incident_id).await?;
    let (before, after) = if paused { ("running", "paused") } else { ("paused", "running") };
    let changed = sqlx::query!(
        "update incident_execution set state = $3 where incident_id = $1 and state = $2",
        incident_id,
        before,
        after,
    )
    .execute(&mut *conn)
    .await?
    .rows_affected();
    if changed == 0 {
        return Err(IncidentError::Stage(incident.stage()));
    }
    let states = [Some(json!({"state": before})), Some(json!({"state": after}))];
    trail::record(conn, actor, "incident.execute", &subject(incident_id), states, now).await?;
    Ok(())
}

/// Goes one step further with every incident that is running; whether there may be more to do. One that cannot go on holds up no
/// other.
///
/// # Errors
/// When the database failed.
pub async fn run(pool: &PgPool, rng: &mut (impl CryptoRng + Send), now: DateTime<Utc>) -> Result<bool, IncidentError> {
    let running =
        sqlx::query_scalar!("select incident_id from incident_execution where state = 'running' order by incident_id");
    let mut is_more = false;
    for incident_id in running.fetch_all(pool).await? {
        let mut tx = pool.begin().await?;
        match step(&mut tx, incident_id, rng, now).await {
            Ok(went_on) => {
                tx.commit().await?;
                is_more |= went_on;
            }
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::error!(incident_id, error, "what was approved cannot be returned; it is tried again");
            }
        }
    }
    Ok(is_more)
}

/// The refunds of the next subscribers; whether there were any. Whoever else is at work on the incident goes first.
async fn step(
    conn: &mut PgConnection,
    incident_id: i64,
    rng: &mut (impl CryptoRng + Send),
    now: DateTime<Utc>,
) -> Result<bool, IncidentError> {
    if !try_lock(conn, incident_id).await? {
        return Ok(false);
    }
    let place = sqlx::query!(
        "select batch_id, done_subscriber_id from incident_execution where incident_id = $1 and state = 'running'",
        incident_id,
    )
    .fetch_optional(&mut *conn)
    .await?;
    let Some(place) = place else { return Ok(false) };
    let subscribers = next(conn, incident_id, place.done_subscriber_id).await?;
    let Some(last) = subscribers.last() else {
        sqlx::query!(
            "update incident_execution set state = 'done', finished_at = $2 where incident_id = $1",
            incident_id,
            now,
        )
        .execute(conn)
        .await?;
        return Ok(false);
    };
    let items = items(conn, incident_id, &subscribers).await?;
    let (mut made, mut already) = (0, 0);
    for chunk in items.chunks(mass::CHUNK) {
        let done = mass::execute(conn, place.batch_id, chunk, rng, now).await?;
        made += done.made.len();
        already += done.already;
    }
    tell(conn, incident_id, place.batch_id, &subscribers, now).await?;
    sqlx::query!(
        "update incident_execution set done_subscriber_id = $2, made = made + $3, already = already + $4
        where incident_id = $1",
        incident_id,
        last,
        i64::try_from(made).unwrap_or(i64::MAX),
        i64::try_from(already).unwrap_or(i64::MAX),
    )
    .execute(conn)
    .await?;
    Ok(true)
}

/// The next who are on the list, in the order of their numbers.
async fn next(conn: &mut PgConnection, incident_id: i64, after: i64) -> Result<Vec<i64>, sqlx::Error> {
    sqlx::query_scalar!(
        "select distinct subscriber_id from incident_charge where incident_id = $1 and subscriber_id > $2
        order by subscriber_id limit $3",
        incident_id,
        after,
        SUBSCRIBERS_OF_STEP,
    )
    .fetch_all(conn)
    .await
}

async fn items(conn: &mut PgConnection, incident_id: i64, subscribers: &[i64]) -> Result<Vec<Item>, IncidentError> {
    struct Row {
        subscriber_id: i64,
        imported_charge_id: Option<i64>,
        month: Option<NaiveDate>,
        line_no: Option<i32>,
        charged: Decimal,
        amount: Decimal,
        paid_by: String,
        reference: Option<String>,
    }
    let rows = sqlx::query_as!(
        Row,
        r#"select subscriber_id as "subscriber_id!", imported_charge_id, month, line_no, charged as "charged!",
            amount as "amount!", paid_by as "paid_by!", reference
        from incident_refund where incident_id = $1 and subscriber_id = any($2)
        order by subscriber_id, imported_charge_id, month, line_no"#,
        incident_id,
        subscribers,
    )
    .fetch_all(conn)
    .await?;
    let item = |row: Row| {
        let corrupt = || IncidentError::Corrupt(format!("what is returned to subscriber {}", row.subscriber_id));
        let of = match (row.imported_charge_id, row.month, row.line_no) {
            (Some(imported_charge_id), None, None) => Of::Imported(ImportedCharge {
                imported_charge_id,
                charged: row.charged,
                paid_by: row.paid_by.parse().map_err(|_| corrupt())?,
                reference: row.reference.clone(),
            }),
            (None, Some(month), Some(line_no)) => Of::Line { month: Month::of_date(month), line_no },
            _ => return Err(corrupt()),
        };
        Ok(Item { subscriber_id: row.subscriber_id, of, amount: row.amount })
    };
    rows.into_iter().map(item).collect()
}

/// Tells each of them, once, that we are sorry, and how the money goes back.
async fn tell(
    conn: &mut PgConnection,
    incident_id: i64,
    batch_id: i64,
    subscribers: &[i64],
    now: DateTime<Utc>,
) -> Result<(), IncidentError> {
    let rows = sqlx::query!(
        r#"select r.subscriber_id, p.route, sum(p.amount) as "amount!"
        from refund r
        join refund_part p on p.subscriber_id = r.subscriber_id and p.refund_id = r.refund_id
        where r.batch_id = $1 and r.subscriber_id = any($2)
        group by r.subscriber_id, p.route"#,
        batch_id,
        subscribers,
    )
    .fetch_all(&mut *conn)
    .await?;
    let mut by_route: BTreeMap<i64, BTreeMap<String, Decimal>> = BTreeMap::new();
    for row in rows {
        by_route.entry(row.subscriber_id).or_default().insert(row.route, row.amount);
    }
    let messages: Vec<(i64, String, Message<'_>)> = by_route
        .into_iter()
        .map(|(subscriber_id, routes)| {
            let by = |route: &str| routes.get(route).copied().unwrap_or(Decimal::ZERO);
            let notice = PaymentNotice::WrongCharges {
                amount: routes.values().copied().sum(),
                waived: by("bill"),
                balance: by("balance"),
                gateway: by("gateway"),
                platform: by("platform"),
            };
            (subscriber_id, format!("incident/{incident_id}"), Message::Payment(notice))
        })
        .collect();
    tell_many(conn, &messages, now).await?;
    Ok(())
}
