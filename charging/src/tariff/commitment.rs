//! 在网要求 and 违约责任 as data: for how many months a subscriber binds himself, and what leaving earlier costs.
//!
//! The four formulas are those that operators display most (违约金 of about 9,000 clauses on public display in July 2026): so
//! much for each month left, with or without a percentage; what each month's discount came to until then; one amount; one
//! amount by the share of the months left.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::terms::TermsError;
use crate::money::{parse_amount, plain, round_to_fen};

/// Fewest months of a commitment: the first is free to leave, and in the last nothing is left.
pub const MONTHS_MIN: u32 = 3;
/// Most months of a commitment.
pub const MONTHS_MAX: u32 = 60;
/// Fewest months that have run when a penalty is due: who decides in the first month pays none.
const USED_MIN: u32 = 2;

/// For how long, and what leaving earlier costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "CommitmentFile", into = "CommitmentFile")]
pub struct Commitment {
    /// Calendar months, the one in which it begins included.
    pub months: u32,
    pub formula: Formula,
}

/// How a penalty is worked out; amounts in yuan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Formula {
    /// price × months left × percent ÷ 100.
    RemainingMonths { price: Decimal, percent: u32 },
    /// price × months that have run, the last one included: the discount that was given until then.
    UsedMonths { price: Decimal },
    /// price, whenever it is.
    Fixed { price: Decimal },
    /// price × months left ÷ months of the commitment.
    Prorated { price: Decimal },
}

/// A penalty with what it was worked out from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Penalty {
    pub commitment: Commitment,
    /// Calendar months that have run when it ends, and those that are left.
    pub used: u32,
    pub left: u32,
    /// Yuan, to the fen, more than zero.
    pub amount: Decimal,
}

impl Commitment {
    /// What it costs when it ends after so many calendar months, the first and the last one included; `None`: nothing, because
    /// no month is left, or it ends in the first.
    pub fn penalty_after(self, used: u32) -> Option<Penalty> {
        let left = self.months.checked_sub(used).filter(|left| *left > 0 && used >= USED_MIN)?;
        let exact = match self.formula {
            Formula::RemainingMonths { price, percent } => {
                price * Decimal::from(left) * Decimal::from(percent) / Decimal::ONE_HUNDRED
            }
            Formula::UsedMonths { price } => price * Decimal::from(used),
            Formula::Fixed { price } => price,
            Formula::Prorated { price } => price * Decimal::from(left) / Decimal::from(self.months),
        };
        let amount = round_to_fen(exact);
        (amount > Decimal::ZERO).then_some(Penalty { commitment: self, used, left, amount })
    }

    /// The most that it can cost, in yuan.
    pub fn penalty_max(self) -> Decimal {
        let amounts = (USED_MIN..self.months).filter_map(|used| self.penalty_after(used));
        amounts.map(|penalty| penalty.amount).max().unwrap_or(Decimal::ZERO)
    }
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ModelName {
    RemainingMonths,
    UsedMonths,
    Fixed,
    Prorated,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PenaltyFile {
    model: ModelName,
    price: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    percent: Option<u32>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CommitmentFile {
    months: u32,
    penalty: PenaltyFile,
}

impl TryFrom<CommitmentFile> for Commitment {
    type Error = TermsError;

    fn try_from(file: CommitmentFile) -> Result<Self, Self::Error> {
        if !(MONTHS_MIN..=MONTHS_MAX).contains(&file.months) {
            return Err(TermsError::CommitmentMonths);
        }
        let price = parse_amount(&file.penalty.price, 2)?;
        let formula = match (file.penalty.model, file.penalty.percent) {
            (ModelName::RemainingMonths, percent) => {
                let percent = percent.unwrap_or(100);
                if !(1..=100).contains(&percent) {
                    return Err(TermsError::PenaltyPercent);
                }
                Formula::RemainingMonths { price, percent }
            }
            (_, Some(_)) => return Err(TermsError::PenaltyPercent),
            (ModelName::UsedMonths, None) => Formula::UsedMonths { price },
            (ModelName::Fixed, None) => Formula::Fixed { price },
            (ModelName::Prorated, None) => Formula::Prorated { price },
        };
        Ok(Self { months: file.months, formula })
    }
}

impl From<Commitment> for CommitmentFile {
    fn from(commitment: Commitment) -> Self {
        let (model, price, percent) = match commitment.formula {
            Formula::RemainingMonths { price, percent } => {
                (ModelName::RemainingMonths, price, (percent != 100).then_some(percent))
            }
            Formula::UsedMonths { price } => (ModelName::UsedMonths, price, None),
            Formula::Fixed { price } => (ModelName::Fixed, price, None),
            Formula::Prorated { price } => (ModelName::Prorated, price, None),
        };
        Self { months: commitment.months, penalty: PenaltyFile { model, price: plain(price), percent } }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn commitment(json: &str) -> Commitment {
        serde_json::from_str(json).unwrap()
    }

    fn costs(commitment: Commitment) -> Vec<String> {
        let amount = |used| commitment.penalty_after(used).map_or_else(|| "0".to_owned(), |p| plain(p.amount));
        (1..=commitment.months + 1).map(amount).collect()
    }

    #[test]
    fn each_formula_is_worked_out_to_the_fen() {
        for (penalty, expected) in [
            (r#""model":"remaining_months","price":"99.99","percent":30"#, ["0", "89.99", "59.99", "30.00", "0", "0"]),
            (r#""model":"remaining_months","price":"10.00""#, ["0", "30.00", "20.00", "10.00", "0", "0"]),
            (r#""model":"used_months","price":"15.00""#, ["0", "30.00", "45.00", "60.00", "0", "0"]),
            (r#""model":"fixed","price":"200.00""#, ["0", "200.00", "200.00", "200.00", "0", "0"]),
            (r#""model":"prorated","price":"100.01""#, ["0", "60.01", "40.00", "20.00", "0", "0"]),
        ] {
            let commitment = commitment(&format!(r#"{{"months":5,"penalty":{{{penalty}}}}}"#));
            assert_eq!(costs(commitment), expected, "{penalty}");
            let again: Commitment = serde_json::from_str(&serde_json::to_string(&commitment).unwrap()).unwrap();
            assert_eq!(again, commitment);
        }
    }

    #[test]
    fn unsound_commitments_are_refused() {
        let good = r#"{"months":12,"penalty":{"model":"remaining_months","price":"59.00","percent":30}}"#;
        commitment(good);
        for (from, to) in [
            ("12", "2"),
            ("12", "61"),
            ("59.00", "59.001"),
            ("\"59.00\"", "59.0"),
            ("59.00", "-1.00"),
            ("30", "0"),
            ("30", "101"),
            ("remaining_months", "fixed"),
            ("remaining_months", "whatever"),
            ("\"months\"", "\"month\""),
        ] {
            let changed = good.replacen(from, to, 1);
            assert_ne!(changed, good);
            assert!(serde_json::from_str::<Commitment>(&changed).is_err(), "{from} -> {to}");
        }
    }

    fn any_commitment() -> impl Strategy<Value = Commitment> {
        (MONTHS_MIN..=MONTHS_MAX, 0_i64..100_000_000, 1_u32..=100, 0..4).prop_map(|(months, fen, percent, model)| {
            let price = Decimal::new(fen, 2);
            let formula = match model {
                0 => Formula::RemainingMonths { price, percent },
                1 => Formula::UsedMonths { price },
                2 => Formula::Fixed { price },
                _ => Formula::Prorated { price },
            };
            Commitment { months, formula }
        })
    }

    proptest! {
        #[test]
        fn never_below_zero_nor_above_its_maximum_and_nothing_after_its_months(
            commitment in any_commitment(), used in 0_u32..200,
        ) {
            match commitment.penalty_after(used) {
                Some(penalty) => {
                    prop_assert!(penalty.amount > Decimal::ZERO && penalty.amount <= commitment.penalty_max());
                    prop_assert!(penalty.amount.normalize().scale() <= 2);
                    prop_assert!(used < commitment.months && penalty.used + penalty.left == commitment.months);
                }
                None => prop_assert!(used < USED_MIN || used >= commitment.months || commitment.penalty_max() < Decimal::ONE),
            }
        }

        #[test]
        fn what_is_paid_for_months_left_never_grows(commitment in any_commitment(), used in USED_MIN..60) {
            let amount = |used| commitment.penalty_after(used).map_or(Decimal::ZERO, |penalty| penalty.amount);
            if !matches!(commitment.formula, Formula::UsedMonths { .. }) {
                prop_assert!(amount(used + 1) <= amount(used));
            }
        }
    }
}
