//! The shelf: what of a tariff is searched, filtered and sorted by. Everything here follows from the tariff itself.

use std::collections::BTreeSet;
use std::str::FromStr;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::{TariffContent, shown};
use crate::money::parse_amount;
use crate::quantity::Service;

/// Texts are searched up to this many characters of a tariff.
const SEARCH_CHARS_MAX: usize = 6000;

/// What a displayed price is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PricePeriod {
    Month,
    Year,
    Day,
    Once,
}

impl PricePeriod {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Month => "month",
            Self::Year => "year",
            Self::Day => "day",
            Self::Once => "once",
        }
    }
}

impl FromStr for PricePeriod {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::Month, Self::Year, Self::Day, Self::Once]
            .into_iter()
            .find(|period| period.as_str() == text)
            .ok_or_else(|| format!("`{text}` is not a price period"))
    }
}

/// A price that is one plain figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Price {
    /// Yuan.
    pub amount: Decimal,
    pub period: PricePeriod,
}

impl Price {
    /// Reads a displayed price that is nothing but an amount and its period: `59元/月`, `10元/次`, `360元/年`. Anything
    /// else — a range, a condition, a discount — is not one plain figure.
    pub fn parse(text: &str) -> Option<Self> {
        let text: String = fold(text).chars().filter(|c| !c.is_whitespace()).collect();
        let (amount, period) = text.split_once('元')?;
        let period = match period {
            "/月" | "每月" | "/月套餐" => PricePeriod::Month,
            "/年" | "/一年" => PricePeriod::Year,
            "/日" | "/天" => PricePeriod::Day,
            "/次" | "/一次性" | "(一次性收取)" => PricePeriod::Once,
            _ => return None,
        };
        let amount = parse_amount(amount, 2).ok()?;
        Some(Self { amount, period })
    }
}

/// A row of `tariff_listing`, without what it copies as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListingRow {
    pub price: Option<Price>,
    pub data_bytes: Option<u64>,
    pub voice_minutes: Option<u64>,
    pub sms_messages: Option<u64>,
    pub has_commitment: bool,
    pub name_folded: String,
    pub search_text: String,
    pub grams: Vec<String>,
}

/// Derives the shelf row of a tariff. What the terms say goes before what texts and tables say.
pub fn listing_of(content: &TariffContent) -> ListingRow {
    let name_folded = fold(&content.name);
    let search_text = search_text(content, &name_folded);
    ListingRow {
        price: displayed_price(content),
        data_bytes: granted(content, Service::Data).or_else(|| content.included.data_bytes()),
        voice_minutes: granted(content, Service::Voice).or(content.included.voice_minutes),
        sms_messages: granted(content, Service::Sms).or(content.included.sms_messages),
        has_commitment: asks_commitment(&content.commitment),
        grams: grams_of(&search_text),
        name_folded,
        search_text,
    }
}

/// The price that is one plain figure: of the terms, else of the displayed text.
pub fn displayed_price(content: &TariffContent) -> Option<Price> {
    match &content.terms {
        None => Price::parse(&content.price_text),
        Some(terms) => Some(match &terms.recurring {
            Some(recurring) => Price { amount: recurring.price, period: PricePeriod::Month },
            None => Price { amount: terms.one_off, period: PricePeriod::Once },
        }),
    }
}

/// Rated units a month, where the terms grant any.
fn granted(content: &TariffContent, service: Service) -> Option<u64> {
    let allowances = &content.terms.as_ref()?.allowances;
    allowances.iter().filter(|a| a.service == service).map(|a| a.quantity).reduce(u64::saturating_add)
}

/// Whether a 在网要求 asks for anything.
fn asks_commitment(commitment: &str) -> bool {
    let plain: String = fold(commitment).chars().filter(|c| c.is_alphanumeric()).collect();
    !matches!(
        plain.as_str(),
        "" | "无"
            | "无要求"
            | "无在网要求"
            | "无在网期限要求"
            | "不涉及"
            | "不限"
            | "不限制"
            | "无限制"
            | "没有"
            | "没有要求"
            | "没有在网要求"
            | "0"
            | "none"
    )
}

fn search_text(content: &TariffContent, name_folded: &str) -> String {
    let mut text = name_folded.replace('\n', " ");
    let parts = [
        content.scheme_id.as_str(),
        &content.price_text,
        &content.services_text,
        &content.included.broadband,
        &content.overage_text,
        &content.audience,
        &content.category,
        &content.validity,
        &content.commitment,
        &content.cancel,
        &content.penalty,
        &content.notes,
    ];
    let lists = [&content.regions, &content.channels, &content.restrictions];
    for part in parts.into_iter().chain(lists.into_iter().flatten().map(String::as_str)) {
        if !part.is_empty() {
            text.push('\n');
            text.push_str(&fold(&shown(part)));
        }
    }
    text.chars().take(SEARCH_CHARS_MAX).collect()
}

/// Lower case and half width, so that `５Ｇ` is found by `5g`.
pub fn fold(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
            '\u{3000}' => ' ',
            _ => c,
        })
        .flat_map(char::to_lowercase)
        .collect()
}

/// Single characters and pairs of neighbours of a folded text, each once, none across white space.
pub fn grams_of(folded: &str) -> Vec<String> {
    let mut grams = BTreeSet::new();
    for word in folded.split_whitespace() {
        let mut previous: Option<char> = None;
        for c in word.chars() {
            grams.insert(String::from(c));
            if let Some(previous) = previous {
                grams.insert(String::from_iter([previous, c]));
            }
            previous = Some(c);
        }
    }
    grams.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_price_is_read() {
        for (text, amount, period) in [
            ("59元/月", "59", PricePeriod::Month),
            ("０.５ 元／月", "0.5", PricePeriod::Month),
            ("10元/次", "10", PricePeriod::Once),
            ("360元（一次性收取）", "360", PricePeriod::Once),
            ("1元/日", "1", PricePeriod::Day),
            ("99元/年", "99", PricePeriod::Year),
        ] {
            let price = Price::parse(text).unwrap();
            assert_eq!((price.amount, price.period), (amount.parse().unwrap(), period), "{text}");
        }
    }

    #[test]
    fn a_price_with_anything_beside_it_is_not_plain() {
        for text in
            ["59元及以上/月", "10至20元/月", "59元/月起", "8折/月", "59元", "元/月", "原价99元,59元/月", "-1元/月"]
        {
            assert_eq!(Price::parse(text), None, "{text}");
        }
    }

    #[test]
    fn grams_are_characters_and_pairs() {
        assert_eq!(grams_of("流量 5g"), ["5", "5g", "g", "流", "流量", "量"]);
        assert_eq!(fold("５Ｇ　ABC"), "5g abc");
    }

    #[test]
    fn no_requirement_is_no_commitment() {
        for text in ["", "无", "无。", "无要求", "不涉及", "没有在网要求。"] {
            assert!(!asks_commitment(text), "{text}");
        }
        for text in ["24个月", "在网36个月"] {
            assert!(asks_commitment(text), "{text}");
        }
    }
}
