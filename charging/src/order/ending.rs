//! Stopping: one click, no reason asked; what it means is said before; undone until it takes effect.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use sqlx::{Connection as _, PgConnection};

use super::change::{Change, end_before_first_charge, end_of};
use super::store::{End, Event, OrderError, Step, end_reason, held, note, set_end};
use super::{EndReason, Held, Refusal, first_charge, penalty};
use crate::actor::By;
use crate::bill::{Period, RecurringCharge, one_off_charge, recurring_charge};
use crate::clock::Month;
use crate::consent::store::lock_subscriber;
use crate::money::round_to_fen;
use crate::notice::ServiceNotice;
use crate::notice::store::tell;
use crate::notice::template::{CancelCost, Message};
use crate::tariff::{self, Penalty, TariffVersion, Terms};
use crate::usage::store::{AllowanceOverview, month_overview, refresh_allowances};

/// A subscription with its tariff.
struct Subscribed {
    held: Held,
    tariff: TariffVersion,
}

impl Subscribed {
    fn terms(&self) -> Result<&Terms, OrderError> {
        self.tariff.content.terms.as_ref().ok_or(OrderError::Corrupt("terms"))
    }

    /// When and how it ends if it is cancelled now.
    fn end(&self, before_first_charge: bool, now: DateTime<Utc>) -> Result<When, OrderError> {
        let cancel = self.terms()?.cancel_effective;
        match self.held.ends_at {
            Some(end) if before_first_charge && self.gives_way(end, now)? => Ok((end, EndReason::BeforeFirstCharge)),
            Some(end) if end <= now => Err(OrderError::EndedBefore),
            Some(_) => Err(OrderError::EndsAlready),
            None if before_first_charge => Ok(end_before_first_charge(self.held.starts_at, cancel, now)),
            None => Ok(end_of(self.held.starts_at, cancel, now)),
        }
    }

    /// Whether it was announced, ends for another plan, and goes on until then or is still to be charged for. No other end at
    /// once leaves what was announced without a charge.
    fn gives_way(&self, end: DateTime<Utc>, now: DateTime<Utc>) -> Result<bool, OrderError> {
        let terms = self.terms()?;
        Ok(match self.held.end_reason {
            Some(EndReason::Replaced) => end > now,
            Some(EndReason::Immediately) => terms.recurring.is_some() || terms.one_off > Decimal::ZERO,
            _ => false,
        })
    }

    fn period(&self, (ends_at, reason): When) -> Period {
        Period { starts_at: self.held.starts_at, ends_at: Some(ends_at), end_reason: Some(reason) }
    }

    /// What leaving its commitment costs when it ends so; `None`: nothing.
    async fn penalty(
        &self,
        conn: &mut PgConnection,
        subscriber_id: i64,
        end: When,
        now: DateTime<Utc>,
    ) -> Result<Option<Penalty>, OrderError> {
        penalty::due(conn, subscriber_id, self.held.subscription_id, self.terms()?, &self.period(end), now).await
    }

    /// What this month is charged when it ends so.
    fn costs(
        &self,
        (ends_at, reason): When,
        month: Month,
    ) -> Result<(Option<RecurringCharge>, Option<Decimal>), OrderError> {
        let (terms, period) = (self.terms()?, self.period((ends_at, reason)));
        let recurring = terms.recurring.as_ref().and_then(|recurring| recurring_charge(recurring, &period, month));
        Ok((recurring, one_off_charge(terms.one_off, &period, month)))
    }
}

/// When something ends, and how.
type When = (DateTime<Utc>, EndReason);

/// What a plan costs that gives way to another as `change` says; `None`: nothing.
///
/// # Errors
/// When the database failed or a stored tariff is not readable.
pub async fn penalty_of_change(
    conn: &mut PgConnection,
    subscriber_id: i64,
    change: &Change,
    now: DateTime<Utc>,
) -> Result<Option<Penalty>, OrderError> {
    let Some((subscription_id, at, reason)) = change.ends else { return Ok(None) };
    let subscribed = find(conn, subscriber_id, subscription_id).await?;
    subscribed.penalty(conn, subscriber_id, (at, reason), now).await
}

async fn find(conn: &mut PgConnection, subscriber_id: i64, subscription_id: i64) -> Result<Subscribed, OrderError> {
    let row = sqlx::query!(
        "select scheme_id, version, kind, starts_at, ends_at, end_reason from subscription
        where subscriber_id = $1 and subscription_id = $2",
        subscriber_id,
        subscription_id,
    )
    .fetch_optional(&mut *conn)
    .await?
    .ok_or(OrderError::UnknownSubscription)?;
    let held = Held {
        subscription_id,
        scheme_id: row.scheme_id.parse().map_err(|_| OrderError::Corrupt("scheme_id"))?,
        version: row.version,
        is_plan: row.kind == "plan",
        starts_at: row.starts_at,
        ends_at: row.ends_at,
        end_reason: row.end_reason.as_deref().map(end_reason).transpose()?,
    };
    let tariff = tariff::store::version(conn, &held.scheme_id, held.version).await?;
    Ok(Subscribed { held, tariff: tariff.ok_or(OrderError::UnknownTariff)? })
}

/// What cancelling now would mean.
#[derive(Clone, Debug, PartialEq)]
pub struct CancelPreview {
    pub name: String,
    /// From then on it has stopped.
    pub ends_at: DateTime<Utc>,
    pub reason: EndReason,
    /// This month's fee with its arithmetic; `None`: nothing.
    pub recurring: Option<RecurringCharge>,
    /// Yuan charged once this month; `None`: nothing.
    pub one_off: Option<Decimal>,
    /// What leaving its commitment costs, with its arithmetic; `None`: nothing.
    pub penalty: Option<Penalty>,
    /// Allowances with something left that can no longer be used from `ends_at`.
    pub lapses: Vec<AllowanceOverview>,
}

/// Says what cancelling would mean, and changes nothing.
///
/// # Errors
/// [`OrderError::UnknownSubscription`], [`OrderError::EndedBefore`], [`OrderError::EndsAlready`].
pub async fn cancel_preview(
    conn: &mut PgConnection,
    subscriber_id: i64,
    subscription_id: i64,
    now: DateTime<Utc>,
) -> Result<CancelPreview, OrderError> {
    let subscribed = find(conn, subscriber_id, subscription_id).await?;
    let is_free = first_charge::is_announced(conn, subscriber_id, subscription_id).await?;
    let (ends_at, reason) = subscribed.end(is_free, now)?;
    let month = Month::of(now);
    let (recurring, one_off) = subscribed.costs((ends_at, reason), month)?;
    let penalty = subscribed.penalty(conn, subscriber_id, (ends_at, reason), now).await?;
    let lapses = if ends_at <= now {
        let overview = month_overview(conn, subscriber_id, month, now).await?;
        let left = |allowance: &AllowanceOverview| allowance.subscription_id == subscription_id && allowance.left > 0;
        overview.allowances.into_iter().filter(left).collect()
    } else {
        Vec::new()
    };
    Ok(CancelPreview {
        name: subscribed.tariff.content.name.clone(),
        ends_at,
        reason,
        recurring,
        one_off,
        penalty,
        lapses,
    })
}

/// Cancels and says so by SMS, with what it costs. A plan that was to take over and has not begun leaves the present plan as
/// it was. What was told of its first charge and is not charged yet costs nothing, also where it ends for another plan; that
/// end stays. `accepted`: the penalty in yuan that the subscriber was told; nothing is done where it would be another. Returns
/// when it ends and how.
///
/// # Errors
/// [`OrderError::UnknownSubscription`], [`OrderError::EndedBefore`], [`OrderError::EndsAlready`],
/// [`OrderError::PenaltyNotTold`].
pub async fn cancel(
    conn: &mut PgConnection,
    subscriber_id: i64,
    subscription_id: i64,
    accepted: Decimal,
    by: &By,
    now: DateTime<Utc>,
) -> Result<(DateTime<Utc>, EndReason), OrderError> {
    lock_subscriber(conn, subscriber_id).await?;
    let subscribed = find(conn, subscriber_id, subscription_id).await?;
    let ((ends_at, reason), penalty) = decide_end(conn, subscriber_id, &subscribed, accepted, now).await?;
    let event = Event { subscriber_id, subscription_id, step: Step::CancelAsked, at: now, effective_at: ends_at, by };
    let event_id = note(conn, &event).await?;
    if subscribed.held.is_plan && reason == EndReason::BeforeStart {
        restore_replaced(conn, &event).await?;
    }
    refresh_allowances(conn, subscriber_id, now).await?;
    let how = match reason {
        EndReason::Immediately => CancelCost::DaysUsed,
        EndReason::MonthEnd | EndReason::Replaced => CancelCost::MonthInFull,
        EndReason::BeforeStart => CancelCost::BeforeStart,
        EndReason::BeforeFirstCharge => CancelCost::BeforeFirstCharge { at_once: ends_at <= now },
    };
    let (recurring, one_off) = subscribed.costs((ends_at, reason), Month::of(now))?;
    let cost = [recurring.map(|charge| charge.amount), one_off].into_iter().flatten().map(round_to_fen).sum();
    let name = &subscribed.tariff.content.name;
    let message = Message::CancelConfirmed { name, ends_at, how, cost, has_penalty: penalty.is_some() };
    tell(conn, subscriber_id, format!("cancel/{event_id}"), &message, now).await?;
    if let Some(penalty) = &penalty {
        tell_penalty(conn, &event, event_id, name, penalty).await?;
    }
    Ok((ends_at, reason))
}

/// Says what an end that was decided costs.
async fn tell_penalty(
    conn: &mut PgConnection,
    event: &Event<'_>,
    event_id: i64,
    name: &str,
    penalty: &Penalty,
) -> Result<(), OrderError> {
    let message = Message::Service(ServiceNotice::PenaltyDue { name, penalty: *penalty });
    tell(conn, event.subscriber_id, format!("penalty/{event_id}"), &message, event.at).await?;
    Ok(())
}

/// Ends the plan that another takes over from, for the penalty that was told of it, and says so by SMS.
pub(super) async fn give_way(
    conn: &mut PgConnection,
    event: &Event<'_>,
    reason: EndReason,
    penalty: Option<(&str, Penalty)>,
) -> Result<(), OrderError> {
    let amount = penalty.map_or(Decimal::ZERO, |(_, penalty)| penalty.amount);
    let end = End { at: event.effective_at, reason, penalty: amount };
    set_end(conn, event.subscriber_id, event.subscription_id, Some(end)).await?;
    let event_id = note(conn, event).await?;
    if let Some((name, penalty)) = penalty {
        tell_penalty(conn, event, event_id, name, &penalty).await?;
    }
    Ok(())
}

/// Decides the end and sets it. Whether the first charge or this comes first is decided by the key between them: where a
/// charge is being made at this instant, this waits for it, and then ends it as what is charged for.
async fn decide_end(
    conn: &mut PgConnection,
    subscriber_id: i64,
    subscribed: &Subscribed,
    accepted: Decimal,
    now: DateTime<Utc>,
) -> Result<(When, Option<Penalty>), OrderError> {
    let subscription_id = subscribed.held.subscription_id;
    if first_charge::is_announced(conn, subscriber_id, subscription_id).await? {
        let when = subscribed.end(true, now)?;
        let end = End { at: when.0, reason: when.1, penalty: Decimal::ZERO };
        let mut attempt = conn.begin().await?;
        match set_end(&mut attempt, subscriber_id, subscription_id, Some(end)).await {
            Ok(()) => {
                attempt.commit().await?;
                return Ok((when, None));
            }
            Err(OrderError::ChargedBefore) => attempt.rollback().await?,
            Err(error) => return Err(error),
        }
    }
    let when = subscribed.end(false, now)?;
    let penalty = subscribed.penalty(conn, subscriber_id, when, now).await?;
    let amount = penalty.map_or(Decimal::ZERO, |penalty| penalty.amount);
    if amount != accepted {
        return Err(OrderError::PenaltyNotTold(amount));
    }
    let end = End { at: when.0, reason: when.1, penalty: amount };
    set_end(conn, subscriber_id, subscription_id, Some(end)).await?;
    Ok((when, penalty))
}

/// The present plan goes on that was to end for a plan which is cancelled before it began.
async fn restore_replaced(conn: &mut PgConnection, cancelled: &Event<'_>) -> Result<(), OrderError> {
    let held = held(conn, cancelled.subscriber_id, cancelled.at).await?;
    let replaced = held.iter().find(|other| {
        other.is_plan && other.end_reason == Some(EndReason::Replaced) && other.ends_at == Some(cancelled.effective_at)
    });
    let Some(replaced) = replaced else { return Ok(()) };
    set_end(conn, cancelled.subscriber_id, replaced.subscription_id, None).await?;
    let restored = Event {
        subscription_id: replaced.subscription_id,
        step: Step::CancelUndone,
        effective_at: cancelled.at,
        ..*cancelled
    };
    note(conn, &restored).await?;
    Ok(())
}

/// Takes a cancellation back, as long as its end is in the future. What was stopped at once cannot be taken back.
/// For a plan that ends because another takes over, this cancels the other one. A plan that was cancelled before its first
/// charge stays so: what was used since is not charged for.
///
/// # Errors
/// [`OrderError::NothingToUndo`], [`OrderError::Refused`] when something else took its place meanwhile, or
/// [`OrderError::PenaltyNotTold`] when the present plan would give way for a penalty.
pub async fn undo_cancel(
    conn: &mut PgConnection,
    subscriber_id: i64,
    subscription_id: i64,
    by: &By,
    now: DateTime<Utc>,
) -> Result<(), OrderError> {
    lock_subscriber(conn, subscriber_id).await?;
    let subscribed = find(conn, subscriber_id, subscription_id).await?;
    let held = held(conn, subscriber_id, now).await?;
    let (Some(ends_at), Some(reason)) = (subscribed.held.ends_at, subscribed.held.end_reason) else {
        return Err(OrderError::NothingToUndo);
    };
    if ends_at <= now || (subscribed.held.is_plan && reason == EndReason::BeforeFirstCharge) {
        return Err(OrderError::NothingToUndo);
    }
    if reason == EndReason::Replaced {
        let successor = held.iter().find(|other| other.is_plan && other.starts_at == ends_at && other.waits_at(now));
        let successor = successor.ok_or(OrderError::NothingToUndo)?.subscription_id;
        return cancel(conn, subscriber_id, successor, Decimal::ZERO, by, now).await.map(|_| ());
    }
    let event = Event { subscriber_id, subscription_id, step: Step::CancelUndone, at: now, effective_at: now, by };
    make_way(conn, &subscribed, &held, &event).await?;
    set_end(conn, subscriber_id, subscription_id, None).await?;
    let event_id = note(conn, &event).await?;
    refresh_allowances(conn, subscriber_id, now).await?;
    let message = Message::CancelUndone { name: &subscribed.tariff.content.name };
    tell(conn, subscriber_id, format!("undo/{event_id}"), &message, now).await?;
    Ok(())
}

/// Looks whether something else took the place of what is restored; a plan that waited replaces the present one again.
async fn make_way(
    conn: &mut PgConnection,
    restored: &Subscribed,
    held: &[Held],
    event: &Event<'_>,
) -> Result<(), OrderError> {
    let own = &restored.held;
    let mut others = held.iter().filter(|other| other.subscription_id != own.subscription_id);
    if !own.is_plan {
        let again =
            |other: &Held| other.scheme_id == own.scheme_id && (other.runs_at(event.at) || other.waits_at(event.at));
        return if others.any(again) { Err(Refusal::AlreadyActive.into()) } else { Ok(()) };
    }
    if others.clone().any(|other| other.is_plan && other.waits_at(event.at)) {
        return Err(Refusal::PlanChangeWaiting.into());
    }
    let present = others.find(|other| other.is_plan && other.runs_at(event.at) && other.ends_at.is_none());
    if let Some(present) = present {
        let replacing = Change {
            starts_at: own.starts_at,
            ends: Some((present.subscription_id, own.starts_at, EndReason::Replaced)),
        };
        // Nobody was told of it on this way: the change can be ordered anew.
        if let Some(penalty) = penalty_of_change(conn, event.subscriber_id, &replacing, event.at).await? {
            return Err(OrderError::PenaltyNotTold(penalty.amount));
        }
        let replaced = Event {
            subscription_id: present.subscription_id,
            step: Step::Replaced,
            effective_at: own.starts_at,
            ..*event
        };
        give_way(conn, &replaced, EndReason::Replaced, None).await?;
    }
    Ok(())
}
