//! The staff of demo mode: one for each role, and a second who can approve what the first proposed, with a password and second factors that everybody may know. Without demo mode
//! nobody gets in as one of them.

use chrono::{DateTime, Utc};
use rand::CryptoRng;
use sha2::{Digest as _, Sha256};
use sqlx::{PgConnection, PgPool};

use super::account::add;
use super::secret::Owner;
use super::totp::{Factor, SECRET_BYTES, STEP_SECONDS};
use super::{Actor, Login, Role, StaffError, StaffKey, session};
use crate::sign_in::store::hash_password;

/// The password of each of them.
pub const PASSWORD: &str = "open-desk-2026";

/// Sign-in names that begin so are the demo's.
const PREFIX: &str = "demo.";

const PEOPLE: [(&str, &str, Role); 7] = [
    ("demo.manager", "林晓", Role::TariffManager),
    ("demo.approver", "周正", Role::TariffApprover),
    ("demo.agent", "何苗", Role::Agent),
    ("demo.lead", "谢敏", Role::AgentLead),
    ("demo.second", "罗远", Role::AgentLead),
    ("demo.auditor", "韩松", Role::Auditor),
    ("demo.admin", "唐宁", Role::Administrator),
];

/// How to sign in as somebody of the demo.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    pub login: &'static str,
    pub name: &'static str,
    pub role: Role,
    /// The next code that is accepted.
    pub code: String,
}

/// Whether a sign-in name is one of the demo's, or could be taken for one.
pub fn is_demo(login: &str) -> bool {
    login.starts_with(PREFIX)
}

/// Makes everybody of the demo who is not there yet. Returns how many.
///
/// # Errors
/// When the database failed.
pub async fn ensure(
    pool: &PgPool,
    key: &StaffKey,
    now: DateTime<Utc>,
    rng: &mut (impl CryptoRng + Send),
) -> Result<usize, StaffError> {
    let mut made = 0;
    for (login, name, role) in PEOPLE {
        let login: Login = login.parse()?;
        let mut tx = pool.begin().await?;
        let (staff_id, _) = match add(&mut tx, key, &Actor::Engineer, (&login, name, &[role]), now).await {
            Ok(added) => added,
            Err(StaffError::LoginTaken) => continue,
            Err(error) => return Err(error),
        };
        let hashed = hash_password(PASSWORD, rng).await.map_err(StaffError::Hash)?;
        let sealed = key.seal(Owner::Account(staff_id), &secret(&login), rng)?;
        let enrolled = sqlx::query!(
            "update staff set password = $2, totp_secret = $3 where staff_id = $1",
            staff_id,
            hashed,
            sealed
        );
        enrolled.execute(&mut *tx).await?;
        tx.commit().await?;
        made += 1;
    }
    Ok(made)
}

/// Who can sign in now, with the codes to do it: the present one, or the next where the present one was used.
///
/// # Errors
/// When the database failed.
pub async fn shown(conn: &mut PgConnection, now: DateTime<Utc>) -> Result<Vec<Shown>, StaffError> {
    let rows = sqlx::query!("select login, totp_step from staff where login like 'demo.%' and open_epoch is not null")
        .fetch_all(conn)
        .await?;
    let mut shown = Vec::new();
    for (name_to_sign_in, name, role) in PEOPLE {
        let Some(row) = rows.iter().find(|row| row.login == name_to_sign_in) else { continue };
        let login: Login = name_to_sign_in.parse()?;
        let step_seconds = i64::try_from(STEP_SECONDS).unwrap_or(i64::MAX);
        let present = now.timestamp() / step_seconds;
        let next = row.totp_step.map_or(present, |used| present.max(used + 1));
        let at = DateTime::from_timestamp(next * step_seconds, 0).unwrap_or(now);
        let code = Factor::new(&secret(&login), &login)?.code(at);
        shown.push(Shown { login: name_to_sign_in, name, role, code });
    }
    Ok(shown)
}

/// Ends the sessions of everybody of the demo, when the server starts without it.
///
/// # Errors
/// When the database failed.
pub async fn sign_out(conn: &mut PgConnection) -> Result<(), StaffError> {
    let members =
        sqlx::query_scalar!("select staff_id from staff where login like 'demo.%'").fetch_all(&mut *conn).await?;
    for staff_id in members {
        session::close_all(conn, staff_id).await?;
    }
    Ok(())
}

fn secret(login: &Login) -> [u8; SECRET_BYTES] {
    let digest: [u8; 32] = Sha256::digest(format!("mingbai demo {login}")).into();
    let mut secret = [0; SECRET_BYTES];
    secret.copy_from_slice(&digest[..SECRET_BYTES]);
    secret
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_one_for_each_role() {
        let mut roles = PEOPLE.map(|(_, _, role)| role).to_vec();
        roles.dedup();
        assert_eq!(roles, Role::ALL);
        for (login, _, _) in PEOPLE {
            assert!(is_demo(login) && login.parse::<Login>().is_ok());
        }
        assert!(!is_demo("demonstrator"));
    }
}
