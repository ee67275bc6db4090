//! What subscribers are told of the services that they have: the list to cancel from, what cancelling did, and what is
//! charged or renewed soon.

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;

use super::commitment_words::arithmetic;
use super::sms;
use super::template::{CancelCost, Message, PARTS_MAX, short};
use super::words::{self, last_day, yuan};
use crate::money::round_to_fen;
use crate::subscriber::Language;
use crate::tariff::{CancelEffective, Penalty};

/// A line of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedService {
    /// What to reply.
    pub number: i32,
    pub name: String,
    /// Yuan a month, and yuan once.
    pub recurring_price: Decimal,
    pub one_off_price: Decimal,
    /// When it ends, if that is decided.
    pub ends_at: Option<DateTime<Utc>>,
}

/// Why a list is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListLead {
    /// It was asked for.
    Asked,
    /// A number came in, and there was no list.
    NoList,
    /// A number came in, and the list is more than a day old.
    Expired,
    /// A number came in so soon after a list that nobody asked for that it cannot be meant for that.
    Unread,
}

/// What else is sold, and its yuan a month.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OtherTariff<'a> {
    pub name: &'a str,
    pub monthly: Decimal,
}

/// Something about a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServiceNotice<'a> {
    /// One message of a list.
    List {
        lead: ListLead,
        services: &'a [ListedService],
        page: usize,
        pages: usize,
    },
    NoServices,
    /// The list has no such number.
    NoSuchNumber {
        number: u32,
        last: i32,
    },
    /// What the number stood for had ended before.
    Ended {
        name: &'a str,
        ended_at: DateTime<Utc>,
    },
    /// Its end is decided already.
    EndsAlready {
        name: &'a str,
        ends_at: DateTime<Utc>,
        /// Yuan, on the bill of its last month; zero: none.
        penalty: Decimal,
    },
    /// Cancelling would cost a penalty, from an instant on: nothing was done; the same reply again does it.
    PenaltyAsked {
        name: &'a str,
        penalty: Penalty,
        ends_at: DateTime<Utc>,
    },
    /// An end was decided that costs a penalty.
    PenaltyDue {
        name: &'a str,
        penalty: Penalty,
    },
    /// 首次扣费提醒: yuan that is charged first, yuan a month, the day, and what to reply to cancel; `costs`: how what is
    /// cancelled so is charged, `None`: not at all.
    FirstCharge {
        name: &'a str,
        amount: Decimal,
        monthly: Decimal,
        charged_on: NaiveDate,
        number: i32,
        costs: Option<CancelEffective>,
    },
    /// The same of what costs by use alone, with the yuan that is charged once.
    FirstUse {
        name: &'a str,
        one_off: Decimal,
        number: i32,
        costs: Option<CancelEffective>,
    },
    /// The reply to cancel came after a charge; yuan charged until then.
    FirstChargeMade {
        name: &'a str,
        charged: Decimal,
    },
    /// 续订提醒: what renews itself on a day, and the yuan a month for all of it.
    Renewal {
        first: &'a str,
        services: usize,
        monthly: Decimal,
        renews_on: NaiveDate,
    },
    /// 停售提醒: it is not sold any more from a day on, and goes on for who has it; and what else there is.
    Withdrawn {
        name: &'a str,
        stopped_on: NaiveDate,
        other: Option<OtherTariff<'a>>,
    },
}

impl ServiceNotice<'_> {
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::List { .. } | Self::NoServices => "service_list",
            Self::NoSuchNumber { .. } | Self::Ended { .. } | Self::EndsAlready { .. } => "not_cancelled",
            Self::PenaltyAsked { .. } => "penalty_asked",
            Self::PenaltyDue { .. } => "penalty_due",
            Self::FirstCharge { .. } | Self::FirstUse { .. } => "first_charge",
            Self::FirstChargeMade { .. } => "first_charge_made",
            Self::Renewal { .. } => "renewal",
            Self::Withdrawn { .. } => "tariff_withdrawn",
        }
    }

    pub(super) fn chinese(&self) -> String {
        let zh = Language::Chinese;
        match self {
            Self::List { lead, services, page, pages } => {
                let lead = match lead {
                    ListLead::Asked => "",
                    ListLead::NoList => "还没有清单，没有退订。",
                    ListLead::Expired => "清单已过24小时，没有退订。",
                    ListLead::Unread => "请先看清单再回复，没有退订。",
                };
                let lines: String = services.iter().map(|service| line(service, zh)).collect();
                format!("{lead}您的业务{}：\n{lines}退订回复编号，24小时内有效。", page_mark(*page, *pages))
            }
            Self::NoServices => "您现在没有订购任何业务，没有按月的收费。".to_owned(),
            Self::NoSuchNumber { number, last } => {
                format!("清单里没有编号{number}，没有退订任何业务。编号是1到{last}，发0000可再看清单。")
            }
            Self::Ended { name, ended_at } => {
                format!("“{}”已在{}停止，不用再退订，停止后没有收费。", short(name, zh), last_day(*ended_at, zh))
            }
            Self::EndsAlready { name, ends_at, penalty } => format!(
                "“{}”之前已退订，用到{}为止，{}以后不再收费。不用再退订。",
                short(name, zh),
                last_day(*ends_at, zh),
                if penalty.is_zero() {
                    String::new()
                } else {
                    format!("违约金{}在最后一个月的账单上，", yuan(*penalty, zh))
                },
            ),
            Self::PenaltyAsked { name, penalty, ends_at } => format!(
                "还没有退订。“{}”合约{}个月还剩{}个月，用到{}为止，违约金{}。仍要退订，24小时内再回复一次；不退不必回复。",
                short(name, zh),
                penalty.commitment.months,
                penalty.left,
                last_day(*ends_at, zh),
                arithmetic(penalty, zh),
            ),
            Self::PenaltyDue { name, penalty } => format!(
                "“{}”合约没到期就停，违约金{}，只收一次，记在停用那个月的账单上。",
                short(name, zh),
                arithmetic(penalty, zh)
            ),
            Self::FirstCharge { name, amount, monthly, charged_on, number, costs } => format!(
                "“{}”将在{}首次扣费{}，以后每月{}。不想要请{}；要用不必回复。",
                short(name, zh),
                words::day(*charged_on, zh),
                yuan(*amount, zh),
                yuan(*monthly, zh),
                match costs {
                    None => format!("在扣费前回复TD{number}退订，一分不收"),
                    Some(CancelEffective::Immediately) => {
                        format!("回复TD{number}退订，本月按已用天数收，已产生的费用照收")
                    }
                    Some(CancelEffective::MonthEnd) => format!("回复TD{number}退订，用到当月底，当月费用照收"),
                }
            ),
            Self::FirstUse { name, one_off, number, costs } => {
                let fee =
                    if one_off.is_zero() { String::new() } else { format!("一次性收{}，", yuan(*one_off, zh)) };
                let reply = match costs {
                    None => format!("在使用前回复TD{number}退订，一分不收"),
                    Some(_) => format!("回复TD{number}退订，停止前的费用照收"),
                };
                format!("“{}”没有月费，{fee}按使用收费，用了才扣费。不想要请{reply}；要用不必回复。", short(name, zh))
            }
            Self::FirstChargeMade { name, charged } => format!(
                "您答复退订“{}”时，它已经扣费，至今共{}。退订从您答复时办理，费用和停止时间见退订短信。有疑问请拨10086。",
                short(name, zh),
                yuan(round_to_fen(*charged), zh)
            ),
            Self::Renewal { first, services, monthly, renews_on } => format!(
                "{}起自动续订：{}，每月共{}。不想续请在此之前发0000，回复编号退订；要续不必回复。",
                words::day(*renews_on, zh),
                renewed_zh(first, *services),
                yuan(*monthly, zh)
            ),
            Self::Withdrawn { name, stopped_on, other } => format!(
                "“{}”{}起不再卖给新用户。您的照常用，价格和内容都不变，什么也不用做。{}全部在售资费见网站“资费专区”。",
                short(name, zh),
                words::day(*stopped_on, zh),
                other.map_or_else(String::new, |other| format!(
                    "想换可看“{}”，每月{}。",
                    short(other.name, zh),
                    yuan(other.monthly, zh)
                ))
            ),
        }
    }

    pub(super) fn english(&self) -> String {
        let en = Language::English;
        match self {
            Self::List { lead, services, page, pages } => {
                let lead = if *lead == ListLead::Asked { "Your services" } else { "Not cancelled. Services" };
                let mark = if *pages > 1 { format!(" ({page}/{pages})") } else { String::new() };
                let lines: String = services.iter().map(|service| line(service, en)).collect();
                format!("{lead}{mark}:\n{lines}Reply a number within 24 h to cancel.")
            }
            Self::NoServices => "You have no services, and nothing is charged by the month.".to_owned(),
            Self::NoSuchNumber { number, last } => format!(
                "The list has no number {number}; nothing was cancelled. Its numbers are 1 to {last}. Send 0000 to see it again."
            ),
            Self::Ended { name, ended_at } => format!(
                "\"{}\" stopped on {} already. Nothing was charged for it since.",
                short(name, en),
                last_day(*ended_at, en)
            ),
            Self::EndsAlready { name, ends_at, penalty } => format!(
                "\"{}\" is cancelled already. It runs until {}, {}then nothing is charged.",
                short(name, en),
                last_day(*ends_at, en),
                if penalty.is_zero() {
                    String::new()
                } else {
                    format!("penalty {} on its last bill, ", yuan(*penalty, en))
                },
            ),
            Self::PenaltyAsked { name, penalty, ends_at } => format!(
                "\"{}\" goes on. Penalty to end it {}: {}. Reply so again in 24h.",
                short(name, en),
                last_day(*ends_at, en),
                arithmetic(penalty, en),
            ),
            Self::PenaltyDue { name, penalty } => format!(
                "Penalty for leaving \"{}\" early: {}, once, on the bill of its last month.",
                short(name, en),
                arithmetic(penalty, en)
            ),
            Self::FirstCharge { name, amount, monthly, charged_on, number, costs } => format!(
                "\"{}\" first costs {} on {}, then {}/month. Reply TD{number}{}.",
                short(name, en),
                yuan(*amount, en),
                words::day(*charged_on, en),
                yuan(*monthly, en),
                match costs {
                    None => " before then to cancel free",
                    Some(CancelEffective::Immediately) => " to cancel; you pay days used",
                    Some(CancelEffective::MonthEnd) => " to cancel; you pay that month",
                }
            ),
            Self::FirstUse { name, one_off, number, costs } => format!(
                "\"{}\" has no monthly fee: you pay {}by use. Reply TD{number}{}.",
                short(name, en),
                if one_off.is_zero() { String::new() } else { format!("{} once, then ", yuan(*one_off, en)) },
                if costs.is_none() { " before use to cancel free" } else { " to cancel; you pay use so far" }
            ),
            Self::FirstChargeMade { name, charged } => format!(
                "\"{}\" was charged {} before your reply came. It is cancelled as of your reply. Questions? Call 10086.",
                short(name, en),
                yuan(round_to_fen(*charged), en)
            ),
            Self::Renewal { first, services, monthly, renews_on } => format!(
                "{} on {} for {} a month. To stop, send 0000 before then.",
                renewed_en(first, *services),
                words::day(*renews_on, en),
                yuan(*monthly, en)
            ),
            Self::Withdrawn { name, stopped_on, other } => format!(
                "\"{}\" is off sale from {}. Yours goes on at the same terms.{}",
                short(name, en),
                words::day(*stopped_on, en),
                other.map_or_else(String::new, |other| format!(
                    " Also: \"{}\", {} a month.",
                    short(other.name, en),
                    yuan(other.monthly, en)
                ))
            ),
        }
    }
}

/// Cuts a list into messages of at most [`PARTS_MAX`] parts.
pub fn pages(lead: ListLead, services: &[ListedService], language: Language) -> Vec<&[ListedService]> {
    let fits = |services: &[ListedService]| {
        let list = ServiceNotice::List { lead, services, page: 99, pages: 99 };
        sms::parts(&Message::Service(list).render(language)) <= PARTS_MAX
    };
    let (mut pages, mut from) = (Vec::new(), 0);
    for at in 1..services.len() {
        if !fits(&services[from..=at]) {
            pages.push(&services[from..at]);
            from = at;
        }
    }
    if from < services.len() {
        pages.push(&services[from..]);
    }
    pages
}

fn line(service: &ListedService, language: Language) -> String {
    let ListedService { number, name, recurring_price, one_off_price, ends_at } = service;
    let price = words::short_price(*recurring_price, *one_off_price, language);
    let ends = ends_at.map(|at| match language {
        Language::Chinese => format!("(用到{})", last_day(at, language)),
        Language::English => format!(" (to {})", last_day(at, language)),
    });
    format!("{number}. {} {price}{}\n", short(name, language), ends.unwrap_or_default())
}

fn page_mark(page: usize, pages: usize) -> String {
    if pages > 1 { format!("({page}/{pages})") } else { String::new() }
}

fn renewed_zh(first: &str, services: usize) -> String {
    let first = short(first, Language::Chinese);
    if services > 1 { format!("“{first}”等{services}项业务") } else { format!("“{first}”") }
}

fn renewed_en(first: &str, services: usize) -> String {
    let first = short(first, Language::English);
    match services {
        0 | 1 => format!("\"{first}\" renews"),
        2 => format!("\"{first}\" and 1 more service renew"),
        _ => format!("\"{first}\" and {} more services renew", services - 1),
    }
}

pub(super) fn cancel_confirmed_zh(
    name: &str,
    ends_at: DateTime<Utc>,
    how: CancelCost,
    cost: Decimal,
    has_penalty: bool,
) -> String {
    let zh = Language::Chinese;
    let penalty = if has_penalty { "，违约金另发短信" } else { "" };
    let (name, cost, day) = (short(name, zh), yuan(round_to_fen(cost), zh), last_day(ends_at, zh));
    match how {
        CancelCost::DaysUsed => format!("“{name}”已退订，现在起停止。本月按已用天数收{cost}{penalty}，以后不再收。"),
        CancelCost::MonthInFull => {
            format!(
                "“{name}”已退订，用到{day}为止，本月收{cost}{penalty}，以后不再收。在此之前可在网站“我的业务”撤销退订。"
            )
        }
        CancelCost::BeforeStart => format!("“{name}”已取消，还没有开始，不收费。"),
        CancelCost::BeforeFirstCharge { at_once: true } => {
            format!("“{name}”已在首次扣费前退订，现在起停止。一分不收，以后也不收。")
        }
        CancelCost::BeforeFirstCharge { at_once: false } => {
            format!("“{name}”已在首次扣费前退订，可用到{day}为止。一分不收，以后也不收。")
        }
    }
}

pub(super) fn cancel_confirmed_en(
    name: &str,
    ends_at: DateTime<Utc>,
    how: CancelCost,
    cost: Decimal,
    has_penalty: bool,
) -> String {
    let en = Language::English;
    let penalty = if has_penalty { ", penalty by SMS" } else { "" };
    let (name, cost, day) = (short(name, en), yuan(round_to_fen(cost), en), last_day(ends_at, en));
    match how {
        CancelCost::DaysUsed => {
            format!(
                "\"{name}\" is cancelled and has stopped. This month costs {cost} for the days used{penalty}, then nothing."
            )
        }
        CancelCost::MonthInFull => format!(
            "\"{name}\" is cancelled. It runs until {day}, this month costs {cost}{penalty}, then nothing. Undo under My services."
        ),
        CancelCost::BeforeStart => format!("\"{name}\" is cancelled before it began. Nothing is charged."),
        CancelCost::BeforeFirstCharge { at_once: true } => {
            format!("\"{name}\" is cancelled before its first charge and has stopped. You pay nothing for it.")
        }
        CancelCost::BeforeFirstCharge { at_once: false } => format!(
            "\"{name}\" is cancelled before its first charge. You can use it until {day} and pay nothing for it."
        ),
    }
}
