//! Work beside the requests: messages that are due, to subscribers and to network functions, what is told ahead, and what has had its time.

mod cleanup;
mod disputes;
mod in_turn;
mod incident;
mod mass_offers;
mod notices;
pub(crate) mod reminders;
mod review;
mod sessions;
mod spending_limit;
pub(crate) mod tariffs;

use std::sync::Arc;
use std::time::Duration;

use app::state::AppState;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::call::Caller;
use crate::gateway::Cashier;
use crate::sms;
use spending_limit::Notifier;

const NOTICES_EVERY: Duration = Duration::from_millis(500);
const CALLS_EVERY: Duration = Duration::from_secs(1);
const PAYMENTS_EVERY: Duration = Duration::from_millis(250);
const REFUNDS_EVERY: Duration = Duration::from_millis(500);
const STATEMENTS_EVERY: Duration = Duration::from_mins(10);
const NOTIFICATIONS_EVERY: Duration = Duration::from_millis(250);
const REVIEW_EVERY: Duration = Duration::from_secs(1);
const GIVE_BACK_EVERY: Duration = Duration::from_secs(10);
const FIRST_CHARGES_EVERY: Duration = Duration::from_secs(10);
const RENEWALS_EVERY: Duration = Duration::from_hours(1);
const MASS_OFFERS_EVERY: Duration = Duration::from_secs(5);
const INCIDENTS_EVERY: Duration = Duration::from_secs(1);
const FINDINGS_EVERY: Duration = Duration::from_secs(10);
const TARIFFS_EVERY: Duration = Duration::from_secs(15);
const LIVE_EVERY: Duration = Duration::from_secs(1);
const WITHDRAWALS_EVERY: Duration = Duration::from_secs(30);
const DISPUTES_EVERY: Duration = Duration::from_mins(1);
const CLEANUP_EVERY: Duration = Duration::from_mins(5);

/// The workers of a server.
#[derive(Debug)]
pub struct Workers {
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
}

impl Workers {
    /// Starts them all. `sms`: the SMS centre by which messages go to phones; `caller`: who makes calls, if anybody; `cashier`:
    /// who sees to payments at the gateway, likewise.
    ///
    /// # Errors
    /// When the client that notifies network functions cannot be set up.
    pub fn start(
        state: &AppState,
        sms: Option<sms::Settings>,
        caller: Option<Caller>,
        cashier: Option<Cashier>,
    ) -> anyhow::Result<Self> {
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
        if let Some(payments) = cashier {
            let (refunds, statements) = (payments.clone(), payments.clone());
            tasks.spawn(repeat(PAYMENTS_EVERY, stopped.clone(), async move || payments.payments().await));
            tasks.spawn(repeat(REFUNDS_EVERY, stopped.clone(), async move || refunds.refunds().await));
            tasks.spawn(repeat(STATEMENTS_EVERY, stopped.clone(), async move || statements.statements().await));
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
        let many = (pool.clone(), clock.clone());
        let ask_many = async move || mass_offers::run(&many.0, many.1.now()).await;
        tasks.spawn(repeat(MASS_OFFERS_EVERY, stopped.clone(), ask_many));
        let looked_at = (pool.clone(), clock.clone());
        let findings = async move || review::run(&looked_at.0, looked_at.1.now()).await;
        tasks.spawn(repeat(FINDINGS_EVERY, stopped.clone(), findings));
        let returned = (pool.clone(), clock.clone());
        let incidents = async move || incident::run(&returned.0, returned.1.now()).await;
        tasks.spawn(repeat(INCIDENTS_EVERY, stopped.clone(), incidents));
        let read = pool.clone();
        tasks.spawn(repeat(TARIFFS_EVERY, stopped.clone(), async move || tariffs::read(&read).await.map(drop)));
        let told = (pool.clone(), clock.clone());
        let withdrawals = async move || tariffs::told(&told.0, told.1.now()).await;
        tasks.spawn(repeat(WITHDRAWALS_EVERY, stopped.clone(), withdrawals));
        let disputed = (pool.clone(), clock.clone());
        let disputes = async move || disputes::escalate(&disputed.0, disputed.1.now()).await;
        tasks.spawn(repeat(DISPUTES_EVERY, stopped.clone(), disputes));
        let approved = (pool.clone(), clock.clone());
        let publish = async move || tariffs::live(&approved.0, &*approved.1).await;
        tasks.spawn(repeat(LIVE_EVERY, stopped.clone(), publish));
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
