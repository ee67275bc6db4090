//! Accounts of the staff: nobody opens or widens his own, and no session outlives what it was opened with.

use charging::testing::TestDatabase;
use sqlx::AssertSqlSafe;

use super::{DENIED, accepted, refused};

/// Ann and Bob can sign in, and Bob is signed in; Cai has been blocked, and Dan has not set up his account.
async fn office() -> TestDatabase {
    let db = TestDatabase::create().await;
    let office = "insert into staff (login, name, password, totp_secret, created_at) values
            ('ann', 'Ann', '$argon2id$1', 'sealed', now()), ('bob', 'Bob', '$argon2id$2', 'sealed', now()),
            ('cai', 'Cai', '$argon2id$3', 'sealed', now()), ('dan', 'Dan', null, null, now());
        update staff set blocked_at = now(), blocked_by = 1 where login = 'cai';
        insert into staff_role (staff_id, role, granted_by, granted_at) values (1, 'administrator', null, now());
        insert into staff_session (session_hash, staff_id, epoch, state, address, created_at, last_seen_at)
        values (decode(repeat('01', 32), 'hex'), 2, 1, 'complete', '192.0.2.1', now(), now());";
    sqlx::raw_sql(AssertSqlSafe(office.to_owned())).execute(&db.app).await.unwrap();
    db
}

fn session(staff_id: i64, epoch: i32, state: &str, seen: &str) -> String {
    format!(
        "insert into staff_session (session_hash, staff_id, epoch, state, address, created_at, last_seen_at)
        values (decode(repeat('02', 32), 'hex'), {staff_id}, {epoch}, '{state}', '192.0.2.1', now(), now() + interval '{seen}')"
    )
}

#[tokio::test]
async fn no_session_outlives_what_it_rests_on() {
    let db = office().await;
    accepted(&db.app, &session(1, 1, "complete", "1 hour")).await;
    refused(
        &db.app,
        &[
            ("of a blocked account", session(3, 1, "complete", "0"), "staff_session_open"),
            ("of one not set up", session(4, 1, "complete", "0"), "staff_session_open"),
            ("of another epoch", session(1, 2, "complete", "0"), "staff_session_open"),
            ("of nobody", session(9, 1, "complete", "0"), "staff_session_open"),
            ("for longer than a day's work", session(1, 1, "complete", "13 hours"), "staff_session_day"),
            ("half, for an hour", session(1, 1, "password", "1 hour"), "staff_session_second_factor_soon"),
            ("given to somebody else", "update staff_session set staff_id = 1".to_owned(), DENIED),
            ("made whole without a code", "update staff_session set state = 'complete'".to_owned(), DENIED),
        ],
    )
    .await;
    let revoking = [
        "update staff set blocked_at = now() where login = 'bob'",
        "update staff set password = null, totp_secret = null where login = 'bob'",
        "update staff set session_epoch = session_epoch + 1 where login = 'bob'",
    ];
    let attempts = revoking.map(|sql| ("while signed in", sql.to_owned(), "staff_session_open"));
    refused(&db.app, &attempts).await;
    for sql in revoking {
        accepted(&db.app, &format!("delete from staff_session; {sql}")).await;
    }
    db.drop().await;
}

#[tokio::test]
async fn nobody_opens_or_widens_his_own_account() {
    let db = office().await;
    let role = |staff_id: i64, by: i64| format!("insert into staff_role values ({staff_id}, 'auditor', {by}, now())");
    let link = |staff_id: i64, by: i64, until: &str| {
        format!(
            "insert into staff_enrolment (staff_id, issued_by, issued_at, expires_at)
            values ({staff_id}, {by}, now(), now() + interval '{until}')"
        )
    };
    let entry = |staff_id: i64, subject: &str| {
        format!(
            "insert into audit_trail (at, staff_id, staff_roles, address, action, subject)
            values (now(), {staff_id}, '{{administrator}}', '192.0.2.1', 'staff.roles', '{subject}')"
        )
    };
    accepted(&db.app, &role(2, 1)).await;
    accepted(&db.app, &link(4, 1, "3 days")).await;
    accepted(&db.app, &entry(1, "staff/2")).await;
    refused(
        &db.app,
        &[
            ("a role to himself", role(1, 1), "staff_role_by_another"),
            ("a role that is none", role(2, 1).replace("auditor", "root"), "staff_role_role_check"),
            ("a role made another", "update staff_role set role = 'auditor'".to_owned(), DENIED),
            ("a link for himself", link(1, 1, "3 days"), "staff_enrolment_by_another"),
            ("a link for ever", link(4, 1, "300 days"), "staff_enrolment_three_days"),
            (
                "a block by himself",
                "update staff set blocked_at = now(), blocked_by = 1 where staff_id = 1".to_owned(),
                "staff_blocked_by_another",
            ),
            (
                "one factor alone",
                "update staff set password = '$argon2id$1' where staff_id = 4".to_owned(),
                "staff_two_factors",
            ),
            (
                "a password that can be read",
                "update staff set password = 'open' where staff_id = 1".to_owned(),
                "staff_password_check",
            ),
            ("an account removed", "delete from staff where staff_id = 4".to_owned(), DENIED),
            ("a trail of changing himself", entry(1, "staff/1"), "audit_trail_not_oneself"),
            (
                "a trail that does not say as what",
                entry(1, "x").replace("'{administrator}'", "null"),
                "audit_trail_who",
            ),
            ("a trail that does not say from where", entry(1, "x").replace("'192.0.2.1'", "null"), "audit_trail_where"),
            ("the trail changed", "update audit_trail set after = null".to_owned(), DENIED),
            ("the trail shortened", "delete from audit_trail".to_owned(), DENIED),
        ],
    )
    .await;
    db.drop().await;
}
