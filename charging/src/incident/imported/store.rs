//! Charges of another system into the database, many at a time, in the caller's transaction.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;
use sqlx::PgConnection;

use super::ChargeLine;

/// A line with whose number it is, and what makes it known again.
#[derive(Clone, Debug)]
pub struct NewImportedCharge {
    pub subscriber_id: i64,
    pub source_id: String,
    pub line: ChargeLine,
}

/// What became of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Accepted,
    /// It was here.
    Unchanged,
    /// Another charge of this number has this id.
    Conflict,
}

/// Why lines did not go in.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// Another import was faster with some of them; trying again in a new transaction will find them.
    #[error("some of the charges were brought a moment ago")]
    Overtaken,
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
}

/// Brings charges; what became of each, in their order. On an error the caller must roll back.
///
/// # Errors
/// [`ImportError::Overtaken`], or the database failed.
pub async fn bring(
    conn: &mut PgConnection,
    charges: &[NewImportedCharge],
    now: DateTime<Utc>,
) -> Result<Vec<Outcome>, ImportError> {
    let mut outcomes = vec![Outcome::Accepted; charges.len()];
    let mut first: HashMap<(i64, &str), usize> = HashMap::with_capacity(charges.len());
    for (index, charge) in charges.iter().enumerate() {
        match first.entry((charge.subscriber_id, &charge.source_id)) {
            Entry::Vacant(entry) => {
                entry.insert(index);
            }
            Entry::Occupied(entry) => outcomes[index] = same(charges[*entry.get()].line == charge.line),
        }
    }
    // In one order, so that two imports of the same lines wait for one another and never both.
    let mut indices: Vec<usize> = first.into_values().collect();
    indices.sort_unstable_by_key(|index| (charges[*index].subscriber_id, charges[*index].source_id.as_str()));
    let known = known(conn, &Columns::of(indices.iter().map(|index| &charges[*index]))).await?;
    for (position, is_same) in known {
        let position = usize::try_from(position).unwrap_or_default().saturating_sub(1);
        if let Some(index) = indices.get(position) {
            outcomes[*index] = same(is_same);
        }
    }
    indices.retain(|index| outcomes[*index] == Outcome::Accepted);
    let written = insert(conn, &Columns::of(indices.iter().map(|index| &charges[*index])), now).await?;
    if written == indices.len() as u64 { Ok(outcomes) } else { Err(ImportError::Overtaken) }
}

fn same(is_same: bool) -> Outcome {
    if is_same { Outcome::Unchanged } else { Outcome::Conflict }
}

/// Lines, column by column.
#[derive(Default)]
struct Columns<'a> {
    subscribers: Vec<i64>,
    source_ids: Vec<&'a str>,
    kinds: Vec<&'a str>,
    schemes: Vec<&'a str>,
    amounts: Vec<Decimal>,
    charged_at: Vec<DateTime<Utc>>,
    months: Vec<NaiveDate>,
    routes: Vec<&'a str>,
    route_references: Vec<Option<&'a str>>,
    sources: Vec<&'a str>,
    ordered_at: Vec<Option<DateTime<Utc>>>,
    cancelled_at: Vec<Option<DateTime<Utc>>>,
    methods: Vec<Option<&'a str>>,
    references: Vec<Option<&'a str>>,
    agreed_at: Vec<Option<DateTime<Utc>>>,
    prices: Vec<Option<Decimal>>,
}

impl<'a> Columns<'a> {
    fn of(charges: impl Iterator<Item = &'a NewImportedCharge>) -> Self {
        let mut columns = Self::default();
        for NewImportedCharge { subscriber_id, source_id, line } in charges {
            let consent = line.consent.as_ref();
            columns.subscribers.push(*subscriber_id);
            columns.source_ids.push(source_id);
            columns.kinds.push(line.kind.as_str());
            columns.schemes.push(&line.scheme_id);
            columns.amounts.push(line.amount);
            columns.charged_at.push(line.charged_at);
            columns.months.push(line.month.first_day());
            columns.routes.push(line.route.as_str());
            columns.route_references.push(line.route.reference());
            columns.sources.push(&line.source);
            columns.ordered_at.push(line.ordered_at);
            columns.cancelled_at.push(line.cancelled_at);
            columns.methods.push(consent.map(|consent| consent.method.as_str()));
            columns.references.push(consent.map(|consent| consent.reference.as_str()));
            columns.agreed_at.push(consent.map(|consent| consent.agreed_at));
            columns.prices.push(consent.and_then(|consent| consent.price));
        }
        columns
    }
}

/// Which of the lines are here already, by their place from 1, and whether they say the same.
async fn known(conn: &mut PgConnection, columns: &Columns<'_>) -> Result<Vec<(i64, bool)>, sqlx::Error> {
    let rows = sqlx::query!(
        r#"select new.place as "place!",
            (new.kind, new.scheme_id, new.amount, new.charged_at, new.month, new.route, new.route_reference, new.source,
                new.ordered_at, new.cancelled_at, new.consent_method, new.consent_reference, new.consent_agreed_at,
                new.consent_price)
            is not distinct from
            (i.kind, i.scheme_id, i.amount, i.charged_at, i.month, i.route, i.route_reference, i.source,
                i.ordered_at, i.cancelled_at, i.consent_method, i.consent_reference, i.consent_agreed_at,
                i.consent_price) as "same!"
        from unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::numeric[], $6::timestamptz[], $7::date[],
            $8::text[], $9::text[], $10::text[], $11::timestamptz[], $12::timestamptz[], $13::text[], $14::text[],
            $15::timestamptz[], $16::numeric[]) with ordinality
            as new (subscriber_id, source_id, kind, scheme_id, amount, charged_at, month, route, route_reference, source,
                ordered_at, cancelled_at, consent_method, consent_reference, consent_agreed_at, consent_price, place)
        join imported_charge i on i.subscriber_id = new.subscriber_id and i.source_id = new.source_id"#,
        &columns.subscribers,
        &columns.source_ids as &[&str],
        &columns.kinds as &[&str],
        &columns.schemes as &[&str],
        &columns.amounts,
        &columns.charged_at,
        &columns.months,
        &columns.routes as &[&str],
        &columns.route_references as &[Option<&str>],
        &columns.sources as &[&str],
        &columns.ordered_at as &[Option<DateTime<Utc>>],
        &columns.cancelled_at as &[Option<DateTime<Utc>>],
        &columns.methods as &[Option<&str>],
        &columns.references as &[Option<&str>],
        &columns.agreed_at as &[Option<DateTime<Utc>>],
        &columns.prices as &[Option<Decimal>],
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (row.place, row.same)).collect())
}

/// Writes what is not here yet; how many those were.
async fn insert(conn: &mut PgConnection, columns: &Columns<'_>, now: DateTime<Utc>) -> Result<u64, sqlx::Error> {
    // The review tells by the number of a transaction whether there may be rows that it does not see yet, so it is there first.
    sqlx::query!(r#"select pg_current_xact_id()::text as "transaction!""#).fetch_one(&mut *conn).await?;
    let written = sqlx::query!(
        "insert into imported_charge (imported_at, subscriber_id, source_id, kind, scheme_id, amount, charged_at, month,
            route, route_reference, source, ordered_at, cancelled_at, consent_method, consent_reference,
            consent_agreed_at, consent_price)
        select $1, new.* from unnest($2::bigint[], $3::text[], $4::text[], $5::text[], $6::numeric[], $7::timestamptz[],
            $8::date[], $9::text[], $10::text[], $11::text[], $12::timestamptz[], $13::timestamptz[], $14::text[],
            $15::text[], $16::timestamptz[], $17::numeric[])
            as new (subscriber_id, source_id, kind, scheme_id, amount, charged_at, month, route, route_reference, source,
                ordered_at, cancelled_at, consent_method, consent_reference, consent_agreed_at, consent_price)
        on conflict (subscriber_id, source_id) do nothing",
        now,
        &columns.subscribers,
        &columns.source_ids as &[&str],
        &columns.kinds as &[&str],
        &columns.schemes as &[&str],
        &columns.amounts,
        &columns.charged_at,
        &columns.months,
        &columns.routes as &[&str],
        &columns.route_references as &[Option<&str>],
        &columns.sources as &[&str],
        &columns.ordered_at as &[Option<DateTime<Utc>>],
        &columns.cancelled_at as &[Option<DateTime<Utc>>],
        &columns.methods as &[Option<&str>],
        &columns.references as &[Option<&str>],
        &columns.agreed_at as &[Option<DateTime<Utc>>],
        &columns.prices as &[Option<Decimal>],
    )
    .execute(conn)
    .await?;
    Ok(written.rows_affected())
}

/// Prepares a connection to count like lines of one file, however many it has: the counts are rows of a table that only this
/// connection sees.
///
/// # Errors
/// When the database failed.
pub async fn begin_count(conn: &mut PgConnection) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(
        "drop table if exists pg_temp.counted_line;
        create temporary table counted_line (digest bytea primary key, seen integer not null)",
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// How many lines like each of these stand before it in the file, these included.
///
/// # Errors
/// When the database failed, or [`begin_count`] was not called before on this connection.
pub async fn count_alike(conn: &mut PgConnection, digests: &[[u8; 32]]) -> Result<Vec<u32>, sqlx::Error> {
    let mut here: HashMap<[u8; 32], i32> = HashMap::with_capacity(digests.len());
    for digest in digests {
        *here.entry(*digest).or_default() += 1;
    }
    let (keys, counts): (Vec<&[u8]>, Vec<i32>) = here.iter().map(|(digest, count)| (&digest[..], *count)).unzip();
    let totals: Vec<(Vec<u8>, i32)> = sqlx::query_as(
        "insert into pg_temp.counted_line as l (digest, seen) select * from unnest($1::bytea[], $2::integer[])
        on conflict (digest) do update set seen = l.seen + excluded.seen returning digest, seen",
    )
    .bind(&keys)
    .bind(&counts)
    .fetch_all(conn)
    .await?;
    let mut before: HashMap<Vec<u8>, i32> = HashMap::with_capacity(totals.len());
    for (digest, total) in totals {
        let own = <[u8; 32]>::try_from(&digest[..]).ok().and_then(|digest| here.get(&digest).copied());
        before.insert(digest, total - own.unwrap_or_default());
    }
    Ok(digests
        .iter()
        .map(|digest| {
            let next = before.entry(digest.to_vec()).or_default();
            let count = u32::try_from(*next).unwrap_or_default();
            *next += 1;
            count
        })
        .collect())
}
