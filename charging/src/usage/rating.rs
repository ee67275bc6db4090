//! Rating: what a record takes from the allowances, what it costs beyond them, and what is absorbed.
//! Rules: design.md, "Rating rules".

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

use super::UsageRecord;
use super::allowance::{AllowanceId, Subscribed};
use super::overage::{largest_volume_within, price_of_volume};
use super::pool::Pool;
use crate::clock::Month;
use crate::quantity::Service;

/// A month's volume beyond the allowances, of one service and plan: 4,096 times the largest record.
const VOLUME_MAX: u64 = 1 << 62;
/// Yuan: the most that one plan's voice or messages of a month may come to.
const CHARGE_MAX_YUAN: Decimal = Decimal::from_parts(1_316_134_912, 2328, 0, false, 0);

/// What one plan's part of a month is beyond the allowances.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Beyond {
    /// V: bytes beyond the allowances, absorbed ones included.
    pub data_bytes: u64,
    /// Of these, the bytes reported beyond V*, or where the plan has no price for them: stored and never charged.
    pub absorbed_bytes: u64,
    pub voice_minutes: u64,
    pub sms_messages: u64,
    /// Yuan: f(V − absorbed) of the data.
    pub charged: Decimal,
}

/// A plan that ran in the month, with what was used beyond the allowances while it did.
#[derive(Clone, Debug)]
pub struct PlanMonth {
    pub plan: Subscribed,
    pub beyond: Beyond,
    pub changed: bool,
}

/// Everything that the rating of a month's records depends on.
#[derive(Clone, Debug)]
pub struct MonthState {
    pub month: Month,
    pub pool: Pool,
    pub plans: Vec<PlanMonth>,
    /// Yuan of data overage in the month, over all plans.
    pub cap: Decimal,
    /// Yuan of the cap that went to plans which do not run in the month any more.
    pub charged_elsewhere: Decimal,
}

/// How a record was rated, in rated units: bytes, minutes, messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rated {
    pub from_allowance: u64,
    /// Beyond the allowances, charged for by the plan's overage terms.
    pub overage: u64,
    /// Beyond the cap or without overage terms: stored, charged 0.
    pub absorbed: u64,
    /// Yuan.
    pub cost: Decimal,
    /// The plan at the record's start.
    pub plan_subscription_id: Option<i64>,
    /// Which of its allowances served it. Later records may move it to another one of them, never out of them.
    pub split: Vec<(AllowanceId, u64)>,
}

/// Why a record cannot be rated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RatingError {
    #[error("the record did not start in the month {0}")]
    OtherMonth(Month),
    #[error("more usage in one month than can be rated")]
    TooMuch,
}

impl MonthState {
    /// Yuan of data overage charged so far.
    pub fn charged(&self) -> Decimal {
        self.plans.iter().map(|plan| plan.beyond.charged).sum::<Decimal>() + self.charged_elsewhere
    }

    /// Yuan of data overage that may still be charged.
    pub fn cap_left(&self) -> Decimal {
        (self.cap - self.charged()).max(Decimal::ZERO)
    }

    /// Rates one record; the state then includes it. A refused record leaves the state as it was.
    ///
    /// # Errors
    /// When the record is of another month, or the month's volume would pass what can be counted.
    pub fn rate(&mut self, record: &UsageRecord) -> Result<Rated, RatingError> {
        if !self.month.contains(record.started_at) {
            return Err(RatingError::OtherMonth(self.month));
        }
        let units = record.service.rated_units(record.quantity);
        let plan = self.plan_at(record.started_at);
        if let Some(plan) = plan {
            self.plans[plan].check_room(record.service, units)?;
        }
        let split = self.pool.serve(record, units);
        let from_allowance = split.iter().map(|(_, quantity)| quantity).sum();
        let beyond = units - from_allowance;
        let (overage, cost) = match plan {
            Some(plan) if beyond > 0 => self.charge(plan, record.service, beyond),
            _ => (0, Decimal::ZERO),
        };
        Ok(Rated {
            from_allowance,
            overage,
            absorbed: beyond - overage,
            cost,
            plan_subscription_id: plan.map(|plan| self.plans[plan].plan.subscription_id),
            split,
        })
    }

    pub(super) fn plan_at(&self, at: DateTime<Utc>) -> Option<usize> {
        self.plans.iter().position(|plan| plan.plan.is_active(at))
    }

    /// Counts units beyond the allowances: how many of them are charged for, and what they cost.
    fn charge(&mut self, plan: usize, service: Service, units: u64) -> (u64, Decimal) {
        let cap_left = self.cap_left();
        let PlanMonth { plan, beyond, changed } = &mut self.plans[plan];
        *changed = true;
        let terms = plan.terms.overage_of(service);
        let (before, after) = match service {
            Service::Data => {
                let before = beyond.data_bytes - beyond.absorbed_bytes;
                beyond.data_bytes += units;
                let stop = terms.map_or(0, |model| largest_volume_within(model, beyond.charged + cap_left));
                let after = (before + units).min(stop.max(before));
                beyond.absorbed_bytes += units - (after - before);
                (before, after)
            }
            _ if terms.is_none() => (0, 0),
            Service::Voice => {
                let before = beyond.voice_minutes;
                beyond.voice_minutes += units;
                (before, before + units)
            }
            Service::Sms => {
                let before = beyond.sms_messages;
                beyond.sms_messages += units;
                (before, before + units)
            }
        };
        let cost = terms.map_or(Decimal::ZERO, |model| price_of_volume(model, after) - price_of_volume(model, before));
        if service == Service::Data {
            beyond.charged += cost;
        }
        (after - before, cost)
    }
}

impl PlanMonth {
    /// That the counters and amounts hold even if all units were beyond the allowances.
    fn check_room(&self, service: Service, units: u64) -> Result<(), RatingError> {
        let counted = match service {
            Service::Data => self.beyond.data_bytes,
            Service::Voice => self.beyond.voice_minutes,
            Service::Sms => self.beyond.sms_messages,
        };
        let volume = counted.checked_add(units).filter(|sum| *sum <= VOLUME_MAX).ok_or(RatingError::TooMuch)?;
        let uncapped = self.plan.terms.overage_of(service).filter(|_| service != Service::Data);
        match uncapped.map(|model| price_of_volume(model, volume)) {
            Some(amount) if amount > CHARGE_MAX_YUAN => Err(RatingError::TooMuch),
            _ => Ok(()),
        }
    }
}
