//! 动态口令 The second factor: six digits that change every 30 seconds (RFC 6238, with SHA-1, as every authenticator has it).

use chrono::{DateTime, Utc};
use rand::CryptoRng;
use totp_rs::{Algorithm, Builder, Secret, Totp};

use super::{Login, SecretError};
use crate::sign_in::code::normalize;

/// Seconds for which a code is shown.
pub const STEP_SECONDS: u64 = 30;
/// Bytes of a secret: what RFC 4226 recommends.
pub const SECRET_BYTES: usize = 20;
/// Steps before and after the present one that are accepted too, for clocks that are not quite right.
const SKEW_STEPS: u16 = 1;
/// Who the account is with, as an authenticator lists it.
const ISSUER: &str = "Mingbai";

/// A new secret.
pub fn new_secret(rng: &mut (impl CryptoRng + Send)) -> [u8; SECRET_BYTES] {
    let mut secret = [0; SECRET_BYTES];
    rng.fill_bytes(&mut secret);
    secret
}

/// The second factor of one account.
pub struct Factor(Totp);

impl Factor {
    /// # Errors
    /// When the secret is none.
    pub fn new(secret: &[u8], login: &Login) -> Result<Self, SecretError> {
        let secret: [u8; SECRET_BYTES] = secret.try_into().map_err(|_| SecretError::OtherKey)?;
        let totp = Builder::new()
            .with_algorithm(Algorithm::SHA1)
            .with_digits(6)
            .with_skew(SKEW_STEPS)
            .with_step_duration(STEP_SECONDS)
            .with_secret(Secret::new_stack(secret))
            .with_issuer(Some(ISSUER))
            .with_account_name(login.as_str())
            .build();
        totp.map(Self).map_err(|_| SecretError::OtherKey)
    }

    /// The time step of a right code; the caller accepts each step once. Full-width digits and spaces are understood.
    pub fn step_of(&self, typed: &str, now: DateTime<Utc>) -> Option<i64> {
        let code = normalize(typed)?;
        self.0.check(&code, u64::try_from(now.timestamp()).ok()?)?.try_into().ok()
    }

    /// The code of the present: for demo mode, and tests.
    pub fn code(&self, now: DateTime<Utc>) -> String {
        self.0.generate(now.timestamp().unsigned_abs()).to_string()
    }

    /// What an authenticator reads from the picture.
    ///
    /// # Errors
    /// When the account cannot stand in an address.
    pub fn url(&self) -> Result<String, SecretError> {
        self.0.to_url().map_err(|_| SecretError::Sealing)
    }

    /// The secret as one types it in: base 32.
    pub fn text(&self) -> String {
        self.0.secret().to_base32()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The secret of RFC 6238, appendix B.
    fn factor() -> Factor {
        Factor::new(b"12345678901234567890", &"li.na".parse().unwrap()).unwrap()
    }

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    #[test]
    fn codes_are_those_of_the_rfc() {
        // Appendix B has eight digits; six are their last six.
        for (seconds, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(factor().code(at(seconds)), code);
            assert_eq!(factor().step_of(code, at(seconds)), Some(seconds / 30));
        }
    }

    #[test]
    fn a_clock_may_be_half_a_minute_wrong() {
        let code = factor().code(at(3000));
        for late in [-30, -1, 0, 29, 59] {
            assert_eq!(factor().step_of(&code, at(3000 + late)), Some(100), "{late} s");
        }
        for late in [-31, 60, 3600] {
            assert_eq!(factor().step_of(&code, at(3000 + late)), None, "{late} s");
        }
        for typed in ["", "12345", "1234567", "abcdef"] {
            assert_eq!(factor().step_of(typed, at(3000)), None, "{typed}");
        }
        let spaced = format!(" {} {}", &code[..3], &code[3..]);
        assert_eq!(factor().step_of(&spaced, at(3000)), Some(100));
    }

    #[test]
    fn an_authenticator_reads_the_address() {
        let url = factor().url().unwrap();
        assert!(url.starts_with("otpauth://totp/Mingbai:li"), "{url}");
        assert!(url.contains("secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ") && url.contains("issuer=Mingbai"), "{url}");
        assert_eq!(factor().text(), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
    }
}
