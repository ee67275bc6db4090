//! Imported charges, findings and incidents: nothing of them is charged, found twice, or approved by who proposed it.

use super::{Broken, DENIED, accepted, refused};

fn charge(a: i64) -> String {
    format!(
        "insert into imported_charge (subscriber_id, source_id, kind, scheme_id, amount, charged_at, month, route, imported_at)
        values ({a}, 'x', 'recurring', '95', 95, now(), '2026-10-01', 'bill', now())"
    )
}

/// One imported charge of the first subscriber, found and listed; Ann proposed it.
async fn listed() -> Broken {
    let broken = Broken::new().await;
    let a = broken.a;
    let sql = format!(
        "insert into staff (login, name, created_at) values ('ann', 'Ann', now()), ('bob', 'Bob', now());
        {};
        insert into finding (detector, version, scheme_id, source, day, found_at)
            values ('no_consent', 1, '95', '', '2026-10-01', now());
        insert into finding_charge (subscriber_id, detector, imported, item_id, finding_id) values ({a}, 'no_consent', true, 1, 1);
        insert into finding_growth (finding_id, route, charges, amount, first_at, last_at, grown_at)
            values (1, 'bill', 1, 95, now(), now(), now());
        insert into incident (title, opened_by, opened_at) values ('night', 1, now()), ('day', 1, now());
        insert into incident_finding values (1, 1);
        insert into incident_stop (incident_id, scheme_id, stopped_by, stopped_at) values (1, '26MB900001', 1, now());
        insert into incident_list values (1, 1, 1, 95, 1, now());
        insert into incident_charge (subscriber_id, incident_id, imported, item_id, amount, route) values ({a}, 1, true, 1, 95, 'bill');
        insert into refund_batch (purpose, reason, refunds, amount, asked_by, asked_at)
            values ('night', 'incident', 1, 95, 'staff:ann', now());
        insert into incident_proposal values (1, 1, 1, now(), 1);",
        charge(a)
    );
    sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(broken.app()).await.unwrap();
    broken
}

#[tokio::test]
async fn an_imported_charge_stays_as_it_came() {
    let broken = listed().await;
    let a = broken.a;
    let another = charge(a).replace("'x'", "'y'");
    accepted(broken.app(), &another).await;
    let with = |from: &str, to: &str| another.replacen(from, to, 1);
    let consented = |columns: &str, values: &str| {
        with("imported_at)", &format!("imported_at, {columns})")).replacen("now())", &format!("now(), {values})"), 1)
    };
    refused(
        broken.app(),
        &[
            ("twice", charge(a), "imported_charge_once"),
            ("of nobody", with(&format!("({a},"), "(99999,"), "imported_charge_subscriber_id_fkey"),
            ("of nothing", with("95, now()", "0, now()"), "imported_charge_amount_check"),
            ("paid in an unknown way", with("'bill'", "'cash'"), "imported_charge_route_check"),
            ("by a payment without number", with("'bill'", "'gateway'"), "imported_charge_route"),
            ("for a month that is none", with("2026-10-01", "2026-10-02"), "imported_charge_month_check"),
            ("half a consent", consented("consent_method", "'sms_code'"), "imported_charge_consent"),
            ("a price nobody agreed to", consented("consent_price", "95"), "imported_charge_consent"),
            ("altered", "update imported_charge set amount = 1".to_owned(), DENIED),
            ("removed", "delete from imported_charge".to_owned(), DENIED),
        ],
    )
    .await;
    broken.world.db.drop().await;
}

#[tokio::test]
async fn a_charge_is_found_once_and_by_figures_within_limits() {
    let broken = listed().await;
    let (a, b) = (broken.a, broken.b);
    let found = |subscriber: i64, detector: &str, imported: bool, item: i64| {
        format!(
            "insert into finding_charge (subscriber_id, detector, imported, item_id, finding_id) values ({subscriber}, '{detector}', {imported}, {item}, 1)"
        )
    };
    let set = |detector: &str, figures: &str| {
        format!("insert into detector_version values ('{detector}', 2, '{figures}', true, now(), null)")
    };
    accepted(broken.app(), &set("burst", r#"{"orders_min": 10, "minutes": 1440}"#)).await;
    refused(
        broken.app(),
        &[
            ("twice", found(a, "no_consent", true, 1), "finding_charge_once"),
            ("of another detector", found(a, "price", true, 1), "finding_charge_finding"),
            ("a charge of somebody else", found(b, "no_consent", true, 1), "finding_charge_imported"),
            ("a charge that is none", found(a, "no_consent", false, 999), "finding_charge_own"),
            ("too few orders", set("burst", r#"{"orders_min": 9, "minutes": 10}"#), "detector_version_parameters"),
            ("part of an order", set("burst", r#"{"orders_min": 10.5, "minutes": 10}"#), "22P02"),
            ("a figure of its own", set("price", r#"{"tolerance_fen": 1, "x": 1}"#), "detector_version_parameters"),
            ("no figure", set("jump", r#"{"times": 5}"#), "detector_version_parameters"),
            ("a detector of its own", set("mine", "{}"), "detector_version_detector_check"),
            ("figures altered", "update detector_version set enabled = false".to_owned(), DENIED),
            ("a finding removed", "delete from finding_charge".to_owned(), DENIED),
            ("a finding made smaller", "update finding_growth set charges = 1".to_owned(), DENIED),
            (
                "looked at less than before",
                "update review_mark set done_id = 99, seen_id = 98".to_owned(),
                "review_mark_order",
            ),
            (
                "taken twice by an incident",
                "insert into incident_finding values (1, 1)".to_owned(),
                "incident_finding_pkey",
            ),
        ],
    )
    .await;
    broken.world.db.drop().await;
}

#[tokio::test]
async fn nobody_approves_what_he_proposed() {
    let broken = listed().await;
    let (a, b) = (broken.a, broken.b);
    let affected = |subscriber: i64, amount: &str, route: &str| {
        format!("insert into incident_list values (2, 1, 1, 95, 1, now());
            insert into incident_charge (subscriber_id, incident_id, imported, item_id, amount, route) values ({subscriber}, 2, true, 1, {amount}, '{route}')")
    };
    let approval = |proposal: i32, by: i64, approver: i64| {
        format!("insert into incident_approval values (1, {proposal}, {by}, {approver}, now())")
    };
    let excluded =
        |item: i64| format!("insert into incident_exclusion values ({a}, 1, true, {item}, 'paid back', 1, now())");
    let executed = |proposal: i32, batch: i64| {
        format!(
            "insert into incident_execution (incident_id, proposal_no, batch_id, state, started_by, started_at)
            values (1, {proposal}, {batch}, 'running', 1, now())"
        )
    };
    let lifted = |by: i64| format!("update incident_stop set lifted_by = {by}, lifted_at = now()");
    let whole = format!("{}; {}", approval(1, 1, 2), executed(1, 1));
    for sql in [affected(a, "95", "bill"), approval(1, 1, 2), whole, excluded(1), lifted(2)] {
        accepted(broken.app(), &sql).await;
    }
    refused(
        broken.app(),
        &[
            ("by himself", approval(1, 1, 1), "incident_approval_by_another"),
            ("in another's name", approval(1, 2, 1), "incident_approval_of"),
            ("what nobody proposed", approval(2, 1, 2), "incident_approval_of"),
            ("twice", format!("{}; {}", approval(1, 1, 2), approval(1, 1, 2)), "incident_approval_pkey"),
            ("sold again by who stopped it", lifted(1), "incident_stop_lifted_by_another"),
            ("more than it was", affected(a, "96", "bill"), "incident_charge_imported"),
            ("by another way", affected(a, "95", "balance"), "incident_charge_imported"),
            ("to somebody else", affected(b, "95", "bill"), "incident_charge_imported"),
            ("without a list", affected(a, "95", "bill").replacen("(2, 1, 1", "(1, 1, 1", 1), "incident_list_pkey"),
            ("taken out though not on it", excluded(2), "incident_exclusion_charge"),
            ("taken out twice", format!("{}; {}", excluded(1), excluded(1)), "incident_exclusion_pkey"),
            ("executed unapproved", executed(1, 1), "incident_execution_approved"),
            ("as another batch", format!("{}; {}", approval(1, 1, 2), executed(1, 2)), "incident_execution_batch"),
            (
                "executed twice",
                format!("{}; {}; {}", approval(1, 1, 2), executed(1, 1), executed(1, 1)),
                "incident_execution_pkey",
            ),
            ("a proposal altered", "update incident_proposal set proposed_by = 2".to_owned(), DENIED),
            ("the list shortened", "delete from incident_charge".to_owned(), DENIED),
            ("an exclusion taken back unseen", "delete from incident_exclusion".to_owned(), DENIED),
            ("an approval taken back", "delete from incident_approval".to_owned(), DENIED),
        ],
    )
    .await;
    broken.world.db.drop().await;
}

#[tokio::test]
async fn what_was_found_and_decided_stays() {
    let broken = listed().await;
    let mut attempts = Vec::new();
    for table in [
        "imported_charge",
        "detector_version",
        "finding",
        "finding_charge",
        "finding_growth",
        "finding_dismissal",
        "incident",
        "incident_finding",
        "incident_list",
        "incident_list_finding",
        "incident_charge",
        "incident_exclusion",
        "incident_proposal",
        "incident_proposal_route",
        "incident_approval",
        "incident_channel",
        "incident_frozen",
        "incident_statement",
        "incident_statement_version",
        "incident_statement_publication",
    ] {
        let columns: Vec<String> = sqlx::query_scalar(
            "select column_name::text from information_schema.columns
            where table_schema = 'public' and table_name = $1 and is_generated = 'NEVER'",
        )
        .bind(table)
        .fetch_all(&broken.world.db.owner)
        .await
        .unwrap();
        assert!(!columns.is_empty(), "{table}");
        for column in columns {
            attempts.push(("updated", format!("update {table} set {column} = default"), DENIED));
        }
        attempts.push(("deleted", format!("delete from {table}"), DENIED));
        attempts.push(("truncated", format!("truncate {table} cascade"), DENIED));
    }
    let stop = "update incident_stop set stopped_by = 2".to_owned();
    attempts.push(("another stopped it", stop, DENIED));
    refused(broken.app(), &attempts).await;
    broken.world.db.drop().await;
}

/// The incident's execution is done, and Ann wrote what the public is told.
async fn told() -> Broken {
    let broken = listed().await;
    let addon = broken.addon.subscription_id;
    let a = broken.a;
    let sql = format!(
        "insert into incident_approval values (1, 1, 1, 2, now());
        insert into incident_execution (incident_id, proposal_no, batch_id, state, made, started_by, started_at, finished_at)
            values (1, 1, 1, 'done', 1, 1, now(), '2026-11-01T00:00:00Z');
        update refund_batch set approved_by = 'staff:bob', approved_at = asked_at, made = 1, returned = 95;
        insert into incident_statement (incident_id, batch_id, finished_at, refunds, amount, subscribers, arrives_by)
            values (1, 1, '2026-11-01T00:00:00Z', 1, 95, 1, '2026-11-08');
        insert into incident_statement_version values (1, 1, '标题', '{{subscribers}} {{amount}} {{until}}', 'Title',
            '{{subscribers}} {{amount}} {{until}}', 1, now());
        insert into incident_block (incident_id, staff_id, blocked_by, blocked_at) values (1, 2, 1, now());
        insert into incident_freeze (incident_id, subscriptions, frozen_by, frozen_at) values (1, 1, 1, now());
        insert into incident_frozen (subscriber_id, subscription_id, freeze_id) values ({a}, {addon}, 1);
        insert into staff (login, name, created_at) values ('cai', 'Cai', now());"
    );
    sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(broken.app()).await.unwrap();
    broken
}

#[tokio::test]
async fn what_stops_the_source_is_lifted_by_somebody_else() {
    let broken = told().await;
    let (b, addon) = (broken.b, broken.addon.subscription_id);
    let block = |account: i64, by: i64| {
        format!(
            "insert into incident_block (incident_id, staff_id, blocked_by, blocked_at) values (2, {account}, {by}, now())"
        )
    };
    let unblock = |by: i64| format!("update incident_block set lifted_by = {by}, lifted_at = now()");
    let freeze =
        "insert into incident_freeze (incident_id, subscriptions, frozen_by, frozen_at) values (2, 1, 1, now())";
    let thaw = |by: i64| format!("update incident_freeze set lifted_by = {by}, lifted_at = now()");
    for sql in [block(3, 1), unblock(3), freeze.to_owned(), thaw(2)] {
        accepted(broken.app(), &sql).await;
    }
    refused(
        broken.app(),
        &[
            ("his own account", block(3, 3), "incident_block_of_another"),
            ("blocked twice", block(2, 1), "incident_block_once"),
            ("unblocked by who blocked it", unblock(1), "incident_block_lifted_by_another"),
            ("unblocked by himself", unblock(2), "incident_block_lifted_by_another"),
            ("unblocked at no time", "update incident_block set lifted_by = 3".to_owned(), "incident_block_lifted"),
            ("another blocked it", "update incident_block set blocked_by = 3".to_owned(), DENIED),
            ("frozen twice", freeze.replace("(2,", "(1,"), "incident_freeze_once"),
            ("lifted by who froze it", thaw(1), "incident_freeze_lifted_by_another"),
            ("lifted by nobody", "update incident_freeze set lifted_at = now()".to_owned(), "incident_freeze_lifted"),
            ("nothing frozen", freeze.replace(", 1, 1,", ", 0, 1,"), "incident_freeze_subscriptions_check"),
            (
                "what somebody else has",
                format!("insert into incident_frozen values ({b}, {addon}, 1)"),
                "incident_frozen_subscription",
            ),
            ("thawed unseen", "delete from incident_frozen".to_owned(), DENIED),
            (
                "a channel that was not stopped",
                "insert into incident_channel values (1, 'QD000001', 1, 1)".to_owned(),
                "incident_channel_stop",
            ),
        ],
    )
    .await;
    broken.world.db.drop().await;
}

#[tokio::test]
async fn what_the_public_is_told_has_the_figures_of_the_execution_and_two_people() {
    let broken = told().await;
    let statement = |incident: i64, refunds: i64, amount: i64, subscribers: i64| {
        format!(
            "insert into incident_statement (incident_id, batch_id, finished_at, refunds, amount, subscribers, arrives_by)
            values ({incident}, 1, '2026-11-01T00:00:00Z', {refunds}, {amount}, {subscribers}, '2026-11-08')"
        )
    };
    let version = |no: i32, text: &str| {
        format!(
            "insert into incident_statement_version values (1, {no}, '标题', '{text}', 'Title', '{text}', 1, now())"
        )
    };
    let publish = |version: i32, by: i64, publisher: i64| {
        format!("insert into incident_statement_publication values (1, {version}, {by}, {publisher}, now())")
    };
    let whole = "{subscribers} {amount} {until}";
    accepted(broken.app(), &version(2, whole)).await;
    accepted(broken.app(), &publish(1, 1, 2)).await;
    refused(
        broken.app(),
        &[
            ("of no execution", statement(2, 1, 95, 1), "incident_statement_done"),
            ("twice", statement(1, 1, 95, 1), "incident_statement_once"),
            ("more who got it than refunds", statement(2, 1, 95, 2), "incident_statement_subscribers"),
            ("figures altered", "update incident_statement set amount = 1".to_owned(), DENIED),
            (
                "what was returned altered under it",
                "update refund_batch set returned = 94".to_owned(),
                "incident_statement_figures",
            ),
            (
                "begun again under it",
                "update incident_execution set state = 'running', finished_at = null".to_owned(),
                "incident_statement_done",
            ),
            ("figures left out", version(2, "{subscribers} {amount}"), "incident_statement_says_figures"),
            ("written over", version(1, whole), "incident_statement_version_pkey"),
            ("altered", "update incident_statement_version set text_zh = text_en".to_owned(), DENIED),
            ("by himself", publish(1, 1, 1), "incident_statement_by_another"),
            ("in another's name", publish(1, 2, 1), "incident_statement_published_version"),
            ("what nobody wrote", publish(2, 1, 2), "incident_statement_published_version"),
            ("taken back", "delete from incident_statement_publication".to_owned(), DENIED),
        ],
    )
    .await;
    broken.world.db.drop().await;
}
