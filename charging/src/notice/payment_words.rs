//! What is told about money that came in or goes back.

use rust_decimal::Decimal;

use super::words::yuan;
use crate::subscriber::Language;

/// Something about money; amounts in yuan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PaymentNotice {
    /// A payment arrived: so much of it paid bills, and so much is in the balance now.
    Received {
        amount: Decimal,
        bills: Decimal,
        balance: Decimal,
    },
    /// Bills were paid from the balance, and so much is left there.
    PaidFromBalance {
        amount: Decimal,
        balance: Decimal,
    },
    /// A refund was approved: each part goes its own way.
    RefundApproved {
        amount: Decimal,
        waived: Decimal,
        balance: Decimal,
        gateway: Decimal,
        platform: Decimal,
    },
    /// It was charged by mistake, to many: an apology, and how it goes back.
    WrongCharges {
        amount: Decimal,
        waived: Decimal,
        balance: Decimal,
        gateway: Decimal,
        platform: Decimal,
    },
    /// So much of a refund arrived where it was paid from.
    RefundArrived {
        amount: Decimal,
    },
    /// So much of a refund could not go the way it was paid, and is in the balance.
    RefundToBalance {
        amount: Decimal,
    },
    RefundRejected {
        amount: Decimal,
    },
}

impl PaymentNotice {
    pub(super) fn kind(self) -> &'static str {
        match self {
            Self::Received { .. } => "payment_received",
            Self::PaidFromBalance { .. } => "paid_from_balance",
            Self::RefundApproved { .. } => "refund_approved",
            Self::WrongCharges { .. } => "wrong_charges",
            Self::RefundArrived { .. } => "refund_arrived",
            Self::RefundToBalance { .. } => "refund_to_balance",
            Self::RefundRejected { .. } => "refund_rejected",
        }
    }

    pub(super) fn chinese(self) -> String {
        let yuan = |amount| yuan(amount, Language::Chinese);
        match self {
            Self::Received { amount, bills, balance } if bills.is_zero() => {
                format!("收到您充值{}，余额现有{}。", yuan(amount), yuan(balance))
            }
            Self::Received { amount, bills, balance } => {
                format!("收到您缴费{}，其中付账单{}，余额现有{}。", yuan(amount), yuan(bills), yuan(balance))
            }
            Self::PaidFromBalance { amount, balance } => {
                format!("已用余额付账单{}，余额还有{}。", yuan(amount), yuan(balance))
            }
            Self::RefundApproved { amount, waived, balance, gateway, platform } => {
                let ways = ways(Language::Chinese, [waived, balance, gateway, platform]);
                format!("退费{}已批准：{ways}。", yuan(amount))
            }
            Self::WrongCharges { amount, waived, balance, gateway, platform } => {
                let ways = ways(Language::Chinese, [waived, balance, gateway, platform]);
                format!("对不起，我们多扣了您{}，现在退还：{ways}。", yuan(amount))
            }
            Self::RefundArrived { amount } => format!("退费{}已到账，退回了您原来的付款账户。", yuan(amount)),
            Self::RefundToBalance { amount } => {
                format!("退费{}没能原路退回，已退到您的余额，可用来付账单。", yuan(amount))
            }
            Self::RefundRejected { amount } => {
                format!("您申请的退费{}没有批准，原因见网站。有不同意见请拨10086。", yuan(amount))
            }
        }
    }

    pub(super) fn english(self) -> String {
        let yuan = |amount| yuan(amount, Language::English);
        match self {
            Self::Received { amount, bills, balance } if bills.is_zero() => {
                format!("Your top-up of {} arrived. Balance: {}.", yuan(amount), yuan(balance))
            }
            Self::Received { amount, bills, balance } => {
                format!(
                    "Your payment of {} arrived: {} paid bills. Balance: {}.",
                    yuan(amount),
                    yuan(bills),
                    yuan(balance)
                )
            }
            Self::PaidFromBalance { amount, balance } => {
                format!("{} of bills were paid from your balance. {} are left.", yuan(amount), yuan(balance))
            }
            Self::RefundApproved { amount, waived, balance, gateway, platform } => {
                let ways = ways(Language::English, [waived, balance, gateway, platform]);
                format!("Your refund of {} is approved: {ways}.", yuan(amount))
            }
            Self::WrongCharges { amount, waived, balance, gateway, platform } => {
                let ways = ways(Language::English, [waived, balance, gateway, platform]);
                format!("We are sorry: we charged you {} by mistake. It goes back: {ways}.", yuan(amount))
            }
            Self::RefundArrived { amount } => {
                format!("Your refund of {} arrived where you had paid from.", yuan(amount))
            }
            Self::RefundToBalance { amount } => {
                format!("Your refund of {} could not go back the way you paid. It is in your balance.", yuan(amount))
            }
            Self::RefundRejected { amount } => {
                format!(
                    "Your request for a refund of {} was not approved; see why online. Questions: call 10086.",
                    yuan(amount)
                )
            }
        }
    }
}

/// How money goes back: so much off unpaid bills, to the balance, through the gateway, and from a platform. What is zero is left
/// out.
fn ways(language: Language, amounts: [Decimal; 4]) -> String {
    let words = match language {
        Language::Chinese => [
            ("从未付的账单减去", ""),
            ("退到余额", ""),
            ("原路退回付款账户", "，一般1到3个工作日到账"),
            ("向代收平台追回", "，平台15天内答复"),
        ],
        Language::English => [
            ("", " off your unpaid bill"),
            ("", " to your balance"),
            ("", " back the way you paid, in 1 to 3 working days"),
            ("", " from the platform, which answers within 15 days"),
        ],
    };
    let separator = match language {
        Language::Chinese => "；",
        Language::English => "; ",
    };
    let told = amounts.into_iter().zip(words).filter(|(amount, _)| !amount.is_zero());
    let told = told.map(|(amount, (before, after))| format!("{before}{}{after}", yuan(amount, language)));
    told.collect::<Vec<_>>().join(separator)
}
