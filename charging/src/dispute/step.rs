//! Which step a dispute can take, and where that leads.

use std::str::FromStr;

use rust_decimal::Decimal;

/// Where a dispute stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// An answer is due.
    Received,
    /// It waits for something that the subscriber knows.
    Asked,
    /// Something goes back.
    Upheld,
    /// The charge was right, and why.
    Explained,
    /// The subscriber took it back.
    Withdrawn,
}

impl State {
    pub const ALL: [Self; 5] = [Self::Received, Self::Asked, Self::Upheld, Self::Explained, Self::Withdrawn];

    /// The name in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Asked => "asked",
            Self::Upheld => "upheld",
            Self::Explained => "explained",
            Self::Withdrawn => "withdrawn",
        }
    }

    /// Whether it waits for an answer: as long as that is so, its line is not due.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Received | Self::Asked)
    }
}

/// The text is no state of a dispute.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no state of a dispute")]
pub struct InvalidState(String);

impl FromStr for State {
    type Err = InvalidState;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let state = Self::ALL.into_iter().find(|state| state.as_str() == text);
        state.ok_or_else(|| InvalidState(text.chars().take(40).collect()))
    }
}

/// What decides which steps are possible.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    pub state: State,
    /// 1, or 2 after it was reopened.
    pub round: i16,
    /// Yuan that the line charged.
    pub line_amount: Decimal,
    /// Yuan found due, of all rounds together.
    pub awarded: Decimal,
}

/// A step that cannot be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    #[error("it has been answered")]
    Answered,
    #[error("nothing was asked of the subscriber")]
    NothingAsked,
    #[error("it waits for an answer")]
    Open,
    #[error("it was reopened before, or there is nothing left to ask for")]
    Final,
    #[error("not between 0.01 and what was charged and is not given back yet")]
    Amount,
}

impl Standing {
    /// A dispute of a line of so many yuan, as it begins.
    pub fn opened(line_amount: Decimal) -> Self {
        Self { state: State::Received, round: 1, line_amount, awarded: Decimal::ZERO }
    }

    /// Yuan that can still be found due.
    pub fn left(&self) -> Decimal {
        self.line_amount - self.awarded
    }

    /// Something is asked of the subscriber, also once more.
    ///
    /// # Errors
    /// [`Rejected::Answered`].
    pub fn ask(self) -> Result<Self, Rejected> {
        self.while_open().map(|open| Self { state: State::Asked, ..open })
    }

    /// The subscriber answers what was asked.
    ///
    /// # Errors
    /// [`Rejected::NothingAsked`].
    pub fn tell(self) -> Result<Self, Rejected> {
        if self.state != State::Asked {
            return Err(Rejected::NothingAsked);
        }
        Ok(Self { state: State::Received, ..self })
    }

    /// So many yuan go back.
    ///
    /// # Errors
    /// [`Rejected::Answered`], [`Rejected::Amount`].
    pub fn uphold(self, award: Decimal) -> Result<Self, Rejected> {
        let open = self.while_open()?;
        if award <= Decimal::ZERO || award > open.left() || award.normalize().scale() > 2 {
            return Err(Rejected::Amount);
        }
        Ok(Self { state: State::Upheld, awarded: open.awarded + award, ..open })
    }

    /// Nothing goes back, or nothing more.
    ///
    /// # Errors
    /// [`Rejected::Answered`].
    pub fn explain(self) -> Result<Self, Rejected> {
        self.while_open().map(|open| Self { state: State::Explained, ..open })
    }

    /// The subscriber takes it back: the first round is as if it had not been, the second leaves what the first gave.
    ///
    /// # Errors
    /// [`Rejected::Answered`].
    pub fn withdraw(self) -> Result<Self, Rejected> {
        let open = self.while_open()?;
        let state = match (open.round, open.awarded.is_zero()) {
            (1, _) => State::Withdrawn,
            (_, true) => State::Explained,
            (_, false) => State::Upheld,
        };
        Ok(Self { state, ..open })
    }

    /// The subscriber does not accept the answer: once, and where not everything went back.
    ///
    /// # Errors
    /// [`Rejected::Open`], [`Rejected::Final`].
    pub fn reopen(self) -> Result<Self, Rejected> {
        if self.state.is_open() {
            return Err(Rejected::Open);
        }
        let is_answered = matches!(self.state, State::Upheld | State::Explained);
        if !is_answered || self.round > 1 || self.left().is_zero() {
            return Err(Rejected::Final);
        }
        Ok(Self { state: State::Received, round: 2, ..self })
    }

    /// The refund of so many yuan that were found due is rejected: they are not, and the case is to be answered again.
    ///
    /// # Errors
    /// [`Rejected::Amount`].
    pub fn refuse(self, award: Decimal) -> Result<Self, Rejected> {
        if award <= Decimal::ZERO || award > self.awarded {
            return Err(Rejected::Amount);
        }
        let state = if self.state.is_open() { self.state } else { State::Received };
        Ok(Self { state, awarded: self.awarded - award, ..self })
    }

    fn while_open(self) -> Result<Self, Rejected> {
        if self.state.is_open() { Ok(self) } else { Err(Rejected::Answered) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn states_are_read_back() {
        for state in State::ALL {
            assert_eq!(state.as_str().parse(), Ok(state));
        }
        assert!("open".parse::<State>().is_err());
    }

    #[test]
    fn a_second_round_can_only_give_more() {
        let amount = |text: &str| text.parse::<Decimal>().unwrap();
        let part = Standing::opened(amount("9.90")).uphold(amount("4.00")).unwrap();
        assert_eq!(part.explain(), Err(Rejected::Answered));
        let again = part.reopen().unwrap();
        assert_eq!(again.uphold(amount("5.91")), Err(Rejected::Amount));
        assert_eq!(again.uphold(amount("0.001")), Err(Rejected::Amount));
        assert_eq!(again.withdraw().unwrap().state, State::Upheld);
        let whole = again.uphold(amount("5.90")).unwrap();
        assert_eq!((whole.awarded, whole.reopen()), (amount("9.90"), Err(Rejected::Final)));
        assert_eq!(Standing::opened(amount("9.90")).withdraw().unwrap().reopen(), Err(Rejected::Final));
    }

    #[test]
    fn what_is_not_let_go_is_answered_again() {
        let amount = |text: &str| text.parse::<Decimal>().unwrap();
        let found = Standing::opened(amount("9.90")).uphold(amount("4.00")).unwrap();
        let back = found.refuse(amount("4.00")).unwrap();
        assert_eq!(back, Standing::opened(amount("9.90")));
        assert_eq!(found.refuse(amount("4.01")), Err(Rejected::Amount));
        assert_eq!(back.uphold(amount("9.90")).unwrap().state, State::Upheld);
        let again = found.reopen().unwrap();
        assert_eq!(again.refuse(amount("4.00")).unwrap().round, 2);
        let asked = again.ask().unwrap().refuse(amount("4.00")).unwrap();
        assert_eq!((asked.state, asked.left()), (State::Asked, amount("9.90")));
    }

    #[derive(Clone, Debug)]
    enum Try {
        Ask,
        Tell,
        Uphold(i64),
        Explain,
        Withdraw,
        Reopen,
    }

    fn any_try() -> impl Strategy<Value = Try> {
        prop_oneof![
            Just(Try::Ask),
            Just(Try::Tell),
            (-10_i64..1500).prop_map(Try::Uphold),
            Just(Try::Explain),
            Just(Try::Withdraw),
            Just(Try::Reopen),
        ]
    }

    proptest! {
        #[test]
        fn whatever_is_tried_no_more_goes_back_than_was_charged(
            amount in 1_i64..1000,
            tries in prop::collection::vec(any_try(), 0..30),
        ) {
            let mut standing = Standing::opened(Decimal::new(amount, 2));
            let mut reopened = 0;
            for step in tries {
                let before = standing;
                let next = match step {
                    Try::Ask => standing.ask(),
                    Try::Tell => standing.tell(),
                    Try::Uphold(fen) => standing.uphold(Decimal::new(fen, 2)),
                    Try::Explain => standing.explain(),
                    Try::Withdraw => standing.withdraw(),
                    Try::Reopen => standing.reopen(),
                };
                let Ok(next) = next else { continue };
                standing = next;
                reopened += i32::from(standing.round != before.round);
                prop_assert!(standing.awarded >= before.awarded && standing.awarded <= standing.line_amount);
                prop_assert!(standing.awarded == before.awarded || before.state.is_open());
                prop_assert!(before.state != State::Withdrawn, "what was taken back moved");
                prop_assert!(standing.state != State::Withdrawn || standing.awarded.is_zero());
                prop_assert!(standing.state != State::Upheld || !standing.awarded.is_zero());
            }
            prop_assert!(reopened <= 1);
        }
    }
}
