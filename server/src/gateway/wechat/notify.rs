//! What the gateway tells unasked: signed, and sealed besides.

use http::header::HeaderMap;

use super::WechatPay;
use super::messages::{Callback, RefundAnswer, Transaction};
use super::seal::NotSealed;
use crate::gateway::{Event, GatewayError, PaymentState};

/// Why a callback is not taken.
#[derive(Debug, thiserror::Error)]
pub enum NotTaken {
    #[error("it is not the gateway's: {0}")]
    NotGenuine(GatewayError),
    #[error(transparent)]
    NotSealed(#[from] NotSealed),
    #[error("it cannot be read: {0}")]
    Unreadable(String),
}

impl WechatPay {
    /// What a callback says; `None`: nothing that matters here.
    ///
    /// # Errors
    /// When it is not the gateway's, or not readable.
    pub async fn event(&self, headers: &HeaderMap, body: &[u8]) -> Result<Option<Event>, NotTaken> {
        self.verify(headers, body).await.map_err(NotTaken::NotGenuine)?;
        let unreadable = |error: serde_json::Error| NotTaken::Unreadable(error.to_string());
        let Callback { event_type, resource } = serde_json::from_slice(body).map_err(unreadable)?;
        let text = self.account.api_key.open(&resource.sealed)?;
        let not_understood = |error: GatewayError| NotTaken::Unreadable(error.to_string());
        match resource.original_type.as_str() {
            "transaction" => {
                let transaction: Transaction = serde_json::from_slice(&text).map_err(unreadable)?;
                match transaction.state(&self.account.merchant.id).map_err(not_understood)? {
                    PaymentState::Paid(paid) => Ok(Some(Event::Paid(paid))),
                    PaymentState::Waiting | PaymentState::Closed => Ok(None),
                }
            }
            "refund" => {
                let refund: RefundAnswer = serde_json::from_slice(&text).map_err(unreadable)?;
                refund.refund().map(|refund| Some(Event::Refund(refund))).map_err(not_understood)
            }
            _ => {
                tracing::info!(event_type = super::excerpt(&event_type), "a callback that nothing here waits for");
                Ok(None)
            }
        }
    }
}
