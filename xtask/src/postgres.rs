//! A PostgreSQL for one run: as the server's own, but without waiting for the disk, and gone afterwards.

#[path = "../../server/src/postgres/cluster.rs"]
#[allow(dead_code, reason = "the server uses the rest")]
pub mod cluster;
#[path = "../../server/src/postgres/programs.rs"]
pub mod programs;

use std::io::Write as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, bail};
use tempfile::TempDir;

use crate::provide;
use cluster::{Cluster, Durability, OWNER, PORT};
use programs::{Account, Programs};

/// Stopped and removed with this value.
#[derive(Debug)]
pub struct Temporary {
    cluster: Cluster,
    guard: Child,
    _folder: TempDir,
}

impl Temporary {
    pub fn start() -> anyhow::Result<Self> {
        provide::postgres()?;
        let folder = tempfile::Builder::new().prefix("mingbai-xtask-").tempdir()?;
        let cluster = Cluster::at(&folder.path().join("postgres"), Durability::None)?;
        cluster.start()?;
        let pid = cluster.pid().context("PostgreSQL has just been started")?;
        // Its input ends when this process does, however it does.
        let guard = Command::new("/bin/sh")
            .args(["-c", "trap '' INT TERM HUP; read -r _; kill -INT \"$0\" 2>/dev/null"])
            .arg(pid.as_raw_nonzero().to_string())
            .stdin(Stdio::piped())
            .spawn()
            .context("cannot run /bin/sh")?;
        Ok(Self { cluster, guard, _folder: folder })
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

    /// The address of one of its databases.
    pub fn url(&self, database: &str) -> String {
        let sockets =
            self.cluster.sockets().to_string_lossy().replace('%', "%25").replace('/', "%2F").replace(' ', "%20");
        format!("postgres://{OWNER}@localhost:{PORT}/{database}?host={sockets}")
    }
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
