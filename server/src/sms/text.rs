//! Texts as SMS carry them: encoded, and in parts where they are long (3GPP TS 23.040, clause 9.2.3.24.1).

use charging::notice::sms::{self, Alphabet, Encoded};
use rusmpp::values::DataCoding;

/// Most parts that we send or join.
pub const PARTS_MAX: usize = 16;
/// Identifiers of the information elements that join parts, with references of 8 and of 16 bits.
const JOINED_8: u8 = 0x00;
const JOINED_16: u8 = 0x08;

/// The text would take more than [`PARTS_MAX`] parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the text takes more than {PARTS_MAX} messages")]
pub struct TooLong;

/// A part of a long message: which it is, of how many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The same in all parts of a message.
    pub reference: u16,
    pub parts: u8,
    /// From 1.
    pub part: u8,
}

impl Place {
    /// Whether the numbers can be those of a part that we join.
    fn is_sound(self) -> bool {
        self.parts >= 2 && (1..=self.parts).contains(&self.part)
    }
}

/// A text as it is submitted, and the coding of it: one message, or the parts of one, each with the header that joins
/// them. `reference`: the parts of one message have it in common.
///
/// # Errors
/// [`TooLong`].
pub fn encode(text: &str, reference: u8) -> Result<(DataCoding, Vec<Vec<u8>>), TooLong> {
    let Encoded { alphabet, parts } = sms::encode(text);
    let coding = match alphabet {
        // The centre's default alphabet, which is that of GSM.
        Alphabet::Gsm => DataCoding::McSpecific,
        Alphabet::Ucs2 => DataCoding::Ucs2,
    };
    let count = u8::try_from(parts.len()).ok().filter(|parts| usize::from(*parts) <= PARTS_MAX).ok_or(TooLong)?;
    if count == 1 {
        return Ok((coding, parts));
    }
    let with_header = |(part, body)| [vec![5, JOINED_8, 3, reference, count, part], body].concat();
    Ok((coding, (1..=count).zip(parts).map(with_header).collect()))
}

/// Takes the header off a message that has one. Which part it is, if it is a part, and the body.
pub fn open(message: &[u8]) -> (Option<Place>, &[u8]) {
    let Some((length, rest)) = message.split_first() else { return (None, message) };
    let Some((mut header, body)) = rest.split_at_checked(usize::from(*length)) else { return (None, message) };
    let mut place = None;
    while let [id, length, rest @ ..] = header {
        let Some((value, after)) = rest.split_at_checked(usize::from(*length)) else { break };
        place = match (*id, value) {
            (JOINED_8, &[reference, parts, part]) => Some(Place { reference: reference.into(), parts, part }),
            (JOINED_16, &[high, low, parts, part]) => {
                Some(Place { reference: u16::from_be_bytes([high, low]), parts, part })
            }
            _ => place,
        };
        header = after;
    }
    (place.filter(|place| place.is_sound()), body)
}

/// A place told by the parameters `sar_…` in place of a header.
pub fn place(reference: u16, parts: u8, part: u8) -> Option<Place> {
    Some(Place { reference, parts, part }).filter(|place| place.is_sound())
}

/// What a phone wrote; empty where the coding is none of text. Where octets of the default alphabet have the eighth bit,
/// the centre takes Latin 1 for it.
pub fn decode(body: &[u8], coding: DataCoding) -> String {
    match coding {
        DataCoding::Ucs2 => {
            let units = body.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
            char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
        }
        DataCoding::McSpecific if body.is_ascii() => sms::decode_gsm(body),
        DataCoding::McSpecific | DataCoding::Ia5 | DataCoding::Latin1 => body.iter().copied().map(char::from).collect(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rusmpp::extra::encoding::gsm7bit::Gsm7BitUnpacked;

    use super::*;

    fn encoded(text: &str) -> (DataCoding, Vec<Vec<u8>>) {
        encode(text, 7).unwrap()
    }

    /// As a phone does it.
    fn joined(coding: DataCoding, parts: &[Vec<u8>], reference: u8) -> String {
        let octets_max = if coding == DataCoding::Ucs2 { 140 } else { 6 + 153 };
        let bodies = parts.iter().zip(1..).map(|(message, part)| {
            assert!(message.len() <= octets_max, "{} octets", message.len());
            let (place, body) = open(message);
            let parts = u8::try_from(parts.len()).unwrap();
            assert_eq!(place, Some(Place { reference: reference.into(), parts, part }));
            decode(body, coding)
        });
        bodies.collect()
    }

    #[test]
    fn a_short_text_is_one_message_and_a_long_one_has_a_header_in_each_part() {
        let lengths = |text: &str| encoded(text).1.iter().map(Vec::len).collect::<Vec<_>>();
        assert_eq!(lengths(&"明".repeat(70)), [140]);
        assert_eq!(lengths(&"明".repeat(71)), [6 + 134, 6 + 8]);
        assert_eq!(lengths(&"明".repeat(16 * 67)).len(), 16);
        assert_eq!(encode(&"明".repeat(16 * 67 + 1), 7), Err(TooLong));
        assert_eq!(lengths(&"m".repeat(160)), [160]);
        assert_eq!(lengths(&"m".repeat(161)), [6 + 153, 6 + 8]);
        assert_eq!(encoded("[Mingbai]").0, DataCoding::McSpecific);
        assert_eq!(encoded("【明白】").0, DataCoding::Ucs2);
    }

    #[test]
    fn the_alphabet_is_that_of_others() {
        for letter in (0..=0x2FFF).filter_map(char::from_u32) {
            let text = letter.to_string();
            let theirs = Gsm7BitUnpacked::new().encode_to_vec(&text).ok();
            let ours = sms::encode(&text);
            // They leave out the form feed.
            if letter != '\u{C}' {
                assert_eq!((ours.alphabet == Alphabet::Gsm).then(|| ours.parts.concat()), theirs, "{letter:?}");
            }
        }
    }

    #[test]
    fn headers_of_other_phones_are_read() {
        let sixteen = [&[6, 8, 4, 0x12, 0x34, 3, 2][..], b"rest"].concat();
        assert_eq!(open(&sixteen), (Some(Place { reference: 0x1234, parts: 3, part: 2 }), &b"rest"[..]));
        let ports_first = [&[11, 5, 4, 0, 80, 0, 81, 0, 3, 9, 2, 1][..], b"x"].concat();
        assert_eq!(open(&ports_first), (Some(Place { reference: 9, parts: 2, part: 1 }), &b"x"[..]));
        for nonsense in [&[5, 0, 3, 1, 2, 3][..], &[5, 0, 3, 1, 0, 0], &[5, 0, 9, 1, 2, 1], &[5, 0, 3, 1, 1, 1]] {
            assert_eq!(open(nonsense), (None, &b""[..]), "{nonsense:?}");
        }
        assert_eq!(open(b""), (None, &b""[..]));
        assert_eq!(open(&[200, 1]), (None, &[200, 1][..]));
    }

    #[test]
    fn texts_are_read_by_their_coding() {
        assert_eq!(decode(&[0x66, 0x2f], DataCoding::Ucs2), "是");
        assert_eq!(decode(&[0x66], DataCoding::Ucs2), "");
        assert_eq!(decode(b"Y\x11\x1B\x3C\x00", DataCoding::McSpecific), "Y_[@");
        assert_eq!(decode(b"Y\xE9", DataCoding::McSpecific), "Y\u{e9}");
        assert_eq!(decode(b"a@_\xE9", DataCoding::Latin1), "a@_\u{e9}");
        assert_eq!(decode(b"CXLL", DataCoding::Ia5), "CXLL");
        assert_eq!(decode(b"Y", DataCoding::OctetUnspecified), "");
    }

    proptest! {
        #[test]
        fn what_is_joined_is_what_was_split(text in "\\PC{141,900}|[ -~\u{20AC}]{161,900}", reference: u8) {
            prop_assume!(sms::parts(&text) > 1);
            let encoded = encode(&text, reference);
            prop_assume!(encoded.is_ok());
            let (coding, parts) = encoded.unwrap();
            prop_assert_eq!(parts.len(), sms::parts(&text));
            prop_assert_eq!(joined(coding, &parts, reference), text);
        }

        #[test]
        fn no_header_is_too_odd(message in prop::collection::vec(any::<u8>(), 0..300)) {
            let (place, body) = open(&message);
            prop_assert!(body.len() <= message.len());
            prop_assert!(place.is_none_or(|place| place.part <= place.parts));
        }
    }
}
