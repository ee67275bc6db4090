use super::catalogue::{Sample, messages};
use super::*;
use crate::notice::{ListLead, ListedService, pages};
use crate::usage::threshold::{CapState, UsedLevel};

#[test]
fn every_message_is_short_in_both_languages() {
    let mut long = Vec::new();
    for sample in [Sample::usual(), Sample::longest()] {
        for language in Language::ALL {
            let bodies = messages(&sample, language).into_iter().map(|message| (message.render(language), message));
            long.extend(bodies.filter(|(body, message)| parts(body) > message.parts_max()).map(|(body, _)| body));
        }
    }
    assert!(long.is_empty(), "{long:#?}");
}

#[test]
fn an_order_request_says_everything() {
    let Sample { tariff, terms, .. } = Sample::usual();
    assert_eq!(
        Message::OrderRequest { tariff: &tariff, terms: &terms, code: "048213" }.render(Language::Chinese),
        "【明白】您要办理“畅享 99 套餐”(26MB900001)。资费：每月99.00元，首月按剩余天数收；一次性10.00元。\
         周期：按自然月收，每月自动续，到您退订为止。每月含：流量20GB(可结转至下月)、定向流量30GB、通话400分钟、短信100条。\
         用完后：流量0.03元/MB，每1GB最多收3.00元，通话0.15元/分钟，短信用完即停。\
         限制：热点共享流量不超过10GB；仅限中国大陆使用。有效期：长期有效，每月自动续订，直到退订。\
         在网要求：无。违约责任：无。退订：随时可退，月底停，当月收全月。\
         同意请在网页填验证码048213(5分钟内有效)，或10分钟内回复Y；不同意回复N。"
    );
}

#[test]
fn what_is_kept_hides_the_code_and_nothing_else() {
    let Sample { tariff, terms, .. } = Sample::usual();
    for (sent, kept) in [("048213", MASKED_CODE), (MASKED_CODE, MASKED_CODE)] {
        for language in Language::ALL {
            let cap = Decimal::from(100_000);
            for (sent, kept) in [
                (Message::SignInCode { code: sent }, Message::SignInCode { code: kept }),
                (Message::CapRequest { cap, code: sent }, Message::CapRequest { cap, code: kept }),
                (
                    Message::OrderRequest { tariff: &tariff, terms: &terms, code: sent },
                    Message::OrderRequest { tariff: &tariff, terms: &terms, code: kept },
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
        let pages = pages(ListLead::Expired, &services, language);
        assert!(pages.len() > 10 && pages.iter().all(|page| !page.is_empty()));
        assert_eq!(pages.concat(), services);
        for (page, services) in (1..).zip(&pages) {
            let list = ServiceNotice::List { lead: ListLead::Expired, services, page, pages: pages.len() };
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
