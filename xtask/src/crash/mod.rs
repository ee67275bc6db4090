//! `cargo xtask crash`: charging sessions of subscribers at their caps, sent by many writers over HTTP, repeated and out
//! of order, while the server and PostgreSQL are killed again and again. No cap may be passed at any instant, and in the
//! end every event that was answered is there once, rated once.

mod check;
mod sampler;
mod writer;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};

use crate::bench::{Place, Server, bulk};
use crate::build;
use crate::postgres::{Durability, Temporary};
use crate::workspace::Workspace;
use writer::{Session, Tally};

const DATABASE: &str = "crash";
/// One megabyte is included; subscribers take turns with these caps, in yuan, at 0.03 yuan a megabyte.
const CAPS: [&str; 4] = ["0.00", "0.06", "0.30", "1.50"];
const POLL: Duration = Duration::from_millis(5);

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Events: updates that each report usage.
    #[arg(long, default_value_t = 1_000_000)]
    events: u64,
    #[arg(long, default_value_t = 1_000)]
    subscribers: usize,
    /// Connections that send at the same time. Each subscriber has a session with two of them.
    #[arg(long, default_value_t = 64)]
    writers: usize,
    /// How often the server and PostgreSQL are killed.
    #[arg(long, default_value_t = 10)]
    kills: u64,
    /// What is drawn by chance is the same for the same seed; how the machine takes it is not.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Try the program in this folder, as `cargo xtask build` leaves it, and build nothing.
    #[arg(long)]
    dist: Option<PathBuf>,
}

/// What writers and the one who kills know of one another.
struct Run {
    /// Where the server listens, whenever it does.
    server: SocketAddr,
    answered: AtomicU64,
    /// Nobody goes on, because all is sent or something is wrong.
    is_over: AtomicBool,
    /// What went wrong first.
    failure: Mutex<Option<anyhow::Error>>,
}

impl Run {
    /// Ends the run; what others have to say afterwards is of no interest.
    fn fail(&self, error: anyhow::Error) {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
        self.is_over.store(true, Ordering::Relaxed);
    }

    fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }

    /// Waits for so many answers; `false`: there will be no more.
    fn wait_for(&self, answers: u64) -> bool {
        while self.answered.load(Ordering::Relaxed) < answers {
            if self.is_over() {
                return false;
            }
            thread::sleep(POLL);
        }
        true
    }
}

/// # Errors
/// When anything is not as it must be.
pub fn run(workspace: &Workspace, args: &Args) -> anyhow::Result<()> {
    ensure!(args.writers >= 2 && args.subscribers > 0, "it takes two writers and a subscriber");
    let dist = build::unless_given(workspace, args.dist.as_deref())?;
    let place = Place::new(&dist)?;
    let mut postgres = Temporary::start(Durability::Full)?;
    fill(&place, &postgres, args.subscribers)?;
    let url = postgres.url(DATABASE);
    let first = serve(&place, &url, "127.0.0.1:0")?;
    let address = first.address;
    let mut server = Some(first);
    let run = Run {
        server: address,
        answered: AtomicU64::new(0),
        is_over: AtomicBool::new(false),
        failure: Mutex::new(None),
    };
    let started = Instant::now();
    let mut written = (Vec::new(), Tally::default());
    let mut samples = 0;
    thread::scope(|scope| {
        scope.spawn(|| sampler::watch(&url, &run).map_or_else(|error| run.fail(error), |looks| samples = looks));
        scope.spawn(|| {
            written = write(args, &run);
            run.is_over.store(true, Ordering::Relaxed);
        });
        if let Err(error) = kill_often(args, &run, &place, &mut postgres, &mut server) {
            run.fail(error);
        }
    });
    if let Some(error) = run.failure.into_inner().unwrap_or_else(PoisonError::into_inner) {
        return Err(error);
    }
    let seconds = started.elapsed().as_secs();
    drop(server);
    let (sessions, tally) = written;
    let Tally { repeated, reordered, sent_again } = tally;
    println!("events {} answered in {seconds} s, of {} sessions", args.events, sessions.len());
    println!("repeated {repeated}, reordered {reordered}, sent again without an answer {sent_again}");
    println!("killed {} times; {samples} looks at the counters, none above its cap", args.kills);
    check::check(&place, &url, &sessions, args.events)
}

fn fill(place: &Place, postgres: &Temporary, subscribers: usize) -> anyhow::Result<()> {
    postgres.query("postgres", &format!("create database {DATABASE}"))?;
    let url = postgres.url(DATABASE);
    let model = r#""model":"ladder","price":"0.03","unit":"1MB","block_price":"3.00","block":"1GB""#;
    let tariffs = bulk::tariffs();
    ensure!(tariffs.contains(model), "the tariff of the measurements has another overage");
    let tariffs = tariffs.replace(model, r#""model":"unit","price":"0.03","unit":"1MB""#).replace("100000GB", "1MB");
    let lines = bulk::subscribers(subscribers);
    let capped: String = lines
        .lines()
        .zip(CAPS.iter().cycle())
        .map(|(line, cap)| line.replace(r#""cap":"600.00""#, &format!(r#""cap":"{cap}""#)) + "\n")
        .collect();
    place.execute_on(&url, &["migrate"])?;
    place.execute_on(&url, &["tariffs", "import", &place.file("tariffs.json", &tariffs)?])?;
    place.execute_on(&url, &["subscribers", "import", &place.file("subscribers.ndjson", &capped)?])
}

fn serve(place: &Place, url: &str, address: &str) -> anyhow::Result<Server> {
    let mut command = place.program_on(url, &["serve"]);
    command.env("MINGBAI_ADDR", address);
    // It has a lot to say about a database that goes away.
    command.env("RUST_LOG", "off");
    Server::start(command)
}

/// Sends all events; returns what was sent in which session.
fn write(args: &Args, run: &Run) -> (Vec<Session>, Tally) {
    let writers = args.writers as u64;
    let (mut sessions, mut tally) = (Vec::new(), Tally::default());
    thread::scope(|scope| {
        let threads: Vec<_> = (0..args.writers)
            .map(|index| {
                let events = args.events / writers + u64::from((index as u64) < args.events % writers);
                let of_two = [index, (index + 1) % args.writers];
                let subscribers = (0..args.subscribers).filter(move |n| of_two.contains(&(n % args.writers)));
                scope.spawn(move || {
                    writer::write(run, args.seed, index, subscribers, events).map_err(|error| run.fail(error)).ok()
                })
            })
            .collect();
        for thread in threads {
            // A writer that panicked ends the run with its panic.
            if let Some((of_one, counted)) = thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)) {
                sessions.extend(of_one);
                tally += counted;
            }
        }
    });
    (sessions, tally)
}

/// Kills the server and PostgreSQL, at even distances in the run, and starts them again.
fn kill_often(
    args: &Args,
    run: &Run,
    place: &Place,
    postgres: &mut Temporary,
    server: &mut Option<Server>,
) -> anyhow::Result<()> {
    for kill in 1..=args.kills {
        if !run.wait_for(args.events * kill / (args.kills + 1)) {
            return Ok(());
        }
        let running = server.take().context("the server is gone")?;
        // By turns who dies first: with a request at work, or with a transaction.
        if kill % 2 == 0 {
            running.kill()?;
            postgres.kill()?;
        } else {
            postgres.kill()?;
            running.kill()?;
        }
        let down = Instant::now();
        postgres.start_again()?;
        *server = Some(serve(place, &postgres.url(DATABASE), &run.server.to_string())?);
        let answered = run.answered.load(Ordering::Relaxed);
        eprintln!("killed after {answered} events, up again after {:.1} s", down.elapsed().as_secs_f64());
    }
    Ok(())
}
