//! Elements: what is missing, and what one of them leaves open.

use std::sync::LazyLock;

use regex::Regex;

use super::wording::quote;
use super::{Element, Found, Page, Rule, report, sentences};
use crate::tariff::classify::{pattern, restrictions_in};
use crate::tariff::{Kind, TariffContent};

pub(super) fn check(content: &TariffContent, page: &Page, found: &mut Found) {
    missing(content, page, found);
    restrictions(content, page, found);
    validity(page, found);
    free_period(page, found);
    cancelling(content, page, found);
    penalty(page, found);
}

/// The regulator's elements. Terms stand for the texts that are made of them.
fn missing(content: &TariffContent, page: &Page, found: &mut Found) {
    let has_terms = content.terms.is_some();
    let includes = has_terms || !content.included.is_empty();
    let needs_overage = content.kind == Kind::Plan && !has_terms && has_metered(content, page) && !prices_beyond(page);
    let elements = [
        (Element::Price, has_terms || is_said(&content.price_text)),
        (Element::Services, includes || is_said(&content.services_text)),
        (Element::Overage, !needs_overage || is_said(&content.overage_text)),
        (Element::Audience, is_said(&content.audience)),
        (Element::Regions, !content.regions.is_empty()),
        (Element::Channels, content.channels.iter().any(|channel| is_said(channel))),
        (Element::Validity, is_said(&content.validity)),
        (Element::Commitment, is_said(&content.commitment)),
        (Element::Cancel, is_said(&content.cancel)),
        (Element::Penalty, is_said(&content.penalty)),
    ];
    for (element, _) in elements.into_iter().filter(|(_, said)| !said) {
        report(found, Rule::MissingElement, element, "");
    }
}

/// Whether a plan includes anything that runs out. Plans of broadband or of a sensor do not.
fn has_metered(content: &TariffContent, page: &Page) -> bool {
    static METERED: LazyLock<Regex> =
        LazyLock::new(|| pattern("(?i)[0-9]\\s*[gm]b?[^0-9。；;，,]{0,8}流量|[0-9]\\s*分钟"));
    let included = &content.included;
    let is_listed = included.data_bytes().is_some_and(|bytes| bytes > 0)
        || included.voice_minutes.is_some_and(|minutes| minutes > 0)
        || included.sms_messages.is_some_and(|messages| messages > 0);
    let is_told = METERED.is_match(page.text(Element::Services));
    // Which of others' tariffs are plans is guessed, so that both must say it.
    if content.operator_id == "mingbai" { is_listed || is_told } else { is_listed && is_told }
}

/// Whether some other text says what is charged beyond the allowances.
fn prices_beyond(page: &Page) -> bool {
    static BEYOND: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            "(?:套外|套餐外|超出|超过|超套|超限|用完后|达量)[^。；;]{0,60}(?:元|限速|停|标准资费)|(?i)元/(?:[gmk]b|分钟|条)",
        )
    });
    [Element::Price, Element::Services, Element::Notes].iter().any(|element| BEYOND.is_match(page.text(*element)))
}

fn is_said(text: &str) -> bool {
    text.chars().any(char::is_alphanumeric)
}

/// Restrictions of the notes that do not stand among the restrictions. Operators' pages have no place for these: what
/// is listed for them was found in their texts.
fn restrictions(content: &TariffContent, page: &Page, found: &mut Found) {
    static PROMISED: LazyLock<Regex> = LazyLock::new(|| {
        pattern("(?:无需|无须|不需要?|不用|不会|不|没有|免|无)(?:承担|支付|收取|收|缴纳|产生)?任?何?违约(?:金|责任)?")
    });
    let stated: &[String] = if content.operator_id == "mingbai" { &content.restrictions } else { &[] };
    let hidden = restrictions_in(&[page.text(Element::Notes)]).into_iter().find(|sentence| {
        let is_same = |stated: &String| stated.contains(sentence.as_str()) || sentence.contains(stated.as_str());
        // That nothing is due is none.
        let restricts = !restrictions_in(&[&PROMISED.replace_all(sentence, "")]).is_empty();
        restricts && !stated.iter().any(is_same)
    });
    if let Some(sentence) = hidden {
        report(found, Rule::RestrictionInNotes, Element::Notes, sentence);
    }
}

fn validity(page: &Page, found: &mut Found) {
    static PERIOD: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r"[0-9０-９一二两三四五六七八九十半]+\s*(?:个)?(?:自然)?(?:月|年|期|天|日)|20[0-9]{2}[年./-]?[0-9]{1,2}|20[2-9][0-9]{5}",
        )
    });
    static FOLLOWED: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            "到期|期满|期后|届满|届时|之后|以后|过期|自动|续|顺延|延期|延长|失效|取消|终止|截止后|恢复|转为|长期|永久|退订|为止|循环|每月|自然月底|月底|当月有效|次月",
        )
    });
    static RENEWS: LazyLock<Regex> =
        LazyLock::new(|| pattern("自动(?:续[展订约期费]|顺延|延[期续长]|逐年)|默认(?:续[展订约期费]|顺延)"));
    static DENIED: LazyLock<Regex> = LazyLock::new(|| pattern("(?:不|不会|不再|不能|无法|无|未|非)$"));
    static SAID: LazyLock<Regex> = LazyLock::new(|| pattern("续|顺延|延期|长期|直到退订|退订前"));
    let text = page.text(Element::Validity);
    if PERIOD.is_match(text) && !FOLLOWED.is_match(text) {
        report(found, Rule::ValidityOpen, Element::Validity, text);
    }
    let price = page.text(Element::Price);
    let renews = RENEWS.find_iter(text).find(|hit| !DENIED.is_match(&text[..hit.start()]));
    if let Some(hit) = renews
        && is_said(price)
        && !SAID.is_match(price)
    {
        report(found, Rule::RenewalUnsaid, Element::Price, quote(text, hit.start(), hit.end()));
    }
}

/// A free time of the tariff itself, of which nothing says what follows.
fn free_period(page: &Page, found: &mut Found) {
    static FREE: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r"(?:首|前)\s*[0-9一二两三四五六七八九十]*\s*个?月(?:内)?免费|免费(?:体验|试用|使用)(?:期)?\s*[0-9一二两三四五六七八九十]+\s*(?:个)?(?:月|天|年)|免费体验期|免费试用期",
        )
    });
    static FOLLOWED: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r"(?:到期|期满|结束|期后|之后|后)[^。；;\n]{0,24}(?:元|恢复|失效|取消|停止|关闭|终止|退订)|恢复(?:原价|标准资费|正常)|自动(?:失效|取消|停|关闭|终止)|第\s*[0-9一二两三四五六七八九十]+\s*个?月起",
        )
    });
    let texts = [Element::Price, Element::Services, Element::Notes];
    if texts.iter().any(|element| FOLLOWED.is_match(page.text(*element))) {
        return;
    }
    for element in texts {
        let text = page.text(element);
        for hit in FREE.find_iter(text) {
            report(found, Rule::FreePeriodOpen, element, quote(text, hit.start(), hit.end()));
        }
    }
}

/// What is sold online must be stopped online, and what is sold by phone without going anywhere.
fn cancelling(content: &TariffContent, page: &Page, found: &mut Found) {
    static ONLINE: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            "(?i)线上|网上|网厅|掌厅|手厅|手机营业厅|电子渠道|互联网|app|小程序|公众号|全渠道|全部渠道|各渠道|所有渠道|任何渠道",
        )
    });
    static ANYWHERE: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            "(?i)原渠道|办理渠道|同渠道|订购渠道|各渠道|任何渠道|任意渠道|均可|官方渠道|10086\\.cn|官网|联通(?:客户端|公众)",
        )
    });
    static PHONE: LazyLock<Regex> = LazyLock::new(|| pattern("热线|10086|10010|客服|电话|外呼"));
    static ELSEWHERE: LazyLock<Regex> = LazyLock::new(|| pattern("营业厅|线下|门店|自有厅|实体厅"));
    let channels = content.channels.join("、");
    let text = page.text(Element::Cancel);
    let cancels_online = ONLINE.is_match(&text.replace("线下", "")) || ANYWHERE.is_match(text);
    let cancels_by_phone = cancels_online || PHONE.is_match(text);
    let has_place = ELSEWHERE.is_match(text) || PHONE.is_match(text);
    let is_ordered_online = ONLINE.is_match(&channels) && !channels.contains("收单");
    let is_narrower = is_ordered_online && !cancels_online || PHONE.is_match(&channels) && !cancels_by_phone;
    if has_place && is_narrower {
        report(found, Rule::CancelNarrower, Element::Cancel, text);
    }
}

fn penalty(page: &Page, found: &mut Found) {
    static DUE: LazyLock<Regex> = LazyLock::new(|| pattern("违约金|违约责任|赔付|赔偿|补缴|补交|补足"));
    static NONE: LazyLock<Regex> =
        LazyLock::new(|| pattern("[:：] *无|无需|无须|不需|不收|免收|没有|不涉及|无违约|不承担|不产生"));
    static WORKED_OUT: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            "[0-9０-９]|[一二三四五六七八九十百千]+元|[=＝×*%％]|金额|差额|原价|剩余|未履约|已享|按照?[^。；;，,]{0,16}(?:价|费|额|成本)",
        )
    });
    let text = page.text(Element::Penalty);
    for sentence in sentences(text) {
        if DUE.is_match(sentence) && !NONE.is_match(sentence) && !WORKED_OUT.is_match(text) {
            report(found, Rule::PenaltyUnclear, Element::Penalty, sentence);
        }
    }
}
