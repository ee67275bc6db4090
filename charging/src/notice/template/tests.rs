use super::catalogue::{Sample, Text, entries, messages, penalty};
use super::*;
use crate::notice::sms::parts;
use crate::notice::{ListLead, ListedService, pages};
use crate::usage::threshold::{CapState, UsedLevel};

#[test]
fn every_example_takes_fewer_than_three_sms() {
    let texts = || entries().iter().flat_map(|entry| &entry.texts);
    // What an agent's channel has asked says so besides.
    let parts_max = |text: &Text| if text.body.contains("QD000001") { 3 } else { 2 };
    let long: Vec<&str> = texts().filter(|text| text.parts > parts_max(text)).map(|text| text.body.as_str()).collect();
    assert!(long.is_empty(), "{long:#?}");
    for text in texts() {
        assert_eq!(text.parts, parts(&text.body));
        let is_foreign = text.body.contains(['畅', '流']);
        let is_english = text.language == Language::English;
        assert_eq!(Alphabet::of(&text.body) == Alphabet::Gsm, is_english && !is_foreign, "{}", text.body);
    }
}

#[test]
fn every_message_is_short_in_both_languages_whatever_it_is_about() {
    let mut long = Vec::new();
    for sample in [Sample::usual(), Sample::longest()] {
        let leaving = Some(Leaving { name: &sample.tariff.name, penalty: penalty() });
        let plan = Message::OrderRequest {
            tariff: &sample.tariff,
            terms: &sample.terms,
            leaving,
            through: None,
            code: "048213",
        };
        for language in Language::ALL {
            let all = messages(&sample, language).into_iter().chain([plan.clone()]);
            let bodies = all.map(|message| (message.render(language), message.parts_max()));
            long.extend(bodies.filter(|(body, parts_max)| parts(body) > *parts_max).map(|(body, _)| body));
        }
    }
    assert!(long.is_empty(), "{long:#?}");
}

#[test]
fn an_order_request_says_everything() {
    let Sample { tariff, terms, .. } = Sample::usual();
    assert_eq!(
        Message::OrderRequest { tariff: &tariff, terms: &terms, leaving: None, through: None, code: "048213" }
            .render(Language::Chinese),
        "【明白】您要办理“畅享 99 套餐”(26MB900001)：每月99.00元，首月按天收；一次性10.00元；自动续到您退订。\
         每月含流量20GB(可结转至下月)、定向流量30GB、通话400分钟、短信100条。\
         用完后流量0.03元/MB，每1GB最多收3.00元，通话0.15元/分钟，短信用完即停。\
         限制：热点共享流量不超过10GB；仅限中国大陆使用。有效期：长期有效，每月自动续订，直到退订。\
         没有合约期、违约金。随时可退，月底停，当月收全月。\
         10分钟内回复Y同意，或填验证码048213(5分钟内)；回复N不同意。"
    );
}

#[test]
fn what_is_kept_hides_the_code_and_nothing_else() {
    let Sample { tariff, terms, .. } = Sample::usual();
    for (sent, kept) in [("048213", MASKED_CODE), (MASKED_CODE, MASKED_CODE)] {
        for language in Language::ALL {
            let (cap, first_month) = (Decimal::from(100_000), Month::of_date("2026-11-01".parse().unwrap()));
            for (sent, kept) in [
                (Message::SignInCode { code: sent }, Message::SignInCode { code: kept }),
                (Message::CapRequest { cap, code: sent }, Message::CapRequest { cap, code: kept }),
                (
                    Message::Family(FamilyNotice::Request { holder: "13800000001", first_month, code: sent }),
                    Message::Family(FamilyNotice::Request { holder: "13800000001", first_month, code: kept }),
                ),
                (
                    Message::OrderRequest { tariff: &tariff, terms: &terms, leaving: None, through: None, code: sent },
                    Message::OrderRequest { tariff: &tariff, terms: &terms, leaving: None, through: None, code: kept },
                ),
            ] {
                assert_eq!(mask_code(&sent.render(language)), kept.render(language));
            }
        }
    }
}

#[test]
fn a_long_list_is_numbered_on_over_messages() {
    for (sample, language) in [Sample::usual(), Sample::longest()].iter().flat_map(|s| Language::ALL.map(|l| (s, l))) {
        let services: Vec<ListedService> =
            (1..=99).map(|number| ListedService { number, ..sample.services[0].clone() }).collect();
        let pages = pages(ListLead::Unread, &services, language);
        assert!(pages.len() > 10 && pages.iter().all(|page| !page.is_empty()));
        assert_eq!(pages.concat(), services);
        for (page, services) in (1..).zip(&pages) {
            let list = ServiceNotice::List { lead: ListLead::Unread, services, page, pages: pages.len() };
            let body = Message::Service(list).render(language);
            assert!(parts(&body) <= PARTS_MAX, "{} parts: {body}", parts(&body));
            assert!(body.contains(&format!("({page}/{})", pages.len())), "{body}");
        }
    }
}

#[test]
fn only_what_no_rule_requires_can_be_turned_off() {
    for message in messages(&Sample::usual(), Language::Chinese) {
        let is_share = matches!(
            message,
            Message::Usage(
                UsageNotice::Allowance { level: UsedLevel::Half | UsedLevel::FourFifths, .. }
                    | UsageNotice::Cap { state: CapState::Half, .. }
            )
        );
        assert_eq!(message.topic().is_some(), is_share, "{message:?}");
    }
}
