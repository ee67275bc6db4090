//! 用量提醒 Thresholds: what a subscriber is told of as a month's allowances and cap are used. Rules: 50, 80 and 100 % of
//! an allowance, 10 MB, 5 MB and nothing left of it, each state of the cap, and charges far above those of the months
//! before.

use std::str::FromStr;

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

use super::overage::{largest_volume_within, price_of_volume};
use super::rating::MonthState;
use crate::quantity::{MIB, Service};

/// Yuan below which charges are never called high.
pub const HIGH_CHARGE_MIN_YUAN: Decimal = Decimal::TEN;
/// Charges are high above so many times the average of the last three months.
pub const HIGH_CHARGE_TIMES: Decimal = Decimal::from_parts(5, 0, 0, false, 0);

/// How far an allowance is used: each level is told once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum UsedLevel {
    Ample,
    Half,
    FourFifths,
    TenMegabytesLeft,
    FiveMegabytesLeft,
    UsedUp,
}

/// How far the cap is: the states of the policy counter of TS 29.594.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CapState {
    Ok,
    /// Half of it is charged.
    Half,
    /// Four fifths of it are charged.
    Near,
    /// Data has stopped: the next byte would cost more than the cap.
    Reached,
}

impl UsedLevel {
    /// As events name it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ample => "ample",
            Self::Half => "half",
            Self::FourFifths => "four_fifths",
            Self::TenMegabytesLeft => "10mb_left",
            Self::FiveMegabytesLeft => "5mb_left",
            Self::UsedUp => "used_up",
        }
    }
}

/// The text is not a state of the cap.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a state of the cap")]
pub struct InvalidCapState(String);

impl CapState {
    pub const ALL: [Self; 4] = [Self::Ok, Self::Half, Self::Near, Self::Reached];

    /// The status of the policy counter.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Half => "half",
            Self::Near => "near",
            Self::Reached => "reached",
        }
    }
}

impl FromStr for CapState {
    type Err = InvalidCapState;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let named = Self::ALL.into_iter().find(|state| state.as_str() == text);
        named.ok_or_else(|| InvalidCapState(text.chars().take(20).collect()))
    }
}

/// The allowances of a service that serve the same rating groups, as one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meter {
    pub service: Service,
    /// Sorted; empty: any.
    pub rating_groups: Vec<u32>,
    /// Bytes, minutes, messages that the month can use, and what it used of them.
    pub available: u64,
    pub used: u64,
}

impl Meter {
    pub fn left(&self) -> u64 {
        self.available.saturating_sub(self.used)
    }

    pub fn level(&self) -> UsedLevel {
        let share = |hundredths: u128| u128::from(self.used) * 100 >= u128::from(self.available) * hundredths;
        let megabytes_left = |n: u64| self.service == Service::Data && self.left() <= n * MIB;
        match self.left() {
            0 => UsedLevel::UsedUp,
            _ if megabytes_left(5) => UsedLevel::FiveMegabytesLeft,
            _ if megabytes_left(10) => UsedLevel::TenMegabytesLeft,
            _ if share(80) => UsedLevel::FourFifths,
            _ if share(50) => UsedLevel::Half,
            _ => UsedLevel::Ample,
        }
    }
}

/// Where a month stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gauge {
    pub meters: Vec<Meter>,
    pub cap_state: CapState,
    /// Yuan.
    pub cap: Decimal,
    /// Yuan of data beyond the allowances.
    pub charged: Decimal,
    /// Yuan beyond the allowances, calls and messages too.
    pub beyond: Decimal,
}

/// Something to tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Crossing {
    Allowance { meter: Meter, level: UsedLevel },
    Cap { state: CapState, charged: Decimal, cap: Decimal },
}

impl Gauge {
    pub fn of(state: &MonthState, at: DateTime<Utc>) -> Self {
        let meters = state.pool.meters(at);
        let cap_state = cap_state(state, &meters, at);
        Self { meters, cap_state, cap: state.cap, charged: state.charged(), beyond: beyond(state) }
    }

    /// What is passed on the way to `after`: of each thing the farthest level only.
    pub fn crossed(&self, after: &Self) -> Vec<Crossing> {
        let passed = |meter: &&Meter| {
            let same = |known: &&Meter| known.service == meter.service && known.rating_groups == meter.rating_groups;
            let before = self.meters.iter().find(same).map_or(UsedLevel::Ample, Meter::level);
            meter.available > 0 && meter.level() > before
        };
        let allowances = after.meters.iter().filter(passed);
        let allowances = allowances.map(|meter| Crossing::Allowance { meter: meter.clone(), level: meter.level() });
        let (state, charged, cap) = (after.cap_state, after.charged, after.cap);
        let cap = (state > self.cap_state).then_some(Crossing::Cap { state, charged, cap });
        allowances.chain(cap).collect()
    }
}

/// Whether charges of a month are far above the average of the three before, both in yuan.
pub fn is_high(beyond: Decimal, average: Decimal) -> bool {
    beyond >= HIGH_CHARGE_MIN_YUAN && beyond > average * HIGH_CHARGE_TIMES
}

fn cap_state(state: &MonthState, meters: &[Meter], at: DateTime<Utc>) -> CapState {
    let Some(plan) = state.plan_at(at).map(|plan| &state.plans[plan]) else { return CapState::Ok };
    let Some(model) = plan.plan.terms.overage_of(Service::Data) else { return CapState::Ok };
    let general = |meter: &&Meter| meter.service == Service::Data && meter.rating_groups.is_empty();
    let is_used_up = meters.iter().find(general).is_none_or(|meter| meter.left() == 0);
    let counted = plan.beyond.data_bytes - plan.beyond.absorbed_bytes;
    let stop = largest_volume_within(model, plan.beyond.charged + state.cap_left());
    let share = |hundredths: u32| {
        state.cap > Decimal::ZERO && state.charged() * Decimal::ONE_HUNDRED >= state.cap * Decimal::from(hundredths)
    };
    match () {
        () if is_used_up && counted >= stop => CapState::Reached,
        () if share(80) => CapState::Near,
        () if share(50) => CapState::Half,
        () => CapState::Ok,
    }
}

fn beyond(state: &MonthState) -> Decimal {
    let of_plan = |service, volume: fn(&super::rating::Beyond) -> u64| -> Decimal {
        let priced =
            state.plans.iter().filter_map(|plan| Some((plan.plan.terms.overage_of(service)?, volume(&plan.beyond))));
        priced.map(|(model, volume)| price_of_volume(model, volume)).sum()
    };
    state.charged()
        + of_plan(Service::Voice, |beyond| beyond.voice_minutes)
        + of_plan(Service::Sms, |beyond| beyond.sms_messages)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meter(service: Service, available: u64, used: u64) -> Meter {
        Meter { service, rating_groups: vec![], available, used }
    }

    #[test]
    fn an_allowance_passes_its_levels_in_order() {
        let data = |used| meter(Service::Data, 1000 * MIB, used).level();
        assert_eq!(data(0), UsedLevel::Ample);
        assert_eq!(data(500 * MIB - 1), UsedLevel::Ample);
        assert_eq!(data(500 * MIB), UsedLevel::Half);
        assert_eq!(data(800 * MIB), UsedLevel::FourFifths);
        assert_eq!(data(990 * MIB - 1), UsedLevel::FourFifths);
        assert_eq!(data(990 * MIB), UsedLevel::TenMegabytesLeft);
        assert_eq!(data(995 * MIB), UsedLevel::FiveMegabytesLeft);
        assert_eq!(data(1000 * MIB - 1), UsedLevel::FiveMegabytesLeft);
        assert_eq!(data(1000 * MIB), UsedLevel::UsedUp);
        assert_eq!(meter(Service::Voice, 10, 9).level(), UsedLevel::FourFifths);
    }

    fn gauge(meters: Vec<Meter>, cap_state: CapState) -> Gauge {
        let zero = Decimal::ZERO;
        Gauge { meters, cap_state, cap: Decimal::TEN, charged: zero, beyond: zero }
    }

    #[test]
    fn only_the_farthest_level_is_told_and_none_twice() {
        let before = gauge(vec![meter(Service::Sms, 10, 1), meter(Service::Data, MIB, 0)], CapState::Ok);
        let after = gauge(vec![meter(Service::Sms, 10, 8), meter(Service::Data, MIB, 9)], CapState::Near);
        let told = before.crossed(&after);
        let sms = Crossing::Allowance { meter: meter(Service::Sms, 10, 8), level: UsedLevel::FourFifths };
        let cap = Crossing::Cap { state: CapState::Near, charged: Decimal::ZERO, cap: Decimal::TEN };
        assert_eq!(told, [sms, cap], "an allowance of 1 MB is never far from its end");
        assert!(after.crossed(&after).is_empty());
        assert!(after.crossed(&before).is_empty());
        let nothing = gauge(vec![meter(Service::Voice, 0, 0)], CapState::Ok);
        assert!(gauge(vec![], CapState::Ok).crossed(&nothing).is_empty(), "what was never there is not used up");
        let directed = |used| Meter { rating_groups: vec![7], ..meter(Service::Data, 100 * MIB, used) };
        let general = meter(Service::Data, 100 * MIB, 0);
        let before = gauge(vec![directed(60 * MIB), general.clone()], CapState::Ok);
        let after = gauge(vec![directed(70 * MIB), Meter { used: 50 * MIB, ..general.clone() }], CapState::Ok);
        let half = Crossing::Allowance { meter: Meter { used: 50 * MIB, ..general }, level: UsedLevel::Half };
        assert_eq!(before.crossed(&after), [half]);
    }

    #[test]
    fn levels_keep_the_names_that_stored_events_have() {
        use UsedLevel::{Ample, FiveMegabytesLeft, FourFifths, Half, TenMegabytesLeft, UsedUp};
        let names = [Ample, Half, FourFifths, TenMegabytesLeft, FiveMegabytesLeft, UsedUp].map(UsedLevel::as_str);
        assert_eq!(names, ["ample", "half", "four_fifths", "10mb_left", "5mb_left", "used_up"]);
        assert_eq!(CapState::ALL.map(CapState::as_str), ["ok", "half", "near", "reached"]);
        assert!("".parse::<CapState>().is_err());
    }

    #[test]
    fn charges_are_high_above_five_times_the_average_from_ten_yuan_on() {
        let yuan = |fen| Decimal::new(fen, 2);
        assert!(!is_high(yuan(999), Decimal::ZERO));
        assert!(is_high(yuan(1000), Decimal::ZERO));
        assert!(!is_high(yuan(1500), yuan(300)));
        assert!(is_high(yuan(1501), yuan(300)));
    }
}
