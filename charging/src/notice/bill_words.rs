//! 账单提醒 The monthly push: what the bill comes to, and the facts that changed most.

use rust_decimal::Decimal;

use super::sms::{Alphabet, parts};
use super::template::{BillFacts, PARTS_MAX};
use super::words::{self, clip, one_line, yuan};
use crate::bill::LineKind;
use crate::bill::change::{Change, Turn};
use crate::clock::Month;
use crate::subscriber::Language;

/// Most characters of a tariff's name: three of them stand in one message.
const NAME_CHARS_MAX: usize = 10;
/// What stands before every message, which counts, too.
const SIGNATURE: &str = "【明白】";

/// The message: with as many of the facts as two parts have room for, the largest first.
pub(super) fn bill_ready(month: Month, total: Decimal, due: Decimal, facts: &BillFacts, language: Language) -> String {
    let told = |count: usize| {
        let facts: Vec<String> = facts.largest.iter().take(count).map(|change| fact(change, language)).collect();
        (facts.join(if language == Language::Chinese { "；" } else { "; " }), facts.len())
    };
    let text = |(changes, count): (String, usize)| match language {
        Language::Chinese => {
            let changes = if count == 0 { String::new() } else { format!("变化最大的：{changes}。") };
            format!(
                "{}账单：共{}，应付{}，{}。{changes}每一笔的由来见网站“我的账单”。",
                words::month(month, language),
                yuan(total, language),
                yuan(due, language),
                change_zh(facts.change)
            )
        }
        Language::English => {
            let changes = if count == 0 { String::new() } else { format!("Most changed: {changes}. ") };
            format!(
                "Bill of {}: {} in all, {} due, {}. {changes}Every amount is explained under My bills.",
                words::month(month, language),
                yuan(total, language),
                yuan(due, language),
                change_en(facts.change)
            )
        }
    };
    let fits = |body: &String| {
        let sent =
            if language == Language::Chinese { format!("{SIGNATURE}{body}") } else { format!("[Mingbai] {body}") };
        parts(&sent) <= PARTS_MAX
    };
    let bodies = (0..=facts.largest.len()).rev().map(|count| text(told(count)));
    bodies.into_iter().find(fits).unwrap_or_else(|| text((String::new(), 0)))
}

fn fact(change: &Change, language: Language) -> String {
    let amount = yuan(change.by, language);
    let name = change.tariff.as_ref().map(|(name, scheme_id)| name_text(name, scheme_id, language));
    let what = kind_text(change.kind, name.is_some(), language);
    match (language, name) {
        (Language::Chinese, Some(name)) => match change.turn {
            Turn::New => format!("新收“{name}”{what}{amount}"),
            Turn::Gone => format!("不再收“{name}”{what}{amount}"),
            Turn::More => format!("“{name}”{what}多{amount}"),
            Turn::Less => format!("“{name}”{what}少{amount}"),
        },
        (Language::Chinese, None) if change.turn == Turn::Less => format!("{what}少{amount}"),
        (Language::Chinese, None) => format!("{what}多{amount}"),
        (Language::English, Some(name)) => match change.turn {
            Turn::New => format!("new {what} {name} {amount}"),
            Turn::Gone => format!("no more {what} {name} {amount}"),
            Turn::More => format!("{what} {name} {amount} more"),
            Turn::Less => format!("{what} {name} {amount} less"),
        },
        (Language::English, None) if change.turn == Turn::Less => format!("{what} {amount} less"),
        (Language::English, None) => format!("{what} {amount} more"),
    }
}

/// The name; in English the number of the tariff, where a Chinese name would make the message twice as long.
fn name_text(name: &str, scheme_id: &str, language: Language) -> String {
    let is_foreign = language == Language::English && Alphabet::of(name) == Alphabet::Ucs2;
    if is_foreign { scheme_id.to_owned() } else { clip(&one_line(name), NAME_CHARS_MAX).0 }
}

fn kind_text(kind: LineKind, is_named: bool, language: Language) -> &'static str {
    match (language, kind, is_named) {
        (Language::Chinese, LineKind::Recurring, true) => "",
        (Language::Chinese, LineKind::Recurring, false) => "月费",
        (Language::Chinese, LineKind::OneOff, _) => "一次性",
        (Language::Chinese, LineKind::DataOverage, _) => "超出流量",
        (Language::Chinese, LineKind::VoiceOverage, _) => "超出通话",
        (Language::Chinese, LineKind::SmsOverage, _) => "超出短信",
        (Language::Chinese, LineKind::ThirdParty, _) => "代收",
        (Language::Chinese, LineKind::LateUsage, _) => "晚到的用量",
        (Language::Chinese, LineKind::Adjustment, _) => "调账",
        (Language::English, LineKind::Recurring, _) => "monthly fee",
        (Language::English, LineKind::OneOff, _) => "one-off",
        (Language::English, LineKind::DataOverage, _) => "extra data",
        (Language::English, LineKind::VoiceOverage, _) => "extra calls",
        (Language::English, LineKind::SmsOverage, _) => "extra SMS",
        (Language::English, LineKind::ThirdParty, _) => "third party",
        (Language::English, LineKind::LateUsage, _) => "late usage",
        (Language::English, LineKind::Adjustment, _) => "adjustment",
    }
}

fn change_zh(change: Option<Decimal>) -> String {
    let zh = Language::Chinese;
    let Some(change) = change else { return "这是您的第一张账单".to_owned() };
    match change {
        change if change.is_zero() => "与上月相同".to_owned(),
        change if change < Decimal::ZERO => format!("比上月少{}", yuan(-change, zh)),
        change => format!("比上月多{}", yuan(change, zh)),
    }
}

fn change_en(change: Option<Decimal>) -> String {
    let en = Language::English;
    let Some(change) = change else { return "your first bill".to_owned() };
    match change {
        change if change.is_zero() => "as last month".to_owned(),
        change if change < Decimal::ZERO => format!("{} less than last month", yuan(-change, en)),
        change => format!("{} more than last month", yuan(change, en)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(kind: LineKind, name: Option<&str>, turn: Turn, by: &str) -> Change {
        let tariff = name.map(|name| (name.to_owned(), "26MB900002".to_owned()));
        Change { kind, tariff, turn, by: by.parse().unwrap() }
    }

    fn said(largest: Vec<Change>, by: &str, language: Language) -> String {
        let amount = |text: &str| text.parse::<Decimal>().unwrap();
        let facts = BillFacts { change: Some(amount(by)), largest };
        bill_ready("2026-10".parse().unwrap(), amount("111.80"), amount("111.80"), &facts, language)
    }

    #[test]
    fn the_three_largest_changes_are_told_in_words() {
        let largest = vec![
            change(LineKind::DataOverage, None, Turn::More, "12.80"),
            change(LineKind::Recurring, Some("流量加油包"), Turn::New, "10"),
            change(LineKind::Recurring, Some("彩铃"), Turn::Gone, "5"),
        ];
        assert_eq!(
            said(largest.clone(), "17.80", Language::Chinese),
            "2026年10月账单：共111.80元，应付111.80元，比上月多17.80元。变化最大的：超出流量多12.80元；新收“流量加油包”10.00元；\
             不再收“彩铃”5.00元。每一笔的由来见网站“我的账单”。"
        );
        assert_eq!(
            said(largest, "-1", Language::English),
            "Bill of Oct 2026: CNY 111.80 in all, CNY 111.80 due, CNY 1.00 less than last month. Most changed: extra data \
             CNY 12.80 more; new monthly fee 26MB900002 CNY 10.00; no more monthly fee 26MB900002 CNY 5.00. Every amount is \
             explained under My bills."
        );
        assert!(!said(Vec::new(), "0", Language::Chinese).contains("变化"));
    }

    #[test]
    fn what_has_no_room_is_left_out_the_smallest_first() {
        let long = "一个很长很长很长的名字".repeat(3);
        let largest: Vec<Change> =
            ["99999.99", "99999.98", "99999.97"].map(|by| change(LineKind::OneOff, Some(&long), Turn::Gone, by)).into();
        for language in Language::ALL {
            let body = said(largest.clone(), "99999.99", language);
            assert!(parts(&format!("【明白】{body}")) <= PARTS_MAX || language == Language::English, "{body}");
            assert!(body.contains("99999.99") && body.contains("99999.98"), "{body}");
        }
    }
}
