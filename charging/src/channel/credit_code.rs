//! 统一社会信用代码 The number by which a company is registered (GB 32100-2015): 17 characters and one that checks them.

use std::fmt;
use std::str::FromStr;

/// What it is written with, each worth its place: I, O, S, V and Z are left out.
const ALPHABET: &str = "0123456789ABCDEFGHJKLMNPQRTUWXY";
const LENGTH: usize = 18;
/// The weight of a place is a power of it.
const BASE: usize = 3;

/// A unified social credit code whose last character fits the others.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CreditCode(String);

/// It is the code of no company.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a unified social credit code has 18 digits and capital letters, of which the last checks the others")]
pub struct InvalidCreditCode;

impl CreditCode {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What the last character must be worth.
fn check_value(values: &[usize]) -> usize {
    let weights = std::iter::successors(Some(1), |weight| Some(weight * BASE % ALPHABET.len()));
    let sum: usize = values.iter().zip(weights).map(|(value, weight)| value * weight).sum();
    (ALPHABET.len() - sum % ALPHABET.len()) % ALPHABET.len()
}

impl FromStr for CreditCode {
    type Err = InvalidCreditCode;

    fn from_str(text: &str) -> Result<Self, InvalidCreditCode> {
        let code = text.trim().to_ascii_uppercase();
        let values: Vec<usize> = code.chars().map_while(|c| ALPHABET.find(c)).collect();
        let is_read = code.len() == LENGTH && values.len() == LENGTH;
        let is_code = is_read && check_value(&values[..LENGTH - 1]) == values[LENGTH - 1];
        if is_code { Ok(Self(code)) } else { Err(InvalidCreditCode) }
    }
}

impl fmt::Display for CreditCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Whatever the first 17 are, with the character that checks them.
    fn completed(first: &str) -> String {
        let values: Vec<usize> = first.chars().map(|c| ALPHABET.find(c).unwrap()).collect();
        format!("{first}{}", ALPHABET.chars().nth(check_value(&values)).unwrap())
    }

    #[test]
    fn codes_of_the_standard_and_of_companies_are_taken() {
        // The example of GB 32100-2015, and three that are printed on what the companies publish.
        for code in ["91350100M000100Y43", "91440300708461136T", "91330100799655058B", " 91350100m000100y43 "] {
            assert!(code.parse::<CreditCode>().is_ok(), "{code}");
        }
        assert_eq!("91350100m000100y43".parse::<CreditCode>().unwrap().as_str(), "91350100M000100Y43");
    }

    #[test]
    fn others_are_not() {
        for text in ["", "91350100M000100Y44", "91350100M000100Y4", "91350100M000100Y433", "9135O100M000100Y43", "统一"]
        {
            assert_eq!(text.parse::<CreditCode>(), Err(InvalidCreditCode), "{text}");
        }
    }

    proptest! {
        #[test]
        fn one_wrong_character_shows(first in "[0-9A-HJ-NP-RTUWXY]{17}", at in 0..18_usize, other in 0..31_usize) {
            let code = completed(&first);
            prop_assert!(code.parse::<CreditCode>().is_ok(), "{}", code);
            let mut wrong: Vec<char> = code.chars().collect();
            wrong[at] = ALPHABET.chars().nth(other).unwrap();
            let wrong: String = wrong.into_iter().collect();
            prop_assert_eq!(wrong.parse::<CreditCode>().is_ok(), wrong == code);
        }
    }
}
