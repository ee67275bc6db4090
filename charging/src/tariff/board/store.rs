//! What our operator has on sale, with who has it.

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::PgConnection;

use super::OnSale;
use crate::clock::local_date;
use crate::tariff::Current;
use crate::tariff::store::{StoreError, current};

/// Tariffs that a board shows at most: each is held against each other.
pub const BOARD_MAX: i64 = 500;
/// Who began within so long has joined of late; what was disputed since counts as a complaint.
const OF_LATE: TimeDelta = TimeDelta::days(30);

/// The tariffs of our operator that are on sale at an instant, those with most subscribers first.
///
/// # Errors
/// When the database failed, or a published row is unsound.
pub async fn board(conn: &mut PgConnection, now: DateTime<Utc>) -> Result<Vec<OnSale>, StoreError> {
    let rows = sqlx::query!(
        r#"select l.scheme_id, (select min(v.published_at) from tariff_version v where v.scheme_id = l.scheme_id)
                as "first_published_at!",
            coalesce(s.subscribers, 0) as "subscribers!", coalesce(s.joined, 0) as "joined!",
            coalesce(s.monthly, 0) as "monthly!",
            coalesce(c.complaints, 0) as "complaints!"
        from tariff_listing l
        left join tariff_off_sale w on w.scheme_id = l.scheme_id
        left join (
            select scheme_id, count(distinct subscriber_id) as subscribers, sum(recurring_price) as monthly,
                count(distinct subscriber_id) filter (where starts_at > $2) as joined
            from subscription
            where starts_at <= $1 and (ends_at is null or ends_at > $1)
            group by scheme_id) as s on s.scheme_id = l.scheme_id
        left join (
            select b.scheme_id, count(*) as complaints
            from dispute d
            join bill_line b on b.subscriber_id = d.subscriber_id and b.month = d.month and b.line_no = d.line_no
            where d.opened_at > $2 and d.opened_at <= $1 and d.state <> 'withdrawn'
            group by b.scheme_id) as c on c.scheme_id = l.scheme_id
        where l.operator_id = 'mingbai' and l.on_sale_until >= $3
            and (l.on_sale_from <= $3
                or exists (select from tariff_in_force(l.scheme_id, $1) as v where v.on_sale_until >= $3))
            and (w.withdrawn_at is null or w.withdrawn_at > $1)
        order by "subscribers!" desc, l.scheme_id limit $4"#,
        now,
        now - OF_LATE,
        local_date(now),
        BOARD_MAX,
    )
    .fetch_all(&mut *conn)
    .await?;
    let ids: Vec<String> = rows.iter().map(|row| row.scheme_id.clone()).collect();
    let mut tariffs = current(conn, &ids, now).await?;
    let on_sale = rows.into_iter().filter_map(|row| {
        let place = tariffs.iter().position(|current| current.tariff.content.scheme_id.as_str() == row.scheme_id)?;
        let Current { tariff, announced } = tariffs.swap_remove(place);
        Some(OnSale {
            tariff,
            announced,
            first_published_at: row.first_published_at,
            subscribers: row.subscribers.unsigned_abs(),
            joined: row.joined.unsigned_abs(),
            complaints: row.complaints.unsigned_abs(),
            monthly: row.monthly,
        })
    });
    Ok(on_sale.collect())
}
