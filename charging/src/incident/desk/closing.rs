//! 结案报告 What the report says besides the result of each charge: who did what and when, what was taken out and why, and what did
//! not arrive.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde_json::Value;
use sqlx::PgConnection;

use super::{IncidentError, subject};

/// Parts that did not arrive which the report lists; all of them are in the file of every charge.
pub const REFUSED_MAX: i64 = 500;
/// Steps that the report lists.
const DEEDS_MAX: i64 = 1000;
/// Exclusions that the report lists, by reason and who.
const EXCLUSIONS_MAX: i64 = 200;

/// A step that somebody took.
#[derive(Clone, Debug, PartialEq)]
pub struct Deed {
    pub at: DateTime<Utc>,
    /// The name; `None`: the operator's engineer.
    pub by: Option<String>,
    /// As the trail names it.
    pub action: String,
    pub after: Option<Value>,
}

/// Charges that were taken out of the list together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exclusion {
    pub reason: String,
    pub by: String,
    pub at: DateTime<Utc>,
    pub charges: i64,
    /// Yuan.
    pub amount: Decimal,
}

/// A part of a refund that did not arrive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedPart {
    pub msisdn: String,
    pub refund_no: String,
    pub route: String,
    pub state: String,
    /// Yuan.
    pub amount: Decimal,
    /// What the gateway or the platform said.
    pub failure: Option<String>,
    /// Whether another part took its place, into the balance.
    pub is_replaced: bool,
}

/// What the report says of the steps.
#[derive(Clone, Debug, PartialEq)]
pub struct Closing {
    /// In the order in which they were taken.
    pub deeds: Vec<Deed>,
    pub exclusions: Vec<Exclusion>,
    /// At most [`REFUSED_MAX`].
    pub refused: Vec<RefusedPart>,
}

/// What the report of an incident says of the steps.
///
/// # Errors
/// When the database failed.
pub async fn closing(conn: &mut PgConnection, incident_id: i64) -> Result<Closing, IncidentError> {
    let deeds = sqlx::query_as!(
        Deed,
        r#"select t.at, s.name as "by?", t.action, t.after
        from audit_trail t left join staff s on s.staff_id = t.staff_id
        where t.subject = $1 order by t.entry_id limit $2"#,
        subject(incident_id),
        DEEDS_MAX,
    )
    .fetch_all(&mut *conn)
    .await?;
    let exclusions = sqlx::query_as!(
        Exclusion,
        r#"select x.reason, s.name as by, x.excluded_at as at, count(*) as "charges!", sum(c.amount) as "amount!"
        from incident_exclusion x
        join incident_charge c on c.subscriber_id = x.subscriber_id and c.incident_id = x.incident_id
            and c.imported = x.imported and c.item_id = x.item_id
        join staff s on s.staff_id = x.excluded_by
        where x.incident_id = $1 group by x.reason, s.name, x.excluded_at order by x.excluded_at, x.reason limit $2"#,
        incident_id,
        EXCLUSIONS_MAX,
    )
    .fetch_all(&mut *conn)
    .await?;
    let refused = sqlx::query_as!(
        RefusedPart,
        r#"select u.msisdn as "msisdn!", p.refund_no, p.route, p.state, p.amount, p.failure,
            exists (select from refund_part n where n.subscriber_id = p.subscriber_id and n.refund_id = p.refund_id
                and n.replaces_no = p.part_no) as "is_replaced!"
        from incident_execution e
        join refund r on r.batch_id = e.batch_id
        join refund_part p on p.subscriber_id = r.subscriber_id and p.refund_id = r.refund_id
        join subscriber u on u.subscriber_id = p.subscriber_id
        where e.incident_id = $1 and p.state in ('failed', 'disputed')
        order by p.subscriber_id, p.refund_id, p.part_no limit $2"#,
        incident_id,
        REFUSED_MAX,
    )
    .fetch_all(conn)
    .await?;
    Ok(Closing { deeds, exclusions, refused })
}
