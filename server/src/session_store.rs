//! Browser sessions in the table `session`.
//!
//! A row is found by the SHA-256 of the cookie's value, so that who reads the table cannot sign in with it. A session
//! that was ended stays so: saving one whose row is gone does nothing.

use std::collections::HashMap;

use charging::clock::SharedClock;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use sqlx::PgPool;
use tower_sessions::SessionStore;
use tower_sessions::cookie::time::OffsetDateTime;
use tower_sessions::session::{Id, Record};
use tower_sessions::session_store::{Error, Result};

/// An expiry that moves by less is not written: reading ten pages in a minute is one write.
const EXPIRY_STEP: TimeDelta = TimeDelta::seconds(60);

/// Keeps sessions in PostgreSQL.
#[derive(Clone, Debug)]
pub struct PostgresSessions {
    pool: PgPool,
    clock: SharedClock,
}

impl PostgresSessions {
    pub fn new(pool: PgPool, clock: SharedClock) -> Self {
        Self { pool, clock }
    }

    /// Inserts the row; false when the id is taken.
    async fn insert(&self, record: &Record) -> Result<bool> {
        let done = sqlx::query!(
            "insert into session (session_id, subscriber_id, data, expires_at) values ($1, $2, $3, $4)
             on conflict do nothing",
            key(record.id),
            subscriber(&record.data),
            encode(&record.data)?,
            instant(record.expiry_date)?,
        )
        .execute(&self.pool)
        .await
        .map_err(backend)?;
        Ok(done.rows_affected() == 1)
    }
}

#[async_trait::async_trait]
impl SessionStore for PostgresSessions {
    async fn create(&self, record: &mut Record) -> Result<()> {
        while !self.insert(record).await? {
            record.id = Id::default();
        }
        Ok(())
    }

    async fn save(&self, record: &Record) -> Result<()> {
        let expires_at = instant(record.expiry_date)?;
        sqlx::query!(
            "update session set subscriber_id = $2, data = $3, expires_at = $4
             where session_id = $1 and (data <> $3 or expires_at not between $5 and $4)",
            key(record.id),
            subscriber(&record.data),
            encode(&record.data)?,
            expires_at,
            expires_at - EXPIRY_STEP,
        )
        .execute(&self.pool)
        .await
        .map_err(backend)?;
        Ok(())
    }

    async fn load(&self, id: &Id) -> Result<Option<Record>> {
        let row = sqlx::query!(
            "select data, expires_at from session where session_id = $1 and expires_at > $2",
            key(*id),
            self.clock.now(),
        )
        .fetch_optional(&self.pool)
        .await
        .map_err(backend)?;
        row.map(|row| {
            let data = serde_json::from_value(row.data).map_err(|e| Error::Decode(e.to_string()))?;
            let expiry_date =
                OffsetDateTime::from_unix_timestamp_nanos(i128::from(row.expires_at.timestamp_micros()) * 1000)
                    .map_err(|e| Error::Decode(e.to_string()))?;
            Ok(Record { id: *id, data, expiry_date })
        })
        .transpose()
    }

    async fn delete(&self, id: &Id) -> Result<()> {
        sqlx::query!("delete from session where session_id = $1", key(*id))
            .execute(&self.pool)
            .await
            .map_err(backend)?;
        Ok(())
    }
}

/// Removes sessions that have expired; returns how many.
///
/// # Errors
/// When the database does not answer.
pub async fn remove_expired(pool: &PgPool, now: DateTime<Utc>) -> sqlx::Result<u64> {
    let done = sqlx::query!("delete from session where expires_at <= $1", now).execute(pool).await?;
    Ok(done.rows_affected())
}

fn key(id: Id) -> String {
    hex::encode(Sha256::digest(id.to_string()))
}

/// Whose session it is, once signed in.
fn subscriber(data: &HashMap<String, Value>) -> Option<i64> {
    data.get(app::request::SUBSCRIBER_KEY).and_then(Value::as_i64)
}

fn encode(data: &HashMap<String, Value>) -> Result<Value> {
    serde_json::to_value(data).map_err(|e| Error::Encode(e.to_string()))
}

fn instant(at: OffsetDateTime) -> Result<DateTime<Utc>> {
    DateTime::from_timestamp(at.unix_timestamp(), at.nanosecond() / 1000 * 1000)
        .ok_or_else(|| Error::Encode("the expiry is out of range".to_owned()))
}

fn backend(error: sqlx::Error) -> Error {
    Error::Backend(error.to_string())
}
