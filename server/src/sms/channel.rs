//! One connection after the other.

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use app::state::AppState;
use charging::clock::SharedClock;
use charging::notice::queue::{self, Lane};
use futures::FutureExt as _;
use sqlx::PgPool;
use tokio::sync::watch;
use tokio::time::Instant;

use super::connect::{self, Bound};
use super::inbox::Inbox;
use super::metric;
use super::outbox::Outbox;
use super::pace::Pace;
use super::settings::Settings;

/// Pause before connecting again; it doubles each time.
const PAUSE_FIRST: Duration = Duration::from_millis(500);
const PAUSE_MAX: Duration = Duration::from_secs(30);
/// How long the centre may take to let us go.
const UNBIND_TIME_MAX: Duration = Duration::from_secs(3);
/// How often the queue is measured.
const MEASURE_EVERY: Duration = Duration::from_secs(10);

/// Sends and receives by an SMS centre for as long as the server runs.
pub struct Channel {
    pool: PgPool,
    clock: SharedClock,
    settings: Settings,
    pace: Pace,
}

impl Channel {
    pub fn new(state: &AppState, settings: Settings) -> Self {
        Self::over(state.pool.clone(), state.clock.clone(), settings)
    }

    pub(super) fn over(pool: PgPool, clock: SharedClock, settings: Settings) -> Self {
        let pace = Pace::new(settings.rate);
        Self { pool, clock, settings, pace }
    }

    /// Connects, again and again, until told to stop; what is under way then is finished. A panic, which octets from
    /// outside may bring about, ends a connection and no more.
    pub async fn run(&self, stopped: watch::Receiver<bool>) {
        let serve = async {
            while AssertUnwindSafe(self.connect_again_and_again(stopped.clone())).catch_unwind().await.is_err() {
                metrics::gauge!(metric::BOUND).set(0);
                tracing::error!("the SMS channel panicked; it goes on");
                tokio::time::sleep(PAUSE_MAX).await;
            }
        };
        tokio::select! {
            never = self.measure() => match never {},
            () = serve => {}
        }
    }

    async fn connect_again_and_again(&self, mut stopped: watch::Receiver<bool>) {
        let mut pause = PAUSE_FIRST;
        let centre = &self.settings.centre;
        loop {
            let started = Instant::now();
            let bound = tokio::select! {
                _ = stopped.wait_for(|stop| *stop) => return,
                bound = connect::bind(centre) => bound,
            };
            match bound {
                Ok(bound) => {
                    tracing::info!(?centre, "the SMS centre has let us in");
                    metrics::gauge!(metric::BOUND).set(1);
                    self.serve(bound, stopped.clone()).await;
                    metrics::gauge!(metric::BOUND).set(0);
                    if *stopped.borrow() {
                        return;
                    }
                    tracing::warn!(?centre, "the connection to the SMS centre is over");
                }
                Err(error) => {
                    tracing::warn!(?centre, error = format!("{error:#}"), "no connection to the SMS centre");
                }
            }
            if started.elapsed() > PAUSE_MAX {
                pause = PAUSE_FIRST;
            }
            tokio::select! {
                _ = stopped.wait_for(|stop| *stop) => return,
                () = tokio::time::sleep(pause) => pause = (pause * 2).min(PAUSE_MAX),
            }
        }
    }

    /// Sends and receives until the connection is over or the server stops.
    async fn serve(&self, bound: Bound, mut stopped: watch::Receiver<bool>) {
        let Bound { client, events, unreadable } = bound;
        let (end, over) = watch::channel(false);
        let inbox = Inbox { pool: &self.pool, clock: &self.clock, client: &client };
        let outbox = Outbox::new((&self.pool, &self.clock), &self.settings, &client, &self.pace, over);
        let watch = async {
            tokio::select! {
                () = client.closed() => {}
                _ = stopped.wait_for(|stop| *stop) => {}
            }
            end.send_replace(true);
        };
        let send = async {
            tokio::join!(outbox.drain(Lane::Awaited), outbox.drain(Lane::Others), outbox.match_receipts());
            // Nothing is under way any more.
            tokio::time::timeout(UNBIND_TIME_MAX, client.unbind()).await.ok();
            client.close().await.ok();
        };
        tokio::join!(watch, send, inbox.run(events, unreadable));
    }

    /// Tells `/metrics` how much waits.
    async fn measure(&self) -> Infallible {
        let mut ticks = tokio::time::interval(MEASURE_EVERY);
        loop {
            ticks.tick().await;
            let Ok(mut conn) = self.pool.acquire().await else { continue };
            if let Ok(waiting) = queue::depth(&mut conn, self.clock.now()).await {
                metrics::gauge!(metric::QUEUE).set(u32::try_from(waiting).unwrap_or(u32::MAX));
            }
        }
    }
}
