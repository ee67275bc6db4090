//! What becomes of a part of a refund, whatever is told about it, how often, how late, and in which order.
//!
//! A part is sent under one number. The gateway keeps one refund under a number, however often it gets it, so whenever nothing is
//! known, it is asked, and only where it never heard of the number is the part sent again.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::payment::named;

/// Which way a part goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Route {
    /// 减免: off a line that is not paid.
    Bill,
    /// 退到余额.
    Balance,
    /// 原路退回 through the gateway.
    Gateway,
    /// 向平台追回: claimed from the platform that took the money.
    Platform,
}

/// Where a part stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PartState {
    /// To be sent.
    Approved,
    /// It may be there. Asked after before it is sent again.
    Sent,
    /// The money arrived; for good.
    Confirmed,
    /// It will never arrive this way. It goes into the balance instead.
    Failed,
    /// Somebody has to look: the bank cannot take it, the platform refuses, or amounts differ.
    Disputed,
}

/// What happens to a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PartEvent {
    /// It is about to be handed over. Noted before it is, so that a crash in between is a part that may be there.
    Sent,
    /// The other side has it and is at it.
    Accepted,
    /// The money arrived.
    Succeeded,
    /// It was refused for good: no money moves under this number.
    Refused,
    /// It cannot go on without somebody: 退款异常.
    Stuck,
    /// The other side never heard of the number.
    Unknown,
    /// The other side speaks of another amount.
    Mismatch,
    /// A platform did not answer in time.
    Overdue,
    /// Somebody of the staff gives a claim up; the operator bears it.
    GivenUp,
}

named!(Route { Bill = "bill", Balance = "balance", Gateway = "gateway", Platform = "platform" });
named!(PartState {
    Approved = "approved",
    Sent = "sent",
    Confirmed = "confirmed",
    Failed = "failed",
    Disputed = "disputed",
});
named!(PartEvent {
    Sent = "sent",
    Accepted = "accepted",
    Succeeded = "succeeded",
    Refused = "refused",
    Stuck = "stuck",
    Unknown = "unknown",
    Mismatch = "mismatch",
    Overdue = "overdue",
    GivenUp = "given_up",
});

/// What an event brought about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    To(PartState),
    /// It says nothing new.
    Same,
    /// It cannot be after what was told before. The part stays as it is, and somebody has to look.
    Contradicted,
}

/// What an event makes of a part.
pub fn step(route: Route, state: PartState, event: PartEvent) -> Step {
    use PartEvent as E;
    use PartState as S;
    // Nobody outside has anything to say about what stays in our own books.
    if matches!(route, Route::Bill | Route::Balance) {
        return Step::Contradicted;
    }
    let to = |next| if next == state { Step::Same } else { Step::To(next) };
    match (state, event) {
        (S::Confirmed, E::Sent | E::Accepted | E::Succeeded) | (S::Failed, E::Sent | E::Accepted | E::Refused) => {
            Step::Same
        }
        // What failed is in the balance by now.
        (S::Confirmed | S::Failed, _) => Step::Contradicted,
        (_, E::Succeeded) => to(S::Confirmed),
        (_, E::Mismatch | E::Stuck) => to(S::Disputed),
        // A platform that refuses is argued with; a gateway that refuses is believed.
        (_, E::Refused) => to(if route == Route::Platform { S::Disputed } else { S::Failed }),
        (S::Disputed, E::GivenUp) if route == Route::Platform => to(S::Failed),
        (_, E::GivenUp) => Step::Contradicted,
        (_, E::Overdue) => {
            if route == Route::Platform {
                to(S::Disputed)
            } else {
                Step::Same
            }
        }
        // What is disputed waits for somebody, whatever is told of the way there.
        (S::Disputed, E::Sent | E::Accepted | E::Unknown) => Step::Same,
        (_, E::Sent | E::Accepted) => to(S::Sent),
        (_, E::Unknown) => to(S::Approved),
    }
}

/// Where a whole refund stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefundState {
    Asked,
    Rejected,
    /// Decided; something is still to be sent.
    Approved,
    /// All that had to be sent is.
    Sent,
    /// All of it arrived, each part its way or in the balance instead.
    Confirmed,
    /// A part failed and its money is nowhere yet.
    Failed,
    /// Somebody has to look at a part.
    Disputed,
}

named!(RefundState {
    Asked = "asked",
    Rejected = "rejected",
    Approved = "approved",
    Sent = "sent",
    Confirmed = "confirmed",
    Failed = "failed",
    Disputed = "disputed",
});

/// Where an approved refund stands, by its parts; those whose place another part took are left out.
pub fn of_parts(parts: impl IntoIterator<Item = PartState>) -> RefundState {
    let worst = |state| match state {
        PartState::Confirmed => (0, RefundState::Confirmed),
        PartState::Sent => (1, RefundState::Sent),
        PartState::Approved => (2, RefundState::Approved),
        PartState::Failed => (3, RefundState::Failed),
        PartState::Disputed => (4, RefundState::Disputed),
    };
    parts.into_iter().map(worst).max_by_key(|(rank, _)| *rank).map_or(RefundState::Approved, |(_, state)| state)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_is_the_end() {
        for route in [Route::Gateway, Route::Platform] {
            for state in [PartState::Confirmed, PartState::Failed] {
                for event in PartEvent::ALL {
                    assert!(!matches!(step(route, state, *event), Step::To(_)), "{route} {state} {event}");
                }
            }
        }
        assert_eq!(step(Route::Gateway, PartState::Confirmed, PartEvent::Refused), Step::Contradicted);
        assert_eq!(step(Route::Gateway, PartState::Failed, PartEvent::Succeeded), Step::Contradicted);
    }

    #[test]
    fn a_callback_may_overtake_the_answer() {
        let confirmed = Step::To(PartState::Confirmed);
        for state in [PartState::Approved, PartState::Sent, PartState::Disputed] {
            assert_eq!(step(Route::Gateway, state, PartEvent::Succeeded), confirmed);
        }
        assert_eq!(step(Route::Gateway, PartState::Confirmed, PartEvent::Accepted), Step::Same);
    }

    #[test]
    fn only_what_is_unknown_there_is_sent_again() {
        assert_eq!(step(Route::Gateway, PartState::Sent, PartEvent::Unknown), Step::To(PartState::Approved));
        assert_eq!(step(Route::Gateway, PartState::Disputed, PartEvent::Unknown), Step::Same);
    }

    #[test]
    fn a_platform_is_argued_with_and_given_up_by_somebody() {
        assert_eq!(step(Route::Platform, PartState::Sent, PartEvent::Refused), Step::To(PartState::Disputed));
        assert_eq!(step(Route::Platform, PartState::Sent, PartEvent::Overdue), Step::To(PartState::Disputed));
        assert_eq!(step(Route::Platform, PartState::Sent, PartEvent::GivenUp), Step::Contradicted);
        assert_eq!(step(Route::Platform, PartState::Disputed, PartEvent::GivenUp), Step::To(PartState::Failed));
        assert_eq!(step(Route::Gateway, PartState::Disputed, PartEvent::GivenUp), Step::Contradicted);
    }

    #[test]
    fn a_refund_stands_where_its_slowest_part_does() {
        use PartState::{Approved, Confirmed, Disputed, Sent};
        assert_eq!(of_parts([Confirmed, Sent]), RefundState::Sent);
        assert_eq!(of_parts([Confirmed, Approved, Sent]), RefundState::Approved);
        assert_eq!(of_parts([Confirmed, Disputed, Sent]), RefundState::Disputed);
        assert_eq!(of_parts([Confirmed, Confirmed]), RefundState::Confirmed);
    }
}
