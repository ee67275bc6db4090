//! Enrolment: by a link that works once, a person chooses the password and sets up the authenticator. Nobody else ever
//! knows either.

use std::net::IpAddr;

use chrono::{DateTime, TimeDelta, Utc};
use rand::CryptoRng;
use serde_json::json;
use sqlx::{PgConnection, PgPool};

use super::secret::Owner;
use super::session::{self, Standing, State};
use super::sign_in::{BY_ADDRESS, CODES_BY_ACCOUNT, admit, refuse};
use super::totp::{Factor, new_secret};
use super::trail::{Action, record, subject};
use super::{Actor, Login, Member, Role, StaffError, StaffKey, check_new_password};
use crate::sign_in::attempt::{self, address_bucket};
use crate::sign_in::store::hash_password;

/// How long a link can be used.
pub const LIFETIME: TimeDelta = TimeDelta::days(3);

/// A link that waits for its person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Open {
    /// What stands in the link.
    pub ticket: String,
    pub expires_at: DateTime<Utc>,
}

/// Whom a link is for, and what the authenticator has to know.
pub struct Invitation {
    enrolment_id: i64,
    staff_id: i64,
    pub login: Login,
    pub name: String,
    /// Made for the browser that asks, so that whoever saw the page of a link before its person did knows nothing.
    pub factor: Factor,
    /// The secret, sealed, for the browser to keep until the link is used; whether it kept it already.
    pub kept: String,
    pub is_kept: bool,
    /// The same for the account.
    sealed: Vec<u8>,
}

/// Makes a link; those made before for the account no longer work.
pub(super) async fn issue(
    conn: &mut PgConnection,
    key: &StaffKey,
    actor: &Actor,
    staff_id: i64,
    now: DateTime<Utc>,
) -> Result<Open, StaffError> {
    let expires_at = now + LIFETIME;
    let enrolment_id = sqlx::query_scalar!(
        "insert into staff_enrolment (staff_id, issued_by, issued_at, expires_at)
        values ($1, $2, $3, $4) returning enrolment_id",
        staff_id,
        actor.member().map(|member| member.staff_id),
        now,
        expires_at,
    )
    .fetch_one(conn)
    .await?;
    Ok(Open { ticket: key.ticket(enrolment_id), expires_at })
}

/// The link that an account waits with; `None`: there is none, it was used or it is too old.
///
/// # Errors
/// When the database failed.
pub async fn pending(
    conn: &mut PgConnection,
    key: &StaffKey,
    staff_id: i64,
    now: DateTime<Utc>,
) -> Result<Option<Open>, sqlx::Error> {
    let row = sqlx::query!(
        "select enrolment_id, expires_at, used_at from staff_enrolment e join staff using (staff_id)
        where staff_id = $1 and password is null and blocked_at is null
        order by enrolment_id desc limit 1",
        staff_id,
    )
    .fetch_optional(conn)
    .await?;
    let row = row.filter(|row| row.used_at.is_none() && row.expires_at > now);
    Ok(row.map(|row| Open { ticket: key.ticket(row.enrolment_id), expires_at: row.expires_at }))
}

/// What a link leads to, in a browser that kept this of it; `None`: it is no link of ours, was used, is too old, or a newer
/// one was made.
///
/// # Errors
/// When the database failed.
pub async fn invitation(
    conn: &mut PgConnection,
    key: &StaffKey,
    ticket: &str,
    kept: Option<&str>,
    now: DateTime<Utc>,
    rng: &mut (impl CryptoRng + Send),
) -> Result<Option<Invitation>, StaffError> {
    let Some(enrolment_id) = key.read_ticket(ticket) else { return Ok(None) };
    let row = sqlx::query!(
        "select e.staff_id, login, name from staff_enrolment e join staff t using (staff_id)
        where enrolment_id = $1 and used_at is null and expires_at > $2 and password is null and blocked_at is null
            and not exists (
                select from staff_enrolment newer where newer.staff_id = e.staff_id and newer.enrolment_id > $1
            )",
        enrolment_id,
        now,
    )
    .fetch_optional(conn)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let login: Login = row.login.parse()?;
    let owner = Owner::Enrolment(enrolment_id);
    let known = kept.and_then(|kept| hex::decode(kept).ok()).and_then(|sealed| key.open(owner, &sealed).ok());
    let is_kept = known.is_some();
    let secret = known.unwrap_or_else(|| new_secret(rng).to_vec());
    let factor = Factor::new(&secret, &login)?;
    let kept = hex::encode(key.seal(owner, &secret, rng)?);
    let sealed = key.seal(Owner::Account(row.staff_id), &secret, rng)?;
    Ok(Some(Invitation { enrolment_id, staff_id: row.staff_id, login, name: row.name, factor, kept, is_kept, sealed }))
}

/// Uses a link: from now on the password and the authenticator sign in, and this browser is signed in. `None`: the code is
/// wrong, and the link still works.
///
/// # Errors
/// [`StaffError::NotFound`] when the link does not work (any more), [`StaffError::WeakPassword`],
/// [`StaffError::RateLimited`], or the database failed.
pub async fn enrol(
    pool: &PgPool,
    invitation: Invitation,
    password: &str,
    code: &str,
    address: IpAddr,
    now: DateTime<Utc>,
    rng: &mut (impl CryptoRng + Send),
) -> Result<Option<String>, StaffError> {
    let Invitation { enrolment_id, staff_id, login, name, factor, sealed, .. } = invitation;
    check_new_password(password, &login)?;
    let of = staff_id.to_string();
    admit(pool, &[(&CODES_BY_ACCOUNT, of.clone()), (&BY_ADDRESS, address_bucket(address))], now).await?;
    let Some(step) = factor.step_of(code, now) else {
        refuse(pool, &Actor::Stranger { address }, staff_id, "enrolment", now).await?;
        return Ok(None);
    };
    let hashed = hash_password(password, rng).await.map_err(StaffError::Hash)?;
    let mut tx = pool.begin().await?;
    let epoch = sqlx::query_scalar!(
        r#"update staff set password = $2, totp_secret = $3, totp_step = $4, session_epoch = session_epoch + 1
        where staff_id = $1 and password is null and blocked_at is null returning open_epoch as "open_epoch!""#,
        staff_id,
        hashed,
        sealed,
        step,
    )
    .fetch_optional(&mut *tx)
    .await?
    .ok_or(StaffError::NotFound)?;
    // The row of the account is locked: the link is looked at once more, since a newer one may have been made meanwhile.
    let used = sqlx::query!(
        "update staff_enrolment set used_at = $2 where enrolment_id = $1 and used_at is null and not exists (
            select from staff_enrolment newer where newer.staff_id = $3 and newer.enrolment_id > $1
        )",
        enrolment_id,
        now,
        staff_id,
    )
    .execute(&mut *tx)
    .await?;
    if used.rows_affected() != 1 {
        return Err(StaffError::NotFound);
    }
    let roles = roles(&mut tx, staff_id).await?;
    let actor = Actor::Member { member: Member { staff_id, login, name, roles }, address };
    attempt::forget(&mut tx, &CODES_BY_ACCOUNT, &of).await?;
    let state = [None, Some(json!({ "enrolment": enrolment_id }))];
    record(&mut tx, &actor, Action::Enrol.as_str(), &subject(staff_id), state, now).await?;
    let token = session::open(&mut tx, Standing { staff_id, epoch }, State::Complete, address, now, rng).await?;
    tx.commit().await?;
    Ok(token)
}

/// The roles of an account, in the order of [`Role::ALL`].
pub(super) async fn roles(conn: &mut PgConnection, staff_id: i64) -> Result<Vec<Role>, StaffError> {
    let names =
        sqlx::query_scalar!("select role from staff_role where staff_id = $1", staff_id).fetch_all(conn).await?;
    let mut roles = names.iter().map(|name| name.parse()).collect::<Result<Vec<Role>, _>>()?;
    roles.sort_unstable();
    Ok(roles)
}
