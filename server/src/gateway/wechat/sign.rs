//! `WECHATPAY2-SHA256-RSA2048`: requests that the merchant signs, answers and callbacks that the platform signs.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, TimeDelta, Utc};
use http::header::{HeaderMap, HeaderName};
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer, SubjectPublicKeyInfoDer};
use webpki::ring::RSA_PKCS1_2048_8192_SHA256;
use webpki::{EndEntityCert, RawPublicKeyEntity};

const SCHEME: &str = "WECHATPAY2-SHA256-RSA2048";
/// Names the key that signed, or, in a request, the one that is to sign the answer.
pub const SERIAL: HeaderName = HeaderName::from_static("wechatpay-serial");
const TIMESTAMP: HeaderName = HeaderName::from_static("wechatpay-timestamp");
const NONCE: HeaderName = HeaderName::from_static("wechatpay-nonce");
const SIGNATURE: HeaderName = HeaderName::from_static("wechatpay-signature");
/// Nothing is believed that was signed so much before or after the present.
pub const TOLERANCE: TimeDelta = TimeDelta::minutes(5);

/// The merchant, and the key of the merchant's API certificate.
pub struct Merchant {
    /// 商户号
    pub id: String,
    /// 商户API证书序列号
    serial: String,
    key: RsaKeyPair,
}

impl std::fmt::Debug for Merchant {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Merchant").field("id", &self.id).field("serial", &self.serial).finish_non_exhaustive()
    }
}

/// It cannot be signed or verified with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKey {
    #[error("it is not an RSA key of 2048 bits or more in PEM, between BEGIN PRIVATE KEY and END PRIVATE KEY")]
    Private,
    #[error("it is not a public key in PEM, between BEGIN PUBLIC KEY and END PUBLIC KEY")]
    Public,
    #[error("it is not a certificate in PEM")]
    Certificate,
}

impl Merchant {
    /// # Errors
    /// When the key is none.
    pub fn new(id: &str, serial: &str, key_pem: &str) -> Result<Self, InvalidKey> {
        let der = PrivatePkcs8KeyDer::from_pem_slice(key_pem.as_bytes()).map_err(|_| InvalidKey::Private)?;
        let key = RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()).map_err(|_| InvalidKey::Private)?;
        Ok(Self { id: id.to_owned(), serial: serial.to_owned(), key })
    }

    /// What the header `Authorization` of a request says. `url` is path and query.
    ///
    /// # Errors
    /// When the key cannot sign.
    pub fn authorization(
        &self,
        method: &http::Method,
        url: &str,
        body: &[u8],
        nonce: &str,
        at: DateTime<Utc>,
    ) -> Result<String, ring::error::Unspecified> {
        let seconds = at.timestamp().to_string();
        let message = [method.as_str().as_bytes(), url.as_bytes(), seconds.as_bytes(), nonce.as_bytes(), body];
        let mut signature = vec![0; self.key.public().modulus_len()];
        self.key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), &lines(&message), &mut signature)?;
        let (id, serial, signature) = (&self.id, &self.serial, STANDARD.encode(signature));
        Ok(format!(
            r#"{SCHEME} mchid="{id}",nonce_str="{nonce}",signature="{signature}",timestamp="{seconds}",serial_no="{serial}""#
        ))
    }
}

/// What the platform's signatures are verified with.
#[derive(Clone, Debug)]
pub struct PlatformKey(SubjectPublicKeyInfoDer<'static>);

impl PlatformKey {
    /// 微信支付公钥
    ///
    /// # Errors
    /// When it is none.
    pub fn from_public_key(pem: &str) -> Result<Self, InvalidKey> {
        let key = SubjectPublicKeyInfoDer::from_pem_slice(pem.as_bytes()).map_err(|_| InvalidKey::Public)?;
        RawPublicKeyEntity::try_from(&key).map_err(|_| InvalidKey::Public)?;
        Ok(Self(key))
    }

    /// 微信支付平台证书
    ///
    /// # Errors
    /// When it is none.
    pub fn from_certificate(pem: &[u8]) -> Result<Self, InvalidKey> {
        let certificate = CertificateDer::from_pem_slice(pem).map_err(|_| InvalidKey::Certificate)?;
        let certificate = EndEntityCert::try_from(&certificate).map_err(|_| InvalidKey::Certificate)?;
        Ok(Self(certificate.subject_public_key_info()))
    }
}

/// Why a message is not taken for the platform's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotSigned {
    #[error("Wechatpay-Timestamp, Wechatpay-Nonce, Wechatpay-Signature or Wechatpay-Serial is missing or not readable")]
    Headers,
    #[error("Wechatpay-Timestamp is more than {} minutes from the present", TOLERANCE.num_minutes())]
    Time,
    #[error("Wechatpay-Serial `{0}` names no key of the platform that is known here")]
    UnknownKey(String),
    #[error("Wechatpay-Signature is of another key or another message")]
    Signature,
}

/// The signature of a message, as its headers have it.
#[derive(Clone, Debug)]
pub struct Signature {
    /// Which key is said to have signed.
    pub serial: String,
    seconds: String,
    nonce: String,
    bytes: Vec<u8>,
}

impl Signature {
    /// # Errors
    /// When there is none.
    pub fn of(headers: &HeaderMap) -> Result<Self, NotSigned> {
        let header = |name| headers.get(name).and_then(|value| value.to_str().ok()).ok_or(NotSigned::Headers);
        // A signature that is no base64 is one that nobody made: the platform sends such to see whether it is verified.
        let signature = STANDARD.decode(header(SIGNATURE)?).map_err(|_| NotSigned::Signature)?;
        Ok(Self {
            serial: header(SERIAL)?.to_owned(),
            seconds: header(TIMESTAMP)?.to_owned(),
            nonce: header(NONCE)?.to_owned(),
            bytes: signature,
        })
    }

    /// Whether this key signed this body, just now.
    ///
    /// # Errors
    /// When it did not.
    pub fn verify(&self, key: &PlatformKey, body: &[u8], now: DateTime<Utc>) -> Result<(), NotSigned> {
        let at = self.seconds.parse().ok().and_then(|seconds| DateTime::from_timestamp(seconds, 0));
        if (at.ok_or(NotSigned::Headers)? - now).abs() > TOLERANCE {
            return Err(NotSigned::Time);
        }
        let message = lines(&[self.seconds.as_bytes(), self.nonce.as_bytes(), body]);
        let key = RawPublicKeyEntity::try_from(&key.0).map_err(|_| NotSigned::Signature)?;
        let verified = key.verify_signature(RSA_PKCS1_2048_8192_SHA256, &message, &self.bytes);
        verified.map_err(|_| NotSigned::Signature)
    }
}

/// Each part and a line feed, also after the last.
fn lines(parts: &[&[u8]]) -> Vec<u8> {
    parts.iter().flat_map(|part| [*part, b"\n"]).collect::<Vec<_>>().concat()
}

#[cfg(test)]
mod tests {
    use http::Method;
    use proptest::prelude::*;

    use super::*;

    const MERCHANT: &str = include_str!("../../demo/gateway/keys/merchant.pem");
    const PLATFORM: &str = include_str!("../../demo/gateway/keys/platform-public.pem");
    const CERTIFICATE: &[u8] = include_bytes!("../../demo/gateway/keys/platform-certificate.pem");

    // Both signatures are written by `openssl dgst -sha256 -sign`.
    const SIGNED_REQUEST: &str = "S0uFxnZAxCoTUlPgPgapVmGkixLJOh+theF20fEcBtv6KD4eZyXYzHFbDrfZp1MNUyYt0Xq2rSqHclMyofcBmqlHuepN0BNJDQkgLLyUCWIz6GGKgolwWxIkCuoS9euvchFGuMxJl5aL9qKNpdoHVGsrVIvqZjEWPuTmBqSnINo+85HI1mImWR3lvftBsVn3oofX24gJhw0HBoSP9UuHbORczVaF1hXI7wxmRg+nPZpBGtKehumnj7RS4IYmFrTk1e4/DPKTEspWnOL/Mqu3SanDeZ283NBbNIe/Z1d5WfZtwelxf8GUqb/PGm8haWCYllaspThatHYK2GMZgdLkOA==";
    const SIGNED_ANSWER: &str = "faFgmIN2VxTKhqNKdCAY0vlG6MMFGEhkmaDqvWs4bwpQxQaN4KP9QXdYNPqknhnfVYpZoOZRgvky9T/bwdaTaS9SOkJs5En1wZwiMRiOTnHbdb+0yw/bR6cVvqZQTtjxsaOBmKv5LV9y+Q60oVcYiZLz4kIQ+NqhGksiohJhbNYfRh9gNXHHGIgrOntSppfQvgjHY9ivdJYkl8eEkfFYcvrDp+bFtSpZfbftaphOG7VXGShJqPjkqiyMjfNu7HzLgyLIxX2vnBMqcT+pxPZoVd4cLdfB/CoXNbM6XQjpQ+sIa5Pt79eX0AuIqnLdR5BkfTCCtNLgsu8KbMyBJcEu4Q==";
    const ANSWER: &[u8] = br#"{"code_url":"weixin://wxpay/bizpayurl?pr=p4lpSuKzz"}"#;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    fn headers(timestamp: &str, nonce: &str, signature: &str) -> HeaderMap {
        let headers = [(TIMESTAMP, timestamp), (NONCE, nonce), (SIGNATURE, signature), (SERIAL, "PUB_KEY_ID_1")];
        headers.into_iter().map(|(name, value)| (name, value.parse().unwrap())).collect()
    }

    fn signed() -> HeaderMap {
        headers("1554209980", "c5ac7061fccab6bf3e254dcf98995b8c", SIGNED_ANSWER)
    }

    fn verified(headers: &HeaderMap, body: &[u8], seconds: i64) -> Result<(), NotSigned> {
        Signature::of(headers)?.verify(&PlatformKey::from_public_key(PLATFORM).unwrap(), body, at(seconds))
    }

    #[test]
    fn a_request_is_signed_as_openssl_signs_it() {
        let merchant = Merchant::new("1900000109", "1DDE55AD98ED71D6EDD4A4A16996DE7B47773A8C", MERCHANT).unwrap();
        let nonce = "593BEC0C930BF1AFEB40B4A08C8FB242";
        let body = br#"{"out_trade_no":"MB1"}"#;
        let url = "/v3/pay/transactions/native";
        let header = merchant.authorization(&Method::POST, url, body, nonce, at(1_554_208_460)).unwrap();
        let expected = [
            r#"WECHATPAY2-SHA256-RSA2048 mchid="1900000109""#,
            &format!(r#"nonce_str="{nonce}""#),
            &format!(r#"signature="{SIGNED_REQUEST}""#),
            r#"timestamp="1554208460""#,
            r#"serial_no="1DDE55AD98ED71D6EDD4A4A16996DE7B47773A8C""#,
        ];
        assert_eq!(header, expected.join(","));
    }

    #[test]
    fn what_the_platform_signed_is_verified_by_its_key_and_by_its_certificate() {
        assert_eq!(verified(&signed(), ANSWER, 1_554_209_980), Ok(()));
        let certificate = PlatformKey::from_certificate(CERTIFICATE).unwrap();
        assert_eq!(Signature::of(&signed()).unwrap().verify(&certificate, ANSWER, at(1_554_209_980)), Ok(()));
    }

    #[test]
    fn what_is_old_or_of_the_future_is_not_believed() {
        for (seconds, expected) in
            [(300, Ok(())), (-300, Ok(())), (301, Err(NotSigned::Time)), (-301, Err(NotSigned::Time))]
        {
            assert_eq!(verified(&signed(), ANSWER, 1_554_209_980 + seconds), expected, "{seconds}");
        }
    }

    #[test]
    fn what_another_key_signed_or_nobody_is_not_believed() {
        let merchants =
            PlatformKey::from_public_key(include_str!("../../demo/gateway/keys/merchant-public.pem")).unwrap();
        let signature = Signature::of(&signed()).unwrap();
        assert_eq!(signature.verify(&merchants, ANSWER, at(1_554_209_980)), Err(NotSigned::Signature));
        let probe =
            headers("1554209980", "c5ac7061fccab6bf3e254dcf98995b8c", &format!("WECHATPAY/SIGNTEST/{SIGNED_ANSWER}"));
        assert_eq!(verified(&probe, ANSWER, 1_554_209_980), Err(NotSigned::Signature));
        for name in [TIMESTAMP, NONCE, SIGNATURE, SERIAL] {
            let mut headers = signed();
            headers.remove(&name);
            assert_eq!(verified(&headers, ANSWER, 1_554_209_980), Err(NotSigned::Headers), "{name}");
        }
    }

    proptest! {
        #[test]
        fn one_changed_byte_is_noticed(place in 0..ANSWER.len(), bit in 0..8_u8) {
            let mut altered = ANSWER.to_vec();
            altered[place] ^= 1 << bit;
            prop_assert_eq!(verified(&signed(), &altered, 1_554_209_980), Err(NotSigned::Signature));
        }
    }

    #[test]
    fn what_is_no_key_is_refused() {
        assert_eq!(Merchant::new("1", "2", PLATFORM).unwrap_err(), InvalidKey::Private);
        assert_eq!(PlatformKey::from_public_key(MERCHANT).unwrap_err(), InvalidKey::Public);
        assert_eq!(PlatformKey::from_certificate(PLATFORM.as_bytes()).unwrap_err(), InvalidKey::Certificate);
        assert_eq!(PlatformKey::from_public_key("").unwrap_err(), InvalidKey::Public);
    }
}
