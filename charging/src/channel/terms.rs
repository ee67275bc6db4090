use chrono::{NaiveDate, TimeDelta};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::NATIONWIDE;
use super::credit_code::CreditCode;
use crate::tariff::SchemeId;

/// Longest texts, in characters.
pub const NAME_CHARS_MAX: usize = 40;
pub const OPERATOR_CHARS_MAX: usize = 80;
pub const CONTACT_CHARS_MAX: usize = 40;
const ADDRESS_CHARS_MAX: usize = 200;
const SCHEME_ID_CHARS: usize = 10;
const REGION_CHARS_MAX: usize = 20;
/// Most addresses, regions and tariffs.
pub const ADDRESSES_MAX: usize = 10;
const REGIONS_MAX: usize = 40;
pub const TARIFFS_MAX: usize = 100;
/// A version holds for three years at most; then somebody looks again.
pub const DAYS_MAX: i64 = 1100;

/// What holds of a channel: who runs it, what it may sell, where, and on which days (both included, in Asia/Shanghai).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    pub name: String,
    /// 经营者: the company.
    pub operator_name: String,
    pub credit_code: CreditCode,
    /// Who answers for it, for the desk alone.
    pub contact_name: String,
    pub contact_phone: String,
    /// Web addresses, or names of shops on platforms.
    pub addresses: Vec<String>,
    /// 全国 is everywhere.
    pub regions: Vec<String>,
    pub scheme_ids: Vec<SchemeId>,
    pub valid_from: NaiveDate,
    pub valid_until: NaiveDate,
}

/// The same as somebody typed it: addresses and tariffs one a line, or with commas or blanks between tariffs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Typed {
    pub name: String,
    pub operator_name: String,
    pub credit_code: String,
    pub contact_name: String,
    pub contact_phone: String,
    pub addresses: String,
    #[serde(default)]
    pub regions: Vec<String>,
    pub scheme_ids: String,
    pub valid_from: String,
    pub valid_until: String,
}

/// Which of it cannot be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    #[error("a name has 1 to {NAME_CHARS_MAX} characters")]
    Name,
    #[error("a company's name has 1 to {OPERATOR_CHARS_MAX} characters")]
    OperatorName,
    #[error("the credit code is not one of 18 characters that check each other")]
    CreditCode,
    #[error("there must be a person and a telephone number to ask")]
    Contact,
    #[error("there must be 1 to {ADDRESSES_MAX} addresses or shops")]
    Addresses,
    #[error("there must be a region")]
    Regions,
    #[error("there must be 1 to {TARIFFS_MAX} tariffs, by their filing numbers")]
    Tariffs,
    #[error("the last day must not be before the first, nor more than {DAYS_MAX} days after it")]
    Days,
}

impl Fault {
    /// Its name in addresses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::OperatorName => "operator_name",
            Self::CreditCode => "credit_code",
            Self::Contact => "contact",
            Self::Addresses => "addresses",
            Self::Regions => "regions",
            Self::Tariffs => "tariffs",
            Self::Days => "days",
        }
    }
}

impl Terms {
    /// Reads what was typed.
    ///
    /// # Errors
    /// The first fault.
    pub fn read(typed: &Typed) -> Result<Self, Fault> {
        let name = text(&typed.name, NAME_CHARS_MAX).ok_or(Fault::Name)?;
        let operator_name = text(&typed.operator_name, OPERATOR_CHARS_MAX).ok_or(Fault::OperatorName)?;
        let credit_code = typed.credit_code.parse().map_err(|_| Fault::CreditCode)?;
        let addresses = items(&typed.addresses, |c| c == '\n', ADDRESSES_MAX, ADDRESS_CHARS_MAX);
        let separates = |c: char| c.is_whitespace() || [',', '，', '、'].contains(&c);
        let ids = items(&typed.scheme_ids.to_ascii_uppercase(), separates, TARIFFS_MAX, SCHEME_ID_CHARS);
        let scheme_ids: Option<Vec<SchemeId>> = ids.and_then(|ids| ids.iter().map(|id| id.parse().ok()).collect());
        let is_region = |region: &String| text(region, REGION_CHARS_MAX).is_some();
        let has_regions = (1..=REGIONS_MAX).contains(&typed.regions.len()) && typed.regions.iter().all(is_region);
        let contact = text(&typed.contact_name, CONTACT_CHARS_MAX).zip(phone(&typed.contact_phone));
        let (contact_name, contact_phone) = contact.ok_or(Fault::Contact)?;
        let (valid_from, valid_until) = days(&typed.valid_from, &typed.valid_until).ok_or(Fault::Days)?;
        Ok(Self {
            name,
            operator_name,
            credit_code,
            contact_name,
            contact_phone,
            addresses: addresses.ok_or(Fault::Addresses)?,
            regions: has_regions.then(|| regions(&typed.regions)).ok_or(Fault::Regions)?,
            scheme_ids: scheme_ids.ok_or(Fault::Tariffs)?,
            valid_from,
            valid_until,
        })
    }

    /// As it would be typed, to be changed.
    pub fn typed(&self) -> Typed {
        Typed {
            name: self.name.clone(),
            operator_name: self.operator_name.clone(),
            credit_code: self.credit_code.to_string(),
            contact_name: self.contact_name.clone(),
            contact_phone: self.contact_phone.clone(),
            addresses: self.addresses.join("\n"),
            regions: self.regions.clone(),
            scheme_ids: self.scheme_ids.iter().map(SchemeId::as_str).collect::<Vec<_>>().join("\n"),
            valid_from: self.valid_from.to_string(),
            valid_until: self.valid_until.to_string(),
        }
    }

    /// What the trail says of it, and what a difference is made of.
    pub fn state(&self) -> Value {
        let scheme_ids: Vec<&str> = self.scheme_ids.iter().map(SchemeId::as_str).collect();
        json!({
            "name": self.name,
            "operator_name": self.operator_name,
            "credit_code": self.credit_code.as_str(),
            "contact": format!("{} {}", self.contact_name, self.contact_phone),
            "addresses": self.addresses,
            "regions": self.regions,
            "scheme_ids": scheme_ids,
            "valid_from": self.valid_from.to_string(),
            "valid_until": self.valid_until.to_string(),
        })
    }
}

/// Trimmed; `None`: it is empty, too long, or would not be seen as it is.
fn text(typed: &str, chars_max: usize) -> Option<String> {
    let text = typed.trim();
    ((1..=chars_max).contains(&text.chars().count()) && !text.chars().any(char::is_control)).then(|| text.to_owned())
}

fn phone(typed: &str) -> Option<String> {
    let phone: String = typed.chars().filter(|c| !c.is_whitespace()).collect();
    let digits = phone.strip_prefix('+').unwrap_or(&phone);
    let is_phone = (5..=20).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit() || b == b'-');
    is_phone.then_some(phone)
}

/// The parts of a text, each once, in their order.
fn items(typed: &str, separates: impl Fn(char) -> bool, items_max: usize, chars_max: usize) -> Option<Vec<String>> {
    let mut items: Vec<String> = Vec::new();
    for item in typed.split(separates).map(str::trim).filter(|item| !item.is_empty()) {
        let item = text(item, chars_max)?;
        if !items.contains(&item) {
            items.push(item);
        }
        if items.len() > items_max {
            return None;
        }
    }
    (!items.is_empty()).then_some(items)
}

/// Each once; everywhere says it for all.
fn regions(typed: &[String]) -> Vec<String> {
    if typed.iter().any(|region| region.trim() == NATIONWIDE) {
        return vec![NATIONWIDE.to_owned()];
    }
    let mut regions: Vec<String> = typed.iter().map(|region| region.trim().to_owned()).collect();
    regions.sort_unstable();
    regions.dedup();
    regions
}

fn days(from: &str, until: &str) -> Option<(NaiveDate, NaiveDate)> {
    let earliest = NaiveDate::from_ymd_opt(2000, 1, 1)?;
    let (from, until): (NaiveDate, NaiveDate) = (from.trim().parse().ok()?, until.trim().parse().ok()?);
    let last = from.checked_add_signed(TimeDelta::days(DAYS_MAX))?;
    (earliest <= from && from <= until && until <= last).then_some((from, until))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed() -> Typed {
        Typed {
            name: " 云桥数码专营店 ".to_owned(),
            operator_name: "福州云桥网络科技有限公司".to_owned(),
            credit_code: "91350100M000100Y43".to_owned(),
            contact_name: "吴桐".to_owned(),
            contact_phone: "0591-8888 0000".to_owned(),
            addresses: "https://yunqiao.example/\n\n  云桥旗舰店（某平台）\nhttps://yunqiao.example/".to_owned(),
            regions: vec!["福建".to_owned(), "北京".to_owned(), "福建".to_owned()],
            scheme_ids: "24mb900001，24MB900101\n24MB900001".to_owned(),
            valid_from: "2026-01-01".to_owned(),
            valid_until: "2026-12-31".to_owned(),
        }
    }

    #[test]
    fn what_is_typed_is_read_and_can_be_typed_again() {
        let terms = Terms::read(&typed()).unwrap();
        assert_eq!((terms.name.as_str(), terms.contact_phone.as_str()), ("云桥数码专营店", "0591-88880000"));
        assert_eq!(terms.addresses, ["https://yunqiao.example/", "云桥旗舰店（某平台）"]);
        assert_eq!(terms.regions, ["北京", "福建"]);
        assert_eq!(terms.scheme_ids.len(), 2);
        assert_eq!(Terms::read(&terms.typed()), Ok(terms));
        let everywhere = Typed { regions: vec!["北京".to_owned(), NATIONWIDE.to_owned()], ..typed() };
        assert_eq!(Terms::read(&everywhere).unwrap().regions, [NATIONWIDE]);
    }

    #[test]
    fn each_fault_is_named() {
        let many = |n: usize| (0..n).map(|i| format!("24MB{i:06}")).collect::<Vec<_>>().join(" ");
        let faults = [
            (Typed { name: "名".repeat(41), ..typed() }, Fault::Name),
            (Typed { name: "a\u{7}b".to_owned(), ..typed() }, Fault::Name),
            (Typed { operator_name: " ".to_owned(), ..typed() }, Fault::OperatorName),
            (Typed { credit_code: "91350100M000100Y44".to_owned(), ..typed() }, Fault::CreditCode),
            (Typed { contact_name: String::new(), ..typed() }, Fault::Contact),
            (Typed { contact_phone: "call me".to_owned(), ..typed() }, Fault::Contact),
            (Typed { addresses: "\n \n".to_owned(), ..typed() }, Fault::Addresses),
            (
                Typed {
                    addresses: ["shop 1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11"].join("\n"),
                    ..typed()
                },
                Fault::Addresses,
            ),
            (Typed { regions: Vec::new(), ..typed() }, Fault::Regions),
            (Typed { scheme_ids: "24MB90000".to_owned(), ..typed() }, Fault::Tariffs),
            (Typed { scheme_ids: many(101), ..typed() }, Fault::Tariffs),
            (Typed { valid_until: "2025-12-31".to_owned(), ..typed() }, Fault::Days),
            (Typed { valid_until: "2029-12-31".to_owned(), ..typed() }, Fault::Days),
            (Typed { valid_from: "1.1.2026".to_owned(), ..typed() }, Fault::Days),
        ];
        for (typed, fault) in faults {
            assert_eq!(Terms::read(&typed), Err(fault));
        }
        assert!(Terms::read(&Typed { scheme_ids: many(100), ..typed() }).is_ok());
    }
}
