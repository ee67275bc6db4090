//! Whom an incident affects: the list as it was frozen, and what was taken out of it.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde_json::json;
use sqlx::PgConnection;

use super::{IncidentError, Stage, locked, member, reason, subject};
use crate::staff::{Actor, Permission, trail};
use crate::subscriber::Msisdn;

/// Charges of a page.
pub const PAGE: u32 = 50;
/// Farther on nobody turns page by page: the search by number is for that.
const PAGES_MAX: u32 = 10_000;

/// What an incident comes to by one way of payment.
#[derive(Clone, Debug, PartialEq)]
pub struct Totals {
    pub route: String,
    pub charges: i64,
    pub subscribers: i64,
    /// Yuan.
    pub amount: Decimal,
    /// Charges that were taken out, and what they come to; they are counted above too.
    pub excluded: i64,
    pub excluded_amount: Decimal,
}

/// A charge of the list.
#[derive(Clone, Debug, PartialEq)]
pub struct Affected {
    pub msisdn: String,
    pub imported: bool,
    pub item_id: i64,
    pub kind: String,
    pub scheme_id: String,
    /// Yuan.
    pub amount: Decimal,
    pub route: String,
    pub charged_at: DateTime<Utc>,
    pub has_consent: bool,
    /// Why it was taken out.
    pub excluded: Option<String>,
}

/// A page of the list.
#[derive(Clone, Debug, PartialEq)]
pub struct AffectedPage {
    pub charges: Vec<Affected>,
    /// Which it is, from 1.
    pub page: u32,
    pub pages: u32,
}

/// What is taken out of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Excluded {
    /// Every charge of a number.
    Number(Msisdn),
    /// Every charge for which there is a yes in order.
    Agreed,
    /// Every charge that is on no bill yet: another incident can take it once it is.
    Unbilled,
}

/// Makes the list of everything that the incident affects, once: from its findings or its query, but for what is on the list
/// of another incident and was not taken out there.
///
/// # Errors
/// [`IncidentError::NotFound`], [`IncidentError::Stage`], [`IncidentError::NothingAffected`], [`IncidentError::Staff`], or the
/// database failed.
pub async fn freeze(
    conn: &mut PgConnection,
    actor: &Actor,
    incident_id: i64,
    now: DateTime<Utc>,
) -> Result<(), IncidentError> {
    let staff_id = member(actor, Permission::HandleIncidents)?.staff_id;
    let incident = locked(conn, incident_id).await?;
    if incident.stage() != Stage::Opened {
        return Err(IncidentError::Stage(incident.stage()));
    }
    // Two lists that are made at once would not see each other's charges.
    sqlx::query!("select pg_advisory_xact_lock(hashtext('incident_list'))").execute(&mut *conn).await?;
    sqlx::raw_sql(
        "create temporary table if not exists affected (
            subscriber_id bigint, imported boolean, item_id bigint, amount numeric(20, 6), route text);
        truncate pg_temp.affected;
        set local work_mem = '64MB';
        set local jit = off",
    )
    .execute(&mut *conn)
    .await?;
    let query = &incident.query;
    sqlx::query(include_str!("affected.sql"))
        .bind(incident_id)
        .bind(!incident.findings.is_empty())
        .bind(&query.scheme_id)
        .bind(&query.source)
        .bind(query.from)
        .bind(query.until)
        .bind(&query.region)
        .execute(&mut *conn)
        .await?;
    let listed = sqlx::query(
        "insert into incident_list (incident_id, charges, subscribers, amount, listed_by, listed_at)
        select $1, count(*), count(distinct subscriber_id), sum(amount), $2, $3 from pg_temp.affected having count(*) > 0",
    )
    .bind(incident_id)
    .bind(staff_id)
    .bind(now)
    .execute(&mut *conn)
    .await?
    .rows_affected();
    if listed == 0 {
        return Err(IncidentError::NothingAffected);
    }
    sqlx::query(
        "insert into incident_charge (subscriber_id, incident_id, imported, item_id, amount, route)
        select subscriber_id, $1, imported, item_id, amount, route from pg_temp.affected order by 1, 3, 4",
    )
    .bind(incident_id)
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        "insert into incident_list_finding (incident_id, finding_id, charges)
        select i.incident_id, i.finding_id, count(f.subscriber_id)
        from incident_finding i
        left join finding_charge f on f.finding_id = i.finding_id and exists (
            select from incident_charge c
            where c.subscriber_id = f.subscriber_id and c.imported = f.imported and c.item_id = f.item_id)
        where i.incident_id = $1 group by i.incident_id, i.finding_id",
        incident_id,
    )
    .execute(&mut *conn)
    .await?;
    let list = locked(conn, incident_id).await?.list.ok_or(IncidentError::NothingAffected)?;
    let after = json!({"charges": list.charges, "subscribers": list.subscribers, "amount": list.amount.normalize().to_string()});
    trail::record(conn, actor, "incident.list", &subject(incident_id), [None, Some(after)], now).await?;
    Ok(())
}

/// What it comes to by each way of payment, the dearest first.
///
/// # Errors
/// When the database failed.
pub async fn totals(conn: &mut PgConnection, incident_id: i64) -> Result<Vec<Totals>, IncidentError> {
    let totals = sqlx::query_as!(
        Totals,
        r#"select c.route as "route!", count(*) as "charges!", count(distinct c.subscriber_id) as "subscribers!",
            sum(c.amount) as "amount!", count(x.item_id) as "excluded!",
            coalesce(sum(c.amount) filter (where x.item_id is not null), 0) as "excluded_amount!"
        from incident_charge c
        left join incident_exclusion x on x.subscriber_id = c.subscriber_id and x.incident_id = c.incident_id
            and x.imported = c.imported and x.item_id = c.item_id
        where c.incident_id = $1 group by c.route order by 4 desc"#,
        incident_id,
    )
    .fetch_all(conn)
    .await?;
    Ok(totals)
}

/// A page of the list, of one number or all. A page beyond the last is the last.
///
/// # Errors
/// When the database failed.
pub async fn affected(
    conn: &mut PgConnection,
    incident_id: i64,
    msisdn: Option<&Msisdn>,
    page: u32,
) -> Result<AffectedPage, IncidentError> {
    let msisdn = msisdn.map(Msisdn::as_str);
    let total = sqlx::query_scalar!(
        r#"select count(*) as "count!" from incident_charge where incident_id = $1
            and ($2::text is null or subscriber_id = (select m.subscriber_id from msisdn m where m.msisdn = $2))"#,
        incident_id,
        msisdn,
    )
    .fetch_one(&mut *conn)
    .await?;
    let pages = u32::try_from(total).unwrap_or(u32::MAX).div_ceil(PAGE).clamp(1, PAGES_MAX);
    let page = page.clamp(1, pages);
    let charges = sqlx::query_as!(
        Affected,
        r#"select s.msisdn as "msisdn!", c.imported as "imported!", c.item_id as "item_id!", r.kind as "kind!",
            r.scheme_id as "scheme_id!", c.amount as "amount!", c.route as "route!", r.charged_at as "charged_at!",
            r.has_consent as "has_consent!", x.reason as "excluded?"
        from (
            select * from incident_charge where incident_id = $1
                and ($2::text is null or subscriber_id = (select m.subscriber_id from msisdn m where m.msisdn = $2))
            order by subscriber_id, imported, item_id limit $3 offset $4) as c
        join subscriber s on s.subscriber_id = c.subscriber_id
        cross join lateral (select * from charge_review v where v.subscriber_id = c.subscriber_id
            and v.imported = c.imported and v.item_id = c.item_id) as r
        left join incident_exclusion x on x.subscriber_id = c.subscriber_id and x.incident_id = c.incident_id
            and x.imported = c.imported and x.item_id = c.item_id
        order by c.subscriber_id, c.imported, c.item_id"#,
        incident_id,
        msisdn,
        i64::from(PAGE),
        i64::from(page - 1) * i64::from(PAGE),
    )
    .fetch_all(conn)
    .await?;
    Ok(AffectedPage { charges, page, pages })
}

/// Takes charges out of the list, with the reason; how many those are. What was proposed before has to be worked out again.
///
/// # Errors
/// [`IncidentError::NotFound`], [`IncidentError::Stage`], [`IncidentError::Reason`], [`IncidentError::NoCharge`],
/// [`IncidentError::Staff`], or the database failed.
pub async fn exclude(
    conn: &mut PgConnection,
    actor: &Actor,
    incident_id: i64,
    (what, why): (&Excluded, &str),
    now: DateTime<Utc>,
) -> Result<u64, IncidentError> {
    let staff_id = member(actor, Permission::HandleIncidents)?.staff_id;
    let why = reason(why)?;
    let incident = locked(conn, incident_id).await?;
    if !matches!(incident.stage(), Stage::Listed | Stage::Proposed) {
        return Err(IncidentError::Stage(incident.stage()));
    }
    let number = match what {
        Excluded::Number(msisdn) => Some(msisdn.as_str()),
        Excluded::Agreed | Excluded::Unbilled => None,
    };
    let excluded = sqlx::query!(
        "insert into incident_exclusion (subscriber_id, incident_id, imported, item_id, reason, excluded_by, excluded_at)
        select c.subscriber_id, c.incident_id, c.imported, c.item_id, $3, $4, $5
        from incident_charge c
        where c.incident_id = $1
            and case when $2::text is not null then
                c.subscriber_id = (select m.subscriber_id from msisdn m where m.msisdn = $2)
            when $6 then not c.imported and not exists (
                select from bill_line_charge b where b.subscriber_id = c.subscriber_id and b.charge_id = c.charge_id)
            else exists (
                select from charge_review r where r.subscriber_id = c.subscriber_id and r.imported = c.imported
                    and r.item_id = c.item_id and r.has_consent offset 0) end
        on conflict (subscriber_id, incident_id, imported, item_id) do nothing",
        incident_id,
        number,
        why,
        staff_id,
        now,
        *what == Excluded::Unbilled,
    )
    .execute(&mut *conn)
    .await?
    .rows_affected();
    if excluded == 0 {
        return Err(IncidentError::NoCharge);
    }
    let after = json!({"charges": excluded, "number": number, "reason": why});
    trail::record(conn, actor, "incident.exclude", &subject(incident_id), [None, Some(after)], now).await?;
    Ok(excluded)
}
