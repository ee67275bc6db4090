//! How much a session is granted. A quota is rated as if all of it were used: what it would take is held of the
//! allowances and then of the cap, by the very rules that rate what is used in the end. Holding changes no charge: usage
//! is rated as if nothing were held, and where it leaves less than was held, the quotas hold less.

use chrono::{DateTime, Utc};

use super::{Asked, GRANT_MAX_BYTES, GRANT_MIN_BYTES, GRANT_STANDARD_BYTES, Quota, Stop, VALIDITY};
use crate::quantity::{QUANTITY_MAX, Service};
use crate::usage::UsageRecord;
use crate::usage::rating::MonthState;

/// A month as it would be if every quota were used up.
#[derive(Clone, Debug)]
pub struct Forecast {
    pub state: MonthState,
}

/// What can be granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offer {
    /// Zero: nothing is left.
    pub bytes: u64,
    pub ends_at: DateTime<Utc>,
    /// Whether nothing is left after it.
    pub is_last: bool,
    /// What happens when nothing is left.
    pub stop: Stop,
}

impl Forecast {
    /// With the quotas of this month that still hold at `now`.
    pub fn new<'a>(state: &MonthState, quotas: impl IntoIterator<Item = &'a Quota>, now: DateTime<Utc>) -> Self {
        let mut forecast = Self { state: state.clone() };
        for quota in quotas {
            if quota.ends_at > now && state.month.contains(quota.granted_at) {
                forecast.use_up(quota.rating_group, quota.bytes, now);
            }
        }
        forecast
    }

    /// Grants a quota and counts it as used. The nearer the end, the smaller it is, so that of `sessions` that are open
    /// none holds what another needs: it is at most one part of `sessions` + 1 of what is left.
    pub fn grant(&mut self, rating_group: u32, asked: Asked, sessions: usize, now: DateTime<Utc>) -> Offer {
        let wanted = match asked {
            Asked::Nothing => 0,
            Asked::Any => GRANT_STANDARD_BYTES,
            Asked::Bytes(bytes) => bytes.clamp(1, GRANT_MAX_BYTES),
        };
        let shares = sessions as u64 + 1;
        let enough = wanted.saturating_mul(shares).clamp(GRANT_MIN_BYTES, QUANTITY_MAX);
        let left = self.clone().use_up(rating_group, enough, now);
        let fair = if left < enough { left.div_ceil(shares).max(GRANT_MIN_BYTES) } else { wanted };
        let bytes = self.use_up(rating_group, fair.min(wanted).min(left), now);
        Offer { bytes, ends_at: self.ends_at(now), is_last: bytes == left, stop: self.stop(now) }
    }

    /// How much of it could be used, and counts that.
    fn use_up(&mut self, rating_group: u32, bytes: u64, now: DateTime<Utc>) -> u64 {
        let record = UsageRecord {
            id: String::new(),
            service: Service::Data,
            started_at: now,
            quantity: bytes,
            rating_group: Some(rating_group),
        };
        // More than can be counted is more than can be granted.
        self.state.rate(&record).map_or(0, |rated| rated.from_allowance + rated.overage)
    }

    /// Why data stops: at the cap where the plan has a price for more, else with the allowances.
    fn stop(&self, now: DateTime<Utc>) -> Stop {
        let plan = self.state.plan_at(now).map(|plan| &self.state.plans[plan].plan);
        if plan.is_some_and(|plan| plan.terms.overage_of(Service::Data).is_some()) {
            Stop::RaiseCap
        } else {
            Stop::Terminate
        }
    }

    /// A quota ends before anything that it was granted from does, so that what is used later is rated as of then.
    fn ends_at(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        let plans = self.state.plans.iter().filter_map(|plan| plan.plan.ends_at).filter(|end| *end > now);
        let ends = plans.chain(self.state.pool.next_end(Service::Data, now)).chain([self.state.month.end()]);
        ends.fold(now + VALIDITY, DateTime::min)
    }
}
