//! A question to the zone as the parameters of an address: readable, the same for the page and for the files.
//!
//! `q`, `operator`, `region`, `kind`, `price_min`, `price_max` (yuan a month), `data_min` (GB a month), `voice_min`
//! (minutes a month), `commitment` (`yes`, `no`), `sale` (`on`, `off`), `sort`, `page`. Empty means not asked.

use rust_decimal::Decimal;

use super::listing::fold;
use super::{Kind, Sale, ZoneQuery, ZoneSort};
use crate::money::parse_amount;
use crate::quantity::GIB;

/// One parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ZoneParameter {
    Text,
    Operator,
    Region,
    Kind,
    PriceMin,
    PriceMax,
    DataMin,
    VoiceMin,
    Commitment,
    Sale,
    Sort,
    Page,
}

impl ZoneParameter {
    pub const ALL: [Self; 12] = [
        Self::Text,
        Self::Operator,
        Self::Region,
        Self::Kind,
        Self::PriceMin,
        Self::PriceMax,
        Self::DataMin,
        Self::VoiceMin,
        Self::Commitment,
        Self::Sale,
        Self::Sort,
        Self::Page,
    ];

    /// The name in the address.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Text => "q",
            Self::Operator => "operator",
            Self::Region => "region",
            Self::Kind => "kind",
            Self::PriceMin => "price_min",
            Self::PriceMax => "price_max",
            Self::DataMin => "data_min",
            Self::VoiceMin => "voice_min",
            Self::Commitment => "commitment",
            Self::Sale => "sale",
            Self::Sort => "sort",
            Self::Page => "page",
        }
    }
}

impl ZoneSort {
    pub const ALL: [Self; 7] =
        [Self::Relevance, Self::PriceAsc, Self::PriceDesc, Self::DataDesc, Self::VoiceDesc, Self::Newest, Self::Name];

    /// The name in the address.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Relevance => "relevance",
            Self::PriceAsc => "price_asc",
            Self::PriceDesc => "price_desc",
            Self::DataDesc => "data_desc",
            Self::VoiceDesc => "voice_desc",
            Self::Newest => "newest",
            Self::Name => "name",
        }
    }
}

impl ZoneQuery {
    /// Reads a question. A parameter whose value cannot be read is left out of it and returned beside it; unknown names
    /// do not matter.
    pub fn from_parameters(value_of: impl Fn(&str) -> Option<String>) -> (Self, Vec<ZoneParameter>) {
        let mut query = Self::default();
        let mut ignored = Vec::new();
        for parameter in ZoneParameter::ALL {
            let Some(value) = value_of(parameter.as_str()) else { continue };
            let value = value.trim();
            if value.is_empty() {
                continue;
            }
            let before = query.clone();
            if query.set(parameter, value).is_none() || query.check().is_err() {
                query = before;
                ignored.push(parameter);
            }
        }
        (query, ignored)
    }

    fn set(&mut self, parameter: ZoneParameter, value: &str) -> Option<()> {
        let number = fold(value);
        match parameter {
            ZoneParameter::Text => value.clone_into(&mut self.text),
            ZoneParameter::Operator => self.operator = Some(value.to_owned()),
            ZoneParameter::Region => self.region = Some(value.to_owned()),
            ZoneParameter::Kind => self.kind = Some(value.parse().ok()?),
            ZoneParameter::PriceMin => self.price_min = Some(parse_amount(&number, 2).ok()?),
            ZoneParameter::PriceMax => self.price_max = Some(parse_amount(&number, 2).ok()?),
            ZoneParameter::DataMin => self.data_min = Some(bytes_of_gigabytes(&number)?),
            ZoneParameter::VoiceMin => self.voice_min = Some(number.parse().ok()?),
            ZoneParameter::Commitment => self.commitment = Some(one_of(value, &[("yes", true), ("no", false)])?),
            ZoneParameter::Sale => self.sale = one_of(value, &[("on", Sale::On), ("off", Sale::Off)])?,
            ZoneParameter::Sort => self.sort = Some(ZoneSort::ALL.into_iter().find(|sort| sort.as_str() == value)?),
            ZoneParameter::Page => self.page = value.parse().ok()?,
        }
        Some(())
    }

    /// What a parameter says in this question; `None` where it says nothing. The page is left to whoever turns pages.
    pub fn parameter(&self, parameter: ZoneParameter) -> Option<String> {
        match parameter {
            ZoneParameter::Text => Some(self.text.clone()).filter(|text| !text.is_empty()),
            ZoneParameter::Operator => self.operator.clone(),
            ZoneParameter::Region => self.region.clone(),
            ZoneParameter::Kind => self.kind.map(|kind: Kind| kind.as_str().to_owned()),
            ZoneParameter::PriceMin => self.price_min.map(|price| price.normalize().to_string()),
            ZoneParameter::PriceMax => self.price_max.map(|price| price.normalize().to_string()),
            ZoneParameter::DataMin => {
                self.data_min.map(|bytes| (Decimal::from(bytes) / Decimal::from(GIB)).normalize().to_string())
            }
            ZoneParameter::VoiceMin => self.voice_min.map(|minutes| minutes.to_string()),
            ZoneParameter::Commitment => self.commitment.map(|asked| if asked { "yes" } else { "no" }.to_owned()),
            ZoneParameter::Sale => (self.sale == Sale::Off).then(|| "off".to_owned()),
            ZoneParameter::Sort => self.sort.map(|sort| sort.as_str().to_owned()),
            ZoneParameter::Page => None,
        }
    }

    /// The question without what one parameter asks.
    pub fn without(&self, parameter: ZoneParameter) -> Self {
        Self::from_parameters(|name| {
            let same = ZoneParameter::ALL.into_iter().find(|known| known.as_str() == name && *known != parameter);
            same.and_then(|known| self.parameter(known))
        })
        .0
    }
}

fn one_of<T: Copy>(value: &str, known: &[(&str, T)]) -> Option<T> {
    known.iter().find(|(name, _)| *name == value).map(|(_, meaning)| *meaning)
}

/// Whole bytes of a number of GB with at most three decimals, rounded down.
fn bytes_of_gigabytes(text: &str) -> Option<u64> {
    let gigabytes = parse_amount(text, 3).ok()?;
    gigabytes.checked_mul(GIB.into())?.floor().try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(address: &str) -> (ZoneQuery, Vec<ZoneParameter>) {
        ZoneQuery::from_parameters(|name| {
            address
                .split('&')
                .find_map(|pair| pair.split_once('=').filter(|(key, _)| *key == name))
                .map(|pair| pair.1.to_owned())
        })
    }

    #[test]
    fn a_question_is_read_and_written_back() {
        let address = "q=流量 王&operator=unicom&region=北京&kind=plan&price_min=9.9&price_max=59&data_min=0.5\
            &voice_min=100&commitment=no&sale=off&sort=data_desc&page=3";
        let (query, ignored) = read(address);
        assert_eq!(ignored, []);
        assert_eq!((query.data_min, query.voice_min, query.page), (Some(GIB / 2), Some(100), 3));
        assert_eq!((query.commitment, query.sale, query.kind), (Some(false), Sale::Off, Some(Kind::Plan)));
        let written: Vec<String> = ZoneParameter::ALL
            .into_iter()
            .filter_map(|parameter| Some(format!("{}={}", parameter.as_str(), query.parameter(parameter)?)))
            .collect();
        assert_eq!(format!("{}&page=3", written.join("&")), address);
    }

    #[test]
    fn full_width_digits_are_digits_and_empty_is_not_asked() {
        let (query, ignored) = read("price_max=５９&q=&operator=&sale= ");
        assert_eq!(ignored, []);
        assert_eq!(query, ZoneQuery { price_max: Some(Decimal::from(59)), ..ZoneQuery::default() });
    }

    #[test]
    fn what_cannot_be_read_is_left_out_and_told() {
        let long = "长".repeat(200);
        for (address, parameter) in [
            ("price_min=abc", ZoneParameter::PriceMin),
            ("price_max=-1", ZoneParameter::PriceMax),
            ("price_max=1.234", ZoneParameter::PriceMax),
            ("data_min=99999999999999999999", ZoneParameter::DataMin),
            ("data_min=1e9", ZoneParameter::DataMin),
            ("voice_min=1.5", ZoneParameter::VoiceMin),
            ("voice_min=99999999999999999", ZoneParameter::VoiceMin),
            ("kind=car", ZoneParameter::Kind),
            ("commitment=maybe", ZoneParameter::Commitment),
            ("sale=soon", ZoneParameter::Sale),
            ("sort=luck", ZoneParameter::Sort),
            ("page=0", ZoneParameter::Page),
            ("page=-1", ZoneParameter::Page),
            ("page=4294967296", ZoneParameter::Page),
            (&format!("q={long}"), ZoneParameter::Text),
            (&format!("region={long}"), ZoneParameter::Region),
        ] {
            assert_eq!(read(address), (ZoneQuery::default(), vec![parameter]), "{address}");
        }
    }

    #[test]
    fn loosening_takes_one_thing_away() {
        let (query, _) = read("q=x&price_max=10&sort=name");
        let loose = query.without(ZoneParameter::PriceMax);
        assert_eq!((loose.price_max, loose.text.as_str(), loose.sort), (None, "x", Some(ZoneSort::Name)));
    }
}
