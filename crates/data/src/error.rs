//! The one error type of this crate.

use std::convert::Infallible;

use crate::{ArrayError, FileError, ImageError, PrepError, RaggedError, SeriesError, SplitError, TableError, TextError};

/// What went wrong with data, with everything needed to find the place.
///
/// Rows of a table are counted as a reader of the file would: the first data row is row 1.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// The number of values does not fit the shape.
    #[error("a tensor of shape {shape:?} holds {expected} values, but {found} were given")]
    ValueCount {
        /// The shape that was asked for.
        shape: Vec<usize>,
        /// The product of its dimensions.
        expected: usize,
        /// How many values came.
        found: usize,
    },
    /// The product of the dimensions is more than this machine can address, or more than we agree to allocate.
    #[error("shape {shape:?} is too large: at most {limit} values are allowed")]
    TooLarge {
        /// The shape that was asked for.
        shape: Vec<usize>,
        /// The limit, in values.
        limit: usize,
    },
    /// A reshape that cannot keep the number of values.
    #[error("cannot reshape {from:?} ({count} values) into {to:?}: the sizes must multiply to {count}, with at most one -1")]
    Reshape {
        /// The shape before.
        from: Vec<usize>,
        /// The shape that was asked for.
        to: Vec<isize>,
        /// The number of values before.
        count: usize,
    },
    /// Nested rows differ in length.
    #[error("rows differ in length: row {row} (counted from 0) has {found} values, but row 0 has {expected}")]
    UnequalRows {
        /// The first row that differs, counted from 0.
        row: usize,
        /// The length of row 0.
        expected: usize,
        /// The length of this row.
        found: usize,
    },
    /// A row index outside the tensor or table.
    #[error("row {row} does not exist: there are {rows} rows, counted from 0")]
    RowOutOfRange {
        /// The index that was asked for.
        row: usize,
        /// How many rows there are.
        rows: usize,
    },
    /// A range of rows that runs backwards or past the end.
    #[error("rows {start}..{end} do not exist: there are {rows} rows, counted from 0")]
    RangeOutOfRange {
        /// First row of the range.
        start: usize,
        /// One past the last row of the range.
        end: usize,
        /// How many rows there are.
        rows: usize,
    },
    /// An axis that the shape does not have.
    #[error("axis {axis} does not exist: the shape is {shape:?}")]
    AxisOutOfRange {
        /// The axis; negative axes count from the end.
        axis: isize,
        /// The shape.
        shape: Vec<usize>,
    },
    /// A buffer that is not as long as what is to be written into it.
    #[error("the output buffer holds {found} values, but {expected} are needed ({rows} rows of {row_len})")]
    BufferSize {
        /// The needed length.
        expected: usize,
        /// The length of the buffer.
        found: usize,
        /// The number of rows asked for.
        rows: usize,
        /// The values of one row.
        row_len: usize,
    },
    /// Tensors that cannot be joined.
    #[error("cannot join {first_dtype} rows of shape {first:?} with {other_dtype} rows of shape {other:?} (tensor {index})")]
    Join {
        /// Shape of a row of the first tensor.
        first: Vec<usize>,
        /// Its type.
        first_dtype: crate::DType,
        /// Shape of a row of the tensor that differs.
        other: Vec<usize>,
        /// Its type.
        other_dtype: crate::DType,
        /// Which tensor differs, counted from 0.
        index: usize,
    },
    /// A tensor whose last axis is not as long as that of the data that a scale was learned from.
    #[error("the last axis must have size {expected}, but the shape is {shape:?}")]
    LastAxis {
        /// The size that was learned from.
        expected: usize,
        /// The shape that came.
        shape: Vec<usize>,
    },
    /// NaN or infinity where a finite number is needed.
    #[error("row {row}, value {position} (both counted from 0) is not a finite number")]
    NotFinite {
        /// The row.
        row: usize,
        /// The place in the row.
        position: usize,
    },
    /// A class label that is not a whole number in range.
    #[error("label {value} at position {position} is not a class number from 0 to {}", classes.saturating_sub(1))]
    BadLabel {
        /// The value that came.
        value: f64,
        /// Its position in the label tensor, counted from 0.
        position: usize,
        /// The number of classes.
        classes: usize,
    },
    /// A file that cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// An array file that is not what it should be.
    #[error(transparent)]
    Array(#[from] ArrayError),
    /// Pictures that cannot be listed or read.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// A table that is not what it should be.
    #[error(transparent)]
    Table(#[from] TableError),
    /// A table that cannot be turned into numbers.
    #[error(transparent)]
    Prep(#[from] PrepError),
    /// A table that cannot be taken as a series.
    #[error(transparent)]
    Series(#[from] SeriesError),
    /// Rows that cannot be split as asked.
    #[error(transparent)]
    Split(#[from] SplitError),
    /// Texts that cannot be turned into numbers as asked.
    #[error(transparent)]
    Text(#[from] TextError),
    /// Sequences of several lengths that are not what they should be.
    #[error(transparent)]
    Ragged(#[from] RaggedError),
    /// Something is empty that must not be.
    #[error("{what} is empty")]
    Empty {
        /// What is empty.
        what: String,
    },
}

impl From<Infallible> for DataError {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}
