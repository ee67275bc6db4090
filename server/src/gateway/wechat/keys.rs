//! The platform's keys: the one that the merchant was given, or the certificates that it hands out.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use http::Method;
use http::header::HeaderMap;
use tokio::sync::{Mutex, RwLock};

use super::messages::Certificates;
use super::sign::{NotSigned, PlatformKey, Signature};
use super::{GatewayError, WechatPay};

/// Certificates are not downloaded more often, whoever names what serial.
const DOWNLOAD_EVERY: TimeDelta = TimeDelta::minutes(1);
/// Unless they did not come.
const DOWNLOAD_AGAIN: TimeDelta = TimeDelta::seconds(1);
/// Certificates of the platform that are kept.
const CERTIFICATES_MAX: usize = 16;

/// What signatures are verified with, by serial.
#[derive(Debug)]
pub struct PlatformKeys {
    /// Whether certificates are downloaded.
    downloads: bool,
    known: RwLock<HashMap<String, Dated>>,
    /// From when on they may be downloaded. Whoever needs a key waits for the one who downloads.
    next_at: Mutex<Option<DateTime<Utc>>>,
}

#[derive(Clone, Debug)]
struct Dated {
    key: PlatformKey,
    /// `None`: it has no end.
    until: Option<DateTime<Utc>>,
}

impl PlatformKeys {
    pub fn new(given: Option<(String, PlatformKey)>) -> Self {
        let downloads = given.is_none();
        let keys = given.into_iter().map(|(serial, key)| (serial, Dated { key, until: None })).collect();
        Self { downloads, known: RwLock::new(keys), next_at: Mutex::new(None) }
    }

    async fn find(&self, serial: &str, now: DateTime<Utc>) -> Option<PlatformKey> {
        let known = self.known.read().await;
        known.get(serial).filter(|dated| dated.until.is_none_or(|until| now < until)).map(|dated| dated.key.clone())
    }
}

impl WechatPay {
    /// Whether the platform signed this, just now. A serial that is not known yet may be that of a new certificate.
    ///
    /// # Errors
    /// When it did not, or its key is not to be had.
    pub(super) async fn verify(&self, headers: &HeaderMap, body: &[u8]) -> Result<(), GatewayError> {
        let signature = Signature::of(headers)?;
        let now = self.clock.now();
        let mut key = self.keys.find(&signature.serial, now).await;
        if key.is_none() && self.keys.downloads {
            self.renew(&signature.serial, now).await?;
            key = self.keys.find(&signature.serial, now).await;
        }
        let key = key.ok_or_else(|| NotSigned::UnknownKey(super::excerpt(&signature.serial)))?;
        Ok(signature.verify(&key, body, now)?)
    }

    /// Downloads the certificates, if it is time to, and nobody brought this one meanwhile.
    async fn renew(&self, serial: &str, now: DateTime<Utc>) -> Result<(), GatewayError> {
        let mut next_at = self.keys.next_at.lock().await;
        if self.keys.find(serial, now).await.is_some() || next_at.is_some_and(|at| now < at) {
            return Ok(());
        }
        *next_at = Some(now + DOWNLOAD_AGAIN);
        self.download_certificates().await?;
        *next_at = Some(now + DOWNLOAD_EVERY);
        Ok(())
    }

    /// Takes the certificates that are sealed with our key, if the answer is signed by one of them.
    async fn download_certificates(&self) -> Result<(), GatewayError> {
        let (status, headers, body) = self.exchange(Method::GET, "/v3/certificates", Vec::new()).await?;
        if !status.is_success() {
            let (code, message) = ("certificates".to_owned(), "they are not handed out".to_owned());
            return Err(GatewayError::NotNow { status: status.as_u16(), code, message });
        }
        let unreadable = |error: &dyn std::error::Error| GatewayError::Unreadable(format!("certificates: {error}"));
        let Certificates { data } = serde_json::from_slice(&body).map_err(|error| unreadable(&error))?;
        let now = self.clock.now();
        let mut keys = HashMap::new();
        let current = data.into_iter().filter(|one| one.effective_time <= now && now < one.expire_time);
        for certificate in current.take(CERTIFICATES_MAX) {
            let pem =
                self.account.api_key.open(&certificate.encrypt_certificate).map_err(|error| unreadable(&error))?;
            let key = PlatformKey::from_certificate(&pem).map_err(|error| unreadable(&error))?;
            keys.insert(certificate.serial_no, Dated { key, until: Some(certificate.expire_time.to_utc()) });
        }
        let signature = Signature::of(&headers)?;
        let signed_by = keys.get(&signature.serial);
        let signed_by = signed_by.ok_or_else(|| NotSigned::UnknownKey(super::excerpt(&signature.serial)))?;
        signature.verify(&signed_by.key, &body, now)?;
        tracing::info!(certificates = keys.len(), "the gateway's certificates were downloaded");
        *self.keys.known.write().await = keys;
        Ok(())
    }
}
