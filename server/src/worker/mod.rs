//! Work beside the requests: messages that are due, to subscribers and to network functions, what is told ahead, and what has had its time.

mod cleanup;
mod disputes;
mod in_turn;
mod notices;
pub(crate) mod reminders;
mod sessions;
mod spending_limit;

use std::sync::Arc;
use std::time::Duration;

use app::state::AppState;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::call::Caller;
use crate::sms;
use spending_limit::Notifier;

const NOTICES_EVERY: Duration = Duration::from_millis(500);
const CALLS_EVERY: Duration = Duration::from_secs(1);
const NOTIFICATIONS_EVERY: Duration = Duration::from_millis(250);
const REVIEW_EVERY: Duration = Duration::from_secs(1);
const GIVE_BACK_EVERY: Duration = Duration::from_secs(10);
const FIRST_CHARGES_EVERY: Duration = Duration::from_secs(10);
const RENEWALS_EVERY: Duration = Duration::from_hours(1);
const DISPUTES_EVERY: Duration = Duration::from_mins(1);
const CLEANUP_EVERY: Duration = Duration::from_mins(5);

/// The workers of a server.
#[derive(Debug)]
pub struct Workers {
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
}

impl Workers {
    /// Starts them all. `sms`: the SMS centre by which messages go to phones; `caller`: who makes calls, if anybody.
    ///
    /// # Errors
    /// When the client that notifies network functions cannot be set up.
    pub fn start(state: &AppState, sms: Option<sms::Settings>, caller: Option<Caller>) -> anyhow::Result<Self> {
        let (stop, stopped) = watch::channel(false);
        let mut tasks = JoinSet::new();
        let AppState { pool, clock, demo, .. } = state.clone();
        if let Some(settings) = sms {
            let (channel, stopped) = (sms::Channel::new(state, settings), stopped.clone());
            tasks.spawn(async move { channel.run(stopped).await });
        } else if demo {
            let (pool, clock) = (pool.clone(), clock.clone());
            let send = async move || notices::run(&pool, clock.now()).await;
            tasks.spawn(repeat(NOTICES_EVERY, stopped.clone(), send));
        } else {
            tracing::warn!("no SMS centre is configured: messages to subscribers wait in their queue");
        }
        if let Some(caller) = caller {
            tasks.spawn(repeat(CALLS_EVERY, stopped.clone(), async move || caller.run().await));
        }
        let notifier = Arc::new(Notifier::new(state)?);
        let reviewer = notifier.clone();
        tasks.spawn(repeat(NOTIFICATIONS_EVERY, stopped.clone(), async move || notifier.run().await));
        tasks.spawn(repeat(REVIEW_EVERY, stopped.clone(), async move || reviewer.review().await));
        let silent = (pool.clone(), clock.clone());
        let give_back = async move || sessions::give_back(&silent.0, silent.1.now()).await;
        tasks.spawn(repeat(GIVE_BACK_EVERY, stopped.clone(), give_back));
        let reminded = (pool.clone(), clock.clone());
        let first_charges = async move || reminders::first_charges(&reminded.0, reminded.1.now()).await;
        tasks.spawn(repeat(FIRST_CHARGES_EVERY, stopped.clone(), first_charges));
        let renewed = (pool.clone(), clock.clone());
        let renewals = async move || reminders::renewals(&renewed.0, renewed.1.now()).await;
        tasks.spawn(repeat(RENEWALS_EVERY, stopped.clone(), renewals));
        let disputed = (pool.clone(), clock.clone());
        let disputes = async move || disputes::escalate(&disputed.0, disputed.1.now()).await;
        tasks.spawn(repeat(DISPUTES_EVERY, stopped.clone(), disputes));
        tasks.spawn(repeat(CLEANUP_EVERY, stopped, async move || cleanup::run(&pool, clock.now()).await));
        Ok(Self { stop, tasks })
    }

    /// Lets each finish what it is doing.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        while self.tasks.join_next().await.is_some() {}
    }
}

/// Does something again and again until told to stop; what fails is reported and tried again the next time.
async fn repeat(every: Duration, mut stopped: watch::Receiver<bool>, work: impl AsyncFn() -> anyhow::Result<()>) {
    let mut ticks = tokio::time::interval(every);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = stopped.wait_for(|stop| *stop) => return,
            _ = ticks.tick() => {}
        }
        if let Err(error) = work().await {
            tracing::warn!(error = format!("{error:#}"), "a worker failed; it goes on");
        }
    }
}
