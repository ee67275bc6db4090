//! Evidence and ledger tables are append-only: the server's role can neither change nor remove a row.

use sqlx::AssertSqlSafe;

use super::{Broken, DENIED, refused};

const APPEND_ONLY: &[&str] = &[
    "operator",
    "channel",
    "tariff",
    "tariff_version",
    "tariff_withdrawal",
    "tariff_draft_revision",
    "tariff_submission",
    "tariff_decision",
    "tariff_submission_withdrawal",
    "msisdn",
    "audit_trail",
    "consent",
    "signature",
    "evidence_key",
    "product_order",
    "subscription_event",
    "cap_choice",
    "usage_record",
    "charge",
    "transfer",
    "bill",
    "bill_line",
    "bill_line_charge",
    "incoming_sms",
    "dispute_event",
    "payment_event",
    "auto_payment_choice",
    "settlement",
    "balance_entry",
    "refund_event",
    "statement_line",
    "platform_item",
    "third_party_request",
    "third_party_charge",
    "agent_channel_version",
    "agent_channel_decision",
    "agent_channel_scope",
    "agent_channel_stop",
    "agent_channel_secret",
    "agent_channel_report",
    "agent_channel_report_answer",
    "agent_content",
    "agent_content_decision",
    "agent_content_withdrawal",
    "agent_order",
    "agent_sale",
];

/// Rows that change in named columns alone, and are never removed.
const PARTLY: &[(&str, &str)] = &[
    ("subscriber", "msisdn, region, created_at, subscriber_id"),
    (
        "consent_request",
        "purpose, scheme_id, version, recurring_price, one_off_price, cap, description, asked_at, expires_at",
    ),
    ("subscription", "order_id, scheme_id, version, kind, recurring_price, one_off_price, starts_at"),
    ("month_counter", "subscriber_id, month"),
    ("overage_volume", "subscriber_id, month, subscription_id"),
    ("allowance", "granted, service, valid_from, rating_groups"),
    ("notice", "body, event_key, kind, created_at, language"),
    ("staff", "login, created_at"),
    ("tariff_draft", "base_scheme_id, base_version, created_by, created_at"),
    ("withdrawal_plan", "tariffs, withdraw_at, reason, asked_by, asked_at"),
    ("withdrawal_plan_tariff", "plan_id, scheme_id, price, instead, instead_price, subscribers, monthly"),
    ("payment", "amount, route, asked_by, nonce, purpose"),
    ("refund", "amount, charged, paid_by, asked_by, reason, month, imported_charge_id"),
    ("refund_part", "amount, route, paid_by, settlement_id, nonce, refund_before, replaces_no"),
    ("refund_batch", "amount, refunds, asked_by, reason"),
    ("reconciliation_difference", "what, number, amount_here, amount_there, found_at"),
];

#[tokio::test]
async fn rows_that_prove_something_stay() {
    let broken = Broken::new().await;
    let mut attempts = Vec::new();
    for table in APPEND_ONLY {
        let columns: Vec<String> = sqlx::query_scalar(
            "select column_name::text from information_schema.columns where table_schema = 'public' and table_name = $1",
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
    for (table, columns) in PARTLY {
        for column in columns.split(", ") {
            attempts.push(("updated", format!("update {table} set {column} = default"), DENIED));
        }
        attempts.push(("deleted", format!("delete from {table}"), DENIED));
    }
    refused(broken.app(), &attempts).await;
    broken.world.db.drop().await;
}

#[tokio::test]
async fn the_schema_is_out_of_reach() {
    let broken = Broken::new().await;
    refused(
        broken.app(),
        &[
            ("a check dropped", "alter table consent drop constraint consent_hash".to_owned(), DENIED),
            ("a table dropped", "drop table consent cascade".to_owned(), DENIED),
            ("a table made", "create table loophole (id int)".to_owned(), DENIED),
            ("a trigger made", "create trigger t before insert on charge for each row execute function suppress_redundant_updates_trigger()".to_owned(), DENIED),
        ],
    )
    .await;
    let granting = "grant update on consent to mingbai_app";
    sqlx::raw_sql(granting).execute(broken.app()).await.unwrap();
    let granted: bool = sqlx::query_scalar("select has_table_privilege('mingbai_app', 'consent', 'update')")
        .fetch_one(broken.app())
        .await
        .unwrap();
    assert!(!granted, "a role gives itself no grant: PostgreSQL only warns");
    let replica: Result<_, sqlx::Error> = async {
        let mut tx = broken.app().begin().await?;
        sqlx::raw_sql(AssertSqlSafe("set session_replication_role = replica".to_owned())).execute(&mut *tx).await
    }
    .await;
    assert!(replica.is_err(), "foreign keys cannot be switched off");
    broken.world.db.drop().await;
}
