//! Names that are given to others, such as the reference of a charging session.

/// The two parts of `{subscriber}-{32 lower-case hexadecimal digits}`; `None`: it is no such name.
pub(super) fn parts(text: &str) -> Option<(i64, &str)> {
    let (subscriber, id) = text.split_once('-')?;
    let is_id = id.len() == 32 && id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    Some((subscriber.parse().ok()?, id)).filter(|_| is_id)
}
