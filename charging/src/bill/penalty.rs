//! 违约金 What leaving a commitment early costs.

use chrono::{DateTime, Utc};

use super::Period;
use crate::clock::Month;
use crate::order::EndReason;
use crate::tariff::{Commitment, Penalty};

/// The penalty of a subscription that ends as `period` says, decided at an instant; `None`: nothing is due.
///
/// Months are calendar months, and count whole: the one in which it began is the first, and the one in which it ends has
/// run. Who decides in the first month owes nothing, nor who leaves before it begins or before its first charge.
pub fn penalty(commitment: Commitment, period: &Period, decided_at: DateTime<Utc>) -> Option<Penalty> {
    let first = Month::of(period.starts_at);
    if matches!(period.end_reason?, EndReason::BeforeStart | EndReason::BeforeFirstCharge)
        || Month::of(decided_at) <= first
    {
        return None;
    }
    commitment.penalty_after(first.count_to(period.last_month()?))
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use proptest::prelude::*;
    use rust_decimal::Decimal;

    use super::*;
    use crate::clock::start_of_day;

    fn day(text: &str) -> DateTime<Utc> {
        start_of_day(text.parse().unwrap())
    }

    fn commitment() -> Commitment {
        serde_json::from_str(r#"{"months":12,"penalty":{"model":"remaining_months","price":"99.00","percent":30}}"#)
            .unwrap()
    }

    fn left(ends_at: &str, reason: EndReason, decided_at: &str) -> Option<u32> {
        let period = Period { starts_at: day("2026-01-20"), ends_at: Some(day(ends_at)), end_reason: Some(reason) };
        penalty(commitment(), &period, day(decided_at)).map(|penalty| penalty.left)
    }

    #[test]
    fn months_left_are_those_after_the_one_in_which_it_ends() {
        let (at_once, month_end, replaced) = (EndReason::Immediately, EndReason::MonthEnd, EndReason::Replaced);
        assert_eq!(left("2026-02-01", month_end, "2026-01-21"), None, "decided in the first month");
        assert_eq!(left("2026-03-01", month_end, "2026-02-01"), Some(10));
        assert_eq!(left("2026-02-28", at_once, "2026-02-28"), Some(10));
        assert_eq!(left("2026-03-01", at_once, "2026-03-01"), Some(9), "its day counts");
        assert_eq!(left("2026-12-01", replaced, "2026-11-30"), Some(1));
        assert_eq!(left("2026-12-15", at_once, "2026-12-15"), None, "the last month runs already");
        assert_eq!(left("2027-01-01", month_end, "2026-12-15"), None);
        assert_eq!(left("2028-01-01", month_end, "2027-12-15"), None);
        for free in [EndReason::BeforeStart, EndReason::BeforeFirstCharge] {
            assert_eq!(left("2026-03-01", free, "2026-02-01"), None);
        }
    }

    #[test]
    fn the_arithmetic_is_that_of_the_formula() {
        let period = Period {
            starts_at: day("2026-01-20"),
            ends_at: Some(day("2026-05-01")),
            end_reason: Some(EndReason::MonthEnd),
        };
        let penalty = penalty(commitment(), &period, day("2026-04-30")).unwrap();
        assert_eq!((penalty.used, penalty.left, penalty.amount), (4, 8, Decimal::new(23_760, 2)));
    }

    proptest! {
        #[test]
        fn nothing_in_the_first_month_nor_after_the_last(
            start in 0_i64..900, length in 0_i64..900, asked in 0_i64..900,
            reason in prop::sample::select(EndReason::ALL.to_vec()),
        ) {
            let origin = day("2024-01-01");
            let starts_at = origin + TimeDelta::days(start);
            let ends_at = starts_at + TimeDelta::hours(length * 19);
            let decided_at = (starts_at + TimeDelta::hours(asked * 19)).min(ends_at);
            let period = Period { starts_at, ends_at: Some(ends_at), end_reason: Some(reason) };
            if let Some(penalty) = penalty(commitment(), &period, decided_at) {
                prop_assert!(penalty.amount > Decimal::ZERO && penalty.amount <= commitment().penalty_max());
                prop_assert!(Month::of(decided_at) > Month::of(starts_at));
                let last = (1..12).fold(Month::of(starts_at), |month, _| month.next());
                prop_assert!(ends_at <= last.start() || Month::of(ends_at - TimeDelta::microseconds(1)) < last);
            }
        }
    }
}
