//! What sessions are granted, and what each request is answered.

use super::{Admitted, Batch, Plan};
use crate::clock::Month;
use crate::usage::rating::RatingError;
use crate::usage::session::{Answer, Asked, Forecast, Outcome, QUOTAS_MAX, Quota, Refusal, UnitAnswer, UnitUsage};
use crate::usage::store::load::{Key, Loaded};

impl Batch {
    /// Grants in a month, and holds there what its open sessions may use.
    pub(super) fn settle(&mut self, key: Key, loaded: &mut Loaded, asking: &[&Admitted<'_>]) {
        let holds = key.month == Month::of(self.now);
        let quotas = self.of_subscriber(key.subscriber_id).filter(|_| holds).flat_map(|session| &session.quotas);
        let mut forecast = Forecast::new(&loaded.state, quotas, self.now);
        if holds {
            let open = self.open_sessions(key.subscriber_id);
            for one in asking {
                self.grant(&mut forecast, open, one);
            }
        }
        loaded.reserve(&forecast.state);
    }

    fn grant(&mut self, forecast: &mut Forecast, open: usize, one: &Admitted<'_>) {
        let now = self.now;
        let Some(session) = self.sessions.get_mut(&one.session) else { return };
        let is_open = session.closed_at.is_none();
        let mut outcome = |unit: &UnitUsage| {
            if unit.asked == Asked::Nothing || !is_open {
                return Outcome::Noted;
            }
            let offer = forecast.grant(unit.rating_group, unit.asked, open, now);
            if offer.bytes == 0 {
                return Outcome::LimitReached(offer.stop);
            }
            // An earlier request of the same batch may have been granted one.
            session.quotas.retain(|quota| quota.rating_group != unit.rating_group);
            if session.quotas.len() == QUOTAS_MAX {
                session.quotas.remove(0);
            }
            session.quotas.push(Quota {
                rating_group: unit.rating_group,
                bytes: offer.bytes,
                granted_at: now,
                ends_at: offer.ends_at,
            });
            let validity_seconds = (offer.ends_at - now).num_seconds().max(1);
            Outcome::Granted { bytes: offer.bytes, validity_seconds, last: offer.is_last.then_some(offer.stop) }
        };
        let units: Vec<UnitAnswer> = one
            .invocation
            .units
            .iter()
            .map(|unit| UnitAnswer { rating_group: unit.rating_group, outcome: outcome(unit) })
            .collect();
        let answer = Answer { session: one.session.clone(), sequence: one.invocation.sequence, units };
        session.answer = Some(answer.clone());
        self.answers.insert((one.session.clone(), answer.sequence), answer);
    }

    pub(super) fn mark_failed(&mut self, refused: &[(usize, RatingError)], plan: &Plan<'_>) {
        for (place, _) in refused {
            let (one, unit) = plan.places[*place];
            let name = (one.session.clone(), one.invocation.sequence);
            let newest = self.sessions.get_mut(&one.session).and_then(|session| session.answer.as_mut());
            let newest = newest.filter(|answer| answer.sequence == name.1);
            for answer in newest.into_iter().chain(self.answers.get_mut(&name)) {
                if let Some(unit) = answer.units.get_mut(unit) {
                    unit.outcome = Outcome::RatingFailed;
                }
            }
        }
    }

    pub(super) fn answers_to(&self, admitted: &[Result<Admitted<'_>, Refusal>]) -> Vec<Result<Answer, Refusal>> {
        admitted.iter().map(|one| one.as_ref().map(|one| self.answer_to(one)).map_err(Refusal::clone)).collect()
    }

    /// What was answered to it now or when it came first; an old request is told that its usage is noted.
    fn answer_to(&self, one: &Admitted<'_>) -> Answer {
        let sequence = one.invocation.sequence;
        let newest = self.sessions.get(&one.session).and_then(|session| session.answer.as_ref());
        let known = self.answers.get(&(one.session.clone(), sequence));
        known.or(newest.filter(|answer| answer.sequence == sequence)).cloned().unwrap_or_else(|| Answer {
            session: one.session.clone(),
            sequence,
            units: one
                .invocation
                .units
                .iter()
                .map(|unit| UnitAnswer { rating_group: unit.rating_group, outcome: Outcome::Noted })
                .collect(),
        })
    }
}
