//! Subscribers in the database. Callers own the transaction.

use std::fmt;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::{Language, Msisdn, NewSubscriber, Subscriber};

/// Why a subscriber was not read or written.
#[derive(Debug, thiserror::Error)]
pub enum SubscriberError {
    #[error("the number {0} belongs to a subscriber already")]
    MsisdnTaken(Msisdn),
    #[error("a first cap of {0} yuan is not between 0 and 600 yuan: a higher one needs the subscriber's consent")]
    FirstCap(rust_decimal::Decimal),
    #[error("subscriber {0} does not exist")]
    NotFound(i64),
    #[error("the database holds a subscriber that cannot be read: {0}")]
    Corrupt(String),
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
}

struct Row {
    subscriber_id: i64,
    msisdn: String,
    name: String,
    region: String,
    language: String,
    created_at: DateTime<Utc>,
}

impl TryFrom<Row> for Subscriber {
    type Error = SubscriberError;

    fn try_from(row: Row) -> Result<Self, Self::Error> {
        let corrupt = |error: &dyn fmt::Display| SubscriberError::Corrupt(error.to_string());
        Ok(Self {
            subscriber_id: row.subscriber_id,
            msisdn: row.msisdn.parse().map_err(|e| corrupt(&e))?,
            name: row.name,
            region: row.region,
            language: row.language.parse().map_err(|e| corrupt(&e))?,
            created_at: row.created_at,
        })
    }
}

/// The subscriber of that id.
///
/// # Errors
/// When the database fails.
pub async fn find(conn: &mut PgConnection, subscriber_id: i64) -> Result<Option<Subscriber>, SubscriberError> {
    sqlx::query_as!(
        Row,
        "select subscriber_id, msisdn, name, region, language, created_at from subscriber where subscriber_id = $1",
        subscriber_id
    )
    .fetch_optional(conn)
    .await?
    .map(Subscriber::try_from)
    .transpose()
}

/// The subscriber who has that number.
///
/// # Errors
/// When the database fails.
pub async fn find_by_msisdn(conn: &mut PgConnection, msisdn: &Msisdn) -> Result<Option<Subscriber>, SubscriberError> {
    sqlx::query_as!(
        Row,
        "select s.subscriber_id, s.msisdn, s.name, s.region, s.language, s.created_at
         from msisdn m join subscriber s on s.subscriber_id = m.subscriber_id where m.msisdn = $1",
        msisdn.as_str()
    )
    .fetch_optional(conn)
    .await?
    .map(Subscriber::try_from)
    .transpose()
}

/// Adds a subscriber with the number and the first choice of cap (seq 0).
///
/// # Errors
/// When the number is taken, or the cap is above the standard one.
pub async fn create(
    conn: &mut PgConnection,
    new: &NewSubscriber,
    now: DateTime<Utc>,
) -> Result<Subscriber, SubscriberError> {
    let on_constraint = |error: sqlx::Error| match error.as_database_error().and_then(|e| e.constraint()) {
        Some("msisdn_pkey") => SubscriberError::MsisdnTaken(new.msisdn.clone()),
        Some("cap_choice_raise_needs_consent" | "cap_choice_cap_check") => SubscriberError::FirstCap(new.cap),
        _ => SubscriberError::Database(error),
    };
    let subscriber_id = sqlx::query_scalar!(
        "with number as (insert into msisdn (msisdn) values ($1) returning subscriber_id, msisdn),
              person as (
             insert into subscriber (subscriber_id, msisdn, name, region, language, created_at)
             select subscriber_id, msisdn, $2, $3, $4, $5 from number
             returning subscriber_id)
         insert into cap_choice (subscriber_id, seq, cap, channel_id, actor, chosen_at)
         select subscriber_id, 0, $6, $7, case $7 when 'import' then 'import' else 'system' end, $5 from person
         returning subscriber_id",
        new.msisdn.as_str(),
        new.name,
        new.region,
        new.language.as_str(),
        now,
        new.cap,
        new.channel_id
    )
    .fetch_one(conn)
    .await
    .map_err(on_constraint)?;
    Ok(Subscriber {
        subscriber_id,
        msisdn: new.msisdn.clone(),
        name: new.name.clone(),
        region: new.region.clone(),
        language: new.language,
        created_at: now,
    })
}

/// Chooses the language of messages and pages.
///
/// # Errors
/// When the subscriber does not exist.
pub async fn set_language(
    conn: &mut PgConnection,
    subscriber_id: i64,
    language: Language,
) -> Result<(), SubscriberError> {
    let changed =
        sqlx::query!("update subscriber set language = $2 where subscriber_id = $1", subscriber_id, language.as_str())
            .execute(conn)
            .await?
            .rows_affected();
    if changed == 1 { Ok(()) } else { Err(SubscriberError::NotFound(subscriber_id)) }
}
