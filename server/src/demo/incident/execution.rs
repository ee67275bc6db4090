//! The execution, by a server that is killed twice while it is at it.

use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use charging::incident::desk::{self, Execution, Progress};
use sqlx::PgPool;
use tokio::time::sleep;

use super::bare::speed;
use super::server::Server;
use super::told::Told;
use super::{LOOK_EVERY, Night};
use crate::demo::channels::member;

/// How often it is looked whether to kill: a step of a small incident is short.
const KILL_LOOK_EVERY: Duration = Duration::from_millis(5);
/// How often the server is killed.
const KILLS: i64 = 2;
/// Nothing takes so long for each charge, nor longer before the first.
const PATIENCE: Duration = Duration::from_mins(5);
const PATIENCE_EACH: Duration = Duration::from_millis(50);

/// How long it took while a server was there.
#[derive(Clone, Copy, Debug)]
pub struct Took(Duration);

impl Took {
    pub fn rows_per_second(self, rows: i64) -> f64 {
        speed(rows, self.0)
    }
}

/// Has it carried out until every refund is made.
///
/// # Errors
/// When the server does not come back, or does not come to an end.
pub async fn run(
    night: &Night,
    incident_id: i64,
    (server, gateway_url): (&mut Server, &str),
    told: &mut Told,
) -> anyhow::Result<Took> {
    let Night { pool, clock, .. } = night;
    let mut tx = pool.begin().await?;
    let first = member(&mut tx, "demo.lead").await?;
    desk::start(&mut tx, &first, incident_id, clock.now()).await?;
    tx.commit().await?;
    let began = Instant::now();
    let mut away = Duration::ZERO;
    for kill in 1..=KILLS {
        let (made, of, where_it_was) = middle(pool, incident_id, kill, deadline(night)).await?;
        let killed = Instant::now();
        server.kill().await?;
        told.step(format!("the server is killed with {made} of {of} refunds made, {where_it_was}"));
        *server = Server::start_at(night, gateway_url, server.address()).await?;
        away += killed.elapsed();
        told.step(format!("it is back after {:.2} s", killed.elapsed().as_secs_f64()));
    }
    let until = deadline(night);
    let done = loop {
        let execution = execution(pool, incident_id).await?;
        if execution.progress == Progress::Done {
            break execution;
        }
        if Instant::now() > until {
            bail!("the execution does not end: {execution:?}");
        }
        sleep(KILL_LOOK_EVERY).await;
    };
    let took = began.elapsed().saturating_sub(away);
    told.step(format!(
        "executed: {} refunds made, {} already there, in {:.2} s without {:.2} s in which there was no server",
        done.made,
        done.already,
        took.as_secs_f64(),
        away.as_secs_f64(),
    ));
    told.right("as many refunds as were approved", done.made == done.refunds && done.already == 0);
    Ok(Took(took))
}

fn deadline(night: &Night) -> Instant {
    Instant::now() + PATIENCE + PATIENCE_EACH * night.charges
}

async fn execution(pool: &PgPool, incident_id: i64) -> anyhow::Result<Execution> {
    let execution = desk::execution(&mut *pool.acquire().await?, incident_id).await?;
    execution.context("the execution is not there")
}

/// Waits until a part of it is made, and the next step is half done: how many refunds there are, of how many.
async fn middle(
    pool: &PgPool,
    incident_id: i64,
    kill: i64,
    until: Instant,
) -> anyhow::Result<(i64, i64, &'static str)> {
    loop {
        let Execution { progress, made, refunds, .. } = execution(pool, incident_id).await?;
        if progress == Progress::Done {
            return Ok((made, refunds, "while the gateway is at work"));
        }
        // Of a few there is one step only.
        let is_far = made >= refunds * kill / (KILLS + 1) || refunds <= desk::SUBSCRIBERS_OF_STEP;
        if is_far && desk::is_at_work(&mut *pool.acquire().await?, incident_id).await? {
            return Ok((made, refunds, "in the middle of a step"));
        }
        if Instant::now() > until {
            bail!("the execution does not go on: {made} of {refunds} refunds are made");
        }
        sleep(KILL_LOOK_EVERY).await;
    }
}

/// Waits until the gateway has given everything back and told of it, and every message that is due is sent.
///
/// # Errors
/// When it does not come to an end.
pub async fn settle(night: &Night, told: &mut Told) -> anyhow::Result<()> {
    let until = deadline(night);
    let waiting = [
        (
            "the gateway gave everything back",
            "select (select count(*) from refund_part where route = 'gateway' and state <> 'confirmed')
                + (select count(*) from simulated_gateway.callback)",
        ),
        ("every message that is due is sent", "select count(*) from notice where state = 'queued' and due_at <= now()"),
    ];
    for (what, waits) in waiting {
        loop {
            let left: i64 = sqlx::query_scalar(waits).fetch_one(&night.pool).await?;
            if left == 0 {
                break;
            }
            if Instant::now() > until {
                bail!("{left} rows are left until {what}");
            }
            sleep(LOOK_EVERY).await;
        }
        told.step(what.to_owned());
    }
    // Sent, taken, arrived.
    let again: i64 = sqlx::query_scalar("select count(*) from refund_part where route = 'gateway' and tries > 3")
        .fetch_one(&night.pool)
        .await?;
    told.step(format!("of what went through the gateway {again} were sent or asked after more than once"));
    Ok(())
}
