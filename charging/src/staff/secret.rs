//! What is kept from whoever reads the database alone: TOTP secrets are sealed, and enrolment links cannot be made, without the
//! staff key.

use std::fmt;
use std::str::FromStr;

use rand::CryptoRng;
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hmac::{self, HMAC_SHA256};

use crate::channel::ChannelId;

/// Bytes of the key.
const KEY_BYTES: usize = 32;

/// The operator's staff key, of which everything is derived. It is told to the program (`MINGBAI_STAFF_KEY`), never stored in
/// the database.
#[derive(Clone)]
pub struct StaffKey {
    seal: LessSafeKey,
    link: hmac::Key,
    channel: hmac::Key,
}

/// Whose a TOTP secret is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    Account(i64),
    /// A browser that shows the page of this enrolment, and has not used it yet.
    Enrolment(i64),
}

impl Owner {
    fn to_bytes(self) -> Vec<u8> {
        match self {
            Self::Account(staff_id) => staff_id.to_be_bytes().to_vec(),
            Self::Enrolment(enrolment_id) => [b"enrolment ".as_slice(), &enrolment_id.to_be_bytes()].concat(),
        }
    }
}

/// Why a key or what was sealed with it cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    #[error("a staff key has 64 hexadecimal digits, such as `openssl rand -hex 32` makes")]
    NoKey,
    #[error("a TOTP secret was sealed with another staff key")]
    OtherKey,
    #[error("a secret could not be sealed")]
    Sealing,
}

impl StaffKey {
    /// The key of 32 bytes.
    #[expect(clippy::missing_panics_doc, reason = "a tag of HMAC-SHA-256 has the 32 bytes that the cipher asks for")]
    pub fn new(bytes: &[u8; KEY_BYTES]) -> Self {
        let master = hmac::Key::new(HMAC_SHA256, bytes);
        let derive = |purpose: &str| hmac::sign(&master, purpose.as_bytes());
        let seal = UnboundKey::new(&CHACHA20_POLY1305, derive("mingbai staff totp").as_ref()).expect("32 bytes");
        let link = hmac::Key::new(HMAC_SHA256, derive("mingbai staff enrolment").as_ref());
        let channel = hmac::Key::new(HMAC_SHA256, derive("mingbai channel secret").as_ref());
        Self { seal: LessSafeKey::new(seal), link, channel }
    }

    /// What an agent's channel signs its orders with: 32 bytes, made of the channel and the number of the secret.
    pub fn channel_secret(&self, channel_id: &ChannelId, number: i32) -> [u8; 32] {
        let mut secret = [0; 32];
        secret.copy_from_slice(hmac::sign(&self.channel, format!("{channel_id}/{number}").as_bytes()).as_ref());
        secret
    }

    /// Seals a TOTP secret: nonce, then what only this key opens, for its owner.
    pub(super) fn seal(
        &self,
        owner: Owner,
        secret: &[u8],
        rng: &mut (impl CryptoRng + Send),
    ) -> Result<Vec<u8>, SecretError> {
        let mut nonce = [0; NONCE_LEN];
        rng.fill_bytes(&mut nonce);
        let mut sealed = secret.to_vec();
        let of = Aad::from(owner.to_bytes());
        self.seal
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), of, &mut sealed)
            .map_err(|_| SecretError::Sealing)?;
        Ok([nonce.as_slice(), &sealed].concat())
    }

    pub(super) fn open(&self, owner: Owner, sealed: &[u8]) -> Result<Vec<u8>, SecretError> {
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE_LEN>().ok_or(SecretError::OtherKey)?;
        let mut secret = sealed.to_vec();
        let of = Aad::from(owner.to_bytes());
        let opened = self.seal.open_in_place(Nonce::assume_unique_for_key(*nonce), of, &mut secret);
        Ok(opened.map_err(|_| SecretError::OtherKey)?.to_vec())
    }

    /// What stands in the link of an enrolment: its number, and a code that shows who made it.
    pub(super) fn ticket(&self, enrolment_id: i64) -> String {
        let code = hmac::sign(&self.link, &enrolment_id.to_be_bytes());
        format!("{enrolment_id}-{}", hex::encode(code))
    }

    /// The enrolment of a link; `None`: nobody with the key made it.
    pub(super) fn read_ticket(&self, ticket: &str) -> Option<i64> {
        let (number, code) = ticket.split_once('-').filter(|_| ticket.len() <= 100)?;
        let enrolment_id: i64 = number.parse().ok()?;
        let code = hex::decode(code).ok()?;
        hmac::verify(&self.link, &enrolment_id.to_be_bytes(), &code).ok()?;
        Some(enrolment_id)
    }
}

impl FromStr for StaffKey {
    type Err = SecretError;

    fn from_str(text: &str) -> Result<Self, SecretError> {
        let mut bytes = [0; KEY_BYTES];
        hex::decode_to_slice(text.trim(), &mut bytes).map_err(|_| SecretError::NoKey)?;
        Ok(Self::new(&bytes))
    }
}

impl fmt::Debug for StaffKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StaffKey")
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;
    use rand_chacha::ChaCha20Rng;

    use super::*;

    #[test]
    fn a_secret_is_opened_by_its_key_for_its_account_alone() {
        let (key, other) = (StaffKey::new(&[1; 32]), StaffKey::new(&[2; 32]));
        let rng = &mut ChaCha20Rng::seed_from_u64(1);
        let of = Owner::Account(7);
        let sealed = key.seal(of, b"twenty bytes of hush", rng).unwrap();
        assert!(!sealed.windows(4).any(|part| part == b"hush"));
        assert_eq!(key.open(of, &sealed).unwrap(), b"twenty bytes of hush");
        for other in [Owner::Account(8), Owner::Enrolment(7)] {
            assert_eq!(key.open(other, &sealed), Err(SecretError::OtherKey), "{other:?}");
        }
        assert_eq!(other.open(of, &sealed), Err(SecretError::OtherKey), "another key");
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert_eq!(key.open(of, &changed), Err(SecretError::OtherKey), "byte {at}");
        }
        assert_eq!(key.open(of, &[0; 3]), Err(SecretError::OtherKey));
        assert_ne!(sealed, key.seal(of, b"twenty bytes of hush", rng).unwrap(), "no nonce is used twice");
    }

    #[test]
    fn a_link_cannot_be_made_without_the_key() {
        let (key, other) = (StaffKey::new(&[1; 32]), StaffKey::new(&[2; 32]));
        let ticket = key.ticket(12);
        assert_eq!(key.read_ticket(&ticket), Some(12));
        assert_eq!(other.read_ticket(&ticket), None);
        assert_eq!(key.read_ticket(&ticket.replace("12-", "13-")), None);
        for wrong in ["", "12", "12-", "-ff", "12-zz", &"9".repeat(200)] {
            assert_eq!(key.read_ticket(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn every_secret_of_every_channel_is_another() {
        let (key, other) = (StaffKey::new(&[1; 32]), StaffKey::new(&[2; 32]));
        let [one, two]: [ChannelId; 2] = ["QD000001", "QD000002"].map(|id| id.parse().unwrap());
        assert_eq!(key.channel_secret(&one, 1), key.channel_secret(&one, 1));
        assert_ne!(key.channel_secret(&one, 1), key.channel_secret(&one, 2));
        assert_ne!(key.channel_secret(&one, 1), key.channel_secret(&two, 1));
        assert_ne!(key.channel_secret(&one, 1), other.channel_secret(&one, 1));
    }

    #[test]
    fn a_key_is_64_hexadecimal_digits() {
        assert!("0f".repeat(32).parse::<StaffKey>().is_ok());
        for text in ["", "0f", &"0f".repeat(33), &"zz".repeat(32)] {
            assert_eq!(text.parse::<StaffKey>().err(), Some(SecretError::NoKey), "{text}");
        }
    }
}
