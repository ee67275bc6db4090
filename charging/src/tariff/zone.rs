//! 资费专区 The tariff zone: what can be asked of it, and what it answers.

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::{Kind, PricePeriod, SchemeId};
use crate::quantity::QUANTITY_MAX;

/// On sale and off sale are shown apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sale {
    /// 在售: today lies between 上下线日期, and sales were not stopped.
    #[default]
    On,
    /// 停售: its last day is over, sales were stopped, or its first day is still to come.
    Off,
}

/// The order of answers. Ties are broken by scheme id, so that pages never overlap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ZoneSort {
    /// Matches in the name first, then the cheapest a month.
    Relevance,
    /// The cheapest a month first; what has no plain monthly price comes last.
    PriceAsc,
    PriceDesc,
    DataDesc,
    VoiceDesc,
    /// The latest 上线日期 first.
    Newest,
    Name,
}

/// A question to the zone. The default asks for the first page of everything on sale, cheapest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ZoneQuery {
    /// Words, separated by spaces, that must all occur in name or texts; a single character will do.
    pub text: String,
    /// `mingbai`, `mobile` or `unicom`.
    pub operator: Option<String>,
    /// A province: what is sold there, nationwide tariffs (全国) included. 全国: those alone.
    pub region: Option<String>,
    pub kind: Option<Kind>,
    /// Yuan a month; leaves out what has no plain monthly price.
    pub price_min: Option<Decimal>,
    pub price_max: Option<Decimal>,
    /// Bytes a month, at least.
    pub data_min: Option<u64>,
    /// Minutes a month, at least.
    pub voice_min: Option<u64>,
    /// With (`true`) or without (`false`) 在网要求.
    pub commitment: Option<bool>,
    pub sale: Sale,
    /// `None`: relevance where there is text, else [`ZoneSort::PriceAsc`].
    pub sort: Option<ZoneSort>,
    /// From 1.
    pub page: u32,
    /// 1 to 100.
    pub page_size: u32,
}

impl Default for ZoneQuery {
    fn default() -> Self {
        Self {
            text: String::new(),
            operator: None,
            region: None,
            kind: None,
            price_min: None,
            price_max: None,
            data_min: None,
            voice_min: None,
            commitment: None,
            sale: Sale::On,
            sort: None,
            page: 1,
            page_size: 20,
        }
    }
}

/// Why a question cannot be answered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidZoneQuery {
    #[error("the search text is longer than {} characters", ZoneQuery::TEXT_CHARS_MAX)]
    TextTooLong,
    #[error("the search text has more than {} words", ZoneQuery::WORDS_MAX)]
    TooManyWords,
    #[error("a filter is longer than 40 characters")]
    FilterTooLong,
    #[error("a page holds 1 to {} tariffs", ZoneQuery::PAGE_SIZE_MAX)]
    PageSize,
    #[error("pages are numbered from 1 to {}", ZoneQuery::PAGE_MAX)]
    Page,
    #[error("a price or quantity is out of range")]
    OutOfRange,
}

impl ZoneQuery {
    pub const TEXT_CHARS_MAX: usize = 100;
    pub const WORDS_MAX: usize = 8;
    pub const PAGE_SIZE_MAX: u32 = 100;
    pub const PAGE_MAX: u32 = 10_000;

    /// Checks the limits.
    ///
    /// # Errors
    /// When text, page or a filter is outside them.
    pub fn check(&self) -> Result<(), InvalidZoneQuery> {
        if self.text.chars().count() > Self::TEXT_CHARS_MAX {
            return Err(InvalidZoneQuery::TextTooLong);
        }
        if self.words().len() > Self::WORDS_MAX {
            return Err(InvalidZoneQuery::TooManyWords);
        }
        if [&self.operator, &self.region].into_iter().flatten().any(|filter| filter.chars().count() > 40) {
            return Err(InvalidZoneQuery::FilterTooLong);
        }
        if !(1..=Self::PAGE_SIZE_MAX).contains(&self.page_size) {
            return Err(InvalidZoneQuery::PageSize);
        }
        if !(1..=Self::PAGE_MAX).contains(&self.page) {
            return Err(InvalidZoneQuery::Page);
        }
        let prices = [self.price_min, self.price_max].into_iter().flatten();
        let quantities = [self.data_min, self.voice_min].into_iter().flatten();
        if prices.into_iter().any(|price| price < Decimal::ZERO || price > crate::money::AMOUNT_MAX_YUAN)
            || quantities.into_iter().any(|quantity| quantity > QUANTITY_MAX)
        {
            return Err(InvalidZoneQuery::OutOfRange);
        }
        Ok(())
    }

    /// The words of the text, folded, each once.
    pub fn words(&self) -> Vec<String> {
        let folded = super::fold(&self.text.replace('\0', " "));
        let mut words: Vec<String> = Vec::new();
        for word in folded.split_whitespace() {
            if !words.iter().any(|other| other == word) {
                words.push(word.to_owned());
            }
        }
        words
    }

    /// The order that applies.
    pub fn effective_sort(&self) -> ZoneSort {
        self.sort.unwrap_or(if self.words().is_empty() { ZoneSort::PriceAsc } else { ZoneSort::Relevance })
    }
}

/// A tariff as the zone lists it: its newest version in short.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listing {
    pub scheme_id: SchemeId,
    pub version: i32,
    pub operator_id: String,
    pub name: String,
    pub kind: Kind,
    pub regions: Vec<String>,
    pub on_sale_from: NaiveDate,
    pub on_sale_until: NaiveDate,
    /// Since when sales are stopped.
    pub withdrawn_at: Option<DateTime<Utc>>,
    /// Yuan, and what they are for; `None` where the displayed price is not one plain figure: show `price_text`.
    pub price: Option<Decimal>,
    pub price_period: Option<PricePeriod>,
    /// 资费标准, as displayed; empty where the terms alone say it.
    pub price_text: String,
    /// Bytes, minutes, messages a month; `None` where the tariff does not say.
    pub data_bytes: Option<u64>,
    pub voice_minutes: Option<u64>,
    pub sms_messages: Option<u64>,
    pub has_commitment: bool,
    /// 在网要求, as displayed.
    pub commitment: String,
    /// 限制, to stand beside the price.
    pub restrictions: Vec<String>,
    /// Whether it has terms, and so can be ordered here.
    pub orderable: bool,
    /// When this version takes over: one that is newly public is announced before it is sold.
    pub takes_over_at: DateTime<Utc>,
    /// Whether the version in force, this one or one before, is on sale.
    pub is_sold: bool,
}

/// How many tariffs a filter would leave.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facet {
    pub value: String,
    pub count: u64,
}

/// A page of answers. Facets count under all other filters, so that each shows what choosing it would give.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ZonePage {
    pub items: Vec<Listing>,
    pub total: u64,
    pub page: u32,
    pub page_size: u32,
    pub operators: Vec<Facet>,
    pub regions: Vec<Facet>,
    pub kinds: Vec<Facet>,
}

impl ZonePage {
    /// Number of pages, at least 1.
    pub fn pages(&self) -> u32 {
        let pages = self.total.div_ceil(u64::from(self.page_size.max(1))).max(1);
        u32::try_from(pages).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_folded_and_counted_once() {
        let query = ZoneQuery { text: " ５Ｇ　畅享 5g ".to_owned(), ..ZoneQuery::default() };
        assert_eq!(query.words(), ["5g", "畅享"]);
        assert_eq!(query.effective_sort(), ZoneSort::Relevance);
        assert_eq!(ZoneQuery::default().effective_sort(), ZoneSort::PriceAsc);
    }

    #[test]
    fn questions_have_limits() {
        assert_eq!(ZoneQuery::default().check(), Ok(()));
        let with = |change: fn(&mut ZoneQuery)| {
            let mut query = ZoneQuery::default();
            change(&mut query);
            query.check()
        };
        assert_eq!(with(|q| q.text = "流".repeat(101)), Err(InvalidZoneQuery::TextTooLong));
        assert_eq!(with(|q| q.text = "a b c d e f g h i".to_owned()), Err(InvalidZoneQuery::TooManyWords));
        assert_eq!(with(|q| q.page = 0), Err(InvalidZoneQuery::Page));
        assert_eq!(with(|q| q.page_size = 101), Err(InvalidZoneQuery::PageSize));
        assert_eq!(with(|q| q.data_min = Some(u64::MAX)), Err(InvalidZoneQuery::OutOfRange));
        assert_eq!(with(|q| q.price_min = Some(Decimal::NEGATIVE_ONE)), Err(InvalidZoneQuery::OutOfRange));
        assert_eq!(with(|q| q.region = Some("京".repeat(41))), Err(InvalidZoneQuery::FilterTooLong));
    }
}
