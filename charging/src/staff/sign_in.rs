//! Signing in: the password, then the code of the authenticator. These functions take the pool, because an attempt counts
//! even when what follows it fails.

use std::net::IpAddr;

use chrono::{DateTime, TimeDelta, Utc};
use rand::CryptoRng;
use serde_json::json;
use sqlx::{PgConnection, PgPool};

use super::secret::Owner;
use super::session::{self, SECOND_FACTOR_MAX, Standing, State};
use super::totp::Factor;
use super::trail::{Action, record, subject};
use super::{Actor, Login, Member, Role, StaffError, StaffKey, check_new_password};
use crate::sign_in::attempt::{self, Limit, address_bucket};
use crate::sign_in::store::{hash_password, verify_hash};

/// Passwords tried for one sign-in name in 15 minutes.
pub const PASSWORDS_BY_NAME: Limit = Limit { name: "staff_password", max: 10, window: TimeDelta::minutes(15) };
/// Codes tried for one account in 15 minutes: a million codes, three of them right, and nobody gets far.
pub const CODES_BY_ACCOUNT: Limit = Limit { name: "staff_code", max: 10, window: TimeDelta::minutes(15) };
/// Passwords and codes of the staff tried from one address in 15 minutes; a whole office can share one.
pub const BY_ADDRESS: Limit = Limit { name: "staff_address", max: 300, window: TimeDelta::minutes(15) };

/// The first factor: a token for the second. `None`: nobody has the name, the password is wrong, or the account lets nobody
/// in; which of them is not told, and takes the same time.
///
/// # Errors
/// [`StaffError::RateLimited`], or the database failed.
pub async fn check_password(
    pool: &PgPool,
    login: &str,
    password: &str,
    address: IpAddr,
    now: DateTime<Utc>,
    rng: &mut (impl CryptoRng + Send),
) -> Result<Option<String>, StaffError> {
    let login = login.parse::<Login>().ok();
    let of = login.as_ref().map_or("-", Login::as_str);
    admit(pool, &[(&PASSWORDS_BY_NAME, of.to_owned()), (&BY_ADDRESS, address_bucket(address))], now).await?;
    let account = sqlx::query!("select staff_id, password, open_epoch from staff where login = $1", of)
        .fetch_optional(pool)
        .await?;
    let stored = account.as_ref().filter(|account| account.open_epoch.is_some());
    let stored = stored.and_then(|account| account.password.clone());
    let is_right = verify_hash(stored, password).await.map_err(StaffError::Hash)?;
    let Some(account) = account else { return Ok(None) };
    let Some(epoch) = account.open_epoch.filter(|_| is_right) else {
        refuse(pool, &Actor::Stranger { address }, account.staff_id, "password", now).await?;
        return Ok(None);
    };
    let standing = Standing { staff_id: account.staff_id, epoch };
    let mut conn = pool.acquire().await?;
    Ok(session::open(&mut conn, standing, State::Password, address, now, rng).await?)
}

/// The second factor: the token of a session. `None`: the code is wrong or was used already.
///
/// # Errors
/// [`StaffError::NotFound`] when no password was given or too long ago, [`StaffError::RateLimited`], a secret that this key
/// does not open, or the database failed.
pub async fn check_code(
    pool: &PgPool,
    key: &StaffKey,
    half: &str,
    code: &str,
    address: IpAddr,
    now: DateTime<Utc>,
    rng: &mut (impl CryptoRng + Send),
) -> Result<Option<String>, StaffError> {
    let account = sqlx::query!(
        r#"select t.staff_id, epoch, login, name, totp_secret as "totp_secret!",
            array(select role from staff_role r where r.staff_id = s.staff_id) as "roles!"
        from staff_session s join staff t on t.staff_id = s.staff_id and t.open_epoch = s.epoch
        where session_hash = $1 and state = 'password' and s.created_at > $2"#,
        &session::hash(half),
        now - SECOND_FACTOR_MAX,
    )
    .fetch_optional(pool)
    .await?
    .ok_or(StaffError::NotFound)?;
    let standing = Standing { staff_id: account.staff_id, epoch: account.epoch };
    let of = account.staff_id.to_string();
    admit(pool, &[(&CODES_BY_ACCOUNT, of.clone()), (&BY_ADDRESS, address_bucket(address))], now).await?;
    let login: Login = account.login.parse()?;
    let factor = Factor::new(&key.open(Owner::Account(account.staff_id), &account.totp_secret)?, &login)?;
    let mut tx = pool.begin().await?;
    let accepted = match factor.step_of(code, now) {
        Some(step) => spend(&mut tx, standing, step).await?,
        None => false,
    };
    if !accepted {
        drop(tx);
        refuse(pool, &Actor::Stranger { address }, account.staff_id, "code", now).await?;
        return Ok(None);
    }
    session::close(&mut tx, half).await?;
    let Some(token) = session::open(&mut tx, standing, State::Complete, address, now, rng).await? else {
        return Err(StaffError::NotFound);
    };
    attempt::forget(&mut tx, &PASSWORDS_BY_NAME, login.as_str()).await?;
    attempt::forget(&mut tx, &CODES_BY_ACCOUNT, &of).await?;
    let roles = account.roles.iter().map(|role| role.parse()).collect::<Result<Vec<Role>, _>>()?;
    let member = Member { staff_id: account.staff_id, login, name: account.name, roles };
    let actor = Actor::Member { member, address };
    record(&mut tx, &actor, Action::SignIn.as_str(), &subject(account.staff_id), [None, None], now).await?;
    tx.commit().await?;
    Ok(Some(token))
}

/// Chooses another password: every session ends, and one is opened for who chose it; its token. `None`: the old password
/// is wrong.
///
/// # Errors
/// [`StaffError::WeakPassword`], [`StaffError::RateLimited`], or the database failed.
pub async fn change_password(
    pool: &PgPool,
    actor: &Actor,
    old: &str,
    new: &str,
    now: DateTime<Utc>,
    rng: &mut (impl CryptoRng + Send),
) -> Result<Option<String>, StaffError> {
    let Actor::Member { member, address } = actor else { return Err(StaffError::NotFound) };
    check_new_password(new, &member.login)?;
    admit(pool, &[(&PASSWORDS_BY_NAME, member.login.to_string())], now).await?;
    let stored = sqlx::query!("select password, open_epoch from staff where staff_id = $1", member.staff_id)
        .fetch_optional(pool)
        .await?
        .ok_or(StaffError::NotFound)?;
    if !verify_hash(stored.password, old).await.map_err(StaffError::Hash)? {
        refuse(pool, actor, member.staff_id, "old_password", now).await?;
        return Ok(None);
    }
    let hashed = hash_password(new, rng).await.map_err(StaffError::Hash)?;
    let mut tx = pool.begin().await?;
    session::lock(&mut tx, member.staff_id).await?;
    session::close_all(&mut tx, member.staff_id).await?;
    let epoch = sqlx::query_scalar!(
        r#"update staff set password = $3, session_epoch = session_epoch + 1
        where staff_id = $1 and open_epoch = $2 returning open_epoch as "open_epoch!""#,
        member.staff_id,
        stored.open_epoch,
        hashed,
    )
    .fetch_optional(&mut *tx)
    .await?
    .ok_or(StaffError::NotFound)?;
    let standing = Standing { staff_id: member.staff_id, epoch };
    let token = session::open(&mut tx, standing, State::Complete, *address, now, rng).await?;
    attempt::forget(&mut tx, &PASSWORDS_BY_NAME, member.login.as_str()).await?;
    record(&mut tx, actor, Action::ChangePassword.as_str(), &subject(member.staff_id), [None, None], now).await?;
    tx.commit().await?;
    Ok(token)
}

/// Accepts a time step that is later than any accepted before.
async fn spend(conn: &mut PgConnection, standing: Standing, step: i64) -> Result<bool, sqlx::Error> {
    let spent = sqlx::query!(
        "update staff set totp_step = $3
        where staff_id = $1 and open_epoch = $2 and (totp_step is null or totp_step < $3)",
        standing.staff_id,
        standing.epoch,
        step,
    )
    .execute(conn)
    .await?;
    Ok(spent.rows_affected() == 1)
}

/// Counts an attempt by each limit, whatever becomes of it.
pub(super) async fn admit(pool: &PgPool, counted: &[(&Limit, String)], now: DateTime<Utc>) -> Result<(), StaffError> {
    let mut tx = pool.begin().await?;
    let mut wait = None;
    for (limit, of) in counted {
        wait = wait.max(attempt::count(&mut tx, limit, of, now).await?);
    }
    tx.commit().await?;
    wait.map_or(Ok(()), |retry_after| Err(StaffError::RateLimited { retry_after }))
}

/// Writes down that a factor was wrong.
pub(super) async fn refuse(
    pool: &PgPool,
    actor: &Actor,
    staff_id: i64,
    factor: &str,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    let state = [None, Some(json!({ "factor": factor }))];
    record(&mut *pool.acquire().await?, actor, Action::SignInRefused.as_str(), &subject(staff_id), state, now).await
}
