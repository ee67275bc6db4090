//! Texts as SMS carry them: encoded, and in parts where they are long (3GPP TS 23.040, clause 9.2.3.24.1).

use rusmpp::values::DataCoding;

/// UTF-16 units of a message that is alone, and of each part of a long one, whose header takes six octets.
const ALONE_UNITS_MAX: usize = 70;
const PART_UNITS_MAX: usize = 67;
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

/// A text in UCS-2, one message or the parts of one, each with the header that joins them. Always UCS-2: which letters
/// data coding 0 stands for is different with each SMS centre, and every text of ours begins with brackets.
/// `reference`: the parts of one message have it in common.
///
/// # Errors
/// [`TooLong`].
pub fn encode(text: &str, reference: u8) -> Result<Vec<Vec<u8>>, TooLong> {
    let units: Vec<u16> = text.encode_utf16().collect();
    if units.len() <= ALONE_UNITS_MAX {
        return Ok(vec![octets(&units)]);
    }
    let mut rest = units.as_slice();
    let mut bodies = Vec::new();
    while !rest.is_empty() {
        let mut length = rest.len().min(PART_UNITS_MAX);
        if length < rest.len() && is_high_surrogate(rest[length - 1]) {
            length -= 1;
        }
        let (body, after) = rest.split_at(length);
        bodies.push(octets(body));
        rest = after;
    }
    let parts = u8::try_from(bodies.len()).ok().filter(|parts| usize::from(*parts) <= PARTS_MAX).ok_or(TooLong)?;
    Ok((1..=parts)
        .zip(bodies)
        .map(|(part, body)| [vec![5, JOINED_8, 3, reference, parts, part], body].concat())
        .collect())
}

fn is_high_surrogate(unit: u16) -> bool {
    (0xD800..0xDC00).contains(&unit)
}

fn octets(units: &[u16]) -> Vec<u8> {
    units.iter().flat_map(|unit| unit.to_be_bytes()).collect()
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

/// What a phone wrote. Of the centre's default alphabet those letters are read that it shares with Latin 1: all that is
/// in our commands. Empty where the coding is none of text.
pub fn decode(body: &[u8], coding: DataCoding) -> String {
    match coding {
        DataCoding::Ucs2 => {
            let units = body.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
            char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
        }
        DataCoding::McSpecific | DataCoding::Ia5 | DataCoding::Latin1 => body.iter().copied().map(char::from).collect(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// As a phone does it.
    fn joined(parts: &[Vec<u8>], reference: u8) -> String {
        let bodies = parts.iter().zip(1..).map(|(message, part)| {
            assert!(message.len() <= 140, "{} octets", message.len());
            let (place, body) = open(message);
            let parts = u8::try_from(parts.len()).unwrap();
            assert_eq!(place, Some(Place { reference: reference.into(), parts, part }));
            let units: Vec<u16> = body.chunks(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect();
            assert!(String::from_utf16(&units).is_ok(), "each part can be read alone");
            body.to_vec()
        });
        decode(&bodies.collect::<Vec<_>>().concat(), DataCoding::Ucs2)
    }

    #[test]
    fn seventy_characters_are_one_message_and_more_are_parts_of_sixty_seven() {
        let lengths = |count: usize| encode(&"明".repeat(count), 7).unwrap().iter().map(Vec::len).collect::<Vec<_>>();
        assert_eq!(lengths(70), [140]);
        assert_eq!(lengths(71), [6 + 134, 6 + 8]);
        assert_eq!(lengths(134), [140, 140]);
        assert_eq!(lengths(16 * 67).len(), 16);
        assert_eq!(encode(&"明".repeat(16 * 67 + 1), 7), Err(TooLong));
        let charging = charging::notice::template::parts(&"明".repeat(300));
        assert_eq!(encode(&"明".repeat(300), 7).unwrap().len(), charging);
    }

    #[test]
    fn a_pair_of_surrogates_stays_together() {
        let text = format!("{}🎉{}", "明".repeat(66), "白".repeat(10));
        let parts = encode(&text, 255).unwrap();
        assert_eq!(parts.iter().map(Vec::len).collect::<Vec<_>>(), [6 + 132, 6 + 24]);
        assert_eq!(joined(&parts, 255), text);
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
        assert_eq!(decode(b"Y", DataCoding::McSpecific), "Y");
        assert_eq!(decode(b"CXLL", DataCoding::Ia5), "CXLL");
        assert_eq!(decode(b"Y", DataCoding::OctetUnspecified), "");
    }

    proptest! {
        #[test]
        fn what_is_joined_is_what_was_split(text in "\\PC{71,900}", reference: u8) {
            prop_assume!(text.encode_utf16().count() > ALONE_UNITS_MAX);
            let parts = encode(&text, reference);
            prop_assume!(parts.is_ok());
            prop_assert_eq!(joined(&parts.unwrap(), reference), text);
        }

        #[test]
        fn no_header_is_too_odd(message in prop::collection::vec(any::<u8>(), 0..300)) {
            let (place, body) = open(&message);
            prop_assert!(body.len() <= message.len());
            prop_assert!(place.is_none_or(|place| place.part <= place.parts));
        }
    }
}
