//! Windows as rows, looked up in the numbers of the whole series, and pasts that grow by their own forecasts.

use std::sync::Arc;

use super::coder::Affine;
use crate::{DType, DataError, RowSource};

/// The numbers of all rows of a frame. Made by [`crate::WindowCoder::encode`].
#[derive(Debug, Clone, PartialEq)]
pub struct Encoded {
    pub(super) relative: bool,
    pub(super) window: usize,
    pub(super) features: usize,
    /// The scaled target of each row; 0 where there is none.
    pub(super) target: Vec<f64>,
    /// What further columns become, `features - 1` numbers for each row.
    pub(super) further: Vec<f32>,
    /// One for each series, and where each ends.
    pub(super) scales: Vec<Affine>,
    pub(super) ends: Vec<usize>,
}

impl Encoded {
    /// The shape of a window: steps, numbers in each.
    pub fn row_shape(&self) -> [usize; 2] {
        [self.window, self.features]
    }

    /// What is taken off all targets of a window: its last value, or nothing.
    pub(super) fn anchor(&self, origin: usize) -> f64 {
        if self.relative { self.target[origin] } else { 0.0 }
    }

    /// Further numbers of a row.
    fn further(&self, row: usize) -> &[f32] {
        let width = self.features - 1;
        &self.further[row * width..(row + 1) * width]
    }

    /// Writes the window that ends at a row.
    fn write(&self, origin: usize, out: &mut [f32]) {
        let anchor = self.anchor(origin);
        let first = origin + 1 - self.window;
        for (row, out) in (first..=origin).zip(out.chunks_exact_mut(self.features)) {
            out[0] = (self.target[row] - anchor) as f32;
            out[1..].copy_from_slice(self.further(row));
        }
    }

    /// The past that a forecast from a row begins with.
    ///
    /// # Errors
    /// [`DataError::RowOutOfRange`] for a row that does not exist or has less than a window before it.
    pub fn past(&self, origin: usize) -> Result<Past, DataError> {
        let (rows, first) = (self.target.len(), (origin + 1).checked_sub(self.window));
        let Some(first) = first.filter(|_| origin < rows) else { return Err(DataError::RowOutOfRange { row: origin, rows }) };
        let series = self.ends.partition_point(|&end| end <= origin);
        Ok(Past {
            relative: self.relative,
            affine: self.scales.get(series).copied().unwrap_or(Affine { shift: 0.0, scale: 1.0 }),
            target: self.target[first..=origin].to_vec(),
            further: (first..=origin).flat_map(|row| self.further(row)).copied().collect(),
        })
    }
}

/// Windows as rows of shape (window, features): a [`RowSource`] that copies a window only into the batch it is asked for.
#[derive(Debug, Clone)]
pub struct WindowRows {
    encoded: Arc<Encoded>,
    origins: Vec<usize>,
    shape: [usize; 2],
}

impl WindowRows {
    pub(super) fn new(encoded: Arc<Encoded>, origins: Vec<usize>) -> Self {
        let shape = [encoded.window, encoded.features];
        Self { encoded, origins, shape }
    }

    fn check(&self, rows: &[usize], found: usize) -> Result<(), DataError> {
        if let Some(&row) = rows.iter().find(|&&row| row >= self.origins.len()) {
            return Err(DataError::RowOutOfRange { row, rows: self.origins.len() });
        }
        let row_len = self.row_len();
        let expected = rows.len().saturating_mul(row_len);
        if expected == found { Ok(()) } else { Err(DataError::BufferSize { expected, found, rows: rows.len(), row_len }) }
    }
}

impl RowSource for WindowRows {
    fn rows(&self) -> usize {
        self.origins.len()
    }

    fn row_shape(&self) -> &[usize] {
        &self.shape
    }

    fn dtype(&self) -> DType {
        DType::F32
    }

    fn gather_f32_into(&self, rows: &[usize], out: &mut [f32]) -> Result<(), DataError> {
        self.check(rows, out.len())?;
        for (&row, out) in rows.iter().zip(out.chunks_exact_mut(self.row_len())) {
            self.encoded.write(self.origins[row], out);
        }
        Ok(())
    }

    fn gather_i32_into(&self, rows: &[usize], out: &mut [i32]) -> Result<(), DataError> {
        self.check(rows, out.len())?;
        let mut window = vec![0.0; self.row_len()];
        for (&row, out) in rows.iter().zip(out.chunks_exact_mut(self.row_len())) {
            self.encoded.write(self.origins[row], &mut window);
            out.iter_mut().zip(&window).for_each(|(out, &value)| *out = value as i32);
        }
        Ok(())
    }
}

/// The last window of a series, which grows by forecasts: so a network of a short horizon forecasts as far as one asks.
#[derive(Debug, Clone, PartialEq)]
pub struct Past {
    relative: bool,
    affine: Affine,
    target: Vec<f64>,
    further: Vec<f32>,
}

impl Past {
    /// Writes the window (window, features).
    pub fn write(&self, out: &mut [f32]) {
        let anchor = self.anchor();
        let width = self.further.len() / self.target.len().max(1);
        for (at, out) in out.chunks_exact_mut(width + 1).enumerate().take(self.target.len()) {
            out[0] = (self.target[at] - anchor) as f32;
            out[1..].copy_from_slice(&self.further[at * width..(at + 1) * width]);
        }
    }

    fn anchor(&self) -> f64 {
        if self.relative { self.target.last().copied().unwrap_or(0.0) } else { 0.0 }
    }

    /// Takes a network's forecast of the next steps in, and gives it back in the units of the table. Further columns keep their last
    /// numbers, since nobody knows the coming ones.
    pub fn extend(&mut self, output: &[f32]) -> Vec<f64> {
        let anchor = self.anchor();
        let width = self.further.len() / self.target.len().max(1);
        let scaled: Vec<f64> = output.iter().map(|&v| f64::from(v) + anchor).collect();
        let window = self.target.len();
        self.target.extend(&scaled);
        self.target.drain(..scaled.len());
        let last: Vec<f32> = self.further[self.further.len() - width..].to_vec();
        for _ in &scaled {
            self.further.extend_from_slice(&last);
        }
        self.further.drain(..scaled.len() * width);
        debug_assert_eq!(self.target.len(), window);
        scaled.into_iter().map(|v| v * self.affine.scale + self.affine.shift).collect()
    }
}
