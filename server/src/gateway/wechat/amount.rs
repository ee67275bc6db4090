//! Amounts as the gateway counts them: whole fen.

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive as _;

/// The most that one payment can be, in fen: what fits the gateway's `int`.
const FEN_MAX: i64 = i32::MAX as i64;

/// The amount cannot be told to the gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} yuan is not an amount of whole fen above zero that a payment can have")]
pub struct NotFen(pub Decimal);

/// Yuan in fen, exactly.
///
/// # Errors
/// When a part of a fen would be lost, or the amount is none that can be paid.
pub fn to_fen(yuan: Decimal) -> Result<i64, NotFen> {
    let fen = yuan.checked_mul(Decimal::ONE_HUNDRED).filter(|fen| fen.fract().is_zero()).and_then(|fen| fen.to_i64());
    fen.filter(|fen| (1..=FEN_MAX).contains(fen)).ok_or(NotFen(yuan))
}

/// Fen in yuan.
pub fn from_fen(fen: i64) -> Decimal {
    Decimal::new(fen, 2)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_fen_is_read_back(fen in 1..=FEN_MAX) {
            prop_assert_eq!(to_fen(from_fen(fen)), Ok(fen));
        }

        #[test]
        fn no_part_of_a_fen_is_lost(exact in 1_i64..10_000_000_000) {
            let yuan = Decimal::new(exact, 6);
            match to_fen(yuan) {
                Ok(fen) => prop_assert_eq!(from_fen(fen), yuan),
                Err(_) => prop_assert!(exact % 10_000 != 0 || exact / 10_000 > FEN_MAX),
            }
        }
    }

    #[test]
    fn what_nobody_can_pay_is_refused() {
        for text in ["0", "-0.01", "0.001", "21474836.48", "79228162514264337593543950335"] {
            let yuan: Decimal = text.parse().unwrap();
            assert_eq!(to_fen(yuan), Err(NotFen(yuan)), "{text}");
        }
        assert_eq!(to_fen("95.00".parse().unwrap()), Ok(9500));
    }
}
