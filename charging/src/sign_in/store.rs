//! Signing in. These functions take the pool, because an attempt counts even when what follows it fails.

use std::net::IpAddr;
use std::sync::LazyLock;

use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use chrono::{DateTime, TimeDelta, Utc};
use rand::CryptoRng;
use sqlx::{PgConnection, PgPool};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use super::attempt::{self, Limit, address_bucket};
use super::code::{self, Purpose};
use super::password::{PASSWORD_CHARS_MAX, WeakPassword, check_new_password};
use crate::notice::store::{NewNotice, NoticeError, enqueue};
use crate::notice::template::Message;
use crate::subscriber::store::{SubscriberError, find, find_by_msisdn};
use crate::subscriber::{Language, Msisdn};

/// Why signing in could not be tried. A wrong code or password is no error.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    #[error("too many attempts; wait {} s", retry_after.num_seconds())]
    RateLimited { retry_after: TimeDelta },
    #[error("the service password is not accepted: {0}")]
    WeakPassword(#[from] WeakPassword),
    #[error("there is no subscriber {0}")]
    NoSubscriber(i64),
    #[error("the password could not be hashed")]
    Hash,
    #[error(transparent)]
    Subscriber(#[from] SubscriberError),
    #[error(transparent)]
    Notice(#[from] NoticeError),
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
}

/// Sends a sign-in code to a number, in the language of the page. The answer is the same for a number that nobody has.
///
/// # Errors
/// [`SignInError::RateLimited`], or the database failed.
pub async fn request_code(
    pool: &PgPool,
    msisdn: &Msisdn,
    address: IpAddr,
    language: Language,
    now: DateTime<Utc>,
    rng: &mut (impl CryptoRng + Send),
) -> Result<(), SignInError> {
    let mut tx = pool.begin().await?;
    let counted = [
        (attempt::CODES_AN_HOUR, msisdn.to_string()),
        (attempt::CODES_A_MINUTE, msisdn.to_string()),
        (attempt::CODES_BY_ADDRESS, address_bucket(address)),
    ];
    if let Some(retry_after) = count_each(&mut tx, &counted, now).await? {
        tx.commit().await?;
        return Err(SignInError::RateLimited { retry_after });
    }
    if let Some(subscriber) = find_by_msisdn(&mut tx, msisdn).await? {
        let subscriber_id = subscriber.subscriber_id;
        let issued = code::issue(&mut tx, subscriber_id, Purpose::SignIn, now, rng).await?;
        let message = Message::SignInCode { code: &issued.code };
        let notice = NewNotice {
            subscriber_id,
            kind: message.kind(),
            event_key: format!("sign_in/{}", issued.code_id),
            language,
            body: message.render(language),
            created_at: now,
            due_at: now,
        };
        enqueue(&mut tx, &notice).await?;
    }
    tx.commit().await?;
    Ok(())
}

/// Whose code it is; `None`: it is wrong, spent, too old or tried too often, or nobody has the number. A right code is
/// spent by this.
///
/// # Errors
/// [`SignInError::RateLimited`], or the database failed.
pub async fn verify_code(
    pool: &PgPool,
    msisdn: &Msisdn,
    address: IpAddr,
    typed: &str,
    now: DateTime<Utc>,
) -> Result<Option<i64>, SignInError> {
    let counted =
        [(attempt::CODE_TRIES_BY_NUMBER, msisdn.to_string()), (attempt::SIGN_INS_BY_ADDRESS, address_bucket(address))];
    let Some(subscriber_id) = admit(pool, msisdn, &counted, now).await? else { return Ok(None) };
    let Some(code_id) = code::attempt(pool, subscriber_id, Purpose::SignIn, typed, now).await? else {
        return Ok(None);
    };
    let mut tx = pool.begin().await?;
    let spent = code::spend(&mut tx, subscriber_id, code_id, now).await?;
    if spent {
        attempt::forget(&mut tx, &attempt::CODE_TRIES_BY_NUMBER, msisdn.as_str()).await?;
    }
    tx.commit().await?;
    Ok(spent.then_some(subscriber_id))
}

/// Whose service password it is; `None`: it is wrong, or nobody has the number. Takes the same time either way.
///
/// # Errors
/// [`SignInError::RateLimited`], or the database failed.
pub async fn verify_password(
    pool: &PgPool,
    msisdn: &Msisdn,
    address: IpAddr,
    password: &str,
    now: DateTime<Utc>,
) -> Result<Option<i64>, SignInError> {
    let counted =
        [(attempt::PASSWORDS_BY_NUMBER, msisdn.to_string()), (attempt::SIGN_INS_BY_ADDRESS, address_bucket(address))];
    let subscriber_id = admit(pool, msisdn, &counted, now).await?;
    let stored = sqlx::query_scalar!("select service_password from credential where subscriber_id = $1", subscriber_id)
        .fetch_optional(pool)
        .await?;
    if !verify_hash(stored, password).await? {
        return Ok(None);
    }
    let mut conn = pool.acquire().await?;
    attempt::forget(&mut conn, &attempt::PASSWORDS_BY_NUMBER, msisdn.as_str()).await?;
    Ok(subscriber_id)
}

/// Sets the service password. The caller ends the subscriber's other sessions.
///
/// # Errors
/// [`SignInError::WeakPassword`], there is no such subscriber, or the database failed.
pub async fn set_password(
    conn: &mut PgConnection,
    subscriber_id: i64,
    password: &str,
    now: DateTime<Utc>,
    rng: &mut (impl CryptoRng + Send),
) -> Result<(), SignInError> {
    let subscriber = find(conn, subscriber_id).await?.ok_or(SignInError::NoSubscriber(subscriber_id))?;
    check_new_password(password, &subscriber.msisdn)?;
    let hashed = hash_password(password, rng).await?;
    store_password(conn, subscriber_id, &hashed, now).await
}

/// Stores a password that [`hash_password`] hashed.
///
/// # Errors
/// When the database failed.
pub async fn store_password(
    conn: &mut PgConnection,
    subscriber_id: i64,
    hashed: &str,
    now: DateTime<Utc>,
) -> Result<(), SignInError> {
    sqlx::query!(
        "insert into credential (subscriber_id, service_password, changed_at) values ($1, $2, $3)
        on conflict (subscriber_id) do update
            set service_password = excluded.service_password, changed_at = excluded.changed_at",
        subscriber_id,
        hashed,
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Each hash takes 19 MiB and a core for some hundredths of a second: so many at once, the others wait.
static HASHING: Semaphore = Semaphore::const_new(4);

/// What the password is compared with where there is none, so that it takes as long.
static DUMMY: LazyLock<Option<String>> = LazyLock::new(|| hash_with(&[0; 16], "").ok());

/// Hashes a password with argon2id, as a PHC string, on a thread for blocking work.
///
/// # Errors
/// [`SignInError::Hash`].
pub async fn hash_password(password: &str, rng: &mut (impl CryptoRng + Send)) -> Result<String, SignInError> {
    let mut salt = [0; 16];
    rng.fill_bytes(&mut salt);
    let password = password.to_owned();
    let _permit = HASHING.acquire().await.map_err(|_| SignInError::Hash)?;
    spawn_blocking(move || hash_with(&salt, &password)).await.map_err(|_| SignInError::Hash)?
}

fn argon2id() -> Argon2<'static> {
    Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::DEFAULT)
}

fn hash_with(salt: &[u8; 16], password: &str) -> Result<String, SignInError> {
    let salt = SaltString::encode_b64(salt).map_err(|_| SignInError::Hash)?;
    let hashed = argon2id().hash_password(password.as_bytes(), &salt).map_err(|_| SignInError::Hash)?;
    Ok(hashed.to_string())
}

/// Whether a password is that of a PHC string. Takes the same time where there is none.
pub(crate) async fn verify_hash(stored: Option<String>, password: &str) -> Result<bool, SignInError> {
    let password: String = password.chars().take(PASSWORD_CHARS_MAX + 1).collect();
    let _permit = HASHING.acquire().await.map_err(|_| SignInError::Hash)?;
    let verified = spawn_blocking(move || {
        let dummy = LazyLock::force(&DUMMY).as_deref().ok_or(SignInError::Hash)?;
        let hash = PasswordHash::new(stored.as_deref().unwrap_or(dummy)).map_err(|_| SignInError::Hash)?;
        let right = argon2id().verify_password(password.as_bytes(), &hash).is_ok();
        Ok(right && stored.is_some())
    });
    verified.await.map_err(|_| SignInError::Hash)?
}

/// Removes codes that are long over and attempts whose window is past; run it now and then.
///
/// # Errors
/// When the database failed.
pub async fn sweep(conn: &mut PgConnection, now: DateTime<Utc>) -> Result<u64, SignInError> {
    let codes = sqlx::query!("delete from one_time_code where expires_at < $1", now - TimeDelta::days(1))
        .execute(&mut *conn)
        .await?;
    Ok(codes.rows_affected() + attempt::sweep(conn, now).await?)
}

/// Counts an attempt and, when it is not one too many, looks up whose number it is.
async fn admit(
    pool: &PgPool,
    msisdn: &Msisdn,
    counted: &[(Limit, String)],
    now: DateTime<Utc>,
) -> Result<Option<i64>, SignInError> {
    let mut tx = pool.begin().await?;
    let limited = count_each(&mut tx, counted, now).await?;
    let subscriber = find_by_msisdn(&mut tx, msisdn).await?;
    tx.commit().await?;
    match limited {
        Some(retry_after) => Err(SignInError::RateLimited { retry_after }),
        None => Ok(subscriber.map(|subscriber| subscriber.subscriber_id)),
    }
}

/// Counts by each limit, always in the same order; the longest wait when one of them is passed.
async fn count_each(
    conn: &mut PgConnection,
    counted: &[(Limit, String)],
    now: DateTime<Utc>,
) -> Result<Option<TimeDelta>, sqlx::Error> {
    let mut wait = None;
    for (limit, of) in counted {
        wait = wait.max(attempt::count(conn, limit, of, now).await?);
    }
    Ok(wait)
}
