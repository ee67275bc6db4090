//! 短信指令 What an SMS to 10086 asks for, read as people write it.

use rust_decimal::Decimal;

use crate::usage::cap::parse_cap;

/// Longest text that can be a command, in characters; what is longer was meant for somebody else.
const COMMAND_CHARS_MAX: usize = 40;
/// Most digits of a number to cancel by.
const NUMBER_DIGITS_MAX: usize = 5;

/// What a message asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    Yes,
    No,
    /// `0000`: the list of services.
    Services,
    /// `TD` and a number, or the number alone: cancel that one. `None`: which one is not said.
    Cancel(Option<u32>),
    /// `CXTC`
    Plan,
    /// `CXLL`
    Data,
    /// `CXZD`
    Bill,
    /// `CXFD`
    Cap,
    /// `FD` and an amount in yuan; `None`: the amount cannot be a cap.
    SetCap(Option<Decimal>),
    /// `KTTX` (`true`), `QXTX`.
    Reminders(bool),
    /// `JT` (`true`): the invitation to a family bill; `QXJT`: leave it.
    Family(bool),
    Unknown,
}

impl Command {
    /// Reads a message: full-width letters and digits, lower case, spaces, a sign between word and number, and a mark at the
    /// end are understood. Nothing is guessed: what has anything more to it is [`Self::Unknown`].
    pub fn read(text: &str) -> Self {
        let word: String =
            text.chars().map(half_width).filter(|c| !is_blank(*c)).flat_map(char::to_uppercase).collect();
        let word = word.trim_end_matches(['.', '。', '!', ',', '，', '?', '～', '~']);
        if word.chars().count() > COMMAND_CHARS_MAX {
            return Self::Unknown;
        }
        match word {
            "Y" | "YES" | "是" | "同意" => Self::Yes,
            "N" | "NO" | "否" | "不同意" => Self::No,
            "0000" => Self::Services,
            "CXTC" => Self::Plan,
            "CXLL" => Self::Data,
            "CXZD" => Self::Bill,
            "CXFD" | "FD" => Self::Cap,
            "KTTX" => Self::Reminders(true),
            "QXTX" => Self::Reminders(false),
            "JT" => Self::Family(true),
            "QXJT" => Self::Family(false),
            "TD" | "退订" => Self::Cancel(None),
            _ => Self::with_argument(word),
        }
    }

    fn with_argument(word: &str) -> Self {
        if let Some(amount) = word.strip_prefix("FD") {
            return Self::set_cap(argument(amount));
        }
        let number = word.strip_prefix("TD").or_else(|| word.strip_prefix("退订")).map_or(word, argument);
        let is_number = (1..=NUMBER_DIGITS_MAX).contains(&number.len()) && number.bytes().all(|b| b.is_ascii_digit());
        match number.parse() {
            Ok(number) if is_number => Self::Cancel(Some(number)),
            _ => Self::Unknown,
        }
    }

    /// What follows `FD` is an amount only if it begins as one or is a sign: other words may begin so too.
    fn set_cap(amount: &str) -> Self {
        let digits = amount.trim_end_matches(['元', '块']);
        match parse_cap(digits) {
            Ok(cap) => Self::SetCap(Some(cap)),
            Err(_) if amount.starts_with(|c: char| c.is_ascii_digit() || ['-', '.', '¥', '￥'].contains(&c)) => {
                Self::SetCap(None)
            }
            Err(_) => Self::Unknown,
        }
    }
}

/// What stands after a word, without the plus sign or colon by which some join the two.
fn argument(rest: &str) -> &str {
    rest.strip_prefix(['+', ':', '：']).unwrap_or(rest)
}

fn is_blank(c: char) -> bool {
    c.is_whitespace() || c.is_control() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{feff}')
}

/// Full-width forms of ASCII as ASCII.
fn half_width(c: char) -> char {
    match u32::from(c) {
        0x3000 => ' ',
        wide @ 0xFF01..=0xFF5E => char::from_u32(wide - 0xFEE0).unwrap_or(c),
        _ => c,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn answers_are_read_as_people_write_them() {
        for text in ["Y", "y", " Ｙ ", "ｙ", "是", "是。", "同 意", "yes", "Ｙｅｓ！"] {
            assert_eq!(Command::read(text), Command::Yes, "{text}");
        }
        for text in ["N", "n ", "Ｎ", "否", "不同意", "No."] {
            assert_eq!(Command::read(text), Command::No, "{text}");
        }
        for text in
            ["", "YN", "是吗", "不是", "好的", "Y1", "同意书", "00000000", "0000是什么", "TD1和2", "FDA", "CXTC2"]
        {
            assert_eq!(Command::read(text), Command::Unknown, "{text}");
        }
    }

    #[test]
    fn commands_are_read_as_people_write_them() {
        let cancel = |number| Command::Cancel(Some(number));
        for (text, command) in [
            ("0000", Command::Services),
            ("００００", Command::Services),
            (" 00 00。", Command::Services),
            ("td", Command::Cancel(None)),
            ("退订", Command::Cancel(None)),
            ("TD+2", cancel(2)),
            ("ｔｄ　１２", cancel(12)),
            ("退订3！", cancel(3)),
            ("2", cancel(2)),
            ("TD101", cancel(101)),
            ("cxtc", Command::Plan),
            ("C X L L", Command::Data),
            ("ＣＸＺＤ", Command::Bill),
            ("cxfd", Command::Cap),
            ("fd", Command::Cap),
            ("kttx", Command::Reminders(true)),
            ("Qxtx.", Command::Reminders(false)),
            ("ｊｔ。", Command::Family(true)),
            ("qx jt", Command::Family(false)),
        ] {
            assert_eq!(Command::read(text), command, "{text}");
        }
    }

    #[test]
    fn an_amount_is_never_guessed() {
        let cap = |text: &str| match Command::read(text) {
            Command::SetCap(cap) => cap.map(|cap| cap.to_string()),
            other => panic!("{text} is {other:?}"),
        };
        for (text, amount) in [
            ("FD50", "50.00"),
            ("fd+50", "50.00"),
            ("ＦＤ５０．５", "50.50"),
            ("FD 50元。", "50.00"),
            ("FD0", "0.00"),
            ("FD50.", "50.00"),
        ] {
            assert_eq!(cap(text).as_deref(), Some(amount), "{text}");
        }
        for text in ["FD1,000", "FD-5", "FD0.001", "FD100001", "FD5x", "FD5.0.0"] {
            assert_eq!(cap(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn anything_can_be_read(text in any::<String>()) {
            Command::read(&text);
        }

        #[test]
        fn width_case_and_blanks_change_nothing(
            word in prop::sample::select(vec!["0000", "TD7", "12", "CXTC", "FD12.50", "KTTX", "QXJT", "Y", "N"]),
            seed in prop::collection::vec((any::<bool>(), any::<bool>(), 0_usize..3), 7),
            end in prop::sample::select(vec!["", ".", "。", "！"]),
        ) {
            let mut written = String::new();
            for (c, (wide, lower, blanks)) in word.chars().zip(seed.iter().cycle()) {
                let c = if *lower { c.to_ascii_lowercase() } else { c };
                written.push(if *wide { char::from_u32(u32::from(c) + 0xFEE0).unwrap() } else { c });
                written.extend(std::iter::repeat_n(' ', *blanks));
            }
            prop_assert_eq!(Command::read(&(written + end)), Command::read(word));
        }

        #[test]
        fn a_number_is_read_as_it_is(number in 1_u32..100_000) {
            prop_assert_eq!(Command::read(&format!("TD{number}")), Command::Cancel(Some(number)));
            prop_assert_eq!(Command::read(&number.to_string()), Command::Cancel(Some(number)));
        }

        #[test]
        fn nothing_else_is_a_yes(text in "[^YyＹｙ是同]{0,12}") {
            prop_assert_ne!(Command::read(&text), Command::Yes);
        }
    }
}
