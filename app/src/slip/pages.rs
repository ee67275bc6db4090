//! What stands where on the pages of a slip.

use charging::consent::signature::{FIELD_HEIGHT, FIELD_WIDTH, Strokes};
use krilla::color::{luma, rgb};
use krilla::geom::{PathBuilder, Point, Rect};
use krilla::num::NormalizedF32;
use krilla::paint::{Fill, LineCap, LineJoin, Stroke};
use krilla::surface::Surface;

use super::face::Face;

/// A4, in points.
pub const WIDTH: f32 = 595.28;
pub const HEIGHT: f32 = 841.89;
pub(super) const MARGIN: f32 = 56.0;
/// Where text ends, above the number of the page.
const BOTTOM: f32 = HEIGHT - 72.0;
/// From one line to the next, in sizes of the text.
pub(super) const LEADING: f32 = 1.55;
/// Width of the names of facts.
const LABEL: f32 = 88.0;
pub(super) const TEXT: f32 = 10.5;
pub(super) const SMALL: f32 = 9.0;
/// Width of a drawn signature.
const INK: f32 = 220.0;

pub(super) const BLACK: u8 = 20;
pub(super) const GREY: u8 = 95;

enum Item {
    Text {
        x: f32,
        y: f32,
        size: f32,
        grey: u8,
        text: String,
    },
    /// The edge of what is quoted.
    Bar {
        y: f32,
        height: f32,
    },
    Line {
        y: f32,
    },
    Ink {
        y: f32,
        strokes: Strokes,
    },
}

/// Pages that are filled from the top.
pub struct Pages {
    pub(super) face: &'static Face,
    filled: Vec<Vec<Item>>,
    /// Where the next thing stands, from the top.
    pub(super) y: f32,
}

impl Pages {
    pub fn new(face: &'static Face) -> Self {
        Self { face, filled: vec![Vec::new()], y: MARGIN }
    }

    pub fn title(&mut self, text: &str) {
        self.block(text, 20.0, BLACK, MARGIN);
        self.y += 8.0;
    }

    pub fn heading(&mut self, text: &str) {
        self.y += 12.0;
        // A heading stays with what follows.
        self.room(80.0);
        let y = self.y;
        self.put(Item::Line { y });
        self.y += 8.0;
        self.block(text, 13.0, BLACK, MARGIN);
        self.y += 3.0;
    }

    pub fn paragraph(&mut self, text: &str) {
        self.block(text, TEXT, BLACK, MARGIN);
        self.y += 3.0;
    }

    pub fn small(&mut self, text: &str) {
        self.block(text, SMALL, GREY, MARGIN);
        self.y += 3.0;
    }

    /// Somebody's own words.
    pub fn quote(&mut self, text: &str) {
        self.y += 2.0;
        for line in self.face.lines(text, TEXT, WIDTH - 2.0 * MARGIN - 14.0) {
            self.room(TEXT * LEADING);
            let y = self.y;
            self.put(Item::Bar { y, height: TEXT * LEADING });
            self.line(line, TEXT, BLACK, MARGIN + 14.0);
        }
        self.y += 5.0;
    }

    /// A name and what it is; nothing where it says nothing.
    pub fn fact(&mut self, label: &str, value: &str) {
        if value.trim().is_empty() {
            return;
        }
        let labels = self.face.lines(label, TEXT, LABEL - 8.0);
        // A name stays whole, beside the beginning of what it is.
        self.room(labels.iter().map(|_| TEXT * LEADING).sum());
        let (page, mut below) = (self.filled.len(), self.y);
        for text in labels {
            self.put(Item::Text { x: MARGIN, y: below + TEXT, size: TEXT, grey: GREY, text });
            below += TEXT * LEADING;
        }
        self.block(value, TEXT, BLACK, MARGIN + LABEL);
        if self.filled.len() == page {
            self.y = self.y.max(below);
        }
        self.y += 2.0;
    }

    pub fn ink(&mut self, strokes: Strokes) {
        let height = INK * f32::from(FIELD_HEIGHT) / f32::from(FIELD_WIDTH);
        self.room(height + 8.0);
        let y = self.y;
        self.put(Item::Ink { y, strokes });
        self.y += height + 8.0;
    }

    fn block(&mut self, text: &str, size: f32, grey: u8, x: f32) {
        for line in self.face.lines(text, size, WIDTH - MARGIN - x) {
            self.room(size * LEADING);
            self.line(line, size, grey, x);
        }
    }

    fn line(&mut self, text: String, size: f32, grey: u8, x: f32) {
        let y = self.y + size;
        self.put(Item::Text { x, y, size, grey, text });
        self.y += size * LEADING;
    }

    /// Text whose foot is at `y`, in characters of the font.
    pub(super) fn text_at(&mut self, x: f32, y: f32, size: f32, grey: u8, text: String) {
        self.put(Item::Text { x, y, size, grey, text });
    }

    /// A line across the page.
    pub(super) fn rule(&mut self) {
        let y = self.y + 2.0;
        self.put(Item::Line { y });
        self.y += 6.0;
    }

    fn put(&mut self, item: Item) {
        if let Some(page) = self.filled.last_mut() {
            page.push(item);
        }
    }

    /// Begins a page where so much does not fit on this one.
    pub(super) fn room(&mut self, height: f32) {
        if self.y + height > BOTTOM {
            self.filled.push(Vec::new());
            self.y = MARGIN;
        }
    }

    pub fn count(&self) -> usize {
        self.filled.len()
    }

    /// Draws a page, with its number at the foot.
    pub fn draw(&self, page: usize, foot: &str, surface: &mut Surface<'_>) {
        for item in self.filled.get(page).into_iter().flatten() {
            match item {
                Item::Text { x, y, size, grey, text } => self.text(surface, (*x, *y), *size, *grey, text),
                Item::Bar { y, height } => fill(surface, Rect::from_xywh(MARGIN, *y, 2.5, *height), 185),
                Item::Line { y } => fill(surface, Rect::from_xywh(MARGIN, *y, WIDTH - 2.0 * MARGIN, 0.6), 205),
                Item::Ink { y, strokes } => draw_ink(surface, *y, strokes),
            }
        }
        let foot = self.face.written(foot);
        let x = WIDTH - MARGIN - self.face.width(&foot, SMALL);
        self.text(surface, (x, HEIGHT - 40.0), SMALL, GREY, &foot);
    }

    fn text(&self, surface: &mut Surface<'_>, (x, y): (f32, f32), size: f32, grey: u8, text: &str) {
        surface.set_stroke(None);
        surface.set_fill(Some(paint(grey)));
        let glyphs = self.face.glyphs(text);
        surface.draw_glyphs(Point::from_xy(x, y), &glyphs, self.face.font.clone(), text, size, false);
    }
}

fn paint(grey: u8) -> Fill {
    Fill { paint: luma::Color::new(grey).into(), opacity: NormalizedF32::ONE, ..Fill::default() }
}

fn fill(surface: &mut Surface<'_>, shape: Option<Rect>, grey: u8) {
    let mut path = PathBuilder::new();
    let Some(shape) = shape else { return };
    path.push_rect(shape);
    let Some(path) = path.finish() else { return };
    surface.set_stroke(None);
    surface.set_fill(Some(paint(grey)));
    surface.draw_path(&path);
}

fn draw_ink(surface: &mut Surface<'_>, top: f32, strokes: &Strokes) {
    let scale = INK / f32::from(FIELD_WIDTH);
    let mut path = PathBuilder::new();
    for line in strokes.lines() {
        let mut points = line.iter().map(|(x, y)| (MARGIN + f32::from(*x) * scale, top + f32::from(*y) * scale));
        let Some(first) = points.next() else { continue };
        path.move_to(first.0, first.1);
        // A dot is a line to itself.
        let rest: Vec<(f32, f32)> = if line.len() == 1 { vec![first] } else { points.collect() };
        for (x, y) in rest {
            path.line_to(x, y);
        }
    }
    let Some(path) = path.finish() else { return };
    surface.set_fill(None);
    surface.set_stroke(Some(Stroke {
        paint: rgb::Color::new(20, 35, 90).into(),
        width: 4.0 * scale,
        line_cap: LineCap::Round,
        line_join: LineJoin::Round,
        ..Stroke::default()
    }));
    surface.draw_path(&path);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_several_lines_stand_whole_and_apart() {
        let mut pages = Pages::new(Face::get().unwrap());
        let label = "Number of the page before";
        let lines = pages.face.lines(label, TEXT, LABEL - 8.0);
        assert!(lines.len() > 1, "{lines:?}");
        for _ in 0..60 {
            pages.fact(label, "none");
        }
        assert!(pages.count() > 1);
        for page in &pages.filled {
            let left: Vec<(f32, &str)> = page
                .iter()
                .filter_map(|item| match item {
                    Item::Text { x, y, text, .. } if *x < MARGIN + 1.0 => Some((*y, text.as_str())),
                    _ => None,
                })
                .collect();
            assert!(left.windows(2).all(|pair| pair[1].0 - pair[0].0 >= TEXT * LEADING - 0.01), "one over another");
            assert!(left.iter().all(|(y, _)| *y <= BOTTOM));
            let names: Vec<&str> = left.iter().map(|(_, text)| *text).collect();
            assert!(names.chunks(lines.len()).all(|name| name == lines), "cut by the end of a page");
        }
    }
}
