use std::net::IpAddr;

use chrono::TimeDelta;

use super::{InvalidLogin, Login, Permission, Role, SecretError, UnknownRole, WeakPassword, may};
use crate::sign_in::store::SignInError;

/// Somebody of the staff, signed in with both factors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    pub staff_id: i64,
    pub login: Login,
    pub name: String,
    /// As they are now, in the order of [`Role::ALL`].
    pub roles: Vec<Role>,
}

impl Member {
    pub fn may(&self, permission: Permission) -> bool {
        may(&self.roles, permission)
    }
}

/// Who does something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    /// A command of the operator's engineer, who has the machine.
    Engineer,
    /// Somebody who is not known yet, as before signing in.
    Stranger {
        address: IpAddr,
    },
    Member {
        member: Member,
        address: IpAddr,
    },
}

impl Actor {
    pub fn member(&self) -> Option<&Member> {
        match self {
            Self::Member { member, .. } => Some(member),
            Self::Engineer | Self::Stranger { .. } => None,
        }
    }

    pub fn address(&self) -> Option<IpAddr> {
        match self {
            Self::Member { address, .. } | Self::Stranger { address } => Some(*address),
            Self::Engineer => None,
        }
    }

    /// # Errors
    /// [`StaffError::Forbidden`].
    pub fn require(&self, permission: Permission) -> Result<(), StaffError> {
        let is_allowed = match self {
            Self::Engineer => true,
            Self::Stranger { .. } => false,
            Self::Member { member, .. } => member.may(permission),
        };
        if is_allowed { Ok(()) } else { Err(StaffError::Forbidden(permission)) }
    }

    /// The same, for what nobody does to his own account.
    ///
    /// # Errors
    /// [`StaffError::Forbidden`], [`StaffError::Oneself`].
    pub fn require_for_another(&self, permission: Permission, staff_id: i64) -> Result<(), StaffError> {
        self.require(permission)?;
        if self.member().is_some_and(|member| member.staff_id == staff_id) {
            return Err(StaffError::Oneself);
        }
        Ok(())
    }
}

/// Why something about the staff cannot be done. A wrong password or code is no error.
#[derive(Debug, thiserror::Error)]
pub enum StaffError {
    #[error("too many attempts; wait {} s", retry_after.num_seconds())]
    RateLimited { retry_after: TimeDelta },
    #[error("this takes the permission {0:?}")]
    Forbidden(Permission),
    #[error("nobody does this to his own account")]
    Oneself,
    #[error("there is no such account")]
    NotFound,
    #[error("the sign-in name is taken")]
    LoginTaken,
    #[error("a name has 1 to 40 characters")]
    Name,
    #[error("an account has at least one role")]
    NoRole,
    #[error("the account is as asked for already")]
    Unchanged,
    #[error("the password is not accepted: {0}")]
    WeakPassword(#[from] WeakPassword),
    #[error(transparent)]
    InvalidLogin(#[from] InvalidLogin),
    #[error(transparent)]
    UnknownRole(#[from] UnknownRole),
    #[error(transparent)]
    Secret(#[from] SecretError),
    #[error("a password could not be hashed")]
    Hash(#[source] SignInError),
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn what_one_may_do_one_may_not_always_do_to_oneself() {
        let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let member = |role| Actor::Member {
            member: Member {
                staff_id: 1, login: "li.na".parse().unwrap(), name: "李娜".to_owned(), roles: vec![role]
            },
            address,
        };
        let administrator = member(Role::Administrator);
        let asked = Permission::ManageAccounts;
        assert!(administrator.require_for_another(asked, 2).is_ok());
        assert!(matches!(administrator.require_for_another(asked, 1), Err(StaffError::Oneself)));
        assert!(Actor::Engineer.require_for_another(asked, 1).is_ok());
        for other in [member(Role::Auditor), Actor::Stranger { address }] {
            assert!(matches!(other.require_for_another(asked, 2), Err(StaffError::Forbidden(_))));
        }
    }
}
