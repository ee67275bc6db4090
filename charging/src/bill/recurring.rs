//! 月费 and 一次性费用: what a subscription costs in a month, with the arithmetic that a page can put into words.

use chrono::{DateTime, Datelike, NaiveDate, TimeDelta, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::clock::{Month, local_date};
use crate::money::share;
use crate::order::EndReason;
use crate::tariff::{FirstMonth, Recurring};

/// When a subscription runs: from `starts_at` until `ends_at`, which it does not include.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    pub starts_at: DateTime<Utc>,
    /// `None` while it goes on.
    pub ends_at: Option<DateTime<Utc>>,
    pub end_reason: Option<EndReason>,
}

/// Which rule made the amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecurringRule {
    /// The month in full.
    Full,
    /// The first month, which this tariff charges in full.
    FirstFull,
    /// The first month: price × days from the start to the end of the month ÷ days of the month.
    FirstDaily,
    /// The first month: half the price.
    FirstHalf,
    /// Ended at once: price × days used, the last one included ÷ days of the month.
    DaysUsed,
}

/// A month's charge of one subscription.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecurringCharge {
    pub rule: RecurringRule,
    /// Yuan a month.
    pub price: Decimal,
    /// Days that it ran in the month, and the days of the month.
    pub days: u32,
    pub of_days: u32,
    /// The first and last day that it ran in the month.
    pub from: NaiveDate,
    pub until: NaiveDate,
    /// Yuan, exact to 6 places, more than zero.
    pub amount: Decimal,
}

impl Period {
    /// It costs nothing: it was cancelled before its first charge.
    fn is_free(&self) -> bool {
        self.end_reason == Some(EndReason::BeforeFirstCharge)
    }

    /// The last month in which it ran; `None` while it goes on, and where it never began.
    pub fn last_month(&self) -> Option<Month> {
        let end = self.ends_at.filter(|end| *end > self.starts_at)?;
        let at_once = self.end_reason == Some(EndReason::Immediately);
        Some(Month::of(if at_once { end } else { end - TimeDelta::microseconds(1) }))
    }

    /// The first and the last day in `month` on which it ran; `None` when it did not run in that month, or was
    /// cancelled before it began. A day on which it was stopped at once counts (today included).
    pub fn days_in(&self, month: Month) -> Option<(NaiveDate, NaiveDate)> {
        let first = local_date(self.starts_at).max(month.first_day());
        let last = match self.ends_at {
            None => month.last_day(),
            Some(end) if end <= self.starts_at => return None,
            Some(end) if self.end_reason == Some(EndReason::Immediately) => local_date(end).min(month.last_day()),
            Some(end) => local_date(end - TimeDelta::microseconds(1)).min(month.last_day()),
        };
        (first <= last).then_some((first, last))
    }
}

/// What the subscription is charged for a month: nothing where it did not run, costs nothing, or was cancelled before its
/// first charge.
///
/// The first month follows the tariff; a subscription stopped at once is charged for its days used, and never more than
/// if it had not been stopped; one that ends with its month, or was replaced by another plan, is charged as if it went on.
pub fn recurring_charge(terms: &Recurring, period: &Period, month: Month) -> Option<RecurringCharge> {
    let (from, until) = period.days_in(month).filter(|_| !period.is_free())?;
    let (price, of_days) = (terms.price, month.days());
    let is_first = Month::of(period.starts_at) == month;
    let days_to_month_end = of_days - from.day() + 1;
    let (rule, amount) = match (is_first, terms.first_month) {
        (false, _) => (RecurringRule::Full, price),
        (true, FirstMonth::Full) => (RecurringRule::FirstFull, price),
        (true, FirstMonth::Daily) => (RecurringRule::FirstDaily, share(price, days_to_month_end, of_days)?),
        (true, FirstMonth::Half) => (RecurringRule::FirstHalf, share(price, 1, 2)?),
    };
    let days = until.day() - from.day() + 1;
    let stopped_here = period.end_reason == Some(EndReason::Immediately)
        && period.ends_at.is_some_and(|end| local_date(end) <= month.last_day());
    let used = share(price, days, of_days)?;
    let (rule, amount) = if stopped_here && used < amount { (RecurringRule::DaysUsed, used) } else { (rule, amount) };
    (amount > Decimal::ZERO).then_some(RecurringCharge { rule, price, days, of_days, from, until, amount })
}

/// What is charged once, in the first month, in yuan; nothing where it was cancelled before it began, or before its first
/// charge.
pub fn one_off_charge(one_off_price: Decimal, period: &Period, month: Month) -> Option<Decimal> {
    let begins = Month::of(period.starts_at) == month && period.days_in(month).is_some();
    (begins && !period.is_free() && one_off_price > Decimal::ZERO).then_some(one_off_price)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::clock::start_of_day;

    fn day(text: &str) -> DateTime<Utc> {
        start_of_day(text.parse().unwrap())
    }

    fn month(text: &str) -> Month {
        text.parse().unwrap()
    }

    fn terms(price: &str, first_month: FirstMonth) -> Recurring {
        Recurring { price: price.parse().unwrap(), first_month }
    }

    fn running(from: &str) -> Period {
        Period { starts_at: day(from), ends_at: None, end_reason: None }
    }

    fn ended(from: &str, until: DateTime<Utc>, reason: EndReason) -> Period {
        Period { starts_at: day(from), ends_at: Some(until), end_reason: Some(reason) }
    }

    fn amount(terms: &Recurring, period: &Period, of: &str) -> Option<String> {
        recurring_charge(terms, period, month(of)).map(|charge| charge.amount.normalize().to_string())
    }

    #[test]
    fn the_first_month_follows_the_tariff() {
        let period = running("2026-10-22");
        for (first_month, expected) in
            [(FirstMonth::Full, "99"), (FirstMonth::Daily, "31.935484"), (FirstMonth::Half, "49.5")]
        {
            let terms = terms("99.00", first_month);
            assert_eq!(amount(&terms, &period, "2026-10").as_deref(), Some(expected));
            assert_eq!(amount(&terms, &period, "2026-11").as_deref(), Some("99"));
            assert_eq!(amount(&terms, &period, "2026-09"), None);
        }
    }

    #[test]
    fn stopping_at_once_costs_the_days_used_and_never_more_than_going_on() {
        let stop = day("2026-11-10") + TimeDelta::hours(15);
        let period = ended("2026-10-01", stop, EndReason::Immediately);
        let charge = recurring_charge(&terms("30.00", FirstMonth::Full), &period, month("2026-11")).unwrap();
        assert_eq!((charge.rule, charge.days, charge.of_days), (RecurringRule::DaysUsed, 10, 30));
        assert_eq!(charge.amount, Decimal::from(10));
        assert_eq!(amount(&terms("30.00", FirstMonth::Full), &period, "2026-10").as_deref(), Some("30"));
        assert_eq!(amount(&terms("30.00", FirstMonth::Full), &period, "2026-12"), None);
        let within = ended("2026-11-01", day("2026-11-25"), EndReason::Immediately);
        let charge = recurring_charge(&terms("30.00", FirstMonth::Half), &within, month("2026-11")).unwrap();
        assert_eq!((charge.rule, charge.amount), (RecurringRule::FirstHalf, Decimal::from(15)));
    }

    #[test]
    fn a_day_counts_whole_be_it_the_first_or_the_last() {
        let last_day = day("2026-11-30") + TimeDelta::hours(15);
        let first_month = ended("2026-11-11", last_day, EndReason::Immediately);
        let charge = recurring_charge(&terms("30.00", FirstMonth::Full), &first_month, month("2026-11")).unwrap();
        assert_eq!((charge.rule, charge.days, charge.amount), (RecurringRule::DaysUsed, 20, Decimal::from(20)));
        let later = ended("2026-10-11", last_day, EndReason::Immediately);
        let charge = recurring_charge(&terms("30.00", FirstMonth::Full), &later, month("2026-11")).unwrap();
        assert_eq!((charge.rule, charge.amount), (RecurringRule::Full, Decimal::from(30)), "nothing was left unused");
        let charge = recurring_charge(&terms("30.00", FirstMonth::Full), &later, month("2026-10")).unwrap();
        assert_eq!((charge.rule, charge.amount), (RecurringRule::FirstFull, Decimal::from(30)), "it went on");
        assert_eq!(amount(&terms("31.00", FirstMonth::Daily), &running("2026-10-31"), "2026-10").as_deref(), Some("1"));
    }

    #[test]
    fn month_end_and_replaced_are_charged_in_full() {
        let full = terms("59.00", FirstMonth::Daily);
        for (until, reason) in [(day("2026-11-01"), EndReason::MonthEnd), (day("2026-10-15"), EndReason::Replaced)] {
            let period = ended("2026-08-05", until, reason);
            assert_eq!(amount(&full, &period, "2026-10").as_deref(), Some("59"));
            assert_eq!(amount(&full, &period, "2026-11"), None);
        }
    }

    #[test]
    fn what_never_began_or_costs_nothing_makes_no_charge() {
        let never = ended("2026-11-01", day("2026-11-01"), EndReason::BeforeStart);
        assert_eq!(amount(&terms("59.00", FirstMonth::Full), &never, "2026-11"), None);
        assert_eq!(one_off_charge(Decimal::TEN, &never, month("2026-11")), None);
        let not_a_moment = ended("2026-11-01", day("2026-11-01"), EndReason::Immediately);
        assert_eq!(amount(&terms("59.00", FirstMonth::Full), &not_a_moment, "2026-11"), None);
        assert_eq!(amount(&terms("0.00", FirstMonth::Daily), &running("2026-10-22"), "2026-10"), None);
        let in_time = ended("2026-10-22", day("2026-10-29"), EndReason::BeforeFirstCharge);
        assert_eq!(amount(&terms("59.00", FirstMonth::Full), &in_time, "2026-10"), None);
        assert_eq!(one_off_charge(Decimal::TEN, &in_time, month("2026-10")), None);
        assert_eq!(one_off_charge(Decimal::ZERO, &running("2026-10-22"), month("2026-10")), None);
        assert_eq!(one_off_charge(Decimal::TEN, &running("2026-10-22"), month("2026-10")), Some(Decimal::TEN));
        assert_eq!(one_off_charge(Decimal::TEN, &running("2026-10-22"), month("2026-11")), None);
    }

    proptest! {
        #[test]
        fn never_more_than_the_price_and_never_finer_than_six_places(
            fen in 0_i64..100_000, start in 0_i64..900, length in 0_i64..400, at in 0_u32..40,
            first in prop::sample::select(vec![FirstMonth::Full, FirstMonth::Daily, FirstMonth::Half]),
            reason in prop::sample::select(vec![None, Some(EndReason::Immediately), Some(EndReason::MonthEnd)]),
        ) {
            let origin = day("2024-01-01");
            let starts_at = origin + TimeDelta::hours(start * 7);
            let ends_at = reason.map(|_| starts_at + TimeDelta::hours(length * 5));
            let period = Period { starts_at, ends_at, end_reason: reason };
            let terms = Recurring { price: Decimal::new(fen, 2), first_month: first };
            let of = month("2023-12").minus(0);
            let of = (0..at).fold(of, |of, _| of.next());
            if let Some(charge) = recurring_charge(&terms, &period, of) {
                prop_assert!(charge.amount > Decimal::ZERO && charge.amount <= terms.price);
                prop_assert!(charge.amount.normalize().scale() <= 6);
                prop_assert!(charge.days >= 1 && charge.days <= charge.of_days);
                prop_assert!(of.contains(start_of_day(charge.from)) && of.contains(start_of_day(charge.until)));
            } else {
                prop_assert!(fen == 0 || period.days_in(of).is_none());
            }
        }
    }
}
