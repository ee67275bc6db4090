use super::*;
use crate::tariff::{Included, Kind, Terms};

/// A tariff that says everything.
fn clear() -> TariffContent {
    TariffContent {
        scheme_id: "26MB900001".parse().unwrap(),
        operator_id: "mingbai".to_owned(),
        name: "畅享 59".to_owned(),
        kind: Kind::Plan,
        audience: "所有个人用户".to_owned(),
        regions: vec!["全国".to_owned()],
        channels: vec!["手机营业厅".to_owned(), "营业厅".to_owned()],
        on_sale_from: "2026-01-01".parse().unwrap(),
        on_sale_until: "2027-12-31".parse().unwrap(),
        validity: "24 个月，到期自动失效，不再收费".to_owned(),
        commitment: "无".to_owned(),
        cancel: "手机营业厅、营业厅".to_owned(),
        penalty: "无".to_owned(),
        restrictions: vec!["流量当月用完，不可结转".to_owned()],
        notes: "流量当月用完，不可结转。".to_owned(),
        price_text: "59元/月".to_owned(),
        services_text: "每月 20GB 国内流量、400 分钟通话，5G 网络，1000M 宽带，速率 300Mbps".to_owned(),
        overage_text: "流量 3元/GB，通话 0.15元/分钟".to_owned(),
        category: String::new(),
        included: Included::default(),
        terms: Some(terms()),
    }
}

fn terms() -> Terms {
    serde_json::from_str(
        r#"{"recurring":{"price":"59.00","first_month":"full"},"cancel_effective":"month_end",
        "allowances":[{"service":"data","quantity":"20GB"},{"service":"voice","quantity":"400min"}],
        "overage":[{"service":"data","model":"block","price":"3.00","block":"1GB"},
            {"service":"voice","model":"unit","price":"0.15","unit":"1min"}]}"#,
    )
    .unwrap()
}

fn found(change: impl FnOnce(&mut TariffContent)) -> Vec<(Rule, Element, String)> {
    let mut content = clear();
    change(&mut content);
    check(&content).into_iter().map(|finding| (finding.rule, finding.element, finding.quote)).collect()
}

fn rules(change: impl FnOnce(&mut TariffContent)) -> Vec<Rule> {
    found(change).into_iter().map(|(rule, ..)| rule).collect()
}

#[test]
fn what_is_clear_breaks_no_rule() {
    assert_eq!(found(|_| ()), []);
}

#[test]
fn every_element_is_asked_for() {
    let missing = found(|t| {
        t.audience = "—".to_owned();
        t.channels.clear();
        t.commitment.clear();
    });
    let expected = [Element::Audience, Element::Channels, Element::Commitment];
    assert_eq!(missing, expected.map(|element| (Rule::MissingElement, element, String::new())));
    let overage = |kind| {
        rules(|t| {
            t.terms = None;
            t.overage_text.clear();
            t.kind = kind;
        })
    };
    assert_eq!((overage(Kind::Plan), overage(Kind::Addon)), (vec![Rule::MissingElement], vec![]));
    let told = |services: &str| {
        rules(|t| {
            t.terms = None;
            t.overage_text.clear();
            t.services_text = services.to_owned();
        })
    };
    assert_eq!(told("每月 10GB 流量，超出后 5元/GB"), [], "it stands beside what is included");
    assert_eq!(told("300M 宽带"), [], "nothing of it runs out");
}

#[test]
fn words_that_settle_nothing_are_vague() {
    for text in [
        "具体以当地营业厅为准",
        "详情咨询10086",
        "部分地区可用",
        "视情况收取",
        "停机、销户等违约行为",
        "包括但不限于降档",
        "含云盘、会员等",
    ] {
        assert_eq!(rules(|t| t.audience = text.to_owned()), [Rule::VagueTerm], "{text}");
    }
    for text in
        ["同等金额", "大于或等于 98 元", "含爱奇艺、腾讯视频等2款会员", "上等", "等待 3 天", "等额分 24 期", "二等奖"]
    {
        assert_eq!(rules(|t| t.audience = text.to_owned()), [], "{text}");
    }
    let twice = found(|t| t.audience = format!("云盘等{}会员等权益", "，".repeat(12)));
    assert_eq!(twice.len(), 2, "{twice:?}");
}

#[test]
fn restrictions_belong_beside_the_price() {
    let hidden = found(|t| t.notes = "仅限新用户办理。".to_owned());
    assert_eq!(hidden, [(Rule::RestrictionInNotes, Element::Notes, "仅限新用户办理".to_owned())]);
    assert_eq!(found(|t| t.notes = "退订无需承担违约责任。".to_owned()), [], "a promise is no restriction");
    let elsewhere = rules(|t| {
        t.operator_id = "mobile".to_owned();
        t.terms = None;
    });
    assert_eq!(elsewhere, [Rule::RestrictionInNotes], "others show restrictions nowhere else");
}

#[test]
fn figures_in_texts_are_those_of_the_terms() {
    assert_eq!(rules(|t| t.price_text = "69元/月".to_owned()), [Rule::PriceDiffers]);
    assert_eq!(rules(|t| t.price_text = "59.00 元/月".to_owned()), []);
    let more = found(|t| t.services_text = "每月 30GB 流量、400 分钟".to_owned());
    let differs = |element, quote: &str| (Rule::AllowanceDiffers, element, quote.to_owned());
    assert_eq!(more, [differs(Element::Services, "每月 30gb 流量、400 分钟"), differs(Element::Terms, "data")]);
    assert_eq!(found(|t| t.services_text = "每月 20GB".to_owned()), [differs(Element::Terms, "voice")]);
    let in_two = rules(|t| {
        t.services_text = "通用 15G 流量，定向 5G 流量，共 20GB，通话 400 分钟".to_owned();
        let terms = t.terms.as_mut().unwrap();
        let mut directed = terms.allowances[0].clone();
        (terms.allowances[0].quantity, directed.quantity) = (15 << 30, 5 << 30);
        directed.rating_groups = vec![7];
        terms.allowances.push(directed);
    });
    assert_eq!(in_two, []);
    for beside in
        ["，赠云盘 2TB 空间", "，流量超过 1GB 后仍按 3元/GB 收", "，流量累计 250MB 后按 1GB 计费", "，可选装 1 条宽带"]
    {
        assert_eq!(rules(|t| t.services_text.push_str(beside)), [], "{beside}");
    }
    assert_eq!(rules(|t| t.services_text.push_str("，短信 30 条")), [Rule::AllowanceDiffers]);
    let dearer = rules(|t| t.overage_text = "流量 5元/GB，通话 0.15元/分钟".to_owned());
    assert_eq!(dearer, [Rule::OverageDiffers]);
    assert_eq!(rules(|t| t.overage_text = "流量 3元/GB".to_owned()), [Rule::OverageDiffers], "calls are left out");
}

#[test]
fn what_follows_must_be_said() {
    assert_eq!(rules(|t| t.validity = "36个月".to_owned()), [Rule::ValidityOpen]);
    assert_eq!(rules(|t| t.validity = "20291231".to_owned()), [Rule::ValidityOpen]);
    assert_eq!(rules(|t| t.validity = "长期有效".to_owned()), []);
    let renewing = |price: &str| {
        rules(|t| {
            t.validity = "1年，到期自动续订".to_owned();
            t.price_text = price.to_owned();
        })
    };
    assert_eq!(renewing("59元/月"), [Rule::RenewalUnsaid]);
    assert_eq!(renewing("59元/月，每月自动续，退订前一直收"), []);
    let ending = rules(|t| t.validity = "36个月，到期不自动续约".to_owned());
    assert_eq!(ending, [], "what does not renew need not say so");
    let free = |text: &str| rules(|t| t.notes = text.to_owned());
    assert_eq!(free("首3个月免费"), [Rule::FreePeriodOpen]);
    assert_eq!(free("首3个月免费，到期后恢复59元/月"), []);
}

#[test]
fn what_is_sold_online_is_stopped_online() {
    let cancel = |text: &str| rules(|t| t.cancel = text.to_owned());
    assert_eq!(cancel("前往营业厅办理"), [Rule::CancelNarrower]);
    assert_eq!(cancel("拨打10086"), [Rule::CancelNarrower]);
    assert_eq!(cancel("办理渠道均可退订"), []);
    assert_eq!(cancel("APP、营业厅"), []);
    let hall_only = rules(|t| {
        t.channels = vec!["线下营业厅".to_owned()];
        t.cancel = "营业厅".to_owned();
    });
    assert_eq!(hall_only, []);
    let by_phone = |text: &str| {
        rules(|t| {
            t.channels = vec!["10086 人工".to_owned()];
            t.cancel = text.to_owned();
        })
    };
    assert_eq!((by_phone("前往营业厅办理"), by_phone("拨打10086")), (vec![Rule::CancelNarrower], vec![]));
}

#[test]
fn a_penalty_is_worked_out() {
    let penalty = |text: &str| rules(|t| t.penalty = text.to_owned());
    assert_eq!(penalty("提前退订需承担违约责任"), [Rule::PenaltyUnclear]);
    for text in [
        "无违约金",
        "违约金=10元×剩余月数",
        "需按照合约期内已使用电子券金额缴纳违约金",
        "无需承担违约责任",
        "违约金：无",
    ] {
        assert_eq!(penalty(text), [], "{text}");
    }
}

#[test]
fn words_are_plain_and_claim_nothing() {
    assert_eq!(rules(|t| t.audience = "趸交客户".to_owned()), [Rule::Jargon]);
    assert_eq!(rules(|t| t.name = "全网最低价卡".to_owned()), [Rule::Superlative]);
    assert_eq!(rules(|t| t.services_text.push_str("，比同类套餐更快")), [Rule::Comparison]);
    assert_eq!(rules(|t| t.restrictions.push("比其他套餐贵".to_owned())), [], "who says that he is dearer is honest");
    assert_eq!(rules(|t| t.audience = "近3个月最高、最低消费".to_owned()), []);
    assert_eq!(rules(|t| t.audience = "很".repeat(121)), [Rule::LongSentence]);
    assert_eq!(rules(|t| t.audience = "很。".repeat(121)), []);
}

#[test]
fn every_rule_has_a_name_of_its_own_and_examples() {
    let mut ids: Vec<_> = Rule::ALL.iter().map(|rule| rule.id()).collect();
    assert!(Rule::ALL.iter().all(|rule| rule.id().parse() == Ok(*rule)));
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), Rule::ALL.len());
    for rule in Rule::ALL {
        assert!(!rule.reason().zh.is_empty() && !rule.reason().en.is_empty());
    }
}

/// Puts the Chinese words of an example into the tariff that says everything.
fn say(content: &mut TariffContent, example: Example) {
    for Part { element, words } in example.0 {
        let text = words.zh.to_owned();
        match element {
            Element::Name => content.name = text,
            Element::Price => content.price_text = text,
            Element::Services => content.services_text = text,
            Element::Overage => content.overage_text = text,
            Element::Validity => content.validity = text,
            Element::Channels => content.channels = text.split('、').map(str::to_owned).collect(),
            Element::Cancel => content.cancel = text,
            Element::Penalty => content.penalty = text,
            Element::Notes => content.notes = text,
            Element::Restrictions => content.restrictions.push(text),
            // What the examples say of it is what the terms of this tariff are.
            Element::Terms => {}
            other => panic!("no example speaks of {other:?}"),
        }
    }
}

#[test]
fn a_bad_example_breaks_its_rule_alone_and_a_good_one_none() {
    for rule in Rule::ALL {
        let (mut broken, good) = (rules(|t| say(t, rule.bad_example())), rules(|t| say(t, rule.good_example())));
        broken.dedup();
        assert_eq!((broken, good), (vec![rule], vec![]), "{rule}");
        for Part { words, .. } in rule.bad_example().0.into_iter().chain(rule.good_example().0) {
            assert_eq!(words.zh.is_empty(), words.en.is_empty(), "{rule}");
        }
    }
}

#[test]
fn a_finding_stands_in_its_sentence() {
    let mut content = clear();
    content.audience = "个人用户。具体以当地营业厅为准，请带身份证；每人一张".to_owned();
    content.price_text = "69元/月".to_owned();
    content.validity.clear();
    let sentences: Vec<String> = check(&content).iter().map(|finding| finding.sentence(&content)).collect();
    assert_eq!(sentences, ["", "具体以当地营业厅为准，请带身份证", "69元/月"]);
}
