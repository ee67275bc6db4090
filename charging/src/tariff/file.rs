//! Tariff files of any size, read element by element.
//!
//! Both formats are one JSON object that holds an array; the array is never held in memory as a whole.

use std::cell::Cell;
use std::fmt;
use std::io::{self, BufRead, BufReader, Read};
use std::ops::ControlFlow;
use std::rc::Rc;

use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::store::Publication;
use super::{operator_format, own_format};

/// The largest element, in bytes.
pub const ELEMENT_BYTES_MAX: u64 = 1024 * 1024;

/// An element of a tariff file.
#[derive(Clone, Debug)]
pub struct Element {
    /// Its place in the array, from 1.
    pub number: u64,
    /// As it stands in the file.
    pub text: String,
    /// What it publishes, or why it cannot.
    pub parsed: Result<Publication, String>,
}

/// Why a file could not be read to its end. What came before went in.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    #[error("the file cannot be read")]
    Io(#[from] io::Error),
    #[error("the file is broken: {0}")]
    Broken(serde_json::Error),
}

/// Reads a file of either format and hands over its elements one by one, until `each` breaks off.
///
/// # Errors
/// When the file cannot be read, is no JSON, holds too large an element, or is no tariff file.
pub fn read_tariffs(reader: impl Read, each: &mut dyn FnMut(Element) -> ControlFlow<()>) -> Result<(), FileError> {
    let mut reader = BufReader::with_capacity(256 * 1024, reader);
    if reader.fill_buf()?.starts_with("\u{feff}".as_bytes()) {
        reader.consume("\u{feff}".len());
    }
    let budget = Rc::new(Cell::new(ELEMENT_BYTES_MAX));
    let limited = Limited { inner: reader, budget: Rc::clone(&budget) };
    let mut json = serde_json::Deserializer::from_reader(limited);
    let mut stopped = false;
    let read = json.deserialize_map(File { each, budget, stopped: &mut stopped });
    if stopped {
        return Ok(());
    }
    read.and_then(|()| json.end()).map_err(FileError::Broken)
}

/// Fails when more is read than one element may hold.
struct Limited<R> {
    inner: R,
    budget: Rc<Cell<u64>>,
}

impl<R: Read> Read for Limited<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.budget.get();
        if left == 0 {
            return Err(io::Error::other(format!("an element is larger than {ELEMENT_BYTES_MAX} bytes")));
        }
        let room = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        let count = self.inner.read(&mut buffer[..room])?;
        self.budget.set(left - count as u64);
        Ok(count)
    }
}

struct File<'a> {
    each: &'a mut dyn FnMut(Element) -> ControlFlow<()>,
    budget: Rc<Cell<u64>>,
    stopped: &'a mut bool,
}

impl<'de> Visitor<'de> for File<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a tariff file: an object with `tariffs` or `plans`")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        let (mut format, mut operator, mut found) = (None, None, None);
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "format" => {
                    let value: String = map.next_value()?;
                    if value != own_format::FORMAT {
                        return Err(A::Error::custom(format!("format `{value}` is not `{}`", own_format::FORMAT)));
                    }
                    format = Some(value);
                }
                "operator" => operator = Some(map.next_value::<String>()?),
                "tariffs" | "plans" => {
                    if found.is_some() {
                        return Err(A::Error::custom("`tariffs` or `plans` may stand there once"));
                    }
                    let is_own = key == "tariffs";
                    found = Some(is_own);
                    let operator = operator.as_deref();
                    map.next_value_seed(Elements { file: &mut self, is_own, operator })?;
                }
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        match (found, format) {
            (None, _) => Err(A::Error::custom("no tariff file: neither `tariffs` nor `plans` is there")),
            (Some(true), None) => Err(A::Error::custom(format!("`format` must be `{}`", own_format::FORMAT))),
            _ => Ok(()),
        }
    }
}

struct Elements<'a, 'b> {
    file: &'a mut File<'b>,
    is_own: bool,
    operator: Option<&'a str>,
}

impl<'de> DeserializeSeed<'de> for Elements<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Elements<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of tariffs")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let mut number = 0;
        self.file.budget.set(ELEMENT_BYTES_MAX);
        while let Some(raw) = seq.next_element::<Box<RawValue>>()? {
            self.file.budget.set(ELEMENT_BYTES_MAX);
            number += 1;
            let text = raw.get().to_owned();
            let parsed = if self.is_own {
                own_format::parse(&text).map(Publication::from)
            } else {
                operator_format::parse(&text, self.operator).map(Publication::from)
            };
            if (self.file.each)(Element { number, text, parsed }).is_break() {
                *self.file.stopped = true;
                return Err(A::Error::custom("stopped"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Vec<Element>, Result<(), FileError>) {
        let mut elements = Vec::new();
        let result = read_tariffs(text.as_bytes(), &mut |element| {
            elements.push(element);
            ControlFlow::Continue(())
        });
        (elements, result)
    }

    #[test]
    fn bad_elements_do_not_stop_the_others() {
        let text = r#"{"format":"mingbai-tariffs/1","made_by":{"any":[1]},"tariffs":[{"name":"x"}, 5, {}]}"#;
        let (elements, result) = read(text);
        result.unwrap();
        assert_eq!(elements.iter().map(|element| element.number).collect::<Vec<_>>(), [1, 2, 3]);
        assert_eq!(elements[0].text, r#"{"name":"x"}"#);
        assert!(elements.iter().all(|element| element.parsed.is_err()));
    }

    #[test]
    fn a_broken_file_tells_where_and_keeps_what_came_before() {
        let (elements, result) = read("\u{feff}{\"plans\":[{},\n{},{\"a\":]}");
        assert_eq!(elements.len(), 2);
        assert!(result.unwrap_err().to_string().contains("line 2"));
    }

    #[test]
    fn other_files_are_refused() {
        for (text, reason) in [
            ("[]", "a tariff file"),
            ("", "EOF"),
            ("{}", "neither"),
            (r#"{"format":"other/1","tariffs":[]}"#, "other/1"),
            (r#"{"tariffs":[]}"#, "format"),
            (r#"{"plans":[],"plans":[]}"#, "once"),
            (r#"{"plans":[]} x"#, "trailing"),
        ] {
            let (_, result) = read(text);
            let refused = result.unwrap_err().to_string();
            assert!(refused.contains(reason), "{text}: {refused}");
        }
    }

    #[test]
    fn an_element_has_a_limit() {
        let text = format!(r#"{{"plans":[{{"name":"{}"}}]}}"#, "x".repeat(2 * 1024 * 1024));
        let (elements, result) = read(&text);
        assert!(elements.is_empty());
        assert!(result.unwrap_err().to_string().contains("larger than"));
    }

    #[test]
    fn reading_can_be_broken_off() {
        let mut count = 0;
        let result = read_tariffs(br#"{"plans":[1,2,3]}"#.as_slice(), &mut |_| {
            count += 1;
            ControlFlow::Break(())
        });
        assert!(result.is_ok());
        assert_eq!(count, 1);
    }
}
