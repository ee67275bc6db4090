//! Publishing what was approved: the row is taken from the very bytes that the approval is of.

use chrono::{DateTime, TimeDelta, Utc};
use rust_decimal::Decimal;
use sqlx::PgConnection;

use super::StoreError;
use super::publish::{Row, insert_tariffs, lock, upsert_listings, written};
use crate::clock::Clock;
use crate::tariff::{TariffContent, Terms};

/// An approved submission whose time has come.
#[derive(Clone, Debug)]
pub struct Approved {
    pub submission_id: i64,
    /// The version after which it comes; 0: the tariff is new.
    pub base_version: i32,
    pub content: TariffContent,
    /// For so long it is public before it can be ordered, in whole seconds.
    pub lead: TimeDelta,
}

/// Publishes an approved submission from the present on, which is read once nobody else publishes; `None`: another version came
/// in between, so that it is not what was compared and approved any more.
///
/// # Errors
/// When the database failed, or holds no such approval (`tariff_version_approval`).
pub async fn publish_approved(
    conn: &mut PgConnection,
    approved: &Approved,
    clock: &dyn Clock,
) -> Result<Option<(i32, DateTime<Utc>)>, StoreError> {
    lock(conn).await?;
    let now = clock.now();
    let content = &approved.content;
    let latest = sqlx::query_scalar!(
        r#"select coalesce(max(version), 0) as "version!" from tariff_version where scheme_id = $1"#,
        content.scheme_id.as_str()
    )
    .fetch_one(&mut *conn)
    .await?;
    if latest != approved.base_version {
        return Ok(None);
    }
    let row = Row { content, version: latest + 1, published_at: now, orderable_from: now + approved.lead };
    insert_tariffs(conn, &[row], now).await?;
    insert(conn, approved.submission_id, &row).await?;
    upsert_listings(conn, &[row]).await?;
    Ok(Some((row.version, now)))
}

async fn insert(conn: &mut PgConnection, submission_id: i64, row: &Row<'_>) -> Result<(), StoreError> {
    let terms = row.content.terms.as_ref();
    let done = sqlx::query!(
        "insert into tariff_version (scheme_id, version, published_at, orderable_from, name, kind, regions, audience,
            channels, on_sale_from, on_sale_until, validity, commitment, cancel, penalty, restrictions, notes, price_text,
            services_text, overage_text, category, included, terms, recurring_price, one_off_price, penalty_max,
            content_digest, approval, base_version, go_live_at, lead_seconds, decided_at, approved_content)
        select s.scheme_id, $2, $3, $4, c.name, c.kind, c.regions, c.audience,
            c.channels, c.on_sale_from, c.on_sale_until, c.validity, c.commitment, c.cancel, c.penalty, c.restrictions,
            c.notes, c.price_text, c.services_text, c.overage_text, c.category, c.included, c.terms, $5, $6, $7,
            s.content_digest, s.submission_id, s.base_version, s.go_live_at, s.lead_seconds, d.decided_at, s.content
        from tariff_submission s join tariff_decision d using (submission_id), jsonb_to_record(convert_from(s.content, 'UTF8')::jsonb) as c (name text, kind text,
            regions text[], audience text, channels text[], on_sale_from date, on_sale_until date, validity text,
            commitment text, cancel text, penalty text, restrictions text[], notes text, price_text text,
            services_text text, overage_text text, category text, included jsonb, terms jsonb)
        where s.submission_id = $1",
        submission_id,
        row.version,
        row.published_at,
        row.orderable_from,
        terms.map(Terms::recurring_price),
        terms.map(|terms| terms.one_off),
        terms.map_or(Decimal::ZERO, Terms::penalty_max),
    )
    .execute(conn)
    .await?;
    written(done.rows_affected(), 1)
}
