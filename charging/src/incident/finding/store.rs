//! Findings as they are listed, and what somebody made of them.

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;
use serde_json::json;
use sqlx::PgConnection;

use crate::incident::detector::Detector;
use crate::staff::{Actor, Permission, StaffError, trail};

/// Findings of a page.
pub const PAGE: u32 = 50;
/// Characters of the longest reason.
pub const REASON_CHARS_MAX: usize = 500;
/// Farther back nobody turns page by page.
const PAGES_MAX: u32 = 10_000;

/// Where a finding stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Nobody has dealt with it, or it has grown since.
    Open,
    /// Somebody looked at it and found nothing wrong.
    Dismissed,
    /// An incident deals with it.
    Incident,
}

/// Like charges that a detector found.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    pub finding_id: i64,
    pub detector: Detector,
    pub scheme_id: String,
    /// The name of the tariff, where there is one.
    pub tariff: Option<String>,
    /// Who or what placed the orders; empty: nobody knows.
    pub source: String,
    /// The day on which it was decided that these would be charged.
    pub day: NaiveDate,
    pub found_at: DateTime<Utc>,
    pub charges: i64,
    /// Yuan.
    pub amount: Decimal,
    pub first_at: DateTime<Utc>,
    pub last_at: DateTime<Utc>,
    pub state: State,
    /// The incident that deals with it.
    pub incident_id: Option<i64>,
}

/// A page of findings.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    pub findings: Vec<Finding>,
    /// Which it is, from 1.
    pub page: u32,
    pub pages: u32,
    pub total: i64,
}

/// What a finding comes to by one way of payment.
#[derive(Clone, Debug, PartialEq)]
pub struct ByRoute {
    pub route: String,
    pub charges: i64,
    /// Yuan.
    pub amount: Decimal,
}

/// A charge of a finding.
#[derive(Clone, Debug, PartialEq)]
pub struct Example {
    pub msisdn: String,
    pub imported: bool,
    pub item_id: i64,
    pub kind: String,
    pub amount: Decimal,
    pub charged_at: DateTime<Utc>,
    pub ordered_at: Option<DateTime<Utc>>,
    pub agreed_at: Option<DateTime<Utc>>,
    pub cancelled_at: Option<DateTime<Utc>>,
    pub agreed_price: Option<Decimal>,
    pub route: String,
}

/// That somebody found nothing wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dismissal {
    /// How many charges there were then.
    pub charges: i64,
    pub reason: String,
    pub by: String,
    pub at: DateTime<Utc>,
}

/// What waits for somebody.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Waiting {
    pub findings: i64,
    pub charges: i64,
}

/// Why something about findings cannot be done.
#[derive(Debug, thiserror::Error)]
pub enum FindingError {
    #[error("there is no such finding")]
    NotFound,
    #[error("a reason has 1 to {REASON_CHARS_MAX} characters")]
    Reason,
    /// Dealt with already, or grown since it was looked at.
    #[error("the finding is not as it was when it was looked at")]
    Changed,
    #[error(transparent)]
    Staff(#[from] StaffError),
    #[error("the database holds what cannot be read: {0}")]
    Corrupt(String),
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
}

struct Row {
    finding_id: i64,
    detector: String,
    scheme_id: String,
    tariff: Option<String>,
    source: String,
    day: NaiveDate,
    found_at: DateTime<Utc>,
    charges: i64,
    amount: Decimal,
    first_at: DateTime<Utc>,
    last_at: DateTime<Utc>,
    state: String,
    incident_id: Option<i64>,
}

impl TryFrom<Row> for Finding {
    type Error = FindingError;

    fn try_from(row: Row) -> Result<Self, FindingError> {
        let state = match row.state.as_str() {
            "open" => State::Open,
            "dismissed" => State::Dismissed,
            _ => State::Incident,
        };
        Ok(Self {
            finding_id: row.finding_id,
            detector: row.detector.parse().map_err(|e| FindingError::Corrupt(format!("{e}")))?,
            scheme_id: row.scheme_id,
            tariff: row.tariff,
            source: row.source,
            day: row.day,
            found_at: row.found_at,
            charges: row.charges,
            amount: row.amount,
            first_at: row.first_at,
            last_at: row.last_at,
            state,
            incident_id: row.incident_id,
        })
    }
}

/// A page of findings, the dearest first. `state`: only those that stand so. A page beyond the last is the last.
///
/// # Errors
/// When the database failed.
pub async fn list(conn: &mut PgConnection, state: Option<State>, page: u32) -> Result<Page, FindingError> {
    let wanted = state.map(name);
    let total = sqlx::query_scalar!(
        r#"select count(*) as "count!" from finding_standing where $1::text is null or state = $1"#,
        wanted
    )
    .fetch_one(&mut *conn)
    .await?;
    let pages = u32::try_from(total).unwrap_or(u32::MAX).div_ceil(PAGE).clamp(1, PAGES_MAX);
    let page = page.clamp(1, pages);
    let rows = sqlx::query_as!(
        Row,
        r#"select f.finding_id as "finding_id!", f.detector as "detector!", f.scheme_id as "scheme_id!", l.name as "tariff?",
            f.source as "source!", f.day as "day!", f.found_at as "found_at!", f.charges as "charges!",
            f.amount as "amount!", f.first_at as "first_at!", f.last_at as "last_at!", f.state as "state!", f.incident_id
        from finding_standing f left join tariff_listing l on l.scheme_id = f.scheme_id
        where $1::text is null or f.state = $1
        order by f.amount desc, f.finding_id limit $2 offset $3"#,
        wanted,
        i64::from(PAGE),
        i64::from(page - 1) * i64::from(PAGE),
    )
    .fetch_all(conn)
    .await?;
    let findings = rows.into_iter().map(Finding::try_from).collect::<Result<_, _>>()?;
    Ok(Page { findings, page, pages, total })
}

fn name(state: State) -> &'static str {
    match state {
        State::Open => "open",
        State::Dismissed => "dismissed",
        State::Incident => "incident",
    }
}

/// One finding.
///
/// # Errors
/// When the database failed.
pub async fn find(conn: &mut PgConnection, finding_id: i64) -> Result<Option<Finding>, FindingError> {
    let row = sqlx::query_as!(
        Row,
        r#"select f.finding_id as "finding_id!", f.detector as "detector!", f.scheme_id as "scheme_id!", l.name as "tariff?",
            f.source as "source!", f.day as "day!", f.found_at as "found_at!", f.charges as "charges!",
            f.amount as "amount!", f.first_at as "first_at!", f.last_at as "last_at!", f.state as "state!", f.incident_id
        from finding_standing f left join tariff_listing l on l.scheme_id = f.scheme_id
        where f.finding_id = $1"#,
        finding_id,
    )
    .fetch_optional(conn)
    .await?;
    row.map(Finding::try_from).transpose()
}

/// What it comes to by each way of payment, the dearest first.
///
/// # Errors
/// When the database failed.
pub async fn by_route(conn: &mut PgConnection, finding_id: i64) -> Result<Vec<ByRoute>, FindingError> {
    let routes = sqlx::query_as!(
        ByRoute,
        r#"select route, sum(charges)::bigint as "charges!", sum(amount) as "amount!"
        from finding_growth where finding_id = $1 group by route order by 3 desc"#,
        finding_id,
    )
    .fetch_all(conn)
    .await?;
    Ok(routes)
}

/// So many of its charges.
///
/// # Errors
/// When the database failed.
pub async fn examples(conn: &mut PgConnection, finding_id: i64, limit: u16) -> Result<Vec<Example>, FindingError> {
    let examples = sqlx::query_as!(
        Example,
        r#"select s.msisdn as "msisdn!", r.imported as "imported!", r.item_id as "item_id!", r.kind as "kind!",
            r.amount as "amount!", r.charged_at as "charged_at!", r.ordered_at, r.agreed_at, r.cancelled_at, r.agreed_price,
            r.route as "route!"
        from (select subscriber_id, imported, item_id from finding_charge where finding_id = $1
            order by subscriber_id limit $2) as f
        join subscriber s on s.subscriber_id = f.subscriber_id
        cross join lateral (select * from charge_review c where c.subscriber_id = f.subscriber_id
            and c.imported = f.imported and c.item_id = f.item_id) as r
        order by s.msisdn, r.item_id"#,
        finding_id,
        i64::from(limit),
    )
    .fetch_all(conn)
    .await?;
    Ok(examples)
}

/// Those who looked at it and found nothing wrong, the newest first.
///
/// # Errors
/// When the database failed.
pub async fn dismissals(conn: &mut PgConnection, finding_id: i64) -> Result<Vec<Dismissal>, FindingError> {
    let dismissals = sqlx::query_as!(
        Dismissal,
        "select d.charges, d.reason, s.name as by, d.dismissed_at as at
        from finding_dismissal d join staff s on s.staff_id = d.dismissed_by
        where d.finding_id = $1 order by d.charges desc",
        finding_id,
    )
    .fetch_all(conn)
    .await?;
    Ok(dismissals)
}

/// Findings that nobody has dealt with.
///
/// # Errors
/// When the database failed.
pub async fn waiting(conn: &mut PgConnection) -> Result<Waiting, FindingError> {
    let waiting = sqlx::query_as!(
        Waiting,
        r#"select count(*) as "findings!", coalesce(sum(charges), 0)::bigint as "charges!"
        from finding_standing where state = 'open'"#
    )
    .fetch_one(conn)
    .await?;
    Ok(waiting)
}

/// Notes that there is nothing wrong with a finding as it was seen, with so many charges.
///
/// # Errors
/// [`FindingError::NotFound`], [`FindingError::Reason`], [`FindingError::Changed`], [`FindingError::Staff`], or the database
/// failed.
pub async fn dismiss(
    conn: &mut PgConnection,
    actor: &Actor,
    finding_id: i64,
    (charges, reason): (i64, &str),
    now: DateTime<Utc>,
) -> Result<(), FindingError> {
    actor.require(Permission::HandleIncidents)?;
    let member = actor.member().ok_or(StaffError::Forbidden(Permission::HandleIncidents))?;
    let reason = reason.trim();
    if reason.is_empty() || reason.chars().count() > REASON_CHARS_MAX {
        return Err(FindingError::Reason);
    }
    let finding = find(conn, finding_id).await?.ok_or(FindingError::NotFound)?;
    if finding.state != State::Open || finding.charges != charges {
        return Err(FindingError::Changed);
    }
    let written = sqlx::query!(
        "insert into finding_dismissal (finding_id, charges, reason, dismissed_by, dismissed_at)
        values ($1, $2, $3, $4, $5) on conflict (finding_id, charges) do nothing",
        finding_id,
        charges,
        reason,
        member.staff_id,
        now,
    )
    .execute(&mut *conn)
    .await?
    .rows_affected();
    if written == 0 {
        return Err(FindingError::Changed);
    }
    let after = json!({"charges": charges, "amount": finding.amount.to_string(), "reason": reason});
    trail::record(conn, actor, "finding.dismiss", &format!("finding/{finding_id}"), [None, Some(after)], now).await?;
    Ok(())
}
