//! Copying chosen rows into a batch: the hot loop between a data set and a training step.
//! Nothing here allocates, besides `take`.

use super::{Tensor, TensorData};
use crate::DataError;

impl Tensor {
    /// Writes the named rows, one after the other, as `f32` into `out` (`rows.len() * row_len()` values).
    /// Allocates nothing.
    ///
    /// # Errors
    /// [`DataError::RowOutOfRange`], or [`DataError::BufferSize`] when `out` is not exactly as long as needed;
    /// then `out` is unchanged.
    pub fn gather_f32_into(&self, rows: &[usize], out: &mut [f32]) -> Result<(), DataError> {
        self.check_gather(rows, out.len())?;
        let width = self.row_len();
        match &self.data {
            TensorData::F32(v) => copy(v, width, rows, out, |src, dst| dst.copy_from_slice(src)),
            TensorData::I32(v) => copy(v, width, rows, out, |src, dst| {
                convert(src, dst, |x| x as f32);
            }),
            TensorData::U8(v) => copy(v, width, rows, out, |src, dst| convert(src, dst, f32::from)),
        }
        Ok(())
    }

    /// Writes the named rows, one after the other, as `i32` into `out` (`rows.len() * row_len()` values).
    /// Fractions are cut off, values out of range saturate, NaN becomes 0. Allocates nothing.
    ///
    /// # Errors
    /// As [`Tensor::gather_f32_into`].
    pub fn gather_i32_into(&self, rows: &[usize], out: &mut [i32]) -> Result<(), DataError> {
        self.check_gather(rows, out.len())?;
        let width = self.row_len();
        match &self.data {
            TensorData::F32(v) => copy(v, width, rows, out, |src, dst| {
                convert(src, dst, |x| x as i32);
            }),
            TensorData::I32(v) => copy(v, width, rows, out, |src, dst| dst.copy_from_slice(src)),
            TensorData::U8(v) => copy(v, width, rows, out, |src, dst| convert(src, dst, i32::from)),
        }
        Ok(())
    }

    fn check_gather(&self, rows: &[usize], found: usize) -> Result<(), DataError> {
        self.check_rows(rows)?;
        let row_len = self.row_len();
        let expected = rows.len().saturating_mul(row_len);
        if expected != found {
            return Err(DataError::BufferSize { expected, found, rows: rows.len(), row_len });
        }
        Ok(())
    }
}

/// Copies rows into a new vector; the indices have been checked.
pub(super) fn take<T: Copy>(values: &[T], width: usize, rows: &[usize]) -> Vec<T> {
    let mut out = Vec::with_capacity(rows.len() * width);
    for &row in rows {
        out.extend_from_slice(&values[row * width..(row + 1) * width]);
    }
    out
}

fn copy<S, D>(values: &[S], width: usize, rows: &[usize], out: &mut [D], one_row: impl Fn(&[S], &mut [D])) {
    if width == 0 {
        return;
    }
    for (&row, dst) in rows.iter().zip(out.chunks_exact_mut(width)) {
        one_row(&values[row * width..(row + 1) * width], dst);
    }
}

fn convert<S: Copy, D>(src: &[S], dst: &mut [D], f: impl Fn(S) -> D) {
    for (d, &s) in dst.iter_mut().zip(src) {
        *d = f(s);
    }
}
