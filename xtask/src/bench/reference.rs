//! The references that PostgreSQL itself runs: `pgbench` and `COPY`, in a database of their own on the server that the
//! program works on.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, bail};

use super::Place;
use crate::postgres::cluster::{Cluster, Durability, OWNER, PORT};
use crate::postgres::programs::{Account, Programs};

/// The tables of an event: a record, and the counter that its cap holds.
const SCHEMA: &str = "
    create table counter (subscriber_id bigint primary key, used bigint not null, cap bigint not null);
    create table record (id bigint generated always as identity primary key, subscriber_id bigint not null,
        quantity bigint not null, at timestamptz not null);
    create table copied (id text primary key, subscriber_id bigint not null, quantity bigint not null,
        started_at timestamptz not null);
    insert into counter select n, 0, 1000000000000000 from generate_series(1, 1000) as n;";

/// A database beside that of the program.
#[derive(Debug)]
pub struct Reference {
    programs: Programs,
    account: Account,
    sockets: PathBuf,
}

impl Reference {
    /// The program must have started its PostgreSQL.
    pub fn new(place: &Place) -> anyhow::Result<Self> {
        let cluster = Cluster::at(&place.data.path().join("postgres"), Durability::Full)?;
        let sockets = cluster.sockets().to_owned();
        let reference = Self { programs: Programs::find(None)?, account: Account::choose()?, sockets };
        reference.psql("postgres", "create database reference")?;
        reference.psql("reference", SCHEMA)?;
        Ok(reference)
    }

    fn command(&self, program: &str, database: &str) -> Command {
        let mut command = self.programs.command(program, &self.account, Path::new("/"));
        command.env("PGHOST", &self.sockets).env("PGPORT", PORT.to_string());
        command.env("PGUSER", OWNER).env("PGDATABASE", database);
        command
    }

    /// Runs SQL and returns what it printed.
    pub fn psql(&self, database: &str, sql: &str) -> anyhow::Result<String> {
        let mut psql = self.command("psql", database);
        let output = psql
            .args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set", "ON_ERROR_STOP=1", "-c", sql])
            .stderr(Stdio::inherit())
            .output()
            .context("cannot run psql")?;
        if !output.status.success() {
            bail!("psql failed");
        }
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    /// Transactions per second of a `pgbench` script of these lines; `:client_id` tells the clients apart.
    pub fn pgbench(&self, script: &str, clients: usize, seconds: u64) -> anyhow::Result<f64> {
        // Whoever we are, the account of PostgreSQL can read it.
        let file = tempfile::Builder::new().prefix("mingbai-").suffix(".pgbench").tempfile()?;
        std::fs::write(file.path(), script)?;
        std::fs::set_permissions(file.path(), std::os::unix::fs::PermissionsExt::from_mode(0o644))?;
        let mut pgbench = self.command("pgbench", "reference");
        pgbench.args(["--no-vacuum", "--protocol=prepared", "--jobs=2"]);
        pgbench.arg(format!("--client={clients}")).arg(format!("--time={seconds}")).arg("--file").arg(file.path());
        let output = pgbench.stderr(Stdio::inherit()).output().context("cannot run pgbench")?;
        let said = String::from_utf8_lossy(&output.stdout);
        let rate = said.lines().find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse().ok());
        rate.with_context(|| format!("pgbench said:\n{said}"))
    }

    /// Rows per second of a bare `COPY` of lines of tab-separated values into a table with a unique key.
    pub fn copy(&self, rows: &str) -> anyhow::Result<f64> {
        use std::io::Write as _;
        self.psql("reference", "truncate copied")?;
        let mut psql = self.command("psql", "reference");
        let started = Instant::now();
        let mut copy =
            psql.args(["--no-psqlrc", "--quiet", "-c", "copy copied from stdin"]).stdin(Stdio::piped()).spawn()?;
        copy.stdin.take().context("psql takes its input from us")?.write_all(rows.as_bytes())?;
        if !copy.wait()?.success() {
            bail!("COPY failed");
        }
        let count = u32::try_from(rows.lines().count())?;
        Ok(f64::from(count) / started.elapsed().as_secs_f64())
    }
}
