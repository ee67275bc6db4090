//! A PostgreSQL for one run: as the server's own, and gone afterwards.

#[path = "../../server/src/postgres/cluster.rs"]
#[allow(dead_code, reason = "the server uses the rest")]
pub mod cluster;
#[path = "../../server/src/postgres/programs.rs"]
pub mod programs;

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::provide;
pub use cluster::Durability;
use cluster::{Cluster, OWNER, PORT};
use programs::{Account, Programs};

/// Stopped and removed with this value.
#[derive(Debug)]
pub struct Temporary {
    cluster: Cluster,
    guard: Child,
    _folder: TempDir,
}

/// The processes of a server that was killed are gone after that long.
const DEATH_TIME_MAX: Duration = Duration::from_secs(30);

impl Temporary {
    /// # Errors
    /// When PostgreSQL's programs are missing, or it does not come up.
    pub fn start(durability: Durability) -> anyhow::Result<Self> {
        provide::postgres()?;
        let folder = tempfile::Builder::new().prefix("mingbai-xtask-").tempdir()?;
        let cluster = Cluster::at(&folder.path().join("postgres"), durability)?;
        let guard = launch(&cluster)?;
        Ok(Self { cluster, guard, _folder: folder })
    }

    /// Kills it with all its processes (SIGKILL), as a crash would.
    ///
    /// # Errors
    /// When one of them stays.
    pub fn kill(&mut self) -> anyhow::Result<()> {
        let postmaster = self.cluster.pid().context("PostgreSQL does not run")?;
        let children = children_of(postmaster)?;
        let all = || std::iter::once(postmaster).chain(children.iter().copied());
        // Some end by themselves as soon as the first is gone.
        for process in all() {
            kill_process(process, Signal::KILL).ok();
        }
        let deadline = Instant::now() + DEATH_TIME_MAX;
        while all().any(is_alive) {
            if Instant::now() > deadline {
                bail!("PostgreSQL does not die");
            }
            thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    /// Starts it again after it was killed; it recovers from its log.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn start_again(&mut self) -> anyhow::Result<()> {
        let guard = launch(&self.cluster)?;
        let mut old = std::mem::replace(&mut self.guard, guard);
        // Whom it would stop is gone.
        old.kill().and(old.wait()).map(drop).context("cannot end the guard of a PostgreSQL that was killed")
    }

    /// Runs SQL in one of its databases, as the owner, and returns what it printed.
    ///
    /// # Errors
    /// When it fails.
    pub fn query(&self, database: &str, sql: &str) -> anyhow::Result<String> {
        query(&self.url(database), sql)
    }

    /// Runs SQL in one of its databases, as the owner; the first error ends it.
    pub fn psql(&self, database: &str, sql: &str) -> anyhow::Result<()> {
        let mut psql = Programs::find(None)?.command("psql", &Account::choose()?, Path::new("/"));
        psql.args(["--no-psqlrc", "--quiet", "--single-transaction", "--set", "ON_ERROR_STOP=1", "--file", "-"]);
        psql.arg("--dbname").arg(self.url(database));
        let mut psql = psql.stdin(Stdio::piped()).spawn().context("cannot run psql")?;
        let mut input = psql.stdin.take().context("psql takes its input from us")?;
        let written = input.write_all(sql.as_bytes());
        drop(input);
        if !psql.wait()?.success() {
            bail!("psql failed");
        }
        written.context("psql did not read everything")
    }

    /// The calendar month before this one in Asia/Shanghai, such as 2026-10, by its clock.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn month_before(&self, database: &str) -> anyhow::Result<String> {
        let month = "select to_char(now() at time zone 'Asia/Shanghai' - interval '1 month', 'YYYY-MM')";
        self.query(database, month)
    }

    /// The address of one of its databases.
    pub fn url(&self, database: &str) -> String {
        let sockets =
            self.cluster.sockets().to_string_lossy().replace('%', "%25").replace('/', "%2F").replace(' ', "%20");
        format!("postgres://{OWNER}@localhost:{PORT}/{database}?host={sockets}")
    }
}

/// Runs SQL at the address of a database, and returns what it printed.
///
/// # Errors
/// When it fails.
pub fn query(url: &str, sql: &str) -> anyhow::Result<String> {
    let mut psql = Programs::find(None)?.command("psql", &Account::choose()?, Path::new("/"));
    psql.args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set", "ON_ERROR_STOP=1", "-c", sql]);
    let output = psql.arg("--dbname").arg(url).output().context("cannot run psql")?;
    if !output.status.success() {
        bail!("psql: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Starts the server, and a process that stops it when this one ends, however it does.
fn launch(cluster: &Cluster) -> anyhow::Result<Child> {
    cluster.start()?;
    let pid = cluster.pid().context("PostgreSQL has just been started")?;
    Command::new("/bin/sh")
        .args(["-c", "trap '' INT TERM HUP; read -r _; kill -INT \"$0\" 2>/dev/null"])
        .arg(pid.as_raw_nonzero().to_string())
        .stdin(Stdio::piped())
        .spawn()
        .context("cannot run /bin/sh")
}

/// The state and the parent of a process, as `/proc` tells.
fn state_and_parent(process: Pid) -> Option<(String, i32)> {
    // `PID (NAME) STATE PARENT …`
    let stat = fs::read_to_string(format!("/proc/{}/stat", process.as_raw_nonzero())).ok()?;
    let mut words = stat.rsplit_once(") ")?.1.split(' ');
    Some((words.next()?.to_owned(), words.next()?.parse().ok()?))
}

/// Whether it runs; one that is dead stays on the list until its parent has taken note.
fn is_alive(process: Pid) -> bool {
    state_and_parent(process).is_some_and(|(state, _)| state != "Z" && state != "X")
}

/// The processes that a process started itself.
fn children_of(parent: Pid) -> anyhow::Result<Vec<Pid>> {
    let mut children = Vec::new();
    for entry in fs::read_dir("/proc").context("this needs /proc")? {
        let pid = entry?.file_name().to_str().and_then(|name| name.parse().ok()).and_then(Pid::from_raw);
        let of_parent = |pid: &Pid| state_and_parent(*pid).is_some_and(|(_, of)| of == parent.as_raw_nonzero().get());
        children.extend(pid.filter(of_parent));
    }
    Ok(children)
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if let Err(error) = self.cluster.stop() {
            eprintln!("warning: {error:#}");
        }
        drop(self.guard.stdin.take());
        self.guard.wait().ok();
    }
}
