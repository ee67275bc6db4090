//! The report: every charge of the list, and what became of it.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use sqlx::PgConnection;

use super::IncidentError;

/// A charge of the list, and what became of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Reported {
    pub subscriber_id: i64,
    pub imported: bool,
    pub item_id: i64,
    pub msisdn: String,
    pub scheme_id: String,
    pub kind: String,
    /// Yuan.
    pub amount: Decimal,
    pub route: String,
    pub charged_at: DateTime<Utc>,
    pub has_consent: bool,
    /// Why it was taken out of the list.
    pub excluded: Option<String>,
    /// The parts of its refund, each with its number, way, state and yuan; those of a bill line stand with each of its charges.
    pub refund: Option<String>,
    /// When the last part arrived.
    pub confirmed_at: Option<DateTime<Utc>>,
}

/// So many charges of the list after one, in the order of subscribers.
///
/// # Errors
/// When the database failed.
pub async fn report(
    conn: &mut PgConnection,
    incident_id: i64,
    after: Option<&Reported>,
    limit: u16,
) -> Result<Vec<Reported>, IncidentError> {
    let rows = sqlx::query_as!(
        Reported,
        r#"select c.subscriber_id as "subscriber_id!", c.imported as "imported!", c.item_id as "item_id!",
            s.msisdn as "msisdn!", v.scheme_id as "scheme_id!", v.kind as "kind!", c.amount as "amount!",
            c.route as "route!", v.charged_at as "charged_at!", v.has_consent as "has_consent!", x.reason as "excluded?",
            r.refund, r.confirmed_at
        from (
            select * from incident_charge
            where incident_id = $1 and (subscriber_id, imported, item_id) > ($2, $3, $4)
            order by subscriber_id, imported, item_id limit $5) as c
        join subscriber s on s.subscriber_id = c.subscriber_id
        cross join lateral (select w.scheme_id, w.kind, w.charged_at, w.has_consent from charge_review w
            where w.subscriber_id = c.subscriber_id and w.imported = c.imported and w.item_id = c.item_id) as v
        left join incident_exclusion x on x.subscriber_id = c.subscriber_id and x.incident_id = c.incident_id
            and x.imported = c.imported and x.item_id = c.item_id
        left join incident_execution e on e.incident_id = c.incident_id
        left join bill_line_charge b on b.subscriber_id = c.subscriber_id and b.charge_id = c.charge_id
        left join lateral (
            select string_agg(concat_ws(' ', p.refund_no, p.route, p.state, p.amount), '; ' order by p.part_no) as refund,
                max(p.confirmed_at) as confirmed_at
            from refund f
            join refund_part p on p.subscriber_id = f.subscriber_id and p.refund_id = f.refund_id
            where x.item_id is null and f.batch_id = e.batch_id and f.subscriber_id = c.subscriber_id
                and (f.imported_charge_id = c.imported_charge_id or f.month = b.month and f.line_no = b.line_no)
        ) as r on true
        order by c.subscriber_id, c.imported, c.item_id"#,
        incident_id,
        after.map_or(i64::MIN, |last| last.subscriber_id),
        after.is_some_and(|last| last.imported),
        after.map_or(i64::MIN, |last| last.item_id),
        i64::from(limit),
    )
    .fetch_all(conn)
    .await?;
    Ok(rows)
}
