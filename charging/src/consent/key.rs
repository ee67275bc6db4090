//! The Ed25519 keys that order slips are signed with.

use chrono::{DateTime, Utc};
use rand::CryptoRng;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use sqlx::PgConnection;

/// A public key.
pub type PublicKey = [u8; 32];

/// Why there is no key to sign with.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error("the stored signing key {0} is not a pair")]
    Corrupt(i32),
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
}

/// Signs what is handed out.
#[derive(Debug)]
pub struct SigningKey {
    pair: Ed25519KeyPair,
    public: PublicKey,
}

impl SigningKey {
    /// The pair of a seed. `None`: the seed has not the length of one.
    pub fn from_seed(seed: &[u8]) -> Option<Self> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).ok()?;
        let public = pair.public_key().as_ref().try_into().ok()?;
        Some(Self { pair, public })
    }

    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// As it is published.
    pub fn public_hex(&self) -> String {
        hex::encode(self.public)
    }

    /// An Ed25519 signature, of 64 bytes.
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.pair.sign(message).as_ref().to_vec()
    }
}

/// Whether a signature is by this key.
pub(super) fn is_signed(key: &PublicKey, message: &[u8], signature: &[u8]) -> bool {
    UnparsedPublicKey::new(&ED25519, key).verify(message, signature).is_ok()
}

/// The key that signs; it is made when there is none yet.
///
/// # Errors
/// When the database failed, or what it holds is no pair.
pub async fn signing_key(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    rng: &mut (impl CryptoRng + Send),
) -> Result<SigningKey, KeyError> {
    if let Some(key) = newest(conn).await? {
        return Ok(key);
    }
    let mut seed = [0; 32];
    rng.fill_bytes(&mut seed);
    let key = SigningKey::from_seed(&seed).ok_or(KeyError::Corrupt(1))?;
    // Another server that starts at the same moment may be faster; then its key counts.
    sqlx::query!(
        "insert into evidence_key (key_no, public_key, secret_key, made_at) values (1, $1, $2, $3)
        on conflict do nothing",
        key.public(),
        &seed,
        now,
    )
    .execute(&mut *conn)
    .await?;
    newest(conn).await?.ok_or(KeyError::Corrupt(1))
}

async fn newest(conn: &mut PgConnection) -> Result<Option<SigningKey>, KeyError> {
    let row = sqlx::query!("select key_no, public_key, secret_key from evidence_key order by key_no desc limit 1")
        .fetch_optional(conn)
        .await?;
    row.map(|row| {
        SigningKey::from_seed(&row.secret_key)
            .filter(|key| key.public().as_slice() == row.public_key)
            .ok_or(KeyError::Corrupt(row.key_no))
    })
    .transpose()
}

/// Every public key in hexadecimal, the one that signs first.
///
/// # Errors
/// When the database failed.
pub async fn public_keys(conn: &mut PgConnection) -> Result<Vec<String>, KeyError> {
    let keys = sqlx::query_scalar!(
        r#"select encode(public_key, 'hex') as "key!" from evidence_key order by key_no desc limit 1000"#
    )
    .fetch_all(conn)
    .await?;
    Ok(keys)
}
