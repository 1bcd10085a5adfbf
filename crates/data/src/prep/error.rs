//! What can keep a table from becoming numbers.

use crate::table::error::shorten;

/// A table that cannot be turned into numbers. `file` is where the table came from; rows count from 1.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PrepError {
    /// No row to learn from.
    #[error("{file}: no row to learn from: {rows} rows were given, and in {without_target} of them the target is missing")]
    NoRows {
        /// The table.
        file: String,
        /// How many rows were given.
        rows: usize,
        /// How many of them have no target.
        without_target: usize,
    },
    /// The target is the same in all rows, so there is nothing to learn.
    #[error("{file}: the target {column:?} is {value:?} in all {rows} rows given; there is nothing to learn")]
    OneValue {
        /// The table.
        file: String,
        /// The target.
        column: String,
        /// Its value.
        value: String,
        /// How many rows.
        rows: usize,
    },
    /// The target is text that differs in most rows.
    #[error(
        "{file}: the target {column:?} has {classes} different texts in {rows} rows, too many for classes; choose another target, or ask for classification to have it so"
    )]
    TooManyClasses {
        /// The table.
        file: String,
        /// The target.
        column: String,
        /// How many different texts.
        classes: usize,
        /// In how many rows.
        rows: usize,
    },
    /// No column is left to learn from.
    #[error("{file}: no column is left to learn from: {}", dropped_text(dropped))]
    NoFeatures {
        /// The table.
        file: String,
        /// Each column that was dropped, and why.
        dropped: Vec<(String, String)>,
    },
    /// Columns that the preprocessor was fitted on are not there.
    #[error("{file}: columns are missing: {}; the table has {}", columns.join(", "), found.join(", "))]
    MissingColumns {
        /// The table.
        file: String,
        /// What is missing.
        columns: Vec<String>,
        /// What the table has.
        found: Vec<String>,
    },
    /// Text where a number is needed.
    #[error("{file}: column {column:?}, row {row}: {:?} is not a finite number", shorten(value))]
    NotANumber {
        /// The table.
        file: String,
        /// The column.
        column: String,
        /// The row.
        row: usize,
        /// What is there.
        value: String,
    },
    /// A number too large for the 32-bit floating point that a network computes in.
    #[error("{file}: column {column:?}, row {row}: {value} is too large after scaling")]
    TooLarge {
        /// The table.
        file: String,
        /// The column.
        column: String,
        /// The row.
        row: usize,
        /// The value before scaling.
        value: f64,
    },
    /// A class that was not there when the preprocessor was fitted.
    #[error(
        "{file}: target {column:?}, row {row}: the class {:?} is unknown; {}",
        shorten(value),
        crate::table::error::known_text(known, crate::nearest(value, known))
    )]
    UnknownClass {
        /// The table.
        file: String,
        /// The target.
        column: String,
        /// The row.
        row: usize,
        /// What is there.
        value: String,
        /// All classes.
        known: Vec<String>,
    },
    /// A row without a target where one is needed.
    #[error("{file}: target {column:?}, row {row}: there is no value; leave such rows out (`rows_with`)")]
    MissingTarget {
        /// The table.
        file: String,
        /// The target.
        column: String,
        /// The row.
        row: usize,
    },
    /// The preprocessor was fitted without a target.
    #[error("this preprocessor was fitted without a target")]
    NoTarget,
    /// The text is not JSON, or not that of a preprocessor.
    #[error("this is not a stored preprocessor: {reason}")]
    Json {
        /// What is wrong, and where.
        reason: String,
    },
    /// The stored form is of another version.
    #[error("the stored preprocessor has version {found}, but this program reads version {expected}")]
    Version {
        /// The version in the text.
        found: u64,
        /// The version that can be read.
        expected: u64,
    },
}

fn dropped_text(dropped: &[(String, String)]) -> String {
    const SHOWN: usize = 20;
    let mut parts: Vec<String> = dropped.iter().take(SHOWN).map(|(name, why)| format!("{name} ({why})")).collect();
    if dropped.len() > SHOWN {
        parts.push(format!("and {} more", dropped.len() - SHOWN));
    }
    if parts.is_empty() { "there is only the target".into() } else { parts.join(", ") }
}
