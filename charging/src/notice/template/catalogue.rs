//! Every message with example values: for the page that shows them all, for `docs/messages.md`, and for the tests.

use std::sync::LazyLock;

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;

use super::{BillFacts, CancelCost, Lapse, Message, Through};
use crate::bill::LineKind;
use crate::bill::change::{Change, Turn};
use crate::clock::{Month, start_of_day};
use crate::notice::sms::parts;
use crate::notice::{
    AccountNotice, DataLeft, DisputeNotice, FamilyNotice, ListLead, ListedService, OtherTariff, PaymentNotice,
    ServiceNotice, Topic, UsageNotice,
};
use crate::quantity::{GIB, Service};
use crate::subscriber::Language;
use crate::tariff::{CancelEffective, Commitment, Formula, Included, Kind, Penalty, TariffContent, Terms};
use crate::usage::threshold::{CapState, UsedLevel};

/// A message as the catalogue shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub kind: &'static str,
    /// The topic that its reader may turn off; `None`: it is always sent.
    pub topic: Option<Topic>,
    /// In the order of [`Language::ALL`].
    pub texts: Vec<Text>,
}

/// A message in one language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    pub language: Language,
    pub body: String,
    /// Parts that the SMS takes.
    pub parts: usize,
    /// What is said by phone to those who chose that.
    pub spoken: Option<String>,
}

/// The catalogue: all messages there are, kind by kind, those that read the same once.
pub fn entries() -> &'static [Entry] {
    static ENTRIES: LazyLock<Vec<Entry>> = LazyLock::new(|| {
        let sample = Sample::usual();
        let languages = Language::ALL.map(|language| (language, messages(&sample, language)));
        let mut entries: Vec<Entry> = Vec::new();
        for index in 0..languages[0].1.len() {
            let texts: Vec<Text> = languages.iter().map(|(language, all)| text(&all[index], *language)).collect();
            let message = &languages[0].1[index];
            if !entries.iter().any(|entry| entry.texts == texts) {
                entries.push(Entry { kind: message.kind(), topic: message.topic(), texts });
            }
        }
        // A kind may be told in several places of the product: here it stands together, where it came first.
        let first = |kind| languages[0].1.iter().position(|message| message.kind() == kind);
        entries.sort_by_key(|entry| first(entry.kind));
        entries
    });
    &ENTRIES
}

fn text(message: &Message<'_>, language: Language) -> Text {
    let body = message.render(language);
    Text { language, parts: parts(&body), body, spoken: message.spoken(language) }
}

/// Values that messages are made of.
pub(crate) struct Sample {
    /// A plan, which says much.
    pub tariff: TariffContent,
    pub terms: Terms,
    /// What is ordinarily ordered.
    pub addon: TariffContent,
    pub addon_terms: Terms,
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
    pub(crate) fn usual() -> Self {
        Self::of(1, Decimal::new(5900, 2), Decimal::new(1234, 2), 3 * GIB / 2, 2)
    }

    #[cfg(test)]
    pub(crate) fn longest() -> Self {
        Self::of(
            60,
            Decimal::new(9_999_999, 2),
            Decimal::new(9_999_999, 2),
            9_999 * GIB + 999 * crate::quantity::MIB,
            99,
        )
    }

    fn of(times: usize, price: Decimal, amount: Decimal, left: u64, number: u32) -> Self {
        let (tariff, addon) = (plan(times), addon(times));
        let ends_at = Some(year_end());
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
        Self {
            terms: tariff.terms.clone().expect("the example has terms"),
            tariff,
            addon_terms: addon.terms.clone().expect("the example has terms"),
            addon,
            price,
            amount,
            services,
            left,
            data,
            number,
        }
    }
}

fn day(year: i32, month: u32, day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(year, month, day).expect("the example is a day")
}

/// The last instant of 2026, and so the first of 2027.
fn year_end() -> DateTime<Utc> {
    start_of_day(day(2027, 1, 1))
}

fn addon(times: usize) -> TariffContent {
    let text = |text: &str| text.repeat(times);
    TariffContent {
        scheme_id: "26MB900002".parse().expect("the example is a scheme id"),
        name: text("流量加油包"),
        kind: Kind::Addon,
        validity: "长期有效".to_owned(),
        restrictions: vec!["无".to_owned()],
        terms: Some(
            serde_json::from_str(
                r#"{"recurring":{"price":"10.00","first_month":"daily"},"one_off":"0.00","cancel_effective":"month_end",
                "allowances":[{"service":"data","quantity":"2GB"}],"overage":[]}"#,
            )
            .expect("the example is readable"),
        ),
        ..plan(times)
    }
}

fn plan(times: usize) -> TariffContent {
    let text = |text: &str| text.repeat(times);
    TariffContent {
        scheme_id: "26MB900001".parse().expect("the example is a scheme id"),
        operator_id: "mingbai".to_owned(),
        name: text("畅享 99 套餐"),
        kind: Kind::Plan,
        audience: String::new(),
        regions: vec!["全国".to_owned()],
        channels: vec![],
        on_sale_from: day(2026, 1, 1),
        on_sale_until: day(2027, 12, 31),
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
            .expect("the example is readable"),
        ),
    }
}

/// Of a commitment with the longest arithmetic, left after four of its months.
pub(crate) fn penalty() -> Penalty {
    let formula = Formula::RemainingMonths { price: Decimal::new(9900, 2), percent: 30 };
    Commitment { months: 24, formula }.penalty_after(4).expect("the example costs something")
}

/// Every message there is, in every form that reads differently.
pub(crate) fn messages(sample: &Sample, language: Language) -> Vec<Message<'_>> {
    let mut all = orders(sample);
    all.extend(services(sample, language).into_iter().map(Message::Service));
    all.extend(account(sample).into_iter().map(Message::Account));
    all.extend(disputes(sample).map(Message::Dispute));
    all.extend(usage(sample).into_iter().map(Message::Usage));
    all.extend(payments(sample).into_iter().map(Message::Payment));
    all.extend(families().map(Message::Family));
    all.extend([Message::NothingAsked, Message::Help]);
    all
}

fn orders(sample: &Sample) -> Vec<Message<'_>> {
    let Sample { tariff, terms, amount, .. } = sample;
    let (name, code, cap) = (tariff.name.as_str(), "048213", sample.price);
    let starts_on = day(2026, 12, 1);
    let ends_at = year_end();
    let cancelled = |how, cost| Message::CancelConfirmed { name, ends_at, how, cost, has_penalty: false };
    let through = Some(Through { channel_id: "QD000001", name: "云桥数码" });
    vec![
        Message::SignInCode { code },
        Message::OrderRequest { tariff: &sample.addon, terms: &sample.addon_terms, leaving: None, through: None, code },
        Message::OrderRequest { tariff: &sample.addon, terms: &sample.addon_terms, leaving: None, through, code },
        Message::OrderSuccess { name, terms, starts_on },
        Message::PlanChange { name, terms, starts_on },
        Message::OrderLapsed { name, why: Lapse::TooLate },
        Message::OrderLapsed { name, why: Lapse::OfferChanged },
        Message::OrderRefused { name },
        Message::Collected { name, amount: *amount, month: Month::of_date(day(2026, 10, 1)) },
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
            month: Month::of_date(day(2026, 10, 1)),
            total: sample.price + amount,
            due: sample.price + amount,
            facts: BillFacts { change: Some(-amount), largest: changed(sample) },
        },
    ]
}

/// What changed on the bill of the example.
fn changed(sample: &Sample) -> Vec<Change> {
    let addon = (sample.addon.name.clone(), sample.addon.scheme_id.to_string());
    vec![
        Change { kind: LineKind::DataOverage, tariff: None, turn: Turn::Less, by: sample.amount },
        Change { kind: LineKind::Recurring, tariff: Some(addon), turn: Turn::New, by: Decimal::TEN },
        Change { kind: LineKind::SmsOverage, tariff: None, turn: Turn::More, by: Decimal::new(50, 2) },
    ]
}

fn services(sample: &Sample, language: Language) -> Vec<ServiceNotice<'_>> {
    let name = sample.tariff.name.as_str();
    let (number, amount, monthly) = (100 + sample.number.pow(2).cast_signed(), sample.amount, sample.price);
    let ends_at = year_end();
    let renews_on = day(2026, 12, 1);
    let lists = [ListLead::Asked, ListLead::NoList, ListLead::Expired, ListLead::Unread].map(|lead| {
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
        ServiceNotice::EndsAlready { name, ends_at, penalty: Decimal::ZERO },
        ServiceNotice::PenaltyAsked { name, penalty: penalty(), ends_at },
        ServiceNotice::PenaltyDue { name, penalty: penalty() },
        ServiceNotice::FirstChargeMade { name, charged: amount },
        ServiceNotice::Renewal { first: name, services: 1, monthly, renews_on },
        ServiceNotice::Renewal { first: name, services: 99, monthly, renews_on },
        ServiceNotice::Withdrawn { name, stopped_on: renews_on, other: None },
        ServiceNotice::Withdrawn { name, stopped_on: renews_on, other: Some(OtherTariff { name, monthly }) },
    ];
    lists.into_iter().chain(others).chain(first_charges).chain(first_uses).collect()
}

fn account(sample: &Sample) -> Vec<AccountNotice<'_>> {
    let Sample { tariff, terms, amount, price, data, .. } = sample;
    let month: Month = Month::of_date(day(2026, 11, 1));
    let ends_at = Some(year_end());
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

fn payments(sample: &Sample) -> Vec<PaymentNotice> {
    let (amount, price) = (sample.amount, sample.price);
    let approved = |waived, balance, gateway, platform| PaymentNotice::RefundApproved {
        amount: waived + balance + gateway + platform,
        waived,
        balance,
        gateway,
        platform,
    };
    vec![
        PaymentNotice::Received { amount, bills: Decimal::ZERO, balance: price },
        PaymentNotice::Received { amount: price + amount, bills: price, balance: amount },
        PaymentNotice::PaidFromBalance { amount: price, balance: amount },
        approved(amount, Decimal::ZERO, Decimal::ZERO, Decimal::ZERO),
        approved(Decimal::ZERO, Decimal::ZERO, amount, Decimal::ZERO),
        approved(amount, price, amount, price),
        PaymentNotice::WrongCharges {
            amount: price + amount,
            waived: Decimal::ZERO,
            balance: price,
            gateway: amount,
            platform: Decimal::ZERO,
        },
        PaymentNotice::RefundArrived { amount },
        PaymentNotice::RefundToBalance { amount },
        PaymentNotice::RefundRejected { amount },
    ]
}

fn disputes(sample: &Sample) -> [DisputeNotice; 8] {
    let (award, amount, due_at) = (sample.amount.min(sample.price), sample.price, year_end());
    [
        DisputeNotice::Received { amount, due_at },
        DisputeNotice::Asked { due_at },
        DisputeNotice::Waiting { days: 10, due_at },
        DisputeNotice::Upheld { award, amount, without_consent: false },
        DisputeNotice::Upheld { award: amount, amount, without_consent: true },
        DisputeNotice::Explained { amount, is_last: false },
        DisputeNotice::Explained { amount, is_last: true },
        DisputeNotice::Withdrawn { amount },
    ]
}

fn families() -> [FamilyNotice<'static>; 12] {
    let (holder, member, code) = ("13800000001", "13800000002", "048213");
    let first_month = Month::of_date(day(2026, 11, 1));
    [
        FamilyNotice::Invited { holder, until: day(2026, 11, 29) },
        FamilyNotice::Request { holder, first_month, code },
        FamilyNotice::Joined { holder, first_month },
        FamilyNotice::Agreed { member, first_month },
        FamilyNotice::Refused { holder },
        FamilyNotice::Lapsed { holder },
        FamilyNotice::Left { holder },
        FamilyNotice::MemberLeft { member },
        FamilyNotice::Ended { holder },
        FamilyNotice::NoInvitation,
        FamilyNotice::InFamily { holder },
        FamilyNotice::NoFamily,
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
