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
        let at = self.with(|state| {
            let at = state.next.max(Instant::now());
            state.next = at + self.interval;
            at
        });
        if at > Instant::now() {
            tokio::time::sleep_until(at).await;
        }
    }

    /// The centre took one.
    pub fn taken(&self) {
        self.with(|state| state.pause = PAUSE_FIRST);
    }

    /// The centre says that it is too much: nobody submits for a while. Of many that hear it at once, one counts.
    pub fn throttled(&self) {
        self.with(|state| {
            let now = Instant::now();
            if state.next < now + state.pause / 2 {
                state.next = now + state.pause;
                state.pause = (state.pause * 2).min(PAUSE_MAX);
            }
        });
    }

    fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn turns_keep_their_distance() {
        let pace = Pace::new(NonZeroU32::new(50));
        let started = Instant::now();
        for _ in 0..101 {
            pace.turn().await;
        }
        assert_eq!(started.elapsed(), Duration::from_secs(2));
        tokio::time::sleep(Duration::from_secs(60)).await;
        let later = Instant::now();
        for _ in 0..3 {
            pace.turn().await;
        }
        assert_eq!(later.elapsed(), Duration::from_millis(40), "idle time is not made up for");
    }

    #[tokio::test(start_paused = true)]
    async fn a_centre_that_has_too_much_is_left_alone_for_longer_and_longer() {
        let pace = Pace::new(None);
        let started = Instant::now();
        let mut waits = Vec::new();
        for _ in 0..9 {
            let before = Instant::now();
            // A window full of them.
            for _ in 0..5 {
                pace.throttled();
            }
            pace.turn().await;
            waits.push(before.elapsed().as_millis());
        }
        assert_eq!(waits, [250, 500, 1000, 2000, 4000, 8000, 16_000, 16_000, 16_000]);
        pace.taken();
        let before = Instant::now();
        pace.throttled();
        pace.turn().await;
        assert_eq!(before.elapsed(), PAUSE_FIRST);
        assert!(started.elapsed() > Duration::from_secs(60));
    }
}
