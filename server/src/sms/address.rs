//! Numbers as SMS centres write them.

use charging::subscriber::Msisdn;
use rusmpp::values::{Npi, Ton};

/// Of the Chinese mainland.
const COUNTRY: &str = "86";

/// A subscriber's number as it is submitted: international (E.164), without the plus.
pub fn destination(msisdn: &str) -> (Ton, Npi, String) {
    (Ton::International, Npi::Isdn, format!("{COUNTRY}{msisdn}"))
}

/// Our own number, which is no E.164 one.
pub fn source(number: &str) -> (Ton, Npi, String) {
    (Ton::NetworkSpecific, Npi::Unknown, number.to_owned())
}

/// Whose number it is, however the SMS centre writes it: `13800000001`, `8613800000001`, `+86…`, `0086…`. `None`: no
/// mobile number of the mainland.
pub fn subscriber(address: &str) -> Option<Msisdn> {
    let digits: String = address.chars().filter(|c| !matches!(c, ' ' | '-')).collect();
    let digits = digits.strip_prefix('+').or_else(|| digits.strip_prefix("00")).unwrap_or(&digits);
    let national = match digits.strip_prefix(COUNTRY) {
        Some(rest) if rest.len() == 11 => rest,
        _ => digits,
    };
    national.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_known_however_it_is_written() {
        let number = Some("13800000001".parse().unwrap());
        for text in
            ["13800000001", "8613800000001", "+8613800000001", "008613800000001", "+86 138 0000 0001", "86-13800000001"]
        {
            assert_eq!(subscriber(text), number, "{text}");
        }
        assert_eq!(subscriber(&destination("13800000001").2), number);
        for text in ["", "10086", "86", "+4915112345678", "861380000000", "8612345678901", "1380000000a"] {
            assert_eq!(subscriber(text), None, "{text}");
        }
    }
}
