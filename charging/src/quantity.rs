//! Quantities of service: bytes, seconds and minutes, messages.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Service {
    /// 流量, in bytes.
    Data,
    /// 语音, in seconds as reported, in started minutes as rated.
    Voice,
    /// 短信, in messages.
    Sms,
}

impl Service {
    pub const ALL: [Self; 3] = [Self::Data, Self::Voice, Self::Sms];

    /// The name in files and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Data => "data",
            Self::Voice => "voice",
            Self::Sms => "sms",
        }
    }

    /// Reported quantity in rated units: a call counts in started minutes, everything else as it is.
    pub fn rated_units(self, reported: u64) -> u64 {
        match self {
            Self::Voice => reported.div_ceil(60),
            Self::Data | Self::Sms => reported,
        }
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Service {
    type Err = InvalidQuantity;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|service| service.as_str() == text)
            .ok_or_else(|| InvalidQuantity(text.chars().take(40).collect()))
    }
}

pub const KIB: u64 = 1024;
pub const MIB: u64 = 1024 * KIB;
pub const GIB: u64 = 1024 * MIB;

/// The largest quantity that any input may name: 1 PB, or as many minutes or messages.
pub const QUANTITY_MAX: u64 = 1 << 50;

/// The text is not a quantity of that service.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a quantity such as 20GB, 400min or 100")]
pub struct InvalidQuantity(String);

/// Reads a quantity of a tariff file (`20GB`, `512MB`, `100KB`, `1B`; `400min`, `120s`; `100`) in rated units:
/// bytes, whole minutes, messages. 1 GB = 1024 MB.
pub fn parse_quantity(service: Service, text: &str) -> Result<u64, InvalidQuantity> {
    let invalid = || InvalidQuantity(text.chars().take(40).collect());
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().map_err(|_| invalid())?;
    let units = match (service, unit) {
        (Service::Data, "B") | (Service::Voice, "min") | (Service::Sms, "") => Some(number),
        (Service::Data, "KB") => number.checked_mul(KIB),
        (Service::Data, "MB") => number.checked_mul(MIB),
        (Service::Data, "GB") => number.checked_mul(GIB),
        (Service::Voice, "s") => (number.is_multiple_of(60)).then_some(number / 60),
        _ => None,
    };
    units.filter(|units| *units <= QUANTITY_MAX).ok_or_else(invalid)
}

/// Writes a quantity of rated units as tariff files do, in the largest unit that divides it.
pub fn format_quantity(service: Service, units: u64) -> String {
    match service {
        Service::Voice => format!("{units}min"),
        Service::Sms => units.to_string(),
        Service::Data => [(GIB, "GB"), (MIB, "MB"), (KIB, "KB")]
            .into_iter()
            .find(|(size, _)| units != 0 && units.is_multiple_of(*size))
            .map_or_else(|| format!("{units}B"), |(size, name)| format!("{}{name}", units / size)),
    }
}

/// Bytes as people read them: at most two decimals, in the unit that fits (1 GB = 1024 MB).
pub fn data_size(bytes: u64) -> String {
    let (size, unit) = match bytes {
        GIB.. => (GIB, "GB"),
        MIB.. => (MIB, "MB"),
        KIB.. => (KIB, "KB"),
        _ => return format!("{bytes} B"),
    };
    let hundredths = u128::from(bytes) * 100 / u128::from(size);
    let (whole, part) = (hundredths / 100, hundredths % 100);
    match part {
        0 => format!("{whole} {unit}"),
        part if part % 10 == 0 => format!("{whole}.{} {unit}", part / 10),
        part => format!("{whole}.{part:02} {unit}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_read_and_written_back() {
        for (service, text, units) in [
            (Service::Data, "20GB", 20 * GIB),
            (Service::Data, "512MB", 512 * MIB),
            (Service::Data, "1B", 1),
            (Service::Voice, "400min", 400),
            (Service::Sms, "100", 100),
        ] {
            assert_eq!(parse_quantity(service, text).unwrap(), units);
            assert_eq!(format_quantity(service, units), text);
        }
        assert_eq!(parse_quantity(Service::Voice, "120s").unwrap(), 2);
    }

    #[test]
    fn other_texts_are_refused() {
        for (service, text) in [
            (Service::Data, "20"),
            (Service::Data, "1.5GB"),
            (Service::Data, "99999999999999GB"),
            (Service::Voice, "30s"),
            (Service::Voice, "5GB"),
            (Service::Sms, "-1"),
            (Service::Sms, ""),
        ] {
            assert!(parse_quantity(service, text).is_err(), "{text}");
        }
    }

    #[test]
    fn sizes_are_cut_to_two_decimals_and_never_rounded_up() {
        assert_eq!(data_size(0), "0 B");
        assert_eq!(data_size(1536), "1.5 KB");
        assert_eq!(data_size(20 * GIB), "20 GB");
        assert_eq!(data_size(20 * GIB - 1), "19.99 GB");
        assert_eq!(data_size(GIB + GIB / 20), "1.04 GB");
    }
}
