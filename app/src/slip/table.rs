//! Tables on pages: columns that stand under each other, figures at their right edge, and the head again on every page.

use super::pages::{BLACK, GREY, LEADING, MARGIN, Pages, SMALL, TEXT, WIDTH};

/// A column: its share of the width, and whether it holds figures.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Column {
    pub share: f32,
    pub is_figure: bool,
}

/// A column of text that takes a share of the width.
pub const fn words(share: f32) -> Column {
    Column { share, is_figure: false }
}

/// A column of figures that takes a share of the width.
pub const fn figures(share: f32) -> Column {
    Column { share, is_figure: true }
}

/// Between two columns, in points.
const GAP: f32 = 8.0;

/// How a row looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    Head,
    Row,
    /// The last row, which the others sum up to.
    Total,
}

/// A table in the making.
pub struct Table<'a, const N: usize> {
    pages: &'a mut Pages,
    columns: [Column; N],
    head: [String; N],
}

impl<'a, const N: usize> Table<'a, N> {
    /// Begins a table. Shares are of what the shares of all columns sum up to.
    pub fn new(pages: &'a mut Pages, columns: [Column; N], head: [&str; N]) -> Self {
        let mut table = Self { pages, columns, head: head.map(str::to_owned) };
        table.pages.room(80.0);
        table.write_head();
        table
    }

    fn write_head(&mut self) {
        let head = self.head.clone();
        self.put(&head, Look::Head);
        self.pages.rule();
    }

    /// A row stays whole; where it does not fit, it begins the next page, under the head.
    pub fn row(&mut self, cells: &[String; N], look: Look) {
        let page = self.pages.count();
        let height = self.height(cells, look);
        if look == Look::Total {
            self.pages.room(height + 6.0);
        } else {
            self.pages.room(height);
        }
        if self.pages.count() != page {
            self.write_head();
        }
        if look == Look::Total {
            self.pages.rule();
        }
        self.put(cells, look);
    }

    fn height(&self, cells: &[String; N], look: Look) -> f32 {
        let size = size(look);
        let lines =
            self.places().zip(cells).map(|((_, width, _), cell)| self.pages.face.lines(cell, size, width).len());
        lines.max().map_or(0.0, |lines| u16::try_from(lines).map_or(0.0, f32::from)) * size * LEADING
    }

    fn put(&mut self, cells: &[String; N], look: Look) {
        let (size, grey) = (size(look), if look == Look::Head { GREY } else { BLACK });
        let (top, mut bottom) = (self.pages.y, self.pages.y);
        let places: Vec<_> = self.places().collect();
        for ((x, width, is_figure), cell) in places.into_iter().zip(cells) {
            let mut y = top;
            for line in self.pages.face.lines(cell, size, width) {
                let indent = if is_figure { width - self.pages.face.width(&line, size) } else { 0.0 };
                self.pages.text_at(x + indent, y + size, size, grey, line);
                y += size * LEADING;
            }
            bottom = bottom.max(y);
        }
        self.pages.y = bottom;
    }

    /// Left edge, width, and whether figures stand there, of each column.
    fn places(&self) -> impl Iterator<Item = (f32, f32, bool)> + use<N> {
        let columns = self.columns;
        let all: f32 = columns.iter().map(|column| column.share).sum();
        let gaps = u16::try_from(N.saturating_sub(1)).map_or(0.0, f32::from) * GAP;
        let width = WIDTH - 2.0 * MARGIN - gaps;
        let mut x = MARGIN;
        columns.into_iter().map(move |column| {
            let place = (x, width * column.share / all, column.is_figure);
            x += place.1 + GAP;
            place
        })
    }
}

fn size(look: Look) -> f32 {
    match look {
        Look::Head | Look::Row => SMALL,
        Look::Total => TEXT,
    }
}
