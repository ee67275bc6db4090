//! Answers to what subscribers ask about their account by SMS.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

use super::template::short;
use super::words::{self, last_day, month, yuan};
use crate::clock::Month;
use crate::money::round_to_fen;
use crate::quantity::data_size;
use crate::subscriber::Language;
use crate::tariff::Terms;

/// Most characters of what a plan includes, in Chinese and in English.
const INCLUDED_CHARS_MAX_ZH: usize = 48;
const INCLUDED_CHARS_MAX_EN: usize = 44;

/// Data of a month, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DataLeft {
    /// General data, and data for some apps only (定向).
    pub left: u64,
    pub available: u64,
    pub directed_left: u64,
    pub directed_available: u64,
    /// Used beyond the allowances.
    pub beyond: u64,
}

/// An answer.
#[derive(Clone, Debug, PartialEq)]
pub enum AccountNotice<'a> {
    /// `CXTC`: the plan of the moment, when it ends if that is decided, and how many other services there are.
    Plan {
        name: &'a str,
        terms: &'a Terms,
        ends_at: Option<DateTime<Utc>>,
        others: usize,
    },
    NoPlan {
        others: usize,
    },
    /// `CXLL`
    Data(DataLeft),
    /// `CXZD`: yuan of use until now, what the month comes to with its fees, and the last bill.
    Bill {
        month: Month,
        used: Decimal,
        expected: Decimal,
        last: Option<(Month, Decimal)>,
    },
    /// `CXFD`: the cap, and yuan charged under it this month.
    Cap {
        cap: Decimal,
        charged: Decimal,
    },
    /// To `FD` without an amount that can be a cap.
    CapUnreadable,
    /// The cap is that already.
    CapSame {
        cap: Decimal,
    },
    /// It cannot be lowered below what is charged this month already.
    CapBelowSpent {
        cap: Decimal,
        spent: Decimal,
    },
    /// Too many requests for a yes within the hour.
    TooMany,
    /// `KTTX`, `QXTX`
    Reminders {
        on: bool,
    },
}

impl AccountNotice<'_> {
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Plan { .. } | Self::NoPlan { .. } => "my_plan",
            Self::Data(_) => "my_data",
            Self::Bill { .. } => "my_bill",
            Self::Cap { .. } => "my_cap",
            Self::CapUnreadable | Self::CapSame { .. } | Self::CapBelowSpent { .. } | Self::TooMany => "cap_unchanged",
            Self::Reminders { .. } => "reminders",
        }
    }

    pub(super) fn chinese(&self) -> String {
        let zh = Language::Chinese;
        match self {
            Self::Plan { name, terms, ends_at, others } => {
                let included = words::included_within(terms, INCLUDED_CHARS_MAX_ZH, zh);
                let included = if included.is_empty() { String::new() } else { format!("每月含{included}。") };
                let ends = ends_at.map(|at| format!("用到{}为止。", last_day(at, zh))).unwrap_or_default();
                format!(
                    "您的套餐是“{}”，{}。{included}{ends}{}",
                    short(name, zh),
                    words::short_price(terms.recurring_price(), Decimal::ZERO, zh),
                    others_zh(*others)
                )
            }
            Self::NoPlan { others } => format!("您现在没有套餐。{}", others_zh(*others)),
            Self::Data(data) => {
                let directed = if data.directed_available > 0 {
                    format!("定向流量剩{}，共{}。", size(data.directed_left), size(data.directed_available))
                } else {
                    String::new()
                };
                let beyond =
                    if data.beyond > 0 { format!("套餐外已用{}。", size(data.beyond)) } else { String::new() };
                format!("本月通用流量剩{}，共{}。{directed}{beyond}", size(data.left), size(data.available))
            }
            Self::Bill { month: of, used, expected, last } => {
                let last = match last {
                    Some((of, total)) => format!("上一张账单是{}，共{}。", month(*of, zh), yuan(*total, zh)),
                    None => "您还没有出过账单。".to_owned(),
                };
                format!(
                    "{}至今套餐外用量费{}；加上月费等，本月预计{}，月底后出账。{last}",
                    month(*of, zh),
                    yuan(round_to_fen(*used), zh),
                    yuan(round_to_fen(*expected), zh)
                )
            }
            Self::Cap { cap, charged } => format!(
                "您的流量超套封顶是每月{}，本月超套流量费已有{}，到封顶即停。要改请发FD加金额，如FD50。",
                yuan(*cap, zh),
                yuan(round_to_fen(*charged), zh)
            ),
            Self::CapUnreadable => {
                "没有改封顶：没看懂金额。请发FD加0到100000元的金额，如FD50。查现在的封顶发CXFD。".to_owned()
            }
            Self::CapSame { cap } => format!("流量超套封顶本来就是{}，没有改动。", yuan(*cap, zh)),
            Self::CapBelowSpent { cap, spent } => format!(
                "封顶没有改为{}：本月超套流量费已有{}，封顶不能比它低。",
                yuan(*cap, zh),
                yuan(round_to_fen(*spent), zh)
            ),
            Self::TooMany => "没有办理：一小时内的确认短信太多，请过一会儿再发。".to_owned(),
            Self::Reminders { on: true } => {
                "已打开用量提醒：流量、通话、短信用到一半和八成时告诉您。关闭发QXTX。".to_owned()
            }
            Self::Reminders { on: false } => {
                "已关闭用到一半和八成的提醒。快用完、用完、封顶、扣费、续订和账单仍会告诉您，这是规定。打开发KTTX。"
                    .to_owned()
            }
        }
    }

    pub(super) fn english(&self) -> String {
        let en = Language::English;
        match self {
            Self::Plan { name, terms, ends_at, others } => {
                let included = words::included_within(terms, INCLUDED_CHARS_MAX_EN, en);
                let included = if included.is_empty() { String::new() } else { format!(" {included}.") };
                let ends = ends_at.map(|at| format!(" to {}", last_day(at, en))).unwrap_or_default();
                format!(
                    "Your plan: \"{}\", {}{ends}.{included}{}",
                    short(name, en),
                    words::short_price(terms.recurring_price(), Decimal::ZERO, en),
                    others_en(*others)
                )
            }
            Self::NoPlan { others: 0 } => "You have no plan now.".to_owned(),
            Self::NoPlan { others } => format!("You have no plan now. Other services: {others}. Send 0000 to see them."),
            Self::Data(data) => {
                let directed = if data.directed_available > 0 {
                    format!(" For named apps: {} left of {}.", size(data.directed_left), size(data.directed_available))
                } else {
                    String::new()
                };
                let beyond = if data.beyond > 0 {
                    format!(" Beyond your allowances: {} used.", size(data.beyond))
                } else {
                    String::new()
                };
                format!("Data this month: {} left of {}.{directed}{beyond}", size(data.left), size(data.available))
            }
            Self::Bill { month: of, used, expected, last } => {
                let last = match last {
                    Some((of, total)) => format!("Last bill ({}): {}.", month(*of, en), yuan(*total, en)),
                    None => "You have had no bill yet.".to_owned(),
                };
                format!(
                    "{} so far: {} beyond your allowances; with fees about {} in all, billed after the month ends. {last}",
                    month(*of, en),
                    yuan(round_to_fen(*used), en),
                    yuan(round_to_fen(*expected), en)
                )
            }
            Self::Cap { cap, charged } => format!(
                "Your data overage cap is {} a month; {} is charged so far. Data stops at the cap. To change it send FD and an amount, such as FD50.",
                yuan(*cap, en),
                yuan(round_to_fen(*charged), en)
            ),
            Self::CapUnreadable => {
                "Your cap is unchanged: the amount was not understood. Send FD and an amount from 0 to 100000, such as FD50. CXFD shows your cap."
                    .to_owned()
            }
            Self::CapSame { cap } => format!("Your data overage cap is {} already. Nothing changed.", yuan(*cap, en)),
            Self::CapBelowSpent { cap, spent } => format!(
                "Your cap did not change to {}: {} is charged this month already, and it cannot be lower.",
                yuan(*cap, en),
                yuan(round_to_fen(*spent), en)
            ),
            Self::TooMany => "Nothing was done: too many requests within an hour. Please try again later.".to_owned(),
            Self::Reminders { on: true } => {
                "Usage tips are on: we tell you at half and 80% of your allowances. Send QXTX to stop them.".to_owned()
            }
            Self::Reminders { on: false } => {
                "Tips at half and 80% are off. By rule we still tell you what is nearly used up, caps, charges, renewals and bills. KTTX turns them on."
                    .to_owned()
            }
        }
    }
}

fn size(bytes: u64) -> String {
    data_size(bytes).replace(' ', "")
}

fn others_zh(others: usize) -> String {
    if others > 0 {
        format!("另有{others}项业务，发0000查看和退订。")
    } else {
        "发0000可查看和退订。".to_owned()
    }
}

fn others_en(others: usize) -> String {
    match others {
        0 => " To cancel send 0000.".to_owned(),
        1 => " 1 more service: send 0000.".to_owned(),
        _ => format!(" {others} others: send 0000."),
    }
}
