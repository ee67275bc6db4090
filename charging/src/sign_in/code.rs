//! Codes sent by SMS: six digits, for one purpose, five minutes, once, five tries.

use chrono::{DateTime, TimeDelta, Utc};
use sha2::{Digest, Sha256};

#[cfg(feature = "postgres")]
pub use self::sql::{Issued, Usable, attempt, issue, spend, usable};

/// How long a code can be used.
pub const CODE_LIFETIME: TimeDelta = TimeDelta::minutes(5);
/// How often a code can be tried.
pub const CODE_TRIES_MAX: i32 = 5;
/// Digits of a code.
pub const CODE_DIGITS: usize = 6;

/// What a code is for; it opens nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    SignIn,
    /// The yes to one request.
    Consent {
        request_id: i64,
    },
}

impl Purpose {
    /// The name in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SignIn => "sign_in",
            Self::Consent { .. } => "consent",
        }
    }

    pub fn request_id(self) -> Option<i64> {
        match self {
            Self::SignIn => None,
            Self::Consent { request_id } => Some(request_id),
        }
    }
}

/// A typed code as six ASCII digits; full-width digits and spaces are understood. `None`: it cannot be a code.
pub fn normalize(typed: &str) -> Option<String> {
    if typed.len() > 64 {
        return None;
    }
    let digits: String = typed
        .chars()
        .filter(|c| !c.is_whitespace())
        .map(|c| match c {
            '０'..='９' => char::from_digit(u32::from(c) - u32::from('０'), 10).unwrap_or(c),
            other => other,
        })
        .collect();
    (digits.len() == CODE_DIGITS && digits.bytes().all(|byte| byte.is_ascii_digit())).then_some(digits)
}

/// SHA-256 over what the code is bound to and the code; the instant of issue makes equal codes differ.
pub fn hash(subscriber_id: i64, purpose: Purpose, created_at: DateTime<Utc>, code: &str) -> [u8; 32] {
    let request_id = purpose.request_id().map_or_else(String::new, |id| id.to_string());
    let bound = format!("{subscriber_id}|{}|{request_id}|{}|{code}", purpose.as_str(), created_at.timestamp_micros());
    Sha256::digest(bound).into()
}

#[cfg(feature = "postgres")]
mod sql {
    use chrono::{DateTime, Utc};
    use rand::{CryptoRng, Rng};
    use sqlx::{PgConnection, PgPool};

    use super::{CODE_LIFETIME, CODE_TRIES_MAX, Purpose, hash, normalize};

    /// A new code, to be sent and forgotten.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Issued {
        pub code_id: i64,
        pub code: String,
        pub expires_at: DateTime<Utc>,
    }

    /// Makes a code; one that was made before for the same purpose no longer works.
    ///
    /// # Errors
    /// When the database failed.
    pub async fn issue(
        conn: &mut PgConnection,
        subscriber_id: i64,
        purpose: Purpose,
        now: DateTime<Utc>,
        rng: &mut (impl CryptoRng + Send),
    ) -> Result<Issued, sqlx::Error> {
        let code = format!("{:06}", rng.random_range(0..1_000_000_u32));
        sqlx::query!(
            "delete from one_time_code where subscriber_id = $1 and purpose = $2
                and request_id is not distinct from $3 and used_at is null",
            subscriber_id,
            purpose.as_str(),
            purpose.request_id(),
        )
        .execute(&mut *conn)
        .await?;
        let expires_at = now + CODE_LIFETIME;
        let code_id = sqlx::query_scalar!(
            "insert into one_time_code (subscriber_id, purpose, request_id, code_hash, created_at, expires_at)
            values ($1, $2, $3, $4, $5, $6) returning code_id",
            subscriber_id,
            purpose.as_str(),
            purpose.request_id(),
            &hash(subscriber_id, purpose, now, &code),
            now,
            expires_at,
        )
        .fetch_one(conn)
        .await?;
        Ok(Issued { code_id, code, expires_at })
    }

    /// A code that can still be typed.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Usable {
        pub expires_at: DateTime<Utc>,
        pub tries_left: i32,
    }

    /// The code of a purpose that was sent last, while it can still be used.
    ///
    /// # Errors
    /// When the database failed.
    pub async fn usable(
        conn: &mut PgConnection,
        subscriber_id: i64,
        purpose: Purpose,
        now: DateTime<Utc>,
    ) -> Result<Option<Usable>, sqlx::Error> {
        let row = sqlx::query!(
            "select expires_at, tries from one_time_code
            where subscriber_id = $1 and purpose = $2 and request_id is not distinct from $3
                and used_at is null and expires_at >= $4 and tries < $5
            order by code_id desc limit 1",
            subscriber_id,
            purpose.as_str(),
            purpose.request_id(),
            now,
            CODE_TRIES_MAX,
        )
        .fetch_optional(conn)
        .await?;
        Ok(row.map(|row| Usable { expires_at: row.expires_at, tries_left: CODE_TRIES_MAX - row.tries }))
    }

    /// Counts a try, whatever becomes of it: it commits by itself, so that a transaction that fails afterwards does not
    /// give the try back. Returns the code's id when it is right; it must then be spent.
    ///
    /// # Errors
    /// When the database failed.
    pub async fn attempt(
        pool: &PgPool,
        subscriber_id: i64,
        purpose: Purpose,
        typed: &str,
        now: DateTime<Utc>,
    ) -> Result<Option<i64>, sqlx::Error> {
        let Some(code) = normalize(typed) else { return Ok(None) };
        let tried = sqlx::query!(
            "update one_time_code set tries = tries + 1
            where subscriber_id = $1 and tries < $5 and used_at is null and code_id = (
                select code_id from one_time_code
                where subscriber_id = $1 and purpose = $2 and request_id is not distinct from $3
                    and used_at is null and expires_at >= $4
                order by code_id desc limit 1)
            returning code_id, created_at, code_hash",
            subscriber_id,
            purpose.as_str(),
            purpose.request_id(),
            now,
            CODE_TRIES_MAX,
        )
        .fetch_optional(pool)
        .await?;
        Ok(tried
            .filter(|row| row.code_hash == hash(subscriber_id, purpose, row.created_at, &code))
            .map(|row| row.code_id))
    }

    /// Spends a code, once: `false` when it was spent before or is too old.
    ///
    /// # Errors
    /// When the database failed.
    pub async fn spend(
        conn: &mut PgConnection,
        subscriber_id: i64,
        code_id: i64,
        now: DateTime<Utc>,
    ) -> Result<bool, sqlx::Error> {
        let spent = sqlx::query!(
            "update one_time_code set used_at = $3
            where subscriber_id = $1 and code_id = $2 and used_at is null and expires_at >= $3",
            subscriber_id,
            code_id,
            now,
        )
        .execute(conn)
        .await?;
        Ok(spent.rows_affected() == 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_read_as_people_type_them() {
        for typed in ["048213", " 048 213 ", "０４８２１３"] {
            assert_eq!(normalize(typed).as_deref(), Some("048213"), "{typed}");
        }
        for typed in ["", "48213", "0482133", "04821a", "०४८२१३"] {
            assert_eq!(normalize(typed), None, "{typed}");
        }
    }

    #[test]
    fn a_code_is_bound_to_everything() {
        let at: DateTime<Utc> = "2026-10-15T00:00:00Z".parse().unwrap();
        let hashes = [
            hash(1, Purpose::SignIn, at, "048213"),
            hash(2, Purpose::SignIn, at, "048213"),
            hash(1, Purpose::Consent { request_id: 1 }, at, "048213"),
            hash(1, Purpose::Consent { request_id: 2 }, at, "048213"),
            hash(1, Purpose::SignIn, at + TimeDelta::microseconds(1), "048213"),
            hash(1, Purpose::SignIn, at, "048214"),
        ];
        for (i, one) in hashes.iter().enumerate() {
            assert!(hashes[i + 1..].iter().all(|other| other != one));
        }
    }
}
