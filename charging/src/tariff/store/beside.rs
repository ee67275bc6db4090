use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::{StoreError, orderable};
use crate::clock::local_date;
use crate::tariff::{TariffContent, TariffVersion, Terms};

/// Up to `limit` plans that somebody would choose between: of the same operator, on sale at an instant where this one is sold,
/// with terms, and nearest to it by what they cost a month; the cheapest first. Each is the version in force.
pub async fn plans_beside(
    conn: &mut PgConnection,
    content: &TariffContent,
    limit: u32,
    now: DateTime<Utc>,
) -> Result<Vec<TariffVersion>, StoreError> {
    let ids = sqlx::query_scalar!(
        "select l.scheme_id
        from tariff_listing l
        cross join lateral tariff_in_force(l.scheme_id, $4) as v
        left join tariff_off_sale w on w.scheme_id = l.scheme_id
        where l.operator_id = $1 and l.scheme_id <> $2 and v.kind = 'plan' and v.terms is not null
            and v.on_sale_until >= $3 and (w.withdrawn_at is null or w.withdrawn_at > $4)
            and ('全国' = any($5::text[]) or v.regions && ($5 || array['全国']))
        order by abs(v.recurring_price - $6), l.scheme_id limit $7",
        content.operator_id,
        content.scheme_id.as_str(),
        local_date(now),
        now,
        &content.regions,
        content.terms.as_ref().map(Terms::recurring_price).unwrap_or_default(),
        i64::from(limit)
    )
    .fetch_all(&mut *conn)
    .await?;
    let mut plans = orderable(conn, &ids, now).await?;
    plans.sort_by_key(|plan| plan.content.terms.as_ref().map(Terms::recurring_price));
    Ok(plans)
}
