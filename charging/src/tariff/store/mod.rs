//! The published tariffs in the database.

mod approved;
mod beside;
mod changes;
mod publish;
mod zone;

use chrono::{DateTime, NaiveDate, Utc};
use sqlx::PgConnection;
use sqlx::types::Json;

use super::{Current, Included, InvalidZoneQuery, Kind, SchemeId, TariffContent, TariffVersion, Terms, in_force};

pub use approved::{Approved, publish_approved};
pub use beside::plans_beside;
pub use changes::{CHANGES_PAGE_SIZE, CHANGES_PAGES_MAX, changes};
pub use publish::{Outcome, Publication, publish};
pub use zone::{count, matching_ids, zone};

/// At most so many tariffs stand side by side.
pub const COMPARE_MAX: usize = 4;

/// Why the published tariffs could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("the tariff database failed")]
    Database(#[from] sqlx::Error),
    #[error("the published row of {scheme_id} version {version} is unsound: {reason}")]
    Unsound { scheme_id: String, version: i32, reason: String },
    #[error("more than {COMPARE_MAX} tariffs cannot be compared")]
    TooManyToCompare,
    #[error(transparent)]
    Query(#[from] InvalidZoneQuery),
    #[error("a row that was to be written was not")]
    NotWritten,
}

/// The newest version of a tariff.
pub async fn find(conn: &mut PgConnection, scheme_id: &SchemeId) -> Result<Option<TariffVersion>, StoreError> {
    Ok(newest(conn, &[scheme_id.to_string()]).await?.pop())
}

/// One version of a tariff, as it was published.
pub async fn version(
    conn: &mut PgConnection,
    scheme_id: &SchemeId,
    version: i32,
) -> Result<Option<TariffVersion>, StoreError> {
    Ok(fetch(conn, &[scheme_id.to_string()], Which::One(version)).await?.pop())
}

/// Every version of a tariff that ever was public, the newest first.
pub async fn versions(conn: &mut PgConnection, scheme_id: &SchemeId) -> Result<Vec<TariffVersion>, StoreError> {
    fetch(conn, &[scheme_id.to_string()], Which::All).await
}

/// At most [`COMPARE_MAX`] tariffs as they are at an instant, in the order asked for; unknown ones are left out.
pub async fn many(
    conn: &mut PgConnection,
    scheme_ids: &[SchemeId],
    at: DateTime<Utc>,
) -> Result<Vec<Current>, StoreError> {
    if scheme_ids.len() > COMPARE_MAX {
        return Err(StoreError::TooManyToCompare);
    }
    let ids: Vec<String> = scheme_ids.iter().map(ToString::to_string).collect();
    let mut found = current(conn, &ids, at).await?;
    found.sort_by_key(|current| scheme_ids.iter().position(|id| *id == current.tariff.content.scheme_id));
    Ok(found)
}

/// The newest versions of some tariffs, ordered by scheme id.
pub async fn newest(conn: &mut PgConnection, scheme_ids: &[String]) -> Result<Vec<TariffVersion>, StoreError> {
    fetch(conn, scheme_ids, Which::Newest).await
}

/// Some tariffs as they are at an instant, ordered by scheme id.
pub async fn current(
    conn: &mut PgConnection,
    scheme_ids: &[String],
    at: DateTime<Utc>,
) -> Result<Vec<Current>, StoreError> {
    let histories = histories(conn, scheme_ids).await?;
    let tariffs = histories.chunk_by(|a, b| a.content.scheme_id == b.content.scheme_id);
    Ok(tariffs.filter_map(|versions| Current::of(versions, at)).collect())
}

/// Of some tariffs what is not past at an instant: the version in force and those that are announced, ordered by scheme id and
/// version.
pub async fn on_display(
    conn: &mut PgConnection,
    scheme_ids: &[String],
    at: DateTime<Utc>,
) -> Result<Vec<TariffVersion>, StoreError> {
    let histories = histories(conn, scheme_ids).await?;
    let tariffs = histories.chunk_by(|a, b| a.content.scheme_id == b.content.scheme_id);
    Ok(tariffs.flat_map(|versions| &versions[in_force(versions, at).unwrap_or(0)..]).cloned().collect())
}

/// Of some tariffs the versions that are in force at an instant, ordered by scheme id: a newer one that is public already and not
/// yet sold leaves the one before on sale.
pub async fn orderable(
    conn: &mut PgConnection,
    scheme_ids: &[String],
    at: DateTime<Utc>,
) -> Result<Vec<TariffVersion>, StoreError> {
    fetch(conn, scheme_ids, Which::InForceAt(at)).await
}

/// Since when sales of a tariff are stopped before its last day.
pub async fn withdrawn_at(conn: &mut PgConnection, scheme_id: &SchemeId) -> Result<Option<DateTime<Utc>>, StoreError> {
    let at = sqlx::query_scalar!(
        r#"select withdrawn_at as "at!" from tariff_off_sale where scheme_id = $1"#,
        scheme_id.as_str()
    )
    .fetch_optional(conn)
    .await?;
    Ok(at)
}

/// Ids of all operators whose tariffs can be on show.
pub async fn operator_ids(conn: &mut PgConnection) -> Result<Vec<String>, StoreError> {
    Ok(sqlx::query_scalar!("select operator_id from operator order by operator_id").fetch_all(conn).await?)
}

/// Someone whose tariffs can be on show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operator {
    pub operator_id: String,
    pub name_zh: String,
    pub name_en: String,
}

/// All operators whose tariffs can be on show, the one that runs this portal first.
pub async fn operators(conn: &mut PgConnection) -> Result<Vec<Operator>, StoreError> {
    let operators = sqlx::query_as!(
        Operator,
        "select operator_id, name_zh, name_en from operator order by operator_id <> 'mingbai', operator_id"
    )
    .fetch_all(conn)
    .await?;
    Ok(operators)
}

/// Up to `limit` scheme ids that come after one (the empty text: from the start), in order.
pub async fn ids_after(conn: &mut PgConnection, after: &str, limit: i64) -> Result<Vec<String>, StoreError> {
    let ids = sqlx::query_scalar!(
        "select scheme_id from tariff where scheme_id > $1 order by scheme_id limit $2",
        after,
        limit
    )
    .fetch_all(conn)
    .await?;
    Ok(ids)
}

/// Every version of some tariffs, ordered by scheme id and then from the oldest to the newest.
pub async fn histories(conn: &mut PgConnection, scheme_ids: &[String]) -> Result<Vec<TariffVersion>, StoreError> {
    let mut found = fetch(conn, scheme_ids, Which::All).await?;
    found.sort_by(|a, b| (&a.content.scheme_id, a.version).cmp(&(&b.content.scheme_id, b.version)));
    Ok(found)
}

#[derive(Clone, Copy)]
enum Which {
    Newest,
    /// The newest of those that took over until an instant.
    InForceAt(DateTime<Utc>),
    One(i32),
    All,
}

struct VersionRow {
    scheme_id: String,
    operator_id: String,
    version: i32,
    published_at: DateTime<Utc>,
    orderable_from: DateTime<Utc>,
    name: String,
    kind: String,
    regions: Vec<String>,
    audience: String,
    channels: Vec<String>,
    on_sale_from: NaiveDate,
    on_sale_until: NaiveDate,
    validity: String,
    commitment: String,
    cancel: String,
    penalty: String,
    restrictions: Vec<String>,
    notes: String,
    price_text: String,
    services_text: String,
    overage_text: String,
    category: String,
    included: Json<Included>,
    terms: Option<Json<Terms>>,
}

async fn fetch(conn: &mut PgConnection, ids: &[String], which: Which) -> Result<Vec<TariffVersion>, StoreError> {
    let wanted = if let Which::One(version) = which { Some(version) } else { None };
    let in_force_at = if let Which::InForceAt(at) = which { Some(at) } else { None };
    let newest = matches!(which, Which::Newest | Which::InForceAt(_));
    let rows = sqlx::query_as!(
        VersionRow,
        r#"select v.scheme_id, t.operator_id, v.version, v.published_at, v.orderable_from, v.name, v.kind, v.regions, v.audience,
            v.channels, v.on_sale_from, v.on_sale_until, v.validity, v.commitment, v.cancel, v.penalty, v.restrictions,
            v.notes, v.price_text, v.services_text, v.overage_text, v.category,
            v.included as "included: Json<Included>", v.terms as "terms: Json<Terms>"
        from tariff_version v
        join tariff t using (scheme_id)
        where v.scheme_id = any($1)
            and ($2::integer is null or v.version = $2)
            and ($4::timestamptz is null or v.takes_over_at <= $4)
            and (not $3 or not exists (
                select from tariff_version later where later.scheme_id = v.scheme_id and later.version > v.version
                    and ($4::timestamptz is null or later.takes_over_at <= $4)))
        order by v.scheme_id, v.version desc"#,
        ids,
        wanted,
        newest,
        in_force_at
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(TariffVersion::try_from).collect()
}

impl TryFrom<VersionRow> for TariffVersion {
    type Error = StoreError;

    fn try_from(row: VersionRow) -> Result<Self, Self::Error> {
        let unsound =
            |reason: String| StoreError::Unsound { scheme_id: row.scheme_id.clone(), version: row.version, reason };
        let scheme_id: SchemeId = row.scheme_id.parse().map_err(|e| unsound(format!("{e}")))?;
        let kind: Kind = row.kind.parse().map_err(unsound)?;
        Ok(Self {
            version: row.version,
            published_at: row.published_at,
            orderable_from: row.orderable_from,
            content: TariffContent {
                scheme_id,
                operator_id: row.operator_id,
                name: row.name,
                kind,
                audience: row.audience,
                regions: row.regions,
                channels: row.channels,
                on_sale_from: row.on_sale_from,
                on_sale_until: row.on_sale_until,
                validity: row.validity,
                commitment: row.commitment,
                cancel: row.cancel,
                penalty: row.penalty,
                restrictions: row.restrictions,
                notes: row.notes,
                price_text: row.price_text,
                services_text: row.services_text,
                overage_text: row.overage_text,
                category: row.category,
                included: row.included.0,
                terms: row.terms.map(|terms| terms.0),
            },
        })
    }
}
