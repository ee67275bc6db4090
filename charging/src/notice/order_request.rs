//! 事中确认 The message that asks for a yes to an order: what is agreed to, complete and in one place.

use super::words::{self, clip, one_line};
use crate::subscriber::Language;
use crate::tariff::{Kind, TariffContent, Terms};

/// Most characters of each text of the operator; what is longer is shown up to here and marked as cut, with the place of
/// the whole text, which the subscriber saw on the page before.
const DISPLAYED_CHARS_MAX: usize = 70;
/// Most characters of what is said from the terms: allowances and overage prices.
const DERIVED_CHARS_MAX: usize = 160;

pub(super) fn order_request(tariff: &TariffContent, terms: &Terms, code: &str, language: Language) -> String {
    let zh = language == Language::Chinese;
    let (name, scheme_id) = (clip(&one_line(&tariff.name), DISPLAYED_CHARS_MAX).0, &tariff.scheme_id);
    let price = words::price(terms, language);
    let mut said = vec![if zh {
        format!("您要办理“{name}”({scheme_id})。资费：{price}。")
    } else {
        format!("You asked for \"{name}\" ({scheme_id}). Price: {price}.")
    }];
    let mut cut = false;
    for ((label_zh, label_en), chars_max, value) in elements(tariff, terms, language) {
        let (value, shortened) = clip(&one_line(&value), chars_max);
        cut |= shortened;
        let value = value.trim_end_matches(['。', '；', ';', '.']);
        if !value.is_empty() {
            said.push(if zh { format!("{label_zh}：{value}。") } else { format!(" {label_en}: {value}.") });
        }
    }
    if cut {
        said.push(if zh {
            format!("标…处的全文见网站资费公示{scheme_id}。")
        } else {
            format!(" Texts cut at … are in full on the page of {scheme_id}.")
        });
    }
    said.push(if zh {
        format!("同意请在网页填验证码{code}(5分钟内有效)，或10分钟内回复Y；不同意回复N。")
    } else {
        format!(" To agree, enter code {code} (valid 5 minutes) or reply Y within 10 minutes; N to refuse.")
    });
    said.concat()
}

/// Each element with its Chinese and English label and its longest length.
fn elements(
    tariff: &TariffContent,
    terms: &Terms,
    language: Language,
) -> [((&'static str, &'static str), usize, String); 9] {
    let beyond = match (tariff.kind, language) {
        (Kind::Plan, _) => words::plan_overage(terms, language),
        (_, Language::Chinese) => "按您套餐的标准".to_owned(),
        (_, Language::English) => "as your plan says".to_owned(),
    };
    let included = words::included(terms, language);
    let service = if included.is_empty() { tariff.services_text.clone() } else { String::new() };
    [
        (("服务内容", "Service"), DISPLAYED_CHARS_MAX, service),
        (("周期", "Cycle"), DERIVED_CHARS_MAX, words::cycle(terms, language).to_owned()),
        (("每月含", "Included monthly"), DERIVED_CHARS_MAX, included),
        (("用完后", "Beyond"), DERIVED_CHARS_MAX, beyond),
        (("限制", "Restrictions"), DISPLAYED_CHARS_MAX, tariff.restrictions.join("；")),
        (("有效期", "Validity"), DISPLAYED_CHARS_MAX, tariff.validity.clone()),
        (("在网要求", "Commitment"), DISPLAYED_CHARS_MAX, tariff.commitment.clone()),
        (("违约责任", "Penalty"), DISPLAYED_CHARS_MAX, tariff.penalty.clone()),
        (("退订", "Cancel"), DERIVED_CHARS_MAX, words::cancelling(terms, language).to_owned()),
    ]
}
