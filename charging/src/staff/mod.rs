//! 工作人员 The operator's people: accounts with two factors, roles, and the trail of what each of them did.
//!
//! A role is a set of permissions ([`Role::permissions`]); whatever is guarded names one permission. What the schema keeps:
//! a session cannot outlive the password, roles and block it was opened under, nobody opens or widens his own account,
//! and no row of the trail is ever changed.

mod difference;
mod password;
pub mod trail;

#[cfg(feature = "postgres")]
pub mod account;
#[cfg(feature = "postgres")]
pub mod demo;
#[cfg(feature = "postgres")]
pub mod enrolment;
#[cfg(feature = "postgres")]
mod secret;
#[cfg(feature = "postgres")]
pub mod session;
#[cfg(feature = "postgres")]
pub mod sign_in;
#[cfg(feature = "testing")]
pub mod testing;
#[cfg(feature = "postgres")]
pub mod totp;
#[cfg(feature = "postgres")]
mod who;

use std::fmt;
use std::str::FromStr;

pub use difference::{Change, difference};
pub use password::{PASSWORD_CHARS_MAX, PASSWORD_CHARS_MIN, WeakPassword, check_new_password};
#[cfg(feature = "postgres")]
pub use secret::{SecretError, StaffKey};
#[cfg(feature = "postgres")]
pub use who::{Actor, Member, StaffError};

/// Most characters of a name to show.
pub const NAME_CHARS_MAX: usize = 40;

/// What somebody is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// 资费经理
    TariffManager,
    /// 资费审批
    TariffApprover,
    /// 客服
    Agent,
    /// 客服组长
    AgentLead,
    /// 审计
    Auditor,
    /// 账号管理员
    Administrator,
}

/// What a role allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Permission {
    /// See drafts of tariffs, mass offers and what else is prepared.
    SeeTariffs,
    /// Write drafts of tariffs and submit them.
    DraftTariffs,
    /// Publish what somebody else submitted.
    ApproveTariffs,
    /// See what a subscriber was charged and agreed to, and answer disputes.
    HelpSubscribers,
    /// Let money go back that somebody else found due.
    ApproveRefunds,
    /// Open an incident, stop its source, list and review its charges.
    HandleIncidents,
    /// See what was found and what became of it.
    ReadIncidents,
    /// Read what everybody did.
    ReadTrail,
    /// Add accounts, give roles, block and reset.
    ManageAccounts,
}

impl Role {
    pub const ALL: [Self; 6] =
        [Self::TariffManager, Self::TariffApprover, Self::Agent, Self::AgentLead, Self::Auditor, Self::Administrator];

    /// The name in the database and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TariffManager => "tariff_manager",
            Self::TariffApprover => "tariff_approver",
            Self::Agent => "agent",
            Self::AgentLead => "agent_lead",
            Self::Auditor => "auditor",
            Self::Administrator => "administrator",
        }
    }

    /// The one table of who may do what. An administrator opens doors for others and goes through none himself, beyond
    /// reading the trail.
    pub fn permissions(self) -> &'static [Permission] {
        match self {
            Self::TariffManager => &[Permission::SeeTariffs, Permission::DraftTariffs],
            Self::TariffApprover => &[Permission::SeeTariffs, Permission::ApproveTariffs],
            Self::Agent => &[Permission::HelpSubscribers],
            Self::AgentLead => &[
                Permission::HelpSubscribers,
                Permission::ApproveRefunds,
                Permission::HandleIncidents,
                Permission::ReadIncidents,
            ],
            Self::Auditor => &[Permission::SeeTariffs, Permission::ReadIncidents, Permission::ReadTrail],
            Self::Administrator => &[Permission::ReadTrail, Permission::ManageAccounts],
        }
    }
}

impl Permission {
    pub const ALL: [Self; 9] = [
        Self::SeeTariffs,
        Self::DraftTariffs,
        Self::ApproveTariffs,
        Self::HelpSubscribers,
        Self::ApproveRefunds,
        Self::HandleIncidents,
        Self::ReadIncidents,
        Self::ReadTrail,
        Self::ManageAccounts,
    ];
}

/// Whether any of the roles allows it.
pub fn may(roles: &[Role], permission: Permission) -> bool {
    roles.iter().any(|role| role.permissions().contains(&permission))
}

/// It is the name of no role.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no role: choose from tariff_manager, tariff_approver, agent, agent_lead, auditor, administrator")]
pub struct UnknownRole(String);

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Self, UnknownRole> {
        let role = Self::ALL.into_iter().find(|role| role.as_str() == text);
        role.ok_or_else(|| UnknownRole(text.chars().take(40).collect()))
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What somebody signs in as: 3 to 41 small letters, digits, `.`, `_`, `-`, beginning with a letter.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Login(String);

/// It cannot be signed in as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a sign-in name has 3 to 41 small letters, digits, `.`, `_` or `-`, and begins with a letter")]
pub struct InvalidLogin;

impl Login {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Login {
    type Err = InvalidLogin;

    fn from_str(text: &str) -> Result<Self, InvalidLogin> {
        let text = text.trim().to_ascii_lowercase();
        let is_allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || ['.', '_', '-'].contains(&c);
        let is_login = (3..=41).contains(&text.len())
            && text.starts_with(|c: char| c.is_ascii_lowercase())
            && text.chars().all(is_allowed);
        if is_login { Ok(Self(text)) } else { Err(InvalidLogin) }
    }
}

impl fmt::Display for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A name to show, trimmed; `None`: it is empty, too long, or would not be seen as it is.
pub fn shown_name(typed: &str) -> Option<String> {
    let name = typed.trim();
    let length = name.chars().count();
    ((1..=NAME_CHARS_MAX).contains(&length) && !name.chars().any(char::is_control)).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_permission_is_somebodys_and_every_role_has_one() {
        for permission in Permission::ALL {
            assert!(may(&Role::ALL, permission), "{permission:?}");
        }
        for role in Role::ALL {
            assert!(!role.permissions().is_empty(), "{role}");
            assert_eq!(role.as_str().parse(), Ok(role));
        }
        assert!(!may(&[], Permission::ReadTrail));
        assert!("root".parse::<Role>().is_err());
    }

    #[test]
    fn no_single_role_writes_and_approves() {
        for role in Role::ALL {
            let all = [Permission::DraftTariffs, Permission::ApproveTariffs].map(|permission| may(&[role], permission));
            assert_ne!(all, [true, true], "{role}");
        }
        let manager_of_accounts = Role::Administrator.permissions();
        assert_eq!(manager_of_accounts, [Permission::ReadTrail, Permission::ManageAccounts]);
    }

    #[test]
    fn sign_in_names_are_as_the_schema_wants_them() {
        for typed in ["li.na", " Li.Na ", "a_1", "abc"] {
            assert!(typed.parse::<Login>().is_ok(), "{typed}");
        }
        for typed in ["", "ab", "1ab", "李娜", "li na", &"a".repeat(42), "a/b"] {
            assert_eq!(typed.parse::<Login>(), Err(InvalidLogin), "{typed}");
        }
    }

    #[test]
    fn a_name_can_be_shown() {
        assert_eq!(shown_name(" 李娜 ").as_deref(), Some("李娜"));
        for typed in ["", "  ", "a\nb", &"名".repeat(41)] {
            assert_eq!(shown_name(typed), None, "{typed}");
        }
    }
}
