//! CSV as spreadsheets read it (RFC 4180): UTF-8 with a mark at its beginning, lines that end in CRLF, no cell that runs.

/// What a file begins with, so that a spreadsheet reads it as UTF-8.
pub const MARK: &str = "\u{feff}";

/// A cell of text: quoted where it must be, and without power where a spreadsheet would run it as a formula.
pub fn text(cell: &str) -> String {
    let guard = if cell.trim_start().starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠'])
        || cell.starts_with(['\t', '\r', '\n'])
    {
        "'"
    } else {
        ""
    };
    if guard.is_empty() && !cell.contains(['"', ',', '\r', '\n']) {
        return cell.to_owned();
    }
    format!("\"{guard}{}\"", cell.replace('"', "\"\""))
}

/// A line of cells that are written already: texts by [`text`], and numbers as they are, which may be below zero.
pub fn line(cells: &[String]) -> String {
    format!("{}\r\n", cells.join(","))
}

/// The first line of a file, with the mark before it.
pub fn head(columns: &[&str]) -> String {
    format!("{MARK}{}\r\n", columns.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_and_formulas_disarmed() {
        for (cell, written) in [
            ("99元/月", "99元/月"),
            ("a,b", "\"a,b\""),
            ("说\"明白\"", "\"说\"\"明白\"\"\""),
            ("一\n二", "\"一\n二\""),
            ("=1+1", "\"'=1+1\""),
            ("  -2", "\"'  -2\""),
            ("\t@x", "\"'\t@x\""),
            ("", ""),
        ] {
            assert_eq!(text(cell), written);
        }
        assert_eq!(line(&["-1.00".to_owned(), text("a,b")]), "-1.00,\"a,b\"\r\n");
    }
}
