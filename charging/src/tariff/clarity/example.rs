//! What breaks each rule and what keeps it, as a tariff would say it.

use super::Element::{Cancel, Channels, Name, Notes, Overage, Penalty, Price, Restrictions, Services, Terms, Validity};
use super::{Element, Rule, Words};

/// Words of a tariff, element by element. A test puts the Chinese ones into a tariff that is clear otherwise: the bad example
/// of a rule breaks that rule and no other, the good one none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Example(pub Vec<Part>);

/// What an example says in one element; of [`Element::Terms`], what the plan of the examples charges and grants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    pub element: Element,
    pub words: Words,
}

fn part(element: Element, zh: &'static str, en: &'static str) -> Part {
    Part { element, words: Words { zh, en } }
}

impl Rule {
    /// Words that break it.
    pub fn bad_example(self) -> Example {
        Example(match self {
            Self::MissingElement => vec![part(Validity, "", "")],
            Self::VagueTerm => {
                vec![part(Notes, "具体资费以当地营业厅为准", "The exact price is as the local shop says")]
            }
            Self::RestrictionInNotes => {
                vec![part(Notes, "每个身份证只能办理一张", "One card for each identity card only")]
            }
            Self::PriceDiffers => vec![
                part(Price, "49元/月", "49 yuan a month"),
                part(Terms, "每月收 59 元", "59 yuan a month are charged"),
            ],
            Self::AllowanceDiffers => vec![
                part(Services, "每月 30GB 国内流量、400 分钟通话", "30 GB of data and 400 minutes of calls a month"),
                part(Terms, "每月给 20GB、400 分钟", "20 GB and 400 minutes a month are granted"),
            ],
            Self::OverageDiffers => vec![
                part(Overage, "流量 2元/GB，通话 0.15元/分钟", "Data 2 yuan/GB, calls 0.15 yuan a minute"),
                part(Terms, "流量每 GB 收 3 元", "3 yuan are charged for each GB"),
            ],
            Self::ValidityOpen => vec![part(Validity, "24 个月", "24 months")],
            Self::RenewalUnsaid => vec![
                part(Price, "59元/月", "59 yuan a month"),
                part(Validity, "1 年，到期自动续订", "1 year, then it renews by itself"),
            ],
            Self::FreePeriodOpen => vec![part(Notes, "首 3 个月免费", "The first 3 months are free")],
            Self::CancelNarrower => vec![
                part(Channels, "手机营业厅", "App"),
                part(Cancel, "本人带身份证到营业厅办理", "In a shop, with one's identity card"),
            ],
            Self::PenaltyUnclear => {
                vec![part(Penalty, "提前退订需承担违约责任", "Whoever cancels early is liable for breach of contract")]
            }
            Self::LongSentence => vec![part(
                Notes,
                "本套餐每月的流量和通话从办理成功的当天开始计算，当月用不完的部分到月底清零，\
                办理当月的月费按照剩下的天数折算收取，次月起每月一号从话费余额里收取整月的月费，余额不够时先停止上网和拨打电话，\
                交清以后马上恢复，停机期间月费照常收取，并且停机期间仍然可以接听电话和接收短信",
                "Data and calls of each month count from the day of the order on and what is left lapses at its end and the fee of \
                the first month is for the days that are left and that of each later one is taken from the balance on \
                its first day and where the balance is too low data and calls stop until it is paid, while the fee goes on and \
                calls and messages still come in",
            )],
            Self::Jargon => vec![part(Notes, "月费可以趸交", "The fee may be prepaid lump-sum")],
            Self::Superlative => vec![part(Name, "全网最低价卡", "The cheapest card of all networks")],
            Self::Comparison => vec![part(Notes, "比其他套餐更划算", "A better deal than other plans")],
        })
    }

    /// How the same is said clearly.
    pub fn good_example(self) -> Example {
        Example(match self {
            Self::MissingElement => {
                vec![part(Validity, "长期有效，随时可以退订", "Until it is cancelled, which is possible at any time")]
            }
            Self::VagueTerm => vec![part(Notes, "全国都是每月 59 元", "59 yuan a month everywhere")],
            Self::RestrictionInNotes => {
                vec![part(Restrictions, "每个身份证只能办理一张", "One card for each identity card only")]
            }
            Self::PriceDiffers => vec![
                part(Price, "59元/月", "59 yuan a month"),
                part(Terms, "每月收 59 元", "59 yuan a month are charged"),
            ],
            Self::AllowanceDiffers => vec![
                part(Services, "每月 20GB 国内流量、400 分钟通话", "20 GB of data and 400 minutes of calls a month"),
                part(Terms, "每月给 20GB、400 分钟", "20 GB and 400 minutes a month are granted"),
            ],
            Self::OverageDiffers => vec![
                part(Overage, "流量 3元/GB，通话 0.15元/分钟", "Data 3 yuan/GB, calls 0.15 yuan a minute"),
                part(Terms, "流量每 GB 收 3 元", "3 yuan are charged for each GB"),
            ],
            Self::ValidityOpen => {
                vec![part(
                    Validity,
                    "24 个月，到期自动停，不再收费",
                    "24 months, then it stops and nothing more is charged",
                )]
            }
            Self::RenewalUnsaid => vec![
                part(
                    Price,
                    "59元/月，一年后自动续，退订前一直收",
                    "59 yuan a month, renewed after a year and charged until it is cancelled",
                ),
                part(Validity, "1 年，到期自动续订", "1 year, then it renews by itself"),
            ],
            Self::FreePeriodOpen => vec![part(
                Notes,
                "首 3 个月免费，到期自动停，不会收费",
                "The first 3 months are free; then it stops by itself and costs nothing",
            )],
            Self::CancelNarrower => {
                vec![part(Channels, "手机营业厅", "App"), part(Cancel, "手机营业厅、营业厅都可以", "App or shop")]
            }
            Self::PenaltyUnclear => vec![part(
                Penalty,
                "提前退订收违约金：剩余月数 × 10 元",
                "Cancelling early costs a penalty: 10 yuan for each month left",
            )],
            Self::LongSentence => vec![part(
                Notes,
                "流量和通话从办理当天开始算。首月月费按剩下的天数收。次月起每月一号收整月月费。余额不够时停机，交清马上恢复。",
                "Data and calls count from the day of the order. The first fee is for the days left. Later fees are taken \
                on the first of the month. Where the balance is too low service stops until it is paid.",
            )],
            Self::Jargon => vec![part(Notes, "月费可以一次交一年", "A year's fees may be paid at once")],
            Self::Superlative => vec![part(Name, "畅享 59", "Enjoy 59")],
            Self::Comparison => vec![part(Notes, "每 GB 合 2.95 元", "Comes to 2.95 yuan for each GB")],
        })
    }
}
