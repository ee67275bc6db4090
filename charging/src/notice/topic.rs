//! What subscribers choose for themselves among the messages.

/// 可选提醒 What no rule requires, so that it depends on what the subscriber chose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Topic {
    /// Half and four fifths of an allowance used, half of the cap: what is nearly used up is always told.
    UsageShare,
    /// 超套提醒电话 A phone call besides the SMS when data is used up, the cap is reached or charges are far above the usual.
    CallOverUse,
    /// 续订提醒电话 A phone call besides the SMS before services renew themselves.
    CallRenewal,
}

impl Topic {
    pub const ALL: [Self; 3] = [Self::UsageShare, Self::CallOverUse, Self::CallRenewal];

    /// The name in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UsageShare => "usage_share",
            Self::CallOverUse => "call_over_use",
            Self::CallRenewal => "call_renewal",
        }
    }

    /// Whether whoever chose nothing gets it: a phone rings only for those who asked for that.
    pub fn is_wanted_unless_chosen(self) -> bool {
        match self {
            Self::UsageShare => true,
            Self::CallOverUse | Self::CallRenewal => false,
        }
    }
}
