//! Ordering: asked, agreed, active.

use chrono::{DateTime, Utc};
use rand::CryptoRng;
use rust_decimal::Decimal;
use sqlx::{PgConnection, PgPool};

use super::change::Change;
use super::ending::{give_way, penalty_of_change};
use super::store::{Event, NewOrder, NewSubscription, OrderError, Step, held, place, start};
use super::{Held, Offer, Refusal, first_charge, may_order};
use crate::actor::By;
use crate::channel;
use crate::clock::{Month, local_date};
use crate::consent::Subject;
use crate::consent::request::{self, Answer, Asked, Given, OpenRequest, Question, RequestError};
use crate::consent::store::lock_subscriber;
use crate::notice::store::tell;
use crate::notice::template::{Leaving, MASKED_CODE, Message, Through};
use crate::subscriber::Subscriber;
use crate::tariff::{self, Kind, Penalty, SchemeId, Terms};
use crate::third_party::store::platform_of;
use crate::usage::store::refresh_allowances;

/// What an answer brought about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ordered {
    pub order_id: i64,
    pub subscription_id: i64,
    /// The place of the yes in the chain.
    pub consent_seq: i32,
    pub starts_at: DateTime<Utc>,
}

/// What a subscriber may order at an instant: the version in force by then.
///
/// # Errors
/// [`OrderError::UnknownTariff`], [`OrderError::Refused`] with the reason, or the database failed.
pub async fn offer(
    conn: &mut PgConnection,
    subscriber_id: i64,
    scheme_id: &SchemeId,
    now: DateTime<Utc>,
) -> Result<Offer, OrderError> {
    let subscriber = subscriber(conn, subscriber_id).await?;
    let held = held(conn, subscriber_id, now).await?;
    find_offer(conn, &subscriber, scheme_id, &held, [now; 2]).await
}

async fn subscriber(conn: &mut PgConnection, subscriber_id: i64) -> Result<Subscriber, OrderError> {
    crate::subscriber::store::find(conn, subscriber_id).await?.ok_or(OrderError::NoSubscriber(subscriber_id))
}

/// The version that was in force when it was asked for, if it may be ordered now. Where none was yet, the one that the public
/// sees says why.
async fn find_offer(
    conn: &mut PgConnection,
    subscriber: &Subscriber,
    scheme_id: &SchemeId,
    held: &[Held],
    [asked_at, now]: [DateTime<Utc>; 2],
) -> Result<Offer, OrderError> {
    let versions = tariff::store::versions(conn, scheme_id).await?;
    let in_force = versions.iter().find(|version| version.takes_over_at() <= asked_at);
    let public = || versions.iter().find(|version| version.published_at <= asked_at);
    let tariff = in_force.or_else(public).or(versions.first()).cloned().ok_or(OrderError::UnknownTariff)?;
    let withdrawn_at = tariff::store::withdrawn_at(conn, scheme_id).await?;
    let offer = Offer { tariff, withdrawn_at };
    may_order(&offer, &subscriber.region, held, now)?;
    Ok(offer)
}

fn terms(offer: &Offer) -> Result<&Terms, Refusal> {
    offer.tariff.content.terms.as_ref().ok_or(Refusal::NoTerms)
}

/// Asks by SMS for a yes to an order, with everything that is agreed to and a code. Older open requests for an order
/// are replaced.
///
/// # Errors
/// [`OrderError::Refused`] with the reason, too many messages were asked for, or the database failed.
pub async fn request(
    conn: &mut PgConnection,
    subscriber_id: i64,
    scheme_id: &SchemeId,
    by: &By,
    now: DateTime<Utc>,
    rng: &mut (impl CryptoRng + Send),
) -> Result<Asked, OrderError> {
    request_through(conn, subscriber_id, scheme_id, (by, None), now, rng).await
}

/// The same, where an agent's channel may have wanted it: the message says so.
///
/// # Errors
/// As [`request`].
pub async fn request_through(
    conn: &mut PgConnection,
    subscriber_id: i64,
    scheme_id: &SchemeId,
    by: (&By, Option<Through<'_>>),
    now: DateTime<Utc>,
    rng: &mut (impl CryptoRng + Send),
) -> Result<Asked, OrderError> {
    if platform_of(conn, scheme_id).await?.is_some() {
        return Err(Refusal::ByPlatform.into());
    }
    ask(conn, subscriber_id, scheme_id, by, now, rng).await
}

/// Asks by SMS for a yes to an item of a platform, which comes once and starts nothing.
///
/// # Errors
/// As [`request`], and when it has a monthly price or none at all.
pub(crate) async fn request_item(
    conn: &mut PgConnection,
    subscriber_id: i64,
    scheme_id: &SchemeId,
    by: &By,
    now: DateTime<Utc>,
    rng: &mut (impl CryptoRng + Send),
) -> Result<Asked, OrderError> {
    let offer = offer(conn, subscriber_id, scheme_id, now).await?;
    let terms = terms(&offer)?;
    if !terms.recurring_price().is_zero() || terms.one_off.is_zero() {
        return Err(Refusal::NoTerms.into());
    }
    ask(conn, subscriber_id, scheme_id, (by, None), now, rng).await
}

async fn ask(
    conn: &mut PgConnection,
    subscriber_id: i64,
    scheme_id: &SchemeId,
    (by, through): (&By, Option<Through<'_>>),
    now: DateTime<Utc>,
    rng: &mut (impl CryptoRng + Send),
) -> Result<Asked, OrderError> {
    lock_subscriber(conn, subscriber_id).await?;
    let subscriber = subscriber(conn, subscriber_id).await?;
    let held = held(conn, subscriber_id, now).await?;
    let offer = find_offer(conn, &subscriber, scheme_id, &held, [now; 2]).await?;
    let (content, terms) = (&offer.tariff.content, terms(&offer)?);
    let leaving = plan_change(conn, subscriber_id, &offer, &held, now).await?.leaving;
    let leaving = leaving.as_ref().map(|(name, penalty)| Leaving { name, penalty: *penalty });
    let subject = Subject::Order {
        scheme_id: scheme_id.clone(),
        version: offer.tariff.version,
        recurring_price: terms.recurring_price(),
        one_off_price: terms.one_off,
    };
    let message = |code: &str| {
        Message::OrderRequest { tariff: content, terms, leaving, through, code }.render(subscriber.language)
    };
    let question = Question {
        subscriber_id,
        subject: &subject,
        penalty: leaving.map_or(Decimal::ZERO, |leaving| leaving.penalty.amount),
        by,
        kind: Message::OrderRequest { tariff: content, terms, leaving, through, code: MASKED_CODE }.kind(),
        language: subscriber.language,
        now,
    };
    Ok(request::ask(conn, question, &message, rng).await?)
}

/// Answers a request by the code that was sent or a signature: consent, order and subscription in one transaction. Takes
/// the pool, because a try of a code counts even when the rest fails.
///
/// # Errors
/// When what was given is wrong, the request is not open or too old, the offer changed since, or it may no longer be ordered.
pub async fn confirm(
    pool: &PgPool,
    subscriber_id: i64,
    request_id: i64,
    given: impl Into<Given<'_>>,
    now: DateTime<Utc>,
) -> Result<Ordered, OrderError> {
    let (mut tx, request, answer) = request::open_with(pool, subscriber_id, request_id, given.into(), now).await?;
    let ordered = settle(&mut tx, &request, &answer).await?;
    tx.commit().await?;
    Ok(ordered)
}

/// Notes a no, and says so by SMS. `false`: there was nothing to refuse.
///
/// # Errors
/// When the database failed.
pub async fn refuse(
    conn: &mut PgConnection,
    subscriber_id: i64,
    request_id: i64,
    by: &By,
    now: DateTime<Utc>,
) -> Result<bool, OrderError> {
    lock_subscriber(conn, subscriber_id).await?;
    let Some(open) = request::find_open(conn, subscriber_id, request_id).await? else { return Ok(false) };
    if !request::refuse(conn, subscriber_id, request_id, by, now).await? {
        return Ok(false);
    }
    let event = format!("refused/{request_id}");
    match &open.subject {
        Subject::Order { .. } => {
            let name = requested_name(conn, &open).await?;
            tell(conn, subscriber_id, event, &Message::OrderRefused { name: &name }, now).await?;
        }
        Subject::Cap { cap } => {
            tell(conn, subscriber_id, event, &Message::CapRefused { cap: *cap }, now).await?;
        }
    }
    Ok(true)
}

/// The name of the tariff that a request is about.
pub(crate) async fn requested_name(conn: &mut PgConnection, request: &OpenRequest) -> Result<String, OrderError> {
    let Subject::Order { scheme_id, version, .. } = &request.subject else {
        return Err(OrderError::Request(RequestError::NotOpen));
    };
    let tariff = tariff::store::version(conn, scheme_id, *version).await?.ok_or(OrderError::UnknownTariff)?;
    Ok(tariff.content.name)
}

/// Does what was agreed to. Everything that may refuse it is looked at before anything is written. The subscriber must
/// be locked.
pub(crate) async fn settle(
    conn: &mut PgConnection,
    request: &OpenRequest,
    answer: &Answer,
) -> Result<Ordered, OrderError> {
    let Subject::Order { scheme_id, version, recurring_price, one_off_price } = &request.subject else {
        return Err(RequestError::NotOpen.into());
    };
    let (subscriber_id, now) = (request.subscriber_id, answer.at);
    if now > request.expires_at {
        return Err(RequestError::TooLate.into());
    }
    if platform_of(conn, scheme_id).await?.is_some() {
        return Err(Refusal::ByPlatform.into());
    }
    let subscriber = subscriber(conn, subscriber_id).await?;
    let held = held(conn, subscriber_id, now).await?;
    // What was asked keeps its ten minutes, though a newer version can be ordered meanwhile.
    let offer = find_offer(conn, &subscriber, scheme_id, &held, [request.asked_at, now]).await?;
    let terms = terms(&offer)?;
    let offered = (offer.tariff.version, terms.recurring_price(), terms.one_off);
    if offered != (*version, *recurring_price, *one_off_price) {
        return Err(Refusal::OfferChanged.into());
    }
    let plan_change = plan_change(conn, subscriber_id, &offer, &held, now).await?;
    let penalty = plan_change.leaving.as_ref().map_or(Decimal::ZERO, |(_, penalty)| penalty.amount);
    if penalty != request.penalty {
        return Err(Refusal::OfferChanged.into());
    }
    channel::order::check_holds(conn, request, now).await?;
    let change = plan_change.change;
    let consent_seq = request::agree(conn, request, answer).await?;
    let order = NewOrder {
        subscriber_id,
        scheme_id: scheme_id.clone(),
        version: *version,
        consent_seq,
        by: By::subscriber(&answer.channel_id),
        ordered_at: now,
    };
    let order_id = place(conn, &order).await?;
    channel::order::note_sale(conn, request, (order_id, consent_seq), now).await?;
    let subscription_id = activate(conn, &order, order_id, plan_change).await?;
    let (name, starts_on) = (offer.tariff.content.name.as_str(), local_date(change.starts_at));
    let message = if change.starts_at > now {
        Message::PlanChange { name, terms, starts_on }
    } else {
        Message::OrderSuccess { name, terms, starts_on }
    };
    tell(conn, subscriber_id, order_event(order_id), &message, now).await?;
    first_charge::remind(conn, &[subscriber_id], now).await?;
    Ok(Ordered { order_id, subscription_id, consent_seq, starts_at: change.starts_at })
}

/// Records the yes to an item of a platform, as [`settle`] does; the order is for the caller to place. The subscriber must be locked.
pub(crate) async fn agree_to_item(
    conn: &mut PgConnection,
    request: &OpenRequest,
    answer: &Answer,
) -> Result<NewOrder, OrderError> {
    let Subject::Order { scheme_id, version, recurring_price, one_off_price } = &request.subject else {
        return Err(RequestError::NotOpen.into());
    };
    let (subscriber_id, now) = (request.subscriber_id, answer.at);
    if now > request.expires_at {
        return Err(RequestError::TooLate.into());
    }
    let offer = offer(conn, subscriber_id, scheme_id, now).await?;
    let terms = terms(&offer)?;
    let offered = (offer.tariff.version, terms.recurring_price(), terms.one_off);
    if offered != (*version, *recurring_price, *one_off_price) {
        return Err(Refusal::OfferChanged.into());
    }
    let consent_seq = request::agree(conn, request, answer).await?;
    Ok(NewOrder {
        subscriber_id,
        scheme_id: scheme_id.clone(),
        version: *version,
        consent_seq,
        by: By::subscriber(&answer.channel_id),
        ordered_at: now,
    })
}

/// Tells of what was collected for a platform.
pub(crate) async fn tell_item(conn: &mut PgConnection, order: &NewOrder, order_id: i64) -> Result<(), OrderError> {
    let tariff =
        tariff::store::version(conn, &order.scheme_id, order.version).await?.ok_or(OrderError::UnknownTariff)?;
    let content = &tariff.content;
    let amount = content.terms.as_ref().ok_or(OrderError::Corrupt("terms"))?.one_off;
    let message = Message::Collected { name: &content.name, amount, month: Month::of(order.ordered_at) };
    tell(conn, order.subscriber_id, order_event(order_id), &message, order.ordered_at).await?;
    Ok(())
}

/// The event of the notice that told of success.
pub(super) fn order_event(order_id: i64) -> String {
    format!("order/{order_id}")
}

/// What a plan does to the present one.
struct PlanChange {
    change: Change,
    /// The name of the present plan, and what leaving it costs.
    leaving: Option<(String, Penalty)>,
}

async fn plan_change(
    conn: &mut PgConnection,
    subscriber_id: i64,
    offer: &Offer,
    held: &[Held],
    now: DateTime<Utc>,
) -> Result<PlanChange, OrderError> {
    let present = held.iter().find(|other| other.is_plan && other.runs_at(now));
    let (Kind::Plan, Some(present)) = (offer.tariff.content.kind, present) else {
        return Ok(PlanChange { change: Change::at_once(now), leaving: None });
    };
    let tariff = tariff::store::version(conn, &present.scheme_id, present.version).await?;
    let content = tariff.ok_or(OrderError::Corrupt("terms"))?.content;
    let terms = content.terms.as_ref().ok_or(OrderError::Corrupt("terms"))?;
    let change = Change::of_plan(present, terms.cancel_effective, now);
    let penalty = penalty_of_change(conn, subscriber_id, &change, now).await?;
    Ok(PlanChange { change, leaving: penalty.map(|penalty| (content.name, penalty)) })
}

async fn activate(
    conn: &mut PgConnection,
    order: &NewOrder,
    order_id: i64,
    plan_change: PlanChange,
) -> Result<i64, OrderError> {
    let PlanChange { change, leaving } = plan_change;
    let (subscriber_id, now) = (order.subscriber_id, order.ordered_at);
    if let Some((replaced_id, at, reason)) = change.ends {
        let event = Event {
            subscriber_id,
            subscription_id: replaced_id,
            step: Step::Replaced,
            at: now,
            effective_at: at,
            by: &order.by,
        };
        let leaving = leaving.as_ref().map(|(name, penalty)| (name.as_str(), *penalty));
        give_way(conn, &event, reason, leaving).await?;
    }
    let new = NewSubscription {
        subscriber_id,
        order_id,
        starts_at: change.starts_at,
        activated_at: now,
        by: order.by.clone(),
    };
    let subscription_id = start(conn, &new).await?;
    refresh_allowances(conn, subscriber_id, now).await?;
    Ok(subscription_id)
}
