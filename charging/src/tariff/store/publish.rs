//! Adding to the published table. What stands there never changes: other content is a new version.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use sqlx::PgConnection;

use super::StoreError;
use crate::clock::start_of_day;
use crate::tariff::own_format::OwnEntry;
use crate::tariff::{TariffContent, Terms, listing_of};

/// A tariff to publish.
#[derive(Clone, Debug)]
pub struct Publication {
    pub content: TariffContent,
    /// The number its source gives the version; `None`: the next one.
    pub version: Option<i32>,
    /// Since when its source says that it is public; `None`: a first version since its 上线日期 (but not in the future),
    /// a later one from now on.
    pub published_at: Option<DateTime<Utc>>,
    /// Since when its source says that it can be ordered; `None`: since it is public.
    pub orderable_from: Option<DateTime<Utc>>,
}

impl From<TariffContent> for Publication {
    fn from(content: TariffContent) -> Self {
        Self { content, version: None, published_at: None, orderable_from: None }
    }
}

impl From<OwnEntry> for Publication {
    fn from(entry: OwnEntry) -> Self {
        let OwnEntry { content, version, published_at, orderable_from } = entry;
        Self { content, version, published_at, orderable_from }
    }
}

/// What became of a publication.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Accepted {
        version: i32,
    },
    /// Some version already says the same.
    Unchanged {
        version: i32,
    },
    Refused {
        reason: String,
    },
}

/// Publishes a batch from files in order and keeps the shelf of the zone up to date; answers one outcome for each. It works as
/// the role `mingbai_import`, since the server's own publishes nothing without an approval; the connection must be in a
/// transaction.
pub async fn publish(
    conn: &mut PgConnection,
    batch: &[Publication],
    now: DateTime<Utc>,
) -> Result<Vec<Outcome>, StoreError> {
    lock(conn).await?;
    let mut known = Known::load(conn, batch).await?;
    let mut accepted = Vec::new();
    let mut outcomes = Vec::with_capacity(batch.len());
    for publication in batch {
        let outcome = known.decide(publication, now);
        if let Decision::Accept(row) = outcome {
            accepted.push(row);
        }
        outcomes.push(outcome.into());
    }
    sqlx::query!("set local role mingbai_import").execute(&mut *conn).await?;
    insert_tariffs(conn, &accepted, now).await?;
    insert_versions(conn, &accepted).await?;
    upsert_listings(conn, &accepted).await?;
    sqlx::query!("reset role").execute(conn).await?;
    Ok(outcomes)
}

/// Two who publish at once would both take the same next version number.
pub(super) async fn lock(conn: &mut PgConnection) -> Result<(), sqlx::Error> {
    sqlx::query!("select pg_advisory_xact_lock(hashtext('tariff_publish'))").fetch_one(conn).await?;
    Ok(())
}

/// A row for the published table.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row<'a> {
    pub content: &'a TariffContent,
    pub version: i32,
    pub published_at: DateTime<Utc>,
    pub orderable_from: DateTime<Utc>,
}

#[derive(Clone)]
enum Decision<'a> {
    Accept(Row<'a>),
    Unchanged(i32),
    Refuse(String),
}

impl From<Decision<'_>> for Outcome {
    fn from(decision: Decision<'_>) -> Self {
        match decision {
            Decision::Accept(row) => Self::Accepted { version: row.version },
            Decision::Unchanged(version) => Self::Unchanged { version },
            Decision::Refuse(reason) => Self::Refused { reason },
        }
    }
}

/// What is already published of the tariffs of a batch.
struct Known {
    operators: BTreeSet<String>,
    tariffs: BTreeMap<String, History>,
}

struct History {
    operator_id: String,
    latest: i32,
    latest_at: DateTime<Utc>,
    versions: BTreeMap<[u8; 32], i32>,
}

impl Known {
    async fn load(conn: &mut PgConnection, batch: &[Publication]) -> Result<Self, StoreError> {
        let ids: Vec<String> = batch.iter().map(|publication| publication.content.scheme_id.to_string()).collect();
        let rows = sqlx::query!(
            "select t.scheme_id, t.operator_id, v.version, v.published_at, v.content_digest
            from tariff t join tariff_version v using (scheme_id)
            where t.scheme_id = any($1)
            order by t.scheme_id, v.version",
            &ids
        )
        .fetch_all(&mut *conn)
        .await?;
        let mut tariffs: BTreeMap<String, History> = BTreeMap::new();
        for row in rows {
            let digest = <[u8; 32]>::try_from(row.content_digest).map_err(|_| StoreError::Unsound {
                scheme_id: row.scheme_id.clone(),
                version: row.version,
                reason: "its digest is not 32 bytes".to_owned(),
            })?;
            let history = tariffs.entry(row.scheme_id).or_insert_with(|| History {
                operator_id: row.operator_id,
                latest: row.version,
                latest_at: row.published_at,
                versions: BTreeMap::new(),
            });
            (history.latest, history.latest_at) = (row.version, row.published_at);
            history.versions.insert(digest, row.version);
        }
        let operators = super::operator_ids(conn).await?.into_iter().collect();
        Ok(Self { operators, tariffs })
    }

    fn decide<'a>(&mut self, publication: &'a Publication, now: DateTime<Utc>) -> Decision<'a> {
        let content = &publication.content;
        if !self.operators.contains(&content.operator_id) {
            return Decision::Refuse(format!("operator `{}` is not known", content.operator_id));
        }
        let digest = content.digest();
        let history = self.tariffs.get(content.scheme_id.as_str());
        if let Some(history) = history {
            if history.operator_id != content.operator_id {
                return Decision::Refuse(format!("{} belongs to operator {}", content.scheme_id, history.operator_id));
            }
            if let Some(version) = history.versions.get(&digest) {
                return Decision::Unchanged(*version);
            }
        }
        let next = history.map_or(1, |history| history.latest.saturating_add(1));
        if publication.version.is_some_and(|version| version != next) {
            return Decision::Refuse(format!("the next version of {} is {next}", content.scheme_id));
        }
        let published_at = publication.published_at.unwrap_or_else(|| match history {
            None => now.min(start_of_day(content.on_sale_from)),
            Some(_) => now,
        });
        if published_at > now {
            return Decision::Refuse("published_at lies in the future".to_owned());
        }
        if history.is_some_and(|history| published_at < history.latest_at) {
            return Decision::Refuse("published_at lies before that of the version before".to_owned());
        }
        let orderable_from = publication.orderable_from.unwrap_or(published_at);
        if orderable_from < published_at {
            return Decision::Refuse("orderable_from lies before published_at".to_owned());
        }
        let history = self.tariffs.entry(content.scheme_id.to_string()).or_insert_with(|| History {
            operator_id: content.operator_id.clone(),
            latest: next,
            latest_at: published_at,
            versions: BTreeMap::new(),
        });
        (history.latest, history.latest_at) = (next, published_at);
        history.versions.insert(digest, next);
        Decision::Accept(Row { content, version: next, published_at, orderable_from })
    }
}

pub(super) async fn insert_tariffs(
    conn: &mut PgConnection,
    accepted: &[Row<'_>],
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let first = accepted.iter().filter(|row| row.version == 1);
    let (ids, operators): (Vec<String>, Vec<String>) =
        first.map(|row| (row.content.scheme_id.to_string(), row.content.operator_id.clone())).unzip();
    let done = sqlx::query!(
        "insert into tariff (scheme_id, operator_id, first_seen_at)
        select scheme_id, operator_id, $3 from unnest($1::text[], $2::text[]) as new (scheme_id, operator_id)",
        &ids,
        &operators,
        now
    )
    .execute(conn)
    .await?;
    written(done.rows_affected(), ids.len())
}

async fn insert_versions(conn: &mut PgConnection, accepted: &[Row<'_>]) -> Result<(), StoreError> {
    let rows: Vec<Value> = accepted.iter().map(version_row).collect();
    let done = sqlx::query!(
        "insert into tariff_version (imported, scheme_id, version, published_at, orderable_from, name, kind, regions, audience, channels,
            on_sale_from, on_sale_until, validity, commitment, cancel, penalty, restrictions, notes, price_text,
            services_text, overage_text, category, included, terms, recurring_price, one_off_price, penalty_max,
            content_digest)
        select true, scheme_id, version, published_at, orderable_from, name, kind, regions, audience, channels,
            on_sale_from, on_sale_until, validity, commitment, cancel, penalty, restrictions, notes, price_text,
            services_text, overage_text, category, included, terms, recurring_price, one_off_price, penalty_max,
            content_digest
        from jsonb_to_recordset($1) as new (scheme_id text, version integer, published_at timestamptz,
            orderable_from timestamptz, name text, kind text, regions text[], audience text, channels text[], on_sale_from date, on_sale_until date,
            validity text, commitment text, cancel text, penalty text, restrictions text[], notes text,
            price_text text, services_text text, overage_text text, category text, included jsonb, terms jsonb,
            recurring_price numeric, one_off_price numeric, penalty_max numeric, content_digest bytea)",
        Value::Array(rows)
    )
    .execute(conn)
    .await?;
    written(done.rows_affected(), accepted.len())
}

fn version_row(row: &Row<'_>) -> Value {
    let content = row.content;
    let terms = content.terms.as_ref();
    json!({
        "scheme_id": content.scheme_id,
        "version": row.version,
        "published_at": row.published_at,
        "orderable_from": row.orderable_from,
        "name": content.name,
        "kind": content.kind,
        "regions": content.regions,
        "audience": content.audience,
        "channels": content.channels,
        "on_sale_from": content.on_sale_from,
        "on_sale_until": content.on_sale_until,
        "validity": content.validity,
        "commitment": content.commitment,
        "cancel": content.cancel,
        "penalty": content.penalty,
        "restrictions": content.restrictions,
        "notes": content.notes,
        "price_text": content.price_text,
        "services_text": content.services_text,
        "overage_text": content.overage_text,
        "category": content.category,
        "included": content.included,
        "terms": terms,
        "recurring_price": terms.map(|terms| terms.recurring_price().to_string()),
        "one_off_price": terms.map(|terms| terms.one_off.to_string()),
        "penalty_max": terms.map_or(Decimal::ZERO, Terms::penalty_max).to_string(),
        "content_digest": format!("\\x{}", hex::encode(content.digest())),
    })
}

pub(super) async fn upsert_listings(conn: &mut PgConnection, accepted: &[Row<'_>]) -> Result<(), StoreError> {
    let latest: BTreeMap<&str, &Row<'_>> = accepted.iter().map(|row| (row.content.scheme_id.as_str(), row)).collect();
    let rows: Vec<Value> = latest.values().copied().map(listing_row).collect();
    let count = rows.len();
    let done = sqlx::query!(
        "insert into tariff_listing (scheme_id, version, operator_id, name, kind, regions, on_sale_from, on_sale_until,
            price, price_period, data_bytes, voice_minutes, sms_messages, has_commitment, grams, search_text,
            name_folded)
        select scheme_id, version, operator_id, name, kind, regions, on_sale_from, on_sale_until,
            price, price_period, data_bytes, voice_minutes, sms_messages, has_commitment, grams, search_text,
            name_folded
        from jsonb_to_recordset($1) as new (scheme_id text, version integer, operator_id text, name text, kind text,
            regions text[], on_sale_from date, on_sale_until date, price numeric, price_period text, data_bytes bigint,
            voice_minutes bigint, sms_messages bigint, has_commitment boolean, grams text[], search_text text,
            name_folded text)
        on conflict (scheme_id) do update set version = excluded.version, name = excluded.name, kind = excluded.kind,
            regions = excluded.regions, on_sale_from = excluded.on_sale_from, on_sale_until = excluded.on_sale_until,
            price = excluded.price, price_period = excluded.price_period, data_bytes = excluded.data_bytes,
            voice_minutes = excluded.voice_minutes, sms_messages = excluded.sms_messages,
            has_commitment = excluded.has_commitment, grams = excluded.grams, search_text = excluded.search_text,
            name_folded = excluded.name_folded",
        Value::Array(rows)
    )
    .execute(conn)
    .await?;
    written(done.rows_affected(), count)
}

fn listing_row(Row { content, version, .. }: &Row<'_>) -> Value {
    let row = listing_of(content);
    json!({
        "scheme_id": content.scheme_id,
        "version": version,
        "operator_id": content.operator_id,
        "name": content.name,
        "kind": content.kind,
        "regions": content.regions,
        "on_sale_from": content.on_sale_from,
        "on_sale_until": content.on_sale_until,
        "price": row.price.map(|price| price.amount.to_string()),
        "price_period": row.price.map(|price| price.period.as_str()),
        "data_bytes": row.data_bytes,
        "voice_minutes": row.voice_minutes,
        "sms_messages": row.sms_messages,
        "has_commitment": row.has_commitment,
        "grams": row.grams,
        "search_text": row.search_text,
        "name_folded": row.name_folded,
    })
}

pub(super) fn written(rows: u64, expected: usize) -> Result<(), StoreError> {
    if usize::try_from(rows) == Ok(expected) { Ok(()) } else { Err(StoreError::NotWritten) }
}
