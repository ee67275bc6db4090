//! Any order of asks, approvals, failures, retries, late and repeated callbacks: never more than was paid, and in the end what we
//! say is what the gateway says.

use charging::actor::Actor as By;
use charging::payment::{Purpose, RefundNumber};
use charging::refund::parts::{Told, due_parts, record_answer, record_sent};
use charging::refund::state::step;
use charging::refund::store::RefundError;
use charging::refund::{NewRefund, Of, PartEvent, PartState, Reason, Route, Step, view};
use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use rust_decimal::Decimal;

use crate::gateway::{Gateway, Status};
use crate::world::{PLAN, at, now};
use crate::{Money, september, yuan};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// One part against the gateway, without a database.
    #[test]
    fn a_part_agrees_with_the_gateway_whatever_is_told_when(seed: u64, steps in 0_usize..60, lost_percent in 0_u32..60) {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut gateway = Gateway { lost_percent, ..Gateway::default() };
        let mut state = PartState::Approved;
        let mut replaced = 0;
        let number = "R1-1-1-00000000";
        for round in 0..steps + 400 {
            if round == steps {
                gateway.lost_percent = 0;
            }
            let event = match rng.random_range(0..4) {
                0 if state == PartState::Approved => {
                    state = PartState::Sent;
                    // Killed before the call, or after.
                    (rng.random_range(0..10) > 0 || round >= steps)
                        .then(|| gateway.refund(number, Decimal::ONE, &mut rng))
                        .flatten()
                }
                1 if state == PartState::Sent => gateway.query(number, &mut rng),
                2 => {
                    gateway.work(&mut rng);
                    None
                }
                3 if !gateway.said.is_empty() => {
                    let place = rng.random_range(0..gateway.said.len());
                    Some(gateway.said[place].1)
                }
                _ => None,
            };
            if let Some(Step::To(next)) = event.map(|event| step(Route::Gateway, state, event)) {
                state = next;
                replaced += usize::from(next == PartState::Failed);
            }
            let there = gateway.books.get(number).map(|(_, status)| *status);
            prop_assert!(state != PartState::Confirmed || there == Some(Status::Succeeded), "{state} {there:?}");
            prop_assert!(state != PartState::Failed || there == Some(Status::Refused), "{state} {there:?}");
            prop_assert!(replaced <= 1);
        }
        let there = gateway.books.get(number).map(|(_, status)| *status);
        prop_assert_eq!(state == PartState::Confirmed, there == Some(Status::Succeeded));
        prop_assert_eq!(state == PartState::Failed, there == Some(Status::Refused));
        prop_assert!(matches!(state, PartState::Confirmed | PartState::Failed), "{state} {there:?}");
    }
}

/// A subscriber of whom much is asked, paid and returned at once.
struct Life<'a> {
    money: &'a Money,
    gateway: Gateway,
    rng: ChaCha8Rng,
    now: DateTime<Utc>,
    /// Yuan of refunds that were approved.
    approved: Decimal,
}

impl Life<'_> {
    async fn ask(&mut self) {
        let line_no = self.rng.random_range(1..=2);
        let most = if line_no == 1 { 5_900 } else { 1_000 };
        let new = NewRefund {
            subscriber_id: self.money.a,
            of: Of::Line { month: september(), line_no },
            amount: Decimal::new(self.rng.random_range(1..=most), 2),
            reason: Reason::Dispute,
            note: String::new(),
            dispute_id: None,
        };
        let mut tx = self.money.world.db.app.begin().await.unwrap();
        match charging::refund::ask(&mut tx, &new, &By::Subscriber, self.now).await {
            Ok(_) => tx.commit().await.unwrap(),
            Err(RefundError::Already) => tx.rollback().await.unwrap(),
            Err(error) => panic!("{error:?}"),
        }
    }

    async fn decide(&mut self) {
        let refunds = view::of_subscriber(&mut *self.money.conn().await, self.money.a, 100).await.unwrap();
        let Some(refund) = refunds.iter().find(|refund| refund.state.as_str() == "asked") else { return };
        let by = By::Staff("wang.li".to_owned());
        let mut tx = self.money.world.db.app.begin().await.unwrap();
        let done =
            charging::refund::approve(&mut tx, self.money.a, refund.refund_id, &by, &mut self.rng, self.now).await;
        match done {
            Ok(()) => {
                tx.commit().await.unwrap();
                self.approved += refund.amount;
            }
            Err(RefundError::TooMuch(_)) => {
                tx.rollback().await.unwrap();
                let mut tx = self.money.world.db.app.begin().await.unwrap();
                let id = refund.refund_id;
                charging::refund::reject(&mut tx, self.money.a, id, &by, "已退过", self.now).await.unwrap();
                tx.commit().await.unwrap();
            }
            Err(error) => panic!("{error:?}"),
        }
    }

    async fn tell(&mut self, number: &RefundNumber, event: PartEvent) {
        let mut tx = self.money.world.db.app.begin().await.unwrap();
        record_answer(&mut tx, number, &Told::plain(event, self.now), self.now).await.unwrap();
        // A server that is killed before it commits has to be told again.
        if self.gateway.lost_percent > 0 && self.rng.random_range(0..10) == 0 {
            tx.rollback().await.unwrap();
        } else {
            tx.commit().await.unwrap();
        }
    }

    async fn send(&mut self) {
        self.now += TimeDelta::minutes(30);
        let due = due_parts(&mut *self.money.conn().await, 10, self.now).await.unwrap();
        for part in due.into_iter().filter(|part| part.number.subscriber_id == self.money.a) {
            let number = part.number.to_string();
            let answer = if part.state == PartState::Approved {
                let mut tx = self.money.world.db.app.begin().await.unwrap();
                record_sent(&mut tx, &part.number, self.now).await.unwrap();
                tx.commit().await.unwrap();
                self.gateway.refund(&number, part.amount, &mut self.rng)
            } else {
                self.gateway.query(&number, &mut self.rng)
            };
            if let Some(event) = answer {
                self.tell(&part.number, event).await;
            }
        }
    }

    async fn call_back(&mut self, place: usize) {
        let (number, event) = self.gateway.said[place].clone();
        self.tell(&number.parse().unwrap(), event).await;
    }

    async fn act(&mut self) {
        match self.rng.random_range(0..10) {
            0 => self.ask().await,
            1 => self.decide().await,
            2 => {
                let amount = self.rng.random_range(1..=30).to_string();
                self.money.pays(Purpose::Bill, &amount).await;
            }
            3..6 => self.send().await,
            6..8 => self.gateway.work(&mut self.rng),
            _ if self.gateway.said.is_empty() => {}
            _ => {
                let place = self.rng.random_range(0..self.gateway.said.len());
                self.call_back(place).await;
            }
        }
    }

    /// Until nothing is under way on either side.
    async fn end(&mut self) {
        self.gateway.lost_percent = 0;
        // A line is not due while a refund of it waits for somebody, so everything is decided.
        for _ in 0..50 {
            self.decide().await;
        }
        for _ in 0..200 {
            self.now += TimeDelta::hours(2);
            self.send().await;
            self.gateway.work(&mut self.rng);
        }
        for place in 0..self.gateway.said.len() {
            self.call_back(place).await;
        }
        assert!(self.gateway.books.values().all(|(_, status)| status.is_over()));
    }

    async fn check(&self) {
        let refunds = view::of_subscriber(&mut *self.money.conn().await, self.money.a, 100).await.unwrap();
        let parts: Vec<_> = refunds.iter().flat_map(|refund| &refund.parts).collect();
        let by = |route| -> Decimal {
            parts
                .iter()
                .filter(|part| part.route == route && part.state == PartState::Confirmed)
                .map(|part| part.amount)
                .sum()
        };
        for part in parts.iter().filter(|part| part.route == Route::Gateway) {
            let there = self.gateway.books.get(&part.refund_no).map(|(amount, status)| (*amount, *status));
            let expected = match part.state {
                PartState::Confirmed => Status::Succeeded,
                PartState::Failed => Status::Refused,
                other => panic!("{} is still {other}", part.refund_no),
            };
            assert_eq!(there, Some((part.amount, expected)), "{}", part.refund_no);
        }
        let succeeded: Decimal =
            self.gateway.books.values().filter(|(_, s)| *s == Status::Succeeded).map(|(a, _)| *a).sum();
        assert_eq!(by(Route::Gateway), succeeded);
        assert_eq!(by(Route::Bill) + by(Route::Balance) + succeeded, self.approved, "each yuan once");
        assert!(self.approved <= yuan("69"));
        assert_eq!(self.money.account("refund").await, self.approved);
        assert_eq!(self.money.account("refund_under_way").await, Decimal::ZERO);
        self.money.check_books().await;
    }
}

#[tokio::test]
async fn refunds_agree_with_the_gateway_and_never_pass_what_was_paid() {
    let mut money = Money::new().await;
    for seed in 0..10_u32 {
        if seed > 0 {
            money.a = money.world.subscriber(seed + 1).await;
            money.world.has(money.a, PLAN, at("2026-09-01T00:00:00+08:00")).await;
            money.close("2026-09", now()).await;
        }
        let mut life = Life {
            money: &money,
            gateway: Gateway { lost_percent: 20, ..Gateway::default() },
            rng: ChaCha8Rng::seed_from_u64(seed.into()),
            now: now(),
            approved: Decimal::ZERO,
        };
        for _ in 0..50 {
            life.act().await;
        }
        life.end().await;
        life.check().await;
    }
    money.drop().await;
}
