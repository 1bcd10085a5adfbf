//! What can be wrong with a table.

/// A cell that holds what its column must not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadCell {
    /// The row; the first data row is row 1.
    pub row: usize,
    /// The text of the cell.
    pub value: String,
}

/// A table that is not what it should be. `file` is the path, or what the caller named the text.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TableError {
    /// No cells at all.
    #[error("{file}: the table is empty")]
    Empty {
        /// The file.
        file: String,
    },
    /// A header and nothing below it.
    #[error("{file}: there is a header of {columns} columns, but no row below it; if that line is data, say that there is no header")]
    HeaderOnly {
        /// The file.
        file: String,
        /// How many columns the header has.
        columns: usize,
    },
    /// A row with more or fewer cells than the others.
    #[error(
        "{file}: row {row} (line {line}) has {found} fields, but {expected} are expected (fields are separated by {:?})",
        *delimiter as char
    )]
    Ragged {
        /// The file.
        file: String,
        /// The row; the first data row is row 1.
        row: usize,
        /// The line in the file, from 1.
        line: u64,
        /// Fields in the first line.
        expected: usize,
        /// Fields in this row.
        found: usize,
        /// What separates fields.
        delimiter: u8,
    },
    /// Two columns of one name.
    #[error("{file}: columns {first} and {second} are both called {name:?}; give each column its own name")]
    DuplicateColumn {
        /// The file.
        file: String,
        /// The name.
        name: String,
        /// The first column, from 1.
        first: usize,
        /// The second column, from 1.
        second: usize,
    },
    /// Too many columns to be a table.
    #[error("{file}: {found} columns; at most {limit} are read")]
    TooManyColumns {
        /// The file.
        file: String,
        /// How many came.
        found: usize,
        /// The limit.
        limit: usize,
    },
    /// The text of one column is too long to be kept.
    #[error("{file}: column {column:?} holds more than 4 GiB of text")]
    ColumnTooLong {
        /// The file.
        file: String,
        /// The column.
        column: String,
    },
    /// Text in a column of numbers.
    #[error(
        "{file}: column {column:?} {}, but {}; correct these cells, list their text among the missing-value tokens, or declare the column as category",
        why_numeric(*declared, *numbers, *present),
        cells_text(cells, present - numbers)
    )]
    NotNumbers {
        /// The file.
        file: String,
        /// The column.
        column: String,
        /// Whether the caller said that it is numeric.
        declared: bool,
        /// How many values are numbers.
        numbers: usize,
        /// How many values there are.
        present: usize,
        /// The first of the others.
        cells: Vec<BadCell>,
    },
    /// An infinite number, or one too large for 64-bit floating point.
    #[error("{file}: column {column:?}, row {row}: {value:?} is not a finite number; correct the cell or leave it empty")]
    Infinite {
        /// The file.
        file: String,
        /// The column.
        column: String,
        /// The row; the first data row is row 1.
        row: usize,
        /// The text of the cell.
        value: String,
    },
    /// No such column.
    #[error("{file}: there is no column {name:?}; {}", known_text(known, nearest.as_deref()))]
    UnknownColumn {
        /// The file.
        file: String,
        /// The name that was asked for.
        name: String,
        /// The column with the most similar name.
        nearest: Option<String>,
        /// All columns.
        known: Vec<String>,
    },
    /// An encoding that nobody knows.
    #[error("the text encoding {label:?} is unknown; try utf-8, utf-16le, windows-1252 or another name of the WHATWG encoding standard")]
    UnknownEncoding {
        /// What was asked for.
        label: String,
    },
    /// Bytes that the encoding does not have.
    #[error("{file}: the bytes are not {encoding} text; name another encoding, such as windows-1252")]
    WrongEncoding {
        /// The file.
        file: String,
        /// The encoding.
        encoding: String,
    },
    /// Not text at all.
    #[error("{file}: this is not text, so it cannot be a table: it starts with \"{}\"", start.escape_ascii())]
    Binary {
        /// The file.
        file: String,
        /// The first bytes.
        start: Vec<u8>,
    },
    /// A quote that is opened and never closed.
    #[error("{file}: the quote that opens in line {line} is never closed")]
    UnclosedQuote {
        /// The file.
        file: String,
        /// The line, from 1.
        line: usize,
    },
    /// A delimiter or quote that cannot be one.
    #[error("{what} must be a single ASCII character other than a line end, a letter or a digit, but is {:?}", *found as char)]
    BadOption {
        /// Which option.
        what: &'static str,
        /// What it was.
        found: u8,
    },
}

fn why_numeric(declared: bool, numbers: usize, present: usize) -> String {
    if declared { "is declared numeric".into() } else { format!("is numeric ({numbers} of {present} values are numbers)") }
}

fn cells_text(cells: &[BadCell], all: usize) -> String {
    let mut parts: Vec<String> = cells.iter().map(|c| format!("row {} holds {:?}", c.row, shorten(&c.value))).collect();
    if all > cells.len() {
        parts.push(format!("{} more are no numbers either", all - cells.len()));
    }
    parts.join(", ")
}

/// Enough of a text to recognise it.
pub(crate) fn shorten(text: &str) -> String {
    const SHOWN: usize = 60;
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

/// "did you mean ...?" and the known names, at most twenty.
pub(crate) fn known_text(known: &[String], nearest: Option<&str>) -> String {
    const SHOWN: usize = 20;
    let hint = nearest.map_or(String::new(), |n| format!("did you mean {n:?}? "));
    let more = if known.len() > SHOWN { format!(" and {} more", known.len() - SHOWN) } else { String::new() };
    format!("{hint}there are {}{more}", known[..known.len().min(SHOWN)].join(", "))
}
