//! What another system charged some of the demo's subscribers, brought here as history: a night in which an upgrade ordered
//! something for sixty of them, and a few charges that are wrong in other ways. Somebody of the demo's staff takes them back.

use anyhow::Context as _;
use charging::clock::start_of_day;
use charging::incident::imported::ChargeLine;
use charging::incident::imported::store::{NewImportedCharge, bring};
use charging::usage::store::subscriber_ids;
use chrono::{DateTime, Days, TimeDelta, Utc};
use serde_json::{Value, json};
use sqlx::PgPool;

use super::people::Person;

/// When it was: so many days before now, at two in the morning.
const DAYS_AGO: u64 = 12;

/// Brings the charges. What is there already stays as it is.
///
/// # Errors
/// When the database fails.
pub async fn bring_charges(pool: &PgPool, people: &[Person], now: DateTime<Utc>) -> anyhow::Result<()> {
    let night = start_of_day(charging::clock::local_date(now) - Days::new(DAYS_AGO)) + TimeDelta::hours(2);
    let lines = people.iter().flat_map(|person| lines(person, night));
    let lines = lines.map(|line| ChargeLine::parse(&line.to_string(), now)).collect::<Result<Vec<_>, _>>()?;
    let mut tx = pool.begin().await?;
    let ids = subscriber_ids(&mut tx, lines.iter().map(|line| &line.msisdn)).await?;
    let charges = lines.into_iter().map(|line| {
        let subscriber_id = *ids.get(&line.msisdn).context("a demo subscriber is missing")?;
        Ok(NewImportedCharge { subscriber_id, source_id: line.source_id(0), line })
    });
    bring(&mut tx, &charges.collect::<anyhow::Result<Vec<_>>>()?, now).await?;
    tx.commit().await?;
    Ok(())
}

/// What one of them was charged.
fn lines(person: &Person, night: DateTime<Utc>) -> Vec<Value> {
    let n = person.n;
    let line = |id: String, scheme_id: &str, amount: &str, at: DateTime<Utc>, more: Value| {
        let mut line = json!({"id": id, "msisdn": person.msisdn.as_str(), "scheme_id": scheme_id, "amount": amount,
            "charged_at": at, "route": "bill"});
        for (name, value) in more.as_object().into_iter().flatten() {
            line[name] = value.clone();
        }
        line
    };
    let agreed = json!({"method": "sms_code", "reference": format!("{n}"), "agreed_at": night - TimeDelta::days(100)});
    match n {
        101..=160 => {
            let at = night + TimeDelta::seconds(8) * i32::try_from(n - 101).unwrap_or_default();
            let route = match n % 10 {
                0..=5 => "bill".to_owned(),
                6 | 7 => "balance".to_owned(),
                8 => format!("gateway:42000026{n:08}"),
                _ => "platform:应用商店".to_owned(),
            };
            let more = json!({"route": route, "ordered_at": at, "source": "系统升级任务"});
            vec![line(format!("night-{n}"), "95元权益包", "95.00", at, more)]
        }
        161..=163 => {
            let more = json!({"consent": agreed, "cancelled_at": night - TimeDelta::days(50), "source": "旧计费系统"});
            vec![line(format!("late-{n}"), "24MB900118", "5.00", night, more)]
        }
        164 | 165 => {
            let more = json!({"consent": agreed, "source": "旧计费系统"});
            let at = |days| night + TimeDelta::days(days) - TimeDelta::days(1);
            let charge = |days| line(format!("twice-{n}-{days}"), "24MB900118", "5.00", at(days), more.clone());
            // Both for the month of the first.
            let mut both = [charge(0), charge(1)];
            let month = charging::clock::Month::of(at(0)).to_string();
            for line in &mut both {
                line["month"] = json!(month);
            }
            both.into()
        }
        _ => Vec::new(),
    }
}
