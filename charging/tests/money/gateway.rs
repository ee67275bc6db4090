//! A gateway that loses requests and answers, tells late and again and out of order, but keeps one refund under one number.

use std::collections::BTreeMap;

use charging::refund::PartEvent;
use rand::Rng;
use rust_decimal::Decimal;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    Processing,
    Succeeded,
    Refused,
    Stuck,
}

impl Status {
    pub fn is_over(self) -> bool {
        matches!(self, Self::Succeeded | Self::Refused)
    }

    fn event(self) -> PartEvent {
        match self {
            Self::Processing => PartEvent::Accepted,
            Self::Succeeded => PartEvent::Succeeded,
            Self::Refused => PartEvent::Refused,
            Self::Stuck => PartEvent::Stuck,
        }
    }
}

#[derive(Clone, Debug, Default)]
pub struct Gateway {
    /// What it does under each number, and for how much (yuan).
    pub books: BTreeMap<String, (Decimal, Status)>,
    /// Everything that it ever had to tell: any of it may arrive at any time, and again.
    pub said: Vec<(String, PartEvent)>,
    /// How many of a hundred requests are lost, and as many answers.
    pub lost_percent: u32,
}

impl Gateway {
    /// Takes a refund. `None`: no answer came, whether or not the request arrived.
    pub fn refund(&mut self, number: &str, amount: Decimal, rng: &mut impl Rng) -> Option<PartEvent> {
        if self.loses(rng) {
            return None;
        }
        let (booked, status) = *self.books.entry(number.to_owned()).or_insert((amount, Status::Processing));
        assert_eq!(booked, amount, "one number, one amount");
        self.answer(number, status.event(), rng)
    }

    /// Says what it does under a number. `None`: no answer came.
    pub fn query(&mut self, number: &str, rng: &mut impl Rng) -> Option<PartEvent> {
        if self.loses(rng) {
            return None;
        }
        let event = self.books.get(number).map_or(PartEvent::Unknown, |(_, status)| status.event());
        self.answer(number, event, rng)
    }

    /// Goes on with what it has.
    pub fn work(&mut self, rng: &mut impl Rng) {
        for (number, (_, status)) in &mut self.books {
            let next = match (*status, rng.random_range(0..10)) {
                (Status::Processing, 0..5) | (Status::Stuck, 0..3) => Status::Succeeded,
                (Status::Processing, 5) | (Status::Stuck, 3..6) => Status::Refused,
                (Status::Processing, 6) => Status::Stuck,
                (same, _) => same,
            };
            if next != *status {
                *status = next;
                self.said.push((number.clone(), next.event()));
            }
        }
    }

    fn loses(&self, rng: &mut impl Rng) -> bool {
        rng.random_range(0..100) < self.lost_percent
    }

    fn answer(&mut self, number: &str, event: PartEvent, rng: &mut impl Rng) -> Option<PartEvent> {
        if self.loses(rng) {
            // It comes after all, later, when other things may have been told. That it knew nothing is no callback.
            if event != PartEvent::Unknown {
                self.said.push((number.to_owned(), event));
            }
            return None;
        }
        Some(event)
    }
}
