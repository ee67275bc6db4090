//! Tariffs off sale: two of the staff did it, as it was approved, and nobody undoes it.

use charging::tariff::withdrawal::testing::withdraw;

use super::{Broken, DENIED, accepted, at, execute, refused};
use crate::world::{ADDON, OTHER_PLAN, PACK};

/// Two of the staff, and a plan of the first for two tariffs that waits for the second.
async fn asked(broken: &Broken) -> (i64, i64, i64) {
    let mut conn = broken.app().acquire().await.unwrap();
    let sql = "insert into staff (login, name, created_at) values ('ann', 'Ann', now()), ('bob', 'Bob', now());
        insert into withdrawal_plan (tariffs, withdraw_at, reason, asked_by, asked_at)
        select 2, '2026-11-01', 'fewer', staff_id, '2026-10-01' from staff where login = 'ann';";
    execute(&mut conn, sql).await.unwrap();
    let number = async |conn: &mut sqlx::PgConnection, sql: &'static str| {
        sqlx::query_scalar::<_, i64>(sql).fetch_one(conn).await.unwrap()
    };
    let ann = number(&mut conn, "select staff_id from staff where login = 'ann'").await;
    let bob = number(&mut conn, "select staff_id from staff where login = 'bob'").await;
    let plan = number(&mut conn, "select plan_id from withdrawal_plan").await;
    for (place, scheme_id) in [(1, PACK), (2, OTHER_PLAN)] {
        execute(&mut conn, &line(plan, place, scheme_id)).await.unwrap();
    }
    (plan, ann, bob)
}

fn line(plan: i64, place: i32, scheme_id: &str) -> String {
    format!(
        "insert into withdrawal_plan_tariff (plan_id, tariffs, place, scheme_id, price, subscribers, monthly)
        values ({plan}, 2, {place}, '{scheme_id}', 10, 0, 0)"
    )
}

fn decided(state: &str, by: i64, at: &str) -> String {
    format!("update withdrawal_plan set state = '{state}', decided_by = {by}, decided_at = '{at}'")
}

fn withdrawal(plan: i64, scheme_id: &str, asked_by: i64, approved_by: i64) -> String {
    format!(
        "insert into tariff_withdrawal (scheme_id, withdrawn_at, reason, plan_id, asked_by, approved_by)
        values ('{scheme_id}', '2026-11-01', 'fewer', {plan}, {asked_by}, {approved_by})"
    )
}

#[tokio::test]
async fn no_one_approves_his_own_withdrawal() {
    let broken = Broken::new().await;
    let (plan, ann, bob) = asked(&broken).await;
    let approval = decided("approved", bob, "2026-10-10");
    accepted(broken.app(), &approval).await;
    accepted(broken.app(), &decided("taken_back", ann, "2026-10-10")).await;
    accepted(broken.app(), &format!("{approval}; {}", withdrawal(plan, PACK, ann, bob))).await;
    refused(
        broken.app(),
        &[
            ("by himself", decided("approved", ann, "2026-10-10"), "withdrawal_plan_by_another"),
            ("refused by himself", decided("refused", ann, "2026-10-10"), "withdrawal_plan_by_another"),
            ("taken back by another", decided("taken_back", bob, "2026-10-10"), "withdrawal_plan_by_another"),
            ("after its time", decided("approved", bob, "2026-11-02"), "withdrawal_plan_ahead"),
            (
                "by nobody",
                "update withdrawal_plan set state = 'approved', decided_at = '2026-10-10'".to_owned(),
                "withdrawal_plan_decided",
            ),
            ("one's own name as the other's", "update withdrawal_plan set asked_by = decided_by".to_owned(), DENIED),
            ("another time", "update withdrawal_plan set withdraw_at = '2026-10-02'".to_owned(), DENIED),
            ("a third tariff", line(plan, 3, ADDON), "withdrawal_plan_tariff_counted"),
            (
                "something instead, for nobody knows how much",
                line(plan, 2, ADDON)
                    .replace("scheme_id, price", "scheme_id, instead, price")
                    .replace("', 10,", &format!("', '{PACK}', 10,")),
                "withdrawal_plan_tariff_instead",
            ),
            ("one in the place of another", line(plan, 2, ADDON), "withdrawal_plan_tariff_place"),
            (
                "a plan of more than it says",
                line(plan, 3, ADDON).replace(", 2, 3,", ", 3, 3,"),
                "withdrawal_plan_tariff_of",
            ),
        ],
    )
    .await;
    broken.world.db.drop().await;
}

#[tokio::test]
async fn nothing_goes_off_sale_but_as_it_was_approved() {
    let broken = Broken::new().await;
    let (plan, ann, bob) = asked(&broken).await;
    refused(
        broken.app(),
        &[
            ("before it is approved", withdrawal(plan, PACK, ann, bob), "tariff_withdrawal_approved"),
            (
                "without a plan",
                format!(
                    "insert into tariff_withdrawal (scheme_id, withdrawn_at, reason) values ('{PACK}', now(), 'x')"
                ),
                "tariff_withdrawal_whole",
            ),
            ("by one alone", withdrawal(plan, PACK, ann, ann), "tariff_withdrawal_by_another"),
        ],
    )
    .await;
    let mut conn = broken.app().acquire().await.unwrap();
    execute(&mut conn, &decided("approved", bob, "2026-10-10")).await.unwrap();
    let sound = withdrawal(plan, PACK, ann, bob);
    execute(&mut conn, &sound).await.unwrap();
    drop(conn);
    let other = withdrawal(plan, OTHER_PLAN, ann, bob);
    accepted(broken.app(), &other).await;
    refused(
        broken.app(),
        &[
            ("what is not in the plan", withdrawal(plan, ADDON, ann, bob), "tariff_withdrawal_plan"),
            ("at another time", other.replace("2026-11-01", "2026-10-11"), "tariff_withdrawal_approved"),
            ("for another reason", other.replace("fewer", "x"), "tariff_withdrawal_approved"),
            ("twice", sound, "tariff_withdrawal_pkey"),
            ("sold again", "delete from tariff_withdrawal".to_owned(), DENIED),
            ("at another time afterwards", "update tariff_withdrawal set withdrawn_at = now()".to_owned(), DENIED),
            ("approval undone", decided("taken_back", ann, "2026-10-10"), "tariff_withdrawal_approved"),
            (
                "approved by somebody else after all",
                "update withdrawal_plan set decided_by = (select max(staff_id) + 1 from staff)".to_owned(),
                "tariff_withdrawal_approved",
            ),
            ("a plan removed", "delete from withdrawal_plan_tariff".to_owned(), DENIED),
        ],
    )
    .await;
    broken.world.db.drop().await;
}

#[tokio::test]
async fn what_is_withdrawn_names_two() {
    let broken = Broken::new().await;
    let mut conn = broken.app().acquire().await.unwrap();
    withdraw(&mut conn, PACK, at("2026-10-01T00:00:00+08:00")).await;
    let two: bool = sqlx::query_scalar("select asked_by <> approved_by from tariff_withdrawal")
        .fetch_one(&mut *conn)
        .await
        .unwrap();
    assert!(two);
    drop(conn);
    broken.world.db.drop().await;
}
