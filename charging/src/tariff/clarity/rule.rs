//! The rules, each with its reason and examples.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

/// What a broken rule means for publishing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Blocks publishing.
    Error,
    /// Needs a written reason, which is published with the tariff's history.
    Warning,
}

impl Severity {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// A sentence in both languages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Words {
    pub zh: &'static str,
    pub en: &'static str,
}

/// A fault that a tariff may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    MissingElement,
    VagueTerm,
    RestrictionInNotes,
    PriceDiffers,
    AllowanceDiffers,
    OverageDiffers,
    ValidityOpen,
    RenewalUnsaid,
    FreePeriodOpen,
    CancelNarrower,
    PenaltyUnclear,
    LongSentence,
    Jargon,
    Superlative,
    Comparison,
}

impl Rule {
    pub const ALL: [Self; 15] = [
        Self::MissingElement,
        Self::VagueTerm,
        Self::RestrictionInNotes,
        Self::PriceDiffers,
        Self::AllowanceDiffers,
        Self::OverageDiffers,
        Self::ValidityOpen,
        Self::RenewalUnsaid,
        Self::FreePeriodOpen,
        Self::CancelNarrower,
        Self::PenaltyUnclear,
        Self::LongSentence,
        Self::Jargon,
        Self::Superlative,
        Self::Comparison,
    ];

    /// Its stable name.
    pub fn id(self) -> &'static str {
        match self {
            Self::MissingElement => "missing-element",
            Self::VagueTerm => "vague-term",
            Self::RestrictionInNotes => "restriction-in-notes",
            Self::PriceDiffers => "price-differs",
            Self::AllowanceDiffers => "allowance-differs",
            Self::OverageDiffers => "overage-differs",
            Self::ValidityOpen => "validity-open",
            Self::RenewalUnsaid => "renewal-unsaid",
            Self::FreePeriodOpen => "free-period-open",
            Self::CancelNarrower => "cancel-narrower",
            Self::PenaltyUnclear => "penalty-unclear",
            Self::LongSentence => "long-sentence",
            Self::Jargon => "jargon",
            Self::Superlative => "superlative",
            Self::Comparison => "comparison",
        }
    }

    pub fn severity(self) -> Severity {
        match self {
            Self::LongSentence | Self::Jargon => Severity::Warning,
            _ => Severity::Error,
        }
    }

    /// Why it matters to the reader.
    pub fn reason(self) -> Words {
        let (zh, en) = match self {
            Self::MissingElement => (
                "公示要素不全：缺了这一项，买的人不知道自己要承担什么。",
                "An element is missing: without it a buyer does not know what is agreed to.",
            ),
            Self::VagueTerm => {
                ("这个说法没有说定：请写明是什么、是多少。", "These words settle nothing: say what it is, or how much.")
            }
            Self::RestrictionInNotes => (
                "限制只写在备注里：限制要和价格写在一起。",
                "A restriction stands only in the notes: it belongs beside the price.",
            ),
            Self::PriceDiffers => {
                ("文字里的价格和实际收费不一样。", "The price in the text is not the price that is charged.")
            }
            Self::AllowanceDiffers => {
                ("文字里的套内用量和实际给的不一样。", "What the text includes is not what is granted.")
            }
            Self::OverageDiffers => (
                "文字里的超出资费和实际收的不一样。",
                "The price beyond the allowance in the text is not what is charged.",
            ),
            Self::ValidityOpen => {
                ("只写了有效期多长，没有写到期以后怎么办。", "It says how long it is valid, and not what follows.")
            }
            Self::RenewalUnsaid => {
                ("会自动续期，价格旁边却没有写。", "It renews by itself, and the price does not say so.")
            }
            Self::FreePeriodOpen => (
                "有免费期，没有写免费期以后多少钱、是不是自动停。",
                "There is a free period, and not a word on what it costs afterwards or whether it stops.",
            ),
            Self::CancelNarrower => (
                "网上能办，退订却要去营业厅或打电话：能办的地方就要能退。",
                "It can be ordered online and not be cancelled there: where it is sold it must be stopped.",
            ),
            Self::PenaltyUnclear => (
                "写了要承担违约责任，没有写多少钱、怎么算。",
                "There is a penalty, and neither its amount nor how it is worked out.",
            ),
            Self::LongSentence => (
                "这句话太长，读到后面忘了前面：请分成几句。",
                "The sentence is too long to be kept in mind: make several of it.",
            ),
            Self::Jargon => ("这是行话：请换成大家都懂的说法。", "This is jargon: use a word that everybody knows."),
            Self::Superlative => (
                "广告里不能用“最”“第一”这样的绝对说法（广告法第九条）。",
                "Advertisements may not use superlatives (Advertising Law, article 9).",
            ),
            Self::Comparison => (
                "说比别人好，没有可以核对的数字；广告也不能贬低别家（广告法第十三条）：请只写自己的数字。",
                "It claims to be better than others, with no figure to check; and advertisements may not run others down \
                (Advertising Law, article 13): give one's own figures.",
            ),
        };
        Words { zh, en }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}

impl FromStr for Rule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = Self::ALL.into_iter().find(|rule| rule.id() == text);
        known.ok_or_else(|| format!("`{}` is no rule", text.chars().take(40).collect::<String>()))
    }
}

impl Serialize for Rule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.id())
    }
}
