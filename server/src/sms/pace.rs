//! How fast messages are submitted: by our own limit, and slower where the SMS centre asks for it.

use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Pause after the centre first says that it is too much; it doubles each time.
const PAUSE_FIRST: Duration = Duration::from_millis(250);
const PAUSE_MAX: Duration = Duration::from_secs(16);

/// Gives out the moments at which to submit.
#[derive(Debug)]
pub struct Pace {
    interval: Duration,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    next: Instant,
    pause: Duration,
}

impl Pace {
    /// `rate`: messages a second at most.
    pub fn new(rate: Option<NonZeroU32>) -> Self {
        let interval = rate.map_or(Duration::ZERO, |rate| Duration::from_secs(1) / rate.get());
        Self { interval, state: Mutex::new(State { next: Instant::now(), pause: PAUSE_FIRST }) }
    }

    /// Waits for one's turn; turns come in the order in which they were asked for.
    pub async fn turn(&self) {
        let now = Instant::now();
        let at = self.with(|state| state.turn(self.interval, now));
        if at > now {
            tokio::time::sleep_until(at).await;
        }
    }

    /// The centre took one.
    pub fn taken(&self) {
        self.with(|state| state.pause = PAUSE_FIRST);
    }

    /// The centre says that it is too much: nobody submits for a while. Of many that hear it at once, one counts.
    pub fn throttled(&self) {
        self.with(|state| state.throttled(Instant::now()));
    }

    fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl State {
    /// When the next one's turn is.
    fn turn(&mut self, interval: Duration, now: Instant) -> Instant {
        let at = self.next.max(now);
        self.next = at + interval;
        at
    }

    fn throttled(&mut self, now: Instant) {
        if self.next < now + self.pause / 2 {
            self.next = now + self.pause;
            self.pause = (self.pause * 2).min(PAUSE_MAX);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(now: Instant) -> State {
        State { next: now, pause: PAUSE_FIRST }
    }

    #[test]
    fn turns_keep_their_distance() {
        let started = Instant::now();
        let mut state = state(started);
        let interval = Pace::new(NonZeroU32::new(50)).interval;
        for n in 0..100 {
            assert_eq!(state.turn(interval, started), started + interval * n);
        }
        let later = started + Duration::from_mins(1);
        let turns = [(); 3].map(|()| (state.turn(interval, later) - later).as_millis());
        assert_eq!(turns, [0, 20, 40], "idle time is not made up for");
    }

    #[test]
    fn a_centre_that_has_too_much_is_left_alone_for_longer_and_longer() {
        let mut now = Instant::now();
        let mut state = state(now);
        let mut waits = Vec::new();
        for _ in 0..9 {
            // A window full of them.
            for _ in 0..5 {
                state.throttled(now);
            }
            let at = state.turn(Duration::ZERO, now);
            waits.push((at - now).as_millis());
            now = at;
        }
        assert_eq!(waits, [250, 500, 1000, 2000, 4000, 8000, 16_000, 16_000, 16_000]);
    }
}
