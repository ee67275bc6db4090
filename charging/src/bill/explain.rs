//! 为什么 Why a line of a bill is what it is: the tariff as it was published, the order, the consent, the arithmetic.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::{BillLine, RecurringCharge};
use crate::clock::Month;
use crate::consent::{Evidence, Method};
use crate::ledger::ChargeKind;
use crate::order::EndReason;
use crate::tariff::{OverageModel, Penalty, TariffVersion};
use crate::usage::overage::price_of_volume;

/// Everything that answers the question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    pub month: Month,
    pub line: BillLine,
    /// The version that was agreed to, as it was published.
    pub tariff: TariffVersion,
    /// One a subscription that was charged: almost always one.
    pub causes: Vec<Cause>,
}

/// A subscription that was charged, and why that was right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    pub subscription_id: i64,
    pub starts_at: DateTime<Utc>,
    pub ends_at: Option<DateTime<Utc>>,
    pub end_reason: Option<EndReason>,
    pub order_id: i64,
    pub ordered_at: DateTime<Utc>,
    /// By which channel it was ordered: a key of the table `channel`.
    pub order_channel_id: String,
    pub consent: Consented,
    /// Yuan, exact: its part of the line.
    pub amount: Decimal,
    pub arithmetic: Arithmetic,
}

/// The yes behind an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consented {
    /// Its place in the subscriber's chain, and its hash there.
    pub seq: i32,
    pub hash: Vec<u8>,
    pub method: Method,
    pub channel_id: String,
    pub agreed_at: DateTime<Utc>,
    /// What was shown and answered, word for word.
    pub evidence: Evidence,
}

/// How an amount came about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Arithmetic {
    /// 月费.
    Recurring(RecurringCharge),
    /// 一次性费用, in yuan.
    OneOff { price: Decimal },
    /// 违约金.
    Penalty(Penalty),
    /// 流量超出 as a function of the month's volume.
    Data(DataArithmetic),
    /// Each record priced by itself: calls in started minutes, messages.
    PerUnit {
        kind: ChargeKind,
        records: u64,
        /// Minutes or messages.
        units: u64,
        /// Yuan for each started `unit`.
        price: Decimal,
        unit: u64,
    },
    /// The sum of what each record cost when it came in, where no single formula gives it: usage of an earlier month,
    /// or a month in which the cap was changed after data had stopped.
    Records(Vec<RecordsPart>),
}

/// Records of one kind on a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordsPart {
    pub kind: ChargeKind,
    pub records: u64,
    /// Bytes, minutes or messages.
    pub units: u64,
    /// Yuan, exact.
    pub amount: Decimal,
}

/// f(V): what a month's volume beyond the allowances costs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataArithmetic {
    /// V: bytes beyond the allowances that are charged for.
    pub volume: u64,
    /// Bytes beyond the cap: delivered and not charged.
    pub absorbed: u64,
    /// Yuan: the cap of the month. `None` where none was recorded.
    pub cap: Option<Decimal>,
    pub steps: DataSteps,
    /// Yuan: f(V).
    pub amount: Decimal,
}

/// The steps from V to f(V).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DataSteps {
    /// price × started units (or blocks) of so many bytes.
    Started { price: Decimal, size: u64, started: u64 },
    /// Full blocks at their price; in the block begun, started units up to the price of a block.
    Ladder {
        price: Decimal,
        unit: u64,
        block_price: Decimal,
        block: u64,
        /// Blocks used up, and what they cost.
        full_blocks: u64,
        full_amount: Decimal,
        /// Units started in the last block, and what they cost: at most the price of a block.
        started_units: u64,
        started_amount: Decimal,
    },
}

/// Takes f(V) apart.
pub fn data_steps(model: &OverageModel, volume: u64) -> DataSteps {
    match *model {
        OverageModel::Unit { price, unit: size } | OverageModel::Block { price, block: size } => {
            DataSteps::Started { price, size, started: volume.div_ceil(size) }
        }
        OverageModel::Ladder { price, unit, block_price, block } => {
            let full_blocks = volume / block;
            let full_amount = price_of_volume(model, full_blocks * block);
            DataSteps::Ladder {
                price,
                unit,
                block_price,
                block,
                full_blocks,
                full_amount,
                started_units: (volume % block).div_ceil(unit),
                started_amount: price_of_volume(model, volume) - full_amount,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quantity::{GIB, MIB};

    #[test]
    fn a_ladder_is_taken_apart_into_full_blocks_and_the_one_begun() {
        let ladder = OverageModel::Ladder {
            price: "0.03".parse().unwrap(),
            unit: MIB,
            block_price: "3".parse().unwrap(),
            block: GIB,
        };
        let steps = |volume| match data_steps(&ladder, volume) {
            DataSteps::Ladder { full_blocks, full_amount, started_units, started_amount, .. } => (
                full_blocks,
                full_amount.normalize().to_string(),
                started_units,
                started_amount.normalize().to_string(),
            ),
            DataSteps::Started { .. } => unreachable!("a ladder has blocks"),
        };
        assert_eq!(steps(2 * GIB + 10 * MIB + 1), (2, "6".to_owned(), 11, "0.33".to_owned()));
        assert_eq!(steps(200 * MIB), (0, "0".to_owned(), 200, "3".to_owned()));
        assert_eq!(steps(GIB), (1, "3".to_owned(), 0, "0".to_owned()));
    }

    #[test]
    fn units_and_blocks_count_what_was_started() {
        let block = OverageModel::Block { price: "5".parse().unwrap(), block: GIB };
        let started = DataSteps::Started { price: "5".parse().unwrap(), size: GIB, started: 3 };
        assert_eq!(data_steps(&block, 2 * GIB + 1), started);
    }
}
