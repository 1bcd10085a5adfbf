//! What can keep a table from being a series.

use crate::table::error::shorten;

/// A table that cannot be taken as a series. `file` is where the table came from; rows count from 1.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SeriesError {
    /// One column for two things.
    #[error("{file}: the column {column:?} cannot be both {first} and {second}")]
    SameColumn {
        /// The table.
        file: String,
        /// The column.
        column: String,
        /// One use.
        first: &'static str,
        /// The other.
        second: &'static str,
    },
    /// A cell that must have a value.
    #[error("{file}: {what} column {column:?}, row {row}: there is no value; every row of a series needs one")]
    MissingCell {
        /// The table.
        file: String,
        /// What the column is for: time or key.
        what: &'static str,
        /// The column.
        column: String,
        /// The row.
        row: usize,
    },
    /// A text that is no time.
    #[error(
        "{file}: time column {column:?}, row {row}: {:?} is no time; expected 1949-01-31, 1949-01, 1949-Q1, 1949-01-31T08:30 (also with a space, \
         seconds or a zone), 19490131 or a number",
        shorten(value)
    )]
    NoTime {
        /// The table.
        file: String,
        /// The column.
        column: String,
        /// The row.
        row: usize,
        /// What is there.
        value: String,
    },
    /// Times of two kinds.
    #[error(
        "{file}: time column {column:?}, row {row}: {:?} is written in another way than {:?} in row 1; write all times alike",
        shorten(value),
        shorten(first)
    )]
    MixedTimes {
        /// The table.
        file: String,
        /// The column.
        column: String,
        /// The first row that differs.
        row: usize,
        /// What is there.
        value: String,
        /// What is in row 1.
        first: String,
    },
    /// One time twice.
    #[error(
        "{file}: rows {first} and {second} both have the time {time}{}; a series has one row for each time{}",
        of_key(key.as_deref()),
        if key.is_none() { ": if these are several series, name the column that tells them apart as key" } else { "" }
    )]
    RepeatedTime {
        /// The table.
        file: String,
        /// The earlier row.
        first: usize,
        /// The later row.
        second: usize,
        /// The time, as the table writes it.
        time: String,
        /// The series, where there are several.
        key: Option<String>,
    },
    /// Too few rows to see a step.
    #[error("{file}: no series has two times, so no step can be found")]
    NoTimes {
        /// The table.
        file: String,
    },
    /// No step that most rows keep.
    #[error(
        "{file}: the times have no usual step: the most frequent one, {step}, leads to only {regular} of {all} rows (row {row} follows at {time}); \
         bring the series to even steps first"
    )]
    NoStep {
        /// The table.
        file: String,
        /// The step that comes most often.
        step: String,
        /// How many rows follow at this step.
        regular: usize,
        /// How many rows follow another.
        all: usize,
        /// The first row that does not.
        row: usize,
        /// Its time.
        time: String,
    },
    /// Another step than a model was trained on.
    #[error("{file}: the times go by steps of {found}, but steps of {expected} are expected")]
    OtherStep {
        /// The table.
        file: String,
        /// What came.
        found: String,
        /// What was asked for.
        expected: String,
    },
    /// Window or horizon of 0.
    #[error("{what} must be at least 1 step, but is 0")]
    NoSteps {
        /// Window or horizon.
        what: &'static str,
    },
    /// No series has a stretch as long as window and horizon together.
    #[error(
        "{file}: a window of {window} past steps and a horizon of {horizon} need {} rows without a gap, but the longest stretch{} has {rows}; choose a \
         smaller window or horizon{}",
        window.saturating_add(*horizon),
        of_key(key.as_deref()),
        if *gaps > 0 { format!(", or fill the {gaps} gaps") } else { String::new() }
    )]
    TooShort {
        /// The table.
        file: String,
        /// The series with the longest stretch, where there are several.
        key: Option<String>,
        /// Rows of that stretch.
        rows: usize,
        /// Past steps.
        window: usize,
        /// Future steps.
        horizon: usize,
        /// Gaps in all series.
        gaps: usize,
    },
    /// A series without as many rows in a row as a window has, just before the time to forecast.
    #[error("{file}: a forecast needs the last {window} steps{} without a gap, but only {rows} lie together at its end, at {time}", of_key(key.as_deref()))]
    ShortPast {
        /// The table.
        file: String,
        /// The series, where there are several.
        key: Option<String>,
        /// Rows that lie together.
        rows: usize,
        /// Rows that are needed.
        window: usize,
        /// The last time that has a value.
        time: String,
    },
    /// Too few times to hold some out.
    #[error(
        "{windows} windows cannot be split by time into {parts} with a horizon of {horizon}: no window is left for one of them; use a smaller window or \
         horizon, {way_out}"
    )]
    NoSplit {
        /// How many windows there are.
        windows: usize,
        /// The parts.
        parts: String,
        /// Future steps.
        horizon: usize,
        /// What else to try.
        way_out: &'static str,
    },
    /// The target is the same in all rows to learn from.
    #[error("{file}: the target {column:?} is {value} in all rows to learn from{}; there is nothing to learn", of_key(key.as_deref()))]
    OneValue {
        /// The table.
        file: String,
        /// The target.
        column: String,
        /// Its value.
        value: f64,
        /// The series, where there are several.
        key: Option<String>,
    },
    /// A value that a network cannot compute with.
    #[error("{file}: column {column:?}, row {row}: {value} is too large after scaling")]
    TooLarge {
        /// The table.
        file: String,
        /// The target.
        column: String,
        /// The row.
        row: usize,
        /// The value.
        value: f64,
    },
    /// A stored form that does not fit together.
    #[error("this is not a stored series scaling: {reason}")]
    Stored {
        /// What is wrong.
        reason: String,
    },
}

fn of_key(key: Option<&str>) -> String {
    key.map_or_else(String::new, |k| format!(" in the series {:?}", shorten(k)))
}
