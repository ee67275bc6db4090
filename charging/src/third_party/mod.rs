//! 手机代扣费 What is collected on the bill for others: an order like any other, at a price on public display, with its own proof of
//! consent. It starts nothing and comes once.

#[cfg(feature = "postgres")]
pub mod store;

use std::fmt;
use std::str::FromStr;

/// Most characters of a platform's number of an order.
pub const REFERENCE_CHARS_MAX: usize = 64;

/// A platform for whom is collected: small letters, digits and `_`, 2 to 31 of them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PlatformId(String);

/// It names no platform.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` cannot be the name of a platform")]
pub struct InvalidPlatformId(String);

impl PlatformId {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for PlatformId {
    type Err = InvalidPlatformId;

    fn from_str(text: &str) -> Result<Self, InvalidPlatformId> {
        let is_allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        let is_name = (2..=31).contains(&text.len())
            && text.starts_with(|c: char| c.is_ascii_lowercase())
            && text.chars().all(is_allowed);
        if is_name { Ok(Self(text.to_owned())) } else { Err(InvalidPlatformId(text.chars().take(40).collect())) }
    }
}

impl fmt::Display for PlatformId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_as_the_schema_wants_them() {
        assert!("star_games".parse::<PlatformId>().is_ok());
        for text in ["", "a", "1a", "Star", "星空", "a b", &"a".repeat(32)] {
            assert!(text.parse::<PlatformId>().is_err(), "{text}");
        }
    }
}
