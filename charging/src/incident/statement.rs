//! 公开说明 What the public is told of an incident: a text in each language, where names in braces stand for figures that the
//! execution says.

use chrono::NaiveDate;
use rust_decimal::Decimal;

use crate::money::plain;
use crate::subscriber::Language;

/// Characters of the longest title and text.
pub const TITLE_CHARS_MAX: usize = 100;
pub const TEXT_CHARS_MAX: usize = 5000;

/// What stands for a figure: how many got something back, yuan in all, and the day by which everything arrives.
const SUBSCRIBERS: &str = "{subscribers}";
const AMOUNT: &str = "{amount}";
const UNTIL: &str = "{until}";

/// What the execution says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Figures {
    pub subscribers: i64,
    /// Yuan, to the fen.
    pub amount: Decimal,
    /// The day by which everything arrives.
    pub arrives_by: NaiveDate,
}

/// A title and a text in one language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wording {
    pub title: String,
    pub text: String,
}

/// Why a text is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StatementFault {
    #[error("a title has 1 to {TITLE_CHARS_MAX} characters, a text 1 to {TEXT_CHARS_MAX}")]
    Length,
    #[error("a text names {SUBSCRIBERS}, {AMOUNT} and {UNTIL}, which stand for the figures")]
    NoFigures,
    #[error("there is nothing that `{{` and `}}` stand for besides {SUBSCRIBERS}, {AMOUNT} and {UNTIL}")]
    UnknownFigure,
}

impl Wording {
    /// What was typed, without blanks at its ends.
    ///
    /// # Errors
    /// When it is empty or too long, or its figures are not left to the execution.
    pub fn checked(title: &str, text: &str) -> Result<Self, StatementFault> {
        let text = text.replace("\r\n", "\n");
        let (title, text) = (title.trim(), text.trim());
        let is_within = |text: &str, max: usize| (1..=max).contains(&text.chars().count());
        let is_printable = !title.chars().any(char::is_control) && !text.chars().any(|c| c.is_control() && c != '\n');
        if !is_within(title, TITLE_CHARS_MAX) || !is_within(text, TEXT_CHARS_MAX) || !is_printable {
            return Err(StatementFault::Length);
        }
        if [SUBSCRIBERS, AMOUNT, UNTIL].iter().any(|name| !text.contains(name)) {
            return Err(StatementFault::NoFigures);
        }
        let rest = [SUBSCRIBERS, AMOUNT, UNTIL].iter().fold(text.to_owned(), |text, name| text.replace(name, ""));
        if rest.contains(['{', '}']) {
            return Err(StatementFault::UnknownFigure);
        }
        Ok(Self { title: title.to_owned(), text: text.to_owned() })
    }

    /// The text with its figures.
    pub fn filled(&self, figures: &Figures) -> String {
        self.text
            .replace(SUBSCRIBERS, &figures.subscribers.to_string())
            .replace(AMOUNT, &plain(figures.amount))
            .replace(UNTIL, &figures.arrives_by.to_string())
    }
}

/// What is begun with: what happened, whom it affects, what is returned and until when, and where to ask.
pub fn template(language: Language, incident: &str, tariffs: &[String]) -> Wording {
    match language {
        Language::Chinese => Wording {
            title: "关于多收费用退还的说明".to_owned(),
            text: format!(
                "发生了什么\n因为我们的过错，一些用户被收取了不应收取的费用（{incident}{}）。我们已经停止办理、查清每一笔，向受影响的用户道歉。\n\n\
                影响到谁\n共有 {SUBSCRIBERS} 位用户，每位都已收到我们的短信。\n\n\
                退还什么\n共退还 {AMOUNT} 元，按原来的支付方式退回，最晚 {UNTIL} 到账。不需要办理任何手续，我们不会索要验证码、密码或银行卡号。\n\n\
                到哪里问\n在“我的账单”里可以看到退还的费用；对结果有疑问，可以对账单上的任何一项提出异议，或拨打10086。",
                of_tariffs("，资费方案编号 ", "、", tariffs)
            ),
        },
        Language::English => Wording {
            title: "Wrong charges that we return".to_owned(),
            text: format!(
                "What happened\nBy our mistake, some subscribers were charged what they should not have been charged ({incident}{}). We stopped it, looked at every charge, and apologise to everyone affected.\n\n\
                Whom it affects\n{SUBSCRIBERS} subscribers. Each of them got a message from us.\n\n\
                What is returned\n¥{AMOUNT} in all, the way it had been paid, arriving by {UNTIL}. There is nothing to apply for, and we never ask for a code, a password or a card number.\n\n\
                Where to ask\nUnder Bills you see what was returned. If you have doubts, dispute any line of a bill, or call 10086.",
                of_tariffs(", tariff ", ", ", tariffs)
            ),
        },
    }
}

fn of_tariffs(before: &str, between: &str, tariffs: &[String]) -> String {
    if tariffs.is_empty() { String::new() } else { format!("{before}{}", tariffs.join(between)) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn figures() -> Figures {
        Figures { subscribers: 1234, amount: Decimal::new(1_172_300, 2), arrives_by: "2026-12-09".parse().unwrap() }
    }

    #[test]
    fn what_is_begun_with_is_taken_and_says_its_figures() {
        for language in [Language::Chinese, Language::English] {
            let begun = template(language, "十月的升级", &["26MB900001".to_owned()]);
            assert_eq!(Wording::checked(&begun.title, &begun.text), Ok(begun.clone()));
            let filled = begun.filled(&figures());
            for said in ["1234", "11723.00", "2026-12-09", "十月的升级", "26MB900001", "10086"] {
                assert!(filled.contains(said), "{said}: {filled}");
            }
            assert!(!filled.contains(['{', '}']), "{filled}");
        }
    }

    #[test]
    fn figures_are_not_left_out_and_nothing_else_stands_for_one() {
        let whole = "{subscribers} {amount} {until}";
        assert!(Wording::checked("标题", whole).is_ok());
        assert_eq!(Wording::checked("标题", "{subscribers} {amount}"), Err(StatementFault::NoFigures));
        assert_eq!(Wording::checked("标题", &format!("{whole} {{day}}")), Err(StatementFault::UnknownFigure));
        assert_eq!(Wording::checked(" ", whole), Err(StatementFault::Length));
        assert_eq!(Wording::checked("a\u{7}", whole), Err(StatementFault::Length));
        assert_eq!(Wording::checked("标题", &(whole.to_owned() + &"字".repeat(5000))), Err(StatementFault::Length));
        assert_eq!(Wording::checked("标题", &whole.replace(' ', "\r\n")).unwrap().text, whole.replace(' ', "\n"));
    }

    proptest! {
        #[test]
        fn nothing_that_is_taken_keeps_a_brace(text in "[ -~一二\n{}]{0,60}") {
            let text = format!("{text}{{subscribers}}{{amount}}{{until}}");
            if let Ok(wording) = Wording::checked("title", &text) {
                let filled = wording.filled(&figures());
                prop_assert!(!filled.contains(['{', '}']), "{}", filled);
            }
        }
    }
}
