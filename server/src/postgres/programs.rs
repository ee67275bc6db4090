//! Where PostgreSQL's programs are, and as whom they run.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};

/// The oldest PostgreSQL that the schema works on.
const MAJOR_MIN: u32 = 15;

/// A folder with `postgres` and `initdb` of one version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Programs {
    bin: PathBuf,
    pub major: u32,
}

impl Programs {
    /// Finds the newest programs, or those of the version that made an existing database.
    /// They are looked for in `PG_BIN` alone if it is set, else in `PATH`, where Debian puts them, and where Homebrew does.
    ///
    /// # Errors
    /// When there are none; the message says how to get them.
    pub fn find(major_wanted: Option<u32>) -> anyhow::Result<Self> {
        let mut found: Vec<Self> = folders().into_iter().filter_map(Self::in_folder).collect();
        found.retain(|programs| programs.major >= MAJOR_MIN);
        if let Some(major) = major_wanted {
            return found.into_iter().find(|programs| programs.major == major).with_context(|| {
                format!("the database was made by PostgreSQL {major}, whose programs are not here; set PG_BIN to their folder")
            });
        }
        // The first of the newest, in the order of the folders.
        found.into_iter().rev().max_by_key(|programs| programs.major).with_context(|| {
            format!(
                "no programs of PostgreSQL {MAJOR_MIN} or newer found: install them (Debian: `apt-get install postgresql`, \
                 macOS: `brew install postgresql`), set PG_BIN to their folder, or set DATABASE_URL to use a running server"
            )
        })
    }

    /// The programs of a folder, which may hold links to where they all are.
    fn in_folder(folder: PathBuf) -> Option<Self> {
        let postgres = folder.join("postgres").canonicalize().ok()?;
        let bin = postgres.parent()?.to_owned();
        let version = Command::new(postgres).arg("--version").stdin(Stdio::null()).output().ok()?;
        let version = String::from_utf8(version.stdout).ok()?;
        let major = version.split_whitespace().find_map(|word| word.split('.').next()?.parse().ok())?;
        bin.join("initdb").exists().then_some(Self { bin, major })
    }

    /// A command for one of the programs, which runs as `account` in `folder`, out of reach of the terminal's signals.
    pub fn command(&self, program: &str, account: &Account, folder: &Path) -> Command {
        use std::os::unix::process::CommandExt as _;

        let mut command = Command::new(self.bin.join(program));
        command.current_dir(folder).stdin(Stdio::null()).process_group(0).env_remove("PGDATA").env("LC_ALL", "C");
        if let Some((uid, gid)) = account.ids {
            command.uid(uid).gid(gid);
        }
        command
    }
}

fn folders() -> Vec<PathBuf> {
    if let Some(bin) = env::var_os("PG_BIN") {
        return vec![PathBuf::from(bin)];
    }
    let mut folders: Vec<PathBuf> =
        env::var_os("PATH").map(|path| env::split_paths(&path).collect()).unwrap_or_default();
    for parent in ["/usr/lib/postgresql", "/opt/homebrew/opt", "/usr/local/opt"] {
        let entries = fs::read_dir(parent).into_iter().flatten().flatten();
        folders.extend(entries.map(|entry| entry.path().join("bin")));
    }
    folders.retain(|folder| folder.join("postgres").is_file());
    folders
}

/// Whom the database belongs to: PostgreSQL refuses to run as root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// User and group to drop to; `None` when the process is not root and stays who it is.
    pub ids: Option<(u32, u32)>,
    pub name: String,
}

impl Account {
    /// `postgres` for root, else `nobody`; whoever runs the process otherwise.
    ///
    /// # Errors
    /// When root finds neither account.
    pub fn choose() -> anyhow::Result<Self> {
        if !rustix::process::geteuid().is_root() {
            return Ok(Self { ids: None, name: "the current user".to_owned() });
        }
        for name in ["postgres", "nobody"] {
            if let (Some(uid), Some(gid)) = (id("-u", name), id("-g", name)) {
                return Ok(Self { ids: Some((uid, gid)), name: name.to_owned() });
            }
        }
        bail!("PostgreSQL does not run as root, and there is no account `postgres` or `nobody` to run it as")
    }

    /// Lets the account pass through a folder of root's own, as it must to get to what lies in it.
    ///
    /// # Errors
    /// When its mode cannot be changed.
    pub fn make_passable(&self, folder: &Path) -> anyhow::Result<()> {
        use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

        let about = fs::metadata(folder).with_context(|| format!("cannot read {}", folder.display()))?;
        let home = env::var_os("HOME").is_some_and(|home| Path::new(&home) == folder);
        let mode = about.permissions().mode();
        if self.ids.is_some() && about.uid() == 0 && mode & 0o001 == 0 && !home {
            let passable = fs::Permissions::from_mode(mode | 0o011);
            fs::set_permissions(folder, passable).with_context(|| format!("cannot open {}", folder.display()))?;
        }
        Ok(())
    }

    /// Makes a folder that only this account (and root) can enter.
    ///
    /// # Errors
    /// When it cannot be made, belongs to someone else, or the account cannot get there.
    pub fn make_private_folder(&self, folder: &Path) -> anyhow::Result<()> {
        use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};

        let shown = folder.display();
        if !folder.exists() {
            fs::DirBuilder::new().mode(0o700).create(folder).with_context(|| format!("cannot make {shown}"))?;
            if let Some((uid, gid)) = self.ids {
                std::os::unix::fs::chown(folder, Some(uid), Some(gid))
                    .with_context(|| format!("cannot hand over {shown}"))?;
            }
        }
        let about = fs::symlink_metadata(folder).with_context(|| format!("cannot read {shown}"))?;
        let owner = self.ids.map_or_else(|| rustix::process::geteuid().as_raw(), |(uid, _)| uid);
        if !about.is_dir() || about.uid() != owner {
            bail!("{shown} does not belong to {}: choose another MINGBAI_DATA_DIR", self.name);
        }
        if about.permissions().mode() & 0o077 != 0 {
            fs::set_permissions(folder, fs::Permissions::from_mode(0o700))
                .with_context(|| format!("cannot close {shown}"))?;
        }
        self.check_reach(folder)
    }

    /// Root can be anywhere; the account it drops to cannot.
    fn check_reach(&self, folder: &Path) -> anyhow::Result<()> {
        use std::os::unix::process::CommandExt as _;

        let Some((uid, gid)) = self.ids else { return Ok(()) };
        let mut probe = Command::new("/bin/sh");
        probe.args(["-c", "cd \"$0\""]).arg(folder).current_dir("/").uid(uid).gid(gid);
        if !probe.stdin(Stdio::null()).stderr(Stdio::null()).status().context("cannot run /bin/sh")?.success() {
            bail!("the account {} cannot reach {}: choose a MINGBAI_DATA_DIR that it can", self.name, folder.display());
        }
        Ok(())
    }
}

fn id(which: &str, name: &str) -> Option<u32> {
    let output = Command::new("id").args([which, name]).stderr(Stdio::null()).output().ok()?;
    String::from_utf8(output.stdout).ok()?.trim().parse().ok()
}
