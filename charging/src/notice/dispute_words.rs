//! What subscribers are told of their disputes, step by step.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

use super::words::{day, yuan};
use crate::clock::local_date;
use crate::subscriber::Language;

/// A step of a dispute. Amounts are yuan; `amount` is what the line charged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DisputeNotice {
    Received {
        amount: Decimal,
        due_at: DateTime<Utc>,
    },
    /// Something is asked: the question itself is on the page.
    Asked {
        due_at: DateTime<Utc>,
    },
    /// It has waited for so many days, and the lead has it now.
    Waiting {
        days: i16,
        due_at: DateTime<Utc>,
    },
    Upheld {
        /// What goes back because of this answer.
        award: Decimal,
        amount: Decimal,
        /// There was no proof of a yes, so nobody had to look.
        without_consent: bool,
    },
    Explained {
        amount: Decimal,
        /// It can be reopened no more.
        is_last: bool,
    },
    Withdrawn {
        amount: Decimal,
    },
}

impl DisputeNotice {
    pub(super) fn kind(self) -> &'static str {
        match self {
            Self::Received { .. } => "dispute_received",
            Self::Asked { .. } => "dispute_asked",
            Self::Waiting { .. } => "dispute_waiting",
            Self::Upheld { .. } => "dispute_upheld",
            Self::Explained { .. } => "dispute_explained",
            Self::Withdrawn { .. } => "dispute_withdrawn",
        }
    }

    /// Whether the subscriber did nothing just now that it answers.
    pub(super) fn can_wait(self) -> bool {
        matches!(self, Self::Asked { .. } | Self::Waiting { .. } | Self::Explained { .. })
    }

    pub(super) fn chinese(self) -> String {
        let zh = Language::Chinese;
        let by = |due_at| day(local_date(due_at), zh);
        match self {
            Self::Received { amount, due_at } => format!(
                "收到您对{}这笔费用的异议。答复前这笔不用交，最晚{}答复您。进度见网站“我的争议”。",
                yuan(amount, zh),
                by(due_at)
            ),
            Self::Asked { due_at } => {
                format!("您的异议还差一点情况，请到网站“我的争议”回复客服的问题。我们最晚{}答复您。", by(due_at))
            }
            Self::Waiting { days, due_at } => {
                format!(
                    "您的异议已经{days}天，还没答复，已交客服组长催办，最晚{}答复您。这笔费用仍不用交。",
                    by(due_at)
                )
            }
            Self::Upheld { award, amount, without_consent: true } => format!(
                "您有异议的{}查不到您同意的凭证，{}全部退给您，按原来交费的方式退。不用您再做什么。",
                yuan(amount, zh),
                yuan(award, zh)
            ),
            Self::Upheld { award, amount, without_consent: false } => format!(
                "您对{}的异议有答复：退给您{}，按原来交费的方式退。理由见网站“我的争议”。",
                yuan(amount, zh),
                yuan(award, zh)
            ),
            Self::Explained { amount, is_last: false } => format!(
                "您对{}的异议有答复：查下来收费没有错，理由和凭证见网站“我的争议”。不认可可以在那里再提一次，也可以拨打12300申诉。",
                yuan(amount, zh)
            ),
            Self::Explained { amount, is_last: true } => format!(
                "您对{}的异议复查完了：收费没有错，理由见网站“我的争议”。仍不认可，可以拨打12300向管理部门申诉。",
                yuan(amount, zh)
            ),
            Self::Withdrawn { amount } => {
                format!("您撤回了对{}这笔费用的异议，这笔照常要交。", yuan(amount, zh))
            }
        }
    }

    pub(super) fn english(self) -> String {
        let en = Language::English;
        let by = |due_at| day(local_date(due_at), en);
        match self {
            Self::Received { amount, due_at } => format!(
                "We have your dispute of {}. You need not pay it until we answer, by {} at the latest. See My disputes.",
                yuan(amount, en),
                by(due_at)
            ),
            Self::Asked { due_at } => {
                format!(
                    "We have a question about your dispute: please answer it under My disputes. We decide by {}.",
                    by(due_at)
                )
            }
            Self::Waiting { days, due_at } => format!(
                "Your dispute has waited {days} days. The team lead has it now; you have an answer by {}. Nothing is due for it until then.",
                by(due_at)
            ),
            Self::Upheld { award, amount, without_consent: true } => format!(
                "We found no proof that you agreed to {}: {} goes back the way it was paid. You need do nothing.",
                yuan(amount, en),
                yuan(award, en)
            ),
            Self::Upheld { award, amount, without_consent: false } => format!(
                "Your dispute of {}: {} goes back the way it was paid. The reason is under My disputes.",
                yuan(amount, en),
                yuan(award, en)
            ),
            Self::Explained { amount, is_last: false } => format!(
                "Your dispute of {}: the charge was right. Reason and proof are under My disputes, where you can object once more. Or call the regulator, 12300.",
                yuan(amount, en)
            ),
            Self::Explained { amount, is_last: true } => format!(
                "Your dispute of {} was looked at again: the charge was right. The reason is under My disputes. You can call the regulator, 12300.",
                yuan(amount, en)
            ),
            Self::Withdrawn { amount } => {
                format!("You took back your dispute of {}. It is due as before.", yuan(amount, en))
            }
        }
    }
}
