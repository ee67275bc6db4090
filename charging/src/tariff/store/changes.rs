//! What changed on public display, read from the published tables: nothing is written down twice.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::{StoreError, histories};
use crate::clock::local_date;
use crate::tariff::changes::{Change, ChangeKind, Changes};
use crate::tariff::difference::changed;
use crate::tariff::{SchemeId, TariffVersion};

/// Changes on a page.
pub const CHANGES_PAGE_SIZE: u32 = 50;
/// Pages that can be asked for; what is older stands with each tariff.
pub const CHANGES_PAGES_MAX: u32 = 200;

struct ChangeRow {
    at: DateTime<Utc>,
    kind: String,
    scheme_id: String,
    version: i32,
    operator_id: String,
    name: String,
    reason: Option<String>,
}

/// A page of what changed until an instant, the newest first; of one operator, or of all. Pages count from 1 to
/// [`CHANGES_PAGES_MAX`]; another number is answered as the nearest of them.
pub async fn changes(
    conn: &mut PgConnection,
    operator_id: Option<&str>,
    page: u32,
    now: DateTime<Utc>,
) -> Result<Changes, StoreError> {
    let page = page.clamp(1, CHANGES_PAGES_MAX);
    let mut rows = rows(conn, operator_id, page, now).await?;
    let size = usize::try_from(CHANGES_PAGE_SIZE).unwrap_or(usize::MAX);
    let has_more = rows.len() > size && page < CHANGES_PAGES_MAX;
    rows.truncate(size);
    let renewed: Vec<String> =
        rows.iter().filter(|row| row.kind == "new_version").map(|row| row.scheme_id.clone()).collect();
    let histories = histories(conn, &renewed).await?;
    let items = rows.into_iter().map(|row| change(row, &histories)).collect::<Result<_, _>>()?;
    Ok(Changes { items, page, has_more })
}

/// One more than the page holds, where there is one. Each source gives no more than can be on the page, in order.
async fn rows(
    conn: &mut PgConnection,
    operator_id: Option<&str>,
    page: u32,
    now: DateTime<Utc>,
) -> Result<Vec<ChangeRow>, StoreError> {
    let (size, before) = (i64::from(CHANGES_PAGE_SIZE), i64::from((page - 1) * CHANGES_PAGE_SIZE));
    let rows = sqlx::query_as!(
        ChangeRow,
        r#"select at as "at!", change.kind as "kind!", change.scheme_id as "scheme_id!", change.version as "version!",
            t.operator_id, v.name, reason
        from (
            (select v.published_at as at, case v.version when 1 then 'new' else 'new_version' end as kind, v.scheme_id,
                v.version, null::text as reason
            from tariff_version v join tariff t using (scheme_id)
            where v.published_at <= $1 and ($3::text is null or t.operator_id = $3)
            order by v.published_at desc, v.scheme_id, v.version limit $4::bigint + $5::bigint + 1)
            union all
            (select w.withdrawn_at, 'withdrawn', l.scheme_id, l.version, w.reason
            from tariff_withdrawal w join tariff_listing l using (scheme_id)
            where w.withdrawn_at <= $1 and ($3::text is null or l.operator_id = $3)
            order by w.withdrawn_at desc, l.scheme_id limit $4::bigint + $5::bigint + 1)
            union all
            (select (l.on_sale_until + 1)::timestamp at time zone interval '8 hours', 'off_sale', l.scheme_id, l.version,
                null::text
            from tariff_listing l left join tariff_withdrawal w using (scheme_id)
            where l.on_sale_until < $2 and ($3::text is null or l.operator_id = $3)
                and (w.withdrawn_at is null
                    or w.withdrawn_at >= (l.on_sale_until + 1)::timestamp at time zone interval '8 hours')
            order by l.on_sale_until desc, l.scheme_id limit $4::bigint + $5::bigint + 1)
        ) as change
        join tariff t on t.scheme_id = change.scheme_id
        join tariff_version v on v.scheme_id = change.scheme_id and v.version = change.version
        order by at desc, change.scheme_id, change.version desc, change.kind
        limit $4::bigint + 1 offset $5::bigint"#,
        now,
        local_date(now),
        operator_id,
        size,
        before
    )
    .fetch_all(conn)
    .await?;
    Ok(rows)
}

fn change(row: ChangeRow, histories: &[TariffVersion]) -> Result<Change, StoreError> {
    let unsound =
        |reason: String| StoreError::Unsound { scheme_id: row.scheme_id.clone(), version: row.version, reason };
    let scheme_id: SchemeId = row.scheme_id.parse().map_err(|e| unsound(format!("{e}")))?;
    let content = |version: i32| {
        let is_it = |tariff: &&TariffVersion| tariff.content.scheme_id == scheme_id && tariff.version == version;
        histories.iter().find(is_it).map(|tariff| &tariff.content)
    };
    let kind = match row.kind.as_str() {
        "new" => ChangeKind::New,
        "new_version" => {
            let versions = content(row.version - 1).zip(content(row.version));
            let (before, after) = versions.ok_or_else(|| unsound("the version before it is missing".to_owned()))?;
            ChangeKind::NewVersion(changed(before, after))
        }
        "withdrawn" => ChangeKind::Withdrawn(row.reason.unwrap_or_default()),
        _ => ChangeKind::OffSale,
    };
    Ok(Change { at: row.at, kind, scheme_id, version: row.version, operator_id: row.operator_id, name: row.name })
}
