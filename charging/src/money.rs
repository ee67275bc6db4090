//! Amounts of yuan: exact decimals, never floats.

use rust_decimal::{Decimal, RoundingStrategy};

/// The largest amount that any input may name, in yuan.
pub const AMOUNT_MAX_YUAN: Decimal = Decimal::from_parts(100_000_000, 0, 0, false, 0);

/// Rounds half up to the fen (0.01 yuan), as a bill line is.
pub fn round_to_fen(exact: Decimal) -> Decimal {
    let mut rounded = exact.round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero);
    rounded.rescale(2);
    rounded
}

/// Rounds half up to 6 places, as a charge is after a division.
pub fn round_exact(amount: Decimal) -> Decimal {
    amount.round_dp_with_strategy(6, RoundingStrategy::MidpointAwayFromZero)
}

/// A share of an amount: `amount × part ÷ whole`, rounded half up to 6 places. `None` when `whole` is zero.
pub fn share(amount: Decimal, part: u32, whole: u32) -> Option<Decimal> {
    amount.checked_mul(part.into())?.checked_div(whole.into()).map(round_exact)
}

/// An amount with at least two decimals and no needless zeros after them: `3.00`, `12.345`.
pub fn plain(amount: Decimal) -> String {
    let mut amount = amount.normalize();
    if amount.scale() < 2 {
        amount.rescale(2);
    }
    amount.to_string()
}

/// Why a text is not an amount.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAmount {
    #[error("`{0}` is not an amount such as 99.00")]
    NotANumber(String),
    #[error("`{0}` is below zero")]
    Negative(String),
    #[error("`{0}` has more than 2 decimals")]
    TooFine(String),
    #[error("`{0}` is more than 100000000")]
    TooLarge(String),
}

/// Reads a price as tariff files write it: yuan, at least zero, at most two decimals. A unit price may have six.
pub fn parse_amount(text: &str, decimals_max: u32) -> Result<Decimal, InvalidAmount> {
    let shown = || text.chars().take(40).collect::<String>();
    let plain_digits = !text.is_empty() && text.chars().all(|c| c.is_ascii_digit() || c == '.' || c == '-');
    let amount = plain_digits
        .then(|| Decimal::from_str_exact(text).ok())
        .flatten()
        .ok_or_else(|| InvalidAmount::NotANumber(shown()))?;
    if amount.is_sign_negative() && !amount.is_zero() {
        return Err(InvalidAmount::Negative(shown()));
    }
    if amount.normalize().scale() > decimals_max {
        return Err(InvalidAmount::TooFine(shown()));
    }
    if amount > AMOUNT_MAX_YUAN {
        return Err(InvalidAmount::TooLarge(shown()));
    }
    Ok(amount)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_fen_rounds_up() {
        let fen = |text: &str| round_to_fen(text.parse().unwrap()).to_string();
        assert_eq!(fen("12.345"), "12.35");
        assert_eq!(fen("12.344999"), "12.34");
        assert_eq!(fen("3"), "3.00");
    }

    #[test]
    fn a_third_of_a_month_is_exact_to_six_places() {
        assert_eq!(share(Decimal::from(100), 10, 30).unwrap().to_string(), "33.333333");
        assert_eq!(share(Decimal::ONE, 1, 0), None);
    }

    #[test]
    fn only_amounts_are_read_as_amounts() {
        for text in ["", "1e3", "0x1", "¥3", "3.001", "-1", "1,000", "1_000", "+1", "999999999999", "NaN"] {
            assert!(parse_amount(text, 2).is_err(), "{text}");
        }
        assert_eq!(parse_amount("0.03", 2).unwrap().to_string(), "0.03");
        assert_eq!(parse_amount("100000000", 2), Ok(AMOUNT_MAX_YUAN));
        assert_eq!(parse_amount("100000000.01", 2), Err(InvalidAmount::TooLarge("100000000.01".to_owned())));
        assert_eq!(parse_amount("-1", 2), Err(InvalidAmount::Negative("-1".to_owned())));
        assert_eq!(parse_amount("-0", 2), Ok(Decimal::ZERO));
    }

    #[test]
    fn amounts_are_shown_with_the_fen_and_no_needless_zeros() {
        for (amount, shown) in
            [("3", "3.00"), ("100", "100.00"), ("0.5", "0.50"), ("0.29", "0.29"), ("12.3450", "12.345")]
        {
            assert_eq!(plain(amount.parse().unwrap()), shown);
        }
    }
}
