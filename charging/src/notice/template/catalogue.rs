//! Every message with example values: for the tests, and for `docs/messages.md`, which is made of it.

use std::fmt::Write as _;
use std::path::Path;

use super::*;
use crate::notice::{AccountNotice, DataLeft, ListLead, ListedService, ServiceNotice, UsageNotice};
use crate::quantity::{GIB, MIB, Service};
use crate::tariff::{CancelEffective, Included, Kind};
use crate::usage::threshold::{CapState, UsedLevel};

/// Values that messages are made of.
pub struct Sample {
    pub tariff: TariffContent,
    pub terms: Terms,
    /// Yuan.
    pub price: Decimal,
    pub amount: Decimal,
    pub services: Vec<ListedService>,
    /// Bytes, minutes or messages left.
    pub left: u64,
    pub data: DataLeft,
    pub number: u32,
}

impl Sample {
    pub fn usual() -> Self {
        Self::of(1, Decimal::new(5900, 2), Decimal::new(1234, 2), 3 * GIB / 2, 2)
    }

    pub fn longest() -> Self {
        Self::of(60, Decimal::new(9_999_999, 2), Decimal::new(9_999_999, 2), 9_999 * GIB + 999 * MIB, 99)
    }

    fn of(times: usize, price: Decimal, amount: Decimal, left: u64, number: u32) -> Self {
        let tariff = tariff(times);
        let ends_at = Some("2026-12-31T16:00:00Z".parse().unwrap());
        let service = |number, name: &str, recurring_price, one_off_price, ends_at| ListedService {
            number,
            name: name.repeat(times),
            recurring_price,
            one_off_price,
            ends_at,
        };
        let services = vec![
            service(1, "畅享 99 套餐", price, if times > 1 { amount } else { Decimal::ZERO }, ends_at),
            service(2, "流量加油包", Decimal::TEN, Decimal::ZERO, None),
        ];
        let data = DataLeft {
            left,
            available: left,
            directed_left: left,
            directed_available: left,
            beyond: if times > 1 { left } else { 0 },
        };
        Self { terms: tariff.terms.clone().unwrap(), tariff, price, amount, services, left, data, number }
    }
}

fn tariff(times: usize) -> TariffContent {
    let text = |text: &str| text.repeat(times);
    TariffContent {
        scheme_id: "26MB900001".parse().unwrap(),
        operator_id: "mingbai".to_owned(),
        name: text("畅享 99 套餐"),
        kind: Kind::Plan,
        audience: String::new(),
        regions: vec!["全国".to_owned()],
        channels: vec![],
        on_sale_from: "2026-01-01".parse().unwrap(),
        on_sale_until: "2027-12-31".parse().unwrap(),
        validity: text("长期有效，每月自动续订，直到退订"),
        commitment: text("无"),
        cancel: text("网上营业厅、营业厅、10086"),
        penalty: text("无"),
        restrictions: vec![text("热点共享流量不超过10GB"), text("仅限中国大陆使用")],
        notes: String::new(),
        price_text: String::new(),
        services_text: String::new(),
        overage_text: String::new(),
        category: String::new(),
        included: Included::default(),
        terms: Some(
            serde_json::from_str(
                r#"{"recurring":{"price":"99.00","first_month":"daily"},"one_off":"10.00","cancel_effective":"month_end",
                "allowances":[{"service":"data","quantity":"20GB","rollover":true},
                    {"service":"data","quantity":"30GB","rating_groups":[1000]},
                    {"service":"voice","quantity":"400min"},{"service":"sms","quantity":"100"}],
                "overage":[{"service":"data","model":"ladder","price":"0.03","unit":"1MB","block_price":"3.00","block":"1GB"},
                    {"service":"voice","model":"unit","price":"0.15","unit":"1min"}]}"#,
            )
            .unwrap(),
        ),
    }
}

/// Every message there is, in every form that reads differently.
pub fn messages(sample: &Sample, language: Language) -> Vec<Message<'_>> {
    let mut all = orders(sample);
    all.extend(services(sample, language).into_iter().map(Message::Service));
    all.extend(account(sample).into_iter().map(Message::Account));
    all.extend(usage(sample).into_iter().map(Message::Usage));
    all.extend([Message::NothingAsked, Message::Help]);
    all
}

fn orders(sample: &Sample) -> Vec<Message<'_>> {
    let Sample { tariff, terms, amount, .. } = sample;
    let (name, code, cap) = (tariff.name.as_str(), "048213", sample.price);
    let starts_on = "2026-12-01".parse().unwrap();
    let ends_at = "2026-12-31T16:00:00Z".parse().unwrap();
    let cancelled = |how, cost| Message::CancelConfirmed { name, ends_at, how, cost };
    vec![
        Message::SignInCode { code },
        Message::OrderRequest { tariff, terms, code },
        Message::OrderSuccess { name, terms, starts_on },
        Message::PlanChange { name, terms, starts_on },
        Message::OrderLapsed { name, why: Lapse::TooLate },
        Message::OrderLapsed { name, why: Lapse::OfferChanged },
        Message::OrderRefused { name },
        cancelled(CancelCost::DaysUsed, *amount),
        cancelled(CancelCost::MonthInFull, sample.price),
        cancelled(CancelCost::BeforeStart, Decimal::ZERO),
        cancelled(CancelCost::BeforeFirstCharge { at_once: true }, Decimal::ZERO),
        cancelled(CancelCost::BeforeFirstCharge { at_once: false }, Decimal::ZERO),
        Message::CancelUndone { name },
        Message::CapRequest { cap, code },
        Message::CapChanged { cap },
        Message::CapRefused { cap },
        Message::CapLapsed { cap },
        Message::BillReady {
            month: "2026-10".parse().unwrap(),
            total: sample.price + amount,
            due: sample.price + amount,
            facts: BillFacts { fees: sample.price, overage: *amount, change: Some(-amount) },
        },
    ]
}

fn services(sample: &Sample, language: Language) -> Vec<ServiceNotice<'_>> {
    let name = sample.tariff.name.as_str();
    let (number, amount, monthly) = (100 + sample.number.pow(2).cast_signed(), sample.amount, sample.price);
    let ends_at = "2026-12-31T16:00:00Z".parse().unwrap();
    let renews_on = "2026-12-01".parse().unwrap();
    let lists = [ListLead::Asked, ListLead::NoList, ListLead::Expired].map(|lead| {
        let pages = crate::notice::pages(lead, &sample.services, language);
        ServiceNotice::List { lead, services: pages[0], page: 1, pages: pages.len() }
    });
    let costs = [None, Some(CancelEffective::Immediately), Some(CancelEffective::MonthEnd)];
    let first_charges =
        costs.map(|costs| ServiceNotice::FirstCharge { name, amount, monthly, charged_on: renews_on, number, costs });
    let first_uses = [(Decimal::ZERO, costs[0]), (amount, costs[0]), (amount, costs[1])]
        .map(|(one_off, costs)| ServiceNotice::FirstUse { name, one_off, number, costs });
    let others = [
        ServiceNotice::NoServices,
        ServiceNotice::NoSuchNumber { number: 99_999, last: 99 },
        ServiceNotice::Ended { name, ended_at: ends_at },
        ServiceNotice::EndsAlready { name, ends_at },
        ServiceNotice::FirstChargeMade { name, charged: amount },
        ServiceNotice::Renewal { first: name, services: 1, monthly, renews_on },
        ServiceNotice::Renewal { first: name, services: 99, monthly, renews_on },
    ];
    lists.into_iter().chain(others).chain(first_charges).chain(first_uses).collect()
}

fn account(sample: &Sample) -> Vec<AccountNotice<'_>> {
    let Sample { tariff, terms, amount, price, data, .. } = sample;
    let month: Month = "2026-11".parse().unwrap();
    let ends_at = Some("2026-12-31T16:00:00Z".parse().unwrap());
    vec![
        AccountNotice::Plan { name: &tariff.name, terms, ends_at, others: 99 },
        AccountNotice::Plan { name: &tariff.name, terms, ends_at: None, others: 0 },
        AccountNotice::NoPlan { others: 1 },
        AccountNotice::Data(*data),
        AccountNotice::Bill { month, used: *amount, expected: price + amount, last: Some((month.previous(), *price)) },
        AccountNotice::Bill { month, used: *amount, expected: price + amount, last: None },
        AccountNotice::Cap { cap: *price, charged: *amount },
        AccountNotice::CapUnreadable,
        AccountNotice::CapSame { cap: *price },
        AccountNotice::CapBelowSpent { cap: *price, spent: *amount },
        AccountNotice::TooMany,
        AccountNotice::Reminders { on: true },
        AccountNotice::Reminders { on: false },
    ]
}

fn usage(sample: &Sample) -> Vec<UsageNotice> {
    let (amount, cap) = (sample.amount, sample.price);
    let kinds = [(Service::Data, false), (Service::Data, true), (Service::Voice, false), (Service::Sms, false)];
    let levels = [UsedLevel::Half, UsedLevel::FourFifths, UsedLevel::TenMegabytesLeft, UsedLevel::UsedUp];
    let of = |service, is_directed, level| {
        let left = if service == Service::Data { sample.left } else { u64::from(sample.number) };
        [true, false].map(|has_price| UsageNotice::Allowance { service, is_directed, level, left, has_price })
    };
    let allowances = kinds
        .into_iter()
        .flat_map(|(service, is_directed)| levels.into_iter().flat_map(move |level| of(service, is_directed, level)));
    let caps = [CapState::Half, CapState::Near, CapState::Reached].map(|state| UsageNotice::Cap {
        state,
        charged: amount,
        cap,
    });
    let high = UsageNotice::HighCharge { beyond: amount, average: amount };
    allowances.chain(caps).chain([high]).collect()
}

/// Where the list for people stands.
const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/messages.md");
/// Set to anything, the test writes the document.
const WRITE: &str = "MINGBAI_WRITE_DOCS";

fn document() -> String {
    let sample = Sample::usual();
    let (chinese, english) = (messages(&sample, Language::Chinese), messages(&sample, Language::English));
    let mut text = "# Every message to a subscriber\n\nMade from the templates in `charging/src/notice` by \
        `MINGBAI_WRITE_DOCS=1 cargo test -p charging catalogue`, which else checks that it is current. The number in \
        parentheses is of the parts that the SMS takes.\n"
        .to_owned();
    let mut shown: Vec<String> = Vec::new();
    let mut kind = "";
    for (chinese, english) in chinese.iter().zip(&english) {
        let (body, translated) = (chinese.render(Language::Chinese), english.render(Language::English));
        if shown.contains(&body) {
            continue;
        }
        if kind != chinese.kind() {
            kind = chinese.kind();
            let choice = if chinese.topic().is_some() { ", can be turned off in part" } else { "" };
            write!(text, "\n## {kind}{choice}\n").unwrap();
        }
        for said in [&body, &translated] {
            write!(text, "\n> {} ({})\n", said.replace('\n', "  \n> "), parts(said)).unwrap();
        }
        shown.push(body);
    }
    text
}

#[test]
fn the_document_is_current() {
    let path = Path::new(DOCUMENT);
    if std::env::var_os(WRITE).is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, document()).unwrap();
    }
    let written = std::fs::read_to_string(path).unwrap_or_default();
    let is = document();
    let stale: Vec<_> = is.lines().filter(|line| !written.lines().any(|known| known == *line)).collect();
    assert!(written == is, "run MINGBAI_WRITE_DOCS=1 cargo test -p charging catalogue; it lacks {stale:#?}");
}
