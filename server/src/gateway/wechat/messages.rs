//! The JSON of `APIv3`, as far as it is used here: names and meanings are the gateway's own.

use chrono::{DateTime, FixedOffset, Utc};
use serde::{Deserialize, Serialize};

use super::amount::from_fen;
use super::seal::Sealed;
use crate::gateway::{GatewayError, Paid, PaymentState, Refund, RefundState};

/// `POST /v3/pay/transactions/native`, and with a scene `/v3/pay/transactions/h5`.
#[derive(Debug, Serialize)]
pub struct PrepareRequest<'a> {
    pub appid: &'a str,
    pub mchid: &'a str,
    pub description: &'a str,
    pub out_trade_no: &'a str,
    pub time_expire: String,
    pub notify_url: &'a str,
    pub amount: Total,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scene_info: Option<SceneInfo>,
}

#[derive(Debug, Serialize)]
pub struct Total {
    pub total: i64,
    pub currency: &'static str,
}

#[derive(Debug, Serialize)]
pub struct SceneInfo {
    pub payer_client_ip: String,
    pub h5_info: H5Info,
}

#[derive(Debug, Serialize)]
pub struct H5Info {
    #[serde(rename = "type")]
    pub kind: &'static str,
}

/// One of the two is there.
#[derive(Debug, Deserialize)]
pub struct Prepared {
    pub code_url: Option<String>,
    pub h5_url: Option<String>,
}

#[derive(Debug, Serialize)]
pub struct CloseRequest<'a> {
    pub mchid: &'a str,
}

/// A payment, as a query and a callback tell it.
#[expect(clippy::struct_field_names, reason = "they are the names on the wire")]
#[derive(Debug, Deserialize)]
pub struct Transaction {
    pub mchid: String,
    pub out_trade_no: String,
    pub trade_state: String,
    pub transaction_id: Option<String>,
    pub success_time: Option<DateTime<FixedOffset>>,
    pub amount: Option<TransactionAmount>,
}

#[derive(Debug, Deserialize)]
pub struct TransactionAmount {
    pub total: i64,
    pub currency: Option<String>,
}

impl Transaction {
    /// # Errors
    /// When it is another merchant's, another currency's, or says nothing that is known.
    pub fn state(self, mchid: &str) -> Result<PaymentState, GatewayError> {
        if self.mchid != mchid {
            return Err(unreadable("mchid is another merchant's"));
        }
        match self.trade_state.as_str() {
            "NOTPAY" | "USERPAYING" | "ACCEPT" => Ok(PaymentState::Waiting),
            "CLOSED" | "REVOKED" | "PAYERROR" => Ok(PaymentState::Closed),
            // 转入退款: it was paid, and some of it went back.
            "SUCCESS" | "REFUND" => {
                let amount = self.amount.ok_or_else(|| unreadable("a payment without amount"))?;
                require_yuan(amount.currency.as_deref())?;
                Ok(PaymentState::Paid(Paid {
                    number: self.out_trade_no,
                    gateway_number: self
                        .transaction_id
                        .ok_or_else(|| unreadable("a payment without transaction_id"))?,
                    amount: from_fen(amount.total),
                    paid_at: utc(self.success_time.ok_or_else(|| unreadable("a payment without success_time"))?),
                }))
            }
            other => Err(GatewayError::Unreadable(format!("trade_state `{}`", excerpt(other)))),
        }
    }
}

/// `POST /v3/refund/domestic/refunds`
#[derive(Debug, Serialize)]
pub struct RefundRequest<'a> {
    /// One of the two.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub out_trade_no: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transaction_id: Option<&'a str>,
    pub out_refund_no: &'a str,
    pub reason: &'a str,
    pub notify_url: &'a str,
    pub amount: RefundTotal,
}

#[derive(Debug, Serialize)]
pub struct RefundTotal {
    pub refund: i64,
    pub total: i64,
    pub currency: &'static str,
}

/// A refund: what was asked for, a query and a callback tell it alike, but for the name of its state.
#[derive(Debug, Deserialize)]
pub struct RefundAnswer {
    pub out_refund_no: String,
    pub refund_id: String,
    #[serde(alias = "refund_status")]
    pub status: String,
    pub success_time: Option<DateTime<FixedOffset>>,
    pub amount: RefundAmount,
}

#[derive(Debug, Deserialize)]
pub struct RefundAmount {
    pub refund: i64,
    pub currency: Option<String>,
}

impl RefundAnswer {
    /// # Errors
    /// When it is of another currency, or says nothing that is known.
    pub fn refund(self) -> Result<Refund, GatewayError> {
        require_yuan(self.amount.currency.as_deref())?;
        let state = match self.status.as_str() {
            "PROCESSING" => RefundState::Processing,
            "CLOSED" => RefundState::Closed,
            "ABNORMAL" => RefundState::Abnormal,
            "SUCCESS" => {
                let at = self.success_time.ok_or_else(|| unreadable("a refund without success_time"))?;
                RefundState::Done { at: utc(at) }
            }
            other => return Err(GatewayError::Unreadable(format!("refund status `{}`", excerpt(other)))),
        };
        Ok(Refund {
            number: self.out_refund_no,
            gateway_number: self.refund_id,
            amount: from_fen(self.amount.refund),
            state,
        })
    }
}

/// `GET /v3/bill/tradebill`
#[derive(Debug, Deserialize)]
pub struct BillPlace {
    pub hash_type: String,
    pub hash_value: String,
    pub download_url: String,
}

/// `GET /v3/certificates`
#[derive(Debug, Deserialize)]
pub struct Certificates {
    pub data: Vec<Certificate>,
}

#[expect(clippy::struct_field_names, reason = "they are the names on the wire")]
#[derive(Debug, Deserialize)]
pub struct Certificate {
    pub serial_no: String,
    pub effective_time: DateTime<FixedOffset>,
    pub expire_time: DateTime<FixedOffset>,
    pub encrypt_certificate: Sealed,
}

/// What comes to the callback address.
#[derive(Debug, Deserialize)]
pub struct Callback {
    pub event_type: String,
    pub resource: Resource,
}

#[derive(Debug, Deserialize)]
pub struct Resource {
    pub original_type: String,
    #[serde(flatten)]
    pub sealed: Sealed,
}

/// The body of an answer that is no success.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Problem {
    pub code: String,
    pub message: String,
}

pub const YUAN: &str = "CNY";

fn require_yuan(currency: Option<&str>) -> Result<(), GatewayError> {
    if currency.is_none_or(|currency| currency == YUAN) { Ok(()) } else { Err(unreadable("another currency than CNY")) }
}

fn utc(at: DateTime<FixedOffset>) -> DateTime<Utc> {
    at.with_timezone(&Utc)
}

fn unreadable(what: &str) -> GatewayError {
    GatewayError::Unreadable(what.to_owned())
}

/// As much of a stranger's text as is worth keeping.
pub fn excerpt(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(200).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn transaction(changes: &[(&str, Value)]) -> Result<PaymentState, GatewayError> {
        let mut json = json!({
            "mchid": "1900000109", "appid": "wxd678efh567hg6787", "out_trade_no": "MB1", "trade_type": "NATIVE",
            "transaction_id": "1217752501201407033233368018", "trade_state": "SUCCESS", "trade_state_desc": "支付成功",
            "bank_type": "CMC", "success_time": "2026-11-22T10:34:56+08:00", "payer": {"openid": "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"},
            "amount": {"total": 5000, "payer_total": 4900, "currency": "CNY", "payer_currency": "CNY"},
        });
        for (name, value) in changes {
            json[*name] = value.clone();
        }
        serde_json::from_value::<Transaction>(json).unwrap().state("1900000109")
    }

    #[test]
    fn what_was_paid_is_the_amount_of_the_order_also_where_a_coupon_paid_for_some() {
        let paid = PaymentState::Paid(Paid {
            number: "MB1".to_owned(),
            gateway_number: "1217752501201407033233368018".to_owned(),
            amount: "50.00".parse().unwrap(),
            paid_at: "2026-11-22T02:34:56Z".parse().unwrap(),
        });
        assert_eq!(transaction(&[]).unwrap(), paid);
        assert_eq!(transaction(&[("trade_state", json!("REFUND"))]).unwrap(), paid);
    }

    #[test]
    fn a_payment_is_waited_for_or_closed_or_not_understood() {
        for (state, expected) in
            [("NOTPAY", PaymentState::Waiting), ("CLOSED", PaymentState::Closed), ("REVOKED", PaymentState::Closed)]
        {
            assert_eq!(transaction(&[("trade_state", json!(state)), ("amount", Value::Null)]).unwrap(), expected);
        }
        let dollars = json!({"total": 5000, "currency": "USD"});
        for (name, value) in [
            ("trade_state", json!("PAID")),
            ("mchid", json!("1900000110")),
            ("transaction_id", Value::Null),
            ("success_time", Value::Null),
            ("amount", dollars),
        ] {
            assert!(matches!(transaction(&[(name, value)]), Err(GatewayError::Unreadable(_))), "{name}");
        }
    }

    #[test]
    fn a_refund_says_the_same_by_answer_and_by_callback() {
        let refund = |state: &str, name: &str| {
            let mut json = json!({
                "out_refund_no": "MBR1", "refund_id": "50000000382019052709732678859", "out_trade_no": "MB1",
                "success_time": "2026-11-22T10:34:56+08:00", "user_received_account": "招商银行信用卡0403",
                "amount": {"total": 5000, "refund": 1, "payer_total": 5000, "payer_refund": 1},
            });
            json[name] = json!(state);
            serde_json::from_value::<RefundAnswer>(json).unwrap().refund()
        };
        let done = RefundState::Done { at: "2026-11-22T02:34:56Z".parse().unwrap() };
        for (state, expected) in [
            ("SUCCESS", done),
            ("PROCESSING", RefundState::Processing),
            ("CLOSED", RefundState::Closed),
            ("ABNORMAL", RefundState::Abnormal),
        ] {
            let (answer, callback) = (refund(state, "status").unwrap(), refund(state, "refund_status").unwrap());
            assert_eq!(answer, callback);
            assert_eq!((answer.state, answer.amount.to_string()), (expected, "0.01".to_owned()));
        }
        assert!(matches!(refund("FAIL", "status"), Err(GatewayError::Unreadable(_))));
    }
}
