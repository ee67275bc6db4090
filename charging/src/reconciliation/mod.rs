//! 对账 Reconciliation: the gateway's statement of a day held against our payments and refunds.

#[cfg(feature = "postgres")]
pub mod store;
#[cfg(feature = "postgres")]
pub mod view;

use std::fmt;
use std::str::FromStr;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::payment::named;

/// What a statement is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Payment,
    Refund,
}

/// How two sides differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// 我方缺: the gateway moved money that we know nothing of.
    MissingHere,
    /// 对方缺: we say that it moved, the statement does not know of it.
    MissingThere,
    AmountDiffers,
    /// One side says that it moved, the other that it did not.
    StateDiffers,
    /// The statement says something that nobody here understands; it is not compared at all.
    Unreadable,
}

named!(Kind { Payment = "payment", Refund = "refund" });
named!(What {
    MissingHere = "missing_here",
    MissingThere = "missing_there",
    AmountDiffers = "amount_differs",
    StateDiffers = "state_differs",
    Unreadable = "unreadable",
});

/// What one side says about a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Side {
    /// Yuan.
    pub amount: Decimal,
    /// Whether the money moved.
    pub moved: bool,
}

/// How what we say differs from what the statement says; `None`: it does not. What did not move and is known to one side alone is
/// no difference: the gateway lists what it refused, and we keep what never came to be.
pub fn compare(here: Option<Side>, there: Option<Side>) -> Option<What> {
    let moved = |side: Option<Side>| side.is_some_and(|side| side.moved);
    match (here, there) {
        (None, Some(_)) if moved(there) => Some(What::MissingHere),
        (Some(_), None) if moved(here) => Some(What::MissingThere),
        (Some(here), Some(there)) if here.moved != there.moved => Some(What::StateDiffers),
        (Some(here), Some(there)) if here.moved && here.amount != there.amount => Some(What::AmountDiffers),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_moved_must_have_moved_on_both_sides_and_alike() {
        let side = |amount, moved| Some(Side { amount: Decimal::from(amount), moved });
        for (here, there, what) in [
            (side(5, true), side(5, true), None),
            (side(5, true), side(6, true), Some(What::AmountDiffers)),
            (side(5, true), None, Some(What::MissingThere)),
            (None, side(5, true), Some(What::MissingHere)),
            (side(5, false), side(5, true), Some(What::StateDiffers)),
            (side(5, true), side(5, false), Some(What::StateDiffers)),
            (side(5, false), side(6, false), None),
            (side(5, false), None, None),
            (None, side(5, false), None),
            (None, None, None),
        ] {
            assert_eq!(compare(here, there), what, "{here:?} {there:?}");
        }
    }

    #[test]
    fn names_are_read_back() {
        for what in What::ALL {
            assert_eq!(what.as_str().parse(), Ok(*what));
        }
        assert_eq!("refund".parse(), Ok(Kind::Refund));
    }
}
