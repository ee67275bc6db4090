//! What an operator lists as included in columns of its own, beside its texts.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::quantity::{GIB, QUANTITY_MAX};

/// 套餐包含, as the operator's table shows it. `None`: the table does not say, or says none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Included {
    /// 通用流量, in GB as displayed (which may be rounded: 0.49 for 500 MB).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub general_data_gb: Option<Decimal>,
    /// 定向流量, in GB as displayed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub directed_data_gb: Option<Decimal>,
    /// 语音, in minutes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub voice_minutes: Option<u64>,
    /// 短信, in messages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sms_messages: Option<u64>,
    /// 宽带, as displayed.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub broadband: String,
}

impl Included {
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// General and directed data together, in whole bytes (rounded down).
    pub fn data_bytes(&self) -> Option<u64> {
        let gigabytes = [self.general_data_gb, self.directed_data_gb].into_iter().flatten();
        gigabytes.map(bytes_of_gb).reduce(|sum, more| sum?.checked_add(more?)).flatten()
    }

    /// Whether every figure is within what a quantity may be.
    pub fn is_sound(&self) -> bool {
        let data = [self.general_data_gb, self.directed_data_gb].into_iter().flatten();
        let counts = [self.voice_minutes, self.sms_messages].into_iter().flatten();
        data.map(bytes_of_gb).all(|bytes| bytes.is_some()) && counts.into_iter().all(|count| count <= QUANTITY_MAX)
    }
}

/// Whole bytes of a number of GB, rounded down; `None` when it is negative or beyond any quantity.
fn bytes_of_gb(gigabytes: Decimal) -> Option<u64> {
    let bytes = gigabytes.checked_mul(GIB.into())?.floor();
    u64::try_from(bytes).ok().filter(|bytes| *bytes <= QUANTITY_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn general_and_directed_data_add_up() {
        let included = Included {
            general_data_gb: Some("0.5".parse().unwrap()),
            directed_data_gb: Some(Decimal::from(30)),
            ..Included::default()
        };
        assert_eq!(included.data_bytes(), Some(30 * GIB + GIB / 2));
        assert_eq!(Included::default().data_bytes(), None);
    }

    #[test]
    fn figures_beyond_any_quantity_are_unsound() {
        for gigabytes in ["-1", "99999999999999"] {
            let included = Included { general_data_gb: Some(gigabytes.parse().unwrap()), ..Included::default() };
            assert!(!included.is_sound(), "{gigabytes}");
        }
    }
}
