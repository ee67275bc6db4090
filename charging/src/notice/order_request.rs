//! 事中确认 The message that asks for a yes to an order: what is agreed to, complete and in one place. It takes two SMS for
//! what is ordinary; what has much to say takes more, up to [`super::template::ORDER_REQUEST_PARTS_MAX`], because nobody
//! can agree to what he was not told.

use super::commitment_words;
use super::sms::Alphabet;
use super::template::{Leaving, Through, short};
use super::words::{self, clip, one_line};
use crate::subscriber::Language;
use crate::tariff::{Kind, TariffContent, Terms};

/// Most characters of each text of the operator; what is longer is shown up to here and marked as cut, with the place of
/// the whole text, which the subscriber saw on the page before.
const DISPLAYED_CHARS_MAX: usize = 70;
/// Most characters of what is said from the terms: allowances and overage prices.
const DERIVED_CHARS_MAX: usize = 160;
/// How operators write that there is none of something.
const NONE: [&str; 14] = [
    "无",
    "没有",
    "不涉及",
    "-",
    "/",
    "无限制",
    "没有限制",
    "无在网要求",
    "没有在网要求",
    "无违约金",
    "没有违约金",
    "无违约责任",
    "没有违约责任",
    "None",
];
/// How they write that something goes on until it is cancelled, which its cycle says already.
const UNLIMITED: [&str; 3] = ["长期有效", "长期", "一直有效"];

/// The texts of the operator are Chinese in an English message too. Where only the name would be, the filing number alone
/// says which tariff it is: one Chinese character doubles the room that every letter takes.
pub(super) fn order_request(
    tariff: &TariffContent,
    terms: &Terms,
    (leaving, through): (Option<Leaving<'_>>, Option<Through<'_>>),
    code: &str,
    language: Language,
) -> String {
    let said = said(tariff, terms, leaving, code, language);
    let (name, scheme_id) = (clip(&one_line(&tariff.name), DISPLAYED_CHARS_MAX).0, &tariff.scheme_id);
    let through = through.map(|through| asked_by(through, language)).unwrap_or_default();
    match language {
        Language::Chinese => format!("{through}您要办理“{name}”({scheme_id})：{said}"),
        Language::English if Alphabet::of(&said) == Alphabet::Gsm && Alphabet::of(&name) == Alphabet::Ucs2 => {
            format!("{through}Order {scheme_id}? {said}")
        }
        Language::English => format!("{through}Order \"{name}\" ({scheme_id})? {said}"),
    }
}

/// Who wanted it asked. What to reply where that is news stands at the end.
fn asked_by(Through { channel_id, name }: Through<'_>, language: Language) -> String {
    match language {
        Language::Chinese => {
            let name = clip(&one_line(name), DISPLAYED_CHARS_MAX).0;
            format!("网络渠道{channel_id}“{name}”替您申请。")
        }
        Language::English => format!("Agent {channel_id} asks for you. "),
    }
}

/// Everything but what it is called.
fn said(tariff: &TariffContent, terms: &Terms, leaving: Option<Leaving<'_>>, code: &str, language: Language) -> String {
    let zh = language == Language::Chinese;
    let (price, cycle) = (words::price(terms, language), words::cycle(terms, language));
    let mut said = vec![if zh { format!("{price}；{cycle}。") } else { format!("{price}, {cycle}.") }];
    let (mut none, mut cut) = (Vec::new(), false);
    for Element { label, chars_max, value } in elements(tariff, terms, language) {
        let (value, shortened) = clip(&one_line(&value), chars_max);
        let value = value.trim_end_matches(['。', '；', ';', '.']);
        if NONE.contains(&value) {
            none.push(label);
            continue;
        }
        cut |= shortened;
        if !value.is_empty() {
            said.push(if zh { format!("{label}{value}。") } else { format!(" {label}: {value}.") });
        }
    }
    if let Some((last, others)) = none.split_last() {
        let or = if others.is_empty() { "" } else { " or " };
        said.push(if zh {
            format!("没有{}。", none.join("、").replace('：', ""))
        } else {
            format!(" No {}{or}{}.", others.join(", ").to_lowercase(), last.to_lowercase())
        });
    }
    let cancelling = words::cancelling(terms, language);
    said.push(if zh { format!("{cancelling}。") } else { format!(" Cancel {cancelling}.") });
    if let Some(Leaving { name, penalty }) = leaving {
        let (name, sum) = (short(name, language), commitment_words::arithmetic(&penalty, language));
        said.push(if zh {
            format!("换套餐后“{name}”提前停用，违约金{sum}。")
        } else {
            format!(" Penalty for leaving \"{name}\" early: {sum}.")
        });
    }
    if cut {
        said.push(if zh {
            format!("没写完的见网站资费公示{}。", tariff.scheme_id)
        } else {
            format!(" Texts cut short are in full on the page of {}.", tariff.scheme_id)
        });
    }
    said.push(if zh {
        format!("10分钟内回复Y同意，或填验证码{code}(5分钟内)；回复N不同意。")
    } else {
        format!(" Agree: reply Y in 10 min or enter code {code} in 5 min. Refuse: N.")
    });
    said.concat()
}

/// Something that is said of a tariff.
struct Element {
    label: &'static str,
    /// Longest value, in characters.
    chars_max: usize,
    value: String,
}

fn elements(tariff: &TariffContent, terms: &Terms, language: Language) -> [Element; 7] {
    let zh = language == Language::Chinese;
    let of = |(in_chinese, in_english), chars_max, value| {
        let label = if zh { in_chinese } else { in_english };
        Element { label, chars_max, value }
    };
    let beyond = match (tariff.kind, language) {
        (Kind::Plan, _) => words::plan_overage(terms, language),
        (_, Language::Chinese) => "按套餐收费".to_owned(),
        (_, Language::English) => "as your plan says".to_owned(),
    };
    // What binds is what the terms say; the operator's own words stand where they bind nobody.
    let (commitment, penalty, penalty_chars_max) = match terms.commitment {
        Some(binding) => (
            commitment_words::commitment(binding, language),
            commitment_words::penalty_rule(binding, language),
            DERIVED_CHARS_MAX,
        ),
        None => (tariff.commitment.clone(), tariff.penalty.clone(), DISPLAYED_CHARS_MAX),
    };
    let included = words::included(terms, language);
    let service = if included.is_empty() { tariff.services_text.clone() } else { String::new() };
    let validity = tariff.validity.trim_end_matches('。');
    let validity = if UNLIMITED.contains(&validity) { "" } else { validity };
    [
        of(("服务内容：", "Service"), DISPLAYED_CHARS_MAX, service),
        of(("每月含", "Monthly"), DERIVED_CHARS_MAX, included),
        of(("用完后", "Beyond"), DERIVED_CHARS_MAX, beyond),
        of(("限制：", "Restrictions"), DISPLAYED_CHARS_MAX, tariff.restrictions.join("；")),
        of(("有效期：", "Validity"), DISPLAYED_CHARS_MAX, validity.to_owned()),
        of(("合约期：", "Commitment"), DISPLAYED_CHARS_MAX, commitment),
        of(("违约金：", "Penalty"), penalty_chars_max, penalty),
    ]
}
