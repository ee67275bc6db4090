//! What the evidence says of a disputed line, and the answer that follows from it.
//!
//! Nothing here knows who looks: the same facts always give the same suggestion. A missing or broken proof of a yes needs no
//! further question; whatever else is found wrong is suggested to an agent, with the yuan that it makes.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

use crate::ledger::ChargeKind;
use crate::money::round_to_fen;

/// What a line was made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Yuan that the line charged.
    pub line_amount: Decimal,
    /// Yuan of it that went back already, or are asked for.
    pub returned: Decimal,
    /// One a subscription and kind of charge.
    pub charges: Vec<ChargeFacts>,
}

/// What a subscription was charged on the line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChargeFacts {
    pub kind: ChargeKind,
    /// Yuan, exact.
    pub amount: Decimal,
    pub proof: Proof,
    /// Whether the tariff was public and on sale at the moment of the order.
    pub was_on_sale: bool,
    /// Yuan, the most that the version agreed to allows for this charge; `None`: it names no fixed amount.
    pub price: Option<Decimal>,
    /// Yuan of this for time or use after the service had ended.
    pub after_end: Decimal,
    /// Yuan of this that another subscription of the same tariff was charged for the same month before.
    pub charged_twice: Decimal,
}

/// Whether the subscriber agreed to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// There is none.
    Missing,
    /// There is one, and it does not hold: why.
    Broken(String),
    /// It is unbroken, and names this subscriber, this version and this price.
    Holds { agreed_at: DateTime<Utc> },
}

/// Something that was found out about a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Finding {
    NoConsent,
    BrokenConsent,
    /// More than the version agreed to says.
    AbovePrice,
    /// 重复收费
    ChargedTwice,
    /// 退订后收费
    AfterEnd,
    NotOnSale,
    /// Something of it went back before.
    Returned,
    /// Nothing of all that.
    InOrder,
    /// What the line is made of is not in these books, so that somebody has to look.
    Unknown,
}

impl Finding {
    pub const ALL: [Self; 9] = [
        Self::NoConsent,
        Self::BrokenConsent,
        Self::AbovePrice,
        Self::ChargedTwice,
        Self::AfterEnd,
        Self::NotOnSale,
        Self::Returned,
        Self::InOrder,
        Self::Unknown,
    ];

    /// The name in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoConsent => "no_consent",
            Self::BrokenConsent => "broken_consent",
            Self::AbovePrice => "above_price",
            Self::ChargedTwice => "charged_twice",
            Self::AfterEnd => "after_end",
            Self::NotOnSale => "not_on_sale",
            Self::Returned => "returned",
            Self::InOrder => "in_order",
            Self::Unknown => "unknown",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|finding| finding.as_str() == name)
    }
}

/// The answer that the evidence suggests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suggestion {
    /// In the order of [`Finding::ALL`], each once; never empty.
    pub findings: Vec<Finding>,
    /// Yuan to give back; zero: nothing, but to explain the charge.
    pub refund: Decimal,
    /// Whether that follows without anybody looking.
    pub is_certain: bool,
}

/// The answer to a line of which these facts are known.
///
/// The whole line goes back at once where nothing of it was agreed to. Else each part that is wrong is suggested: in full
/// where the service had ended or was not on sale, by the difference where it cost too much, by what was charged twice.
pub fn suggest(facts: &Facts) -> Suggestion {
    let mut findings: Vec<Finding> = facts.charges.iter().flat_map(faults).collect();
    findings.sort_unstable();
    findings.dedup();
    let nothing_agreed =
        !facts.charges.is_empty() && facts.charges.iter().all(|charge| !matches!(charge.proof, Proof::Holds { .. }));
    let wrong: Decimal = facts.charges.iter().map(wrong_part).sum();
    let all: Decimal = facts.charges.iter().map(|charge| charge.amount).sum();
    let due = if nothing_agreed || (wrong == all && !all.is_zero()) {
        facts.line_amount
    } else {
        // The line is rounded once, and so is what of it was wrong.
        round_to_fen(wrong).min(facts.line_amount)
    };
    let refund = due.min((facts.line_amount - facts.returned).max(Decimal::ZERO));
    if facts.returned > Decimal::ZERO {
        findings.push(Finding::Returned);
    }
    if facts.charges.is_empty() {
        findings.push(Finding::Unknown);
    } else if findings.is_empty() {
        findings.push(Finding::InOrder);
    }
    Suggestion { findings, refund, is_certain: nothing_agreed && !refund.is_zero() }
}

fn faults(charge: &ChargeFacts) -> Vec<Finding> {
    let proof = match charge.proof {
        Proof::Missing => Some(Finding::NoConsent),
        Proof::Broken(_) => Some(Finding::BrokenConsent),
        Proof::Holds { .. } => None,
    };
    let others = [
        (excess(charge) > Decimal::ZERO, Finding::AbovePrice),
        (charge.charged_twice > Decimal::ZERO, Finding::ChargedTwice),
        (charge.after_end > Decimal::ZERO, Finding::AfterEnd),
        (!charge.was_on_sale, Finding::NotOnSale),
    ];
    proof.into_iter().chain(others.into_iter().filter(|(is_so, _)| *is_so).map(|(_, finding)| finding)).collect()
}

/// Yuan above the price agreed to.
fn excess(charge: &ChargeFacts) -> Decimal {
    charge.price.map_or(Decimal::ZERO, |price| (charge.amount - price).max(Decimal::ZERO))
}

/// Yuan of a charge that should not have been.
fn wrong_part(charge: &ChargeFacts) -> Decimal {
    if !matches!(charge.proof, Proof::Holds { .. }) || !charge.was_on_sale {
        return charge.amount;
    }
    // The largest of them: what came after the end may be the same yuan that was charged twice.
    excess(charge).max(charge.after_end).max(charge.charged_twice).min(charge.amount)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn yuan(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    fn holds() -> Proof {
        Proof::Holds { agreed_at: "2026-10-03T08:15:00Z".parse().unwrap() }
    }

    fn charge(amount: &str) -> ChargeFacts {
        ChargeFacts {
            kind: ChargeKind::Recurring,
            amount: yuan(amount),
            proof: holds(),
            was_on_sale: true,
            price: Some(yuan(amount)),
            after_end: Decimal::ZERO,
            charged_twice: Decimal::ZERO,
        }
    }

    fn said(line_amount: &str, charges: &[ChargeFacts]) -> (Vec<Finding>, String, bool) {
        let said =
            suggest(&Facts { line_amount: yuan(line_amount), returned: Decimal::ZERO, charges: charges.to_vec() });
        (said.findings, said.refund.to_string(), said.is_certain)
    }

    #[test]
    fn what_was_never_agreed_to_goes_back_without_a_question() {
        let missing = ChargeFacts { proof: Proof::Missing, ..charge("95") };
        let broken = ChargeFacts { proof: Proof::Broken("the hash of row 2".to_owned()), ..charge("0.004") };
        assert_eq!(said("95.00", std::slice::from_ref(&missing)), (vec![Finding::NoConsent], "95.00".to_owned(), true));
        let both = said("95.00", &[missing.clone(), broken]);
        assert_eq!(both, (vec![Finding::NoConsent, Finding::BrokenConsent], "95.00".to_owned(), true));
        let partly = said("104.90", &[missing, charge("9.90")]);
        assert_eq!(partly, (vec![Finding::NoConsent], "95.00".to_owned(), false));
    }

    #[test]
    fn what_is_in_order_is_explained_and_what_nobody_knows_is_looked_at() {
        assert_eq!(said("9.90", &[charge("9.90")]), (vec![Finding::InOrder], "0.00".to_owned(), false));
        assert_eq!(said("9.90", &[]), (vec![Finding::Unknown], "0.00".to_owned(), false));
        // A usage charge has no fixed price.
        let usage = ChargeFacts { kind: ChargeKind::DataOverage, price: None, ..charge("3.21") };
        assert_eq!(said("3.21", &[usage]).0, [Finding::InOrder]);
    }

    #[test]
    fn what_went_back_before_does_not_go_back_again() {
        let line_amount = yuan("95.00");
        let charges = vec![ChargeFacts { proof: Proof::Missing, ..charge("95") }];
        let part = suggest(&Facts { line_amount, returned: yuan("5.00"), charges: charges.clone() });
        assert_eq!((part.refund, part.is_certain), (yuan("90.00"), true));
        let all = suggest(&Facts { line_amount, returned: line_amount, charges });
        assert_eq!((all.refund, all.is_certain), (Decimal::ZERO, false));
        assert_eq!(all.findings, [Finding::NoConsent, Finding::Returned]);
    }

    #[test]
    fn each_fault_gives_back_what_it_cost() {
        let above = ChargeFacts { price: Some(yuan("59")), ..charge("95.004") };
        assert_eq!(said("95.00", &[above]), (vec![Finding::AbovePrice], "36.00".to_owned(), false));
        let twice = ChargeFacts { charged_twice: yuan("9.90"), ..charge("9.90") };
        assert_eq!(said("19.80", &[charge("9.90"), twice]), (vec![Finding::ChargedTwice], "9.90".to_owned(), false));
        let ended = ChargeFacts { after_end: yuan("0.30"), price: None, ..charge("1.20") };
        assert_eq!(said("1.20", &[ended]), (vec![Finding::AfterEnd], "0.30".to_owned(), false));
        let unsold = ChargeFacts { was_on_sale: false, ..charge("9.905") };
        assert_eq!(said("9.91", &[unsold]), (vec![Finding::NotOnSale], "9.91".to_owned(), false));
    }

    fn any_charge() -> impl Strategy<Value = ChargeFacts> {
        let proof =
            prop_oneof![3 => Just(holds()), 1 => Just(Proof::Missing), 1 => Just(Proof::Broken("x".to_owned()))];
        (proof, any::<bool>(), 1_i64..200_000_000, prop::option::of(0_i64..200_000_000), 0_u8..4, 0_u8..4).prop_map(
            |(proof, was_on_sale, amount, price, ended, twice)| {
                let amount = Decimal::new(amount, 6);
                ChargeFacts {
                    kind: ChargeKind::Recurring,
                    amount,
                    proof,
                    was_on_sale,
                    price: price.map(|price| Decimal::new(price, 6)),
                    after_end: amount * Decimal::from(ended) / Decimal::from(3),
                    charged_twice: amount * Decimal::from(twice) / Decimal::from(3),
                }
            },
        )
    }

    proptest! {
        #[test]
        fn no_more_than_the_line_goes_back_and_only_for_a_reason(
            charges in prop::collection::vec(any_charge(), 0..6),
            sixths in 0_u8..=6,
        ) {
            let line_amount = round_to_fen(charges.iter().map(|charge| charge.amount).sum());
            let returned = round_to_fen(line_amount * Decimal::from(sixths) / Decimal::from(6));
            let facts = Facts { line_amount, returned, charges };
            let said = suggest(&facts);
            prop_assert!(said.refund >= Decimal::ZERO && said.refund + returned <= line_amount);
            prop_assert!(said.refund.scale() <= 2);
            prop_assert!(!said.findings.is_empty() && said.findings.is_sorted());
            let is_agreed = facts.charges.iter().any(|charge| matches!(charge.proof, Proof::Holds { .. }));
            let is_left = returned < line_amount;
            prop_assert_eq!(said.is_certain, !facts.charges.is_empty() && !is_agreed && is_left);
            prop_assert!(!said.is_certain || said.refund == line_amount - returned);
            if said.findings == [Finding::InOrder] || said.findings == [Finding::Unknown] {
                prop_assert!(said.refund.is_zero());
            }
        }

        #[test]
        fn findings_are_read_back(at in 0..Finding::ALL.len()) {
            prop_assert_eq!(Finding::named(Finding::ALL[at].as_str()), Some(Finding::ALL[at]));
        }
    }
}
