//! 家庭账单 A family bill: one who holds it sees what the bills of other numbers come to, each with a yes of its own to that. It is a
//! view; everybody goes on paying for himself.
//!
//! What is seen of another number is the total of a month and its sums by kind of line, from the month of the yes on: no records,
//! no names of tariffs. Either side ends it at once and for good; then nothing is seen any more, of no month.

#[cfg(feature = "postgres")]
pub mod store;
#[cfg(feature = "postgres")]
pub mod view;

use chrono::{DateTime, TimeDelta, Utc};
use rust_decimal::Decimal;

use crate::bill::LineKind;
use crate::clock::Month;
use crate::subscriber::Msisdn;

/// Most numbers that one holder sees or has invited.
pub const NUMBERS_MAX: i64 = 10;
/// Most invitations that one holder writes in 24 hours.
pub const INVITATIONS_A_DAY: i64 = 5;
/// Most invitations that one number gets in 24 hours, whoever writes them.
pub const INVITED_A_DAY: i64 = 3;
/// How long an invitation can be agreed to.
pub const INVITATION_LIFETIME: TimeDelta = TimeDelta::days(7);
/// How long the same holder waits after a no.
pub const REFUSED_FOR: TimeDelta = TimeDelta::days(30);

/// A number that said yes, and still does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    pub subscriber_id: i64,
    pub msisdn: String,
    pub agreed_at: DateTime<Utc>,
    pub first_month: Month,
}

/// An invitation that can be agreed to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invitation {
    pub invitation_id: i64,
    /// Who holds the family bill.
    pub holder_id: i64,
    /// The number of the other side.
    pub msisdn: String,
    pub invited_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
}

/// Who sees the bills of a number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenBy {
    pub holder_id: i64,
    pub msisdn: String,
    /// The yes in the chain of the number that is seen.
    pub consent_seq: i32,
    pub agreed_at: DateTime<Utc>,
    pub first_month: Month,
}

/// All that a subscriber has to do with family bills.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Family {
    pub members: Vec<Member>,
    /// Written and not answered.
    pub sent: Vec<Invitation>,
    /// Got and not answered.
    pub received: Vec<Invitation>,
    pub seen_by: Option<SeenBy>,
}

impl Family {
    /// How many more numbers can be invited.
    pub fn room(&self) -> usize {
        usize::try_from(NUMBERS_MAX).unwrap_or_default().saturating_sub(self.members.len() + self.sent.len())
    }
}

/// A month of a family: yuan of all numbers, and how many have a bill.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FamilyMonth {
    pub month: Month,
    pub total: Decimal,
    pub numbers: usize,
}

/// What one number pays for a month.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Share {
    pub msisdn: Msisdn,
    /// The holder's own.
    pub is_own: bool,
    /// Yuan, two decimals.
    pub total: Decimal,
    /// Sums by kind, in the order in which lines are printed; they add up to the total.
    pub kinds: Vec<(LineKind, Decimal)>,
}

/// The family bill of a month: the holder's own share first, if there is a bill of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FamilyBill {
    pub month: Month,
    pub shares: Vec<Share>,
}

impl FamilyBill {
    /// Yuan of all numbers.
    pub fn total(&self) -> Decimal {
        self.shares.iter().map(|share| share.total).sum()
    }

    /// Sums of all numbers by kind, in the order in which lines are printed.
    pub fn by_kind(&self) -> Vec<(LineKind, Decimal)> {
        let of_kind = |kind: LineKind| {
            let amounts = self.shares.iter().flat_map(|share| &share.kinds).filter(move |(other, _)| *other == kind);
            let amounts: Vec<Decimal> = amounts.map(|(_, amount)| *amount).collect();
            (!amounts.is_empty()).then(|| (kind, amounts.iter().sum()))
        };
        LineKind::ALL.into_iter().filter_map(of_kind).collect()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn example() -> FamilyBill {
        let share = |msisdn: &str, is_own, kinds: &[(LineKind, &str)]| {
            let kinds: Vec<_> = kinds.iter().map(|(kind, amount)| (*kind, amount.parse().unwrap())).collect();
            let total = kinds.iter().map(|(_, amount): &(_, Decimal)| *amount).sum();
            Share { msisdn: msisdn.parse().unwrap(), is_own, total, kinds }
        };
        FamilyBill {
            month: "2026-10".parse().unwrap(),
            shares: vec![
                share(
                    "13800000001",
                    true,
                    &[
                        (LineKind::Recurring, "59.00"),
                        (LineKind::DataOverage, "12.34"),
                        (LineKind::Adjustment, "-5.00"),
                    ],
                ),
                share("13800000002", false, &[(LineKind::Recurring, "39.00"), (LineKind::ThirdParty, "6.00")]),
                share("13800000003", false, &[]),
            ],
        }
    }

    #[test]
    fn a_family_bill_adds_up_both_ways() {
        let bill = example();
        let kinds: Vec<_> = bill.by_kind().iter().map(|(kind, amount)| format!("{kind} {amount}")).collect();
        assert_eq!(kinds, ["recurring 98.00", "data_overage 12.34", "third_party 6.00", "adjustment -5.00"]);
        assert_eq!(bill.total().to_string(), "111.34");
        assert_eq!(bill.by_kind().iter().map(|(_, amount)| *amount).sum::<Decimal>(), bill.total());
    }

    #[test]
    fn there_is_room_for_ten() {
        let invitation = Invitation {
            invitation_id: 1,
            holder_id: 1,
            msisdn: "13800000002".to_owned(),
            invited_at: DateTime::UNIX_EPOCH,
            expires_at: DateTime::UNIX_EPOCH + INVITATION_LIFETIME,
        };
        let family = Family { sent: vec![invitation; 4], ..Family::default() };
        assert_eq!((Family::default().room(), family.room()), (10, 6));
    }
}
