//! Rows on demand: what a training loop needs to know of its data.

use crate::{DType, DataError, Ragged, Tensor};

/// Rows of one shape that can be had by index, in memory or not. A loop over batches needs nothing else, so data larger than memory
/// can take the place of a [`Tensor`].
///
/// ```
/// use adaline_data::{RowSource, Tensor};
///
/// fn mean_of_rows(source: &dyn RowSource, rows: &[usize]) -> Result<f32, adaline_data::DataError> {
///     let mut batch = vec![0.0; rows.len() * source.row_len()];
///     source.gather_f32_into(rows, &mut batch)?;
///     Ok(batch.iter().sum::<f32>() / batch.len() as f32)
/// }
/// assert_eq!(mean_of_rows(&Tensor::from([[1.0f32, 2.0], [3.0, 4.0]]), &[1])?, 3.5);
/// # Ok::<(), adaline_data::DataError>(())
/// ```
pub trait RowSource: Sync {
    /// How many rows there are.
    fn rows(&self) -> usize;

    /// The shape of one row.
    fn row_shape(&self) -> &[usize];

    /// The type of the values.
    fn dtype(&self) -> DType;

    /// The number of values in one row.
    fn row_len(&self) -> usize {
        self.row_shape().iter().product()
    }

    /// Writes the named rows, one after the other, as `f32` into `out` (`rows.len() * row_len()` values). After an error of reading,
    /// `out` may be written in part.
    ///
    /// # Errors
    /// [`DataError::RowOutOfRange`], [`DataError::BufferSize`], or what goes wrong with reading.
    fn gather_f32_into(&self, rows: &[usize], out: &mut [f32]) -> Result<(), DataError>;

    /// The same as `i32`.
    ///
    /// # Errors
    /// As [`RowSource::gather_f32_into`].
    fn gather_i32_into(&self, rows: &[usize], out: &mut [i32]) -> Result<(), DataError>;

    /// All rows in their order, where they lie in memory: they can be looked at without being copied. `None` means that a row takes
    /// work, so that it is worth having batches made ahead by another thread.
    fn as_tensor(&self) -> Option<&Tensor> {
        None
    }

    /// The sequences behind the rows, where they have several lengths.
    fn as_ragged(&self) -> Option<&Ragged> {
        None
    }

    /// Whether a row is had by copying alone, on any thread, rather than read or made.
    fn in_memory(&self) -> bool {
        self.as_tensor().is_some()
    }
}

impl RowSource for Tensor {
    fn rows(&self) -> usize {
        self.rows()
    }

    fn row_shape(&self) -> &[usize] {
        self.row_shape()
    }

    fn dtype(&self) -> DType {
        self.dtype()
    }

    fn gather_f32_into(&self, rows: &[usize], out: &mut [f32]) -> Result<(), DataError> {
        self.gather_f32_into(rows, out)
    }

    fn gather_i32_into(&self, rows: &[usize], out: &mut [i32]) -> Result<(), DataError> {
        self.gather_i32_into(rows, out)
    }

    fn as_tensor(&self) -> Option<&Tensor> {
        Some(self)
    }
}
