use charging::staff::trail::Action;
use charging::staff::{Permission, Role, WeakPassword};
use chrono::{DateTime, Utc};

use super::channels;
use crate::i18n::{Locale, td_string};
use crate::me::parts::query;
use crate::sign_in::wait_text;

pub fn role_name(l: Locale, role: Role) -> &'static str {
    match role {
        Role::TariffManager => td_string!(l, staff.role_tariff_manager),
        Role::TariffApprover => td_string!(l, staff.role_tariff_approver),
        Role::Agent => td_string!(l, staff.role_agent),
        Role::AgentLead => td_string!(l, staff.role_agent_lead),
        Role::Auditor => td_string!(l, staff.role_auditor),
        Role::Administrator => td_string!(l, staff.role_administrator),
    }
}

/// The names of several, one after the other.
pub fn role_names(l: Locale, roles: &[Role]) -> String {
    let separator = match l {
        Locale::zh_CN => "、",
        Locale::en => ", ",
    };
    roles.iter().map(|role| role_name(l, *role)).collect::<Vec<_>>().join(separator)
}

pub fn permission_text(l: Locale, permission: Permission) -> &'static str {
    match permission {
        Permission::SeeTariffs => td_string!(l, staff.may_see_tariffs),
        Permission::DraftTariffs => td_string!(l, staff.may_draft_tariffs),
        Permission::ApproveTariffs => td_string!(l, staff.may_approve_tariffs),
        Permission::HelpSubscribers => td_string!(l, staff.may_help_subscribers),
        Permission::ApproveRefunds => td_string!(l, staff.may_approve_refunds),
        Permission::HandleIncidents => td_string!(l, staff.may_handle_incidents),
        Permission::ReadIncidents => td_string!(l, staff.may_read_incidents),
        Permission::ReadTrail => td_string!(l, staff.may_read_trail),
        Permission::ManageAccounts => td_string!(l, staff.may_manage_accounts),
    }
}

/// What was done; an action that is not the staff's stands as it is.
pub fn action_name(l: Locale, action: &str) -> String {
    let Some(known) = Action::named(action) else {
        let known = super::board::action_name(l, action)
            .or_else(|| channels::action_name(l, action))
            .or_else(|| super::incidents::action_name(l, action));
        return known.unwrap_or(action).to_owned();
    };
    let name = match known {
        Action::SignIn => td_string!(l, staff.action_sign_in),
        Action::SignInRefused => td_string!(l, staff.action_sign_in_refused),
        Action::SignOut => td_string!(l, staff.action_sign_out),
        Action::Enrol => td_string!(l, staff.action_enrol),
        Action::ChangePassword => td_string!(l, staff.action_password),
        Action::Add => td_string!(l, staff.action_add),
        Action::SetRoles => td_string!(l, staff.action_roles),
        Action::Block => td_string!(l, staff.action_block),
        Action::Unblock => td_string!(l, staff.action_unblock),
        Action::Reset => td_string!(l, staff.action_reset),
        Action::TariffDraft => td_string!(l, draft.action_draft),
        Action::TariffSubmit => td_string!(l, draft.action_submit),
        Action::TariffApprove => td_string!(l, draft.action_approve),
        Action::TariffReturn => td_string!(l, draft.action_return),
        Action::TariffWithdrawSubmission => td_string!(l, draft.action_withdraw),
        Action::TariffLive => td_string!(l, draft.action_live),
    };
    name.to_owned()
}

/// The name of a field of a state; one that is not known stands as it is.
pub fn field_name(l: Locale, field: &str) -> String {
    let name = match field {
        "login" => td_string!(l, staff.login),
        "name" => td_string!(l, staff.name),
        "roles" => td_string!(l, staff.roles),
        "blocked" => td_string!(l, staff.field_blocked),
        "enrolled" => td_string!(l, staff.field_enrolled),
        "factor" => td_string!(l, staff.field_factor),
        "enrolment" => td_string!(l, staff.field_enrolment),
        other => return other.to_owned(),
    };
    name.to_owned()
}

/// A value of a state in words.
pub fn value_text(l: Locale, field: &str, value: &str) -> String {
    match (field, value) {
        (_, "true") => td_string!(l, staff.yes).to_owned(),
        (_, "false") => td_string!(l, staff.no).to_owned(),
        ("factor", "password") => td_string!(l, staff.factor_password).to_owned(),
        ("factor", "enrolment") => td_string!(l, staff.factor_enrolment).to_owned(),
        ("factor", "old_password") => td_string!(l, staff.factor_old_password).to_owned(),
        ("factor", "code") => td_string!(l, staff.factor_code).to_owned(),
        ("roles", roles) => {
            let known: Vec<Role> = roles.split(", ").filter_map(|role| role.parse().ok()).collect();
            role_names(l, &known)
        }
        (_, other) => other.to_owned(),
    }
}

/// Why a password is not accepted: the name of the problem in an address.
pub fn weakness(weak: WeakPassword) -> &'static str {
    match weak {
        WeakPassword::Length => "length",
        WeakPassword::Pattern => "pattern",
        WeakPassword::OwnName => "own_name",
    }
}

/// What the answer to the last form has to say, as the address tells it.
pub fn problem(l: Locale, now: DateTime<Utc>) -> Option<String> {
    match query("problem")?.as_str() {
        "wait" => Some(wait_text(l, query("until").as_deref(), now)),
        other => problem_text(l, other).map(str::to_owned),
    }
}

/// What is wrong with what was typed in, by the name of the problem in an address.
pub fn problem_text(l: Locale, problem: &str) -> Option<&'static str> {
    Some(match problem {
        "password" => td_string!(l, staff.problem_password),
        "code" => td_string!(l, staff.problem_code),
        "expired" => td_string!(l, staff.problem_expired),
        "ended" => td_string!(l, staff.problem_ended),
        "no_key" => td_string!(l, staff.problem_no_key),
        "old_password" => td_string!(l, staff.problem_old_password),
        "length" => td_string!(l, staff.problem_length),
        "pattern" => td_string!(l, staff.problem_pattern),
        "own_name" => td_string!(l, staff.problem_own_name),
        "different" => td_string!(l, staff.problem_different),
        "login" => td_string!(l, staff.problem_login),
        "taken" => td_string!(l, staff.problem_taken),
        "name" => td_string!(l, staff.problem_name),
        "no_role" => td_string!(l, staff.problem_no_role),
        "oneself" => td_string!(l, staff.problem_oneself),
        "unchanged" => td_string!(l, staff.problem_unchanged),
        "gone" => td_string!(l, staff.problem_gone),
        "failed" => td_string!(l, staff.problem_failed),
        _ => return None,
    })
}
