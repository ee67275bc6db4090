//! Sessions of the staff. A row names the open epoch of its account (`staff_session_open`), so it is over in the moment in
//! which the account is blocked, reset, or given other roles or another password.

use std::net::IpAddr;

use chrono::{DateTime, TimeDelta, Utc};
use rand::CryptoRng;
use sha2::{Digest as _, Sha256};
use sqlx::{PgConnection, PgPool};

use super::trail::{Action, record, subject};
use super::{Actor, Member, Role, StaffError};

/// A session ends after so long without a request.
pub const IDLE_MAX: TimeDelta = TimeDelta::minutes(30);
/// A session ends after so long, however busy.
pub const AGE_MAX: TimeDelta = TimeDelta::hours(12);
/// Between the password and the code.
pub const SECOND_FACTOR_MAX: TimeDelta = TimeDelta::minutes(5);

/// That somebody was there is written at most so often.
const SEEN_STEP: TimeDelta = TimeDelta::seconds(60);
/// Bytes of a token.
const TOKEN_BYTES: usize = 32;

/// How far signing in has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Password,
    Complete,
}

impl State {
    fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Complete => "complete",
        }
    }
}

/// The account of a session, and what it was when the session was looked up or is to be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Standing {
    pub staff_id: i64,
    pub epoch: i32,
}

/// Opens a session; returns its token, which the database does not know. `None`: the account has been blocked, reset or
/// given another password or role meanwhile.
pub(super) async fn open(
    conn: &mut PgConnection,
    standing: Standing,
    state: State,
    address: IpAddr,
    now: DateTime<Utc>,
    rng: &mut (impl CryptoRng + Send),
) -> Result<Option<String>, sqlx::Error> {
    let mut token = [0; TOKEN_BYTES];
    rng.fill_bytes(&mut token);
    let token = hex::encode(token);
    let opened = sqlx::query!(
        "insert into staff_session (session_hash, staff_id, epoch, state, address, created_at, last_seen_at)
        select $1, staff_id, open_epoch, $4, $5::text::inet, $6, $6 from staff where staff_id = $2 and open_epoch = $3
        for key share",
        &hash(&token),
        standing.staff_id,
        standing.epoch,
        state.as_str(),
        address.to_canonical().to_string(),
        now,
    )
    .execute(conn)
    .await?;
    Ok((opened.rows_affected() == 1).then_some(token))
}

/// Who is signed in with a token, with the roles of this moment; `None`: nobody, or no more.
///
/// # Errors
/// When the database failed.
pub async fn member(pool: &PgPool, token: &str, now: DateTime<Utc>) -> Result<Option<Member>, StaffError> {
    let row = sqlx::query!(
        r#"select s.staff_id, login, name, last_seen_at,
            array(select role from staff_role r where r.staff_id = s.staff_id) as "roles!"
        from staff_session s join staff t on t.staff_id = s.staff_id and t.open_epoch = s.epoch
        where session_hash = $1 and state = 'complete' and last_seen_at > $2 and s.created_at > $3"#,
        &hash(token),
        now - IDLE_MAX,
        now - AGE_MAX,
    )
    .fetch_optional(pool)
    .await?;
    let Some(row) = row else { return Ok(None) };
    if row.last_seen_at + SEEN_STEP <= now {
        sqlx::query!(
            "update staff_session set last_seen_at = $2 where session_hash = $1 and last_seen_at < $2",
            &hash(token),
            now,
        )
        .execute(pool)
        .await?;
    }
    let mut roles = row.roles.iter().map(|role| role.parse()).collect::<Result<Vec<Role>, _>>()?;
    roles.sort_unstable();
    Ok(Some(Member { staff_id: row.staff_id, login: row.login.parse()?, name: row.name, roles }))
}

/// Whose password was right and who has yet to give the code: the sign-in name; `None`: nobody, or too long ago.
///
/// # Errors
/// When the database failed.
pub async fn half_signed_in(pool: &PgPool, token: &str, now: DateTime<Utc>) -> Result<Option<String>, sqlx::Error> {
    sqlx::query_scalar!(
        "select login from staff_session s join staff t on t.staff_id = s.staff_id and t.open_epoch = s.epoch
        where session_hash = $1 and state = 'password' and s.created_at > $2",
        &hash(token),
        now - SECOND_FACTOR_MAX,
    )
    .fetch_optional(pool)
    .await
}

/// Ends the session of a token, of somebody who leaves.
///
/// # Errors
/// When the database failed.
pub async fn sign_out(pool: &PgPool, actor: &Actor, token: &str, now: DateTime<Utc>) -> Result<(), StaffError> {
    let mut tx = pool.begin().await?;
    close(&mut tx, token).await?;
    if let Some(member) = actor.member() {
        record(&mut tx, actor, Action::SignOut.as_str(), &subject(member.staff_id), [None, None], now).await?;
    }
    tx.commit().await?;
    Ok(())
}

pub(super) async fn close(conn: &mut PgConnection, token: &str) -> Result<(), sqlx::Error> {
    sqlx::query!("delete from staff_session where session_hash = $1", &hash(token)).execute(conn).await?;
    Ok(())
}

/// Holds the account until the transaction ends: no session is opened meanwhile.
pub(super) async fn lock(conn: &mut PgConnection, staff_id: i64) -> Result<(), StaffError> {
    sqlx::query_scalar!("select staff_id from staff where staff_id = $1 for update", staff_id)
        .fetch_optional(conn)
        .await?
        .ok_or(StaffError::NotFound)?;
    Ok(())
}

/// Ends every session of an account, whose row the caller has locked. Returns how many.
pub(super) async fn close_all(conn: &mut PgConnection, staff_id: i64) -> Result<u64, sqlx::Error> {
    let closed = sqlx::query!("delete from staff_session where staff_id = $1", staff_id).execute(conn).await?;
    Ok(closed.rows_affected())
}

/// Removes sessions that are over; returns how many.
///
/// # Errors
/// When the database failed.
pub async fn remove_expired(pool: &PgPool, now: DateTime<Utc>) -> Result<u64, sqlx::Error> {
    let removed = sqlx::query!(
        "delete from staff_session
        where last_seen_at <= $1 or created_at <= $2 or state = 'password' and created_at <= $3",
        now - IDLE_MAX,
        now - AGE_MAX,
        now - SECOND_FACTOR_MAX,
    )
    .execute(pool)
    .await?;
    Ok(removed.rows_affected())
}

/// A token has 256 bits of chance, so that a plain digest cannot be turned around.
pub(super) fn hash(token: &str) -> [u8; 32] {
    Sha256::digest(token).into()
}
