//! Orders and subscriptions in the database.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use sqlx::PgConnection;

use super::{EndReason, Held, Refusal, first_charge};
use crate::actor::By;
use crate::consent::request::RequestError;
use crate::consent::store::ConsentError;
use crate::notice::store::NoticeError;
use crate::subscriber::store::SubscriberError;
use crate::tariff::SchemeId;
use crate::tariff::store::StoreError;
use crate::usage::store::{UsageError, revoke_lease};

/// Why an order, or a change of a subscription, did not happen.
#[derive(Debug, thiserror::Error)]
pub enum OrderError {
    #[error("it cannot be ordered: {0}")]
    Refused(#[from] Refusal),
    #[error("the tariff was not public at that time, or could not be ordered yet")]
    NotPublic,
    #[error("the tariff was not on sale that day")]
    NotOnSale,
    #[error("there is no such tariff, it has no machine-readable price, or an incident stopped it")]
    UnknownTariff,
    #[error("the consent is of another subscriber, for another version, or for another price")]
    NoConsent,
    #[error("the consent made an order before")]
    ConsentSpent,
    #[error("there is no such order")]
    UnknownOrder,
    #[error("there is no such subscription")]
    UnknownSubscription,
    #[error("the order has started something before")]
    StartedBefore,
    #[error("two plans would run at the same time")]
    TwoPlans,
    #[error("it would end before it starts")]
    EndsBeforeStart,
    #[error("it has ended")]
    EndedBefore,
    #[error("its end is decided already")]
    EndsAlready,
    #[error("it costs a penalty of {0} yuan, which was not told")]
    PenaltyNotTold(Decimal),
    #[error("it is charged for already")]
    ChargedBefore,
    #[error("there is no cancellation that can still be taken back")]
    NothingToUndo,
    #[error("there is no subscriber {0}")]
    NoSubscriber(i64),
    #[error(transparent)]
    Request(#[from] RequestError),
    #[error(transparent)]
    Notice(#[from] NoticeError),
    #[error(transparent)]
    Usage(#[from] UsageError),
    #[error(transparent)]
    Tariff(#[from] StoreError),
    #[error(transparent)]
    Subscriber(#[from] SubscriberError),
    #[error("the stored {0} is not readable")]
    Corrupt(&'static str),
    #[error("the database failed")]
    Database(#[source] sqlx::Error),
}

impl From<ConsentError> for OrderError {
    fn from(error: ConsentError) -> Self {
        Self::Request(error.into())
    }
}

impl From<sqlx::Error> for OrderError {
    fn from(error: sqlx::Error) -> Self {
        match error.as_database_error().and_then(sqlx::error::DatabaseError::constraint) {
            Some("product_order_public" | "product_order_sellable") => Self::NotPublic,
            Some("product_order_on_sale") => Self::NotOnSale,
            Some("product_order_consent") => Self::NoConsent,
            Some("product_order_consent_once") => Self::ConsentSpent,
            Some("subscription_order") => Self::UnknownOrder,
            Some("subscription_order_once") => Self::StartedBefore,
            Some("subscription_one_plan") => Self::TwoPlans,
            Some("charge_subscription" | "charge_penalty") => Self::ChargedBefore,
            Some("subscription_period") => Self::EndsBeforeStart,
            _ => Self::Database(error),
        }
    }
}

/// An order for which there is a yes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewOrder {
    pub subscriber_id: i64,
    pub scheme_id: SchemeId,
    pub version: i32,
    /// The place of the yes in the subscriber's chain, from [`crate::consent::store::record`].
    pub consent_seq: i32,
    pub by: By,
    pub ordered_at: DateTime<Utc>,
}

/// Stores an order at the price of its tariff version and returns its id.
///
/// # Errors
/// When the version does not exist, has no price, is stopped by an incident, was not public or not on sale at that instant, or when the consent is
/// not this subscriber's yes to this version at this price.
pub async fn place(conn: &mut PgConnection, order: &NewOrder) -> Result<i64, OrderError> {
    sqlx::query_scalar!(
        r#"insert into product_order (subscriber_id, scheme_id, version, tariff_published_at, tariff_orderable_from,
            on_sale_from, on_sale_until, recurring_price, one_off_price, consent_seq, channel_id, actor, ordered_at)
        select $1, scheme_id, version, published_at, orderable_from, on_sale_from, on_sale_until, recurring_price,
            one_off_price, $4, $5, $6, $7
        from tariff_version where scheme_id = $2 and version = $3 and terms is not null
            and not exists (
                select from incident_stop p where p.scheme_id = $2 and p.lifted_at is null and p.stopped_at <= $7)
        returning order_id"#,
        order.subscriber_id,
        order.scheme_id.as_str(),
        order.version,
        order.consent_seq,
        order.by.channel_id,
        order.by.actor.to_string(),
        order.ordered_at,
    )
    .fetch_optional(conn)
    .await?
    .ok_or(OrderError::UnknownTariff)
}

/// What an order starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewSubscription {
    pub subscriber_id: i64,
    /// From [`place`].
    pub order_id: i64,
    /// When it begins, perhaps later than the order.
    pub starts_at: DateTime<Utc>,
    /// When it was activated, by whom and by which channel.
    pub activated_at: DateTime<Utc>,
    pub by: By,
}

/// Starts what was ordered for a subscriber who is locked, notes the activation and when the first charge must be told, and
/// returns the subscription's id. Every tariff that is not a plan counts as an add-on.
///
/// # Errors
/// When there is no such order, it has started something before, or two plans would run at the same time.
pub async fn start(conn: &mut PgConnection, new: &NewSubscription) -> Result<i64, OrderError> {
    revoke_lease(conn, new.subscriber_id).await?;
    let subscription_id = sqlx::query_scalar!(
        r#"insert into subscription
            (subscriber_id, order_id, scheme_id, version, kind, tariff_kind, recurring_price, one_off_price,
                penalty_max, starts_at)
        select o.subscriber_id, o.order_id, o.scheme_id, o.version, case t.kind when 'plan' then 'plan' else 'addon' end,
            t.kind, o.recurring_price, o.one_off_price, t.penalty_max, $3
        from product_order o join tariff_version t on t.scheme_id = o.scheme_id and t.version = o.version
        where o.subscriber_id = $1 and o.order_id = $2
        returning subscription_id"#,
        new.subscriber_id,
        new.order_id,
        new.starts_at,
    )
    .fetch_optional(&mut *conn)
    .await?
    .ok_or(OrderError::UnknownOrder)?;
    let event = Event {
        subscriber_id: new.subscriber_id,
        subscription_id,
        step: Step::Activated,
        at: new.activated_at,
        effective_at: new.starts_at,
        by: &new.by,
    };
    note(conn, &event).await?;
    first_charge::schedule(conn, new, subscription_id).await?;
    Ok(subscription_id)
}

/// A step of a subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Activated,
    CancelAsked,
    CancelUndone,
    Replaced,
}

impl Step {
    /// The name in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Activated => "activated",
            Self::CancelAsked => "cancel_asked",
            Self::CancelUndone => "cancel_undone",
            Self::Replaced => "replaced",
        }
    }
}

/// Who, when and by which channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event<'a> {
    pub subscriber_id: i64,
    pub subscription_id: i64,
    pub step: Step,
    pub at: DateTime<Utc>,
    /// From when it has effect.
    pub effective_at: DateTime<Utc>,
    pub by: &'a By,
}

/// Notes a step of a subscription and returns the entry's id.
///
/// # Errors
/// When the database failed or there is no such subscription.
pub async fn note(conn: &mut PgConnection, event: &Event<'_>) -> Result<i64, OrderError> {
    let event_id = sqlx::query_scalar!(
        "insert into subscription_event (subscriber_id, subscription_id, what, at, effective_at, channel_id, actor)
        values ($1, $2, $3, $4, $5, $6, $7) returning event_id",
        event.subscriber_id,
        event.subscription_id,
        event.step.as_str(),
        event.at,
        event.effective_at,
        event.by.channel_id,
        event.by.actor.to_string(),
    )
    .fetch_one(conn)
    .await?;
    Ok(event_id)
}

/// An end that was decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    pub at: DateTime<Utc>,
    pub reason: EndReason,
    /// Yuan that it costs besides the month, to the fen.
    pub penalty: Decimal,
}

/// Sets or clears the end of a subscription of a subscriber who is locked.
///
/// # Errors
/// [`OrderError::UnknownSubscription`], [`OrderError::TwoPlans`], an end before the start, or [`OrderError::ChargedBefore`]
/// for an end before the first charge when that has been made.
pub async fn set_end(
    conn: &mut PgConnection,
    subscriber_id: i64,
    subscription_id: i64,
    end: Option<End>,
) -> Result<(), OrderError> {
    revoke_lease(conn, subscriber_id).await?;
    let changed = sqlx::query!(
        "update subscription set ends_at = $3, end_reason = $4, penalty = $5
        where subscriber_id = $1 and subscription_id = $2",
        subscriber_id,
        subscription_id,
        end.map(|end| end.at),
        end.map(|end| end.reason.as_str()),
        end.map_or(Decimal::ZERO, |end| end.penalty),
    )
    .execute(conn)
    .await?;
    if changed.rows_affected() == 1 { Ok(()) } else { Err(OrderError::UnknownSubscription) }
}

/// Every subscription that has not ended, by start.
///
/// # Errors
/// When the database failed or a stored name is unknown.
pub async fn held(conn: &mut PgConnection, subscriber_id: i64, now: DateTime<Utc>) -> Result<Vec<Held>, OrderError> {
    let rows = sqlx::query!(
        "select subscription_id, scheme_id, version, kind, starts_at, ends_at, end_reason from subscription
        where subscriber_id = $1 and (ends_at is null or ends_at > $2) order by starts_at, subscription_id",
        subscriber_id,
        now,
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Held {
                subscription_id: row.subscription_id,
                scheme_id: row.scheme_id.parse().map_err(|_| OrderError::Corrupt("scheme_id"))?,
                version: row.version,
                is_plan: row.kind == "plan",
                starts_at: row.starts_at,
                ends_at: row.ends_at,
                end_reason: row.end_reason.as_deref().map(end_reason).transpose()?,
            })
        })
        .collect()
}

pub(super) fn end_reason(name: &str) -> Result<EndReason, OrderError> {
    EndReason::from_name(name).ok_or(OrderError::Corrupt("end_reason"))
}
