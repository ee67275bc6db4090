//! The plans on sale, beside what was used.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;
use sqlx::PgConnection;

use super::{MonthUse, PlanChoice, month_under};
use crate::clock::Month;
use crate::order::store::{OrderError, held};
use crate::order::{Held, Offer, may_order};
use crate::quantity::Service;
use crate::subscriber::Subscriber;
use crate::tariff::store::{orderable, version, zone};
use crate::tariff::{Kind, Sale, TariffVersion, ZoneQuery};
use crate::usage::store::{UsageError, current_cap};

/// Months of use that plans are tried on, the present one left out.
const MONTHS: u32 = 3;
/// Plans that are tried, the cheapest by their fee.
const PLANS_MAX: u32 = 50;

/// The plans that a subscriber may have, by what each would have cost on average, the cheapest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanChoices {
    pub choices: Vec<PlanChoice>,
    /// Yuan: the cap under which they were tried.
    pub cap: Decimal,
    /// Plans on sale in the subscriber's region, those not tried included.
    pub on_sale: u64,
}

/// Tries the plans on sale, and the present one, on what was used in the last three months.
///
/// # Errors
/// When there is no such subscriber, or the database failed.
pub async fn plan_choices(
    conn: &mut PgConnection,
    subscriber: &Subscriber,
    now: DateTime<Utc>,
) -> Result<PlanChoices, OrderError> {
    let subscriber_id = subscriber.subscriber_id;
    let query = ZoneQuery {
        operator: Some("mingbai".to_owned()),
        region: Some(subscriber.region.clone()),
        kind: Some(Kind::Plan),
        sale: Sale::On,
        page_size: PLANS_MAX,
        ..ZoneQuery::default()
    };
    let shelf = zone(conn, &query, now).await?;
    let ids: Vec<String> = shelf.items.iter().map(|listing| listing.scheme_id.to_string()).collect();
    let withdrawn: BTreeMap<_, _> =
        shelf.items.iter().map(|listing| (&listing.scheme_id, listing.withdrawn_at)).collect();
    let on_sale = orderable(conn, &ids, now).await?;
    let held = held(conn, subscriber_id, now).await?;
    let present = present(conn, &held, now).await?;
    let cap = current_cap(conn, subscriber_id).await?.ok_or(UsageError::NoCap(subscriber_id))?.cap;
    let used = uses(conn, subscriber_id, Month::of(now)).await?;
    let months = |tariff: &TariffVersion| {
        let terms = tariff.content.terms.clone()?;
        let months = used.iter().map(|used| month_under(&terms, used, cap)).collect();
        Some((terms, months))
    };
    let mut choices = Vec::new();
    for tariff in on_sale {
        let is_present = |other: &TariffVersion| {
            (&other.content.scheme_id, other.version) == (&tariff.content.scheme_id, tariff.version)
        };
        if present.as_ref().is_some_and(is_present) {
            continue;
        }
        let Some((terms, months)) = months(&tariff) else { continue };
        let withdrawn_at = withdrawn.get(&tariff.content.scheme_id).copied().flatten();
        let offer = Offer { tariff, withdrawn_at };
        let refusal = may_order(&offer, &subscriber.region, &held, now).err();
        choices.push(PlanChoice { tariff: offer.tariff, terms, is_present: false, refusal, months });
    }
    if let Some(tariff) = present
        && let Some((terms, months)) = months(&tariff)
    {
        choices.push(PlanChoice { tariff, terms, is_present: true, refusal: None, months });
    }
    choices.sort_by(|a, b| {
        let key =
            |choice: &PlanChoice| (choice.average(), choice.tariff.content.scheme_id.clone(), choice.tariff.version);
        key(a).cmp(&key(b))
    });
    Ok(PlanChoices { choices, cap, on_sale: shelf.total })
}

/// The version of the plan that runs.
async fn present(
    conn: &mut PgConnection,
    held: &[Held],
    now: DateTime<Utc>,
) -> Result<Option<TariffVersion>, OrderError> {
    match held.iter().find(|held| held.is_plan && held.runs_at(now)) {
        Some(plan) => Ok(version(conn, &plan.scheme_id, plan.version).await?),
        None => Ok(None),
    }
}

/// The use of the last months before `month`, without what add-ons served; months without any are left out.
async fn uses(conn: &mut PgConnection, subscriber_id: i64, month: Month) -> Result<Vec<MonthUse>, OrderError> {
    let months: Vec<NaiveDate> = (1..=MONTHS).map(|back| month.minus(back).first_day()).collect();
    let rows = sqlx::query!(
        r#"select u.month, u.service, u.rating_group,
            sum(u.from_allowance + u.overage + u.absorbed - by_addons.quantity)::bigint as "quantity!"
        from usage_record u
        cross join lateral (
            select coalesce(sum((part ->> 'quantity')::bigint), 0) as quantity
            from jsonb_array_elements(u.split) as part
            join subscription s on s.subscriber_id = u.subscriber_id
                and s.subscription_id = (part ->> 'subscription_id')::bigint
            where s.kind = 'addon') as by_addons
        where u.subscriber_id = $1 and u.month = any($2)
        group by u.month, u.service, u.rating_group"#,
        subscriber_id,
        &months
    )
    .fetch_all(conn)
    .await?;
    let mut uses: BTreeMap<Month, MonthUse> = BTreeMap::new();
    for row in rows {
        let month = Month::of_date(row.month);
        let quantity = u64::try_from(row.quantity).map_err(|_| OrderError::Corrupt("quantity"))?;
        let used = uses.entry(month).or_insert_with(|| MonthUse::new(month));
        match row.service.parse().map_err(|_| OrderError::Corrupt("service"))? {
            Service::Data => {
                let group = row.rating_group.map(u32::try_from).transpose();
                used.data.insert(group.map_err(|_| OrderError::Corrupt("rating_group"))?, quantity);
            }
            // Of any rating group: they pick data allowances only.
            Service::Voice => used.voice_minutes += quantity,
            Service::Sms => used.sms_messages += quantity,
        }
    }
    Ok(uses.into_values().collect())
}
