//! 原路退回 How a refund is shared among the ways its line was paid.

use rust_decimal::Decimal;

/// Money that settled a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Paid {
    pub settlement_id: i64,
    /// Yuan of the settlement.
    pub amount: Decimal,
    /// Yuan of it that went back.
    pub returned: Decimal,
}

/// So much of one settlement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Return {
    pub paid: Paid,
    /// Yuan, above zero.
    pub amount: Decimal,
}

/// What is done for a refund.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Yuan that are not due any more.
    pub waive: Decimal,
    /// What goes back, the payment that came last first.
    pub returns: Vec<Return>,
}

/// It is more than is left of the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("only {left} yuan of the line have not been returned")]
pub struct TooMuch {
    pub left: Decimal,
}

/// Shares `amount` (yuan): what is still `due` of the line is waived first, then money goes back, the newest payment first.
/// `paid` are the line's settlements in the order they came.
///
/// # Errors
/// [`TooMuch`].
pub fn plan(amount: Decimal, due: Decimal, paid: &[Paid]) -> Result<Plan, TooMuch> {
    let waive = amount.min(due);
    let mut rest = amount - waive;
    let mut returns = Vec::new();
    for &paid in paid.iter().rev() {
        let amount = rest.min(paid.amount - paid.returned);
        if amount > Decimal::ZERO {
            rest -= amount;
            returns.push(Return { paid, amount });
        }
    }
    if rest > Decimal::ZERO { Err(TooMuch { left: amount - rest }) } else { Ok(Plan { waive, returns }) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn paid(settlement_id: i64, amount: i64, returned: i64) -> Paid {
        Paid { settlement_id, amount: Decimal::new(amount, 2), returned: Decimal::new(returned.min(amount), 2) }
    }

    #[test]
    fn what_is_not_paid_is_waived_before_anything_goes_back() {
        let line = [paid(1, 5000, 0), paid(2, 2000, 500)];
        let fen = |n| Decimal::new(n, 2);
        let of = |amount| plan(fen(amount), fen(2500), &line);
        let shown = |amount| {
            let plan = of(amount).unwrap();
            (plan.waive, plan.returns.iter().map(|r| (r.paid.settlement_id, r.amount)).collect::<Vec<_>>())
        };
        assert_eq!(shown(1000), (fen(1000), vec![]));
        assert_eq!(shown(3000), (fen(2500), vec![(2, fen(500))]));
        assert_eq!(shown(9000), (fen(2500), vec![(2, fen(1500)), (1, fen(5000))]));
        assert_eq!(of(9001), Err(TooMuch { left: fen(9000) }));
    }

    proptest! {
        #[test]
        fn never_more_than_was_paid(amount in 1_i64..50_000, due in 0_i64..10_000,
            line in prop::collection::vec((1_i64..10_000, 0_i64..12_000), 0..6))
        {
            let line: Vec<Paid> = (1..).zip(line).map(|(id, (amount, returned))| paid(id, amount, returned)).collect();
            let (amount, due) = (Decimal::new(amount, 2), Decimal::new(due, 2));
            let left = due + line.iter().map(|p| p.amount - p.returned).sum::<Decimal>();
            match plan(amount, due, &line) {
                Ok(plan) => {
                    prop_assert!(amount <= left && plan.waive <= due);
                    prop_assert_eq!(plan.waive + plan.returns.iter().map(|r| r.amount).sum::<Decimal>(), amount);
                    for back in &plan.returns {
                        prop_assert!(back.amount > Decimal::ZERO && back.paid.returned + back.amount <= back.paid.amount);
                    }
                    prop_assert!(plan.returns.is_empty() || plan.waive == due);
                }
                Err(refused) => {
                    prop_assert!(amount > left);
                    prop_assert_eq!(refused.left, left);
                }
            }
        }
    }
}
