//! What an authenticator knows, for tests that sign in.

#![expect(clippy::missing_panics_doc, reason = "a test whose secrets do not open must fail")]

use super::StaffKey;
use super::secret::Owner;
use super::totp::Factor;

/// Opens the stored secret of an account.
pub fn open(key: &StaffKey, staff_id: i64, sealed: &[u8]) -> Vec<u8> {
    key.open(Owner::Account(staff_id), sealed).expect("sealed with this key")
}

/// An authenticator that somebody typed the secret of a page into.
pub fn factor(secret: &str, login: &str) -> Factor {
    let secret = totp_rs::Secret::try_from_base32(secret).expect("base 32");
    Factor::new(secret.as_bytes(), &login.parse().expect("a sign-in name")).expect("a secret")
}
