//! What a version says otherwise than another: which elements, and which of their words.
//!
//! Elements are told in words by whoever shows them; the words that changed are found here. A run of Chinese characters is
//! compared character by character, a number or a word of another script as a whole (UAX #29).

use similar::{Algorithm, DiffOp, capture_diff_slices};
use unicode_segmentation::UnicodeSegmentation as _;

use super::{TariffContent, Terms};

/// Words of both texts together that are compared one by one. Longer texts are marked from the first word that differs
/// to the last, so that nobody's page waits for them.
const WORDS_MAX: usize = 6_000;

/// What a tariff says, piece by piece. What the public reads stands before what is charged by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Element {
    /// 名称.
    Name,
    Kind,
    /// 资费标准, as displayed.
    Price,
    /// 服务内容, as displayed, with the operator's own table.
    Services,
    /// 超出资费, as displayed.
    Overage,
    /// 限制.
    Restrictions,
    /// 适用范围.
    Audience,
    /// 适用地区.
    Regions,
    /// 销售渠道.
    Channels,
    /// 上线日期 and 下线日期.
    OnSale,
    /// 有效期限.
    Validity,
    /// 在网要求.
    Commitment,
    /// 退订方式.
    Cancel,
    /// 违约责任.
    Penalty,
    /// 其他说明.
    Notes,
    Category,
    /// Whether it has terms, without which it cannot be ordered here. Then what they say is told whole.
    Orderable,
    /// Of the terms: yuan a month.
    Fee,
    /// Of the terms: yuan once.
    OneOff,
    /// Of the terms.
    FirstMonth,
    /// Of the terms.
    Allowances,
    /// Of the terms: the prices beyond the allowances.
    Beyond,
    /// Of the terms: when cancelling takes effect.
    Stop,
    /// Of the terms: for how long one binds oneself, and what leaving earlier costs.
    Binding,
}

impl Element {
    /// Whether it is part of what is charged by.
    pub fn is_of_terms(self) -> bool {
        self >= Self::Orderable
    }
}

/// The elements in which two contents differ, in the order of [`Element`]. Their scheme ids and operators are not compared.
pub fn changed(before: &TariffContent, after: &TariffContent) -> Vec<Element> {
    // Named one by one, so that a new element cannot be forgotten.
    let TariffContent {
        scheme_id: _,
        operator_id: _,
        name,
        kind,
        audience,
        regions,
        channels,
        on_sale_from,
        on_sale_until,
        validity,
        commitment,
        cancel,
        penalty,
        restrictions,
        notes,
        price_text,
        services_text,
        overage_text,
        category,
        included,
        terms,
    } = before;
    let mut differs = vec![
        (Element::Name, *name != after.name),
        (Element::Kind, *kind != after.kind),
        (Element::Price, *price_text != after.price_text),
        (Element::Services, *services_text != after.services_text || *included != after.included),
        (Element::Overage, *overage_text != after.overage_text),
        (Element::Restrictions, *restrictions != after.restrictions),
        (Element::Audience, *audience != after.audience),
        (Element::Regions, *regions != after.regions),
        (Element::Channels, *channels != after.channels),
        (Element::OnSale, (*on_sale_from, *on_sale_until) != (after.on_sale_from, after.on_sale_until)),
        (Element::Validity, *validity != after.validity),
        (Element::Commitment, *commitment != after.commitment),
        (Element::Cancel, *cancel != after.cancel),
        (Element::Penalty, *penalty != after.penalty),
        (Element::Notes, *notes != after.notes),
        (Element::Category, *category != after.category),
    ];
    match (terms, &after.terms) {
        (Some(terms), Some(after)) => differs.extend(terms_differ(terms, after)),
        (terms, after) => differs.push((Element::Orderable, terms.is_some() != after.is_some())),
    }
    differs.into_iter().filter(|(_, differs)| *differs).map(|(element, _)| element).collect()
}

fn terms_differ(before: &Terms, after: &Terms) -> [(Element, bool); 7] {
    let Terms { recurring, one_off, cancel_effective, allowances, overage, commitment } = before;
    let has_fee = recurring.is_some() != after.recurring.is_some();
    [
        (Element::Fee, has_fee || before.recurring_price() != after.recurring_price()),
        (Element::OneOff, *one_off != after.one_off),
        (Element::FirstMonth, has_fee || before.first_month() != after.first_month()),
        (Element::Allowances, *allowances != after.allowances),
        (Element::Beyond, *overage != after.overage),
        (Element::Stop, *cancel_effective != after.cancel_effective),
        (Element::Binding, *commitment != after.commitment),
    ]
}

/// A run of text, and whether the other text does not have it there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    pub text: String,
    pub changed: bool,
}

/// Two texts in pieces: each in its order and whole, with what only one of them has marked.
pub fn marked(before: &str, after: &str) -> (Vec<Piece>, Vec<Piece>) {
    let (old, new): (Vec<&str>, Vec<&str>) =
        (before.split_word_bounds().collect(), after.split_word_bounds().collect());
    let mut pieces = (Vec::new(), Vec::new());
    for (old, new, changed) in runs(&old, &new) {
        push(&mut pieces.0, old, changed);
        push(&mut pieces.1, new, changed);
    }
    pieces
}

/// Words of the one text, those of the other in their place, and whether they differ.
type Run<'a> = (&'a [&'a str], &'a [&'a str], bool);

/// Runs of words that both have, and of what only one of them has.
fn runs<'a>(old: &'a [&'a str], new: &'a [&'a str]) -> Vec<Run<'a>> {
    if old.len() + new.len() > WORDS_MAX {
        return coarse(old, new);
    }
    let operations = capture_diff_slices(Algorithm::Myers, old, new);
    let last = operations.len().saturating_sub(1);
    let run = |(i, operation): (usize, &DiffOp)| {
        let (_, before, after) = operation.as_tag_tuple();
        let same = matches!(operation, DiffOp::Equal { .. });
        // One word that stayed amid others that changed helps nobody to read.
        let is_alone = before.len() == 1 && i > 0 && i < last;
        (&old[before], &new[after], !same || is_alone)
    };
    operations.iter().enumerate().map(run).collect()
}

/// From the first word that differs to the last.
fn coarse<'a>(old: &'a [&'a str], new: &'a [&'a str]) -> Vec<Run<'a>> {
    let start = old.iter().zip(new).take_while(|(a, b)| a == b).count();
    let (old_rest, new_rest) = (&old[start..], &new[start..]);
    let end = old_rest.iter().rev().zip(new_rest.iter().rev()).take_while(|(a, b)| a == b).count();
    let (old_end, new_end) = (old.len() - end, new.len() - end);
    vec![
        (&old[..start], &new[..start], false),
        (&old[start..old_end], &new[start..new_end], true),
        (&old[old_end..], &new[new_end..], false),
    ]
}

fn push(pieces: &mut Vec<Piece>, words: &[&str], changed: bool) {
    if words.is_empty() {
        return;
    }
    match pieces.last_mut() {
        Some(piece) if piece.changed == changed => words.iter().for_each(|word| piece.text.push_str(word)),
        _ => pieces.push(Piece { text: words.concat(), changed }),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::tariff::own_format;

    fn content(change: impl Fn(&mut serde_json::Value)) -> TariffContent {
        let mut value = serde_json::json!({
            "scheme_id": "26MB900001", "name": "畅享 99", "kind": "plan", "audience": "所有人", "regions": ["全国"],
            "channels": ["网上营业厅"], "on_sale_from": "2026-01-01", "on_sale_until": "2027-12-31", "validity": "一年",
            "commitment": "无", "cancel": "随时", "penalty": "无", "restrictions": ["每人一个"], "notes": "",
            "terms": {"recurring": {"price": "99.00", "first_month": "daily"}, "one_off": "0.00",
                "cancel_effective": "month_end",
                "allowances": [{"service": "data", "quantity": "20GB", "rollover": true}],
                "overage": [{"service": "data", "model": "unit", "price": "0.03", "unit": "1MB"}]}});
        change(&mut value);
        own_format::parse(&value.to_string()).unwrap().content
    }

    #[test]
    fn each_change_names_its_element_and_no_other() {
        let before = content(|_| {});
        assert_eq!(changed(&before, &before), []);
        for (pointer, to, element) in [
            ("/name", serde_json::json!("畅享 100"), Element::Name),
            ("/kind", serde_json::json!("addon"), Element::Kind),
            ("/audience", serde_json::json!("学生"), Element::Audience),
            ("/regions/0", serde_json::json!("北京"), Element::Regions),
            ("/channels/0", serde_json::json!("营业厅"), Element::Channels),
            ("/on_sale_until", serde_json::json!("2027-12-30"), Element::OnSale),
            ("/validity", serde_json::json!("两年"), Element::Validity),
            ("/cancel", serde_json::json!("到厅"), Element::Cancel),
            ("/penalty", serde_json::json!("有"), Element::Penalty),
            ("/commitment", serde_json::json!("有"), Element::Commitment),
            ("/restrictions/0", serde_json::json!("每人两个"), Element::Restrictions),
            ("/notes", serde_json::json!("新"), Element::Notes),
            ("/terms/recurring/price", serde_json::json!("100.00"), Element::Fee),
            ("/terms/recurring/first_month", serde_json::json!("half"), Element::FirstMonth),
            ("/terms/one_off", serde_json::json!("1.00"), Element::OneOff),
            ("/terms/cancel_effective", serde_json::json!("immediately"), Element::Stop),
            ("/terms/allowances/0/quantity", serde_json::json!("21GB"), Element::Allowances),
            ("/terms/overage/0/price", serde_json::json!("0.04"), Element::Beyond),
        ] {
            let after = content(|value| *value.pointer_mut(pointer).unwrap() = to.clone());
            assert_eq!(changed(&before, &after), [element], "{pointer}");
            assert_eq!(changed(&after, &before), [element], "{pointer}");
        }
        let without = TariffContent { terms: None, ..before.clone() };
        assert_eq!(changed(&before, &without), [Element::Orderable]);
    }

    fn marks(before: &str, after: &str) -> (String, String) {
        let (old, new) = marked(before, after);
        let told = |pieces: Vec<Piece>| {
            pieces
                .iter()
                .map(|piece| if piece.changed { format!("[{}]", piece.text) } else { piece.text.clone() })
                .collect()
        };
        (told(old), told(new))
    }

    #[test]
    fn numbers_and_words_are_marked_whole() {
        let told = |old: &str, new: &str| (old.to_owned(), new.to_owned());
        assert_eq!(marks("月费 99.00 元", "月费 109.00 元"), told("月费 [99.00] 元", "月费 [109.00] 元"));
        assert_eq!(marks("流量 20GB", "流量 30GB"), told("流量 [20GB]", "流量 [30GB]"));
        assert_eq!(marks("限新用户", "限校园新用户"), told("限新用户", "限[校园]新用户"));
        assert_eq!(marks("", "新的"), told("", "[新的]"));
        assert_eq!(marks("一样", "一样"), told("一样", "一样"));
    }

    #[test]
    fn a_word_alone_amid_changes_is_marked_with_them() {
        assert_eq!(marks("甲一乙丙", "丁一戊丙"), ("[甲一乙]丙".to_owned(), "[丁一戊]丙".to_owned()));
    }

    #[test]
    fn the_longest_texts_take_no_time() {
        let (old, new) = ("甲乙".repeat(10_000), format!("甲{}", "丙丁".repeat(10_000)));
        let (old, new) = marked(&old, &new);
        assert_eq!((old.len(), new.len()), (2, 2));
        assert_eq!(old[0], Piece { text: "甲".to_owned(), changed: false });
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_what_is_not_marked_is_the_same(before in "[甲乙 a1\n]{0,30}", after in "[甲乙 a1\n]{0,30}") {
            let (old, new) = marked(&before, &after);
            let whole = |pieces: &[Piece]| pieces.iter().map(|piece| piece.text.as_str()).collect::<String>();
            let kept = |pieces: &[Piece]| {
                pieces.iter().filter(|piece| !piece.changed).map(|piece| piece.text.as_str()).collect::<String>()
            };
            prop_assert_eq!(whole(&old), before.as_str());
            prop_assert_eq!(whole(&new), after.as_str());
            prop_assert_eq!(kept(&old), kept(&new));
            prop_assert_eq!(old.iter().chain(&new).any(|piece| piece.changed), before != after);
        }

        #[test]
        fn coarse_runs_keep_that_too(before in "[甲乙]{0,12}", after in "[甲乙]{0,12}") {
            let (old, new): (Vec<&str>, Vec<&str>) =
                (before.split_word_bounds().collect(), after.split_word_bounds().collect());
            let runs = coarse(&old, &new);
            prop_assert_eq!(runs.iter().map(|(old, ..)| old.concat()).collect::<String>(), before.as_str());
            prop_assert_eq!(runs.iter().map(|(_, new, _)| new.concat()).collect::<String>(), after.as_str());
            prop_assert!(runs.iter().all(|(old, new, changed)| *changed || old == new));
        }
    }
}
