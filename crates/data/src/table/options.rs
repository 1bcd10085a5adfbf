//! How to read a table.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The most columns that a table may have.
pub const MAX_COLUMNS: usize = 1 << 16;

/// What the cells of a column are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ColumnKind {
    /// Numbers.
    Numeric,
    /// One of two words for yes and no.
    Boolean,
    /// A limited number of different texts.
    Category,
    /// Free text: most cells differ.
    Text,
    /// Names or numbers that only tell the rows apart.
    Identifier,
    /// The same value in every row.
    Constant,
    /// No value at all.
    Empty,
}

impl fmt::Display for ColumnKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Numeric => "numeric",
            Self::Boolean => "boolean",
            Self::Category => "category",
            Self::Text => "text",
            Self::Identifier => "identifier",
            Self::Constant => "constant",
            Self::Empty => "empty",
        })
    }
}

/// How to read a table. The default finds out everything by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableOptions {
    /// What separates fields; `None` chooses among comma, semicolon, tab and bar by how evenly they cut the first rows.
    pub delimiter: Option<u8>,
    /// Whether the first line names the columns; `None` takes it for names unless one of them is a number.
    pub header: Option<bool>,
    /// What encloses a field that holds a delimiter or line end.
    pub quote: u8,
    /// The text encoding by its WHATWG name; `None` takes UTF-8 (or what a byte order mark says), and windows-1252
    /// when the bytes are not valid UTF-8.
    pub encoding: Option<String>,
    /// The texts that mean "no value", compared after white space at both ends is cut off.
    pub missing: Vec<String>,
    /// Columns whose kind is known: no guess is made for these.
    pub kinds: Vec<(String, ColumnKind)>,
    /// Whether a name in `kinds` that the table does not have is passed over rather than refused.
    pub ignore_unknown_kinds: bool,
}

impl Default for TableOptions {
    fn default() -> Self {
        // Those of pandas, and the lone marks that people type.
        let missing =
            ["", "NA", "N/A", "n/a", "na", "<NA>", "#N/A", "NaN", "nan", "NAN", "-nan", "-NaN", "null", "NULL", "None", "none", "?", "-"];
        Self {
            delimiter: None,
            header: None,
            quote: b'"',
            encoding: None,
            missing: missing.map(str::to_owned).to_vec(),
            kinds: Vec::new(),
            ignore_unknown_kinds: false,
        }
    }
}

impl TableOptions {
    /// Declares the kind of a column.
    #[must_use]
    pub fn kind(mut self, column: impl Into<String>, kind: ColumnKind) -> Self {
        self.kinds.push((column.into(), kind));
        self
    }
}
