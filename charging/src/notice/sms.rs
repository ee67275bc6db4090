//! 短信 Texts as SMS carry them: in the default alphabet of GSM where every letter is in it, else in UCS-2, and in as many
//! parts as that takes (3GPP TS 23.038, clause 6.2.1; TS 23.040, clause 9.2.3.24.1).

/// What a letter of the extension table is led by.
const ESCAPE: u8 = 0x1B;

/// The default alphabet, each letter at its septet.
const DEFAULT: [char; 128] = [
    '@', '£', '$', '¥', 'è', 'é', 'ù', 'ì', 'ò', 'Ç', '\n', 'Ø', 'ø', '\r', 'Å', 'å', //
    'Δ', '_', 'Φ', 'Γ', 'Λ', 'Ω', 'Π', 'Ψ', 'Σ', 'Θ', 'Ξ', '\u{1B}', 'Æ', 'æ', 'ß', 'É', //
    ' ', '!', '"', '#', '¤', '%', '&', '\'', '(', ')', '*', '+', ',', '-', '.', '/', //
    '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', ':', ';', '<', '=', '>', '?', //
    '¡', 'A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'I', 'J', 'K', 'L', 'M', 'N', 'O', //
    'P', 'Q', 'R', 'S', 'T', 'U', 'V', 'W', 'X', 'Y', 'Z', 'Ä', 'Ö', 'Ñ', 'Ü', '§', //
    '¿', 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l', 'm', 'n', 'o', //
    'p', 'q', 'r', 's', 't', 'u', 'v', 'w', 'x', 'y', 'z', 'ä', 'ö', 'ñ', 'ü', 'à',
];

/// The letters of the extension table, each with the septet that follows the escape.
const EXTENSION: [(u8, char); 10] = [
    (0x0A, '\u{C}'),
    (0x14, '^'),
    (0x28, '{'),
    (0x29, '}'),
    (0x2F, '\\'),
    (0x3C, '['),
    (0x3D, '~'),
    (0x3E, ']'),
    (0x40, '|'),
    (0x65, '€'),
];

/// What carries a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alphabet {
    /// The default alphabet of GSM with its extension table.
    Gsm,
    Ucs2,
}

impl Alphabet {
    /// The one that carries a text.
    pub fn of(text: &str) -> Self {
        if text.chars().all(|letter| Letter::gsm(letter).is_some()) { Self::Gsm } else { Self::Ucs2 }
    }

    /// Octets of a message that is alone, and of each part of a long one, whose header takes six octets. A septet is
    /// counted, and submitted, as an octet: the SMS centre packs them.
    fn octets_max(self) -> (usize, usize) {
        match self {
            Self::Gsm => (160, 153),
            Self::Ucs2 => (140, 134),
        }
    }
}

/// A letter as it is carried; it is never split between parts.
#[derive(Clone, Copy)]
struct Letter {
    octets: [u8; 4],
    length: usize,
}

impl Letter {
    fn gsm(letter: char) -> Option<Self> {
        let of = |octets: [u8; 2], length| Self { octets: [octets[0], octets[1], 0, 0], length };
        if letter == char::from(ESCAPE) {
            return None;
        }
        if let Some(septet) = DEFAULT.iter().position(|of| *of == letter) {
            return u8::try_from(septet).ok().map(|septet| of([septet, 0], 1));
        }
        let (septet, _) = EXTENSION.iter().find(|(_, of)| *of == letter)?;
        Some(of([ESCAPE, *septet], 2))
    }

    fn ucs2(letter: char) -> Self {
        let mut units = [0; 2];
        let length = letter.encode_utf16(&mut units).len() * 2;
        let [[a, b], [c, d]] = units.map(u16::to_be_bytes);
        Self { octets: [a, b, c, d], length }
    }

    fn octets(&self) -> &[u8] {
        &self.octets[..self.length]
    }
}

/// A text, encoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encoded {
    pub alphabet: Alphabet,
    /// The octets of each part, without the header that joins them; one where the text fits a message that is alone.
    pub parts: Vec<Vec<u8>>,
}

/// Encodes a text, in as few parts as it takes.
pub fn encode(text: &str) -> Encoded {
    let gsm: Option<Vec<Letter>> = text.chars().map(Letter::gsm).collect();
    let (alphabet, letters) = match gsm {
        Some(letters) => (Alphabet::Gsm, letters),
        None => (Alphabet::Ucs2, text.chars().map(Letter::ucs2).collect()),
    };
    let (alone_max, part_max) = alphabet.octets_max();
    let is_alone = letters.iter().map(|letter| letter.length).sum::<usize>() <= alone_max;
    let mut parts = vec![vec![]];
    for letter in &letters {
        if !is_alone && parts.last().is_some_and(|part: &Vec<u8>| part.len() + letter.length > part_max) {
            parts.push(vec![]);
        }
        if let Some(part) = parts.last_mut() {
            part.extend_from_slice(letter.octets());
        }
    }
    Encoded { alphabet, parts }
}

/// Parts that a text takes as SMS.
pub fn parts(text: &str) -> usize {
    encode(text).parts.len()
}

/// Reads septets of the default alphabet, one an octet. What the extension table has no letter for is that of the default
/// table, as a phone shows it that does not know the table.
pub fn decode_gsm(septets: &[u8]) -> String {
    let mut text = String::with_capacity(septets.len());
    let mut rest = septets.iter().map(|octet| octet & 0x7F);
    let default = |septet: u8| DEFAULT[usize::from(septet)];
    while let Some(septet) = rest.next() {
        if septet != ESCAPE {
            text.push(default(septet));
            continue;
        }
        text.push(match rest.next() {
            None | Some(ESCAPE) => ' ',
            Some(escaped) => {
                let letter = EXTENSION.iter().find(|(of, _)| *of == escaped);
                letter.map_or(default(escaped), |(_, letter)| *letter)
            }
        });
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// As a phone does it.
    fn joined(encoded: &Encoded) -> String {
        let (alone_max, part_max) = encoded.alphabet.octets_max();
        let octets_max = if encoded.parts.len() == 1 { alone_max } else { part_max };
        assert!(encoded.parts.iter().all(|part| part.len() <= octets_max), "{encoded:?}");
        let alone = |part: &Vec<u8>| match encoded.alphabet {
            // A part that ended with an escape would lose a letter.
            Alphabet::Gsm => decode_gsm(part),
            Alphabet::Ucs2 => {
                let units: Vec<u16> = part.chunks(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect();
                String::from_utf16(&units).expect("each part can be read alone")
            }
        };
        encoded.parts.iter().map(alone).collect()
    }

    fn lengths(text: &str) -> Vec<usize> {
        encode(text).parts.iter().map(Vec::len).collect()
    }

    #[test]
    fn what_fits_the_alphabet_of_gsm_takes_a_septet_a_letter() {
        assert_eq!(encode("Hi @£¥ [1]").parts, [b"Hi \x00\x01\x03 \x1B\x3C1\x1B\x3E"]);
        assert_eq!(encode("§à_Δ€\n").parts, [b"\x5F\x7F\x11\x10\x1B\x65\x0A"]);
        assert_eq!(lengths(&"a".repeat(160)), [160]);
        assert_eq!(lengths(&"a".repeat(161)), [153, 8]);
        assert_eq!(lengths(&"a".repeat(307)), [153, 153, 1]);
        assert_eq!(lengths(""), [0]);
        for foreign in ["“", "’", "–", "…", "`", "ç", "\t", "\u{1B}", "明", "１"] {
            assert_eq!(encode(&format!("Hi {foreign}")).alphabet, Alphabet::Ucs2, "{foreign}");
        }
    }

    #[test]
    fn an_escape_and_its_letter_stay_together() {
        let text = format!("{}[{}", "a".repeat(152), "b".repeat(20));
        assert_eq!(lengths(&text), [152, 22]);
        assert_eq!(joined(&encode(&text)), text);
        assert_eq!(lengths(&"€".repeat(80)), [160]);
        assert_eq!(lengths(&"€".repeat(81)), [152, 10]);
    }

    #[test]
    fn other_letters_take_sixteen_bits_each_and_a_pair_of_surrogates_stays_together() {
        assert_eq!(lengths(&"明".repeat(70)), [140]);
        assert_eq!(lengths(&"明".repeat(71)), [134, 8]);
        let text = format!("{}🎉{}", "明".repeat(66), "白".repeat(10));
        assert_eq!(lengths(&text), [132, 24]);
        assert_eq!(joined(&encode(&text)), text);
    }

    #[test]
    fn what_no_table_has_is_read_as_a_phone_would() {
        assert_eq!(decode_gsm(b"\x1Ba"), "a");
        assert_eq!(decode_gsm(b"x\x1B"), "x ");
        assert_eq!(decode_gsm(b"\x1B\x1By"), " y");
        assert_eq!(decode_gsm(&[b'Y' | 0x80]), "Y");
    }

    proptest! {
        #[test]
        fn what_is_joined_is_what_was_encoded(text in "[ -~€£¥éßΔ\n]{0,700}|\\PC{0,400}") {
            let encoded = encode(&text);
            prop_assert_eq!(encoded.alphabet, Alphabet::of(&text));
            prop_assert_eq!(joined(&encoded), text);
            prop_assert!(encoded.parts.len() == 1 || encoded.parts.iter().all(|part| !part.is_empty()));
        }

        #[test]
        fn every_septet_is_read(septets in prop::collection::vec(any::<u8>(), 0..300)) {
            prop_assert!(decode_gsm(&septets).chars().count() <= septets.len());
        }
    }
}
