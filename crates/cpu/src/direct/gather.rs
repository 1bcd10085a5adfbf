//! Rows of tables by indices, and sums of rows by indices.

use adaline_graph::Shape;
use std::ops::Range;

/// Sizes of tables `(G, N, C)` with indices `(G, M)`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Table {
    groups: usize,
    rows: usize,
    columns: usize,
    indices: usize,
}

impl Table {
    pub(crate) fn new(table: Shape, indices: Shape) -> Self {
        let [groups, rows, columns] = [0, 1, 2].map(|a| table.dims()[a]);
        Self { groups, rows, columns, indices: indices.dims()[1] }
    }
    /// Indices of all groups.
    pub(crate) fn lookups(&self) -> usize {
        self.groups * self.indices
    }
    /// Rows of all groups.
    pub(crate) fn rows(&self) -> usize {
        self.groups * self.rows
    }
    /// Length of a row.
    pub(crate) fn columns(&self) -> usize {
        self.columns
    }
    /// The row of all groups that the word of the `i32` index at a position of all groups names.
    #[inline(always)]
    pub(crate) fn row_of(&self, at: usize, word: f32) -> usize {
        at / self.indices * self.rows + self.row(word)
    }
    /// The row that the word of an `i32` index names.
    #[inline(always)]
    fn row(&self, word: f32) -> usize {
        ((word.to_bits() as i32).max(0) as usize).min(self.rows - 1)
    }

    /// Units are indices.
    #[inline(always)]
    pub(super) fn gather(&self, units: Range<usize>, table: &[f32], indices: &[f32], out: &mut [f32]) {
        for (at, out) in units.zip(out.chunks_exact_mut(self.columns)) {
            let row = self.row_of(at, indices[at]);
            out.copy_from_slice(&table[row * self.columns..][..self.columns]);
        }
    }

    /// Units are rows of the result: each task goes through all indices of its groups, and adds up those that name its rows.
    #[inline(always)]
    pub(super) fn scatter_add(&self, units: Range<usize>, values: &[f32], indices: &[f32], out: &mut [f32]) {
        out.fill(0.0);
        for group in units.start / self.rows..units.end.div_ceil(self.rows) {
            for at in group * self.indices..(group + 1) * self.indices {
                let row = group * self.rows + self.row(indices[at]);
                if units.contains(&row) {
                    let sums = &mut out[(row - units.start) * self.columns..][..self.columns];
                    for (sum, &v) in sums.iter_mut().zip(&values[at * self.columns..][..self.columns]) {
                        *sum += v;
                    }
                }
            }
        }
    }
}
