//! What is found in the published tariffs, kept beside them and counted over all of them.

use std::cmp::Reverse;

use sqlx::PgConnection;

use super::{Element, REVISION, Rule, check};
use crate::tariff::store::{StoreError, histories};
use crate::tariff::{SchemeId, TariffVersion};

/// Findings of a page.
pub const PAGE: u32 = 50;
/// Farther back nobody turns page by page: the filters are for that.
const PAGES_MAX: u32 = 2000;

/// Reads tariffs that were not read yet in the version on the shelf, or by older rules, at most `limit`, and keeps what is
/// found; after the last of them, everything is counted. Returns how many were read: none when there are none, or when
/// another server is at it.
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
    let mut rows = sqlx::query!(
        "select l.scheme_id, l.version from tariff_listing l left join tariff_clarity c using (scheme_id)
        where c.scheme_id is null or c.version <> l.version or c.revision < $1
        order by l.scheme_id limit $2",
        REVISION,
        i64::from(limit) + 1,
    )
    .fetch_all(&mut *conn)
    .await?;
    let is_last = rows.len() <= usize::from(limit);
    rows.truncate(limit.into());
    let ids: Vec<String> = rows.iter().map(|row| row.scheme_id.clone()).collect();
    let on_shelf = |tariff: &TariffVersion| {
        let id = tariff.content.scheme_id.as_str();
        rows.iter().any(|row| row.scheme_id == id && row.version == tariff.version)
    };
    let tariffs: Vec<TariffVersion> = histories(conn, &ids).await?.into_iter().filter(on_shelf).collect();
    keep(conn, &tariffs).await?;
    if is_last && !rows.is_empty() {
        count_again(conn).await?;
    }
    Ok(rows.len())
}

/// Rows of `tariff_finding`, by column.
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
        "insert into tariff_clarity (scheme_id, version, revision, findings)
        select scheme_id, version, $1, findings
        from unnest($2::text[], $3::integer[], $4::integer[]) as new (scheme_id, version, findings)
        on conflict (scheme_id) do update set version = excluded.version, revision = excluded.revision,
            findings = excluded.findings",
        REVISION,
        &ids,
        &versions,
        &counts,
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

/// A key of `tariff_clarity_count`: any operator, region or rule, broken or not.
const ANY: &str = "";
/// The same: any rule, as long as it is broken.
const BROKEN: &str = "*";

async fn count_again(conn: &mut PgConnection) -> Result<(), StoreError> {
    sqlx::query!("delete from tariff_clarity_count").execute(&mut *conn).await?;
    sqlx::query!(
        "insert into tariff_clarity_count (operator_id, region, rule, tariffs, findings)
        select operator, region, rule, count(*), sum(found)
        from tariff_clarity c join tariff_listing l using (scheme_id)
        cross join unnest(array[$1::text, l.operator_id]) as operator
        cross join unnest($1::text || l.regions) as region
        cross join lateral (
            select $1::text as rule, c.findings as found
            union all select $2::text, c.findings where c.findings > 0
            union all select f.rule, count(*) from tariff_finding f where f.scheme_id = c.scheme_id group by f.rule) as broken
        group by operator, region, rule",
        ANY,
        BROKEN,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// What was counted of the newest versions of all published tariffs when some were last read.
///
/// # Errors
/// When the database failed.
pub async fn survey(conn: &mut PgConnection, filter: &Filter) -> Result<Survey, StoreError> {
    let unread = sqlx::query_scalar!(
        r#"select count(*) as "unread!" from tariff_listing l left join tariff_clarity c using (scheme_id)
        where (c.scheme_id is null or c.version <> l.version)
            and ($1::text is null or l.operator_id = $1) and ($2::text is null or $2 = any(l.regions))"#,
        filter.operator,
        filter.region,
    )
    .fetch_one(&mut *conn)
    .await?;
    let operator = filter.operator.as_deref().unwrap_or(ANY);
    let region = filter.region.as_deref().unwrap_or(ANY);
    let rule = filter.rule.map_or(BROKEN, Rule::id);
    let counts = sqlx::query!(
        "select operator_id, region, rule, tariffs from tariff_clarity_count
        where operator_id = $1 and region = $2
            or region = $2 and rule in ($3, $4)
            or operator_id = $1 and rule in ($3, $4)
        order by operator_id, region",
        operator,
        region,
        rule,
        ANY,
    )
    .fetch_all(conn)
    .await?;
    let count = |operator: &str, region: &str, rule: &str| {
        let is_it = |key: [&str; 3]| key == [operator, region, rule];
        let found = counts.iter().find(|row| is_it([&row.operator_id, &row.region, &row.rule]));
        found.map_or(0, |row| row.tariffs.unsigned_abs())
    };
    let tariffs = count(operator, region, ANY);
    let share = |of: &str, tariffs: u64, broken: u64| Share { of: of.to_owned(), tariffs, broken };
    let all = counts.iter().filter(|row| row.rule == ANY);
    let operators =
        all.clone().filter(|row| row.operator_id != ANY && row.region == region).map(|row| &*row.operator_id);
    let regions = all.filter(|row| row.region != ANY && row.operator_id == operator).map(|row| &*row.region);
    let most_first = |mut shares: Vec<Share>| {
        shares.sort_by_key(|share| Reverse(share.tariffs));
        shares
    };
    Ok(Survey {
        tariffs,
        clear: tariffs - count(operator, region, BROKEN),
        unread: unread.unsigned_abs(),
        rules: Rule::ALL.map(|rule| share(rule.id(), tariffs, count(operator, region, rule.id()))).to_vec(),
        operators: most_first(operators.map(|of| share(of, count(of, region, ANY), count(of, region, rule))).collect()),
        regions: most_first(regions.map(|of| share(of, count(operator, of, ANY), count(operator, of, rule))).collect()),
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
        "select findings from tariff_clarity_count where operator_id = $1 and region = $2 and rule = $3",
        filter.operator.as_deref().unwrap_or(ANY),
        filter.region.as_deref().unwrap_or(ANY),
        rule.unwrap_or(ANY),
    )
    .fetch_optional(&mut *conn)
    .await?
    .unwrap_or_default();
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
