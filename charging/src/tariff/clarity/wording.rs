//! Words: vague ones, jargon, superlatives, comparisons, sentences without an end.

use std::sync::LazyLock;

use regex::Regex;

use super::{Element, Found, Page, Rule, STOPS, report, sentences};
use crate::tariff::classify::pattern;

/// A sentence that is longer, in characters, is not kept in mind.
const SENTENCE_CHARS_MAX: usize = 120;
/// Characters that are shown around what was found.
const QUOTE_CHARS: usize = 12;
/// Stands for the rest of a sentence.
pub(super) const CUT: char = '…';

pub(super) fn check(page: &Page, found: &mut Found) {
    for (element, text) in page.texts() {
        vague(element, text, found);
        report_matches(&JARGON, Rule::Jargon, element, text, found);
        if matches!(element, Element::Name | Element::Services | Element::Notes | Element::Audience) {
            report_matches(&SUPERLATIVE, Rule::Superlative, element, text, found);
            report_matches(&COMPARISON, Rule::Comparison, element, text, found);
        }
        for sentence in sentences(text).filter(|sentence| sentence.chars().count() > SENTENCE_CHARS_MAX) {
            let start: String = sentence.chars().take(2 * QUOTE_CHARS).collect();
            report(found, Rule::LongSentence, element, format!("{}{CUT}", start.trim_end()));
        }
    }
}

fn vague(element: Element, text: &str, found: &mut Found) {
    static DEFERRING: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            "以[^。；;，,\n]{1,30}?为准|详询|详情(?:请|可)?(?:咨询|拨打|致电)|具体(?:请|可)?(?:咨询|详见当地)|解释权|\
            部分(?:地区|城市|地市|门店|机型|用户|客户|区域|渠道)|视(?:具体|实际)?情况|根据(?:具体|实际|服务)情况|\
            另行(?:通知|公告|约定|告知)|不限于|原则上",
        )
    });
    report_matches(&DEFERRING, Rule::VagueTerm, element, text, found);
    for (at, _) in text.match_indices('等') {
        if leaves_open(&text[..at], &text[at + '等'.len_utf8()..]) {
            report(found, Rule::VagueTerm, element, quote(text, at, at + '等'.len_utf8()));
        }
    }
}

/// Whether a 等 stands for whatever else there may be: not within another word, nor before the number or the whole of what
/// was listed.
fn leaves_open(before: &str, after: &str) -> bool {
    static WITHIN_WORD_BEFORE: LazyLock<Regex> = LazyLock::new(|| {
        pattern("(?:相|均|平|同|高|中|初|优|上|头|对|何|[一二三四五特]|不|大于或|小于或|高于或|低于或|大于|小于)$")
    });
    static WITHIN_WORD_AFTER: LazyLock<Regex> =
        LazyLock::new(|| pattern("^(?:于|级|待|额|值|同|比|候|价|效|分(?:期|成)|因|量|次|离子|距|到|您|着|位|身)"));
    static CLOSES: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            "^(?:以上|上述|共计?|合计)?(?:[0-9０-９]+|[一二两三四五六七八九十]+)(?:项|种|个|款|类|大|家|档|省|地|份|方|部|套|条|款)|^(?:所有|全部|任意|任何|全省|全国|各)",
        )
    });
    !(WITHIN_WORD_BEFORE.is_match(before) || WITHIN_WORD_AFTER.is_match(after) || CLOSES.is_match(after))
}

/// Words of the trade for which there is a plain one.
static JARGON: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        "趸交|趸缴|低消(?:[^费]|$)|套外|上账|拆机|收单|免填单|打标|双停|单停|酬金|合户|分户|落地方|竣工归档|客户侧|裸机|携转|复机|融合群组|次账期|出账期",
    )
});

/// Claims that no advertisement may make; ranks within a list (最高 10 GB) are none.
static SUPERLATIVE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        "最(?:优惠|优质|优(?:上网|体验|服务)|低价|实惠|划算|便宜|佳|好|强大|先进|省钱|超值|受欢迎)|全网最|全国最|业界最|行业最|第一品牌|全国第一|\
        行业第一|国家级|世界级|顶级(?:服务|体验|品质|权益)|史上|空前|绝无仅有|独一无二|独家(?:优惠|低价)",
    )
});

/// Claims to be better than somebody, or than before, of which nothing shows whether they are true.
static COMPARISON: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        "比(?:同类|其他|其它|别家|友商|同行|市场|市面|一般|普通)[^。；;，,\n]{0,12}?(?:更|便宜|优惠|划算|实惠|省|快|强|好)|\
        (?:优于|胜过|超越|碾压|秒杀|完胜|领先)(?:同类|同行|友商|业界|行业|市场|其他|其它|别家)|\
        (?:同类|同行|友商|别家)[^。；;，,\n]{0,6}(?:比不了|没有的|做不到)|性价比(?:更|超|极|很)?高|\
        更(?:便宜|划算|实惠|省钱|超值)",
    )
});

fn report_matches(pattern: &Regex, rule: Rule, element: Element, text: &str, found: &mut Found) {
    for hit in pattern.find_iter(text) {
        report(found, rule, element, quote(text, hit.start(), hit.end()));
    }
}

/// What was found, with a few characters of its sentence before and after it.
pub(super) fn quote(text: &str, start: usize, end: usize) -> String {
    let within = |c: &char| !STOPS.contains(c);
    let before: Vec<char> = text[..start].chars().rev().take_while(within).take(QUOTE_CHARS).collect();
    let after = text[end..].chars().take_while(within).take(QUOTE_CHARS);
    let around = before.into_iter().rev().chain(text[start..end].chars()).chain(after);
    around.map(|c| if c.is_whitespace() { ' ' } else { c }).collect::<String>().trim().to_owned()
}
