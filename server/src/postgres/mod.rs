//! The embedded PostgreSQL, shared by all `mingbai` processes of a data folder.
//!
//! Who uses it holds a shared lock on the file `users.lock`, which the system takes away when the process ends, however it
//! ends. The first user starts the server, and a keeper (this program again, with a hidden command). Who can lock the
//! file for itself alone knows that nobody uses the server any more, and stops it: a user that ends well does so at once, and
//! the keeper, which waits for that lock all the time, does it for one that was killed.

mod cluster;
mod programs;

use std::env;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tokio::task;

use cluster::{Cluster, Durability, OWNER, PORT};

/// The hidden command that keeps the server.
pub const KEEPER_COMMAND: &str = "keep-postgres";

const DATABASE: &str = "mingbai";

/// One use of the embedded server.
#[derive(Debug)]
pub struct Embedded {
    cluster: Cluster,
    locks: Locks,
    users: File,
}

impl Embedded {
    /// Starts the server of the data folder, or joins the one that runs.
    ///
    /// # Errors
    /// When PostgreSQL's programs are missing, or it cannot be started.
    pub async fn open() -> anyhow::Result<Self> {
        let folder = data_folder()?;
        let embedded = task::spawn_blocking(move || Self::open_at(&folder)).await??;
        embedded.create_database().await?;
        Ok(embedded)
    }

    fn open_at(folder: &Path) -> anyhow::Result<Self> {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let cluster = Cluster::at(&folder.join("postgres"), Durability::Full)?;
        let locks = Locks { folder: folder.to_owned() };
        let users = locks.open("users.lock")?;
        // Waits while a keeper is stopping the server.
        users.lock_shared().context("cannot lock users.lock")?;
        let starting = locks.open("start.lock")?;
        starting.lock().context("cannot lock start.lock")?;
        locks.ensure_keeper()?;
        cluster.start()?;
        Ok(Self { cluster, locks, users })
    }

    /// How to connect, as the owner of the tables.
    pub fn options(&self) -> PgConnectOptions {
        PgConnectOptions::new_without_pgpass()
            .socket(self.cluster.sockets())
            .port(PORT)
            .username(OWNER)
            .database(DATABASE)
    }

    /// Where its data is, and what else belongs to it.
    pub fn folder(&self) -> &Path {
        &self.locks.folder
    }

    async fn create_database(&self) -> anyhow::Result<()> {
        let options = self.options().database("postgres");
        let mut connection =
            PgConnection::connect_with(&options).await.context("the embedded PostgreSQL does not answer")?;
        // Two first users at once must not both create it.
        sqlx::raw_sql("select pg_advisory_lock(1)").execute(&mut connection).await?;
        let exists: bool = sqlx::query_scalar("select exists (select from pg_database where datname = $1)")
            .bind(DATABASE)
            .fetch_one(&mut connection)
            .await?;
        if !exists {
            let create = format!("create database {DATABASE}");
            sqlx::raw_sql(AssertSqlSafe(create))
                .execute(&mut connection)
                .await
                .context("cannot create the database")?;
        }
        connection.close().await?;
        Ok(())
    }

    /// Ends this use; the last user stops the server.
    ///
    /// # Errors
    /// When the server does not stop.
    pub async fn close(self) -> anyhow::Result<()> {
        task::spawn_blocking(move || {
            self.users.unlock().context("cannot unlock users.lock")?;
            match self.users.try_lock() {
                Ok(()) => self.cluster.stop(),
                // Others use it, or the keeper is stopping it: then wait until it has.
                Err(TryLockError::WouldBlock) => {
                    self.locks.open("users.lock")?.lock_shared().context("cannot lock users.lock")
                }
                Err(TryLockError::Error(e)) => Err(e).context("cannot lock users.lock"),
            }
        })
        .await?
    }
}

/// Waits until nobody uses the server of a data folder any more, and stops it. Runs in a process of its own.
///
/// # Errors
/// When the server does not stop.
pub fn keep(folder: &Path) -> anyhow::Result<()> {
    let locks = Locks { folder: folder.to_owned() };
    let keeping = locks.open("keeper.lock")?;
    if keeping.try_lock().is_err() {
        return Ok(());
    }
    let users = locks.open("users.lock")?;
    users.lock().context("cannot lock users.lock")?;
    Cluster::at(&folder.join("postgres"), Durability::Full)?.stop()?;
    // In this order: who gets the lock of users next must not take this process for a keeper.
    drop(keeping);
    drop(users);
    Ok(())
}

#[derive(Debug)]
struct Locks {
    folder: PathBuf,
}

impl Locks {
    fn open(&self, name: &str) -> anyhow::Result<File> {
        let path = self.folder.join(name);
        let options = File::options().create(true).truncate(false).read(true).write(true).open(&path);
        options.with_context(|| format!("cannot open {}", path.display()))
    }

    /// Starts a keeper unless there is one.
    fn ensure_keeper(&self) -> anyhow::Result<()> {
        use std::os::unix::process::CommandExt as _;

        match self.open("keeper.lock")?.try_lock() {
            Err(TryLockError::WouldBlock) => return Ok(()),
            Err(TryLockError::Error(e)) => return Err(e).context("cannot lock keeper.lock"),
            Ok(()) => {}
        }
        let log = File::options().create(true).append(true).open(self.folder.join("keeper.log"))?;
        let program = env::current_exe().context("cannot find the program itself")?;
        let mut keeper = Command::new(program);
        keeper.arg(KEEPER_COMMAND).arg(&self.folder).current_dir(&self.folder).process_group(0);
        keeper.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let mut keeper = keeper.spawn().context("cannot start the keeper of PostgreSQL")?;
        std::thread::spawn(move || keeper.wait());
        Ok(())
    }
}

/// `MINGBAI_DATA_DIR`, else `/var/lib/mingbai` for root, whose home other accounts cannot enter, else the user's data folder.
fn data_folder() -> anyhow::Result<PathBuf> {
    let set = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let folder = if let Some(folder) = set("MINGBAI_DATA_DIR") {
        folder
    } else if rustix::process::geteuid().is_root() {
        PathBuf::from("/var/lib/mingbai")
    } else if let Some(data) = set("XDG_DATA_HOME") {
        data.join("mingbai")
    } else if let Some(home) = set("HOME") {
        home.join(".local/share/mingbai")
    } else {
        bail!("neither HOME nor MINGBAI_DATA_DIR is set: no place for the database");
    };
    std::path::absolute(folder).context("MINGBAI_DATA_DIR is no path")
}
