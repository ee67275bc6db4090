//! Every message that is sent, in both languages: short, plain, signed 【明白】 ([Mingbai] in English).

pub mod catalogue;

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;

use super::Topic;
use super::account_words::AccountNotice;
use super::bill_words::bill_ready;
use super::dispute_words::DisputeNotice;
use super::family_words::FamilyNotice;
use super::order_request::order_request;
use super::payment_words::PaymentNotice;
use super::service_words::{ServiceNotice, cancel_confirmed_en, cancel_confirmed_zh};
use super::sms::Alphabet;
use super::usage_words::UsageNotice;
use super::words::{self, clip, one_line};
use crate::bill::change::Change;
use crate::clock::Month;
use crate::subscriber::Language;
use crate::tariff::{Penalty, TariffContent, Terms};

/// Most parts of a message.
pub const PARTS_MAX: usize = 2;
/// Most parts of a message that asks for a yes to an order: it must hold what is agreed to, however much a tariff says.
pub const ORDER_REQUEST_PARTS_MAX: usize = 15;
/// Most characters of a name; a longer one is cut.
pub(super) const NAME_CHARS_MAX: usize = 24;
/// The same of a Chinese name in an English message, all of which takes twice the room because of it.
const FOREIGN_NAME_CHARS_MAX: usize = 12;

const HELP_ZH: &str = "没有办理任何业务。发0000看业务并退订，CXTC查套餐，CXLL查流量，CXZD查账单，CXFD查封顶，\
    FD加金额改封顶，KTTX开提醒，QXTX关提醒。收到业务确认短信，Y同意，N不同意。人工请拨10086。";
const HELP_EN: &str = "Nothing was done. Send 0000: services, to cancel; CXTC: plan; CXLL: data; CXZD: bill; CXFD: cap; FD and an \
    amount: set it; KTTX/QXTX: tips on/off. When asked, Y or N. Person: 10086.";

/// What stands for a code wherever the message is shown or kept as evidence.
pub const MASKED_CODE: &str = "******";

/// Something to tell a subscriber.
#[derive(Clone, Debug, PartialEq)]
pub enum Message<'a> {
    SignInCode {
        code: &'a str,
    },
    /// 事中确认: everything that is agreed to, and the code.
    OrderRequest {
        tariff: &'a TariffContent,
        terms: &'a Terms,
        /// The plan that it takes over from, where leaving that costs something.
        leaving: Option<Leaving<'a>>,
        /// The agent's channel that wanted it asked.
        through: Option<Through<'a>>,
        code: &'a str,
    },
    /// 事后提醒.
    OrderSuccess {
        name: &'a str,
        terms: &'a Terms,
        starts_on: NaiveDate,
    },
    /// A plan takes over from another on a day.
    PlanChange {
        name: &'a str,
        terms: &'a Terms,
        starts_on: NaiveDate,
    },
    /// The answer came too late, or what was offered has changed.
    OrderLapsed {
        name: &'a str,
        why: Lapse,
    },
    OrderRefused {
        name: &'a str,
    },
    /// 代扣费: an item of a platform goes on the bill of a month, for yuan.
    Collected {
        name: &'a str,
        amount: Decimal,
        month: Month,
    },
    /// It stops at an instant.
    CancelConfirmed {
        name: &'a str,
        ends_at: DateTime<Utc>,
        how: CancelCost,
        /// Yuan that this month costs because of it.
        cost: Decimal,
        /// Whether a penalty is told in a message of its own.
        has_penalty: bool,
    },
    CancelUndone {
        name: &'a str,
    },
    CapRequest {
        cap: Decimal,
        code: &'a str,
    },
    CapChanged {
        cap: Decimal,
    },
    CapRefused {
        cap: Decimal,
    },
    CapLapsed {
        cap: Decimal,
    },
    /// The bill of a month: its total, what is due, and the three facts behind it.
    BillReady {
        month: Month,
        total: Decimal,
        due: Decimal,
        facts: BillFacts,
    },
    Usage(UsageNotice),
    /// About what is subscribed to: lists, stopping by number, the first charge and renewals ahead.
    Service(ServiceNotice<'a>),
    /// Answers to questions about the account.
    Account(AccountNotice<'a>),
    /// About money that came in or goes back.
    Payment(PaymentNotice),
    /// What becomes of a dispute.
    Dispute(DisputeNotice),
    /// About family bills.
    Family(FamilyNotice<'a>),
    /// To a reply that answers nothing that was asked.
    NothingAsked,
    /// To an SMS that is not understood.
    Help,
}

/// 网络渠道 The agent's channel that an order comes in by, with its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Through<'a> {
    pub channel_id: &'a str,
    pub name: &'a str,
}

/// A plan that is left for another before its commitment ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leaving<'a> {
    pub name: &'a str,
    pub penalty: Penalty,
}

/// Why a yes came to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lapse {
    /// After the ten minutes.
    TooLate,
    /// The price or terms changed, or it can no longer be ordered.
    OfferChanged,
}

/// What decides the cost of cancelling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CancelCost {
    DaysUsed,
    /// As if it went on to the end of the month.
    MonthInFull,
    /// Nothing: it had not begun.
    BeforeStart,
    /// Nothing: it was not charged yet.
    BeforeFirstCharge {
        /// It has stopped; else it can be used until then.
        at_once: bool,
    },
}

/// What is said of a bill besides what it comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BillFacts {
    /// Yuan against the month before: negative is less. `None`: there was no bill before.
    pub change: Option<Decimal>,
    /// What changed most, the largest first; as many are told as there is room for.
    pub largest: Vec<Change>,
}

impl Message<'_> {
    /// What it is about, as stored.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::SignInCode { .. } => "sign_in_code",
            Self::OrderRequest { .. } => "order_request",
            Self::OrderSuccess { .. } => "order_success",
            Self::PlanChange { .. } => "plan_change",
            Self::OrderLapsed { .. } => "order_lapsed",
            Self::OrderRefused { .. } => "order_refused",
            Self::Collected { .. } => "collected",
            Self::CancelConfirmed { .. } => "cancel_confirmed",
            Self::CancelUndone { .. } => "cancel_undone",
            Self::CapRequest { .. } => "cap_request",
            Self::CapChanged { .. } => "cap_changed",
            Self::CapRefused { .. } => "cap_refused",
            Self::CapLapsed { .. } => "cap_lapsed",
            Self::BillReady { .. } => "bill_ready",
            Self::Usage(notice) => notice.kind(),
            Self::Service(notice) => notice.kind(),
            Self::Account(notice) => notice.kind(),
            Self::Payment(notice) => notice.kind(),
            Self::Dispute(notice) => notice.kind(),
            Self::Family(notice) => notice.kind(),
            Self::NothingAsked => "nothing_asked",
            Self::Help => "help",
        }
    }

    /// The topic that its reader may turn off; `None`: a rule requires it, or the subscriber asked for it.
    pub fn topic(&self) -> Option<Topic> {
        match self {
            Self::Usage(notice) => notice.topic(),
            _ => None,
        }
    }

    /// Most parts that it may take.
    pub fn parts_max(&self) -> usize {
        if matches!(self, Self::OrderRequest { .. }) { ORDER_REQUEST_PARTS_MAX } else { PARTS_MAX }
    }

    /// The text as it is sent.
    pub fn render(&self, language: Language) -> String {
        match language {
            Language::Chinese => format!("【明白】{}", self.chinese()),
            Language::English => format!("[Mingbai] {}", self.english()),
        }
    }

    fn chinese(&self) -> String {
        let zh = Language::Chinese;
        match self {
            Self::SignInCode { code } => {
                format!("登录验证码{code}，5分钟内有效。请勿告诉任何人，包括自称客服的人。不是您本人操作请忽略。")
            }
            Self::OrderRequest { tariff, terms, leaving, through, code } => {
                order_request(tariff, terms, (*leaving, *through), code, zh)
            }
            Self::OrderSuccess { name, terms, starts_on } => format!(
                "“{}”已开通，{}起生效。{}。退订：{}，可在网站“我的业务”一键办理。同意凭证见“我的协议”。",
                short(name, zh),
                words::day(*starts_on, zh),
                words::price(terms, zh),
                words::cancelling(terms, zh)
            ),
            Self::PlanChange { name, terms, starts_on } => format!(
                "{}起您的套餐换为“{}”，{}。在此之前原套餐不变，您可以在网站“我的业务”撤销这次更换。",
                words::day(*starts_on, zh),
                short(name, zh),
                words::price(terms, zh)
            ),
            Self::OrderLapsed { name, why: Lapse::TooLate } => {
                format!("“{}”没有开通：答复超过10分钟，已失效。没有收费。需要请重新办理。", short(name, zh))
            }
            Self::OrderLapsed { name, why: Lapse::OfferChanged } => {
                format!(
                    "“{}”没有开通：它的价格或内容有变，或已不能办理。没有收费。需要请重新查看后办理。",
                    short(name, zh)
                )
            }
            Self::OrderRefused { name } => format!("好的，“{}”不开通，没有收费。", short(name, zh)),
            Self::Collected { name, amount, month } => format!(
                "按您的同意，“{}”代收{}，记入{}账单，只收这一次。不是您本人同意的，请在网站“我的账单”里提出，或拨10086。",
                short(name, zh),
                words::yuan(*amount, zh),
                words::month(*month, zh)
            ),
            Self::CancelConfirmed { name, ends_at, how, cost, has_penalty } => {
                cancel_confirmed_zh(name, *ends_at, *how, *cost, *has_penalty)
            }
            Self::CancelUndone { name } => format!("“{}”的退订已撤销，继续为您服务，价格不变。", short(name, zh)),
            Self::CapRequest { cap, code } => format!(
                "您要把流量超套封顶提高到每月{}，超套流量费可能随之增加，到封顶即停网。验证码{code}，5分钟内有效；或10分钟内回复Y同意，N不同意。",
                words::yuan(*cap, zh)
            ),
            Self::CapChanged { cap } => {
                format!("流量超套封顶已改为每月{}：超套流量费到此即停，不会再多收。", words::yuan(*cap, zh))
            }
            Self::CapRefused { cap } => format!("好的，流量超套封顶不改为{}，仍按原来的。", words::yuan(*cap, zh)),
            Self::CapLapsed { cap } => {
                format!("流量超套封顶没有改为{}：答复已失效，仍按原来的。需要请重新办理。", words::yuan(*cap, zh))
            }
            Self::BillReady { month, total, due, facts } => bill_ready(*month, *total, *due, facts, zh),
            Self::Usage(notice) => notice.chinese(),
            Self::Service(notice) => notice.chinese(),
            Self::Account(notice) => notice.chinese(),
            Self::Payment(notice) => notice.chinese(),
            Self::Dispute(notice) => notice.chinese(),
            Self::Family(notice) => notice.chinese(),
            Self::NothingAsked => "您现在没有等待答复的业务，没有办理任何业务，没有收费。".to_owned(),
            Self::Help => HELP_ZH.to_owned(),
        }
    }

    fn english(&self) -> String {
        let en = Language::English;
        match self {
            Self::SignInCode { code } => format!(
                "Sign-in code {code}, valid 5 minutes. Tell it to no one, not even staff. If this was not you, ignore it."
            ),
            Self::OrderRequest { tariff, terms, leaving, through, code } => {
                order_request(tariff, terms, (*leaving, *through), code, en)
            }
            Self::OrderSuccess { name, terms, starts_on } => format!(
                "\"{}\" starts {}: {}. To cancel, send 0000.",
                short(name, en),
                words::day(*starts_on, en),
                words::price(terms, en)
            ),
            Self::PlanChange { name, terms, starts_on } => format!(
                "\"{}\" is your plan from {}: {}. Undo under My services.",
                short(name, en),
                words::day(*starts_on, en),
                words::price(terms, en)
            ),
            Self::OrderLapsed { name, why: Lapse::TooLate } => {
                format!(
                    "\"{}\" was not ordered: your answer came after 10 minutes. Nothing was charged.",
                    short(name, en)
                )
            }
            Self::OrderLapsed { name, why: Lapse::OfferChanged } => format!(
                "\"{}\" was not ordered: its price or terms changed, or it is no longer on offer. Nothing was charged.",
                short(name, en)
            ),
            Self::OrderRefused { name } => {
                format!("All right, \"{}\" is not ordered. Nothing was charged.", short(name, en))
            }
            Self::Collected { name, amount, month } => format!(
                "As you agreed: \"{}\", {} once, on your {} bill. Not you? Call 10086.",
                short(name, en),
                words::yuan(*amount, en),
                words::month(*month, en)
            ),
            Self::CancelConfirmed { name, ends_at, how, cost, has_penalty } => {
                cancel_confirmed_en(name, *ends_at, *how, *cost, *has_penalty)
            }
            Self::CancelUndone { name } => {
                format!("\"{}\" is no longer cancelled and goes on at the same price.", short(name, en))
            }
            Self::CapRequest { cap, code } => format!(
                "Raise your data overage cap to {} a month? You may be charged up to that. Code {code}, valid 5 minutes; or reply Y within 10 minutes, N to refuse.",
                words::yuan(*cap, en)
            ),
            Self::CapChanged { cap } => format!(
                "Your data overage cap is now {} a month: data stops there and nothing more is charged.",
                words::yuan(*cap, en)
            ),
            Self::CapRefused { cap } => {
                format!("All right, your cap does not change to {}; it stays as it was.", words::yuan(*cap, en))
            }
            Self::CapLapsed { cap } => format!(
                "Your cap did not change to {}: the answer came too late. It stays as it was.",
                words::yuan(*cap, en)
            ),
            Self::BillReady { month, total, due, facts } => bill_ready(*month, *total, *due, facts, en),
            Self::Usage(notice) => notice.english(),
            Self::Service(notice) => notice.english(),
            Self::Account(notice) => notice.english(),
            Self::Payment(notice) => notice.english(),
            Self::Dispute(notice) => notice.english(),
            Self::Family(notice) => notice.english(),
            Self::NothingAsked => "Nothing waits for your answer. Nothing was ordered or charged.".to_owned(),
            Self::Help => HELP_EN.to_owned(),
        }
    }
}

/// A name as it stands in a message.
pub(super) fn short(name: &str, language: Language) -> String {
    let is_foreign = language == Language::English && Alphabet::of(name) == Alphabet::Ucs2;
    clip(&one_line(name), if is_foreign { FOREIGN_NAME_CHARS_MAX } else { NAME_CHARS_MAX }).0
}

/// The text with its code masked, as it is shown and kept as evidence.
pub fn mask_code(body: &str) -> String {
    let mut masked = body.to_owned();
    for marker in ["验证码", "code ", "Code "] {
        for (at, _) in body.match_indices(marker) {
            let start = at + marker.len();
            let code = body.get(start..start + MASKED_CODE.len());
            if code.is_some_and(|code| code.bytes().all(|byte| byte.is_ascii_digit())) {
                masked.replace_range(start..start + MASKED_CODE.len(), MASKED_CODE);
            }
        }
    }
    masked
}

#[cfg(test)]
mod document;
#[cfg(test)]
mod tests;
