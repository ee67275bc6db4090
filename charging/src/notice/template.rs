//! Every message that is sent, in both languages: short, plain, signed 【明白】 ([Mingbai] in English).

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;

use super::order_request::order_request;
use super::usage_words::UsageNotice;
use super::words::{self, clip, one_line};
use crate::clock::Month;
use crate::subscriber::Language;
use crate::tariff::{TariffContent, Terms};

/// Characters in one part of a long message (UCS-2 with a header that joins the parts).
pub const PART_CHARS: usize = 67;
/// Most parts of a message.
pub const PARTS_MAX: usize = 3;
/// Most parts of a message that asks for a yes to an order: it must hold what is agreed to.
pub const ORDER_REQUEST_PARTS_MAX: usize = 15;
/// Most characters of a name; a longer one is cut.
const NAME_CHARS_MAX: usize = 24;

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
    /// Stopped at an instant. `days_used`: the month is charged by days.
    CancelConfirmed {
        name: &'a str,
        ends_at: DateTime<Utc>,
        how: CancelCost,
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
    /// To a reply that answers nothing that was asked.
    NothingAsked,
    /// To an SMS that is not understood.
    Help,
}

/// Why a yes came to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lapse {
    /// After the ten minutes.
    TooLate,
    /// The price or terms changed, or it can no longer be ordered.
    OfferChanged,
}

/// What cancelling costs this month.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CancelCost {
    DaysUsed,
    MonthInFull,
    Nothing,
}

/// What a bill consists of, in yuan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BillFacts {
    /// 月费 and one-off charges.
    pub fees: Decimal,
    /// Beyond the allowances.
    pub overage: Decimal,
    /// Against the month before: negative is less. `None`: there was no bill before.
    pub change: Option<Decimal>,
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
            Self::CancelConfirmed { .. } => "cancel_confirmed",
            Self::CancelUndone { .. } => "cancel_undone",
            Self::CapRequest { .. } => "cap_request",
            Self::CapChanged { .. } => "cap_changed",
            Self::CapRefused { .. } => "cap_refused",
            Self::CapLapsed { .. } => "cap_lapsed",
            Self::BillReady { .. } => "bill_ready",
            Self::Usage(notice) => notice.kind(),
            Self::NothingAsked => "nothing_asked",
            Self::Help => "help",
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
            Self::OrderRequest { tariff, terms, code } => order_request(tariff, terms, code, zh),
            Self::OrderSuccess { name, terms, starts_on } => format!(
                "“{}”已开通，{}起生效。{}。退订：{}，可在网站“我的业务”一键办理。同意凭证见“我的协议”。",
                short(name),
                words::day(*starts_on, zh),
                words::price(terms, zh),
                words::cancelling(terms, zh)
            ),
            Self::PlanChange { name, terms, starts_on } => format!(
                "{}起您的套餐换为“{}”，{}。在此之前原套餐不变，您可以在网站“我的业务”撤销这次更换。",
                words::day(*starts_on, zh),
                short(name),
                words::price(terms, zh)
            ),
            Self::OrderLapsed { name, why: Lapse::TooLate } => {
                format!("“{}”没有开通：答复超过10分钟，已失效。没有收费。需要请重新办理。", short(name))
            }
            Self::OrderLapsed { name, why: Lapse::OfferChanged } => {
                format!("“{}”没有开通：它的价格或内容有变，或已不能办理。没有收费。需要请重新查看后办理。", short(name))
            }
            Self::OrderRefused { name } => format!("好的，“{}”不开通，没有收费。", short(name)),
            Self::CancelConfirmed { name, ends_at, how } => cancel_confirmed_zh(name, *ends_at, *how),
            Self::CancelUndone { name } => format!("“{}”的退订已撤销，继续为您服务，价格不变。", short(name)),
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
            Self::BillReady { month, total, due, facts } => format!(
                "{}账单：共{}，应付{}。其中月费等{}，超出用量{}，{}。每一笔的由来见网站“我的账单”。",
                words::month(*month, zh),
                words::yuan(*total, zh),
                words::yuan(*due, zh),
                words::yuan(facts.fees, zh),
                words::yuan(facts.overage, zh),
                change_zh(facts.change)
            ),
            Self::Usage(notice) => notice.chinese(),
            Self::NothingAsked => "您现在没有等待答复的业务，没有办理任何业务，没有收费。".to_owned(),
            Self::Help => {
                "没看懂您的短信，没有办理任何业务。收到业务确认短信后，回复Y同意，回复N不同意。找人工请拨10086。"
                    .to_owned()
            }
        }
    }

    fn english(&self) -> String {
        let en = Language::English;
        match self {
            Self::SignInCode { code } => format!(
                "Sign-in code {code}, valid 5 minutes. Tell it to no one, not even staff. If this was not you, ignore it."
            ),
            Self::OrderRequest { tariff, terms, code } => order_request(tariff, terms, code, en),
            Self::OrderSuccess { name, terms, starts_on } => format!(
                "\"{}\" is active from {}. {}. Cancel {}; see My services.",
                short(name),
                words::day(*starts_on, en),
                words::price(terms, en),
                words::cancelling(terms, en)
            ),
            Self::PlanChange { name, terms, starts_on } => format!(
                "From {} your plan is \"{}\", {}. Until then your plan stays, and you can undo this under My services.",
                words::day(*starts_on, en),
                short(name),
                words::price(terms, en)
            ),
            Self::OrderLapsed { name, why: Lapse::TooLate } => format!(
                "\"{}\" was not ordered: your answer came after 10 minutes. Nothing was charged.",
                short(name)
            ),
            Self::OrderLapsed { name, why: Lapse::OfferChanged } => format!(
                "\"{}\" was not ordered: its price or terms changed, or it is no longer on offer. Nothing was charged.",
                short(name)
            ),
            Self::OrderRefused { name } => {
                format!("All right, \"{}\" is not ordered. Nothing was charged.", short(name))
            }
            Self::CancelConfirmed { name, ends_at, how } => cancel_confirmed_en(name, *ends_at, *how),
            Self::CancelUndone { name } => {
                format!("\"{}\" is no longer cancelled and goes on at the same price.", short(name))
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
            Self::BillReady { month, total, due, facts } => format!(
                "Bill of {}: {} in all, {} due. Fees {}, beyond allowances {}, {}. Every amount is explained under My bills.",
                words::month(*month, en),
                words::yuan(*total, en),
                words::yuan(*due, en),
                words::yuan(facts.fees, en),
                words::yuan(facts.overage, en),
                change_en(facts.change)
            ),
            Self::Usage(notice) => notice.english(),
            Self::NothingAsked => "Nothing waits for your answer. Nothing was ordered or charged.".to_owned(),
            Self::Help => "Not understood, and nothing was done. When we ask about a service, reply Y to agree or N to refuse. For a person call 10086.".to_owned(),
        }
    }
}

fn cancel_confirmed_zh(name: &str, ends_at: DateTime<Utc>, how: CancelCost) -> String {
    let zh = Language::Chinese;
    let name = short(name);
    match how {
        CancelCost::DaysUsed => format!("“{name}”已退订，现在起停止。本月月费只按已用天数收，以后不再收。"),
        CancelCost::MonthInFull => format!(
            "“{name}”已退订，用到{}为止，当月收全月，以后不再收。在此之前可在网站“我的业务”撤销退订。",
            words::last_day(ends_at, zh)
        ),
        CancelCost::Nothing => format!("“{name}”已取消，还没有开始，不收费。"),
    }
}

fn cancel_confirmed_en(name: &str, ends_at: DateTime<Utc>, how: CancelCost) -> String {
    let en = Language::English;
    let name = short(name);
    match how {
        CancelCost::DaysUsed => {
            format!("\"{name}\" is cancelled and has stopped. Only the days used this month are charged, then nothing.")
        }
        CancelCost::MonthInFull => format!(
            "\"{name}\" is cancelled. It runs until {}, that month is charged in full, then nothing. Until then you can undo this under My services.",
            words::last_day(ends_at, en)
        ),
        CancelCost::Nothing => format!("\"{name}\" is cancelled before it began. Nothing is charged."),
    }
}

fn change_zh(change: Option<Decimal>) -> String {
    let zh = Language::Chinese;
    let Some(change) = change else { return "这是您的第一张账单".to_owned() };
    match change {
        change if change.is_zero() => "与上月相同".to_owned(),
        change if change < Decimal::ZERO => format!("比上月少{}", words::yuan(-change, zh)),
        change => format!("比上月多{}", words::yuan(change, zh)),
    }
}

fn change_en(change: Option<Decimal>) -> String {
    let en = Language::English;
    let Some(change) = change else { return "your first bill".to_owned() };
    match change {
        change if change.is_zero() => "as last month".to_owned(),
        change if change < Decimal::ZERO => format!("{} less than last month", words::yuan(-change, en)),
        change => format!("{} more than last month", words::yuan(change, en)),
    }
}

fn short(name: &str) -> String {
    clip(&one_line(name), NAME_CHARS_MAX).0
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

/// Parts that a text takes as SMS: one of 70 UCS-2 units, or several of 67.
pub fn parts(body: &str) -> usize {
    let units = body.encode_utf16().count();
    if units <= 70 { 1 } else { units.div_ceil(PART_CHARS) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quantity::Service;
    use crate::tariff::{Included, Kind};
    use crate::usage::threshold::{CapState, UsedLevel};

    fn tariff(long: bool) -> TariffContent {
        let text = |text: &str| if long { text.repeat(60) } else { text.to_owned() };
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
            terms: Some(terms()),
        }
    }

    fn terms() -> Terms {
        serde_json::from_str(
            r#"{"recurring":{"price":"99.00","first_month":"daily"},"one_off":"10.00","cancel_effective":"month_end",
            "allowances":[{"service":"data","quantity":"20GB","rollover":true},
                {"service":"data","quantity":"30GB","rating_groups":[1000]},
                {"service":"voice","quantity":"400min"},{"service":"sms","quantity":"100"}],
            "overage":[{"service":"data","model":"ladder","price":"0.03","unit":"1MB","block_price":"3.00","block":"1GB"},
                {"service":"voice","model":"unit","price":"0.15","unit":"1min"}]}"#,
        )
        .unwrap()
    }

    fn every<'a>(tariff: &'a TariffContent, terms: &'a Terms) -> Vec<Message<'a>> {
        let name = tariff.name.as_str();
        let cap = "100000.00".parse().unwrap();
        let code = "048213";
        let starts_on = "2026-12-01".parse().unwrap();
        let ends_at = "2026-12-31T16:00:00Z".parse().unwrap();
        let most = Decimal::new(9_999_999, 2);
        let services = [(Service::Data, false), (Service::Data, true), (Service::Voice, false), (Service::Sms, false)];
        let levels = [UsedLevel::Half, UsedLevel::FourFifths, UsedLevel::TenMegabytesLeft, UsedLevel::UsedUp];
        let states = [CapState::Half, CapState::Near, CapState::Reached];
        let allowances = services.into_iter().flat_map(|(service, is_directed)| {
            levels.into_iter().flat_map(move |level| {
                [true, false].map(|has_price| UsageNotice::Allowance {
                    service,
                    is_directed,
                    level,
                    left: 9_999_999,
                    has_price,
                })
            })
        });
        let caps = states.map(|state| UsageNotice::Cap { state, charged: most, cap: most });
        let high = UsageNotice::HighCharge { beyond: most, average: most };
        let usage = allowances.chain(caps).chain([high]).map(Message::Usage);
        let others = vec![
            Message::SignInCode { code },
            Message::OrderRequest { tariff, terms, code },
            Message::OrderSuccess { name, terms, starts_on },
            Message::PlanChange { name, terms, starts_on },
            Message::OrderLapsed { name, why: Lapse::TooLate },
            Message::OrderLapsed { name, why: Lapse::OfferChanged },
            Message::OrderRefused { name },
            Message::CancelConfirmed { name, ends_at, how: CancelCost::DaysUsed },
            Message::CancelConfirmed { name, ends_at, how: CancelCost::MonthInFull },
            Message::CancelConfirmed { name, ends_at, how: CancelCost::Nothing },
            Message::CancelUndone { name },
            Message::CapRequest { cap, code },
            Message::CapChanged { cap },
            Message::CapRefused { cap },
            Message::CapLapsed { cap },
            Message::BillReady {
                month: "2026-10".parse().unwrap(),
                total: most,
                due: most,
                facts: BillFacts { fees: most, overage: most, change: Some(-most) },
            },
            Message::NothingAsked,
            Message::Help,
        ];
        others.into_iter().chain(usage).collect()
    }

    #[test]
    fn every_message_is_short_in_both_languages() {
        let (usual, long, terms) = (tariff(false), tariff(true), terms());
        for message in every(&usual, &terms).into_iter().chain(every(&long, &terms)) {
            for language in Language::ALL {
                let body = message.render(language);
                println!("{} ({})\n{body}\n", message.kind(), parts(&body));
                assert!(parts(&body) <= message.parts_max(), "{} parts: {body}", parts(&body));
            }
        }
    }

    #[test]
    fn an_order_request_says_everything() {
        let (tariff, terms) = (tariff(false), terms());
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
        let (tariff, terms) = (tariff(false), terms());
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
}
