//! Monthly and one-off charges of a closed month, worked out again.

use chrono::{DateTime, Datelike, Utc};
use rust_decimal::{Decimal, RoundingStrategy};
use sqlx::PgConnection;

use super::rerate::{Subscription, subscriptions};
use super::{AuditError, Report};
use crate::clock::{Month, local_date};
use crate::tariff::FirstMonth;

/// Compares the recurring and one-off charges of a subscriber's closed month with what they must be.
pub(super) async fn month(
    connection: &mut PgConnection,
    subscriber_id: i64,
    month: Month,
    report: &mut Report,
) -> Result<(), AuditError> {
    let closed = sqlx::query_scalar!(
        "select closed_at from bill where subscriber_id = $1 and month = $2",
        subscriber_id,
        month.first_day()
    )
    .fetch_optional(&mut *connection)
    .await?;
    if closed.is_none() {
        return Ok(());
    }
    let charged = sqlx::query!(
        r#"
        select subscription_id as "subscription_id!", kind, amount from charge
        where subscriber_id = $1 and month = $2 and kind in ('recurring', 'one_off')
        "#,
        subscriber_id,
        month.first_day()
    )
    .fetch_all(&mut *connection)
    .await?;
    for subscription in subscriptions(connection, subscriber_id, month).await? {
        let expected = [("recurring", recurring(&subscription, month)), ("one_off", one_off(&subscription, month))];
        for (kind, expected) in expected {
            let found: Decimal = charged
                .iter()
                .filter(|charge| charge.subscription_id == subscription.id && charge.kind == kind)
                .map(|charge| charge.amount)
                .sum();
            if found != expected {
                let what = format!("{kind} of subscription {}: charged {found}, must be {expected}", subscription.id);
                report.add(subscriber_id, Some(month), what);
            }
        }
    }
    Ok(())
}

/// Whether the month of a subscription is paid for: it ran then, and was not cancelled before its first charge.
fn is_paid(subscription: &Subscription, month: Month) -> bool {
    let end = subscription.ends_at.unwrap_or(DateTime::<Utc>::MAX_UTC);
    !subscription.unpaid && subscription.starts_at < month.end() && end > month.start() && end > subscription.starts_at
}

/// "First month" and "Ending" of the rating rules. Stopping never costs more than staying.
fn recurring(subscription: &Subscription, month: Month) -> Decimal {
    let Some(terms) = subscription.terms.recurring.as_ref().filter(|_| is_paid(subscription, month)) else {
        return Decimal::ZERO;
    };
    let days = Decimal::from(month.days());
    let rounded = |amount: Decimal| amount.round_dp_with_strategy(6, RoundingStrategy::MidpointAwayFromZero);
    let first_day = if month.contains(subscription.starts_at) { local_date(subscription.starts_at).day() } else { 1 };
    let whole = match terms.first_month {
        _ if !month.contains(subscription.starts_at) => terms.price,
        FirstMonth::Full => terms.price,
        FirstMonth::Half => rounded(terms.price / Decimal::TWO),
        FirstMonth::Daily => rounded(terms.price * Decimal::from(month.days() - first_day + 1) / days),
    };
    match subscription.ends_at {
        Some(end) if subscription.stopped_at_once && month.contains(end) => {
            let used = Decimal::from(local_date(end).day() - first_day + 1);
            rounded(terms.price * used / days).min(whole)
        }
        _ => whole,
    }
}

fn one_off(subscription: &Subscription, month: Month) -> Decimal {
    let due = month.contains(subscription.starts_at) && is_paid(subscription, month);
    if due { subscription.terms.one_off } else { Decimal::ZERO }
}
