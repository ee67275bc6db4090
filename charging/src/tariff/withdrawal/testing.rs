//! Tariffs off sale, for tests of what follows from that.

#![expect(clippy::missing_panics_doc, reason = "a test whose withdrawal does not go in must fail")]

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

/// Takes a tariff off sale from an instant on, as two of the staff would.
pub async fn withdraw(conn: &mut PgConnection, scheme_id: &str, at: DateTime<Utc>) {
    withdraw_because(conn, scheme_id, "停售", at).await;
}

/// The same, with a reason.
pub async fn withdraw_because(conn: &mut PgConnection, scheme_id: &str, reason: &str, at: DateTime<Utc>) {
    let sql = "with people as (
            insert into staff (login, name, created_at)
            values ('asks.' || lower($1), '甲', $2), ('approves.' || lower($1), '乙', $2) returning staff_id),
        plan as (
            insert into withdrawal_plan
                (tariffs, withdraw_at, reason, asked_by, asked_at, state, decided_by, decided_at)
            select 1, $2, $3, min(staff_id), $2 - interval '2 days', 'approved', max(staff_id), $2 - interval '1 day'
            from people returning plan_id, asked_by, approved_by, reason)
        select plan_id, asked_by, approved_by, reason from plan";
    let (plan_id, asked_by, approved_by, reason): (i64, i64, i64, String) =
        sqlx::query_as(sql).bind(scheme_id).bind(at).bind(reason).fetch_one(&mut *conn).await.expect("a plan");
    sqlx::query(
        "insert into withdrawal_plan_tariff (plan_id, tariffs, place, scheme_id, price, subscribers, monthly)
        values ($1, 1, 1, $2, 0, 0, 0)",
    )
    .bind(plan_id)
    .bind(scheme_id)
    .execute(&mut *conn)
    .await
    .expect("its tariff");
    sqlx::query(
        "insert into tariff_withdrawal (scheme_id, withdrawn_at, reason, plan_id, asked_by, approved_by)
        values ($1, $2, $3, $4, $5, $6)",
    )
    .bind(scheme_id)
    .bind(at)
    .bind(reason)
    .bind(plan_id)
    .bind(asked_by)
    .bind(approved_by)
    .execute(conn)
    .await
    .expect("its withdrawal");
}
