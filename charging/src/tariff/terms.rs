//! The machine-readable price of a tariff: what is charged, what is granted, and what is beyond.
//!
//! Amounts are yuan; quantities are rated units (bytes, minutes, messages). The JSON form is that of tariff files, with
//! quantities and amounts as strings; reading it checks every rule, so that a [`Terms`] in memory is always sound.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::commitment::Commitment;
use crate::money::{InvalidAmount, parse_amount, plain};
use crate::quantity::{InvalidQuantity, Service, format_quantity, parse_quantity};

/// How the first, partial month of a subscription is charged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FirstMonth {
    /// In full, with full allowances.
    Full,
    /// price × remaining days (the first included) ÷ days of the month; allowances shrink alike.
    Daily,
    /// Half price, half allowances.
    Half,
}

/// When cancelling takes effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CancelEffective {
    /// At once; the days used are charged.
    Immediately,
    /// At the end of the month, which is charged in full.
    MonthEnd,
}

/// 月费.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recurring {
    /// Yuan a month.
    pub price: Decimal,
    pub first_month: FirstMonth,
}

/// What is included each month.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allowance {
    pub service: Service,
    /// Rated units: bytes, minutes, messages.
    pub quantity: u64,
    /// 定向: the rating groups it serves, sorted, each once; empty means any.
    pub rating_groups: Vec<u32>,
    /// 结转: what is unused can be used through the next month.
    pub rollover: bool,
}

/// How what is beyond the allowances is priced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OverageModel {
    /// price × started units.
    Unit { price: Decimal, unit: u64 },
    /// price × started blocks.
    Block { price: Decimal, block: u64 },
    /// price × started units up to `block_price`, then nothing to the end of the block, then again.
    Ladder { price: Decimal, unit: u64, block_price: Decimal, block: u64 },
}

/// 超出资费 of one service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overage {
    pub service: Service,
    pub model: OverageModel,
}

/// The whole machine-readable price.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "TermsFile", into = "TermsFile")]
pub struct Terms {
    pub recurring: Option<Recurring>,
    /// Yuan, charged once in the first month.
    pub one_off: Decimal,
    pub cancel_effective: CancelEffective,
    pub allowances: Vec<Allowance>,
    /// At most one a service.
    pub overage: Vec<Overage>,
    /// 在网要求: for how long the subscriber binds himself, and what leaving earlier costs. `None`: not at all.
    pub commitment: Option<Commitment>,
}

impl Terms {
    /// Yuan a month; zero where nothing recurs.
    pub fn recurring_price(&self) -> Decimal {
        self.recurring.as_ref().map_or(Decimal::ZERO, |recurring| recurring.price)
    }

    /// The most that leaving early can cost, in yuan; zero without a commitment.
    pub fn penalty_max(&self) -> Decimal {
        self.commitment.map_or(Decimal::ZERO, Commitment::penalty_max)
    }

    pub fn first_month(&self) -> FirstMonth {
        self.recurring.as_ref().map_or(FirstMonth::Full, |recurring| recurring.first_month)
    }

    /// The overage price of a service, where the tariff has one.
    pub fn overage_of(&self, service: Service) -> Option<&OverageModel> {
        self.overage.iter().find(|overage| overage.service == service).map(|overage| &overage.model)
    }
}

/// Why terms are not sound.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TermsError {
    #[error("terms: {0}")]
    Amount(#[from] InvalidAmount),
    #[error("terms: {0}")]
    Quantity(#[from] InvalidQuantity),
    #[error("terms: more than 100 allowances")]
    TooManyAllowances,
    #[error("terms: an allowance has more than 100 rating groups")]
    TooManyRatingGroups,
    #[error("terms: rating groups are for data only")]
    RatingGroupsBesideData,
    #[error("terms: rollover is for data only")]
    RolloverBesideData,
    #[error("terms: two overage prices for {0}")]
    TwoOveragePrices(Service),
    #[error("terms: overage for {service}: model `{model}` needs {needs}")]
    OverageFields { service: Service, model: &'static str, needs: &'static str },
    #[error("terms: overage for {0}: a unit or block of nothing")]
    EmptyUnit(Service),
    #[error(
        "terms: a ladder needs a unit that is not larger than its block, and a block price that is not below its price"
    )]
    UnsoundLadder,
    #[error("terms: a commitment is for 3 to 60 months")]
    CommitmentMonths,
    #[error("terms: a percentage from 1 to 100, for a penalty by the months left alone")]
    PenaltyPercent,
    #[error("terms: only data can be priced by block or ladder")]
    ModelBesideData,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct TermsFile {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    recurring: Option<RecurringFile>,
    #[serde(default = "zero")]
    one_off: String,
    cancel_effective: CancelEffective,
    #[serde(default)]
    allowances: Vec<AllowanceFile>,
    #[serde(default)]
    overage: Vec<OverageFile>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    commitment: Option<Commitment>,
}

fn zero() -> String {
    "0.00".to_owned()
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RecurringFile {
    price: String,
    first_month: FirstMonth,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct AllowanceFile {
    service: Service,
    quantity: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    rating_groups: Vec<u32>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    rollover: bool,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ModelName {
    Unit,
    Block,
    Ladder,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct OverageFile {
    service: Service,
    model: ModelName,
    price: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    unit: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    block_price: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    block: Option<String>,
}

impl TryFrom<TermsFile> for Terms {
    type Error = TermsError;

    fn try_from(file: TermsFile) -> Result<Self, Self::Error> {
        if file.allowances.len() > 100 {
            return Err(TermsError::TooManyAllowances);
        }
        let recurring = file
            .recurring
            .map(|r| Ok::<_, TermsError>(Recurring { price: parse_amount(&r.price, 2)?, first_month: r.first_month }))
            .transpose()?;
        let mut overage: Vec<Overage> = Vec::with_capacity(file.overage.len());
        for entry in file.overage {
            let model = overage_from_file(&entry)?;
            if overage.iter().any(|other| other.service == entry.service) {
                return Err(TermsError::TwoOveragePrices(entry.service));
            }
            overage.push(Overage { service: entry.service, model });
        }
        Ok(Self {
            recurring,
            one_off: parse_amount(&file.one_off, 2)?,
            cancel_effective: file.cancel_effective,
            allowances: file.allowances.into_iter().map(allowance_from_file).collect::<Result<_, _>>()?,
            overage,
            commitment: file.commitment,
        })
    }
}

fn allowance_from_file(file: AllowanceFile) -> Result<Allowance, TermsError> {
    if file.service != Service::Data && !file.rating_groups.is_empty() {
        return Err(TermsError::RatingGroupsBesideData);
    }
    if file.service != Service::Data && file.rollover {
        return Err(TermsError::RolloverBesideData);
    }
    if file.rating_groups.len() > 100 {
        return Err(TermsError::TooManyRatingGroups);
    }
    let mut rating_groups = file.rating_groups;
    rating_groups.sort_unstable();
    rating_groups.dedup();
    let quantity = parse_quantity(file.service, &file.quantity)?;
    Ok(Allowance { service: file.service, quantity, rating_groups, rollover: file.rollover })
}

fn overage_from_file(file: &OverageFile) -> Result<OverageModel, TermsError> {
    let service = file.service;
    // A unit price such as 0.29 yuan/MB is often finer than the fen.
    let price = parse_amount(&file.price, 6)?;
    let size = |text: &String| match parse_quantity(service, text)? {
        0 => Err(TermsError::EmptyUnit(service)),
        units => Ok(units),
    };
    let needs = |model, needs| TermsError::OverageFields { service, model, needs };
    let model = match (file.model, &file.unit, &file.block_price, &file.block) {
        (ModelName::Unit, Some(unit), None, None) => OverageModel::Unit { price, unit: size(unit)? },
        (ModelName::Block, None, None, Some(block)) => OverageModel::Block { price, block: size(block)? },
        (ModelName::Ladder, Some(unit), Some(block_price), Some(block)) => {
            let (unit, block) = (size(unit)?, size(block)?);
            let block_price = parse_amount(block_price, 6)?;
            if unit > block || block_price < price {
                return Err(TermsError::UnsoundLadder);
            }
            OverageModel::Ladder { price, unit, block_price, block }
        }
        (ModelName::Unit, ..) => return Err(needs("unit", "`price` and `unit`")),
        (ModelName::Block, ..) => return Err(needs("block", "`price` and `block`")),
        (ModelName::Ladder, ..) => return Err(needs("ladder", "`price`, `unit`, `block_price` and `block`")),
    };
    if service != Service::Data && !matches!(model, OverageModel::Unit { .. }) {
        return Err(TermsError::ModelBesideData);
    }
    Ok(model)
}

impl From<Terms> for TermsFile {
    fn from(terms: Terms) -> Self {
        Self {
            recurring: terms.recurring.map(|r| RecurringFile { price: plain(r.price), first_month: r.first_month }),
            one_off: plain(terms.one_off),
            cancel_effective: terms.cancel_effective,
            allowances: terms
                .allowances
                .into_iter()
                .map(|a| AllowanceFile {
                    service: a.service,
                    quantity: format_quantity(a.service, a.quantity),
                    rating_groups: a.rating_groups,
                    rollover: a.rollover,
                })
                .collect(),
            overage: terms.overage.into_iter().map(overage_to_file).collect(),
            commitment: terms.commitment,
        }
    }
}

fn overage_to_file(overage: Overage) -> OverageFile {
    let service = overage.service;
    let size = |units| Some(format_quantity(service, units));
    let (model, price, unit, block_price, block) = match overage.model {
        OverageModel::Unit { price, unit } => (ModelName::Unit, price, size(unit), None, None),
        OverageModel::Block { price, block } => (ModelName::Block, price, None, None, size(block)),
        OverageModel::Ladder { price, unit, block_price, block } => {
            (ModelName::Ladder, price, size(unit), Some(plain(block_price)), size(block))
        }
    };
    OverageFile { service, model, price: plain(price), unit, block_price, block }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quantity::{GIB, MIB};

    const FULL: &str = r#"{"recurring":{"price":"99.00","first_month":"daily"},"one_off":"0.00","cancel_effective":"month_end",
        "allowances":[{"service":"data","quantity":"20GB","rating_groups":[],"rollover":true},
                      {"service":"data","quantity":"5GB","rating_groups":[2000,1000,1000]},
                      {"service":"voice","quantity":"400min"},{"service":"sms","quantity":"100"}],
        "overage":[{"service":"data","model":"ladder","price":"0.03","unit":"1MB","block_price":"3.00","block":"1GB"},
                   {"service":"voice","model":"unit","price":"0.15","unit":"1min"},
                   {"service":"sms","model":"unit","price":"0.10","unit":"1"}]}"#;

    #[test]
    fn terms_are_read_and_written_back() {
        let terms: Terms = serde_json::from_str(FULL).unwrap();
        assert_eq!(terms.recurring_price().to_string(), "99.00");
        assert_eq!(terms.allowances[1].rating_groups, [1000, 2000]);
        let ladder = terms.overage_of(Service::Data).unwrap();
        assert!(matches!(ladder, OverageModel::Ladder { unit: MIB, block: GIB, .. }));
        let again: Terms = serde_json::from_str(&serde_json::to_string(&terms).unwrap()).unwrap();
        assert_eq!(again, terms);
    }

    #[test]
    fn unsound_terms_are_refused() {
        for (from, to) in [
            (r#""99.00""#, r#""99.001""#),
            (r#""99.00""#, "99.0"),
            (r#""20GB""#, r#""20""#),
            (r#""unit":"1MB","#, ""),
            (r#""unit":"1MB""#, r#""unit":"2GB""#),
            (r#""block_price":"3.00""#, r#""block_price":"0.01""#),
            (r#""unit":"1min""#, r#""unit":"0min""#),
            (r#""service":"sms","model""#, r#""service":"voice","model""#),
            (r#""quantity":"400min""#, r#""quantity":"400min","rollover":true"#),
            (r#""cancel_effective":"month_end","#, ""),
            (r#""one_off""#, r#""oneoff""#),
        ] {
            let changed = FULL.replacen(from, to, 1);
            assert_ne!(changed, FULL, "{from}");
            assert!(serde_json::from_str::<Terms>(&changed).is_err(), "{from} -> {to}");
        }
    }
}
