//! Where the staff key comes from: `MINGBAI_STAFF_KEY`, else a file beside the embedded database, made when it is first
//! needed. It is never in the database, so that a copy of that alone lets nobody in.

use std::env;
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use anyhow::Context as _;
use charging::staff::StaffKey;
use rand::RngCore as _;
use rand::SeedableRng as _;
use rand::rngs::StdRng;

const VARIABLE: &str = "MINGBAI_STAFF_KEY";

/// What a demo with a database of its own takes, where everything is known anyway.
const DEMO: [u8; 32] = *b"the demo has nothing to conceal.";

/// The key; `None`: nobody said one, and the database is elsewhere. `folder` is that of the embedded database.
///
/// # Errors
/// When what was said is no key, or its file can neither be read nor made.
pub fn find(folder: Option<&Path>, demo: bool) -> anyhow::Result<Option<StaffKey>> {
    if let Some(said) = env::var(VARIABLE).ok().filter(|said| !said.is_empty()) {
        return said.parse().map(Some).context(VARIABLE);
    }
    match folder {
        Some(folder) => of_file(&folder.join("staff.key")).map(Some),
        None => Ok(demo.then(|| StaffKey::new(&DEMO))),
    }
}

fn of_file(path: &Path) -> anyhow::Result<StaffKey> {
    match fs::read_to_string(path) {
        Ok(text) => text.parse().with_context(|| format!("{} holds no key", path.display())),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            make(path).with_context(|| format!("cannot make {}", path.display()))?;
            let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
            text.parse().with_context(|| format!("{} holds no key", path.display()))
        }
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}

/// Writes a new key under another name first, so that nobody reads half of it; whoever comes second keeps the first one's.
fn make(path: &Path) -> std::io::Result<()> {
    let mut key = [0; 32];
    StdRng::from_os_rng().fill_bytes(&mut key);
    let whole = path.with_extension(format!("key.{}", std::process::id()));
    let mut file: File = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&whole)?;
    writeln!(file, "{}", hex::encode(key))?;
    file.sync_all()?;
    let linked = fs::hard_link(&whole, path);
    fs::remove_file(&whole)?;
    match linked {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_key_is_made_once_and_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("staff.key");
        of_file(&path).unwrap();
        let first = fs::read_to_string(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        make(&path).unwrap();
        of_file(&path).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), first);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing else is left");
        fs::write(&path, "no key").unwrap();
        assert!(of_file(&path).is_err());
    }
}
