//! Whoever has what is not sold any more is told, once, that nothing changes for him.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::WithdrawalError;
use crate::clock::local_date;
use crate::notice::store::tell_many;
use crate::notice::template::Message;
use crate::notice::{OtherTariff, ServiceNotice};

/// Tells the next subscribers, at most `limit`, of one tariff of which sales have stopped. Returns whether there may be more
/// to tell. Another tariff is named only while it is on sale, and as it is sold then.
///
/// # Errors
/// When the database failed.
pub async fn tell(conn: &mut PgConnection, limit: u16, now: DateTime<Utc>) -> Result<bool, WithdrawalError> {
    let due = sqlx::query!(
        r#"select t.plan_id, t.scheme_id, w.withdrawn_at, t.told_up_to, other.name as "other?",
            other.recurring_price as "price?"
        from withdrawal_plan_tariff t
        join tariff_withdrawal w on (w.plan_id, w.scheme_id) = (t.plan_id, t.scheme_id)
        left join tariff_off_sale stopped on stopped.scheme_id = t.instead
        left join lateral tariff_in_force(t.instead, $1) as other
            on other.on_sale_until >= $2 and (stopped.withdrawn_at is null or stopped.withdrawn_at > $1)
        where t.told_at is null and w.withdrawn_at <= $1
        order by t.plan_id, t.place limit 1 for update of t"#,
        now,
        local_date(now),
    )
    .fetch_optional(&mut *conn)
    .await?;
    let Some(due) = due else { return Ok(false) };
    let event = format!("withdrawn:{}", due.scheme_id);
    let rows = sqlx::query!(
        "select distinct on (s.subscriber_id) s.subscriber_id, v.name
        from subscription s join tariff_version v on (v.scheme_id, v.version) = (s.scheme_id, s.version)
        where s.scheme_id = $1 and (s.ends_at is null or s.ends_at > $2 and s.ends_at > s.starts_at)
            and ($3::bigint is null or s.subscriber_id > $3)
        order by s.subscriber_id, s.subscription_id desc limit $4",
        due.scheme_id,
        now,
        due.told_up_to,
        i64::from(limit),
    )
    .fetch_all(&mut *conn)
    .await?;
    let other = due.other.as_deref().zip(due.price).map(|(name, monthly)| OtherTariff { name, monthly });
    let stopped_on = local_date(due.withdrawn_at);
    let notices: Vec<_> = rows
        .iter()
        .map(|row| {
            let notice = ServiceNotice::Withdrawn { name: &row.name, stopped_on, other };
            (row.subscriber_id, event.clone(), Message::Service(notice))
        })
        .collect();
    tell_many(conn, &notices, now).await?;
    let is_last = rows.len() < usize::from(limit);
    sqlx::query!(
        "update withdrawal_plan_tariff set told_up_to = coalesce($3, told_up_to), told_at = $4
        where plan_id = $1 and scheme_id = $2",
        due.plan_id,
        due.scheme_id,
        rows.last().map(|row| row.subscriber_id),
        is_last.then_some(now),
    )
    .execute(conn)
    .await?;
    Ok(true)
}
