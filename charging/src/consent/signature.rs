//! 手写签名 What was drawn on the screen: lines of points, from which the server draws every image.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The field that is signed on, in units of which a point is a whole number.
pub const FIELD_WIDTH: u16 = 600;
/// See [`FIELD_WIDTH`].
pub const FIELD_HEIGHT: u16 = 240;
/// Most lines of a signature.
pub const STROKES_MAX: usize = 200;
/// Most points of all its lines.
pub const POINTS_MAX: usize = 5_000;
/// Longest text of a signature, in bytes.
pub const STROKES_BYTES_MAX: usize = 64 * 1024;
/// A signature is at least so wide or high, in units: a dot or a slip of the finger is none.
const EXTENT_MIN: u16 = 40;
/// … and its lines together at least so long.
const LENGTH_MIN: f64 = 120.0;
/// Longest name that is typed as a signature, in characters.
const NAME_CHARS_MAX: usize = 100;

/// How a request was signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Signature {
    /// Drawn on the screen, together with the code of the request.
    Drawn(Strokes),
    /// The registered name, typed, together with the code of the request.
    Typed(String),
}

/// Lines of points, each line as x, y, x, y, … in units of the field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Strokes(Vec<Vec<u16>>);

/// What is not a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StrokesError {
    #[error("the signature cannot be read")]
    Unreadable,
    #[error("the signature has more than {STROKES_MAX} lines or {POINTS_MAX} points")]
    TooLong,
    #[error("the signature leaves its field")]
    Outside,
    #[error("the signature is too small to be one")]
    TooSmall,
}

impl Strokes {
    /// Reads what a browser sent, `[[x, y, x, y, …], …]`.
    ///
    /// # Errors
    /// When it is not that, too long, outside the field, or too small to be a signature.
    pub fn read(text: &str) -> Result<Self, StrokesError> {
        if text.len() > STROKES_BYTES_MAX {
            return Err(StrokesError::TooLong);
        }
        let strokes: Self = serde_json::from_str(text).map_err(|_| StrokesError::Unreadable)?;
        if strokes.0.iter().any(|line| line.is_empty() || line.len() % 2 != 0) {
            return Err(StrokesError::Unreadable);
        }
        if strokes.0.len() > STROKES_MAX || strokes.points().count() > POINTS_MAX {
            return Err(StrokesError::TooLong);
        }
        if strokes.points().any(|(x, y)| x > FIELD_WIDTH || y > FIELD_HEIGHT) {
            return Err(StrokesError::Outside);
        }
        let extent = |of: fn((u16, u16)) -> u16| {
            let (low, high) = (strokes.points().map(of).min(), strokes.points().map(of).max());
            high.zip(low).map_or(0, |(high, low)| high - low)
        };
        if extent(|point| point.0).max(extent(|point| point.1)) < EXTENT_MIN || strokes.length() < LENGTH_MIN {
            return Err(StrokesError::TooSmall);
        }
        Ok(strokes)
    }

    /// The bytes that are stored, and whose digest is in the evidence: the same lines always give the same.
    #[expect(clippy::missing_panics_doc, reason = "numbers can always be written")]
    pub fn canonical(&self) -> String {
        serde_json::to_string(self).expect("numbers can always be written")
    }

    /// SHA-256 of [`Self::canonical`].
    pub fn digest(&self) -> [u8; 32] {
        Sha256::digest(self.canonical()).into()
    }

    /// The points of each line.
    pub fn lines(&self) -> impl Iterator<Item = Vec<(u16, u16)>> {
        self.0.iter().map(|line| pairs(line).collect())
    }

    /// The data of an SVG `path` that draws it, on a field of [`FIELD_WIDTH`] by [`FIELD_HEIGHT`].
    pub fn svg_path(&self) -> String {
        self.lines().fold(String::new(), |mut path, line| {
            for (i, (x, y)) in line.iter().enumerate() {
                // Writing to a text cannot fail.
                let _ = write!(path, "{}{x} {y}", if i == 0 { 'M' } else { 'L' });
            }
            if let [(x, y)] = line[..] {
                let _ = write!(path, "L{x} {y}");
            }
            path
        })
    }

    fn points(&self) -> impl Iterator<Item = (u16, u16)> {
        self.0.iter().flat_map(|line| pairs(line))
    }

    fn length(&self) -> f64 {
        let step = |pair: &[(u16, u16)]| {
            let (a, b) = (pair[0], pair[1]);
            (f64::from(a.0) - f64::from(b.0)).hypot(f64::from(a.1) - f64::from(b.1))
        };
        self.lines().map(|line| line.windows(2).map(step).sum::<f64>()).sum()
    }
}

fn pairs(line: &[u16]) -> impl Iterator<Item = (u16, u16)> {
    line.chunks_exact(2).map(|pair| (pair[0], pair[1]))
}

/// Whether a typed name is the registered one: spaces and the case of letters do not matter.
pub fn is_same_name(typed: &str, registered: &str) -> bool {
    let plain = |name: &str| -> String {
        name.chars().filter(|c| !c.is_whitespace() && *c != '·').flat_map(char::to_lowercase).collect()
    };
    typed.chars().count() <= NAME_CHARS_MAX && !plain(typed).is_empty() && plain(typed) == plain(registered)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DRAWN: &str = "[[10,20,110,120,200,30],[300,100,301,101]]";

    #[test]
    fn lines_are_read_and_written_the_same() {
        let strokes = Strokes::read(" [ [10, 20,110,120,200,30 ],[300,100,301,101]]").unwrap();
        assert_eq!(strokes.canonical(), DRAWN);
        assert_eq!(strokes.digest(), Strokes::read(DRAWN).unwrap().digest());
        assert_eq!(strokes.svg_path(), "M10 20L110 120L200 30M300 100L301 101");
        let dotted = Strokes::read("[[10,20,210,120],[5,5]]").unwrap();
        assert_eq!(dotted.svg_path(), "M10 20L210 120M5 5L5 5", "a dot is drawn");
    }

    #[test]
    fn what_is_no_signature_is_refused() {
        let many_points = format!("[[{}]]", vec!["1,1"; POINTS_MAX + 1].join(","));
        let many_lines = format!("[{}]", vec!["[1,1]"; STROKES_MAX + 1].join(","));
        for (text, error) in [
            ("", StrokesError::Unreadable),
            ("x", StrokesError::Unreadable),
            ("[[1,2,3]]", StrokesError::Unreadable),
            ("[[]]", StrokesError::Unreadable),
            ("[[-1,2]]", StrokesError::Unreadable),
            ("[[1.5,2]]", StrokesError::Unreadable),
            ("[[70000,2]]", StrokesError::Unreadable),
            ("{\"a\":1}", StrokesError::Unreadable),
            ("[[601,0,0,0]]", StrokesError::Outside),
            ("[[0,241,0,0]]", StrokesError::Outside),
            ("[]", StrokesError::TooSmall),
            ("[[5,5]]", StrokesError::TooSmall),
            ("[[0,0,30,0]]", StrokesError::TooSmall),
            ("[[0,0,100,0]]", StrokesError::TooSmall),
            (&many_points, StrokesError::TooLong),
            (&many_lines, StrokesError::TooLong),
            (&" ".repeat(STROKES_BYTES_MAX + 1), StrokesError::TooLong),
        ] {
            assert_eq!(Strokes::read(text).unwrap_err(), error, "{text:.60}");
        }
    }

    #[test]
    fn a_name_is_the_same_however_it_is_spaced() {
        assert!(is_same_name(" 张 三 ", "张三"));
        assert!(is_same_name("li wei", "Li Wei"));
        assert!(is_same_name("阿依古丽买买提", "阿依古丽·买买提"));
        for other in ["", " ", "张", "张三丰", "李四", "·"] {
            assert!(!is_same_name(other, "张三"), "{other}");
        }
        assert!(!is_same_name("", ""), "nobody signs with nothing");
    }
}
