//! The question to the tariff zone, in SQL.
//!
//! A word of one or two characters is a gram itself, so the index alone answers it; a longer word is narrowed down by its
//! pairs of neighbours and confirmed in the text.

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;
use sqlx::{PgConnection, Postgres, QueryBuilder, Row};

use super::StoreError;
use crate::clock::local_date;
use crate::tariff::{Facet, Kind, Listing, PricePeriod, Sale, SchemeId, ZonePage, ZoneQuery, ZoneSort, grams_of};

/// Answers a page of the zone as of an instant.
pub async fn zone(conn: &mut PgConnection, query: &ZoneQuery, now: DateTime<Utc>) -> Result<ZonePage, StoreError> {
    query.check()?;
    let mut counts = count_query(query, now);
    let row = counts.build().fetch_one(&mut *conn).await?;
    let total = from_count(row.try_get("total")?);
    let items = if total == 0 {
        Vec::new()
    } else {
        let mut page = page_query(query, now);
        page.build_query_as::<ListingSqlRow>()
            .fetch_all(conn)
            .await?
            .into_iter()
            .map(Listing::try_from)
            .collect::<Result<_, _>>()?
    };
    Ok(ZonePage {
        items,
        total,
        page: query.page,
        page_size: query.page_size,
        operators: facets(row.try_get("operators")?),
        regions: facets(row.try_get("regions")?),
        kinds: facets(row.try_get("kinds")?),
    })
}

/// Scheme ids of everything that a question matches (its page and order do not count), ordered by scheme id.
pub async fn matching_ids(
    conn: &mut PgConnection,
    query: &ZoneQuery,
    now: DateTime<Utc>,
) -> Result<Vec<String>, StoreError> {
    query.check()?;
    let mut sql = QueryBuilder::new("select l.scheme_id from ");
    push_shelf(&mut sql);
    push_filters(&mut sql, query, now);
    for facet in Facetted::ALL {
        sql.push(" and ");
        push_facet(&mut sql, query, facet);
    }
    sql.push(" order by l.scheme_id");
    Ok(sql.build_query_scalar().fetch_all(conn).await?)
}

/// How many tariffs a question matches (its page and order do not count).
pub async fn count(conn: &mut PgConnection, query: &ZoneQuery, now: DateTime<Utc>) -> Result<u64, StoreError> {
    query.check()?;
    let mut sql = QueryBuilder::new("select count(*) from ");
    push_shelf(&mut sql);
    push_filters(&mut sql, query, now);
    for facet in Facetted::ALL {
        sql.push(" and ");
        push_facet(&mut sql, query, facet);
    }
    Ok(from_count(sql.build_query_scalar().fetch_one(conn).await?))
}

/// The filters whose values are counted.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Facetted {
    Operator,
    Region,
    Kind,
}

impl Facetted {
    const ALL: [Self; 3] = [Self::Operator, Self::Region, Self::Kind];
}

fn push_shelf(sql: &mut QueryBuilder<Postgres>) {
    sql.push("tariff_listing l left join tariff_off_sale w on w.scheme_id = l.scheme_id where true");
}

/// One pass over the shelf; each facet is counted without its own filter.
fn count_query(query: &ZoneQuery, now: DateTime<Utc>) -> QueryBuilder<Postgres> {
    let mut sql = QueryBuilder::new("with matched as materialized (select l.operator_id, l.regions, l.kind, ");
    for (i, facet) in Facetted::ALL.into_iter().enumerate() {
        push_facet(&mut sql, query, facet);
        sql.push([" as operator_ok, ", " as region_ok, ", " as kind_ok from "][i]);
    }
    push_shelf(&mut sql);
    push_filters(&mut sql, query, now);
    sql.push(
        "), operators as (select operator_id as value, count(*) as n from matched
            where region_ok and kind_ok group by operator_id),
        regions as (select value, sum(n)::bigint as n from (
            select regions, count(*) as n from matched where operator_ok and kind_ok group by regions) as same,
            unnest(regions) as value group by value),
        kinds as (select kind as value, count(*) as n from matched where operator_ok and region_ok group by kind)
        select (select count(*) from matched where operator_ok and region_ok and kind_ok) as total,
            (select jsonb_object_agg(value, n) from operators) as operators,
            (select jsonb_object_agg(value, n) from regions) as regions,
            (select jsonb_object_agg(value, n) from kinds) as kinds",
    );
    sql
}

/// The page is cut out first, so that only its rows are looked up in the published table.
fn page_query(query: &ZoneQuery, now: DateTime<Utc>) -> QueryBuilder<Postgres> {
    let mut sql = QueryBuilder::new(
        "select l.*, v.price_text, v.commitment, v.restrictions, v.terms is not null as orderable,
            v.takes_over_at, ",
    );
    push_is_sold(&mut sql, now);
    sql.push(
        " as is_sold
        from (select l.scheme_id, l.version, l.operator_id, l.name, l.kind, l.regions, l.on_sale_from, l.on_sale_until,
            w.withdrawn_at, l.price, l.price_period, l.data_bytes, l.voice_minutes, l.sms_messages, l.has_commitment,
            l.name_folded from ",
    );
    push_shelf(&mut sql);
    push_filters(&mut sql, query, now);
    for facet in Facetted::ALL {
        sql.push(" and ");
        push_facet(&mut sql, query, facet);
    }
    push_order(&mut sql, query);
    sql.push(" limit ").push_bind(i64::from(query.page_size));
    sql.push(" offset ").push_bind(i64::from(query.page - 1) * i64::from(query.page_size));
    sql.push(") as l join tariff_version v using (scheme_id, version)");
    push_order(&mut sql, query);
    sql
}

fn push_order(sql: &mut QueryBuilder<Postgres>, query: &ZoneQuery) {
    const MONTHLY: &str = "case when l.price_period = 'month' then l.price end";
    let sort = query.effective_sort();
    sql.push(" order by ");
    if sort == ZoneSort::Relevance {
        for word in query.words() {
            sql.push("(strpos(l.name_folded, ").push_bind(word).push(") > 0) desc, ");
        }
    }
    match sort {
        ZoneSort::Relevance | ZoneSort::PriceAsc => sql.push(MONTHLY).push(" asc nulls last"),
        ZoneSort::PriceDesc => sql.push(MONTHLY).push(" desc nulls last"),
        ZoneSort::DataDesc => sql.push("l.data_bytes desc nulls last, ").push(MONTHLY).push(" asc nulls last"),
        ZoneSort::VoiceDesc => sql.push("l.voice_minutes desc nulls last, ").push(MONTHLY).push(" asc nulls last"),
        ZoneSort::Newest => sql.push("l.on_sale_from desc"),
        ZoneSort::Name => sql.push("l.name"),
    };
    sql.push(", l.scheme_id");
}

fn push_facet(sql: &mut QueryBuilder<Postgres>, query: &ZoneQuery, facet: Facetted) {
    match facet {
        Facetted::Operator => match &query.operator {
            Some(operator) => sql.push("l.operator_id = ").push_bind(operator.clone()),
            None => sql.push("true"),
        },
        Facetted::Region => match &query.region {
            Some(region) => sql.push("l.regions && ").push_bind(vec![region.clone(), "全国".to_owned()]),
            None => sql.push("true"),
        },
        Facetted::Kind => match query.kind {
            Some(kind) => sql.push("l.kind = ").push_bind(kind.as_str()),
            None => sql.push("true"),
        },
    };
}

fn push_filters(sql: &mut QueryBuilder<Postgres>, query: &ZoneQuery, now: DateTime<Utc>) {
    push_sale(sql, query.sale, now);
    push_words(sql, &query.words());
    if query.price_min.is_some() || query.price_max.is_some() {
        sql.push(" and l.price_period = 'month'");
    }
    if let Some(price) = query.price_min {
        sql.push(" and l.price >= ").push_bind(price);
    }
    if let Some(price) = query.price_max {
        sql.push(" and l.price <= ").push_bind(price);
    }
    if let Some(bytes) = query.data_min {
        sql.push(" and l.data_bytes >= ").push_bind(bytes.cast_signed());
    }
    if let Some(minutes) = query.voice_min {
        sql.push(" and l.voice_minutes >= ").push_bind(minutes.cast_signed());
    }
    if let Some(commitment) = query.commitment {
        sql.push(" and l.has_commitment = ").push_bind(commitment);
    }
}

fn push_sale(sql: &mut QueryBuilder<Postgres>, sale: Sale, now: DateTime<Utc>) {
    let day = local_date(now);
    sql.push(if sale == Sale::On { " and (" } else { " and not (" });
    sql.push("l.on_sale_until >= ").push_bind(day);
    // A newest version that has not begun leaves the one before on the shelf.
    sql.push(" and (l.on_sale_from <= ").push_bind(day).push(" or ");
    push_is_sold(sql, now);
    sql.push(")");
    sql.push(" and (w.withdrawn_at is null or w.withdrawn_at > ").push_bind(now).push("))");
}

/// Whether the version in force is on sale, whatever becomes of the whole tariff.
fn push_is_sold(sql: &mut QueryBuilder<Postgres>, now: DateTime<Utc>) {
    sql.push("exists (select from tariff_in_force(l.scheme_id, ").push_bind(now);
    sql.push(") as v where v.on_sale_until >= ").push_bind(local_date(now)).push(")");
}

fn push_words(sql: &mut QueryBuilder<Postgres>, words: &[String]) {
    if words.is_empty() {
        return;
    }
    let mut grams: Vec<String> = words.iter().flat_map(|word| narrowing_grams(word)).collect();
    grams.sort();
    grams.dedup();
    sql.push(" and l.grams @> ").push_bind(grams);
    for word in words.iter().filter(|word| word.chars().count() > 2) {
        sql.push(" and strpos(l.search_text, ").push_bind(word.clone()).push(") > 0");
    }
}

/// Pairs of neighbours, or the character itself where there is only one.
fn narrowing_grams(word: &str) -> Vec<String> {
    let single = word.chars().count() == 1;
    grams_of(word).into_iter().filter(|gram| single || gram.chars().count() == 2).collect()
}

fn from_count(count: i64) -> u64 {
    count.unsigned_abs()
}

/// The largest first, then by value.
fn facets(counts: Option<serde_json::Value>) -> Vec<Facet> {
    let Some(serde_json::Value::Object(counts)) = counts else { return Vec::new() };
    let mut facets: Vec<Facet> =
        counts.into_iter().filter_map(|(value, count)| count.as_u64().map(|count| Facet { value, count })).collect();
    facets.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.value.cmp(&b.value)));
    facets
}

#[derive(sqlx::FromRow)]
struct ListingSqlRow {
    scheme_id: String,
    version: i32,
    operator_id: String,
    name: String,
    kind: String,
    regions: Vec<String>,
    on_sale_from: NaiveDate,
    on_sale_until: NaiveDate,
    withdrawn_at: Option<DateTime<Utc>>,
    price: Option<Decimal>,
    price_period: Option<String>,
    price_text: String,
    data_bytes: Option<i64>,
    voice_minutes: Option<i64>,
    sms_messages: Option<i64>,
    has_commitment: bool,
    commitment: String,
    restrictions: Vec<String>,
    orderable: bool,
    takes_over_at: DateTime<Utc>,
    is_sold: bool,
}

impl TryFrom<ListingSqlRow> for Listing {
    type Error = StoreError;

    fn try_from(row: ListingSqlRow) -> Result<Self, Self::Error> {
        let unsound =
            |reason: String| StoreError::Unsound { scheme_id: row.scheme_id.clone(), version: row.version, reason };
        let scheme_id: SchemeId = row.scheme_id.parse().map_err(|e| unsound(format!("{e}")))?;
        let kind: Kind = row.kind.parse().map_err(unsound)?;
        let price_period: Option<PricePeriod> =
            row.price_period.as_deref().map(str::parse).transpose().map_err(unsound)?;
        Ok(Self {
            scheme_id,
            version: row.version,
            operator_id: row.operator_id,
            name: row.name,
            kind,
            regions: row.regions,
            on_sale_from: row.on_sale_from,
            on_sale_until: row.on_sale_until,
            withdrawn_at: row.withdrawn_at,
            price: row.price,
            price_period,
            price_text: row.price_text,
            data_bytes: row.data_bytes.map(i64::unsigned_abs),
            voice_minutes: row.voice_minutes.map(i64::unsigned_abs),
            sms_messages: row.sms_messages.map(i64::unsigned_abs),
            has_commitment: row.has_commitment,
            commitment: row.commitment,
            restrictions: row.restrictions,
            orderable: row.orderable,
            takes_over_at: row.takes_over_at,
            is_sold: row.is_sold,
        })
    }
}
