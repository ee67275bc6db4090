//! 下架 Taking tariffs off sale: one of the staff plans it, another approves it, and whoever has one of them keeps it and is
//! told so once.
//!
//! That two did it is a rule of the schema (`withdrawal_plan_by_another`, `tariff_withdrawal_approved`).

mod store;
mod tell;
#[cfg(feature = "testing")]
pub mod testing;

use chrono::{DateTime, TimeDelta, Utc};
use rust_decimal::Decimal;

use super::board::{OnSale, instead};
use super::store::StoreError;
use super::{SchemeId, Terms};
use crate::notice::store::NoticeError;
use crate::staff::StaffError;

pub use store::{approve, ask, find, list, refuse, take_back};
pub use tell::tell;

/// Tariffs of one plan.
pub const TARIFFS_MAX: usize = 100;
/// Characters of a reason, and of an answer.
pub const REASON_CHARS_MAX: usize = 500;
/// Sales stop no later than this after they are asked to.
pub const AHEAD_MAX: TimeDelta = TimeDelta::days(366);

/// Where a plan stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Waits for the second person.
    Open,
    Approved,
    Refused,
    TakenBack,
}

impl State {
    pub const ALL: [Self; 4] = [Self::Open, Self::Approved, Self::Refused, Self::TakenBack];

    /// The name in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Approved => "approved",
            Self::Refused => "refused",
            Self::TakenBack => "taken_back",
        }
    }
}

/// Somebody of the staff, by number and name to show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    pub staff_id: i64,
    pub name: String,
}

/// A plan to take tariffs off sale.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    pub plan_id: i64,
    /// From when on none of them is sold.
    pub withdraw_at: DateTime<Utc>,
    pub reason: String,
    pub asked_by: Person,
    pub asked_at: DateTime<Utc>,
    pub state: State,
    pub decided_by: Option<Person>,
    pub decided_at: Option<DateTime<Utc>>,
    /// Why it was refused.
    pub answer: Option<String>,
    pub lines: Vec<Line>,
}

/// A tariff that goes off sale, with the effect of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    pub scheme_id: SchemeId,
    pub name: String,
    /// Yuan a month, as it was sold when the plan was made.
    pub price: Decimal,
    /// Who has it, and yuan a month from all of them.
    pub subscribers: u64,
    pub monthly: Decimal,
    /// What they could have instead.
    pub instead: Option<Instead>,
    /// When everybody who has it had been told.
    pub told_at: Option<DateTime<Utc>>,
}

/// What else there is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instead {
    pub scheme_id: SchemeId,
    pub name: String,
    /// Yuan a month, at the same time.
    pub price: Decimal,
}

impl Line {
    /// Yuan a month more (less, where negative) for each who changes to what there is instead, before anything beyond the
    /// allowances.
    pub fn difference(&self) -> Option<Decimal> {
        self.instead.as_ref().map(|instead| instead.price - self.price)
    }
}

/// Why a plan cannot be made or decided.
#[derive(Debug, thiserror::Error)]
pub enum WithdrawalError {
    #[error("a plan takes 1 to {TARIFFS_MAX} tariffs off sale")]
    Tariffs,
    #[error("`{0}` is not on sale")]
    NotOnSale(String),
    #[error("{0} is in a plan that waits already")]
    Planned(SchemeId),
    #[error("a reason has 1 to {REASON_CHARS_MAX} characters")]
    Reason,
    #[error("sales stop later than now, and within a year")]
    Time,
    #[error("there is no such plan")]
    NotFound,
    #[error("the plan is decided already")]
    Decided,
    #[error("nobody approves his own plan")]
    Own,
    #[error("only who asked takes a plan back")]
    NotOwn,
    #[error("the stored {0} is not readable")]
    Corrupt(&'static str),
    #[error(transparent)]
    Staff(#[from] StaffError),
    #[error(transparent)]
    Tariff(#[from] StoreError),
    #[error(transparent)]
    Notice(#[from] NoticeError),
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
}

/// What taking some of a board off sale does, in the order of the board.
///
/// # Errors
/// [`WithdrawalError::Tariffs`], [`WithdrawalError::NotOnSale`].
pub fn effect(board: &[OnSale], chosen: &[SchemeId]) -> Result<Vec<Line>, WithdrawalError> {
    let is_chosen = |on_sale: &&OnSale| chosen.contains(&on_sale.tariff.content.scheme_id);
    if !(1..=TARIFFS_MAX).contains(&chosen.len()) {
        return Err(WithdrawalError::Tariffs);
    }
    let is_on_sale = |id: &&SchemeId| board.iter().any(|on_sale| on_sale.tariff.content.scheme_id == **id);
    if let Some(gone) = chosen.iter().find(|id| !is_on_sale(id)) {
        return Err(WithdrawalError::NotOnSale(gone.to_string()));
    }
    let price = |on_sale: &OnSale| on_sale.tariff.content.terms.as_ref().map_or(Decimal::ZERO, Terms::recurring_price);
    let staying: Vec<&OnSale> = board.iter().filter(|on_sale| !is_chosen(on_sale)).collect();
    let lines = board.iter().filter(is_chosen).map(|on_sale| {
        let content = &on_sale.tariff.content;
        let other = instead(content, staying.iter().map(|on_sale| &on_sale.tariff.content));
        let other = other.and_then(|id| staying.iter().find(|on_sale| on_sale.tariff.content.scheme_id == *id));
        Line {
            scheme_id: content.scheme_id.clone(),
            name: content.name.clone(),
            price: price(on_sale),
            subscribers: on_sale.subscribers,
            monthly: on_sale.monthly,
            instead: other.map(|other| Instead {
                scheme_id: other.tariff.content.scheme_id.clone(),
                name: other.tariff.content.name.clone(),
                price: price(other),
            }),
            told_at: None,
        }
    });
    Ok(lines.collect())
}
