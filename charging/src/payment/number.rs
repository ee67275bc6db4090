//! The numbers under which a gateway knows payments and refunds. They name the row, so that whatever comes back under one is
//! found without a search over all subscribers; the rest of a number is chance, so that none is ever used again.

use std::fmt;
use std::str::FromStr;

/// The text is not a number that was given out here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a number of ours")]
pub struct InvalidNumber(String);

/// 商户订单号 of a payment: `P`, subscriber, payment, and eight digits of chance; at most 32 characters.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PaymentNumber {
    pub subscriber_id: i64,
    pub payment_id: i64,
    nonce: String,
}

/// 商户退款单号 of a part of a refund: `R`, subscriber, refund, part, and eight digits of chance; at most 64 characters.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RefundNumber {
    pub subscriber_id: i64,
    pub refund_id: i64,
    pub part_no: i32,
    nonce: String,
}

const NONCE_DIGITS: usize = 8;

/// Chance for a number.
#[cfg(feature = "postgres")]
pub(crate) fn nonce(rng: &mut impl rand::CryptoRng) -> String {
    format!("{:08x}", rng.next_u32())
}

fn invalid(text: &str) -> InvalidNumber {
    InvalidNumber(text.chars().take(64).collect())
}

/// The parts of a number after its letter; the last is chance.
fn split<const N: usize>(text: &str, letter: char) -> Option<([i64; N], String)> {
    let rest = text.strip_prefix(letter)?;
    let (numbers, nonce) = rest.rsplit_once('-')?;
    let is_chance =
        nonce.len() == NONCE_DIGITS && nonce.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    let numbers: Vec<i64> = numbers.split('-').map(read).collect::<Option<_>>()?;
    is_chance.then_some((numbers.try_into().ok()?, nonce.to_owned()))
}

/// A positive number, written in the one way.
fn read(text: &str) -> Option<i64> {
    let number: i64 = text.parse().ok()?;
    (number > 0 && number.to_string() == text).then_some(number)
}

impl FromStr for PaymentNumber {
    type Err = InvalidNumber;

    fn from_str(text: &str) -> Result<Self, InvalidNumber> {
        let ([subscriber_id, payment_id], nonce) = split(text, 'P').ok_or_else(|| invalid(text))?;
        Ok(Self { subscriber_id, payment_id, nonce })
    }
}

impl fmt::Display for PaymentNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "P{}-{}-{}", self.subscriber_id, self.payment_id, self.nonce)
    }
}

impl FromStr for RefundNumber {
    type Err = InvalidNumber;

    fn from_str(text: &str) -> Result<Self, InvalidNumber> {
        let ([subscriber_id, refund_id, part_no], nonce) = split(text, 'R').ok_or_else(|| invalid(text))?;
        let part_no = i32::try_from(part_no).map_err(|_| invalid(text))?;
        Ok(Self { subscriber_id, refund_id, part_no, nonce })
    }
}

impl fmt::Display for RefundNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "R{}-{}-{}-{}", self.subscriber_id, self.refund_id, self.part_no, self.nonce)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_back_and_nothing_else_is_one() {
        let number: PaymentNumber = "P100234-87-0f3a99c1".parse().unwrap();
        assert_eq!((number.subscriber_id, number.payment_id), (100_234, 87));
        assert_eq!(number.to_string(), "P100234-87-0f3a99c1");
        let number: RefundNumber = "R7-12-3-0f3a99c1".parse().unwrap();
        assert_eq!((number.subscriber_id, number.refund_id, number.part_no), (7, 12, 3));
        assert_eq!(number.to_string(), "R7-12-3-0f3a99c1");
        for text in [
            "",
            "P",
            "P1-2",
            "P1-2-0f3a99c",
            "P01-2-0f3a99c1",
            "P-1-2-0f3a99c1",
            "R1-2-0f3a99c1",
            "P1-2-0F3A99C1",
            "P1-2-0f3a99c1 ",
            "P1-+2-0f3a99c1",
            "P1-2-3-0f3a99c1",
            "P99999999999999999999-2-0f3a99c1",
            "P1-2-微信支付0f",
        ] {
            assert!(text.parse::<PaymentNumber>().is_err(), "{text}");
        }
        assert!("R1-2-9999999999-0f3a99c1".parse::<RefundNumber>().is_err());
    }
}
