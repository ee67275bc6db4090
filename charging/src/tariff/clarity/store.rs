//! What is found in the published tariffs, kept beside them and counted over all of them.

use sqlx::PgConnection;

use super::{Element, REVISION, Rule, check};
use crate::tariff::store::{StoreError, histories};
use crate::tariff::{SchemeId, TariffVersion};

/// Findings of a page.
pub const PAGE: u32 = 50;
/// Farther back nobody turns page by page: the filters are for that.
const PAGES_MAX: u32 = 2000;

/// Reads tariffs that were not read yet in the version on the shelf, or by older rules, at most `limit`, and keeps what is
/// found. Returns how many were read: none when there are none, or when another server is at it.
///
/// # Errors
/// When the database failed, or a published row is unsound.
pub async fn read_again(conn: &mut PgConnection, limit: u16) -> Result<usize, StoreError> {
    let is_ours = sqlx::query_scalar!(r#"select pg_try_advisory_xact_lock(hashtext('tariff_clarity')) as "is_ours!""#)
        .fetch_one(&mut *conn)
        .await?;
    if !is_ours {
        return Ok(0);
    }
    let rows = sqlx::query!(
        "select l.scheme_id, l.version from tariff_listing l left join tariff_clarity c using (scheme_id)
        where c.scheme_id is null or c.version <> l.version or c.revision < $1
        order by l.scheme_id limit $2",
        REVISION,
        i64::from(limit),
    )
    .fetch_all(&mut *conn)
    .await?;
    let ids: Vec<String> = rows.iter().map(|row| row.scheme_id.clone()).collect();
    let on_shelf = |tariff: &TariffVersion| {
        let id = tariff.content.scheme_id.as_str();
        rows.iter().any(|row| row.scheme_id == id && row.version == tariff.version)
    };
    let tariffs: Vec<TariffVersion> = histories(conn, &ids).await?.into_iter().filter(on_shelf).collect();
    keep(conn, &tariffs).await?;
    Ok(rows.len())
}

/// Rows of both tables, by column.
#[derive(Default)]
struct Rows {
    ids: Vec<String>,
    places: Vec<i32>,
    rules: Vec<&'static str>,
    elements: Vec<&'static str>,
    quotes: Vec<String>,
    sentences: Vec<String>,
}

async fn keep(conn: &mut PgConnection, tariffs: &[TariffVersion]) -> Result<(), StoreError> {
    let mut rows = Rows::default();
    let (mut ids, mut versions, mut counts) = (Vec::new(), Vec::new(), Vec::new());
    for TariffVersion { version, content, .. } in tariffs {
        let id = content.scheme_id.to_string();
        let found = check(content);
        for (place, finding) in (1..).zip(&found) {
            rows.ids.push(id.clone());
            rows.places.push(place);
            rows.rules.push(finding.rule.id());
            rows.elements.push(finding.element.as_str());
            rows.quotes.push(finding.quote.clone());
            rows.sentences.push(finding.sentence(content));
        }
        ids.push(id);
        versions.push(*version);
        counts.push(i32::try_from(found.len()).unwrap_or(i32::MAX));
    }
    sqlx::query!("delete from tariff_finding where scheme_id = any($1)", &ids).execute(&mut *conn).await?;
    sqlx::query!(
        "insert into tariff_clarity (scheme_id, version, revision, rules, findings)
        select scheme_id, version, $1, array(
            select distinct f.rule from unnest($5::text[], $6::text[]) as f (scheme_id, rule)
            where f.scheme_id = new.scheme_id order by f.rule), findings
        from unnest($2::text[], $3::integer[], $4::integer[]) as new (scheme_id, version, findings)
        on conflict (scheme_id) do update set version = excluded.version, revision = excluded.revision,
            rules = excluded.rules, findings = excluded.findings",
        REVISION,
        &ids,
        &versions,
        &counts,
        &rows.ids,
        &rows.rules as &[&str],
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        "insert into tariff_finding (scheme_id, place, rule, element, quote, sentence)
        select * from unnest($1::text[], $2::integer[], $3::text[], $4::text[], $5::text[], $6::text[])",
        &rows.ids,
        &rows.places,
        &rows.rules as &[&str],
        &rows.elements as &[&str],
        &rows.quotes,
        &rows.sentences,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Which of the published tariffs are looked at; `None` is any.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    pub operator: Option<String>,
    /// A region as tariffs name it, 全国 for those of everywhere.
    pub region: Option<String>,
    pub rule: Option<Rule>,
}

/// Tariffs of one operator, region or rule, and how many of them break the rule that is asked for (any, where none is).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Share {
    pub of: String,
    pub tariffs: u64,
    pub broken: u64,
}

/// The market by its faults. Each list is counted under the filters for the other two.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Survey {
    /// Under all filters but the rule.
    pub tariffs: u64,
    /// Of these, without a fault.
    pub clear: u64,
    /// Tariffs on the shelf that were not read yet.
    pub unread: u64,
    /// In the order of [`Rule::ALL`]; `tariffs` is the same for all.
    pub rules: Vec<Share>,
    pub operators: Vec<Share>,
    /// Those with most tariffs first.
    pub regions: Vec<Share>,
}

/// Counts the newest versions of all published tariffs.
///
/// # Errors
/// When the database failed.
pub async fn survey(conn: &mut PgConnection, filter: &Filter) -> Result<Survey, StoreError> {
    let rule = filter.rule.map(Rule::id);
    let all = sqlx::query!(
        r#"select count(c.scheme_id) as "tariffs!", count(*) filter (where c.findings = 0) as "clear!",
            count(*) filter (where c.scheme_id is null or c.version <> l.version) as "unread!"
        from tariff_listing l left join tariff_clarity c using (scheme_id)
        where ($1::text is null or l.operator_id = $1) and ($2::text is null or $2 = any(l.regions))"#,
        filter.operator,
        filter.region,
    )
    .fetch_one(&mut *conn)
    .await?;
    let by_rule = sqlx::query!(
        r#"select rule as "rule!", count(*) as "broken!"
        from tariff_clarity c join tariff_listing l using (scheme_id) cross join unnest(c.rules) as rule
        where ($1::text is null or l.operator_id = $1) and ($2::text is null or $2 = any(l.regions))
        group by rule"#,
        filter.operator,
        filter.region,
    )
    .fetch_all(&mut *conn)
    .await?;
    let operators = sqlx::query!(
        r#"select l.operator_id, count(*) as "tariffs!",
            count(*) filter (where case when $1::text is null then c.findings > 0 else $1 = any(c.rules) end) as "broken!"
        from tariff_clarity c join tariff_listing l using (scheme_id)
        where $2::text is null or $2 = any(l.regions)
        group by l.operator_id order by count(*) desc, l.operator_id"#,
        rule,
        filter.region,
    )
    .fetch_all(&mut *conn)
    .await?;
    let regions = sqlx::query!(
        r#"select region as "region!", count(*) as "tariffs!",
            count(*) filter (where case when $1::text is null then c.findings > 0 else $1 = any(c.rules) end) as "broken!"
        from tariff_clarity c join tariff_listing l using (scheme_id) cross join unnest(l.regions) as region
        where $2::text is null or l.operator_id = $2
        group by region order by count(*) desc, region"#,
        rule,
        filter.operator,
    )
    .fetch_all(conn)
    .await?;
    let tariffs = all.tariffs.unsigned_abs();
    let share = |of: String, tariffs: i64, broken: i64| Share {
        of,
        tariffs: tariffs.unsigned_abs(),
        broken: broken.unsigned_abs(),
    };
    let rules = Rule::ALL.map(|rule| {
        let broken = by_rule.iter().find(|row| row.rule == rule.id()).map_or(0, |row| row.broken);
        share(rule.id().to_owned(), all.tariffs, broken)
    });
    Ok(Survey {
        tariffs,
        clear: all.clear.unsigned_abs(),
        unread: all.unread.unsigned_abs(),
        rules: rules.to_vec(),
        operators: operators.into_iter().map(|row| share(row.operator_id, row.tariffs, row.broken)).collect(),
        regions: regions.into_iter().map(|row| share(row.region, row.tariffs, row.broken)).collect(),
    })
}

/// A finding in a published tariff.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    pub scheme_id: SchemeId,
    pub version: i32,
    pub name: String,
    pub operator_id: String,
    pub rule: Rule,
    /// As [`Element::as_str`] names it.
    pub element: Element,
    /// The words, and the sentence in which they stand; empty where words are missing.
    pub quote: String,
    pub sentence: String,
}

/// A page of findings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    pub found: Vec<Found>,
    /// Which it is, from 1.
    pub page: u32,
    pub pages: u32,
    pub total: u64,
}

/// Findings by scheme id, in the order of each tariff. A page beyond the last is the last.
///
/// # Errors
/// When the database failed.
pub async fn findings(conn: &mut PgConnection, filter: &Filter, page: u32) -> Result<Page, StoreError> {
    let rule = filter.rule.map(Rule::id);
    let total = sqlx::query_scalar!(
        r#"select count(*) as "count!" from tariff_finding f join tariff_listing l using (scheme_id)
        where ($1::text is null or l.operator_id = $1) and ($2::text is null or $2 = any(l.regions))
            and ($3::text is null or f.rule = $3)"#,
        filter.operator,
        filter.region,
        rule,
    )
    .fetch_one(&mut *conn)
    .await?;
    let pages = u32::try_from(total).unwrap_or(u32::MAX).div_ceil(PAGE).clamp(1, PAGES_MAX);
    let page = page.clamp(1, pages);
    let rows = sqlx::query!(
        "select f.scheme_id, c.version, l.name, l.operator_id, f.rule, f.element, f.quote, f.sentence
        from tariff_finding f join tariff_clarity c using (scheme_id) join tariff_listing l using (scheme_id)
        where ($1::text is null or l.operator_id = $1) and ($2::text is null or $2 = any(l.regions))
            and ($3::text is null or f.rule = $3)
        order by f.scheme_id, f.place limit $4 offset $5",
        filter.operator,
        filter.region,
        rule,
        i64::from(PAGE),
        i64::from(page - 1) * i64::from(PAGE),
    )
    .fetch_all(conn)
    .await?;
    // What rules found that there are no more is looked for again, and shown until then by none.
    let found = rows.into_iter().filter_map(|row| {
        Some(Found {
            scheme_id: row.scheme_id.parse().ok()?,
            version: row.version,
            name: row.name,
            operator_id: row.operator_id,
            rule: row.rule.parse().ok()?,
            element: Element::ALL.into_iter().find(|element| element.as_str() == row.element)?,
            quote: row.quote,
            sentence: row.sentence,
        })
    });
    Ok(Page { found: found.collect(), page, pages, total: total.unsigned_abs() })
}
