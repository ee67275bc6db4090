//! 检测规则 What makes a charge look wrong. Each detector is a query over charges of ours and of other systems; its figures are
//! rows (`detector_version`), and a change of them is a new version.

#[cfg(feature = "postgres")]
pub mod store;

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// The figures of a detector by their names.
pub type Figures = BTreeMap<String, u32>;

/// A detector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Detector {
    /// 未经同意: no proof of a yes, or a broken one.
    NoConsent,
    /// 价格不符: more than the version that was agreed to costs.
    Price,
    /// 短时间大量订购: many like orders from one source.
    Burst,
    /// 退订后扣费.
    AfterCancellation,
    /// 重复扣费.
    Duplicate,
    /// 超过封顶.
    AboveCap,
    /// 费用突增: many times the average of three months.
    Jump,
    /// 未公示或不在售.
    NotOnSale,
}

/// A figure of a detector: a whole number within limits, which the schema holds too (`detector_version_parameters`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameter {
    pub name: &'static str,
    pub min: u32,
    pub max: u32,
}

/// Why figures are refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParameterError {
    #[error("`{}` is a whole number from {} to {}", .0.name, .0.min, .0.max)]
    Range(Parameter),
    #[error("the figures are {0}, and no others")]
    Names(String),
}

/// It is the name of no detector.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no detector")]
pub struct UnknownDetector(String);

impl Parameter {
    const fn new(name: &'static str, min: u32, max: u32) -> Self {
        Self { name, min, max }
    }
}

impl Detector {
    pub const ALL: [Self; 8] = [
        Self::NoConsent,
        Self::Price,
        Self::Burst,
        Self::AfterCancellation,
        Self::Duplicate,
        Self::AboveCap,
        Self::Jump,
        Self::NotOnSale,
    ];

    /// The name in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoConsent => "no_consent",
            Self::Price => "price",
            Self::Burst => "burst",
            Self::AfterCancellation => "after_cancellation",
            Self::Duplicate => "duplicate",
            Self::AboveCap => "above_cap",
            Self::Jump => "jump",
            Self::NotOnSale => "not_on_sale",
        }
    }

    /// The figures that it takes; those without any know no more or less.
    pub fn parameters(self) -> &'static [Parameter] {
        match self {
            Self::NoConsent | Self::AfterCancellation | Self::AboveCap | Self::NotOnSale => &[],
            Self::Price => const { &[Parameter::new("tolerance_fen", 0, 10_000)] },
            Self::Burst => {
                const { &[Parameter::new("orders_min", 10, 1_000_000), Parameter::new("minutes", 1, 1_440)] }
            }
            Self::Duplicate => const { &[Parameter::new("minutes", 0, 1_440)] },
            Self::Jump => const { &[Parameter::new("times", 2, 100), Parameter::new("amount_min_yuan", 1, 100_000)] },
        }
    }

    /// Whether these are its figures.
    ///
    /// # Errors
    /// When one is missing, outside its limits, or none of this detector's.
    pub fn check(self, figures: &Figures) -> Result<(), ParameterError> {
        let wanted = self.parameters();
        let found = wanted.iter().filter_map(|parameter| Some((parameter, *figures.get(parameter.name)?)));
        if figures.len() != wanted.len() || found.clone().count() != wanted.len() {
            let names: Vec<&str> = wanted.iter().map(|parameter| parameter.name).collect();
            return Err(ParameterError::Names(names.join(", ")));
        }
        match found.into_iter().find(|(parameter, figure)| !(parameter.min..=parameter.max).contains(figure)) {
            Some((parameter, _)) => Err(ParameterError::Range(*parameter)),
            None => Ok(()),
        }
    }

    /// The query that finds charges among those that arrived: see `store`.
    #[cfg(feature = "postgres")]
    pub(crate) fn sql(self) -> &'static str {
        match self {
            Self::NoConsent => include_str!("no_consent.sql"),
            Self::Price => include_str!("price.sql"),
            Self::Burst => include_str!("burst.sql"),
            Self::AfterCancellation => include_str!("after_cancellation.sql"),
            Self::Duplicate => include_str!("duplicate.sql"),
            Self::AboveCap => include_str!("above_cap.sql"),
            Self::Jump => include_str!("jump.sql"),
            Self::NotOnSale => include_str!("not_on_sale.sql"),
        }
    }
}

impl fmt::Display for Detector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Detector {
    type Err = UnknownDetector;

    fn from_str(text: &str) -> Result<Self, UnknownDetector> {
        let known = Self::ALL.into_iter().find(|detector| detector.as_str() == text);
        known.ok_or_else(|| UnknownDetector(text.chars().take(40).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back() {
        for detector in Detector::ALL {
            assert_eq!(detector.as_str().parse(), Ok(detector));
        }
        assert!("weather".parse::<Detector>().is_err());
    }

    #[test]
    fn figures_are_within_limits() {
        let check = |detector: Detector, figures: &[(&str, u32)]| {
            detector.check(&figures.iter().map(|(name, figure)| ((*name).to_owned(), *figure)).collect())
        };
        assert_eq!(check(Detector::Burst, &[("orders_min", 10), ("minutes", 1440)]), Ok(()));
        assert_eq!(check(Detector::NoConsent, &[]), Ok(()));
        for (detector, figures, reason) in [
            (Detector::Burst, &[("orders_min", 9), ("minutes", 10)][..], "`orders_min` is a whole number from 10"),
            (Detector::Burst, &[("orders_min", 10), ("minutes", 0)], "`minutes` is a whole number"),
            (Detector::Burst, &[("orders_min", 10)], "the figures are orders_min, minutes"),
            (Detector::Burst, &[("orders_min", 10), ("hours", 1)], "the figures are orders_min, minutes"),
            (Detector::Jump, &[("times", 101), ("amount_min_yuan", 1)], "`times` is a whole number from 2"),
            (Detector::NoConsent, &[("minutes", 1)], "and no others"),
        ] {
            let error = check(detector, figures).unwrap_err().to_string();
            assert!(error.contains(reason), "{figures:?}: {error}");
        }
    }
}
