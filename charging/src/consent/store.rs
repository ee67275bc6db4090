//! The chain in the database.

use sqlx::PgConnection;

use super::chain::{self, Link};
use super::evidence::{Evidence, EvidenceError};
use super::signature::{Signature, Strokes};
use super::{Columns, NewConsent};

/// Why a yes was not recorded.
#[derive(Debug, thiserror::Error)]
pub enum ConsentError {
    #[error(transparent)]
    Evidence(#[from] EvidenceError),
    #[error("there is no subscriber {0}")]
    NoSubscriber(i64),
    #[error("the request was answered before")]
    AnsweredBefore,
    #[error("the request asked for something else, does not exist, or was open at another time")]
    OtherRequest,
    #[error("the request was answered after its ten minutes")]
    TooLate,
    #[error("there is no such tariff version")]
    UnknownTariff,
    #[error("the same strokes signed something before")]
    CopiedSignature,
    #[error("a stored hash is not 32 bytes long")]
    Corrupt,
    #[error("the database failed")]
    Database(#[source] sqlx::Error),
}

impl From<sqlx::Error> for ConsentError {
    fn from(error: sqlx::Error) -> Self {
        match error.as_database_error().and_then(sqlx::error::DatabaseError::constraint) {
            Some("consent_request_once") => Self::AnsweredBefore,
            Some(
                "consent_answers_order"
                | "consent_answers_cap"
                | "consent_answers_family"
                | "consent_subscriber_id_request_id_fkey",
            ) => Self::OtherRequest,
            Some("signature_once") => Self::CopiedSignature,
            Some("consent_in_time") => Self::TooLate,
            Some("consent_scheme_id_version_fkey") => Self::UnknownTariff,
            _ => Self::Database(error),
        }
    }
}

/// Locks the subscriber's row to the end of the transaction, so that what follows happens one after the other for one
/// subscriber. Rows that refer to the subscriber can still be inserted by others meanwhile.
///
/// # Errors
/// [`ConsentError::NoSubscriber`], or the database failed.
pub async fn lock_subscriber(conn: &mut PgConnection, subscriber_id: i64) -> Result<(), ConsentError> {
    sqlx::query_scalar!(
        "select subscriber_id from subscriber where subscriber_id = $1 for no key update",
        subscriber_id
    )
    .fetch_optional(conn)
    .await?
    .map(|_| ())
    .ok_or(ConsentError::NoSubscriber(subscriber_id))
}

/// Appends a yes to the subscriber's chain and returns its place there, from 1. The subscriber's row stays locked until
/// the caller commits.
///
/// # Errors
/// When the evidence is incomplete, or the request it answers is another, was answered, or is too old.
pub async fn record(conn: &mut PgConnection, consent: &NewConsent) -> Result<i32, ConsentError> {
    append(conn, consent, None).await
}

/// Like [`record`], of a request that was signed.
///
/// # Errors
/// As [`record`], and [`ConsentError::CopiedSignature`].
pub async fn record_signed(
    conn: &mut PgConnection,
    consent: &NewConsent,
    signature: &Signature,
) -> Result<i32, ConsentError> {
    append(conn, consent, Some(signature)).await
}

async fn append(
    conn: &mut PgConnection,
    consent: &NewConsent,
    signature: Option<&Signature>,
) -> Result<i32, ConsentError> {
    let subscriber_id = consent.subscriber_id;
    lock_subscriber(conn, subscriber_id).await?;
    let previous = head(conn, subscriber_id).await?;
    let (previous_seq, previous_hash) = previous.unzip();
    let seq = previous_seq.map_or(1, |previous| previous + 1);
    let mut evidence = Evidence::new(consent, seq)?;
    let mut strokes_sha256 = None;
    if let Some(signature) = signature {
        evidence = evidence.signed(signature);
        if let (Signature::Drawn(strokes), Some(request_id)) = (signature, consent.request_id) {
            strokes_sha256 = Some(keep_strokes(conn, subscriber_id, request_id, strokes).await?);
        }
    }
    let evidence = evidence.canonical();
    let hash = chain::hash(previous_hash.as_ref(), &evidence);
    let Columns { scheme_id, version, recurring_price, one_off_price, cap, holder_id } = (&consent.subject).into();
    sqlx::query!(
        "insert into consent (subscriber_id, seq, purpose, scheme_id, version, recurring_price, one_off_price, cap,
            method, channel_id, asked_at, agreed_at, request_id, evidence, previous_seq, previous_hash, hash,
            strokes_sha256, holder_id)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)",
        subscriber_id,
        seq,
        consent.subject.purpose(),
        scheme_id,
        version,
        recurring_price,
        one_off_price,
        cap,
        consent.method.as_str(),
        consent.channel_id,
        consent.asked_at,
        consent.agreed_at,
        consent.request_id,
        evidence,
        previous_seq,
        previous_hash.as_ref().map(<[u8; 32]>::as_slice),
        &hash,
        strokes_sha256.as_ref().map(<[u8; 32]>::as_slice),
        holder_id,
    )
    .execute(conn)
    .await?;
    Ok(seq)
}

/// The last place in the chain and its hash.
async fn head(conn: &mut PgConnection, subscriber_id: i64) -> Result<Option<(i32, [u8; 32])>, ConsentError> {
    sqlx::query!("select seq, hash from consent where subscriber_id = $1 order by seq desc limit 1", subscriber_id)
        .fetch_optional(conn)
        .await?
        .map(|row| Ok((row.seq, row.hash.try_into().map_err(|_| ConsentError::Corrupt)?)))
        .transpose()
}

/// Stores what was drawn, and returns its digest.
async fn keep_strokes(
    conn: &mut PgConnection,
    subscriber_id: i64,
    request_id: i64,
    strokes: &Strokes,
) -> Result<[u8; 32], ConsentError> {
    let (digest, stored) = (strokes.digest(), strokes.canonical());
    sqlx::query!(
        "insert into signature (subscriber_id, request_id, strokes, strokes_sha256) values ($1, $2, $3, $4)",
        subscriber_id,
        request_id,
        stored.as_bytes(),
        &digest,
    )
    .execute(conn)
    .await?;
    Ok(digest)
}

/// The subscriber's whole chain, for [`chain::verify`].
///
/// # Errors
/// When the database failed or a hash has not the length of a hash.
pub async fn links(conn: &mut PgConnection, subscriber_id: i64) -> Result<Vec<Link>, ConsentError> {
    let rows = sqlx::query!(
        "select seq, previous_hash, hash, evidence from consent where subscriber_id = $1 order by seq",
        subscriber_id
    )
    .fetch_all(conn)
    .await?;
    let sized = |bytes: Vec<u8>| <[u8; 32]>::try_from(bytes).map_err(|_| ConsentError::Corrupt);
    rows.into_iter()
        .map(|row| {
            Ok(Link {
                seq: row.seq,
                previous_hash: row.previous_hash.map(sized).transpose()?,
                hash: sized(row.hash)?,
                evidence: row.evidence,
            })
        })
        .collect()
}
