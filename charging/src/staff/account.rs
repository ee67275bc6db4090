//! Accounts: who is there, and what an administrator (or the operator's engineer on the command line) does with them. Each
//! change is written to the trail in the same transaction, which the caller commits.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use sqlx::PgConnection;

use super::enrolment::{self, Open, roles};
use super::trail::{Action, record, subject};
use super::{Actor, Login, Permission, Role, StaffError, StaffKey, session, shown_name};

/// Accounts that are listed at most.
const ACCOUNTS_MAX: i64 = 2000;

/// Somebody's account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    pub staff_id: i64,
    pub login: String,
    pub name: String,
    pub roles: Vec<Role>,
    pub created_at: DateTime<Utc>,
    pub blocked_at: Option<DateTime<Utc>>,
    /// Whether password and authenticator are set up.
    pub enrolled: bool,
    /// When the newest of the open sessions was last used.
    pub last_seen_at: Option<DateTime<Utc>>,
}

impl Account {
    /// What the trail says of it.
    fn state(&self) -> Value {
        let roles: Vec<&str> = self.roles.iter().map(|role| role.as_str()).collect();
        json!({
            "login": self.login,
            "name": self.name,
            "roles": roles,
            "enrolled": self.enrolled,
            "blocked": self.blocked_at.is_some(),
        })
    }
}

/// Everybody's, in the order of their sign-in names.
///
/// # Errors
/// When the database failed.
pub async fn list(conn: &mut PgConnection) -> Result<Vec<Account>, StaffError> {
    let rows = sqlx::query!(
        r#"select staff_id, login, name, created_at, blocked_at, password is not null as "enrolled!",
            array(select role from staff_role r where r.staff_id = t.staff_id) as "roles!",
            (select max(last_seen_at) from staff_session s where s.staff_id = t.staff_id) as last_seen_at
        from staff t order by login limit $1"#,
        ACCOUNTS_MAX,
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            let mut roles = row.roles.iter().map(|role| role.parse()).collect::<Result<Vec<Role>, _>>()?;
            roles.sort_unstable();
            Ok(Account {
                staff_id: row.staff_id,
                login: row.login,
                name: row.name,
                roles,
                created_at: row.created_at,
                blocked_at: row.blocked_at,
                enrolled: row.enrolled,
                last_seen_at: row.last_seen_at,
            })
        })
        .collect()
}

/// The number of a sign-in name.
///
/// # Errors
/// When the database failed.
pub async fn find_by_login(conn: &mut PgConnection, login: &Login) -> Result<Option<i64>, sqlx::Error> {
    sqlx::query_scalar!("select staff_id from staff where login = $1", login.as_str()).fetch_optional(conn).await
}

/// One account.
///
/// # Errors
/// When the database failed.
pub async fn find(conn: &mut PgConnection, staff_id: i64) -> Result<Option<Account>, StaffError> {
    let row = sqlx::query!(
        r#"select login, name, created_at, blocked_at, password is not null as "enrolled!",
            (select max(last_seen_at) from staff_session s where s.staff_id = t.staff_id) as last_seen_at
        from staff t where staff_id = $1"#,
        staff_id,
    )
    .fetch_optional(&mut *conn)
    .await?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(Account {
        staff_id,
        login: row.login,
        name: row.name,
        roles: roles(conn, staff_id).await?,
        created_at: row.created_at,
        blocked_at: row.blocked_at,
        enrolled: row.enrolled,
        last_seen_at: row.last_seen_at,
    }))
}

/// Adds an account that waits for its person: with the link to set it up.
///
/// # Errors
/// [`StaffError::Forbidden`], [`StaffError::Name`], [`StaffError::NoRole`], [`StaffError::LoginTaken`], or the database
/// failed.
pub async fn add(
    conn: &mut PgConnection,
    key: &StaffKey,
    actor: &Actor,
    new: (&Login, &str, &[Role]),
    now: DateTime<Utc>,
) -> Result<(i64, Open), StaffError> {
    actor.require(Permission::ManageAccounts)?;
    let (login, name, roles) = new;
    let name = shown_name(name).ok_or(StaffError::Name)?;
    let staff_id = sqlx::query_scalar!(
        "insert into staff (login, name, created_at, created_by) values ($1, $2, $3, $4)
        on conflict (login) do nothing returning staff_id",
        login.as_str(),
        name,
        now,
        actor.member().map(|member| member.staff_id),
    )
    .fetch_optional(&mut *conn)
    .await?
    .ok_or(StaffError::LoginTaken)?;
    grant(conn, actor, staff_id, roles, now).await?;
    let open = enrolment::issue(conn, key, actor, staff_id, now).await?;
    let account = find(conn, staff_id).await?.ok_or(StaffError::NotFound)?;
    record(conn, actor, Action::Add.as_str(), &subject(staff_id), [None, Some(account.state())], now).await?;
    Ok((staff_id, open))
}

/// Gives an account these roles and no others; its sessions end.
///
/// # Errors
/// [`StaffError::Forbidden`], [`StaffError::Oneself`], [`StaffError::NoRole`], [`StaffError::Unchanged`],
/// [`StaffError::NotFound`], or the database failed.
pub async fn set_roles(
    conn: &mut PgConnection,
    actor: &Actor,
    staff_id: i64,
    roles: &[Role],
    now: DateTime<Utc>,
) -> Result<(), StaffError> {
    let before = begin(conn, actor, Permission::ManageAccounts, staff_id).await?;
    let mut wanted = roles.to_vec();
    wanted.sort_unstable();
    wanted.dedup();
    if before.roles == wanted {
        return Err(StaffError::Unchanged);
    }
    sqlx::query!("delete from staff_role where staff_id = $1", staff_id).execute(&mut *conn).await?;
    grant(conn, actor, staff_id, &wanted, now).await?;
    sqlx::query!("update staff set session_epoch = session_epoch + 1 where staff_id = $1", staff_id)
        .execute(&mut *conn)
        .await?;
    end(conn, actor, Action::SetRoles, &before, now).await
}

/// Blocks an account: its sessions end now, and nobody gets in until it is unblocked.
///
/// # Errors
/// As [`set_roles`].
pub async fn block(
    conn: &mut PgConnection,
    actor: &Actor,
    staff_id: i64,
    now: DateTime<Utc>,
) -> Result<(), StaffError> {
    block_with(conn, actor, Permission::ManageAccounts, staff_id, now).await
}

/// The same by another permission, for who stops the source of an incident.
pub(crate) async fn block_with(
    conn: &mut PgConnection,
    actor: &Actor,
    permission: Permission,
    staff_id: i64,
    now: DateTime<Utc>,
) -> Result<(), StaffError> {
    let before = begin(conn, actor, permission, staff_id).await?;
    if before.blocked_at.is_some() {
        return Err(StaffError::Unchanged);
    }
    sqlx::query!(
        "update staff set blocked_at = $2, blocked_by = $3, session_epoch = session_epoch + 1 where staff_id = $1",
        staff_id,
        now,
        actor.member().map(|member| member.staff_id),
    )
    .execute(&mut *conn)
    .await?;
    end(conn, actor, Action::Block, &before, now).await
}

/// Takes a block back. Password and authenticator are as they were; sessions stay ended. Who blocked it out of an incident does
/// not take that back.
///
/// # Errors
/// As [`set_roles`].
pub async fn unblock(
    conn: &mut PgConnection,
    actor: &Actor,
    staff_id: i64,
    now: DateTime<Utc>,
) -> Result<(), StaffError> {
    unblock_with(conn, actor, Permission::ManageAccounts, staff_id, now).await
}

/// The same by another permission, for what was blocked out of an incident.
pub(crate) async fn unblock_with(
    conn: &mut PgConnection,
    actor: &Actor,
    permission: Permission,
    staff_id: i64,
    now: DateTime<Utc>,
) -> Result<(), StaffError> {
    let before = begin(conn, actor, permission, staff_id).await?;
    if before.blocked_at.is_none() {
        return Err(StaffError::Unchanged);
    }
    let lifted = sqlx::query!(
        "update incident_block set lifted_by = $2, lifted_at = greatest($3, blocked_at)
        where staff_id = $1 and lifted_at is null",
        staff_id,
        actor.member().map(|member| member.staff_id),
        now,
    );
    lifted.execute(&mut *conn).await.map_err(|error| {
        match error.as_database_error().and_then(sqlx::error::DatabaseError::constraint) {
            Some("incident_block_lifted_by_another") => StaffError::Oneself,
            _ => error.into(),
        }
    })?;
    sqlx::query!("update staff set blocked_at = null, blocked_by = null where staff_id = $1", staff_id)
        .execute(&mut *conn)
        .await?;
    end(conn, actor, Action::Unblock, &before, now).await
}

/// Takes password and authenticator away, as when a phone is lost, and makes a link to set up new ones.
///
/// # Errors
/// As [`set_roles`].
pub async fn reset(
    conn: &mut PgConnection,
    key: &StaffKey,
    actor: &Actor,
    staff_id: i64,
    now: DateTime<Utc>,
) -> Result<Open, StaffError> {
    let before = begin(conn, actor, Permission::ManageAccounts, staff_id).await?;
    sqlx::query!(
        "update staff set password = null, totp_secret = null, totp_step = null, session_epoch = session_epoch + 1
        where staff_id = $1",
        staff_id,
    )
    .execute(&mut *conn)
    .await?;
    let open = enrolment::issue(conn, key, actor, staff_id, now).await?;
    end(conn, actor, Action::Reset, &before, now).await?;
    Ok(open)
}

/// Locks the account and ends its sessions: what they were opened with is about to change.
async fn begin(
    conn: &mut PgConnection,
    actor: &Actor,
    permission: Permission,
    staff_id: i64,
) -> Result<Account, StaffError> {
    actor.require_for_another(permission, staff_id)?;
    session::lock(conn, staff_id).await?;
    session::close_all(conn, staff_id).await?;
    find(conn, staff_id).await?.ok_or(StaffError::NotFound)
}

async fn end(
    conn: &mut PgConnection,
    actor: &Actor,
    action: Action,
    before: &Account,
    now: DateTime<Utc>,
) -> Result<(), StaffError> {
    let after = find(conn, before.staff_id).await?.ok_or(StaffError::NotFound)?;
    let state = [Some(before.state()), Some(after.state())];
    Ok(record(conn, actor, action.as_str(), &subject(before.staff_id), state, now).await?)
}

async fn grant(
    conn: &mut PgConnection,
    actor: &Actor,
    staff_id: i64,
    roles: &[Role],
    now: DateTime<Utc>,
) -> Result<(), StaffError> {
    if roles.is_empty() {
        return Err(StaffError::NoRole);
    }
    let names: Vec<String> = roles.iter().map(ToString::to_string).collect();
    sqlx::query!(
        "insert into staff_role (staff_id, role, granted_by, granted_at)
        select $1, role, $3, $4 from unnest($2::text[]) as role group by role",
        staff_id,
        &names,
        actor.member().map(|member| member.staff_id),
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}
