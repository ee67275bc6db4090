//! 资费 Tariffs: what may be sold, in the words and at the price that the public saw.

pub mod board;
mod commitment;
pub mod history;
mod included;
mod limits;
mod listing;
mod markup;
pub mod own_format;
mod parameters;
mod terms;
pub mod typical;
mod zone;

#[cfg(feature = "postgres")]
pub mod changes;
#[cfg(feature = "postgres")]
pub mod clarity;
#[cfg(feature = "postgres")]
mod classify;
#[cfg(feature = "postgres")]
pub mod derive;
#[cfg(feature = "postgres")]
pub mod difference;
pub mod draft;
#[cfg(feature = "postgres")]
pub mod file;
#[cfg(feature = "postgres")]
pub mod operator_format;
#[cfg(feature = "postgres")]
pub mod store;
#[cfg(feature = "postgres")]
pub mod withdrawal;

pub use commitment::{Commitment, Formula, Penalty};
pub use included::Included;
pub use listing::{ListingRow, Price, PricePeriod, displayed_price, fold, grams_of, listing_of};
pub use markup::shown;
pub use parameters::ZoneParameter;
pub use terms::{Allowance, CancelEffective, FirstMonth, Overage, OverageModel, Recurring, Terms, TermsError};
pub use zone::{Facet, InvalidZoneQuery, Listing, Sale, ZonePage, ZoneQuery, ZoneSort};

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::clock::{local_date, start_of_day};

/// 方案编号 The number under which a tariff is on public display: two digits of the year, two letters of the
/// province, six digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SchemeId(String);

/// The text is not a scheme id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a scheme id such as 26MB900001")]
pub struct InvalidSchemeId(String);

impl SchemeId {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SchemeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for SchemeId {
    type Err = InvalidSchemeId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bytes = text.as_bytes();
        let valid = bytes.len() == 10
            && bytes[..2].iter().all(u8::is_ascii_digit)
            && bytes[2..4].iter().all(u8::is_ascii_uppercase)
            && bytes[4..].iter().all(u8::is_ascii_digit);
        if valid { Ok(Self(text.to_owned())) } else { Err(InvalidSchemeId(text.chars().take(40).collect())) }
    }
}

impl TryFrom<String> for SchemeId {
    type Error = InvalidSchemeId;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<SchemeId> for String {
    fn from(id: SchemeId) -> Self {
        id.0
    }
}

/// What sort of tariff it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// 套餐: one at a time; its overage terms price what is beyond the allowances.
    Plan,
    /// 加装包.
    Addon,
    /// 营销活动.
    Campaign,
    /// 国际及港澳台.
    International,
    /// 标准资费.
    Standard,
}

impl Kind {
    pub const ALL: [Self; 5] = [Self::Plan, Self::Addon, Self::Campaign, Self::International, Self::Standard];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Plan => "plan",
            Self::Addon => "addon",
            Self::Campaign => "campaign",
            Self::International => "international",
            Self::Standard => "standard",
        }
    }
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or_else(|| format!("`{}` is not a kind of tariff", text.chars().take(40).collect::<String>()))
    }
}

/// Everything that one version of a tariff says: the elements that the regulator asks for, as displayed, and the terms.
/// Texts that the operator left empty are empty here; nothing is filled in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TariffContent {
    pub scheme_id: SchemeId,
    /// `mingbai`, `mobile` or `unicom`: see the table `operator`.
    pub operator_id: String,
    pub name: String,
    pub kind: Kind,
    /// 适用范围: who may order it.
    pub audience: String,
    /// 适用地区: provinces, or 全国.
    pub regions: Vec<String>,
    /// 销售渠道.
    pub channels: Vec<String>,
    /// 上线日期 and 下线日期, both days included.
    pub on_sale_from: NaiveDate,
    pub on_sale_until: NaiveDate,
    /// 有效期限, with what follows it.
    pub validity: String,
    /// 在网要求.
    pub commitment: String,
    /// 退订方式.
    pub cancel: String,
    /// 违约责任.
    pub penalty: String,
    /// 限制: what a buyer would want to know before.
    pub restrictions: Vec<String>,
    /// 其他说明.
    pub notes: String,
    /// 资费标准, as displayed.
    pub price_text: String,
    /// 服务内容, as displayed.
    pub services_text: String,
    /// 超出资费, as displayed.
    pub overage_text: String,
    /// The operator's own shelf name.
    pub category: String,
    /// What the operator's own table lists as included, beside its texts; empty for tariffs with texts alone.
    pub included: Included,
    /// `None`: on public display, but cannot be ordered here.
    pub terms: Option<Terms>,
}

impl TariffContent {
    /// SHA-256 of the canonical JSON: two versions that say the same have the same digest.
    #[expect(clippy::missing_panics_doc, reason = "the content has string keys only")]
    pub fn digest(&self) -> [u8; 32] {
        let canonical = serde_json::to_vec(self).expect("the content has string keys only");
        Sha256::digest(canonical).into()
    }

    /// Whether someone of a region may order it (全国: everyone).
    pub fn serves_region(&self, region: &str) -> bool {
        self.regions.iter().any(|own| own == "全国" || own == region)
    }

    /// Whether a day lies between 上线日期 and 下线日期.
    pub fn on_sale(&self, day: NaiveDate) -> bool {
        (self.on_sale_from..=self.on_sale_until).contains(&day)
    }
}

/// A row of the published table: content that can no longer change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TariffVersion {
    pub version: i32,
    /// Since when the public can read it.
    pub published_at: DateTime<Utc>,
    /// Since when it can be ordered: what was approved here is public for a while before it is sold.
    pub orderable_from: DateTime<Utc>,
    #[serde(flatten)]
    pub content: TariffContent,
}

impl TariffVersion {
    /// From when on it is sold instead of the version before: once it can be ordered and its 上线日期 has come
    /// (`takes_over_at` in the database).
    pub fn takes_over_at(&self) -> DateTime<Utc> {
        self.orderable_from.max(start_of_day(self.content.on_sale_from))
    }

    /// Whether it took over by an instant, and its 下线日期 is not over; another version may have taken over since.
    pub fn is_sold(&self, at: DateTime<Utc>) -> bool {
        self.takes_over_at() <= at && local_date(at) <= self.content.on_sale_until
    }
}

/// Where the version in force stands among all of one tariff, from the oldest to the newest.
fn in_force(versions: &[TariffVersion], at: DateTime<Utc>) -> Option<usize> {
    versions.iter().rposition(|version| version.takes_over_at() <= at)
}

/// A tariff as it is at an instant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Current {
    /// The version in force; before there is one, the newest.
    pub tariff: TariffVersion,
    /// When a version that is announced takes over: the next one, or this one itself.
    pub announced: Option<DateTime<Utc>>,
}

impl Current {
    /// `versions`: all of one tariff, from the oldest to the newest. `None` where there is none.
    pub fn of(versions: &[TariffVersion], at: DateTime<Utc>) -> Option<Self> {
        let in_force = in_force(versions, at);
        let coming = &versions[in_force.map_or(0, |place| place + 1)..];
        let announced = coming.iter().map(TariffVersion::takes_over_at).min();
        let tariff = in_force.map_or(versions.last(), |place| versions.get(place))?.clone();
        Some(Self { tariff, announced })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scheme_ids_have_one_shape() {
        assert!("26MB900001".parse::<SchemeId>().is_ok());
        for text in ["26mb900001", "26MB90001", "26MB9000011", "", "２6MB900001", "26MB90000a"] {
            assert!(text.parse::<SchemeId>().is_err(), "{text}");
        }
    }
}
