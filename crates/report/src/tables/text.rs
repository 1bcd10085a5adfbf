//! A plain table with aligned columns.

use std::fmt;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// On which side of its column a cell stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Align {
    /// Text.
    #[default]
    Left,
    /// Numbers.
    Right,
    /// Marks.
    Center,
}

/// A table of text with one header line.
///
/// ```
/// use adaline_report::tables::{Align, TextTable};
/// let mut table = TextTable::new([("name", Align::Left), ("value", Align::Right)]);
/// table.row(["loss", "0.25"]);
/// table.row(["accuracy", "0.9"]);
/// assert_eq!(
///     table.to_string(),
///     "name      value\n\
///      ────────  ─────\n\
///      loss       0.25\n\
///      accuracy    0.9\n"
/// );
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TextTable {
    columns: Vec<(String, Align)>,
    rows: Vec<Vec<String>>,
    most: Option<usize>,
}

impl TextTable {
    /// A table with these column names.
    pub fn new<S: Into<String>>(columns: impl IntoIterator<Item = (S, Align)>) -> Self {
        let columns = columns.into_iter().map(|(name, align)| (clean(&name.into()), align)).collect();
        Self { columns, rows: Vec::new(), most: None }
    }

    /// Adds a line; missing cells are empty, cells beyond the columns are dropped.
    pub fn row<S: Into<String>>(&mut self, cells: impl IntoIterator<Item = S>) -> &mut Self {
        let mut cells: Vec<String> = cells.into_iter().map(|c| clean(&c.into())).collect();
        cells.resize(self.columns.len(), String::new());
        self.rows.push(cells);
        self
    }

    /// Adds an empty line.
    pub fn gap(&mut self) -> &mut Self {
        self.row(std::iter::empty::<String>())
    }

    /// Cuts columns to at most `most` characters (at least 1).
    pub fn max_column_width(mut self, most: usize) -> Self {
        self.most = Some(most.max(1));
        self
    }

    fn widths(&self) -> Vec<usize> {
        let most = self.most.unwrap_or(usize::MAX);
        (0..self.columns.len())
            .map(|c| {
                let cells = self.rows.iter().map(|r| width(&r[c])).max().unwrap_or(0);
                cells.max(width(&self.columns[c].0)).min(most)
            })
            .collect()
    }
}

impl fmt::Display for TextTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let widths = self.widths();
        let line = |f: &mut fmt::Formatter<'_>, cells: &mut dyn Iterator<Item = &str>| {
            let mut text = String::new();
            for (c, ((cell, (_, align)), width)) in cells.zip(&self.columns).zip(&widths).enumerate() {
                if c > 0 {
                    text.push_str("  ");
                }
                text.push_str(&padded(&cut(cell, *width), *width, *align));
            }
            writeln!(f, "{}", text.trim_end())
        };
        line(f, &mut self.columns.iter().map(|(name, _)| name.as_str()))?;
        let rules: Vec<String> = widths.iter().map(|w| "─".repeat(*w)).collect();
        line(f, &mut rules.iter().map(String::as_str))?;
        for row in &self.rows {
            line(f, &mut row.iter().map(String::as_str))?;
        }
        Ok(())
    }
}

/// Columns that `text` takes in a terminal.
pub(super) fn width(text: &str) -> usize {
    UnicodeWidthStr::width(text)
}

/// `text` without control characters, which could move the cursor or recolour the terminal.
pub(super) fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// `text` cut with an ellipsis to `limit` columns.
pub(super) fn cut(text: &str, limit: usize) -> String {
    if width(text) <= limit {
        return text.to_owned();
    }
    let mut used = 0;
    let mut out = String::new();
    for c in text.chars() {
        used += c.width().unwrap_or(0);
        if used + 1 > limit {
            break;
        }
        out.push(c);
    }
    if limit > 0 {
        out.push('…');
    }
    out
}

/// `text` filled up with spaces to `columns`.
pub(super) fn padded(text: &str, columns: usize, align: Align) -> String {
    let free = columns.saturating_sub(width(text));
    let left = match align {
        Align::Left => 0,
        Align::Right => free,
        Align::Center => free / 2,
    };
    format!("{}{text}{}", " ".repeat(left), " ".repeat(free - left))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_and_odd_cells_stay_in_line() {
        let mut table = TextTable::new([("名前", Align::Left), ("n", Align::Right), ("", Align::Center)]);
        table.row(["犬", "1", "x"]).row(["größe", "23"]).row(["a\x1b[31mb", "4", "yes", "dropped"]);
        assert_eq!(table.to_string(), "名前      n\n───────  ──  ───\n犬        1   x\ngröße    23\na\u{fffd}[31mb   4  yes\n");
    }

    #[test]
    fn long_cells_are_cut() {
        let mut table = TextTable::new([("column", Align::Left)]).max_column_width(8);
        table.row(["something very long"]);
        assert_eq!(table.to_string(), "column\n────────\nsomethi…\n");
    }

    #[test]
    fn empty_tables_print_their_header() {
        assert_eq!(TextTable::new([("a", Align::Left)]).to_string(), "a\n─\n");
        assert_eq!(TextTable::default().to_string(), "\n\n");
    }
}
