//! 退费 Money back: asked for, let go by somebody else, and returned part by part along the way it was paid.
//!
//! What is not paid yet of a line is waived; what came from the balance or in cash goes into the balance; what came through a
//! gateway goes back through it; what a platform took is claimed from it. A part that fails for good goes into the balance. The
//! schema keeps it within what was paid: a part names the settlement whose money it returns, and a running total of each
//! settlement and each refund goes on from row to row. [`state`] says what becomes of a part; `parts` keeps it.

pub mod plan;
pub mod state;

#[cfg(feature = "postgres")]
pub mod desk;
#[cfg(feature = "postgres")]
mod lines;
#[cfg(feature = "postgres")]
pub mod mass;
#[cfg(feature = "postgres")]
pub mod parts;
#[cfg(feature = "postgres")]
pub mod store;
#[cfg(feature = "postgres")]
pub mod view;
#[cfg(feature = "postgres")]
mod write;

pub use state::{PartEvent, PartState, RefundState, Route, Step};

#[cfg(feature = "postgres")]
pub use store::{RefundError, approve, ask, reject};

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, TimeDelta, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::clock::Month;
use crate::payment::named;

/// How long a platform has to answer a claim: as long as the operator has to answer its subscriber.
pub const CLAIM_TIME: TimeDelta = TimeDelta::days(15);
/// Most characters of a note or a decision.
pub const NOTE_CHARS_MAX: usize = 500;

/// Why money goes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// No proof of consent: goes back without a question.
    NoConsent,
    /// The proof of consent does not hold: likewise.
    BrokenConsent,
    AbovePrice,
    AboveCap,
    AfterCancellation,
    Duplicate,
    NotOnSale,
    /// What a dispute ended with.
    Dispute,
    /// One of many charges that went wrong together.
    Incident,
    Goodwill,
}

named!(Reason {
    NoConsent = "no_consent",
    BrokenConsent = "broken_consent",
    AbovePrice = "above_price",
    AboveCap = "above_cap",
    AfterCancellation = "after_cancellation",
    Duplicate = "duplicate",
    NotOnSale = "not_on_sale",
    Dispute = "dispute",
    Incident = "incident",
    Goodwill = "goodwill",
});

/// What is returned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Of {
    /// A bill line, or a part of it.
    Line { month: Month, line_no: i32 },
    /// A charge of another system.
    Imported(ImportedCharge),
}

/// A charge of another system, as it was imported.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportedCharge {
    pub imported_charge_id: i64,
    /// Yuan.
    pub charged: Decimal,
    /// How it was paid there.
    pub paid_by: Route,
    /// The gateway's number of the payment, or the platform and its order; `None` for bill and balance.
    pub reference: Option<String>,
}

/// A refund to be asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRefund {
    pub subscriber_id: i64,
    pub of: Of,
    /// Yuan, at most what was charged.
    pub amount: Decimal,
    pub reason: Reason,
    /// In words, for whoever decides, and for the subscriber.
    pub note: String,
    /// The dispute of the line that it ends; where it is rejected, that is taken up again.
    pub dispute_id: Option<i64>,
}

/// A refund as it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refund {
    pub subscriber_id: i64,
    pub refund_id: i64,
    pub of: Of,
    /// Yuan.
    pub amount: Decimal,
    pub reason: Reason,
    pub note: String,
    pub batch_id: Option<i64>,
    /// `subscriber`, `system`, or `staff:` and a login.
    pub asked_by: String,
    pub asked_at: DateTime<Utc>,
    pub decided_by: Option<String>,
    pub decided_at: Option<DateTime<Utc>>,
    pub decision: String,
    pub state: RefundState,
    /// In their order.
    pub parts: Vec<Part>,
}

/// A part of a refund as it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    pub part_no: i32,
    pub route: Route,
    /// Yuan.
    pub amount: Decimal,
    /// The key under which it is sent.
    pub refund_no: String,
    pub state: PartState,
    /// The part whose place it takes.
    pub replaces_no: Option<i32>,
    pub tries: i32,
    pub sent_at: Option<DateTime<Utc>>,
    pub confirmed_at: Option<DateTime<Utc>>,
    /// Why it did not go.
    pub failure: String,
    /// Of a claim: until when the platform has to answer.
    pub deadline_at: Option<DateTime<Utc>>,
    /// Who wants it given up, of what the gateway leaves hanging.
    pub give_up_by: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back() {
        for reason in Reason::ALL {
            assert_eq!(reason.as_str().parse(), Ok(*reason));
        }
        for event in PartEvent::ALL {
            assert_eq!(event.as_str().parse(), Ok(*event));
        }
        assert!("because".parse::<Reason>().is_err());
    }
}
