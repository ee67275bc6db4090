//! Whoever has what is not sold any more is told, once, that nothing changes for him.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::WithdrawalError;
use crate::clock::local_date;
use crate::notice::store::tell_many;
use crate::notice::template::Message;
use crate::notice::{OtherTariff, ServiceNotice};

/// Tells the next subscribers, at most `limit`, of one tariff of which sales have stopped. Returns whether there may be more
/// to tell.
///
/// # Errors
/// When the database failed.
pub async fn tell(conn: &mut PgConnection, limit: u16, now: DateTime<Utc>) -> Result<bool, WithdrawalError> {
    let due = sqlx::query!(
        r#"select t.plan_id, t.scheme_id, w.withdrawn_at, other.name as "other?",
            coalesce(version.recurring_price, 0) as "price!"
        from withdrawal_plan_tariff t
        join tariff_withdrawal w on (w.plan_id, w.scheme_id) = (t.plan_id, t.scheme_id)
        left join tariff_listing other on other.scheme_id = t.instead
        left join tariff_version version on (version.scheme_id, version.version) = (other.scheme_id, other.version)
        where t.told_at is null and w.withdrawn_at <= $1
        order by t.plan_id, t.place limit 1 for update of t"#,
        now,
    )
    .fetch_optional(&mut *conn)
    .await?;
    let Some(due) = due else { return Ok(false) };
    let event = format!("withdrawn:{}", due.scheme_id);
    let rows = sqlx::query!(
        "select distinct on (s.subscriber_id) s.subscriber_id, v.name
        from subscription s join tariff_version v on (v.scheme_id, v.version) = (s.scheme_id, s.version)
        where s.scheme_id = $1 and (s.ends_at is null or s.ends_at > $2 and s.ends_at > s.starts_at)
            and not exists (select from notice n where n.subscriber_id = s.subscriber_id and n.event_key = $3)
        order by s.subscriber_id, s.subscription_id desc limit $4",
        due.scheme_id,
        now,
        event,
        i64::from(limit),
    )
    .fetch_all(&mut *conn)
    .await?;
    let other = due.other.as_deref().map(|name| OtherTariff { name, monthly: due.price });
    let stopped_on = local_date(due.withdrawn_at);
    let notices: Vec<_> = rows
        .iter()
        .map(|row| {
            let notice = ServiceNotice::Withdrawn { name: &row.name, stopped_on, other };
            (row.subscriber_id, event.clone(), Message::Service(notice))
        })
        .collect();
    tell_many(conn, &notices, now).await?;
    if rows.len() < usize::from(limit) {
        sqlx::query!(
            "update withdrawal_plan_tariff set told_at = $3 where plan_id = $1 and scheme_id = $2",
            due.plan_id,
            due.scheme_id,
            now,
        )
        .execute(conn)
        .await?;
    }
    Ok(true)
}
