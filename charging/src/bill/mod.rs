//! 账单 Bills: one a subscriber and calendar month, closed once, each line explained.
//!
//! Recurring and one-off charges are posted when the month is closed; usage charges are there already. A line is one
//! kind, tariff version and month of usage; its amount is its exact sum rounded half up to the fen.

pub mod change;
mod lines;
mod penalty;
mod recurring;

#[cfg(feature = "postgres")]
mod close;
#[cfg(feature = "postgres")]
mod draft;
#[cfg(feature = "postgres")]
mod estimate;
pub mod explain;
#[cfg(feature = "postgres")]
mod explain_store;
#[cfg(feature = "postgres")]
pub mod export;
pub mod files;
#[cfg(feature = "postgres")]
pub mod itemised;
#[cfg(feature = "postgres")]
pub mod run;
#[cfg(feature = "postgres")]
pub mod store;

pub use lines::{LineOverflow, OpenCharge, group_lines, total};
pub use penalty::penalty;
pub use recurring::{Period, RecurringCharge, RecurringRule, one_off_charge, recurring_charge};

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::clock::Month;
use crate::ledger::ChargeKind;
use crate::quantity::Service;
use crate::tariff::SchemeId;

/// What a line of a bill is for, in the order in which lines are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LineKind {
    Recurring,
    OneOff,
    DataOverage,
    VoiceOverage,
    SmsOverage,
    /// 代收 for others.
    ThirdParty,
    /// Usage of an earlier month that was reported after that month's bill.
    LateUsage,
    /// 调账.
    Adjustment,
}

impl LineKind {
    pub const ALL: [Self; 8] = [
        Self::Recurring,
        Self::OneOff,
        Self::DataOverage,
        Self::VoiceOverage,
        Self::SmsOverage,
        Self::ThirdParty,
        Self::LateUsage,
        Self::Adjustment,
    ];

    /// The name in files and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Recurring => "recurring",
            Self::OneOff => "one_off",
            Self::DataOverage => "data_overage",
            Self::VoiceOverage => "voice_overage",
            Self::SmsOverage => "sms_overage",
            Self::ThirdParty => "third_party",
            Self::LateUsage => "late_usage",
            Self::Adjustment => "adjustment",
        }
    }

    /// The line that a charge of the bill's own month is on.
    pub fn of(charge: ChargeKind) -> Self {
        match charge {
            ChargeKind::Recurring => Self::Recurring,
            // 违约金 is charged once and by the same tariff; an adjustment corrects what was charged before, and this does not.
            ChargeKind::OneOff | ChargeKind::Penalty => Self::OneOff,
            ChargeKind::DataOverage => Self::DataOverage,
            ChargeKind::VoiceOverage => Self::VoiceOverage,
            ChargeKind::SmsOverage => Self::SmsOverage,
            ChargeKind::ThirdParty => Self::ThirdParty,
        }
    }
}

impl fmt::Display for LineKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text is not a kind of bill line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a kind of bill line")]
pub struct InvalidLineKind(String);

impl FromStr for LineKind {
    type Err = InvalidLineKind;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or_else(|| InvalidLineKind(text.chars().take(40).collect()))
    }
}

/// A line to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewLine {
    pub kind: LineKind,
    pub scheme_id: SchemeId,
    pub version: i32,
    pub charge_month: Month,
    /// Bytes, seconds, messages; 1 a recurring or one-off charge; records of late usage.
    pub quantity: i64,
    /// Yuan, exact to 6 places.
    pub exact: Decimal,
    /// Yuan, `exact` rounded half up to the fen.
    pub amount: Decimal,
    /// The charges that were there before the bill.
    pub charge_ids: Vec<i64>,
}

/// A bill in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BillSummary {
    pub month: Month,
    /// Yuan.
    pub total: Decimal,
    pub closed_at: DateTime<Utc>,
}

/// A bill with its lines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bill {
    pub month: Month,
    /// Yuan: the sum of the lines' amounts.
    pub total: Decimal,
    pub closed_at: DateTime<Utc>,
    /// Empty when nothing was charged.
    pub lines: Vec<BillLine>,
}

/// A line of a bill.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BillLine {
    pub line_no: i32,
    pub kind: LineKind,
    pub scheme_id: SchemeId,
    pub version: i32,
    /// The tariff's name in that version.
    pub tariff_name: String,
    /// The month the charges belong to: earlier than the bill's for late usage.
    pub charge_month: Month,
    /// Bytes, seconds, messages; 1 a recurring or one-off charge; records of late usage.
    pub quantity: i64,
    /// Yuan, exact.
    pub exact: Decimal,
    /// Yuan, rounded to the fen.
    pub amount: Decimal,
}

/// 详单 A usage record, as the itemised list has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemisedRecord {
    pub month: Month,
    /// The id from the source.
    pub id: String,
    pub service: Service,
    pub started_at: DateTime<Utc>,
    /// Bytes, seconds, messages.
    pub quantity: u64,
    pub rating_group: Option<u32>,
    /// Bytes, started minutes, messages: these three add up to the rated quantity.
    pub from_allowance: u64,
    pub overage: u64,
    pub absorbed: u64,
    /// Yuan, exact.
    pub cost: Decimal,
    /// The bill and its line; `None`: it cost nothing, or is not billed yet.
    pub billed: Option<(Month, i32)>,
}

/// What this month has cost so far and will cost, and what is charged next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Estimate {
    pub month: Month,
    /// Yuan of usage charged this month until now, exact, by kind.
    pub charged: Vec<(ChargeKind, Decimal)>,
    /// What will be charged, the soonest first; a subscription's monthly and one-off charge stand apart.
    pub next: Vec<NextCharge>,
    /// Yuan: `charged` and what of `next` is for this month, exact.
    pub total: Decimal,
}

/// 将要扣的费 A charge to come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NextCharge {
    pub subscription_id: i64,
    pub scheme_id: SchemeId,
    pub version: i32,
    pub tariff_name: String,
    /// Recurring, one-off, or a penalty.
    pub kind: ChargeKind,
    /// The month it is for.
    pub month: Month,
    /// The day on which it is charged: the first after that month, when its bill is closed.
    pub on: NaiveDate,
    /// Yuan, exact.
    pub amount: Decimal,
    /// How a recurring amount came about.
    pub arithmetic: Option<RecurringCharge>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_read_back() {
        for kind in LineKind::ALL {
            assert_eq!(kind.as_str().parse(), Ok(kind));
        }
        assert!("refund".parse::<LineKind>().is_err());
        for charge in ChargeKind::ALL {
            let line = if charge == ChargeKind::Penalty { "one_off" } else { charge.as_str() };
            assert_eq!(LineKind::of(charge).as_str(), line);
        }
    }
}
