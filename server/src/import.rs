//! What every import shares: lines in constant memory, rejected lines kept with their reason, and the tally.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

/// The longest line that is read, in bytes.
pub const LINE_BYTES_MAX: usize = 1024 * 1024;

/// How much of a line that is too long or no text is shown in the rejected file, in bytes.
const LINE_BYTES_SHOWN: usize = 1024;

/// What became of the records read: `read = accepted + unchanged + rejected`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub read: u64,
    pub accepted: u64,
    pub unchanged: u64,
    pub rejected: u64,
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { read, accepted, unchanged, rejected } = self;
        write!(f, "read {read}, accepted {accepted}, unchanged {unchanged}, rejected {rejected}")
    }
}

impl std::ops::AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.read += other.read;
        self.accepted += other.accepted;
        self.unchanged += other.unchanged;
        self.rejected += other.rejected;
    }
}

/// A line of a file, without its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Counted from 1.
    pub number: u64,
    pub text: String,
}

/// The file `FILE.rejected.ndjson` beside an imported file: made with the first rejected record, absent when there is none.
#[derive(Debug)]
pub struct Rejected {
    path: PathBuf,
    file: Option<BufWriter<File>>,
}

#[derive(Serialize)]
struct RejectedLine<'a> {
    line: u64,
    reason: &'a str,
    input: &'a str,
}

impl Rejected {
    /// Removes what an earlier import of the same file left.
    ///
    /// # Errors
    /// When the earlier file cannot be removed.
    pub fn beside(imported: &Path) -> anyhow::Result<Self> {
        let mut name = imported.as_os_str().to_owned();
        name.push(".rejected.ndjson");
        let path = PathBuf::from(name);
        match fs::remove_file(&path) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => {
                Err(e).with_context(|| format!("cannot remove {}", path.display()))
            }
            _ => Ok(Self { path, file: None }),
        }
    }

    /// Keeps one record with the reason why it was refused.
    ///
    /// # Errors
    /// When neither the folder of the imported file nor the current one can be written to.
    pub fn write(&mut self, line: u64, reason: &str, input: &str) -> anyhow::Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(create(&mut self.path)?),
        };
        serde_json::to_writer(&mut *file, &RejectedLine { line, reason, input })?;
        file.write_all(b"\n")?;
        Ok(())
    }

    /// Where the rejected records are, if there are any.
    ///
    /// # Errors
    /// When the last of them cannot be written.
    pub fn finish(mut self) -> anyhow::Result<Option<PathBuf>> {
        match self.file.take() {
            Some(mut file) => {
                file.flush().with_context(|| format!("cannot write {}", self.path.display()))?;
                Ok(Some(self.path))
            }
            None => Ok(None),
        }
    }
}

/// Beside the imported file, or in the current folder where that one is read-only.
fn create(path: &mut PathBuf) -> anyhow::Result<BufWriter<File>> {
    if let Ok(file) = File::create(&*path) {
        return Ok(BufWriter::new(file));
    }
    if let Some(name) = path.file_name() {
        *path = PathBuf::from(name);
    }
    let file = File::create(&*path).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(BufWriter::new(file))
}

/// An import of a file of lines (NDJSON), line by line in constant memory.
#[derive(Debug)]
pub struct Import {
    lines: BufReader<File>,
    number: u64,
    /// Read so far, in bytes.
    bytes: u64,
    rejected: Rejected,
    tally: Tally,
    progress: ProgressBar,
}

impl Import {
    /// # Errors
    /// When the file cannot be opened.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
        let bytes = file.metadata().with_context(|| format!("cannot read {}", path.display()))?.len();
        Ok(Self {
            lines: BufReader::with_capacity(256 * 1024, file),
            number: 0,
            bytes: 0,
            rejected: Rejected::beside(path)?,
            tally: Tally::default(),
            progress: progress(bytes),
        })
    }

    /// The next line that is text; blank lines are skipped, and lines that are too long or no UTF-8 are rejected here.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn next_line(&mut self) -> anyhow::Result<Option<Line>> {
        let mut bytes = Vec::new();
        loop {
            bytes.clear();
            let length = self.read_line(&mut bytes)?;
            if length == 0 {
                return Ok(None);
            }
            self.number += 1;
            self.bytes += length;
            let content = bytes.trim_ascii();
            if content.is_empty() {
                continue;
            }
            self.tally.read += 1;
            let reason = match std::str::from_utf8(content) {
                _ if length > LINE_BYTES_MAX as u64 + 1 => "the line is longer than 1 MiB",
                Ok(text) => {
                    let text = text.trim_start_matches('\u{feff}').to_owned();
                    return Ok(Some(Line { number: self.number, text }));
                }
                Err(_) => "the line is not UTF-8",
            };
            let shown = String::from_utf8_lossy(&content[..content.len().min(LINE_BYTES_SHOWN)]).into_owned();
            self.reject(&Line { number: self.number, text: shown }, reason)?;
        }
    }

    /// Reads one line of which at most `LINE_BYTES_MAX` and one more bytes are kept; returns its whole length in bytes.
    fn read_line(&mut self, bytes: &mut Vec<u8>) -> anyhow::Result<u64> {
        let kept = (&mut self.lines).take(LINE_BYTES_MAX as u64 + 1).read_until(b'\n', bytes)? as u64;
        if kept <= LINE_BYTES_MAX as u64 || bytes.ends_with(b"\n") {
            return Ok(kept);
        }
        Ok(kept + self.lines.skip_until(b'\n')? as u64)
    }

    /// Counts records that went in.
    pub fn accept(&mut self, records: u64) {
        self.tally.accepted += records;
        self.show();
    }

    /// Counts records that were there already.
    pub fn unchanged(&mut self, records: u64) {
        self.tally.unchanged += records;
        self.show();
    }

    /// Keeps a line with the reason why it was refused, and counts it.
    ///
    /// # Errors
    /// When the rejected file cannot be written.
    pub fn reject(&mut self, line: &Line, reason: &str) -> anyhow::Result<()> {
        self.tally.rejected += 1;
        self.show();
        self.rejected.write(line.number, reason, &line.text)
    }

    /// Moves the bar with what is done: reading runs ahead of it by many records.
    fn show(&self) {
        let Tally { read, accepted, unchanged, rejected } = self.tally;
        let done = u128::from(self.bytes) * u128::from(accepted + unchanged + rejected) / u128::from(read.max(1));
        self.progress.set_position(u64::try_from(done).unwrap_or(self.bytes));
    }

    /// Ends the import: tells where rejected lines are, and returns the tally.
    ///
    /// # Errors
    /// When the rejected file cannot be written.
    pub fn finish(self) -> anyhow::Result<Tally> {
        self.progress.finish_and_clear();
        if let Some(path) = self.rejected.finish()? {
            eprintln!("rejected lines, each with its reason: {}", path.display());
        }
        Ok(self.tally)
    }
}

/// A bar of bytes on stderr; it draws on a terminal only.
pub fn progress(bytes: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:32} {bytes}/{total_bytes} {eta}")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(bytes).with_style(style)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn import(content: &[u8]) -> (tempfile::TempDir, Import) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("in.ndjson");
        fs::write(&path, content).unwrap();
        let import = Import::open(&path).unwrap();
        (folder, import)
    }

    fn rejected(folder: &tempfile::TempDir) -> Vec<serde_json::Value> {
        let text = fs::read_to_string(folder.path().join("in.ndjson.rejected.ndjson")).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn lines_keep_their_numbers_and_blank_ones_do_not_count() {
        let (folder, mut import) = import("\u{feff}{\"a\":1}\r\n\n  \n明白".as_bytes());
        assert_eq!(import.next_line().unwrap(), Some(Line { number: 1, text: "{\"a\":1}".to_owned() }));
        let line = import.next_line().unwrap().unwrap();
        assert_eq!((line.number, line.text.as_str()), (4, "明白"));
        assert_eq!(import.next_line().unwrap(), None);
        import.accept(1);
        import.reject(&line, "no JSON").unwrap();
        assert_eq!(import.finish().unwrap().to_string(), "read 2, accepted 1, unchanged 0, rejected 1");
        assert_eq!(rejected(&folder), [serde_json::json!({"line": 4, "reason": "no JSON", "input": "明白"})]);
    }

    #[test]
    fn lines_too_long_or_not_text_are_rejected_and_the_others_read() {
        let mut content = vec![b'x'; LINE_BYTES_MAX];
        content.extend_from_slice(b"\n");
        content.extend(std::iter::repeat_n(b'y', 3 * LINE_BYTES_MAX));
        content.extend_from_slice(b"\n\xff\xfe\nlast\n");
        let (folder, mut import) = import(&content);
        assert_eq!(import.next_line().unwrap().unwrap().text.len(), LINE_BYTES_MAX);
        assert_eq!(import.next_line().unwrap(), Some(Line { number: 4, text: "last".to_owned() }));
        assert_eq!(import.next_line().unwrap(), None);
        import.unchanged(2);
        assert_eq!(import.finish().unwrap(), Tally { read: 4, accepted: 0, unchanged: 2, rejected: 2 });
        let rejected = rejected(&folder);
        assert_eq!(rejected[0]["line"], 2);
        assert_eq!(rejected[0]["reason"], "the line is longer than 1 MiB");
        assert_eq!(rejected[1]["reason"], "the line is not UTF-8");
    }

    #[test]
    fn a_clean_import_leaves_no_rejected_file() {
        let (folder, first) = import(b"one\n");
        let path = folder.path().join("in.ndjson");
        let mut first = first;
        let line = first.next_line().unwrap().unwrap();
        first.reject(&line, "bad").unwrap();
        first.finish().unwrap();
        let mut second = Import::open(&path).unwrap();
        assert!(second.next_line().unwrap().is_some());
        second.accept(1);
        second.finish().unwrap();
        assert!(!folder.path().join("in.ndjson.rejected.ndjson").exists());
    }
}
