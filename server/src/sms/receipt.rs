//! What the SMS centre tells of a message that it took: a `deliver_sm` of its own kind (SMPP 3.4, appendix B).

use charging::notice::receipt::{Outcome, notation};
use rusmpp::pdus::DeliverSm;
use rusmpp::tlvs::TlvValue;
use rusmpp::values::MessageState;

/// A delivery receipt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Read {
    /// As `charging` writes ids.
    pub message_id: String,
    /// `None`: it is still under way.
    pub outcome: Option<Outcome>,
    /// Why it did not arrive.
    pub error: Option<String>,
}

/// The bits of `esm_class` that tell what kind of message it is.
const MESSAGE_TYPE: u8 = 0b0011_1100;

/// Whether the centre tells something and no phone.
pub fn is_receipt(delivered: &DeliverSm) -> bool {
    u8::from(delivered.esm_class) & MESSAGE_TYPE != 0
}

/// Reads a receipt. What its parameters say counts more than its text, which each centre writes in its own way. `None`: it
/// does not say of which message it tells.
pub fn read(delivered: &DeliverSm) -> Option<Read> {
    let text = String::from_utf8_lossy(delivered.short_message());
    let mut message_id = field(&text, "id").map(str::to_owned);
    let mut state = field(&text, "stat").map(str::to_ascii_uppercase);
    for value in delivered.tlvs().iter().filter_map(|tlv| tlv.value()) {
        match value {
            TlvValue::ReceiptedMessageId(id) => message_id = Some(id.as_str().to_owned()),
            TlvValue::MessageState(told) => state = Some(name(*told).to_owned()),
            _ => {}
        }
    }
    let message_id = notation(&message_id?);
    let state = state.unwrap_or_default();
    let outcome = match state.get(..7).unwrap_or(&state) {
        "DELIVRD" => Some(Outcome::Delivered),
        "EXPIRED" | "DELETED" | "UNDELIV" | "REJECTD" => Some(Outcome::Undelivered),
        _ => None,
    };
    let error = (outcome == Some(Outcome::Undelivered)).then(|| match field(&text, "err") {
        Some(code) => format!("{state} err:{code}"),
        None => state,
    });
    (!message_id.is_empty()).then_some(Read { message_id, outcome, error })
}

/// `NAME:value`, up to the next space.
fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let at = text.char_indices().map(|(at, _)| at).find(|at| {
        let begins = *at == 0 || text[..*at].ends_with(char::is_whitespace);
        let named = text.get(*at..*at + name.len()).is_some_and(|found| found.eq_ignore_ascii_case(name));
        begins && named && text[*at + name.len()..].starts_with(':')
    })?;
    text[at + name.len() + 1..].split_whitespace().next()
}

fn name(state: MessageState) -> &'static str {
    match state {
        MessageState::Delivered => "DELIVRD",
        MessageState::Expired => "EXPIRED",
        MessageState::Deleted => "DELETED",
        MessageState::Undeliverable => "UNDELIV",
        MessageState::Rejected => "REJECTD",
        _ => "ENROUTE",
    }
}

#[cfg(test)]
mod tests {
    use std::str::FromStr as _;

    use rusmpp::tlvs::MessageDeliveryRequestTlvValue;
    use rusmpp::types::{COctetString, OctetString};
    use rusmpp::values::EsmClass;

    use super::*;

    fn delivered(text: &str, tlvs: Vec<MessageDeliveryRequestTlvValue>) -> DeliverSm {
        DeliverSm::builder()
            .esm_class(EsmClass::from(0x04))
            .short_message(OctetString::from_slice(text.as_bytes()).unwrap())
            .tlvs(tlvs)
            .build()
    }

    fn told(id: &str, outcome: Option<Outcome>, error: Option<&str>) -> Read {
        Read { message_id: id.to_owned(), outcome, error: error.map(str::to_owned) }
    }

    #[test]
    fn texts_of_receipts_are_read() {
        let usual =
            "id:0A3F sub:001 dlvrd:001 submit date:2611220830 done date:2611220831 stat:DELIVRD err:000 text:id:99";
        assert!(is_receipt(&delivered(usual, vec![])));
        assert_eq!(read(&delivered(usual, vec![])), Some(told("a3f", Some(Outcome::Delivered), None)));
        let lost = "id:123456789 sub:001 dlvrd:000 stat:EXPIRED err:027 text:";
        let expected = told("123456789", Some(Outcome::Undelivered), Some("EXPIRED err:027"));
        assert_eq!(read(&delivered(lost, vec![])), Some(expected));
        assert_eq!(
            read(&delivered("ID:7 STAT:undeliv", vec![])),
            Some(told("7", Some(Outcome::Undelivered), Some("UNDELIV")))
        );
        assert_eq!(read(&delivered("id:7 stat:ACCEPTD", vec![])), Some(told("7", None, None)));
        assert_eq!(read(&delivered("id:7", vec![])), Some(told("7", None, None)));
        for nothing in ["", "id:", "stat:DELIVRD", "mid:7 stat:DELIVRD", "明白 stat:DELIVRD"] {
            assert_eq!(read(&delivered(nothing, vec![])), None, "{nothing}");
        }
    }

    #[test]
    fn parameters_count_more_than_the_text() {
        let parameters = vec![
            MessageDeliveryRequestTlvValue::ReceiptedMessageId(COctetString::from_str("FF01").unwrap()),
            MessageDeliveryRequestTlvValue::MessageState(MessageState::Undeliverable),
        ];
        let expected = told("ff01", Some(Outcome::Undelivered), Some("UNDELIV err:001"));
        assert_eq!(read(&delivered("id:65281 stat:DELIVRD err:001", parameters)), Some(expected));
    }

    #[test]
    fn a_message_of_a_phone_is_no_receipt() {
        for (esm_class, expected) in
            [(0x00, false), (0x40, false), (0x03, false), (0x04, true), (0x08, true), (0x20, true)]
        {
            let message = DeliverSm::builder().esm_class(EsmClass::from(esm_class)).build();
            assert_eq!(is_receipt(&message), expected, "{esm_class:#x}");
        }
    }
}
