//! Sentences made up for the purpose, each beside what it must and must not become.

use rust_decimal::Decimal;

use super::*;
use crate::quantity::{GIB, MIB};
use crate::tariff::{CancelEffective, FirstMonth, Included, OverageModel};

fn tariff() -> TariffContent {
    TariffContent {
        scheme_id: "26MB900001".parse().unwrap(),
        operator_id: "mingbai".to_owned(),
        name: "清风套餐59元".to_owned(),
        kind: Kind::Plan,
        audience: "所有人".to_owned(),
        regions: vec!["全国".to_owned()],
        channels: Vec::new(),
        on_sale_from: "2026-01-01".parse().unwrap(),
        on_sale_until: "2027-12-31".parse().unwrap(),
        validity: "两年，到期后自动续订".to_owned(),
        commitment: "无".to_owned(),
        cancel: "营业厅、热线".to_owned(),
        penalty: "无".to_owned(),
        restrictions: Vec::new(),
        notes: String::new(),
        price_text: "59元/月".to_owned(),
        services_text: String::new(),
        overage_text: String::new(),
        category: String::new(),
        included: Included {
            general_data_gb: Some(Decimal::from(20)),
            voice_minutes: Some(300),
            ..Included::default()
        },
        terms: None,
    }
}

fn with(change: impl FnOnce(&mut TariffContent)) -> Result<Derivation, Underivable> {
    let mut content = tariff();
    change(&mut content);
    derive(&content)
}

fn services(text: &str) -> Result<Derivation, Underivable> {
    with(|content| text.clone_into(&mut content.services_text))
}

fn overage(text: &str) -> Result<Derivation, Underivable> {
    with(|content| text.clone_into(&mut content.overage_text))
}

fn yuan(text: &str) -> Decimal {
    text.parse().unwrap()
}

#[test]
fn a_plain_plan_is_derived_with_its_sources() {
    let derivation = with(|content| {
        content.services_text = "每月含20GB国内流量、300分钟国内主叫。流量可结转至次月。退订次月生效".to_owned();
        content.overage_text = "国内流量3元/GB，国内主叫0.15元/分钟，短信0.1元/条，彩信0.3元/条".to_owned();
    })
    .unwrap();
    let terms = &derivation.terms;
    assert_eq!(terms.recurring_price(), yuan("59"));
    assert_eq!(terms.first_month(), FirstMonth::Daily);
    assert_eq!(terms.cancel_effective, CancelEffective::MonthEnd);
    let allowances: Vec<_> = terms.allowances.iter().map(|a| (a.service, a.quantity, a.rollover)).collect();
    assert_eq!(allowances, [(Service::Data, 20 * GIB, true), (Service::Voice, 300, false)]);
    assert_eq!(terms.overage_of(Service::Data), Some(&OverageModel::Block { price: yuan("3"), block: GIB }));
    assert_eq!(terms.overage_of(Service::Voice), Some(&OverageModel::Unit { price: yuan("0.15"), unit: 1 }));
    assert_eq!(terms.overage_of(Service::Sms), Some(&OverageModel::Unit { price: yuan("0.1"), unit: 1 }));
    let source = |field: &str| {
        let source = derivation.sources.iter().find(|source| source.field == field);
        source.map_or("?", |source| source.sentence.as_str())
    };
    assert_eq!(source("recurring.price"), "59元/月");
    assert_eq!(source("recurring.first_month"), "");
    assert_eq!(source("cancel_effective"), "退订次月生效");
    assert_eq!(source("allowances.data"), "每月含20GB国内流量、300分钟国内主叫");
    assert_eq!(source("overage.voice"), "国内流量3元/GB，国内主叫0.15元/分钟，短信0.1元/条，彩信0.3元/条");
}

#[test]
fn a_price_must_be_one_plain_monthly_figure() {
    for text in ["59元/年", "59元及以上/月", "59元起", "59元/月（原价99元/月）", "0元/月", "5.9折", "59元/月，首月1元"]
    {
        let refused = with(|content| text.clone_into(&mut content.price_text));
        assert_eq!(refused, Err(Underivable::Price), "{text}");
    }
    assert!(matches!(services("月费69元，含来电显示"), Err(Underivable::Contradiction(_))));
    assert!(services("月费59元，含来电显示").is_ok());
}

#[test]
fn only_plans_and_addons_without_obligation_that_go_on() {
    for kind in [Kind::Campaign, Kind::International, Kind::Standard] {
        assert_eq!(with(|content| content.kind = kind), Err(Underivable::Kind));
    }
    for commitment in ["24个月", "在网一年", "活动期内保持在网"] {
        let refused = with(|content| commitment.clone_into(&mut content.commitment));
        assert_eq!(refused, Err(Underivable::Commitment));
    }
    assert_eq!(with(|content| content.penalty = "剩余月数乘以10元".to_owned()), Err(Underivable::Commitment));
    for validity in ["至2029年12月31日", "20271231", "资费有效期：2027年12月31日", "有效期1个月，若用户不退订可顺延"]
    {
        assert!(with(|content| validity.clone_into(&mut content.validity)).is_ok(), "{validity}");
    }
    for validity in [
        "2026年6月30日",
        "2027年12月31日，到期视套餐是否在售可续办",
        "连续包月，退订立即失效",
        "24个月",
        "到期自动失效",
        "到期后按99元/月自动续订",
        "一年，到期恢复标准价并自动续订",
    ] {
        let refused = with(|content| validity.clone_into(&mut content.validity));
        assert_eq!(refused, Err(Underivable::Validity), "{validity}");
    }
}

#[test]
fn a_name_must_not_promise_more_than_the_text() {
    for name in [
        "清风套餐49元",
        "清风套餐59元（首月体验）",
        "清风副卡59元",
        "清风30GB套餐",
        "清风59元500分钟",
        "清风59元优惠档",
    ] {
        assert!(with(|content| name.clone_into(&mut content.name)).is_err(), "{name}");
    }
    for name in [
        "清风59元-移网主卡",
        "清风融合套餐59元",
        "清风59元升级版",
        "清风套餐59元（202508）",
        "清风套餐59元（2026版）",
        "清风5G套餐59元20GB",
        "清风59元档300分钟",
    ] {
        assert!(with(|content| name.clone_into(&mut content.name)).is_ok(), "{name}");
    }
}

#[test]
fn text_and_table_must_agree() {
    for text in ["含30GB国内流量", "含20GB国内流量，另有5GB国内流量", "含200分钟国内语音", "含100条短信"]
    {
        assert!(matches!(services(text), Err(Underivable::Contradiction(_))), "{text}");
    }
    for text in ["含20G全国流量", "国内流量20GB", "国内语音300分钟", "300分钟国内主叫"] {
        assert!(services(text).is_ok(), "{text}: {:?}", services(text));
    }
    let rounded = |text: &str| {
        with(|content| {
            content.included.general_data_gb = Some(yuan("0.49"));
            text.clone_into(&mut content.services_text);
        })
    };
    assert_eq!(rounded("含500MB国内流量").unwrap().terms.allowances[0].quantity, 500 * MIB);
    assert!(rounded("").is_err(), "0.49 GB is rounded, and the text does not tell from what");
    let nothing = with(|content| content.included = Included::default());
    assert_eq!(nothing, Err(Underivable::Nothing));
}

#[test]
fn what_usage_records_cannot_tell_apart_is_left_out() {
    let directed = with(|content| content.included.directed_data_gb = Some(Decimal::from(30)));
    assert!(matches!(directed, Err(Underivable::Condition(_))));
    for text in [
        "含定向流量，适用于部分应用",
        "可组建家庭网，成员互打免费",
        "含省内流量",
        "国内通话不含集团通话",
        "夜间流量半价",
        "达量后限速",
        "含港澳台漫游流量",
        "流量用完后不限量使用",
    ] {
        assert!(matches!(services(text), Err(Underivable::Condition(_))), "{text}: {:?}", services(text));
    }
    assert!(services("以上均不含港澳台地区，仅限中国内地使用").is_ok());
}

#[test]
fn conditions_and_figures_that_are_not_understood_leave_the_terms_out() {
    for text in [
        "办理即享优惠",
        "承诺每月消费",
        "首付一百元",
        "安装调测费100元",
        "每月返还10元",
        "预存后可用",
        "前三个月减免",
        "超出后按标准资费",
        "具体以页面为准",
        "含8张兑换券",
        "共享上限9个号码",
        "每月另收七元",
        "需同时办理宽带",
        "与固话组合使用",
    ] {
        let refused = services(text);
        assert!(matches!(refused, Err(Underivable::Condition(_) | Underivable::Figure(_))), "{text}: {refused:?}");
    }
    for text in [
        "1、含来电显示。2、接听免费；3、联通云盘2T会员",
        "可办理4张副卡，副卡月费10元/张/月",
        "咨询热线10086",
        "含1000M宽带，下行速率1Gbps",
        "当月套餐外流量消费600元封顶，达到封顶值（600元）则暂停当月上网服务，次月初自动开通",
        "与其他套餐互斥",
    ] {
        let derived = services(text);
        let asks = matches!(derived, Err(Underivable::Condition(ref word)) if word == "咨询");
        assert!(derived.is_ok() || asks, "{text}: {derived:?}");
    }
}

#[test]
fn data_overage_is_a_block_a_unit_or_a_ladder() {
    let data = |text: &str| overage(text).map(|derivation| derivation.terms.overage_of(Service::Data).cloned());
    let block = |price: &str| Ok(Some(OverageModel::Block { price: yuan(price), block: GIB }));
    let ladder = |price: &str, block_price: &str| {
        let (price, block_price) = (yuan(price), yuan(block_price));
        Ok(Some(OverageModel::Ladder { price, unit: MIB, block_price, block: GIB }))
    };
    for text in [
        "流量3元/GB。以GB为计费单位。",
        "套外流量3元/GB",
        "国内流量按3元/G计费",
        "流量：3元/GB（不足1GB按1GB收取）",
        "超出流量3元1GB",
    ] {
        assert_eq!(data(text), block("3"), "{text}");
    }
    assert_eq!(data("流量0.29元/MB"), Ok(Some(OverageModel::Unit { price: yuan("0.29"), unit: MIB })));
    for (text, price, block_price) in [
        ("流量0.03元/MB，累计至3元后不再收费，直至1GB，以此类推", "0.03", "3"),
        ("流量按0.02元/MB计费，累计至150MB（3元）后按照3元/GB计费，流量超过1GB后仍按上述标准计收", "0.02", "3"),
        ("国内流量5元/GB，不足5元按照0.29元/MB收取", "0.29", "5"),
        ("流量按照0.29元/MB计费，1GB内最多收取10元", "0.29", "10"),
        ("先按0.1元/MB计费，达到10元时免费使用到1GB，后续按此循环", "0.1", "10"),
        ("流量0.02元/MB（不足1MB按1MB收取），每GB最多收5元", "0.02", "5"),
        ("流量5元/GB（前250MB按0.02元/MB计费）", "0.02", "5"),
        ("国内流量按0.02元/MB计费，累计至150MB后按照3元/GB计费", "0.02", "3"),
    ] {
        assert_eq!(data(text), ladder(price, block_price), "{text}");
    }
}

#[test]
fn data_overage_that_terms_cannot_say_leaves_them_out() {
    for text in [
        "流量3元/GB，不足1GB不收费",
        "流量前3GB按5元/GB，之后按3元/GB",
        "流量5元/GB，满15元后3元/GB",
        "流量3元/GB，不足1GB按0.29元/MB执行",
        "流量按0.02元/MB计费，累计至200MB（3元）后按3元/GB计费",
        "流量1元/GB日租宝",
        "流量0.29元/MB，每8元100M，每30元1G",
        "流量3元/GB，向下取整",
        "流量3元/GB；国内流量5元/GB",
        "流量先按0.03元/MB计费，3元/GB",
        "流量5元/GB（前200MB按0.02元/MB计费）",
        "流量3元/GB，以GB为计费单位，不足1GB不计费",
        "流量3元/GB，以MB为计费单位",
        "流量3元/GB，以KB为计费单位",
    ] {
        assert!(overage(text).is_err(), "{text}: {:?}", overage(text));
    }
}

#[test]
fn voice_and_message_prices_are_of_the_right_thing() {
    let price = |text: &str, service| {
        overage(text).map(|derivation| {
            derivation.terms.overage_of(service).map(|model| match model {
                OverageModel::Unit { price, .. } => price.to_string(),
                other => format!("{other:?}"),
            })
        })
    };
    for text in [
        "国内主叫0.15元/分钟",
        "国内语音：0.15元/分钟",
        "语音0.15元/分",
        "国内语音拨打0.15元/分钟（不足1分钟按1分钟计）",
    ] {
        assert_eq!(price(text, Service::Voice), Ok(Some("0.15".to_owned())), "{text}");
    }
    for text in
        ["短信0.1元/条", "国内点对点短、彩信：0.10元/条", "短彩信0.1元/条", "短信：0.1元/条(次)，彩信：0.3元/条(次)"]
    {
        assert_eq!(price(text, Service::Sms), Ok(Some("0.1".to_owned())), "{text}");
    }
    assert_eq!(price("彩信0.3元/条", Service::Sms), Ok(None));
    for text in [
        "视频通话0.3元/分钟",
        "拨打固话0.1元/分钟",
        "主叫0.15元/分钟，长途0.3元/分钟",
        "卫星短信2元/条",
        "港澳台语音0.99元/分钟",
        "省内短信0.1元/条",
        "短信0.1元/条；短信0.2元/条",
        "短彩信0.1元/分钟",
        "语音15元/分钟",
    ] {
        assert!(overage(text).is_err(), "{text}: {:?}", overage(text));
    }
}

#[test]
fn an_addon_cannot_price_overage() {
    let addon = |text: &str| {
        with(|content| {
            content.kind = Kind::Addon;
            text.clone_into(&mut content.overage_text);
        })
    };
    assert!(addon("").is_ok());
    assert!(matches!(addon("流量3元/GB"), Err(Underivable::Overage(_))));
}

#[test]
fn the_first_month_is_as_the_text_says() {
    for (text, mode) in [
        ("", FirstMonth::Daily),
        ("首月套餐费及套内资源按日折算", FirstMonth::Daily),
        ("办理当月按天收取，次月一次性收取", FirstMonth::Daily),
        ("首月套餐费按日折算（入网/生效当日到月底），费用一次性收取", FirstMonth::Daily),
        ("新入网不足整月的，套餐费按天折算收取；转资费用户次月生效套餐费全额收取", FirstMonth::Daily),
        ("首月套餐减半", FirstMonth::Half),
        ("首月全量全价", FirstMonth::Full),
    ] {
        let derived = services(text).map(|derivation| derivation.terms.first_month());
        assert_eq!(derived, Ok(mode), "{text}");
    }
    for text in [
        "首月可选按天折算或首月全量全价",
        "首月资费可选：全月全价、按量计费、按天计费",
        "首月按量计费",
        "首月免费",
        "首月规则见公告",
    ] {
        assert!(services(text).is_err(), "{text}: {:?}", services(text));
    }
}

#[test]
fn cancelling_is_as_the_text_says() {
    for (text, effective) in [
        ("", CancelEffective::MonthEnd),
        ("办理立即生效，退订立即失效", CancelEffective::Immediately),
        ("退订月底失效", CancelEffective::MonthEnd),
        ("取消次月生效", CancelEffective::MonthEnd),
    ] {
        let derived = services(text).map(|derivation| derivation.terms.cancel_effective);
        assert_eq!(derived, Ok(effective), "{text}");
    }
    let both = with(|content| {
        content.services_text = "退订立即失效".to_owned();
        content.cancel = "热线，退订次月生效".to_owned();
    });
    assert_eq!(both, Err(Underivable::Cancel));
}

#[test]
fn rollover_is_only_what_the_text_says() {
    for (text, rolls) in [
        ("含来电显示", false),
        ("流量可结转至次月，语音不可结转", true),
        ("流量不可共享、不可结转", false),
        ("流量不可共享、结转", false),
        ("流量不可共享、可结转至次月", true),
        ("语音和流量均不可结转", false),
        ("流量可共享、可结转；变更套餐时剩余流量不结转", true),
        ("流量可共享、可结转至次月(客户变更套餐、过户的，原套餐剩余流量不结转)，语音当月有效", true),
        ("流量当月未使用完可结转至次月底，次月仍未使用完的部分不再延期", true),
    ] {
        let derived = services(text).map(|derivation| derivation.terms.allowances[0].rollover);
        assert_eq!(derived, Ok(rolls), "{text}");
    }
    for text in ["国内流量可结转，共享流量不可结转", "语音和流量可结转"] {
        assert_eq!(services(text), Err(Underivable::Rollover), "{text}");
    }
}

#[test]
fn the_sentence_about_rolling_over_is_kept() {
    let source = |text: &str| {
        let sources = services(text).unwrap().sources;
        sources.into_iter().find(|source| source.field == "rollover").map(|source| source.sentence)
    };
    let text = "含来电显示。通用 流量（变更套餐的不结转）可结转至次月，语音不可结转。退订次月生效";
    assert_eq!(source(text).unwrap(), "通用 流量（变更套餐的不结转）可结转至次月，语音不可结转");
    assert_eq!(source("含来电显示").unwrap(), "");
    let from_table = with(|_| ()).unwrap().sources;
    assert!(from_table.iter().any(|source| source.sentence == "语音 300分钟"));
}

#[test]
fn secondary_cards_are_set_aside_and_nothing_with_them() {
    for text in [
        "1、可办理4张有价副卡，共享主卡资源。2、接听免费",
        "可办4张副卡，其中2张免月费，其他月费10元/张",
        "2张0元/月副卡，2026年4月20日后可办理4张0元/月副卡",
        "可办理2张副卡（10元/月/张，可选），免费1张",
        "可办理4张副卡，5元/张/月",
        "最多可办理2张1元副卡，主卡收取共享功能费10元/张/月",
        "可填充副卡四张（如有收费副卡，则按市公司标准，在套餐费外单独收费）",
    ] {
        assert!(services(text).is_ok(), "{text}: {:?}", services(text));
    }
    for text in [
        "办理副卡每月可多用10GB流量",
        "办理副卡享套餐费优惠",
        "活跃副卡可领取5张流量券",
        "可办理4张副卡，副卡首年减免10元",
        "该产品为融合套餐的组成部分，不单独办理",
        "主副卡之间国内通话免费",
        "主副卡共享流量达量限速",
        "主副卡每月最低消费以公告为准",
    ] {
        assert!(services(text).is_err(), "{text}: {:?}", services(text));
    }
}

#[test]
fn parts_of_the_price_must_add_up_and_parts_of_the_data_are_left_out() {
    assert!(services("含20GB国内通用流量，其中8GB为套餐内流量，12GB为促销流量（仅当月使用，不可结转）").is_err());
    assert!(services("59元资费组成（49元基础通信费+10元视频彩铃）").is_ok());
    assert!(services("59元资费组成（49元基础通信费+15元视频彩铃）").is_err());
}
