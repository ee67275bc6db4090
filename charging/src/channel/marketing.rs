//! 宣传内容 What a channel may say of what it sells: held against the rules of clarity, and put in the order in which it is kept.

use std::sync::LazyLock;

use regex::Regex;
use sha2::{Digest as _, Sha256};

use crate::tariff::clarity::{self, Finding, Rule, Severity};

/// Longest title and text, in characters.
pub const TITLE_CHARS_MAX: usize = 60;
pub const BODY_CHARS_MAX: usize = 2000;

/// What is wrong with a text that advertises.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It breaks a rule that holds for tariffs too.
    Unclear(Finding),
    /// 比较 It sets itself above others, in these words (Advertising Law, article 13: nobody else is run down).
    Comparison(String),
    /// 诱导 It hurries or lures, in these words.
    Pressure(String),
}

impl Fault {
    /// Whether nobody may approve it.
    pub fn blocks(&self) -> bool {
        match self {
            Self::Unclear(finding) => finding.rule.severity() == Severity::Error,
            Self::Comparison(_) | Self::Pressure(_) => true,
        }
    }
}

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("the pattern is tested")
}

/// Beside what a tariff may not say: others by name.
static COMPARISON: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        "(?:比|优于|胜过|超过|碾压|秒杀|吊打)(?:中国)?(?:移动|联通|电信|广电|其他|其它|别家|别的|同行|同类|友商|竞品|竞争对手|市面|任何)|\
        (?:移动|联通|电信|广电|别家|其他运营商|其它运营商)(?:都)?(?:没有|做不到|给不了)",
    )
});

static PRESSURE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        "最后(?:一天|一次|机会|[0-9一二两三四五六七八九十]+(?:个名额|小时|天))|仅剩|手慢无|错过(?:再等|就没|不再)|\
        (?:老用户|所有用户)?必须(?:升级|更换|办理)|不(?:办理?|升级)(?:就|将|会)(?:停机|断网|影响)|内部(?:名额|渠道|资费)|零风险",
    )
});

/// Everything that is wrong with a text.
pub fn check(title: &str, body: &str) -> Vec<Fault> {
    let text = format!("{title}\n{body}");
    let found = clarity::check_text(&text).into_iter().map(|finding| match finding.rule {
        Rule::Comparison => Fault::Comparison(finding.quote),
        _ => Fault::Unclear(finding),
    });
    let mut faults: Vec<Fault> = found.collect();
    let quotes = |pattern: &Regex| pattern.find_iter(&text).map(|hit| hit.as_str().to_owned()).collect::<Vec<_>>();
    for quote in quotes(&COMPARISON) {
        let is_known = |fault: &Fault| matches!(fault, Fault::Comparison(known) if known.contains(&quote));
        if !faults.iter().any(is_known) {
            faults.push(Fault::Comparison(quote));
        }
    }
    faults.extend(quotes(&PRESSURE).into_iter().map(Fault::Pressure));
    faults
}

/// A text as it is kept and served: lines end with one sign, nothing stands behind them or after the last.
pub fn normal(text: &str) -> String {
    let lines = text.replace("\r\n", "\n").replace('\r', "\n");
    lines.lines().map(str::trim_end).collect::<Vec<_>>().join("\n").trim().to_owned()
}

/// SHA-256 of a text in UTF-8.
pub fn digest(text: &str) -> [u8; 32] {
    Sha256::digest(text).into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_advertisements_may_not_say_is_found() {
        let rules = |text: &str| check("", text);
        assert_eq!(rules("每月 59 元，含 20GB 国内流量，用完后 3 元/GB，随时可退。"), []);
        for (text, rule) in [
            ("全网最低价", Rule::Superlative),
            ("具体以当地营业厅为准", Rule::VagueTerm),
            ("趸交 360 元", Rule::Jargon),
        ] {
            let found = rules(text);
            let is_found = found.iter().any(|fault| matches!(fault, Fault::Unclear(finding) if finding.rule == rule));
            assert!(is_found, "{text}: {found:?}");
        }
        for text in ["比联通便宜", "碾压同行", "移动做不到的价格"] {
            assert!(matches!(rules(text)[..], [Fault::Comparison(_)]), "{text}");
        }
        for text in ["最后一天，办完为止", "仅剩 30 个名额", "不升级将停机"] {
            assert!(rules(text).iter().any(|fault| matches!(fault, Fault::Pressure(_))), "{text}");
        }
    }

    #[test]
    fn jargon_alone_blocks_nothing() {
        assert!(check("", "趸交 360 元").iter().all(|fault| !fault.blocks()));
        assert!(check("全网最低价", "每月 59 元").iter().any(Fault::blocks));
    }

    #[test]
    fn a_copy_may_end_its_lines_otherwise() {
        assert_eq!(normal("  一\r\n二  \r三\n\n"), "一\n二\n三");
        assert_eq!(digest(&normal("一\r\n二")), digest("一\n二"));
    }

    proptest! {
        #[test]
        fn putting_a_text_in_order_once_is_enough(text in "[一 \r\n]{0,20}") {
            prop_assert_eq!(normal(&normal(&text)), normal(&text));
        }
    }
}
