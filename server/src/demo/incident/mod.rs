//! 那一夜 The night that this was built for, replayed: many subscribers are to be given an add-on that they never agreed to, which no
//! way leads to; then the wrong charges of a system where one did are brought here, found, and taken back, by a server that is
//! killed twice in the middle and a gateway that fails and repeats itself. Each figure is told with its time.

mod attempts;
mod bare;
mod charges;
mod check;
mod execution;
mod people;
mod server;
mod told;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use charging::clock::SharedClock;
use charging::incident::desk::{self, IncidentError};
use charging::incident::detector::Detector;
use charging::incident::finding::store::{Finding, State, list};
use charging::money::plain;
use charging::staff::{self, Actor, StaffKey};
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use sqlx::PgPool;
use tokio::time::sleep;

use super::channels::member;
use super::gateway::{Nature, Simulator};
use crate::command::charges::import_file;
use server::Server;
pub use server::serve;
use told::Told;

/// So soon after they are there the detectors must have found them.
pub const FOUND_WITHIN: Duration = Duration::from_mins(1);
/// Of a hundred requests to the gateway so many fail, and of a hundred callbacks so many come twice.
const FAILS_PERCENT: u8 = 5;
const TWICE_PERCENT: u8 = 5;
/// What goes back through the gateway arrives so many seconds later.
const REFUND_SECONDS: i64 = 2;
/// How often it is looked whether something happened.
const LOOK_EVERY: Duration = Duration::from_millis(100);
const TITLE: &str = "升级任务误订 95 元权益包";

/// A night to be replayed.
#[derive(Clone, Debug)]
pub struct Night {
    /// Works as the role of the server.
    pub pool: PgPool,
    pub clock: SharedClock,
    pub staff_key: StaffKey,
    /// Charges, of as many subscribers.
    pub charges: u32,
    /// `mingbai`, which is the server, and the address of the database, where it does not find that by itself.
    pub program: PathBuf,
    pub database_url: Option<String>,
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// How long the detectors took.
    pub found_after: Duration,
    /// Rows a second of the execution, to those of a bare insert of the same rows.
    pub ratio: f64,
    /// What is not as it must be; empty: everything is.
    pub wrong: Vec<String>,
}

/// Replays the night in a database that has the schema and no subscribers.
///
/// # Errors
/// When the database holds subscribers, a step fails, or something takes far too long.
pub async fn replay(night: &Night) -> anyhow::Result<Outcome> {
    let Night { pool, clock, .. } = night;
    let mut told = Told::default();
    let is_used: bool = sqlx::query_scalar("select exists (select from msisdn)").fetch_one(pool).await?;
    if is_used {
        bail!("the database holds subscribers: use another one, such as a new folder in MINGBAI_DATA_DIR");
    }
    let folder = tempfile::tempdir().context("no room for files")?;
    staff::demo::ensure(pool, &night.staff_key, clock.now(), &mut StdRng::from_os_rng()).await?;
    people::publish(pool, clock.now()).await?;
    people::join(pool, night.charges, clock.now()).await?;
    told.step(format!("{} subscribers", night.charges));

    attempts::by_sql(pool, clock.now(), &mut told).await?;
    attempts::by_api(pool, clock.now(), &mut told).await?;
    attempts::by_import(pool, folder.path(), night.charges, clock.now(), &mut told).await?;

    let nature = Nature {
        fail_percent: FAILS_PERCENT,
        twice_percent: TWICE_PERCENT,
        refund_takes: chrono::TimeDelta::seconds(REFUND_SECONDS),
        pay_url: String::new(),
        seed: 95,
    };
    let simulator = Simulator::start(pool.clone(), clock.clone(), nature).await?;
    let mut server = Server::start(night, simulator.url()).await?;
    told.step("the server listens".to_owned());

    let file = folder.path().join("night.ndjson");
    charges::write(&file, night.charges, clock.now())?;
    told.step("the wrong charges are written to a file".to_owned());
    let tally = import_file(pool, &**clock, &file).await?;
    let imported = Instant::now();
    told.step(format!("`charges import`: {tally}"));
    told.right("every wrong charge is brought", tally.accepted == u64::from(night.charges));
    let finding = found(pool, i64::from(night.charges)).await?;
    let found_after = imported.elapsed();
    told.step(format!("detector {}: {} charges, {} yuan", finding.detector, finding.charges, plain(finding.amount)));
    told.right("they are found within a minute", found_after <= FOUND_WITHIN);

    let incident_id = decide(night, &finding, &mut told).await?;
    let bare = bare::insert(pool, incident_id, clock.now()).await?;
    told.step(format!("bare insert of {} rows of the books, rolled back: {:.0} rows/s", bare.rows, bare.speed()));
    let speed = execution::run(night, incident_id, (&mut server, simulator.url()), &mut told).await?;
    let ratio = speed.rows_per_second(bare.rows) / bare.speed();
    told.step(format!("execution to bare insert: {ratio:.2} (aim: 0.5)"));
    execution::settle(night, &mut told).await?;

    check::everything(pool, incident_id, i64::from(night.charges), &mut told).await?;
    server.stop().await?;
    simulator.stop().await;
    Ok(Outcome { found_after, ratio, wrong: told.wrong() })
}

/// Waits for the server's detectors.
async fn found(pool: &PgPool, charges: i64) -> anyhow::Result<Finding> {
    let began = Instant::now();
    // Ten times as long as they may take, to say how long it was.
    while began.elapsed() < FOUND_WITHIN * 10 {
        let found = list(&mut *pool.acquire().await?, Some(State::Open), 1).await?.findings;
        let whole = found.into_iter().find(|found| found.detector == Detector::NoConsent && found.charges == charges);
        if let Some(finding) = whole {
            return Ok(finding);
        }
        sleep(LOOK_EVERY).await;
    }
    bail!("the detectors did not find the charges")
}

/// From the finding to the yes of a second person.
async fn decide(night: &Night, finding: &Finding, told: &mut Told) -> anyhow::Result<i64> {
    let Night { pool, clock, .. } = night;
    let mut conn = pool.acquire().await?;
    let (first, second) = (member(&mut conn, "demo.lead").await?, member(&mut conn, "demo.second").await?);
    drop(conn);
    let mut tx = pool.begin().await?;
    let incident_id = desk::open_from_finding(&mut tx, &first, TITLE, finding.finding_id, clock.now()).await?;
    desk::stop_sales(&mut tx, &first, incident_id, people::SCHEME_ID, clock.now()).await?;
    tx.commit().await?;
    told.step(format!("incident {incident_id} opened, sales of {} stopped", people::SCHEME_ID));
    let mut tx = pool.begin().await?;
    desk::freeze(&mut tx, &first, incident_id, clock.now()).await?;
    tx.commit().await?;
    let listed = desk::totals(&mut *pool.acquire().await?, incident_id).await?;
    let by_route: Vec<String> =
        listed.iter().map(|t| format!("{} {} ({} yuan)", t.route, t.charges, plain(t.amount))).collect();
    told.step(format!("all affected listed: {}", by_route.join(", ")));
    told.right("all are listed", listed.iter().map(|t| t.subscribers).sum::<i64>() == i64::from(night.charges));
    let mut tx = pool.begin().await?;
    let proposal = desk::propose(&mut tx, &first, incident_id, clock.now()).await?;
    tx.commit().await?;
    told.step(format!("dry run: {} refunds, {} yuan", proposal.refunds, plain(proposal.refunded)));
    refuse_oneself(night, &first, (incident_id, proposal.proposal_no)).await?;
    let mut tx = pool.begin().await?;
    desk::approve(&mut tx, &second, incident_id, proposal.proposal_no, clock.now()).await?;
    tx.commit().await?;
    told.step("approved by another; by the one who proposed it: refused".to_owned());
    Ok(incident_id)
}

/// Who proposed it cannot approve it.
async fn refuse_oneself(night: &Night, first: &Actor, (incident_id, proposal_no): (i64, i32)) -> anyhow::Result<()> {
    let mut tx = night.pool.begin().await?;
    let own = desk::approve(&mut tx, first, incident_id, proposal_no, night.clock.now()).await;
    ensure!(matches!(own, Err(IncidentError::SamePerson)), "who proposed it approved it: {own:?}");
    Ok(())
}
