//! The audit finds nothing in a database that the engine made, and finds what somebody altered behind its back.

use charging::audit::{Report, audit};
use charging::clock::start_of_day;
use charging::testing::TestDatabase;
use server::demo;
use sqlx::PgPool;

/// Alterations by the owner of the tables, whom no grant stops, each with what the audit must say of it. Where a
/// constraint would refuse the row, it is dropped first: the audit must not rely on it. Records are altered for the
/// first subscriber and allowances for the last, so that no two alterations make up for each other.
const ALTERATIONS: [(&str, &str, &str); 8] = [
    (
        "consent text",
        "alter table consent drop constraint consent_hash;
         update consent set evidence = convert_to(replace(convert_from(evidence, 'UTF8'), '元', '角'), 'UTF8')
         where (subscriber_id, seq) =
            (select subscriber_id, seq from consent order by subscriber_id, seq limit 1)",
        "the proof of consent",
    ),
    (
        "cost of a record",
        "update usage_record set cost = cost + 0.01 where (subscriber_id, month, source_id) =
            (select subscriber_id, month, source_id from usage_record where cost > 0
             order by subscriber_id, month, source_id limit 1)",
        "was charged",
    ),
    (
        "charged for what allowances held",
        "update usage_record set overage = overage + 1, from_allowance = from_allowance - 1
         where (subscriber_id, month, source_id) =
            (select subscriber_id, month, source_id from usage_record where from_allowance > 0
             order by subscriber_id, month, source_id limit 1)",
        "beyond the allowances",
    ),
    (
        "the month's counter",
        "update month_counter set overage_charged = overage_charged + 1 where (subscriber_id, month) =
            (select subscriber_id, month from month_counter where overage_charged + 1 <= overage_cap
             order by subscriber_id, month limit 1)",
        "the counter says",
    ),
    (
        "an allowance",
        "update allowance set used = used - 1 where (subscriber_id, subscription_id, month, ordinal) =
            (select subscriber_id, subscription_id, month, ordinal from allowance where used > 0
             order by subscriber_id desc, month, subscription_id, ordinal limit 1)",
        "allowances say",
    ),
    (
        "a transfer",
        "update transfer set amount = amount + 1 where (subscriber_id, transfer_id) =
            (select subscriber_id, transfer_id from transfer where charge_id is not null
             order by subscriber_id, transfer_id limit 1)",
        "was posted as",
    ),
    (
        "a monthly charge",
        "alter table charge drop constraint charge_within_price;
         update charge set amount = amount + 1 where (subscriber_id, charge_id) =
            (select subscriber_id, charge_id from charge where kind = 'recurring'
             order by subscriber_id, charge_id limit 1)",
        "must be",
    ),
    (
        "a bill",
        "update bill set total = total + 1 where (subscriber_id, month) =
            (select subscriber_id, month from bill order by month desc, subscriber_id limit 1)",
        "the bill says",
    ),
];

async fn altered(owner: &PgPool, sql: &'static str) {
    sqlx::raw_sql(sql).execute(owner).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
}

#[tokio::test]
async fn what_the_engine_made_is_in_order_and_what_was_altered_is_found() {
    let database = TestDatabase::create().await;
    let now = start_of_day("2026-11-20".parse().unwrap());
    demo::load(&database.app, now, 4, |_, _| ()).await.unwrap();

    let report = audit(&database.app, None, || ()).await.unwrap();
    assert!(report.records > 1_000, "{report}");
    assert_eq!(report.differences, 0, "{:#?}", report.described);
    assert_eq!(report.to_string(), format!("records {}, differences 0, error rate 0", report.records));

    let saying =
        |report: &Report, said: &str| report.described.iter().filter(|found| found.what.contains(said)).count();
    let mut before = report;
    for (name, sql, said) in ALTERATIONS {
        altered(&database.owner, sql).await;
        let after = audit(&database.app, None, || ()).await.unwrap();
        assert!(saying(&after, said) > saying(&before, said), "{name} was not found: {:#?}", after.described);
        before = after;
    }
    database.drop().await;
}
