//! What some of the demo's subscribers say is wrong: one case that is new, one that waits for long, one that was taken back.

use charging::bill::store::{bill, history};
use charging::dispute::store::{DisputeError, of_subscriber, open, withdraw};
use charging::subscriber::store::find_by_msisdn;
use chrono::{DateTime, TimeDelta, Utc};
use rust_decimal::Decimal;
use sqlx::PgPool;

use super::people::Person;
use super::rng;

/// Whose, how many days ago, in what words, and whether it was taken back.
const CASES: [(u32, i64, &str, bool); 4] = [
    (1, 2, "这个月出差都在用单位的网络，怎么还有这笔？", false),
    (2, 11, "没有人告诉我要收这笔。", false),
    (6, 5, "", false),
    (4, 9, "看错月份了。", true),
];

/// Opens them. What is there already stays as it is.
///
/// # Errors
/// When the database fails.
pub async fn open_all(pool: &PgPool, people: &[Person], now: DateTime<Utc>) -> anyhow::Result<()> {
    for (n, days, words, is_withdrawn) in CASES {
        let Some(person) = people.iter().find(|person| person.n == n) else { continue };
        let mut tx = pool.begin().await?;
        let Some(subscriber) = find_by_msisdn(&mut tx, &person.msisdn).await? else { continue };
        let id = subscriber.subscriber_id;
        let Some(newest) = history(&mut tx, id, 1).await?.into_iter().next() else { continue };
        let bill = bill(&mut tx, id, newest.month).await?;
        let mut lines = bill.into_iter().flat_map(|bill| bill.lines);
        let Some(line) = lines.rfind(|line| line.amount > Decimal::ZERO) else { continue };
        if !of_subscriber(&mut tx, id).await?.is_empty() {
            continue;
        }
        let at = (now - TimeDelta::days(days)).max(newest.closed_at + TimeDelta::hours(1)).min(now);
        let opened = open(&mut tx, id, (newest.month, line.line_no), words, &mut rng(n, 9999), at).await;
        let case = match opened {
            Ok(dispute) => dispute.case(),
            Err(DisputeError::Disputed) => continue,
            Err(error) => return Err(error.into()),
        };
        if is_withdrawn {
            withdraw(&mut tx, case, (at + TimeDelta::minutes(20)).min(now)).await?;
        }
        tx.commit().await?;
    }
    Ok(())
}
