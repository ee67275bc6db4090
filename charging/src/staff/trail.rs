//! The trail: who did what, as what, from where, with the state before and after. Append-only.

/// What the staff does with accounts and sessions. Other parts of the desk add their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    SignIn,
    /// A wrong password or code for an account that exists: nobody is named as who did it.
    SignInRefused,
    SignOut,
    Enrol,
    ChangePassword,
    Add,
    SetRoles,
    Block,
    Unblock,
    Reset,
    /// A draft of a tariff was begun, saved, or thrown away.
    TariffDraft,
    TariffSubmit,
    TariffApprove,
    TariffReturn,
    TariffWithdrawSubmission,
    /// Nobody does it: what was approved became public.
    TariffLive,
}

impl Action {
    pub const ALL: [Self; 16] = [
        Self::SignIn,
        Self::SignInRefused,
        Self::SignOut,
        Self::Enrol,
        Self::ChangePassword,
        Self::Add,
        Self::SetRoles,
        Self::Block,
        Self::Unblock,
        Self::Reset,
        Self::TariffDraft,
        Self::TariffSubmit,
        Self::TariffApprove,
        Self::TariffReturn,
        Self::TariffWithdrawSubmission,
        Self::TariffLive,
    ];

    /// The name in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SignIn => "staff.sign_in",
            Self::SignInRefused => "staff.sign_in_refused",
            Self::SignOut => "staff.sign_out",
            Self::Enrol => "staff.enrol",
            Self::ChangePassword => "staff.password",
            Self::Add => "staff.add",
            Self::SetRoles => "staff.roles",
            Self::Block => "staff.block",
            Self::Unblock => "staff.unblock",
            Self::Reset => "staff.reset",
            Self::TariffDraft => "tariff.draft",
            Self::TariffSubmit => "tariff.submit",
            Self::TariffApprove => "tariff.approve",
            Self::TariffReturn => "tariff.return",
            Self::TariffWithdrawSubmission => "tariff.withdraw_submission",
            Self::TariffLive => "tariff.live",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.as_str() == name)
    }
}

#[cfg(feature = "postgres")]
pub use sql::{Entry, Filter, PAGE, Page, entries, record, subject};

#[cfg(feature = "postgres")]
mod sql {
    use chrono::{DateTime, Utc};
    use serde_json::Value;
    use sqlx::PgConnection;

    use crate::staff::{Actor, Role};

    /// Entries of a page.
    pub const PAGE: u32 = 50;

    /// Farther back nobody turns page by page: the filter by date is for that.
    const PAGES_MAX: u32 = 10_000;

    /// How an account is named as what something was done to.
    pub fn subject(staff_id: i64) -> String {
        format!("staff/{staff_id}")
    }

    /// Writes one entry, in the transaction of what was done.
    ///
    /// # Errors
    /// When the database failed, or the entry is one that nobody may cause (`audit_trail_not_oneself`).
    pub async fn record(
        conn: &mut PgConnection,
        actor: &Actor,
        action: &str,
        subject: &str,
        state: [Option<Value>; 2],
        now: DateTime<Utc>,
    ) -> Result<(), sqlx::Error> {
        let [before, after] = state;
        let roles: Option<Vec<String>> =
            actor.member().map(|member| member.roles.iter().map(ToString::to_string).collect());
        sqlx::query!(
            "insert into audit_trail (at, staff_id, staff_roles, address, action, subject, before, after)
            values ($1, $2, $3, $4::text::inet, $5, $6, $7, $8)",
            now,
            actor.member().map(|member| member.staff_id),
            roles.as_deref(),
            actor.address().map(|address| address.to_canonical().to_string()),
            action,
            subject,
            before,
            after,
        )
        .execute(conn)
        .await?;
        Ok(())
    }

    /// Which entries are looked for; `None` is any.
    #[derive(Clone, Debug, Default, PartialEq, Eq)]
    pub struct Filter {
        /// Who did it, or whose account it was done to.
        pub staff_id: Option<i64>,
        pub action: Option<String>,
        pub from: Option<DateTime<Utc>>,
        /// The first instant that is too late.
        pub until: Option<DateTime<Utc>>,
    }

    /// Something that was done.
    #[derive(Clone, Debug, PartialEq)]
    pub struct Entry {
        pub entry_id: i64,
        pub at: DateTime<Utc>,
        /// Sign-in name and name to show of who did it; `None`: the system, or a command of the operator's engineer.
        pub who: Option<(String, String)>,
        /// What they were at that moment.
        pub roles: Vec<Role>,
        pub address: Option<String>,
        pub action: String,
        pub subject: String,
        /// The sign-in name, where the subject is an account.
        pub subject_login: Option<String>,
        pub before: Option<Value>,
        pub after: Option<Value>,
    }

    /// A page of entries, the newest first.
    #[derive(Clone, Debug, PartialEq)]
    pub struct Page {
        pub entries: Vec<Entry>,
        /// Which it is, from 1.
        pub page: u32,
        pub pages: u32,
        pub total: i64,
    }

    /// A page beyond the last is the last.
    ///
    /// # Errors
    /// When the database failed.
    pub async fn entries(conn: &mut PgConnection, filter: &Filter, page: u32) -> Result<Page, sqlx::Error> {
        let of_account = filter.staff_id.map(subject);
        let total = sqlx::query_scalar!(
            r#"select count(*) as "count!" from audit_trail
            where ($1::bigint is null or staff_id = $1 or subject = $2) and ($3::text is null or action = $3)
                and ($4::timestamptz is null or at >= $4) and ($5::timestamptz is null or at < $5)"#,
            filter.staff_id,
            of_account,
            filter.action,
            filter.from,
            filter.until,
        )
        .fetch_one(&mut *conn)
        .await?;
        let pages = u32::try_from(total).unwrap_or(u32::MAX).div_ceil(PAGE).clamp(1, PAGES_MAX);
        let page = page.clamp(1, pages);
        let rows = sqlx::query!(
            r#"select entry_id, at, who.login as "login?", who.name as "name?", staff_roles, host(address) as address,
                action, subject, of.login as "subject_login?", before, after
            from audit_trail t
            left join staff who using (staff_id)
            left join staff of on t.subject = 'staff/' || of.staff_id
            where ($1::bigint is null or t.staff_id = $1 or subject = $2) and ($3::text is null or action = $3)
                and ($4::timestamptz is null or at >= $4) and ($5::timestamptz is null or at < $5)
            order by entry_id desc limit $6 offset $7"#,
            filter.staff_id,
            of_account,
            filter.action,
            filter.from,
            filter.until,
            i64::from(PAGE),
            i64::from(page - 1) * i64::from(PAGE),
        )
        .fetch_all(conn)
        .await?;
        let entries = rows.into_iter().map(|row| Entry {
            entry_id: row.entry_id,
            at: row.at,
            who: row.login.zip(row.name),
            roles: row.staff_roles.iter().flatten().filter_map(|role| role.parse().ok()).collect(),
            address: row.address,
            action: row.action,
            subject: row.subject,
            subject_login: row.subject_login,
            before: row.before,
            after: row.after,
        });
        Ok(Page { entries: entries.collect(), page, pages, total })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actions_are_known_by_their_names() {
        for action in Action::ALL {
            assert_eq!(Action::named(action.as_str()), Some(action));
        }
        assert_eq!(Action::named("demo.month"), None);
    }
}
