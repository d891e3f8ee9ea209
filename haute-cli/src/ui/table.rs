//! Columns of text.

use super::style::{Palette, clean};

/// Whether a column's text starts or ends at its edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Align {
    Left,
    Right,
}

/// Rows under a header, two spaces between columns, nothing after the last.
pub(crate) fn table(palette: Palette, header: &[(&str, Align)], rows: &[Vec<String>]) -> String {
    let rows: Vec<Vec<String>> = rows
        .iter()
        .map(|row| row.iter().map(|cell| clean(cell).replace(['\n', '\t'], " ")).collect())
        .collect();
    let widths: Vec<usize> = header
        .iter()
        .enumerate()
        .map(|(index, (title, _))| {
            let cells = rows.iter().filter_map(|row| row.get(index)).map(|cell| cell.chars().count());
            cells.chain([title.chars().count()]).max().unwrap_or_default()
        })
        .collect();
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let mut line = String::new();
        for ((cell, width), (_, align)) in cells.zip(&widths).zip(header) {
            let padding = " ".repeat(width.saturating_sub(cell.chars().count()));
            match align {
                Align::Left => line.extend([cell, &padding, "  "]),
                Align::Right => line.extend([padding.as_str(), cell, "  "]),
            }
        }
        line.trim_end().to_owned()
    };
    let mut text = palette.dim(&line(&mut header.iter().map(|(title, _)| *title)));
    text.push('\n');
    for row in &rows {
        text.push_str(&line(&mut row.iter().map(String::as_str)));
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_nothing_trails() {
        let rows =
            vec![vec!["a".to_owned(), "10".to_owned()], vec!["long one".to_owned(), "9\u{1b}".to_owned()]];
        let text = table(Palette::new(false), &[("name", Align::Left), ("price", Align::Right)], &rows);
        assert_eq!(text, "name      price\na            10\nlong one     9\u{FFFD}\n");
    }
}
