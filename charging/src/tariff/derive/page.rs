//! A text from which what is understood is taken out piece by piece.

use std::ops::Range;

use regex::Regex;

/// Stands in `left` for each byte that was taken.
const TAKEN: char = '#';

/// Displayed texts, folded (half width, lower case, no blanks, no HTML tags), with the way back to the original.
#[derive(Debug)]
pub(super) struct Page {
    original: String,
    folded: String,
    /// For each byte of `folded`, the offset in `original`.
    origin: Vec<usize>,
    /// `folded`, with `#` for what was taken.
    left: String,
}

/// A piece that was taken.
#[derive(Debug)]
pub(super) struct Piece {
    /// Within its last character, where the figure is.
    place: usize,
    groups: Vec<Option<String>>,
}

impl Piece {
    pub(super) fn group(&self, n: usize) -> &str {
        self.groups.get(n).and_then(Option::as_deref).unwrap_or_default()
    }
}

impl Page {
    pub(super) fn new(texts: &[&str]) -> Self {
        let original = texts.join("\n");
        let (mut folded, mut origin) = (String::new(), Vec::new());
        let mut in_tag = false;
        for (offset, c) in original.char_indices() {
            let rest = &original[offset..];
            if c == '<' && rest[1..].starts_with(|next: char| next.is_ascii_alphabetic() || next == '/') {
                in_tag = true;
            }
            if !in_tag && (c == '\n' || !is_blank(c)) {
                let before = folded.len();
                folded.push_str(&super::super::fold(&c.to_string()));
                origin.extend(std::iter::repeat_n(offset, folded.len() - before));
            }
            if c == '>' {
                in_tag = false;
            }
        }
        let left = folded.clone();
        Self { original, folded, origin, left }
    }

    /// Takes every match out of what is left.
    pub(super) fn take(&mut self, pattern: &Regex) -> Vec<Piece> {
        self.take_where(pattern, |_| true)
    }

    /// Takes those matches out of what is left that a test lets pass.
    pub(super) fn take_where(&mut self, pattern: &Regex, test: impl Fn(&str) -> bool) -> Vec<Piece> {
        let mut left = self.left.clone().into_bytes();
        let mut pieces = Vec::new();
        for captures in pattern.captures_iter(&self.left) {
            let whole = captures.get(0).filter(|whole| !whole.is_empty() && test(whole.as_str()));
            let cuts_figure = captures.iter().flatten().any(|group| self.cuts_figure(group.range()));
            let Some(whole) = whole.filter(|_| !cuts_figure) else { continue };
            left[whole.range()].fill(TAKEN as u8);
            let groups = captures.iter().map(|group| group.map(|group| group.as_str().to_owned())).collect();
            pieces.push(Piece { place: whole.end() - 1, groups });
        }
        self.left = String::from_utf8(left).expect("whole characters are replaced by ASCII");
        pieces
    }

    /// Takes only the first group of each match.
    pub(super) fn take_group(&mut self, pattern: &Regex) {
        let mut left = self.left.clone().into_bytes();
        for group in pattern.captures_iter(&self.left).filter_map(|captures| captures.get(1)) {
            left[group.range()].fill(TAKEN as u8);
        }
        self.left = String::from_utf8(left).expect("whole characters are replaced by ASCII");
    }

    /// Whether a piece begins or ends within a figure, as `15` in `0.15` does.
    fn cuts_figure(&self, piece: Range<usize>) -> bool {
        let bytes = self.folded.as_bytes();
        let digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
        let point = |at: usize| bytes.get(at) == Some(&b'.');
        let first = digit(piece.start)
            && piece
                .start
                .checked_sub(1)
                .is_some_and(|before| digit(before) || (point(before) && before.checked_sub(1).is_some_and(digit)));
        let last = piece.end.checked_sub(1).is_some_and(digit)
            && (digit(piece.end) || (point(piece.end) && digit(piece.end + 1)));
        !piece.is_empty() && (first || last)
    }

    /// What is not taken yet.
    pub(super) fn left(&self) -> &str {
        &self.left
    }

    /// All of it, folded.
    pub(super) fn folded(&self) -> &str {
        &self.folded
    }

    /// The sentence around a piece, word for word.
    pub(super) fn sentence(&self, piece: &Piece) -> String {
        self.sentence_at(piece.place)
    }

    /// The sentence around a byte of `folded`, word for word.
    pub(super) fn sentence_at(&self, place: usize) -> String {
        let is_end = |c: char| matches!(c, '。' | ';' | '\n' | '!');
        let place = self.folded.floor_char_boundary(place);
        let before = &self.folded[..place];
        let start = before.rfind(is_end).map_or(0, |end| end + before[end..].chars().next().map_or(0, char::len_utf8));
        let length = self.folded[start..].find(is_end).unwrap_or(self.folded.len() - start);
        let origin = |place: usize| self.origin.get(place).copied().unwrap_or(self.original.len());
        self.original[origin(start)..origin(start + length)].trim().to_owned()
    }
}

fn is_blank(c: char) -> bool {
    c.is_whitespace() || c.is_control() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_is_never_cut() {
        let mut page = Page::new(&["主叫:0.15元/分钟,1.含5元"]);
        assert!(page.take(&Regex::new("15元").unwrap()).is_empty());
        assert!(page.take(&Regex::new(":0").unwrap()).is_empty());
        assert_eq!(page.take(&Regex::new("([0-9])元").unwrap())[0].group(1), "5");
    }

    #[test]
    fn a_sentence_is_kept_word_for_word() {
        let mut page = Page::new(&["<p>包含 来电显示。每月 ５ＧＢ 流量；其他</p>"]);
        assert_eq!(page.folded(), "包含来电显示。每月5gb流量;其他");
        let pieces = page.take(&Regex::new("([0-9]+)gb").unwrap());
        assert_eq!(pieces[0].group(1), "5");
        assert_eq!(page.sentence(&pieces[0]), "每月 ５ＧＢ 流量");
        assert_eq!(page.left(), "包含来电显示。每月###流量;其他");
    }
}
