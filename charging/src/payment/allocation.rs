//! 核销规则 Which bill lines a payment settles: the oldest bill first, and on a bill its lines in the order they are printed.

use rust_decimal::Decimal;

use crate::clock::Month;

/// A bill line of which something is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct OpenLine {
    pub month: Month,
    pub line_no: i32,
    /// Yuan of the line.
    pub amount: Decimal,
    /// Yuan of it that are settled.
    pub settled: Decimal,
}

impl OpenLine {
    /// Yuan that are due.
    pub fn due(&self) -> Decimal {
        (self.amount - self.settled).max(Decimal::ZERO)
    }
}

/// So much for one line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    pub line: OpenLine,
    /// Yuan, above zero.
    pub amount: Decimal,
}

/// What becomes of a payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allocation {
    /// In the order in which they are settled.
    pub shares: Vec<Share>,
    /// Yuan that no line takes.
    pub rest: Decimal,
}

/// Shares an amount (yuan) among lines. Whatever order they come in, the oldest bill is settled first.
pub fn allocate(amount: Decimal, lines: &[OpenLine]) -> Allocation {
    let mut lines = lines.to_vec();
    lines.sort_unstable_by_key(|line| (line.month, line.line_no));
    let mut rest = amount;
    let mut shares = Vec::new();
    for line in lines {
        let amount = rest.min(line.due());
        if amount > Decimal::ZERO {
            rest -= amount;
            shares.push(Share { line, amount });
        }
    }
    Allocation { shares, rest }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn line(back: u32, line_no: i32, amount: i64, settled: i64) -> OpenLine {
        OpenLine {
            month: "2026-10".parse::<Month>().unwrap().minus(back),
            line_no,
            amount: Decimal::new(amount, 2),
            settled: Decimal::new(settled.min(amount), 2),
        }
    }

    #[test]
    fn the_oldest_bill_is_paid_first_and_the_rest_is_kept() {
        let lines = [line(0, 1, 5900, 0), line(1, 2, 300, 100), line(1, 1, 9900, 9900)];
        let shared = |amount| {
            let allocation = allocate(Decimal::new(amount, 2), &lines);
            let shares: Vec<_> =
                allocation.shares.iter().map(|s| (s.line.month.to_string(), s.amount.to_string())).collect();
            (shares, allocation.rest.to_string())
        };
        let (september, october) = ("2026-09".to_owned(), "2026-10".to_owned());
        assert_eq!(shared(150), (vec![(september.clone(), "1.50".to_owned())], "0.00".to_owned()));
        let both = vec![(september, "2.00".to_owned()), (october, "59.00".to_owned())];
        assert_eq!(shared(7000), (both, "9.00".to_owned()));
        assert_eq!(allocate(Decimal::ONE, &[]).rest, Decimal::ONE);
    }

    prop_compose! {
        fn any_line()(back in 0_u32..4, line_no in 1_i32..6, amount in 1_i64..20_000, settled in 0_i64..30_000) -> OpenLine {
            line(back, line_no, amount, settled)
        }
    }

    proptest! {
        #[test]
        fn nothing_is_lost_or_paid_twice(amount in 0_i64..100_000, lines in prop::collection::vec(any_line(), 0..20)) {
            let mut lines = lines;
            lines.sort_unstable_by_key(|l| (l.month, l.line_no));
            lines.dedup_by_key(|l| (l.month, l.line_no));
            let amount = Decimal::new(amount, 2);
            let allocation = allocate(amount, &lines);
            let shared: Decimal = allocation.shares.iter().map(|share| share.amount).sum();
            prop_assert_eq!(shared + allocation.rest, amount);
            prop_assert!(allocation.rest >= Decimal::ZERO);
            for share in &allocation.shares {
                prop_assert!(share.amount > Decimal::ZERO && share.amount <= share.line.due());
            }
            let due: Decimal = lines.iter().map(OpenLine::due).sum();
            prop_assert_eq!(allocation.rest.is_zero(), amount <= due, "money is kept only when nothing is due");
            // A line gets something only when every older one is settled in full.
            let open: Vec<_> = lines.iter().filter(|l| !l.due().is_zero()).collect();
            for (share, line) in allocation.shares.iter().zip(&open) {
                prop_assert_eq!(&&share.line, line);
            }
            for share in allocation.shares.iter().rev().skip(1) {
                prop_assert_eq!(share.amount, share.line.due());
            }
            let mut turned = lines.clone();
            turned.reverse();
            prop_assert_eq!(allocate(amount, &turned), allocation);
        }
    }
}
