//! What is said in a phone call: short, without signs that have no sound, figures as one says them.

use chrono::{Datelike as _, NaiveDate};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive as _;

use super::template::{Message, NAME_CHARS_MAX};
use super::words::{clip, one_line};
use super::{ServiceNotice, Topic, UsageNotice};
use crate::money::{plain, round_to_fen};
use crate::quantity::Service;
use crate::subscriber::Language;
use crate::usage::threshold::{CapState, UsedLevel};

/// From here on a number has more digits than anyone counts by ear.
const COUNTED_MAX: u64 = 1_000_000_000_000;

impl Message<'_> {
    /// The topic by which its reader may choose a call besides the SMS; `None`: nobody is called about it.
    pub fn call_topic(&self) -> Option<Topic> {
        match self {
            Self::Usage(
                UsageNotice::Allowance { service: Service::Data, is_directed: false, level: UsedLevel::UsedUp, .. }
                | UsageNotice::Cap { state: CapState::Reached, .. }
                | UsageNotice::HighCharge { .. },
            ) => Some(Topic::CallOverUse),
            Self::Service(ServiceNotice::Renewal { .. }) => Some(Topic::CallRenewal),
            _ => None,
        }
    }

    /// What a call says; `None`: nobody is called about it.
    pub fn spoken(&self, language: Language) -> Option<String> {
        self.call_topic()?;
        let said = match (self, language) {
            (Self::Usage(notice), Language::Chinese) => usage_zh(notice)?,
            (Self::Usage(notice), Language::English) => usage_en(notice)?,
            (Self::Service(ServiceNotice::Renewal { first, services, monthly, renews_on }), _) => {
                renewal(first, *services, *monthly, *renews_on, language)
            }
            _ => return None,
        };
        Some(match language {
            Language::Chinese => format!("您好，这里是明白。{said}详情请看短信，或者拨打幺零零八六。再见。"),
            Language::English => {
                format!("Hello, this is Mingbai. {said} For details see our message, or call 1 0 0 8 6. Goodbye.")
            }
        })
    }
}

fn usage_zh(notice: &UsageNotice) -> Option<String> {
    let zh = Language::Chinese;
    Some(match notice {
        UsageNotice::Allowance { has_price: true, .. } => {
            "您本月的流量已经用完。再用就按套餐外的价格收费，到您设的封顶就停。".to_owned()
        }
        UsageNotice::Allowance { has_price: false, .. } => "您本月的流量已经用完。流量停用，不会另外收费。".to_owned(),
        UsageNotice::Cap { state: CapState::Reached, charged, cap } => format!(
            "您本月套餐外的流量费是{}，已经到您设的封顶{}。流量已停，不再收费。",
            yuan(*charged, zh),
            yuan(*cap, zh)
        ),
        UsageNotice::HighCharge { beyond, average } => {
            format!("请您留意：本月套餐外的费用已经有{}，近三个月平均每月是{}。", yuan(*beyond, zh), yuan(*average, zh))
        }
        UsageNotice::Cap { .. } => return None,
    })
}

fn usage_en(notice: &UsageNotice) -> Option<String> {
    let en = Language::English;
    Some(match notice {
        UsageNotice::Allowance { has_price: true, .. } => {
            "This month's data is used up. From now on your plan's price for more applies, up to your cap.".to_owned()
        }
        UsageNotice::Allowance { has_price: false, .. } => {
            "This month's data is used up. Data has stopped, and costs nothing more.".to_owned()
        }
        UsageNotice::Cap { state: CapState::Reached, charged, cap } => format!(
            "Data beyond your plan has cost {} this month. Your cap of {} is reached: data has stopped, and costs nothing more.",
            yuan(*charged, en),
            yuan(*cap, en)
        ),
        UsageNotice::HighCharge { beyond, average } => format!(
            "Please note: use beyond your plan has cost {} this month. The average of the last three months is {}.",
            yuan(*beyond, en),
            yuan(*average, en)
        ),
        UsageNotice::Cap { .. } => return None,
    })
}

fn renewal(first: &str, services: usize, monthly: Decimal, renews_on: NaiveDate, language: Language) -> String {
    let (name, price) = (clip(&one_line(first), NAME_CHARS_MAX).0, yuan(monthly, language));
    let count = services.to_u64().unwrap_or(u64::MAX);
    match language {
        Language::Chinese => {
            let day = format!("{}月{}日", ordinal(renews_on.month()), ordinal(renews_on.day()));
            let what = if count > 1 { format!("{name}等{}项业务", counted(count)) } else { name };
            format!("{what}，将在{day}自动续订，每月一共{price}。不想续，请在这之前退订；想继续用，什么都不用做。")
        }
        Language::English => {
            let day = renews_on.format("%B %-d");
            let what = match count {
                0 | 1 => name,
                2 => format!("{name} and 1 more service"),
                _ => format!("{name} and {} more services", count - 1),
            };
            format!(
                "On {day} the following renews by itself: {what}, for {price} a month in all. To stop, cancel before then. To keep it, do nothing."
            )
        }
    }
}

/// An amount, rounded half up to the fen.
fn yuan(amount: Decimal, language: Language) -> String {
    let amount = round_to_fen(amount);
    let fen = (amount * Decimal::ONE_HUNDRED).to_u64();
    match (language, fen) {
        // Below zero, or beyond what is counted: as it is written.
        (_, None) => plain(amount),
        (Language::Chinese, Some(fen)) => yuan_zh(fen),
        (Language::English, Some(fen)) => match (fen / 100, fen % 100) {
            (yuan, 0) => format!("{yuan} yuan"),
            (0, fen) => format!("{fen} fen"),
            (yuan, fen) => format!("{yuan} yuan and {fen} fen"),
        },
    }
}

fn yuan_zh(fen: u64) -> String {
    let (yuan, jiao, fen) = (fen / 100, fen / 10 % 10, fen % 10);
    let is_whole = jiao + fen == 0;
    let gap = if yuan > 0 && jiao == 0 { "零" } else { "" };
    [
        (yuan > 0 || is_whole).then(|| format!("{}元", counted(yuan))),
        (jiao > 0).then(|| format!("{}角", counted(jiao))),
        (fen > 0).then(|| format!("{gap}{}分", counted(fen))),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// A number of things: two of them are 两.
fn counted(number: u64) -> String {
    if number == 2 { "两".to_owned() } else { numeral(number) }
}

/// A place in an order, such as a day of a month.
fn ordinal(number: u32) -> String {
    numeral(number.into())
}

fn numeral(number: u64) -> String {
    if number >= COUNTED_MAX {
        return number.to_string();
    }
    if number == 0 {
        return "零".to_owned();
    }
    let mut said = String::new();
    let mut after_gap = false;
    for (size, unit) in [(100_000_000, "亿"), (10_000, "万"), (1, "")] {
        let section = number / size % 10_000;
        if section > 0 {
            if !said.is_empty() && (after_gap || section < 1_000) {
                said.push('零');
            }
            said += &if section == 2 && size > 1 { "两".to_owned() } else { below_ten_thousand(section) };
            said += unit;
        }
        after_gap = section == 0;
    }
    said.strip_prefix("一十").map(|rest| format!("十{rest}")).unwrap_or(said)
}

fn below_ten_thousand(number: u64) -> String {
    const DIGITS: [&str; 10] = ["", "一", "二", "三", "四", "五", "六", "七", "八", "九"];
    let mut said = String::new();
    let mut gap = false;
    for (size, unit) in [(1_000, "千"), (100, "百"), (10, "十"), (1, "")] {
        let digit = usize::try_from(number / size % 10).unwrap_or_default();
        if digit == 0 {
            gap = !said.is_empty();
            continue;
        }
        if gap {
            said.push('零');
            gap = false;
        }
        said += if digit == 2 && size >= 100 { "两" } else { DIGITS[digit] };
        said += unit;
    }
    said
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::notice::template::catalogue::{Sample, messages};

    /// The number that a numeral stands for.
    fn heard(said: &str) -> u64 {
        let (mut total, mut section, mut digit) = (0, 0, 0);
        for c in said.chars() {
            match c {
                '零' => {}
                '十' => (section, digit) = (section + digit.max(1) * 10, 0),
                '百' => (section, digit) = (section + digit * 100, 0),
                '千' => (section, digit) = (section + digit * 1_000, 0),
                '万' => (total, section, digit) = (total + (section + digit) * 10_000, 0, 0),
                '亿' => (total, section, digit) = (total + (section + digit) * 100_000_000, 0, 0),
                '两' => digit = 2,
                c => digit = 1 + u64::try_from("一二三四五六七八九".chars().position(|d| d == c).unwrap()).unwrap(),
            }
        }
        total + section + digit
    }

    #[test]
    fn figures_are_said_as_people_say_them() {
        for (number, said) in [
            (0, "零"),
            (2, "两"),
            (10, "十"),
            (12, "十二"),
            (20, "二十"),
            (102, "一百零二"),
            (110, "一百一十"),
            (220, "两百二十"),
            (1_063, "一千零六十三"),
            (2_002, "两千零二"),
            (10_000, "一万"),
            (20_000, "两万"),
            (100_500, "十万零五百"),
            (101_500, "十万一千五百"),
            (12_000_003, "一千两百万零三"),
            (100_010_000, "一亿零一万"),
            (200_000_001, "两亿零一"),
        ] {
            assert_eq!(counted(number), said, "{number}");
        }
        let say = |amount: &str, language| yuan(amount.parse().unwrap(), language);
        for (amount, zh, en) in [
            ("0", "零元", "0 yuan"),
            ("2", "两元", "2 yuan"),
            ("0.50", "五角", "50 fen"),
            ("0.05", "五分", "5 fen"),
            ("12.345", "十二元三角五分", "12 yuan and 35 fen"),
            ("12.04", "十二元零四分", "12 yuan and 4 fen"),
            ("600.00", "六百元", "600 yuan"),
        ] {
            assert_eq!(say(amount, Language::Chinese), zh);
            assert_eq!(say(amount, Language::English), en);
        }
    }

    #[test]
    fn a_call_says_nothing_that_has_no_sound() {
        let mut calls = 0;
        for sample in [Sample::usual(), Sample::longest()] {
            for language in Language::ALL {
                for message in messages(&sample, language) {
                    let spoken = message.spoken(language);
                    assert_eq!(spoken.is_some(), message.call_topic().is_some(), "{message:?}");
                    let Some(spoken) = spoken else { continue };
                    calls += 1;
                    let silent =
                        ["【", "】", "[", "]", "“", "”", "\"", "回复", "reply", "Reply", "TD", "0000", "CNY", "\n"];
                    assert!(!silent.iter().any(|sign| spoken.contains(sign)), "{spoken}");
                    assert!(spoken.chars().count() <= 330, "{spoken}");
                }
            }
        }
        assert!(calls >= 4 * 6, "{calls}");
    }

    #[test]
    fn a_renewal_is_said_with_its_day_and_price() {
        let (first, services, monthly) = ("流量加油包", 2, Decimal::new(1550, 2));
        let renews_on = "2026-12-02".parse().unwrap();
        let message = Message::Service(ServiceNotice::Renewal { first, services, monthly, renews_on });
        assert_eq!(
            message.spoken(Language::Chinese).unwrap(),
            "您好，这里是明白。流量加油包等两项业务，将在十二月二日自动续订，每月一共十五元五角。\
             不想续，请在这之前退订；想继续用，什么都不用做。详情请看短信，或者拨打幺零零八六。再见。"
        );
    }

    proptest! {
        #[test]
        fn what_is_said_is_the_number(number in 0..COUNTED_MAX) {
            prop_assert_eq!(heard(&numeral(number)), number);
            prop_assert!(!numeral(number).contains("零零"));
        }
    }
}
