//! A family of three among the demo's subscribers: 陈静 sees what the bills of two others come to, who said yes by SMS.

use anyhow::Context as _;
use charging::clock::Month;
use charging::consent::incoming::incoming;
use charging::family::store::{FamilyError, invite};
use charging::family::view::seen_by;
use charging::subscriber::store::find_by_msisdn;
use chrono::{DateTime, TimeDelta, Utc};
use sqlx::PgPool;

use super::people::{Person, msisdn};

/// Months before the present one in which it began, so that there are bills to see.
pub const MONTHS: u32 = 4;
const HOLDER: u32 = 1;
const MEMBERS: [u32; 2] = [2, 7];

/// Invites them in a month, and has them agree. What is there already stays as it is.
///
/// # Errors
/// When the database fails.
pub async fn join(pool: &PgPool, people: &[Person], month: Month, now: DateTime<Utc>) -> anyhow::Result<()> {
    let at = (month.start() + TimeDelta::hours(20 * 24 + 11)).min(now - TimeDelta::minutes(10));
    let mut conn = pool.acquire().await?;
    let holder = find_by_msisdn(&mut conn, &msisdn(HOLDER)?).await?.context("the demo has no holder")?;
    for n in MEMBERS {
        let Some(person) = people.iter().find(|person| person.n == n) else { continue };
        let Some(member) = find_by_msisdn(&mut conn, &person.msisdn).await? else { continue };
        if seen_by(&mut conn, member.subscriber_id).await?.is_some() {
            continue;
        }
        match invite(pool, holder.subscriber_id, &person.msisdn, at).await {
            Ok(()) | Err(FamilyError::InvitedAlready) => {}
            Err(error) => return Err(error.into()),
        }
        for (minutes, text) in [(2, "JT"), (3, "Y")] {
            let id = format!("demo-family-{n}-{text}");
            incoming(&mut conn, member.subscriber_id, &id, text, at + TimeDelta::minutes(minutes)).await?;
        }
    }
    Ok(())
}
