//! What is told about a family bill, to who holds it and to whose bills are seen.

use chrono::NaiveDate;

use super::words::{day, month};
use crate::clock::Month;
use crate::subscriber::Language;

/// Something about a family bill; the number is that of the other side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FamilyNotice<'a> {
    /// To a number that is invited, until the end of a day.
    Invited {
        holder: &'a str,
        until: NaiveDate,
    },
    /// The question, with the code.
    Request {
        holder: &'a str,
        first_month: Month,
        code: &'a str,
    },
    /// To the number that said yes.
    Joined {
        holder: &'a str,
        first_month: Month,
    },
    /// To the holder.
    Agreed {
        member: &'a str,
        first_month: Month,
    },
    Refused {
        holder: &'a str,
    },
    /// The answer came too late, or the invitation was withdrawn.
    Lapsed {
        holder: &'a str,
    },
    /// To the number that left.
    Left {
        holder: &'a str,
    },
    /// To the holder.
    MemberLeft {
        member: &'a str,
    },
    /// To a number that the holder sees no more.
    Ended {
        holder: &'a str,
    },
    /// `JT`, and nobody invited this number.
    NoInvitation,
    /// `JT`, and the number is in a family.
    InFamily {
        holder: &'a str,
    },
    /// `QXJT`, and the number is in no family.
    NoFamily,
}

impl FamilyNotice<'_> {
    pub(super) fn kind(self) -> &'static str {
        match self {
            Self::Invited { .. } => "family_invited",
            Self::Request { .. } => "family_request",
            Self::Joined { .. } => "family_joined",
            Self::Agreed { .. } => "family_agreed",
            Self::Refused { .. } | Self::Lapsed { .. } => "family_not_joined",
            Self::Left { .. } | Self::MemberLeft { .. } | Self::Ended { .. } => "family_left",
            Self::NoInvitation | Self::InFamily { .. } | Self::NoFamily => "family_unchanged",
        }
    }

    pub(super) fn chinese(self) -> String {
        let zh = Language::Chinese;
        match self {
            Self::Invited { holder, until } => format!(
                "{holder}邀请您加入家庭账单：对方能看到您每月账单的总额和各类费用，看不到通话、上网等详单；各付各的。\
                 不答复就是不加入。{}前，回复JT或登录网站“家庭账单”答复。",
                day(until, zh)
            ),
            Self::Request { holder, first_month, code } => format!(
                "让{holder}看到您{}起每月账单的总额和各类费用（没有详单）？各付各的，随时可退出。验证码{code}，5分钟内有效；\
                 或10分钟内回复Y同意，N不同意。",
                month(first_month, zh)
            ),
            Self::Joined { holder, first_month } => format!(
                "按您的同意，{holder}能看到您{}起每月账单的总额和各类费用，看不到详单。\
                 随时可回复QXJT或在网站“家庭账单”退出，马上生效。",
                month(first_month, zh)
            ),
            Self::Agreed { member, first_month } => format!(
                "{member}同意加入您的家庭账单，{}的账单起可在网站“家庭账单”看到。只是查看，各付各的。",
                month(first_month, zh)
            ),
            Self::Refused { holder } => format!("好的，不加入{holder}的家庭账单，对方看不到您的账单。"),
            Self::Lapsed { holder } => {
                format!("没有加入{holder}的家庭账单：答复已失效，或邀请已收回、过期。对方看不到您的账单。")
            }
            Self::Left { holder } => {
                format!("您已退出{holder}的家庭账单，对方从现在起看不到您的账单，以前月份的也看不到。")
            }
            Self::MemberLeft { member } => format!("{member}已退出您的家庭账单，您不再看到这个号码的账单。"),
            Self::Ended { holder } => format!("{holder}已把您移出家庭账单，对方从现在起看不到您的账单。"),
            Self::NoInvitation => "没有等您答复的家庭账单邀请，没有办理任何业务。".to_owned(),
            Self::InFamily { holder } => {
                format!("您已在{holder}的家庭账单里，没有改变。要加入别的，请先回复QXJT退出。")
            }
            Self::NoFamily => "您不在任何人的家庭账单里，没有人能看到您的账单。".to_owned(),
        }
    }

    pub(super) fn english(self) -> String {
        let en = Language::English;
        match self {
            Self::Invited { holder, until } => format!(
                "{holder} invites you to a family bill: they see the total and kinds of charges of your monthly bill, never your \
                 records. Each pays their own. No answer means no. Before {}, reply JT or sign in: Family bill.",
                day(until, en)
            ),
            Self::Request { holder, first_month, code } => format!(
                "Let {holder} see the total and kinds of charges of your bills from {} on (no records)? Each pays their own; leave \
                 any time. Code {code}, valid 5 minutes; or reply Y within 10 minutes, N to refuse.",
                month(first_month, en)
            ),
            Self::Joined { holder, first_month } => format!(
                "As you agreed, {holder} sees the total and kinds of charges of your bills from {} on, never your records. To \
                 leave at once, reply QXJT or go to Family bill online.",
                month(first_month, en)
            ),
            Self::Agreed { member, first_month } => format!(
                "{member} joined your family bill: see Family bill online from the bill of {} on. It is a view only; each pays \
                 their own.",
                month(first_month, en)
            ),
            Self::Refused { holder } => {
                format!("All right, you do not join the family bill of {holder}. They see nothing of your bills.")
            }
            Self::Lapsed { holder } => format!(
                "You did not join the family bill of {holder}: the answer came too late, or the invitation is over. They see \
                 nothing of your bills."
            ),
            Self::Left { holder } => {
                format!(
                    "You left the family bill of {holder}. From now on they see none of your bills, nor earlier ones."
                )
            }
            Self::MemberLeft { member } => {
                format!("{member} left your family bill. You no longer see the bills of that number.")
            }
            Self::Ended { holder } => {
                format!("{holder} took you out of their family bill. From now on they see none of your bills.")
            }
            Self::NoInvitation => "No invitation to a family bill waits for your answer. Nothing was done.".to_owned(),
            Self::InFamily { holder } => format!(
                "You are in the family bill of {holder}; nothing changed. To join another, first reply QXJT to leave."
            ),
            Self::NoFamily => "You are in nobody's family bill. Nobody sees your bills.".to_owned(),
        }
    }
}
