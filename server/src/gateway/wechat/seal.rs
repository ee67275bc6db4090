//! `AEAD_AES_256_GCM`: what only the holder of the `APIv3` key can read.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use serde::Deserialize;

/// The one algorithm that there is.
const ALGORITHM: &str = "AEAD_AES_256_GCM";

/// `APIv3`密钥: 32 characters that the merchant chose.
#[derive(Clone)]
pub struct ApiKey(LessSafeKey);

impl std::fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ApiKey")
    }
}

/// The text is no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an APIv3 key has exactly 32 characters")]
pub struct InvalidApiKey;

/// It was not sealed with our key, or is not what was sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotSealed {
    #[error("it is sealed by another algorithm than {ALGORITHM}")]
    Algorithm,
    #[error("it is not sealed with this APIv3 key")]
    Key,
}

/// Something sealed, as it stands in messages.
#[derive(Debug, Deserialize)]
pub struct Sealed {
    algorithm: String,
    nonce: String,
    #[serde(default)]
    associated_data: String,
    ciphertext: String,
}

impl std::str::FromStr for ApiKey {
    type Err = InvalidApiKey;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let key = UnboundKey::new(&AES_256_GCM, text.as_bytes()).map_err(|_| InvalidApiKey)?;
        Ok(Self(LessSafeKey::new(key)))
    }
}

impl ApiKey {
    /// What was sealed.
    ///
    /// # Errors
    /// When it was not sealed so.
    pub fn open(&self, sealed: &Sealed) -> Result<Vec<u8>, NotSealed> {
        if sealed.algorithm != ALGORITHM {
            return Err(NotSealed::Algorithm);
        }
        let nonce = Nonce::try_assume_unique_for_key(sealed.nonce.as_bytes()).map_err(|_| NotSealed::Key)?;
        let mut text = STANDARD.decode(&sealed.ciphertext).map_err(|_| NotSealed::Key)?;
        let data = Aad::from(sealed.associated_data.as_bytes());
        let length = self.0.open_in_place(nonce, data, &mut text).map_err(|_| NotSealed::Key)?.len();
        text.truncate(length);
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "EXAMPLE-API-V3-KEY-0123456789abc";

    // Written by Node's crypto: createCipheriv('aes-256-gcm', KEY, nonce), setAAD, base64 of text and tag.
    fn sealed() -> Sealed {
        Sealed {
            algorithm: ALGORITHM.to_owned(),
            nonce: "fdasflkja484".to_owned(),
            associated_data: "transaction".to_owned(),
            ciphertext: "Ejw7lhV/FhbfFapyUspnupWg9bAhULsUSD3oEWSO60IMI8wilskbRO02aSfrBHVCp/gRskd/iNaZMu7lv6E="
                .to_owned(),
        }
    }

    #[test]
    fn what_another_program_sealed_is_opened() {
        let opened = KEY.parse::<ApiKey>().unwrap().open(&sealed()).unwrap();
        assert_eq!(String::from_utf8(opened).unwrap(), r#"{"out_trade_no":"MB1","trade_state":"SUCCESS"}"#);
    }

    #[test]
    fn whatever_is_altered_is_not_opened() {
        let key: ApiKey = KEY.parse().unwrap();
        let other: ApiKey = KEY.replace('E', "F").parse().unwrap();
        assert_eq!(other.open(&sealed()), Err(NotSealed::Key));
        let alter: [fn(&mut Sealed); 5] = [
            |sealed| sealed.nonce = "fdasflkja485".to_owned(),
            |sealed| sealed.nonce.clear(),
            |sealed| sealed.associated_data = "refund".to_owned(),
            |sealed| sealed.ciphertext.replace_range(..1, if sealed.ciphertext.starts_with('A') { "B" } else { "A" }),
            |sealed| sealed.ciphertext = "no base64".to_owned(),
        ];
        for alter in alter {
            let mut sealed = sealed();
            alter(&mut sealed);
            assert_eq!(key.open(&sealed), Err(NotSealed::Key), "{sealed:?}");
        }
        let other = Sealed { algorithm: "AEAD_SM4_GCM".to_owned(), ..sealed() };
        assert_eq!(key.open(&other), Err(NotSealed::Algorithm));
    }

    #[test]
    fn a_key_has_32_characters() {
        assert!("".parse::<ApiKey>().is_err() && KEY[1..].parse::<ApiKey>().is_err());
        assert!(format!("{KEY}0").parse::<ApiKey>().is_err());
    }
}
