//! A private PostgreSQL server: made, started, found again, stopped. It listens on a socket in a closed folder only.

use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use rustix::process::{Pid, Signal};

use super::programs::{Account, Programs};

/// The role that owns everything.
pub const OWNER: &str = "mingbai";

/// Names the socket; nothing listens on the network.
pub const PORT: u16 = 5432;

/// Paths of sockets are limited by the system (104 bytes on macOS, 108 on Linux, name included).
const SOCKET_FOLDER_BYTES_MAX: usize = 80;

const START_TIME_MAX: Duration = Duration::from_mins(1);
const STOP_TIME_MAX: Duration = Duration::from_mins(1);
const POLL: Duration = Duration::from_millis(20);

/// How safe the data must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// Nothing that was answered is ever lost.
    Full,
    /// For tests: the data may be lost with the machine's power.
    None,
}

/// A server whose files are in one folder.
#[derive(Clone, Debug)]
pub struct Cluster {
    folder: PathBuf,
    sockets: PathBuf,
    account: Account,
    durability: Durability,
}

impl Cluster {
    /// The server of a folder, which is made if it is missing; its parent must exist, and is made passable for the account
    /// that PostgreSQL runs as.
    ///
    /// # Errors
    /// When the folder cannot be used by the account that PostgreSQL runs as.
    pub fn at(folder: &Path, durability: Durability) -> anyhow::Result<Self> {
        let account = Account::choose()?;
        if let Some(parent) = folder.parent() {
            account.make_passable(parent)?;
        }
        account.make_private_folder(folder)?;
        let folder = folder.canonicalize().with_context(|| format!("cannot read {}", folder.display()))?;
        let sockets = socket_folder(&folder);
        Ok(Self { folder, sockets, account, durability })
    }

    /// The folder to connect through.
    pub fn sockets(&self) -> &Path {
        &self.sockets
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// What PostgreSQL has to say.
    pub fn log(&self) -> PathBuf {
        self.folder.join("log")
    }

    /// Whether a server listens.
    pub fn is_up(&self) -> bool {
        UnixStream::connect(self.sockets.join(format!(".s.PGSQL.{PORT}"))).is_ok()
    }

    /// Makes the data folder if there is none, and starts the server unless it runs already.
    ///
    /// # Errors
    /// When programs are missing, or the server does not come up.
    pub fn start(&self) -> anyhow::Result<()> {
        if self.is_up() {
            return Ok(());
        }
        self.account.make_private_folder(&self.sockets)?;
        let programs = Programs::find(self.major()?)?;
        if !self.data().exists() {
            self.init(&programs)?;
        }
        let deadline = Instant::now() + START_TIME_MAX;
        loop {
            let log_start = fs::metadata(self.log()).map_or(0, |about| about.len());
            if self.launch(&programs, deadline)? {
                return Ok(());
            }
            let said = self.log_since(log_start);
            // The processes of a server that was killed need a moment to notice.
            let lingering =
                said.contains("still in use") || said.contains("lock file \"postmaster.pid\" already exists");
            if !lingering || Instant::now() > deadline {
                bail!("PostgreSQL did not start:\n{}", said.trim_end());
            }
            thread::sleep(Duration::from_millis(500));
        }
    }

    /// The version that made the data, if there is any.
    fn major(&self) -> anyhow::Result<Option<u32>> {
        match fs::read_to_string(self.data().join("PG_VERSION")) {
            Ok(text) => {
                Ok(Some(text.trim().parse().with_context(|| format!("{}: no version", self.data().display()))?))
            }
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(e).with_context(|| format!("cannot read {}", self.data().display())),
        }
    }

    /// Data made half are never taken for whole: they get their name when they are complete.
    fn init(&self, programs: &Programs) -> anyhow::Result<()> {
        let unfinished = self.folder.join("data.unfinished");
        if unfinished.exists() {
            fs::remove_dir_all(&unfinished).with_context(|| format!("cannot remove {}", unfinished.display()))?;
        }
        let mut initdb = programs.command("initdb", &self.account, &self.folder);
        initdb
            .args(["-A", "trust", "-E", "UTF8", "--locale=C", "--data-checksums", "-U", OWNER, "-D"])
            .arg(&unfinished);
        if self.durability == Durability::None {
            initdb.arg("--no-sync");
        }
        let output = initdb.output().context("cannot run initdb")?;
        if !output.status.success() {
            bail!("initdb failed:\n{}", String::from_utf8_lossy(&output.stderr).trim_end());
        }
        fs::rename(&unfinished, self.data()).context("cannot name the new data folder")
    }

    /// Starts the server once; false when it ended instead of listening.
    fn launch(&self, programs: &Programs, deadline: Instant) -> anyhow::Result<bool> {
        let log =
            File::options().create(true).append(true).open(self.log()).context("cannot write the log of PostgreSQL")?;
        let mut server = programs.command("postgres", &self.account, &self.folder);
        server.arg("-D").arg(self.data());
        for (setting, value) in self.settings() {
            server.arg("-c").arg(format!("{setting}={value}"));
        }
        server.stdout(log.try_clone()?).stderr(log);
        let mut server = server.spawn().context("cannot run postgres")?;
        while !self.is_ready() {
            if server.try_wait()?.is_some() {
                return Ok(false);
            }
            if Instant::now() > deadline {
                server.kill().ok();
                bail!(
                    "PostgreSQL did not start in {} s; its log is {}",
                    START_TIME_MAX.as_secs(),
                    self.log().display()
                );
            }
            thread::sleep(POLL);
        }
        // Taken note of when it ends, so that no zombie stays.
        thread::spawn(move || server.wait());
        Ok(true)
    }

    fn settings(&self) -> Vec<(&'static str, String)> {
        let sockets = self.sockets.to_string_lossy().replace('"', "\"\"");
        let mut settings = vec![
            ("listen_addresses", String::new()),
            ("port", PORT.to_string()),
            ("unix_socket_directories", format!("\"{sockets}\"")),
            ("unix_socket_permissions", "0700".to_owned()),
            ("max_connections", "100".to_owned()),
            ("shared_buffers", "256MB".to_owned()),
            ("max_wal_size", "2GB".to_owned()),
        ];
        if self.durability == Durability::None {
            let off = ["fsync", "synchronous_commit", "full_page_writes"];
            settings.extend(off.map(|setting| (setting, "off".to_owned())));
        }
        settings
    }

    /// The server writes `ready` into its pid file when it takes connections.
    fn is_ready(&self) -> bool {
        let pid_file = fs::read_to_string(self.data().join("postmaster.pid")).unwrap_or_default();
        pid_file.lines().nth(7).is_some_and(|status| status.trim() == "ready") && self.is_up()
    }

    /// Stops the server if it runs: sessions are ended, work that was not committed is undone.
    ///
    /// # Errors
    /// When it is still there after a minute.
    pub fn stop(&self) -> anyhow::Result<()> {
        let Some(pid) = self.pid() else { return Ok(()) };
        // One that has only just been started listens soon; a pid file without a listener is what a crash left.
        let soon = Instant::now() + Duration::from_secs(2);
        while !self.is_up() {
            if Instant::now() > soon || self.pid().is_none() {
                return Ok(());
            }
            thread::sleep(POLL);
        }
        rustix::process::kill_process(pid, Signal::INT).context("cannot stop PostgreSQL")?;
        let deadline = Instant::now() + STOP_TIME_MAX;
        while self.pid() == Some(pid) {
            if Instant::now() > deadline {
                bail!("PostgreSQL (process {}) does not stop", pid.as_raw_nonzero());
            }
            thread::sleep(POLL);
        }
        if !self.sockets.starts_with(&self.folder) {
            fs::remove_dir(&self.sockets).ok();
        }
        Ok(())
    }

    /// The process of the server, as long as it runs.
    pub fn pid(&self) -> Option<Pid> {
        let pid_file = fs::read_to_string(self.data().join("postmaster.pid")).ok()?;
        Pid::from_raw(pid_file.lines().next()?.trim().parse().ok()?)
    }

    fn log_since(&self, start: u64) -> String {
        let mut said = String::new();
        if let Ok(mut log) = File::open(self.log()) {
            log.seek(SeekFrom::Start(start)).ok();
            log.take(64 * 1024).read_to_string(&mut said).ok();
        }
        said
    }
}

/// Within the folder of the server where the path is short enough, else one of its own among the temporary files.
fn socket_folder(folder: &Path) -> PathBuf {
    let inside = folder.join("socket");
    if inside.as_os_str().as_bytes().len() <= SOCKET_FOLDER_BYTES_MAX && inside.to_str().is_some() {
        return inside;
    }
    let mut hasher = DefaultHasher::new();
    folder.hash(&mut hasher);
    PathBuf::from(format!("/tmp/mingbai-{:016x}", hasher.finish()))
}
