//! The one font of slips: which glyphs it has, how wide they are, and where a line breaks.

use std::sync::LazyLock;

use krilla::text::{Font, GlyphId, KrillaGlyph};
use skrifa::instance::{LocationRef, Size};
use skrifa::metrics::GlyphMetrics;
use skrifa::{FontRef, MetadataProvider as _};
use unicode_linebreak::{BreakOpportunity, linebreaks};

/// Noto Sans SC with the common characters; see `fonts/README.md`.
static FILE: &[u8] = include_bytes!("../../fonts/NotoSansSC-slip.ttf");

static FACE: LazyLock<Option<Face>> = LazyLock::new(Face::read);

/// The font, read once.
pub struct Face {
    pub font: Font,
    charmap: skrifa::charmap::Charmap<'static>,
    metrics: GlyphMetrics<'static>,
}

impl Face {
    /// `None`: the file that was built in is no font.
    pub fn get() -> Option<&'static Self> {
        FACE.as_ref()
    }

    fn read() -> Option<Self> {
        let face = FontRef::new(FILE).ok()?;
        let font = Font::new(FILE.into(), 0)?;
        let size = Size::new(1.0);
        Some(Self { font, charmap: face.charmap(), metrics: face.glyph_metrics(size, LocationRef::default()) })
    }

    /// The text in characters that the font has: one that is missing stands there by its number, and nothing is lost.
    pub fn written(&self, text: &str) -> String {
        text.chars()
            .map(|c| match c {
                '\n' => "\n".to_owned(),
                _ if c.is_whitespace() => " ".to_owned(),
                _ if self.charmap.map(c).is_some() => c.to_string(),
                _ => format!("〔U+{:04X}〕", u32::from(c)),
            })
            .collect()
    }

    /// The glyphs of a text that was made by [`Self::written`].
    pub fn glyphs(&self, text: &str) -> Vec<KrillaGlyph> {
        text.char_indices()
            .map(|(at, c)| {
                let id = self.charmap.map(c).unwrap_or_default();
                let range = at..at + c.len_utf8();
                KrillaGlyph::new(GlyphId::new(id.to_u32()), self.advance(c), 0.0, 0.0, 0.0, range, None)
            })
            .collect()
    }

    /// The width of a character at size 1.
    fn advance(&self, c: char) -> f32 {
        let id = self.charmap.map(c).unwrap_or_default();
        self.metrics.advance_width(id).unwrap_or(1.0)
    }

    /// The width of a text at a size.
    pub fn width(&self, text: &str, size: f32) -> f32 {
        text.chars().map(|c| self.advance(c)).sum::<f32>() * size
    }

    /// The lines of a text in a column, broken where Chinese and English may break (UAX 14), and within what is too long.
    pub fn lines(&self, text: &str, size: f32, column: f32) -> Vec<String> {
        let text = self.written(text);
        let (mut lines, mut line, mut start) = (Vec::new(), String::new(), 0);
        for (end, opportunity) in linebreaks(&text) {
            let part = &text[start..end];
            start = end;
            if self.width(&line, size) + self.width(part.trim_end(), size) > column && !line.is_empty() {
                lines.push(std::mem::take(&mut line));
            }
            for c in part.chars().filter(|c| *c != '\n') {
                if !c.is_whitespace() && self.width(&line, size) + self.advance(c) * size > column {
                    lines.push(std::mem::take(&mut line));
                }
                line.push(c);
            }
            if opportunity == BreakOpportunity::Mandatory {
                lines.push(std::mem::take(&mut line));
            }
        }
        lines.iter().map(|line| line.trim_end().to_owned()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_characters_are_there_and_rare_ones_are_named() {
        let face = Face::get().unwrap();
        let common = "明白办、放心用：每月99.00元，“不限量”；喆堃玥翀旸祎瑄 Mingbai (10086) ￥¥…—·";
        assert_eq!(face.written(common), common);
        assert_eq!(
            face.written("\u{20C3B}龍\u{7}😀"),
            "〔U+20C3B〕龍〔U+0007〕〔U+1F600〕".replace('龍', &face.written("龍"))
        );
    }

    #[test]
    fn lines_fit_their_column_and_lose_nothing() {
        let face = Face::get().unwrap();
        let text = "您要办理“流量加油包”(26MB900004)。资费：每月10.00元，首月全额。\n".to_owned() + &"ab12".repeat(32);
        for column in [60.0, 200.0, 480.0] {
            let lines = face.lines(&text, 10.5, column);
            assert!(lines.iter().all(|line| face.width(line, 10.5) <= column + 0.01), "{lines:?}");
            assert!(!lines.iter().any(|line| line.starts_with(['，', '。', '”'])), "{lines:?}");
            let plain = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
            assert_eq!(plain(&lines.concat()), plain(&text));
        }
    }
}
