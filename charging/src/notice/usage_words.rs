//! What subscribers are told as they use their month.

use rust_decimal::Decimal;

use super::{Topic, words};
use crate::quantity::{Service, data_size};
use crate::subscriber::Language;
use crate::usage::threshold::{CapState, UsedLevel};

/// Something about a month's use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UsageNotice {
    Allowance {
        service: Service,
        /// For some apps only (定向).
        is_directed: bool,
        level: UsedLevel,
        /// Bytes, minutes, messages.
        left: u64,
        /// Whether the plan has a price for more.
        has_price: bool,
    },
    Cap {
        state: CapState,
        /// Yuan.
        charged: Decimal,
        cap: Decimal,
    },
    /// Charges far above those of the last three months; yuan.
    HighCharge { beyond: Decimal, average: Decimal },
}

impl UsageNotice {
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Allowance { .. } => "allowance_level",
            Self::Cap { .. } => "cap_state",
            Self::HighCharge { .. } => "high_charge",
        }
    }

    pub(super) fn topic(&self) -> Option<Topic> {
        let is_share = match self {
            Self::Allowance { level, .. } => matches!(level, UsedLevel::Half | UsedLevel::FourFifths),
            Self::Cap { state, .. } => *state == CapState::Half,
            Self::HighCharge { .. } => false,
        };
        is_share.then_some(Topic::UsageShare)
    }

    pub(super) fn chinese(&self) -> String {
        let zh = Language::Chinese;
        match self {
            Self::Allowance { service, is_directed, level, left, has_price } => {
                let name = words::service(*service, *is_directed, zh);
                let left = amount(*service, *left, zh);
                let then = after_zh(*service, *is_directed, *has_price);
                match level {
                    UsedLevel::Ample => format!("本月{name}还剩{left}。"),
                    UsedLevel::Half => format!("本月{name}已用一半，还剩{left}。"),
                    UsedLevel::FourFifths => format!("本月{name}已用80%，还剩{left}。"),
                    UsedLevel::TenMegabytesLeft | UsedLevel::FiveMegabytesLeft => {
                        format!("本月{name}只剩{left}。用完后{then}。")
                    }
                    UsedLevel::UsedUp => format!("本月{name}已用完。{then}。"),
                }
            }
            Self::Cap { state: CapState::Reached, charged, cap } => format!(
                "本月套餐外流量费{}，已到您设的封顶{}，流量已停，不再收费。要继续用，可在网站“封顶”提高，或买加油包。",
                words::yuan(*charged, zh),
                words::yuan(*cap, zh)
            ),
            Self::Cap { state, charged, cap } => format!(
                "本月套餐外流量费已有{}，过了封顶{}的{}。到封顶即停，不再收费。",
                words::yuan(*charged, zh),
                words::yuan(*cap, zh),
                if *state == CapState::Near { "八成" } else { "一半" }
            ),
            Self::HighCharge { beyond, average } => format!(
                "请留意：本月套餐外费用已有{}，近三个月平均每月{}。每一笔的由来见网站“用量”。不明白可致电10086。",
                words::yuan(*beyond, zh),
                words::yuan(*average, zh)
            ),
        }
    }

    pub(super) fn english(&self) -> String {
        let en = Language::English;
        match self {
            Self::Allowance { service, is_directed, level, left, has_price } => {
                let name = words::service(*service, *is_directed, en);
                let left = amount(*service, *left, en);
                let then = after_en(*service, *is_directed, *has_price);
                let is = if *service == Service::Data { "is" } else { "are" };
                match level {
                    UsedLevel::Ample => format!("{left} of this month's {name} left."),
                    UsedLevel::Half => format!("Half of this month's {name} {is} used, {left} left."),
                    UsedLevel::FourFifths => format!("80% of this month's {name} {is} used, {left} left."),
                    UsedLevel::TenMegabytesLeft | UsedLevel::FiveMegabytesLeft => {
                        format!("Only {left} of this month's {name} left. After that {then}.")
                    }
                    UsedLevel::UsedUp => format!("This month's {name} {is} used up. From now on {then}."),
                }
            }
            Self::Cap { state: CapState::Reached, charged, cap } => format!(
                "Data beyond your plan has cost {} this month: your cap of {} is reached, data has stopped and costs \
                 nothing more. To go on, raise the cap on our site or buy a data pack.",
                words::yuan(*charged, en),
                words::yuan(*cap, en)
            ),
            Self::Cap { state, charged, cap } => format!(
                "Data beyond your plan has cost {} this month, more than {} of your cap of {}. At the cap it stops and \
                 costs nothing more.",
                words::yuan(*charged, en),
                if *state == CapState::Near { "80%" } else { "half" },
                words::yuan(*cap, en)
            ),
            Self::HighCharge { beyond, average } => format!(
                "Please note: use beyond your plan has cost {} this month; the last three months' average is {}. See \
                 where each charge comes from on our site, or call 10086.",
                words::yuan(*beyond, en),
                words::yuan(*average, en)
            ),
        }
    }
}

fn amount(service: Service, units: u64, language: Language) -> String {
    match service {
        Service::Data => data_size(units).replace(' ', ""),
        _ => words::amount_of(service, units, language),
    }
}

fn after_zh(service: Service, is_directed: bool, has_price: bool) -> &'static str {
    match (service, is_directed, has_price) {
        (_, true, _) => "改用通用流量",
        (Service::Data, _, true) => "再用按套餐外价格收费，到封顶即停",
        (_, _, true) => "再用按套餐外价格收费",
        (_, _, false) => "即停用，不会另外收费",
    }
}

fn after_en(service: Service, is_directed: bool, has_price: bool) -> &'static str {
    match (service, is_directed, has_price) {
        (_, true, _) => "your general data is used",
        (Service::Data, _, true) => "your plan's price for more applies, up to your cap",
        (_, _, true) => "your plan's price for more applies",
        (Service::Data, _, false) => "it stops, at no charge",
        (_, _, false) => "they stop, at no charge",
    }
}
