//! When something that is ordered starts and ends.

use chrono::{DateTime, Utc};

use super::{EndReason, Held};
use crate::clock::Month;
use crate::tariff::CancelEffective;

/// When a new subscription starts, and what ends for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    pub starts_at: DateTime<Utc>,
    /// The plan that ends for it: its id, when, and how.
    pub ends: Option<(i64, DateTime<Utc>, EndReason)>,
}

impl Change {
    /// An add-on, or a plan where there is none, starts at once.
    pub fn at_once(now: DateTime<Utc>) -> Self {
        Self { starts_at: now, ends: None }
    }

    /// A plan takes over from the present one as that one's tariff says: at once, with the days used charged; or at the
    /// end of the month. Where the present one ends anyway, it takes over then.
    pub fn of_plan(present: &Held, cancel: CancelEffective, now: DateTime<Utc>) -> Self {
        if let Some(end) = present.ends_at {
            return Self { starts_at: end, ends: None };
        }
        let (at, reason) = end_of(present.starts_at, cancel, now);
        let reason = if reason == EndReason::MonthEnd { EndReason::Replaced } else { reason };
        Self { starts_at: at, ends: Some((present.subscription_id, at, reason)) }
    }
}

/// When a subscription ends that is cancelled now, between the reminder of its first charge and that charge: as its tariff
/// says, and no later than the month that would have been charged first. What has not begun never does.
pub fn end_before_first_charge(
    starts_at: DateTime<Utc>,
    cancel: CancelEffective,
    now: DateTime<Utc>,
) -> (DateTime<Utc>, EndReason) {
    match cancel {
        _ if now <= starts_at => (starts_at, EndReason::BeforeStart),
        CancelEffective::Immediately => (now, EndReason::BeforeFirstCharge),
        CancelEffective::MonthEnd => (Month::of(starts_at).end().max(now), EndReason::BeforeFirstCharge),
    }
}

/// When a subscription ends that is cancelled now, and how.
pub fn end_of(starts_at: DateTime<Utc>, cancel: CancelEffective, now: DateTime<Utc>) -> (DateTime<Utc>, EndReason) {
    match cancel {
        _ if now <= starts_at => (starts_at, EndReason::BeforeStart),
        CancelEffective::Immediately => (now, EndReason::Immediately),
        CancelEffective::MonthEnd => (Month::of(now).end(), EndReason::MonthEnd),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn plan(ends_at: Option<DateTime<Utc>>) -> Held {
        Held {
            subscription_id: 4,
            scheme_id: "26MB900001".parse().unwrap(),
            version: 1,
            is_plan: true,
            starts_at: at("2026-08-01T00:00:00+08:00"),
            ends_at,
            end_reason: ends_at.map(|_| EndReason::MonthEnd),
        }
    }

    #[test]
    fn a_plan_takes_over_when_the_present_one_may_end() {
        let now = at("2026-10-31T23:59:59+08:00");
        let month_end = at("2026-11-01T00:00:00+08:00");
        assert_eq!(
            Change::of_plan(&plan(None), CancelEffective::MonthEnd, now),
            Change { starts_at: month_end, ends: Some((4, month_end, EndReason::Replaced)) }
        );
        assert_eq!(
            Change::of_plan(&plan(None), CancelEffective::Immediately, now),
            Change { starts_at: now, ends: Some((4, now, EndReason::Immediately)) }
        );
        assert_eq!(
            Change::of_plan(&plan(Some(month_end)), CancelEffective::Immediately, now),
            Change { starts_at: month_end, ends: None }
        );
    }

    #[test]
    fn what_is_not_charged_yet_ends_no_later_than_its_first_month() {
        let starts_at = at("2026-10-20T12:00:00+08:00");
        let end = |cancel, now| end_before_first_charge(starts_at, cancel, at(now)).0;
        let (october, november) = ("2026-10-28T12:00:00+08:00", "2026-11-01T09:00:00+08:00");
        assert_eq!(end(CancelEffective::Immediately, october), at(october));
        assert_eq!(end(CancelEffective::MonthEnd, october), at("2026-11-01T00:00:00+08:00"));
        assert_eq!(end(CancelEffective::MonthEnd, november), at(november));
    }

    #[test]
    fn what_has_not_begun_ends_where_it_would_have() {
        let starts_at = at("2026-11-01T00:00:00+08:00");
        for cancel in [CancelEffective::Immediately, CancelEffective::MonthEnd] {
            let (now, never) = (at("2026-10-31T23:59:59+08:00"), (starts_at, EndReason::BeforeStart));
            assert_eq!(end_of(starts_at, cancel, now), never);
            assert_eq!(end_before_first_charge(starts_at, cancel, now), never);
        }
    }
}
