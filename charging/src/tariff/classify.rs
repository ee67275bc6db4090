//! What an operator's tariff is, judged by its own words.

use std::sync::LazyLock;

use regex::Regex;

use super::{Kind, Price, fold};

/// At most so many sentences are shown as restrictions.
const RESTRICTIONS_MAX: usize = 20;
/// A longer sentence is no sentence that restricts, but a whole text without stops.
const RESTRICTION_CHARS_MAX: usize = 120;

pub(super) fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("the pattern is tested")
}

/// The kind, by words in name, shelf and price; what fits none of them is an add-on, which never displaces a plan.
pub(super) fn kind_of(name: &str, category: &str, tags: &[String], price_text: &str) -> Kind {
    static INTERNATIONAL: LazyLock<Regex> = LazyLock::new(|| pattern("国际|港澳|境外|出境|漫游|一带一路|环球|海外"));
    static STANDARD: LazyLock<Regex> = LazyLock::new(|| pattern("标准资费|资费标准"));
    static CAMPAIGN: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            "活动|营销|合约|直降|购机|优惠|折扣|[0-9]折|赠|[^派运]送|返|礼|福袋|券|红包|金币|ai豆|分期|预存|存费|存话费|承诺|保底|低消|减免|补贴|回馈|关怀|挽留|升档|升舱|续约|续订|接续|信用购|担保|异业|权益超市|让利|加油包|扩容|翻番|立减|特惠|惠享入网|话费|免押|质押|冻结|抵扣|享.{0,8}gb?流量",
        )
    });
    static CAMPAIGN_PRICE: LazyLock<Regex> =
        LazyLock::new(|| pattern("直降|优惠|折|券|保底|消费|预存|补贴|减免|承诺|免押|质押|担保|冻结|及以上"));
    static PACK: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            "包$|包[(0-9_-]|流量包|语音包|短信包|月包|年包|日包|天包|可选包|叠加包|权益|会员|彩铃|来电|云盘|组网|安防|看家|fttr|云电脑|高清|电视|宽带|提速|亲情网|保号",
        )
    });
    static PLAN: LazyLock<Regex> =
        LazyLock::new(|| pattern("套餐|[^副]卡|版|档|计划|神州行|动感地带|全球通|畅享|飞享|畅越|沃派|冰激凌|流量王"));
    let name = fold(name);
    let shelf = format!("{} {}", fold(category), fold(&tags.join(" ")));
    if INTERNATIONAL.is_match(&name) || INTERNATIONAL.is_match(&shelf) {
        Kind::International
    } else if STANDARD.is_match(&name) || STANDARD.is_match(&shelf) {
        Kind::Standard
    } else if CAMPAIGN.is_match(&name) || CAMPAIGN.is_match(&shelf) || CAMPAIGN_PRICE.is_match(price_text) {
        Kind::Campaign
    } else if PLAN.is_match(&name) && !PACK.is_match(&name) && Price::parse(price_text).is_some() {
        Kind::Plan
    } else {
        Kind::Addon
    }
}

/// Sentences of the texts, word for word, that say what is not possible or for whom it is not.
pub(super) fn restrictions_in(texts: &[&str]) -> Vec<String> {
    static RESTRICTS: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            "不可|不能|不得|不支持|不允许|不予|不退|不再|无法|仅限|仅支持|只能|只限|互斥|除外|限.{1,20}(?:办理|使用|参加|参与|订购)|违约|不含|不包含|不享",
        )
    });
    static MARKER: LazyLock<Regex> = LazyLock::new(|| pattern(r"^\s*[（(]?(?:[0-9]{1,2}[、.．)）]|[①-⑩])\s*"));
    let mut found: Vec<String> = Vec::new();
    for text in texts {
        for sentence in text.split(['。', '；', ';', '\n', '！']) {
            let sentence = sentence.trim();
            // A stop after the marker of a list (`1.`), never inside a figure (`0.1元`).
            let sentence = match MARKER.find(sentence) {
                Some(marker) if !sentence[marker.end()..].starts_with(|c: char| c.is_ascii_digit()) => {
                    &sentence[marker.end()..]
                }
                _ => sentence,
            };
            let fits = (2..=RESTRICTION_CHARS_MAX).contains(&sentence.chars().count());
            let is_new = !found.iter().any(|other| other == sentence);
            if fits && is_new && !sentence.contains(['<', '>']) && RESTRICTS.is_match(sentence) {
                found.push(sentence.to_owned());
            }
            if found.len() == RESTRICTIONS_MAX {
                return found;
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_follow_from_words() {
        for (name, category, price, kind) in [
            ("清风套餐59元", "套餐", "59元/月", Kind::Plan),
            ("清风卡", "清风系列", "19元/月", Kind::Plan),
            ("10元流量包", "套餐", "10元/月", Kind::Addon),
            ("千兆提速", "其他", "10元/月", Kind::Addon),
            ("老用户购机直降", "套餐", "99元/月", Kind::Campaign),
            ("清风套餐59元", "套餐合约", "59元/月", Kind::Campaign),
            ("清风套餐", "套餐", "59元及以上/月", Kind::Campaign),
            ("东南亚漫游包", "流量包", "30元/次", Kind::International),
            ("语音标准资费", "套餐", "0.1元/分钟", Kind::Standard),
        ] {
            assert_eq!(kind_of(name, category, &[], price), kind, "{name}");
        }
    }

    #[test]
    fn restrictions_are_sentences_of_the_text() {
        let text = "1、含来电显示。2、流量不可转赠；仅限本省用户办理\n<p>不可叠加</p>";
        assert_eq!(restrictions_in(&[text, text]), ["流量不可转赠", "仅限本省用户办理"]);
        assert!(restrictions_in(&["含来电显示。每月一日到账"]).is_empty());
    }
}
