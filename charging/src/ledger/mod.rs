//! 账本 The ledger: charges, and the transfers by which each of them moves an amount between two accounts.
//!
//! A charge names its cause (a subscription's month, or a usage record); the database refuses any other. Every charge is
//! one transfer from the subscriber's receivable to a revenue account; a correction is a transfer back that names the
//! one it reverses. Nothing is ever changed or deleted.

#[cfg(feature = "postgres")]
pub mod store;

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::clock::Month;
use crate::quantity::Service;
use crate::tariff::SchemeId;

/// What a charge is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChargeKind {
    /// 月费 of one subscription and month.
    Recurring,
    /// 一次性费用 of one subscription.
    OneOff,
    /// 违约金 of one subscription that ended before its commitment.
    Penalty,
    /// 流量超出 of one usage record.
    DataOverage,
    /// 语音超出 of one usage record.
    VoiceOverage,
    /// 短信超出 of one usage record.
    SmsOverage,
    /// 代扣费 for one item of a platform.
    ThirdParty,
}

impl ChargeKind {
    pub const ALL: [Self; 7] = [
        Self::Recurring,
        Self::OneOff,
        Self::Penalty,
        Self::DataOverage,
        Self::VoiceOverage,
        Self::SmsOverage,
        Self::ThirdParty,
    ];

    /// The name in files and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Recurring => "recurring",
            Self::OneOff => "one_off",
            Self::Penalty => "penalty",
            Self::DataOverage => "data_overage",
            Self::VoiceOverage => "voice_overage",
            Self::SmsOverage => "sms_overage",
            Self::ThirdParty => "third_party",
        }
    }

    /// The kind of a charge for usage beyond the allowances.
    pub fn overage_of(service: Service) -> Self {
        match service {
            Service::Data => Self::DataOverage,
            Service::Voice => Self::VoiceOverage,
            Service::Sms => Self::SmsOverage,
        }
    }

    /// The service whose usage it charges; `None` for charges of a subscription itself.
    pub fn service(self) -> Option<Service> {
        match self {
            Self::Recurring | Self::OneOff | Self::Penalty | Self::ThirdParty => None,
            Self::DataOverage => Some(Service::Data),
            Self::VoiceOverage => Some(Service::Voice),
            Self::SmsOverage => Some(Service::Sms),
        }
    }
}

impl fmt::Display for ChargeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text is not a kind of charge.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a kind of charge")]
pub struct InvalidChargeKind(String);

impl FromStr for ChargeKind {
    type Err = InvalidChargeKind;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or_else(|| InvalidChargeKind(text.chars().take(40).collect()))
    }
}

/// An account in the books of one subscriber.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Account {
    /// 应收: what the subscriber owes.
    Receivable,
    /// 尾差: the difference between exact charges and lines rounded to the fen.
    Rounding,
    /// 收入, by kind of charge; what is collected for a platform is none, but payable.
    Revenue(ChargeKind),
    /// 余额: owed to the subscriber.
    Balance,
    /// Money at the gateway.
    Gateway,
    /// Money in the shop.
    Cash,
    /// 代收应付: owed to platforms for whom was collected.
    Payable,
    /// 退费: what was returned of what had been charged.
    Refund,
    /// 退费在途: on its way back to the subscriber.
    RefundUnderWay,
    /// 应向平台追回: what platforms are to return.
    Claim,
}

impl Account {
    /// The name in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Receivable => "receivable",
            Self::Rounding => "rounding",
            Self::Revenue(ChargeKind::Recurring) => "revenue.recurring",
            Self::Revenue(ChargeKind::OneOff) => "revenue.one_off",
            Self::Revenue(ChargeKind::Penalty) => "revenue.penalty",
            Self::Revenue(ChargeKind::DataOverage) => "revenue.data_overage",
            Self::Revenue(ChargeKind::VoiceOverage) => "revenue.voice_overage",
            Self::Revenue(ChargeKind::SmsOverage) => "revenue.sms_overage",
            Self::Balance => "balance",
            Self::Gateway => "gateway",
            Self::Cash => "cash",
            Self::Payable | Self::Revenue(ChargeKind::ThirdParty) => "payable",
            Self::Refund => "refund",
            Self::RefundUnderWay => "refund_under_way",
            Self::Claim => "claim",
        }
    }
}

/// A charge to be posted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewCharge {
    pub subscriber_id: i64,
    pub kind: ChargeKind,
    /// The month it is for; of a usage charge, the month in which the record started.
    pub month: Month,
    pub subscription_id: i64,
    /// The tariff version of the subscription, and its prices in yuan.
    pub scheme_id: SchemeId,
    pub version: i32,
    pub recurring_price: Decimal,
    pub one_off_price: Decimal,
    /// The source's id of the usage record; for usage charges alone.
    pub usage_source_id: Option<String>,
    /// Rated units that the amount is for: bytes, minutes, messages; 1 for recurring and one-off charges.
    pub quantity: i64,
    /// Yuan, more than zero, exact to 6 places.
    pub amount: Decimal,
    pub charged_at: DateTime<Utc>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back() {
        for kind in ChargeKind::ALL {
            assert_eq!(kind.as_str().parse(), Ok(kind));
            let account = if kind == ChargeKind::ThirdParty { "payable".to_owned() } else { format!("revenue.{kind}") };
            assert_eq!(Account::Revenue(kind).as_str(), account);
        }
        assert!("refund".parse::<ChargeKind>().is_err());
        for service in Service::ALL {
            assert_eq!(ChargeKind::overage_of(service).service(), Some(service));
        }
    }
}
