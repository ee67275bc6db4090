//! 收款 Money in: top-ups, payments of bills, what each of them settled, and the balance.
//!
//! A payment goes through a gateway, is cash at a shop, or comes from the balance. Once it is paid, it settles bill lines, the
//! oldest first ([`allocate`]), and what is left goes into the balance. Each of that is a row of `settlement`; running totals
//! in the schema keep it within the payment and within the line.

mod allocation;
mod number;

#[cfg(feature = "postgres")]
pub mod balance;
#[cfg(feature = "postgres")]
pub mod due;
#[cfg(feature = "postgres")]
pub mod place;
#[cfg(feature = "postgres")]
pub mod preparation;
#[cfg(feature = "postgres")]
pub(crate) mod settle;
#[cfg(feature = "postgres")]
pub mod store;

pub use allocation::{Allocation, OpenLine, Share, allocate};
pub use number::{InvalidNumber, PaymentNumber, RefundNumber};

#[cfg(feature = "postgres")]
pub(crate) use number::nonce;

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, TimeDelta, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::clock::Month;

/// How long a payment can be made after it was asked for.
pub const PAYMENT_LIFETIME: TimeDelta = TimeDelta::minutes(30);
/// The least and the most of one payment, in yuan.
pub const PAYMENT_MIN_YUAN: Decimal = Decimal::ONE;
pub const PAYMENT_MAX_YUAN: Decimal = Decimal::from_parts(50_000, 0, 0, false, 0);

/// What a payment is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// 充值 into the balance.
    TopUp,
    /// 缴费: bill lines that are due, the oldest first.
    Bill,
}

/// How a payment is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Route {
    /// 银行卡, through a gateway, as the two that follow.
    BankCard,
    /// 钱包: WeChat Pay and the like.
    Wallet,
    /// 银行代扣.
    DirectDebit,
    /// 营业厅现金.
    Cash,
    /// 余额.
    Balance,
}

impl Route {
    pub fn is_gateway(self) -> bool {
        matches!(self, Self::BankCard | Self::Wallet | Self::DirectDebit)
    }
}

/// What became of a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PaymentState {
    /// It can be made.
    Asked,
    /// For good.
    Paid,
    /// Its time is over, or the subscriber gave it up. Money that arrives all the same has arrived.
    Closed,
    /// The gateway would not take it.
    Failed,
}

/// A name that is none of those in the database.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a known name")]
pub struct UnknownName(pub(crate) String);

/// Names as the database keeps them, written and read.
macro_rules! named {
    ($type:ty { $($variant:ident = $name:literal),+ $(,)? }) => {
        impl $type {
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The name in the database.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl FromStr for $type {
            type Err = $crate::payment::UnknownName;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::ALL
                    .iter()
                    .copied()
                    .find(|it| it.as_str() == text)
                    .ok_or_else(|| $crate::payment::UnknownName(text.chars().take(40).collect()))
            }
        }
    };
}
pub(crate) use named;

named!(Purpose { TopUp = "top_up", Bill = "bill" });
named!(Route {
    BankCard = "bank_card",
    Wallet = "wallet",
    DirectDebit = "direct_debit",
    Cash = "cash",
    Balance = "balance",
});
named!(PaymentState { Asked = "asked", Paid = "paid", Closed = "closed", Failed = "failed" });

/// A payment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payment {
    pub subscriber_id: i64,
    pub payment_id: i64,
    pub purpose: Purpose,
    pub route: Route,
    /// Which gateway, such as `wechat`.
    pub gateway: Option<String>,
    /// Yuan.
    pub amount: Decimal,
    /// The bill on whose page it was asked for.
    pub bill_month: Option<Month>,
    /// 商户订单号 The number under which the gateway knows it.
    pub merchant_order_no: String,
    pub asked_at: DateTime<Utc>,
    /// Until then it can be made.
    pub expires_at: DateTime<Utc>,
    pub state: PaymentState,
    /// The gateway's own number.
    pub gateway_transaction_id: Option<String>,
    pub paid_at: Option<DateTime<Utc>>,
    pub ended_at: Option<DateTime<Utc>>,
}

/// Why an amount cannot be paid in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPayment {
    #[error("a payment is 1 to 50000 yuan")]
    OutOfRange,
    #[error("a payment has no part of a fen")]
    TooFine,
}

/// Yuan as they may be paid through a gateway or in cash.
///
/// # Errors
/// When it is too little, too much, or finer than a fen.
pub fn check_amount(amount: Decimal) -> Result<Decimal, InvalidPayment> {
    if amount.normalize().scale() > 2 {
        return Err(InvalidPayment::TooFine);
    }
    if !(PAYMENT_MIN_YUAN..=PAYMENT_MAX_YUAN).contains(&amount) {
        return Err(InvalidPayment::OutOfRange);
    }
    let mut amount = amount;
    amount.rescale(2);
    Ok(amount)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back() {
        for route in Route::ALL {
            assert_eq!(route.as_str().parse(), Ok(*route));
        }
        assert!("cheque".parse::<Route>().is_err());
        assert_eq!("closed".parse(), Ok(PaymentState::Closed));
        assert_eq!("top_up".parse(), Ok(Purpose::TopUp));
    }

    #[test]
    fn an_amount_is_whole_fen_within_limits() {
        let check = |text: &str| check_amount(text.parse().unwrap());
        assert_eq!(check("1").unwrap().to_string(), "1.00");
        assert_eq!(check("50000.00").unwrap().to_string(), "50000.00");
        assert_eq!(check("10.500").unwrap().to_string(), "10.50");
        assert_eq!(check("0.99"), Err(InvalidPayment::OutOfRange));
        assert_eq!(check("50000.01"), Err(InvalidPayment::OutOfRange));
        assert_eq!(check("-5"), Err(InvalidPayment::OutOfRange));
        assert_eq!(check("5.001"), Err(InvalidPayment::TooFine));
    }
}
