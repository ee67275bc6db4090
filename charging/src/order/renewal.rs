//! 续订提醒 Before add-ons renew themselves with a month, their owner is told once, [`super::first_charge::AHEAD`].
//!
//! A renewal is each next month of a monthly service besides the plan: a plan goes on by itself as the contract, the others
//! are bought month by month. What begins in this month is told of by its first charge.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::first_charge::AHEAD;
use super::store::OrderError;
use crate::clock::Month;
use crate::notice::ServiceNotice;
use crate::notice::store::tell_many;
use crate::notice::template::Message;

/// The month whose renewals are to be told at an instant, if that is now: the next one.
pub fn month_ahead(now: DateTime<Utc>) -> Option<Month> {
    let month = Month::of(now);
    (now >= month.end() - AHEAD).then(|| month.next())
}

/// Tells the next subscribers after one, at most `limit`, of what renews itself for `month`; who was told is passed over.
/// Returns the last of them; `None`: there are no more.
///
/// # Errors
/// When the database failed.
pub async fn tell(
    conn: &mut PgConnection,
    month: Month,
    after: i64,
    limit: u16,
    now: DateTime<Utc>,
) -> Result<Option<i64>, OrderError> {
    let rows = sqlx::query!(
        r#"select s.subscriber_id, count(*) as "services!", sum(s.recurring_price) as "monthly!",
            (array_agg(t.name order by s.recurring_price desc, s.subscription_id))[1] as "first!"
        from subscription s join tariff_version t on t.scheme_id = s.scheme_id and t.version = s.version
        where s.subscriber_id > $1 and s.kind = 'addon' and s.recurring_price > 0 and s.ends_at is null
            and s.starts_at < $2
            and not exists (select from notice n where n.subscriber_id = s.subscriber_id and n.event_key = $3)
        group by s.subscriber_id order by s.subscriber_id limit $4"#,
        after,
        month.previous().start(),
        event(month),
        i64::from(limit),
    )
    .fetch_all(&mut *conn)
    .await?;
    let notices: Vec<_> = rows
        .iter()
        .map(|row| {
            let notice = ServiceNotice::Renewal {
                first: &row.first,
                services: usize::try_from(row.services).unwrap_or(usize::MAX),
                monthly: row.monthly,
                renews_on: month.first_day(),
            };
            (row.subscriber_id, event(month), Message::Service(notice))
        })
        .collect();
    tell_many(conn, &notices, now).await?;
    Ok(rows.last().map(|row| row.subscriber_id))
}

fn event(month: Month) -> String {
    format!("renewal:{month}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_renewal_is_told_in_the_morning_five_days_ahead() {
        let at = |text: &str| month_ahead(text.parse().unwrap()).map(|month| month.to_string());
        assert_eq!(at("2026-10-26T08:59:59+08:00"), None);
        assert_eq!(at("2026-10-26T09:00:00+08:00").as_deref(), Some("2026-11"));
        assert_eq!(at("2026-10-31T23:59:59+08:00").as_deref(), Some("2026-11"));
        assert_eq!(at("2026-11-01T00:00:00+08:00"), None);
    }
}
